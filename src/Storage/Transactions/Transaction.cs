using Picodata.Core;

namespace Picodata.Storage;

/// <summary>What a write did, or what must happen before it can be done.</summary>
public enum WriteOutcome
{
    Done,

    /// <summary>A unique index has the key already; <see cref="WriteResult.Index"/> tells which.</summary>
    Duplicate,

    /// <summary>
    /// Another transaction holds a lock that is needed. The caller ends its statement with
    /// <see cref="Transaction.RollbackStatement"/>, awaits <see cref="WriteResult.Wait"/> and runs the statement again.
    /// </summary>
    MustWait,

    /// <summary>REPEATABLE READ: the row was changed after this transaction's view (40001).</summary>
    Conflict,

    /// <summary>The row to update or delete is gone in the newest committed state (the statement runs again, or skips it).</summary>
    Gone,
}

/// <param name="Outcome">What happened.</param>
/// <param name="Index">For Duplicate: the unique index.</param>
/// <param name="Wait">For MustWait: completes when the lock may be free; fails with 40P01 when waiting would deadlock.</param>
public readonly record struct WriteResult(WriteOutcome Outcome, IndexDef? Index = null, Task? Wait = null);

/// <summary>Strength of a lock on a whole table, after PostgreSQL: readers never block on rows, only on Exclusive tables.</summary>
public enum TableLockMode
{
    /// <summary>Statement reads the table; conflicts with Exclusive only.</summary>
    Shared,

    /// <summary>Statement writes rows; conflicts with Exclusive and ShareWrite.</summary>
    Write,

    /// <summary>No writes by others (CREATE INDEX); conflicts with Write and Exclusive.</summary>
    ShareWrite,

    /// <summary>DDL; conflicts with all.</summary>
    Exclusive,
}

/// <summary>
/// One transaction. Writes go to a private overlay and are applied in one step at commit; reads see the view merged with
/// the overlay. Used by one thread at a time.
///
/// Statement protocol: <see cref="BeginStatement"/>; reads and writes; then <see cref="EndStatement"/> or
/// <see cref="RollbackStatement"/> (undoes the statement's writes, keeps its locks). Cursors are valid until the
/// statement ends. Keys and tuples are MessagePack arrays; a key may be a prefix of the index's parts.
/// A statement's reads see the transaction's writes of earlier statements, not its own.
/// </summary>
public sealed unsafe partial class Transaction : IDisposable
{
    private readonly Engine engine;
    private readonly IsolationLevel isolation;
    private readonly List<JournalEntry> journal = [];
    private ReadView? view;
    private StatementVersions? versions;
    private Dictionary<uint, SpaceOverlay>? overlays;
    private int statementStart;
    private long readLsn;
    private long ownRestsOn;
    private long firstGeneration = -1;
    private bool isOver;

    internal Transaction(Engine engine, IsolationLevel isolation, bool readOnly)
    {
        this.engine = engine;
        this.isolation = isolation;
        IsReadOnly = readOnly;
    }

    /// <summary>
    /// What was read may depend on every commit up to this LSN; results may be shown only when it is durable
    /// (<see cref="Database.WaitDurableAsync"/>). Exact per table read where possible, so that reads of quiet tables never wait.
    /// Throws 40001 when a commit that may have been read was taken back because the log could not be written.
    /// </summary>
    public long ReadLsn
    {
        get
        {
            if (firstGeneration >= 0 && firstGeneration != engine.Generation)
            {
                throw TakenBack();
            }

            return readLsn;
        }
    }

    /// <summary>
    /// As <see cref="ReadLsn"/>, and all that was read only to be written: for what may tell of any of it, such as the message of an error.
    /// </summary>
    public long RestsOnLsn => Math.Max(ReadLsn, ownRestsOn);

    public bool IsReadOnly { get; }

    /// <summary>Number of the running statement.</summary>
    internal int Statement { get; private set; } = 1;

    private ReadView View => view!;

    private StatementVersions Versions => versions ??= new StatementVersions(this, engine.Arena);

    public bool HasWrites => journal.Count > 0;

    /// <summary>Writes that a commit has to apply.</summary>
    public int WriteCount => journal.Count;

    public void BeginStatement()
    {
        CheckNotOver();
        FinishStatement();
        Statement++;
        statementStart = journal.Count;
        if (Waiting is not null)
        {
            // the wait was given up (a time limit, a cancel): it must not count as waiting any more
            lock (engine.Gate)
            {
                engine.Locks.StopWaiting(this);
            }
        }
    }

    public void EndStatement() => FinishStatement();

    public void RollbackStatement()
    {
        RollbackTo(statementStart);
        FinishStatement();
    }

    /// <summary>
    /// The row with this full key of a unique index as this statement sees it. The span points into the row's memory and
    /// is valid until the statement ends.
    /// </summary>
    public bool TryGet(uint spaceId, uint indexId, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> tuple)
    {
        Space space = SpaceToRead(spaceId, out SpaceOverlay? overlay);
        (SpaceIndex index, int position) = IndexToRead(space, indexId);
        KeyDef def = index.Key!;
        int count = def.CheckKey(key);
        if (!def.IsUnique || count != def.Own)
        {
            throw new DbException(SqlStates.InternalError, $"index \"{index.Def.Name}\" cannot find one row by {count} values");
        }

        fixed (byte* bytes = key)
        {
            byte* first = bytes;
            RawTuple.ArrayHead(ref first);
            if (position == 0 && space.Primary is not null)
            {
                NoteReadOfKey(space, def.HashKey(first));
            }
            else
            {
                NoteRead(space.State);
            }

            nint row = FindVisible(space, overlay, index, position, def.ProbeKey(first, count));
            tuple = row == 0 ? default : RowArena.Span(row);
            return row != 0;
        }
    }

    /// <summary>
    /// Rows of an index in order (or reversed) within a range, as this statement sees them. Bounds are in the order of the index.
    /// </summary>
    public IndexCursor OpenCursor(uint spaceId, uint indexId, in KeyRange range, bool descending)
    {
        Space space = SpaceToRead(spaceId, out SpaceOverlay? overlay);
        if (space.Primary is null && indexId == 0)
        {
            NoteRead(space.State);
            return new MergedCursor();
        }

        NoteRead(space.State);
        (SpaceIndex index, int position) = IndexToRead(space, indexId);
        nint touched = overlay?.RootFor(0, Statement) ?? 0;
        if (touched == 0)
        {
            return new MergedCursor(index.Key!, View.RootOf(index.Tree!), in range, descending);
        }

        nint own = position == 0 ? touched : overlay!.RootFor(position, Statement);
        return new MergedCursor(
            index.Key!, View.RootOf(index.Tree!), own, space.Primary!.Key, position == 0 ? 0 : touched, in range, descending);
    }

    /// <summary>Rows of the table as this statement sees them; O(1) where there is no overlay. For the planner: cheap estimates are enough.</summary>
    public long EstimateRows(uint spaceId)
    {
        Space? space = CurrentSpace(spaceId);
        long committed = space?.Primary?.Count ?? 0;
        return overlays is not null && overlays.TryGetValue(spaceId, out SpaceOverlay? overlay)
            ? Math.Max(committed + overlay.Balance, 0)
            : committed;
    }

    /// <summary>A number for <see cref="RollbackTo"/>; savepoints nest by position.</summary>
    public int Savepoint() => journal.Count;

    public void RollbackTo(int savepoint)
    {
        CheckNotOver();
        for (int i = journal.Count - 1; i >= savepoint; i--)
        {
            TakeBack(journal[i]);
        }

        journal.RemoveRange(savepoint, journal.Count - savepoint);
        statementStart = Math.Min(statementStart, savepoint);
        Statement++;
    }

    /// <summary>
    /// Applies the overlay to the tables and queues it for the log, atomically; returns the LSN to wait for (0 when there
    /// was nothing to write). Throws 23505, 40001, 53200, 53100. The transaction is over either way and its locks are
    /// free at once; the caller shows success only after <see cref="Database.WaitDurableAsync"/>.
    /// </summary>
    public long Commit()
    {
        CheckNotOver();
        bool applied = false;
        try
        {
            if (journal.Count == 0)
            {
                return 0;
            }

            lock (engine.Gate)
            {
                if (firstGeneration != engine.Generation)
                {
                    throw TakenBack();
                }

                long lsn = engine.Commit(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(journal));
                applied = true;
                End();
                return lsn;
            }
        }
        finally
        {
            Finish(rowsWereApplied: applied);
        }
    }

    public void Rollback()
    {
        if (!isOver)
        {
            Finish(rowsWereApplied: false);
        }
    }

    /// <summary>Rolls back when neither committed nor rolled back.</summary>
    public void Dispose() => Rollback();

    private static DbException TakenBack() => new(
        SqlStates.SerializationFailure,
        "the transaction may have read a commit that was taken back, because the log could not be written or this instance became primary",
        hint: "run the transaction again");

    private void CheckNotOver()
    {
        if (isOver)
        {
            throw new InvalidOperationException("the transaction is over");
        }
    }

    private void EnsureView()
    {
        if (view is null)
        {
            CheckNotOver();
            view = engine.RentView();
            if (firstGeneration < 0)
            {
                firstGeneration = view.Generation;
            }
        }
    }

    private void FinishStatement()
    {
        if (isolation == IsolationLevel.ReadCommitted)
        {
            CloseView();
        }

        versions?.FreeRetired();
    }

    private Space SpaceToRead(uint spaceId, out SpaceOverlay? overlay)
    {
        EnsureView();
        overlay = null;
        Space? space = null;
        if (overlays is not null && overlays.TryGetValue(spaceId, out overlay))
        {
            space = overlay.Space;
        }
        else if (pending is null || !pending.TryGetValue(spaceId, out space))
        {
            space = View.Catalog.Find(spaceId);
        }

        if (space is null)
        {
            throw new DbException(SqlStates.UndefinedTable, $"space {spaceId} does not exist");
        }

        if (overlay is not null)
        {
            NoteReadOfOwn();
        }

        return space;
    }

    private void NoteRead(SpaceState state) => readLsn = Math.Max(readLsn, state.LastLsn);

    /// <summary>The row of one primary key was read, or that there is none. Any view or gate that it is read by was taken before.</summary>
    private void NoteReadOfKey(Space space, ulong hash)
    {
        if (space.State.LastLsn > readLsn)
        {
            readLsn = Math.Max(readLsn, Math.Max(space.State.WholeLsn, engine.KeyLsns.Written(space.Id, hash)));
        }
    }

    /// <summary>Own rows were read: they were made of what was read to write them.</summary>
    private void NoteReadOfOwn() => readLsn = Math.Max(readLsn, ownRestsOn);

    /// <summary>
    /// A row was read for a change of which nobody is told but that there was such a row. What it held shows only in the own row that
    /// comes of it, and after the commit, which is durable only when everything before it is.
    /// </summary>
    private void NoteReadToWrite(Space space, ulong hash)
    {
        if (space.State.LastLsn > readLsn)
        {
            long whole = space.State.WholeLsn;
            readLsn = Math.Max(readLsn, Math.Max(whole, engine.KeyLsns.Existence(space.Id, hash)));
            ownRestsOn = Math.Max(ownRestsOn, Math.Max(whole, engine.KeyLsns.Written(space.Id, hash)));
        }
    }

    private static (SpaceIndex Index, int Position) IndexToRead(Space space, uint indexId)
    {
        for (int i = 0; i < space.Indexes.Length; i++)
        {
            SpaceIndex index = space.Indexes[i];
            if (index.Def.Id == indexId && index.Tree is not null)
            {
                return (index, i);
            }
        }

        throw new DbException(
            SqlStates.FeatureNotSupported,
            $"index {indexId} of \"{space.Def.Name}\" does not exist any more or is of a kind that cannot be read");
    }

    private nint FindVisible(Space space, SpaceOverlay? overlay, SpaceIndex index, int position, in Probe probe)
    {
        nint touched = overlay?.RootFor(0, Statement) ?? 0;
        if (touched != 0)
        {
            nint own = RowTree.Find(position == 0 ? touched : overlay!.RootFor(position, Statement), index.Key!, in probe);
            if (own != 0)
            {
                return SpaceOverlay.IsTombstone(own) ? 0 : own;
            }
        }

        nint row = RowTree.Find(View.RootOf(index.Tree!), index.Key!, in probe);
        if (row == 0 || touched == 0 || position == 0)
        {
            return row;
        }

        KeyDef primary = space.Primary!.Key;
        return RowTree.Find(touched, primary, primary.ProbeRow(RowArena.Data(row), primary.Count)) != 0 ? 0 : row;
    }

    /// <summary>Undoes one write on the overlay and frees its row.</summary>
    private void TakeBack(JournalEntry entry)
    {
        if (entry.Change is not null)
        {
            TakeBack(entry.Change);
        }

        SpaceOverlay overlay = overlays![entry.SpaceId];
        overlay.BeginWrite(Statement);
        overlay.TakeBack(entry.Row, entry.Previous);
        engine.Arena.FreeRow(entry.Row);
    }

    /// <summary>Under the gate: locks go, and nothing more can happen.</summary>
    private void End()
    {
        isOver = true;
        if (HolderIndex >= 0)
        {
            engine.Locks.ReleaseAll(this);
        }
    }

    private void Finish(bool rowsWereApplied)
    {
        if (!isOver)
        {
            if (HolderIndex >= 0)
            {
                lock (engine.Gate)
                {
                    End();
                }
            }

            isOver = true;
        }

        FreeWrites(rowsWereApplied);
        versions?.FreeRetired();
        CloseView();
        engine.FreeGarbage(null);
    }

    private void CloseView()
    {
        if (view is { } open)
        {
            view = null;
            engine.ReturnView(open);
        }
    }

    private void FreeWrites(bool rowsWereApplied)
    {
        for (int i = journal.Count - 1; i >= 0; i--)
        {
            JournalEntry entry = journal[i];
            if (entry.Kind == JournalKind.Delete || (entry.Kind == JournalKind.Put && !rowsWereApplied))
            {
                engine.Arena.FreeRow(entry.Row);
            }

            if (entry.Change is { } change)
            {
                change.Overlay?.Free(engine.Arena);
                if (!rowsWereApplied && change.Step.After is { } after)
                {
                    engine.Alteration.FreeOwnTrees(after, change.Step.Before);
                }
            }
        }

        if (overlays is not null)
        {
            foreach (SpaceOverlay overlay in overlays.Values)
            {
                overlay.Free(engine.Arena);
            }
        }

        journal.Clear();
    }
}

/// <summary>Bounds of an index scan. Empty key means unbounded. Keys are MessagePack arrays, prefixes allowed.</summary>
public readonly record struct KeyRange(ReadOnlyMemory<byte> From, bool FromInclusive, ReadOnlyMemory<byte> To, bool ToInclusive)
{
    public static readonly KeyRange All = new(default, true, default, true);

    public static KeyRange Prefix(ReadOnlyMemory<byte> key) => new(key, true, key, true);
}

/// <summary>Rows of one index, one after another. <see cref="Current"/> is valid until the statement ends.</summary>
public abstract class IndexCursor : IDisposable
{
    public abstract bool MoveNext();

    /// <summary>The row: a MessagePack array.</summary>
    public abstract ReadOnlySpan<byte> Current { get; }

    public virtual void Dispose()
    {
    }
}
