using Picodata.Sql.Plans;

namespace Picodata.Sql;

/// <summary>
/// Tells plans whose run is a matter of microseconds whatever the tables hold: one row by its whole key, or one row inserted, and
/// expressions whose cost does not depend on values. Such statements may run on threads that serve many sessions.
/// </summary>
internal static class BriefPlans
{
    /// <summary>True when every node is of the brief kinds.</summary>
    public static bool IsBrief(PlanNode node) => node switch
    {
        OneRowNode => true,
        ProjectNode n => IsBrief(n.Input) && AreBrief(n.Outputs),
        PointGetNode n => AreBrief(n.Key) && IsBrief(n.Filter),
        InsertNode { Source: OneRowNode } n => AreBrief(n.Values) && IsBrief(n.Conflict) && AreBrief(n.Checks) && AreBrief(n.Returning),
        PointUpdateNode n => AreBrief(n.Key) && IsBrief(n.Filter) && AreBrief(n.Assignments) && AreBrief(n.Checks) && AreBrief(n.Returning),
        PointDeleteNode n => AreBrief(n.Key) && IsBrief(n.Filter) && AreBrief(n.Returning),
        _ => false,
    };

    private static bool IsBrief(ConflictClause conflict) => AreBrief(conflict.Assignments) && IsBrief(conflict.Where);

    private static bool AreBrief(IEnumerable<PlanOutput> outputs) => outputs.All(output => IsBrief(output.Expression));

    private static bool AreBrief(IEnumerable<BoundAssignment> assignments) => assignments.All(assignment => IsBrief(assignment.Value));

    private static bool AreBrief(IEnumerable<BoundCheck> checks) => checks.All(check => IsBrief(check.Condition));

    private static bool AreBrief(IEnumerable<BoundExpression> expressions) => expressions.All(IsBrief);

    private static bool IsBrief(BoundExpression? expression) => expression is null || !ExpressionRewriter.Any(expression, IsLong);

    private static bool IsLong(BoundExpression expression) => expression switch
    {
        BoundConstant or BoundParameter or BoundColumn or BoundSlot or BoundLocal => false,
        BoundComparison or BoundDistinctFrom or BoundAnd or BoundOr or BoundNot or BoundIsNull or BoundIsBool => false,
        BoundCase or BoundCoalesce or BoundGreatest or BoundNullIf or BoundInList or BoundRelabel => false,
        BoundCast cast => !(IsFixed(cast.Operand.Type) || IsFixed(cast.Type)),
        BoundCall call => !IsBriefCall(call),
        _ => true,
    };

    /// <summary>Calls over values of fixed length, none of which can wait; and the sequence of an identity column.</summary>
    private static bool IsBriefCall(BoundCall call) =>
        call.Function.Name == "nextval"
        || (call.Function.Definition.Volatility != Functions.Volatility.Volatile && IsFixed(call.Type) && call.Arguments.All(argument => IsFixed(argument.Type)));

    private static bool IsFixed(Core.SqlType type) => type.Length > 0;
}
