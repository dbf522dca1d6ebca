using System.Collections.Immutable;

namespace Picodata.Cluster;

/// <summary>
/// One thing to do next. <see cref="Subject"/> names what it is about: steps of one subject are done one after the other, of different ones at the same time.
/// </summary>
public abstract record GovernorStep(string Subject)
{
    /// <summary>This instance stops: another voter shall lead.</summary>
    public sealed record Resign() : GovernorStep("raft");

    /// <summary>The set of voters (iproto addresses) changes by one.</summary>
    public sealed record ChangeVoters(ImmutableArray<string> Wanted) : GovernorStep("raft")
    {
        /// <inheritdoc/>
        public override string ToString() => $"ChangeVoters {{ Wanted = {string.Join(", ", Wanted)} }}";
    }

    /// <summary>An instance was silent for too long: target Offline.</summary>
    public sealed record FindOffline(string Instance, string Reason) : GovernorStep("instance:" + Instance);

    /// <summary>The current state takes over the target state.</summary>
    public sealed record SetCurrent(string Instance) : GovernorStep("instance:" + Instance);

    /// <summary>A replicaset's first primary begins.</summary>
    public sealed record BeginReign(string Replicaset, string Primary, long Term) : GovernorStep("replicaset:" + Replicaset);

    /// <summary>A new reign out of the in-sync set; nobody can hold a lease on the old one any more.</summary>
    /// <param name="Ask">Members of the in-sync set that seem alive.</param>
    /// <param name="AcknowledgedLsn">What the old primary is known to have acknowledged.</param>
    /// <param name="Term">Of the new reign.</param>
    public sealed record Elect(string Replicaset, string Reason, ImmutableArray<string> Ask, long AcknowledgedLsn, long Term) : GovernorStep("replicaset:" + Replicaset)
    {
        /// <inheritdoc/>
        public override string ToString() => $"Elect {{ Replicaset = {Replicaset}, Reason = {Reason}, Ask = {string.Join(", ", Ask)}, AcknowledgedLsn = {AcknowledgedLsn}, Term = {Term} }}";
    }

    /// <summary>A planned change of the primary, or of its term alone; both are alive.</summary>
    public sealed record Switchover(string Replicaset, string From, string To, string Reason, long Term) : GovernorStep("replicaset:" + Replicaset);

    /// <summary>A replicaset has reached its replication factor.</summary>
    public sealed record MakeReady(string Replicaset) : GovernorStep("replicaset:" + Replicaset);

    /// <summary>A tier's buckets are given to its first ready replicaset.</summary>
    public sealed record MapBuckets(string Tier, string Replicaset) : GovernorStep("tier:" + Tier);

    /// <summary>The last member of a replicaset is being expelled: its buckets have to leave.</summary>
    public sealed record PrepareExpel(string Replicaset) : GovernorStep("replicaset:" + Replicaset);

    /// <summary>An instance leaves for ever.</summary>
    public sealed record Expel(string Instance, bool IsLast) : GovernorStep("instance:" + Instance);

    /// <summary>Everybody follows the catalog: what was to be configured counts as configured.</summary>
    public sealed record ConfirmVersions() : GovernorStep("versions");
}

/// <summary>What the governor knows besides the catalog. Spans are up to now.</summary>
/// <param name="Self">Name of the instance that leads.</param>
/// <param name="LeadingFor">Time since its election.</param>
/// <param name="Sights">By name of the instance (<see cref="HeartbeatDesk.Look"/>).</param>
/// <param name="LeaseLeft">By name of the replicaset, time until nobody can hold a lease; missing: zero.</param>
/// <param name="Voters">iproto addresses of the Raft voters.</param>
public sealed record Observations(
    string Self,
    TimeSpan LeadingFor,
    ImmutableDictionary<string, InstanceSight> Sights,
    ImmutableDictionary<string, TimeSpan> LeaseLeft,
    ImmutableArray<string> Voters);
