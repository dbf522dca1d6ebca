using Picodata.Core;
using Picodata.Sql.Parsing;
using Xunit;

namespace Picodata.Unit.Sql.Parsing;

public sealed class ParserTests
{
    [Theory]
    [InlineData("select 1 from", "syntax error at end of input", 0)]
    [InlineData("selec 1", "syntax error at or near \"selec\"", 1)]
    [InlineData("select 1 +", "syntax error at end of input", 0)]
    [InlineData("select 1 from where", "syntax error at or near \"where\"", 15)]
    [InlineData("select * from t where a = = 1", "syntax error at or near \"=\"", 27)]
    [InlineData("select 'abc", "unterminated quoted string at or near \"'abc\"", 8)]
    [InlineData("select \"abc", "unterminated quoted identifier at or near \"\"abc\"", 8)]
    [InlineData("select /* a /* b */", "unterminated /* comment at or near \"/* a /* b */\"", 8)]
    [InlineData("select 'дом', ы ы ы", "syntax error at or near \"ы\"", 19)]
    [InlineData("select '😀', from 1", "syntax error at or near \"from\"", 13)]
    [InlineData("insert into t values (1,)", "syntax error at or near \")\"", 25)]
    [InlineData("select 1 < 2 < 3", "syntax error at or near \"<\"", 14)]
    [InlineData("select 12ab", "trailing junk after numeric literal at or near \"12a\"", 8)]
    [InlineData("create table t (a int,)", "syntax error at or near \")\"", 23)]
    [InlineData("select $tag$ x", "unterminated dollar-quoted string at or near \"$tag$ x\"", 8)]
    [InlineData("select a from t limit 1, 2", "LIMIT #,# syntax is not supported", 24)]
    [InlineData("select $1, ?", "invalid parameters usage. Got $n and ? parameters in one query!", 12)]
    public void Syntax_errors_say_what_and_where(string sql, string message, int position)
    {
        var error = Assert.Throws<DbException>(() => SqlParser.ParseScript(sql));
        Assert.Equal(SqlStates.SyntaxError, error.SqlState);
        Assert.Equal(message, error.Message);
        if (position > 0)
        {
            Assert.Equal(position, error.Position);
        }
    }

    [Fact]
    public void Precedence_is_postgresqls()
    {
        Assert.Equal("(or (and a (not (= b 1))) (is c null))", Shape("a and not b = 1 or c is null"));
        Assert.Equal("(+ 1 (* 2 (^ 3 2)))", Shape("1 + 2 * 3 ^ 2"));
        Assert.Equal("(- (- 1 2) 3)", Shape("1 - 2 - 3"));
        Assert.Equal("(= (|| a b) (+ c 1))", Shape("a || b = c + 1"));
        Assert.Equal("(- (:: 5 int))", Shape("-5::int"));
        Assert.Equal("(is (= a b) null)", Shape("a = b is null"));
        Assert.Equal("(and (between a 1 (+ 2 3)) b)", Shape("a between 1 and 2 + 3 and b"));
        Assert.Equal("(not (in a 1 2))", Shape("not a in (1, 2)"));
        Assert.Equal("(< a -1)", Shape("a<-1"));
        Assert.Equal("(< a (- b))", Shape("a<-b"));
        Assert.Equal("(+ a -5)", Shape("a + -5"));
        Assert.Equal("(< a (* (timezone 'UTC' b) 2))", Shape("a < b at time zone 'UTC' * 2"));
    }

    [Fact]
    public void Literals_have_their_types()
    {
        Assert.Same(SqlType.Int8, Literal("9223372036854775807").Type);
        Assert.Same(SqlType.Numeric, Literal("9223372036854775808").Type);
        Assert.Equal(long.MinValue, Literal("-9223372036854775808").Value.AsInt);
        Assert.Same(SqlType.Numeric, Literal("1.50").Type);
        Assert.Equal(2, Literal("1.50").Value.AsNumeric.Scale);
        Assert.Same(SqlType.Float8, Literal("1e3").Type);
        Assert.Equal("it's", Literal("'it''s'").Value.AsText);
        Assert.Equal("a\tb\nж\u0041", Literal("E'a\\tb\\n\\xD0\\xB6\\u0041'").Value.AsText);
        Assert.Equal("a'b$", Literal("$x$a'b$$x$").Value.AsText);
        Assert.Equal("ab", Literal("'a'\n 'b'").Value.AsText);
    }

    [Fact]
    public void Brackets_around_queries_and_expressions_are_told_apart()
    {
        Assert.IsType<SubqueryExpr>(SqlParser.ParseExpression("((select 1))"));
        Assert.IsType<BinaryExpr>(SqlParser.ParseExpression("((select 1) + 1)"));
        Assert.IsType<RowExpr>(SqlParser.ParseExpression("((select 1), 2)"));
        Assert.IsType<SubqueryExpr>(SqlParser.ParseExpression("((select 1) union (select 2) order by 1)"));
        Assert.IsType<InQueryExpr>(SqlParser.ParseExpression("a in ((select 1) union select 2)"));
        Assert.IsType<InListExpr>(SqlParser.ParseExpression("a in ((select 1), 2)"));
        var join = (SelectBody)SqlParser.ParseQuery("select * from ((select 1) x join (b left join c on true) on true)").Body;
        Assert.IsType<JoinSource>(join.From[0]);
        var union = (SelectBody)SqlParser.ParseQuery("select * from ((select 1) union (select 2)) x").Body;
        Assert.IsType<QuerySource>(union.From[0]);
    }

    [Fact]
    public void Set_operations_bind_as_in_the_standard()
    {
        var body = (SetBody)SqlParser.ParseQuery("select 1 union select 2 intersect select 3 except all select 4").Body;
        Assert.Equal(SetOperator.Except, body.Operator);
        Assert.True(body.IsAll);
        var left = (SetBody)body.Left;
        Assert.Equal(SetOperator.Union, left.Operator);
        Assert.Equal(SetOperator.Intersect, ((SetBody)left.Right).Operator);
    }

    [Fact]
    public void Scripts_are_cut_into_statements_with_their_text()
    {
        const string Sql = ";; select 1; -- c\n insert into t values ($1, $3) ;";
        IReadOnlyList<Statement> statements = SqlParser.ParseScript(Sql);
        Assert.Equal(2, statements.Count);
        Assert.Equal("select 1", Sql.Substring(statements[0].SourceStart, statements[0].SourceLength));
        Assert.Equal("insert into t values ($1, $3)", Sql.Substring(statements[1].SourceStart, statements[1].SourceLength));
        Assert.Equal(3, statements[1].ParameterCount);
        Assert.IsType<EmptyStatement>(Assert.Single(SqlParser.ParseScript(" /* nothing */ ;; ")));
    }

    [Theory]
    [InlineData(5_000)]
    [InlineData(200_000)]
    public void Deep_nesting_is_refused(int depth)
    {
        string[] texts =
        [
            "select " + new string('(', depth) + "1" + new string(')', depth),
            "select " + new string('(', depth),
            "select " + string.Concat(Enumerable.Repeat("not ", depth)) + "true",
            "select " + string.Concat(Enumerable.Repeat("- ", depth)) + "a",
            "select 1" + string.Concat(Enumerable.Repeat("+1", depth)),
            "select a" + string.Concat(Enumerable.Repeat("::int", depth)),
            "select array" + new string('[', depth),
            "select 1" + string.Concat(Enumerable.Repeat(" union all select 1", depth)),
            "select * from " + new string('(', depth) + "t",
            "select * from t" + string.Concat(Enumerable.Repeat(" cross join t", depth)),
            string.Concat(Enumerable.Repeat("select (", depth)),
            string.Concat(Enumerable.Repeat("with x as (", depth)),
            "select " + string.Concat(Enumerable.Repeat("case when ", depth)),
            "select " + string.Concat(Enumerable.Repeat("f(", depth)),
        ];
        foreach (string text in texts)
        {
            var error = Assert.Throws<DbException>(() => SqlParser.ParseScript(text));
            Assert.True(error.SqlState == SqlStates.StatementTooComplex, $"{text[..40]}: {error.Message} at {error.Position}");
        }
    }

    [Fact]
    public void Long_flat_lists_are_fine()
    {
        SqlParser.ParseScript("select * from t where a in (" + string.Join(',', Enumerable.Range(0, 50_000)) + ")");
        SqlParser.ParseScript("select * from t where " + string.Join(" or ", Enumerable.Range(0, 20_000).Select(i => $"a = {i}")));
        SqlParser.ParseScript("insert into t values " + string.Join(',', Enumerable.Range(0, 20_000).Select(i => $"({i}, 'x')")));
    }

    private static LiteralExpr Literal(string sql) => Assert.IsType<LiteralExpr>(SqlParser.ParseExpression(sql));

    private static string Shape(string sql) => SyntaxShape.Of(SqlParser.ParseExpression(sql));
}
