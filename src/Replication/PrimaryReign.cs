using Picodata.Storage;

namespace Picodata.Replication;

/// <summary>A change of the in-sync set that the primary wants.</summary>
internal sealed record InSyncChange(string Member, bool Adds, string Reason);

/// <summary>
/// One term of a primary: what each member has acknowledged, and what is committed therefore. Specification:
///
/// P1 Commit LSN = lowest of the own synced LSN and of what the other members of the in-sync set, and those proposed for it, have acknowledged; in async mode the
///    own alone. It never goes back. It does not move while acknowledgements are frozen (fenced, deposed), while the lease is gone, and while the
///    in-sync set is smaller than <c>min_in_sync</c>.
/// P2 The in-sync set is the catalog's (<see cref="Take"/>). A member that has nearly caught up is waited for, and is proposed only when it has everything that is
///    committed (<see cref="NextChange"/>): from the moment at which the catalog may have it in the set, it can be promoted.
/// P3 An acknowledgement counts only from a stream of this term; a member of the set that comes back with less than it had acknowledged has lost rows and
///    is proposed for removal.
///
/// Thread-safe. Lock order: here, then the database's log.
/// </summary>
internal sealed class PrimaryReign : IDisposable
{
    private readonly Lock sync = new();
    private readonly Database database;
    private readonly ReplicationOptions options;
    private readonly TimeProvider time;
    private readonly Dictionary<string, ReplicaState> replicas = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource ended = new();
    private readonly List<(long Lsn, TaskCompletionSource Done)> waiters = [];
    private Reign reign;
    private long written;
    private long ownSynced;
    private long commit;
    private bool frozen;
    private volatile AnswerRule answers = AnswerRule.WithLease;

    /// <param name="lsn">Where the own log ends, synced, before the reign's row.</param>
    /// <param name="commit">What is known to be committed.</param>
    public PrimaryReign(Reign reign, Database database, ReplicationOptions options, TimeProvider time, long lsn, long commit)
    {
        this.reign = reign;
        Term = reign.Term;
        this.database = database;
        this.options = options;
        this.time = time;
        this.commit = commit;
        written = ownSynced = lsn;
        Ring = new BatchRing(options.RingBytes);
        Adopt();
        Judge();
    }

    /// <summary>Under which condition answers may go out; cheap.</summary>
    public AnswerRule Answers => answers;

    public long Term { get; }

    public Reign Reign
    {
        get
        {
            lock (sync)
                return reign;
        }
    }

    public BatchRing Ring { get; }

    /// <summary>Cancelled when the term ends here.</summary>
    public CancellationToken Ended => ended.Token;

    public long CommitLsn => Volatile.Read(ref commit);

    /// <summary>LSN of the newest row that is written to the own log.</summary>
    public long Written => Volatile.Read(ref written);

    /// <summary>True when the in-sync set is large enough for writes.</summary>
    public bool HasEnoughInSync => Reign.InSync.Count >= options.MinInSync;

    public IReadOnlyList<ReplicaProgress> Progress
    {
        get
        {
            lock (sync)
            {
                return [.. replicas.Values.Select(replica => new ReplicaProgress(
                    replica.Name, Math.Max(replica.Acknowledged, 0), replica.Feed is not null, replica.OwesSince == 0 ? TimeSpan.Zero : time.GetElapsedTime(replica.OwesSince)))];
            }
        }
    }

    /// <summary>What the replicas have at least, of those that are known; null when there are none. Logs behind it are kept for them.</summary>
    public long? NeededAfter
    {
        get
        {
            lock (sync)
            {
                long needed = replicas.Values.Where(replica => replica.Acknowledged >= 0).Select(replica => replica.Acknowledged).DefaultIfEmpty(long.MaxValue).Min();
                return needed == long.MaxValue ? null : needed;
            }
        }
    }

    /// <summary>A newer word of the catalog about the same term, maybe with other members only.</summary>
    public void Take(Reign newer)
    {
        lock (sync)
        {
            if (newer.Epoch < reign.Epoch)
                return;
            reign = newer;
            Adopt();
            Judge();
            MoveCommit();
        }
    }

    /// <summary>Nothing is acknowledged any more, and all streams end; what waits goes on waiting.</summary>
    public void Freeze()
    {
        lock (sync)
        {
            frozen = true;
            Judge();
            foreach ((_, TaskCompletionSource done) in waiters)
                done.TrySetCanceled();
            waiters.Clear();
        }
        ended.Cancel();
    }

    /// <summary>From the log thread: a batch is written, not yet synced.</summary>
    public void TakeWritten(long afterLsn, long lastLsn, ReadOnlySpan<byte> rows)
    {
        lock (sync)
        {
            Volatile.Write(ref written, lastLsn);
            if (replicas.Count == 0 || frozen)
                return;
            Ring.Add(afterLsn, lastLsn, rows);
            long now = time.GetTimestamp();
            foreach (ReplicaState replica in replicas.Values)
            {
                if (replica.OwesSince == 0)
                    replica.OwesSince = now;
                replica.Feed?.Wake.Set();
            }
        }
    }

    /// <summary>From the log thread: the own log is synced up to here.</summary>
    public void TakeSynced(long lsn)
    {
        lock (sync)
        {
            ownSynced = Math.Max(ownSynced, lsn);
            MoveCommit();
        }
    }

    /// <summary>A replica has synced everything up to here.</summary>
    public void TakeAcknowledged(ReplicaFeed feed, long lsn)
    {
        lock (sync)
        {
            if (!replicas.TryGetValue(feed.Member, out ReplicaState? replica) || replica.Feed != feed)
                return;
            if (lsn > replica.Acknowledged)
            {
                replica.Acknowledged = lsn;
                replica.OwesSince = time.GetTimestamp();
            }
            if (replica.Acknowledged >= written)
                replica.OwesSince = 0;
            MoveCommit();
            feed.Wake.Set();
        }
    }

    /// <summary>A replica has opened a stream at a position; an older stream of it ends. False when the catalog does not know it as a member.</summary>
    public bool Attach(ReplicaFeed feed, Guid instance, long lsn)
    {
        lock (sync)
        {
            if (!replicas.TryGetValue(feed.Member, out ReplicaState? replica) || replica.Uuid != instance || frozen)
                return false;
            replica.Feed?.End();
            replica.Feed = feed;
            if (lsn < replica.Acknowledged)
                replica.LostRows = reign.InSync.Contains(replica.Name);
            replica.Acknowledged = lsn;
            replica.OwesSince = lsn < written ? time.GetTimestamp() : 0;
            replica.RoundTarget = -1;
            MoveCommit();
            return true;
        }
    }

    public void Detach(ReplicaFeed feed)
    {
        lock (sync)
        {
            if (replicas.TryGetValue(feed.Member, out ReplicaState? replica) && replica.Feed == feed)
            {
                replica.Feed = null;
                replica.DetachedAt = time.GetTimestamp();
            }
        }
    }

    /// <summary>Several times a second: heartbeats, and commits that waited for the lease.</summary>
    public void Tick()
    {
        lock (sync)
        {
            MoveCommit();
            foreach (ReplicaState replica in replicas.Values)
                replica.Feed?.Wake.Set();
        }
    }

    /// <summary>
    /// The change of the in-sync set that is due, or null. A member that is about to be added counts from here on (P2), until the catalog has said
    /// that it is not in the set.
    /// </summary>
    public InSyncChange? NextChange()
    {
        lock (sync)
        {
            if (frozen)
                return null;
            foreach (ReplicaState replica in replicas.Values.Where(Counts))
            {
                if (ReasonToRemove(replica) is { } reason)
                {
                    replica.IsLeaving |= PlantedBugs.RemovesWithoutCatalog;
                    return new InSyncChange(replica.Name, false, reason);
                }
            }
            foreach (ReplicaState replica in replicas.Values.Where(replica => !reign.InSync.Contains(replica.Name) && (replica.IsProposed || HasCaughtUp(replica))))
            {
                replica.IsProposed = true;
                Judge();
                if (replica.Acknowledged >= commit || PlantedBugs.AddsTooEarly)
                    return new InSyncChange(replica.Name, true, "caught up");
            }
            return null;
        }
    }

    /// <summary>The catalog has answered a proposal about a member: what holds is in the reign.</summary>
    public void Settle(string member)
    {
        lock (sync)
        {
            if (replicas.TryGetValue(member, out ReplicaState? replica))
                replica.IsProposed = replica.LostRows = false;
            Judge();
            MoveCommit();
        }
    }

    /// <summary>Completes when everything up to an LSN is committed; cancelled when the term ends first.</summary>
    public async Task WaitCommittedAsync(long lsn, CancellationToken cancel)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (sync)
        {
            if (commit >= lsn)
                return;
            if (frozen)
                throw new OperationCanceledException("the term has ended");
            waiters.Add((lsn, done));
        }
        await done.Task.WaitAsync(cancel).ConfigureAwait(false);
    }

    public void Dispose()
    {
        Freeze();
        Ring.Clear();
    }

    /// <summary>Members of the reign get a state, those that are gone lose it.</summary>
    private void Adopt()
    {
        foreach (ReplicaMember member in reign.Members.Where(member => member.Name != options.Name))
        {
            if (replicas.TryGetValue(member.Name, out ReplicaState? known) && known.Uuid == member.Uuid)
                continue;
            known?.Feed?.End();
            replicas[member.Name] = new ReplicaState(member.Name, member.Uuid) { DetachedAt = time.GetTimestamp(), OwesSince = time.GetTimestamp() };
        }
        foreach (ReplicaState gone in replicas.Values.Where(replica => !reign.Members.Any(member => member.Name == replica.Name)).ToList())
        {
            gone.Feed?.End();
            replicas.Remove(gone.Name);
        }
    }

    /// <summary>
    /// Only members of the in-sync set are ever promoted, and only this primary's own proposals let others in: while it is alone in the set and has proposed
    /// nobody, nobody can take its place behind its back.
    /// </summary>
    private void Judge() => answers = frozen ? AnswerRule.Never
        : reign.InSync.Count == 1 && reign.InSync.Contains(options.Name) && !replicas.Values.Any(replica => replica.IsProposed) ? AnswerRule.Always
        : AnswerRule.WithLease;

    private bool Counts(ReplicaState replica) => (reign.InSync.Contains(replica.Name) || replica.IsProposed) && !replica.IsLeaving;

    private void MoveCommit()
    {
        if (frozen || reign.InSync.Count < options.MinInSync || !options.MayAcknowledge())
            return;
        long lowest = Lowest();
        if (lowest <= commit)
            return;
        Volatile.Write(ref commit, lowest);
        database.ReleaseCommitsUpTo(lowest);
        for (int i = waiters.Count - 1; i >= 0; i--)
        {
            if (waiters[i].Lsn <= lowest)
            {
                waiters[i].Done.TrySetResult();
                waiters.RemoveAt(i);
            }
        }
        foreach (ReplicaState replica in replicas.Values)
            replica.Feed?.Wake.Set();
    }

    private long Lowest()
    {
        long lowest = PlantedBugs.ForgetsOwnSync ? written : ownSynced;
        if (options.IsAsync)
            return lowest;
        // a member of the set that is no member of the replicaset any more acknowledges nothing: the catalog takes it out with the expulsion
        foreach (string name in reign.InSync.Where(name => name != options.Name && !replicas.ContainsKey(name)))
            return commit;
        if (PlantedBugs.WaitsForOneReplica && replicas.Values.Any(Counts))
            return Math.Min(lowest, replicas.Values.Where(Counts).Max(replica => replica.Acknowledged));
        foreach (ReplicaState replica in replicas.Values.Where(Counts))
            lowest = Math.Min(lowest, replica.Acknowledged);
        return lowest;
    }

    private string? ReasonToRemove(ReplicaState replica)
    {
        if (replica.LostRows)
            return "it came back with fewer rows than it had acknowledged";
        if (replica.OwesSince == 0 || replica.Acknowledged >= written)
            return null;
        TimeSpan owes = time.GetElapsedTime(replica.OwesSince);
        if (replica.Feed is not null)
            return owes > options.ReplicationTimeout ? $"it has acknowledged nothing for {owes.TotalSeconds:F1} s" : null;
        // who has not come yet in this term may not have heard of it yet
        TimeSpan grace = replica.Acknowledged < 0 ? options.ReplicationTimeout : options.DisconnectGrace;
        return owes > grace && time.GetElapsedTime(replica.DetachedAt) > grace ? "its connection is closed" : null;
    }

    /// <summary>One round: what was written when it began has been acknowledged within half of the replication timeout.</summary>
    private bool HasCaughtUp(ReplicaState replica)
    {
        if (replica.Feed is null || replica.Acknowledged < 0)
            return false;
        if (replica.Acknowledged >= written)
            return true;
        if (replica.RoundTarget >= 0 && replica.Acknowledged >= replica.RoundTarget && time.GetElapsedTime(replica.RoundBegan) <= options.ReplicationTimeout / 2)
            return true;
        if (replica.RoundTarget < 0 || replica.Acknowledged >= replica.RoundTarget)
        {
            replica.RoundTarget = written;
            replica.RoundBegan = time.GetTimestamp();
        }
        return false;
    }

    private sealed class ReplicaState(string name, Guid uuid)
    {
        public string Name => name;

        public Guid Uuid => uuid;

        /// <summary>-1: nothing is known of it in this term.</summary>
        public long Acknowledged { get; set; } = -1;

        /// <summary>When it began to owe, or last acknowledged while owing; 0 when it owes nothing.</summary>
        public long OwesSince { get; set; }

        public long DetachedAt { get; set; }

        public ReplicaFeed? Feed { get; set; }

        public bool IsProposed { get; set; }

        public bool IsLeaving { get; set; }

        public bool LostRows { get; set; }

        public long RoundTarget { get; set; } = -1;

        public long RoundBegan { get; set; }
    }
}
