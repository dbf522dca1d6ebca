using System.Collections.Immutable;

namespace Picodata.Replication;

/// <summary>
/// Where a log ends: the term of the newest reign that it holds, and the LSN of its last row. LSNs here count the rows that the replicaset
/// shares (the log's component of the vector clock): the same row has the same LSN on every member. Rows that an instance keeps for itself do
/// not count. Positions are ordered by term, then by LSN.
/// </summary>
public readonly record struct ReplicaPosition(long Term, long Lsn) : IComparable<ReplicaPosition>
{
    public int CompareTo(ReplicaPosition other) => Term != other.Term ? Term.CompareTo(other.Term) : Lsn.CompareTo(other.Lsn);

    public override string ToString() => $"{Lsn}@{Term}";
}

/// <summary>One member of a replicaset as the data path knows it.</summary>
/// <param name="Name">Name of the instance.</param>
/// <param name="Uuid">UUID of the instance, as in <c>_cluster</c>.</param>
/// <param name="Address">iproto address.</param>
public sealed record ReplicaMember(string Name, Guid Uuid, string Address);

/// <summary>
/// The catalog's word about one replicaset, as of one version of it. <see cref="Epoch"/>
/// grows with every change of term, primary or in-sync set; a higher term has a higher epoch. Members change without it.
/// </summary>
/// <param name="Term">Number of the primary's reign, from 1.</param>
/// <param name="Epoch">Version of this word, from 1.</param>
/// <param name="Primary">Name of the primary.</param>
/// <param name="InSync">Names of the members without whose acknowledgement nothing commits, the primary among them.</param>
/// <param name="Members">All members that are not expelled.</param>
public sealed record Reign(long Term, long Epoch, string Primary, ImmutableSortedSet<string> InSync, ImmutableArray<ReplicaMember> Members);

/// <summary>How far a replica is, as its primary sees it. For status, metrics and decisions.</summary>
/// <param name="Name">Name of the instance.</param>
/// <param name="Acknowledged">Last LSN that it has made durable.</param>
/// <param name="IsConnected">False when its stream is closed.</param>
/// <param name="SilentFor">Time since it last acknowledged anything while something was owed; zero when nothing is.</param>
public sealed record ReplicaProgress(string Name, long Acknowledged, bool IsConnected, TimeSpan SilentFor);

/// <summary>
/// Who may change a reign: the catalog. Called by the primary. Each call proposes on top of <paramref name="known"/> and returns the reign
/// that holds afterwards, which may be another's: the caller looks whether it is still primary. Throws when the catalog cannot be reached:
/// then nothing is known, the caller keeps to <paramref name="known"/> and asks again.
/// </summary>
public interface IReignAuthority
{
    ValueTask<Reign> RemoveFromInSyncAsync(Reign known, string member, string reason, CancellationToken cancel);

    ValueTask<Reign> AddToInSyncAsync(Reign known, string member, CancellationToken cancel);
}
