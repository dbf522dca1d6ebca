using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

// EXISTS and IN in WHERE become semi-joins, their negations anti-joins, where an equality ties the two sides. Others stay
// subplans, which the executor caches.
public sealed partial class Planner
{
    /// <summary>A subquery that is joined instead of run for every row.</summary>
    /// <param name="Conditions">Conditions that tie the sides together.</param>
    /// <param name="Inner">Conditions of the inner side alone.</param>
    private sealed record SemiJoin(
        JoinKind Kind, BoundSource From, IReadOnlyList<BoundExpression> Inner, List<BoundExpression> Conditions, bool IsNullAware, BoundExpression Term);

    private List<SemiJoin> TakeSemiJoins(Block block)
    {
        var semis = new List<SemiJoin>();
        if (!block.Terms.Exists(t => t is BoundSubquery or BoundNot { Operand: BoundSubquery }))
        {
            return semis;
        }

        for (int i = block.Terms.Count - 1; i >= 0; i--)
        {
            if (AsSemiJoin(block.Terms[i], block) is { } semi)
            {
                semis.Insert(0, semi);
                block.Terms.RemoveAt(i);
            }
        }

        return semis;
    }

    private SemiJoin? AsSemiJoin(BoundExpression term, Block block)
    {
        bool isNegated = term is BoundNot;
        if ((isNegated ? ((BoundNot)term).Operand : term) is not BoundSubquery subquery || block.Units.Count == 0
            || subquery.Kind is not (SubqueryKind.Exists or SubqueryKind.Any))
        {
            return null;
        }

        BoundQuery query = subquery.Query;
        if (query.Body is not BoundSelect { From: not null } select || query.Limit is not null || query.Offset is not null || query.Ctes.Count > 0
            || select.IsGrouped || select.IsDistinct || select.DistinctOn.Count > 0 || select.HasWindows || select.HasSetReturning || IsTiedElsewhere(select, block))
        {
            return null;
        }

        var terms = new List<BoundExpression>();
        Conditions.Split(select.Where, terms);
        List<BoundExpression> ties = terms.FindAll(t => MaskOf(t, block) != 0);
        terms.RemoveAll(ties.Contains);
        bool isNullAware = false;
        if (subquery.Kind == SubqueryKind.Any)
        {
            if (isNegated && (ties.Count > 0 || subquery.Left.Count != 1))
            {
                return null;
            }

            isNullAware = isNegated;
            AddAnyTerms(subquery, select, ties);
        }

        List<BoundRange> ranges = RangesOf(select.From);
        if (!ties.Exists(t => TiesEqual(t, ranges)) || (isNullAware && (ties.Count != 1 || !TiesEqual(ties[0], ranges))) || ties.Exists(Conditions.HasSubquery))
        {
            return null;
        }

        CountAgain(subquery);
        return new SemiJoin(isNegated ? JoinKind.Anti : JoinKind.Semi, select.From, terms, ties, isNullAware, term);
    }

    private static bool TiesEqual(BoundExpression tie, List<BoundRange> inner) =>
        HashSides(tie, inner) is { } sides && ExpressionRewriter.Any(sides.Other, n => n is BoundColumn);

    private static void AddAnyTerms(BoundSubquery subquery, BoundSelect select, List<BoundExpression> ties)
    {
        BoundExpression condition = ExpressionRewriter.Rewrite(subquery.Condition!, n =>
        {
            for (int i = 0; i < subquery.Columns.Count; i++)
            {
                if (ReferenceEquals(n, subquery.Columns[i]))
                {
                    return select.Targets[i].Expression;
                }
            }

            return null;
        });
        Conditions.Split(condition, ties);
    }

    /// <summary>True when the inner query reads outer columns in other places than its WHERE.</summary>
    private bool IsTiedElsewhere(BoundSelect select, Block block)
    {
        bool isTied = false;
        QueryWalker.VisitSource(select.From!, n => isTied |= n is BoundColumn && MaskOf(n, block) != 0);
        return isTied;
    }

    private FromPlan ApplySemiJoin(FromPlan left, SemiJoin semi)
    {
        Unit right = PlanSide(semi.From, [.. semi.Inner], new Layout(0));
        List<BoundExpression> conditions = semi.Conditions.ConvertAll(Substituted);
        LookupKey? lookup = right.Table is not null && !semi.IsNullAware ? FindLookup(right.Table, [.. conditions, .. right.Local], right.BaseRows) : null;
        double lookupCost = lookup is null ? double.MaxValue : left.Cost + (left.Rows * (DescentCost + (lookup.Rows * RowCost)));
        double hashCost = left.Cost + right.Cost + (right.Rows * HashBuildCost) + (left.Rows * HashProbeCost);
        Built built;
        if (lookup is not null && lookupCost <= hashCost)
        {
            built = BuildLookup(left.Built, right, lookup, semi.Kind, conditions);
        }
        else
        {
            built = BuildHash(left.Built, BuildUnit(right), semi.Kind, conditions, right.Ranges);
            if (semi.IsNullAware)
            {
                built = built with { Node = (HashJoinNode)built.Node with { IsNullAware = true } };
            }
        }

        double rows = Math.Max(1, left.Rows * 0.5), cost = Math.Min(lookupCost, hashCost);
        return left with { Built = built with { Node = built.Node with { Estimate = new PlanEstimate(rows, cost) } }, Rows = rows, Cost = cost };
    }
}
