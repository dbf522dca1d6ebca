using Picodata.Core;
using Picodata.Sql.Functions;

namespace Picodata.Sql;

/// <summary>A column that a FROM item gives.</summary>
/// <param name="Name">Name by which it can be said.</param>
/// <param name="IsHidden">Left out of <c>*</c>.</param>
/// <param name="TableOid">Table that it comes from, 0 when computed.</param>
/// <param name="ColumnNumber">Attribute number there.</param>
public sealed record RangeColumn(string Name, SqlType Type, int TypeModifier = -1, bool IsHidden = false, uint TableOid = 0, short ColumnNumber = 0);

/// <summary>A FROM item as expressions see it. Compared by identity.</summary>
/// <param name="Alias">Alias or name.</param>
public sealed class BoundRange(string alias, IReadOnlyList<RangeColumn> columns)
{
    /// <summary>Alias or name.</summary>
    public string Alias { get; } = alias;

    public IReadOnlyList<RangeColumn> Columns { get; } = columns;

    /// <summary>For columns of type record: the expression that a subquery computes there, which knows the fields; else null.</summary>
    public Func<int, BoundExpression?>? RecordSource { get; init; }

    public override string ToString() => Alias;
}

/// <summary>What a statement does to a table; the session checks privileges with it.</summary>
/// <param name="Writes">INSERT, UPDATE, DELETE or TRUNCATE; else only read.</param>
/// <param name="Reads">Rows of it are looked at.</param>
public sealed record RelationAccess(Relation Relation, bool Reads, bool Writes)
{
    /// <summary>Inside of a view, which is read with its owner's rights: locked like the others, but no privilege is asked for.</summary>
    public bool IsThroughView { get; init; }
}

/// <summary>A bound statement.</summary>
public abstract class BoundStatement
{
    /// <summary>Output columns, or null when the statement gives no rows.</summary>
    public abstract IReadOnlyList<ResultColumn>? ResultColumns { get; }

    /// <summary>Relations that it touches, those inside of views included.</summary>
    public IReadOnlyList<RelationAccess> Accesses { get; set; } = [];

    /// <summary>Types of $1..$n.</summary>
    public IReadOnlyList<SqlType> ParameterTypes { get; set; } = [];

    /// <summary>CTEs of the statement's outermost WITH, in order.</summary>
    public IReadOnlyList<BoundCte> Ctes { get; init; } = [];
}

/// <summary>One WITH item.</summary>
public sealed class BoundCte
{
    public required string Name { get; init; }

    /// <summary>Its columns, under the names of the column list.</summary>
    public required IReadOnlyList<RangeColumn> Columns { get; init; }

    /// <summary>The query; for a recursive CTE set after the binding of its first part. INSERT/UPDATE/DELETE RETURNING are allowed at the top.</summary>
    public BoundStatement? Query { get; set; }

    /// <summary>True when it names itself: the query is a UNION of a first part and a part that reads the CTE.</summary>
    public bool IsRecursive { get; set; }

    /// <summary>MATERIALIZED true, NOT MATERIALIZED false, neither null.</summary>
    public bool? Materialized { get; init; }

    /// <summary>How many times it is read.</summary>
    public int References { get; set; }
}

/// <summary>A query: body, order, limit.</summary>
public sealed class BoundQuery : BoundStatement
{
    public required BoundBody Body { get; init; }

    /// <summary>Keys by place in the body's <see cref="BoundBody.Targets"/>, hidden targets included.</summary>
    public IReadOnlyList<BoundTargetSort> OrderBy { get; init; } = [];

    /// <summary>int8; NULL means no limit.</summary>
    public BoundExpression? Limit { get; init; }

    /// <summary>int8; NULL means 0.</summary>
    public BoundExpression? Offset { get; init; }

    /// <summary>FETCH FIRST ... WITH TIES.</summary>
    public bool WithTies { get; init; }

    /// <summary>FOR UPDATE or FOR SHARE: rows of these ranges are locked. Empty when not asked for.</summary>
    public IReadOnlyList<BoundTableSource> LockedTables { get; init; } = [];

    /// <summary>FOR UPDATE ... NOWAIT (55P03) or SKIP LOCKED.</summary>
    public RowLockWait LockWait { get; init; }

    public override IReadOnlyList<ResultColumn> ResultColumns => Body.Targets.Where(t => !t.IsHidden).Select(t => t.Column).ToArray();
}

/// <summary>What FOR UPDATE does about rows that others hold.</summary>
public enum RowLockWait : byte { Wait, NoWait, SkipLocked }

/// <summary>A sort key that is one of the targets.</summary>
public sealed record BoundTargetSort(int Target, bool Descending, bool NullsFirst);

/// <summary>One output expression.</summary>
/// <param name="Column">Name, type and origin.</param>
/// <param name="IsHidden">Only there for ORDER BY or DISTINCT ON; not shown.</param>
public sealed record BoundTarget(BoundExpression Expression, ResultColumn Column, bool IsHidden = false);

/// <summary>SELECT, VALUES or a set operation.</summary>
public abstract class BoundBody
{
    /// <summary>Output expressions. For set operations and VALUES: only <see cref="BoundTarget.Column"/> says something.</summary>
    public required IReadOnlyList<BoundTarget> Targets { get; init; }
}

/// <summary>One SELECT.</summary>
public sealed class BoundSelect : BoundBody
{
    /// <summary>The FROM tree; null without FROM (one row of no columns).</summary>
    public BoundSource? From { get; init; }

    public BoundExpression? Where { get; init; }

    /// <summary>Grouping expressions; empty with <see cref="IsGrouped"/> means one group of all rows, even of none.</summary>
    public IReadOnlyList<BoundExpression> GroupBy { get; init; } = [];

    /// <summary>GROUPING SETS, ROLLUP, CUBE: places in <see cref="GroupBy"/> for each set; empty for plain GROUP BY.</summary>
    public IReadOnlyList<IReadOnlyList<int>> GroupingSets { get; init; } = [];

    /// <summary>There is a GROUP BY, a HAVING or an aggregate.</summary>
    public bool IsGrouped { get; init; }

    public BoundExpression? Having { get; init; }

    /// <summary>SELECT DISTINCT: over all targets that are not hidden.</summary>
    public bool IsDistinct { get; init; }

    /// <summary>DISTINCT ON: places of targets; empty when not used.</summary>
    public IReadOnlyList<int> DistinctOn { get; init; } = [];

    /// <summary>True when targets hold window calls.</summary>
    public bool HasWindows { get; init; }

    /// <summary>True when targets hold set-returning calls.</summary>
    public bool HasSetReturning { get; init; }
}

/// <summary>VALUES.</summary>
public sealed class BoundValues : BoundBody
{
    /// <summary>Rows of expressions, already of the columns' types.</summary>
    public required IReadOnlyList<IReadOnlyList<BoundExpression>> Rows { get; init; }
}

public enum SetOperator : byte { Union, Intersect, Except }

/// <summary>UNION, INTERSECT, EXCEPT. Both sides give columns of the targets' types (casts are in the sides).</summary>
public sealed class BoundSetOperation : BoundBody
{
    public required SetOperator Operator { get; init; }

    public required bool IsAll { get; init; }

    public required BoundQuery Left { get; init; }

    public required BoundQuery Right { get; init; }
}

/// <summary>A FROM item or a join of them.</summary>
public abstract class BoundSource;

/// <summary>A leaf of the FROM tree.</summary>
public abstract class BoundLeaf(BoundRange range) : BoundSource
{
    public BoundRange Range { get; } = range;
}

/// <summary>A table. The range's columns are the table's, hidden ones included, at the same places.</summary>
public sealed class BoundTableSource(BoundRange range, TableDef table) : BoundLeaf(range)
{
    public TableDef Table { get; } = table;

    /// <summary>INDEXED BY, or null.</summary>
    public TableIndex? IndexedBy { get; init; }
}

/// <summary>A relation of pg_catalog or information_schema.</summary>
public sealed class BoundVirtualSource(BoundRange range, VirtualTableDef table) : BoundLeaf(range)
{
    public VirtualTableDef Table { get; } = table;
}

/// <summary>A sequence read as a relation: one row.</summary>
public sealed class BoundSequenceSource(BoundRange range, SequenceDef sequence) : BoundLeaf(range)
{
    public SequenceDef Sequence { get; } = sequence;
}

/// <summary>(query) AS alias; also a view. Lateral when it names ranges to its left.</summary>
public sealed class BoundSubquerySource(BoundRange range, BoundQuery query) : BoundLeaf(range)
{
    public BoundQuery Query { get; } = query;

    /// <summary>The view it came from, or null.</summary>
    public ViewDef? View { get; init; }
}

/// <summary>A WITH item that is read here.</summary>
public sealed class BoundCteSource(BoundRange range, BoundCte cte) : BoundLeaf(range)
{
    public BoundCte Cte { get; } = cte;
}

/// <summary>
/// A function in FROM. A set-returning one gives its rows, a scalar one its one value. Lateral when arguments name ranges to its left.
/// </summary>
public sealed class BoundFunctionSource(BoundRange range) : BoundLeaf(range)
{
    /// <summary>The set-returning function, or null for a scalar call.</summary>
    public ResolvedFunction? Function { get; init; }

    /// <summary>Arguments of <see cref="Function"/>.</summary>
    public IReadOnlyList<BoundExpression> Arguments { get; init; } = [];

    /// <summary>A scalar call: one row of one column.</summary>
    public BoundExpression? Scalar { get; init; }

    /// <summary>WITH ORDINALITY: a last column counts the rows from 1.</summary>
    public bool WithOrdinality { get; init; }
}

public enum JoinKind : byte { Inner, Left, Right, Full, Cross, Semi, Anti }

/// <summary>A join. Semi and Anti are made by the planner only.</summary>
public sealed class BoundJoin(JoinKind kind, BoundSource left, BoundSource right, BoundExpression? condition) : BoundSource
{
    public JoinKind Kind { get; } = kind;

    public BoundSource Left { get; } = left;

    public BoundSource Right { get; } = right;

    public BoundExpression? Condition { get; } = condition;
}

/// <summary>A value for a column of the target table.</summary>
/// <param name="Ordinal">Column of the table.</param>
/// <param name="Value">Of the column's type.</param>
public sealed record BoundAssignment(int Ordinal, BoundExpression Value);

/// <summary>A CHECK, bound over the statement's target range.</summary>
public sealed record BoundCheck(string Name, BoundExpression Condition);

/// <summary>What INSERT does when a unique key is taken.</summary>
public enum ConflictAction : byte
{
    /// <summary>23505.</summary>
    Fail,

    Nothing,

    /// <summary>Picodata's DO REPLACE: the row with the same primary key is replaced.</summary>
    Replace,

    Update,
}

/// <summary>ON CONFLICT.</summary>
public sealed class BoundConflict
{
    public required ConflictAction Action { get; init; }

    /// <summary>The unique index whose conflicts are handled; null: of all (DO NOTHING without a target, REPLACE).</summary>
    public TableIndex? Arbiter { get; init; }

    /// <summary>DO UPDATE SET: over the target range (old row) and <see cref="Excluded"/>.</summary>
    public IReadOnlyList<BoundAssignment> Assignments { get; init; } = [];

    public BoundExpression? Where { get; init; }

    /// <summary>The row that was to be inserted; columns as the table's.</summary>
    public BoundRange? Excluded { get; init; }
}

/// <summary>INSERT.</summary>
public sealed class BoundInsert : BoundStatement
{
    /// <summary>The target; RETURNING, checks and DO UPDATE see the new (old) row under this range.</summary>
    public required BoundTableSource Target { get; init; }

    /// <summary>Rows to insert: VALUES or a query. Null for DEFAULT VALUES.</summary>
    public BoundQuery? Source { get; init; }

    /// <summary>The source's output as a range; null when <see cref="Rows"/> is used.</summary>
    public BoundRange? SourceRange { get; init; }

    /// <summary>
    /// One expression per column of the table (hidden ones included) over <see cref="SourceRange"/>: the given value cast to
    /// the column's type, or the default. Null when <see cref="Rows"/> is used.
    /// </summary>
    public IReadOnlyList<BoundExpression>? Values { get; init; }

    /// <summary>INSERT ... VALUES and DEFAULT VALUES: for every row one finished expression per column of the table.</summary>
    public IReadOnlyList<IReadOnlyList<BoundExpression>>? Rows { get; init; }

    public BoundConflict? Conflict { get; init; }

    public IReadOnlyList<BoundCheck> Checks { get; init; } = [];

    /// <summary>RETURNING, or null.</summary>
    public IReadOnlyList<BoundTarget>? Returning { get; init; }

    public override IReadOnlyList<ResultColumn>? ResultColumns => Returning?.Select(t => t.Column).ToArray();
}

/// <summary>UPDATE.</summary>
public sealed class BoundUpdate : BoundStatement
{
    public required BoundTableSource Target { get; init; }

    /// <summary>FROM, or null; its ranges are visible in assignments, WHERE and RETURNING.</summary>
    public BoundSource? From { get; init; }

    public required IReadOnlyList<BoundAssignment> Assignments { get; init; }

    public BoundExpression? Where { get; init; }

    public IReadOnlyList<BoundCheck> Checks { get; init; } = [];

    /// <summary>RETURNING over the new row.</summary>
    public IReadOnlyList<BoundTarget>? Returning { get; init; }

    public override IReadOnlyList<ResultColumn>? ResultColumns => Returning?.Select(t => t.Column).ToArray();
}

/// <summary>DELETE.</summary>
public sealed class BoundDelete : BoundStatement
{
    public required BoundTableSource Target { get; init; }

    /// <summary>USING, or null.</summary>
    public BoundSource? Using { get; init; }

    public BoundExpression? Where { get; init; }

    /// <summary>RETURNING over the old row.</summary>
    public IReadOnlyList<BoundTarget>? Returning { get; init; }

    public override IReadOnlyList<ResultColumn>? ResultColumns => Returning?.Select(t => t.Column).ToArray();
}
