using System.Buffers.Binary;
using Picodata.Core;

namespace Picodata.Sql;

/// <summary>
/// COPY's binary form: signature of 11 bytes, int32 flags, int32 length of an extension and the extension; per row int16
/// number of fields, for each int32 length (-1 NULL) and the bytes; int16 -1 ends.
/// </summary>
internal sealed class CopyBinaryReader : CopyReader
{
    private bool headerIsRead;

    /// <summary>What binary data begins with.</summary>
    public static ReadOnlySpan<byte> Signature => [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', (byte)'\n', 0xff, (byte)'\r', (byte)'\n', 0];

    public override bool TryReadRow(CopyRow row)
    {
        if (IsFinished || (!headerIsRead && !TryReadHeader()))
        {
            return false;
        }

        ReadOnlySpan<byte> bytes = Buffer.AsSpan(Start, End - Start);
        if (bytes.Length < 2)
        {
            return Short(bytes.Length == 0 ? "missing trailer" : null);
        }

        int count = BinaryPrimitives.ReadInt16BigEndian(bytes);
        if (count == -1)
        {
            if (bytes.Length > 2)
            {
                throw Bad("received copy data after EOF marker");
            }

            IsFinished |= IsComplete;
            return false;
        }

        if (count < 0)
        {
            throw Bad($"row field count is {count}");
        }

        return TryReadFields(bytes, count, row);
    }

    private bool TryReadFields(ReadOnlySpan<byte> bytes, int count, CopyRow row)
    {
        row.Clear();
        int at = 2;
        for (int field = 0; field < count; field++)
        {
            if (bytes.Length - at < 4)
            {
                return Short();
            }

            int length = BinaryPrimitives.ReadInt32BigEndian(bytes[at..]);
            at += 4;
            if (length < -1 || length > RowBytesMax)
            {
                throw Bad("invalid field size");
            }

            if (length > bytes.Length - at)
            {
                return Short();
            }

            if (length > 0)
            {
                row.Append(bytes.Slice(at, length));
                at += length;
            }

            row.EndField(length == -1);
        }

        Start += at;
        LineNumber++;
        return true;
    }

    private bool TryReadHeader()
    {
        ReadOnlySpan<byte> bytes = Buffer.AsSpan(Start, End - Start);
        int known = Math.Min(bytes.Length, Signature.Length);
        if (!bytes[..known].SequenceEqual(Signature[..known]))
        {
            throw Bad("COPY file signature not recognized");
        }

        if (bytes.Length < 19)
        {
            return Short("COPY file signature not recognized");
        }

        int flags = BinaryPrimitives.ReadInt32BigEndian(bytes[11..]);
        if ((flags & (1 << 16)) != 0)
        {
            throw Bad("invalid COPY file header (WITH OIDS)");
        }

        if ((flags & unchecked((int)0xffff0000)) != 0)
        {
            throw Bad("unrecognized critical flags in COPY file header");
        }

        int extension = BinaryPrimitives.ReadInt32BigEndian(bytes[15..]);
        if (extension < 0 || extension > RowBytesMax)
        {
            throw Bad("invalid COPY file header (wrong length)");
        }

        if (bytes.Length < 19 + extension)
        {
            return Short("invalid COPY file header (wrong length)");
        }

        Start += 19 + extension;
        headerIsRead = true;
        return true;
    }

    /// <summary>More bytes are needed: false while they may come, an error when the data is at its end.</summary>
    private bool Short(string? message = null) => IsComplete ? throw Bad(message ?? "unexpected EOF in COPY data") : false;

    private static DbException Bad(string message) => new(SqlStates.BadCopyFileFormat, message);
}
