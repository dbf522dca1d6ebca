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
/// </summary>
public sealed partial class Transaction : IDisposable
{
    /// <summary>Schema as this transaction sees it: the view's, with its own DDL applied.</summary>
    public DatabaseSchema Schema => throw new NotImplementedException();

    /// <summary>
    /// What was read may depend on every commit up to this LSN; results may be shown only when it is durable
    /// (<see cref="Database.WaitDurableAsync"/>). Exact per table read where possible, so that reads of quiet tables never wait.
    /// </summary>
    public long ReadLsn => throw new NotImplementedException();

    public bool IsReadOnly => throw new NotImplementedException();

    public bool HasWrites => throw new NotImplementedException();

    public void BeginStatement() => throw new NotImplementedException();

    public void EndStatement() => throw new NotImplementedException();

    public void RollbackStatement() => throw new NotImplementedException();

    /// <summary>
    /// The row with this full key of a unique index as this statement sees it. The span points into the row's memory and
    /// is valid until the statement ends.
    /// </summary>
    public bool TryGet(uint spaceId, uint indexId, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> tuple) => throw new NotImplementedException();

    /// <summary>Rows of an index in order (or reversed) within a range, as this statement sees them.</summary>
    public IndexCursor OpenCursor(uint spaceId, uint indexId, in KeyRange range, bool descending) => throw new NotImplementedException();

    /// <summary>Rows of the table as this statement sees them; O(1) where there is no overlay. For the planner: cheap estimates are enough.</summary>
    public long EstimateRows(uint spaceId) => throw new NotImplementedException();

    /// <summary>Locks a row for writing. Done: the lock is held and <see cref="TryGetLatest"/> gives the version to change.</summary>
    public WriteResult LockRow(uint spaceId, ReadOnlySpan<byte> primaryKey) => throw new NotImplementedException();

    /// <summary>
    /// The newest version of a row that this transaction has locked: its own, else the newest committed one. The span is
    /// valid until the next call of this method or a write.
    /// </summary>
    public bool TryGetLatest(uint spaceId, ReadOnlySpan<byte> primaryKey, out ReadOnlySpan<byte> tuple) => throw new NotImplementedException();

    public WriteResult LockTable(uint spaceId, TableLockMode mode) => throw new NotImplementedException();

    /// <summary>Adds a row. Locks its unique keys; Duplicate when one is taken.</summary>
    public WriteResult Insert(uint spaceId, ReadOnlySpan<byte> tuple) => throw new NotImplementedException();

    /// <summary>Replaces the row with primary key <paramref name="oldPrimaryKey"/> by a tuple whose primary key may differ.</summary>
    public WriteResult Update(uint spaceId, ReadOnlySpan<byte> oldPrimaryKey, ReadOnlySpan<byte> newTuple) => throw new NotImplementedException();

    public WriteResult Delete(uint spaceId, ReadOnlySpan<byte> primaryKey) => throw new NotImplementedException();

    /// <summary>Empties a table (needs Exclusive); logged as Tarantool's TRUNCATE.</summary>
    public WriteResult Truncate(uint spaceId) => throw new NotImplementedException();

    /// <summary>
    /// Next value of a sequence. As <see cref="Database.NextSequenceValue"/>, but also for a sequence that this transaction made (or altered)
    /// and has not committed yet, whose values then belong to the transaction.
    /// </summary>
    public long NextSequenceValue(uint sequenceId) => throw new NotImplementedException();

    /// <summary>setval, as <see cref="Database.SetSequenceValue"/>, also for a sequence of this transaction's own.</summary>
    public void SetSequenceValue(uint sequenceId, long value, bool isCalled) => throw new NotImplementedException();

    /// <summary>A number for <see cref="RollbackTo"/>; savepoints nest by position.</summary>
    public int Savepoint() => throw new NotImplementedException();

    public void RollbackTo(int savepoint) => throw new NotImplementedException();

    /// <summary>
    /// Applies the overlay to the tables and queues it for the log, atomically; returns the LSN to wait for (0 when there
    /// was nothing to write). Throws 23505, 40001, 53200, 53100. The transaction is over either way and its locks are
    /// free at once; the caller shows success only after <see cref="Database.WaitDurableAsync"/>.
    /// </summary>
    public long Commit() => throw new NotImplementedException();

    public void Rollback() => throw new NotImplementedException();

    /// <summary>Rolls back when neither committed nor rolled back.</summary>
    public void Dispose() => throw new NotImplementedException();
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
