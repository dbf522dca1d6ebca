using Picodata.Sql.Plans;

namespace Picodata.Sql;

/// <summary>The expressions that a plan node itself evaluates, and the subplans inside of them.</summary>
internal static class PlanExpressions
{
    /// <summary>Subplans of a node's own expressions.</summary>
    public static List<SubPlanExpression> SubPlans(PlanNode node)
    {
        var plans = new List<SubPlanExpression>();
        foreach (BoundExpression? expression in Of(node))
        {
            if (expression is null)
            {
                continue;
            }

            ExpressionRewriter.Visit(expression, e =>
            {
                if (e is SubPlanExpression plan && !plans.Contains(plan))
                {
                    plans.Add(plan);
                }

                return true;
            });
        }

        return plans;
    }

    private static IEnumerable<BoundExpression?> Of(PlanNode node) => node switch
    {
        PointGetNode n => [.. n.Key, n.Filter],
        IndexScanNode n => [.. n.Range.Equal, .. n.Range.In ?? [], n.Range.InArray, n.Range.Lower?.Value, n.Range.Upper?.Value, n.Filter],
        TableScanNode n => [n.Filter],
        VirtualScanNode n => [n.Filter],
        FilterNode n => [n.Condition],
        ProjectNode n => n.Outputs.Select(o => o.Expression),
        ProjectSetNode n => n.Items.SelectMany(i => (IEnumerable<BoundExpression?>)[i.Expression, .. i.Arguments]),
        ValuesNode n => n.Rows.SelectMany(r => r),
        FunctionScanNode n => n.Functions.SelectMany(f => (IEnumerable<BoundExpression?>)[f.Scalar, .. f.Arguments]),
        HashJoinNode n => [.. n.LeftKeys, .. n.RightKeys, n.Residual],
        NestedLoopJoinNode n => [n.Condition, .. n.Bindings.Select(b => b.Value)],
        IndexLookupJoinNode n => [.. n.Key, n.Condition],
        SortNode n => n.Keys.Select(k => k.Expression),
        TopNNode n => [.. n.Keys.Select(k => k.Expression), n.Count, n.Offset],
        LimitNode n => [n.Count, n.Offset],
        AggregateNode n => [.. n.Keys.Select(k => k.Expression), .. n.Aggregates.SelectMany(a => (IEnumerable<BoundExpression?>)[.. a.Arguments, a.Filter])],
        WindowNode n => [.. n.PartitionBy, .. n.Calls.SelectMany(c => c.Arguments)],
        InsertNode n => n.Values,
        UpdateNode n => n.Assignments.Select(a => a.Value),
        PointUpdateNode n => [.. n.Assignments.Select(a => a.Value), n.Filter],
        _ => [],
    };
}
