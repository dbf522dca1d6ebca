using System.Diagnostics;
using Xunit;

namespace Picodata.Unit.Scalars;

/// <summary>
/// Literals, casts, operators and functions against the results in <c>expressions.golden</c> (expression, tab, result and type, or
/// SQLSTATE and message). The second test asks a PostgreSQL of its own whether the file tells the truth.
/// </summary>
public sealed class ScalarExpressionTests
{
    private static readonly string[] IntegerTypes = ["smallint", "integer", "bigint", "smallint[]", "integer[]", "bigint[]"];

    private static (string Expression, string Expected)[] Golden()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Picodata.slnx")))
        {
            folder = folder.Parent;
        }

        return [.. File.ReadLines(Path.Combine(folder!.FullName, "tests/Unit/Scalars/expressions.golden"))
            .Select(line => line.Replace("\\NL", "\n").Split('\t')).Select(parts => (parts[0], parts[1]))];
    }

    [Fact]
    public void Expressions_give_the_recorded_results()
    {
        var wrong = new List<string>();
        foreach ((string expression, string expected) in Golden())
        {
            string found = ExpressionProbe.Describe(expression);
            if (found != expected)
            {
                wrong.Add($"{expression}: expected {expected}, found {found}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    [Trait("peer", "postgres")]
    [Trait("speed", "long")]
    public void PostgreSQL_gives_the_recorded_results()
    {
        using var server = PostgresServer.Start();
        (string Expression, string Expected)[] golden = Golden();
        string[] results = server.Describe([.. golden.Select(line => line.Expression)]);
        var wrong = new List<string>();
        for (int i = 0; i < golden.Length; i++)
        {
            if (!Agree(golden[i].Expected, results[i]))
            {
                wrong.Add($"{golden[i].Expression}: recorded {golden[i].Expected}, PostgreSQL says {results[i]}");
            }
        }

        Assert.Empty(wrong);
    }

    /// <summary>Equal but for the width of integers (ours are int8) and for types in the text of 42883.</summary>
    internal static bool Agree(string ours, string theirs)
    {
        if (ours == theirs)
        {
            return true;
        }

        if (ours.StartsWith("ERR ", StringComparison.Ordinal) && theirs.StartsWith("ERR ", StringComparison.Ordinal))
        {
            return ours[..9] == theirs[..9]
                && (ours.Contains("does not exist", StringComparison.Ordinal) || ours.Replace("bigint", "integer", StringComparison.Ordinal) == theirs);
        }

        int mine = ours.LastIndexOf(" :: ", StringComparison.Ordinal), other = theirs.LastIndexOf(" :: ", StringComparison.Ordinal);
        return mine == other && mine > 0 && ours[..mine] == theirs[..other]
            && IntegerTypes.Contains(ours[(mine + 4)..]) && IntegerTypes.Contains(theirs[(other + 4)..]);
    }
}

/// <summary>A PostgreSQL in a folder of its own, on a socket in that folder, for the length of a test.</summary>
internal sealed class PostgresServer : IDisposable
{
    private const string Programs = "/usr/lib/postgresql/15/bin/";

    /// <summary>Evaluates an expression given as text; never fails.</summary>
    private const string Probe = """
        create function probe(e text) returns text language plpgsql as $$
        declare r text; s text; m text;
        begin
          execute 'select case when (e) is null then ''NULL'' else format(''%s'', e) end || '' :: '' || pg_typeof(e) from (select ' || e || ' as e) q' into r;
          return replace(r, E'\n', '\n');
        exception when others then
          get stacked diagnostics s = returned_sqlstate, m = message_text;
          return 'ERR ' || s || ' ' || replace(m, E'\n', '\n');
        end $$;
        """;

    private readonly string folder;

    private PostgresServer(string folder) => this.folder = folder;

    internal static PostgresServer Start()
    {
        if (!File.Exists(Programs + "initdb"))
        {
            Assert.SkipWhen(Environment.GetEnvironmentVariable("PICODATA_TEST_REQUIRE_PEERS") != "1", "PostgreSQL 15 is not installed");
            Assert.Fail("PostgreSQL 15 is not installed, and PICODATA_TEST_REQUIRE_PEERS=1 says that it must be");
        }

        string folder = Directory.CreateTempSubdirectory("picodata-pg-").FullName;
        File.SetUnixFileMode(folder, (UnixFileMode)0b111_111_111);
        var server = new PostgresServer(folder);
        server.RunAsServer(Programs + "initdb", "-D", folder + "/data", "-U", "postgres", "--locale=C", "-E", "UTF8", "-N");
        server.RunAsServer(
            Programs + "pg_ctl", "-D", folder + "/data", "-l", folder + "/log", "-w", "-o", $"-k {folder} -c listen_addresses= -c fsync=off -c timezone=UTC", "start");
        server.Query(Probe);
        return server;
    }

    /// <summary>The result of every expression in the form of <see cref="ExpressionProbe.Describe"/>.</summary>
    internal string[] Describe(string[] expressions) =>
        Query(string.Concat(expressions.Select(expression => $"select probe('{expression.Replace("'", "''", StringComparison.Ordinal)}');\n")))
            .Split('\n');

    private string Query(string sql) => Run("psql", ["-h", folder, "-U", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1"], sql);

    /// <summary>PostgreSQL refuses to run as root.</summary>
    private void RunAsServer(string program, params string[] arguments)
    {
        if (Environment.UserName == "root")
        {
            Run("runuser", ["-u", "postgres", "--", program, .. arguments], "");
        }
        else
        {
            Run(program, arguments, "");
        }
    }

    private string Run(string program, string[] arguments, string input)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder,
        };
        using Process process = Process.Start(start)!;
        string output = "", errors = "";
        bool starts = arguments.Contains("start");
        var readers = new[]
        {
            new Thread(() => output = starts ? "" : process.StandardOutput.ReadToEnd()), new Thread(() => errors = starts ? "" : process.StandardError.ReadToEnd()),
        };
        Array.ForEach(readers, reader => reader.Start());
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        Array.ForEach(readers, reader => reader.Join());
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors}");
        return output;
    }

    public void Dispose()
    {
        RunAsServer(Programs + "pg_ctl", "-D", folder + "/data", "-m", "immediate", "-w", "stop");
        Directory.Delete(folder, recursive: true);
    }
}
