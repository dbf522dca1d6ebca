namespace Picodata.Sql.Plans;

/// <summary>Base of joins. Semi and anti joins give the left row alone; all others the left columns, then the right ones. Cross is Inner.</summary>
public abstract record JoinNode(PlanNode Left, PlanNode Right, JoinKind Kind) : PlanNode
{
    private readonly IReadOnlyList<PlanColumn> columns =
        Kind is JoinKind.Semi or JoinKind.Anti ? Left.Columns : Concat(Left, Right);

    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Left, Right];

    internal string KindText => Kind switch
    {
        JoinKind.Inner or JoinKind.Cross => "",
        _ => Kind + " ",
    };
}

/// <summary>
/// Equality join by a hash table over the right input; right rows keep their order, left rows theirs. Keys of both sides have
/// equal types pair by pair; NULL keys match nothing.
/// </summary>
/// <param name="LeftKeys">Over the left row.</param>
/// <param name="RightKeys">Over the right row.</param>
/// <param name="Residual">Further condition over left columns then right columns (of semi and anti joins too), or null.</param>
public sealed record HashJoinNode(
    PlanNode Left, PlanNode Right, JoinKind Kind, IReadOnlyList<BoundExpression> LeftKeys, IReadOnlyList<BoundExpression> RightKeys, BoundExpression? Residual)
    : JoinNode(Left, Right, Kind)
{
    /// <summary>
    /// Anti only: <c>key NOT IN (right)</c>, with one key and no residual. No left row passes when the right side holds a
    /// NULL; a NULL key passes only when the right side is empty.
    /// </summary>
    public bool IsNullAware { get; init; }

    /// <inheritdoc/>
    public override string Title => $"Hash {KindText}Join";

    /// <inheritdoc/>
    public override IEnumerable<string> Details =>
        Lines(("Hash Cond", "(" + string.Join(" AND ", LeftKeys.Zip(RightKeys, (left, right) => $"({PlanText.Of(left)} = {PlanText.Of(right)})")) + ")"), ("Join Filter", Residual));
}

/// <summary>
/// For each left row the right input is run anew. Bindings are evaluated over the left row and set cells that the right
/// input reads (lateral, parameterised scans); without bindings the planner puts <see cref="MaterialiseNode"/> around a right input
/// that is dear to run. Right and Full need a right input without bindings.
/// </summary>
/// <param name="Condition">Over left columns then right columns, or null for all pairs.</param>
/// <param name="Bindings">Cells that the left row gives to the right input.</param>
public sealed record NestedLoopJoinNode(PlanNode Left, PlanNode Right, JoinKind Kind, BoundExpression? Condition, IReadOnlyList<OuterBinding> Bindings)
    : JoinNode(Left, Right, Kind)
{
    /// <inheritdoc/>
    public override string Title => $"Nested Loop {KindText}Join".Replace("Loop Join", "Loop", StringComparison.Ordinal);

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Join Filter", Condition));
}

/// <summary>
/// For each left row the rows of a table with equal values in the leading parts of an index. Right columns are
/// <paramref name="Ordinals"/> of the table. Inner, Left, Semi and Anti only.
/// </summary>
/// <param name="Key">Values of the leading parts, over the left row; NULL matches nothing. Kinds as the columns hold them.</param>
/// <param name="Condition">Further condition over left columns then right columns, or null.</param>
public sealed record IndexLookupJoinNode(
    PlanNode Left, TableDef Table, string Alias, TableIndex Index, IReadOnlyList<BoundExpression> Key, IReadOnlyList<int> Ordinals, JoinKind Kind, BoundExpression? Condition) : PlanNode
{
    private readonly IReadOnlyList<PlanColumn> columns = Kind is JoinKind.Semi or JoinKind.Anti
        ? Left.Columns
        : [.. Left.Columns, .. Ordinals.Select(ordinal => new PlanColumn(Table.Columns[ordinal].Name, Table.Columns[ordinal].Type))];

    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Left];

    /// <inheritdoc/>
    public override string Title => $"Index Lookup {(Kind == JoinKind.Inner ? "" : Kind + " ")}Join using {Index.Name} on {(Alias == Table.Name ? Table.Name : Table.Name + " " + Alias)}";

    /// <inheritdoc/>
    public override IEnumerable<string> Details => Lines(("Index Cond", ScanText.Key(Table, Index, Key)), ("Join Filter", Condition));
}

/// <summary>Rows of the inputs one after another (UNION ALL). Columns of all have equal types pair by pair.</summary>
public sealed record AppendNode(IReadOnlyList<PlanNode> Inputs) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Inputs[0].Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => Inputs;

    /// <inheritdoc/>
    public override string Title => "Append";
}

/// <summary>INTERSECT and EXCEPT.</summary>
public enum SetOperationKind { Intersect, Except }

/// <summary>INTERSECT [ALL] and EXCEPT [ALL] by a hash table; NULLs are equal. UNION is <see cref="DistinctNode"/> over <see cref="AppendNode"/>.</summary>
public sealed record SetOperationNode(SetOperationKind Kind, bool All, PlanNode Left, PlanNode Right) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Left.Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Left, Right];

    /// <inheritdoc/>
    public override string Title => $"HashSetOp {Kind}{(All ? " All" : "")}";
}

/// <summary>A common table expression that is run at most once, when its first scan needs it.</summary>
/// <param name="Id">Number, unique in the statement.</param>
public sealed record CommonTable(int Id, string Name, PlanNode Plan);

/// <summary>Gives its body's rows; common tables are materialised for <see cref="CteScanNode"/> inside the body and in later tables.</summary>
public sealed record WithNode(IReadOnlyList<CommonTable> Tables, PlanNode Body) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Body.Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [.. Tables.Select(table => table.Plan), Body];

    /// <inheritdoc/>
    public override string Title => "With " + List(Tables.Select(table => table.Name));
}

/// <summary>Rows of a common table.</summary>
public sealed record CteScanNode(int Id, string Name, IReadOnlyList<PlanColumn> Output) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Output;

    /// <inheritdoc/>
    public override string Title => $"CTE Scan on {Name}";
}

/// <summary>
/// WITH RECURSIVE: rows of <paramref name="Initial"/>, then of <paramref name="Step"/> again and again, which reads the rows of the round before
/// through a <see cref="CteScanNode"/> with this id, until a round gives none. Distinct drops rows seen before (UNION).
/// </summary>
public sealed record RecursiveUnionNode(int Id, PlanNode Initial, PlanNode Step, bool Distinct) : PlanNode
{
    /// <inheritdoc/>
    public override IReadOnlyList<PlanColumn> Columns => Initial.Columns;

    /// <inheritdoc/>
    public override IReadOnlyList<PlanNode> Children => [Initial, Step];

    /// <inheritdoc/>
    public override string Title => "Recursive Union";
}
