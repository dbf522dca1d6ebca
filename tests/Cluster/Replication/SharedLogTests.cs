using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Replication;
using Picodata.Storage;
using Picodata.Storage.Files;
using Picodata.Storage.Log;
using Picodata.Unit.Durability;
using Xunit;

namespace Picodata.ClusterUnit.Replication;

/// <summary>What the storage does for replicasets: one component for all primaries, replica-local rows, files that are kept and received.</summary>
[Collection(nameof(Picodata.ClusterUnit.Replication))]
public sealed class SharedLogTests
{
    private const uint Local = 3100;

    [Theory]
    [InlineData("{}", 3, 3)]
    [InlineData("{0: 90}", 2, 2)]
    [InlineData("{1: 5}", 2, 1)]
    [InlineData("{1: 5, 2: 5}", 2, 1)]
    [InlineData("{0: 9, 1: 5, 7: 6}", 1, 7)]
    public void The_log_counts_in_the_component_with_most_rows(string clock, int ownId, int expected)
    {
        Assert.True(VClock.TryParse(clock, out VClock parsed));
        Assert.Equal(expected, LogClock.ComponentOf(parsed, ownId));
    }

    [Fact]
    public async Task Every_primary_writes_the_same_component_also_after_restarts()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        await a.PutAcknowledgedAsync(1, 1);
        await a.CrashAsync(Survival.Everything);
        await set.FailOverAsync();
        await b.PutAcknowledgedAsync(2, 2);
        await b.Database.CheckpointAsync(CancellationToken.None);
        await b.PutAcknowledgedAsync(3, 3);
        Assert.Equal(1, b.Database.LogComponent);
        Assert.Equal(VClock.Of(1, b.Database.LogLsn), b.Database.Clock);
        await a.OpenAsync();
        await set.PublishAsync();
        await set.WaitInSyncAsync(2);
        await b.CloseAsync();
        await set.FailOverAsync();
        await a.PutAcknowledgedAsync(4, 4);
        Assert.Equal(1, a.Database.LogComponent);
        Assert.Equal([1L, 2L, 3L, 4L], a.Rows().Keys);
        await b.OpenAsync();
        Assert.Equal([1L, 2L, 3L], b.Rows().Keys);
    }

    [Fact]
    public async Task Rows_of_replica_local_spaces_stay_at_home_and_move_no_lsn()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        a.CreateTable();
        await a.Database.WaitDurableAsync(CreateLocal(a), CancellationToken.None);
        long lsn = a.Database.LogLsn;
        for (int i = 0; i < 5; i++)
            await a.Database.WaitSyncedAsync(PutLocal(a, i, 10), CancellationToken.None);
        await b.Database.WaitSyncedAsync(PutLocal(b, 1, 77), CancellationToken.None);
        Assert.Equal(lsn, a.Database.LogLsn);
        using (Transaction mixed = a.Database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false))
        {
            TestTables.Put(mixed, Local, 9, 9);
            TestTables.Put(mixed, TestReplicaset.Table, 1, 1);
            TestTables.Put(mixed, Local, 10, 9);
            await a.Database.WaitDurableAsync(mixed.Commit(), CancellationToken.None);
        }
        await a.PutAcknowledgedAsync(2, 2);
        Assert.Equal(a.Database.LogLsn, b.Database.SyncedLogLsn);
        Assert.Equal(a.Rows(), b.Rows());
        Assert.Equal([0L, 1L, 2L, 3L, 4L, 9L, 10L], TestTables.Read(a.Database, Local).Keys);
        Assert.Equal([77L], TestTables.Read(b.Database, Local).Values);
        foreach (TestMember member in new[] { a, b })
        {
            SortedDictionary<long, long> local = TestTables.Read(member.Database, Local), shared = member.Rows();
            await member.CrashAsync(Survival.Nothing);
            await member.OpenAsync();
            Assert.Equal(local, TestTables.Read(member.Database, Local));
            Assert.Equal(shared, member.Rows());
        }
    }

    [Fact]
    public async Task Replica_local_rows_are_written_and_read_while_the_gate_is_shut()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        a.CreateTable();
        await a.Database.WaitDurableAsync(CreateLocal(a), CancellationToken.None);
        set.Authority.IsReachable = false;
        b.Outgoing.IsStalled = true;
        long stuck = a.Put(1, 1);
        await a.Database.WaitSyncedAsync(PutLocal(a, 1, 1), CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(10));
        using (Transaction reader = a.Database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: true))
        {
            reader.BeginStatement();
            Assert.True(reader.TryGet(Local, 0, TestTables.Tuple(1), out _));
            Assert.True(reader.ReadLsn <= a.Database.DurableLsn);
            Assert.True(reader.TryGet(TestReplicaset.Table, 0, TestTables.Tuple(1), out _));
            Assert.Equal(stuck, reader.ReadLsn);
            reader.EndStatement();
        }
        await a.Database.CheckpointAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(10));
        b.Outgoing.IsStalled = false;
    }

    [Fact]
    public async Task A_new_copy_keeps_the_replica_local_rows_and_the_own_uuid()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        a.CreateTable();
        await a.Database.WaitDurableAsync(CreateLocal(a), CancellationToken.None);
        await a.PutAcknowledgedAsync(1, 1);
        await b.Database.WaitSyncedAsync(PutLocal(b, 4, 44), CancellationToken.None);
        await b.ReplaceByCopyAsync();
        await set.WaitInSyncAsync(2);
        await a.PutAcknowledgedAsync(2, 2);
        Assert.Equal(a.Rows(), b.Rows());
        Assert.Equal([44L], TestTables.Read(b.Database, Local).Values);
        Assert.Equal(b.Uuid, b.Database.InstanceUuid);
        await b.CrashAsync(Survival.Nothing);
        await b.OpenAsync();
        Assert.Equal([44L], TestTables.Read(b.Database, Local).Values);
    }

    [Fact]
    public Task A_crash_while_a_copy_is_put_in_place_leaves_the_old_files_or_the_new_ones() => ReceiveEverywhereAsync(everyMode: false);

    [Fact]
    [Trait("speed", "long")]
    public Task A_crash_while_a_copy_is_put_in_place_leaves_the_old_files_or_the_new_ones_long() => ReceiveEverywhereAsync(everyMode: true);

    [Fact]
    public async Task Logs_that_a_replica_needs_are_kept_within_their_share()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2, options: name => TestReplicaset.Default(name) with { RingBytes = 500 });
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        a.Database.Reconfigure(options => options with { CopyGrace = TimeSpan.Zero, WalMaxSize = 2000 });
        await b.CloseAsync();
        for (int i = 0; i < 60; i++)
            await a.PutAcknowledgedAsync(i, i);
        await a.Database.CheckpointAsync(CancellationToken.None);
        await a.PutAcknowledgedAsync(100, 1);
        await a.Database.CheckpointAsync(CancellationToken.None);
        await b.OpenAsync();
        await set.PublishAsync();
        await set.WaitInSyncAsync(2);
        Assert.False(b.Node!.CopyNeeded.IsCompleted);
        await a.PutAcknowledgedAsync(101, 1);
        Assert.Equal(a.Rows(), b.Rows());
    }

    [Fact]
    public async Task The_reigns_row_that_a_full_disk_refused_is_written_before_anything_else()
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        await a.PutAcknowledgedAsync(1, 1);
        await a.CloseAsync();
        b.Disk.Faults = operation => operation.Kind is DiskOperationKind.Write && operation.Path.Contains("xlog", StringComparison.Ordinal) ? DiskFault.Full : DiskFault.None;
        await set.FailOverAsync();
        await TestReplicaset.Until(() => b.Database.LogStatistics.TakenBack > 0, "the refusal");
        b.Disk.Faults = null;
        await TestReplicaset.Until(() => b.Node!.CommitLsn >= b.Database.LogLsn && b.Database.Reigns().Count == 2, "the term's begin; " + set.Describe());
        await b.PutAcknowledgedAsync(2, 2);
        ReignRow reign = b.Database.Reigns()[^1];
        Assert.Equal(2, reign.Term);
        var rows = new MsgPackWriter();
        using LogCatchUp? log = b.Database.OpenCatchUp(reign.StartLsn - 1);
        Assert.True(log!.TryRead(rows, 1));
        Assert.Contains("pico:reign:2", System.Text.Encoding.ASCII.GetString(rows.WrittenSpan), StringComparison.Ordinal);
    }

    private static async Task ReceiveEverywhereAsync(bool everyMode)
    {
        int operations = await ReceiveAsync(0, Survival.Nothing);
        Assert.True(operations > 8);
        for (int at = 1; at <= operations; at++)
        {
            foreach (Survival mode in Enum.GetValues<Survival>().Where(mode => everyMode || at % 4 == (int)mode))
                await ReceiveAsync(at, mode);
        }
    }

    private static long CreateLocal(TestMember member)
    {
        using Transaction transaction = member.Database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
        TestTables.Create(transaction, Local, withSecondary: false, isLocal: true);
        return transaction.Commit();
    }

    private static long PutLocal(TestMember member, long key, long value)
    {
        using Transaction transaction = member.Database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
        TestTables.Put(transaction, Local, key, value);
        return transaction.Commit();
    }

    /// <summary>A directory with files of its own takes a copy; the power goes at an operation of that, 0 for never.</summary>
    private static async Task<int> ReceiveAsync(int at, Survival mode)
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        await a.PutAcknowledgedAsync(1, 1);
        await b.CloseAsync();
        await a.PutAcknowledgedAsync(2, 2);
        int before = b.Disk.Operations;
        b.Disk.PowerLossAt = at == 0 ? 0 : before + at;
        bool received = true;
        try
        {
            await b.CopyAsync();
        }
        catch (IOException)
        {
            received = false;
        }
        int operations = b.Disk.Operations - before;
        if (b.Disk.IsDark)
            b.Disk = b.Disk.AfterPowerLoss(mode, at);
        await b.OpenAsync();
        long[] keys = [.. b.Rows().Keys];
        Assert.True(keys is [1, 2] || (keys is [1] && !received), $"operation {at}, {mode}: [{string.Join(",", keys)}]");
        await set.PublishAsync();
        await set.WaitInSyncAsync(2);
        return operations;
    }
}
