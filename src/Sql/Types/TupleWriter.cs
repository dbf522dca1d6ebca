using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>
/// Builds MessagePack tuples and keys in a buffer that is used again: <see cref="Begin"/>, one value per field,
/// then <see cref="Written"/> (valid until the next Begin). Not thread-safe.
/// </summary>
public sealed class TupleWriter
{
    /// <summary>Starts a tuple (a MessagePack array) of so many fields.</summary>
    public void Begin(int fieldCount) => throw new NotImplementedException();

    /// <summary>What was written since Begin.</summary>
    public ReadOnlySpan<byte> Written => throw new NotImplementedException();

    /// <summary>What was written since Begin, as memory over the writer's own buffer.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => throw new NotImplementedException();

    /// <summary>Copies bytes of a value that is encoded already (an unchanged field of an old tuple).</summary>
    public void WriteRaw(ReadOnlySpan<byte> messagePack) => throw new NotImplementedException();

    public void WriteNil() => throw new NotImplementedException();

    public void WriteBool(bool value) => throw new NotImplementedException();

    /// <summary>Shortest integer form.</summary>
    public void WriteInt(long value) => throw new NotImplementedException();

    public void WriteUInt(ulong value) => throw new NotImplementedException();

    public void WriteDouble(double value) => throw new NotImplementedException();

    public void WriteText(ReadOnlySpan<char> value) => throw new NotImplementedException();

    public void WriteBinary(ReadOnlySpan<byte> value) => throw new NotImplementedException();

    public void WriteArrayHeader(int count) => throw new NotImplementedException();

    public void WriteMapHeader(int count) => throw new NotImplementedException();

    /// <summary>Head of an extension value and its payload.</summary>
    public void WriteExtension(sbyte type, ReadOnlySpan<byte> payload) => throw new NotImplementedException();

    /// <summary>A whole row: array header and every value by its column's codec.</summary>
    public ReadOnlySpan<byte> WriteRow(ReadOnlySpan<ColumnCodec> codecs, ReadOnlySpan<Datum> values) => throw new NotImplementedException();
}
