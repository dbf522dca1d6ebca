namespace Picodata.Storage.Files;

/// <summary>Writes whole rows: header and body. Keys, tuples and operations are MessagePack arrays.</summary>
public static class RowEncoder
{
    /// <summary>INSERT or REPLACE, whichever the header says.</summary>
    public static void WriteTuple(MsgPackWriter writer, in RowHeader header, uint spaceId, ReadOnlySpan<byte> tuple)
    {
        header.Write(writer);
        WriteSpace(writer, 2, spaceId);
        writer.WriteByte(0x21);
        writer.WriteRaw(tuple);
    }

    /// <summary>DELETE by primary key.</summary>
    public static void WriteDelete(MsgPackWriter writer, in RowHeader header, uint spaceId, ReadOnlySpan<byte> key)
    {
        header.Write(writer);
        WriteSpace(writer, 2, spaceId);
        writer.WriteByte(0x20);
        writer.WriteRaw(key);
    }

    /// <summary>UPDATE by primary key; operations count fields from 0.</summary>
    public static void WriteUpdate(MsgPackWriter writer, in RowHeader header, uint spaceId, ReadOnlySpan<byte> key, ReadOnlySpan<byte> operations)
    {
        header.Write(writer);
        WriteSpace(writer, 3, spaceId);
        writer.WriteByte(0x20);
        writer.WriteRaw(key);
        writer.WriteByte(0x21);
        writer.WriteRaw(operations);
    }

    /// <summary>UPSERT; operations count fields from 0.</summary>
    public static void WriteUpsert(MsgPackWriter writer, in RowHeader header, uint spaceId, ReadOnlySpan<byte> tuple, ReadOnlySpan<byte> operations)
    {
        header.Write(writer);
        WriteSpace(writer, 3, spaceId);
        writer.WriteByte(0x28);
        writer.WriteRaw(operations);
        writer.WriteByte(0x21);
        writer.WriteRaw(tuple);
    }

    /// <summary>Tarantool's TRUNCATE of a space: an UPSERT into <c>_truncate</c> that counts.</summary>
    public static void WriteTruncate(MsgPackWriter writer, in RowHeader header, uint spaceId)
    {
        var tuple = new MsgPackWriter(16);
        tuple.WriteArrayHead(2);
        tuple.WriteUInt64(spaceId);
        tuple.WriteUInt64(1);
        WriteUpsert(writer, header, SystemSpaces.Truncate, tuple.WrittenSpan, [0x91, 0x93, 0xa1, (byte)'+', 1, 1]);
    }

    /// <summary>NOP: a header without a body.</summary>
    public static void WriteNop(MsgPackWriter writer, in RowHeader header) => header.Write(writer);

    /// <summary>A row of a snapshot: INSERT with the space id in 5 bytes.</summary>
    /// <param name="number">Running number of the row in the file, from 0.</param>
    public static void WriteSnapshotRow(MsgPackWriter writer, long number, double timestamp, bool isLocal, uint spaceId, ReadOnlySpan<byte> tuple)
    {
        new RowHeader(RequestType.Insert, 0, isLocal ? 1 : 0, number, timestamp, number, true).Write(writer);
        writer.WriteRaw([0x82, 0x10]);
        writer.WriteUInt32Fixed(spaceId);
        writer.WriteByte(0x21);
        writer.WriteRaw(tuple);
    }

    private static void WriteSpace(MsgPackWriter writer, int pairs, uint spaceId)
    {
        writer.WriteByte((byte)(0x80 | pairs));
        writer.WriteByte(0x10);
        writer.WriteUInt64(spaceId);
    }
}
