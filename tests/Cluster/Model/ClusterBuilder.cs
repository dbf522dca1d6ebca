using System.Collections.Immutable;
using Picodata.Cluster;
using Picodata.Replication;

namespace Picodata.ClusterUnit;

/// <summary>Makes catalog images for tests by applying proposals to the catalog's own machine.</summary>
internal sealed class ClusterBuilder
{
    public static readonly Guid ClusterUuid = new("11111111-1111-4111-8111-111111111111");

    private readonly CatalogMachine machine = new();
    private readonly Chance chance = new(new Random(1));

    public ClusterBuilder(int replicationFactor = 2, TierOptions? options = null, int buckets = 3000, string data = "default_1")
    {
        Apply(new ProposalBuilder(Model)
            .PutProperty(ClusterModel.ClusterNameKey, "demo")
            .PutProperty(ClusterModel.ClusterUuidKey, ClusterUuid.ToString("D"))
            .PutProperty(ClusterModel.ClusterVersionKey, "26.2.1")
            .PutProperty(ClusterModel.DataReplicasetKey, data)
            .Put(new TierRow("default", replicationFactor, true, 0, 0, false, buckets, true, 0, 0))
            .PutOptions("default", options ?? TierOptions.Default));
    }

    public ClusterModel Model => ClusterModel.From(machine.Image);

    public ClusterBuilder Apply(ProposalBuilder proposal)
    {
        Assert(Offer(proposal));
        return this;
    }

    public bool Offer(ProposalBuilder proposal) => machine.Apply(machine.Image.Index + 1, 1, proposal.Build(chance.NextUuid())).Result.IsApplied;

    public static FailureDomain Domain(params string[] labels) => FailureDomain.From(labels.Select(label => new KeyValuePair<string, string>(label.Split('=')[0], label.Split('=')[1])));

    public static JoinRequest Request(int number, FailureDomain domain, string? name = null, string? replicaset = null, string tier = "default") =>
        new("demo", Uuid(number), name, replicaset, tier, domain, "26.2.1", $"host:{3300 + number}", null, null);

    public static Guid Uuid(int number) => new($"{number:x8}-0000-4000-8000-000000000000");

    /// <summary>Joins; returns the name.</summary>
    public string Join(int number, FailureDomain? domain = null, string? name = null, string? replicaset = null, string tier = "default")
    {
        JoinRules.Decision decision = JoinRules.Decide(Model, Request(number, domain ?? FailureDomain.Empty, name, replicaset, tier), chance.NextUuid());
        Apply(decision.Proposal!);
        return decision.Instance.Name;
    }

    /// <summary>Sets both states.</summary>
    public ClusterBuilder State(string name, StateVariant current, StateVariant target, long incarnation = 1, long? targetIncarnation = null, long? sync = null)
    {
        InstanceRow row = Model.Instances[name];
        return Apply(new ProposalBuilder(Model).Put(row with
        {
            CurrentState = new InstanceState(current, incarnation),
            TargetState = new InstanceState(target, targetIncarnation ?? incarnation),
            SyncIncarnation = sync ?? incarnation,
        }));
    }

    public ClusterBuilder Online(params string[] names)
    {
        foreach (string name in names)
        {
            State(name, StateVariant.Online, StateVariant.Online);
        }

        return this;
    }

    public ClusterBuilder Reign(string replicaset, long term, string primary, params string[] inSync) =>
        Apply(new ProposalBuilder(Model).Put(new ReignRow(replicaset, term, term * 10, primary, [.. inSync.Append(primary)])));

    /// <summary>A sight of a living instance in its target incarnation.</summary>
    public InstanceSight Sight(string name, long term = 1, long lsn = 10, ReplicationRole role = ReplicationRole.Following, bool isConnected = true, double silentMs = 10, long? incarnation = null, long promised = 0, double promisedMs = 5000)
    {
        InstanceRow row = Model.Instances[name];
        var report = new HeartbeatReport(1, name, row.Uuid, incarnation ?? row.TargetState.Incarnation, 1, role, new ReplicaPosition(term, lsn), lsn, 10, Model.Image.Index, promised);
        return new InstanceSight(report, isConnected, TimeSpan.FromMilliseconds(silentMs), TimeSpan.FromMilliseconds(promisedMs));
    }

    public Observations See(params InstanceSight[] sights) => new(
        "default_1_1",
        TimeSpan.FromSeconds(5),
        sights.ToImmutableDictionary(sight => sight.Report.Name, StringComparer.Ordinal),
        ImmutableDictionary<string, TimeSpan>.Empty,
        Voters());

    /// <summary>The voters that should be, so that no step about them comes in between.</summary>
    private ImmutableArray<string> Voters()
    {
        ImmutableArray<string> voters = [Model.AddressOf(Model.Instances.Values.First())!];
        while (VoterChoice.Next(Model, voters) is { } next)
        {
            voters = next;
        }

        return voters;
    }

    private static void Assert(bool isApplied) => Xunit.Assert.True(isApplied, "the proposal was refused");
}
