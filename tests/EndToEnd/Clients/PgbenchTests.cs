using Xunit;

namespace Picodata.EndToEnd;

/// <summary>pgbench in all its modes; afterwards the four sums must agree.</summary>
public sealed class PgbenchTests(SharedInstance shared) : IClassFixture<SharedInstance>
{
    [Fact]
    [Trait("speed", "long")]
    public async Task All_modes_run_without_an_error_and_the_sums_agree()
    {
        await RunAsync("-i", "-s", "10", "-q");
        foreach (string protocol in (string[])["simple", "extended", "prepared"])
        {
            foreach (string script in (string[])["tpcb-like", "simple-update", "select-only"])
            {
                string output = await RunAsync("-n", "-b", script, "-c", "8", "-j", "2", "-T", "10", "-M", protocol);
                Assert.Contains("number of failed transactions: 0 ", output);
            }
        }

        await CheckSumsAsync(1_000_000);
    }

    [Theory]
    [InlineData("simple")]
    [InlineData("extended")]
    [InlineData("prepared")]
    public async Task A_short_run_of_each_mode(string protocol)
    {
        await RunAsync("-i", "-s", "1", "-q");
        string output = await RunAsync("-b", "tpcb-like@2", "-b", "simple-update", "-b", "select-only", "-c", "4", "-t", "50", "-M", protocol);
        Assert.Contains("number of transactions actually processed: 200/200", output);
        await CheckSumsAsync(100_000);
    }

    [Fact]
    public async Task Data_can_be_made_on_the_server_and_keys_added()
    {
        await RunAsync("-i", "-I", "dtGvp", "-s", "1", "-q");
        await RunAsync("-n", "-c", "2", "-t", "20");
        Assert.Equal(100_000L, await shared.Instance.ScalarAsync("select count(*) from pgbench_accounts"));
    }

    [Fact]
    public async Task Pipelines_and_reconnects_work()
    {
        await RunAsync("-i", "-s", "1", "-q");
        string script = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(
                script,
                """
                \set aid random(1, 100000)
                \startpipeline
                BEGIN;
                UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
                SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
                END;
                \endpipeline

                """);
            await RunAsync("-n", "-f", script, "-c", "4", "-t", "50", "-M", "extended");
            await RunAsync("-n", "-f", script, "-c", "4", "-t", "50", "-M", "prepared");
        }
        finally
        {
            File.Delete(script);
        }

        Assert.Equal(400m, Convert.ToDecimal(await shared.Instance.ScalarAsync("select sum(abalance) from pgbench_accounts")));
        await RunAsync("-n", "-S", "-C", "-c", "2", "-t", "10");
    }

    private async Task CheckSumsAsync(long accounts)
    {
        object?[] sums =
        [
            await shared.Instance.ScalarAsync("select coalesce(sum(abalance), 0) from pgbench_accounts"),
            await shared.Instance.ScalarAsync("select coalesce(sum(tbalance), 0) from pgbench_tellers"),
            await shared.Instance.ScalarAsync("select coalesce(sum(bbalance), 0) from pgbench_branches"),
        ];
        object? history = await shared.Instance.ScalarAsync("select coalesce(sum(delta), 0) from pgbench_history");
        Assert.Equal(sums[1], sums[2]);
        Assert.Equal(accounts, await shared.Instance.ScalarAsync("select count(*) from pgbench_accounts"));

        // simple-update touches accounts and history only
        Assert.Equal(sums[0], history);
        Assert.NotEqual(0m, Convert.ToDecimal(history));
    }

    private async Task<string> RunAsync(params string[] arguments)
    {
        (int exitCode, string output, string errors) = await Peer.RunAsync(
            Peer.Require("pgbench"),
            ["-h", "127.0.0.1", "-p", shared.Instance.PgPort.ToString(), "-U", "admin", .. arguments, "postgres"],
            new Dictionary<string, string> { ["PGPASSWORD"] = InstanceProcess.AdminPassword });
        Assert.True(exitCode == 0 && !errors.Contains("ERROR", StringComparison.Ordinal), $"pgbench {string.Join(' ', arguments)}: {output}{errors}");
        return output;
    }
}
