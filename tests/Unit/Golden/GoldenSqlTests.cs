using System.Runtime.CompilerServices;
using System.Text;
using Picodata.Core;
using Picodata.Sql;
using Xunit;

namespace Picodata.Unit.Golden;

/// <summary>
/// Scripts with their outputs. A file holds entries <c>statement</c>, <c>----</c>, output, blank line. A statement may begin with <c>@name </c> or <c>@name:user </c>:
/// it is run by the session of that name. <c>&lt;&lt;</c> in a line of its own begins COPY data. With GOLDEN_REWRITE=1 the outputs are written anew.
/// </summary>
public sealed class GoldenSqlTests
{
    public static TheoryData<string> Files() => [.. Directory.GetFiles(Folder(), "*.txt").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Script_gives_its_output(string file)
    {
        string path = Path.Combine(Folder(), file);
        string expected = (await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken)).ReplaceLineEndings("\n");
        string actual = await RunAsync(expected);
        if (Environment.GetEnvironmentVariable("GOLDEN_REWRITE") == "1")
        {
            await File.WriteAllTextAsync(path, actual, TestContext.Current.CancellationToken);
            return;
        }

        Assert.Equal(expected, actual);
    }

    private static async Task<string> RunAsync(string script)
    {
        await using SqlBench bench = await SqlBench.OpenAsync();
        var sessions = new Dictionary<string, (ISqlSession Session, TextOutput Output)>();
        var result = new StringBuilder();
        foreach (string entry in script.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            string statement = entry.Split("\n----")[0].TrimEnd('\n');
            if (statement.StartsWith("##", StringComparison.Ordinal))
            {
                result.Append(entry.TrimEnd('\n')).Append("\n\n");
                continue;
            }

            string output = await RunOneAsync(bench, sessions, statement);
            result.Append(statement).Append("\n----\n").Append(output.Replace("\n\n", "\n.\n")).Append('\n');
        }

        foreach ((ISqlSession session, _) in sessions.Values)
        {
            await session.DisposeAsync();
        }

        return result.ToString();
    }

    private static async Task<string> RunOneAsync(SqlBench bench, Dictionary<string, (ISqlSession Session, TextOutput Output)> sessions, string statement)
    {
        string name = "";
        string user = "admin";
        string sql = statement;
        if (statement.StartsWith('@'))
        {
            string[] parts = statement.Split(' ', 2);
            string[] who = parts[0][1..].Split(':');
            name = parts[0];
            user = who.Length > 1 ? who[1] : "admin";
            sql = parts[1];
        }

        if (!sessions.TryGetValue(name, out (ISqlSession Session, TextOutput Output) session))
        {
            try
            {
                ISqlSession opened = bench.Session(user);
                sessions[name] = session = (opened, new TextOutput(opened));
            }
            catch (DbException error)
            {
                return $"ERROR {error.SqlState}: {error.Message}\n";
            }
        }

        string[] pieces = sql.Split("\n<<\n");
        session.Output.CopyInput.Clear();
        if (pieces.Length > 1)
        {
            session.Output.CopyInput.Enqueue(Encoding.UTF8.GetBytes(pieces[1] + "\n"));
        }

        try
        {
            await session.Session.SimpleQueryAsync(pieces[0], session.Output, CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        }
        catch (DbException error)
        {
            session.Output.Error(error);
        }

        return session.Output.Take();
    }

    private static string Folder([CallerFilePath] string path = "") => Path.Combine(Path.GetDirectoryName(path)!, "sql");
}
