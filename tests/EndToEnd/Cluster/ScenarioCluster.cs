using System.Diagnostics;
using Npgsql;
using Xunit;

namespace Picodata.EndToEnd.Cluster;

/// <summary>
/// Instances of one cluster, each in a process and a directory of its own: what the scenarios of the reference (section 10) are played with. What is
/// waited for has a limit, and the message of a wait that failed shows what was there instead.
/// </summary>
internal sealed class ScenarioCluster : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly TempDirectory directory = new();
    private readonly List<InstanceProcess> started = [];

    /// <summary>The instance that began the cluster.</summary>
    public InstanceProcess First => started[0];

    public string Sub(string name) => directory.Sub(name);

    /// <summary>Starts an instance in the directory of this name; every one but the first gets the first's address as peer unless it names its own.</summary>
    public async Task<InstanceProcess> StartAsync(string name, params string[] arguments)
    {
        InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub(name), WithPeer(arguments));
        lock (started)
        {
            started.Add(instance);
        }

        return instance;
    }

    /// <summary>Starts an instance that has to be refused; gives what it said.</summary>
    public async Task<string> RefusedAsync(string name, params string[] arguments)
    {
        (int exitCode, string output) = await InstanceProcess.StartRefusedAsync(directory.Sub(name), WithPeer(arguments));
        Assert.NotEqual(0, exitCode);
        return output;
    }

    /// <summary>Rows of a query at one instance, columns joined with |, text null for NULL.</summary>
    public static Task<string[]> RowsAsync(InstanceProcess at, string sql) => Interop.Tarantool.RowsAsync(at, sql);

    /// <summary>Waits until a query gives these rows at an instance.</summary>
    public static async Task WaitAsync(InstanceProcess at, string sql, params string[] expected)
    {
        var watch = Stopwatch.StartNew();
        string seen = "(no answer)";
        while (true)
        {
            try
            {
                string[] rows = await RowsAsync(at, sql);
                if (rows.SequenceEqual(expected))
                {
                    return;
                }

                seen = string.Join("\n", rows);
            }
            catch (Exception problem) when (problem is NpgsqlException or IOException)
            {
                seen = problem.Message;
            }

            Assert.True(watch.Elapsed < Limit, $"{sql}\nexpected:\n{string.Join('\n', expected)}\nthere was:\n{seen}\nlog of {at.Directory}:\n{at.LogTail()}");
            await Task.Delay(30);
        }
    }

    /// <summary>Waits until all these instances are Online for the cluster, as <paramref name="at"/> sees it.</summary>
    public static Task OnlineAsync(InstanceProcess at, int count) =>
        WaitAsync(at, "SELECT count(*) FROM _pico_instance WHERE CAST(current_state AS TEXT) LIKE '%Online%'", count.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Waits until the only replicaset has so many members in sync and, of three or more, the cluster would survive the loss of any of them.</summary>
    public static async Task InSyncAsync(InstanceProcess at, int count)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            (_, string text) = await CommandAsync(at, "status");
            int there = text.Split('\n').Count(line => line.Contains(": in sync", StringComparison.Ordinal) || line.Contains(": primary, at", StringComparison.Ordinal) || line.EndsWith(": primary", StringComparison.Ordinal));
            int survived = text.Split('\n').Count(line => line.StartsWith(" instance ", StringComparison.Ordinal) && line.EndsWith(": yes", StringComparison.Ordinal));
            if (there == count && (count < 3 || survived == count))
            {
                return;
            }

            Assert.True(watch.Elapsed < Limit, $"{there} of {count} are in sync:\n{text}\nlog of {at.Directory}:\n{at.LogTail()}");
            await Task.Delay(100);
        }
    }

    /// <summary>The first value of a statement; tried again while a new primary is being found.</summary>
    public static async Task<object?> PatientlyAsync(InstanceProcess at, string sql)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return await at.ScalarAsync(sql);
            }
            catch (NpgsqlException) when (watch.Elapsed < Limit)
            {
                await Task.Delay(30);
            }
        }
    }

    /// <summary>Every one of these ids is in the table <c>rows</c>.</summary>
    public static async Task ContainsAsync(InstanceProcess at, IEnumerable<long> ids)
    {
        HashSet<long> there = [.. (await RowsAsync(at, "SELECT id FROM rows")).Select(text => long.Parse(text, System.Globalization.CultureInfo.InvariantCulture))];
        long[] lost = [.. ids.Where(id => !there.Contains(id)).Order().Take(10)];
        Assert.True(lost.Length == 0, $"{at.Directory} has {there.Count} rows, but not {string.Join(", ", lost)} ...");
    }

    /// <summary>name|replicaset of every instance that is not expelled, by name, as <paramref name="at"/> has it.</summary>
    public static Task<string[]> PlacesAsync(InstanceProcess at) =>
        RowsAsync(at, "SELECT name, replicaset_name FROM _pico_instance WHERE NOT CAST(current_state AS TEXT) LIKE '%Expelled%' ORDER BY name");

    /// <summary>Runs a command of the program with this instance as peer; gives exit code and all output.</summary>
    public static async Task<(int ExitCode, string Output)> CommandAsync(InstanceProcess peer, params string[] arguments)
    {
        (int exitCode, string output, string errors) = await Peer.RunAsync(InstanceProcess.Program, [.. arguments, "--peer", peer.IprotoAddress]);
        return (exitCode, output + errors);
    }

    /// <summary>UUID of an instance by its name.</summary>
    public static async Task<string> UuidAsync(InstanceProcess at, string name) => Assert.Single(await RowsAsync(at, $"SELECT uuid FROM _pico_instance WHERE name = '{name}'"));

    public void Dispose()
    {
        foreach (InstanceProcess instance in started)
        {
            instance.Dispose();
        }

        directory.Dispose();
    }

    private string[] WithPeer(string[] arguments) => started.Count == 0 || arguments.Contains("--peer") ? arguments : [.. arguments, "--peer", First.IprotoAddress];
}
