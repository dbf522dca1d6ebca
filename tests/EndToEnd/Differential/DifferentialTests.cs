using Npgsql;
using Xunit;

namespace Picodata.EndToEnd.Differential;

/// <summary>
/// The same generated statements run on PostgreSQL 15 and on an instance; rows, column types (integers of any width are alike)
/// and SQLSTATEs must be the same, and so must the tables at the end.
/// </summary>
[Trait("peer", "postgres")]
[Trait("speed", "long")]
public sealed class DifferentialTests
{
    private const int Statements = 400;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Generated_statements_give_what_PostgreSQL_gives(int seed)
    {
        using var folder = new TempDirectory();
        await using PostgresPeer peer = await PostgresPeer.StartAsync();
        using InstanceProcess instance = await InstanceProcess.StartAsync(Path.Combine(folder.Path, "instance"));
        await using var ours = new NpgsqlConnection(instance.ConnectionString);
        await using var theirs = new NpgsqlConnection(peer.ConnectionString);
        await ours.OpenAsync();
        await theirs.OpenAsync();
        var generator = new StatementGenerator(seed);
        foreach (string sql in StatementGenerator.Schema.Concat(generator.Rows()))
        {
            Assert.Equal((await RunAsync(theirs, sql)).Columns, (await RunAsync(ours, sql)).Columns);
        }

        var differences = new List<string>();
        for (int i = 0; i < Statements; i++)
        {
            (string sql, bool ordered) = generator.Next();
            await CompareAsync(ours, theirs, sql, ordered, differences);
        }

        foreach (string table in new[] { "t1", "t2", "t3" })
        {
            await CompareAsync(ours, theirs, $"select * from {table}", false, differences);
        }

        Assert.Empty(differences);
    }

    /// <summary>Runs a statement on both, each in a transaction that both commit or both roll back.</summary>
    private static async Task CompareAsync(NpgsqlConnection ours, NpgsqlConnection theirs, string sql, bool ordered, List<string> differences)
    {
        await RunAsync(ours, "begin");
        await RunAsync(theirs, "begin");
        Result mine = await RunAsync(ours, sql);
        Result other = await RunAsync(theirs, sql);
        string end = mine.IsError || other.IsError ? "rollback" : "commit";
        await RunAsync(ours, end);
        await RunAsync(theirs, end);
        if (!ordered)
        {
            mine.Rows.Sort(StringComparer.Ordinal);
            other.Rows.Sort(StringComparer.Ordinal);
        }

        if (mine.Columns != other.Columns || (!mine.IsError && !mine.Rows.SequenceEqual(other.Rows)))
        {
            differences.Add($"{sql}\n  ours:       {mine}\n  PostgreSQL: {other}");
        }
    }

    /// <param name="Columns">Types of the columns, or <c>ERR</c> and the SQLSTATE.</param>
    private sealed record Result(string Columns, List<string> Rows)
    {
        public bool IsError => Columns.StartsWith("ERR", StringComparison.Ordinal);

        public override string ToString() => $"{Columns} {Rows.Count} rows: {string.Join("; ", Rows.Take(6))}";
    }

    private static async Task<Result> RunAsync(NpgsqlConnection connection, string sql)
    {
        try
        {
            await using var command = new NpgsqlCommand(sql, connection) { AllResultTypesAreUnknown = true };
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
            string types = string.Join(",", Enumerable.Range(0, reader.FieldCount).Select(reader.GetDataTypeName));
            var rows = new List<string>();
            while (await reader.ReadAsync())
            {
                rows.Add(string.Join("|", Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "NULL" : reader.GetString(i))));
            }

            return new Result(types.Replace("integer", "bigint", StringComparison.Ordinal).Replace("smallint", "bigint", StringComparison.Ordinal), rows);
        }
        catch (PostgresException error)
        {
            return new Result("ERR " + error.SqlState, [error.MessageText]);
        }
    }
}

/// <summary>A PostgreSQL of the test's own, on a socket in a temporary folder.</summary>
internal sealed class PostgresPeer : IAsyncDisposable
{
    private readonly string folder;

    private PostgresPeer(string folder) => this.folder = folder;

    public string ConnectionString => $"Host={folder};Username=postgres;Database=postgres;Pooling=false;Command Timeout=60";

    public static async Task<PostgresPeer> StartAsync()
    {
        string initdb = Peer.Require("initdb");
        string folder = Directory.CreateTempSubdirectory("picodata-pg-").FullName;
        File.SetUnixFileMode(folder, (UnixFileMode)0b111_111_111);
        var peer = new PostgresPeer(folder);
        await RunAsync(initdb, "-D", folder + "/data", "-U", "postgres", "--locale=C", "-E", "UTF8", "-N");
        await RunAsync(
            Peer.Require("pg_ctl"), "-D", folder + "/data", "-l", folder + "/log", "-w", "-s",
            "-o", $"-k {folder} -c listen_addresses= -c fsync=off -c timezone=UTC", "start");
        return peer;
    }

    /// <summary>Runs one of PostgreSQL's programs, which refuse to run as root; output goes nowhere, as the server keeps it open.</summary>
    private static async Task RunAsync(string program, params string[] arguments)
    {
        string quoted = string.Join(' ', new[] { program }.Concat(arguments).Select(word => $"'{word}'")) + " >/dev/null 2>&1";
        bool isRoot = Environment.UserName == "root";
        (int exitCode, _, string errors) = await Peer.RunAsync(
            isRoot ? "runuser" : "/bin/sh", isRoot ? ["-u", "postgres", "--", "/bin/sh", "-c", quoted] : ["-c", quoted]);
        Assert.True(exitCode == 0, $"{program} ended with {exitCode}: {errors}");
    }

    public async ValueTask DisposeAsync()
    {
        await RunAsync(Peer.Require("pg_ctl"), "-D", folder + "/data", "-m", "immediate", "-w", "-s", "stop");
        Directory.Delete(folder, recursive: true);
    }
}
