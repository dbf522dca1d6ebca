using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

// Grouping and window calls: their values become slots for what is above.
public sealed partial class Planner
{
    private Built PlanGrouping(BoundSelect select, List<BoundTarget> targets, Built input, bool isSorted)
    {
        var layout = new Layout();
        var keys = new List<PlanOutput>();
        foreach (BoundExpression key in select.GroupBy)
        {
            layout.Add(key);
            keys.Add(new PlanOutput(key is BoundColumn column ? column.Name : "key", Translate(key, input.Layout)));
        }

        var calls = new List<AggregateCall>();
        foreach (BoundTarget target in targets)
        {
            CollectAggregates(target.Expression, input.Layout, layout, calls);
        }

        if (select.Having is not null)
        {
            CollectAggregates(select.Having, input.Layout, layout, calls);
        }

        PlanEstimate below = input.Node.Estimate;
        double groups = keys.Count == 0 ? 1 : Math.Max(1, Math.Min(below.Rows, Math.Max(10, below.Rows * 0.2)));
        bool sorted = keys.Count > 0 && isSorted && select.GroupingSets.Count == 0;
        var node = new AggregateNode(input.Node, keys, calls, sorted)
        {
            GroupingSets = select.GroupingSets,
            Estimate = new PlanEstimate(groups, below.Cost + (below.Rows * (sorted ? 0.5 : 1.5))),
        };
        var built = new Built(node, layout);
        if (select.Having is null)
        {
            return built;
        }

        var terms = new List<BoundExpression>();
        Conditions.Split(select.Having, terms);
        return Filter(built, terms);
    }

    private void CollectAggregates(BoundExpression e, Layout input, Layout output, List<AggregateCall> calls) =>
        ExpressionRewriter.Visit(e, node =>
        {
            if (node is not BoundAggregate aggregate)
            {
                return output.Find(node) < 0;
            }

            if (output.Find(aggregate) < 0)
            {
                output.Add(aggregate);
                calls.Add(new AggregateCall(
                    aggregate.Function,
                    aggregate.Arguments.Select(a => Translate(a, input)).ToArray(),
                    aggregate.IsDistinct,
                    aggregate.Filter is null ? null : Translate(aggregate.Filter, input),
                    aggregate.OrderBy.Select(k => Translate(k, input)).ToArray(),
                    aggregate.Function.Name,
                    aggregate.Type));
            }

            return false;
        });

    /// <summary>
    /// SELECT min(a) FROM t: the first row of an index that is not NULL there. Only when the table's conditions leave the order to that index.
    /// </summary>
    private FromPlan? MinMaxInput(BoundSelect select, List<BoundTarget> targets)
    {
        if (!select.IsGrouped || select.GroupBy.Count > 0 || select.Having is not null || select.From is not BoundTableSource table || targets.Count != 1
            || targets[0].Expression is not BoundAggregate { Function.Name: "min" or "max", Filter: null, Arguments: [BoundColumn column] } call)
        {
            return null;
        }

        var key = new BoundSortKey(column, call.Function.Name == "max", call.Function.Name != "max");
        BoundExpression notNull = new BoundIsNull(column, true);
        bool isNullable = table.Table.Columns[column.Column].IsNullable;
        List<BoundExpression> conditions = [.. select.Where is null ? Array.Empty<BoundExpression>() : [select.Where], .. isNullable ? [notNull] : Array.Empty<BoundExpression>()];
        if (select.Where is not null && Conditions.HasSubquery(select.Where))
        {
            return null;
        }

        bool fits = table.Table.Indexes.Any(i => i.IsUsable && i.Parts.Any(p => p.Ordinal == column.Column));
        if (!fits)
        {
            return null;
        }

        CountColumns(notNull);
        FromPlan plan = PlanFrom(table, conditions, new OrderWish([key], 1));
        if (!plan.IsOrdered)
        {
            return plan;
        }

        var one = new BoundConstant(Datum.Int(1), SqlType.Int8);
        return plan with { Built = plan.Built with { Node = new LimitNode(plan.Built.Node, one, null) { Estimate = new PlanEstimate(1, plan.Cost) } }, Rows = 1 };
    }

    private Built PlanWindows(List<BoundTarget> targets, Built input)
    {
        var calls = new List<BoundWindowCall>();
        foreach (BoundTarget target in targets)
        {
            ExpressionRewriter.Visit(target.Expression, node =>
            {
                if (node is BoundWindowCall call && !calls.Contains(call))
                {
                    calls.Add(call);
                }

                return node is not BoundWindowCall;
            });
        }

        while (calls.Count > 0)
        {
            BoundWindow window = calls[0].Window;
            List<BoundWindowCall> group = calls.FindAll(c => c.Window.SameOrder(window));
            calls.RemoveAll(group.Contains);
            input = PlanWindow(window, group, input);
        }

        return input;
    }

    private Built PlanWindow(BoundWindow window, List<BoundWindowCall> group, Built input)
    {
        Layout layout = Layout.Join(input.Layout, new Layout(0));
        var calls = new List<WindowCall>();
        BoundSortKey[] order = window.OrderBy.Select(k => Translate(k, input.Layout)).ToArray();
        foreach (BoundWindowCall call in group)
        {
            layout.Add(call);
            calls.Add(new WindowCall(
                call.Function,
                call.Aggregate,
                call.Arguments.Select(a => Translate(a, input.Layout)).ToArray(),
                call.Filter is null ? null : Translate(call.Filter, input.Layout),
                Frame(call.Window, order),
                (call.Function ?? call.Aggregate!).Name,
                call.Type));
        }

        BoundExpression[] partition = window.PartitionBy.Select(e => Translate(e, input.Layout)).ToArray();
        PlanEstimate below = input.Node.Estimate;
        var node = new WindowNode(input.Node, partition, order, calls)
        {
            Estimate = new PlanEstimate(below.Rows, below.Cost + (below.Rows * (1 + (Math.Log2(Math.Max(2, below.Rows)) * 0.3)))),
        };
        return new Built(node, layout);
    }

    private WindowFrame Frame(BoundWindow window, BoundSortKey[] order)
    {
        var empty = new Layout(0);
        BoundFrameBound start = window.Start with { Offset = window.Start.Offset is null ? null : Translate(window.Start.Offset, empty) };
        BoundFrameBound end = window.End with { Offset = window.End.Offset is null ? null : Translate(window.End.Offset, empty) };
        SqlType? offset = start.Offset?.Type ?? end.Offset?.Type;
        if (window.Mode != FrameMode.Range || offset is null)
        {
            return new WindowFrame(window.Mode, start, end, window.Exclusion);
        }

        SqlType key = order[0].Expression.Type;
        return new WindowFrame(window.Mode, start, end, window.Exclusion, OperatorTable.Resolve("+", key, offset), OperatorTable.Resolve("-", key, offset));
    }
}
