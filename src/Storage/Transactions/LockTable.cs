using System.Runtime.InteropServices;
using Picodata.Core;

namespace Picodata.Storage;

/// <summary>
/// Locks of rows, unique keys and tables. All calls under the gate.
///
/// L1 A row lock has one owner; who waits is served in order of arrival, and gets the lock handed over: when its task completes it
///    is the owner. L2 A transaction waits for at most one lock at a time. L3 The waiter whose request would close a circle gets 40P01
///    at once and does not wait; so there is never a circle among waiters.
/// </summary>
internal sealed class LockTable
{
    private readonly Dictionary<LockKey, RowLock> rows = [];
    private readonly List<Transaction> holders = [];

    /// <summary>Transactions that hold or wait for locks.</summary>
    public IReadOnlyList<Transaction> Holders => holders;

    public void Register(Transaction transaction)
    {
        transaction.HolderIndex = holders.Count;
        holders.Add(transaction);
    }

    /// <summary>Takes a row lock; the task to wait for, or null when the lock is held.</summary>
    public Task? AcquireRow(Transaction transaction, in LockKey key)
    {
        ref RowLock slot = ref CollectionsMarshal.GetValueRefOrAddDefault(rows, key, out bool exists);
        if (!exists)
        {
            slot.Owner = transaction;
            transaction.HeldRows.Add(key);
            return null;
        }

        if (ReferenceEquals(slot.Owner, transaction))
        {
            return null;
        }

        slot.Waiters ??= [];
        return Enqueue(new LockWait(transaction, key, null, null, default), slot.Waiters);
    }

    /// <summary>Takes a table lock; the task to wait for, or null when the lock is held.</summary>
    public Task? AcquireTable(Transaction transaction, SpaceState space, TableLockMode mode)
    {
        int own = transaction.TableModes(space);
        if ((own & (TableLock.Bit(mode) | TableLock.Bit(TableLockMode.Exclusive))) != 0)
        {
            return null;
        }

        TableLock table = space.Lock;
        if (table.CanGrant(mode, own) && (own != 0 || !IsBehindWaiters(table, mode)))
        {
            table.Add(mode);
            transaction.AddTableMode(space, mode);
            return null;
        }

        return Enqueue(new LockWait(transaction, default, table, space, mode), table.Waiters);
    }

    /// <summary>Ends a wait that nobody awaits any more.</summary>
    public void StopWaiting(Transaction transaction)
    {
        if (transaction.Waiting is not { } wait)
        {
            return;
        }

        transaction.Waiting = null;
        if (wait.Table is { } table)
        {
            table.Waiters.Remove(wait);
            GrantTable(table);
        }
        else if (rows.TryGetValue(wait.Row, out RowLock slot))
        {
            slot.Waiters?.Remove(wait);
        }

        wait.Source.TrySetCanceled();
    }

    /// <summary>Frees everything that a transaction holds and hands it to who waits.</summary>
    public void ReleaseAll(Transaction transaction)
    {
        StopWaiting(transaction);
        foreach (ref readonly LockKey key in CollectionsMarshal.AsSpan(transaction.HeldRows))
        {
            ReleaseRow(in key);
        }

        transaction.HeldRows.Clear();
        foreach ((SpaceState space, int modes) in transaction.HeldTables)
        {
            space.Lock.Remove(modes);
            GrantTable(space.Lock);
        }

        transaction.HeldTables.Clear();
        if (transaction.HolderIndex >= 0)
        {
            Transaction last = holders[^1];
            holders[transaction.HolderIndex] = last;
            last.HolderIndex = transaction.HolderIndex;
            holders.RemoveAt(holders.Count - 1);
            transaction.HolderIndex = -1;
        }
    }

    private static bool IsBehindWaiters(TableLock table, TableLockMode mode)
    {
        int conflicts = TableLock.ConflictsOf(mode);
        foreach (LockWait wait in table.Waiters)
        {
            if ((conflicts & TableLock.Bit(wait.Mode)) != 0)
            {
                return true;
            }
        }

        return false;
    }

    private void ReleaseRow(in LockKey key)
    {
        ref RowLock slot = ref CollectionsMarshal.GetValueRefOrNullRef(rows, key);
        if (slot.Waiters is not { Count: > 0 })
        {
            rows.Remove(key);
            return;
        }

        LockWait next = slot.Waiters[0];
        slot.Waiters.RemoveAt(0);
        slot.Owner = next.Transaction;
        next.Transaction.HeldRows.Add(key);
        next.Transaction.Waiting = null;
        next.Source.TrySetResult();
    }

    private static void GrantTable(TableLock table)
    {
        while (table.Waiters.Count > 0)
        {
            LockWait next = table.Waiters[0];
            if (!table.CanGrant(next.Mode, next.Transaction.TableModes(next.Space!)))
            {
                return;
            }

            table.Waiters.RemoveAt(0);
            table.Add(next.Mode);
            next.Transaction.AddTableMode(next.Space!, next.Mode);
            next.Transaction.Waiting = null;
            next.Source.TrySetResult();
        }
    }

    private Task Enqueue(LockWait wait, List<LockWait> queue)
    {
        Transaction transaction = wait.Transaction;
        if (transaction.Waiting is { } old)
        {
            if (ReferenceEquals(old.Table, wait.Table) && old.Row == wait.Row && old.Mode == wait.Mode)
            {
                return old.Source.Task;
            }

            StopWaiting(transaction);
        }

        queue.Add(wait);
        transaction.Waiting = wait;
        if (ClosesCircle(transaction))
        {
            queue.Remove(wait);
            transaction.Waiting = null;
            return Task.FromException(new DbException(SqlStates.DeadlockDetected, "deadlock detected", hint: "run the transaction again"));
        }

        return wait.Source.Task;
    }

    private bool ClosesCircle(Transaction start)
    {
        var seen = new HashSet<Transaction>();
        var pending = new Stack<Transaction>();
        pending.Push(start);
        while (pending.TryPop(out Transaction? transaction))
        {
            if (transaction.Waiting is not { } wait)
            {
                continue;
            }

            foreach (Transaction blocker in BlockersOf(wait))
            {
                if (ReferenceEquals(blocker, start))
                {
                    return true;
                }

                if (seen.Add(blocker))
                {
                    pending.Push(blocker);
                }
            }
        }

        return false;
    }

    private IEnumerable<Transaction> BlockersOf(LockWait wait)
    {
        if (wait.Table is not { } table)
        {
            RowLock slot = rows[wait.Row];
            yield return slot.Owner;
            foreach (LockWait earlier in slot.Waiters!.TakeWhile(other => !ReferenceEquals(other, wait)))
            {
                yield return earlier.Transaction;
            }

            yield break;
        }

        int conflicts = TableLock.ConflictsOf(wait.Mode);
        foreach (Transaction holder in holders)
        {
            if (!ReferenceEquals(holder, wait.Transaction) && (holder.TableModes(wait.Space!) & conflicts) != 0)
            {
                yield return holder;
            }
        }

        // who came first is served first, whatever its mode
        foreach (LockWait earlier in table.Waiters.TakeWhile(other => !ReferenceEquals(other, wait)))
        {
            yield return earlier.Transaction;
        }
    }

    private struct RowLock
    {
        public Transaction Owner;
        public List<LockWait>? Waiters;
    }
}
