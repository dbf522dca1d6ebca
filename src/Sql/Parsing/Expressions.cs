using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>An expression.</summary>
public abstract record Expr : SyntaxNode;

/// <summary>
/// A constant. Type: int8 for integers that fit, numeric for larger ones and for those with a point, float8 with an exponent,
/// unknown for strings and NULL, bool for TRUE and FALSE.
/// </summary>
public sealed record LiteralExpr(Datum Value, SqlType Type) : Expr;

/// <summary><c>$n</c> or the n-th <c>?</c>; counts from 1.</summary>
public sealed record ParameterExpr(int Number) : Expr;

/// <summary>A column, perhaps qualified: parts as written (<c>a</c>, <c>t.a</c>, <c>s.t.a</c>). May turn out to be a whole row.</summary>
public sealed record ColumnExpr(IReadOnlyList<string> Parts) : Expr;

/// <summary><c>*</c> (no parts) or <c>t.*</c>; in select lists, RETURNING, and as <c>count(t.*)</c>.</summary>
public sealed record StarExpr(IReadOnlyList<string> Qualifier) : Expr;

/// <summary>Prefix operator: <c>-</c>, <c>+</c>, <c>~</c>, <c>@</c>, ... ; NOT is <see cref="NotExpr"/>.</summary>
public sealed record UnaryExpr(string Operator, Expr Operand) : Expr;

/// <summary>
/// Infix operator by its symbol; <c>!=</c> is given as <c>&lt;&gt;</c>. OPERATOR(pg_catalog.~) is the same as <c>~</c>.
/// </summary>
public sealed record BinaryExpr(string Operator, Expr Left, Expr Right) : Expr;

/// <summary>AND of two or more terms (chains are flat).</summary>
public sealed record AndExpr(IReadOnlyList<Expr> Terms) : Expr;

/// <summary>OR of two or more terms (chains are flat).</summary>
public sealed record OrExpr(IReadOnlyList<Expr> Terms) : Expr;

public sealed record NotExpr(Expr Operand) : Expr;

/// <summary><c>CAST(e AS t)</c>, <c>e::t</c>, and typed literals (<c>date '2020-01-01'</c>: the operand is a string literal).</summary>
public sealed record CastExpr(Expr Operand, TypeName Type) : Expr;

public sealed record CollateExpr(Expr Operand, ObjectName Collation) : Expr;

/// <summary>
/// A call. These forms come as calls as well: CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP, LOCALTIME, LOCALTIMESTAMP (with a precision
/// argument or none), CURRENT_USER, SESSION_USER, USER, CURRENT_ROLE, CURRENT_CATALOG, CURRENT_SCHEMA (lower-case names, no arguments);
/// COALESCE, NULLIF, GREATEST, LEAST; <c>extract('field', x)</c>; <c>position(string, substring)</c>;
/// <c>substring(x, from[, for])</c>, where <c>substring(x for n)</c> is <c>substring(x, 1, n)</c>; <c>substring_similar(x, pattern, escape)</c>;
/// <c>overlay(x, y, from[, for])</c>; <c>btrim/ltrim/rtrim(x[, characters])</c> for TRIM; <c>timezone(zone, x)</c> for AT TIME ZONE.
/// </summary>
public sealed record FunctionCallExpr(ObjectName Name, IReadOnlyList<Expr> Arguments) : Expr
{
    /// <summary>True for <c>f(*)</c>.</summary>
    public bool IsStar { get; init; }

    public bool IsDistinct { get; init; }

    /// <summary>True when the last argument is marked VARIADIC.</summary>
    public bool IsVariadic { get; init; }

    /// <summary>Names of arguments given as <c>name => value</c>, null for positional ones; null when all are positional.</summary>
    public IReadOnlyList<string?>? ArgumentNames { get; init; }

    /// <summary>ORDER BY inside of an aggregate's brackets (or WITHIN GROUP).</summary>
    public IReadOnlyList<OrderItem> OrderBy { get; init; } = [];

    /// <summary>True when OrderBy is a WITHIN GROUP.</summary>
    public bool IsWithinGroup { get; init; }

    public Expr? Filter { get; init; }

    /// <summary>OVER: a window call.</summary>
    public WindowSpec? Over { get; init; }
}

/// <summary>A window: <c>OVER w</c> has only Name; <c>OVER (w ...)</c> has BaseName.</summary>
public sealed record WindowSpec(string? Name, string? BaseName, IReadOnlyList<Expr> PartitionBy, IReadOnlyList<OrderItem> OrderBy, WindowFrame? Frame) : SyntaxNode;

public enum FrameUnit { Rows, Range, Groups }

public enum FrameBoundKind { UnboundedPreceding, Preceding, CurrentRow, Following, UnboundedFollowing }

public enum FrameExclusion { NoOthers, CurrentRow, Group, Ties }

/// <summary>One end of a frame; Offset is there for Preceding and Following.</summary>
public sealed record FrameBound(FrameBoundKind Kind, Expr? Offset);

/// <summary>A frame; a missing end is CURRENT ROW.</summary>
public sealed record WindowFrame(FrameUnit Unit, FrameBound Start, FrameBound End, FrameExclusion Exclusion) : SyntaxNode;

public sealed record InListExpr(Expr Operand, IReadOnlyList<Expr> Items, bool IsNegated) : Expr;

/// <summary>Operand may be a <see cref="RowExpr"/>.</summary>
public sealed record InQueryExpr(Expr Operand, Query Query, bool IsNegated) : Expr;

public sealed record BetweenExpr(Expr Operand, Expr Low, Expr High, bool IsNegated, bool IsSymmetric) : Expr;

public enum LikeKind { Like, ILike, SimilarTo }

public sealed record LikeExpr(LikeKind Kind, Expr Operand, Expr Pattern, Expr? Escape, bool IsNegated) : Expr;

public enum IsTest { Null, True, False, Unknown }

public sealed record IsExpr(Expr Operand, IsTest Test, bool IsNegated) : Expr;

/// <summary>IS [NOT] DISTINCT FROM; negated means "not distinct".</summary>
public sealed record IsDistinctExpr(Expr Left, Expr Right, bool IsNegated) : Expr;

public sealed record ExistsExpr(Query Query) : Expr;

/// <summary>A scalar (or row) subquery.</summary>
public sealed record SubqueryExpr(Query Query) : Expr;

/// <summary><c>ARRAY(SELECT ...)</c>.</summary>
public sealed record ArrayQueryExpr(Query Query) : Expr;

/// <summary><c>left op ANY|ALL (...)</c>: exactly one of Array and Query is there. LIKE and ILIKE come as operators <c>~~</c>, <c>~~*</c>, negated <c>!~~</c>, <c>!~~*</c>.</summary>
public sealed record QuantifiedExpr(Expr Left, string Operator, bool IsAll, Expr? Array, Query? Query) : Expr;

public sealed record CaseExpr(Expr? Operand, IReadOnlyList<CaseWhen> Whens, Expr? Else) : Expr;

public sealed record CaseWhen(Expr When, Expr Then);

/// <summary><c>ROW(...)</c> or <c>(a, b)</c>.</summary>
public sealed record RowExpr(IReadOnlyList<Expr> Items) : Expr;

/// <summary><c>ARRAY[...]</c>; nested brackets come as nested nodes.</summary>
public sealed record ArrayExpr(IReadOnlyList<Expr> Items) : Expr;

/// <summary><c>e[i]</c>, or a slice <c>e[i:j]</c> whose ends may be missing.</summary>
public sealed record SubscriptExpr(Expr Operand, Expr? Index, Expr? Upper, bool IsSlice) : Expr;

/// <summary><c>(e).name</c>.</summary>
public sealed record FieldExpr(Expr Operand, string Name) : Expr;

/// <summary><c>(e).*</c>.</summary>
public sealed record FieldStarExpr(Expr Operand) : Expr;

/// <summary>DEFAULT as a value in INSERT ... VALUES and UPDATE SET.</summary>
public sealed record DefaultExpr : Expr;

/// <summary>GROUPING SETS, ROLLUP, CUBE in GROUP BY; kinds as words.</summary>
public sealed record GroupingSetExpr(string Kind, IReadOnlyList<Expr> Items) : Expr;

public enum NullsOrder { Default, First, Last }

/// <summary>ORDER BY item. Operator is that of USING, else null.</summary>
public sealed record OrderItem(Expr Expr, bool IsDescending, NullsOrder Nulls, string? Operator = null) : SyntaxNode;
