using System.Diagnostics;
using Xunit;

namespace Picodata.EndToEnd.Cluster;

/// <summary>Leaving for ever: section 10.5 of the reference through real processes.</summary>
public sealed class ScenarioExpelTests : IDisposable
{
    private const string States = "SELECT name, CAST(current_state AS TEXT) LIKE '%Expelled%' FROM _pico_instance ORDER BY name";

    private readonly ScenarioCluster cluster = new();

    public void Dispose() => cluster.Dispose();

    [Fact]
    public async Task Expelled_instances_end_stay_out_and_leave_their_place_to_others()
    {
        InstanceProcess first = await cluster.StartAsync("i1", "--init-replication-factor", "2", "--failure-domain", "zone=a");
        string only = await ScenarioCluster.UuidAsync(first, "default_1_1");
        (int exitCode, string output) = await ScenarioCluster.CommandAsync(first, "expel", only, "--force");
        Assert.Equal(1, exitCode);
        Assert.Contains("attempt to expel instance 'default_1_1' which is the only member in the cluster", output);
        InstanceProcess second = await cluster.StartAsync("i2", "--failure-domain", "zone=b");
        await cluster.StartAsync("i3", "--failure-domain", "zone=a");
        InstanceProcess fourth = await cluster.StartAsync("i4", "--failure-domain", "zone=b");
        await ScenarioCluster.OnlineAsync(first, 4);

        // online: only with force; by a follower; the process ends, and cannot come back
        string uuid = await ScenarioCluster.UuidAsync(first, "default_2_2");
        (exitCode, output) = await ScenarioCluster.CommandAsync(second, "expel", uuid);
        Assert.Equal(1, exitCode);
        Assert.Contains("attempt to expel instance 'default_2_2' which is not Offline, but Online", output);
        Assert.Contains("rerun with --force", output);
        (exitCode, output) = await ScenarioCluster.CommandAsync(second, "expel", uuid, "--force");
        Assert.True(exitCode == 0, output);
        await ScenarioCluster.WaitAsync(first, States, "default_1_1|false", "default_1_2|false", "default_2_1|false", "default_2_2|true");
        await EndsAsync(fourth);
        Assert.Contains("was expelled from the cluster", (await fourth.RefusesAsync()).Output);
        (exitCode, output) = await ScenarioCluster.CommandAsync(first, "expel", uuid, "--force");
        Assert.True(exitCode == 0, "expelling twice is no error: " + output);
        (exitCode, output) = await ScenarioCluster.CommandAsync(first, "expel", Guid.Empty.ToString(), "--force");
        Assert.Contains("not found", output);

        // the next one takes the place and the name, with a number that nobody had
        await cluster.StartAsync("i5", "--failure-domain", "zone=c");
        Assert.Equal(["default_2_2|default_2|5"], await ScenarioCluster.RowsAsync(first, "SELECT name, replicaset_name, raft_id FROM _pico_instance WHERE raft_id > 4"));

        // the primary that holds the rows: hands over to its partner first, then goes
        await first.ScalarAsync("CREATE TABLE rows (id INT PRIMARY KEY)");
        await first.ScalarAsync("INSERT INTO rows SELECT g FROM generate_series(1, 1000) AS x(g)");
        (exitCode, output) = await ScenarioCluster.CommandAsync(second, "expel", only, "--force");
        Assert.True(exitCode == 0, output);
        await EndsAsync(first);
        Assert.Equal(1000L, await ScenarioCluster.PatientlyAsync(second, "SELECT count(*) FROM rows"));
        Assert.Equal(["default_1_2"], await ScenarioCluster.RowsAsync(second, "SELECT current_master_name FROM _pico_replicaset WHERE name = 'default_1'"));
        string last = await ScenarioCluster.UuidAsync(second, "default_1_2");
        (exitCode, output) = await ScenarioCluster.CommandAsync(second, "expel", last, "--force");
        Assert.Equal(1, exitCode);
        Assert.Contains("it holds all rows of the cluster", output);
    }

    private static async Task EndsAsync(InstanceProcess instance)
    {
        var watch = Stopwatch.StartNew();
        while (!instance.HasExited)
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"{instance.Directory} goes on:\n{instance.LogTail()}");
            await Task.Delay(20);
        }
    }
}
