using System.Diagnostics;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>Stops that are meant, starts of many at once, and a primary that stands still for a while.</summary>
public sealed class FailoverPlannedTests : IDisposable
{
    private readonly TempDirectory directory = new();

    public void Dispose() => directory.Dispose();

    /// <summary>SIGTERM hands over first: writers go on elsewhere, nothing is left unknown but what a connection had in flight when its session ended.</summary>
    [Fact]
    public async Task A_stopped_primary_hands_over()
    {
        await using ClusterProcesses cluster = await StartAsync(2);
        string stopping = await cluster.PrimaryAsync();
        await using AckedWriters writers = await AckedWriters.StartAsync(() => [.. cluster.Running.Where(node => node != cluster[stopping])], 8);
        await writers.FirstAfterAsync(Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(20));
        long begun = Stopwatch.GetTimestamp();
        Assert.Equal(0, await cluster[stopping].StopAsync());
        await writers.FirstAfterAsync(Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(20));
        string report = $"longest gap {writers.LongestGap(begun, Stopwatch.GetTimestamp()).TotalMilliseconds:F0} ms; clients saw {AckedWriters.Describe(writers.Failures)}";
        Assert.NotEqual(stopping, await cluster.PrimaryAsync());
        await writers.StopAsync();
        Assert.Equal("", await writers.CheckAsync(cluster.Running.First()));
        TestContext.Current.TestOutputHelper?.WriteLine(report);
        Assert.Contains(cluster[stopping].LogLines(), line => line.Contains("not primary of replicaset", StringComparison.Ordinal));
        Assert.True(writers.Failures.Values.Sum() <= 3 * 8, report);
    }

    /// <summary>All die at once, two of three come back: the cluster serves with all that was acknowledged, and the third is taken in later.</summary>
    [Fact]
    [Trait("speed", "long")]
    public async Task Two_of_three_start_cold_with_everything()
    {
        await using ClusterProcesses cluster = await StartAsync(3);
        await using AckedWriters writers = await AckedWriters.StartAsync(() => [.. cluster.Running], 8);
        await writers.FirstAfterAsync(Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(20));
        string primary = await cluster.PrimaryAsync();
        foreach (string name in cluster.Names)
        {
            cluster.Kill(name);
        }

        await Task.WhenAll(cluster.Names.Where(name => name != primary).Select(cluster.StartAgainAsync));
        await writers.FirstAfterAsync(Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(30));
        Assert.Equal("", await writers.CheckAsync(cluster.Running.First()));
        await cluster.StartAgainAsync(primary);
        await cluster.UntilWholeAsync(3);
        await writers.StopAsync();
        Assert.Equal("", await writers.CheckAsync(cluster[primary]));
    }

    /// <summary>All are stopped at once, as by a machine that shuts down, and started at once.</summary>
    [Fact]
    [Trait("speed", "long")]
    public async Task All_stop_and_start_at_once()
    {
        await using ClusterProcesses cluster = await StartAsync(2);
        await using AckedWriters writers = await AckedWriters.StartAsync(() => [.. cluster.Running], 8);
        await writers.FirstAfterAsync(Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(20));
        await Task.WhenAll(cluster.Names.Select(name => cluster[name].StopAsync()));
        await Task.WhenAll(cluster.Names.Select(cluster.StartAgainAsync));
        await writers.FirstAfterAsync(Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(30));
        await cluster.UntilWholeAsync(2);
        await writers.StopAsync();
        Assert.Equal("", await writers.CheckAsync(cluster.Running.First()));
    }

    /// <summary>A primary that stood still for ten seconds shows nothing old when it goes on, acknowledges nothing, and becomes a replica.</summary>
    [Fact]
    [Trait("speed", "long")]
    public async Task A_primary_paused_for_ten_seconds_is_replaced_and_shows_nothing_stale()
    {
        await using ClusterProcesses cluster = await StartAsync(2);
        await using AckedWriters writers = await AckedWriters.StartAsync(() => [.. cluster.Running], 8);
        await using RegisterClients clients = await RegisterClients.StartAsync(() => [.. cluster.Running], registers: 2, count: 6);
        for (int round = 0; round < 3; round++)
        {
            await writers.FirstAfterAsync(Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(20));
            string paused = await cluster.PrimaryAsync();
            long moment = Stopwatch.GetTimestamp();
            await cluster[paused].PauseAsync();
            TimeSpan gap = await writers.FirstAfterAsync(moment, TimeSpan.FromSeconds(9));
            await Task.Delay(TimeSpan.FromSeconds(10) - Stopwatch.GetElapsedTime(moment));
            await cluster[paused].ResumeAsync();
            await cluster.UntilWholeAsync(2);
            Assert.NotEqual(paused, await cluster.PrimaryAsync());
            TestContext.Current.TestOutputHelper?.WriteLine($"{paused} paused: next acknowledged write after {gap.TotalMilliseconds:F0} ms");
        }

        await Task.WhenAll(writers.StopAsync(), clients.StopAsync());
        Assert.Equal("", await writers.CheckAsync(cluster.Running.First()));
        Assert.Empty(RegisterHistory.Check(clients.History));
    }

    private async Task<ClusterProcesses> StartAsync(int replicationFactor)
    {
        ClusterProcesses cluster = await ClusterProcesses.StartAsync(directory.Sub("c"), replicationFactor, ClusterProcesses.Apart(3));
        await cluster.UntilWholeAsync(replicationFactor);
        return cluster;
    }
}
