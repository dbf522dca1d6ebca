using System.Collections.Immutable;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Picodata.Cluster;
using Picodata.Core;
using Picodata.PgWire;
using Picodata.Replication;
using Picodata.Sql;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Server;

/// <summary>
/// One instance as a member of its cluster: from the open iproto port through founding, joining or waking up to being Online, and back. Composition and order only;
/// what is decided is decided in the Cluster and Replication rooms.
///
/// Life
///   1. a directory with data is opened, which takes its lock; the iproto port opens, so that others can discover this instance
///   2. the directory has data: the catalog that is applied in it says who this is (wakeup);
///      else discovery: this instance founds the cluster (boot), or joins one: its place is granted by the leader, its rows are copied from its primary (join)
///   3. catalog (voter or learner), data path, heartbeats and governor run
///   4. activation: the leader gives the process its incarnation; from then on reigns are followed
///   5. the doors for clients open
/// Stop: target state Offline (a primary hands over first), doors close, data path, engine, database, catalog, port.
///
/// Invariants
/// 1. A directory with data never founds a second cluster by itself: only the catalog applied in it, or the operator (<c>--rescue</c>), makes it lead.
/// 2. Sessions run here only while the data path is primary of the replicaset that holds the buckets.
/// 3. An instance that is told that it is expelled, or that another process runs under its name, ends.
/// </summary>
internal sealed partial class ClusterInstance : IAsyncDisposable
{
    /// <summary>How long a stop waits for commits that wait for other members.</summary>
    public static readonly TimeSpan CommitPatience = TimeSpan.FromSeconds(3);

    private readonly InstanceConfig config;
    private readonly ILoggerFactory loggers;
    private readonly ILogger log;
    private readonly InstanceFiles files;
    private readonly Pulse changes = new();
    private readonly PeerServices services = new();
    private readonly PeerNetwork network;
    private readonly string cookie;
    private readonly Chance chance = new(new Random());

    /// <summary>Tells this process from others of the same directory.</summary>
    private readonly Guid process = Guid.NewGuid();
    private readonly ClusterTimings timings = ClusterTimings.Default;
    private readonly TimeProvider time = TimeProvider.System;
    private readonly SwitchedEngine sessions = new();
    private readonly SqlOnPrimary sql;
    private readonly LeaseClock lease;
    private readonly CancellationTokenSource ending = new();
    private readonly List<Task> loops = [];
    private readonly TaskCompletionSource<string> mustEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private WebApplication? port;
    private volatile PeerIdentity identity;
    private volatile InstanceRow? self;
    private volatile DataPath? data;
    private volatile ReplicatedCatalog? catalog;
    private LeaseLedger? ledger;
    private HeartbeatDesk? desk;
    private HeartbeatClient? heartbeats;
    private MembershipClient? membership;
    private PgConnectionService? passedOn;
    private PgConnectionService? passedOnTrusted;
    private volatile Reign? newest;
    private long incarnation;
    private long boots;
    private volatile bool isStopping;

    public ClusterInstance(InstanceConfig config, RecoveryChoice recovery, ILoggerFactory loggers, Action<string> die)
    {
        this.config = config;
        this.loggers = loggers;
        log = loggers.CreateLogger("Cluster");
        files = new InstanceFiles(config, recovery, loggers, die);
        Directory.CreateDirectory(files.Directory);
        cookie = ServiceCookie.Read(files.Directory, log);
        identity = new PeerIdentity(config.ClusterName, Guid.Empty, Guid.Empty, config.InstanceName ?? "");
        network = new PeerNetwork(cookie, () => identity);
        lease = new LeaseClock(time);
        sql = new SqlOnPrimary(sessions, OpenEngineAsync, log);
        Router = new SessionRouter(network, DataPrimaryAddress, () => sql.IsOpen && HoldsBuckets(), cancel => changes.Next.WaitAsync(cancel), time);
    }

    /// <summary>Where sessions run.</summary>
    public ISessionRouter Router { get; }

    /// <summary>The engine while this instance is primary.</summary>
    public SwitchedEngine Sessions => sessions;

    /// <summary>The open database, or null while there is none.</summary>
    public Database? Database => data?.Database;

    /// <summary>Completes with the reason when the process must end: expelled, or superseded.</summary>
    public Task<string> MustEnd => mustEnd.Task;

    /// <summary>Name in the cluster.</summary>
    public string Name => self!.Name;

    /// <summary>Starts until the instance is Online; then clients can be served.</summary>
    public async Task StartAsync(CancellationToken stop)
    {
        Database? existing = await OpenExistingAsync(stop);
        await OpenPortAsync(stop);
        string reason = await EnterAsync(existing, stop);
        Serve();
        loops.Add(RunAsync("heartbeats", heartbeats!.RunAsync));
        loops.Add(RunAsync("superseded", WatchSupersededAsync));
        loops.Add(RunAsync("governor", GovernorOf(catalog!).RunAsync));
        loops.Add(RunAsync("membership", WatchMembershipAsync));
        await ActivateAsync(reason, stop);
        files.ForgetPendingUuid();
        loops.Add(RunAsync("reigns", FollowReignsAsync));
        loops.Add(RunAsync("roles", FollowRoleAsync));
        loops.Add(RunAsync("copies", ReplaceCopiesAsync));
        loops.Add(RunAsync("sentinel", WatchOfflineAsync));
    }

    /// <summary>Sessions of a client door end with the instance's reign.</summary>
    public void AddDoor(PgConnectionService door) => sql.Doors.Add(door);

    /// <summary>Tells the cluster, lets another take over where there is one, and waits for that a while.</summary>
    public async Task HandOverAsync(CancellationToken deadline)
    {
        isStopping = true;
        if (self is null || catalog is null)
        {
            return;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(deadline);
        limit.CancelAfter(TimeSpan.FromSeconds(5));
        try
        {
            await membership!.UpdateAsync(Update(StateVariant.Offline, "shutdown"), LeaderAddresses, limit.Token);
            while (data?.Node.Role == ReplicationRole.Primary && HasSuccessor())
            {
                await UntilAsync(changes.Next, TimeSpan.FromMilliseconds(20), limit.Token);
            }
        }
        catch (Exception problem) when (problem is PeerException or OperationCanceledException)
        {
            log.LogWarning("the instance stops without having handed over: {Reason}", problem.Message);
        }
    }

    /// <summary>
    /// Nothing is committed here any more: commits that still wait for other members are answered with 40003. Without it an instance whose cluster has no
    /// majority, as when all are stopped at once, would wait for its sessions and they for others.
    /// </summary>
    public async Task EndCommitsAsync()
    {
        if (data is { } path)
        {
            await path.Node.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await Task.WhenAll(loops);
        Task sessionsEnd = sql.CloseAsync("the instance is being stopped");
        if (await Task.WhenAny(sessionsEnd, Task.Delay(CommitPatience, time)) != sessionsEnd)
        {
            await EndCommitsAsync();
        }

        await sessionsEnd;
        if (port is not null)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            await port.StopAsync(limit.Token);
        }

        if (data is not null)
        {
            await data.Node.DisposeAsync();
        }

        if (catalog is not null)
        {
            await catalog.DisposeAsync();
        }

        if (data is not null)
        {
            await data.Database.DisposeAsync();
        }

        if (port is not null)
        {
            await port.DisposeAsync();
        }

        await network.DisposeAsync();
        ending.Dispose();
    }

    private async Task OpenPortAsync(CancellationToken stop)
    {
        services.Add(".proc_discover", (arguments, _) => AnswerDiscovery(arguments));
        (string host, int number) = config.IprotoListen;
        IPEndPoint listen = ListenAddress.Of(host, number);
        if (cookie.Length == 0 && !IPAddress.IsLoopback(listen.Address))
        {
            log.LogWarning(
                "there is no {File} in {Directory}: whoever reaches {Host}:{Port} can act as an instance of this cluster, and as admin; write the same password into that file on all instances",
                ServiceCookie.FileName, files.Directory, host, number);
        }

        var door = new PeerDoor(services, cookie, () => identity, loggers.CreateLogger("Iproto"), ending.Token);
        try
        {
            port = await ClusterDoor.OpenAsync(listen, door, loggers, stop);
        }
        catch (IOException taken)
        {
            throw new ConfigException($"cannot listen on {host}:{number} (iproto): {taken.Message}; choose another address with --iproto-listen");
        }
    }

    private Task<SqlEngine> OpenEngineAsync(CancellationToken cancel) =>
        files.OpenEngineAsync(data!.Database, identity.ClusterUuid, self!.Name, self.ReplicasetName, cancel);

    // ---- what others may ask of this instance

    private void Serve()
    {
        ICatalog words = catalog!;
        var route = new LeaderRoute(words, network);
        var joins = new JoinDesk(words, route, chance, time);
        var activations = new ActivationDesk(words, route, chance, time, desk!);
        var expels = new ExpelDesk(words, route, chance, time);
        var members = new MemberDesk(() => data?.Node, () => self!.ReplicasetName, words, time);
        services.Add(JoinDesk.Procedure, joins.AnswerAsync);
        services.Add(ActivationDesk.Procedure, activations.AnswerAsync);
        services.Add(ExpelDesk.Procedure, expels.AnswerAsync);
        services.Add(MemberDesk.FenceProcedure, (arguments, cancel) => AndLook(members.FenceAsync(arguments, cancel)));
        services.Add(MemberDesk.DemoteProcedure, (arguments, cancel) => AndLook(members.DemoteAsync(arguments, cancel)));
        services.Add(StatusCommand.Procedure, StatusAsync);
        services.AddService(HeartbeatDesk.Service, desk!.ServeAsync);
        services.AddService(DataPath.Service, ServeReplicationAsync);
        passedOn = new PgConnectionService(sessions, new PgWireOptions(), time, loggers.CreateLogger("PgProto"));
        passedOnTrusted = new PgConnectionService(sessions, new PgWireOptions { TrustedUser = "admin" }, time, loggers.CreateLogger("Admin"));
        sql.Doors.Add(passedOn);
        sql.Doors.Add(passedOnTrusted);
        services.AddService(SessionRouter.Service, ServeSessionAsync);
    }

    private async ValueTask<ReadOnlyMemory<byte>> AndLook(ValueTask<ReadOnlyMemory<byte>> call)
    {
        try
        {
            return await call;
        }
        finally
        {
            changes.Beat();
        }
    }

    private Task ServeReplicationAsync(ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel) =>
        data is { } path
            ? path.Node.ServeAsync(opening, stream, cancel)
            : throw new PeerException(PeerFailure.Refused, "the instance has no open data at the moment");

    private Task ServeSessionAsync(ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel)
    {
        if (!sql.IsOpen)
        {
            throw new PeerException(PeerFailure.Refused, "the instance is not primary: it runs no sessions");
        }

        (string? trusted, string? address) = SessionRouter.Read(opening);
        return trusted switch
        {
            null => passedOn!.RunAsync(stream, address, cancel),
            "admin" => passedOnTrusted!.RunAsync(stream, address, cancel),
            _ => throw new PeerException(PeerFailure.Refused, $"user \"{trusted}\" cannot be taken for proved"),
        };
    }

    /// <summary>The leader knows who is connected and how far; who does not lead asks it, and tells what the catalog says when it does not answer.</summary>
    private async ValueTask<ReadOnlyMemory<byte>> StatusAsync(ReadOnlyMemory<byte> arguments, CancellationToken cancel)
    {
        bool leads = catalog!.IsLeader;
        if (!leads && !arguments.Span.SequenceEqual(StatusCommand.OfThisInstance) && catalog.LeaderAddress is { } leader)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(LookLimit);
            try
            {
                return await network.CallAsync(leader, StatusCommand.Procedure, StatusCommand.OfThisInstance.ToArray(), limit.Token);
            }
            catch (Exception silent) when (silent is PeerException or OperationCanceledException && !cancel.IsCancellationRequested)
            {
                log.LogDebug("the leader at {Address} does not tell the status: {Reason}", leader, silent.Message);
            }
        }

        IReadOnlyDictionary<string, InstanceSight> sights = leads ? desk!.Look() : ImmutableDictionary<string, InstanceSight>.Empty;
        string text = ClusterStatus.Full(ClusterModel.From(catalog.Image), sights, catalog.Voters);
        var writer = new MsgPackWriter();
        writer.WriteString(text);
        return writer.WrittenMemory;
    }

    private GovernorLoop GovernorOf(ReplicatedCatalog words)
    {
        var tools = new GovernorTools(words, words, desk!, ledger!, new MemberCalls(network, timings), timings, time, chance, loggers.CreateLogger("Governor"))
        {
            Resign = words.ResignAsync,
        };
        return new GovernorLoop(self!.Name, tools);
    }

    // ---- helpers of the loops

    private Task RunAsync(string name, Func<CancellationToken, Task> loop) => Task.Run(async () =>
    {
        try
        {
            await loop(ending.Token);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // the instance stops
        }
        catch (Exception failure)
        {
            log.LogError(failure, "{Loop} failed", name);
            mustEnd.TrySetResult($"an internal part failed ({name}: {failure.Message}); start the instance again");
        }
    });

    private IReadOnlyList<string> LeaderAddresses()
    {
        var addresses = new List<string>();
        if (catalog?.LeaderAddress is { } leader)
        {
            addresses.Add(leader);
        }

        if (catalog is not null)
        {
            addresses.AddRange(catalog.Voters.Where(voter => !addresses.Contains(voter)));
        }

        addresses.AddRange(config.Peers.Where(peer => !addresses.Contains(peer)));
        return addresses;
    }

    private InstanceUpdate Update(StateVariant target, string reason) => new(
        identity.ClusterUuid, self!.Name, self.Uuid, target, reason, FailureDomain.From(config.FailureDomain), ProgramVersion.Text,
        config.IprotoAdvertise, config.PgEnabled ? config.PgAdvertise : null, config.HttpEnabled ? config.HttpAdvertise : null, Interlocked.Read(ref incarnation), 0, process, boots);

    private bool HasSuccessor() =>
        ClusterModel.From(catalog!.Image).ReignOf(self!.ReplicasetName) is { InSync.Count: > 1 };

    /// <summary>iproto address of the primary of the replicaset that holds all rows, or null when none is known, or it is this instance.</summary>
    private string? DataPrimaryAddress()
    {
        if (catalog is not { } words)
        {
            return null;
        }

        ClusterModel model = ClusterModel.From(words.Image);
        return model.DataReplicaset is { } name && model.ReignOf(name) is { } reign && reign.Primary != self?.Name
            && model.Instances.TryGetValue(reign.Primary, out InstanceRow? primary) ? model.AddressOf(primary) : null;
    }

    private bool HoldsBuckets() => ClusterModel.From(catalog!.Image).DataReplicaset is { } name && name == self?.ReplicasetName;
}
