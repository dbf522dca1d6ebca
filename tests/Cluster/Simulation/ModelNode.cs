using System.Collections.Immutable;
using Picodata.Cluster;
using Picodata.Core;
using Picodata.Harness.Cluster;
using Picodata.Replication;

namespace Picodata.ClusterUnit.Simulation;

/// <summary>A row of the modelled log: the row with which a reign begins has no value.</summary>
internal readonly record struct ModelRow(long Term, long Value);

/// <summary>What outlives a process.</summary>
internal sealed class ModelDisk
{
    public List<ModelRow> Log { get; } = [];

    public long Promised { get; set; }

    public long Boots { get; set; }
}

/// <summary>Rows on their way: those from <paramref name="From"/> (LSN), behind a row of <paramref name="PreviousTerm"/>.</summary>
internal sealed record Shipment(string Primary, long Term, long From, long PreviousTerm, ImmutableArray<ModelRow> Rows, long Commit);

/// <summary>
/// A model of the data path, small enough to be believed, with the rules of <c>docs/internals/replication.md</c>: what is written is synced a little later, only what is synced
/// survives. Talks by messages that may be lost. One process, one thread.
/// </summary>
internal sealed class ModelNode : IReplicationNode
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(10), ReplicationTimeout = TimeSpan.FromMilliseconds(300);

    private readonly SimulatedProcess process;
    private readonly ModelDisk disk;
    private readonly string name;
    private readonly PlantedBug bugs;
    private readonly List<ModelRow> log;
    private readonly Dictionary<string, long> acknowledged = [];
    private readonly Dictionary<string, long> next = [];
    private readonly Dictionary<string, long> owesSince = [];
    private readonly SortedDictionary<long, Action> waiting = [];
    private long durable;
    private long promised;
    private bool isSyncing, isHandingOver, isProposing;
    private string? adding;

    public ModelNode(SimulatedProcess process, ModelDisk disk, string name, PlantedBug bugs)
    {
        this.process = process;
        this.disk = disk;
        this.name = name;
        this.bugs = bugs;
        log = [.. disk.Log];
        durable = log.Count;
        promised = bugs.HasFlag(PlantedBug.ForgetPromise) ? 0 : disk.Promised;
        process.World.Schedule(Beat, process, Tick);
    }

    /// <summary>Sends to a member by name.</summary>
    public required Action<string, Action<ModelNode>> Send { get; init; }

    public required IReignAuthority Authority { get; init; }

    public required Func<bool> MayAcknowledge { get; init; }

    public TimeSpan SyncMax { get; init; } = TimeSpan.FromMilliseconds(3);

    public IReadOnlyList<ModelRow> Log => log;

    public long PromisedTerm => promised;

    /// <summary>The model always asks for a lease.</summary>
    public AnswerRule Answers => IsPrimary ? AnswerRule.WithLease : AnswerRule.Never;

    public long PrimaryTerm => IsPrimary ? Reign!.Term : 0;

    public ReplicationRole Role { get; private set; }

    public Reign? Reign { get; private set; }

    public ReplicaPosition Position => new(durable == 0 ? 0 : log[(int)durable - 1].Term, durable);

    public long CommitLsn { get; private set; }

    public IReadOnlyList<ReplicaProgress> Progress => [];

    public string? Problem => null;

    public Task<CopyNeed> CopyNeeded { get; } = new TaskCompletionSource<CopyNeed>().Task;

    private bool IsPrimary => Role == ReplicationRole.Primary;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public Task ServeAsync(ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel) => throw new NotSupportedException();

    /// <summary>A client's row; the callback is its acknowledgement. False: this is no primary that may take it.</summary>
    public bool TrySubmit(long value, Action onAcknowledged)
    {
        if (!IsPrimary || isHandingOver)
        {
            return false;
        }

        log.Add(new ModelRow(Reign!.Term, value));
        waiting[log.Count] = onAcknowledged;
        Sync();
        ShipToAll();
        return true;
    }

    public Task ApplyReignAsync(Reign reign, CancellationToken cancel)
    {
        if ((Reign is not null && reign.Epoch <= Reign.Epoch) || reign.Term < promised)
        {
            return Task.CompletedTask;
        }

        bool isSame = IsPrimary && reign.Term == Reign!.Term && reign.Primary == name;
        Reign = reign;
        if (isSame)
        {
            TryCommit();
            return Task.CompletedTask;
        }

        waiting.Clear();
        isHandingOver = false;
        adding = null;
        if (reign.Primary != name)
        {
            Role = ReplicationRole.Following;
            return Task.CompletedTask;
        }

        if (log.Count > 0 && log[^1].Term >= reign.Term && !bugs.HasFlag(PlantedBug.GoOnAfterRestart))
        {
            Role = ReplicationRole.Waiting;
            return Task.CompletedTask;
        }

        Role = ReplicationRole.Primary;
        acknowledged.Clear();
        next.Clear();
        owesSince.Clear();
        if (log.Count == 0 || log[^1].Term < reign.Term)
        {
            log.Add(new ModelRow(reign.Term, 0));
        }

        Sync();
        ShipToAll();
        return Task.CompletedTask;
    }

    public async Task<ReplicaPosition> FenceAsync(long term, CancellationToken cancel)
    {
        if (term < promised)
        {
            throw new PeerException(PeerFailure.Refused, $"term {promised} was promised");
        }

        if (!bugs.HasFlag(PlantedBug.AnswerWithoutPromise))
        {
            promised = term;
            Role = ReplicationRole.Fenced;
            waiting.Clear();
        }

        var synced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.World.Schedule(SyncTime(), process, synced.SetResult);
        await synced.Task;
        if (!bugs.HasFlag(PlantedBug.AnswerWithoutPromise))
        {
            disk.Promised = Math.Max(disk.Promised, term);
        }

        return Position;
    }

    public async Task<ReplicaPosition> HandOverAsync(CancellationToken cancel)
    {
        if (!IsPrimary)
        {
            throw new PeerException(PeerFailure.Refused, "not a primary");
        }

        isHandingOver = true;
        while (IsPrimary && CommitLsn < log.Count)
        {
            if (cancel.IsCancellationRequested)
            {
                isHandingOver = false;
                cancel.ThrowIfCancellationRequested();
            }

            var beat = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            process.World.Schedule(TimeSpan.FromMilliseconds(1), process, beat.SetResult);
            await beat.Task;
        }

        return Position;
    }

    private void Receive(Shipment shipment)
    {
        bool isFollower = Role == ReplicationRole.Following && Reign!.Term == shipment.Term && Reign.Primary == shipment.Primary;
        if (!isFollower && !(bugs.HasFlag(PlantedBug.SkipTermCheck) && !IsPrimary && log.Count > 0 && log[^1].Term <= shipment.Term))
        {
            return;
        }

        long previous = shipment.From - 1;
        if (previous > log.Count)
        {
            Answer(shipment, log.Count);
            return;
        }

        if (previous > 0 && log[(int)previous - 1].Term != shipment.PreviousTerm)
        {
            Truncate(previous - 1);
            Answer(shipment, previous - 1);
            return;
        }

        for (int index = 0; index < shipment.Rows.Length; index++)
        {
            long lsn = shipment.From + index;
            if (lsn <= log.Count && log[(int)lsn - 1].Term != shipment.Rows[index].Term && !bugs.HasFlag(PlantedBug.KeepDivergedRows))
            {
                Truncate(lsn - 1);
            }

            if (lsn > log.Count)
            {
                log.Add(shipment.Rows[index]);
            }
        }

        long last = previous + shipment.Rows.Length;
        CommitLsn = Math.Max(CommitLsn, Math.Min(last, shipment.Commit));
        if (last <= durable || bugs.HasFlag(PlantedBug.AcknowledgeBeforeSync))
        {
            Answer(shipment, last);
            Sync();
        }
        else
        {
            Sync(() => Answer(shipment, last));
        }
    }

    private void Answer(Shipment shipment, long lsn) => Send(shipment.Primary, primary => primary.Take(name, shipment.Term, shipment.From, lsn));

    private void Take(string member, long term, long from, long lsn)
    {
        if (!IsPrimary || Reign!.Term != term)
        {
            return;
        }

        next[member] = lsn + 1;
        if (lsn >= from - 1)
        {
            if (lsn > acknowledged.GetValueOrDefault(member))
            {
                owesSince[member] = process.World.Now;
            }

            acknowledged[member] = Math.Max(acknowledged.GetValueOrDefault(member), lsn);
        }

        TryCommit();
        if (next[member] <= log.Count)
        {
            Ship(member);
        }
    }

    private void Truncate(long length)
    {
        log.RemoveRange((int)length, log.Count - (int)length);
        if (durable > length)
        {
            durable = length;
            disk.Log.RemoveRange((int)length, disk.Log.Count - (int)length);
        }
    }

    private TimeSpan SyncTime() => TimeSpan.FromMicroseconds(200) + process.World.Draw(SyncMax);

    private readonly List<(long Upto, Action Then)> syncWaiters = [];

    private void Sync(Action? then = null)
    {
        if (then is not null)
        {
            syncWaiters.Add((log.Count, then));
        }

        if (isSyncing || durable == log.Count)
        {
            return;
        }

        isSyncing = true;
        long upto = log.Count;
        process.World.Schedule(SyncTime(), process, () =>
        {
            isSyncing = false;
            upto = Math.Min(upto, log.Count);
            while (durable < upto)
            {
                disk.Log.Add(log[(int)durable++]);
            }

            foreach ((long _, Action reached) in syncWaiters.Where(waiter => waiter.Upto <= durable).ToArray())
            {
                reached();
            }

            syncWaiters.RemoveAll(waiter => waiter.Upto <= durable || waiter.Upto > log.Count);
            TryCommit();
            Sync();
        });
    }

    private void TryCommit()
    {
        if (!IsPrimary || Reign is null)
        {
            return;
        }

        long commit = durable;
        if (!bugs.HasFlag(PlantedBug.AcknowledgeAlone) && !bugs.HasFlag(PlantedBug.ForgetInSync))
        {
            foreach (string member in adding is null || bugs.HasFlag(PlantedBug.AddTooEarly) ? Reign.InSync : Reign.InSync.Add(adding))
            {
                bool isDropped = bugs.HasFlag(PlantedBug.RemoveWithoutCatalog) && Owes(member);
                commit = member == name || isDropped ? commit : Math.Min(commit, acknowledged.GetValueOrDefault(member));
            }
        }

        CommitLsn = Math.Max(CommitLsn, commit);
        while (waiting.Count > 0 && waiting.First() is var first && first.Key <= CommitLsn && MayAcknowledge())
        {
            waiting.Remove(first.Key);
            first.Value();
        }
    }

    private bool Owes(string member) =>
        acknowledged.GetValueOrDefault(member) < log.Count && process.World.Now - owesSince.GetValueOrDefault(member) > ReplicationTimeout.Ticks;

    private void Tick()
    {
        process.World.Schedule(Beat, process, Tick);
        if (!IsPrimary || Reign is null)
        {
            return;
        }

        foreach (string member in Reign.Members.Select(member => member.Name).Where(member => member != name))
        {
            owesSince.TryAdd(member, process.World.Now);
            if (acknowledged.GetValueOrDefault(member) >= log.Count)
            {
                owesSince[member] = process.World.Now;
            }

            Ship(member);
            Consider(member);
        }

        TryCommit();
    }

    /// <summary>In or out of the in-sync set.</summary>
    private void Consider(string member)
    {
        if (isProposing || isHandingOver)
        {
            return;
        }

        Reign known = Reign!;
        bool isIn = known.InSync.Contains(member);
        bool hasCaughtUp = acknowledged.ContainsKey(member) && (acknowledged[member] >= durable || bugs.HasFlag(PlantedBug.AddTooEarly));
        if (isIn && Owes(member))
        {
            Propose(token => Authority.RemoveFromInSyncAsync(known, member, "it owes acknowledgements", token));
        }
        else if (!isIn && hasCaughtUp)
        {
            adding = member;
            Propose(token => Authority.AddToInSyncAsync(known, member, token));
        }
    }

    private void Propose(Func<CancellationToken, ValueTask<Reign>> change)
    {
        isProposing = true;
        process.Start(async () =>
        {
            try
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1), process.Time);
                await ApplyReignAsync(await change(limit.Token), CancellationToken.None);
                adding = null;
            }
            catch (Exception problem) when (problem is OperationCanceledException or CatalogUnavailableException)
            {
                // unknown: the member is waited for until the catalog has told
            }

            isProposing = false;
        });
    }

    private void ShipToAll()
    {
        foreach (ReplicaMember member in Reign!.Members)
        {
            if (member.Name != name)
            {
                Ship(member.Name);
            }
        }
    }

    private void Ship(string member)
    {
        long from = Math.Clamp(next.GetValueOrDefault(member, log.Count + 1), 1, log.Count + 1);
        ImmutableArray<ModelRow> rows = [.. log.Skip((int)from - 1).Take(32)];
        var shipment = new Shipment(name, Reign!.Term, from, from > 1 ? log[(int)from - 2].Term : 0, rows, CommitLsn);
        Send(member, node => node.Receive(shipment));
    }
}
