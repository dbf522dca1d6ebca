using Picodata.Sql.Parsing;

namespace Picodata.Unit.Sql.Parsing;

/// <summary>Expressions as nested lists, so that tests can see how they were grouped.</summary>
internal static class SyntaxShape
{
    public static string Of(Expr expr) => expr switch
    {
        LiteralExpr literal => literal.Value.IsNull ? "null" : literal.Value.Kind == Core.DatumKind.Text ? $"'{literal.Value.AsText}'" : literal.Value.ToString(),
        ColumnExpr column => string.Join('.', column.Parts),
        BinaryExpr binary => $"({binary.Operator} {Of(binary.Left)} {Of(binary.Right)})",
        UnaryExpr unary => $"({unary.Operator} {Of(unary.Operand)})",
        NotExpr not => $"(not {Of(not.Operand)})",
        AndExpr and => $"(and {string.Join(' ', and.Terms.Select(Of))})",
        OrExpr or => $"(or {string.Join(' ', or.Terms.Select(Of))})",
        IsExpr test => $"(is {Of(test.Operand)} {(test.IsNegated ? "not " : "")}{test.Test.ToString().ToLowerInvariant()})",
        CastExpr cast => $"(:: {Of(cast.Operand)} {cast.Type.Name})",
        BetweenExpr between => $"(between {Of(between.Operand)} {Of(between.Low)} {Of(between.High)})",
        InListExpr list => $"(in {Of(list.Operand)} {string.Join(' ', list.Items.Select(Of))})",
        FunctionCallExpr call => $"({call.Name} {string.Join(' ', call.Arguments.Select(Of))})",
        _ => expr.GetType().Name,
    };
}
