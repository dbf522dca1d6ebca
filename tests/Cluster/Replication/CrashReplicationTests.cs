using Picodata.Harness.Disk;
using Picodata.Replication;
using Picodata.Storage;
using Picodata.Unit.Durability;
using Xunit;

namespace Picodata.ClusterUnit.Replication;

/// <summary>
/// The power goes at one member at every operation on its files, while a workload with DDL and checkpoints runs: the survivor holds every
/// acknowledged transaction whole and in order; whoever comes back, from whatever its disk kept, ends equal by itself or by a copy.
/// </summary>
[Collection(nameof(Picodata.ClusterUnit.Replication))]
public sealed class CrashReplicationTests
{
    private const int Steps = 25;

    private static readonly Survival[] Modes = [Survival.Nothing, Survival.Everything, Survival.Prefix, Survival.Random];

    [Fact]
    public Task Acknowledged_rows_are_on_the_survivor_of_a_primary() => CrashEverywhere(seed: 1, stride: 29, ofPrimary: true);

    [Fact]
    public Task A_replica_that_crashed_comes_back_equal() => CrashEverywhere(seed: 2, stride: 23, ofPrimary: false);

    [Theory]
    [InlineData(3, true)]
    [InlineData(4, true)]
    [InlineData(5, false)]
    [InlineData(6, false)]
    [Trait("speed", "long")]
    public Task Acknowledged_rows_survive_at_any_operation(int seed, bool ofPrimary) => CrashEverywhere(seed, 1, ofPrimary);

    private static async Task CrashEverywhere(int seed, int stride, bool ofPrimary)
    {
        int operations = await RunOnceAsync(seed, 0, Survival.Nothing, ofPrimary);
        for (int at = 1 + (seed % stride); at <= operations; at += stride)
            await RunOnceAsync(seed, at, Modes[at % Modes.Length], ofPrimary);
    }

    /// <summary>Crashes at an operation of the workload, 0 for none; tells how many there were.</summary>
    private static async Task<int> RunOnceAsync(int seed, int at, Survival mode, bool ofPrimary)
    {
        await using TestReplicaset set = await TestReplicaset.StartAsync(2, seed);
        TestMember a = set["a"], b = set["b"], victim = ofPrimary ? a : b;
        string what = $"seed {seed}, {(ofPrimary ? "primary" : "replica")} crashes at operation {at}, {mode}";
        int before = victim.Disk.Operations;
        victim.Disk.PowerLossAt = at == 0 ? 0 : before + at;
        var workload = new CrashWorkload(seed);
        await workload.RunAsync(a.Database, Steps).WaitAsync(TimeSpan.FromSeconds(60));
        int operations = victim.Disk.Operations - before;
        if (!victim.Disk.IsDark)
        {
            await TestReplicaset.Until(() => b.Database.SyncedLogLsn == a.Database.LogLsn, what);
            workload.Verify(b.Database, what);
            return operations;
        }
        await victim.CrashAsync(mode, seed + at);
        if (ofPrimary)
        {
            Assert.Equal("b", await set.FailOverAsync());
            workload.Verify(b.Database, what);
            await workload.RunAsync(b.Database, 10);
        }
        await victim.OpenAsync();
        await set.PublishAsync();
        await ComeBackAsync(set, victim, what);
        await workload.RunAsync((ofPrimary ? b : a).Database, 10);
        await TestReplicaset.Until(() => b.Database.SyncedLogLsn == a.Database.SyncedLogLsn, what + set.Describe());
        workload.Verify(victim.Database, what);
        return operations;
    }

    private static async Task ComeBackAsync(TestReplicaset set, TestMember member, string what)
    {
        await TestReplicaset.Until(() => set.Authority.Current.InSync.Count == 2 || member.Node!.CopyNeeded.IsCompleted, $"{what}: coming back; {set.Describe()}");
        if (!member.Node!.CopyNeeded.IsCompleted)
            return;
        Assert.True((await member.Node.CopyNeeded).Reason == CopyReason.Diverged, what);
        await member.ReplaceByCopyAsync();
        await set.WaitInSyncAsync(2);
    }
}
