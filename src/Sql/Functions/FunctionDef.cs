using Picodata.Core;

namespace Picodata.Sql.Functions;

public enum FunctionKind : byte { Scalar, Set, Aggregate, Window }

/// <summary>Immutable functions of constants may be folded; stable ones are the same within a statement.</summary>
public enum Volatility : byte { Immutable, Stable, Volatile }

/// <summary>
/// Operations so frequent that the expression compiler writes them out instead of calling a delegate. Int* work on
/// <see cref="Datum.AsInt"/>, which comparisons may also use for bool, date, time and timestamp values.
/// </summary>
public enum Intrinsic : byte
{
    None,
    /// <summary>64-bit, checked: 22003 <c>bigint out of range</c> on overflow.</summary>
    IntAdd, IntSubtract, IntMultiply,
    IntEqual, IntNotEqual, IntLess, IntLessOrEqual, IntGreater, IntGreaterOrEqual,
    DoubleAdd, DoubleSubtract, DoubleMultiply,
    /// <summary>PostgreSQL's order: NaN equals NaN and is above all.</summary>
    DoubleEqual, DoubleNotEqual, DoubleLess, DoubleLessOrEqual, DoubleGreater, DoubleGreaterOrEqual,
    TextEqual, TextNotEqual, TextLess, TextLessOrEqual, TextGreater, TextGreaterOrEqual,
}

/// <summary>Body of a scalar function. Arguments of strict functions are never NULL.</summary>
public delegate Datum ScalarBody(ReadOnlySpan<Datum> arguments, EvaluationContext context);

/// <summary>Rows of a set-returning function. The array that is yielded may be used again for the next row.</summary>
public delegate IEnumerable<Datum[]> SetBody(Datum[] arguments, EvaluationContext context);

/// <summary>Makes the body for the types of one call (polymorphic and VARIADIC "any" functions).</summary>
public delegate ScalarBody ScalarFactory(IReadOnlyList<SqlType> argumentTypes, SqlType resultType);

/// <summary>Makes a state for one group; types are those after casts.</summary>
public delegate AggregateState AggregateFactory(IReadOnlyList<SqlType> argumentTypes, SqlType resultType, EvaluationContext context);

/// <summary>Value of a window function for the row at <paramref name="row"/> of its partition.</summary>
public delegate Datum WindowBody(IWindowRows rows, int row);

/// <summary>A registered function: its signature and one of the bodies.</summary>
public sealed class FunctionDef
{
    public required string Name { get; init; }

    public FunctionKind Kind { get; init; }

    /// <summary>Types of the fixed parameters; may be polymorphic (anyelement, anyarray, anycompatible, any).</summary>
    public required IReadOnlyList<SqlType> Parameters { get; init; }

    /// <summary>Element type of a VARIADIC last parameter (not in <see cref="Parameters"/>): zero or more values; <see cref="SqlType.Any"/> takes all types.</summary>
    public SqlType? Variadic { get; init; }

    /// <summary>Result; may be polymorphic. For set functions with several columns <see cref="SqlType.Record"/>.</summary>
    public required SqlType Result { get; init; }

    /// <summary>True: a NULL argument gives NULL without a call (for aggregates: rows with a NULL argument are skipped by the caller).</summary>
    public bool IsStrict { get; init; } = true;

    public Volatility Volatility { get; init; }

    public Intrinsic Intrinsic { get; init; }

    public ScalarBody? Body { get; init; }

    /// <summary>Body with one argument and no context, when there is one.</summary>
    public Func<Datum, Datum>? Unary { get; init; }

    /// <summary>Body with two arguments and no context, when there is one.</summary>
    public Func<Datum, Datum, Datum>? Binary { get; init; }

    public ScalarFactory? Factory { get; init; }

    public SetBody? Set { get; init; }

    /// <summary>Set functions: names and types of the columns; null means one column named like the function with the result type.</summary>
    public IReadOnlyList<(string Name, SqlType Type)>? Columns { get; init; }

    public AggregateFactory? Aggregate { get; init; }

    public WindowBody? Window { get; init; }

    /// <summary>Oid in pg_proc: PostgreSQL's for the few that clients look up, else assigned when registered.</summary>
    public uint Oid { get; internal set; }

    /// <summary>True for functions registered as operators only, which no call by name finds.</summary>
    public bool IsOperator { get; init; }
}

/// <summary>
/// A function chosen for given argument types. The caller casts every argument to <see cref="ArgumentTypes"/> (implicit
/// context; unknown literals by the type's input) and then calls one of the bodies.
/// </summary>
public sealed class ResolvedFunction
{
    public required FunctionDef Definition { get; init; }

    public string Name => Definition.Name;

    public FunctionKind Kind => Definition.Kind;

    /// <summary>One type per argument of the call, VARIADIC expanded, polymorphic types replaced.</summary>
    public required IReadOnlyList<SqlType> ArgumentTypes { get; init; }

    public required SqlType ResultType { get; init; }

    public bool IsStrict => Definition.IsStrict;

    public Volatility Volatility => Definition.Volatility;

    public Intrinsic Intrinsic => Definition.Intrinsic;

    /// <summary>Scalar functions: the body (always set). It does not check strictness: the caller skips the call on NULL.</summary>
    public ScalarBody? Body { get; init; }

    public Func<Datum, Datum>? Unary => Definition.Unary;

    public Func<Datum, Datum, Datum>? Binary => Definition.Binary;

    /// <summary>Set functions: the rows.</summary>
    public SetBody? Set => Definition.Set;

    /// <summary>Set functions: names and types of the columns.</summary>
    public IReadOnlyList<(string Name, SqlType Type)> Columns => Definition.Columns ?? [(Definition.Name, ResultType)];

    /// <summary>Aggregates: a new, empty state.</summary>
    public AggregateState NewState(EvaluationContext context) => Definition.Aggregate!(ArgumentTypes, ResultType, context);

    public WindowBody? Window => Definition.Window;

    /// <summary>Calls the scalar body; NULL when strict and an argument is NULL.</summary>
    public Datum Invoke(ReadOnlySpan<Datum> arguments, EvaluationContext context)
    {
        if (IsStrict)
        {
            foreach (ref readonly Datum argument in arguments)
            {
                if (argument.IsNull)
                {
                    return Datum.Null;
                }
            }
        }

        return Body!(arguments, context);
    }
}
