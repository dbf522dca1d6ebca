using Picodata.Cluster;
using Picodata.Core;
using Xunit;

namespace Picodata.ClusterUnit.Raft;

/// <summary>The catalog by its seam (K1-K3) and its own promises (L1-L5), with the real library beneath.</summary>
public sealed class ReplicatedCatalogTests
{
    private static CatalogProposal Put(string key, long expected = 0) => RaftVoterTests.Put(key, expected);

    [Fact]
    public async Task Learners_propose_read_and_have_what_they_wrote()
    {
        await using var cluster = new CatalogCluster();
        await cluster.FoundAsync(voters: 1, instances: 2);
        ProposalResult done = await cluster["b"].ProposeAsync(Put("x"), default);
        Assert.True(done.IsApplied);
        Assert.True(cluster["b"].Image.Index >= done.Index);
        Assert.False((await cluster["b"].ProposeAsync(Put("x"), default)).IsApplied);
        Assert.False(cluster["b"].IsVoter);
        Assert.Equal("a", cluster["b"].LeaderAddress);
        Assert.Equal(["a"], cluster["b"].Voters);
        CatalogImage current = await cluster["b"].ReadBarrierAsync(default);
        Assert.NotNull(current.Find("t", "x"));
        await cluster.SettleAsync();
    }

    [Fact]
    public async Task Proposals_from_all_sides_survive_the_leaders_death_and_learners_go_on_with_another_voter()
    {
        await using var cluster = new CatalogCluster { Snapshots = new SnapshotRule(Commands: 40) };
        await cluster.FoundAsync(voters: 3, instances: 5);
        Assert.Equal(["a", "b", "c"], (await cluster.LeaderAsync()).Voters);
        string dead = cluster.Running.Single(pair => pair.Value.IsLeader).Key;
        var acknowledged = new System.Collections.Concurrent.ConcurrentBag<string>();
        string[] writers = [.. cluster.Running.Keys.Where(name => name != dead)];
        var fifty = new TaskCompletionSource();
        Task all = Task.WhenAll(writers.Select(name => Task.Run(async () =>
        {
            for (int i = 0; i < 40; i++)
            {
                Assert.True((await cluster[name].ProposeAsync(Put($"{name}{i}"), default)).IsApplied);
                acknowledged.Add($"{name}{i}");
                if (acknowledged.Count >= 50)
                    fifty.TrySetResult();
            }
        })));
        await Task.WhenAny(fifty.Task, all);
        await cluster.StopAsync(dead);
        await VoterGroup.Within(all, 60);
        await cluster.SettleAsync();
        Assert.Equal(160, acknowledged.Count);
        Assert.All(acknowledged, key => Assert.NotNull(cluster[writers[0]].Image.Find("t", key)));
        await cluster.StartAsync(dead, CatalogStart.Resume, "a", "b");
        await cluster.SettleAsync();
        Assert.True(cluster[dead].IsVoter);
    }

    [Fact]
    public async Task A_learner_far_behind_gets_an_image_and_images_never_go_back()
    {
        await using var cluster = new CatalogCluster();
        await cluster.FoundAsync(voters: 1, instances: 2);
        await cluster.StopAsync("b");
        for (int i = 0; i < 30; i++)
            await cluster["a"].ProposeAsync(new CatalogProposal(Guid.NewGuid(), [], [new CatalogChange("t", $"big{i}", new byte[200_000])]), default);
        Assert.True(30 * 200_000 > CatalogFeed.RememberedBytes);
        ReplicatedCatalog back = await cluster.StartAsync("b", CatalogStart.Resume, "a");
        long last = 0;
        while (back.Image.Index < cluster["a"].Image.Index)
        {
            long next = (await VoterGroup.Within(back.WaitBeyondAsync(last, default).AsTask())).Index;
            Assert.True(next > last);
            last = next;
        }
        await cluster.SettleAsync();
    }

    [Fact]
    public async Task Voters_are_exchanged_and_the_removed_one_learns_on()
    {
        await using var cluster = new CatalogCluster();
        await cluster.FoundAsync(voters: 3, instances: 4);
        await cluster["d"].ProposeAsync(Put("x"), default);
        string leader = cluster.Running.Single(pair => pair.Value.IsLeader).Key;
        string other = new[] { "a", "b", "c" }.First(name => name != leader);
        Guid? was = cluster.LoadIdentity(other).Raft?.Id;
        await cluster.SetVotersAsync([.. new[] { "a", "b", "c", "d" }.Where(name => name != other)]);
        await VoterGroup.Until(() => !cluster[other].IsVoter && cluster["d"].IsVoter, "the voters were not exchanged");
        Assert.Null(cluster.LoadIdentity(other).Raft);
        await cluster["d"].ProposeAsync(Put("y"), default);
        await cluster.SettleAsync();
        await cluster.SetVotersAsync(["a", "b", "c"]);
        await VoterGroup.Until(() => cluster[other].IsVoter, "not admitted again");
        Assert.NotEqual(was, cluster.LoadIdentity(other).Raft?.Id);
        await cluster.SettleAsync();
    }

    [Fact]
    public async Task The_leader_can_remove_itself()
    {
        await using var cluster = new CatalogCluster();
        await cluster.FoundAsync(voters: 3, instances: 3);
        string leader = cluster.Running.Single(pair => pair.Value.IsLeader).Key;
        await cluster[leader].SetVotersAsync([.. cluster.Running.Keys.Where(name => name != leader)], default);
        await VoterGroup.Until(() => !cluster[leader].IsVoter && cluster.LoadIdentity(leader).Raft is null, "still a voter");
        Assert.True((await cluster[leader].ProposeAsync(Put("after"), default)).IsApplied);
        await cluster.SettleAsync();
    }

    [Fact]
    public async Task A_leader_that_resigns_loses_nothing_and_the_group_has_one_again()
    {
        await using var cluster = new CatalogCluster();
        await cluster.FoundAsync(voters: 3, instances: 3);
        ReplicatedCatalog leader = await cluster.LeaderAsync();
        CancellationToken reign = await leader.WaitForLeadershipAsync(default);
        await leader.ResignAsync(default);
        await VoterGroup.Until(() => reign.IsCancellationRequested, "its reign goes on");
        Assert.True((await cluster["b"].ProposeAsync(Put("x"), default)).IsApplied);
        await cluster.SettleAsync();
    }

    [Fact]
    public async Task A_voter_that_was_removed_while_it_was_away_finds_out_and_learns()
    {
        await using var cluster = new CatalogCluster();
        await cluster.FoundAsync(voters: 3, instances: 4);
        string away = new[] { "a", "b", "c" }.First(name => !cluster[name].IsLeader);
        await cluster.StopAsync(away);
        await cluster.SetVotersAsync([.. cluster.Running.Keys]);
        await cluster.StartAsync(away, CatalogStart.Resume, "a", "b", "c");
        await VoterGroup.Until(() => !cluster[away].IsVoter && cluster.LoadIdentity(away).Raft is null, "it still believes that it votes");
        await cluster["d"].ProposeAsync(Put("x"), default);
        await cluster.SettleAsync();
    }

    [Fact]
    public async Task A_copied_directory_starts_as_a_learner_from_what_was_applied_and_is_admitted_under_another_identity()
    {
        await using var cluster = new CatalogCluster();
        await cluster.FoundAsync(voters: 3, instances: 3);
        await cluster["a"].ProposeAsync(Put("x"), default);
        await cluster.SettleAsync();
        string copied = new[] { "a", "b", "c" }.First(name => !cluster[name].IsLeader);
        await cluster.StopAsync(copied);
        Guid was = cluster.LoadIdentity(copied).Raft!.Id;
        string directory = cluster.DirectoryOf(copied);
        Directory.Move(directory, directory + ".old");
        CopyTree(directory + ".old", directory);
        Assert.Equal(IdentityVerdict.Copied, cluster.LoadIdentity(copied).Verdict);
        ReplicatedCatalog back = await cluster.StartAsync(copied, CatalogStart.Resume);
        Assert.False(back.IsVoter);
        Assert.NotNull(back.Image.Find("t", "x"));
        Assert.Null(cluster.LoadIdentity(copied).Raft);
        await (await cluster.LeaderAsync()).ProposeAsync(Put("y"), default);
        // its old identity still counts as a voter: the leader finds out that nobody has it any more
        ReplicatedCatalog leader = await cluster.LeaderAsync();
        await VoterGroup.Until(() => leader.Voters.Length == 2, "the old identity still counts");
        await cluster.SetVotersAsync(["a", "b", "c"]);
        await VoterGroup.Until(() => back.IsVoter, "not admitted");
        Assert.NotEqual(was, cluster.LoadIdentity(copied).Raft!.Id);
        await cluster.SettleAsync();
    }

    [Theory]
    [InlineData("wal/checkpoint", 0)]
    [InlineData("wal/checkpoint", 10)]
    [InlineData("wal/state", 0)]
    [InlineData("membership", 0)]
    [InlineData("membership", -1)]
    public async Task A_voter_whose_Raft_files_forgot_something_does_not_vote(string file, int length)
    {
        await using var cluster = new CatalogCluster();
        await cluster.FoundAsync(voters: 3, instances: 3);
        for (int i = 0; i < 5; i++)
            await cluster["a"].ProposeAsync(Put($"x{i}"), default);
        // a term above the first, so that a vote can be forgotten
        string first = cluster.Running.Single(pair => pair.Value.IsLeader).Key;
        await cluster.StopAsync(first);
        await cluster.LeaderAsync();
        await cluster.StartAsync(first, CatalogStart.Resume);
        await cluster["a"].ProposeAsync(Put("y"), default);
        await cluster.SettleAsync();
        string victim = new[] { "a", "b", "c" }.First(name => !cluster[name].IsLeader);
        await cluster.StopAsync(victim);
        string path = Path.Combine(cluster.DirectoryOf(victim), ReplicatedCatalog.RaftFolder, file);
        if (length < 0)
            File.Delete(path);
        else
            using (FileStream stream = File.OpenWrite(path))
                stream.SetLength(length);
        ReplicatedCatalog back = await cluster.StartAsync(victim, CatalogStart.Resume);
        Assert.False(back.IsVoter);
        Assert.Null(cluster.LoadIdentity(victim).Raft);
        await cluster[victim].ProposeAsync(Put("z"), default);
        await cluster.SettleAsync();
    }

    [Fact]
    public async Task Founding_needs_an_order_and_a_directory_without_traces()
    {
        await using var cluster = new CatalogCluster();
        ReplicatedCatalog lonely = await cluster.StartAsync("a");
        Assert.False(lonely.IsLeader);
        await cluster.StopAsync("a");
        await cluster.StartAsync("a", CatalogStart.Found);
        await cluster["a"].ProposeAsync(Put("x"), default);
        await cluster.StopAsync("a");
        await Assert.ThrowsAsync<InvalidOperationException>(() => cluster.StartAsync("a", CatalogStart.Found));
        await cluster.StartAsync("a");
        await VoterGroup.Within(cluster["a"].WaitForLeadershipAsync(default).AsTask());
        Assert.NotNull(cluster["a"].Image.Find("t", "x"));
    }

    [Fact]
    public async Task A_lone_copy_refuses_to_guess_and_stands_alone_when_ordered()
    {
        await using var cluster = new CatalogCluster();
        await cluster.StartAsync("a", CatalogStart.Found);
        long version = (await cluster["a"].ProposeAsync(Put("x"), default)).Index;
        await cluster.StopAsync("a");
        File.Delete(Path.Combine(cluster.DirectoryOf("a"), "raft", "membership"));
        CorruptionException refused = await Assert.ThrowsAsync<CorruptionException>(() => cluster.StartAsync("a"));
        Assert.Equal("RAFT_FILES_UNUSABLE", refused.Kind);
        await cluster.StartAsync("a", CatalogStart.FoundAgain);
        await VoterGroup.Within(cluster["a"].WaitForLeadershipAsync(default).AsTask());
        Assert.Equal(version, cluster["a"].Image.Find("t", "x")!.Version);
        ProposalResult changed = await cluster["a"].ProposeAsync(Put("x", version), default);
        Assert.True(changed.IsApplied && changed.Index > version);
        await cluster.StopAsync("a");
        await cluster.StartAsync("a");
        await VoterGroup.Within(cluster["a"].WaitForLeadershipAsync(default).AsTask());
        Assert.Equal(changed.Index, cluster["a"].Image.Find("t", "x")!.Version);
    }

    [Fact]
    public async Task Without_a_leader_proposals_and_barriers_end_and_say_so()
    {
        await using var cluster = new CatalogCluster();
        await cluster.FoundAsync(voters: 2, instances: 2);
        await cluster.StopAsync("a");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await cluster["b"].ProposeAsync(Put("x"), limit.Token));
        await VoterGroup.Until(() => !cluster["b"].IsLeader, "leads alone");
        await cluster.StartAsync("a");
        Assert.True((await cluster["b"].ProposeAsync(Put("y"), default)).IsApplied);
    }

    [Fact]
    public async Task A_voter_that_never_heard_of_its_admission_finds_out_when_the_leader_is_gone()
    {
        await using var cluster = new CatalogCluster();
        await cluster.FoundAsync(voters: 1, instances: 2);
        await cluster["a"].ProposeAsync(Put("x"), default);
        // the entry that admits b is committed by a; b is told with the next message, which never comes
        Task changing = cluster["a"].SetVotersAsync(["a", "b"], default).AsTask();
        await VoterGroup.Until(() => cluster["a"].Voters.Contains("b"), "not admitted");
        await cluster.StopAsync("a");
        await changing.ContinueWith(_ => { }, TaskScheduler.Default);
        await cluster.StartAsync("a");
        Assert.True((await cluster["b"].ProposeAsync(Put("y"), default)).IsApplied);
        await VoterGroup.Until(() => cluster["b"].IsVoter, "b does not vote");
        await cluster.SettleAsync();
    }

    [Fact]
    public async Task A_voter_whose_log_gives_another_catalog_than_it_had_stops_voting_and_takes_a_whole_image()
    {
        await using var cluster = new CatalogCluster();
        await cluster.FoundAsync(voters: 3, instances: 3);
        await cluster["a"].ProposeAsync(Put("x"), default);
        await cluster.SettleAsync();
        string odd = new[] { "a", "b", "c" }.First(name => !cluster[name].IsLeader);
        await cluster.StopAsync(odd);
        cluster.Applied[odd].Saved = cluster.Applied[odd].Saved with { Hash = 0xbad };
        await cluster.StartAsync(odd);
        await VoterGroup.Until(() => !cluster[odd].IsVoter && cluster.LoadIdentity(odd).Raft is null, "it votes with another catalog");
        await cluster.SettleAsync();
        Assert.NotEqual(0xbadul, cluster[odd].Image.Hash);
    }

    [Theory]
    [InlineData(0, 2, true)]
    [InlineData(1, 1, false)]
    [InlineData(0, 1, false)]
    [InlineData(2, 0, false)]
    [InlineData(0, 0, false)]
    public void Only_who_differs_from_all_others_is_the_odd_one(int alike, int unlike, bool isOdd) =>
        Assert.Equal(isOdd, ReplicatedCatalog.IsOddOneOut(alike, unlike));

    private static void CopyTree(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string folder in Directory.EnumerateDirectories(from, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, folder)));
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)));
    }
}
