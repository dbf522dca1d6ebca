using System.Collections.Concurrent;
using Picodata.Core;

namespace Picodata.Storage;

/// <summary>
/// All tables in memory. Life: construct; <see cref="LoadSnapshotRow"/>*; <see cref="FinishSnapshot"/>;
/// <see cref="ApplyRecovered"/>*; <see cref="FinishRecovery"/>; <see cref="Start"/>; then transactions.
/// Recovery calls come from one thread. A new directory does the same with the bootstrap rows as its snapshot.
///
/// Invariants:
/// N1 committed state (catalog, trees, sequences, locks) changes only under <see cref="Gate"/>, one commit after another, each as a whole;
/// N2 rows that a commit replaced live until the commit is released, so that it can be taken back exactly;
/// N3 after commits were taken back, no transaction that was open then can commit writes, and no view that was open then can be
///    shown (<see cref="Generation"/>).
/// </summary>
internal sealed partial class Engine : IDisposable
{
    /// <summary>Replaced rows that one commit or closed view frees at most.</summary>
    private const int DrainAtOnce = 512;

    private readonly RootTable roots = new(256);
    private readonly Stack<int> freeSlots = [];
    private readonly List<int> retiredSlots = [];
    private readonly ConcurrentQueue<CommitUndo> released = new();
    private readonly Stack<CommitUndo> spareUndo = [];
    private readonly Stack<ReadView> spareViews = [];
    private CommitUndo? draining;
    private int drained;
    private readonly Queue<(nint Row, long Sequence)> graveyard = [];
    private readonly Epochs epochs;
    private readonly int maxTupleSize;
    private int usedSlots;
    private long appliedLsn;
    private long generation;
    private long holderSequence;
    private long memoryLimit;
    private Catalog catalog;
    private ICommitLog? log;

    /// <param name="memoryLimit">Bytes of rows and indexes; recovery is not refused by it.</param>
    /// <param name="maxTupleSize">Largest row in bytes.</param>
    public Engine(long memoryLimit, int maxTupleSize)
    {
        this.memoryLimit = memoryLimit;
        this.maxTupleSize = maxTupleSize;
        epochs = new Epochs(Arena);
        Alteration = new SpaceAlteration(Arena, new PrivateVersions(Arena));
        Sequences = new SequenceTable(this);
        catalog = new Catalog(0, []);
        DefineCoreSpaces();
    }

    /// <summary>The one engine lock: all changes of committed state happen under it. Never held while waiting for anything.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Live: bytes of rows and indexes that writes may use.</summary>
    public long MemoryLimit
    {
        get => Volatile.Read(ref memoryLimit);
        set => Volatile.Write(ref memoryLimit, value);
    }

    /// <summary>Bytes of rows and indexes in use.</summary>
    public long UsedMemory => Arena.UsedBytes;

    /// <summary>Number that the newest applied commit got from <see cref="ICommitLog.Append"/>.</summary>
    public long AppliedLsn => Volatile.Read(ref appliedLsn);

    /// <summary>The newest committed schema.</summary>
    public DatabaseSchema Schema => Catalog.Schema;

    internal Catalog Catalog => Volatile.Read(ref catalog);

    internal RowArena Arena { get; } = new();

    internal LockTable Locks { get; } = new();

    /// <summary>What reads of single rows have to wait for.</summary>
    internal KeyLsns KeyLsns { get; } = new();

    internal SpaceAlteration Alteration { get; }

    internal SequenceTable Sequences { get; }

    /// <summary>How often commits were taken back.</summary>
    internal long Generation => Volatile.Read(ref generation);

    internal bool IsStarted => log is not null;

    /// <summary>From here on transactions may write.</summary>
    /// <param name="log">Where commits go.</param>
    /// <param name="appliedLsn">LSN that recovery reached.</param>
    public void Start(ICommitLog log, long appliedLsn)
    {
        lock (Gate)
        {
            this.appliedLsn = appliedLsn;
            this.log = log;
            Alteration.BuildsSecondary = true;
        }
    }

    /// <summary>O(1) image of all spaces at the newest applied commit, for checkpoints and hot reads.</summary>
    public ReadView OpenReadView()
    {
        var view = new ReadView(this);
        lock (Gate)
        {
            Open(view);
        }

        return view;
    }

    /// <summary>The commit is durable: what it replaced may go. Cheap, takes no lock; any thread.</summary>
    public void Release(CommitUndo undo) => released.Enqueue(undo);

    /// <summary>
    /// Takes applied commits back. Under the gate it calls <paramref name="takeNewestFirst"/>, which empties the log's queue of everything
    /// that is not and will not be written, and undoes them in that order (newest first). Transactions that are open now
    /// cannot commit writes any more (40001), and what they read cannot be shown.
    /// </summary>
    public void Undo(Func<IReadOnlyList<CommitUndo>> takeNewestFirst)
    {
        lock (Gate)
        {
            IReadOnlyList<CommitUndo> commits = takeNewestFirst();
            if (commits.Count == 0)
            {
                return;
            }

            Volatile.Write(ref generation, generation + 1);
            foreach (CommitUndo undo in commits)
            {
                TakeBack(undo, buriesRows: true);
            }

            KeyLsns.TakeBack(appliedLsn);
            Sequences.ForgetLoggedAhead();
        }
    }

    /// <summary>
    /// Before a clean stop or never: logs the exact last values of sequences that had values logged ahead, so that no numbers are skipped.
    /// </summary>
    public void FlushSequences()
    {
        lock (Gate)
        {
            Sequences.LogExactValues();
        }
    }

    /// <summary>Rows and bytes of a space.</summary>
    public SpaceStatistics Statistics(uint spaceId)
    {
        lock (Gate)
        {
            return Catalog.Find(spaceId) is not { } space
                ? default
                : new SpaceStatistics(
                    space.Primary?.Count ?? 0,
                    space.State.RowBytes,
                    space.Indexes.Sum(index => (index.Tree?.NodeCount ?? 0) * RowTree.NodeSize));
        }
    }

    public void Dispose()
    {
        lock (Gate)
        {
            Arena.Dispose();
        }
    }

    /// <summary>As <see cref="OpenReadView"/>, for transactions: the object may have been used before, and goes back by <see cref="ReturnView"/>.</summary>
    internal ReadView RentView()
    {
        lock (Gate)
        {
            ReadView view = spareViews.TryPop(out ReadView? spare) ? spare : new ReadView(this);
            Open(view);
            return view;
        }
    }

    /// <summary>Closes a rented view; the caller forgets it.</summary>
    internal void ReturnView(ReadView view)
    {
        lock (Gate)
        {
            Close(view);
            if (view.Garbage.Count == 0 && spareViews.Count < 256)
            {
                spareViews.Push(view);
                view = null!;
            }
        }

        FreeGarbage(view);
    }

    internal void CloseView(ReadView view)
    {
        lock (Gate)
        {
            if (!view.IsOpen)
            {
                return;
            }

            Close(view);
        }

        FreeGarbage(view);
    }

    /// <summary>Outside of the gate: frees what closing a view left, and dropped trees.</summary>
    internal void FreeGarbage(ReadView? view)
    {
        if (view is { Garbage.Count: > 0 })
        {
            epochs.FreeAll(view.Garbage);
        }

        epochs.FreeDropped();
    }

    /// <summary>Under the gate: a transaction begins to hold locks or wait for them.</summary>
    internal void RegisterHolder(Transaction transaction)
    {
        transaction.HolderSequence = ++holderSequence;
        Locks.Register(transaction);
    }

    /// <summary>Throws 53200 when a row of this length does not fit any more, 54000 when it is too long.</summary>
    internal void CheckRoom(int length)
    {
        if (length > maxTupleSize)
        {
            throw new DbException(
                SqlStates.ProgramLimitExceeded,
                $"row is too long: {length} bytes, at most {maxTupleSize} are allowed",
                hint: "memtx.max_tuple_size sets the limit");
        }

        if (Arena.UsedBytes + RowArena.BlockSize(length) <= MemoryLimit)
        {
            return;
        }

        DrainReleased(int.MaxValue);
        epochs.FreeDropped();
        if (Arena.UsedBytes + RowArena.BlockSize(length) > MemoryLimit)
        {
            throw new DbException(
                SqlStates.OutOfMemory,
                $"out of memory: rows and indexes use {Arena.UsedBytes} bytes of {MemoryLimit}",
                hint: "delete rows, or raise memtx_memory");
        }
    }

    private void Open(ReadView view)
    {
        view.Fill(catalog, appliedLsn, generation, roots.Roots, usedSlots);
        epochs.Open(view);
    }

    private void Close(ReadView view)
    {
        view.MarkClosed();
        epochs.Close(view);
        DrainReleased(DrainAtOnce);
    }

    /// <summary>
    /// Under the gate: frees what durable commits replaced, a bounded number of rows, so that nobody pays for another's large commit.
    /// </summary>
    private void DrainReleased(int budget)
    {
        while (budget > 0 && (draining is not null || released.TryDequeue(out draining)))
        {
            List<CommitUndo.Step> steps = draining.Steps;
            while (drained < steps.Count && budget-- > 0)
            {
                CommitUndo.Step step = steps[drained++];
                if (step.Kind == CommitUndo.StepKind.Schema)
                {
                    RetireReplaced(step.Change!);
                }
                else if (step.Old != 0)
                {
                    epochs.RetireRow(step.Old);
                }
            }

            if (drained == steps.Count)
            {
                Recycle(draining);
                draining = null;
                drained = 0;
            }
        }

        while (graveyard.TryPeek(out (nint Row, long Sequence) dead) && !IsHeldSince(dead.Sequence))
        {
            epochs.RetireRow(graveyard.Dequeue().Row);
        }
    }

    private bool IsHeldSince(long sequence)
    {
        foreach (Transaction holder in Locks.Holders)
        {
            if (holder.HolderSequence <= sequence)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The change of a space is durable: trees of the old version that the new one does not share go.</summary>
    private void RetireReplaced(SchemaStep change)
    {
        if (change.Before is not { } before)
        {
            return;
        }

        foreach (SpaceIndex index in before.Indexes)
        {
            if (index.Tree is { } tree && change.After?.Has(tree) != true)
            {
                Retire(tree, withRows: change.DropsRows && ReferenceEquals(tree, before.Primary));
            }
        }
    }

    private void Recycle(CommitUndo undo)
    {
        undo.Clear();
        if (spareUndo.Count < 64)
        {
            spareUndo.Push(undo);
        }
    }

    /// <summary>Makes a version of a space the current one.</summary>
    private void Adopt(uint spaceId, Space? space)
    {
        foreach (SpaceIndex index in space?.Indexes ?? [])
        {
            if (index.Tree is { Slot: < 0 } tree)
            {
                tree.Attach(roots, TakeSlot(), epochs);
            }
        }

        Volatile.Write(ref catalog, catalog.With(spaceId, space));
    }

    private int TakeSlot()
    {
        if (!epochs.HasViews)
        {
            retiredSlots.ForEach(freeSlots.Push);
            retiredSlots.Clear();
        }

        if (freeSlots.TryPop(out int slot))
        {
            return slot;
        }

        if (usedSlots == roots.Roots.Length)
        {
            Array.Resize(ref roots.Roots, usedSlots * 2);
        }

        return usedSlots++;
    }

    /// <summary>
    /// A tree leaves the newest version. Views that are open find their root by its slot, so that is used again only when there are none.
    /// </summary>
    private void Retire(RowTree tree, bool withRows)
    {
        if (tree.Slot >= 0)
        {
            retiredSlots.Add(tree.Slot);
        }

        epochs.RetireTree(tree.TakeNodes(), withRows);
    }
}
