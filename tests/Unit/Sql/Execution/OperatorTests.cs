using Xunit;
using CsCheck;
using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Execution;
using Picodata.Sql.Plans;
using ExecutionContext = Picodata.Sql.Execution.ExecutionContext;
using static Picodata.Unit.Sql.Execution.PlanBench;

namespace Picodata.Unit.Sql.Execution;

/// <summary>Operators against the plainest way to say what they mean.</summary>
public sealed class OperatorTests
{
    private static readonly Gen<long?> Value = Gen.OneOf(Gen.Const((long?)null), Gen.Long[0, 6].Select(value => (long?)value), Gen.Long[0, 6].Select(value => (long?)value));

    private static Gen<List<long?[]>> Table(int width, int most = 12) => Value.Array[width].List[0, most];

    private static readonly JoinKind[] AllJoins = [JoinKind.Inner, JoinKind.Left, JoinKind.Right, JoinKind.Full, JoinKind.Semi, JoinKind.Anti];

    private static List<long?[]> Naive(JoinKind kind, List<long?[]> left, List<long?[]> right, Func<long?[], long?[], bool> matches)
    {
        var result = new List<long?[]>();
        var used = new bool[right.Count];
        foreach (long?[] row in left)
        {
            int found = 0;
            for (int i = 0; i < right.Count; i++)
            {
                if (matches(row, right[i]))
                {
                    found++;
                    used[i] = true;
                    if (kind is not (JoinKind.Semi or JoinKind.Anti))
                    {
                        result.Add([.. row, .. right[i]]);
                    }
                }
            }

            if (kind == JoinKind.Semi ? found > 0 : kind == JoinKind.Anti && found == 0)
            {
                result.Add(row);
            }
            else if (found == 0 && kind is JoinKind.Left or JoinKind.Full && found == 0)
            {
                result.Add([.. row, null, null]);
            }
        }

        if (kind is JoinKind.Right or JoinKind.Full)
        {
            result.AddRange(right.Where((_, i) => !used[i]).Select(row => new long?[] { null, null, row[0], row[1] }));
        }

        return result;
    }

    [Fact]
    public void Joins_give_what_all_pairs_give() =>
        Gen.Select(Table(2), Table(2), Gen.Int[0, 5], Gen.Bool).Sample((left, right, join, residual) =>
        {
            JoinKind kind = AllJoins[join];
            BoundExpression? extra = residual ? new BoundComparison(ComparisonOperator.LessOrEqual, Slot(1), Slot(3)) : null;
            bool Matches(long?[] l, long?[] r) => l[0] == r[0] && l[0] is not null && (!residual || l[1] <= r[1]);
            string expected = ShowSorted(Naive(kind, left, right, Matches));
            var hash = new HashJoinNode(Rows(2, left), Rows(2, right), kind, [Slot(0)], [Slot(0)], extra);
            BoundExpression condition = extra is null ? Equal(Slot(0), Slot(2)) : new BoundAnd([Equal(Slot(0), Slot(2)), extra]);
            var loop = new NestedLoopJoinNode(Rows(2, left), new MaterialiseNode(Rows(2, right)), kind, condition, []);
            Assert.Equal(expected, ShowSorted(Run(hash)));
            Assert.Equal(expected, ShowSorted(Run(loop)));
            return true;
        }, iter: 2000);

    [Fact]
    public void Hash_joins_on_two_keys_and_on_text() =>
        Gen.Select(Table(2), Table(2)).Sample((left, right) =>
        {
            string expected = ShowSorted(Naive(JoinKind.Full, left, right, (l, r) => l[0] == r[0] && l[1] == r[1] && l[0] is not null && l[1] is not null));
            var join = new HashJoinNode(Rows(2, left), Rows(2, right), JoinKind.Full, [Slot(0), Slot(1)], [Slot(0), Slot(1)], null);
            Assert.Equal(expected, ShowSorted(Run(join)));
            return true;
        }, iter: 1000);

    [Fact]
    public void Not_in_is_never_true_beside_nulls() =>
        Gen.Select(Table(1), Table(1)).Sample((left, right) =>
        {
            IEnumerable<long?[]> expected = left.Where(row => right.Count == 0 || (row[0] is not null && right.All(other => other[0] is not null && other[0] != row[0])));
            var join = new HashJoinNode(Rows(1, left), Rows(1, right), JoinKind.Anti, [Slot(0)], [Slot(0)], null) { IsNullAware = true };
            Assert.Equal(Show(expected), Show(Run(join)));
            Assert.Equal(Show(expected), Show(Run(new FilterNode(Rows(1, left), In(right, negated: true)))));
            IEnumerable<long?[]> members = left.Where(row => row[0] is not null && right.Any(other => other[0] == row[0]));
            Assert.Equal(Show(members), Show(Run(new FilterNode(Rows(1, left), In(right, negated: false)))));
            return true;
        }, iter: 1000);

    private static SubPlanExpression In(List<long?[]> rows, bool negated)
    {
        var column = new BoundLocal(SqlType.Int8);
        ComparisonOperator comparison = negated ? ComparisonOperator.NotEqual : ComparisonOperator.Equal;
        return new SubPlanExpression(
            negated ? SubqueryKind.All : SubqueryKind.Any, Rows(1, rows), [], [Slot(0)], [column], new BoundComparison(comparison, Slot(0), column), comparison, SqlType.Bool);
    }

    [Fact]
    public void Sorting_is_stable_and_top_n_is_sort_then_limit() =>
        Gen.Select(Table(2, 40), Gen.Bool, Gen.Bool, Gen.Int[0, 10], Gen.Int[0, 5]).Sample((rows, descending, nullsFirst, count, offset) =>
        {
            var key = new BoundSortKey(Slot(0), descending, nullsFirst);
            long?[][] numbered = [.. rows.Select((row, i) => new[] { row[0], i })];
            long Rank(long?[] row) => row[0] is not { } value ? (nullsFirst ? long.MinValue : long.MaxValue) : descending ? -value : value;
            List<long?[]> expected = [.. numbered.OrderBy(Rank)];
            Assert.Equal(Show(expected), Show(Run(new SortNode(Rows(2, numbered), [key]))));
            string part = Show(expected.Skip(offset).Take(count));
            Assert.Equal(part, Show(Run(new LimitNode(new SortNode(Rows(2, numbered), [key]), Int(count), Int(offset)))));
            Assert.Equal(part, Show(Run(new TopNNode(Rows(2, numbered), [key], Int(count), Int(offset)))));
            return true;
        }, iter: 1000);

    [Fact]
    public void Grouping_by_hash_and_by_order_agree_with_linq() =>
        Gen.Select(Table(2, 30), Gen.Bool).Sample((rows, distinct) =>
        {
            long? Total(IEnumerable<long?[]> group)
            {
                IEnumerable<long?> values = group.Select(row => row[1]).Where(value => value is not null);
                List<long?> list = [.. distinct ? values.Distinct() : values];
                return list.Count == 0 ? null : list.Sum();
            }

            string expected = Show(rows.GroupBy(row => row[0] ?? -1).Select(group => new[] { group.First()[0], Total(group) }));
            Assert.Equal(expected, Show(Run(new AggregateNode(Rows(2, rows), [Output(Slot(0))], [SumOf(1, distinct)], false))));
            var sorted = new AggregateNode(new SortNode(Rows(2, rows), [Ascending(0)]), [Output(Slot(0))], [SumOf(1, distinct)], true);
            Assert.Equal(ShowSorted(Run(new AggregateNode(Rows(2, rows), [Output(Slot(0)), Output(Slot(0))], [SumOf(1, distinct)], false)).Select(row => new[] { row[0], row[2] })), ShowSorted(Run(sorted)));
            Assert.Equal(Show([[Total(rows)]]), Show(Run(new AggregateNode(Rows(2, rows), [], [SumOf(1, distinct)], true))));
            return true;
        }, iter: 1000);

    [Fact]
    public void Aggregates_filter_order_and_grouping_sets()
    {
        ValuesNode rows = Rows(2, [[1, 5], [2, 3], [1, 4], [2, null], [1, 9]]);
        var filtered = new AggregateNode(rows, [Output(Slot(0))], [SumOf(1, filter: Less(Slot(1), Int(6)))], false);
        Assert.Equal("(1,9) (2,3)", Show(Run(filtered)));
        var ordered = new AggregateNode(rows, [], [new AggregateCall(Collect, [Slot(1)], false, null, [new BoundSortKey(Slot(1), true, true)], "list", SqlType.Text)], false);
        using RowSource source = ExecutablePlan.Compile(ordered).Execute(Context()).Rows!;
        Assert.True(source.MoveNext());
        Assert.Equal("9,5,4,3", source.Current[0].AsText);
        var sets = new AggregateNode(rows, [Output(Slot(0))], [SumOf(1)], false) { GroupingSets = [[0], []] };
        Assert.Equal("(-,21) (1,18) (2,3)", ShowSorted(Run(sets)));
        Assert.Equal("(-,-)", Show(Run(new AggregateNode(Rows(2, []), [Output(Slot(0))], [SumOf(1)], false) { GroupingSets = [[0], []] })));
    }

    [Fact]
    public void Set_operations_count_like_multisets() =>
        Gen.Select(Table(1), Table(1)).Sample((left, right) =>
        {
            static Dictionary<long, int> Count(List<long?[]> rows) => rows.GroupBy(row => row[0] ?? -1).ToDictionary(group => group.Key, group => group.Count());
            Dictionary<long, int> l = Count(left);
            Dictionary<long, int> r = Count(right);
            int Right(long key) => r.GetValueOrDefault(key);
            string Expect(Func<long, int, int> keep) => ShowSorted(l.SelectMany(pair =>
                Enumerable.Repeat(new[] { pair.Key < 0 ? (long?)null : pair.Key }, Math.Max(0, keep(pair.Key, pair.Value)))));
            string Actual(SetOperationKind kind, bool all) => ShowSorted(Run(new SetOperationNode(kind, all, Rows(1, left), Rows(1, right))));
            Assert.Equal(Expect((key, _) => Right(key) > 0 ? 1 : 0), Actual(SetOperationKind.Intersect, false));
            Assert.Equal(Expect((key, n) => Math.Min(n, Right(key))), Actual(SetOperationKind.Intersect, true));
            Assert.Equal(Expect((key, _) => Right(key) > 0 ? 0 : 1), Actual(SetOperationKind.Except, false));
            Assert.Equal(Expect((key, n) => n - Right(key)), Actual(SetOperationKind.Except, true));
            Assert.Equal(Show(left.Concat(right)), Show(Run(new AppendNode([Rows(1, left), Rows(1, right)]))));
            Assert.Equal(Show(left.Concat(right).DistinctBy(row => row[0] ?? -1)), Show(Run(new DistinctNode(new AppendNode([Rows(1, left), Rows(1, right)])))));
            return true;
        }, iter: 1000);

    [Fact]
    public void Correlated_subplans_and_lateral_loops_see_the_outer_row() =>
        Gen.Select(Table(1), Table(2)).Sample((left, right) =>
        {
            var cell = new BoundExecParameter(0, SqlType.Int8);
            PlanNode inner = new FilterNode(Rows(2, right), Equal(Slot(0), cell));
            var sum = new SubPlanExpression(
                SubqueryKind.Scalar, new AggregateNode(inner, [], [SumOf(1)], false), [new OuterBinding(0, Slot(0))], [], [], null, null, SqlType.Int8);
            long? Sum(long? key) => right.Where(row => row[0] == key && key is not null && row[1] is not null).ToList() is { Count: > 0 } found ? found.Sum(row => row[1]) : null;
            Assert.Equal(Show(left.Select(row => new[] { row[0], Sum(row[0]) })), Show(Run(new ProjectNode(Rows(1, left), [Output(Slot(0)), Output(sum)]))));
            var exists = new SubPlanExpression(SubqueryKind.Exists, inner, [new OuterBinding(0, Slot(0))], [], [], null, null, SqlType.Bool);
            Assert.Equal(Show(left.Where(row => row[0] is not null && right.Any(other => other[0] == row[0]))), Show(Run(new FilterNode(Rows(1, left), exists))));
            var lateral = new NestedLoopJoinNode(Rows(1, left), inner, JoinKind.Inner, null, [new OuterBinding(0, Slot(0))]);
            Assert.Equal(Show(left.SelectMany(row => right.Where(other => other[0] == row[0] && row[0] is not null), (row, other) => new[] { row[0], other[0], other[1] })), Show(Run(lateral)));
            return true;
        }, iter: 1000);

    [Fact]
    public void Kept_inner_rows_are_read_again_only_when_they_depend_on_the_outer_row()
    {
        var cell = new BoundExecParameter(0, SqlType.Int8);
        PlanNode right = new MaterialiseNode(new FilterNode(Rows(1, [[1], [2], [3]]), Less(cell, Slot(0))));
        var hash = new HashJoinNode(Rows(1, [[1], [2], [3]]), right, JoinKind.Inner, [Slot(0)], [Slot(0)], null);
        var loop = new NestedLoopJoinNode(Rows(1, [[1], [2], [0]]), hash, JoinKind.Inner, null, [new OuterBinding(0, Slot(0))]);
        Assert.Equal("(1,2,2) (1,3,3) (2,3,3) (0,1,1) (0,2,2) (0,3,3)", Show(Run(loop)));
    }

    [Fact]
    public void Scalar_subqueries_with_two_rows_are_errors()
    {
        var two = new SubPlanExpression(SubqueryKind.Scalar, Rows(1, [[1], [2]]), [], [], [], null, null, SqlType.Int8);
        Assert.Equal(SqlStates.CardinalityViolation, Assert.Throws<DbException>(() => Evaluate(two)).SqlState);
        var none = two with { Plan = Rows(1, []) };
        Assert.True(Evaluate(none).IsNull);
        var array = new SubPlanExpression(SubqueryKind.Array, Rows(1, [[1], [null]]), [], [], [], null, null, SqlType.ArrayOf(SqlType.Int8));
        Assert.Equal([1L, 0], Evaluate(array).AsArray.Elements.Select(element => element.AsInt));
    }

    [Fact]
    public void Recursive_unions_run_until_nothing_is_new()
    {
        IReadOnlyList<PlanColumn> columns = [new("n", SqlType.Int8)];
        var step = new ProjectNode(new FilterNode(new CteScanNode(1, "t", columns), Less(Slot(0), Int(6))), [Output(Call(Add, Slot(0), Int(1)))]);
        var union = new RecursiveUnionNode(1, Rows(1, [[1]]), step, false);
        var with = new WithNode([new CommonTable(2, "t", union)], new AppendNode([new CteScanNode(2, "t", columns), new CteScanNode(2, "t", columns)]));
        Assert.Equal("(1) (2) (3) (4) (5) (6) (1) (2) (3) (4) (5) (6)", Show(Run(with)));
        var cycle = new RecursiveUnionNode(1, Rows(1, [[1]]), new ProjectNode(new CteScanNode(1, "t", columns), [Output(Int(1))]), true);
        Assert.Equal("(1)", Show(Run(cycle)));
        var joined = new HashJoinNode(Rows(2, [[1, 2], [2, 3], [3, 1]]), new CteScanNode(1, "t", columns), JoinKind.Inner, [Slot(0)], [Slot(0)], null);
        var graph = new RecursiveUnionNode(1, Rows(1, [[1]]), new ProjectNode(joined, [Output(Slot(1))]), true);
        Assert.Equal("(1) (2) (3)", Show(Run(graph)));
    }

    [Fact]
    public void Limits_ties_and_distinct_on()
    {
        ValuesNode rows = Rows(2, [[1, 1], [1, 2], [2, 3], [2, 4], [3, 5]]);
        Assert.Equal("(1,1) (1,2) (2,3) (2,4)", Show(Run(new LimitNode(rows, Int(3), null, [Ascending(0)]))));
        Assert.Equal("(1,1) (2,3) (3,5)", Show(Run(new DistinctOnNode(rows, [Slot(0)]))));
        Assert.Equal("", Show(Run(new LimitNode(rows, Int(0), null))));
        Assert.Equal("(3,5)", Show(Run(new LimitNode(rows, Int(null), Int(4)))));
        Assert.Equal(SqlStates.InvalidRowCountInLimit, Assert.Throws<DbException>(() => Run(new LimitNode(rows, Int(-1), null))).SqlState);
        Assert.Equal(SqlStates.InvalidRowCountInOffset, Assert.Throws<DbException>(() => Run(new LimitNode(rows, Int(1), Int(-1)))).SqlState);
    }

    [Fact]
    public void Memory_is_limited_and_given_back()
    {
        long?[][] many = [.. Enumerable.Range(0, 20_000).Select(i => new long?[] { i })];
        PlanNode[] hungry =
        [
            new SortNode(Rows(1, many), [Ascending(0)]), new DistinctNode(Rows(1, many)), new MaterialiseNode(Rows(1, many)),
            new AggregateNode(Rows(1, many), [Output(Slot(0))], [SumOf(0)], false),
            new HashJoinNode(Rows(1, many), Rows(1, many), JoinKind.Inner, [Slot(0)], [Slot(0)], null),
        ];
        foreach (PlanNode plan in hungry)
        {
            Assert.Equal(SqlStates.OutOfMemory, Assert.Throws<DbException>(() => Run(plan, Context(memory: 200_000))).SqlState);
            ExecutionContext roomy = Context(memory: 20_000_000);
            Assert.Equal(20_000, Run(plan, roomy).Count);
            Assert.True(roomy.Memory.Peak > 500_000, plan.Title);
        }
    }

    [Fact]
    public void A_cancelled_statement_stops()
    {
        using var cancel = new CancellationTokenSource();
        long?[][] rows = [.. Enumerable.Range(0, 2_000).Select(i => new long?[] { i })];
        var cross = new NestedLoopJoinNode(Rows(1, rows), new MaterialiseNode(Rows(1, rows)), JoinKind.Inner, Bool(false), []);
        ExecutionContext context = Context(cancel: cancel.Token);
        using RowSource source = ExecutablePlan.Compile(cross).Execute(context).Rows!;
        cancel.Cancel();
        Assert.Equal(SqlStates.QueryCanceled, Assert.Throws<DbException>(() => source.MoveNext()).SqlState);
        var sort = new SortNode(Rows(1, rows), [Ascending(0)]);
        Assert.Equal(SqlStates.QueryCanceled, Assert.Throws<DbException>(() => Run(sort, Context(cancel: cancel.Token))).SqlState);
    }

    [Fact]
    public void Statistics_count_loops_and_rows()
    {
        ValuesNode inner = Rows(1, [[1], [2]]);
        ValuesNode outer = Rows(1, [[1], [2], [3]]);
        var plan = new NestedLoopJoinNode(outer, inner, JoinKind.Inner, Equal(Slot(0), Slot(1)), []);
        ExecutionContext context = Context();
        context.Statistics = new PlanStatistics(TimeProvider.System);
        Run(plan, context);
        Assert.Equal((3, 1), (context.Statistics.Of(outer).Rows, context.Statistics.Of(outer).Loops));
        Assert.Equal((6, 3), (context.Statistics.Of(inner).Rows, context.Statistics.Of(inner).Loops));
        Assert.Equal(2, context.Statistics.Of(plan).Rows);
    }
}
