using System.Collections.Concurrent;
using Npgsql;
using Xunit;

namespace Picodata.EndToEnd.Cluster;

/// <summary>
/// P2 and P6 in a cluster: copies of the directories of running instances, taken at different moments under load, start alone for rescue with everything that was
/// acknowledged before they were begun; and given back to the running cluster they end equal to the others.
/// </summary>
public sealed class ScenarioCopyTests : IDisposable
{
    private const string Content = "SELECT count(*), sum(id), sum(length(filler)) FROM rows";

    private readonly ScenarioCluster cluster = new();

    public void Dispose() => cluster.Dispose();

    [Fact]
    [Trait("speed", "long")]
    public async Task Hot_copies_of_every_instance_rescue_the_rows_and_given_back_end_equal()
    {
        InstanceProcess[] instances =
        [
            await cluster.StartAsync("i1", "--init-replication-factor", "3", "--failure-domain", "zone=a"),
            await cluster.StartAsync("i2", "--failure-domain", "zone=b"),
            await cluster.StartAsync("i3", "--failure-domain", "zone=c"),
        ];
        await instances[0].ScalarAsync("CREATE TABLE rows (id INT PRIMARY KEY, filler TEXT)");
        await ScenarioCluster.WaitAsync(instances[0], "SELECT count(*) FROM _pico_instance WHERE sync_incarnation > 0", "3");
        await ScenarioCluster.InSyncAsync(instances[0], 3);
        long[] ackedBefore = new long[3];
        await using (var load = new ScenarioLoad(instances, writers: 4))
        {
            var chance = new Random(7);
            for (int number = 0; number < 3; number++)
            {
                await load.UntilAsync(load.Acknowledged.Count + 150);
                ackedBefore[number] = load.Acknowledged.Count;
                long[] before = [.. load.Acknowledged];
                string copy = cluster.Sub($"copy{number + 1}");
                await HotCopier.CopyAsync(instances[number].Directory, copy, number, chance, TimeSpan.FromSeconds(1));
                await RescueAsync(copy, before);
            }

            // each is given its older copy back while the others go on
            for (int number = 0; number < 3; number++)
            {
                await load.UntilAsync(load.Acknowledged.Count + 50);
                InstanceProcess returning = instances[number];
                returning.Kill();
                Directory.Delete(returning.Directory, recursive: true);
                await HotCopier.CopyAsync(cluster.Sub($"copy{number + 1}.kept"), returning.Directory, 1, chance, TimeSpan.FromSeconds(1));
                await load.UntilAsync(load.Acknowledged.Count + 20);
                int admissions = Admissions(instances);
                await returning.StartAgainAsync();
                long acknowledged = load.Acknowledged.Count;
                object? seen = await ScenarioCluster.PatientlyAsync(returning, "SELECT count(*) FROM rows");
                Assert.True((long)seen! >= acknowledged, $"{returning.Directory} showed {seen} rows when {acknowledged} were acknowledged");
                Assert.Contains("is not where this instance was last", File.ReadAllText(returning.LogFile));
                // its old vote is taken away and it is admitted with a new Raft identity; before that the cluster would not survive the next loss
                while (Admissions(instances) == admissions)
                {
                    await load.UntilAsync(load.Acknowledged.Count + 10);
                }

                await ScenarioCluster.InSyncAsync(returning, 3);
            }

            await load.UntilAsync(load.Acknowledged.Count + 50);
            await load.StopAsync();
            await ScenarioCluster.ContainsAsync(instances[1], load.Acknowledged);
        }

        await ScenarioCluster.InSyncAsync(instances[0], 3);
        string content = Assert.Single(await ScenarioCluster.RowsAsync(instances[0], Content));
        foreach (InstanceProcess instance in instances.Reverse())
        {
            instance.Kill();
        }

        foreach (InstanceProcess instance in instances)
        {
            using InstanceProcess alone = await InstanceProcess.StartAsync(instance.Directory, "--rescue");
            Assert.Equal(content, Assert.Single(await ScenarioCluster.RowsAsync(alone, Content)));
            alone.Kill();
        }
    }

    private static int Admissions(InstanceProcess[] instances) =>
        instances.Sum(instance => File.ReadAllText(instance.LogFile).Split("votes for the catalog now").Length - 1);

    /// <summary>Starts the copy alone beside the running cluster; a copy of the copy is kept as it was.</summary>
    private static async Task RescueAsync(string copy, long[] acknowledgedBefore)
    {
        await HotCopier.CopyAsync(copy, copy + ".kept", 1, new Random(1), TimeSpan.FromSeconds(1));
        (int exitCode, string output) = await InstanceProcess.StartRefusedAsync(copy);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("or start this copy with --rescue", output);
        using InstanceProcess alone = await InstanceProcess.StartAsync(copy, "--rescue");
        await ScenarioCluster.ContainsAsync(alone, acknowledgedBefore);
        Assert.Equal(["1"], await ScenarioCluster.RowsAsync(alone, "SELECT count(*) FROM _pico_instance WHERE NOT CAST(current_state AS TEXT) LIKE '%Expelled%'"));
        await alone.ScalarAsync("INSERT INTO rows VALUES (-1, 'written after the rescue')");
        Assert.Equal(0, await alone.StopAsync());

        // once is enough: the order is ignored, and not needed
        await alone.StartAgainAsync();
        Assert.Equal("written after the rescue", await alone.ScalarAsync("SELECT filler FROM rows WHERE id = -1"));
        alone.Kill();
    }
}

/// <summary>Writers that keep what was acknowledged to them; they go on at another instance when one does not answer.</summary>
internal sealed class ScenarioLoad : IAsyncDisposable
{
    private readonly IReadOnlyList<InstanceProcess> instances;
    private readonly CancellationTokenSource stopping = new();
    private readonly Task[] writers;
    private long last;
    private volatile string newestProblem = "";

    public ScenarioLoad(IReadOnlyList<InstanceProcess> instances, int writers)
    {
        this.instances = instances;
        this.writers = [.. Enumerable.Range(0, writers).Select(number => Task.Run(() => WriteAsync(number)))];
    }

    /// <summary>Ids of rows whose commit was acknowledged.</summary>
    public ConcurrentBag<long> Acknowledged { get; } = [];

    /// <summary>Waits until so many were acknowledged.</summary>
    public async Task UntilAsync(long count)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        while (Acknowledged.Count < count)
        {
            if (watch.Elapsed > TimeSpan.FromSeconds(30))
            {
                Assert.Fail($"{Acknowledged.Count} of {count} rows were acknowledged in 30 s; {newestProblem}\n{string.Join('\n', instances.Select(instance => $"log of {instance.Directory}:\n{instance.LogTail()}"))}");
            }

            await Task.Delay(10);
        }
    }

    public async Task StopAsync()
    {
        await stopping.CancelAsync();
        await Task.WhenAll(writers);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        stopping.Dispose();
    }

    private async Task WriteAsync(int number)
    {
        for (int turn = number; !stopping.IsCancellationRequested; turn++)
        {
            try
            {
                await using NpgsqlConnection connection = await instances[turn % instances.Count].OpenAsync();
                while (!stopping.IsCancellationRequested)
                {
                    // an id is never used again: of one whose end is unknown nothing is claimed
                    long id = Interlocked.Increment(ref last);
                    await using var insert = new NpgsqlCommand($"INSERT INTO rows VALUES ({id}, '{new string('x', 100)}')", connection);
                    await insert.ExecuteNonQueryAsync();
                    Acknowledged.Add(id);
                }
            }
            catch (Exception problem) when (problem is NpgsqlException or IOException or InvalidOperationException or System.Net.Sockets.SocketException)
            {
                newestProblem = problem.Message;
                await Task.Delay(20);
            }
        }
    }
}
