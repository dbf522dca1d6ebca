using System.Collections.Concurrent;
using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Replication;
using Xunit;

namespace Picodata.ClusterUnit.Replication;

/// <summary>
/// Three members under writers, and faults drawn from a seed: crashes with any survival, stalls, cuts, full disks, planned hand-overs, fences without
/// a result, failovers. Afterwards all is healed: every acknowledged row is on every member, no row that was refused, and all are equal.
/// The faults of a seed are the same each time; what threads make of them is not.
/// </summary>
[Collection(nameof(Picodata.ClusterUnit.Replication))]
public sealed class ChaosTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public Task Acknowledged_rows_outlive_faults(int seed) => RunAsync(seed, actions: 12);

    [Fact]
    [Trait("speed", "long")]
    public async Task Acknowledged_rows_outlive_faults_long()
    {
        for (int seed = 100; seed < 200; seed++)
            await RunAsync(seed, actions: 25);
    }

    private static async Task RunAsync(int seed, int actions)
    {
        var chance = new Random(seed);
        await using TestReplicaset set = await TestReplicaset.StartAsync(3, seed, name => TestReplicaset.Default(name) with { RingBytes = 4000, WindowBytes = 4000 });
        await set["a"].Database.WaitDurableAsync(set["a"].CreateTable(), CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var writers = new Writers(set);
        Task[] writing = [.. Enumerable.Range(0, 3).Select(writer => Task.Run(() => writers.RunAsync(writer, stop.Token)))];
        var faults = new Faults(set, chance, seed);
        for (int action = 0; action < actions; action++)
        {
            await faults.StepAsync();
            int goal = writers.Acknowledged.Count + chance.Next(1, 60);
            await PatientlyAsync(() => writers.Acknowledged.Count >= goal, TimeSpan.FromMilliseconds(chance.Next(50, 400)));
        }
        await faults.HealAsync();
        int before = writers.Acknowledged.Count;
        await TestReplicaset.Until(() => writers.Acknowledged.Count > before + 10, $"seed {seed}: progress after healing; {set.Describe()}; {string.Join(" ", faults.Done)}");
        await stop.CancelAsync();
        await Task.WhenAll(writing);
        await VerifyAsync(set, writers, $"seed {seed}: {string.Join(" ", faults.Done)}");
    }

    private static async Task VerifyAsync(TestReplicaset set, Writers writers, string what)
    {
        TestMember primary = set[set.Authority.Current.Primary];
        await TestReplicaset.Until(() => set.All.All(member => member.Database.SyncedLogLsn == primary.Database.LogLsn), $"{what}: equal logs; {set.Describe()}");
        SortedDictionary<long, long> rows = primary.Rows();
        long[] lost = [.. writers.Acknowledged.Keys.Where(key => !rows.ContainsKey(key))];
        Assert.True(lost.Length == 0, $"{what}: {lost.Length} acknowledged rows are lost, the first {lost.FirstOrDefault()} acknowledged by {(lost.Length > 0 ? writers.Acknowledged[lost[0]] : "")}; {set.Describe()}");
        long[] ghosts = [.. rows.Keys.Where(writers.Refused.ContainsKey)];
        Assert.True(ghosts.Length == 0, $"{what}: {ghosts.Length} rows are there whose writers were told that they are not");
        foreach (TestMember member in set.All)
        {
            Assert.True(rows.SequenceEqual(member.Rows()), $"{what}: rows of {member.Name}");
            Assert.Equal(primary.Database.Reigns(), member.Database.Reigns());
        }
    }

    private static async Task PatientlyAsync(Func<bool> condition, TimeSpan atMost)
    {
        long limit = Environment.TickCount64 + (long)atMost.TotalMilliseconds;
        while (!condition() && Environment.TickCount64 < limit)
            await Task.Delay(2);
    }

    /// <summary>Each writes keys of its own and knows what it was told of each.</summary>
    private sealed class Writers(TestReplicaset set)
    {
        public ConcurrentDictionary<long, string> Acknowledged { get; } = new();

        public ConcurrentDictionary<long, bool> Refused { get; } = new();

        public async Task RunAsync(int writer, CancellationToken stop)
        {
            for (long key = (writer + 1) * 1_000_000; !stop.IsCancellationRequested; key++)
            {
                TestMember member = set[set.Authority.Current.Primary];
                bool committed = false;
                try
                {
                    await member.Using.WaitAsync(stop);
                    long number;
                    try
                    {
                        if (!member.IsUp)
                            continue;
                        number = member.Put(key, writer);
                        committed = true;
                    }
                    finally
                    {
                        member.Using.Release();
                    }
                    await member.Database.WaitDurableAsync(number, CancellationToken.None);
                    Acknowledged[key] = $"{member.Name} in term {member.Node?.Reign?.Term}";
                }
                catch (DbException refused)
                {
                    if (!committed || refused.SqlState is SqlStates.DiskFull)
                        Refused[key] = true;
                    await PatientlyAsync(() => stop.IsCancellationRequested, TimeSpan.FromMilliseconds(2));
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }
    }

    private sealed class Faults(TestReplicaset set, Random chance, int seed)
    {
        public List<string> Done { get; } = [];

        private TestMember Any() => set.All[chance.Next(set.All.Count)];

        public async Task StepAsync()
        {
            TestMember one = Any(), primary = set[set.Authority.Current.Primary];
            int kind = chance.Next(9);
            Done.Add($"{kind}{one.Name}");
            switch (kind)
            {
                case 0 when set.All.Count(member => member.IsUp) == 3:
                    await one.CrashAsync((Survival)chance.Next(4), chance.Next());
                    break;
                case 1:
                    one.Outgoing.IsStalled = !one.Outgoing.IsStalled;
                    break;
                case 2:
                    set.Network.Cut(one.Address, primary.Address);
                    break;
                case 3:
                    one.Disk.Faults = operation => operation.Kind is DiskOperationKind.Write ? DiskFault.Full : DiskFault.None;
                    break;
                case 4 when primary.IsUp:
                    await HandOverAsync(primary);
                    break;
                case 5 when one.IsUp:
                    await IgnoreAsync(() => one.Node!.FenceAsync(set.Authority.Current.Term + 1, CancellationToken.None));
                    await set.TryFailOverAsync();
                    break;
                case 6 or 7:
                    await set.TryFailOverAsync();
                    break;
                default:
                    await HealAsync(one);
                    break;
            }
            if (!primary.IsUp)
                await set.TryFailOverAsync();
            await ReopenAsync(onlyCopies: true);
        }

        public async Task HealAsync()
        {
            foreach (TestMember member in set.All)
                await HealAsync(member);
            await ReopenAsync(onlyCopies: false);
            long limit = Environment.TickCount64 + 30_000;
            while ((set.Authority.Current.InSync.Count < 3 || set[set.Authority.Current.Primary].Node!.Role != ReplicationRole.Primary) && Environment.TickCount64 < limit)
            {
                if (set[set.Authority.Current.Primary].Node!.Role != ReplicationRole.Primary || set.All.Any(member => member.Node!.Role == ReplicationRole.Fenced))
                    await set.TryFailOverAsync();
                await set.PublishAsync();
                await ReopenAsync(onlyCopies: false);
                await Task.Delay(10);
            }
            Assert.True(set.Authority.Current.InSync.Count == 3, $"seed {seed}: not in sync after healing: {set.Describe()}; {string.Join(" ", Done)}");
        }

        private async Task HandOverAsync(TestMember primary)
        {
            using var limit = new CancellationTokenSource(200);
            await IgnoreAsync(() => primary.Node!.HandOverAsync(limit.Token));
            await set.TryFailOverAsync();
        }

        private async Task HealAsync(TestMember member)
        {
            member.Outgoing.IsStalled = false;
            member.Disk.Faults = null;
            foreach (TestMember other in set.All)
                set.Network.Mend(member.Address, other.Address);
            if (!member.IsUp)
            {
                await member.OpenAsync();
                await member.Node!.ApplyReignAsync(set.Authority.Current, CancellationToken.None);
            }
        }

        private async Task ReopenAsync(bool onlyCopies)
        {
            foreach (TestMember member in set.All)
            {
                if (member.Node is { CopyNeeded.IsCompleted: true })
                    await IgnoreAsync(() => member.TryReplaceByCopyAsync());
                else if (!member.IsUp && !onlyCopies)
                    await HealAsync(member);
            }
        }

        private static async Task IgnoreAsync(Func<Task> action)
        {
            try
            {
                await action();
            }
            catch (Exception failure) when (failure is PeerException or OperationCanceledException or DbException or IOException or InvalidDataException)
            {
                // a fault of the scenario; what counts is looked at in the end
            }
        }
    }
}
