using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>
/// All operators with PostgreSQL's resolution. LIKE, ILIKE, SIMILAR TO are the operators <c>~~</c>, <c>~~*</c> (negated
/// <c>!~~</c>, <c>!~~*</c>) and the function <c>similar_to_escape</c> with <c>~</c>; the binder rewrites them.
/// </summary>
public static class OperatorTable
{
    private static readonly Dictionary<string, FunctionDef[]> BinaryOperators = Group(BuiltInOperators.MakeBinary());
    private static readonly Dictionary<string, FunctionDef[]> PrefixOperators = Group(BuiltInOperators.MakePrefix());

    private static Dictionary<string, FunctionDef[]> Group(IEnumerable<FunctionDef> operators) =>
        operators.GroupBy(function => function.Name, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);

    /// <summary>Chooses a binary operator; 42883 <c>operator does not exist: bigint + text</c>, 42725.</summary>
    public static ResolvedFunction Resolve(string name, SqlType left, SqlType right) => Choose(name, left, right, out ResolvedFunction? chosen) switch
    {
        Overloads.Verdict.Found => chosen!,
        Overloads.Verdict.Ambiguous => throw Ambiguous($"{left.DisplayName} {name} {right.DisplayName}"),
        _ => throw Missing($"{left.DisplayName} {name} {right.DisplayName}"),
    };

    /// <summary>As <see cref="Resolve"/>, null when there is none.</summary>
    public static ResolvedFunction? TryResolve(string name, SqlType left, SqlType right)
    {
        Choose(name, left, right, out ResolvedFunction? chosen);
        return chosen;
    }

    /// <summary>Chooses a prefix operator (<c>-</c>, <c>+</c>, <c>~</c>, <c>@</c>, <c>|/</c>, <c>||/</c>).</summary>
    public static ResolvedFunction ResolvePrefix(string name, SqlType operand)
    {
        Overloads.Verdict verdict = Overloads.Choose(PrefixOperators.GetValueOrDefault(name, []), [operand], out ResolvedFunction? chosen);
        return verdict switch
        {
            Overloads.Verdict.Found => chosen!,
            Overloads.Verdict.Ambiguous => throw Ambiguous($"{name} {operand.DisplayName}"),
            _ => throw Missing($"{name} {operand.DisplayName}"),
        };
    }

    private static Overloads.Verdict Choose(string name, SqlType left, SqlType right, out ResolvedFunction? chosen)
    {
        FunctionDef[] candidates = BinaryOperators.GetValueOrDefault(name == "!=" ? "<>" : name, []);

        // an unknown literal beside a known type is first taken to be of that type
        if ((left == SqlType.Unknown) != (right == SqlType.Unknown))
        {
            SqlType known = left == SqlType.Unknown ? right : left;
            if (Array.Find(candidates, function => function.Parameters[0] == known && function.Parameters[1] == known) is { } same)
            {
                return Overloads.Choose([same], [left, right], out chosen);
            }
        }

        return Overloads.Choose(candidates, [left, right], out chosen);
    }

    private static DbException Missing(string what) => new(
        SqlStates.UndefinedFunction,
        $"operator does not exist: {what}",
        hint: "No operator matches the given name and argument types. You might need to add explicit type casts.");

    private static DbException Ambiguous(string what) => new(
        SqlStates.AmbiguousFunction,
        $"operator is not unique: {what}",
        hint: "Could not choose a best candidate operator. You might need to add explicit type casts.");

    /// <summary>True when values of the type can be sorted, grouped and joined by =.</summary>
    public static bool IsOrdered(SqlType type) => type.IsArray
        ? IsOrdered(type.Element!)
        : type.Kind != DatumKind.Null && type != SqlType.Json && type != SqlType.PgNodeTree && type != SqlType.AclItem;

    /// <summary>The operator with its operands exchanged (<c>&lt;</c> for <c>&gt;</c>), or null.</summary>
    public static string? Commutator(string name) => name switch
    {
        "=" or "<>" or "!=" or "+" or "*" or "&" or "|" or "#" or "&&" => name,
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        "@>" => "<@",
        "<@" => "@>",
        _ => null,
    };

    /// <summary>The operator that gives the opposite answer (<c>&lt;&gt;</c> for <c>=</c>), or null.</summary>
    public static string? Negator(string name) => name switch
    {
        "=" => "<>",
        "<>" or "!=" => "=",
        "<" => ">=",
        "<=" => ">",
        ">" => "<=",
        ">=" => "<",
        "~" => "!~",
        "!~" => "~",
        "~*" => "!~*",
        "!~*" => "~*",
        "~~" => "!~~",
        "!~~" => "~~",
        "~~*" => "!~~*",
        "!~~*" => "~~*",
        _ => null,
    };
}
