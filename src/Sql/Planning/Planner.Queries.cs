using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

// Queries: set operations, VALUES, and what stands above a SELECT's FROM: grouping, windows, projection, order, limit.
public sealed partial class Planner
{
    /// <param name="isRoot">The statement's own query, where rows may be locked.</param>
    /// <param name="needed">Output columns that somebody reads; null for all. The others are given as NULL.</param>
    private PlanNode PlanQuery(BoundQuery query, bool isRoot, Func<int, bool>? needed = null) => WithCtes(query.Ctes, () => query.Body switch
    {
        BoundSelect select => PlanSelect(query, select, isRoot, needed),
        BoundValues values => Limited(PlanValues(values), query, null),
        BoundSetOperation operation => PlanSetOperation(query, operation),
        _ => throw new DbException(SqlStates.InternalError, "unknown query body"),
    });

    private ValuesNode PlanValues(BoundValues values)
    {
        var empty = new Layout(0);
        PlanColumn[] columns = values.Targets.Select(t => new PlanColumn(t.Column.Name, t.Column.Type)).ToArray();
        return new ValuesNode(columns, values.Rows.Select(row => (IReadOnlyList<BoundExpression>)row.Select(e => Translate(e, empty)).ToArray()).ToArray())
        {
            Estimate = new PlanEstimate(values.Rows.Count, values.Rows.Count * 0.1),
        };
    }

    private PlanNode PlanSetOperation(BoundQuery query, BoundSetOperation operation)
    {
        PlanNode node;
        if (operation.Operator == SetOperator.Union)
        {
            var inputs = new List<PlanNode>();
            AddUnionInputs(operation.Left, operation.IsAll, inputs);
            AddUnionInputs(operation.Right, operation.IsAll, inputs);
            double rows = inputs.Sum(i => i.Estimate.Rows), cost = inputs.Sum(i => i.Estimate.Cost);
            node = new AppendNode(inputs) { Estimate = new PlanEstimate(rows, cost) };
            if (!operation.IsAll)
            {
                node = new DistinctNode(node) { Estimate = new PlanEstimate(rows, cost + (rows * HashBuildCost)) };
            }
        }
        else
        {
            PlanNode left = PlanQuery(operation.Left, false), right = PlanQuery(operation.Right, false);
            SetOperationKind kind = operation.Operator == SetOperator.Intersect ? SetOperationKind.Intersect : SetOperationKind.Except;
            node = new SetOperationNode(kind, operation.IsAll, left, right)
            {
                Estimate = new PlanEstimate(left.Estimate.Rows, left.Estimate.Cost + right.Estimate.Cost + ((left.Estimate.Rows + right.Estimate.Rows) * HashBuildCost)),
            };
        }

        BoundSortKey[] keys = query.OrderBy
            .Select(o => new BoundSortKey(new BoundSlot(o.Target, node.Columns[o.Target].Type) { Name = node.Columns[o.Target].Name }, o.Descending, o.NullsFirst)).ToArray();
        return Limited(node, query, keys);
    }

    /// <summary>A chain of UNION ALL becomes one append; below a UNION (distinct) all duplicates go at the end.</summary>
    private void AddUnionInputs(BoundQuery side, bool isAll, List<PlanNode> inputs)
    {
        if (side.Body is BoundSetOperation { Operator: SetOperator.Union } inner && (inner.IsAll || !isAll) && side.Limit is null && side.Offset is null && side.Ctes.Count == 0)
        {
            AddUnionInputs(inner.Left, isAll, inputs);
            AddUnionInputs(inner.Right, isAll, inputs);
            return;
        }

        inputs.Add(PlanQuery(side, false));
    }

    /// <summary>Sorts when keys are given, then cuts.</summary>
    private PlanNode Limited(PlanNode node, BoundQuery query, IReadOnlyList<BoundSortKey>? keys)
    {
        var empty = new Layout(0);
        BoundExpression? limit = query.Limit is null ? null : Translate(query.Limit, empty);
        BoundExpression? offset = query.Offset is null ? null : Translate(query.Offset, empty);
        double rows = node.Estimate.Rows, cost = node.Estimate.Cost;
        double kept = limit is BoundConstant { Value: { Kind: DatumKind.Int } value } ? Math.Max(1, Math.Min(rows, value.AsInt)) : rows;
        if (keys is { Count: > 0 })
        {
            var sorted = new PlanEstimate(kept, cost + (rows * Math.Log2(Math.Max(2, kept)) * 0.3));
            if (limit is not null and not BoundConstant { Value.IsNull: true } && !query.WithTies)
            {
                return new TopNNode(node, keys, limit, offset) { Estimate = sorted };
            }

            node = new SortNode(node, keys) { Estimate = sorted };
        }

        return limit is null && offset is null
            ? node
            : new LimitNode(node, limit, offset, query.WithTies ? keys : null) { Estimate = new PlanEstimate(kept, node.Estimate.Cost) };
    }

    private PlanNode PlanSelect(BoundQuery query, BoundSelect select, bool isRoot, Func<int, bool>? needed)
    {
        List<BoundTarget> targets = NeededTargets(query, select, needed);
        int visible = targets.FindIndex(t => t.IsHidden) is var first and >= 0 ? first : targets.Count;
        List<LockTarget>? locks = query.LockedTables.Count > 0 ? AddLockTargets(query, targets, isRoot) : null;
        OrderWish? wish = MakeWish(query, select, targets);
        FromPlan from = MinMaxInput(select, targets) ?? PlanFrom(select.From, select.Where is null ? [] : [select.Where], wish);
        Built input = from.Built;
        bool isOrdered = wish is not null && from.IsOrdered;
        if (select.IsGrouped)
        {
            input = select.GroupBy.Any(k => HasOpenSet(k, input.Layout)) ? ExpandSets(select.GroupBy, input) : input;
            input = PlanGrouping(select, targets, input, isOrdered);
            isOrdered = isOrdered && IsGroupOrder(query, select, targets);
        }

        if (select.HasWindows)
        {
            input = PlanWindows(targets, input);
        }

        PlanNode node = Project(select, targets, input);
        BoundSortKey[] keys = query.OrderBy.Select(o => OutputKey(node, o)).ToArray();
        node = PlanDistinct(select, query, node, ref keys, ref isOrdered);
        bool needsSort = keys.Length > 0 && !(isOrdered && !select.HasWindows && !select.HasSetReturning);
        node = needsSort || !query.WithTies ? Limited(node, query, needsSort ? keys : null) : LimitTies(node, query, keys);
        if (locks is not null)
        {
            return new LockRowsNode(node, locks, query.LockWait, visible) { Estimate = node.Estimate };
        }

        return visible == targets.Count ? node : Strip(node, visible);
    }

    /// <summary>Groups of a sorted input come in the order of their keys; true when ORDER BY wants just that.</summary>
    private static bool IsGroupOrder(BoundQuery query, BoundSelect select, List<BoundTarget> targets)
    {
        for (int i = 0; i < query.OrderBy.Count; i++)
        {
            BoundTargetSort sort = query.OrderBy[i];
            if (i >= select.GroupBy.Count || sort.Descending || !sort.NullsFirst || !targets[sort.Target].Expression.Equals(select.GroupBy[i]))
            {
                return false;
            }
        }

        return true;
    }

    private LimitNode LimitTies(PlanNode node, BoundQuery query, BoundSortKey[] keys) =>
        new(node, query.Limit is null ? null : Translate(query.Limit, new Layout(0)), query.Offset is null ? null : Translate(query.Offset, new Layout(0)), keys);

    private static BoundSortKey OutputKey(PlanNode node, BoundTargetSort sort) =>
        new(new BoundSlot(sort.Target, node.Columns[sort.Target].Type) { Name = node.Columns[sort.Target].Name }, sort.Descending, sort.NullsFirst);

    /// <summary>Drops hidden columns behind the visible ones.</summary>
    private static ProjectNode Strip(PlanNode node, int visible) =>
        new(node, node.Columns.Take(visible).Select((c, i) => new PlanOutput(c.Name, new BoundSlot(i, c.Type) { Name = c.Name })).ToArray()) { Estimate = node.Estimate };

    private static bool IsNeeded(BoundQuery query, BoundSelect select, Func<int, bool>? needed, int target) =>
        needed is null || select.Targets[target].IsHidden || select.IsDistinct || select.HasSetReturning || needed(target)
        || select.DistinctOn.Contains(target) || query.OrderBy.Any(o => o.Target == target);

    private static List<BoundTarget> NeededTargets(BoundQuery query, BoundSelect select, Func<int, bool>? needed)
    {
        var targets = new List<BoundTarget>(select.Targets);
        for (int i = 0; needed is not null && i < targets.Count; i++)
        {
            if (!IsNeeded(query, select, needed, i))
            {
                targets[i] = targets[i] with { Expression = BoundConstant.NullOf(targets[i].Expression.Type) };
            }
        }

        return targets;
    }

    /// <summary>FOR UPDATE: the primary keys of the locked tables become hidden columns.</summary>
    private List<LockTarget> AddLockTargets(BoundQuery query, List<BoundTarget> targets, bool isRoot)
    {
        if (!isRoot)
        {
            throw new DbException(SqlStates.FeatureNotSupported, "FOR UPDATE is not supported inside of subqueries");
        }

        var locks = new List<LockTarget>();
        foreach (BoundTableSource table in query.LockedTables)
        {
            var slots = new List<int>();
            foreach (IndexPart part in table.Table.PrimaryIndex!.Parts)
            {
                var key = new BoundColumn(table.Range, part.Ordinal, table.Range.Columns[part.Ordinal].Type);
                int place = targets.FindIndex(t => t.Expression.Equals(key));
                if (place < 0)
                {
                    place = targets.Count;
                    CountColumn(key, 1);
                    targets.Add(new BoundTarget(key, new ResultColumn(key.Name, key.Type), true));
                }

                slots.Add(place);
            }

            locks.Add(new LockTarget(table.Table, slots));
        }

        return locks;
    }

    /// <summary>The order in which rows of FROM would save a sort: that of ORDER BY, or of the groups.</summary>
    private static OrderWish? MakeWish(BoundQuery query, BoundSelect select, List<BoundTarget> targets)
    {
        if (select.IsGrouped)
        {
            return select.GroupBy.Count == 0 || select.GroupingSets.Count > 0 || select.GroupBy.Any(k => k is not BoundColumn)
                ? null
                : new OrderWish(select.GroupBy.Select(k => new BoundSortKey(k, false, true)).ToArray(), double.PositiveInfinity);
        }

        if (query.OrderBy.Count == 0 || select.IsDistinct || select.DistinctOn.Count > 0 || select.HasWindows || select.HasSetReturning)
        {
            return null;
        }

        double limit = double.PositiveInfinity;
        if (query.Limit is BoundConstant { Value: { Kind: DatumKind.Int } count })
        {
            limit = count.AsInt + (query.Offset is BoundConstant { Value: { Kind: DatumKind.Int } skip } ? skip.AsInt : 0);
        }
        else if (query.Limit is BoundParameter)
        {
            limit = 100;
        }

        return new OrderWish(query.OrderBy.Select(o => new BoundSortKey(targets[o.Target].Expression, o.Descending, o.NullsFirst)).ToArray(), Math.Max(1, limit));
    }

    /// <summary>The select list; left out when the input's row is it already.</summary>
    private PlanNode Project(BoundSelect select, List<BoundTarget> targets, Built input)
    {
        if (select.HasSetReturning && targets.Exists(t => HasOpenSet(t.Expression, input.Layout)))
        {
            return ProjectSets(targets, input);
        }

        PlanOutput[] outputs = TranslateOutputs(targets, input.Layout);
        bool isSame = outputs.Length == input.Node.Columns.Count;
        for (int i = 0; isSame && i < outputs.Length; i++)
        {
            isSame = outputs[i].Expression is BoundSlot slot && slot.Slot == i;
        }

        PlanEstimate below = input.Node.Estimate;
        return isSame ? input.Node : new ProjectNode(input.Node, outputs) { Estimate = new PlanEstimate(below.Rows, below.Cost + (below.Rows * 0.05)) };
    }

    /// <summary>True when a set-returning call is not computed below already.</summary>
    private static bool HasOpenSet(BoundExpression e, Layout layout)
    {
        bool isOpen = false;
        ExpressionRewriter.Visit(e, node =>
        {
            bool isKnown = layout.Find(node) >= 0;
            isOpen |= !isKnown && node is BoundSetReturning;
            return !isKnown;
        });
        return isOpen;
    }

    /// <summary>Grouping by a set-returning call: the rows are multiplied before they are grouped.</summary>
    private Built ExpandSets(IReadOnlyList<BoundExpression> keys, Built input)
    {
        var items = new List<ProjectSetItem>();
        var layout = new Layout();
        foreach (BoundExpression known in input.Layout.Expressions)
        {
            layout.Add(known);
            items.Add(new ProjectSetItem(known is BoundColumn column ? column.Name : "value", known.Type, Translate(known, input.Layout), null, []));
        }

        foreach (BoundExpression key in keys)
        {
            ExpressionRewriter.Visit(key, node =>
            {
                if (node is BoundSetReturning set && layout.Find(set) < 0)
                {
                    layout.Add(set);
                    items.Add(new ProjectSetItem(set.Function.Name, set.Type, null, set.Function, set.Arguments.Select(a => Translate(a, input.Layout)).ToArray()));
                }

                return node is not BoundSetReturning;
            });
        }

        PlanEstimate below = input.Node.Estimate;
        return new Built(new ProjectSetNode(input.Node, items) { Estimate = new PlanEstimate(below.Rows * 10, below.Cost + (below.Rows * 10)) }, layout);
    }

    /// <summary>Set-returning calls get a node of their own; what surrounds them is computed above it.</summary>
    private ProjectNode ProjectSets(List<BoundTarget> targets, Built input)
    {
        var items = new List<ProjectSetItem>();
        var layout = new Layout();
        foreach (BoundTarget target in targets)
        {
            ExpressionRewriter.Visit(target.Expression, node =>
            {
                if (node is not BoundSetReturning set || layout.Find(set) >= 0)
                {
                    return node is not BoundSetReturning;
                }

                layout.Add(set);
                items.Add(new ProjectSetItem(set.Function.Name, set.Type, null, set.Function, set.Arguments.Select(a => Translate(a, input.Layout)).ToArray()));
                return false;
            });
        }

        foreach (BoundTarget target in targets)
        {
            if (!ExpressionRewriter.Any(target.Expression, n => n is BoundSetReturning) && layout.Find(target.Expression) < 0)
            {
                layout.Add(target.Expression);
                items.Add(new ProjectSetItem(target.Column.Name, target.Expression.Type, Translate(target.Expression, input.Layout), null, []));
            }
        }

        foreach (BoundColumn column in MixedColumns(targets))
        {
            if (layout.Find(column) < 0)
            {
                layout.Add(column);
                items.Add(new ProjectSetItem(column.Name, column.Type, Translate(column, input.Layout), null, []));
            }
        }

        var sets = new ProjectSetNode(input.Node, items) { Estimate = new PlanEstimate(input.Node.Estimate.Rows * 10, input.Node.Estimate.Cost * 10) };
        return new ProjectNode(sets, TranslateOutputs(targets, layout)) { Estimate = sets.Estimate };
    }

    /// <summary>Columns that stand beside a set-returning call in one expression.</summary>
    private static List<BoundColumn> MixedColumns(List<BoundTarget> targets)
    {
        var columns = new List<BoundColumn>();
        foreach (BoundTarget target in targets.Where(t => ExpressionRewriter.Any(t.Expression, n => n is BoundSetReturning)))
        {
            ExpressionRewriter.Visit(target.Expression, node =>
            {
                if (node is BoundColumn column)
                {
                    columns.Add(column);
                }

                return node is not BoundSetReturning;
            });
        }

        return columns;
    }

    private static PlanNode PlanDistinct(BoundSelect select, BoundQuery query, PlanNode node, ref BoundSortKey[] keys, ref bool isOrdered)
    {
        PlanEstimate below = node.Estimate;
        if (select.IsDistinct)
        {
            isOrdered = false;
            return new DistinctNode(node) { Estimate = new PlanEstimate(Math.Max(1, below.Rows * 0.5), below.Cost + (below.Rows * HashBuildCost)) };
        }

        if (select.DistinctOn.Count == 0)
        {
            return node;
        }

        var sort = new List<BoundSortKey>(keys);
        foreach (int target in select.DistinctOn)
        {
            if (query.OrderBy.All(o => o.Target != target))
            {
                sort.Add(new BoundSortKey(new BoundSlot(target, node.Columns[target].Type) { Name = node.Columns[target].Name }, false, true));
            }
        }

        BoundExpression[] on = select.DistinctOn.Select(t => (BoundExpression)new BoundSlot(t, node.Columns[t].Type) { Name = node.Columns[t].Name }).ToArray();
        var sorted = new SortNode(node, sort) { Estimate = new PlanEstimate(below.Rows, below.Cost + (below.Rows * 5)) };
        keys = [];
        return new DistinctOnNode(sorted, on) { Estimate = new PlanEstimate(Math.Max(1, below.Rows * 0.5), sorted.Estimate.Cost) };
    }
}
