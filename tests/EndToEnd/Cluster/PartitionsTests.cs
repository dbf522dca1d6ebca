using System.Diagnostics;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>
/// Issue 3 point 4: links between instances are cut while clients read and write through all of them. Nothing acknowledged is lost, nothing stale is read, and whoever can
/// reach a majority that holds the rows is served; after the cuts are mended everything is whole again.
/// </summary>
public sealed class PartitionsTests : IDisposable
{
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(30);

    private readonly TempDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task A_primary_that_is_cut_off_is_replaced_and_comes_back()
    {
        await using World world = await World.StartAsync(directory.Sub("c"), 3, [.. ClusterProcesses.Apart(3)]);
        string primary = await world.Cluster.PrimaryAsync();
        await world.Network.PartitionAsync([[primary], [.. world.Cluster.Names.Where(name => name != primary)]]);
        await world.ServedThroughAsync(world.Cluster.Names.First(name => name != primary));
        await world.HealAsync();
        Assert.NotEqual(primary, await world.Cluster.PrimaryAsync());
        await world.JudgeAsync();
    }

    [Fact]
    [Trait("speed", "long")]
    public async Task One_way_cuts_lose_nothing()
    {
        await using World world = await World.StartAsync(directory.Sub("c"), 3, [.. ClusterProcesses.Apart(3)]);
        foreach (string from in world.Cluster.Names)
        {
            foreach (string to in world.Cluster.Names.Where(name => name != from))
            {
                await world.Network.CutAsync(from, to);
                // a half link may cost the one its part: some side serves
                await world.Writers.FirstAfterAsync(Stopwatch.GetTimestamp(), Outage);
                await world.HealAsync();
            }
        }

        await world.JudgeAsync();
    }

    [Fact]
    [Trait("speed", "long")]
    public async Task Every_partition_of_five_instances_in_three_domains()
    {
        NodePlan[] plans = [new("i1", "region=a"), new("i2", "region=b"), new("i3", "region=c"), new("i4", "region=a"), new("i5", "region=b")];
        await using World world = await World.StartAsync(directory.Sub("c"), 3, plans);
        int served = 0;
        foreach (string[][] groups in Partitions([.. plans.Select(plan => plan.Name)]).Where(groups => groups.Length > 1))
        {
            IReadOnlySet<string> voters = await world.VotersAsync();
            IReadOnlySet<string> inSync = (await world.Cluster.ReignAsync())!.InSync;
            string[]? able = groups.FirstOrDefault(group => group.Count(voters.Contains) * 2 > voters.Count && group.Any(inSync.Contains));
            await world.Network.PartitionAsync(groups);
            string shown = string.Join(" | ", groups.Select(group => string.Join(' ', group)));
            if (able is not null)
            {
                served++;
                await world.ServedThroughAsync(able[0], shown);
            }
            else
            {
                await Task.Delay(1500);
            }

            await world.HealAsync();
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{served} partitions had a side that could serve, and it did");
        Assert.True(served > 20);
        await world.JudgeAsync();
    }

    /// <summary>All ways to divide names into groups.</summary>
    private static IEnumerable<string[][]> Partitions(string[] names)
    {
        if (names.Length == 0)
        {
            yield return [];
            yield break;
        }

        foreach (string[][] rest in Partitions(names[1..]))
        {
            yield return [[names[0]], .. rest];
            for (int index = 0; index < rest.Length; index++)
            {
                yield return [.. rest[..index], [names[0], .. rest[index]], .. rest[(index + 1)..]];
            }
        }
    }

    /// <summary>A cluster in namespaces, with clients of both kinds.</summary>
    private sealed class World(NamespaceNetwork network, ClusterProcesses cluster, AckedWriters writers, RegisterClients clients, int replicationFactor) : IAsyncDisposable
    {
        public NamespaceNetwork Network => network;

        public ClusterProcesses Cluster => cluster;

        public AckedWriters Writers => writers;

        public static async Task<World> StartAsync(string directory, int replicationFactor, NodePlan[] plans)
        {
            NamespaceNetwork network = await NamespaceNetwork.CreateAsync(plans.Select(plan => plan.Name));
            ClusterProcesses? cluster = null;
            try
            {
                cluster = await ClusterProcesses.StartAsync(directory, replicationFactor, plans.Select(plan => plan with { Place = network.Places[plan.Name] }));
                await cluster.UntilWholeAsync(replicationFactor);
                InstanceProcess[] all = [.. cluster.Running];
                await all[0].ScalarAsync("CREATE TABLE probe (id INT PRIMARY KEY, n BIGINT NOT NULL)");
                await all[0].ScalarAsync("INSERT INTO probe VALUES (1, 0)");
                AckedWriters writers = await AckedWriters.StartAsync(() => all, 6);
                RegisterClients clients = await RegisterClients.StartAsync(() => all, registers: 3, count: 6);
                await writers.FirstAfterAsync(Stopwatch.GetTimestamp(), Outage);
                return new World(network, cluster, writers, clients, replicationFactor);
            }
            catch
            {
                await (cluster?.DisposeAsync() ?? default);
                await network.DisposeAsync();
                throw;
            }
        }

        /// <summary>Names of the catalog's voters, by what the instances keep in their directories: a voter has a log of Raft.</summary>
        public async Task<IReadOnlySet<string>> VotersAsync()
        {
            HashSet<string> voters = [];
            await cluster.UntilAsync("the catalog has three voters", () =>
            {
                voters = [.. cluster.Names.Where(name => Directory.Exists(Path.Combine(cluster[name].Directory, "raft", "wal")) && Directory.EnumerateFiles(Path.Combine(cluster[name].Directory, "raft", "wal"), "*", SearchOption.AllDirectories).Any())];
                return Task.FromResult(voters.Count == 3);
            });
            return voters;
        }

        /// <summary>Waits until an instance answers a write that was begun after this call.</summary>
        public Task ServedThroughAsync(string name, string shown = "") => cluster.UntilAsync($"{name} serves {shown}", async () =>
        {
            try
            {
                await using Npgsql.NpgsqlConnection connection = new(cluster[name].ConnectionString + ";Timeout=2;Command Timeout=2");
                await connection.OpenAsync();
                await using var probe = new Npgsql.NpgsqlCommand("UPDATE probe SET n = n + 1 WHERE id = 1", connection);
                return await probe.ExecuteNonQueryAsync() == 1;
            }
            catch (Exception silent) when (silent is Npgsql.NpgsqlException or TimeoutException)
            {
                return false;
            }
        }, Outage);

        public async Task HealAsync()
        {
            await network.HealAsync();
            await writers.FirstAfterAsync(Stopwatch.GetTimestamp(), Outage);
            await cluster.UntilWholeAsync(replicationFactor);
        }

        public async Task JudgeAsync()
        {
            await Task.WhenAll(writers.StopAsync(), clients.StopAsync());
            Assert.Equal("", await writers.CheckAsync(cluster.Running.First()));
            Assert.Empty(RegisterHistory.Check(clients.History));
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{writers.Acks.Count} acknowledged rows, none lost; {clients.History.Count} operations, linearizable; clients saw {AckedWriters.Describe(clients.Failures)}");
        }

        public async ValueTask DisposeAsync()
        {
            await writers.DisposeAsync();
            await clients.DisposeAsync();
            await cluster.DisposeAsync();
            await network.DisposeAsync();
        }
    }
}
