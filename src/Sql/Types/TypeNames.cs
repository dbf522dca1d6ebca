using Picodata.Core;
using Picodata.Sql.Functions;

namespace Picodata.Sql.Types;

/// <summary>Names that PostgreSQL's types go by.</summary>
public static class TypeNames
{
    private static readonly Dictionary<string, SqlType> Names = Make();

    /// <summary>
    /// The type that PostgreSQL means by a name: <c>int4</c>, <c>double precision</c>, <c>text[]</c>, <c>_int4</c>,
    /// <c>pg_catalog.bool</c>, with or without modifiers in parentheses. Null when unknown. Picodata's rule that all integer columns
    /// are int8 is the binder's, not applied here.
    /// </summary>
    public static SqlType? Find(string name)
    {
        string plain = string.Join(' ', name.Trim().ToLowerInvariant().Split(' ', StringSplitOptions.RemoveEmptyEntries));
        plain = plain.StartsWith("pg_catalog.", StringComparison.Ordinal) ? plain[11..] : plain;
        bool isArray = false;
        while (plain.EndsWith(']') && plain.LastIndexOf('[') is > 0 and var bracket)
        {
            plain = plain[..bracket].TrimEnd();
            isArray = true;
        }

        int open = plain.IndexOf('(', StringComparison.Ordinal);
        int close = plain.IndexOf(')', StringComparison.Ordinal);
        if (open > 0 && close > open)
        {
            plain = (plain[..open].TrimEnd() + plain[(close + 1)..]).Trim();
        }

        if (plain == "\"char\"")
        {
            return isArray ? SqlType.ArrayOf(SqlType.InternalChar) : SqlType.InternalChar;
        }

        plain = plain.Trim('"');
        return Names.TryGetValue(plain, out SqlType? type)
            ? isArray && type.ArrayOid != 0 ? SqlType.ArrayOf(type) : isArray ? null : type
            : null;
    }

    /// <summary>Oid of the function with this name when there is exactly one, else null.</summary>
    internal static uint? FindFunction(string name)
    {
        string plain = name.StartsWith("pg_catalog.", StringComparison.Ordinal) ? name[11..] : name;
        FunctionDef[] found = [.. FunctionTable.BuiltIn.All.Where(function => function.Name == plain)];
        return found.Length switch
        {
            0 => null,
            1 => found[0].Oid,
            _ => throw new DbException(SqlStates.AmbiguousFunction, $"more than one function named \"{name}\""),
        };
    }

    internal static string? FunctionName(uint oid) =>
        FunctionTable.BuiltIn.All.FirstOrDefault(function => function.Oid == oid)?.Name;

    private static Dictionary<string, SqlType> Make()
    {
        var names = new Dictionary<string, SqlType>(StringComparer.Ordinal);
        foreach (SqlType type in SqlType.All)
        {
            names[type.Name] = type;
            if (!type.IsArray && !type.DisplayName.Contains('"', StringComparison.Ordinal))
            {
                names.TryAdd(type.DisplayName, type);
            }
        }

        // the unquoted word is the SQL type, "char" the one-byte type
        names["char"] = SqlType.Bpchar;
        (string Name, SqlType Type)[] aliases =
        [
            ("int", SqlType.Int4), ("float", SqlType.Float8), ("decimal", SqlType.Numeric), ("string", SqlType.Text),
            ("varbinary", SqlType.Bytea), ("datetime", SqlType.TimestampTz), ("character", SqlType.Bpchar), ("double", SqlType.Float8),
            ("serial", SqlType.Int4), ("bigserial", SqlType.Int8), ("unsigned", SqlType.Int8), ("number", SqlType.Numeric),
        ];
        foreach ((string name, SqlType type) in aliases)
        {
            names[name] = type;
        }

        return names;
    }
}
