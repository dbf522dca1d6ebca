using Xunit;
using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Execution;
using Picodata.Sql.Functions;
using Picodata.Sql.Plans;
using ExecutionContext = Picodata.Sql.Execution.ExecutionContext;
using Picodata.Sql.Types;

namespace Picodata.Unit.Sql.Execution;

/// <summary>Short names for making and running plans without a database: rows of nullable integers in and out.</summary>
internal static class PlanBench
{
    public static BoundConstant Int(long? value) => new(value is { } number ? Datum.Int(number) : Datum.Null, SqlType.Int8);

    public static BoundConstant Text(string? value) => new(value is null ? Datum.Null : Datum.Text(value), SqlType.Text);

    public static BoundConstant Bool(bool? value) => new(value is { } truth ? Datum.Bool(truth) : Datum.Null, SqlType.Bool);

    public static BoundSlot Slot(int slot) => new(slot, SqlType.Int8);

    public static BoundComparison Equal(BoundExpression left, BoundExpression right) => new(ComparisonOperator.Equal, left, right);

    public static BoundComparison Less(BoundExpression left, BoundExpression right) => new(ComparisonOperator.Less, left, right);

    public static ValuesNode Rows(int width, IEnumerable<long?[]> rows) => new(
        [.. Enumerable.Range(0, width).Select(i => new PlanColumn("c" + i, SqlType.Int8))],
        [.. rows.Select(row => (IReadOnlyList<BoundExpression>)[.. row.Select(Int)])]);

    public static PlanOutput Output(BoundExpression expression) => new("x", expression);

    public static BoundSortKey Ascending(int slot) => new(Slot(slot), false, false);

    public static ExecutionContext Context(long memory = 0, CancellationToken cancel = default) =>
        new(null!, new EvaluationContext(new TypeContext()) { Cancel = cancel }, new StatementMemory(memory));

    public static List<long?[]> Run(PlanNode plan, ExecutionContext? context = null)
    {
        StatementOutcome outcome = ExecutablePlan.Compile(plan).Execute(context ?? Context());
        Assert.False(outcome.MustRunAgain);
        return Drain(outcome.Rows!);
    }

    public static List<long?[]> Drain(RowSource rows)
    {
        var result = new List<long?[]>();
        while (rows.MoveNext())
        {
            result.Add(Array.ConvertAll(rows.Current.ToArray(), value => value.IsNull ? (long?)null : value.AsInt));
        }

        Assert.False(rows.MoveNext());
        rows.Dispose();
        return result;
    }

    public static Datum Evaluate(BoundExpression expression, params Datum[] parameters)
    {
        var plan = new ProjectNode(new OneRowNode(), [Output(expression)]);
        ExecutionContext context = Context();
        context.Parameters = parameters;
        using RowSource rows = ExecutablePlan.Compile(plan).Execute(context).Rows!;
        Assert.True(rows.MoveNext());
        return rows.Current[0];
    }

    public static bool? Truth(BoundExpression expression) => Evaluate(expression) is { IsNull: false } value ? value.AsBool : null;

    public static string Show(IEnumerable<long?[]> rows) => string.Join(" ", rows.Select(row => "(" + string.Join(",", row.Select(value => value?.ToString() ?? "-")) + ")"));

    public static string ShowSorted(IEnumerable<long?[]> rows) => string.Join(" ", rows.Select(row => Show([row])).Order(StringComparer.Ordinal));

    private sealed class SumState : AggregateState
    {
        private long sum;
        private bool any;

        public override void Accumulate(ReadOnlySpan<Datum> arguments)
        {
            sum = checked(sum + arguments[0].AsInt);
            any = true;
        }

        public override Datum Finish() => any ? Datum.Int(sum) : Datum.Null;

        public override void Combine(AggregateState other) => throw new NotSupportedException();
    }

    private sealed class ListState : AggregateState
    {
        private readonly List<Datum> items = [];

        public override void Accumulate(ReadOnlySpan<Datum> arguments) => items.Add(arguments[0]);

        public override Datum Finish() => Datum.Text(string.Join(",", items));

        public override void Combine(AggregateState other) => throw new NotSupportedException();

        public override long HeldBytes => items.Count * 24L;
    }

    /// <summary>A sum of integers, so that these tests need no function table.</summary>
    public static readonly ResolvedFunction Sum = Aggregate("sum", SqlType.Int8, () => new SumState());

    /// <summary>All values in the order of arrival.</summary>
    public static readonly ResolvedFunction Collect = Aggregate("collect", SqlType.Text, () => new ListState());

    private static ResolvedFunction Aggregate(string name, SqlType result, Func<AggregateState> state) => new()
    {
        Definition = new FunctionDef { Name = name, Kind = FunctionKind.Aggregate, Parameters = [SqlType.Int8], Result = result, Aggregate = (_, _, _) => state() },
        ArgumentTypes = [SqlType.Int8],
        ResultType = result,
    };

    public static AggregateCall SumOf(int slot, bool distinct = false, BoundExpression? filter = null) =>
        new(Sum, [Slot(slot)], distinct, filter, [], "sum", SqlType.Int8);

    public static ResolvedFunction Scalar(string name, int arguments, SqlType result, ScalarBody body, bool strict = true, Volatility volatility = Volatility.Immutable, Intrinsic intrinsic = Intrinsic.None) => new()
    {
        Definition = new FunctionDef
        {
            Name = name, Parameters = [.. Enumerable.Repeat(SqlType.Int8, arguments)], Result = result, IsStrict = strict, Volatility = volatility, Intrinsic = intrinsic,
        },
        ArgumentTypes = [.. Enumerable.Repeat(SqlType.Int8, arguments)],
        ResultType = result,
        Body = body,
    };

    public static readonly ResolvedFunction Add = Scalar("+", 2, SqlType.Int8, (a, _) => Datum.Int(a[0].AsInt + a[1].AsInt), intrinsic: Intrinsic.IntAdd);

    public static readonly ResolvedFunction Fail = Scalar(
        "fail", 1, SqlType.Bool, (_, _) => throw new DbException(SqlStates.DivisionByZero, "must not be reached"), strict: false, volatility: Volatility.Volatile);

    public static BoundCall Call(ResolvedFunction function, params BoundExpression[] arguments) => new(function, arguments, function.ResultType);
}
