using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

// FROM and WHERE: flattens joins into units and conjuncts, plans what is not a table, orders the joins.
public sealed partial class Planner
{
    /// <summary>The flattened FROM of one query block.</summary>
    private sealed class Block
    {
        public List<Unit> Units { get; } = [];

        public List<BoundExpression> Terms { get; } = [];

        public Dictionary<BoundRange, int> UnitOf { get; } = new(ReferenceEqualityComparer.Instance);

        /// <summary>True below the side of an outer join whose rows may be missing.</summary>
        public bool IsNullable { get; init; }
    }

    /// <summary>What a FROM became.</summary>
    private readonly record struct FromPlan(Built Built, double Rows, double Cost, bool IsOrdered);

    private FromPlan PlanFrom(BoundSource? from, IReadOnlyList<BoundExpression> conditions, OrderWish? wish, bool isNullable = false)
    {
        var block = new Block { IsNullable = isNullable };
        foreach (BoundExpression condition in conditions)
        {
            AddTerms(block, condition);
        }

        if (from is not null)
        {
            Flatten(from, block);
        }

        List<SemiJoin> semis = isNullable ? [] : TakeSemiJoins(block);
        (List<Conjunct> conjuncts, bool isNever) = Distribute(block);
        PlanUnits(block);
        FromPlan plan = block.Units.Count == 0 ? new FromPlan(new Built(new OneRowNode { Estimate = new PlanEstimate(1, 0) }, new Layout(0)), 1, 0, true) : JoinUnits(block, conjuncts, wish);
        if (block.Units.Count == 0 && conjuncts.Count > 0)
        {
            plan = plan with { Built = Filter(plan.Built, conjuncts.Select(c => c.Expression).ToList()) };
        }

        foreach (SemiJoin semi in semis)
        {
            plan = ApplySemiJoin(plan, semi);
        }

        return isNever ? plan with { Built = plan.Built with { Node = new EmptyNode(plan.Built.Node.Columns) }, Rows = 0, Cost = 0 } : plan;
    }

    private Built Filter(Built input, List<BoundExpression> conditions)
    {
        if (Conditions.Join(conditions) is not { } condition)
        {
            return input;
        }

        PlanEstimate below = input.Node.Estimate;
        double share = conditions.Aggregate(1.0, (s, c) => s * Selectivity.Of(c, below.Rows));
        return input with
        {
            Node = new FilterNode(input.Node, Translate(condition, input.Layout))
            {
                Estimate = new PlanEstimate(Math.Max(1, below.Rows * share), below.Cost + (below.Rows * FilterCost * conditions.Count)),
            },
        };
    }

    private void AddTerms(Block block, BoundExpression? condition)
    {
        var terms = new List<BoundExpression>();
        Conditions.Split(condition, terms);
        foreach (BoundExpression term in terms)
        {
            BoundExpression substituted = Substitute(term);
            if (!ReferenceEquals(substituted, term))
            {
                CountColumns(substituted);
            }

            block.Terms.Add(substituted);
        }
    }

    private void CountColumns(BoundExpression e) =>
        ExpressionRewriter.Visit(e, node =>
        {
            if (node is BoundColumn column)
            {
                CountColumn(column, 1);
            }

            return true;
        });

    private void Flatten(BoundSource source, Block block)
    {
        switch (source)
        {
            case BoundJoin { Kind: JoinKind.Inner or JoinKind.Cross } join:
                AddTerms(block, join.Condition);
                Flatten(join.Left, block);
                Flatten(join.Right, block);
                break;
            case BoundJoin join:
                FlattenOuter(join, block);
                break;
            case BoundTableSource table:
                AddUnit(block, new Unit { Table = table, Ranges = [table.Range] });
                break;
            case BoundSubquerySource subquery:
                FlattenSubquery(subquery.Range, subquery.Query, block);
                break;
            case BoundCteSource { Cte: { Query: BoundQuery query } cte } reference when IsInlined(cte):
                FlattenSubquery(reference.Range, query, block);
                break;
            case BoundLeaf leaf:
                AddUnit(block, new Unit { Ranges = [leaf.Range], Plan = unit => leaf is BoundVirtualSource source ? PlanVirtual(source, unit) : PlanLeaf(leaf) });
                break;
        }
    }

    private static void AddUnit(Block block, Unit unit)
    {
        if (block.Units.Count >= 62)
        {
            throw new DbException(SqlStates.StatementTooComplex, "a query block cannot join more than 62 tables");
        }

        foreach (BoundRange range in unit.Ranges)
        {
            block.UnitOf[range] = block.Units.Count;
        }

        block.Units.Add(unit);
    }

    /// <summary>A plain subquery is merged into its parent; anything else is a unit.</summary>
    private void FlattenSubquery(BoundRange range, BoundQuery query, Block block)
    {
        if (query.Body is BoundSelect select && CanMerge(query, select, block.IsNullable))
        {
            substitutions[range] = select.Targets.Select(t => t.Expression).ToArray();
            AddTerms(block, select.Where);
            if (select.From is not null)
            {
                Flatten(select.From, block);
            }

            for (int i = 0; i < block.Terms.Count; i++)
            {
                BoundExpression substituted = Substitute(block.Terms[i]);
                if (!ReferenceEquals(substituted, block.Terms[i]))
                {
                    CountColumns(substituted);
                    block.Terms[i] = substituted;
                }
            }

            return;
        }

        AddUnit(block, new Unit { Ranges = [range], Plan = _ => PlanSubquerySource(range, query) });
    }

    private static bool CanMerge(BoundQuery query, BoundSelect select, bool isNullable) =>
        query.Limit is null && query.Offset is null && query.Ctes.Count == 0 && query.LockedTables.Count == 0
        && !select.IsGrouped && !select.IsDistinct && select.DistinctOn.Count == 0 && !select.HasWindows && !select.HasSetReturning
        && (!isNullable || (select.From is not null && select.Targets.All(t => t.Expression is BoundColumn)))
        && select.Targets.All(t => !Conditions.IsVolatile(t.Expression));

    private Built PlanSubquerySource(BoundRange range, BoundQuery query)
    {
        PlanNode node = PlanQuery(query, false, i => IsUsed(range, i));
        var layout = new Layout(range.Columns.Count);
        for (int i = 0; i < range.Columns.Count; i++)
        {
            layout.Add(new BoundColumn(range, i, range.Columns[i].Type));
        }

        return new Built(node, layout);
    }

    private void FlattenOuter(BoundJoin join, Block block)
    {
        List<BoundRange> left = RangesOf(join.Left), right = RangesOf(join.Right);
        bool rejectsLeft = block.Terms.Exists(t => Conditions.RejectsNulls(t, left.Contains));
        bool rejectsRight = block.Terms.Exists(t => Conditions.RejectsNulls(t, right.Contains));
        JoinKind kind = join.Kind switch
        {
            JoinKind.Left when rejectsRight => JoinKind.Inner,
            JoinKind.Right when rejectsLeft => JoinKind.Inner,
            JoinKind.Full when rejectsLeft && rejectsRight => JoinKind.Inner,
            JoinKind.Full when rejectsLeft => JoinKind.Left,
            JoinKind.Full when rejectsRight => JoinKind.Right,
            _ => join.Kind,
        };
        if (kind == JoinKind.Inner)
        {
            AddTerms(block, join.Condition);
            Flatten(join.Left, block);
            Flatten(join.Right, block);
            return;
        }

        AddUnit(block, new Unit { Ranges = [.. left, .. right], Plan = unit => PlanOuterJoin(join, kind, left, right, unit) });
    }

    private static List<BoundRange> RangesOf(BoundSource source)
    {
        var ranges = new List<BoundRange>();
        void Walk(BoundSource s)
        {
            if (s is BoundJoin join)
            {
                Walk(join.Left);
                Walk(join.Right);
            }
            else if (s is BoundLeaf leaf)
            {
                ranges.Add(leaf.Range);
            }
        }

        Walk(source);
        return ranges;
    }

    /// <summary>Gives each condition to the unit that it is about, or keeps it as a join condition.</summary>
    private (List<Conjunct> Joins, bool IsNever) Distribute(Block block)
    {
        var joins = new List<Conjunct>();
        bool isNever = false;
        foreach (BoundExpression term in block.Terms)
        {
            if (Conditions.IsNever(term))
            {
                isNever = true;
                continue;
            }

            long mask = MaskOf(term, block);
            int unit = mask == 0 ? 0 : System.Numerics.BitOperations.TrailingZeroCount(mask);
            if (block.Units.Count > 0 && (mask & (mask - 1)) == 0)
            {
                block.Units[unit].Local.Add(term);
            }
            else
            {
                joins.Add(new Conjunct(term, mask));
            }
        }

        return (joins, isNever);
    }

    private long MaskOf(BoundExpression e, Block block)
    {
        long mask = 0;
        void Look(BoundExpression node)
        {
            if (node is not BoundColumn column)
            {
                return;
            }

            if (block.UnitOf.TryGetValue(column.Range, out int unit))
            {
                mask |= 1L << unit;
            }
            else if (substitutions.TryGetValue(column.Range, out BoundExpression[]? targets))
            {
                QueryWalker.VisitExpression(targets[column.Column], Look);
            }
        }

        QueryWalker.VisitExpression(e, Look);
        return mask;
    }

    private void PlanUnits(Block block)
    {
        foreach (Unit unit in block.Units)
        {
            if (unit.Table is not null)
            {
                continue;
            }

            var cells = new OuterCells(outer);
            outer = cells;
            unit.Built = unit.Plan!(unit);
            outer = cells.Parent;
            foreach ((BoundExpression column, int cell) in cells.Cells)
            {
                long mask = MaskOf(column, block);
                if (mask != 0)
                {
                    unit.Requires |= mask;
                    unit.Cells.Add((column, cell));
                }
                else
                {
                    PassOn(column, cell);
                }
            }

            PlanEstimate estimate = unit.Built.Node.Estimate;
            unit.BaseRows = unit.Rows = Math.Max(1, estimate.Rows);
            unit.Cost = Math.Max(1, estimate.Cost);
            if (unit.Local.Count > 0)
            {
                unit.Built = Filter(unit.Built, unit.Local);
                unit.Rows = unit.Built.Node.Estimate.Rows;
                unit.Cost = unit.Built.Node.Estimate.Cost;
            }
        }
    }

    /// <summary>A column that an inner part reads from outside of this block too: the same cell, set further out.</summary>
    private void PassOn(BoundExpression column, int cell)
    {
        if (outer is null)
        {
            throw new DbException(SqlStates.InternalError, "a column has no source in the plan");
        }

        outer.Cells.Add((column, cell));
    }

    private Built PlanLeaf(BoundLeaf leaf)
    {
        switch (leaf)
        {
            case BoundCteSource source:
                PlannedCte cte = ctes[source.Cte];
                return WithLayout(new CteScanNode(cte.Id, source.Cte.Name, cte.Columns) { Estimate = new PlanEstimate(cte.Rows, cte.Rows) }, leaf.Range);
            case BoundFunctionSource source:
                return PlanFunction(source);
            case BoundSequenceSource source:
                throw new DbException(SqlStates.FeatureNotSupported, $"sequence \"{source.Sequence.Name}\" cannot be read as a table");
            default:
                throw new DbException(SqlStates.InternalError, "unknown FROM item");
        }
    }

    private static Built WithLayout(PlanNode node, BoundRange range)
    {
        var layout = new Layout(range.Columns.Count);
        for (int i = 0; i < range.Columns.Count; i++)
        {
            layout.Add(new BoundColumn(range, i, range.Columns[i].Type));
        }

        return new Built(node, layout);
    }

    private Built PlanVirtual(BoundVirtualSource source, Unit unit)
    {
        var layout = new Layout();
        List<int> ordinals = UsedOrdinals(source.Range);
        foreach (int ordinal in ordinals)
        {
            layout.Add(new BoundColumn(source.Range, ordinal, source.Range.Columns[ordinal].Type));
        }

        BoundExpression? filter = Conditions.Join(unit.Local) is { } condition ? Translate(condition, layout) : null;
        double rows = unit.Local.Aggregate(200.0, (r, c) => r * Selectivity.Of(c, 200));
        unit.Local.Clear();
        return new Built(new VirtualScanNode(source.Table, source.Range.Alias, ordinals, filter) { Estimate = new PlanEstimate(Math.Max(1, rows), 400) }, layout);
    }

    private Built PlanFunction(BoundFunctionSource source)
    {
        var empty = new Layout(0);
        int count = source.Range.Columns.Count - (source.WithOrdinality ? 1 : 0);
        PlanColumn[] columns = source.Range.Columns.Take(count).Select(c => new PlanColumn(c.Name, c.Type)).ToArray();
        var function = new FunctionSource(
            source.Function,
            source.Scalar is null ? null : Translate(source.Scalar, empty),
            source.Arguments.Select(a => Translate(a, empty)).ToArray(),
            columns);
        double rows = source.Function is null ? 1 : 100;
        return WithLayout(new FunctionScanNode([function], source.WithOrdinality) { Estimate = new PlanEstimate(rows, rows) }, source.Range);
    }
}
