using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>
/// All operators with PostgreSQL's resolution. LIKE, ILIKE, SIMILAR TO are the operators <c>~~</c>, <c>~~*</c> (negated
/// <c>!~~</c>, <c>!~~*</c>) and the function <c>similar_to_regex</c> with <c>~</c>; the binder rewrites them.
/// </summary>
public static class OperatorTable
{
    /// <summary>Chooses a binary operator; 42883 <c>operator does not exist: bigint + text</c>, 42725.</summary>
    public static ResolvedFunction Resolve(string name, SqlType left, SqlType right) => throw new NotImplementedException();

    /// <summary>As <see cref="Resolve"/>, null when there is none.</summary>
    public static ResolvedFunction? TryResolve(string name, SqlType left, SqlType right) => throw new NotImplementedException();

    /// <summary>Chooses a prefix operator (<c>-</c>, <c>+</c>, <c>~</c>, <c>@</c>, <c>|/</c>, <c>||/</c>).</summary>
    public static ResolvedFunction ResolvePrefix(string name, SqlType operand) => throw new NotImplementedException();

    /// <summary>True when values of the type can be sorted, grouped and joined by =.</summary>
    public static bool IsOrdered(SqlType type) => throw new NotImplementedException();

    /// <summary>The operator with its operands exchanged (<c>&lt;</c> for <c>&gt;</c>), or null.</summary>
    public static string? Commutator(string name) => throw new NotImplementedException();

    /// <summary>The operator that gives the opposite answer (<c>&lt;&gt;</c> for <c>=</c>), or null.</summary>
    public static string? Negator(string name) => throw new NotImplementedException();
}
