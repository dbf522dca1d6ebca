using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql.Execution;

/// <summary>Makes the running form of a plan. Used once per plan, by one thread.</summary>
internal sealed partial class PlanCompiler
{
    /// <summary>What the part of the plan that is being compiled reads from outside.</summary>
    private sealed class Scope
    {
        public HashSet<int> Cells { get; } = [];

        public HashSet<int> WorkTables { get; } = [];

        public bool IsVolatile { get; set; }
    }

    private readonly Dictionary<BoundLocal, int> locals = [];
    private readonly ExecutionContext folding = new(null!, FoldingContext, new StatementMemory(0));
    private readonly Dictionary<int, CommonTableShape> commonTables = [];
    private Scope scope = new();
    private int cells;
    private int states;

    public static PlanProgram Compile(PlanNode root)
    {
        var compiler = new PlanCompiler();
        Func<ExecutionContext, WriteRun>? write = compiler.Write(root, out CompiledNode? query);
        return new PlanProgram(write, query, compiler.cells, compiler.locals.Count, compiler.states, WithCountOf(root));
    }

    private static bool WithCountOf(PlanNode root) => root is WriteNode or WithNode { Body: WriteNode };

    private int NextState() => states++;

    /// <summary>Compiles a node whose bound cells, if any, are set by enclosing nodes.</summary>
    private CompiledNode Node(PlanNode node) => Inner(node, []);

    /// <summary>Compiles an inner plan for which the caller sets the cells of <paramref name="bindings"/>.</summary>
    /// <param name="workTable">Recursive union that gives its rounds to the inner plan, or null.</param>
    private CompiledNode Inner(PlanNode node, IReadOnlyList<OuterBinding> bindings, int? workTable = null)
    {
        StackGuardEvaluator.Ensure();
        Scope outer = scope;
        scope = new Scope();
        Func<ExecutionContext, RowSource> open = Open(node);
        var compiled = new CompiledNode(node, open, [.. scope.Cells.Order()], scope.IsVolatile, scope.WorkTables.Count > 0);
        outer.Cells.UnionWith(scope.Cells.Where(cell => bindings.All(binding => binding.Cell != cell)));
        outer.WorkTables.UnionWith(scope.WorkTables.Where(id => id != workTable));
        outer.IsVolatile |= scope.IsVolatile;
        scope = outer;
        return compiled;
    }

    private Func<ExecutionContext, RowSource> Open(PlanNode node) => node switch
    {
        OneRowNode => _ => new OneRowSource(),
        EmptyNode empty => _ => new EmptySource(empty.Columns.Count),
        ValuesNode values => Values(values),
        PointGetNode point => PointGet(point),
        IndexScanNode scan => IndexScan(scan),
        FullScanNode scan => FullScan(scan),
        VirtualScanNode scan => VirtualScan(scan),
        FunctionScanNode scan => FunctionScan(scan),
        FilterNode filter => Filter(filter),
        ProjectNode project => Project(project),
        ProjectSetNode project => ProjectSet(project),
        SortNode sort => Sort(sort),
        TopNNode top => TopN(top),
        LimitNode limit => Limit(limit),
        DistinctNode distinct => Distinct(distinct),
        DistinctOnNode distinct => DistinctOn(distinct),
        MaterialiseNode materialise => Materialise(materialise),
        _ => OpenLarge(node),
    };

    private Func<ExecutionContext, RowSource> OpenLarge(PlanNode node) => node switch
    {
        AggregateNode aggregate => Aggregate(aggregate),
        WindowNode window => Window(window),
        HashJoinNode join => HashJoin(join),
        NestedLoopJoinNode join => NestedLoop(join),
        IndexLookupJoinNode join => IndexLookup(join),
        AppendNode append => Append(append),
        SetOperationNode operation => SetOperation(operation),
        WithNode with => With(with),
        CteScanNode scan => CteScan(scan),
        RecursiveUnionNode union => RecursiveUnion(union),
        WriteNode or LockRowsNode => NestedWrite(node),
        _ => throw new InvalidOperationException($"{node.GetType().Name} cannot be executed"),
    };
}
