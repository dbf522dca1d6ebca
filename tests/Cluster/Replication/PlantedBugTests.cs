using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Replication;
using Picodata.Storage;
using Xunit;

namespace Picodata.ClusterUnit.Replication;

/// <summary>Each planted bug breaks the promise that it names, in a scenario in which the product keeps it.</summary>
[Collection(nameof(Picodata.ClusterUnit.Replication))]
public sealed class PlantedBugTests : IDisposable
{
    public void Dispose()
    {
        PlantedBugs.AcknowledgesBeforeSync = PlantedBugs.ForgetsOwnSync = PlantedBugs.WaitsForOneReplica = PlantedBugs.RemovesWithoutCatalog = PlantedBugs.SkipsTermCheck = false;
        PlantedBugs.ForgetsPromise = PlantedBugs.SkipsDivergence = PlantedBugs.ResumesOldTerm = PlantedBugs.AcknowledgesWhenDeposed = PlantedBugs.AddsTooEarly = false;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R1_A_replica_acknowledges_what_it_has_synced(bool planted)
    {
        PlantedBugs.AcknowledgesBeforeSync = planted;
        await using TestReplicaset set = await Ready(2);
        using var held = new HeldSyncs(set["b"].Disk);
        set.Authority.IsReachable = false;
        long number = set["a"].Put(1, 1);
        await set["a"].Database.WaitSyncedAsync(number, CancellationToken.None);
        Assert.Equal(planted, await IsAcknowledged(set["a"], number));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R1_The_primary_counts_its_own_sync(bool planted)
    {
        PlantedBugs.ForgetsOwnSync = planted;
        await using TestReplicaset set = await Ready(2);
        using var held = new HeldSyncs(set["a"].Disk);
        long lsn = set["a"].Database.LogLsn;
        set["a"].Put(1, 1);
        await TestReplicaset.Until(() => set["b"].Database.SyncedLogLsn > lsn, "the replica's sync");
        Assert.Equal(planted, await Becomes(() => set["a"].Node!.CommitLsn > lsn));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R1_All_of_the_in_sync_set_are_waited_for(bool planted)
    {
        PlantedBugs.WaitsForOneReplica = planted;
        await using TestReplicaset set = await Ready(3);
        set.Authority.IsReachable = false;
        set["c"].Outgoing.IsStalled = true;
        Assert.Equal(planted, await IsAcknowledged(set["a"], set["a"].Put(1, 1)));
        set["c"].Outgoing.IsStalled = false;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R2_Nobody_leaves_the_set_without_the_catalog(bool planted)
    {
        PlantedBugs.RemovesWithoutCatalog = planted;
        await using TestReplicaset set = await Ready(2);
        set.Authority.IsReachable = false;
        set["b"].Outgoing.IsStalled = true;
        Assert.Equal(planted, await IsAcknowledged(set["a"], set["a"].Put(1, 1)));
        set["b"].Outgoing.IsStalled = false;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R2_Only_who_has_all_that_is_committed_is_proposed_for_the_set(bool planted)
    {
        PlantedBugs.AddsTooEarly = planted;
        await using TestReplicaset set = await TestReplicaset.StartAsync(1);
        TestMember a = set["a"];
        var reign = new Reign(1, 1, "a", ["a"], [new ReplicaMember("a", a.Uuid, "a"), new ReplicaMember("b", Guid.Empty, "b")]);
        ReplicationOptions options = TestReplicaset.Default("a");
        using var primary = new PrimaryReign(reign, a.Database, options, TimeProvider.System, 0, 0);
        using var feed = new ReplicaFeed(primary, a.Database, options, TimeProvider.System, new Opening(default, default, "b", default, 1, 0, new ReplicaPosition(1, 5), false, false), Stream.Null);
        Write(10);
        Assert.True(primary.Attach(feed, Guid.Empty, 5));
        Assert.Null(primary.NextChange()); // its round goes to 10
        Write(20);
        Assert.Equal(20, primary.CommitLsn);
        primary.TakeAcknowledged(feed, 12);
        Assert.Equal(planted, primary.NextChange() is not null);
        Write(30);
        Assert.Equal(20, primary.CommitLsn); // it is waited for from now on
        primary.TakeAcknowledged(feed, 20);
        Assert.Equal(new InSyncChange("b", true, "caught up"), primary.NextChange());
        Assert.Equal(20, primary.CommitLsn);
        primary.TakeAcknowledged(feed, 30);
        Assert.Equal(30, primary.CommitLsn);

        void Write(long to)
        {
            primary.TakeWritten(primary.Written, to, [1, 2, 3]);
            primary.TakeSynced(to);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R3_A_promise_outlives_a_restart(bool planted)
    {
        PlantedBugs.ForgetsPromise = planted;
        await using TestReplicaset set = await Ready(2);
        TestMember b = set["b"];
        ReplicaPosition told = await b.Node!.FenceAsync(2, CancellationToken.None);
        await b.CrashAsync(Survival.Nothing);
        await b.OpenAsync();
        await set.PublishAsync();
        set["a"].Put(1, 1);
        Assert.Equal(planted, await Becomes(() => b.Database.LogLsn > told.Lsn));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R3_Rows_below_a_promise_are_refused(bool planted)
    {
        PlantedBugs.SkipsTermCheck = planted;
        await using TestReplicaset set = await Ready(2);
        ReplicationNode node = set["b"].Node!;
        long lsn = set["a"].Database.LogLsn;
        await node.FenceAsync(2, CancellationToken.None);
        long number = set["a"].Put(1, 1);
        await set["a"].Database.WaitSyncedAsync(number, CancellationToken.None);
        var rows = new Storage.Files.MsgPackWriter();
        using (Storage.Log.LogCatchUp? log = set["a"].Database.OpenCatchUp(lsn))
            Assert.True(log!.TryRead(rows, 1000));
        void Late() => node.Apply(1, rows.ToArray(), lsn, set["a"].Database.LogLsn);
        if (planted)
            Late();
        else
            Assert.Throws<InvalidDataException>(Late);
        Assert.Equal(planted, set["b"].Database.LogLsn > lsn);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R5_Leftovers_of_a_deposed_primary_are_not_taken_for_a_prefix(bool planted)
    {
        PlantedBugs.SkipsDivergence = planted;
        await using TestReplicaset set = await Ready(2);
        TestMember a = set["a"], b = set["b"];
        await LeaveBehindAsync(set);
        await b.PutAcknowledgedAsync(8, 8);
        set.Network.Listen(a.Address, a);
        if (planted)
            Assert.False(await Becomes(() => a.Node!.CopyNeeded.IsCompletedSuccessfully && a.Node.CopyNeeded.Result.Text.Contains("was not kept", StringComparison.Ordinal)));
        else
            Assert.Equal(CopyReason.Diverged, (await a.Node!.CopyNeeded.WaitAsync(TimeSpan.FromSeconds(10))).Reason);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R8_A_restart_ends_a_reign(bool planted)
    {
        PlantedBugs.ResumesOldTerm = planted;
        await using TestReplicaset set = await Ready(2);
        await set["a"].CrashAsync(Survival.Nothing);
        await set["a"].OpenAsync();
        await set.PublishAsync();
        Assert.Equal(planted ? ReplicationRole.Primary : ReplicationRole.Waiting, set["a"].Node!.Role);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R9_Who_waits_at_a_deposed_primary_is_told_the_truth(bool planted)
    {
        PlantedBugs.AcknowledgesWhenDeposed = planted;
        await using TestReplicaset set = await Ready(2);
        Task waiting = await LeaveBehindAsync(set);
        if (planted)
            await waiting.WaitAsync(TimeSpan.FromSeconds(10));
        else
            Assert.Equal(SqlStates.StatementCompletionUnknown, (await Assert.ThrowsAsync<DbException>(() => waiting.WaitAsync(TimeSpan.FromSeconds(10)))).SqlState);
    }

    private static async Task<TestReplicaset> Ready(int count)
    {
        TestReplicaset set = await TestReplicaset.StartAsync(count);
        await set["a"].Database.WaitDurableAsync(set["a"].CreateTable(), CancellationToken.None);
        await TestReplicaset.Until(() => set["a"].Node!.Progress.All(replica => replica.Acknowledged == set["a"].Database.LogLsn), "all equal");
        return set;
    }

    /// <summary>The primary commits a row that reaches nobody and is deposed; the task of who waits for that row.</summary>
    private static async Task<Task> LeaveBehindAsync(TestReplicaset set)
    {
        TestMember a = set["a"], b = set["b"];
        b.Outgoing.IsStalled = true;
        set.Authority.IsReachable = false;
        long number = a.Put(7, 7);
        Task waiting = a.Database.WaitDurableAsync(number, CancellationToken.None).AsTask();
        await a.Database.WaitSyncedAsync(number, CancellationToken.None);
        set.Network.Stop(a.Address);
        set.Authority.IsReachable = true;
        await b.Node!.FenceAsync(2, CancellationToken.None);
        b.Outgoing.IsStalled = false;
        await set.PromoteAsync("b", "b");
        return waiting;
    }

    private static async Task<bool> IsAcknowledged(TestMember member, long number)
    {
        try
        {
            await member.Database.WaitDurableAsync(number, CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromMilliseconds(900));
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static async Task<bool> Becomes(Func<bool> condition)
    {
        try
        {
            await TestReplicaset.Until(condition, "", seconds: 1);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Syncs of a disk do not end while this lives.</summary>
    private sealed class HeldSyncs : IDisposable
    {
        private readonly ModelledDisk disk;
        private readonly ManualResetEventSlim go = new();

        public HeldSyncs(ModelledDisk disk)
        {
            this.disk = disk;
            disk.Faults = operation =>
            {
                if (operation.Kind == DiskOperationKind.Sync)
                    go.Wait();
                return DiskFault.None;
            };
        }

        public void Dispose()
        {
            disk.Faults = null;
            go.Set();
        }
    }
}
