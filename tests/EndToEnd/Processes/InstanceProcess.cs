using System.Diagnostics;
using System.Net.Sockets;
using Npgsql;

namespace Picodata.EndToEnd;

/// <summary>
/// A real instance in a process of its own, on loopback and a free port: started, killed, stopped, started again in the
/// same directory. Ends what it started, by its process id.
/// </summary>
internal sealed class InstanceProcess : IDisposable
{
    public const string AdminPassword = "T0psecret";

    private static readonly TimeSpan StartTimeLimit = TimeSpan.FromMinutes(2), StopTimeLimit = TimeSpan.FromSeconds(40);

    private readonly List<string> arguments;
    private readonly NetworkPlace? place;
    private readonly List<Process> former = [];
    private volatile Process? process;

    private InstanceProcess(string directory, IEnumerable<string> arguments, NetworkPlace? place = null)
    {
        Directory = directory;
        this.arguments = arguments.ToList();
        this.place = place;
        (PgPort, IprotoPort) = PortsOf(directory);
    }

    /// <summary>Working directory of the instance.</summary>
    public string Directory { get; }

    /// <summary>Everything that the instance logged, over all of its lives.</summary>
    public string LogFile => Directory + ".log";

    public string AdminSocket => Path.Combine(Directory, "admin.sock");

    public int PgPort { get; }

    public int IprotoPort { get; }

    /// <summary>What other instances reach it by.</summary>
    public string IprotoAddress => $"{Host}:{IprotoPort}";

    /// <summary>Where it listens.</summary>
    public string Host => place?.Address ?? "127.0.0.1";

    public int ProcessId => process!.Id;

    /// <summary>Not running: ended, or not started yet.</summary>
    public bool HasExited => process is null or { HasExited: true };

    public string ConnectionString =>
        $"Host={Host};Port={PgPort};Username=admin;Password={AdminPassword};Database=postgres;Pooling=false;Timeout=30;Command Timeout=60;Include Error Detail=true";

    /// <summary>The repository's root.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The built server.</summary>
    public static string Program
    {
        get
        {
            string configuration = AppContext.BaseDirectory.Contains("/Debug/", StringComparison.Ordinal) ? "Debug" : "Release";
            return Path.Combine(Root, "src", "Server", "bin", configuration, "net10.0", "picodata");
        }
    }

    /// <summary>Starts an instance and waits until it answers.</summary>
    /// <param name="directory">Working directory; made when missing.</param>
    /// <param name="arguments">More arguments of <c>picodata run</c>; <c>{iproto}</c> in them stands for the instance's own iproto address.</param>
    public static async Task<InstanceProcess> StartAsync(string directory, params string[] arguments)
    {
        var instance = new InstanceProcess(directory, arguments);
        try
        {
            await instance.StartAgainAsync();
            return instance;
        }
        catch
        {
            instance.Dispose();
            throw;
        }
    }

    /// <summary>An instance that is not started yet: its ports are chosen, so that others can be told of it.</summary>
    public static InstanceProcess Planned(string directory, IEnumerable<string> arguments, NetworkPlace? place = null) => new(directory, arguments, place);

    /// <summary>Starts an instance that is expected to refuse; gives its exit code and what it said.</summary>
    public static async Task<(int ExitCode, string Output)> StartRefusedAsync(string directory, params string[] arguments)
    {
        var instance = new InstanceProcess(directory, arguments);
        return await instance.RefusesAsync();
    }

    /// <summary>What it is started with from the next start on, beside directory and addresses.</summary>
    public void Reconfigure(params IEnumerable<string> next)
    {
        lock (arguments)
        {
            arguments.Clear();
            arguments.AddRange(next);
        }
    }

    /// <summary>Starts the stopped instance, which is expected to refuse; gives exit code and what it said.</summary>
    public async Task<(int ExitCode, string Output)> RefusesAsync()
    {
        using Process process = Process.Start(StartOptions())!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(StartTimeLimit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new InvalidOperationException($"the instance in {Directory} started although it had to refuse");
        }

        return (process.ExitCode, await output + await errors);
    }

    /// <summary>Starts the process and waits until it answers.</summary>
    public async Task StartAgainAsync()
    {
        Launch();
        await UntilReadyAsync();
    }

    /// <summary>Starts the process.</summary>
    public void Launch()
    {
        if (process is not null)
        {
            // others may be asking it whether it runs: it is disposed of at the end
            former.Add(process);
        }

        process = Process.Start(StartOptions())!;
        process.OutputDataReceived += (_, line) => Log(line.Data);
        process.ErrorDataReceived += (_, line) => Log(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Waits until the started process answers.</summary>
    public async Task UntilReadyAsync()
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await using NpgsqlConnection connection = await OpenAsync();
                return;
            }
            catch (Exception problem) when (problem is NpgsqlException or SocketException)
            {
                if (process!.HasExited || watch.Elapsed > StartTimeLimit)
                {
                    throw new InvalidOperationException($"the instance in {Directory} did not start ({problem.Message}); its log:\n{LogTail()}", problem);
                }

                await Task.Delay(20);
            }
        }
    }

    public async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = new NpgsqlConnection(ConnectionString);
        try
        {
            await connection.OpenAsync();
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs one statement and gives its first value, or null.</summary>
    public async Task<object?> ScalarAsync(string sql)
    {
        await using NpgsqlConnection connection = await OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>kill -9.</summary>
    public void Kill()
    {
        process!.Kill();
        process.WaitForExit();
    }

    /// <summary>SIGTERM, then waits; gives the exit code.</summary>
    public async Task<int> StopAsync()
    {
        await AskToStopAsync();

        using var limit = new CancellationTokenSource(StopTimeLimit);
        try
        {
            await process!.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new InvalidOperationException($"the instance in {Directory} did not stop within {StopTimeLimit.TotalSeconds} s; its log:\n{LogTail()}");
        }

        return process.ExitCode;
    }

    /// <summary>SIGTERM; <see cref="StopAsync"/> waits besides.</summary>
    public Task AskToStopAsync() => SignalAsync("TERM");

    /// <summary>SIGSTOP: the process stands still, its sockets stay open.</summary>
    public Task PauseAsync() => SignalAsync("STOP");

    /// <summary>SIGCONT.</summary>
    public Task ResumeAsync() => SignalAsync("CONT");

    private async Task SignalAsync(string name)
    {
        using Process kill = Process.Start("kill", ["-" + name, ProcessId.ToString()]);
        await kill.WaitForExitAsync();
    }

    public string LogTail() => File.Exists(LogFile) ? string.Join('\n', LogLines().TakeLast(20)) : "(none)";

    /// <summary>What it has logged until now.</summary>
    public IReadOnlyList<string> LogLines()
    {
        lock (arguments)
        {
            return File.Exists(LogFile) ? File.ReadAllLines(LogFile) : [];
        }
    }

    public void Dispose()
    {
        if (process is { HasExited: false })
        {
            Kill();
        }

        process?.Dispose();
        former.ForEach(ended => ended.Dispose());
    }

    private ProcessStartInfo StartOptions()
    {
        string[] inside = place is null ? [] : ["netns", "exec", place.Namespace, Program];
        var start = new ProcessStartInfo(
            place is null ? Program : "ip",
            [.. inside, "run", "--instance-dir", Directory, "--pg-listen", $"{Host}:{PgPort}", "--iproto-listen", IprotoAddress, "-c", "instance.http.enabled=false", .. arguments.Select(argument => argument.Replace("{iproto}", IprotoAddress, StringComparison.Ordinal))])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        start.Environment["PICODATA_ADMIN_PASSWORD"] = AdminPassword;
        return start;
    }

    private void Log(string? line)
    {
        if (line is not null)
        {
            lock (arguments)
            {
                File.AppendAllText(LogFile, line + "\n");
            }
        }
    }

    /// <summary>An instance keeps its addresses over its restarts: they are kept beside its directory. A copy elsewhere gets others.</summary>
    private static (int Pg, int Iproto) PortsOf(string directory)
    {
        string file = directory + ".ports";
        if (!File.Exists(file))
        {
            File.WriteAllText(file, $"{Ports.Next()} {Ports.Next()}");
        }

        int[] ports = [.. File.ReadAllText(file).Split(' ').Select(int.Parse)];
        return (ports[0], ports[1]);
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Picodata.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("no Picodata.slnx above the test program");
    }
}
