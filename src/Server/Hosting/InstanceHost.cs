using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Picodata.PgWire;

namespace Picodata.Server;

/// <summary>
/// The composition of one instance: files, engine, SQL, doors; and its life from start to SIGTERM.
///
/// Order of the start: log, directory, recovery (which takes the directory's lock), SQL catalog, then the doors; nobody can
/// connect to an instance that has not recovered. The stop goes the other way round and ends with the log's EOF marker.
/// </summary>
internal sealed class InstanceHost
{
    /// <summary>Statements that take long run on the pool: so many may do so before the pool hesitates to add a thread for the next.</summary>
    private const int LeastPoolThreads = 32;

    private static readonly TimeSpan StopTimeLimit = TimeSpan.FromSeconds(30);

    private readonly InstanceConfig config;
    private readonly ILoggerFactory loggers;
    private readonly ILogger log;

    private InstanceHost(InstanceConfig config, ILoggerFactory loggers)
    {
        this.config = config;
        this.loggers = loggers;
        log = loggers.CreateLogger("Instance");
    }

    /// <summary>Runs an instance until it is told to stop; 0 after a clean stop.</summary>
    public static async Task<int> RunAsync(InstanceConfig config, IReadOnlyList<string> warnings, RecoveryChoice recovery, CancellationToken cancel)
    {
        using LogDestination destination = LogDestination.Open(config.LogDestination);
        using var logging = new LineLogging(destination, LineLogging.LevelOf(config.LogLevel), config.LogsJson, TimeProvider.System);
        using ILoggerFactory loggers = LoggerFactory.Create(builder => builder
            .SetMinimumLevel(LogLevel.Trace)
            .AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("DotNext", LogLevel.Error)
            .AddFilter("RaftCluster", LogLevel.Error)
            .AddFilter("GenericServer", LogLevel.Critical)
            .AddProvider(logging));
        var host = new InstanceHost(config, loggers);
        host.Announce(warnings);
        PrepareThreads();
        using var stop = new StopSignal(cancel);
        try
        {
            return await host.ServeAsync(recovery, stop.Token);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            host.log.LogInformation("stopped before the instance was ready");
            return 0;
        }
        catch (Exception problem) when (problem is Core.CorruptionException or Core.DirectoryLockedException or Core.DbException or ConfigException or IOException)
        {
            host.log.LogCritical("the instance cannot start: {Reason}", problem.Message);
            throw;
        }
    }

    /// <summary>
    /// Sockets tell their completions to the pool, the runtime's default. Handling them on the threads that poll the sockets gave point reads a tenth more and writes
    /// half as much again, but instances were seen whose polling threads never came back (`FairnessTests`, three of four whole runs): until that is understood, no.
    /// </summary>
    private static void PrepareThreads() => ThreadPool.SetMinThreads(LeastPoolThreads, LeastPoolThreads);

    private void Announce(IReadOnlyList<string> warnings)
    {
        log.LogInformation("picodata {Version}, process {ProcessId}", ProgramVersion.Text, Environment.ProcessId);
        foreach ((string path, string text, ConfigSource source) in config.Values)
        {
            log.LogDebug("'{Path}': {Value} ({Source})", path, text, source);
        }

        foreach (string warning in warnings)
        {
            log.LogWarning("{Warning}", warning);
        }

        foreach (string path in config.WithoutEffect)
        {
            log.LogWarning("`{Path}` is set, but this release does not use it yet", path);
        }
    }

    private async Task<int> ServeAsync(RecoveryChoice recovery, CancellationToken stop)
    {
        bool isNew = !Directory.Exists(config.InstanceDir) || !Directory.EnumerateFiles(config.InstanceDir, "*.snap").Any();
        await using var instance = new ClusterInstance(config, recovery, loggers, Die);
        await instance.StartAsync(stop);
        var pg = new PgConnectionService(
            instance.Sessions, await TlsFiles.OptionsAsync(config, stop) with { Router = instance.Router }, TimeProvider.System, loggers.CreateLogger("PgProto"));
        var admin = new PgConnectionService(
            instance.Sessions, new PgWireOptions { TrustedUser = "admin", Router = instance.Router }, TimeProvider.System, loggers.CreateLogger("Admin"));
        instance.AddDoor(pg);
        instance.AddDoor(admin);
        var health = new Health(() => instance.Database);
        await using WebApplication doors = BuildDoors(pg, admin, health);
        await doors.StartAsync(stop);
        health.IsReady = true;
        AnnounceDoors(instance.Name, isNew);
        Task<string> end = instance.MustEnd;
        await UntilStopped(end, stop);
        await StopAsync(instance, doors, health, pg, admin);
        if (!end.IsCompleted)
        {
            return 0;
        }

        log.LogCritical("the instance ends: {Reason}", await end);
        return 1;
    }

    /// <summary>The storage engine can promise nothing any more: leave at once, without the writes of a clean stop.</summary>
    private void Die(string reason)
    {
        log.LogCritical("the instance stops: {Reason}; start it again once the disk is well, recovery decides what was written", reason);
        Environment.Exit(1);
    }

    private WebApplication BuildDoors(PgConnectionService pg, PgConnectionService admin, Health health)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseSockets(sockets =>
        {
            sockets.NoDelay = true;
            sockets.UnsafePreferInlineScheduling = true;
            sockets.Backlog = 1024;
        });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            if (config.PgEnabled)
            {
                kestrel.Listen(ListenAddress.Of(config.PgListen.Host, config.PgListen.Port), listen => listen.Run(pg.RunAsync));
            }

            if (config.HttpEnabled)
            {
                kestrel.Listen(ListenAddress.Of(config.HttpListen.Host, config.HttpListen.Port), listen => listen.Protocols = HttpProtocols.Http1);
            }

            // a socket file of a killed predecessor; the directory's lock says that nobody uses it
            File.Delete(config.AdminSocket);
            kestrel.ListenUnixSocket(config.AdminSocket, listen => listen.Run(admin.RunAsync));
        });
        WebApplication doors = builder.Build();
        health.Map(doors, config.KubernetesProbes);
        return doors;
    }

    private void AnnounceDoors(string name, bool isNew)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(config.AdminSocket, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
        }

        log.LogInformation("instance {Name}: {State} in {Directory}", name, isNew ? "new" : "recovered", config.InstanceDir);
        if (config.PgEnabled)
        {
            (string host, int port) = config.PgListen;
            log.LogInformation("ready; connect with: psql -h {Host} -p {Port} -U admin", host, port);
        }

        log.LogInformation("admin console: picodata admin {Socket}", config.AdminSocket);
    }

    private static async Task UntilStopped(Task end, CancellationToken stop)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration registration = stop.Register(() => stopped.TrySetResult());
        await Task.WhenAny(stopped.Task, end);
    }

    private async Task StopAsync(ClusterInstance instance, WebApplication doors, Health health, PgConnectionService pg, PgConnectionService admin)
    {
        log.LogInformation("stopping");
        health.IsReady = false;
        using var deadline = new CancellationTokenSource(StopTimeLimit);
        await instance.HandOverAsync(deadline.Token);
        Task sessionsEnd = Task.WhenAll(pg.ShutdownAsync(deadline.Token), admin.ShutdownAsync(deadline.Token));
        if (await Task.WhenAny(sessionsEnd, Task.Delay(ClusterInstance.CommitPatience, TimeProvider.System, deadline.Token)) != sessionsEnd)
        {
            await instance.EndCommitsAsync();
        }

        await sessionsEnd;
        await doors.StopAsync(deadline.Token);
        File.Delete(config.AdminSocket);
    }
}
