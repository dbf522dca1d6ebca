using Picodata.Core;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Sql.Types;

/// <summary>
/// How values of one column stand in MessagePack tuples. One instance per (SQL type, Tarantool field type); stateless.
///
/// | SQL type | MessagePack |
/// |---|---|
/// | int2, int4, int8, oid family | shortest integer form |
/// | float4, float8 | float 64 |
/// | numeric | ext 1 (decimal), at most 38 digits, else 22003 |
/// | text family, json, jsonb, "char", name | str |
/// | bytea | bin |
/// | bool | bool |
/// | uuid | ext 2 |
/// | date, timestamp, timestamptz | ext 4 (datetime); infinities are seconds +-2^62 |
/// | time | integer, microseconds since midnight |
/// | interval | ext 6 (months, days, seconds, nanoseconds) |
/// | arrays | array of elements, nested by dimension; other lower bounds than 1 are lost |
///
/// Fields of type any, map, array, scalar without a <c>pg_type</c> of ours (foreign spaces) are shown as json: any
/// MessagePack value is printed as JSON, and JSON text is written back as MessagePack.
/// Reading is lenient: integers are read where numerics or doubles are wanted and the reverse when exact.
/// </summary>
public abstract class ColumnCodec
{
    private protected ColumnCodec(SqlType type) => Type = type;

    public SqlType Type { get; }

    /// <summary>The codec for a column of ours: <paramref name="type"/> stored as the table above says.</summary>
    public static ColumnCodec For(SqlType type) => throw new NotImplementedException();

    /// <summary>The codec for a field without <c>pg_type</c>: see <see cref="ForeignType"/>.</summary>
    public static ColumnCodec ForForeign(FieldType field) => throw new NotImplementedException();

    /// <summary>SQL type that a field of a foreign space is shown with: unsigned and integer int8, number numeric, any/map/array/scalar json, ...</summary>
    public static SqlType ForeignType(FieldType field) => throw new NotImplementedException();

    /// <summary>Type for <c>_space.format</c> for a column of ours (any for date and time types, intervals and json).</summary>
    public static FieldType FormatType(SqlType type) => throw new NotImplementedException();

    /// <summary>Type for an index part over a column of ours; null when the type cannot be indexed (arrays, json).</summary>
    public static FieldType? KeyPartType(SqlType type) => throw new NotImplementedException();

    /// <summary>Reads the next value; nil gives NULL. 22003 when the value does not fit the SQL type, XX001 when it is of another kind.</summary>
    public abstract Datum Read(ref MsgPackReader reader);

    /// <summary>Appends the value; NULL becomes nil. 22003 for numerics over 38 digits, NaN.</summary>
    public abstract void Write(in Datum value, MsgPackWriter output);
}
