namespace Picodata.Core;

/// <summary>A SQL type as PostgreSQL's clients know it: oid, name, length and how values are held.</summary>
public sealed partial class SqlType
{
    private SqlType(uint oid, string name, short length, DatumKind kind, char category, uint arrayOid)
    {
        Oid = oid;
        Name = name;
        Length = length;
        Kind = kind;
        Category = category;
        ArrayOid = arrayOid;
    }

    /// <summary>PostgreSQL's pg_type.oid.</summary>
    public uint Oid { get; }

    /// <summary>pg_type.typname.</summary>
    public string Name { get; }

    /// <summary>pg_type.typlen: bytes of a fixed-size type, -1 for variable.</summary>
    public short Length { get; }

    /// <summary>How a non-null value is held.</summary>
    public DatumKind Kind { get; }

    /// <summary>pg_type.typcategory (N numeric, S string, D date/time, B boolean, A array, U user, T interval, P pseudo, X unknown).</summary>
    public char Category { get; }

    /// <summary>Oid of the array over this type, 0 when there is none.</summary>
    public uint ArrayOid { get; }

    /// <summary>Element type of an array type, else null.</summary>
    public SqlType? Element { get; private init; }

    public bool IsArray => Element is not null;

    public override string ToString() => Name;

    /// <summary>True for the type that its category prefers when a call is ambiguous (pg_type.typispreferred).</summary>
    public bool IsPreferred => this == Bool || this == Text || this == Float8 || this == Oid_ || this == TimestampTz || this == Interval;

    /// <summary>int2, int4, int8 (not oid and the like).</summary>
    public bool IsInteger => this == Int8 || this == Int4 || this == Int2;

    /// <summary>text, varchar, bpchar, name: values are strings and compare as strings.</summary>
    public bool IsString => Category == 'S';

    /// <summary>The type's name as PostgreSQL prints it in messages and format_type: <c>bigint</c>, <c>timestamp without time zone</c>, <c>text[]</c>.</summary>
    public string DisplayName => IsArray && Name[0] == '_' ? Element!.DisplayName + "[]" : Name switch
    {
        "bool" => "boolean",
        "int8" => "bigint",
        "int4" => "integer",
        "int2" => "smallint",
        "float4" => "real",
        "float8" => "double precision",
        "bpchar" => "character",
        "varchar" => "character varying",
        "char" => "\"char\"",
        "any" => "\"any\"",
        "time" => "time without time zone",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        _ => Name,
    };

    public static readonly SqlType Bool = new(16, "bool", 1, DatumKind.Bool, 'B', 1000);
    public static readonly SqlType Bytea = new(17, "bytea", -1, DatumKind.Bytes, 'U', 1001);
    public static readonly SqlType InternalChar = new(18, "char", 1, DatumKind.Text, 'Z', 1002);
    public static readonly SqlType NameType = new(19, "name", 64, DatumKind.Text, 'S', 1003);
    public static readonly SqlType Int8 = new(20, "int8", 8, DatumKind.Int, 'N', 1016);
    public static readonly SqlType Int2 = new(21, "int2", 2, DatumKind.Int, 'N', 1005);
    public static readonly SqlType Int4 = new(23, "int4", 4, DatumKind.Int, 'N', 1007);
    public static readonly SqlType RegProc = new(24, "regproc", 4, DatumKind.Int, 'N', 1008);
    public static readonly SqlType Text = new(25, "text", -1, DatumKind.Text, 'S', 1009);
    public static readonly SqlType Oid_ = new(26, "oid", 4, DatumKind.Int, 'N', 1028);
    public static readonly SqlType Xid = new(28, "xid", 4, DatumKind.Int, 'U', 1011);
    public static readonly SqlType Json = new(114, "json", -1, DatumKind.Text, 'U', 199);
    public static readonly SqlType Float4 = new(700, "float4", 4, DatumKind.Double, 'N', 1021);
    public static readonly SqlType Float8 = new(701, "float8", 8, DatumKind.Double, 'N', 1022);
    /// <summary>The type of an untyped literal or NULL before it is resolved; sent as text.</summary>
    public static readonly SqlType Unknown = new(705, "unknown", -2, DatumKind.Text, 'X', 0);
    public static readonly SqlType Bpchar = new(1042, "bpchar", -1, DatumKind.Text, 'S', 1014);
    public static readonly SqlType Varchar = new(1043, "varchar", -1, DatumKind.Text, 'S', 1015);
    public static readonly SqlType Date = new(1082, "date", 4, DatumKind.Date, 'D', 1182);
    public static readonly SqlType Time = new(1083, "time", 8, DatumKind.Time, 'D', 1183);
    public static readonly SqlType Timestamp = new(1114, "timestamp", 8, DatumKind.Timestamp, 'D', 1115);
    public static readonly SqlType TimestampTz = new(1184, "timestamptz", 8, DatumKind.Timestamp, 'D', 1185);
    public static readonly SqlType Interval = new(1186, "interval", 16, DatumKind.Interval, 'T', 1187);
    public static readonly SqlType Numeric = new(1700, "numeric", -1, DatumKind.Numeric, 'N', 1231);
    public static readonly SqlType RegClass = new(2205, "regclass", 4, DatumKind.Int, 'N', 2210);
    public static readonly SqlType RegType = new(2206, "regtype", 4, DatumKind.Int, 'N', 2211);
    public static readonly SqlType RegNamespace = new(4089, "regnamespace", 4, DatumKind.Int, 'N', 4090);
    public static readonly SqlType Record = new(2249, "record", -1, DatumKind.Record, 'P', 2287);
    public static readonly SqlType Void = new(2278, "void", 4, DatumKind.Null, 'P', 0);
    public static readonly SqlType Uuid = new(2950, "uuid", 16, DatumKind.Uuid, 'U', 2951);
    public static readonly SqlType Jsonb = new(3802, "jsonb", -1, DatumKind.Text, 'U', 3807);
    public static readonly SqlType Int2Vector = new(22, "int2vector", -1, DatumKind.Array, 'A', 1006) { Element = Int2 };
    public static readonly SqlType OidVector = new(30, "oidvector", -1, DatumKind.Array, 'A', 1013) { Element = Oid_ };
    public static readonly SqlType AclItem = new(1033, "aclitem", 12, DatumKind.Text, 'U', 1034);
    public static readonly SqlType PgNodeTree = new(194, "pg_node_tree", -1, DatumKind.Text, 'Z', 0);
    public static readonly SqlType AnyArray = new(2277, "anyarray", -1, DatumKind.Array, 'P', 0);

    /// <summary>Pseudo-types of polymorphic signatures; an expression never has one of them.</summary>
    public static readonly SqlType AnyElement = new(2283, "anyelement", 4, DatumKind.Null, 'P', 0);
    public static readonly SqlType Any = new(2276, "any", 4, DatumKind.Null, 'P', 0);
    public static readonly SqlType AnyNonArray = new(2776, "anynonarray", 4, DatumKind.Null, 'P', 0);
    /// <summary>Like anyelement and anyarray, but arguments are first brought to one common type (PostgreSQL's anycompatible family).</summary>
    public static readonly SqlType AnyCompatible = new(5077, "anycompatible", 4, DatumKind.Null, 'P', 0);
    public static readonly SqlType AnyCompatibleArray = new(5078, "anycompatiblearray", -1, DatumKind.Array, 'P', 0);

    private static readonly SqlType[] Scalars =
    [
        Bool, Bytea, InternalChar, NameType, Int8, Int2, Int4, RegProc, Text, Oid_, Xid, Json, Float4, Float8, Unknown,
        Bpchar, Varchar, Date, Time, Timestamp, TimestampTz, Interval, Numeric, RegClass, RegType, RegNamespace, Record,
        Void, Uuid, Jsonb, Int2Vector, OidVector, AclItem, PgNodeTree, AnyArray,
        AnyElement, Any, AnyNonArray, AnyCompatible, AnyCompatibleArray,
    ];

    private static readonly Dictionary<uint, SqlType> ByOidTable = BuildTable();

    private static Dictionary<uint, SqlType> BuildTable()
    {
        var table = new Dictionary<uint, SqlType>();
        foreach (SqlType type in Scalars)
        {
            table.Add(type.Oid, type);
            if (type.ArrayOid != 0)
            {
                table.Add(type.ArrayOid, new SqlType(type.ArrayOid, "_" + type.Name, -1, DatumKind.Array, 'A', 0) { Element = type });
            }
        }

        return table;
    }

    /// <summary>The type with this oid, or null.</summary>
    public static SqlType? ByOid(uint oid) => ByOidTable.GetValueOrDefault(oid);

    /// <summary>All types, scalars and arrays.</summary>
    public static IReadOnlyCollection<SqlType> All => ByOidTable.Values;

    /// <summary>The array type over <paramref name="element"/>; throws when there is none.</summary>
    public static SqlType ArrayOf(SqlType element) =>
        ByOid(element.ArrayOid) ?? throw new DbException(SqlStates.UndefinedObject, $"could not find array type for data type {element.Name}");
}
