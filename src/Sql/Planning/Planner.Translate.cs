using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

// From bound expressions to planned ones: columns become slots or cells, subqueries become subplans.
public sealed partial class Planner
{
    /// <summary>Replaces columns of pulled-up subqueries by what they stand for.</summary>
    private BoundExpression Substitute(BoundExpression e)
    {
        if (substitutions.Count == 0)
        {
            return e;
        }

        return ExpressionRewriter.Rewrite(e, node =>
            node is BoundColumn column && substitutions.TryGetValue(column.Range, out BoundExpression[]? targets)
                ? Substitute(targets[column.Column])
                : null);
    }

    /// <summary>The expression over rows of a layout.</summary>
    private BoundExpression Translate(BoundExpression e, Layout layout)
    {
        if (e is BoundConstant or BoundParameter)
        {
            return e;
        }

        return ExpressionRewriter.Rewrite(e, node => TranslateNode(node, layout));
    }

    private BoundExpression? TranslateNode(BoundExpression node, Layout layout)
    {
        if (node is BoundConstant or BoundParameter or BoundLocal or BoundSlot or BoundExecParameter)
        {
            return node;
        }

        int slot = layout.Find(node);
        if (slot >= 0)
        {
            return new BoundSlot(slot, node.Type) { Name = node is BoundColumn c ? QualifiedName(c) : null };
        }

        switch (node)
        {
            case BoundColumn column when substitutions.TryGetValue(column.Range, out BoundExpression[]? targets):
                return Translate(targets[column.Column], layout);
            case BoundColumn column:
                return OuterCell(column);
            case BoundSubquery subquery:
                return TranslateSubquery(subquery, layout);
            case BoundAggregate or BoundWindowCall:
                throw new DbException(SqlStates.GroupingError, "aggregate functions are not allowed here");
            case BoundSetReturning:
                throw new DbException(SqlStates.FeatureNotSupported, "set-returning functions are not allowed here");
            default:
                return null;
        }
    }

    private static string QualifiedName(BoundColumn column) =>
        column.Range.Alias.Length == 0 ? column.Name : column.Range.Alias + "." + column.Name;

    private BoundExecParameter OuterCell(BoundColumn column)
    {
        if (outer is null)
        {
            throw new DbException(SqlStates.InternalError, $"column {QualifiedName(column)} has no source in the plan");
        }

        foreach ((BoundExpression known, int cell) in outer.Cells)
        {
            if (known.Equals(column))
            {
                return new BoundExecParameter(cell, column.Type) { Name = QualifiedName(column) };
            }
        }

        int fresh = nextCell++;
        outer.Cells.Add((column, fresh));
        return new BoundExecParameter(fresh, column.Type) { Name = QualifiedName(column) };
    }

    /// <summary>Plans an inner part; what it reads from outside is then bound over the rows of <paramref name="layout"/>.</summary>
    private (T Result, IReadOnlyList<OuterBinding> Bindings) PlanInner<T>(Func<T> plan, Layout layout)
    {
        var cells = new OuterCells(outer);
        outer = cells;
        T result = plan();
        outer = cells.Parent;
        if (cells.Cells.Count == 0)
        {
            return (result, []);
        }

        return (result, cells.Cells.Select(c => new OuterBinding(c.Cell, Translate(c.Column, layout))).ToArray());
    }

    /// <summary>One subquery over one layout is one subplan, however often it is named (SET (a, b) = (SELECT ...)).</summary>
    private SubPlanExpression TranslateSubquery(BoundSubquery subquery, Layout layout)
    {
        if (lastSubPlan is { } last && ReferenceEquals(last.Subquery, subquery) && ReferenceEquals(last.Layout, layout))
        {
            return last.Plan;
        }

        SubPlanExpression made = MakeSubPlan(subquery, layout);
        lastSubPlan = (subquery, layout, made);
        return made;
    }

    private SubPlanExpression MakeSubPlan(BoundSubquery subquery, Layout layout)
    {
        CountAgain(subquery);
        (PlanNode plan, IReadOnlyList<OuterBinding> bindings) = PlanInner(() => PlanQuery(ForSubquery(subquery), false, IsBareExists(subquery) ? _ => false : null), layout);
        BoundExpression[] left = subquery.Left.Select(e => Translate(e, layout)).ToArray();
        BoundExpression? condition = subquery.Condition is null ? null : Translate(subquery.Condition, layout);
        return new SubPlanExpression(subquery.Kind, plan, bindings, left, subquery.Columns, condition, subquery.Comparison, subquery.Type);
    }

    /// <summary>
    /// A subquery behind a merged column is planned once for every place that names the column; each plan takes conditions off the
    /// count of its columns, so each needs a count of its own.
    /// </summary>
    private void CountAgain(BoundSubquery subquery)
    {
        if (!planned.Add(subquery.Query))
        {
            CollectUsage(subquery.Query, IsBareExists(subquery) ? _ => false : null);
        }
    }

    /// <summary>EXISTS needs one row only.</summary>
    private static BoundQuery ForSubquery(BoundSubquery subquery)
    {
        BoundQuery query = subquery.Query;
        if (subquery.Kind != SubqueryKind.Exists || query.Limit is not null || query.Offset is not null)
        {
            return query;
        }

        return new BoundQuery { Body = query.Body, Ctes = query.Ctes, OrderBy = query.OrderBy, Limit = new BoundConstant(Datum.Int(1), SqlType.Int8) };
    }

    private BoundSortKey Translate(BoundSortKey key, Layout layout) => key with { Expression = Translate(key.Expression, layout) };

    private PlanOutput[] TranslateOutputs(IReadOnlyList<BoundTarget>? targets, Layout layout) =>
        targets is null ? [] : targets.Select(t => new PlanOutput(t.Column.Name, Translate(t.Expression, layout))).ToArray();
}
