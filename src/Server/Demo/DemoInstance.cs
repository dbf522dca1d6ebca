using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Picodata.Server;

/// <summary>An instance in a process of its own, as an operator would run it: started, killed, started again.</summary>
internal sealed class DemoInstance : IDisposable
{
    private static readonly TimeSpan StartTimeLimit = TimeSpan.FromMinutes(2);

    /// <summary>An instance keeps its addresses over its restarts.</summary>
    private static readonly ConcurrentDictionary<string, (int Pg, int Iproto)> Ports = new(StringComparer.Ordinal);

    private readonly Process process;

    private DemoInstance(Process process, string directory)
    {
        this.process = process;
        Directory = directory;
    }

    public string Directory { get; }

    public string AdminSocket => Path.Combine(Directory, "admin.sock");

    /// <summary>Starts an instance and waits until it answers.</summary>
    public static async Task<DemoInstance> StartAsync(string directory, CancellationToken cancel)
    {
        string log = directory + ".log";
        (int pg, int iproto) = Ports.GetOrAdd(directory, static _ => (FreePort(), FreePort()));
        var start = new ProcessStartInfo(
            Environment.ProcessPath!,
            [
                "run", "--instance-dir", directory, "--pg-listen", $"127.0.0.1:{pg}", "--iproto-listen", $"127.0.0.1:{iproto}", "--memtx-memory", "512M",
                "-c", "instance.http.enabled=false", "--log", log,
            ])
        {
            WorkingDirectory = Path.GetDirectoryName(directory)!,
        };
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("PICODATA_", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(name);
        }

        var instance = new DemoInstance(Process.Start(start)!, directory);
        try
        {
            await instance.WaitUntilReadyAsync(log, cancel);
            return instance;
        }
        catch
        {
            instance.Dispose();
            throw;
        }
    }

    public Task<PgClient> ConnectAsync(CancellationToken cancel) => PgClient.ConnectAsync(AdminSocket, cancel);

    /// <summary>kill -9.</summary>
    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            Kill();
        }

        process.Dispose();
    }

    private async Task WaitUntilReadyAsync(string log, CancellationToken cancel)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using PgClient client = await ConnectAsync(cancel);
                await client.ScalarAsync("SELECT 1", cancel);
                return;
            }
            catch (Exception problem) when (problem is SocketException or IOException or PgServerException)
            {
                if (process.HasExited || watch.Elapsed > StartTimeLimit)
                {
                    string tail = File.Exists(log) ? string.Join('\n', File.ReadLines(log).TakeLast(5)) : "";
                    throw new IOException($"the instance in {Directory} did not start ({problem.Message}); its log ends with:\n{tail}");
                }

                await Task.Delay(50, cancel);
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
