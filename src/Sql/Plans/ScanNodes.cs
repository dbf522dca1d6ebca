using Picodata.Sql.Functions;
using Picodata.Core;

namespace Picodata.Sql.Plans;

/// <summary>One row without columns: SELECT without FROM.</summary>
public sealed record OneRowNode : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => [];

    /// <inheritdoc/>
    public override string Title => "Result";
}

/// <summary>No row at all: a filter that the planner found to be false.</summary>
public sealed record EmptyNode(IReadOnlyList<PlanColumn> Output) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Output;

    /// <inheritdoc/>
    public override string Title => "Result";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => ["One-Time Filter: false"];
}

/// <summary>Rows written in the statement; all rows have as many expressions as there are columns. They may read outer cells, no slots.</summary>
public sealed record ValuesNode(IReadOnlyList<PlanColumn> Output, IReadOnlyList<IReadOnlyList<BoundExpression>> Rows) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Output;

    /// <inheritdoc/>
    public override string Title => "Values Scan";
}

/// <summary>
/// A node that reads rows of one stored table. Its rows are the columns <see cref="Ordinals"/> (ordinals of
/// <c>Table.Columns</c>) in that order; nothing else is decoded. <see cref="Filter"/> is evaluated over that row.
/// </summary>
public abstract record TableScanNode(TableDef Table, string Alias, IReadOnlyList<int> Ordinals, BoundExpression? Filter) : PlanNode
{
    private readonly PlanColumn[] columns = [.. Ordinals.Select(ordinal => new PlanColumn(Table.Columns[ordinal].Name, Table.Columns[ordinal].Type))];

    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => columns;

    internal string Target => Alias == Table.Name || Alias.Length == 0 ? Table.Name : Table.Name + " " + Alias;
}

/// <summary>
/// At most one row, by all parts of a unique index. A key that is NULL finds nothing. Key expressions read parameters,
/// constants and outer cells only, and have the kind of value that the column holds.
/// </summary>
public sealed record PointGetNode(TableDef Table, string Alias, TableIndex Index, IReadOnlyList<BoundExpression> Key, IReadOnlyList<int> Ordinals, BoundExpression? Filter)
    : TableScanNode(Table, Alias, Ordinals, Filter)
{
    /// <inheritdoc/>
    public override string Title => $"Index Scan using {Index.Name} on {Target}";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Index Cond", ScanText.Key(Table, Index, Key)), ("Filter", Filter));
}

/// <summary>A bound of a range.</summary>
public sealed record ScanBound(BoundExpression Value, bool Inclusive);

/// <summary>
/// Which part of an index is read: values for the leading parts, then either a list of values for the next part (rows
/// of all of them, in index order, each once), or bounds on the next part. NULL anywhere means no rows. Expressions as in
/// <see cref="PointGetNode"/>.
/// </summary>
/// <param name="Equal">Values of the leading parts.</param>
/// <param name="In">Values of the next part, or null.</param>
/// <param name="InArray">An array value with the values of the next part (<c>= ANY($1)</c>), or null.</param>
/// <param name="Lower">Lower bound in the order of values (not of the index, when the part is descending), or null.</param>
/// <param name="Upper">Upper bound in the order of values, or null.</param>
public sealed record IndexRange(
    IReadOnlyList<BoundExpression> Equal, IReadOnlyList<BoundExpression>? In = null, BoundExpression? InArray = null, ScanBound? Lower = null, ScanBound? Upper = null)
{
    /// <summary>The whole index.</summary>
    public static readonly IndexRange All = new([]);

    /// <summary>True when nothing limits the scan.</summary>
    public bool IsAll => Equal.Count == 0 && In is null && InArray is null && Lower is null && Upper is null;
}

/// <summary>Rows of a part of an index, in its order or reversed.</summary>
public sealed record IndexScanNode(
    TableDef Table, string Alias, TableIndex Index, IndexRange Range, bool Descending, IReadOnlyList<int> Ordinals, BoundExpression? Filter)
    : TableScanNode(Table, Alias, Ordinals, Filter)
{
    /// <inheritdoc/>
    public override string Title => $"Index Scan {(Descending ? "Backward " : "")}using {Index.Name} on {Target}";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Index Cond", ScanText.Range(Table, Index, Range)), ("Filter", Filter));
}

/// <summary>All rows of a table, in the order of its primary key.</summary>
public sealed record FullScanNode(TableDef Table, string Alias, IReadOnlyList<int> Ordinals, BoundExpression? Filter)
    : TableScanNode(Table, Alias, Ordinals, Filter)
{
    /// <inheritdoc/>
    public override string Title => $"Seq Scan on {Target}";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Filter", Filter));
}

/// <summary>Rows of a computed relation (pg_catalog, information_schema). Columns <see cref="Ordinals"/> of it; filter over those.</summary>
public sealed record VirtualScanNode(VirtualTableDef Table, string Alias, IReadOnlyList<int> Ordinals, BoundExpression? Filter) : PlanNode
{
    private readonly PlanColumn[] columns = [.. Ordinals.Select(ordinal => new PlanColumn(Table.Columns[ordinal].Name, Table.Columns[ordinal].Type))];

    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => columns;

    /// <inheritdoc/>
    public override string Title => $"Seq Scan on {(Alias == Table.Name || Alias.Length == 0 ? Table.Name : Table.Name + " " + Alias)}";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Filter", Filter));
}

/// <summary>One function in FROM: set-returning, or a scalar one (a single row). Arguments read outer cells, no slots.</summary>
/// <param name="SetReturning">The function when it returns a set.</param>
/// <param name="Scalar">The expression when it does not.</param>
/// <param name="Arguments">Arguments of the set-returning function.</param>
/// <param name="Columns">Columns that it makes.</param>
public sealed record FunctionSource(ResolvedFunction? SetReturning, BoundExpression? Scalar, IReadOnlyList<BoundExpression> Arguments, IReadOnlyList<PlanColumn> Columns);

/// <summary>Functions in FROM; several (ROWS FROM) run side by side, shorter ones filled with NULLs; then the row number when asked for.</summary>
public sealed record FunctionScanNode(IReadOnlyList<FunctionSource> Functions, bool WithOrdinality) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns =>
        [.. Functions.SelectMany(function => function.Columns), .. WithOrdinality ? [new PlanColumn("ordinality", SqlType.Int8)] : Array.Empty<PlanColumn>()];

    /// <inheritdoc/>
    public override string Title => "Function Scan on " + List(Functions.Select(function => function.SetReturning?.Name ?? (function.Scalar is null ? "function" : PlanText.Of(function.Scalar))));
}

/// <summary>Conditions of scans as EXPLAIN shows them.</summary>
internal static class ScanText
{
    public static string Key(TableDef table, TableIndex index, IReadOnlyList<BoundExpression> key) =>
        "(" + string.Join(" AND ", key.Select((value, part) => $"({Column(table, index, part)} = {PlanText.Of(value)})")) + ")";

    public static string? Range(TableDef table, TableIndex index, IndexRange range)
    {
        if (range.IsAll)
        {
            return null;
        }

        var terms = new List<string>(range.Equal.Select((value, part) => $"({Column(table, index, part)} = {PlanText.Of(value)})"));
        string next = range.Equal.Count < index.Parts.Count ? Column(table, index, range.Equal.Count) : "";
        if (range.In is not null)
        {
            terms.Add($"({next} = ANY ({{{string.Join(",", range.In.Select(PlanText.Of))}}}))");
        }

        if (range.InArray is not null)
        {
            terms.Add($"({next} = ANY ({PlanText.Of(range.InArray)}))");
        }

        if (range.Lower is not null)
        {
            terms.Add($"({next} {(range.Lower.Inclusive ? ">=" : ">")} {PlanText.Of(range.Lower.Value)})");
        }

        if (range.Upper is not null)
        {
            terms.Add($"({next} {(range.Upper.Inclusive ? "<=" : "<")} {PlanText.Of(range.Upper.Value)})");
        }

        return "(" + string.Join(" AND ", terms) + ")";
    }

    private static string Column(TableDef table, TableIndex index, int part) => table.Columns[index.Parts[part].Ordinal].Name;
}
