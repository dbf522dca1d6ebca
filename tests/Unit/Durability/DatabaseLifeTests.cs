using Picodata.Core;
using Picodata.Harness;
using Picodata.Harness.Disk;
using Picodata.Storage;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Durability;

/// <summary>Opening, working, stopping; missing and foreign files; the ways to go on in spite of them.</summary>
public sealed class DatabaseLifeTests
{
    private const uint Table = 2000;
    private readonly QuietTime time = new();
    private readonly ModelledDisk disk;

    public DatabaseLifeTests()
    {
        disk = new ModelledDisk(0, time);
        disk.CreateDirectory("/data");
    }

    [Fact]
    public async Task A_new_instance_keeps_its_identity_and_its_rows()
    {
        Guid instance, replicaset;
        await using (Database database = await Open())
        {
            (instance, replicaset) = (database.InstanceUuid, database.ReplicasetUuid);
            Assert.NotEqual(Guid.Empty, instance);
            Assert.NotEqual(instance, replicaset);
            await Write(database, 1, 10);
        }
        await using Database again = await Open();
        Assert.Equal((instance, replicaset), (again.InstanceUuid, again.ReplicasetUuid));
        Assert.Equal(Enumerable.Range(1, 10).Select(n => (long)n), TestTables.Read(again, Table).Keys);
    }

    [Fact]
    public async Task A_clean_stop_finishes_every_file_and_proves_where_the_last_log_ends()
    {
        await using (Database database = await Open())
            await Write(database, 1, 30);
        string[] logs = Logs();
        Assert.True(logs.Length > 3);
        VClock? expected = null;
        foreach (string log in logs)
        {
            using LogFileReader reader = LogFileReader.Open(disk, log, new LogReadOptions());
            Assert.True(expected is null || expected.Equals(reader.Header.VClock), log);
            while (reader.TryReadTransaction(out _))
            {
            }
            Assert.True(reader.End!.IsFinished, log);
            expected = reader.Reached;
        }
        Assert.Equal((0, true), Segment(logs[^1]));
        disk.Place(logs[^2], disk.Fetch(logs[^2])[..^20]);
        Assert.Equal(DamageKinds.HoleBetweenFiles, (await Refused()).Kind);
    }

    [Fact]
    public async Task A_start_without_a_write_changes_nothing()
    {
        await using (Database database = await Open())
            await Write(database, 1, 5);
        string before = Everything();
        await (await Open()).DisposeAsync();
        Assert.Equal(before, Everything());
    }

    [Fact]
    public async Task A_directory_in_use_is_refused()
    {
        await using Database database = await Open();
        await Assert.ThrowsAsync<DirectoryLockedException>(() => Open());
    }

    [Fact]
    public async Task A_missing_log_is_refused_and_recovery_to_the_gap_ends_before_it()
    {
        await using (Database database = await Open())
            await Write(database, 1, 60);
        string[] logs = Logs();
        int missing = logs.Length / 2;
        disk.Delete(logs[missing]);
        string before = Everything();
        CorruptionException refused = await Refused();
        Assert.Equal((DamageKinds.VClockGap, logs[missing + 1]), (refused.Kind, refused.File));
        Assert.Contains("--recover-to-gap", refused.Hint, StringComparison.Ordinal);
        Assert.Equal(before, Everything());
        int kept;
        await using (Database database = await Open(options => options with { RecoverToGap = true }))
        {
            kept = TestTables.Read(database, Table).Count;
            Assert.InRange(kept, 5, 55);
            Assert.Contains(database.Recovery.Remarks, remark => remark.Contains("gap: LSN", StringComparison.Ordinal) && remark.Contains("2026-01-01", StringComparison.Ordinal));
            await Write(database, kept + 1, 3);
        }
        await using Database again = await Open();
        Assert.Equal(Enumerable.Range(1, kept + 3).Select(n => (long)n), TestTables.Read(again, Table).Keys);
        Assert.Contains(disk.List("/data"), entry => entry.Name.EndsWith(".beyond-gap", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Logs_without_a_snapshot_never_become_a_new_instance()
    {
        await using (Database database = await Open())
            await Write(database, 1, 5);
        disk.Delete("/data/00000000000000000000.snap");
        Assert.Equal(DamageKinds.NoSnapshot, (await Refused()).Kind);
        foreach (string log in Logs())
            disk.Rename(log, log + ".corrupted");
        Assert.Equal(DamageKinds.NoSnapshot, (await Refused(forced: true)).Kind);
    }

    [Fact]
    public async Task A_begun_bootstrap_is_begun_again()
    {
        disk.Place("/data/00000000000000000000.snap.inprogress", [1, 2, 3]);
        await using Database database = await Open();
        Assert.DoesNotContain(disk.List("/data"), entry => entry.Name.EndsWith(".inprogress", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Files_of_another_instance_are_refused_by_name()
    {
        await using (Database database = await Open())
            await Write(database, 1, 40);
        var other = new ModelledDisk(1, time);
        other.CreateDirectory("/data");
        await using (Database database = await Database.OpenAsync(Options(), new StorageEnvironment(other) { Time = time, Random = new Random(99) }, CancellationToken.None))
            await Write(database, 1, 40);
        string log = "/data/" + other.List("/data").Last(entry => entry.Name.EndsWith(".xlog", StringComparison.Ordinal)).Name;
        disk.Place(log, other.Fetch(log));
        CorruptionException refused = await Refused();
        Assert.Equal((DamageKinds.UuidMismatch, log), (refused.Kind, refused.File));
    }

    [Fact]
    public async Task The_same_state_is_not_written_twice()
    {
        await using Database database = await Open();
        await Write(database, 1, 3);
        long first = await database.CheckpointAsync(CancellationToken.None);
        int operations = disk.Operations;
        Assert.Equal(first, await database.CheckpointAsync(CancellationToken.None));
        Assert.Equal(operations, disk.Operations);
        Assert.True(disk.FileExists($"/data/{first:D20}.snap"));
        await Write(database, 4, 1);
        Assert.True(disk.FileExists($"/data/{first:D20}.xlog"));
        Assert.True(await database.CheckpointAsync(CancellationToken.None) > first);
    }

    [Fact]
    public async Task Waiting_for_a_commit_that_was_taken_back_fails_for_ever()
    {
        await using Database database = await Open();
        await Write(database, 1, 3);
        disk.Faults = operation => operation.Kind == DiskOperationKind.Write ? DiskFault.Full : DiskFault.None;
        long lost = Commit(database, 4);
        Assert.Equal(SqlStates.DiskFull, (await Assert.ThrowsAsync<DbException>(() => database.WaitDurableAsync(lost, CancellationToken.None).AsTask())).SqlState);
        disk.Faults = null;
        await Write(database, 5, 20);
        Assert.True(database.DurableLsn > lost);
        Assert.Equal(SqlStates.DiskFull, (await Assert.ThrowsAsync<DbException>(() => database.WaitDurableAsync(lost, CancellationToken.None).AsTask())).SqlState);
        Assert.DoesNotContain(4, TestTables.Read(database, Table).Keys);
    }

    [Fact]
    public async Task Thousands_may_wait_for_one_batch_and_any_may_give_up()
    {
        await using Database database = await Open();
        await Write(database, 1, 1);
        using var hold = new ManualResetEventSlim();
        disk.Faults = operation =>
        {
            if (operation.Kind == DiskOperationKind.Sync && operation.Path.EndsWith(".xlog", StringComparison.Ordinal))
                hold.Wait();
            return DiskFault.None;
        };
        long lsn = Commit(database, 2);
        using var impatient = new CancellationTokenSource();
        Task[] waiting = [.. Enumerable.Range(0, 5000).Select(n => database.WaitDurableAsync(lsn, n % 2 == 0 ? impatient.Token : CancellationToken.None).AsTask())];
        await impatient.CancelAsync();
        Assert.All(waiting.Where((_, n) => n % 2 == 0), task => Assert.True(task.IsCanceled));
        Assert.All(waiting.Where((_, n) => n % 2 == 1), task => Assert.False(task.IsCompleted));
        Assert.True(database.DurableLsn < lsn);
        hold.Set();
        await Task.WhenAll(waiting.Where((_, n) => n % 2 == 1));
        Assert.Equal(lsn, database.DurableLsn);
    }

    [Theory]
    [InlineData(WalMode.Write)]
    [InlineData(WalMode.None)]
    public async Task Other_modes_survive_a_clean_stop_as_far_as_they_promise(WalMode mode)
    {
        await using (Database database = await Open(options => options with { WalMode = mode }))
        {
            await Write(database, 1, 20);
            await database.CheckpointAsync(CancellationToken.None);
            await Write(database, 21, 20);
        }
        await using (Database database = await Open())
        {
            int expected = mode == WalMode.None ? 20 : 40;
            Assert.Equal(expected, TestTables.Read(database, Table).Count);
            await Write(database, 100, 5);
        }
        await using Database again = await Open();
        Assert.Contains(104, TestTables.Read(again, Table).Keys);
    }

    [Fact]
    public async Task Live_options_take_effect_and_others_are_refused()
    {
        await using Database database = await Open();
        database.Reconfigure(options => options with { CheckpointCount = 3, WalMaxSize = 1 << 20 });
        Assert.Equal(3, database.Options.CheckpointCount);
        int logs = Logs().Length;
        await Write(database, 1, 40);
        Assert.Equal(logs + 1, Logs().Length);
        Assert.Throws<ArgumentException>(() => database.Reconfigure(options => options with { WalMode = WalMode.None }));
    }

    [Fact]
    public async Task Progress_ends_with_all_bytes()
    {
        await using (Database database = await Open())
            await Write(database, 1, 40);
        (long Done, long Total) last = default;
        StorageEnvironment environment = Environment() with { OnRecoveryProgress = (done, total) => last = (done, total) };
        await using Database again = await Database.OpenAsync(Options(), environment, CancellationToken.None);
        Assert.True(last.Total > 0);
        Assert.Equal(last.Total, last.Done);
    }

    private static async Task Write(Database database, long first, int count)
    {
        if (database.Schema.Space(Table) is null)
        {
            using Transaction setup = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
            TestTables.Create(setup, Table, withSecondary: true);
            setup.Commit();
        }
        for (long key = first; key < first + count; key++)
            await database.WaitDurableAsync(Commit(database, key), CancellationToken.None);
    }

    private static long Commit(Database database, long key)
    {
        using Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
        TestTables.Put(transaction, Table, key, key * 2);
        return transaction.Commit();
    }

    private (int Blocks, bool IsFinished) Segment(string path)
    {
        using LogFileReader reader = LogFileReader.Open(disk, path, new LogReadOptions());
        while (reader.TryReadTransaction(out _))
        {
        }
        return ((int)reader.BlocksRead, reader.End!.IsFinished);
    }

    private async Task<CorruptionException> Refused(bool forced = false) =>
        await Assert.ThrowsAsync<CorruptionException>(() => Open(options => options with { ForceRecovery = forced }));

    private string[] Logs() => [.. disk.List("/data").Where(entry => entry.Name.EndsWith(".xlog", StringComparison.Ordinal)).Select(entry => "/data/" + entry.Name)];

    private string Everything() => string.Join(";", disk.List("/data").Select(entry => entry.Name + Convert.ToHexString(disk.Fetch("/data/" + entry.Name))));

    private Task<Database> Open(Func<StorageOptions, StorageOptions>? change = null) =>
        Database.OpenAsync(change is null ? Options() : change(Options()), Environment(), CancellationToken.None);

    private static StorageOptions Options() => new() { Directory = "/data", WalMaxSize = 300 };

    private StorageEnvironment Environment() => new(disk) { Time = time, Random = new Random(1) };
}
