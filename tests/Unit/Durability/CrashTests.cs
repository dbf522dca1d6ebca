using Picodata.Core;
using Picodata.Harness;
using Picodata.Harness.Disk;
using Picodata.Storage;
using Xunit;

namespace Picodata.Unit.Durability;

/// <summary>
/// Promise P1 on the modelled disk: the power goes at every single operation on files, and whatever survives of what was not
/// synced, recovery brings back every acknowledged transaction, no half of one, and a prefix of the commit order; then work
/// goes on and the power goes again.
/// </summary>
public sealed class CrashTests
{
    private const string Root = "/data";
    private const int Steps = 40;

    private static readonly (Survival Mode, int Seeds)[] Survivals = [(Survival.Nothing, 1), (Survival.Everything, 1), (Survival.Prefix, 1), (Survival.Random, 2)];

    [Fact]
    public Task Nothing_acknowledged_is_lost_whenever_the_power_goes() => CrashEverywhere(seed: 1, stride: 9);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [Trait("speed", "long")]
    public Task Nothing_acknowledged_is_lost_at_any_operation(int seed) => CrashEverywhere(seed, stride: 1);

    [Fact]
    public Task Writing_returns_by_itself_after_errors_and_full_disks() => RunWithFaults(from: 0, count: 25);

    [Fact]
    [Trait("speed", "long")]
    public Task Writing_returns_by_itself_after_errors_and_full_disks_long() => RunWithFaults(from: 100, count: 1000);

    [Fact]
    public Task A_failed_sync_stops_the_instance_and_loses_nothing_acknowledged() => RunWithFailedSyncs(from: 0, count: 15);

    [Fact]
    [Trait("speed", "long")]
    public Task A_failed_sync_stops_the_instance_and_loses_nothing_acknowledged_long() => RunWithFailedSyncs(from: 100, count: 1000);

    [Fact]
    public Task A_lying_disk_yields_a_prefix_or_a_refusal() => RunWithLies(from: 0, count: 20);

    [Fact]
    [Trait("speed", "long")]
    public Task A_lying_disk_yields_a_prefix_or_a_refusal_long() => RunWithLies(from: 100, count: 1000);

    [Fact]
    public async Task Without_syncs_a_kill_loses_nothing_and_a_power_loss_yields_a_prefix_or_a_refusal()
    {
        int refusals = 0, losses = 0;
        for (int seed = 0; seed < 24; seed++)
        {
            ModelledDisk disk = NewDisk(seed), killed;
            var workload = new CrashWorkload(seed) { MayLoseAcknowledged = seed % 2 == 1 };
            await using (Database database = await Open(disk, mode: WalMode.Write))
            {
                await workload.RunAsync(database, Steps);
                killed = seed % 2 == 0 ? disk.AfterKill(seed) : disk.AfterPowerLoss((Survival)(seed / 2 % 4), seed);
            }
            int before = workload.Acknowledged;
            try
            {
                await using Database found = await Open(killed, mode: WalMode.Write);
                workload.Verify(found, $"seed {seed}, not synced");
                losses += workload.Acknowledged < before ? 1 : 0;
            }
            catch (CorruptionException damage) when (seed % 2 == 1)
            {
                Assert.EndsWith(".xlog", damage.File, StringComparison.Ordinal);
                refusals++;
            }
        }
        Assert.True(losses > 0 && refusals < 12, $"{losses} with losses, {refusals} refused");
    }

    private static async Task CrashEverywhere(int seed, int stride)
    {
        ModelledDisk whole = NewDisk(seed);
        await RunUntilDark(whole, new CrashWorkload(seed), Steps);
        int operations = whole.Operations;
        Assert.True(operations > 100, $"only {operations} operations");
        for (int at = 1 + (seed % stride); at <= operations; at += stride)
        {
            foreach ((Survival mode, int seeds) in Survivals)
            {
                for (int survivor = 0; survivor < seeds; survivor++)
                    await CrashTwice(seed, at, mode, survivor);
            }
        }
    }

    private static async Task CrashTwice(int seed, int at, Survival mode, int survivor)
    {
        string what = $"seed {seed}, power loss at operation {at}, {mode} survives ({survivor})";
        ModelledDisk disk = NewDisk(seed);
        disk.PowerLossAt = at;
        var workload = new CrashWorkload(seed);
        await RunUntilDark(disk, workload, Steps);
        ModelledDisk second = disk.AfterPowerLoss(mode, (at * 31) + survivor);
        second.PowerLossAt = 5 + (((at * 7) + survivor) % 60);
        await RunUntilDark(second, workload, Steps / 2, what);
        ModelledDisk third = second.AfterPowerLoss(mode, (at * 37) + survivor);
        await RunUntilDark(third, workload, 2, what + ", and again");
        await RunUntilDark(third, workload, 0, what + ", and after a clean stop");
    }

    private static async Task RunWithFaults(int from, int count)
    {
        for (int seed = from; seed < from + count; seed++)
        {
            ModelledDisk disk = NewDisk(seed);
            var chance = new Random(seed);
            bool armed = false;
            disk.Faults = operation => armed && operation.Kind is DiskOperationKind.Write or DiskOperationKind.Create or DiskOperationKind.Rename && chance.Next(6) == 0
                ? (chance.Next(2) == 0 || operation.Kind != DiskOperationKind.Write ? DiskFault.IoError : DiskFault.Full)
                : DiskFault.None;
            var workload = new CrashWorkload(seed);
            string what = $"seed {seed}, faults";
            await using (Database database = await Open(disk))
            {
                armed = true;
                await workload.RunAsync(database, Steps);
                workload.Verify(database, what + ", in memory");
                armed = false;
                int before = workload.Acknowledged;
                await workload.RunAsync(database, 3);
                Assert.True(workload.Acknowledged > before, what + ": writing did not return");
                workload.Verify(database, what + ", writing again");
                armed = chance.Next(2) == 0;
                await workload.RunAsync(database, 5);
            }
            armed = false;
            ModelledDisk found = disk.AfterPowerLoss((Survival)(seed % 4), seed);
            await RunUntilDark(found, workload, 3, what + ", recovered");
        }
    }

    private static async Task RunWithFailedSyncs(int from, int count)
    {
        for (int seed = from; seed < from + count; seed++)
        {
            ModelledDisk disk = NewDisk(seed);
            var fatal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            int syncs = 0, failAt = 3 + (seed % 20);
            disk.Faults = operation => operation.Kind == DiskOperationKind.Sync && operation.Path.Contains(".xlog", StringComparison.Ordinal) && ++syncs == failAt
                ? DiskFault.IoError : DiskFault.None;
            var workload = new CrashWorkload(seed);
            await using (Database database = await Open(disk, _ => fatal.SetResult()))
            {
                await workload.RunAsync(database, Steps * 2);
                await fatal.Task.WaitAsync(TimeSpan.FromSeconds(20));
                DbException refused = Assert.Throws<DbException>(() => WriteOne(database));
                Assert.Equal(SqlStates.IoError, refused.SqlState);
            }
            ModelledDisk found = disk.AfterPowerLoss((Survival)(seed % 4), seed);
            await RunUntilDark(found, workload, 3, $"seed {seed}, failed sync");
        }
    }

    private static async Task RunWithLies(int from, int count)
    {
        int refusals = 0;
        for (int seed = from; seed < from + count; seed++)
        {
            ModelledDisk disk = NewDisk(seed);
            var workload = new CrashWorkload(seed) { MayLoseAcknowledged = true };
            await using (Database database = await Open(disk))
            {
                await workload.RunAsync(database, Steps / 2);
                disk.Faults = operation => operation.Kind == DiskOperationKind.Sync ? DiskFault.Lie : DiskFault.None;
                await workload.RunAsync(database, Steps / 2, withCheckpoints: false);
                disk = disk.AfterPowerLoss(seed % 2 == 0 ? Survival.Random : Survival.Prefix, seed);
            }
            try
            {
                await RunUntilDark(disk, workload, 3, $"seed {seed}, lying disk");
            }
            catch (CorruptionException)
            {
                refusals++;
            }
        }
        Assert.True(refusals < count, "every start was refused");
    }

    private static void WriteOne(Database database)
    {
        using Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
        TestTables.Create(transaction, 3000, withSecondary: false);
        transaction.Commit();
    }

    /// <summary>Opens, verifies (when there is something to), works, and stops; or ends where the power goes.</summary>
    private static async Task RunUntilDark(ModelledDisk disk, CrashWorkload workload, int steps, string? what = null)
    {
        Database database;
        try
        {
            database = await Open(disk);
        }
        catch (IOException) when (disk.IsDark)
        {
            return;
        }
        await using (database)
        {
            if (what is not null)
                workload.Verify(database, what);
            await workload.RunAsync(database, steps);
        }
    }

    private static Task<Database> Open(ModelledDisk disk, Action<string>? onFatal = null, WalMode mode = WalMode.Fsync)
    {
        var options = new StorageOptions { WalMode = mode, Directory = Root, WalMaxSize = 1500, CheckpointCount = 1, CopyGrace = TimeSpan.Zero, InstanceUuid = new Guid(1, 2, 3, [4, 5, 6, 7, 8, 9, 10, 11]) };
        var environment = new StorageEnvironment(disk) { Time = new QuietTime(), Random = new Random(1), OnFatal = onFatal ?? (_ => { }) };
        return Database.OpenAsync(options, environment, CancellationToken.None);
    }

    private static ModelledDisk NewDisk(int seed)
    {
        var disk = new ModelledDisk(seed, new QuietTime());
        disk.CreateDirectory(Root);
        return disk;
    }
}
