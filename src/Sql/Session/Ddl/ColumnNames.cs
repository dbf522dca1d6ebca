using Picodata.Sql.Parsing;

namespace Picodata.Sql;

/// <summary>Finds the columns that an expression names (last parts of names), for constraints.</summary>
internal static class ColumnNames
{
    public static HashSet<string> In(Expr expression)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        Collect(expression, names);
        return names;
    }

    private static void Collect(Expr? expression, HashSet<string> names)
    {
        if (expression is ColumnExpr column)
        {
            names.Add(column.Parts[^1]);
        }

        foreach (Expr child in Children(expression))
        {
            Collect(child, names);
        }
    }

    private static IEnumerable<Expr> Children(Expr? expression) => expression switch
    {
        UnaryExpr unary => [unary.Operand],
        BinaryExpr binary => [binary.Left, binary.Right],
        AndExpr and => and.Terms,
        OrExpr or => or.Terms,
        NotExpr not => [not.Operand],
        CastExpr cast => [cast.Operand],
        CollateExpr collate => [collate.Operand],
        FunctionCallExpr call => call.Arguments,
        InListExpr list => [list.Operand, .. list.Items],
        BetweenExpr between => [between.Operand, between.Low, between.High],
        LikeExpr like => like.Escape is null ? [like.Operand, like.Pattern] : [like.Operand, like.Pattern, like.Escape],
        IsExpr test => [test.Operand],
        IsDistinctExpr distinct => [distinct.Left, distinct.Right],
        CaseExpr choice => [.. Present(choice.Operand), .. choice.Whens.SelectMany(when => new[] { when.When, when.Then }), .. Present(choice.Else)],
        RowExpr row => row.Items,
        ArrayExpr array => array.Items,
        SubscriptExpr subscript => [subscript.Operand, .. Present(subscript.Index), .. Present(subscript.Upper)],
        QuantifiedExpr quantified => [quantified.Left, .. Present(quantified.Array)],
        FieldExpr field => [field.Operand],
        _ => [],
    };

    private static IEnumerable<Expr> Present(Expr? expression) => expression is null ? [] : [expression];
}
