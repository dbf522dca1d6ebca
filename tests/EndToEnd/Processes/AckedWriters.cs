using System.Collections.Concurrent;
using System.Diagnostics;
using Npgsql;

namespace Picodata.EndToEnd;

/// <summary>An acknowledged insert; times are of <see cref="Stopwatch.GetTimestamp"/>.</summary>
internal readonly record struct Ack(long Id, long Begun, long Ended);

/// <summary>
/// Clients that insert rows through any instance of a cluster and note what was acknowledged. An error or a lost connection leaves that one insert
/// unknown; the client goes on with the next row at another instance.
/// </summary>
internal sealed class AckedWriters : IAsyncDisposable
{
    public const string Table = "acked";

    private static readonly TimeSpan ReconnectPause = TimeSpan.FromMilliseconds(5);

    private readonly ConcurrentQueue<Ack> acks = new();
    private readonly ConcurrentDictionary<string, int> failures = new();
    private readonly CancellationTokenSource over = new();
    private readonly Task[] writers;
    private readonly Func<InstanceProcess[]> instances;
    private long lastId;

    private AckedWriters(Func<InstanceProcess[]> instances, int count)
    {
        this.instances = instances;
        writers = [.. Enumerable.Range(0, count).Select(number => Task.Run(() => WriteAsync(number)))];
    }

    /// <summary>What was acknowledged until now, in the order of the acknowledgements.</summary>
    public IReadOnlyCollection<Ack> Acks => acks;

    /// <summary>How often statements and log-ins failed: SQLSTATE (or "connection", "timeout") with its text.</summary>
    public IReadOnlyDictionary<string, int> Failures => failures;

    /// <summary>Makes the table and begins to write.</summary>
    /// <param name="instances">Those that clients may connect to now.</param>
    public static async Task<AckedWriters> StartAsync(Func<InstanceProcess[]> instances, int count)
    {
        await instances()[0].ScalarAsync($"CREATE TABLE IF NOT EXISTS {Table} (id BIGINT PRIMARY KEY, writer INT)");
        return new AckedWriters(instances, count);
    }

    /// <summary>Waits for the first acknowledgement of an insert that began at or after a moment; gives how long after that moment it came.</summary>
    public async Task<TimeSpan> FirstAfterAsync(long moment, TimeSpan limit)
    {
        int seen = 0;
        while (true)
        {
            foreach (Ack ack in acks.Skip(seen))
            {
                seen++;
                if (ack.Begun >= moment)
                {
                    return Stopwatch.GetElapsedTime(moment, ack.Ended);
                }
            }

            if (Stopwatch.GetElapsedTime(moment) > limit)
            {
                throw new InvalidOperationException($"no write was acknowledged within {limit.TotalSeconds:F0} s; failures so far: {Describe(failures)}");
            }

            await Task.Delay(1);
        }
    }

    /// <summary>The longest time without any acknowledgement between two moments.</summary>
    public TimeSpan LongestGap(long from, long to)
    {
        long[] ends = [from, .. acks.Select(ack => ack.Ended).Where(end => end > from && end < to).Order(), to];
        return Stopwatch.GetElapsedTime(0, ends.Zip(ends.Skip(1), (left, right) => right - left).Max());
    }

    /// <summary>Ends the writers; what was in flight is waited for.</summary>
    public async Task StopAsync()
    {
        await over.CancelAsync();
        await Task.WhenAll(writers);
    }

    /// <summary>Reads the table through an instance; gives what is wrong, empty when all that was acknowledged before the call is there, and nothing that was never written.</summary>
    public async Task<string> CheckAsync(InstanceProcess through)
    {
        Ack[] expected = [.. acks];
        var present = new HashSet<long>();
        await using (NpgsqlConnection connection = await through.OpenAsync())
        {
            await using var command = new NpgsqlCommand($"SELECT id FROM {Table}", connection);
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                present.Add(reader.GetInt64(0));
            }
        }

        long[] lost = [.. expected.Select(ack => ack.Id).Where(id => !present.Contains(id))];
        long last = Interlocked.Read(ref lastId);
        long[] invented = [.. present.Where(id => id < 1 || id > last)];
        return (lost.Length == 0 ? "" : $"{lost.Length} of {expected.Length} acknowledged rows are lost: {string.Join(", ", lost.Take(10))} ")
            + (invented.Length == 0 ? "" : $"rows that nobody wrote: {string.Join(", ", invented.Take(10))}");
    }

    /// <summary>Failures in one line, the most frequent first.</summary>
    public static string Describe(IReadOnlyDictionary<string, int> failures) =>
        string.Join("; ", failures.OrderByDescending(pair => pair.Value).Take(8).Select(pair => $"{pair.Value} x {pair.Key}"));

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        over.Dispose();
    }

    private async Task WriteAsync(int number)
    {
        int turn = number;
        while (!over.IsCancellationRequested)
        {
            InstanceProcess[] all = instances();
            if (all.Length > 0)
            {
                await WriteThroughAsync(all[turn++ % all.Length], number);
            }

            await Task.Delay(ReconnectPause);
        }
    }

    private async Task WriteThroughAsync(InstanceProcess instance, int number)
    {
        try
        {
            await using var connection = new NpgsqlConnection(instance.ConnectionString + ";Timeout=3;Command Timeout=5");
            await connection.OpenAsync(over.Token);
            await using var insert = new NpgsqlCommand($"INSERT INTO {Table} VALUES ($1, $2)", connection) { Parameters = { new() { Value = 0L }, new() { Value = number } } };
            while (!over.IsCancellationRequested)
            {
                long id = Interlocked.Increment(ref lastId), begun = Stopwatch.GetTimestamp();
                insert.Parameters[0].Value = id;
                await insert.ExecuteNonQueryAsync();
                acks.Enqueue(new Ack(id, begun, Stopwatch.GetTimestamp()));
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // the end
        }
        catch (Exception broken) when (broken is NpgsqlException or TimeoutException or OperationCanceledException or ObjectDisposedException or InvalidOperationException or IOException)
        {
            string kind = broken switch
            {
                PostgresException refused => $"{refused.SqlState} {refused.MessageText}",
                TimeoutException or { InnerException: TimeoutException } => "timeout",
                _ => "connection",
            };
            failures.AddOrUpdate(kind, 1, static (_, times) => times + 1);
        }
    }
}
