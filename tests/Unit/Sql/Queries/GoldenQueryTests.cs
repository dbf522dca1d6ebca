using System.Diagnostics;
using System.Text;
using Xunit;

namespace Picodata.Unit.Sql.Queries;

/// <summary>
/// Answers of queries against files of record whose answers PostgreSQL 15 gave. With GOLDEN_PSQL (a psql command with its connection, such
/// as <c>psql -h /tmp/x -p 5555 -d judge</c>, database with C collation, into which setup.sql was loaded) the answers are asked for anew.
/// Statements without ORDER BY are compared without regard to order. <c>writes</c> changes the rows and is asked for last.
/// </summary>
public sealed class GoldenQueryTests
{
    public static TheoryData<string> Files => ["joins", "subqueries", "aggregates", "windows", "sets", "scans", "writes"];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Golden_answers_are_those_of_postgres(string name)
    {
        string folder = Folder(), path = Path.Combine(folder, name + ".txt");
        string? psql = Environment.GetEnvironmentVariable("GOLDEN_PSQL");
        if (psql is not null)
        {
            await File.WriteAllTextAsync(path, Record(psql, Cases(File.ReadAllLines(path)).Select(c => c.Sql)), TestContext.Current.CancellationToken);
        }

        await using QueryDatabase database = await QueryDatabase.OpenAsync(await File.ReadAllTextAsync(Path.Combine(folder, "setup.sql"), TestContext.Current.CancellationToken));
        var differences = new StringBuilder();
        foreach ((string sql, List<string> expected) in Cases(File.ReadAllLines(path)))
        {
            List<string> given = Ordered(sql, string.Join('\n', await Try(database, sql)).Split('\n'));
            if (!given.SequenceEqual(expected))
            {
                differences.Append($"{sql}\n  expected: {string.Join(" / ", expected)}\n  given:    {string.Join(" / ", given)}\n");
            }
        }

        Assert.True(differences.Length == 0, differences.ToString());
    }

    private static async Task<List<string>> Try(QueryDatabase database, string sql)
    {
        try
        {
            List<string> rows = await database.ShowAsync(sql);
            return rows.Count == 0 ? ["(none)"] : rows;
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            return [$"CRASH {error.GetType().Name}: {error.Message} {error.StackTrace?.Split('\n')[0]}"];
        }
    }

    private static List<string> Ordered(string sql, IEnumerable<string> lines) =>
        sql.Contains("ORDER BY", StringComparison.Ordinal) ? [.. lines] : [.. lines.Order(StringComparer.Ordinal)];

    private static string Record(string psql, IEnumerable<string> statements)
    {
        var text = new StringBuilder();
        foreach (string sql in statements)
        {
            string[] words = psql.Split(' ');
            var start = new ProcessStartInfo(words[0]) { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (string argument in (string[])[.. words[1..], "-X", "-q", "-At", "-v", "VERBOSITY=sqlstate", "-c", sql])
            {
                start.ArgumentList.Add(argument);
            }

            using Process process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd(), error = process.StandardError.ReadToEnd();
            output = output.EndsWith('\n') ? output[..^1] : output;
            bool isNone = output.Length == 0 && (!sql.StartsWith("SELECT", StringComparison.Ordinal) || CountRows(psql, sql) == 0);
            string[] lines = error.Contains("ERROR:", StringComparison.Ordinal) ? ["ERROR " + error[(error.IndexOf("ERROR:", StringComparison.Ordinal) + 6)..].Trim()] : isNone ? ["(none)"] : output.Split('\n');
            text.Append(sql).Append("\n----\n").Append(string.Join('\n', Ordered(sql, lines))).Append("\n====\n");
        }

        return text.ToString();
    }

    /// <summary>An empty output is no row, or one row of one empty value.</summary>
    private static int CountRows(string psql, string sql)
    {
        string[] words = psql.Split(' ');
        var start = new ProcessStartInfo(words[0]) { RedirectStandardOutput = true };
        foreach (string argument in (string[])[.. words[1..], "-X", "-c", sql])
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        return process.StandardOutput.ReadToEnd().Contains("(0 rows)", StringComparison.Ordinal) ? 0 : 1;
    }

    private static IEnumerable<(string Sql, List<string> Expected)> Cases(string[] lines)
    {
        string sql = "";
        List<string>? expected = null;
        foreach (string line in lines)
        {
            if (line == "====" && expected is not null)
            {
                yield return (sql, expected);
                (sql, expected) = ("", null);
            }
            else if (line == "----")
            {
                expected = [];
            }
            else if (expected is null)
            {
                sql += (sql.Length > 0 ? "\n" : "") + line;
            }
            else
            {
                expected.Add(line);
            }
        }
    }

    private static string Folder()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Picodata.slnx")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder!.FullName, "tests/Unit/Sql/Queries/golden");
    }
}
