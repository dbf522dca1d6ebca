using Xunit;

namespace Picodata.EndToEnd.Cluster;

/// <summary>Who goes where: sections 3.5 and 10.1 (4, 5, 6, 9, 10, 11, 12, 15, 16, 21, 24) of the reference through real processes.</summary>
public sealed class ScenarioPlacementTests : IDisposable
{
    private readonly ScenarioCluster cluster = new();

    public void Dispose() => cluster.Dispose();

    [Fact]
    public async Task The_command_of_the_seed_begins_a_cluster_whose_pairs_stand_in_different_domains()
    {
        InstanceProcess first = await cluster.StartAsync("i1", "--init-replication-factor", "2", "--failure-domain", "region=us,zone=us-west-1");
        Assert.Equal(["default_1_1|default_1"], await ScenarioCluster.PlacesAsync(first));
        // the replication factor is the first one's; the others need not say it
        await cluster.StartAsync("i2", "--failure-domain", "region=eu,zone=eu-west-1");
        await cluster.StartAsync("i3", "--failure-domain", "region=us,zone=us-west-2");
        InstanceProcess fourth = await cluster.StartAsync("i4", "--failure-domain", "region=eu,zone=eu-west-2");
        Assert.Equal(["default_1_1|default_1", "default_1_2|default_1", "default_2_1|default_2", "default_2_2|default_2"], await ScenarioCluster.PlacesAsync(fourth));
        await ScenarioCluster.OnlineAsync(fourth, 4);
        await ScenarioCluster.WaitAsync(first, "SELECT name, state FROM _pico_replicaset ORDER BY name", "default_1|ready", "default_2|ready");
    }

    [Fact]
    public async Task With_one_region_for_all_the_tier_says_which_label_must_differ()
    {
        string config = cluster.Sub("picodata.yaml");
        File.WriteAllText(config, "cluster:\n  name: demo\n  tier:\n    default:\n      replication_factor: 2\n      survive: zone\n");
        InstanceProcess first = await cluster.StartAsync("i1", "--config", config, "--failure-domain", "region=us,zone=us-west-1");
        await cluster.StartAsync("i2", "--config", config, "--failure-domain", "region=us,zone=us-west-1");
        await cluster.StartAsync("i3", "--config", config, "--failure-domain", "region=us,zone=us-west-2");
        InstanceProcess fourth = await cluster.StartAsync("i4", "--config", config, "--failure-domain", "region=us,zone=us-west-2");
        // the second stands where the first does: it begins a replicaset, and the two of the other zone complete both
        Assert.Equal(["default_1_1|default_1", "default_1_2|default_1", "default_2_1|default_2", "default_2_2|default_2"], await ScenarioCluster.PlacesAsync(fourth));
        string[] domains = await ScenarioCluster.RowsAsync(first, "SELECT name, CAST(failure_domain AS TEXT) FROM _pico_instance ORDER BY name");
        Assert.Equal(["us-west-1", "us-west-2", "us-west-1", "us-west-2"], domains.Select(row => row.Contains("us-west-1", StringComparison.OrdinalIgnoreCase) ? "us-west-1" : "us-west-2"));
    }

    [Fact]
    public async Task The_worked_example_of_failure_domains_and_what_cannot_join()
    {
        InstanceProcess earth = await cluster.StartAsync("i1", "--init-replication-factor", "2", "--failure-domain", "planet=Earth");
        Assert.Contains("missing failure domain names: PLANET", await cluster.RefusedAsync("x1", "--failure-domain", "os=Arch"));
        InstanceProcess mars = await cluster.StartAsync("i2", "--failure-domain", "planet=Mars,os=Arch");
        Assert.Contains("missing failure domain names: OS", await cluster.RefusedAsync("x2", "--failure-domain", "planet=Venus"));
        await cluster.StartAsync("i3", "--failure-domain", "planet=Venus,os=BSD");
        Assert.Contains("missing failure domain names: OS, PLANET", await cluster.RefusedAsync("x3"));
        Assert.Contains("`default_1_1` is already joined", await cluster.RefusedAsync("x4", "--instance-name", "default_1_1", "--failure-domain", "planet=Pluto,os=Plan9"));
        string config = cluster.Sub("picodata.yaml");
        File.WriteAllText(config, "cluster:\n  name: demo\n  tier:\n    spare: {}\n");
        Assert.Contains("tier \"spare\" doesn't exist", await cluster.RefusedAsync("x5", "--config", config, "--tier", "spare", "--failure-domain", "planet=Pluto,os=Plan9"));
        Assert.Contains(
            "cluster_name mismatch: cluster_name of the instance = \"other\", cluster_name of the cluster = \"demo\"",
            await cluster.RefusedAsync("x6", "--cluster-name", "other", "--failure-domain", "planet=Pluto,os=Plan9"));
        // nothing is left of those that were refused
        Assert.Equal(["default_1_1|default_1", "default_1_2|default_1", "default_2_1|default_2"], await ScenarioCluster.PlacesAsync(earth));
        Assert.Equal(["6"], await ScenarioCluster.RowsAsync(earth, "SELECT count(*) FROM _pico_peer_address"));

        // labels may change at a restart; those that others have are required, and a collision does not move an instance
        await mars.StopAsync();
        mars.Reconfigure("--failure-domain", "planet=Mars");
        Assert.Contains("missing failure domain names: OS", (await mars.RefusesAsync()).Output);
        mars.Reconfigure("--failure-domain", "planet=Earth,os=BSD,rack=7");
        await mars.StartAgainAsync();
        await ScenarioCluster.WaitAsync(earth, "SELECT replicaset_name, CAST(failure_domain AS TEXT) LIKE '%Earth%' OR CAST(failure_domain AS TEXT) LIKE '%EARTH%' FROM _pico_instance WHERE name = 'default_1_2'", "default_1|true");
        Assert.Contains("missing failure domain names: RACK", await cluster.RefusedAsync("x7", "--failure-domain", "planet=Pluto,os=Plan9"));
    }
}
