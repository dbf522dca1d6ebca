using Picodata.Server;
using Xunit;

namespace Picodata.Unit.Server;

public sealed class StatementReaderTests
{
    private static string[] Cut(string delimiter, params string[] lines)
    {
        var reader = new StatementReader { Delimiter = delimiter };
        List<string> statements = lines.SelectMany(reader.Add).ToList();
        statements.Add(reader.TakeRest());
        return statements.Select(text => text.Trim()).Where(text => text.Length > 0).ToArray();
    }

    [Fact]
    public void Statements_end_at_the_delimiter_wherever_lines_end() =>
        Assert.Equal(["select 1", "select\n2", "select 3"], Cut(";", "select 1; select", "2;", "select 3"));

    [Theory]
    [InlineData("select 'a;b'")]
    [InlineData("select \"a;b\"")]
    [InlineData("select 1 -- a;b\n+ 1")]
    [InlineData("select /* ; */ 1")]
    [InlineData("do $$ begin a; b; end $$")]
    [InlineData("do $x$ a; $$ b; $x$")]
    public void A_delimiter_inside_of_quotes_does_not_count(string statement) =>
        Assert.Equal([statement, "select 2"], Cut(";", statement + "; select 2;"));

    [Fact]
    public void Dollars_of_parameters_are_no_quotes() => Assert.Equal(["select $1", "select $2"], Cut(";", "select $1; select $2;"));

    [Fact]
    public void An_empty_delimiter_ends_statements_with_the_line() => Assert.Equal(["select 1", "select 2"], Cut("", "select 1", "select 2"));
}
