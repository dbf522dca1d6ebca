using System.Collections.Immutable;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>A row of <c>_pico_instance</c>. Names of members follow the columns.</summary>
/// <param name="Name">Name, the primary key.</param>
/// <param name="Uuid">Chosen by the instance itself before it joined; never another's.</param>
/// <param name="RaftId">Unique for ever; the number of the instance in <c>_pico_peer_address</c>.</param>
/// <param name="CurrentState">What it is, as the governor has established it.</param>
/// <param name="TargetState">What it shall become.</param>
/// <param name="SyncIncarnation">
/// The incarnation for which its data was last established: it was in the in-sync set with it, or got a reign for it. A primary may act under its
/// reign only in the process of this incarnation. 0 when never.
/// </param>
/// <param name="TargetStateReason">Why the target state was last changed, or null.</param>
/// <param name="TargetStateChangeTime">When, or null.</param>
public sealed record InstanceRow(
    string Name,
    Guid Uuid,
    long RaftId,
    string ReplicasetName,
    Guid ReplicasetUuid,
    InstanceState CurrentState,
    InstanceState TargetState,
    FailureDomain FailureDomain,
    string Tier,
    string PicodataVersion,
    long SyncIncarnation,
    string? TargetStateReason,
    MpDatetime? TargetStateChangeTime)
{
    /// <summary>Expelled, or on the way to it without return.</summary>
    public bool IsExpelled => CurrentState.Variant == StateVariant.Expelled;

    /// <summary>It is wanted and was not found dead: calls to it make sense (section 3.6's "may respond").</summary>
    public bool MayRespond => TargetState.Variant != StateVariant.Offline && !IsExpelled
        && !(CurrentState.Variant == StateVariant.Offline && TargetState.Variant == StateVariant.Expelled);

    /// <summary>Online now, and to stay so, in this incarnation.</summary>
    public bool IsOnline => CurrentState.Variant == StateVariant.Online && TargetState == CurrentState;

    /// <summary>Started anew (or for the first time) and not yet established as Online.</summary>
    public bool IsComingOnline => TargetState.Variant == StateVariant.Online && CurrentState != TargetState && !IsExpelled;

    /// <summary>As messages name it: <c>Online</c>, or <c>Online -> Offline</c> while it changes.</summary>
    public string StateText => CurrentState.Variant == TargetState.Variant ? $"{CurrentState.Variant}" : $"{CurrentState.Variant} -> {TargetState.Variant}";
}

/// <summary>A row of <c>_pico_replicaset</c>. Who is primary for the data path is said by <see cref="ReignRow"/>; the masters here follow it.</summary>
/// <param name="CurrentMaster">The primary.</param>
/// <param name="TargetMaster">Who shall be it; an administrator's UPDATE asks for a switchover.</param>
/// <param name="Weight">Share of buckets.</param>
/// <param name="IsWeightByUser">The weight was set by hand (<c>weight_origin</c> = user): it is left alone.</param>
/// <param name="PromotionPosition">LSN at which the present primary began.</param>
/// <param name="MasterChangeCounter">Times the primary changed.</param>
public sealed record ReplicasetRow(
    string Name,
    Guid Uuid,
    string CurrentMaster,
    string TargetMaster,
    string Tier,
    double Weight,
    bool IsWeightByUser,
    ReplicasetState State,
    long CurrentConfigVersion,
    long TargetConfigVersion,
    long PromotionPosition,
    long MasterChangeCounter,
    long CurrentBucketStateVersion,
    long TargetBucketStateVersion)
{
    /// <summary>True when members may still be added.</summary>
    public bool IsLive => State is ReplicasetState.NotReady or ReplicasetState.Ready;
}

/// <summary>A row of <c>_pico_tier</c>.</summary>
public sealed record TierRow(
    string Name,
    int ReplicationFactor,
    bool CanVote,
    long CurrentShardingVersion,
    long TargetShardingVersion,
    bool IsBootstrapped,
    int BucketCount,
    bool IsDefault,
    long CurrentBucketStateVersion,
    long TargetBucketStateVersion);

/// <summary>
/// What a tier has beyond Picodata's columns; kept as a map in <c>_pico_property</c> under <c>tier:&lt;name&gt;</c>.
/// </summary>
/// <param name="Survive">
/// The label (upper case) in which members of a replicaset must differ, so that the loss of one of its values leaves a copy; null: Picodata's
/// rule, members share no value at all.
/// </param>
/// <param name="IsAsync">Commits are acknowledged behind the own sync only (<c>replication_mode: async</c>).</param>
/// <param name="WalMode"><c>fsync</c> or <c>write</c>.</param>
/// <param name="MinInSync">Copies that a commit needs at least, the primary's included.</param>
public sealed record TierOptions(string? Survive, bool IsAsync, string WalMode, int MinInSync)
{
    public static readonly TierOptions Default = new(null, false, "fsync", 1);
}

/// <summary>A row of <c>_pico_peer_address</c>; <paramref name="Kind"/> is <c>iproto</c>, <c>pgproto</c> or <c>http</c>.</summary>
public sealed record PeerAddressRow(long RaftId, string Address, string Kind);

/// <summary>A row of <c>_pico_bucket</c>: a range of buckets, both ends included.</summary>
public sealed record BucketRow(string Tier, long Start, long End, string State, string CurrentReplicaset, string? TargetReplicaset);

/// <summary>A row of <c>_pico_reign</c>: who rules a replicaset's data, and who holds all of it.</summary>
/// <param name="Replicaset">Name of the replicaset, the primary key.</param>
/// <param name="Term">From 1.</param>
/// <param name="Epoch">Grows with every change of the row.</param>
/// <param name="Primary">Name of the primary.</param>
/// <param name="InSync">Members without whose acknowledgement nothing commits, the primary among them.</param>
public sealed record ReignRow(string Replicaset, long Term, long Epoch, string Primary, ImmutableSortedSet<string> InSync);
