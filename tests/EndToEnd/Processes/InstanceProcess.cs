using System.Diagnostics;
using System.Net;
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

    private static readonly TimeSpan StartTimeLimit = TimeSpan.FromMinutes(2);

    private readonly List<string> arguments;
    private Process? process;

    private InstanceProcess(string directory, IEnumerable<string> arguments)
    {
        Directory = directory;
        this.arguments = arguments.ToList();
        PgPort = FreePort();
        IprotoPort = FreePort();
    }

    /// <summary>Working directory of the instance.</summary>
    public string Directory { get; }

    /// <summary>Everything that the instance logged, over all of its lives.</summary>
    public string LogFile => Directory + ".log";

    public string AdminSocket => Path.Combine(Directory, "admin.sock");

    public int PgPort { get; }

    public int IprotoPort { get; }

    /// <summary>What other instances reach it by.</summary>
    public string IprotoAddress => $"127.0.0.1:{IprotoPort}";

    public int ProcessId => process!.Id;

    public bool HasExited => process!.HasExited;

    public string ConnectionString =>
        $"Host=127.0.0.1;Port={PgPort};Username=admin;Password={AdminPassword};Database=postgres;Pooling=false;Timeout=30;Command Timeout=60;Include Error Detail=true";

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
    /// <param name="arguments">More arguments of <c>picodata run</c>.</param>
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

    /// <summary>Starts an instance that is expected to refuse; gives its exit code and what it said.</summary>
    public static async Task<(int ExitCode, string Output)> StartRefusedAsync(string directory, params string[] arguments)
    {
        var instance = new InstanceProcess(directory, arguments);
        using Process process = Process.Start(instance.StartOptions())!;
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
            throw new InvalidOperationException($"the instance in {directory} started although it had to refuse");
        }

        return (process.ExitCode, await output + await errors);
    }

    public async Task StartAgainAsync()
    {
        process?.Dispose();
        process = Process.Start(StartOptions())!;
        process.OutputDataReceived += (_, line) => Log(line.Data);
        process.ErrorDataReceived += (_, line) => Log(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
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
                if (process.HasExited || watch.Elapsed > StartTimeLimit)
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
        using (Process kill = Process.Start("kill", ["-TERM", ProcessId.ToString()]))
        {
            await kill.WaitForExitAsync();
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(40));
        await process!.WaitForExitAsync(limit.Token);
        return process.ExitCode;
    }

    public string LogTail() => File.Exists(LogFile) ? string.Join('\n', File.ReadLines(LogFile).TakeLast(20)) : "(none)";

    public void Dispose()
    {
        if (process is { HasExited: false })
        {
            Kill();
        }

        process?.Dispose();
    }

    private ProcessStartInfo StartOptions()
    {
        var start = new ProcessStartInfo(
            Program,
            ["run", "--instance-dir", Directory, "--pg-listen", $"127.0.0.1:{PgPort}", "--iproto-listen", IprotoAddress, "-c", "instance.http.enabled=false", .. arguments])
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

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
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
