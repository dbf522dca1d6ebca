using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Sql.Types;

/// <summary>
/// Builds MessagePack tuples and keys in a buffer that is used again: <see cref="Begin"/>, one value per field through
/// <see cref="Output"/> or the column codecs, then <see cref="Written"/> (valid until the next Begin). Not thread-safe.
/// </summary>
public sealed class TupleWriter
{
    /// <summary>Where codecs write.</summary>
    public MsgPackWriter Output { get; } = new();

    /// <summary>What was written since Begin.</summary>
    public ReadOnlySpan<byte> Written => Output.WrittenSpan;

    /// <summary>What was written since Begin, as memory over the writer's own buffer.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => Output.WrittenMemory;

    /// <summary>Starts a tuple (a MessagePack array) of so many fields.</summary>
    public void Begin(int fieldCount)
    {
        Output.Clear();
        Output.WriteArrayHead(fieldCount);
    }

    /// <summary>The next field; NULL becomes nil.</summary>
    public void Write(ColumnCodec codec, in Datum value) => codec.Write(value, Output);

    /// <summary>Copies bytes of a value that is encoded already (an unchanged field of an old tuple).</summary>
    public void WriteRaw(ReadOnlySpan<byte> messagePack) => Output.WriteRaw(messagePack);

    /// <summary>A whole row or key: array head and every value by its column's codec.</summary>
    public ReadOnlySpan<byte> WriteRow(ReadOnlySpan<ColumnCodec> codecs, ReadOnlySpan<Datum> values)
    {
        Begin(values.Length);
        for (int i = 0; i < values.Length; i++)
        {
            codecs[i].Write(values[i], Output);
        }

        return Output.WrittenSpan;
    }
}
