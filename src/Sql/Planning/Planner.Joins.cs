using System.Numerics;
using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

// Join order: left-deep trees, by dynamic programming up to MaxExhaustive units, greedily beyond.
public sealed partial class Planner
{
    private const int MaxExhaustive = 9;
    private const double HashBuildCost = 2, HashProbeCost = 1.2, LoopCost = 0.3;

    private enum JoinMethod { Scan, Lookup, Hash, Loop }

    /// <summary>A partial join order: the path before and the unit that is joined last.</summary>
    private sealed record JoinPath(
        JoinPath? Before, int Unit, JoinMethod Method, Access? Access, IReadOnlyList<BoundExpression> Conditions, long Mask, double Rows, double Cost, bool IsOrdered)
    {
        /// <summary>Lookup: index and key.</summary>
        public LookupKey? Lookup { get; init; }
    }

    /// <summary>A way into a table by values of another row.</summary>
    private sealed record LookupKey(TableIndex Index, IReadOnlyList<BoundExpression> Key, IReadOnlyList<BoundExpression> Answered, double Rows);

    private FromPlan JoinUnits(Block block, List<Conjunct> conjuncts, OrderWish? wish)
    {
        int count = block.Units.Count;
        if (count == 1)
        {
            Unit only = block.Units[0];
            JoinPath single = FirstPath(block, 0, wish);
            Built built = single.Access is null ? only.Built : BuildScan(only, single.Access);
            return new FromPlan(built, single.Rows, single.Cost, single.IsOrdered);
        }

        JoinPath best = count <= MaxExhaustive ? SearchAll(block, conjuncts, wish) : SearchGreedy(block, conjuncts);
        return new FromPlan(BuildPath(block, best), best.Rows, best.Cost, best.IsOrdered);
    }

    private JoinPath FirstPath(Block block, int index, OrderWish? wish)
    {
        Unit unit = block.Units[index];
        if (unit.Table is null)
        {
            return new JoinPath(null, index, JoinMethod.Scan, null, [], 1L << index, unit.Rows, unit.Cost, false);
        }

        Access access = ChooseAccess(unit.Table, unit.Local, wish);
        if (access.IsPoint)
        {
            unit.BaseRows = unit.Rows = 1;
        }
        else
        {
            unit.BaseRows = Math.Max(1, estimateRows(unit.Table.Table.SpaceId));
            unit.Rows = Math.Max(1, Math.Min(access.Scanned, unit.Local.Aggregate(unit.BaseRows, (rows, c) => rows * Selectivity.Of(c, unit.BaseRows))));
        }

        return new JoinPath(null, index, JoinMethod.Scan, access, [], 1L << index, unit.Rows, access.Cost, access.IsOrdered);
    }

    private JoinPath SearchAll(Block block, List<Conjunct> conjuncts, OrderWish? wish)
    {
        int count = block.Units.Count;
        long all = (1L << count) - 1;
        var best = new JoinPath?[1 << count];
        var ordered = new JoinPath?[1 << count];
        for (int i = 0; i < count; i++)
        {
            JoinPath plain = FirstPath(block, i, null);
            block.Units[i].Access = plain.Access;
            block.Units[i].Cost = plain.Cost;
            if (block.Units[i].Requires == 0)
            {
                best[1 << i] = plain;
                if (wish is not null && block.Units[i].Table is not null && FirstPath(block, i, wish) is { IsOrdered: true } sorted)
                {
                    ordered[1 << i] = sorted;
                }
            }
        }

        for (int mask = 1; mask < all; mask++)
        {
            Extend(block, conjuncts, best, best[mask], mask, double.PositiveInfinity);
            Extend(block, conjuncts, ordered, ordered[mask], mask, wish?.Limit ?? double.PositiveInfinity);
        }

        JoinPath winner = best[all] ?? throw new DbException(SqlStates.InvalidColumnReference, "lateral references cannot be put in an order");
        JoinPath? inOrder = ordered[all];
        return inOrder is not null && inOrder.Cost < winner.Cost + SortCost(wish, false, winner.Rows, winner.Rows) ? inOrder : winner;
    }

    /// <param name="limit">Rows after which an ordered pipeline stops, so that joins see no more left rows.</param>
    private void Extend(Block block, List<Conjunct> conjuncts, JoinPath?[] table, JoinPath? path, long mask, double limit)
    {
        if (path is null)
        {
            return;
        }

        bool isConnected = false;
        for (int pass = 0; pass < 2 && !isConnected; pass++)
        {
            for (int i = 0; i < block.Units.Count; i++)
            {
                Unit unit = block.Units[i];
                if ((mask & (1L << i)) != 0 || (unit.Requires & ~mask) != 0)
                {
                    continue;
                }

                bool connects = unit.Requires != 0 || conjuncts.Exists(c => (c.Mask & (1L << i)) != 0 && (c.Mask & ~(mask | (1L << i))) == 0);
                if (pass == 0 && !connects)
                {
                    continue;
                }

                isConnected |= pass == 0;
                JoinPath joined = JoinTo(block, conjuncts, path, i, limit);
                ref JoinPath? slot = ref table[(int)(mask | (1L << i))];
                if (slot is null || joined.Cost < slot.Cost)
                {
                    slot = joined;
                }
            }
        }
    }

    private JoinPath SearchGreedy(Block block, List<Conjunct> conjuncts)
    {
        int count = block.Units.Count;
        JoinPath? path = null;
        for (int i = 0; i < count; i++)
        {
            JoinPath first = FirstPath(block, i, null);
            block.Units[i].Access = first.Access;
            block.Units[i].Cost = first.Cost;
            if (block.Units[i].Requires == 0 && (path is null || first.Rows < path.Rows))
            {
                path = first;
            }
        }

        while (BitOperations.PopCount((ulong)path!.Mask) < count)
        {
            JoinPath? next = null;
            bool nextConnects = false;
            for (int i = 0; i < count; i++)
            {
                if ((path.Mask & (1L << i)) != 0 || (block.Units[i].Requires & ~path.Mask) != 0)
                {
                    continue;
                }

                bool connects = block.Units[i].Requires != 0 || conjuncts.Exists(c => (c.Mask & (1L << i)) != 0 && (c.Mask & ~(path.Mask | (1L << i))) == 0);
                JoinPath joined = JoinTo(block, conjuncts, path, i, double.PositiveInfinity);
                if (next is null || (connects && !nextConnects) || (connects == nextConnects && joined.Rows + joined.Cost < next.Rows + next.Cost))
                {
                    next = joined;
                    nextConnects = connects;
                }
            }

            path = next ?? throw new DbException(SqlStates.InvalidColumnReference, "lateral references cannot be put in an order");
        }

        return path;
    }

    private JoinPath JoinTo(Block block, List<Conjunct> conjuncts, JoinPath path, int index, double limit)
    {
        Unit unit = block.Units[index];
        long bit = 1L << index, mask = path.Mask | bit;
        var conditions = new List<BoundExpression>();
        double share = 1;
        foreach (Conjunct conjunct in conjuncts)
        {
            if ((conjunct.Mask & ~mask) == 0 && (conjunct.Mask & ~path.Mask) != 0)
            {
                conditions.Add(conjunct.Expression);
                share *= JoinShare(conjunct.Expression, block, path, unit);
            }
        }

        double rows = Math.Max(1, path.Rows * unit.Rows * share), left = Math.Min(path.Rows, limit);
        var join = new JoinPath(path, index, JoinMethod.Loop, unit.Access, conditions, mask, rows, 0, path.IsOrdered);
        JoinPath best = join with { Cost = path.Cost + unit.Cost + (left * LoopUnitCost(unit)) };
        if (unit.Requires == 0 && conditions.Exists(c => IsHashable(c, unit.Ranges)))
        {
            double cost = path.Cost + unit.Cost + (unit.Rows * HashBuildCost) + (left * HashProbeCost) + (Math.Min(rows, limit) * 0.2);
            best = cost < best.Cost ? join with { Method = JoinMethod.Hash, Cost = cost } : best;
        }

        if (unit.Table is not null && FindLookup(unit.Table, [.. conditions, .. unit.Local], unit.BaseRows) is { } lookup)
        {
            double cost = path.Cost + (left * (DescentCost + (lookup.Rows * RowCost)));
            best = cost < best.Cost ? join with { Method = JoinMethod.Lookup, Lookup = lookup, Cost = cost } : best;
        }

        return best;
    }

    private static double LoopUnitCost(Unit unit) => unit.Requires != 0 ? unit.Cost : unit.Rows * LoopCost;

    private static double JoinShare(BoundExpression condition, Block block, JoinPath path, Unit unit)
    {
        if (condition is not BoundComparison { Operator: ComparisonOperator.Equal } equal)
        {
            return Selectivity.Of(condition, unit.Rows);
        }

        foreach (BoundExpression side in (BoundExpression[])[equal.Left, equal.Right])
        {
            if (Conditions.Bare(side) is BoundColumn column && block.UnitOf.TryGetValue(column.Range, out int owner)
                && block.Units[owner].Table is { } table && table.Table.Indexes.Any(i => i.IsUnique && i.Parts.Count == 1 && i.Parts[0].Ordinal == column.Column))
            {
                return 1 / Math.Max(1, block.Units[owner].BaseRows);
            }
        }

        return 1 / Math.Max(10, Math.Max(Math.Min(path.Rows, unit.Rows), Math.Sqrt(Math.Max(path.Rows, unit.Rows))));
    }

    /// <summary>An equality with one side over these ranges only and the other side without them.</summary>
    private static bool IsHashable(BoundExpression condition, List<BoundRange> ranges) => HashSides(condition, ranges) is not null;

    private static (BoundExpression Other, BoundExpression Own)? HashSides(BoundExpression condition, List<BoundRange> ranges)
    {
        if (condition is not BoundComparison { Operator: ComparisonOperator.Equal } equal || equal.Left.Type.Kind != equal.Right.Type.Kind
            || Conditions.HasSubquery(equal.Left) || Conditions.HasSubquery(equal.Right))
        {
            return null;
        }

        if (IsOver(equal.Right, ranges) && !Mentions(equal.Left, ranges))
        {
            return (equal.Left, equal.Right);
        }

        return IsOver(equal.Left, ranges) && !Mentions(equal.Right, ranges) ? (equal.Right, equal.Left) : null;
    }

    private static bool Mentions(BoundExpression e, List<BoundRange> ranges) => ExpressionRewriter.Any(e, n => n is BoundColumn c && ranges.Contains(c.Range));

    private static bool IsOver(BoundExpression e, List<BoundRange> ranges) =>
        Mentions(e, ranges) && !ExpressionRewriter.Any(e, n => n is BoundColumn c && !ranges.Contains(c.Range));

    /// <summary>The index whose leading parts the conditions fix best, by values that do not read the table itself.</summary>
    private LookupKey? FindLookup(BoundTableSource table, List<BoundExpression> conditions, double rows)
    {
        List<ColumnTerm> terms = ColumnTerms(table.Range, conditions);
        LookupKey? best = null;
        foreach (TableIndex index in table.Table.Indexes)
        {
            if (!index.IsUsable || (table.IndexedBy is not null && table.IndexedBy != index))
            {
                continue;
            }

            var key = new List<BoundExpression>();
            var answered = new List<BoundExpression>();
            foreach (IndexPart part in index.Parts)
            {
                int term = FindEqual(terms, part.Ordinal);
                if (term < 0)
                {
                    break;
                }

                key.Add(terms[term].Value);
                answered.Add(terms[term].Source);
            }

            if (key.Count == 0 || !key.Exists(k => ExpressionRewriter.Any(k, n => n is BoundColumn)))
            {
                continue;
            }

            double found = index.IsUnique && key.Count == index.Parts.Count ? 1 : Math.Max(1, rows * Selectivity.OfIndexEqual(rows) * Math.Pow(Selectivity.OfFurtherPart, key.Count - 1));
            if (best is null || found < best.Rows)
            {
                best = new LookupKey(index, key, answered, found);
            }
        }

        return best;
    }

    private Built BuildPath(Block block, JoinPath path)
    {
        Unit unit = block.Units[path.Unit];
        if (path.Before is null)
        {
            return path.Access is null ? unit.Built : BuildScan(unit, path.Access);
        }

        Built left = BuildPath(block, path.Before);
        Built joined = path.Method switch
        {
            JoinMethod.Lookup => BuildLookup(left, unit, path.Lookup!, JoinKind.Inner, path.Conditions),
            JoinMethod.Hash => BuildHash(left, BuildUnit(unit), JoinKind.Inner, path.Conditions, unit.Ranges),
            _ => BuildLoop(left, unit, JoinKind.Inner, path.Conditions),
        };
        return joined with { Node = joined.Node with { Estimate = new PlanEstimate(path.Rows, path.Cost) } };
    }

    private Built BuildUnit(Unit unit) => unit.Table is null ? unit.Built : BuildScan(unit, unit.Access ?? ChooseAccess(unit.Table, unit.Local, null));

    private Built BuildLookup(Built left, Unit unit, LookupKey lookup, JoinKind kind, IReadOnlyList<BoundExpression> conditions)
    {
        BoundTableSource table = unit.Table!;
        var rest = new List<BoundExpression>();
        foreach (BoundExpression condition in (IEnumerable<BoundExpression>)[.. conditions, .. unit.Local])
        {
            if (lookup.Answered.Contains(condition))
            {
                Uncount(condition, table.Range);
            }
            else
            {
                rest.Add(condition);
            }
        }

        List<int> ordinals = UsedOrdinals(table.Range);
        var right = new Layout();
        foreach (int ordinal in ordinals)
        {
            right.Add(new BoundColumn(table.Range, ordinal, table.Range.Columns[ordinal].Type));
        }

        Layout both = Layout.Join(left.Layout, right);
        BoundExpression? residual = Conditions.Join(rest) is { } condition2 ? Translate(condition2, both) : null;
        BoundExpression[] key = lookup.Key.Select(k => Translate(k, left.Layout)).ToArray();
        var node = new IndexLookupJoinNode(left.Node, table.Table, table.Range.Alias, lookup.Index, key, ordinals, kind, residual);
        return new Built(node, kind is JoinKind.Semi or JoinKind.Anti ? left.Layout : both);
    }

    private Built BuildHash(Built left, Built right, JoinKind kind, IReadOnlyList<BoundExpression> conditions, List<BoundRange> rightRanges)
    {
        var leftKeys = new List<BoundExpression>();
        var rightKeys = new List<BoundExpression>();
        var rest = new List<BoundExpression>();
        foreach (BoundExpression condition in conditions)
        {
            if (HashSides(condition, rightRanges) is { } sides)
            {
                leftKeys.Add(Translate(sides.Other, left.Layout));
                rightKeys.Add(Translate(sides.Own, right.Layout));
            }
            else
            {
                rest.Add(condition);
            }
        }

        Layout both = Layout.Join(left.Layout, right.Layout);
        BoundExpression? residual = Conditions.Join(rest) is { } condition2 ? Translate(condition2, both) : null;
        var node = new HashJoinNode(left.Node, right.Node, kind, leftKeys, rightKeys, residual);
        return new Built(node, kind is JoinKind.Semi or JoinKind.Anti ? left.Layout : both);
    }

    private Built BuildLoop(Built left, Unit unit, JoinKind kind, IReadOnlyList<BoundExpression> conditions)
    {
        Built right = BuildUnit(unit);
        OuterBinding[] bindings = unit.Cells.Select(c => new OuterBinding(c.Cell, Translate(c.Column, left.Layout))).ToArray();
        PlanNode inner = bindings.Length == 0 && right.Node is not (MaterialiseNode or OneRowNode or ValuesNode) ? Materialise(right.Node) : right.Node;
        Layout both = Layout.Join(left.Layout, right.Layout);
        BoundExpression? condition = Conditions.Join(conditions) is { } c2 ? Translate(c2, both) : null;
        return new Built(new NestedLoopJoinNode(left.Node, inner, kind, condition, bindings), kind is JoinKind.Semi or JoinKind.Anti ? left.Layout : both);
    }

    private static MaterialiseNode Materialise(PlanNode node) => new(node) { Estimate = node.Estimate };

    /// <summary>LEFT, RIGHT and FULL joins, which keep their place in the order.</summary>
    private Built PlanOuterJoin(BoundJoin join, JoinKind kind, List<BoundRange> leftRanges, List<BoundRange> rightRanges, Unit self)
    {
        (BoundSource leftSource, BoundSource rightSource) = (join.Left, join.Right);
        if (kind == JoinKind.Right)
        {
            (leftSource, rightSource) = (rightSource, leftSource);
            (leftRanges, rightRanges) = (rightRanges, leftRanges);
            kind = JoinKind.Left;
        }

        var pushed = new List<BoundExpression>();
        if (kind == JoinKind.Left)
        {
            // Conditions of WHERE over the kept side are the same before the join.
            pushed.AddRange(self.Local.Where(c => OnlyOver(c, self.Ranges, leftRanges)));
            self.Local.RemoveAll(pushed.Contains);
        }

        var on = new List<BoundExpression>();
        Conditions.Split(join.Condition, on);
        var rightOnly = kind == JoinKind.Left ? on.Where(c => !Conditions.IsNever(c) && OnlyOver(c, self.Ranges, rightRanges)).ToList() : [];
        on.RemoveAll(rightOnly.Contains);
        FromPlan left = PlanFrom(leftSource, pushed, null, kind == JoinKind.Full);
        Unit right = PlanSide(rightSource, rightOnly, left.Built.Layout);
        List<BoundExpression> conditions = on.ConvertAll(Substituted);
        Built built = BuildOuter(left, right, kind, conditions, out double rows, out double cost);
        return built with { Node = built.Node with { Estimate = new PlanEstimate(rows, cost) } };
    }

    private BoundExpression Substituted(BoundExpression e)
    {
        BoundExpression result = Substitute(e);
        if (!ReferenceEquals(result, e))
        {
            CountColumns(result);
        }

        return result;
    }

    private static bool OnlyOver(BoundExpression condition, List<BoundRange> all, List<BoundRange> side)
    {
        bool only = true;
        QueryWalker.VisitExpression(condition, n => only &= n is not BoundColumn c || !all.Contains(c.Range) || side.Contains(c.Range));
        return only;
    }

    /// <summary>The side of an outer join that may be missing: a table keeps its choice of access for the join.</summary>
    private Unit PlanSide(BoundSource source, List<BoundExpression> conditions, Layout left)
    {
        if (source is BoundTableSource table)
        {
            var unit = new Unit { Table = table, Ranges = [table.Range] };
            unit.Local.AddRange(conditions.Select(Substituted));
            JoinPath path = FirstPath(new Block { Units = { unit } }, 0, null);
            unit.Access = path.Access;
            unit.Cost = path.Cost;
            return unit;
        }

        var cells = new OuterCells(outer);
        outer = cells;
        FromPlan plan = PlanFrom(source, conditions, null, true);
        outer = cells.Parent;
        var side = new Unit { Ranges = LayoutRanges(source), Built = plan.Built, Rows = plan.Rows, BaseRows = plan.Rows, Cost = plan.Cost };
        foreach ((BoundExpression column, int cell) in cells.Cells)
        {
            if (IsIn(column, left))
            {
                side.Cells.Add((column, cell));
                side.Requires = 1;
            }
            else
            {
                PassOn(column, cell);
            }
        }

        return side;
    }

    private bool IsIn(BoundExpression column, Layout layout)
    {
        BoundExpression substituted = Substitute(column);
        bool all = true;
        ExpressionRewriter.Visit(substituted, n =>
        {
            all &= n is not BoundColumn || layout.Find(n) >= 0;
            return true;
        });
        return all;
    }

    /// <summary>Ranges that expressions over a side may name after merging of subqueries.</summary>
    private List<BoundRange> LayoutRanges(BoundSource source)
    {
        var ranges = new List<BoundRange>();
        foreach (BoundRange range in RangesOf(source))
        {
            AddRange(range, ranges);
        }

        return ranges;
    }

    private void AddRange(BoundRange range, List<BoundRange> ranges)
    {
        if (!substitutions.TryGetValue(range, out BoundExpression[]? targets))
        {
            ranges.Add(range);
            return;
        }

        foreach (BoundExpression target in targets)
        {
            ExpressionRewriter.Visit(target, n =>
            {
                if (n is BoundColumn column && !ranges.Contains(column.Range))
                {
                    AddRange(column.Range, ranges);
                }

                return true;
            });
        }
    }

    private Built BuildOuter(FromPlan left, Unit right, JoinKind kind, List<BoundExpression> conditions, out double rows, out double cost)
    {
        bool isHashable = right.Requires == 0 && conditions.Exists(c => IsHashable(c, right.Ranges));
        LookupKey? lookup = right.Table is not null && kind == JoinKind.Left ? FindLookup(right.Table, [.. conditions, .. right.Local], right.BaseRows) : null;
        rows = kind == JoinKind.Full ? left.Rows + right.Rows : Math.Max(left.Rows, lookup is null ? left.Rows : left.Rows * lookup.Rows);
        double hashCost = isHashable ? left.Cost + right.Cost + (right.Rows * HashBuildCost) + (left.Rows * HashProbeCost) : double.MaxValue;
        double lookupCost = lookup is null ? double.MaxValue : left.Cost + (left.Rows * (DescentCost + (lookup.Rows * RowCost)));
        if (lookup is not null && lookupCost <= hashCost)
        {
            cost = lookupCost;
            return BuildLookup(left.Built, right, lookup, kind, conditions);
        }

        if (isHashable)
        {
            cost = hashCost;
            return BuildHash(left.Built, BuildUnit(right), kind, conditions, right.Ranges);
        }

        cost = left.Cost + right.Cost + (left.Rows * LoopUnitCost(right));
        return BuildLoop(left.Built, right, kind, conditions);
    }
}
