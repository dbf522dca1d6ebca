using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>
/// All functions by name, with PostgreSQL's overload resolution: exact match; else candidates reachable by implicit casts,
/// most exact matches first, then preferred types, then the categories of unknown literals.
/// </summary>
public sealed class FunctionTable
{
    /// <summary>The built-in functions, aggregates and window functions; other rooms register theirs before the first session opens.</summary>
    public static FunctionTable BuiltIn => throw new NotImplementedException();

    /// <summary>Adds a function. Thread-safe; 42723 when the name has these parameter types already.</summary>
    public void Register(FunctionDef function) => throw new NotImplementedException();

    /// <summary>All functions, for pg_proc.</summary>
    public IReadOnlyCollection<FunctionDef> All => throw new NotImplementedException();

    /// <summary>True when at least one function has this name (lower case, without schema).</summary>
    public bool Exists(string name) => throw new NotImplementedException();

    /// <summary>
    /// Chooses the function for a call. <see cref="SqlType.Unknown"/> stands for untyped literals and parameters without a type.
    /// 42883 <c>function f(bigint) does not exist</c>, 42725 when it is not unique.
    /// </summary>
    public ResolvedFunction Resolve(string name, IReadOnlyList<SqlType> argumentTypes) => throw new NotImplementedException();

    /// <summary>As <see cref="Resolve"/>, but null when nothing fits or it is ambiguous.</summary>
    public ResolvedFunction? TryResolve(string name, IReadOnlyList<SqlType> argumentTypes) => throw new NotImplementedException();
}
