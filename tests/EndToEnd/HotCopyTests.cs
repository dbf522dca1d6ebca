using System.Diagnostics;
using Npgsql;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>
/// Promise P2 with real processes and the tools that people use: while transactions, DDL and checkpoints go on, the directory is
/// copied; every copy starts, and holds all that was acknowledged before the copy began and a prefix of the commit order.
/// </summary>
public sealed class HotCopyTests : IDisposable
{
    private static readonly TimeSpan CheckpointInterval = TimeSpan.FromMilliseconds(200);

    private readonly TempDirectory directory = new();
    private long checkpointed;
    private int overCheckpoints;

    public void Dispose() => directory.Dispose();

    [Fact]
    public Task Copies_by_rsync_cp_tar_and_in_random_order_start() => CopyAsync(copies: 10);

    [Fact]
    [Trait("speed", "long")]
    public Task Copies_by_rsync_cp_tar_and_in_random_order_start_300_times() => CopyAsync(copies: 300);

    private async Task CopyAsync(int copies)
    {
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("source"));
        await instance.ScalarAsync("CREATE TABLE entries (id INT PRIMARY KEY, v INT)");
        await instance.ScalarAsync("CREATE INDEX entries_v ON entries (v)");
        await instance.ScalarAsync("CREATE TABLE total (id INT PRIMARY KEY, n INT, s INT)");
        await instance.ScalarAsync("INSERT INTO total VALUES (0, 0, 0)");
        // files go while later copies are made, but none that a copy of this test can have listed
        await instance.ScalarAsync("ALTER SYSTEM SET copy_grace = 60");
        using var over = new CancellationTokenSource();
        var chance = new Random(1);
        var writer = new Writer(instance);
        Task writing = Task.Run(() => writer.RunAsync(over.Token));
        Task checkpointing = Task.Run(() => CheckpointAsync(instance, over.Token));
        var lengths = new List<double>();
        for (int copy = 0; copy < copies; copy++)
        {
            string target = directory.Sub($"copy{copy}");
            long before = writer.Acknowledged;
            long checkpoints = Volatile.Read(ref checkpointed);
            var watch = Stopwatch.StartNew();
            Assert.True(await HotCopier.CopyAsync(instance.Directory, target, copy, chance, CheckpointInterval * Drawn(chance)), "a file went away while it was copied");
            lengths.Add(watch.Elapsed / CheckpointInterval);
            overCheckpoints += Volatile.Read(ref checkpointed) > checkpoints ? 1 : 0;
            File.Delete(Path.Combine(target, "admin.sock"));
            await CheckAsync(target, before, writer);
            Assert.False(writing.IsCompleted, "the writer ended early");
            Directory.Delete(target, recursive: true);
        }
        await over.CancelAsync();
        await writing;
        await checkpointing;
        lengths.Sort();
        TestContext.Current.SendDiagnosticMessage(
            $"{copies} copies under {writer.Acknowledged} transactions and {checkpointed} checkpoints, all started; they lasted from {lengths[0]:F1} over {lengths[copies / 2]:F1} to {lengths[^1]:F1} checkpoint intervals");
        Assert.True(lengths[0] < 1 && (copies < 100 || lengths[^1] > 15), $"the copies lasted from {lengths[0]:F1} to {lengths[^1]:F1} checkpoint intervals");
        Assert.True(overCheckpoints > copies / 3, $"only {overCheckpoints} copies were made over a checkpoint");
    }

    /// <summary>From 0.1 to 20, short ones as often as long ones.</summary>
    private static double Drawn(Random chance) => 0.1 * Math.Pow(200, chance.NextDouble());

    private static async Task CheckAsync(string target, long before, Writer writer)
    {
        using InstanceProcess copied = await InstanceProcess.StartAsync(target);
        await using NpgsqlConnection connection = await copied.OpenAsync();
        (long n, long s) = await PairAsync(connection, "SELECT n, s FROM total WHERE id = 0");
        (long count, long sum) = await PairAsync(connection, "SELECT count(*), coalesce(sum(v), 0)::INT FROM entries");
        Assert.Equal((n, s), (count, sum));
        Assert.True(n >= before, $"the copy holds {n} transactions, {before} were acknowledged before it began");
        Assert.True(n <= writer.Begun);
        if (n > 0)
            Assert.Equal((1L, n), await PairAsync(connection, "SELECT min(id), max(id) FROM entries"));
        copied.Kill();
        File.Delete(copied.LogFile);
    }

    private static async Task<(long, long)> PairAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        Assert.True(await reader.ReadAsync());
        return (Convert.ToInt64(reader.GetValue(0)), Convert.ToInt64(reader.GetValue(1)));
    }

    private async Task CheckpointAsync(InstanceProcess instance, CancellationToken over)
    {
        await using NpgsqlConnection connection = await instance.OpenAsync();
        while (!over.IsCancellationRequested)
        {
            await using var command = new NpgsqlCommand("CHECKPOINT", connection);
            var pause = Stopwatch.StartNew();
            await command.ExecuteNonQueryAsync();
            Volatile.Write(ref checkpointed, checkpointed + 1);
            while (pause.Elapsed < CheckpointInterval && !over.IsCancellationRequested)
                await Task.Delay(10);
        }
    }

    /// <summary>Adds an entry and keeps the total in step, one transaction after another, with DDL between.</summary>
    private sealed class Writer(InstanceProcess instance)
    {
        private long acknowledged, begun;

        public long Acknowledged => Volatile.Read(ref acknowledged);

        public long Begun => Volatile.Read(ref begun);

        public async Task RunAsync(CancellationToken over)
        {
            await using NpgsqlConnection connection = await instance.OpenAsync();
            for (long n = 1; !over.IsCancellationRequested; n++)
            {
                Volatile.Write(ref begun, n);
                long value = n * 7919 % 1000;
                await using (NpgsqlTransaction transaction = await connection.BeginTransactionAsync(CancellationToken.None))
                {
                    await RunAsync(connection, $"INSERT INTO entries VALUES ({n}, {value})");
                    await RunAsync(connection, $"UPDATE total SET n = n + 1, s = s + {value} WHERE id = 0");
                    await transaction.CommitAsync(CancellationToken.None);
                }
                Volatile.Write(ref acknowledged, n);
                if (n % 200 == 100)
                    await RunAsync(connection, $"CREATE TABLE passing_{n} (id INT PRIMARY KEY)");
                else if (n % 200 == 0)
                    await RunAsync(connection, $"DROP TABLE passing_{n - 100}");
            }
        }

        private static async Task RunAsync(NpgsqlConnection connection, string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }
    }
}
