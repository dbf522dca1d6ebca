namespace Picodata.EndToEnd;

/// <summary>What the killed process was.</summary>
internal enum KilledRole { Primary, Leader, Both, Neither }

/// <summary>Whom to kill next, and how the times to the next acknowledged write are told.</summary>
internal static class KillRounds
{
    /// <summary>In turn: the primary, the Raft leader; they may be one process.</summary>
    public static async Task<(string Victim, KilledRole Role)> ChooseAsync(ClusterProcesses cluster, int round, Random chance)
    {
        string primary = await cluster.PrimaryAsync(), leader = await cluster.LeaderAsync();
        string victim = (round % 8) switch
        {
            7 => cluster.Names.ElementAt(chance.Next(cluster.Names.Count)),
            2 or 5 => leader,
            _ => primary,
        };
        return (victim, (victim == primary, victim == leader) switch
        {
            (true, true) => KilledRole.Both,
            (true, false) => KilledRole.Primary,
            (false, true) => KilledRole.Leader,
            _ => KilledRole.Neither,
        });
    }

    /// <summary>Median, 99th percentile (the longest of fewer than a hundred) and maximum for each role.</summary>
    public static string Describe(IReadOnlyDictionary<KilledRole, List<TimeSpan>> times) =>
        string.Join("; ", times.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key} killed {pair.Value.Count} times: {Describe(pair.Value)}"));

    /// <summary>The same for one list.</summary>
    public static string Describe(IEnumerable<TimeSpan> times)
    {
        double[] sorted = [.. times.Select(time => time.TotalMilliseconds).Order()];
        return sorted.Length == 0 ? "none" : $"median {sorted[sorted.Length / 2]:F0} ms, p99 {sorted[Math.Min(sorted.Length - 1, sorted.Length * 99 / 100)]:F0} ms, longest {sorted[^1]:F0} ms";
    }
}
