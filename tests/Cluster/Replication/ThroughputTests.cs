using System.Diagnostics;
using Picodata.Replication;
using Picodata.Server;
using Picodata.Storage;
using Picodata.Storage.Log;
using Xunit;

namespace Picodata.ClusterUnit.Replication;

/// <summary>How fast replicated commits and catching up are, on the real disk with syncs; figures for people, bounds for what must hold.</summary>
[Collection(nameof(Picodata.ClusterUnit.Replication))]
public sealed class ThroughputTests(ITestOutputHelper output) : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("picodata-repl-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Theory]
    [InlineData(8)]
    [InlineData(32)]
    [Trait("speed", "long")]
    public async Task Replicated_commits_with_group_commit_on_both_sides(int writers)
    {
        await using TestReplicaset set = await StartAsync(2);
        await set["a"].Database.WaitDurableAsync(set["a"].CreateTable(), CancellationToken.None);
        using var load = new Load(set["a"], writers);
        await Task.Delay(500);
        (long commits, double p50, double p99, double seconds) = await load.MeasureAsync(TimeSpan.FromSeconds(4));
        LogStatistics a = set["a"].Database.LogStatistics, b = set["b"].Database.LogStatistics;
        output.WriteLine($"{writers} writers: {commits / seconds:F0} commits/s, p50 {p50:F2} ms, p99 {p99:F2} ms; commits a sync: primary {(double)a.Commits / a.Batches:F1}, replica {(double)b.Commits / b.Batches:F1}");
        Assert.True(b.Batches < b.Commits, "no group commit on the replica");
        await set["b"].CloseAsync();
        await set.WaitInSyncAsync(1);
        (commits, p50, p99, seconds) = await load.MeasureAsync(TimeSpan.FromSeconds(4));
        output.WriteLine($"alone: {commits / seconds:F0} commits/s, p50 {p50:F2} ms, p99 {p99:F2} ms");
    }

    [Theory]
    [InlineData(300_000)]
    [InlineData(2_000_000)]
    [Trait("speed", "long")]
    public async Task A_replica_that_was_away_catches_up_while_writers_go_on(int rows)
    {
        await using TestReplicaset set = await StartAsync(2);
        TestMember a = set["a"], b = set["b"];
        await a.Database.WaitDurableAsync(a.CreateTable(), CancellationToken.None);
        await b.CloseAsync();
        for (int i = 0; i < rows; i += 1000)
            await PutManyAsync(a, 10_000_000 + i, 1000);
        await set.WaitInSyncAsync(1);
        using var load = new Load(a, 8);
        await Task.Delay(500);
        (long commits, double p50, double before99, double seconds) = await load.MeasureAsync(TimeSpan.FromSeconds(4));
        output.WriteLine($"before: {commits / seconds:F0} commits/s, p50 {p50:F2} ms, p99 {before99:F2} ms");
        long managed = GC.GetTotalMemory(forceFullCollection: true);
        var watch = Stopwatch.StartNew();
        await b.OpenAsync();
        output.WriteLine($"opened after {watch.Elapsed.TotalSeconds:F1} s");
        Task<(long Commits, double P50, double P99, double Seconds)> during = load.MeasureAsync(() => set.Authority.Current.InSync.Count == 2);
        watch.Restart();
        await set.PublishAsync();
        (commits, p50, double during99, seconds) = await during.WaitAsync(TimeSpan.FromSeconds(240));
        output.WriteLine($"caught up {rows} rows in {watch.Elapsed.TotalSeconds:F1} s; meanwhile {commits / seconds:F0} commits/s, p50 {p50:F2} ms, p99 {during99:F2} ms (x{during99 / before99:F2}); managed memory +{(GC.GetTotalMemory(false) - managed) >> 20} MiB, ring {set.Options("a").RingBytes >> 20} MiB");
        Assert.False(b.Node!.CopyNeeded.IsCompleted);
    }

    private static async Task PutManyAsync(TestMember member, long from, int count)
    {
        using Transaction transaction = member.Database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
        for (int i = 0; i < count; i++)
            Unit.Durability.TestTables.Put(transaction, TestReplicaset.Table, from + i, i);
        await member.Database.WaitDurableAsync(transaction.Commit(), CancellationToken.None);
    }

    private Task<TestReplicaset> StartAsync(int count) => TestReplicaset.StartAsync(
        count,
        options: name => TestReplicaset.Default(name) with { ReplicationTimeout = TimeSpan.FromSeconds(2), DisconnectGrace = TimeSpan.FromMilliseconds(500) },
        files: name => (new RealFileSystem(), Path.Combine(root, name)));

    /// <summary>Writers that commit one row each and wait for it, until disposed of.</summary>
    private sealed class Load : IDisposable
    {
        private readonly CancellationTokenSource stop = new();
        private readonly Task[] tasks;
        private readonly Lock sync = new();
        private List<double> latencies = [];

        public Load(TestMember member, int writers) => tasks = [.. Enumerable.Range(0, writers).Select(writer => Task.Run(() => WriteAsync(member, writer)))];

        public Task<(long Commits, double P50, double P99, double Seconds)> MeasureAsync(TimeSpan span)
        {
            var watch = Stopwatch.StartNew();
            return MeasureAsync(() => watch.Elapsed >= span);
        }

        public async Task<(long Commits, double P50, double P99, double Seconds)> MeasureAsync(Func<bool> isOver)
        {
            lock (sync)
                latencies = [];
            var watch = Stopwatch.StartNew();
            while (!isOver())
                await Task.Delay(5);
            double seconds = watch.Elapsed.TotalSeconds;
            List<double> taken;
            lock (sync)
                (taken, latencies) = (latencies, []);
            taken.Sort();
            return (taken.Count, taken[taken.Count / 2], taken[taken.Count * 99 / 100], seconds);
        }

        public void Dispose()
        {
            stop.Cancel();
            Task.WaitAll(tasks);
            stop.Dispose();
        }

        private async Task WriteAsync(TestMember member, int writer)
        {
            for (long key = writer * 1_000_000L; !stop.IsCancellationRequested; key++)
            {
                long begun = Stopwatch.GetTimestamp();
                await member.Database.WaitDurableAsync(member.Put((writer * 1_000_000L) + (key % 100_000), key), CancellationToken.None);
                lock (sync)
                    latencies.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            }
        }
    }
}
