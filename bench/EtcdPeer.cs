using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Picodata.EndToEnd;

namespace Picodata.Bench;

/// <summary>Three members of etcd with writers that put keys over the JSON gateway, moving on to the next member when one fails.</summary>
internal sealed class EtcdPeer : IDisposable
{
    private const int Members = 3;

    private readonly string directory;
    private readonly int[] clientPorts = [.. Enumerable.Range(0, Members).Select(_ => Ports.Next())];
    private readonly int[] peerPorts = [.. Enumerable.Range(0, Members).Select(_ => Ports.Next())];
    private readonly Process?[] processes = new Process?[Members];
    private readonly CancellationTokenSource over = new();
    private readonly Lock gate = new();
    private readonly int writers;
    private Task[] writing = [];
    private (long Begun, long Ended) last;

    public EtcdPeer(string directory, int writers)
    {
        this.directory = directory;
        this.writers = writers;
        Directory.CreateDirectory(directory);
    }

    /// <summary>Where Debian puts it, or null.</summary>
    public static string? Program { get; } = new[] { "/usr/bin/etcd", "/usr/local/bin/etcd" }.FirstOrDefault(File.Exists);

    public async Task StartAsync()
    {
        for (int member = 0; member < Members; member++)
        {
            Launch(member);
        }

        await UntilWholeAsync();
        writing = [.. Enumerable.Range(0, writers).Select(number => Task.Run(() => WriteAsync(number)))];
        await FirstAfterAsync(Stopwatch.GetTimestamp());
    }

    public void Launch(int member)
    {
        string group = string.Join(',', Enumerable.Range(0, Members).Select(other => $"e{other}=http://127.0.0.1:{peerPorts[other]}"));
        string client = $"http://127.0.0.1:{clientPorts[member]}", peer = $"http://127.0.0.1:{peerPorts[member]}";
        processes[member] = Shell.Start(
            Path.Combine(directory, $"e{member}.log"), Program!, "--name", $"e{member}", "--data-dir", Path.Combine(directory, $"e{member}"),
            "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", group, "--initial-cluster-token", "bench");
    }

    public void Kill(int member)
    {
        processes[member]!.Kill();
        processes[member]!.WaitForExit();
    }

    /// <summary>Index of the member that all members call leader.</summary>
    public async Task<int> LeaderAsync()
    {
        await UntilWholeAsync();
        for (int member = 0; member < Members; member++)
        {
            if (await StatusAsync(member) is var (self, leader, _) && self == leader)
            {
                return member;
            }
        }

        return await LeaderAsync();
    }

    /// <summary>All members answer, agree on a leader, and are at most a few entries apart.</summary>
    public async Task UntilWholeAsync()
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var seen = await Task.WhenAll(Enumerable.Range(0, Members).Select(StatusAsync));
            if (seen.All(status => status is { Leader: not "0" }) && seen.Select(status => status!.Value.Leader).Distinct().Count() == 1
                && seen.Max(status => status!.Value.Index) - seen.Min(status => status!.Value.Index) < 1000)
            {
                return;
            }

            if (watch.Elapsed > TimeSpan.FromMinutes(1))
            {
                throw new InvalidOperationException("etcd does not become whole");
            }

            await Task.Delay(20);
        }
    }

    /// <summary>Time from a moment to the next acknowledged put that began behind it.</summary>
    public async Task<TimeSpan> FirstAfterAsync(long moment)
    {
        while (true)
        {
            lock (gate)
            {
                if (last.Begun >= moment)
                {
                    return Stopwatch.GetElapsedTime(moment, last.Ended);
                }
            }

            if (Stopwatch.GetElapsedTime(moment) > TimeSpan.FromMinutes(1))
            {
                throw new InvalidOperationException("etcd acknowledges no write");
            }

            await Task.Delay(1);
        }
    }

    public void Dispose()
    {
        over.Cancel();
        Task.WaitAll(writing);
        foreach (Process process in processes.OfType<Process>().Where(process => !process.HasExited))
        {
            process.Kill();
            process.WaitForExit();
        }

        over.Dispose();
    }

    private async Task<(string Self, string Leader, long Index)?> StatusAsync(int member)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        try
        {
            using HttpResponseMessage answer = await client.PostAsync(new Uri($"http://127.0.0.1:{clientPorts[member]}/v3/maintenance/status"), new StringContent("{}"));
            JsonElement status = await answer.Content.ReadFromJsonAsync<JsonElement>();
            return (status.GetProperty("header").GetProperty("member_id").GetString()!, status.TryGetProperty("leader", out JsonElement leader) ? leader.GetString()! : "0", long.Parse(status.GetProperty("raftIndex").GetString()!));
        }
        catch (Exception silent) when (silent is HttpRequestException or TaskCanceledException or JsonException or KeyNotFoundException)
        {
            return null;
        }
    }

    private async Task WriteAsync(int number)
    {
        int member = number % Members;
        for (long put = 0; !over.IsCancellationRequested;)
        {
            using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
            try
            {
                while (true)
                {
                    string key = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{number}/{put++}"));
                    long begun = Stopwatch.GetTimestamp();
                    using HttpResponseMessage answer = await client.PostAsync(new Uri($"http://127.0.0.1:{clientPorts[member]}/v3/kv/put"), new StringContent($"{{\"key\":\"{key}\",\"value\":\"{key}\"}}"), over.Token);
                    answer.EnsureSuccessStatusCode();
                    lock (gate)
                    {
                        last = begun > last.Begun ? (begun, Stopwatch.GetTimestamp()) : last;
                    }
                }
            }
            catch (Exception broken) when (broken is HttpRequestException or TaskCanceledException)
            {
                member = (member + 1) % Members;
            }
        }
    }
}
