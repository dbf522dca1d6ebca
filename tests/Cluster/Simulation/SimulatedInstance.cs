using Microsoft.Extensions.Logging.Abstractions;
using Picodata.Cluster;
using Picodata.Core;
using Picodata.Harness.Cluster;
using Picodata.Replication;

namespace Picodata.ClusterUnit.Simulation;

/// <summary>
/// One process of an instance: the product's membership, heartbeats, leases and governor over a modelled data path, a simulated network and a simulated catalog.
/// </summary>
internal sealed class SimulatedInstance : IPeerService
{
    private readonly ClusterSimulation cluster;
    private readonly Seat seat;
    private readonly PlantedBug bugs;
    private readonly ICatalog catalog;
    private readonly IPeerNetwork network;
    private readonly Chance chance;
    private readonly HeartbeatDesk heartbeats;
    private readonly MemberDesk members;
    private readonly JoinDesk joins;
    private readonly ActivationDesk activations;
    private readonly ExpelDesk expels;
    private readonly LeaseLedger ledger;
    private readonly SimulatedCatalog raw;
    private readonly Guid me;
    private long incarnation;

    /// <summary>What stays of an instance when its process goes.</summary>
    internal sealed record Seat(int Number, string Address, FailureDomain Domain, ModelDisk Disk)
    {
        public Guid Uuid { get; } = ClusterBuilder.Uuid(Number);

        /// <summary>Null: it has not joined yet.</summary>
        public InstanceRow? Joined { get; set; }
    }

    public SimulatedInstance(ClusterSimulation cluster, Seat seat)
    {
        this.cluster = cluster;
        this.seat = seat;
        bugs = cluster.Bugs;
        seat.Disk.Boots++;
        Process = new SimulatedProcess(cluster.World, seat.Address, 1 + (0.002 * ((seat.Number % 3) - 1)));
        network = cluster.Network.From(seat.Address, Process);
        raw = cluster.Group.Join(seat.Address, isVoter: seat.Number == 1);
        catalog = new PlantedCatalog(raw, bugs);
        chance = new Chance(new Random(cluster.World.Random.Next()));
        me = chance.NextUuid();
        Lease = new LeaseClock(Process.Time);
        ledger = new LeaseLedger(cluster.LedgerTimings, Process.Time);
        heartbeats = new HeartbeatDesk(bugs.HasFlag(PlantedBug.GrantWithoutRound) ? new Roundless(catalog) : catalog, ledger, Process.Time);
        var route = new LeaderRoute(catalog, network);
        joins = new JoinDesk(catalog, route, chance, Process.Time);
        activations = new ActivationDesk(catalog, route, chance, Process.Time, heartbeats);
        expels = new ExpelDesk(catalog, route, chance, Process.Time);
        members = new MemberDesk(() => Node, () => seat.Joined!.ReplicasetName, catalog, Process.Time);
        cluster.Network.Listen(seat.Address, Process, this);
        Process.Start(LiveAsync);
    }

    public SimulatedProcess Process { get; }

    public LeaseClock Lease { get; }

    public ModelNode? Node { get; private set; }

    public string? Name => seat.Joined?.Name;

    public string ReplicasetName => seat.Joined!.ReplicasetName;

    public long Incarnation => incarnation;

    public long ImageIndex => catalog.Image.Index;

    public string? SeenLeader => catalog.LeaderAddress;

    /// <summary>What it has come to since its start, for messages.</summary>
    public string Stage { get; private set; } = "started";

    public bool IsActivated => incarnation > 0;

    /// <summary>True when clients are answered with rows that must be current.</summary>
    public bool Rules => Node is { Role: ReplicationRole.Primary } node && (bugs.HasFlag(PlantedBug.ServeWithoutLease) || Lease.IsValidFor(node.Reign!.Term));

    /// <inheritdoc/>
    public ValueTask<ReadOnlyMemory<byte>> CallAsync(string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel) => procedure switch
    {
        JoinDesk.Procedure => joins.AnswerAsync(arguments, cancel),
        ActivationDesk.Procedure => activations.AnswerAsync(arguments, cancel),
        ExpelDesk.Procedure => expels.AnswerAsync(arguments, cancel),
        MemberDesk.FenceProcedure => members.FenceAsync(arguments, cancel),
        MemberDesk.DemoteProcedure => members.DemoteAsync(arguments, cancel),
        _ => throw new PeerException(PeerFailure.Refused, $"unknown procedure {procedure}"),
    };

    /// <inheritdoc/>
    public Task ServeAsync(string service, ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel) => heartbeats.ServeAsync(opening, stream, cancel);

    private JoinRequest Request => new("demo", seat.Uuid, null, null, "default", seat.Domain, "26.2.1", seat.Address, null, null);

    private InstanceUpdate Update => new(
        ClusterModel.From(catalog.Image).ClusterUuid, Name!, seat.Uuid, StateVariant.Online, "boot", seat.Domain, "26.2.1", seat.Address, null, null, incarnation, 0, me, seat.Disk.Boots);

    private async Task LiveAsync()
    {
        var client = new MembershipClient(network, Process.Time, chance, NullLogger.Instance);
        if (seat.Joined is null)
        {
            await JoinAsync(client);
        }

        // the cluster's UUID comes with the catalog
        while (ClusterModel.From(catalog.Image).ClusterUuid == Guid.Empty)
        {
            await catalog.WaitBeyondAsync(catalog.Image.Index, CancellationToken.None);
        }

        Node = new ModelNode(Process, seat.Disk, Name!, bugs)
        {
            Send = (member, receive) => cluster.Send(this, seat.Address, member, receive),
            Authority = new CatalogReignAuthority(seat.Joined!.ReplicasetName, catalog, chance),
            MayAcknowledge = () => Rules,
            SyncMax = cluster.SyncMax,
        };
        long number = 0;
        var beats = new HeartbeatClient(
            catalog,
            network,
            () => new HeartbeatReport(number++, Name!, seat.Uuid, incarnation, seat.Disk.Boots, Node.Role, Node.Position, Node.CommitLsn, Node.Reign?.Epoch ?? 0, catalog.Image.Index, Node.PromisedTerm),
            Lease,
            cluster.Timings,
            bugs.HasFlag(PlantedBug.StretchLease) ? new LateClock(Process.Time) : Process.Time,
            chance,
            NullLogger.Instance);
        Process.Start(() => beats.RunAsync(CancellationToken.None));
        var governor = new GovernorLoop(Name!, new GovernorTools(catalog, raw, heartbeats, ledger, new MemberCalls(network, cluster.Timings), cluster.LedgerTimings, Process.Time, chance, cluster.LogOf(Name!)));
        Process.Start(() => governor.RunAsync(CancellationToken.None));
        void Activated(InstanceUpdateAnswer answer)
        {
            incarnation = answer.Incarnation;
            beats.Nudge();
        }

        Stage = "activating";
        Activated(await client.UpdateAsync(Update with { Incarnation = 0 }, Addresses, CancellationToken.None));
        Process.Start(() => new OnlineSentinel(catalog, client, Process.Time, () => Update, () => false).RunAsync(Activated, CancellationToken.None));
        await FollowAsync(beats);
    }

    /// <summary>An administrator's UPDATE of <c>target_master_name</c>.</summary>
    public async Task AskForPrimaryAsync(string name)
    {
        try
        {
            ClusterModel model = ClusterModel.From(await catalog.ReadBarrierAsync(CancellationToken.None));
            await catalog.ProposeAsync(new ProposalBuilder(model).Put(model.Replicasets[ReplicasetName] with { TargetMaster = name }).Build(chance.NextUuid()), CancellationToken.None);
        }
        catch (CatalogUnavailableException)
        {
            // nobody leads: then there is no wish
        }
    }

    private async Task FollowAsync(HeartbeatClient beats)
    {
        var feed = new ReignFeed(catalog, Name!, () => bugs.HasFlag(PlantedBug.GoOnAfterRestart) ? ClusterModel.From(catalog.Image).Instances[Name!].SyncIncarnation : incarnation);
        while (true)
        {
            Stage = "following";
            Reign reign = await feed.NextAsync(CancellationToken.None);
            await Node!.ApplyReignAsync(reign, CancellationToken.None);
            cluster.NoteReign(this);
            beats.Nudge();
        }
    }

    private async Task JoinAsync(MembershipClient client)
    {
        if (seat.Number == 1)
        {
            await catalog.WaitForLeadershipAsync(CancellationToken.None);
            TierDefinition[] tiers = [new TierDefinition("default", cluster.ReplicationFactor, 3000, true, TierOptions.Default)];
            ProposalBuilder proposal = Bootstrap.Propose(ClusterModel.From(catalog.Image), Request, tiers, ClusterBuilder.ClusterUuid, chance.NextUuid());
            await catalog.ProposeAsync(proposal.Build(chance.NextUuid()), CancellationToken.None);
            seat.Joined = ClusterModel.From(catalog.Image).FindInstance(seat.Uuid)!;
            return;
        }

        seat.Joined = (await client.JoinAsync(Request, Addresses, CancellationToken.None)).Instance;
    }

    private IReadOnlyList<string> Addresses() => cluster.Addresses;

    /// <summary>
    /// The simulated catalog. Calls that are given up go on without their caller: a cancellation must not run inside of the catalog, whose continuations may be
    /// taken to another thread then. Can forget to compare.
    /// </summary>
    private sealed class PlantedCatalog(ICatalog inner, PlantedBug bugs) : ICatalog
    {
        public CatalogImage Image => inner.Image;

        public bool IsLeader => inner.IsLeader;

        public long Term => inner.Term;

        public string? LeaderAddress => inner.LeaderAddress;

        public async ValueTask<CatalogImage> WaitBeyondAsync(long index, CancellationToken cancel) => await Outside(() => inner.WaitBeyondAsync(index, CancellationToken.None).AsTask()).WaitAsync(cancel);

        public async ValueTask<ProposalResult> ProposeAsync(CatalogProposal proposal, CancellationToken cancel)
        {
            CatalogProposal sent = bugs.HasFlag(PlantedBug.ApplyWithoutComparing) ? proposal with { Expected = [] } : proposal;
            return await Outside(() => inner.ProposeAsync(sent, CancellationToken.None).AsTask()).WaitAsync(cancel);
        }

        public async ValueTask<CatalogImage> ReadBarrierAsync(CancellationToken cancel) => await Outside(() => inner.ReadBarrierAsync(CancellationToken.None).AsTask()).WaitAsync(cancel);

        public async ValueTask<CancellationToken> WaitForLeadershipAsync(CancellationToken cancel) => await Outside(() => inner.WaitForLeadershipAsync(CancellationToken.None).AsTask()).WaitAsync(cancel);

        private static Task<T> Outside<T>(Func<Task<T>> call)
        {
            SynchronizationContext? before = SynchronizationContext.Current;
            SynchronizationContext.SetSynchronizationContext(null);
            try
            {
                return call();
            }
            finally
            {
                SynchronizationContext.SetSynchronizationContext(before);
            }
        }
    }

    /// <summary>Proves nothing.</summary>
    private sealed class Roundless(ICatalog inner) : ICatalog
    {
        public CatalogImage Image => inner.Image;

        public bool IsLeader => inner.IsLeader;

        public long Term => inner.Term;

        public string? LeaderAddress => inner.LeaderAddress;

        public ValueTask<CatalogImage> WaitBeyondAsync(long index, CancellationToken cancel) => inner.WaitBeyondAsync(index, cancel);

        public ValueTask<ProposalResult> ProposeAsync(CatalogProposal proposal, CancellationToken cancel) => inner.ProposeAsync(proposal, cancel);

        public ValueTask<CatalogImage> ReadBarrierAsync(CancellationToken cancel) => ValueTask.FromResult(inner.Image);

        public ValueTask<CancellationToken> WaitForLeadershipAsync(CancellationToken cancel) => inner.WaitForLeadershipAsync(cancel);
    }

    /// <summary>Says that it is a second later than it is when a heartbeat is sent.</summary>
    private sealed class LateClock(TimeProvider inner) : TimeProvider
    {
        public override long TimestampFrequency => inner.TimestampFrequency;

        public override long GetTimestamp() => inner.GetTimestamp() + inner.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => inner.GetUtcNow();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => inner.CreateTimer(callback, state, dueTime, period);
    }
}
