using System.Globalization;
using Picodata.Core;

namespace Picodata.Sql.Plans;

/// <summary>Planned expressions as EXPLAIN shows them.</summary>
internal static class PlanText
{
    public static string Of(BoundExpression expression) => expression switch
    {
        BoundConstant constant => Constant(constant.Value, constant.Type),
        BoundParameter parameter => "$" + (parameter.Index + 1),
        BoundSlot slot => slot.Name ?? "#" + slot.Slot,
        BoundExecParameter cell => cell.Name ?? "$outer" + cell.Index,
        BoundLocal => "value",
        BoundColumn column => column.Range.Alias + "." + column.Name,
        BoundCall call => Call(call),
        BoundComparison comparison => $"({Of(comparison.Left)} {Operator(comparison.Operator)} {Of(comparison.Right)})",
        BoundDistinctFrom distinct => $"({Of(distinct.Left)} IS {(distinct.Negated ? "NOT " : "")}DISTINCT FROM {Of(distinct.Right)})",
        BoundCast cast => $"({Of(cast.Operand)})::{cast.Type.Name}",
        BoundRelabel relabel => Of(relabel.Operand),
        BoundAnd and => "(" + string.Join(" AND ", and.Operands.Select(Of)) + ")",
        BoundOr or => "(" + string.Join(" OR ", or.Operands.Select(Of)) + ")",
        BoundNot not => $"(NOT {Of(not.Operand)})",
        BoundIsNull test => $"({Of(test.Operand)} IS {(test.Negated ? "NOT " : "")}NULL)",
        BoundIsBool test => $"({Of(test.Operand)} IS {(test.Negated ? "NOT " : "")}{test.Value switch { true => "TRUE", false => "FALSE", null => "UNKNOWN" }})",
        BoundInList list => $"({Of(list.Operand)} {(list.Negated ? "NOT " : "")}IN ({List(list.Items)}))",
        _ => Compound(expression),
    };

    private static string Compound(BoundExpression expression) => expression switch
    {
        BoundCase choice => "CASE" + (choice.Operand is null ? "" : " " + Of(choice.Operand))
            + string.Concat(choice.Whens.Select(when => $" WHEN {Of(when.Condition)} THEN {Of(when.Result)}")) + (choice.Else is null ? "" : " ELSE " + Of(choice.Else)) + " END",
        BoundCoalesce coalesce => $"COALESCE({List(coalesce.Operands)})",
        BoundGreatest greatest => $"{(greatest.IsLeast ? "LEAST" : "GREATEST")}({List(greatest.Operands)})",
        BoundNullIf nullIf => $"NULLIF({Of(nullIf.Value)}, {Of(nullIf.Condition)})",
        BoundQuantified quantified =>
            $"({Of(quantified.Left)} {(quantified.Comparison is { } comparison ? Operator(comparison) : "op")} {(quantified.IsAll ? "ALL" : "ANY")} ({Of(quantified.Array)}))",
        BoundArray array => $"ARRAY[{List(array.Elements)}]",
        BoundSubscript subscript => Of(subscript.Array) + string.Concat(subscript.Indexes.Select(Subscript)),
        BoundRow row => $"ROW({List(row.Fields)})",
        BoundField field => $"({Of(field.Record)}).f{field.Field + 1}",
        SubPlanExpression { Kind: SubqueryKind.Exists } => "EXISTS(SubPlan)",
        SubPlanExpression { Kind: SubqueryKind.Any or SubqueryKind.All } plan => $"({List(plan.Left)} {(plan.Kind == SubqueryKind.Any ? "ANY" : "ALL")} (SubPlan))",
        SubPlanExpression { Kind: SubqueryKind.Array } => "ARRAY(SubPlan)",
        SubPlanExpression => "(SubPlan)",
        _ => expression.GetType().Name,
    };

    public static string List(IEnumerable<BoundExpression> expressions) => string.Join(", ", expressions.Select(Of));

    public static string Sort(IReadOnlyList<BoundSortKey> keys) => string.Join(", ", keys.Select(key =>
        Of(key.Expression) + (key.Descending ? " DESC" : "") + (key.NullsFirst != key.Descending ? "" : key.NullsFirst ? " NULLS FIRST" : " NULLS LAST")));

    private static string Subscript(BoundIndex index) => index.IsSlice
        ? $"[{(index.Lower is null ? "" : Of(index.Lower))}:{(index.Upper is null ? "" : Of(index.Upper))}]"
        : $"[{(index.Upper is null ? "" : Of(index.Upper))}]";

    private static string Constant(in Datum value, SqlType type) => value.Kind switch
    {
        DatumKind.Null => "NULL",
        DatumKind.Bool => value.AsBool ? "true" : "false",
        DatumKind.Int => value.AsInt.ToString(CultureInfo.InvariantCulture),
        DatumKind.Double => value.AsDouble.ToString("R", CultureInfo.InvariantCulture),
        DatumKind.Numeric => Types.TypeCodec.For(type).ToText(value, Types.TypeContext.Default),
        _ => $"'{Types.TypeCodec.For(type).ToText(value, Types.TypeContext.Default)}'::{type.Name}",
    };

    private static string Call(BoundCall call) => (call.Operator, call.Arguments.Count) switch
    {
        (not null, 1) => $"({call.Operator} {Of(call.Arguments[0])})",
        (not null, 2) => $"({Of(call.Arguments[0])} {call.Operator} {Of(call.Arguments[1])})",
        _ => $"{call.Function.Name}({List(call.Arguments)})",
    };

    public static string Operator(ComparisonOperator comparison) => comparison switch
    {
        ComparisonOperator.Equal => "=",
        ComparisonOperator.NotEqual => "<>",
        ComparisonOperator.Less => "<",
        ComparisonOperator.LessOrEqual => "<=",
        ComparisonOperator.Greater => ">",
        _ => ">=",
    };
}
