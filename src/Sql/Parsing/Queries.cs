namespace Picodata.Sql.Parsing;

/// <summary>A query with everything that can stand around its body.</summary>
public sealed record Query(
    WithClause? With, QueryBody Body, IReadOnlyList<OrderItem> OrderBy, Expr? Limit, Expr? Offset, IReadOnlyList<LockingClause> Locking) : SyntaxNode
{
    /// <summary>FETCH FIRST ... WITH TIES.</summary>
    public bool WithTies { get; init; }
}

public sealed record WithClause(bool IsRecursive, IReadOnlyList<CommonTable> Tables) : SyntaxNode;

/// <summary>One CTE. Statement is a <see cref="QueryStatement"/>, or INSERT, UPDATE, DELETE. IsMaterialized null: not said.</summary>
public sealed record CommonTable(string Name, IReadOnlyList<Identifier> Columns, Statement Statement, bool? IsMaterialized) : SyntaxNode;

public abstract record QueryBody : SyntaxNode;

/// <summary>SELECT without ORDER BY and LIMIT. <c>TABLE t</c> is <c>SELECT * FROM t</c>.</summary>
public sealed record SelectBody(IReadOnlyList<SelectItem> Items, IReadOnlyList<TableSource> From, Expr? Where) : QueryBody
{
    public bool IsDistinct { get; init; }

    /// <summary>DISTINCT ON; IsDistinct is true then.</summary>
    public IReadOnlyList<Expr> DistinctOn { get; init; } = [];

    public IReadOnlyList<Expr> GroupBy { get; init; } = [];

    public Expr? Having { get; init; }

    public IReadOnlyList<NamedWindow> Windows { get; init; } = [];

    /// <summary>SELECT INTO: the new table, else null.</summary>
    public ObjectName? Into { get; init; }
}

/// <summary>A select item; Expr may be a <see cref="StarExpr"/> or <see cref="FieldStarExpr"/>.</summary>
public sealed record SelectItem(Expr Expr, string? Alias) : SyntaxNode;

public sealed record NamedWindow(string Name, WindowSpec Spec) : SyntaxNode;

/// <summary>VALUES; rows may hold <see cref="DefaultExpr"/> in INSERT. Rows may differ in length (an error for the binder).</summary>
public sealed record ValuesBody(IReadOnlyList<IReadOnlyList<Expr>> Rows) : QueryBody;

public enum SetOperator { Union, Intersect, Except }

public sealed record SetBody(SetOperator Operator, bool IsAll, QueryBody Left, QueryBody Right) : QueryBody;

/// <summary>A query in brackets that is part of a set operation or stands alone, with its own ORDER BY and LIMIT.</summary>
public sealed record NestedBody(Query Query) : QueryBody;

public enum LockStrength { KeyShare, Share, NoKeyUpdate, Update }

public enum LockWait { Wait, NoWait, SkipLocked }

/// <summary>FOR UPDATE and the like; no tables means all.</summary>
public sealed record LockingClause(LockStrength Strength, IReadOnlyList<Identifier> Tables, LockWait Wait) : SyntaxNode;

public abstract record TableSource : SyntaxNode
{
    public string? Alias { get; init; }

    public IReadOnlyList<Identifier> ColumnAliases { get; init; } = [];
}

/// <summary>A table, view, system relation or CTE.</summary>
public sealed record NamedSource(ObjectName Name) : TableSource
{
    /// <summary>INDEXED BY: the index to use, else null.</summary>
    public string? IndexedBy { get; init; }
}

public sealed record QuerySource(Query Query, bool IsLateral) : TableSource;

/// <summary>A function in FROM (always may refer to what stands left of it). Definitions: <c>AS t(a int, b text)</c>.</summary>
public sealed record FunctionSource(Expr Call, bool WithOrdinality) : TableSource
{
    public IReadOnlyList<(Identifier Name, TypeName Type)> Definitions { get; init; } = [];
}

/// <summary><c>ROWS FROM (f(..), g(..))</c>.</summary>
public sealed record RowsFromSource(IReadOnlyList<Expr> Calls, bool WithOrdinality) : TableSource;

public enum JoinKind { Inner, Left, Right, Full, Cross }

/// <summary>A join; at most one of On, Using and IsNatural.</summary>
public sealed record JoinSource(JoinKind Kind, TableSource Left, TableSource Right, Expr? On, IReadOnlyList<Identifier> Using, bool IsNatural) : TableSource;
