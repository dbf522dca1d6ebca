using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Sql.Types;

/// <summary>
/// Walks the fields of a MessagePack tuple, decoding only those that are wanted. Ask in rising order of fields: going
/// back starts again at the first field. Fields behind the end of the tuple are NULL.
/// </summary>
public ref struct TupleReader
{
    private MsgPackReader reader;
    private readonly ReadOnlySpan<byte> tuple;
    private readonly int start;
    private int next;

    /// <param name="tuple">A MessagePack array.</param>
    public TupleReader(ReadOnlySpan<byte> tuple)
    {
        this.tuple = tuple;
        reader = new MsgPackReader(tuple);
        Count = reader.ReadArrayHead();
        start = reader.Position;
    }

    /// <summary>Number of fields in the tuple.</summary>
    public readonly int Count { get; }

    /// <summary>The field's value.</summary>
    public Datum Read(int field, ColumnCodec codec)
    {
        if (!MoveTo(field))
        {
            return Datum.Null;
        }

        next++;
        return codec.Read(ref reader);
    }

    /// <summary>The field's MessagePack bytes; empty when the tuple is shorter.</summary>
    public ReadOnlySpan<byte> Raw(int field)
    {
        if (!MoveTo(field))
        {
            return default;
        }

        next++;
        return reader.ReadRaw();
    }

    /// <summary>Decodes all fields of <paramref name="codecs"/> into <paramref name="row"/>; a null codec leaves its slot as NULL without decoding.</summary>
    public static void ReadRow(ReadOnlySpan<byte> tuple, ReadOnlySpan<ColumnCodec?> codecs, Span<Datum> row)
    {
        var reader = new MsgPackReader(tuple);
        int count = reader.ReadArrayHead();
        int present = Math.Min(count, codecs.Length);
        for (int i = 0; i < present; i++)
        {
            if (codecs[i] is { } codec)
            {
                row[i] = codec.Read(ref reader);
            }
            else
            {
                row[i] = default;
                reader.Skip();
            }
        }

        row[present..codecs.Length].Clear();
    }

    private bool MoveTo(int field)
    {
        if (field >= Count)
        {
            return false;
        }

        if (field < next)
        {
            reader = new MsgPackReader(tuple, start);
            next = 0;
        }

        for (; next < field; next++)
        {
            reader.Skip();
        }

        return true;
    }
}
