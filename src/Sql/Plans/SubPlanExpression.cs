using System.Runtime.CompilerServices;
using Picodata.Core;

namespace Picodata.Sql.Plans;

// Expressions of a plan are bound expressions in which every leaf has a place:
//
// 1. BoundSlot is a position in the row that the owning node evaluates over; each node's comment says which row that is.
// 2. BoundExecParameter is a cell of the execution that an enclosing node (nested loop, subplan) sets by an OuterBinding
//    before it runs its inner plan. Cells are numbered through the whole statement.
// 3. BoundParameter, BoundConstant, BoundLocal are as in the bound tree.
// 4. BoundColumn, BoundAggregate, BoundWindowCall, BoundSetReturning and BoundSubquery do not occur: the planner has made slots,
//    nodes and SubPlanExpressions of them.

/// <summary>Sets a cell before an inner plan runs: the value of an expression over the row of the node that owns the binding.</summary>
/// <param name="Cell">Index of the <see cref="BoundExecParameter"/> that reads it.</param>
public sealed record OuterBinding(int Cell, BoundExpression Value);

/// <summary>
/// A planned subquery in an expression. Without bindings its rows are read once an execution; with bindings once for each
/// combination of their values that comes up (results are kept while memory allows).
/// </summary>
/// <param name="Kind">What is made of its rows, as for <see cref="BoundSubquery"/>.</param>
/// <param name="Plan">The inner plan.</param>
/// <param name="Bindings">Cells that the inner plan reads and that this expression's row gives.</param>
/// <param name="Left">Any, All: the left side, one expression per column.</param>
/// <param name="Columns">Any, All: locals that stand for the row's columns in <paramref name="Condition"/>.</param>
/// <param name="Condition">Any, All: the comparison of one row.</param>
/// <param name="Comparison">Any, All: set when the condition is this comparison of all left expressions with all columns.</param>
/// <param name="Type">Type of the value.</param>
public sealed record SubPlanExpression(
    SubqueryKind Kind, PlanNode Plan, IReadOnlyList<OuterBinding> Bindings, IReadOnlyList<BoundExpression> Left, IReadOnlyList<BoundLocal> Columns,
    BoundExpression? Condition, ComparisonOperator? Comparison, SqlType Type) : BoundExpression(Type)
{
    public bool Equals(SubPlanExpression? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);
}
