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
    private static readonly Dictionary<uint, ColumnCodec> Own = MakeOwn();
    private static readonly ColumnCodec AnyAsJson = new ForeignJsonColumn();

    private protected ColumnCodec(SqlType type) => Type = type;

    public SqlType Type { get; }

    /// <summary>The codec for a column of ours: <paramref name="type"/> stored as the table above says.</summary>
    public static ColumnCodec For(SqlType type) => Own.TryGetValue(type.Oid, out ColumnCodec? codec)
        ? codec
        : throw new DbException(SqlStates.FeatureNotSupported, $"a column cannot have type {type.DisplayName}");

    /// <summary>The codec for a field without <c>pg_type</c>: see <see cref="ForeignType"/>.</summary>
    public static ColumnCodec ForForeign(FieldType field)
    {
        SqlType type = ForeignType(field);
        return type == SqlType.Json ? AnyAsJson : field == FieldType.Number ? ForeignNumber : For(type);
    }

    private static readonly ColumnCodec ForeignNumber = new ForeignNumberColumn();

    /// <summary>SQL type that a field of a foreign space is shown with: unsigned and integer int8, number numeric, any/map/array/scalar json, ...</summary>
    public static SqlType ForeignType(FieldType field) => field switch
    {
        FieldType.Unsigned or FieldType.Integer => SqlType.Int8,
        FieldType.String => SqlType.Text,
        FieldType.Number or FieldType.Decimal => SqlType.Numeric,
        FieldType.Double => SqlType.Float8,
        FieldType.Boolean => SqlType.Bool,
        FieldType.Varbinary => SqlType.Bytea,
        FieldType.Uuid => SqlType.Uuid,
        FieldType.Datetime => SqlType.TimestampTz,
        FieldType.Interval => SqlType.Interval,
        _ => SqlType.Json,
    };

    /// <summary>Type for <c>_space.format</c> for a column of ours (any for date and time types, intervals and json).</summary>
    public static FieldType FormatType(SqlType type) => type.Kind switch
    {
        _ when type == SqlType.Json || type == SqlType.Jsonb => FieldType.Any,
        DatumKind.Int => FieldType.Integer,
        DatumKind.Text => FieldType.String,
        DatumKind.Double => FieldType.Double,
        DatumKind.Numeric => FieldType.Decimal,
        DatumKind.Bool => FieldType.Boolean,
        DatumKind.Bytes => FieldType.Varbinary,
        DatumKind.Uuid => FieldType.Uuid,
        DatumKind.Array => FieldType.Array,
        _ => FieldType.Any,
    };

    /// <summary>Type for an index part over a column of ours; null when the type cannot be indexed (arrays, json).</summary>
    public static FieldType? KeyPartType(SqlType type) => type.Kind switch
    {
        DatumKind.Array => null,
        _ when type == SqlType.Json || type == SqlType.Jsonb => null,
        DatumKind.Date or DatumKind.Timestamp => FieldType.Datetime,
        DatumKind.Time => FieldType.Integer,
        DatumKind.Interval => FieldType.Interval,
        _ => FormatType(type),
    };

    /// <summary>Reads the next value; nil gives NULL. 22003 when the value does not fit the SQL type, XX001 when it is of another kind.</summary>
    public abstract Datum Read(ref MsgPackReader reader);

    /// <summary>Appends the value; NULL becomes nil. 22003 for numerics over 38 digits, NaN.</summary>
    public abstract void Write(in Datum value, MsgPackWriter output);

    private protected DbException Wrong(in MsgPackReader reader) => new(
        SqlStates.DataCorrupted,
        $"a stored value of kind {reader.PeekKind()} cannot be read as {Type.DisplayName}");

    private static Dictionary<uint, ColumnCodec> MakeOwn()
    {
        var codecs = new Dictionary<uint, ColumnCodec>();
        foreach (SqlType type in SqlType.All)
        {
            if (!type.IsArray && Make(type) is { } codec)
            {
                codecs.Add(type.Oid, codec);
            }
        }

        foreach (SqlType type in SqlType.All)
        {
            if (type.IsArray && codecs.TryGetValue(type.Element!.Oid, out ColumnCodec? element))
            {
                codecs.Add(type.Oid, new ArrayColumn(type, element));
            }
        }

        return codecs;
    }

    private static ColumnCodec? Make(SqlType type) => type.Kind switch
    {
        DatumKind.Int => new IntColumn(type),
        DatumKind.Double => new DoubleColumn(type),
        DatumKind.Numeric => new NumericColumn(),
        DatumKind.Text => new TextColumn(type),
        DatumKind.Bytes => new BytesColumn(),
        DatumKind.Bool => new BoolColumn(),
        DatumKind.Uuid => new UuidColumn(),
        DatumKind.Date or DatumKind.Timestamp => new MomentColumn(type),
        DatumKind.Time => new TimeColumn(),
        DatumKind.Interval => new IntervalColumn(),
        _ => null,
    };
}
