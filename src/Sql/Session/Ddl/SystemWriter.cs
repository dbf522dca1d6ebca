using Picodata.Core;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>Writes rows of system spaces inside of a statement; turns outcomes into exceptions, for none of this is hot.</summary>
internal sealed class SystemWriter(Transaction transaction)
{
    public Transaction Transaction => transaction;

    public void Insert(uint space, ReadOnlyMemory<byte> row) => Check(transaction.Insert(space, row.Span));

    /// <summary>Replaces the row with this key, or adds it.</summary>
    public void Put(uint space, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> row)
    {
        if (Lock(space, key))
        {
            Check(transaction.Update(space, key.Span, row.Span));
        }
        else
        {
            Insert(space, row);
        }
    }

    /// <summary>Deletes the row when it is there.</summary>
    public bool Delete(uint space, ReadOnlyMemory<byte> key)
    {
        if (!Lock(space, key))
        {
            return false;
        }

        Check(transaction.Delete(space, key.Span));
        return true;
    }

    /// <summary>Locks the row; false when there is none.</summary>
    public bool Lock(uint space, ReadOnlyMemory<byte> key)
    {
        Check(transaction.LockRow(space, key.Span));
        return transaction.TryGetLatest(space, key.Span, out _);
    }

    /// <summary>The newest version of a row, which is locked; null when there is none.</summary>
    public byte[]? Read(uint space, ReadOnlyMemory<byte> key) =>
        Lock(space, key) && transaction.TryGetLatest(space, key.Span, out ReadOnlySpan<byte> row) ? row.ToArray() : null;

    public void LockTable(uint space, TableLockMode mode) => Check(transaction.LockTable(space, mode));

    public void Truncate(uint space) => Check(transaction.Truncate(space));

    public static void Check(WriteResult result)
    {
        switch (result.Outcome)
        {
            case WriteOutcome.Done:
                return;
            case WriteOutcome.MustWait:
                throw new LockWaitException(result.Wait!);
            case WriteOutcome.Duplicate:
                throw new DbException(SqlStates.DuplicateObject, $"an object with this name or id exists already (unique index \"{result.Index?.Name}\")");
            case WriteOutcome.Conflict:
                throw new DbException(SqlStates.SerializationFailure, "could not serialize access due to concurrent update");
            default:
                throw new LockWaitException(Task.CompletedTask);
        }
    }
}
