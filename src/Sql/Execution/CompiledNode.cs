using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql.Execution;

/// <summary>A plan node whose expressions are compiled: makes the running form for an execution. Immutable.</summary>
internal sealed class CompiledNode(PlanNode node, Func<ExecutionContext, RowSource> open, int[] freeCells, bool isVolatile, bool dependsOnRound)
{
    public PlanNode Node { get; } = node;

    /// <summary>Cells that this node or one below reads and that no node in here sets.</summary>
    public int[] FreeCells { get; } = freeCells;

    /// <summary>True when running it again may give something else: volatile functions inside.</summary>
    public bool IsVolatile { get; } = isVolatile;

    /// <summary>True when it reads the work table of a recursive union that stands around it.</summary>
    public bool DependsOnRound { get; } = dependsOnRound;

    /// <summary>True when running it again gives the same rows, so that they may be kept over rescans.</summary>
    public bool IsFixed => FreeCells.Length == 0 && !DependsOnRound;

    /// <summary>Number of columns.</summary>
    public int Width => Node.Columns.Count;

    /// <summary>Starts the node for an execution.</summary>
    public RowSource Open(ExecutionContext context) =>
        context.Statistics is { } statistics ? new MeasuredSource(open(context), statistics, statistics.Of(Node)) : open(context);
}

/// <summary>Counts rows and time of a node for EXPLAIN ANALYZE.</summary>
internal sealed class MeasuredSource : RowSource
{
    private readonly RowSource inner;
    private readonly PlanStatistics statistics;
    private readonly NodeStatistics node;

    public MeasuredSource(RowSource inner, PlanStatistics statistics, NodeStatistics node)
        : base(inner.Width)
    {
        this.inner = inner;
        this.statistics = statistics;
        this.node = node;
        node.Loops++;
    }

    internal override bool RowsStay => inner.RowsStay;

    public override bool MoveNext()
    {
        long start = statistics.Time.GetTimestamp();
        bool found = inner.MoveNext();
        node.Ticks += statistics.Time.GetTimestamp() - start;
        if (found)
        {
            node.Rows++;
            Row = inner.Row;
        }

        return found;
    }

    internal override void Rescan()
    {
        node.Loops++;
        inner.Rescan();
    }

    public override void Dispose() => inner.Dispose();
}
