using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage;

namespace Picodata.Replication;

/// <summary>
/// The data path of one instance (<see cref="IReplicationNode"/>; invariants R1-R9 stand in docs/internals/replication.md).
///
/// M1 Transitions (reigns, fences, hand-overs, the end) happen one after another.
/// M2 Shared rows are written by sessions only while this is primary, and applied from a stream only while it follows: the database refuses sessions
///    (25006) at all other times, and <see cref="Apply"/> refuses terms below the promise.
/// M3 The database's gate is set as long as the node lives; only <see cref="PrimaryReign"/> and <see cref="TakeCommit"/> move it.
/// M4 A term begins with its row. When that row could not be written, writes are refused until it can.
/// M5 When <see cref="DisposeAsync"/> has ended, nothing here touches the database any more: the host frees its memory next.
/// </summary>
public sealed partial class ReplicationNode : IReplicationNode, ILogListener
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(50), RetryAfter = TimeSpan.FromMilliseconds(500);

    private readonly Lock sync = new();
    private readonly SemaphoreSlim transition = new(1);
    private readonly Lock applying = new();
    private readonly Database database;
    private readonly PromiseFile promise;
    private readonly ReplicationOptions options;
    private readonly IPeerNetwork network;
    private readonly IReignAuthority authority;
    private readonly ReplicationEnvironment environment;
    private readonly TaskCompletionSource<CopyNeed> copyNeeded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource disposing = new();
    private readonly Signal negotiation = new();
    private readonly ITimer ticker;
    private readonly Task negotiating;

    private volatile PrimaryReign? primary;
    private volatile PrimaryFollower? follower;
    private volatile Reign? reign;
    private volatile string? problem;
    private volatile Reign? pending;
    private long pendingAt;
    private ReplicationRole role = ReplicationRole.Waiting;
    private long barred;
    private long knownCommit;
    private long reignLsn;
    private bool reignIsLost;
    private bool handsOver;
    private long handedOverAt;
    private bool isDisposed;
    private readonly DatabaseUses uses = new();
    private StrongBox<ReplicaPosition> lastPosition = new();

    /// <param name="database">Open; stays the host's. From here on it takes no shared writes until a reign makes this instance primary.</param>
    /// <param name="promise">The promise kept in the database's directory.</param>
    public ReplicationNode(Database database, PromiseFile promise, ReplicationOptions options, IPeerNetwork network, IReignAuthority authority, ReplicationEnvironment environment)
    {
        this.database = database;
        this.promise = promise;
        this.options = options;
        this.network = network;
        this.authority = authority;
        this.environment = environment;
        barred = promise.Term;
        database.RefuseSharedWrites(NotPrimary);
        database.SetCommitGate(database.LogLsn);
        database.SetLogListener(this);
        database.PinLog(() => primary?.NeededAfter);
        ticker = environment.Time.CreateTimer(_ => OnTick(), null, Tick, Tick);
        negotiating = Task.Run(NegotiateAsync);
    }

    public ReplicationRole Role
    {
        get
        {
            lock (sync)
                return role;
        }
    }

    public AnswerRule Answers => primary?.Answers ?? AnswerRule.Never;

    public long PrimaryTerm => primary?.Term ?? 0;

    public Reign? Reign => primary?.Reign ?? reign;

    public ReplicaPosition Position
    {
        get
        {
            if (!uses.TryEnter())
                return lastPosition.Value;
            try
            {
                return ReadPosition();
            }
            finally
            {
                uses.Exit();
            }
        }
    }

    public long CommitLsn => primary?.CommitLsn ?? Volatile.Read(ref knownCommit);

    public IReadOnlyList<ReplicaProgress> Progress => primary?.Progress ?? [];

    public string? Problem => problem ?? follower?.Problem;

    public Task<CopyNeed> CopyNeeded => copyNeeded.Task;

    /// <inheritdoc/>
    public long PromisedTerm => promise.Term;

    public async Task ApplyReignAsync(Reign newer, CancellationToken cancel)
    {
        await transition.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            pending = null;
            if (Role is ReplicationRole.Stopped or ReplicationRole.NeedsCopy || !IsNews(newer))
                return;
            if (newer.Term < promise.Term)
                Strand(newer);
            else if (newer.Primary != options.Name)
                await FollowAsync(newer).ConfigureAwait(false);
            else if (primary is { } present && present.Term == newer.Term && Role == ReplicationRole.Primary)
                Continue(present, newer);
            else
                await LeadAsync(newer, cancel).ConfigureAwait(false);
        }
        catch (IOException failure)
        {
            // the promise could not be kept: the tick tries again, as long as nothing newer has come
            pending = newer;
            pendingAt = environment.Time.GetTimestamp();
            problem = $"the reign of {newer.Primary} cannot be followed: {failure.Message}";
            throw;
        }
        finally
        {
            transition.Release();
        }
    }

    public async Task<ReplicaPosition> FenceAsync(long term, CancellationToken cancel)
    {
        await transition.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (Role is ReplicationRole.Stopped or ReplicationRole.NeedsCopy)
                throw new PeerException(PeerFailure.Refused, $"{options.Name} cannot be promoted: it is {Role}");
            if (term < promise.Term)
                throw new PeerException(PeerFailure.Refused, $"{options.Name} has promised term {promise.Term}, {term} is lower");
            if (reign?.Term == term && Role is ReplicationRole.Primary or ReplicationRole.Following)
                return Position; // a late repetition: that election is over
            Bar(term);
            primary?.Freeze();
            database.RefuseSharedWrites(NotPrimary);
            SetRole(ReplicationRole.Fenced);
            await StopFollowingAsync().ConfigureAwait(false);
            await SettleAsync(cancel).ConfigureAwait(false);
            if (!PlantedBugs.ForgetsPromise)
                promise.Raise(term);
            return Position;
        }
        finally
        {
            transition.Release();
        }
    }

    public async Task<ReplicaPosition> HandOverAsync(CancellationToken cancel)
    {
        if (primary is not { } present || Role != ReplicationRole.Primary || !uses.TryEnter())
            throw new PeerException(PeerFailure.Refused, $"{options.Name} is not primary");
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel, disposing.Token);
        Volatile.Write(ref handsOver, true);
        try
        {
            database.RefuseSharedWrites(HandingOver);
            await present.WaitCommittedAsync(database.LogLsn, end.Token).ConfigureAwait(false);
            Volatile.Write(ref handedOverAt, environment.Time.GetTimestamp());
            return ReadPosition();
        }
        catch
        {
            Volatile.Write(ref handsOver, false);
            SetWritable(present);
            throw;
        }
        finally
        {
            uses.Exit();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await disposing.CancelAsync().ConfigureAwait(false);
        await transition.WaitAsync().ConfigureAwait(false);
        try
        {
            if (isDisposed)
                return;
            isDisposed = true;
            SetRole(ReplicationRole.Stopped);
            await ticker.DisposeAsync().ConfigureAwait(false);
            await negotiating.ConfigureAwait(false);
            await StopFollowingAsync().ConfigureAwait(false);
            database.RefuseSharedWrites(NotPrimary);
            database.SetLogListener(null);
            database.PinLog(static () => null);
            primary?.Dispose();
            lastPosition = new StrongBox<ReplicaPosition>(ReadPosition());
            await uses.EndAsync().ConfigureAwait(false);
            database.FailUnacknowledged("the instance is being stopped");
        }
        finally
        {
            transition.Release();
        }
    }

    /// <summary>A number about 1, so that members do not come back all at once.</summary>
    internal double Jitter()
    {
        lock (environment.Random)
            return 0.75 + (environment.Random.NextDouble() / 2);
    }

    /// <summary>The position cannot be continued.</summary>
    internal void NeedCopy(CopyNeed need)
    {
        environment.Log.LogWarning("{Name} needs a new copy of the rows: {Reason}", options.Name, need.Text);
        problem = need.Text;
        SetRole(ReplicationRole.NeedsCopy);
        copyNeeded.TrySetResult(need);
    }

    /// <summary>Waits until all that is applied is synced, or was taken back.</summary>
    internal async Task SettleAsync(CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                await database.WaitSyncedAsync(database.AppliedLsn, cancel).ConfigureAwait(false);
                return;
            }
            catch (DbException takenBack) when (takenBack.SqlState is SqlStates.DiskFull)
            {
                // what was taken back is not applied any more: the next round waits for what is left
                await environment.Time.WaitAsync(Tick, cancel).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Applies shipped rows of a term (M2).</summary>
    internal void Apply(long term, ReadOnlyMemory<byte> rows, long afterLsn, long lastLsn)
    {
        lock (applying)
        {
            if (term < Volatile.Read(ref barred) && !PlantedBugs.SkipsTermCheck)
                throw new InvalidDataException($"rows of term {term}, but term {barred} was promised");
            database.ApplyShipped(rows, afterLsn);
            if (database.LogLsn != lastLsn)
                throw new InvalidDataException($"rows up to LSN {lastLsn} were announced, {database.LogLsn} was reached");
        }
    }

    /// <summary>The primary of a term says what is committed.</summary>
    internal void TakeCommit(long term, long lsn)
    {
        lock (applying)
        {
            if (term < Volatile.Read(ref barred) || lsn <= knownCommit)
                return;
            Volatile.Write(ref knownCommit, lsn);
            database.ReleaseCommitsUpTo(lsn);
        }
    }

    private static DbException NotPrimary() =>
        new(SqlStates.ReadOnlySqlTransaction, "this instance is not the primary of its replicaset", hint: "connect to the primary, or try again: a new one may be about to be chosen");

    private static DbException HandingOver() =>
        new(SqlStates.ReadOnlySqlTransaction, "this instance is handing its role over to another", hint: "run the transaction again");

    private ReplicaPosition ReadPosition()
    {
        IReadOnlyList<ReignRow> reigns = database.Reigns();
        return new ReplicaPosition(reigns.Count > 0 ? reigns[^1].Term : 0, database.SyncedLogLsn);
    }

    private void SetRole(ReplicationRole newRole)
    {
        lock (sync)
        {
            if (role != ReplicationRole.Stopped)
                role = newRole;
        }
    }

    /// <summary>A promise from before a restart is above all terms there are: only a new election frees this member of it.</summary>
    private void Strand(Reign lower)
    {
        if (Role != ReplicationRole.Waiting)
            return;
        SetRole(ReplicationRole.Fenced);
        problem = $"has promised term {promise.Term}, the present one is {lower.Term}";
    }

    /// <summary>An epoch counts the changes of term, primary and in-sync set; members come, go and move without one.</summary>
    private bool IsNews(Reign newer) => Reign is not { } present || newer.Epoch > present.Epoch || (newer.Epoch == present.Epoch && !newer.Members.SequenceEqual(present.Members));

    /// <summary>From here on no row of a lower term is applied.</summary>
    private void Bar(long term)
    {
        lock (applying)
            Volatile.Write(ref barred, Math.Max(barred, term));
    }

    private async Task StopFollowingAsync()
    {
        if (follower is not { } present)
            return;
        await present.StopAsync().ConfigureAwait(false);
        follower = null;
        present.Dispose();
    }
}
