using Picodata.Core;

namespace Picodata.Replication;

/// <summary>What an instance does in its replicaset at the moment.</summary>
public enum ReplicationRole
{
    /// <summary>
    /// Started, and no reign has been applied that gives it something to do: it neither acknowledges commits nor takes rows. Also an
    /// instance that was primary before its restart: only a higher term makes it primary again (R8).
    /// </summary>
    Waiting,

    /// <summary>Takes the rows of a primary.</summary>
    Following,

    /// <summary>Accepts commits and ships them.</summary>
    Primary,

    /// <summary>Has promised a term to an election (<see cref="IReplicationNode.FenceAsync"/>) and waits for the reign that comes of it.</summary>
    Fenced,

    /// <summary>Its rows cannot be continued from the primary's log: the host takes a new copy (<c>ReplicaCopy</c>) and opens that.</summary>
    NeedsCopy,

    /// <summary>Disposed of, or stopped by a failure of its disk.</summary>
    Stopped,
}

/// <summary>Under which condition an instance may answer with what it has, acknowledgements included (C4).</summary>
public enum AnswerRule
{
    /// <summary>It is not primary, or has promised a higher term.</summary>
    Never,

    /// <summary>Another member could have been promoted without its knowledge: only while its lease lasts.</summary>
    WithLease,

    /// <summary>It is alone in the in-sync set: nobody else can be promoted.</summary>
    Always,
}

/// <summary>Why a member must be copied anew.</summary>
public enum CopyReason
{
    /// <summary>The primary does not have the log any more that the member would have to read (R7).</summary>
    Behind,

    /// <summary>The member has rows that no reign kept (R5), or its rows cannot be continued by the primary's.</summary>
    Diverged,
}

/// <summary>A member must be copied anew.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Text">The same for people, with the positions that matter.</param>
public sealed record CopyNeed(CopyReason Reason, string Text);

/// <summary>Settings of the data path of one instance.</summary>
public sealed record ReplicationOptions
{
    /// <summary>Name of the instance, as in <see cref="Reign"/>.</summary>
    public required string Name { get; init; }

    /// <summary>UUID of the cluster; streams from another cluster are refused.</summary>
    public required Guid ClusterUuid { get; init; }

    /// <summary>True: commits are acknowledged behind the own sync only, and may be lost with the primary (<c>replication_mode: async</c>).</summary>
    public bool IsAsync { get; init; }

    /// <summary>Members, the primary among them, that must be in sync for writes to be accepted (<c>min_in_sync</c>).</summary>
    public int MinInSync { get; init; } = 1;

    /// <summary>How long a connected replica may owe an acknowledgement before its removal from the in-sync set is proposed.</summary>
    public TimeSpan ReplicationTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The same for a replica whose stream is closed: time to come back.</summary>
    public TimeSpan DisconnectGrace { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Bytes of recent batches that the primary keeps in memory for all replicas together (R7).</summary>
    public long RingBytes { get; init; } = 32L << 20;

    /// <summary>Bytes that may be on their way to one replica without acknowledgement.</summary>
    public long WindowBytes { get; init; } = 16L << 20;

    /// <summary>Compress what is shipped (between failure domains).</summary>
    public bool Compress { get; init; }

    /// <summary>
    /// Asked before each acknowledgement: false holds acknowledgements back (no lease, C4). Cheap, thread-safe; asked again several times a second.
    /// </summary>
    public Func<bool> MayAcknowledge { get; init; } = static () => true;
}

/// <summary>Time, chance and a place to report to.</summary>
public sealed record ReplicationEnvironment
{
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>For jitter; used under a lock.</summary>
    public Random Random { get; init; } = new();

    public Microsoft.Extensions.Logging.ILogger Log { get; init; } = Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;
}

/// <summary>
/// The data path of one instance over one open database. Begins as <see cref="ReplicationRole.Waiting"/>; what it does is told by reigns.
/// Thread-safe. When <see cref="CopyNeeded"/> completes, the host disposes of the node and of the database, calls
/// <c>ReplicaCopy.ReceiveAsync</c>, opens the directory again and makes a new node.
/// </summary>
public interface IReplicationNode : IAsyncDisposable
{
    ReplicationRole Role { get; }

    /// <summary>Whether it may answer; cheap, asked for every answer.</summary>
    AnswerRule Answers { get; }

    /// <summary>Term of the own reign while this is primary, else 0; cheap.</summary>
    long PrimaryTerm { get; }

    /// <summary>The newest reign that was applied, or null.</summary>
    Reign? Reign { get; }

    /// <summary>Where the own log ends, durably.</summary>
    ReplicaPosition Position { get; }

    /// <summary>The term below which it takes no rows (R3); 0 when nothing was promised.</summary>
    long PromisedTerm { get; }

    /// <summary>Highest LSN that is known to be committed: durable on the whole in-sync set.</summary>
    long CommitLsn { get; }

    /// <summary>The replicas as a primary sees them; empty on others.</summary>
    IReadOnlyList<ReplicaProgress> Progress { get; }

    /// <summary>What hinders replication or writing at the moment, for <c>status</c>; null when nothing does.</summary>
    string? Problem { get; }

    /// <summary>Completes when the rows of this instance have to be replaced by a copy.</summary>
    Task<CopyNeed> CopyNeeded { get; }

    /// <summary>
    /// Takes over the catalog's word. Older epochs and terms below a promise are ignored; one of the same epoch counts when it has other members. Becomes primary when the reign names this instance with a term above
    /// that of every reign it holds rows of (the reign's row is then the first row of the term), follows when it names another, and otherwise takes
    /// over changes of the in-sync set. Completes when the new role is taken; for a primary: when the reign's row is applied, not yet committed.
    /// </summary>
    Task ApplyReignAsync(Reign reign, CancellationToken cancel);

    /// <summary>
    /// Promises, durably, to take no rows and to acknowledge nothing of terms below <paramref name="term"/> any more, then tells the own position (R3).
    /// Repeating it is harmless. Throws <see cref="PeerException"/> (refused) when a higher term was promised.
    /// </summary>
    Task<ReplicaPosition> FenceAsync(long term, CancellationToken cancel);

    /// <summary>
    /// Planned switchover, on the primary: refuses new commits from now on and completes, with the position, when all commits made so far are committed
    /// on the in-sync set. When it fails or is cancelled the primary goes on as before.
    /// </summary>
    Task<ReplicaPosition> HandOverAsync(CancellationToken cancel);

    /// <summary>Serves one stream of the service <c>replication</c> (<see cref="IPeerService.ServeAsync"/>).</summary>
    Task ServeAsync(ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel);
}
