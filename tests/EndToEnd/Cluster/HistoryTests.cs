using System.Diagnostics;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>Issue 3 point 6: what clients of real processes see under faults is linearizable.</summary>
public sealed class HistoryTests : IDisposable
{
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(30);

    private readonly TempDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("w1 0-10, r1 20-30", true)]
    [InlineData("w1 0-10, w2 20-30, r2 40-50", true)]
    [InlineData("w1 0-10, w2 20-30, r1 40-50", false)]
    [InlineData("w1 0-10, w2 20-30, r0 40-50", false)]
    [InlineData("w1 0-100, r0 10-20, r1 30-40, r1 50-60", true)]
    [InlineData("w1 0-100, r1 10-20, r0 30-40", false)]
    [InlineData("r1 0-10, w1 20-30", false)]
    [InlineData("r7 0-10", false)]
    [InlineData("w1 0-10, w2 20-?, r1 30-40, r2 50-60, r2 70-80", true)]
    [InlineData("w1 0-10, w2 20-?, r2 30-40, r1 50-60", false)]
    [InlineData("w1 0-10, w2 20-?, r1 30-40", true)]
    [InlineData("w1 0-100, w2 0-100, r1 10-20, r2 30-40, r1 50-60", false)]
    [InlineData("w1 0-10, w2 5-15, r1 20-30", true)]
    [InlineData("w1 0-10, w2 5-15, r1 20-30, r2 25-35", false)]
    public void The_checker_knows_stale_and_impossible_reads(string told, bool isPossible)
    {
        var history = told.Split(", ").Select(part =>
        {
            string[] words = part[1..].Split(' ', '-');
            return new RegisterOperation(1, part[0] == 'w', long.Parse(words[0]), long.Parse(words[1]), words[2] == "?" ? long.MaxValue : long.Parse(words[2]));
        });
        Assert.Equal(isPossible, RegisterHistory.Check(history).Count == 0);
    }

    [Fact]
    public Task Reads_and_writes_are_linearizable_under_faults() => RunAsync(seed: 1, TimeSpan.FromSeconds(8));

    [Theory]
    [MemberData(nameof(Seeds))]
    [Trait("speed", "long")]
    public Task Reads_and_writes_are_linearizable_under_faults_for_a_minute(int seed) => RunAsync(seed, TimeSpan.FromSeconds(60));

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(100, 20)];

    private async Task RunAsync(int seed, TimeSpan length)
    {
        int replicationFactor = 2 + (seed % 2);
        await using ClusterProcesses cluster = await ClusterProcesses.StartAsync(directory.Sub("c"), replicationFactor, ClusterProcesses.Apart(3));
        await cluster.UntilWholeAsync(replicationFactor);
        await using RegisterClients clients = await RegisterClients.StartAsync(() => [.. cluster.Running], registers: 4, count: 8);
        var chance = new Random(seed);
        var watch = Stopwatch.StartNew();
        var faults = new List<string>();
        while (watch.Elapsed < length)
        {
            await clients.UntilServedAsync(Stopwatch.GetTimestamp(), Outage);
            faults.Add(await BreakAsync(cluster, chance, faults.Count));
            await clients.UntilServedAsync(Stopwatch.GetTimestamp(), Outage);
            await cluster.UntilWholeAsync(replicationFactor);
        }

        await clients.StopAsync();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}: {clients.History.Count} operations, faults: {string.Join(", ", faults)}; clients saw {AckedWriters.Describe(clients.Failures)}");
        Assert.Empty(RegisterHistory.Check(clients.History));
    }

    /// <summary>One fault and its healing; the first two of a run are the most telling ones.</summary>
    private static async Task<string> BreakAsync(ClusterProcesses cluster, Random chance, int number)
    {
        string primary = await cluster.PrimaryAsync();
        string victim = chance.Next(4) == 0 ? cluster.Names.ElementAt(chance.Next(cluster.Names.Count)) : primary;
        switch (number switch { 0 => 0, 1 => 1, _ => chance.Next(4) })
        {
            case 0:
                TimeSpan pause = TimeSpan.FromMilliseconds(chance.Next(500, 3000));
                await cluster[primary].PauseAsync();
                await Task.Delay(pause);
                await cluster[primary].ResumeAsync();
                return $"{primary} paused for {pause.TotalMilliseconds:F0} ms";
            case 1:
                cluster.Kill(victim);
                await cluster.StartAgainAsync(victim);
                return $"{victim} killed";
            case 2:
                await cluster[victim].StopAsync();
                await cluster.StartAgainAsync(victim);
                return $"{victim} stopped";
            default:
                string other = cluster.Names.First(name => name != primary);
                cluster.Kill(primary);
                cluster.Kill(other);
                await Task.WhenAll(cluster.StartAgainAsync(primary), cluster.StartAgainAsync(other));
                return $"{primary} and {other} killed";
        }
    }
}
