using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>
/// All functions by name, with PostgreSQL's overload resolution (<see cref="Overloads"/>). Reading needs no lock: every
/// registration replaces the table.
/// </summary>
public sealed class FunctionTable
{
    /// <summary>First oid for functions whose oid in PostgreSQL nobody looks up.</summary>
    private const uint FirstOid = 13600;

    private const uint LastOid = 16383;

    private readonly Lock gate = new();
    private volatile Dictionary<string, FunctionDef[]> byName = new(StringComparer.Ordinal);
    private uint nextOid = FirstOid;

    /// <summary>The built-in functions, aggregates and window functions; other rooms register theirs before the first session opens.</summary>
    public static FunctionTable BuiltIn { get; } = MakeBuiltIn();

    private static FunctionTable MakeBuiltIn()
    {
        var table = new FunctionTable();
        table.AddAll(BuiltInFunctions.Make());
        return table;
    }

    /// <summary>Adds a function. Thread-safe; 42723 when the name has these parameter types already.</summary>
    public void Register(FunctionDef function) => AddAll([function]);

    /// <summary>As <see cref="Register"/> for many at once.</summary>
    internal void AddAll(IEnumerable<FunctionDef> functions)
    {
        lock (gate)
        {
            var names = new Dictionary<string, FunctionDef[]>(byName, StringComparer.Ordinal);
            foreach (FunctionDef function in functions)
            {
                FunctionDef[] same = names.GetValueOrDefault(function.Name, []);
                if (Array.Exists(same, other => other.Variadic == function.Variadic && other.Parameters.SequenceEqual(function.Parameters)))
                {
                    throw new DbException(SqlStates.DuplicateFunction, $"function \"{Signature(function.Name, function.Parameters)}\" already exists with same argument types");
                }

                if (function.Oid == 0)
                {
                    function.Oid = nextOid <= LastOid ? nextOid++ : throw new InvalidOperationException("no oids are left for built-in functions");
                }

                names[function.Name] = [.. same, function];
            }

            byName = names;
        }
    }

    /// <summary>All functions, for pg_proc.</summary>
    public IReadOnlyCollection<FunctionDef> All => [.. byName.Values.SelectMany(functions => functions)];

    /// <summary>True when at least one function has this name (lower case, without schema).</summary>
    public bool Exists(string name) => byName.ContainsKey(name);

    /// <summary>
    /// Chooses the function for a call. <see cref="SqlType.Unknown"/> stands for untyped literals and parameters without a type.
    /// 42883 <c>function f(bigint) does not exist</c>, 42725 when it is not unique.
    /// </summary>
    public ResolvedFunction Resolve(string name, IReadOnlyList<SqlType> argumentTypes) => Choose(name, argumentTypes, out ResolvedFunction? chosen) switch
    {
        Overloads.Verdict.Found => chosen!,
        Overloads.Verdict.Ambiguous => throw new DbException(
            SqlStates.AmbiguousFunction,
            $"function {Signature(name, argumentTypes)} is not unique",
            hint: "Could not choose a best candidate function. You might need to add explicit type casts."),
        _ => throw new DbException(
            SqlStates.UndefinedFunction,
            $"function {Signature(name, argumentTypes)} does not exist",
            hint: "No function matches the given name and argument types. You might need to add explicit type casts."),
    };

    /// <summary>As <see cref="Resolve"/>, but null when nothing fits or it is ambiguous.</summary>
    public ResolvedFunction? TryResolve(string name, IReadOnlyList<SqlType> argumentTypes)
    {
        Choose(name, argumentTypes, out ResolvedFunction? chosen);
        return chosen;
    }

    private Overloads.Verdict Choose(string name, IReadOnlyList<SqlType> argumentTypes, out ResolvedFunction? chosen)
    {
        Overloads.Verdict verdict = Overloads.Choose(byName.GetValueOrDefault(name, []), argumentTypes, out chosen);
        if (verdict == Overloads.Verdict.None && argumentTypes.Count == 1 && AsCast(name, argumentTypes[0]) is { } cast)
        {
            chosen = cast;
            return Overloads.Verdict.Found;
        }

        return verdict;
    }

    /// <summary>A call of one argument by the name of a type is a cast: <c>text(1)</c>, <c>int4('5')</c>, <c>date(now())</c>.</summary>
    private static ResolvedFunction? AsCast(string name, SqlType source)
    {
        SqlType? target = SqlType.All.FirstOrDefault(type => type.Name == name && !type.IsArray);
        if (target is null || CastTable.Find(source, target, CastContext.Explicit) is not { } cast)
        {
            return null;
        }

        return new ResolvedFunction
        {
            Definition = new FunctionDef { Name = name, Parameters = [source], Result = target, Volatility = cast.Volatility },
            ArgumentTypes = [source],
            ResultType = target,
            Body = (arguments, context) => cast.Convert(arguments[0], context),
        };
    }

    internal static string Signature(string name, IReadOnlyList<SqlType> types) =>
        $"{name}({string.Join(", ", types.Select(type => type.DisplayName))})";
}
