using System.Diagnostics;
using Xunit;

namespace Picodata.EndToEnd.Interop;

/// <summary>Promise P5, one way: stock Tarantool boots from directories that we wrote, and reads the same rows.</summary>
public sealed class TarantoolReadsOursTests : IDisposable
{
    private const string SumsInLua = """
        local function sum(name, field)
            local total, count = 0, 0
            for _, row in box.space[name]:pairs() do
                total = total + (row[field] or 0)
                count = count + 1
            end
            out(name, count, total)
        end
        sum('pgbench_accounts', 'abalance')
        sum('pgbench_tellers', 'tbalance')
        sum('pgbench_branches', 'bbalance')
        sum('pgbench_history', 'delta')
        """;

    private const string SumsInSql = """
        SELECT 'pgbench_accounts', count(*), sum(abalance) FROM pgbench_accounts
        UNION ALL SELECT 'pgbench_tellers', count(*), sum(tbalance) FROM pgbench_tellers
        UNION ALL SELECT 'pgbench_branches', count(*), sum(bbalance) FROM pgbench_branches
        UNION ALL SELECT 'pgbench_history', count(*), sum(delta) FROM pgbench_history
        """;

    private readonly TempDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task After_pgbench_and_a_clean_stop()
    {
        Peer.Require("tarantool");
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        await PgbenchAsync(instance, "-i", "-s", "1", "-q");
        await PgbenchAsync(instance, "-c", "4", "-j", "2", "-t", "150");
        string[] ours = await SumsAsync(instance);
        Assert.Equal(0, await instance.StopAsync());
        Assert.Equal(ours, await BootCopyAsync(instance, "copy"));
        Assert.Equal("600", ours.Single(line => line.StartsWith("pgbench_history", StringComparison.Ordinal)).Split('|')[1]);
    }

    [Fact]
    public async Task After_pgbench_and_kill_9()
    {
        Peer.Require("tarantool");
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        await PgbenchAsync(instance, "-i", "-s", "1", "-q");
        Task<(int, string, string)> load = RunPgbenchAsync(instance, "-c", "4", "-j", "2", "-T", "30");
        await instance.ScalarAsync("CHECKPOINT");
        var watch = Stopwatch.StartNew();
        while (Convert.ToInt64(await instance.ScalarAsync("SELECT count(*) FROM pgbench_history")) < 200)
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), "pgbench does not get on");
        }

        instance.Kill();
        await load;
        string[] theirs = await BootCopyAsync(instance, "copy");
        await instance.StartAgainAsync();
        Assert.Equal(await SumsAsync(instance), theirs);
        Assert.Single(theirs.Where(line => !line.StartsWith("pgbench_history", StringComparison.Ordinal)).Select(line => line.Split('|')[2]).Append(theirs[^1].Split('|')[2]).Distinct());
    }

    [Fact]
    public async Task Every_type_that_tarantool_has_is_read_as_it_was_written()
    {
        Peer.Require("tarantool");
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        await instance.ScalarAsync("CREATE TABLE kinds (id INT PRIMARY KEY, whole INT, real DOUBLE, exact DECIMAL, words TEXT, flag BOOLEAN, uid UUID)");
        await instance.ScalarAsync("CREATE UNIQUE INDEX kinds_words ON kinds (words)");
        await instance.ScalarAsync("""
            INSERT INTO kinds VALUES
                (1, -9223372036854775808, 0.5, 12.340, 'ünïcode', true, 'c0ffee00-1234-4321-8765-0123456789ab'),
                (2, 9223372036854775807, -1e300, -99999999999999999999.00000001, '', false, '00000000-0000-0000-0000-000000000001'),
                (3, NULL, NULL, NULL, NULL, NULL, NULL)
            """);
        await instance.ScalarAsync("UPDATE kinds SET whole = whole - 1, exact = exact * 2 WHERE id = 2");
        await instance.ScalarAsync("DELETE FROM kinds WHERE id = 3");
        Assert.Equal(0, await instance.StopAsync());
        string[] rows = await Tarantool.RunAsync(instance.Directory, """
            for _, row in box.space.kinds:pairs() do
                out(row.id, row.whole, row.real, row.exact, row.words, row.flag, row.uid)
            end
            out(box.space.kinds.index.kinds_words:get('').id)
            """);
        Assert.Equal(
            [
                "1|-9223372036854775808|0.5|12.340|ünïcode|true|c0ffee00-1234-4321-8765-0123456789ab",
                "2|9223372036854775806|-1e+300|-199999999999999999998.00000002||false|00000000-0000-0000-0000-000000000001",
                "2",
            ],
            rows);
    }

    private static async Task<string[]> SumsAsync(InstanceProcess instance) => await Tarantool.RowsAsync(instance, SumsInSql);

    private async Task<string[]> BootCopyAsync(InstanceProcess instance, string name)
    {
        string copy = directory.Sub(name);
        await Tarantool.CopyAsync(instance.Directory, copy);
        return await Tarantool.RunAsync(copy, SumsInLua);
    }

    private static async Task PgbenchAsync(InstanceProcess instance, params string[] arguments)
    {
        (int exitCode, string output, string errors) = await RunPgbenchAsync(instance, arguments);
        Assert.True(exitCode == 0, output + errors);
    }

    private static Task<(int ExitCode, string Output, string Errors)> RunPgbenchAsync(InstanceProcess instance, params string[] arguments) => Peer.RunAsync(
        Peer.Require("pgbench"),
        ["-h", "127.0.0.1", "-p", instance.PgPort.ToString(), "-U", "admin", .. arguments, "postgres"],
        new Dictionary<string, string> { ["PGPASSWORD"] = InstanceProcess.AdminPassword });
}
