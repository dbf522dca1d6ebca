using Picodata.Core;
using Picodata.Sql.Functions;

namespace Picodata.Sql;

// The bound tree: what a statement means, with every name, type, operator and cast resolved. Immutable.
//
// 1. Every expression has a type; `unknown` does not occur in a finished tree (untyped literals became text).
// 2. Operands have exactly the types that their operator or function takes: all conversions are BoundCast nodes.
// 3. A column is named by the range (FROM item) that gives it. A range that is not of the query at hand is outer:
//    the expression is correlated.
// 4. The planner replaces columns, aggregates and window calls by BoundSlot (value at a place of the operator's input
//    row) and outer columns by BoundExecParameter; the executor meets nothing else as a leaf than constants,
//    parameters, slots, execution parameters and locals.

/// <summary>An expression with resolved meaning.</summary>
/// <param name="Type">Type of its value.</param>
public abstract record BoundExpression(SqlType Type);

/// <summary>A value known while planning.</summary>
public sealed record BoundConstant(Datum Value, SqlType Type) : BoundExpression(Type)
{
    public static readonly BoundConstant True = new(Datum.True, SqlType.Bool);

    public static readonly BoundConstant False = new(Datum.False, SqlType.Bool);

    /// <summary>A typed NULL.</summary>
    public static BoundConstant NullOf(SqlType type) => new(Datum.Null, type);
}

/// <summary>$n of the statement; <paramref name="Index"/> counts from 0.</summary>
public sealed record BoundParameter(int Index, SqlType Type) : BoundExpression(Type);

/// <summary>A column of a FROM item.</summary>
/// <param name="Range">The FROM item; compared by identity.</param>
/// <param name="Column">Place in <see cref="BoundRange.Columns"/>.</param>
public sealed record BoundColumn(BoundRange Range, int Column, SqlType Type) : BoundExpression(Type)
{
    public string Name => Range.Columns[Column].Name;

    /// <summary>Where it stands in the text, for errors that are found later; 0 when unknown.</summary>
    public int Position { get; init; }

    public bool Equals(BoundColumn? other) => other is not null && ReferenceEquals(Range, other.Range) && Column == other.Column;

    public override int GetHashCode() => HashCode.Combine(Range, Column);
}

/// <summary>Planned: the value at a place of the input row. For joins: left row's places first, then the right row's.</summary>
public sealed record BoundSlot(int Slot, SqlType Type) : BoundExpression(Type)
{
    /// <summary>What EXPLAIN calls it, <c>t.a</c>; null for computed values.</summary>
    public string? Name { get; init; }
}

/// <summary>Planned: a value that an enclosing operator (nested loop, subplan) sets before it runs this part of the plan.</summary>
/// <param name="Index">Place in the statement's array of execution parameters.</param>
public sealed record BoundExecParameter(int Index, SqlType Type) : BoundExpression(Type)
{
    public string? Name { get; init; }
}

/// <summary>
/// A value that an enclosing <see cref="BoundCase"/>, <see cref="BoundNullIf"/> or <see cref="BoundQuantified"/> names, so that
/// it is computed once. Compared by identity.
/// </summary>
public sealed record BoundLocal(SqlType Type) : BoundExpression(Type)
{
    public bool Equals(BoundLocal? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}

/// <summary>A call of a function or an operator that is not a comparison.</summary>
/// <param name="Function">The resolved function.</param>
/// <param name="Arguments">One per parameter; a variadic function's extra ones follow.</param>
/// <param name="Type">Type of the result (polymorphic ones resolved).</param>
public sealed record BoundCall(ResolvedFunction Function, IReadOnlyList<BoundExpression> Arguments, SqlType Type) : BoundExpression(Type)
{
    /// <summary>The operator as written (<c>+</c>, <c>~~</c>), null for functions. For EXPLAIN and error texts.</summary>
    public string? Operator { get; init; }

    public bool Equals(BoundCall? other) =>
        other is not null && ReferenceEquals(Function.Definition, other.Function.Definition) && Type == other.Type && ExpressionLists.Same(Arguments, other.Arguments);

    public override int GetHashCode() => HashCode.Combine(Function.Definition, ExpressionLists.Hash(Arguments));
}

/// <summary>The six comparisons.</summary>
public enum ComparisonOperator : byte { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual }

/// <summary>
/// left op right; NULL when one is NULL. Both have values of one kind and are compared by that kind's order (records field by
/// field).
/// </summary>
public sealed record BoundComparison(ComparisonOperator Operator, BoundExpression Left, BoundExpression Right) : BoundExpression(SqlType.Bool);

/// <summary>left IS [NOT] DISTINCT FROM right; never NULL.</summary>
public sealed record BoundDistinctFrom(BoundExpression Left, BoundExpression Right, bool Negated) : BoundExpression(SqlType.Bool);

/// <summary>A conversion of the value. Not made where the type changes and the value does not need to (text to varchar).</summary>
/// <param name="Cast">The resolved conversion.</param>
/// <param name="TypeModifier">The target's modifier (length, precision), -1 for none.</param>
/// <param name="IsExplicit">Written by the user: over-long text is cut instead of refused.</param>
public sealed record BoundCast(BoundExpression Operand, SqlType Type, Cast Cast, int TypeModifier = -1, bool IsExplicit = false) : BoundExpression(Type);

/// <summary>The same value under another type name; no run-time work.</summary>
public sealed record BoundRelabel(BoundExpression Operand, SqlType Type) : BoundExpression(Type);

/// <summary>All of it; three-valued.</summary>
public sealed record BoundAnd(IReadOnlyList<BoundExpression> Operands) : BoundExpression(SqlType.Bool)
{
    public bool Equals(BoundAnd? other) => other is not null && ExpressionLists.Same(Operands, other.Operands);

    public override int GetHashCode() => ExpressionLists.Hash(Operands);
}

/// <summary>Any of it; three-valued.</summary>
public sealed record BoundOr(IReadOnlyList<BoundExpression> Operands) : BoundExpression(SqlType.Bool)
{
    public bool Equals(BoundOr? other) => other is not null && ExpressionLists.Same(Operands, other.Operands);

    public override int GetHashCode() => ExpressionLists.Hash(Operands) + 1;
}

public sealed record BoundNot(BoundExpression Operand) : BoundExpression(SqlType.Bool);

/// <summary>IS [NOT] NULL. For records: all fields are (not) null.</summary>
public sealed record BoundIsNull(BoundExpression Operand, bool Negated) : BoundExpression(SqlType.Bool);

/// <summary>IS [NOT] TRUE, FALSE or UNKNOWN (null). Never NULL.</summary>
/// <param name="Value">true, false, or null for UNKNOWN.</param>
public sealed record BoundIsBool(BoundExpression Operand, bool? Value, bool Negated) : BoundExpression(SqlType.Bool);

/// <summary>One WHEN.</summary>
public sealed record BoundWhen(BoundExpression Condition, BoundExpression Result);

/// <summary>
/// CASE. With <paramref name="Operand"/>, its value is computed once into <paramref name="Local"/>, which the conditions
/// read. Later branches are not evaluated.
/// </summary>
public sealed record BoundCase(BoundExpression? Operand, BoundLocal? Local, IReadOnlyList<BoundWhen> Whens, BoundExpression? Else, SqlType Type)
    : BoundExpression(Type)
{
    public bool Equals(BoundCase? other) =>
        other is not null && Equals(Operand, other.Operand) && Equals(Local, other.Local) && Equals(Else, other.Else) && Whens.SequenceEqual(other.Whens);

    public override int GetHashCode() => HashCode.Combine(Operand, Else, Whens.Count);
}

/// <summary>The first that is not NULL; later ones are not evaluated.</summary>
public sealed record BoundCoalesce(IReadOnlyList<BoundExpression> Operands, SqlType Type) : BoundExpression(Type)
{
    public bool Equals(BoundCoalesce? other) => other is not null && ExpressionLists.Same(Operands, other.Operands);

    public override int GetHashCode() => ExpressionLists.Hash(Operands) + 2;
}

/// <summary>GREATEST or LEAST; NULLs are ignored.</summary>
public sealed record BoundGreatest(IReadOnlyList<BoundExpression> Operands, bool IsLeast, SqlType Type) : BoundExpression(Type)
{
    public bool Equals(BoundGreatest? other) => other is not null && IsLeast == other.IsLeast && ExpressionLists.Same(Operands, other.Operands);

    public override int GetHashCode() => ExpressionLists.Hash(Operands) + 3;
}

/// <summary>NULLIF: NULL when <paramref name="Condition"/> (which reads <paramref name="Local"/>, the value) is true, else the value.</summary>
public sealed record BoundNullIf(BoundExpression Value, BoundLocal Local, BoundExpression Condition) : BoundExpression(Value.Type);

/// <summary>
/// operand [NOT] IN (items): all of one kind of value. Three-valued: NULL items count. Large lists of constants should be
/// hashed by the executor.
/// </summary>
public sealed record BoundInList(BoundExpression Operand, IReadOnlyList<BoundExpression> Items, bool Negated) : BoundExpression(SqlType.Bool)
{
    public bool Equals(BoundInList? other) =>
        other is not null && Negated == other.Negated && Operand.Equals(other.Operand) && ExpressionLists.Same(Items, other.Items);

    public override int GetHashCode() => HashCode.Combine(Operand, Items.Count, Negated);
}

/// <summary>
/// left op ANY|ALL (array). The value of <paramref name="Left"/> goes to <paramref name="LeftLocal"/>, each element to
/// <paramref name="ElementLocal"/>; <paramref name="Condition"/> reads both. <paramref name="Comparison"/> is set when the
/// condition is just that comparison of left and element.
/// </summary>
public sealed record BoundQuantified(
    BoundExpression Left, BoundLocal LeftLocal, BoundExpression Array, BoundLocal ElementLocal, BoundExpression Condition, bool IsAll,
    ComparisonOperator? Comparison) : BoundExpression(SqlType.Bool);

/// <summary>ARRAY[...]; nested ones make dimensions: then <paramref name="IsNested"/> and elements are arrays of <see cref="BoundExpression.Type"/>.</summary>
public sealed record BoundArray(IReadOnlyList<BoundExpression> Elements, bool IsNested, SqlType Type) : BoundExpression(Type)
{
    public bool Equals(BoundArray? other) => other is not null && Type == other.Type && ExpressionLists.Same(Elements, other.Elements);

    public override int GetHashCode() => ExpressionLists.Hash(Elements) + 4;
}

/// <summary>One subscript: <c>[upper]</c>, or a slice <c>[lower:upper]</c> with open ends as null.</summary>
public sealed record BoundIndex(bool IsSlice, BoundExpression? Lower, BoundExpression? Upper);

/// <summary>array[i][j] or a slice. Outside of the bounds: NULL.</summary>
public sealed record BoundSubscript(BoundExpression Array, IReadOnlyList<BoundIndex> Indexes, SqlType Type) : BoundExpression(Type)
{
    public bool Equals(BoundSubscript? other) => other is not null && Array.Equals(other.Array) && Indexes.SequenceEqual(other.Indexes);

    public override int GetHashCode() => HashCode.Combine(Array, Indexes.Count);
}

/// <summary>ROW(...), type record. Also a whole row of a FROM item.</summary>
/// <param name="Names">Names of the fields where they have any (whole rows), for (r).name and to json.</param>
public sealed record BoundRow(IReadOnlyList<BoundExpression> Fields, IReadOnlyList<string>? Names = null) : BoundExpression(SqlType.Record)
{
    public bool Equals(BoundRow? other) => other is not null && ExpressionLists.Same(Fields, other.Fields);

    public override int GetHashCode() => ExpressionLists.Hash(Fields) + 5;
}

/// <summary>(record).field.</summary>
public sealed record BoundField(BoundExpression Record, int Field, SqlType Type) : BoundExpression(Type);

/// <summary>What is made of a subquery's rows.</summary>
public enum SubqueryKind : byte
{
    /// <summary>The one column of the only row; NULL without rows; 21000 for more than one.</summary>
    Scalar,

    /// <summary>True when there is a row.</summary>
    Exists,

    /// <summary>Compares the left side with every row, three-valued: true when one holds.</summary>
    Any,

    /// <summary>Compares the left side with every row: true when all hold.</summary>
    All,

    /// <summary>ARRAY(query).</summary>
    Array,

    /// <summary>The only row as a record; NULL without rows; 21000 for more than one.</summary>
    Row,
}

/// <summary>A subquery inside an expression.</summary>
/// <param name="Kind">What is made of its rows.</param>
/// <param name="Query">The query; may name ranges of enclosing queries.</param>
/// <param name="Left">For Any and All: the left side, one expression per column.</param>
/// <param name="Columns">For Any and All: locals that stand for the row's columns in <paramref name="Condition"/>.</param>
/// <param name="Condition">For Any and All: the comparison, over the left expressions and the locals.</param>
/// <param name="Comparison">For Any and All with one operator over all columns: which.</param>
public sealed record BoundSubquery(
    SubqueryKind Kind, BoundQuery Query, IReadOnlyList<BoundExpression> Left, IReadOnlyList<BoundLocal> Columns, BoundExpression? Condition,
    ComparisonOperator? Comparison, SqlType Type) : BoundExpression(Type)
{
    public bool Equals(BoundSubquery? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}

/// <summary>How a result is sorted by one key.</summary>
/// <param name="Descending">Order.</param>
/// <param name="NullsFirst">Where NULLs go.</param>
public sealed record BoundSortKey(BoundExpression Expression, bool Descending, bool NullsFirst);

/// <summary>An aggregate call. The planner replaces it by a slot of the aggregation's output.</summary>
public sealed record BoundAggregate(
    ResolvedFunction Function, IReadOnlyList<BoundExpression> Arguments, bool IsDistinct, IReadOnlyList<BoundSortKey> OrderBy,
    BoundExpression? Filter, SqlType Type) : BoundExpression(Type)
{
    public bool Equals(BoundAggregate? other) =>
        other is not null && ReferenceEquals(Function.Definition, other.Function.Definition) && IsDistinct == other.IsDistinct && Type == other.Type
        && Equals(Filter, other.Filter) && OrderBy.SequenceEqual(other.OrderBy) && ExpressionLists.Same(Arguments, other.Arguments);

    public override int GetHashCode() => HashCode.Combine(Function.Definition, IsDistinct, ExpressionLists.Hash(Arguments));
}

/// <summary>Unit of a window frame.</summary>
public enum FrameMode : byte { Range, Rows, Groups }

/// <summary>One end of a window frame.</summary>
public enum FrameBoundKind : byte { UnboundedPreceding, Preceding, CurrentRow, Following, UnboundedFollowing }

/// <param name="Offset">For Preceding and Following; evaluated once per partition.</param>
public sealed record BoundFrameBound(FrameBoundKind Kind, BoundExpression? Offset);

/// <summary>What a frame leaves out.</summary>
public enum FrameExclusion : byte { None, CurrentRow, Group, Ties }

/// <summary>A window: partitions, order, frame.</summary>
public sealed record BoundWindow(
    IReadOnlyList<BoundExpression> PartitionBy, IReadOnlyList<BoundSortKey> OrderBy, FrameMode Mode, BoundFrameBound Start, BoundFrameBound End,
    FrameExclusion Exclusion)
{
    /// <summary>True when both have the same partitions and order, so that one sort serves both.</summary>
    public bool SameOrder(BoundWindow other) =>
        ExpressionLists.Same(PartitionBy, other.PartitionBy) && OrderBy.SequenceEqual(other.OrderBy);
}

/// <summary>A call with OVER: of a window function, or of an aggregate (then <paramref name="Aggregate"/> is set).</summary>
public sealed record BoundWindowCall(
    ResolvedFunction? Function, ResolvedFunction? Aggregate, IReadOnlyList<BoundExpression> Arguments, BoundExpression? Filter,
    BoundWindow Window, SqlType Type) : BoundExpression(Type)
{
    public bool Equals(BoundWindowCall? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}

/// <summary>A set-returning call in a select list; the planner puts a project-set operator below.</summary>
public sealed record BoundSetReturning(ResolvedFunction Function, IReadOnlyList<BoundExpression> Arguments, SqlType Type) : BoundExpression(Type)
{
    public bool Equals(BoundSetReturning? other) =>
        other is not null && ReferenceEquals(Function.Definition, other.Function.Definition) && ExpressionLists.Same(Arguments, other.Arguments);

    public override int GetHashCode() => HashCode.Combine(Function.Definition, ExpressionLists.Hash(Arguments));
}

/// <summary>Comparison of expression lists by content.</summary>
internal static class ExpressionLists
{
    public static bool Same(IReadOnlyList<BoundExpression> left, IReadOnlyList<BoundExpression> right)
    {
        if (left.Count != right.Count)
        {
            return false;
        }

        for (int i = 0; i < left.Count; i++)
        {
            if (!left[i].Equals(right[i]))
            {
                return false;
            }
        }

        return true;
    }

    public static int Hash(IReadOnlyList<BoundExpression> list)
    {
        HashCode hash = default;
        foreach (BoundExpression item in list)
        {
            hash.Add(item);
        }

        return hash.ToHashCode();
    }
}
