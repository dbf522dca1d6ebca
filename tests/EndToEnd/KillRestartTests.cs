using System.Collections.Concurrent;
using System.Diagnostics;
using Npgsql;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>
/// Promise P1 with real processes: writers note what was acknowledged, the instance is killed at a random moment and started again.
/// Every acknowledged row is there, and no transaction is half there.
/// </summary>
public sealed class KillRestartTests : IDisposable
{
    private const int Writers = 6;

    private readonly TempDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public Task Nothing_acknowledged_is_lost_by_kill_9() => KillAsync(kills: 8, seed: 1);

    [Fact]
    [Trait("speed", "long")]
    public Task Nothing_acknowledged_is_lost_by_200_times_kill_9() => KillAsync(kills: 200, seed: 2);

    private async Task KillAsync(int kills, int seed)
    {
        var chance = new Random(seed);
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        await instance.ScalarAsync("CREATE TABLE left_half (id INT PRIMARY KEY, v INT)");
        await instance.ScalarAsync("CREATE TABLE right_half (id INT PRIMARY KEY, v INT)");
        var acknowledged = new HashSet<long>();
        for (int kill = 0; kill < kills; kill++)
        {
            var noted = new ConcurrentBag<long>();
            using var over = new CancellationTokenSource();
            Task[] writers = [.. Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(instance, (kill * 1_000_000L) + (writer * 100_000L), noted, over.Token)))];
            await UntilAsync(() => noted.Count >= Writers, TimeSpan.FromSeconds(20));
            var watch = Stopwatch.StartNew();
            TimeSpan life = TimeSpan.FromMilliseconds(chance.Next(5, 250));
            if (kill % 3 == 2)
                await instance.ScalarAsync("CHECKPOINT");
            while (watch.Elapsed < life)
                await Task.Yield();
            instance.Kill();
            await over.CancelAsync();
            await Task.WhenAll(writers);
            acknowledged.UnionWith(noted);
            await instance.StartAgainAsync();
            await CheckAsync(instance, acknowledged, kill);
        }
        Assert.True(acknowledged.Count > kills * Writers, $"only {acknowledged.Count} transactions were acknowledged");
        TestContext.Current.SendDiagnosticMessage($"{kills} kills, {acknowledged.Count} acknowledged transactions, none lost");
    }

    private static async Task WriteAsync(InstanceProcess instance, long first, ConcurrentBag<long> noted, CancellationToken over)
    {
        try
        {
            await using NpgsqlConnection connection = await instance.OpenAsync();
            for (long id = first; !over.IsCancellationRequested; id++)
            {
                await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(over);
                await InsertAsync(connection, "left_half", id);
                await InsertAsync(connection, "right_half", id);
                await transaction.CommitAsync(over);
                noted.Add(id);
            }
        }
        catch (Exception broken) when (broken is NpgsqlException and not PostgresException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // the instance is gone: what was in flight is unknown
        }
    }

    private static async Task InsertAsync(NpgsqlConnection connection, string table, long id)
    {
        await using var insert = new NpgsqlCommand($"INSERT INTO {table} VALUES ($1, $2)", connection) { Parameters = { new() { Value = id }, new() { Value = id * 3 } } };
        await insert.ExecuteNonQueryAsync();
    }

    private static async Task CheckAsync(InstanceProcess instance, HashSet<long> acknowledged, int kill)
    {
        HashSet<long> left = await ReadAsync(instance, "left_half"), right = await ReadAsync(instance, "right_half");
        long[] lost = [.. acknowledged.Where(id => !left.Contains(id)).Order().Take(10)];
        Assert.True(lost.Length == 0, $"kill {kill}: acknowledged transactions {string.Join(", ", lost)} are lost");
        Assert.True(left.SetEquals(right), $"kill {kill}: transactions {string.Join(", ", left.Except(right).Union(right.Except(left)).Order().Take(10))} are half there");
    }

    private static async Task<HashSet<long>> ReadAsync(InstanceProcess instance, string table)
    {
        await using NpgsqlConnection connection = await instance.OpenAsync();
        await using var command = new NpgsqlCommand($"SELECT id, v FROM {table}", connection);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        var ids = new HashSet<long>();
        while (await reader.ReadAsync())
        {
            Assert.Equal(reader.GetInt64(0) * 3, reader.GetInt64(1));
            ids.Add(reader.GetInt64(0));
        }
        return ids;
    }

    private static async Task UntilAsync(Func<bool> condition, TimeSpan limit)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(watch.Elapsed < limit, "the writers did not get going");
            await Task.Delay(1);
        }
    }
}
