using System.Diagnostics;
using System.Runtime.CompilerServices;
using Picodata.Core;
using Picodata.Sql.Parsing;
using Xunit;

namespace Picodata.Unit.Sql.Parsing;

/// <summary>Random and mutated inputs: the parser answers with a tree or with a DbException, quickly, whatever comes.</summary>
public sealed class ParserFuzzTests
{
    private static readonly string[] Pieces =
    [
        "select", "from", "where", "(", ")", "((", "))", ",", ";", "'", "\"", "$$", "$1", "?", "::", "[", "]", ".", "*", "+", "-", "--", "/*", "*/", "=", "<", "not", "null", "case",
        "when", "then", "end", "union", "all", "values", "insert into t", "update t set", "delete from", "create table", "alter table", "do $$ begin", "1", "1.5", "1e5", "'x'",
        "E'\\", "interval", "array", "join", "on", "using", "with", "as", "over (", "in", "between", "and", "or", "like", "is", "exists", "any", "cast(", "extract(", "trim(", "copy",
        "grant", "revoke", "set", "fetch", "declare", "for", "limit", "order by", "group by", "window", "returning", "\0", "é", "😀", "\n", "option(", "by", "if", "1..2", "0x", "@", "|||", "{", "\\",
    ];

    [Fact]
    public void Thirty_thousand_inputs_are_survived() => Run(30_000, 1);

    [Fact]
    [Trait("speed", "long")]
    public void A_million_inputs_are_survived() => Run(1_000_000, 2);

    private static void Run(int count, int seed)
    {
        string[] corpus = [.. File.ReadAllLines(Path.Combine(Here(), "dialect.txt")).Where(line => line.Length > 0)];
        var random = new Random(seed);
        var clock = Stopwatch.StartNew();
        var normalizer = new StatementNormalizer();
        int parsed = 0;
        for (int i = 0; i < count; i++)
        {
            string input = Input(random, corpus);
            TimeSpan before = clock.Elapsed;
            try
            {
                IReadOnlyList<Statement> statements = SqlParser.ParseScript(input);
                parsed++;
                Assert.All(statements, statement => Assert.InRange(statement.SourceStart + statement.SourceLength, 0, input.Length));
            }
            catch (DbException error)
            {
                Assert.InRange(error.Position, 0, input.Length + 1);
            }

            if (normalizer.TryNormalize(input))
            {
                CheckNormalized(input, normalizer);
            }

            Assert.True(clock.Elapsed - before < TimeSpan.FromSeconds(5), $"slow: {input}");
        }

        Assert.True(parsed > count / 50, $"only {parsed} of {count} inputs parsed: the generator has gone blunt");
    }

    /// <summary>A normalised text parses exactly when its origin does, with as many parameters as literals were taken.</summary>
    private static void CheckNormalized(string input, StatementNormalizer normalizer)
    {
        string text = normalizer.Text.ToString();
        bool isSame = Parses(input, out _) == Parses(text, out int parameters);
        Assert.True(isSame, $"{input}\n{text}");
        if (parameters >= 0)
        {
            Assert.Equal(normalizer.Literals.Count, parameters);
        }
    }

    private static bool Parses(string sql, out int parameters)
    {
        try
        {
            parameters = SqlParser.ParseStatement(sql).ParameterCount;
            return true;
        }
        catch (DbException)
        {
            parameters = -1;
            return false;
        }
    }

    private static string Input(Random random, string[] corpus)
    {
        switch (random.Next(4))
        {
            case 0:
                return string.Join(random.Next(3) == 0 ? "" : " ", Enumerable.Range(0, random.Next(1, 40)).Select(_ => Pieces[random.Next(Pieces.Length)]));
            case 1:
                return new string([.. Enumerable.Range(0, random.Next(1, 60)).Select(_ => (char)(random.Next(5) == 0 ? random.Next(0x10000) : random.Next(1, 128)))]);
            default:
                string text = corpus[random.Next(corpus.Length)];
                for (int i = random.Next(4); i > 0 && text.Length > 0; i--)
                {
                    text = Mutate(random, text, corpus);
                }

                return text;
        }
    }

    private static string Mutate(Random random, string text, string[] corpus)
    {
        int at = random.Next(text.Length);
        int length = random.Next(Math.Min(20, text.Length - at) + 1);
        switch (random.Next(5))
        {
            case 0:
                return text.Remove(at, length);
            case 1:
                return text.Insert(at, Pieces[random.Next(Pieces.Length)]);
            case 2:
                return text.Insert(at, text.Substring(at, length));
            case 3:
                string other = corpus[random.Next(corpus.Length)];
                return text[..at] + other[random.Next(other.Length)..];
            default:
                return text.Insert(at, string.Concat(Enumerable.Repeat(Pieces[random.Next(Pieces.Length)], random.Next(2000))));
        }
    }

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
