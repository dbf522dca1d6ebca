using System.Diagnostics;
using Picodata.EndToEnd;

namespace Picodata.Bench;

/// <summary>
/// Time from kill -9 to the next acknowledged write under eight writers: three instances here, three of etcd there, on the same machine one after the other. Each killed one
/// is back in sync before the next kill. What was acknowledged is looked for at the end.
/// </summary>
internal sealed class FailoverRun(string root, int kills)
{
    private const int Writers = 8;

    public void Run()
    {
        foreach (int replicationFactor in new[] { 2, 3 })
        {
            OursAsync(replicationFactor).GetAwaiter().GetResult();
        }

        if (EtcdPeer.Program is null)
        {
            Console.WriteLine("   etcd is not installed (Debian: etcd-server)");
            return;
        }

        TheirsAsync().GetAwaiter().GetResult();
    }

    private async Task OursAsync(int replicationFactor)
    {
        await using ClusterProcesses cluster = await ClusterProcesses.StartAsync(Path.Combine(root, $"rf{replicationFactor}"), replicationFactor, ClusterProcesses.Apart(3));
        await cluster.UntilWholeAsync(replicationFactor);
        await using AckedWriters writers = await AckedWriters.StartAsync(() => [.. cluster.Running], Writers);
        var chance = new Random(1);
        var times = new Dictionary<KilledRole, List<TimeSpan>>();
        for (int round = 0; round < kills; round++)
        {
            await writers.FirstAfterAsync(Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(30));
            (string victim, KilledRole role) = await KillRounds.ChooseAsync(cluster, round, chance);
            long moment = Stopwatch.GetTimestamp();
            cluster.Kill(victim);
            TimeSpan gap = await writers.FirstAfterAsync(moment, TimeSpan.FromSeconds(60));
            (times.TryGetValue(role, out List<TimeSpan>? list) ? list : times[role] = []).Add(gap);
            await cluster.StartAgainAsync(victim);
            await cluster.UntilWholeAsync(replicationFactor);
        }

        await writers.StopAsync();
        string wrong = await writers.CheckAsync(cluster.Running.First());
        Console.WriteLine($"   replication factor {replicationFactor}: {writers.Acks.Count} acknowledged rows, {(wrong.Length == 0 ? "none lost" : wrong)}");
        foreach ((KilledRole role, List<TimeSpan> list) in times.OrderBy(pair => pair.Key))
        {
            Console.WriteLine($"     {Role(role)}, {list.Count} times: {KillRounds.Describe(list)}");
        }
    }

    private static string Role(KilledRole role) => role switch
    {
        KilledRole.Primary => "primary killed, Raft leader lives",
        KilledRole.Leader => "Raft leader killed, primary lives",
        KilledRole.Both => "primary and Raft leader in one killed",
        _ => "neither killed",
    };

    private async Task TheirsAsync()
    {
        using var etcd = new EtcdPeer(Path.Combine(root, "etcd"), Writers);
        await etcd.StartAsync();
        var times = new List<TimeSpan>();
        for (int round = 0; round < kills; round++)
        {
            int leader = await etcd.LeaderAsync();
            long moment = Stopwatch.GetTimestamp();
            etcd.Kill(leader);
            times.Add(await etcd.FirstAfterAsync(moment));
            etcd.Launch(leader);
            await etcd.UntilWholeAsync();
        }

        Console.WriteLine($"   etcd, leader killed, {times.Count} times: {KillRounds.Describe(times)} (its own default time limits; a key instead of an SQL insert)");
    }
}
