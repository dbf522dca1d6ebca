using System.Diagnostics;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>
/// Issue 3 point 3: instances are killed under writers, again and again. Somebody else takes over by himself, in time; nothing that was acknowledged is lost;
/// the killed one comes back and is in sync again.
/// </summary>
public sealed class FailoverTests : IDisposable
{
    private const int Writers = 8;

    /// <summary>Errors that a client may see while somebody takes over: each says that trying again is right, or that the outcome is unknown.</summary>
    private static readonly string[] Retryable = ["connection", "timeout", "57P01", "57P03", "40003", "40001", "08006", "08001", "08007", "25006"];

    private readonly TempDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public Task Nothing_acknowledged_is_lost_when_the_primary_or_the_leader_is_killed() => KillAsync(instances: 3, replicationFactor: 3, rounds: 2);

    [Fact]
    public Task Two_copies_and_an_instance_without_rows_survive_a_kill() => KillAsync(instances: 3, replicationFactor: 2, rounds: 2);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [Trait("speed", "long")]
    public Task Nothing_acknowledged_is_lost_by_200_kills(int replicationFactor) => KillAsync(instances: 3, replicationFactor, rounds: 200);

    private async Task KillAsync(int instances, int replicationFactor, int rounds)
    {
        await using ClusterProcesses cluster = await ClusterProcesses.StartAsync(directory.Sub("c"), replicationFactor, ClusterProcesses.Apart(instances));
        await cluster.UntilWholeAsync(replicationFactor);
        await using AckedWriters writers = await AckedWriters.StartAsync(() => [.. cluster.Running], Writers);
        var chance = new Random(rounds);
        var times = new Dictionary<KilledRole, List<TimeSpan>>();
        for (int round = 0; round < rounds; round++)
        {
            await writers.FirstAfterAsync(Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(20));
            (string victim, KilledRole role) = await KillRounds.ChooseAsync(cluster, round, chance);
            long moment = Stopwatch.GetTimestamp();
            cluster.Kill(victim);
            TimeSpan gap;
            try
            {
                gap = await writers.FirstAfterAsync(moment, TimeSpan.FromSeconds(30));
            }
            catch (InvalidOperationException silent)
            {
                throw new InvalidOperationException($"round {round}: {victim} ({role}) was killed, then: {silent.Message}\n{cluster.Logs()}", silent);
            }

            (times.TryGetValue(role, out List<TimeSpan>? list) ? list : times[role] = []).Add(gap);
            await cluster.StartAgainAsync(victim);
            await cluster.UntilWholeAsync(replicationFactor);
            if (round % 20 == 19 || rounds < 20)
            {
                Assert.Equal("", await writers.CheckAsync(cluster[victim]));
            }
        }

        await writers.StopAsync();
        Assert.Equal("", await writers.CheckAsync(cluster[cluster.Names.First()]));
        string report = $"replication factor {replicationFactor}, {rounds} kills, {writers.Acks.Count} acknowledged rows, none lost; {KillRounds.Describe(times)}; clients saw {AckedWriters.Describe(writers.Failures)}";
        TestContext.Current.TestOutputHelper?.WriteLine(report);
        TestContext.Current.SendDiagnosticMessage(report);
        Assert.DoesNotContain(writers.Failures.Keys, kind => !Retryable.Any(state => kind.StartsWith(state, StringComparison.Ordinal)));
        Assert.True(times.Values.SelectMany(list => list).Order().ElementAt(rounds / 2) < TimeSpan.FromSeconds(5), report);
    }
}
