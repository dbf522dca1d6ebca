using Picodata.Core;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

/// <summary>
/// Type names as users write them. In casts <c>int</c> is PostgreSQL's int4, which clients expect; as the type of a column every
/// integer type is int8, which is Picodata's rule.
/// </summary>
public static class TypeNames
{
    private static readonly Dictionary<string, SqlType> Aliases = new(StringComparer.Ordinal)
    {
        ["int"] = SqlType.Int4, ["integer"] = SqlType.Int4, ["smallint"] = SqlType.Int2, ["bigint"] = SqlType.Int8,
        ["serial"] = SqlType.Int4, ["smallserial"] = SqlType.Int2, ["bigserial"] = SqlType.Int8,
        ["serial4"] = SqlType.Int4, ["serial2"] = SqlType.Int2, ["serial8"] = SqlType.Int8,
        ["unsigned"] = SqlType.Int8, ["real"] = SqlType.Float4, ["float"] = SqlType.Float8, ["double"] = SqlType.Float8,
        ["decimal"] = SqlType.Numeric, ["number"] = SqlType.Numeric, ["string"] = SqlType.Text, ["boolean"] = SqlType.Bool,
        ["datetime"] = SqlType.TimestampTz, ["character"] = SqlType.Bpchar, ["varbinary"] = SqlType.Bytea,
        ["any"] = SqlType.Json, ["map"] = SqlType.Json, ["citext"] = SqlType.Text,
    };

    private static readonly Dictionary<string, SqlType> ByName = Build();

    private static Dictionary<string, SqlType> Build()
    {
        var table = new Dictionary<string, SqlType>(Aliases, StringComparer.Ordinal);
        foreach (SqlType type in SqlType.All)
        {
            table.TryAdd(type.Name, type);
        }

        return table;
    }

    /// <summary>The type of a cast or a declared parameter with its modifier (-1 when none); 42704 for unknown names.</summary>
    public static (SqlType Type, int Modifier) Resolve(TypeName name)
    {
        if (name.Name.Schema is { } schema && schema is not ("pg_catalog" or "public"))
        {
            throw Undefined(name);
        }

        if (!ByName.TryGetValue(name.Name.Name, out SqlType? type))
        {
            throw Undefined(name);
        }

        if (name.Name.Name == "float" && name.Modifiers.Count == 1 && name.Modifiers[0] <= 24)
        {
            type = SqlType.Float4;
        }

        int modifier = Modifier(type, name);
        return name.ArrayDimensions > 0 ? (SqlType.ArrayOf(type), modifier) : (type, modifier);
    }

    /// <summary>
    /// The type of a table's column: all integers are int8, modifiers of text and numbers are dropped as Picodata does, float4 is float8.
    /// </summary>
    public static SqlType ResolveColumn(TypeName name)
    {
        (SqlType type, _) = Resolve(name);
        return type.IsArray ? SqlType.ArrayOf(Widen(type.Element!)) : Widen(type);
    }

    private static SqlType Widen(SqlType type)
    {
        if (type == SqlType.Int2 || type == SqlType.Int4)
        {
            return SqlType.Int8;
        }

        return type == SqlType.Float4 ? SqlType.Float8 : type;
    }

    private static int Modifier(SqlType type, TypeName name)
    {
        if (name.Modifiers.Count == 0)
        {
            return -1;
        }

        int first = name.Modifiers[0];
        if (type == SqlType.Varchar || type == SqlType.Bpchar)
        {
            return first >= 1 ? first + 4 : throw Invalid($"length for type {name.Name.Name} must be at least 1", name);
        }

        if (type == SqlType.Numeric)
        {
            int scale = name.Modifiers.Count > 1 ? name.Modifiers[1] : 0;
            return first is >= 1 and <= 1000 && scale >= 0 && scale <= first
                ? ((first << 16) | scale) + 4
                : throw Invalid($"NUMERIC precision {first} must be between 1 and 1000", name);
        }

        return type == SqlType.Timestamp || type == SqlType.TimestampTz || type == SqlType.Time ? Math.Min(first, 6) : -1;
    }

    private static DbException Undefined(TypeName name) =>
        new(SqlStates.UndefinedObject, $"type \"{name.Name}\" does not exist", position: name.Position);

    private static DbException Invalid(string message, TypeName name) =>
        new(SqlStates.InvalidParameterValue, message, position: name.Position);

    /// <summary>A type's name in messages, as format_type prints it: int8 is <c>bigint</c>.</summary>
    public static string Display(SqlType type) => type.IsArray && type.Name.StartsWith('_') ? Display(type.Element!) + "[]" : type.Name switch
    {
        "int8" => "bigint",
        "int4" => "integer",
        "int2" => "smallint",
        "bool" => "boolean",
        "float8" => "double precision",
        "float4" => "real",
        "varchar" => "character varying",
        "bpchar" => "character",
        "timestamptz" => "timestamp with time zone",
        "timestamp" => "timestamp without time zone",
        "time" => "time without time zone",
        "char" => "\"char\"",
        _ => type.Name,
    };
}
