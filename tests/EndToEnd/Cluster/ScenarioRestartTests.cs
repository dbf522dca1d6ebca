using Xunit;

namespace Picodata.EndToEnd.Cluster;

/// <summary>Coming back: sections 10.1 (1-3), 10.2 and 10.3 of the reference, and beginning anew when a majority is lost, through real processes.</summary>
public sealed class ScenarioRestartTests : IDisposable
{
    private const string Master = "SELECT current_master_name FROM _pico_replicaset WHERE name = 'default_1'";
    private const string Count = "SELECT count(*) FROM rows";

    private readonly ScenarioCluster cluster = new();

    public void Dispose() => cluster.Dispose();

    [Fact]
    [Trait("speed", "long")]
    public async Task Masters_stop_and_return_joiners_find_their_way_and_a_cold_cluster_starts_with_two_of_three()
    {
        InstanceProcess first = await cluster.StartAsync("i1", "--init-replication-factor", "3");
        InstanceProcess second = await cluster.StartAsync("i2");
        InstanceProcess third = await cluster.StartAsync("i3", "--peer", second.IprotoAddress);
        await ScenarioCluster.InSyncAsync(first, 3);
        Assert.Equal(
            ["iproto|3", "pgproto|3"],
            await ScenarioCluster.RowsAsync(third, "SELECT connection_type, count(*) FROM _pico_peer_address GROUP BY connection_type ORDER BY connection_type"));
        await third.ScalarAsync("CREATE TABLE rows (id INT PRIMARY KEY)");
        await third.ScalarAsync("INSERT INTO rows SELECT g FROM generate_series(1, 500) AS x(g)");
        foreach (InstanceProcess instance in new[] { first, second, third })
        {
            Assert.Equal(500L, await instance.ScalarAsync(Count));
        }

        // a stopped master hands over; it returns as a replica, and who leads stays
        Assert.Equal(0, await first.StopAsync());
        await ScenarioCluster.PatientlyAsync(second, "INSERT INTO rows VALUES (501)");
        string heir = Assert.Single(await ScenarioCluster.RowsAsync(second, Master));
        Assert.NotEqual("default_1_1", heir);
        await first.StartAgainAsync();
        await ScenarioCluster.InSyncAsync(first, 3);
        Assert.Equal([heir], await ScenarioCluster.RowsAsync(first, Master));
        Assert.Equal(501L, await first.ScalarAsync(Count));

        // a silent restart is noticed by the incarnation
        const string Incarnation = "SELECT sync_incarnation FROM _pico_instance WHERE name = 'default_1_1'";
        long before = long.Parse(Assert.Single(await ScenarioCluster.RowsAsync(second, Incarnation)), System.Globalization.CultureInfo.InvariantCulture);
        first.Kill();
        await first.StartAgainAsync();
        await ScenarioCluster.WaitAsync(second, Incarnation, (before + 1).ToString(System.Globalization.CultureInfo.InvariantCulture));
        await ScenarioCluster.InSyncAsync(first, 3);

        // the first peer is dead: the next one on the list will do
        first.Kill();
        await cluster.StartAsync("i4", "--peer", $"{first.IprotoAddress},{third.IprotoAddress}");
        Assert.Contains("default_2_1|default_2", await ScenarioCluster.PlacesAsync(second));
        await ScenarioCluster.PatientlyAsync(third, "INSERT INTO rows VALUES (502)");

        // everybody dies; two of the three that hold the rows are enough, the third comes later
        second.Kill();
        third.Kill();
        await Task.WhenAll(second.StartAgainAsync(), third.StartAgainAsync());
        Assert.Equal(502L, await ScenarioCluster.PatientlyAsync(third, Count));
        await ScenarioCluster.PatientlyAsync(second, "INSERT INTO rows VALUES (503)");
        await first.StartAgainAsync();
        Assert.Equal(503L, await ScenarioCluster.PatientlyAsync(first, Count));
        await ScenarioCluster.WaitAsync(first, "SELECT count(*) FROM _pico_instance WHERE name LIKE 'default_1_%' AND CAST(current_state AS TEXT) LIKE '%Online%'", "3");
    }

    [Fact]
    public async Task A_survivor_begins_anew_by_order_only_and_the_lost_are_refused_when_they_come_back()
    {
        InstanceProcess first = await cluster.StartAsync("i1", "--init-replication-factor", "3");
        InstanceProcess second = await cluster.StartAsync("i2");
        InstanceProcess third = await cluster.StartAsync("i3");
        await ScenarioCluster.InSyncAsync(first, 3);
        await first.ScalarAsync("CREATE TABLE rows (id INT PRIMARY KEY)");
        await second.ScalarAsync("INSERT INTO rows SELECT g FROM generate_series(1, 500) AS x(g)");

        // as long as the cluster lives nobody leaves it by mistake
        third.Kill();
        third.Reconfigure("--rescue");
        Assert.Contains("the cluster lives", (await third.RefusesAsync()).Output);
        first.Kill();
        second.Kill();
        await third.StartAgainAsync();
        Assert.Equal(500L, await third.ScalarAsync(Count));
        await third.ScalarAsync("INSERT INTO rows VALUES (501)");
        Assert.Equal(["default_1_3|default_1"], await ScenarioCluster.PlacesAsync(third));

        // the lost ones come back: they are told, and do not begin the old cluster again
        Assert.Contains("was given up by its operator", (await first.RefusesAsync()).Output);
        second.Reconfigure("--peer", third.IprotoAddress);
        Assert.Contains("was given up by its operator", (await second.RefusesAsync()).Output);
        Directory.Delete(second.Directory, recursive: true);
        await second.StartAgainAsync();
        Assert.Equal(501L, await ScenarioCluster.PatientlyAsync(second, Count));
        await ScenarioCluster.InSyncAsync(third, 2);

        // the order that was left behind does nothing any more
        third.Kill();
        await third.StartAgainAsync();
        await ScenarioCluster.InSyncAsync(third, 2);
        Assert.Contains("--rescue is ignored", File.ReadAllText(third.LogFile));
        Assert.Equal(501L, await ScenarioCluster.PatientlyAsync(third, Count));
    }
}
