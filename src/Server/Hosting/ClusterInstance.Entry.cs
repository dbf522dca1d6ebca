using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Picodata.Cluster;
using Picodata.Core;
using Picodata.Replication;
using Picodata.Sql;
using Picodata.Storage;

namespace Picodata.Server;

/// <summary>How an instance comes into its cluster.</summary>
internal sealed partial class ClusterInstance
{
    private readonly ImageKeeper images = new();
    private readonly SortedDictionary<string, string> silentPeers = new(StringComparer.Ordinal);
    private volatile Discovery? discovering;

    /// <summary>Own rows of a database that was closed because its shared rows may be old.</summary>
    private IReadOnlyList<(uint, ReadOnlyMemory<byte>)> distrusted = [];

    /// <summary>
    /// The data of a directory that has some, opened before anything else: that takes the directory's lock, and a second process in it is told of the first
    /// rather than of a port that is taken.
    /// </summary>
    private async Task<Database?> OpenExistingAsync(CancellationToken stop) =>
        files.HasSnapshot && !files.HasPendingUuid ? await files.OpenDatabaseAsync(null, null, stop) : null;

    /// <summary>Name, data, catalog and heartbeats are there when it ends; gives the reason for the activation.</summary>
    /// <param name="existing">What <see cref="OpenExistingAsync"/> found.</param>
    private async Task<string> EnterAsync(Database? existing, CancellationToken stop)
    {
        InstanceIdentity directory = InstanceIdentity.Load(files.Disk, files.Directory);
        if (files.HasPendingUuid)
        {
            // a join was cut off: what the directory holds may be anything up to a whole copy, and the cluster knows better
            DiscoveryOutcome found = await DiscoverAsync(stop);
            return found.Leader is { } known
                ? await JoinAsync(directory, known, stop)
                : throw new ConfigException($"{files.Directory} belongs to an instance whose join was cut off, but no cluster is found by {string.Join(", ", config.Peers)}; name a living instance with --peer");
        }

        if (existing is not null)
        {
            return await WakeAsync(directory, existing, stop);
        }

        if (directory.Verdict != IdentityVerdict.Absent)
        {
            throw new ConfigException(
                $"{files.Directory} belonged to instance {directory.InstanceUuid:D} of cluster {directory.ClusterUuid:D}, but its *.snap files are gone; "
                + "put them back, or expel that instance and start in an empty directory");
        }

        return await DiscoverAsync(stop) is { Leader: { } leader } ? await JoinAsync(directory, leader, stop) : await FoundAsync(directory, stop);
    }

    // ---- wakeup

    private async Task<string> WakeAsync(InstanceIdentity directory, Database database, CancellationToken stop)
    {
        var applied = AppliedIn(database);
        CatalogImage image = database.Schema.Space("_raft_state") is null ? CatalogImage.Empty : applied.Load();
        if (image.Index == 0 && directory.Verdict != IdentityVerdict.Own && database.Reigns().Count > 0)
        {
            throw new ConfigException($"{files.Directory} holds the rows of a replicaset without the catalog of its cluster: it was copied in the moment in which a member received them; take another copy");
        }

        if (image.Index == 0)
        {
            // written by Tarantool, by Picodata, or by a release that knew no clusters: a cluster of one begins on it
            return await FoundOnAsync(directory, database, stop);
        }

        ClusterModel model = ClusterModel.From(image);
        InstanceRow row = model.FindInstance(database.InstanceUuid)
            ?? throw new ConfigException($"the catalog in {files.Directory} does not know the instance {database.InstanceUuid:D} that its files belong to");
        if (row.IsExpelled)
        {
            throw new ConfigException($"instance {row.Name} was expelled from the cluster: it cannot come back with its data; start a new one in an empty directory");
        }

        bool isOwn = directory.Verdict == IdentityVerdict.Own;
        if (!isOwn)
        {
            log.LogWarning("{Directory} is not where this instance was last: {Reason}", files.Directory, directory.Reason);
        }

        model = await BeginAnewAsync(directory, applied, model, row, stop);
        row = model.FindInstance(database.InstanceUuid)!;
        // another cluster in the identity file: the rows of a new one are written, the founding of its Raft group was not reached, or cut off
        bool foundsAgain = StandsAlone(model, row) && (!isOwn || directory.ClusterUuid != model.ClusterUuid);
        if (isOwn && !foundsAgain && RestartRules.Check(model, row, Configured()) is { } different)
        {
            throw new ConfigException(different);
        }

        identity = identity with { ClusterName = model.ClusterName };
        Introduce(model.ClusterUuid, row);
        if (!foundsAgain)
        {
            await AskBeforeReturnAsync(model, row, isOwn, stop);
        }

        directory.Boot(foundsAgain ? Guid.Empty : model.ClusterUuid, database.InstanceUuid);
        await images.AttachAsync(applied, CatalogImage.Empty, stop);
        await StartCatalogAsync(directory, foundsAgain ? CatalogStart.FoundAgain : CatalogStart.Resume, foundsAgain ? [] : SeedsOf(model, row), stop);
        if (foundsAgain)
        {
            directory.Belong(model.ClusterUuid);
        }

        if (isOwn || foundsAgain)
        {
            StartData(database);
            return "wakeup";
        }

        // whoever is in sync owes all that was acknowledged, and a copy may be older than that: an election must never find it with what it has
        log.LogWarning("the rows in {Directory} may be older than what this instance has acknowledged: they are copied anew from the primary", files.Directory);
        distrusted = await CloseForCopyAsync(database);
        return "wakeup";
    }

    private ConfiguredSelf Configured() => new(
        config.Stated.ClusterName,
        config.InstanceName,
        config.ReplicasetName,
        config.IsGiven("instance.tier") ? config.Tier : null,
        config.IprotoAdvertise,
        config.PgEnabled ? config.PgAdvertise : null,
        config.HttpEnabled ? config.HttpAdvertise : null,
        config.HasTiers ? config.Tiers : null);

    private ImmutableArray<string> SeedsOf(ClusterModel model, InstanceRow row) =>
    [
        .. model.Instances.Values.Where(other => !other.IsExpelled && other.Name != row.Name).Select(other => model.AddressOf(other)).OfType<string>()
            .Concat(config.Peers).Where(address => address != config.IprotoAdvertise).Distinct(),
    ];

    // ---- boot

    private async Task<string> FoundAsync(InstanceIdentity directory, CancellationToken stop)
    {
        Database database = await files.OpenDatabaseAsync(null, chance.NextUuid(), stop);
        return await FoundOnAsync(directory, database, stop);
    }

    private async Task<string> FoundOnAsync(InstanceIdentity directory, Database database, CancellationToken stop)
    {
        Guid cluster = chance.NextUuid();
        Guid replicaset = database.ReplicasetUuid == Guid.Empty ? chance.NextUuid() : database.ReplicasetUuid;
        JoinRequest first = files.JoinRequest(database.InstanceUuid);
        if (!config.Tiers.First(tier => tier.Name == config.Tier).CanVote)
        {
            throw new ConfigException($"the first instance of a cluster must be of a tier that may vote, but tier \"{config.Tier}\" has can_vote: false");
        }

        ClusterModel empty = ClusterModel.From(CatalogImage.Empty);
        ProposalBuilder begin = Bootstrap.Propose(empty, first, config.Tiers, cluster, replicaset);
        string replicasetName = config.ReplicasetName ?? $"{config.Tier}_1", name = config.InstanceName ?? $"{replicasetName}_1";
        // the system tables, and the users with the first password, before anything is replicated
        await (await files.OpenEngineAsync(database, cluster, name, replicasetName, stop)).DisposeAsync();
        directory.Boot(cluster, database.InstanceUuid);
        identity = identity with { ClusterUuid = cluster, InstanceUuid = database.InstanceUuid, InstanceName = name };
        await images.AttachAsync(AppliedIn(database), CatalogImage.Empty, stop);
        await StartCatalogAsync(directory, CatalogStart.Found, [], stop);
        await catalog!.WaitForLeadershipAsync(stop);
        ProposalResult result = await catalog.ProposeAsync(begin.Build(chance.NextUuid()), stop);
        if (!result.IsApplied)
        {
            throw new InvalidOperationException("the catalog of a new cluster was not empty");
        }

        Introduce(cluster, ClusterModel.From(catalog.Image).Instances[name]);
        StartData(database);
        log.LogInformation("cluster {Name} ({Uuid}) begins with instance {Instance}", config.ClusterName, cluster, name);
        return "boot";
    }

    // ---- join

    private async Task<DiscoveryOutcome> DiscoverAsync(CancellationToken stop)
    {
        var discovery = new Discovery(chance.NextUuid(), config.IprotoAdvertise, config.CanVote, config.Peers);
        discovering = discovery;
        long warned = 0;
        while (true)
        {
            var dead = new HashSet<string>(StringComparer.Ordinal);
            while (NextAddress(discovery, dead) is { } address)
            {
                if (!await AskAsync(discovery, address, stop))
                {
                    dead.Add(address);
                }

                lock (discovery)
                {
                    if (discovery.Outcome is { } outcome)
                    {
                        return outcome;
                    }
                }
            }

            if (warned == 0 || time.GetElapsedTime(warned) > TimeSpan.FromSeconds(5))
            {
                log.LogInformation("discovering the cluster by {Peers}{Silent}", string.Join(", ", config.Peers), string.Concat(silentPeers.Select(pair => $"; {pair.Value}")));
                warned = time.GetTimestamp();
            }

            lock (discovery)
            {
                discovery.BeginRound();
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), time, stop);
        }
    }

    /// <summary>
    /// The served side. A member of a cluster that does not know the leader at the moment says so: it must not help to found a second one.
    /// </summary>
    private ValueTask<ReadOnlyMemory<byte>> AnswerDiscovery(ReadOnlyMemory<byte> arguments)
    {
        if (catalog?.LeaderAddress is { } leader)
        {
            return new(new DiscoveryAnswer(leader, [], [], false).Encode());
        }

        if (discovering is not { } discovery)
        {
            throw new PeerException(PeerFailure.Refused, "this instance belongs to a cluster and does not know its leader at the moment");
        }

        lock (discovery)
        {
            return new(discovery.Answer(DiscoveryRequest.Decode(arguments.Span), null).Encode());
        }
    }

    private static string? NextAddress(Discovery discovery, HashSet<string> dead)
    {
        lock (discovery)
        {
            return discovery.NextBeside(dead);
        }
    }

    private async Task<bool> AskAsync(Discovery discovery, string address, CancellationToken stop)
    {
        DiscoveryRequest request;
        lock (discovery)
        {
            request = discovery.RequestTo(address);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(TimeSpan.FromSeconds(2));
        try
        {
            ReadOnlyMemory<byte> answer = await network.CallAsync(address, ".proc_discover", request.Encode(), limit.Token);
            lock (discovery)
            {
                discovery.Take(address, DiscoveryAnswer.Decode(answer.Span));
            }

            silentPeers.Remove(address);
            return true;
        }
        catch (PeerException refused) when (refused.Message.Contains("cluster_name mismatch", StringComparison.Ordinal))
        {
            throw new ConfigException(refused.Message);
        }
        catch (Exception silent) when (silent is PeerException or OperationCanceledException && !stop.IsCancellationRequested)
        {
            silentPeers[address] = silent is OperationCanceledException ? $"{address} does not answer" : silent.Message;
            return false;
        }
    }

    private async Task<string> JoinAsync(InstanceIdentity directory, string leader, CancellationToken stop)
    {
        Guid uuid = files.PendingUuid();
        identity = identity with { InstanceUuid = uuid };
        membership = new MembershipClient(network, time, chance, log);
        JoinAnswer place;
        try
        {
            place = await membership.JoinAsync(files.JoinRequest(uuid), () => [leader, .. config.Peers.Where(peer => peer != leader)], stop);
        }
        catch (PeerException refused)
        {
            files.ForgetPendingUuid();
            throw new ConfigException(refused.Message);
        }

        log.LogInformation("joined cluster {Cluster} as {Name} of replicaset {Replicaset}", place.ClusterName, place.Instance.Name, place.Instance.ReplicasetName);
        Introduce(place.ClusterUuid, place.Instance);
        directory.Boot(place.ClusterUuid, uuid);
        ImmutableArray<string> seeds = [leader, .. place.Addresses.Where(row => row.Kind == "iproto").Select(row => row.Address).Where(address => address != leader && address != config.IprotoAdvertise)];
        await StartCatalogAsync(directory, CatalogStart.Resume, seeds, stop);
        Database database = place.IsMaster
            ? await BeginReplicasetAsync(place, stop)
            : await CopyFromPrimaryAsync(uuid, [], stop);
        await images.AttachAsync(AppliedIn(database), catalog!.Image, stop);
        StartData(database);
        return "join";
    }

    /// <summary>The first of its replicaset has nothing to copy: it makes the system tables itself.</summary>
    private async Task<Database> BeginReplicasetAsync(JoinAnswer place, CancellationToken stop)
    {
        Database database = await files.OpenDatabaseAsync(place.Instance.Uuid, place.Instance.ReplicasetUuid, stop);
        await (await files.OpenEngineAsync(database, place.ClusterUuid, place.Instance.Name, place.Instance.ReplicasetName, stop)).DisposeAsync();
        return database;
    }

    // ---- what all ways have in common

    private AppliedCatalog AppliedIn(Database database) => new(database, loggers.CreateLogger("Catalog"));

    private void Introduce(Guid cluster, InstanceRow row)
    {
        self = row;
        identity = new PeerIdentity(identity.ClusterName, cluster, row.Uuid, row.Name);
    }

    private async Task StartCatalogAsync(InstanceIdentity directory, CatalogStart start, ImmutableArray<string> seeds, CancellationToken stop)
    {
        boots = directory.Boots;
        var options = new CatalogOptions { Directory = files.Directory, Address = config.IprotoAdvertise, Seeds = seeds, Start = start };
        var environment = new CatalogEnvironment(files.Disk, network, time, chance, loggers, directory, images);
        // peers may call while it starts: what it serves is added behind it, and refused until then
        catalog = await ReplicatedCatalog.StartAsync(options, environment, stop);
        foreach (string procedure in ReplicatedCatalog.Procedures)
        {
            services.Add(procedure, (arguments, cancel) => catalog.CallAsync(procedure, arguments, cancel));
        }

        foreach (string service in ReplicatedCatalog.Services)
        {
            services.AddService(service, (opening, stream, cancel) => catalog.ServeAsync(service, opening, stream, cancel));
        }

        ledger = new LeaseLedger(timings, time);
        desk = new HeartbeatDesk(catalog, ledger, time);
        heartbeats = new HeartbeatClient(catalog, network, Report, lease, timings, time, chance, log);
        membership ??= new MembershipClient(network, time, chance, log);
    }
}
