using Picodata.Cluster;
using Picodata.Core;
using Xunit;

namespace Picodata.ClusterUnit.Raft;

/// <summary>Voters in one process, over streams of the peers' network.</summary>
public sealed class RaftVoterTests
{
    internal static CatalogProposal Put(string key, long expected = 0, byte value = 1) =>
        new(Guid.NewGuid(), [new CatalogExpectation("t", key, expected)], [new CatalogChange("t", key, new[] { value })]);

    [Fact]
    public async Task A_founder_leads_alone_and_comes_back_with_all_that_it_acknowledged()
    {
        await using var group = new VoterGroup();
        VoterNode founder = await group.FoundAsync(1);
        for (int i = 0; i < 20; i++)
            Assert.True((await group.ProposeAsync(Put($"k{i}"))).IsApplied);
        Assert.False((await group.ProposeAsync(Put("k3"))).IsApplied);
        await group.CrashAllAsync();
        VoterNode again = await group.LeaderAsync();
        await VoterGroup.Until(() => again.Image.Index >= founder.Image.Index, "behind");
        Assert.Equal(founder.Image.Hash, again.Image.Hash);
        Assert.Equal(20, again.Image.Table("t").Count());
    }

    [Fact]
    public async Task Three_voters_agree_survive_the_leaders_death_and_the_dead_one_follows_later()
    {
        await using var group = new VoterGroup { Snapshots = new SnapshotRule(Commands: 25) };
        await group.FoundAsync(3);
        for (int i = 0; i < 40; i++)
            await group.ProposeAsync(Put($"k{i}"));
        VoterNode dead = await group.LeaderAsync();
        await group.StopAsync(dead);
        for (int i = 0; i < 60; i++)
            await group.ProposeAsync(Put($"l{i}"));
        VoterNode back = await group.StartAsync(dead.Voter.Self, dead.Directory, found: false);
        VoterNode leader = await group.LeaderAsync();
        await VoterGroup.Until(() => back.Image.Index == leader.Image.Index, "the dead one stays behind");
        await VoterGroup.Until(() => group.Nodes.Values.Select(node => (node.Image.Index, node.Image.Hash)).Distinct().Count() == 1, "voters differ");
        Assert.Equal(100, back.Image.Table("t").Count());
    }

    [Fact]
    public async Task Voters_are_added_and_removed_the_leader_too()
    {
        await using var group = new VoterGroup();
        await group.FoundAsync(3);
        await group.ProposeAsync(Put("before"));
        VoterNode leader = await group.LeaderAsync();
        Assert.True(await VoterGroup.Within(leader.Voter.RemoveAsync(leader.Voter.Self, default)));
        await group.StopAsync(leader);
        VoterNode next = await group.LeaderAsync();
        // a set of voters is shown when its entry is applied, a moment behind the commit
        await VoterGroup.Until(() => next.Voter.Members.Length == 2, "the removal is lost");
        Assert.True((await group.ProposeAsync(Put("after"))).IsApplied);
        VoterNode fresh = await group.StartAsync(new RaftEndPoint(Guid.NewGuid(), leader.Voter.Self.Address), group.NewDirectory(), found: false);
        Assert.True(await VoterGroup.Within((await group.LeaderAsync()).Voter.AddAsync(fresh.Voter.Self, default)));
        await VoterGroup.Until(() => fresh.Image.Table("t").Count() == 2, "the new voter stays behind");
    }

    [Fact]
    public async Task A_log_that_failed_says_so_and_goes_on_when_it_is_opened_again()
    {
        await using var group = new VoterGroup();
        await group.FoundAsync(3);
        await group.ProposeAsync(Put("before"));
        VoterNode failing = group.Nodes.Values.First(node => !node.Voter.IsLeader);
        failing.Fault = new IOException("no space left on device");
        await group.ProposeAsync(Put("during"));
        Exception cause = await VoterGroup.Within(failing.Voter.Failure);
        Assert.Contains("no space left", cause.ToString(), StringComparison.Ordinal);
        await group.StopAsync(failing);
        await group.ProposeAsync(Put("without"));
        VoterNode again = await group.StartAsync(failing.Voter.Self, failing.Directory, found: false);
        await group.ProposeAsync(Put("after"));
        await VoterGroup.Until(() => again.Image.Table("t").Count() == 4, "it stays behind");
        await VoterGroup.Until(() => group.Nodes.Values.Select(node => (node.Image.Index, node.Image.Hash)).Distinct().Count() == 1, "voters differ");
    }

    [Fact]
    public async Task A_stream_that_means_another_identity_is_refused()
    {
        await using var group = new VoterGroup();
        VoterNode founder = await group.FoundAsync(1);
        var opening = new Storage.Files.MsgPackWriter();
        opening.WriteBinary(Guid.NewGuid().ToByteArray());
        PeerException refused = await Assert.ThrowsAsync<PeerException>(async () =>
            await group.Network.From("x:1").OpenAsync(founder.Voter.Self.Address, "raft", opening.WrittenMemory, default));
        Assert.Equal(PeerFailure.Refused, refused.Failure);
    }

    [Fact]
    public async Task A_leader_proves_itself_by_a_round_and_one_without_majority_cannot()
    {
        await using var group = new VoterGroup();
        await group.FoundAsync(2);
        VoterNode leader = await group.LeaderAsync();
        Assert.True(await leader.Voter.BarrierAsync(default));
        group.Network.Cut("a:1", "b:1");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        Assert.False(await leader.Voter.BarrierAsync(limit.Token));
        await VoterGroup.Until(() => !leader.Voter.IsLeader, "still leading");
    }
}
