using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Plans;

namespace Picodata.Sql.Execution;

/// <summary>Nodes that give rows, to sources.</summary>
internal sealed partial class PlanCompiler
{
    private HashSet<int>? slotTrace;

    /// <summary>Compiles a scan's filter and notes the slots that it reads.</summary>
    private Evaluator? ScanFilter(BoundExpression? filter, out HashSet<int> slots)
    {
        HashSet<int>? before = slotTrace;
        slots = slotTrace = [];
        Evaluator? result = Optional(filter);
        slotTrace = before;
        return result;
    }

    private SlotEvaluator Slot(int slot)
    {
        slotTrace?.Add(slot);
        return new SlotEvaluator(slot);
    }

    private ScanShape Scan(TableDef table, uint indexId, IReadOnlyList<int> ordinals, BoundExpression? condition)
    {
        RowDecoder decoder = RowDecoder.ForColumns(table, ordinals);
        Evaluator? filter = ScanFilter(condition, out HashSet<int> slots);
        if (filter is null)
        {
            return new ScanShape(table.SpaceId, indexId, ordinals.Count, decoder, null, null);
        }

        (RowDecoder wanted, RowDecoder others) = decoder.Split(slots);
        return new ScanShape(table.SpaceId, indexId, ordinals.Count, wanted, others.IsEmpty ? null : others, filter);
    }

    private KeyShape Key(TableDef table, TableIndex index, IReadOnlyList<BoundExpression> values) =>
        new(Expressions(values), TableCodecs.OfKey(table, index)[..values.Count]);

    private Func<ExecutionContext, RowSource> Values(ValuesNode values)
    {
        Evaluator[][] rows = [.. values.Rows.Select(Expressions)];
        int width = values.Columns.Count;
        return context => new ValuesSource(width, rows, context);
    }

    private Func<ExecutionContext, RowSource> PointGet(PointGetNode point)
    {
        ScanShape shape = Scan(point.Table, point.Index.Storage.Id, point.Ordinals, point.Filter);
        KeyShape key = Key(point.Table, point.Index, point.Key);
        return context => new PointGetSource(shape, key, context);
    }

    private Func<ExecutionContext, RowSource> IndexScan(IndexScanNode scan)
    {
        ScanShape shape = Scan(scan.Table, scan.Index.Storage.Id, scan.Ordinals, scan.Filter);
        RangeShape? range = scan.Range.IsAll ? null : Range(scan.Table, scan.Index, scan.Range);
        return context => new IndexScanSource(shape, range, scan.Descending, context.Statistics?.Of(scan), context);
    }

    private RangeShape Range(TableDef table, TableIndex index, IndexRange range)
    {
        RangeShape.Next? next = null;
        if (range.Equal.Count < index.Parts.Count)
        {
            IndexPart part = index.Parts[range.Equal.Count];
            ColumnDef column = table.Columns[part.Ordinal];
            next = new RangeShape.Next(TableCodecs.Of(column), part.Descending, column.IsNullable);
        }

        return new RangeShape(
            Key(table, index, range.Equal), range.In is null ? null : Expressions(range.In), Optional(range.InArray), Bound(range.Lower), Bound(range.Upper), next);
    }

    private BoundShape? Bound(ScanBound? bound) => bound is null ? null : new BoundShape(Expression(bound.Value), bound.Inclusive);

    private Func<ExecutionContext, RowSource> FullScan(FullScanNode scan)
    {
        if (scan.Table.PrimaryIndex is null)
        {
            return _ => new EmptySource(scan.Ordinals.Count);
        }

        ScanShape shape = Scan(scan.Table, 0, scan.Ordinals, scan.Filter);
        return context => new IndexScanSource(shape, null, false, context.Statistics?.Of(scan), context);
    }

    private Func<ExecutionContext, RowSource> VirtualScan(VirtualScanNode scan)
    {
        int[] ordinals = [.. scan.Ordinals];
        Evaluator? filter = Optional(scan.Filter);
        return context => new VirtualScanSource(scan.Table, ordinals, filter, context);
    }

    private SetCall SetCallOf(ResolvedFunction function, IReadOnlyList<BoundExpression> arguments)
    {
        scope.IsVolatile |= function.Volatility == Volatility.Volatile;
        return new SetCall(function, Expressions(arguments));
    }

    private Func<ExecutionContext, RowSource> FunctionScan(FunctionScanNode scan)
    {
        FunctionColumns[] functions = [.. scan.Functions.Select(source => new FunctionColumns(
            source.SetReturning is null ? null : SetCallOf(source.SetReturning, source.Arguments), Optional(source.Scalar), source.Columns.Count))];
        return context => new FunctionScanSource(functions, scan.WithOrdinality, context);
    }

    private Func<ExecutionContext, RowSource> Filter(FilterNode filter)
    {
        CompiledNode input = Node(filter.Input);
        Evaluator condition = Expression(filter.Condition);
        return context => new FilterSource(input.Open(context), condition, context.Statistics?.Of(filter), context);
    }

    private Func<ExecutionContext, RowSource> Project(ProjectNode project)
    {
        CompiledNode input = Node(project.Input);
        Evaluator[] outputs = Expressions(project.Outputs.Select(output => output.Expression));
        return context => new ProjectSource(input.Open(context), outputs, context);
    }

    private Func<ExecutionContext, RowSource> ProjectSet(ProjectSetNode project)
    {
        CompiledNode input = Node(project.Input);
        ProjectSetColumn[] items = [.. project.Items.Select(item => new ProjectSetColumn(
            Optional(item.Expression), item.Function is null ? null : SetCallOf(item.Function, item.Arguments)))];
        return context => new ProjectSetSource(input.Open(context), items, context);
    }

    private SortKeyShape[] SortKeys(IEnumerable<BoundSortKey> keys) =>
        [.. keys.Select(key => new SortKeyShape(Expression(key.Expression), key.Descending, key.NullsFirst))];

    private Func<ExecutionContext, RowSource> Sort(SortNode sort)
    {
        CompiledNode input = Node(sort.Input);
        var order = new SortOrder(SortKeys(sort.Keys));
        return context => new SortSource(input.Open(context), order, context);
    }

    private Func<ExecutionContext, RowSource> TopN(TopNNode top)
    {
        CompiledNode input = Node(top.Input);
        var order = new SortOrder(SortKeys(top.Keys));
        Evaluator count = Expression(top.Count);
        Evaluator? offset = Optional(top.Offset);
        return context => new TopNSource(input.Open(context), order, count, offset, context);
    }

    private Func<ExecutionContext, RowSource> Limit(LimitNode limit)
    {
        CompiledNode input = Node(limit.Input);
        Evaluator? count = Optional(limit.Count);
        Evaluator? offset = Optional(limit.Offset);
        Evaluator[]? ties = limit.TieKeys is null ? null : Expressions(limit.TieKeys.Select(key => key.Expression));
        return context => new LimitSource(input.Open(context), count, offset, ties, context);
    }

    private Func<ExecutionContext, RowSource> Distinct(DistinctNode distinct)
    {
        CompiledNode input = Node(distinct.Input);
        return context => new DistinctSource(input.Open(context), context);
    }

    private Func<ExecutionContext, RowSource> DistinctOn(DistinctOnNode distinct)
    {
        CompiledNode input = Node(distinct.Input);
        Evaluator[] keys = Expressions(distinct.Keys);
        return context => new DistinctOnSource(input.Open(context), keys, context);
    }

    private Func<ExecutionContext, RowSource> Materialise(MaterialiseNode materialise)
    {
        CompiledNode input = Node(materialise.Input);
        return context => new MaterialiseSource(input.Open(context), input.IsFixed, context);
    }

    private static bool IsBits(SqlType type) =>
        type.Kind is DatumKind.Int or DatumKind.Bool or DatumKind.Date or DatumKind.Time or DatumKind.Timestamp;

    private AggregateShape AggregateCallOf(AggregateCall call) =>
        new(call.Function, Expressions(call.Arguments), call.Distinct, Optional(call.Filter), SortKeys(call.OrderBy));

    private Func<ExecutionContext, RowSource> Aggregate(AggregateNode aggregate)
    {
        CompiledNode input = Node(aggregate.Input);
        var shape = new AggregationShape(
            Expressions(aggregate.Keys.Select(key => key.Expression)), [.. aggregate.Aggregates.Select(AggregateCallOf)],
            aggregate.Keys.Count == 1 && IsBits(aggregate.Keys[0].Expression.Type),
            aggregate.GroupingSets.Count == 0 ? null : [.. aggregate.GroupingSets.Select(set => set.ToArray())]);
        return aggregate.Sorted && shape.Keys.Length > 0 && shape.Sets is null
            ? context => new SortedAggregateSource(shape, input.Open(context), context)
            : context => new HashAggregateSource(shape, input.Open(context), context);
    }

    private Func<ExecutionContext, RowSource> Window(WindowNode window)
    {
        CompiledNode input = Node(window.Input);
        SqlType? key = window.OrderBy.Count == 1 ? window.OrderBy[0].Expression.Type : null;
        var shape = new WindowShape(
            [.. window.PartitionBy.Select(by => new SortKeyShape(Expression(by), false, false))], SortKeys(window.OrderBy),
            [.. window.Calls.Select(call => WindowCallOf(call, key))]);
        return context => new WindowSource(shape, input.Open(context), context);
    }

    private WindowCallShape WindowCallOf(WindowCall call, SqlType? key)
    {
        SqlType? distance = (call.Frame.Start.Offset ?? call.Frame.End.Offset)?.Type;
        bool byValue = call.Frame.Mode == FrameMode.Range && distance is not null && key is not null;
        var frame = new FrameShape(
            call.Frame.Mode, call.Frame.Start.Kind, Optional(call.Frame.Start.Offset), call.Frame.End.Kind, Optional(call.Frame.End.Offset), call.Frame.Exclusion,
            call.Frame.RangeAdd ?? (byValue ? OperatorTable.TryResolve("+", key!, distance!) : null),
            call.Frame.RangeSubtract ?? (byValue ? OperatorTable.TryResolve("-", key!, distance!) : null));
        return new WindowCallShape(call.Function, call.Aggregate, Expressions(call.Arguments), Optional(call.Filter), frame);
    }

    private Func<ExecutionContext, RowSource> HashJoin(HashJoinNode join)
    {
        CompiledNode left = Node(join.Left);
        CompiledNode right = Node(join.Right);
        var shape = new HashJoinShape(
            join.Kind, join.IsNullAware, Expressions(join.LeftKeys), Expressions(join.RightKeys),
            join.RightKeys.Count == 1 && IsBits(join.RightKeys[0].Type) && IsBits(join.LeftKeys[0].Type),
            Optional(join.Residual), right.IsFixed, left.Width, right.Width);
        return context => new HashJoinSource(shape, left.Open(context), right.Open(context), context);
    }

    private Func<ExecutionContext, RowSource> NestedLoop(NestedLoopJoinNode join)
    {
        CompiledNode left = Node(join.Left);
        CellBinding[] bindings = Bindings(join.Bindings);
        CompiledNode right = Inner(join.Right, join.Bindings);
        var shape = new NestedLoopShape(join.Kind, Optional(join.Condition), bindings, left.Width, right.Width);
        return context => new NestedLoopSource(shape, left.Open(context), right.Open(context), context);
    }

    private Func<ExecutionContext, RowSource> IndexLookup(IndexLookupJoinNode join)
    {
        CompiledNode left = Node(join.Left);
        var shape = new IndexLookupShape(
            join.Kind, Scan(join.Table, join.Index.Storage.Id, join.Ordinals, null), Key(join.Table, join.Index, join.Key),
            join.Index.IsUnique && join.Key.Count == join.Index.Parts.Count, Optional(join.Condition), left.Width);
        return context => new IndexLookupSource(shape, left.Open(context), context);
    }

    private Func<ExecutionContext, RowSource> Append(AppendNode append)
    {
        CompiledNode[] inputs = [.. append.Inputs.Select(Node)];
        return context => new AppendSource(Array.ConvertAll(inputs, input => input.Open(context)));
    }

    private Func<ExecutionContext, RowSource> SetOperation(SetOperationNode operation)
    {
        CompiledNode left = Node(operation.Left);
        CompiledNode right = Node(operation.Right);
        return context => new SetOperationSource(operation.Kind, operation.All, left.Open(context), right.Open(context), right.IsFixed, context);
    }

    private CommonTableShape DefineTable(CommonTable table)
    {
        var shape = new CommonTableShape(NextState(), Node(table.Plan));
        commonTables[table.Id] = shape;
        return shape;
    }

    private Func<ExecutionContext, RowSource> With(WithNode with)
    {
        CommonTableShape[] tables = [.. with.Tables.Select(DefineTable)];
        CompiledNode body = Node(with.Body);
        return context =>
        {
            var dependent = new List<CommonTableRows>();
            foreach (CommonTableShape table in tables)
            {
                var rows = new CommonTableRows(table.Plan!.Open(context), context);
                context.States[table.State] = rows;
                if (!table.Plan.IsFixed)
                {
                    dependent.Add(rows);
                }
            }

            return new WithSource(body.Open(context), [.. dependent]);
        };
    }

    private Func<ExecutionContext, RowSource> CteScan(CteScanNode scan)
    {
        CommonTableShape table = commonTables[scan.Id];
        if (table.Plan is null)
        {
            scope.WorkTables.Add(scan.Id);
        }
        else
        {
            scope.Cells.UnionWith(table.Plan.FreeCells);
        }

        int width = scan.Columns.Count;
        return context => new CommonTableScanSource(table.State, width, context);
    }

    private Func<ExecutionContext, RowSource> RecursiveUnion(RecursiveUnionNode union)
    {
        CompiledNode initial = Node(union.Initial);
        var table = new CommonTableShape(NextState(), null);
        commonTables[union.Id] = table;
        CompiledNode step = Inner(union.Step, [], union.Id);
        return context => new RecursiveUnionSource(initial.Open(context), step.Open(context), table.State, union.Distinct, context);
    }

    private static Func<ExecutionContext, RowSource> NestedWrite(PlanNode node) => throw new DbException(
        SqlStates.FeatureNotSupported, node is LockRowsNode ? "FOR UPDATE is not allowed here" : "INSERT, UPDATE and DELETE are not allowed here");
}
