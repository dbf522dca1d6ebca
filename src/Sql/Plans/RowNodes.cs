using Picodata.Sql.Functions;
using Picodata.Core;

namespace Picodata.Sql.Plans;

/// <summary>Rows for which the condition (over the input's row) is true.</summary>
public sealed record FilterNode(PlanNode Input, BoundExpression Condition) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Input.Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => "Filter";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Filter", Condition));
}

/// <summary>New columns computed over the input's row.</summary>
public sealed record ProjectNode(PlanNode Input, IReadOnlyList<PlanOutput> Outputs) : PlanNode
{
    private readonly PlanColumn[] columns = [.. Outputs.Select(output => output.Column)];

    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => "Projection";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Output", List(Outputs)));
}

/// <summary>One column of a <see cref="ProjectSetNode"/>: a set-returning function, or a plain expression that is repeated.</summary>
public sealed record ProjectSetItem(string Name, SqlType Type, BoundExpression? Expression, ResolvedFunction? Function, IReadOnlyList<BoundExpression> Arguments);

/// <summary>Set-returning functions in a select list, run side by side for each input row; NULLs fill up shorter ones.</summary>
public sealed record ProjectSetNode(PlanNode Input, IReadOnlyList<ProjectSetItem> Items) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => [.. Items.Select(item => new PlanColumn(item.Name, item.Type))];

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => "ProjectSet";
}

/// <summary>All rows, sorted; stable. Keys over the input's row.</summary>
public sealed record SortNode(PlanNode Input, IReadOnlyList<BoundSortKey> Keys) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Input.Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => "Sort";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Sort Key", PlanText.Sort(Keys)));
}

/// <summary>
/// Sorted rows behind the first <paramref name="Offset"/>, up to <paramref name="Count"/>; keeps only so many in memory.
/// The expressions read parameters, constants and outer cells; NULL count means all, NULL offset none.
/// </summary>
public sealed record TopNNode(PlanNode Input, IReadOnlyList<BoundSortKey> Keys, BoundExpression Count, BoundExpression? Offset) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Input.Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => "Top-N Sort";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Sort Key", PlanText.Sort(Keys)), ("Limit", Count), ("Offset", Offset));
}

/// <summary>
/// Rows behind the first <paramref name="Offset"/>, up to <paramref name="Count"/>. NULL means no limit; negative values
/// are errors 2201W and 2201X. With ties: further rows that are equal to the last by the keys (input sorted by them).
/// </summary>
public sealed record LimitNode(PlanNode Input, BoundExpression? Count, BoundExpression? Offset, IReadOnlyList<BoundSortKey>? TieKeys = null) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Input.Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => "Limit";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Limit", Count), ("Offset", Offset));
}

/// <summary>Every different row once (NULLs equal), in the order of first appearance; by a hash table.</summary>
public sealed record DistinctNode(PlanNode Input) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Input.Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => "Distinct";
}

/// <summary>DISTINCT ON: of neighbouring rows with equal keys the first; equal rows are neighbours because the input is sorted.</summary>
public sealed record DistinctOnNode(PlanNode Input, IReadOnlyList<BoundExpression> Keys) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Input.Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => "Unique";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Key", List(Keys)));
}

/// <summary>
/// Keeps the input's rows in memory, so that running again costs no second reading. Runs the input anew only when an outer
/// cell that it reads may have changed.
/// </summary>
public sealed record MaterialiseNode(PlanNode Input) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Input.Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => "Materialize";
}

/// <summary>One call of an aggregate.</summary>
/// <param name="Function">The resolved aggregate.</param>
/// <param name="Arguments">Arguments over the input's row; none for count(*).</param>
/// <param name="Distinct">Each different value once.</param>
/// <param name="Filter">Rows that count, or null.</param>
/// <param name="OrderBy">Order in which values are taken in.</param>
/// <param name="Name">Name of the column.</param>
/// <param name="Type">Type of the result.</param>
public sealed record AggregateCall(
    ResolvedFunction Function, IReadOnlyList<BoundExpression> Arguments, bool Distinct, BoundExpression? Filter, IReadOnlyList<BoundSortKey> OrderBy, string Name, SqlType Type);

/// <summary>
/// Groups: rows are the keys, then the aggregates. Without keys there is exactly one row, also over no input. Sorted: the input
/// comes sorted by the keys, so that one group at a time is in memory; else a hash table, and groups come in order of
/// first appearance.
/// </summary>
public sealed record AggregateNode(PlanNode Input, IReadOnlyList<PlanOutput> Keys, IReadOnlyList<AggregateCall> Aggregates, bool Sorted) : PlanNode
{
    /// <summary>GROUPING SETS: places in <see cref="Keys"/> for each set (the other keys are NULL); empty for one set of all keys. Never sorted.</summary>
    public IReadOnlyList<IReadOnlyList<int>> GroupingSets { get; init; } = [];

    private readonly PlanColumn[] columns = [.. Keys.Select(key => key.Column), .. Aggregates.Select(call => new PlanColumn(call.Name, call.Type))];

    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => Keys.Count == 0 ? "Aggregate" : Sorted ? "GroupAggregate" : "HashAggregate";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Group Key", List(Keys)));
}

/// <summary>The frame of a window call.</summary>
/// <param name="Mode">How distances count.</param>
/// <param name="Start">First row; offsets are read without slots.</param>
/// <param name="End">Last row.</param>
/// <param name="Exclusion">Rows left out.</param>
/// <param name="RangeAdd">RANGE with an offset: function (key, offset) that gives the key moved up.</param>
/// <param name="RangeSubtract">RANGE with an offset: function (key, offset) that gives the key moved down.</param>
public sealed record WindowFrame(
    FrameMode Mode, BoundFrameBound Start, BoundFrameBound End, FrameExclusion Exclusion, ResolvedFunction? RangeAdd = null, ResolvedFunction? RangeSubtract = null)
{
    /// <summary>RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW.</summary>
    public static readonly WindowFrame Default =
        new(FrameMode.Range, new(FrameBoundKind.UnboundedPreceding, null), new(FrameBoundKind.CurrentRow, null), FrameExclusion.None);
}

/// <summary>One window call: of a window function, or of an aggregate over the frame.</summary>
public sealed record WindowCall(
    ResolvedFunction? Function, ResolvedFunction? Aggregate, IReadOnlyList<BoundExpression> Arguments, BoundExpression? Filter, WindowFrame Frame, string Name, SqlType Type);

/// <summary>
/// Window calls that share PARTITION BY and ORDER BY. The node sorts its input by both. Rows are the input's columns, then
/// one for each call, in sorted order.
/// </summary>
public sealed record WindowNode(PlanNode Input, IReadOnlyList<BoundExpression> PartitionBy, IReadOnlyList<BoundSortKey> OrderBy, IReadOnlyList<WindowCall> Calls) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => [.. Input.Columns, .. Calls.Select(call => new PlanColumn(call.Name, call.Type))];

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => "WindowAgg";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Partition By", List(PartitionBy)), ("Order By", PlanText.Sort(OrderBy)));
}
