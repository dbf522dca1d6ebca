using System.Collections.Concurrent;
using Picodata.Cluster;
using Xunit;

namespace Picodata.ClusterUnit.Raft;

/// <summary>K1 with the real library: all voters die at once under writers, again and again; what was acknowledged is there, and all agree.</summary>
public sealed class KillAllTests
{
    private const int Writers = 8;

    [Fact]
    public Task All_voters_die_at_once_a_few_times() => KillAllAsync(rounds: 3, RaftGuards.All);

    [Fact]
    [Trait("speed", "long")]
    public Task All_voters_die_at_once_many_times() => KillAllAsync(rounds: 60, RaftGuards.All);

    [Fact]
    [Trait("speed", "long")]
    public Task All_voters_die_and_the_old_leader_comes_back_later() => KillAllAsync(rounds: 30, RaftGuards.All, leaderLater: true);

    private static async Task KillAllAsync(int rounds, RaftGuards guards, bool leaderLater = false)
    {
        await using var group = new VoterGroup { Guards = guards, Snapshots = new SnapshotRule(Commands: 300) };
        await group.FoundAsync(3);
        var acknowledged = new ConcurrentDictionary<string, bool>();
        var histories = new Dictionary<long, ulong>();
        for (int round = 0; round < rounds; round++)
        {
            using var stop = new CancellationTokenSource();
            int before = acknowledged.Count;
            string prefix = $"r{round}";
            Task[] writers = [.. Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(group, $"{prefix}w{writer}", acknowledged, stop.Token)))];
            await VoterGroup.Until(() => acknowledged.Count >= before + 60, "nothing is acknowledged", 60);
            string leader = (await group.LeaderAsync()).Voter.Self.Address;
            foreach (VoterNode node in group.Nodes.Values)
                CheckHistory(node, histories);
            HashSet<string> promised = [.. acknowledged.Keys];
            VoterNode[] dead = [.. group.Nodes.Values];
            Dictionary<string, string> copies = await group.CrashAllAsync(node => !leaderLater || node.Voter.Self.Address != leader);
            await stop.CancelAsync();
            await Task.WhenAll(writers);
            foreach (string key in acknowledged.Keys.Where(key => !promised.Contains(key)))
                acknowledged.TryRemove(key, out _);
            await group.ProposeAsync(RaftVoterTests.Put($"{prefix}after"));
            VoterNode now = await group.LeaderAsync();
            await VoterGroup.Until(() => now.Image.Find("t", $"{prefix}after") is not null, "not applied");
            Assert.DoesNotContain(promised, key => now.Image.Find("t", key) is null);
            if (leaderLater)
            {
                VoterNode old = dead.Single(node => node.Voter.Self.Address == leader);
                await group.StartAsync(old.Voter.Self, copies[leader], found: false);
            }
            await VoterGroup.Until(() => group.Nodes.Values.Select(node => node.Image.Index).Distinct().Count() == 1, "voters stay behind");
            Assert.Single(group.Nodes.Values.Select(node => node.Image.Hash).Distinct());
        }
    }

    /// <summary>What any voter ever applied at an index is what every other applied there: a commit that was lost would show here too.</summary>
    private static void CheckHistory(VoterNode node, Dictionary<long, ulong> histories)
    {
        foreach ((long index, ulong hash) in node.History)
            Assert.True(histories.TryAdd(index, hash) || histories[index] == hash, $"two histories of index {index}");
    }

    private static async Task WriteAsync(VoterGroup group, string name, ConcurrentDictionary<string, bool> acknowledged, CancellationToken stop)
    {
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            RaftVoter? leader = group.Nodes.Values.ToArray().FirstOrDefault(node => node.Voter.IsLeader)?.Voter;
            if (leader is null)
            {
                await Task.Delay(2, CancellationToken.None);
                continue;
            }
            try
            {
                if (await leader.ProposeAsync(RaftVoterTests.Put($"{name}.{i}"), stop) is { IsApplied: true })
                    acknowledged[$"{name}.{i}"] = true;
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
