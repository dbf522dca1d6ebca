using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Replication;
using Picodata.Storage;
using Picodata.Unit.Durability;
using Xunit;

namespace Picodata.ClusterUnit.Replication;

/// <summary>Invariants R1 to R9 of docs/internals/replication.md between members in one process.</summary>
[Collection(nameof(Picodata.ClusterUnit.Replication))]
public sealed class ReplicationTests
{
    [Fact]
    public async Task R6_Replicas_hold_the_same_rows_indexes_and_sequences_under_the_same_lsns()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(3);
        TestMember a = set["a"];
        a.CreateTable();
        for (int i = 0; i < 50; i++)
            a.Put(i % 20, i);
        using (Transaction transaction = a.Database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false))
        {
            TestTables.Create(transaction, 3001, withSecondary: false);
            TestTables.Put(transaction, 3001, 1, 2);
            TestTables.Remove(transaction, TestReplicaset.Table, 3);
            transaction.Commit();
        }
        using (Transaction transaction = a.Database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false))
        {
            TestTables.Truncate(transaction, 3001);
            TestTables.CreateSecondary(transaction, 3001);
            transaction.Commit();
        }
        await a.PutAcknowledgedAsync(99, 100);
        foreach (TestMember replica in new[] { set["b"], set["c"] })
        {
            Assert.Equal(a.Database.LogLsn, replica.Database.SyncedLogLsn);
            Assert.Equal(a.Rows(), replica.Rows());
            Assert.Empty(TestTables.Read(replica.Database, 3001));
            Assert.Equal(LogRows(a), LogRows(replica));
            Assert.Equal(a.Database.Reigns(), replica.Database.Reigns());
        }
    }

    [Fact]
    public async Task R6_A_replica_refuses_writes_of_sessions_and_takes_those_of_its_own_spaces()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        await set["a"].Database.WaitDurableAsync(set["a"].CreateTable(), CancellationToken.None);
        DbException refused = Assert.Throws<DbException>(() => set["b"].Put(1, 1));
        Assert.Equal(SqlStates.ReadOnlySqlTransaction, refused.SqlState);
    }

    [Fact]
    public async Task R1_Nothing_is_acknowledged_that_a_member_in_sync_has_not_synced()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        set.Authority.IsReachable = false;
        b.Outgoing.IsStalled = true;
        long number = a.Put(1, 1);
        Task acknowledged = a.Database.WaitDurableAsync(number, CancellationToken.None).AsTask();
        await a.Database.WaitSyncedAsync(number, CancellationToken.None);
        await Assert.ThrowsAsync<TimeoutException>(() => acknowledged.WaitAsync(TimeSpan.FromMilliseconds(700)));
        Assert.True(a.Node!.CommitLsn < a.Database.LogLsn);
        Assert.True(a.Database.DurableLsn < number);
        b.Outgoing.IsStalled = false;
        await acknowledged.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.True(b.Database.SyncedLogLsn >= a.Node.CommitLsn);
    }

    [Fact]
    public async Task R2_A_silent_replica_is_taken_out_by_the_catalog_and_back_when_it_has_caught_up()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        b.Outgoing.IsStalled = true;
        await a.PutAcknowledgedAsync(1, 1);
        Assert.Equal(["a"], set.Authority.Current.InSync);
        for (int i = 0; i < 20; i++)
            await a.PutAcknowledgedAsync(i, i);
        b.Outgoing.IsStalled = false;
        await set.WaitInSyncAsync(2);
        await a.PutAcknowledgedAsync(2, 22);
        Assert.Equal(a.Rows(), b.Rows());
    }

    [Fact]
    public async Task Members_that_come_without_a_new_epoch_may_copy_and_disturb_no_stream()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(3, stranger: "c");
        TestMember a = set["a"], b = set["b"], c = set["c"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        long epoch = set.Authority.Current.Epoch;
        int streams = b.Outgoing.Opened;
        await Assert.ThrowsAsync<PeerException>(() => c.CopyAsync());
        set.Authority.Join(new ReplicaMember("c", c.Uuid, c.Address));
        Assert.Equal(epoch, set.Authority.Current.Epoch);
        await set.PublishAsync();
        await c.CopyAsync();
        await c.OpenAsync();
        await set.PublishAsync();
        await set.WaitInSyncAsync(3);
        await a.PutAcknowledgedAsync(1, 1);
        Assert.Equal(a.Rows(), c.Rows());
        Assert.Equal(streams, b.Outgoing.Opened);
    }

    [Fact]
    public async Task Min_in_sync_refuses_writes_and_leaves_reads()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2, options: name => TestReplicaset.Default(name) with { MinInSync = 2 });
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        await a.PutAcknowledgedAsync(1, 1);
        await b.CloseAsync();
        long number = a.Put(2, 2);
        await set.WaitInSyncAsync(1);
        await TestReplicaset.Until(() => a.Node!.Problem is not null, "the refusal");
        Assert.Equal(SqlStates.ReadOnlySqlTransaction, Assert.Throws<DbException>(() => a.Put(3, 3)).SqlState);
        Assert.Equal(2, a.Rows().Count);
        Assert.True(a.Database.DurableLsn < number, "a commit with too few copies was acknowledged");
        await b.OpenAsync();
        await set.PublishAsync();
        await set.WaitInSyncAsync(2);
        await a.Database.WaitDurableAsync(number, CancellationToken.None);
        await TestReplicaset.Until(() => a.Node!.Problem is null, "writing again");
        await a.PutAcknowledgedAsync(3, 3);
    }

    [Fact]
    public async Task P6_A_member_in_sync_that_comes_back_from_an_old_copy_leaves_the_set_until_it_has_caught_up()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        await a.PutAcknowledgedAsync(1, 1);
        ModelledDisk old = b.Disk.AfterKill();
        await a.PutAcknowledgedAsync(2, 2);
        await TestReplicaset.Until(() => a.Node!.Progress[0].Acknowledged == a.Database.LogLsn, "all equal");
        await b.CloseAsync();
        b.Disk = old;
        await b.OpenAsync();
        await set.PublishAsync();
        await TestReplicaset.Until(() => b.Database.SyncedLogLsn == a.Database.LogLsn && set.Authority.Current.InSync.Count == 2 && set.Authority.Changes.Count >= 3, "back; " + set.Describe());
        Assert.Equal(["+b", "-b", "+b"], set.Authority.Changes);
        await a.PutAcknowledgedAsync(3, 3);
        Assert.Equal(a.Rows(), b.Rows());
    }

    [Fact]
    public async Task Packed_batches_and_commits_larger_than_window_and_ring_arrive()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2, options: name => TestReplicaset.Default(name) with { Compress = true, RingBytes = 1000, WindowBytes = 1000 });
        TestMember a = set["a"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        for (int round = 0; round < 3; round++)
        {
            using Transaction transaction = a.Database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
            for (int i = 0; i < 2000; i++)
                TestTables.Put(transaction, TestReplicaset.Table, (round * 10000) + i, 1);
            await a.Database.WaitDurableAsync(transaction.Commit(), CancellationToken.None);
        }
        Assert.Equal(6000, set["b"].Rows().Count);
        Assert.Equal(["+b"], set.Authority.Changes);
    }

    [Fact]
    public async Task Async_mode_acknowledges_behind_the_own_sync()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2, options: name => TestReplicaset.Default(name) with { IsAsync = true });
        await set["a"].Database.WaitDurableAsync(set["a"].CreateTable(), CancellationToken.None);
        set.Authority.IsReachable = false;
        set["b"].Outgoing.IsStalled = true;
        await set["a"].PutAcknowledgedAsync(1, 1);
        set["b"].Outgoing.IsStalled = false;
    }

    [Fact]
    public async Task Acknowledgements_wait_for_the_lease()
    {
        bool lease = true;
        await using TestReplicaset set = await TestReplicaset.StartAsync(2, options: name => TestReplicaset.Default(name) with { MayAcknowledge = () => Volatile.Read(ref lease) });
        await set["a"].Database.WaitDurableAsync(set["a"].CreateTable(), CancellationToken.None);
        Volatile.Write(ref lease, false);
        Task waiting = set["a"].Database.WaitDurableAsync(set["a"].Put(1, 1), CancellationToken.None).AsTask();
        await Assert.ThrowsAsync<TimeoutException>(() => waiting.WaitAsync(TimeSpan.FromMilliseconds(300)));
        Volatile.Write(ref lease, true);
        await waiting.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task R3_A_fenced_member_takes_no_rows_of_lower_terms_not_after_a_restart_either()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        ReplicaPosition position = await b.Node!.FenceAsync(2, CancellationToken.None);
        set.Authority.IsReachable = false;
        long number = a.Put(1, 1);
        await a.Database.WaitSyncedAsync(number, CancellationToken.None);
        await b.CrashAsync(Survival.Nothing);
        await b.OpenAsync();
        await set.PublishAsync();
        Assert.Equal(position, b.Node!.Position);
        Assert.Equal(ReplicationRole.Fenced, b.Node.Role);
        Assert.True(a.Database.DurableLsn < number);
        await Assert.ThrowsAsync<PeerException>(() => b.Node.FenceAsync(1, CancellationToken.None));
        Assert.Equal(position, await b.Node.FenceAsync(2, CancellationToken.None));
    }

    [Fact]
    public async Task R4_R9_Failover_keeps_what_was_acknowledged_and_answers_40003_for_the_rest()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(3);
        TestMember a = set["a"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        for (int i = 0; i < 30; i++)
            await a.PutAcknowledgedAsync(i, i);
        set["b"].Outgoing.IsStalled = set["c"].Outgoing.IsStalled = true;
        set.Authority.IsReachable = false;
        long number = a.Put(100, 100);
        Task unknown = a.Database.WaitDurableAsync(number, CancellationToken.None).AsTask();
        await a.Database.WaitSyncedAsync(number, CancellationToken.None);
        set.Network.Stop(a.Address);
        set.Authority.Promote("b", ["b", "c"]);
        set["b"].Outgoing.IsStalled = set["c"].Outgoing.IsStalled = false;
        set.Authority.IsReachable = true;
        await set["b"].Node!.FenceAsync(2, CancellationToken.None);
        await set["c"].Node!.FenceAsync(2, CancellationToken.None);
        await set.PublishAsync();
        Assert.Equal(SqlStates.StatementCompletionUnknown, (await Assert.ThrowsAsync<DbException>(() => unknown.WaitAsync(TimeSpan.FromSeconds(10)))).SqlState);
        Assert.Equal(SqlStates.ReadOnlySqlTransaction, Assert.Throws<DbException>(() => a.Put(5, 5)).SqlState);
        await set["b"].PutAcknowledgedAsync(200, 200);
        Assert.Equal(31, set["c"].Rows().Count);
        Assert.Equal([1L, 2L], set["c"].Database.Reigns().Select(reign => reign.Term));

        // R5: the leftover is told and dropped
        set.Network.Listen(a.Address, a);
        CopyNeed need = await a.Node!.CopyNeeded.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(CopyReason.Diverged, need.Reason);
        await a.ReplaceByCopyAsync();
        await set.WaitInSyncAsync(3);
        await set["b"].PutAcknowledgedAsync(201, 201);
        Assert.Equal(set["b"].Rows(), a.Rows());
        Assert.Equal(a.Uuid, a.Database.InstanceUuid);
    }

    [Fact]
    public async Task R5_A_deposed_primary_without_leftovers_goes_on_from_its_own_files()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        await a.PutAcknowledgedAsync(1, 1);
        await a.Node!.HandOverAsync(CancellationToken.None);
        Assert.Equal(SqlStates.ReadOnlySqlTransaction, Assert.Throws<DbException>(() => a.Put(5, 5)).SqlState);
        ReplicaPosition mine = await a.Node.FenceAsync(2, CancellationToken.None), other = await b.Node!.FenceAsync(2, CancellationToken.None);
        Assert.Equal(mine, other);
        await set.PromoteAsync("b", "a", "b");
        await b.PutAcknowledgedAsync(2, 2);
        Assert.Equal(b.Rows(), a.Rows());
        Assert.False(a.Node.CopyNeeded.IsCompleted);
    }

    [Fact]
    public async Task R8_A_restarted_primary_waits_for_a_higher_term()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(1);
        TestMember a = set["a"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        await a.PutAcknowledgedAsync(1, 1);
        await a.CrashAsync(Survival.Nothing);
        await a.OpenAsync();
        await set.PublishAsync();
        Assert.Equal(ReplicationRole.Waiting, a.Node!.Role);
        Assert.Equal(SqlStates.ReadOnlySqlTransaction, Assert.Throws<DbException>(() => a.Put(5, 5)).SqlState);
        await set.PromoteAsync("a", "a");
        await a.PutAcknowledgedAsync(2, 2);
        Assert.Equal(2, a.Rows().Count);
    }

    [Fact]
    public async Task R7_A_replica_catches_up_from_the_files_while_writers_go_on_and_memory_stays_bounded()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2, options: name => TestReplicaset.Default(name) with { RingBytes = 2000, WindowBytes = 3000 });
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        a.Database.Reconfigure(options => options with { WalMaxSize = 4000 });
        await b.CloseAsync();
        for (int i = 0; i < 400; i++)
            await a.PutAcknowledgedAsync(i, i);
        using var stop = new CancellationTokenSource();
        Task writer = Task.Run(async () =>
        {
            for (int i = 1000; !stop.IsCancellationRequested; i++)
                await a.PutAcknowledgedAsync(i, i);
        });
        await b.OpenAsync();
        await set.PublishAsync();
        await set.WaitInSyncAsync(2);
        await stop.CancelAsync();
        await writer;
        await a.PutAcknowledgedAsync(5000, 1);
        Assert.False(b.Node!.CopyNeeded.IsCompleted);
        Assert.Equal(a.Rows(), b.Rows());
    }

    [Fact]
    public async Task R7_A_replica_whose_log_is_gone_takes_a_copy()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2, options: name => TestReplicaset.Default(name) with { RingBytes = 2000 });
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        a.Database.Reconfigure(options => options with { CopyGrace = TimeSpan.Zero, PinnedLogShare = 0 });
        await b.CloseAsync();
        for (int i = 0; i < 100; i++)
            await a.PutAcknowledgedAsync(i, i);
        await a.Database.CheckpointAsync(CancellationToken.None);
        await a.PutAcknowledgedAsync(200, 1);
        await a.Database.CheckpointAsync(CancellationToken.None);
        await a.PutAcknowledgedAsync(201, 1);
        await b.OpenAsync();
        await set.PublishAsync();
        Assert.Equal(CopyReason.Behind, (await b.Node!.CopyNeeded.WaitAsync(TimeSpan.FromSeconds(10))).Reason);
        await b.ReplaceByCopyAsync();
        await set.WaitInSyncAsync(2);
        await a.PutAcknowledgedAsync(202, 1);
        Assert.Equal(a.Rows(), b.Rows());
    }

    [Fact]
    public async Task A_full_disk_of_a_replica_holds_the_primary_up_only_until_the_catalog_has_taken_it_out()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        await a.PutAcknowledgedAsync(1, 1);
        b.Disk.Faults = operation => operation.Kind is DiskOperationKind.Write ? DiskFault.Full : DiskFault.None;
        await a.PutAcknowledgedAsync(2, 2);
        Assert.Equal(["a"], set.Authority.Current.InSync);
        Assert.Single(b.Rows());
        b.Disk.Faults = null;
        await set.WaitInSyncAsync(2);
        await a.PutAcknowledgedAsync(3, 3);
        Assert.Equal(a.Rows(), b.Rows());
        Assert.Equal(a.Database.LogLsn, b.Database.SyncedLogLsn);
    }

    [Fact]
    public async Task A_reign_that_a_full_disk_kept_from_being_followed_is_followed_later()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(3);
        TestMember c = set["c"];
        await set["a"].Database.WaitDurableAsync(set["a"].CreateTable(), CancellationToken.None);
        c.Disk.Faults = operation => operation.Kind is DiskOperationKind.Write or DiskOperationKind.Create ? DiskFault.Full : DiskFault.None;
        set.Authority.Promote("b", ["a", "b"]);
        await set["a"].Node!.ApplyReignAsync(set.Authority.Current, CancellationToken.None);
        await set["b"].Node!.ApplyReignAsync(set.Authority.Current, CancellationToken.None);
        await Assert.ThrowsAsync<DiskFullException>(() => c.Node!.ApplyReignAsync(set.Authority.Current, CancellationToken.None));
        c.Disk.Faults = null;
        await set.WaitInSyncAsync(3);
        await set["b"].PutAcknowledgedAsync(1, 1);
        Assert.Equal(set["b"].Rows(), c.Rows());
    }

    [Fact]
    public async Task R4_Who_lacks_committed_rows_does_not_lead_whatever_it_is_told()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        b.Disk.Faults = operation => operation.Kind is DiskOperationKind.Write ? DiskFault.Full : DiskFault.None;
        await a.PutAcknowledgedAsync(1, 1);
        await TestReplicaset.Until(() => b.Node!.CommitLsn > b.Database.SyncedLogLsn, "the replica knows what it lacks; " + set.Describe());
        set.Network.Cut(a.Address, b.Address);
        await TestReplicaset.Until(() => a.Node!.Progress is [{ IsConnected: false }], "the cut");
        b.Disk.Faults = null;
        set.Authority.Promote("b", ["b"]);
        await b.Node!.ApplyReignAsync(set.Authority.Current, CancellationToken.None);
        Assert.Equal(ReplicationRole.Fenced, b.Node.Role);
        Assert.Throws<DbException>(() => b.Put(2, 2));
    }

    [Fact]
    public async Task A_full_disk_of_the_primary_leaves_nothing_on_the_replica()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        await a.PutAcknowledgedAsync(1, 1);
        a.Disk.Faults = operation => operation.Kind is DiskOperationKind.Write ? DiskFault.Full : DiskFault.None;
        long lost = a.Put(2, 2);
        Assert.Equal(SqlStates.DiskFull, (await Assert.ThrowsAsync<DbException>(() => a.Database.WaitDurableAsync(lost, CancellationToken.None).AsTask())).SqlState);
        a.Disk.Faults = null;
        await a.PutAcknowledgedAsync(3, 3);
        Assert.Equal([1L, 3L], b.Rows().Keys);
        Assert.Equal(a.Database.LogLsn, b.Database.SyncedLogLsn);
    }

    /// <summary>The rows of the log as they stand in the files, from where all members have files.</summary>
    private static string LogRows(TestMember member)
    {
        const long afterCopies = 3;
        var rows = new Storage.Files.MsgPackWriter();
        using Storage.Log.LogCatchUp? log = member.Database.OpenCatchUp(afterCopies);
        while (log!.TryRead(rows, 1 << 20))
        {
            // all of them
        }
        return Convert.ToHexString(rows.WrittenSpan);
    }
}
