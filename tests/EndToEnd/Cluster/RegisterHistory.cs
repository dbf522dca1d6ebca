using System.Collections.Concurrent;
using System.Diagnostics;
using Npgsql;

namespace Picodata.EndToEnd;

/// <summary>One operation on a register; times are of <see cref="Stopwatch.GetTimestamp"/>.</summary>
/// <param name="Value">Written (no value is written twice) or read.</param>
/// <param name="Ended">When the answer came; <see cref="long.MaxValue"/> for a write whose outcome nobody told: it may have happened, may happen yet, or never.</param>
/// <param name="Via">The instance that the client was connected to.</param>
internal sealed record RegisterOperation(int Key, bool IsWrite, long Value, long Begun, long Ended, string Via = "");

/// <summary>
/// Decides whether what clients saw of registers can be explained by operations that happen one after the other, each at a moment between its beginning and
/// its answer. Registers are independent of each other, so each is judged for itself; as no value is written twice, the answer for one
/// is exact and cheap (Gibbons and Korach, "Testing Shared Memories", 1997):
///
/// The operations of a value (its write and the reads that gave it) have a zone between f, their earliest end, and s, their latest beginning.
///   Z1 No read gives a value that nobody wrote, and none ends before the write of its value begins.
///   Z2 Zones with f before s (the register held the value all through that time) do not overlap each other.
///   Z3 No zone with s before f (all its operations can happen at one moment) lies wholly inside of one of the former.
/// Writes without an outcome that no read gave are left out: they may never have happened. Reads without an answer say nothing.
/// </summary>
internal static class RegisterHistory
{
    /// <summary>Values of a register before the first write.</summary>
    public const long FirstValue = 0;

    private sealed record Zone(long Value, long Earliest, long Latest)
    {
        public bool IsForward => Earliest < Latest;

        public long Left => Math.Min(Earliest, Latest);

        public long Right => Math.Max(Earliest, Latest);
    }

    /// <summary>What cannot be explained, one line for each register; empty when all can.</summary>
    public static IReadOnlyList<string> Check(IEnumerable<RegisterOperation> history) =>
        [.. history.GroupBy(operation => operation.Key).Select(Violation).OfType<string>()];

    private static string? Violation(IGrouping<int, RegisterOperation> register)
    {
        var zones = new List<Zone>();
        foreach (var group in register.GroupBy(operation => operation.Value))
        {
            RegisterOperation? write = group.Key == FirstValue
                ? new RegisterOperation(register.Key, true, FirstValue, long.MinValue, long.MinValue)
                : group.FirstOrDefault(operation => operation.IsWrite);
            RegisterOperation[] reads = [.. group.Where(operation => !operation.IsWrite)];
            if (write is null)
            {
                return $"register {register.Key}: {reads[0]} gave a value that nobody wrote";
            }

            if (reads.FirstOrDefault(read => read.Ended < write.Begun) is { } early)
            {
                return $"register {register.Key}: {early} ended before {write} began";
            }

            if (reads.Length > 0 || write.Ended < long.MaxValue)
            {
                zones.Add(new Zone(group.Key, reads.Append(write).Min(operation => operation.Ended), reads.Append(write).Max(operation => operation.Begun)));
            }
        }

        return Overlap(register, zones);
    }

    private static string? Overlap(IGrouping<int, RegisterOperation> register, List<Zone> zones)
    {
        Zone[] forward = [.. zones.Where(zone => zone.IsForward).OrderBy(zone => zone.Left)];
        for (int next = 1; next < forward.Length; next++)
        {
            if (forward[next].Left < forward[next - 1].Right)
            {
                return Tell(register, forward[next - 1], forward[next]);
            }
        }

        foreach (Zone brief in zones.Where(zone => !zone.IsForward))
        {
            int behind = Array.FindLastIndex(forward, zone => zone.Left < brief.Left);
            if (behind >= 0 && brief.Right < forward[behind].Right)
            {
                return Tell(register, forward[behind], brief);
            }
        }

        return null;
    }

    private static string Tell(IGrouping<int, RegisterOperation> register, Zone one, Zone other) =>
        $"register {register.Key}: values {one.Value} and {other.Value} cannot be put in an order:\n  "
        + string.Join("\n  ", register.Where(operation => operation.Value == one.Value || operation.Value == other.Value).OrderBy(operation => operation.Begun));
}

/// <summary>Clients that read and write registers through any instance and write down what they saw.</summary>
internal sealed class RegisterClients : IAsyncDisposable
{
    private readonly ConcurrentQueue<RegisterOperation> history = new();
    private readonly ConcurrentDictionary<string, int> failures = new();
    private readonly CancellationTokenSource over = new();
    private readonly int registers;
    private readonly Func<InstanceProcess[]> instances;
    private readonly Task[] clients;
    private long lastValue;

    private RegisterClients(Func<InstanceProcess[]> instances, int registers, int count)
    {
        this.instances = instances;
        this.registers = registers;
        clients = [.. Enumerable.Range(0, count).Select(number => Task.Run(() => RunAsync(new Random(number), number)))];
    }

    /// <summary>All operations that ended until now.</summary>
    public IReadOnlyCollection<RegisterOperation> History => history;

    public IReadOnlyDictionary<string, int> Failures => failures;

    /// <summary>Makes the registers and begins.</summary>
    public static async Task<RegisterClients> StartAsync(Func<InstanceProcess[]> instances, int registers, int count)
    {
        InstanceProcess first = instances()[0];
        await first.ScalarAsync("CREATE TABLE register (key INT PRIMARY KEY, value BIGINT NOT NULL)");
        await first.ScalarAsync($"INSERT INTO register SELECT id, {RegisterHistory.FirstValue} FROM generate_series(1, {registers}) AS g(id)");
        return new RegisterClients(instances, registers, count);
    }

    /// <summary>Waits for an answer to an operation that began at or after a moment.</summary>
    public async Task UntilServedAsync(long moment, TimeSpan limit)
    {
        while (!history.Reverse().Take(200).Any(operation => operation.Begun >= moment && operation.Ended < long.MaxValue))
        {
            if (Stopwatch.GetElapsedTime(moment) > limit)
            {
                throw new InvalidOperationException($"no operation was answered within {limit.TotalSeconds:F0} s; failures so far: {AckedWriters.Describe(failures)}");
            }

            await Task.Delay(5);
        }
    }

    public async Task StopAsync()
    {
        await over.CancelAsync();
        await Task.WhenAll(clients);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        over.Dispose();
    }

    private async Task RunAsync(Random chance, int number)
    {
        int turn = number;
        while (!over.IsCancellationRequested)
        {
            InstanceProcess[] all = instances();
            if (all.Length > 0)
            {
                await RunThroughAsync(all[turn++ % all.Length], chance);
            }

            await Task.Delay(5);
        }
    }

    private async Task RunThroughAsync(InstanceProcess instance, Random chance)
    {
        string via = Path.GetFileName(instance.Directory);
        (int Key, long Value, long Begun)? writing = null;
        try
        {
            await using var connection = new NpgsqlConnection(instance.ConnectionString + ";Timeout=3;Command Timeout=3");
            await connection.OpenAsync(over.Token);
            await using var read = new NpgsqlCommand("SELECT value FROM register WHERE key = $1", connection) { Parameters = { new() { Value = 0 } } };
            await using var write = new NpgsqlCommand("UPDATE register SET value = $2 WHERE key = $1", connection) { Parameters = { new() { Value = 0 }, new() { Value = 0L } } };
            while (!over.IsCancellationRequested)
            {
                int key = 1 + chance.Next(registers);
                long begun = Stopwatch.GetTimestamp();
                if (chance.Next(2) == 0)
                {
                    read.Parameters[0].Value = key;
                    long value = (long)(await read.ExecuteScalarAsync())!;
                    history.Enqueue(new RegisterOperation(key, false, value, begun, Stopwatch.GetTimestamp(), via));
                }
                else
                {
                    long value = Interlocked.Increment(ref lastValue);
                    writing = (key, value, begun);
                    (write.Parameters[0].Value, write.Parameters[1].Value) = (key, value);
                    if (await write.ExecuteNonQueryAsync() != 1)
                    {
                        throw new InvalidDataException($"the row of register {key} is gone");
                    }

                    history.Enqueue(new RegisterOperation(key, true, value, begun, Stopwatch.GetTimestamp(), via));
                    writing = null;
                }
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // the end
        }
        catch (Exception broken) when (broken is NpgsqlException or TimeoutException or OperationCanceledException or ObjectDisposedException or InvalidOperationException or IOException)
        {
            if (writing is var (key, value, begun))
            {
                history.Enqueue(new RegisterOperation(key, true, value, begun, long.MaxValue, via));
            }

            string kind = broken is PostgresException refused ? $"{refused.SqlState} {refused.MessageText}" : broken.InnerException is TimeoutException ? "timeout" : "connection";
            failures.AddOrUpdate(kind, 1, static (_, times) => times + 1);
        }
    }
}
