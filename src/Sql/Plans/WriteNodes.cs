namespace Picodata.Sql.Plans;

/// <summary>
/// Base of nodes that write. They run to their end when the statement starts; rows of RETURNING are kept and given
/// afterwards. <see cref="Returning"/> is empty for no rows. Assignments, checks and returning are expressions over slots as
/// each node says. A check refuses a row when it is false (not when it is NULL).
/// </summary>
public abstract record WriteNode(TableDef Table, IReadOnlyList<BoundCheck> Checks, IReadOnlyList<PlanOutput> Returning) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => [.. Returning.Select(output => output.Column)];
}

/// <param name="Action">What to do.</param>
/// <param name="Index">The index that the clause names; null for any (Nothing and Replace only). Conflicts in other indexes fail.</param>
/// <param name="Assignments">Update: over the row in the way (slots 0..n-1 = all columns) and then the proposed row (n..2n-1).</param>
/// <param name="Where">Update: over the same rows; not true means that nothing is done.</param>
public sealed record ConflictClause(ConflictAction Action, TableIndex? Index, IReadOnlyList<BoundAssignment> Assignments, BoundExpression? Where)
{
    /// <summary>A plain INSERT.</summary>
    public static readonly ConflictClause Fail = new(ConflictAction.Fail, null, [], null);
}

/// <summary>
/// Adds rows. <paramref name="Values"/> has one expression for each column of the table (hidden ones too; defaults and sequences
/// included), over the source's row. Checks over the new row; returning over the row as it now is (slots = ordinals of columns).
/// </summary>
public sealed record InsertNode(
    TableDef Table, PlanNode Source, IReadOnlyList<BoundExpression> Values, ConflictClause Conflict, IReadOnlyList<BoundCheck> Checks, IReadOnlyList<PlanOutput> Returning)
    : WriteNode(Table, Checks, Returning)
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Source];

    /// <inheritdoc/>
    public override string Title => $"Insert on {Table.Name}";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Conflict.Action == ConflictAction.Fail ? [] : Lines(("Conflict Resolution", Conflict.Action));
}

/// <summary>
/// Changes the rows that the source finds. <paramref name="KeySlots"/> are the positions of the table's primary key columns in the source's
/// row. Assignments over the source's row. Checks over the new row of the table (slots = ordinals); returning over the
/// new row (0..n-1), then the source's row (n..). A target that appears in several source rows is changed once, by the first.
/// </summary>
public sealed record UpdateNode(
    TableDef Table, PlanNode Source, IReadOnlyList<int> KeySlots, IReadOnlyList<BoundAssignment> Assignments, IReadOnlyList<BoundCheck> Checks, IReadOnlyList<PlanOutput> Returning)
    : WriteNode(Table, Checks, Returning)
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Source];

    /// <inheritdoc/>
    public override string Title => $"Update on {Table.Name}";
}

/// <summary>Removes the rows that the source finds; key slots as in <see cref="UpdateNode"/>; returning over the old row, then the source's row.</summary>
public sealed record DeleteNode(TableDef Table, PlanNode Source, IReadOnlyList<int> KeySlots, IReadOnlyList<PlanOutput> Returning) : WriteNode(Table, [], Returning)
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Source];

    /// <inheritdoc/>
    public override string Title => $"Delete on {Table.Name}";
}

/// <summary>
/// UPDATE of at most one row by its whole primary key, without a view: locks the row, reads its newest version. Filter and
/// assignments over the old row (slots = ordinals of the table's columns), checks and returning over the new one.
/// </summary>
public sealed record PointUpdateNode(
    TableDef Table, IReadOnlyList<BoundExpression> Key, BoundExpression? Filter, IReadOnlyList<BoundAssignment> Assignments, IReadOnlyList<BoundCheck> Checks, IReadOnlyList<PlanOutput> Returning)
    : WriteNode(Table, Checks, Returning)
{
    /// <inheritdoc/>
    public override string Title => $"Point Update on {Table.Name}";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Index Cond", ScanText.Key(Table, Table.PrimaryIndex!, Key)), ("Filter", Filter));
}

/// <summary>DELETE of at most one row by its whole primary key; filter and returning over the old row (slots = ordinals).</summary>
public sealed record PointDeleteNode(TableDef Table, IReadOnlyList<BoundExpression> Key, BoundExpression? Filter, IReadOnlyList<PlanOutput> Returning) : WriteNode(Table, [], Returning)
{
    /// <inheritdoc/>
    public override string Title => $"Point Delete on {Table.Name}";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Index Cond", ScanText.Key(Table, Table.PrimaryIndex!, Key)), ("Filter", Filter));
}

/// <summary>A table whose rows are locked.</summary>
/// <param name="KeySlots">Positions of its primary key columns in the input's row; all NULL (outer join) locks nothing.</param>
public sealed record LockTarget(TableDef Table, IReadOnlyList<int> KeySlots);

/// <summary>
/// FOR UPDATE / FOR SHARE: locks the input's rows. Runs to its end when the statement starts; always the root of a plan (above LIMIT).
/// Rows are the first <paramref name="OutputCount"/> columns of the input.
/// </summary>
public sealed record LockRowsNode(PlanNode Input, IReadOnlyList<LockTarget> Targets, RowLockWait Wait, int OutputCount) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => [.. Input.Columns.Take(OutputCount)];

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Input];

    /// <inheritdoc/>
    public override string Title => "LockRows";
}
