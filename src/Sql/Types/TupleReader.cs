using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>
/// Walks the fields of a MessagePack tuple, decoding only those that are wanted. Ask in rising order of fields: going
/// back starts again at the first field. Fields behind the end of the tuple are NULL.
/// </summary>
public ref struct TupleReader
{
    /// <param name="tuple">A MessagePack array.</param>
    public TupleReader(ReadOnlySpan<byte> tuple) => throw new NotImplementedException();

    /// <summary>Number of fields in the tuple.</summary>
    public readonly int Count => throw new NotImplementedException();

    /// <summary>The field's value.</summary>
    public Datum Read(int field, ColumnCodec codec) => throw new NotImplementedException();

    /// <summary>The field's MessagePack bytes; empty when the tuple is shorter.</summary>
    public ReadOnlySpan<byte> Raw(int field) => throw new NotImplementedException();

    /// <summary>Decodes all fields of <paramref name="codecs"/> into <paramref name="row"/>; a null codec leaves its slot as NULL without decoding.</summary>
    public static void ReadRow(ReadOnlySpan<byte> tuple, ReadOnlySpan<ColumnCodec?> codecs, Span<Datum> row) => throw new NotImplementedException();
}
