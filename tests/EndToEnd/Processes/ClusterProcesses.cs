using System.Diagnostics;
using System.Text.RegularExpressions;
using Npgsql;

namespace Picodata.EndToEnd;

/// <summary>What an instance of a test's cluster is to be.</summary>
/// <param name="Name">Its name in the cluster.</param>
/// <param name="FailureDomain">As of <c>--failure-domain</c>.</param>
/// <param name="Place">Its network namespace, or null for loopback.</param>
internal sealed record NodePlan(string Name, string FailureDomain, NetworkPlace? Place = null);

/// <summary>Who rules a replicaset's rows, as <c>_pico_reign</c> says.</summary>
internal sealed record ReignSeen(string Primary, long Term, IReadOnlySet<string> InSync);

/// <summary>
/// A cluster of real processes: started together, killed, paused, stopped and started again by name. All its instances are named; the first
/// planned one founds the cluster, so that the first replicaset holds the rows.
/// </summary>
internal sealed partial class ClusterProcesses : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Dictionary<string, InstanceProcess> nodes = [];

    private ClusterProcesses(string directory, int replicationFactor, IEnumerable<NodePlan> plans, string[] arguments)
    {
        Directory.CreateDirectory(directory);
        string? founder = null;
        foreach (NodePlan plan in plans)
        {
            string[] peer = founder is null ? [] : ["--peer", founder];
            var node = InstanceProcess.Planned(
                Path.Combine(directory, plan.Name),
                [.. peer, "--instance-name", plan.Name, "--failure-domain", plan.FailureDomain, "--init-replication-factor", replicationFactor.ToString(), .. arguments],
                plan.Place);
            founder ??= node.IprotoAddress;
            nodes.Add(plan.Name, node);
        }
    }

    /// <summary>Name of the replicaset that holds the rows.</summary>
    public static string DataReplicaset => "default_1";

    public IReadOnlyCollection<string> Names => nodes.Keys;

    public InstanceProcess this[string name] => nodes[name];

    /// <summary>Processes that run; a paused one counts.</summary>
    public IEnumerable<InstanceProcess> Running => nodes.Values.Where(node => !node.HasExited);

    /// <summary>Starts all and waits until the first replicaset is complete and in sync.</summary>
    /// <param name="arguments">More arguments of <c>picodata run</c>, the same for all.</param>
    public static async Task<ClusterProcesses> StartAsync(string directory, int replicationFactor, IEnumerable<NodePlan> plans, params string[] arguments)
    {
        var cluster = new ClusterProcesses(directory, replicationFactor, plans, arguments);
        try
        {
            bool isFirst = true;
            foreach (InstanceProcess node in cluster.nodes.Values)
            {
                // one after the other: who is in which replicaset must not depend on chance
                node.Launch();
                await node.UntilReadyAsync();
                if (isFirst)
                {
                    await cluster.UntilInSyncAsync(1);
                    isFirst = false;
                }
            }

            await cluster.UntilInSyncAsync(replicationFactor);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Instances i1 .. iN, each in a region of its own.</summary>
    public static IEnumerable<NodePlan> Apart(int count) => Enumerable.Range(1, count).Select(number => new NodePlan($"i{number}", $"region=r{number}"));

    /// <summary>kill -9.</summary>
    public void Kill(string name) => nodes[name].Kill();

    /// <summary>Starts a killed or stopped instance again; returns when clients can use it.</summary>
    public Task StartAgainAsync(string name) => nodes[name].StartAgainAsync();

    /// <summary>The reign over the rows, asked of whoever answers; null when nobody does.</summary>
    public async Task<ReignSeen?> ReignAsync()
    {
        string sql = $"SELECT primary_name || ' ' || term::TEXT || ' ' || in_sync::TEXT FROM _pico_reign WHERE replicaset_name = '{DataReplicaset}'";
        if (await AskAsync(sql) is not string row)
        {
            return null;
        }

        string[] words = row.Split(' ', 3);
        return new ReignSeen(words[0], long.Parse(words[1]), Name().Matches(words[2]).Select(match => match.Value).ToHashSet());
    }

    /// <summary>The primary of the replicaset that holds the rows, by the catalog.</summary>
    public async Task<string> PrimaryAsync()
    {
        string? primary = null;
        await UntilAsync("somebody is primary", async () => (primary = (await ReignAsync())?.Primary) is not null);
        return primary!;
    }

    /// <summary>The Raft leader by the instances' logs: who began to govern under the highest term, provided that its process lives.</summary>
    public async Task<string> LeaderAsync()
    {
        string? leader = null;
        await UntilAsync("somebody governs", () =>
        {
            (string? name, long highest) = (null, -1);
            foreach (InstanceProcess node in nodes.Values)
            {
                foreach (Match match in node.LogLines().Select(line => Governs().Match(line)).Where(match => match.Success))
                {
                    long term = long.Parse(match.Groups[2].Value);
                    (name, highest) = term >= highest ? (match.Groups[1].Value, term) : (name, highest);
                }
            }

            leader = name;
            return Task.FromResult(name is not null && !nodes[name].HasExited);
        });
        return leader!;
    }

    /// <summary>Waits until so many instances, the primary among them, are in sync and all of them run.</summary>
    public Task UntilInSyncAsync(int count) => UntilAsync($"{count} instances are in sync", async () =>
        await ReignAsync() is { } reign && reign.InSync.Count >= count && reign.InSync.All(name => !nodes[name].HasExited));

    /// <summary>Output of <c>picodata status</c>, asked of one instance; empty when that does not answer.</summary>
    public async Task<string> StatusAsync(string name)
    {
        var start = new ProcessStartInfo(InstanceProcess.Program, ["status", "--peer", nodes[name].IprotoAddress, "--timeout", "5"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        await errors;
        return await output;
    }

    /// <summary>
    /// Waits until so many instances are in sync, every instance is Online as the process that was started last, and the catalog has its majority without
    /// any one of them.
    /// </summary>
    public async Task UntilWholeAsync(int inSync)
    {
        await UntilInSyncAsync(inSync);
        await UntilAsync("all instances are Online", async () =>
            await AskAsync("SELECT count(*) FROM _pico_instance WHERE current_state::TEXT = target_state::TEXT AND target_state::TEXT LIKE '%Online%'") is long online && online == nodes.Count);
        string status = "";
        try
        {
            await UntilAsync("the catalog survives the loss of any instance", async () =>
                (status = await StatusAsync(await PrimaryAsync())).Length > 0 && !status.Contains("lose its majority", StringComparison.Ordinal));
        }
        catch (InvalidOperationException late)
        {
            throw new InvalidOperationException($"{status}\n{late.Message}", late);
        }
    }

    /// <summary>One value, asked of whoever answers; null when nobody does.</summary>
    public async Task<object?> AskAsync(string sql)
    {
        foreach (InstanceProcess node in Running.ToArray())
        {
            try
            {
                await using var connection = new NpgsqlConnection(node.ConnectionString + ";Timeout=5;Command Timeout=5");
                await connection.OpenAsync();
                await using var command = new NpgsqlCommand(sql, connection);
                return await command.ExecuteScalarAsync();
            }
            catch (Exception silent) when (silent is NpgsqlException or TimeoutException or InvalidOperationException)
            {
                // ask the next one
            }
        }

        return null;
    }

    /// <summary>Waits for a condition; throws with the tails of all logs when it does not come true in time.</summary>
    public async Task UntilAsync(string what, Func<Task<bool>> condition, TimeSpan? limit = null)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > (limit ?? Patience))
            {
                throw new InvalidOperationException($"not within {(limit ?? Patience).TotalSeconds:F0} s: {what}\n{Logs()}");
            }

            await Task.Delay(10);
        }
    }

    /// <summary>Tails of all logs.</summary>
    public string Logs() => string.Join('\n', nodes.Select(pair => $"--- {pair.Key}{(pair.Value.HasExited ? " (ended)" : "")}\n{pair.Value.LogTail()}"));

    /// <summary>Ends all processes that run still.</summary>
    public ValueTask DisposeAsync()
    {
        foreach (InstanceProcess node in nodes.Values)
        {
            node.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    [GeneratedRegex(@"[A-Za-z_][A-Za-z0-9_]*")]
    private static partial Regex Name();

    [GeneratedRegex(@"Governor I> (\S+) governs with term (\d+)")]
    private static partial Regex Governs();
}
