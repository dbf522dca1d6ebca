using System.Runtime.CompilerServices;
using Picodata.Core;
using Picodata.Sql.Parsing;
using Xunit;

namespace Picodata.Unit.Sql.Parsing;

/// <summary>Statements that must parse: the dialect, line by line, and what clients send.</summary>
public sealed class DialectTests
{
    public static TheoryData<string> Statements() => [.. File.ReadAllLines(Path.Combine(Here(), "dialect.txt")).Where(line => line.Length > 0 && !line.StartsWith("##"))];

    [Theory]
    [MemberData(nameof(Statements))]
    public void Statement_parses(string sql) => Assert.NotEmpty(SqlParser.ParseScript(sql));

    [Fact]
    public void Statements_of_real_clients_parse()
    {
        string folder = Path.GetFullPath(Path.Combine(Here(), "../../../../../shared/reference/pgwire-queries"));
        Assert.SkipUnless(Directory.Exists(folder), "the recorded statements of clients are not beside this checkout");
        int count = 0;
        var failures = new List<string>();
        foreach (string file in Directory.GetFiles(folder, "*.sql"))
        {
            foreach (string entry in File.ReadAllText(file).Split("\n;;"))
            {
                string sql = entry.Replace("{oid:", "16400 /* ").Replace("}", " */ ");
                count++;
                try
                {
                    SqlParser.ParseScript(sql);
                }
                catch (DbException error) when (!sql.Contains("nosuch syntax"))
                {
                    failures.Add($"{Path.GetFileName(file)}: {error.Message} at {error.Position}: {sql[Math.Max(0, Math.Min(sql.Length, error.Position) - 60)..Math.Min(sql.Length, error.Position + 40)]}");
                }
            }
        }

        Assert.True(count > 100);
        Assert.True(failures.Count == 0, string.Join("\n----\n", failures));
    }

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
