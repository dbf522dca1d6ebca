using System.Diagnostics;
using Npgsql;

namespace Picodata.Bench;

/// <summary>A server with PostgreSQL's protocol that pgbench can drive.</summary>
internal abstract class SqlPeer : IDisposable
{
    protected Process? Process { get; set; }

    public abstract string Name { get; }

    public int Port { get; } = Shell.FreePort();

    public abstract string User { get; }

    public abstract string Password { get; }

    public int ProcessId => Process!.Id;

    public string ConnectionString =>
        $"Host=127.0.0.1;Port={Port};Username={User};Password={Password};Database=postgres;Timeout=60;Command Timeout=600;Pooling=false";

    public abstract void Start();

    public abstract void Stop();

    public NpgsqlConnection Open()
    {
        var connection = new NpgsqlConnection(ConnectionString);
        connection.Open();
        return connection;
    }

    public object? Query(string sql)
    {
        using NpgsqlConnection connection = Open();
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar();
    }

    public string PgBench(params string[] arguments)
    {
        string program = File.Exists("/usr/lib/postgresql/15/bin/pgbench") ? "/usr/lib/postgresql/15/bin/pgbench" : "pgbench";
        return Shell.Run("/usr/bin/env", [$"PGPASSWORD={Password}", program, "-h", "127.0.0.1", "-p", Port.ToString(), "-U", User, .. arguments, "postgres"]);
    }

    public void Dispose()
    {
        if (Process is { HasExited: false })
        {
            Stop();
        }
    }
}

/// <summary>PostgreSQL 15 from Debian, durable, with memory enough for the data.</summary>
internal sealed class PostgresPeer(string root) : SqlPeer
{
    private const string Bin = "/usr/lib/postgresql/15/bin/";
    private readonly string directory = Path.Combine(root, "postgres");

    public static bool IsInstalled => File.Exists(Bin + "postgres");

    public override string Name => "PostgreSQL 15";

    public override string User => "postgres";

    public override string Password => "";

    public override void Start()
    {
        if (!Directory.Exists(directory))
        {
            Directory.CreateDirectory(directory);
            if (Shell.IsRoot)
            {
                Shell.Run("chmod", "a+x", root);
                Shell.Run("chown", "postgres", directory);
            }

            AsPostgres(Bin + "initdb", "-D", directory, "-A", "trust", "-U", "postgres", "--no-locale", "-E", "UTF8");
        }

        string log = directory + ".log";
        string[] server =
        [
            Bin + "postgres", "-D", directory, "-p", Port.ToString(), "-h", "127.0.0.1", "-k", "", "-c", "shared_buffers=2GB",
            "-c", "max_wal_size=8GB", "-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "checkpoint_timeout=1h",
        ];
        Process = Shell.IsRoot ? Shell.Start(log, "setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", .. server]) : Shell.Start(log, server[0], server[1..]);
        Shell.Await(Process, log, () => Query("SELECT 1") is not null);
    }

    public override void Stop()
    {
        Shell.Run("kill", "-INT", ProcessId.ToString());
        Process!.WaitForExit();
    }

    private static void AsPostgres(params string[] command)
    {
        if (Shell.IsRoot)
        {
            Shell.Run("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", .. command]);
        }
        else
        {
            Shell.Run(command[0], command[1..]);
        }
    }
}

/// <summary>The product, as a user starts it.</summary>
internal sealed class PicodataPeer(string root) : SqlPeer
{
    // a directory of its own for each peer: an instance keeps the addresses that it began with
    private readonly string directory = Path.Combine(root, "picodata-" + Guid.NewGuid().ToString("N"));

    public override string Name => "Picodata.NET";

    public override string User => "admin";

    public override string Password => "T0psecret";

    /// <summary>Time from the start of the process to the first answer.</summary>
    public TimeSpan StartTime { get; private set; }

    public override void Start()
    {
        string log = directory + ".log";
        var watch = Stopwatch.StartNew();
        Process = Shell.Start(
            log, "/usr/bin/env", "PICODATA_ADMIN_PASSWORD=" + Password, Path.Combine(Shell.FindRoot(), "picodata"), "run", "--instance-dir", directory,
            "--pg-listen", $"127.0.0.1:{Port}", "--memtx-memory", "12G", "-c", "instance.http.enabled=false", "--log-level", "warn");
        Shell.Await(Process, log, () => Query("SELECT 1") is not null);
        StartTime = watch.Elapsed;
    }

    public override void Stop()
    {
        Shell.Run("kill", "-TERM", ProcessId.ToString());
        Process!.WaitForExit();
    }
}
