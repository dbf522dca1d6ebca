using Picodata.Core;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

/// <summary>Puts the values of LET variables into statements of a block: a bare name that is a variable becomes its value.</summary>
internal sealed class BlockVariables
{
    private readonly IReadOnlyDictionary<string, (Datum Value, SqlType Type)> variables;

    private BlockVariables(IReadOnlyDictionary<string, (Datum Value, SqlType Type)> variables) => this.variables = variables;

    public static Query Replace(Query query, IReadOnlyDictionary<string, (Datum Value, SqlType Type)> variables) =>
        variables.Count == 0 ? query : new BlockVariables(variables).Of(query);

    public static Statement Replace(Statement statement, IReadOnlyDictionary<string, (Datum Value, SqlType Type)> variables)
    {
        if (variables.Count == 0)
        {
            return statement;
        }

        var replacer = new BlockVariables(variables);
        return statement switch
        {
            InsertStatement insert => insert with
            {
                Source = insert.Source is null ? null : replacer.Of(insert.Source),
                OnConflict = insert.OnConflict is null ? null : insert.OnConflict with { Set = replacer.Of(insert.OnConflict.Set), Where = replacer.OrNull(insert.OnConflict.Where) },
            },
            UpdateStatement update => update with { Set = replacer.Of(update.Set), Where = replacer.OrNull(update.Where) },
            DeleteStatement delete => delete with { Where = replacer.OrNull(delete.Where) },
            QueryStatement query => query with { Query = replacer.Of(query.Query) },
            _ => statement,
        };
    }

    private Assignment[] Of(IReadOnlyList<Assignment> set) => [.. set.Select(assignment => assignment with { Value = Of(assignment.Value) })];

    private Query Of(Query query) => query with
    {
        Body = Of(query.Body),
        OrderBy = [.. query.OrderBy.Select(item => item with { Expr = Of(item.Expr) })],
        Limit = OrNull(query.Limit),
        Offset = OrNull(query.Offset),
    };

    private QueryBody Of(QueryBody body) => body switch
    {
        SelectBody select => select with
        {
            Items = [.. select.Items.Select(item => item with { Expr = Of(item.Expr) })],
            From = [.. select.From.Select(Of)],
            Where = OrNull(select.Where),
            GroupBy = All(select.GroupBy),
            Having = OrNull(select.Having),
        },
        ValuesBody values => values with { Rows = [.. values.Rows.Select(All)] },
        SetBody set => set with { Left = Of(set.Left), Right = Of(set.Right) },
        NestedBody nested => nested with { Query = Of(nested.Query) },
        _ => body,
    };

    private TableSource Of(TableSource source) => source switch
    {
        QuerySource query => query with { Query = Of(query.Query) },
        JoinSource join => join with { Left = Of(join.Left), Right = Of(join.Right), On = OrNull(join.On) },
        FunctionSource function => function with { Call = Of(function.Call) },
        _ => source,
    };

    private Expr? OrNull(Expr? expression) => expression is null ? null : Of(expression);

    private IReadOnlyList<Expr> All(IReadOnlyList<Expr> expressions) => [.. expressions.Select(Of)];

    private Expr Of(Expr expression) => expression switch
    {
        ColumnExpr { Parts.Count: 1 } column when variables.TryGetValue(column.Parts[0], out (Datum Value, SqlType Type) variable) => new LiteralExpr(variable.Value, variable.Type) { Position = column.Position },
        UnaryExpr unary => unary with { Operand = Of(unary.Operand) },
        BinaryExpr binary => binary with { Left = Of(binary.Left), Right = Of(binary.Right) },
        AndExpr and => and with { Terms = All(and.Terms) },
        OrExpr or => or with { Terms = All(or.Terms) },
        NotExpr not => not with { Operand = Of(not.Operand) },
        CastExpr cast => cast with { Operand = Of(cast.Operand) },
        CollateExpr collate => collate with { Operand = Of(collate.Operand) },
        FunctionCallExpr call => call with { Arguments = All(call.Arguments), Filter = OrNull(call.Filter) },
        InListExpr list => list with { Operand = Of(list.Operand), Items = All(list.Items) },
        InQueryExpr query => query with { Operand = Of(query.Operand), Query = Of(query.Query) },
        BetweenExpr between => between with { Operand = Of(between.Operand), Low = Of(between.Low), High = Of(between.High) },
        LikeExpr like => like with { Operand = Of(like.Operand), Pattern = Of(like.Pattern), Escape = OrNull(like.Escape) },
        IsExpr test => test with { Operand = Of(test.Operand) },
        IsDistinctExpr distinct => distinct with { Left = Of(distinct.Left), Right = Of(distinct.Right) },
        ExistsExpr exists => exists with { Query = Of(exists.Query) },
        SubqueryExpr subquery => subquery with { Query = Of(subquery.Query) },
        CaseExpr choice => choice with { Operand = OrNull(choice.Operand), Whens = [.. choice.Whens.Select(when => new CaseWhen(Of(when.When), Of(when.Then)))], Else = OrNull(choice.Else) },
        RowExpr row => row with { Items = All(row.Items) },
        ArrayExpr array => array with { Items = All(array.Items) },
        SubscriptExpr subscript => subscript with { Operand = Of(subscript.Operand), Index = OrNull(subscript.Index), Upper = OrNull(subscript.Upper) },
        QuantifiedExpr quantified => quantified with { Left = Of(quantified.Left), Array = OrNull(quantified.Array), Query = quantified.Query is null ? null : Of(quantified.Query) },
        _ => expression,
    };
}
