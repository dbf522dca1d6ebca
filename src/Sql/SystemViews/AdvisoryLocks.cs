// Advisory locks: a key is held by one session exclusively, or by many in shared mode; a session may take the same lock several times. Locks
// of a session are given back as often as they were taken, or at its end; locks of a transaction end with it and cannot be given back before.
//
// Invariants
// 1. All state is guarded by Gate; waiting is by Monitor, woken at every release.
// 2. A waiter looks at its cancel token at least every WakeMilliseconds.
// 3. Nobody begins to wait in a circle of waiters: the one who would close it gets 40P01.
using Picodata.Core;
using Picodata.Sql.Functions;

namespace Picodata.Sql.SystemViews;

/// <summary>Locks that applications give a meaning to (pg_advisory_lock) of one engine, by the process ids of its sessions. Thread-safe.</summary>
public sealed class AdvisoryLocks
{
    private const int WakeMilliseconds = 50;

    private readonly object gate = new();
    private readonly Dictionary<(long, bool), Dictionary<Hold, int>> held = [];
    private readonly Dictionary<int, ((long, bool) Key, bool Shared)> waiting = [];
    private int transactionHolds;

    /// <summary>Waits until the lock is granted; 57014 when the statement is cancelled, 40P01 when those who hold it wait for this session.</summary>
    internal void Lock((long, bool) key, int processId, LockScope scope, EvaluationContext context)
    {
        lock (gate)
        {
            if (Grant(key, processId, scope))
            {
                return;
            }

            waiting[processId] = (key, scope.Shared);
            try
            {
                if (ClosesCircle(processId))
                {
                    throw new DbException(SqlStates.DeadlockDetected, "deadlock detected", hint: "run the transaction again");
                }

                while (!Grant(key, processId, scope))
                {
                    context.ThrowIfCancelled();
                    Monitor.Wait(gate, WakeMilliseconds);
                }
            }
            finally
            {
                waiting.Remove(processId);
            }
        }
    }

    internal bool TryLock((long, bool) key, int processId, LockScope scope)
    {
        lock (gate)
        {
            return Grant(key, processId, scope);
        }
    }

    /// <summary>Gives one lock of the session back; false when it holds none.</summary>
    internal bool Unlock((long, bool) key, int processId, bool shared)
    {
        lock (gate)
        {
            var hold = new Hold(processId, new LockScope(shared, OfTransaction: false));
            if (!held.TryGetValue(key, out Dictionary<Hold, int>? holders) || !holders.TryGetValue(hold, out int count))
            {
                return false;
            }

            if (count > 1)
            {
                holders[hold] = count - 1;
                return true;
            }

            holders.Remove(hold);
            if (holders.Count == 0)
            {
                held.Remove(key);
            }

            Monitor.PulseAll(gate);
            return true;
        }
    }

    /// <summary>Gives back all locks of the session; those of its transaction stay.</summary>
    internal void ReleaseSession(int processId) => Release(processId, ofTransaction: false);

    /// <summary>The transaction of the session ends.</summary>
    internal void ReleaseTransaction(int processId)
    {
        // most transactions take none, and none of the others does
        if (Volatile.Read(ref transactionHolds) > 0)
        {
            Release(processId, ofTransaction: true);
        }
    }

    private void Release(int processId, bool ofTransaction)
    {
        lock (gate)
        {
            foreach (((long, bool) key, Dictionary<Hold, int> holders) in held.ToArray())
            {
                foreach (Hold hold in holders.Keys.Where(hold => hold.ProcessId == processId && hold.Scope.OfTransaction == ofTransaction).ToArray())
                {
                    holders.Remove(hold);
                    transactionHolds -= ofTransaction ? 1 : 0;
                }

                if (holders.Count == 0)
                {
                    held.Remove(key);
                }
            }

            Monitor.PulseAll(gate);
        }
    }

    private bool Grant((long, bool) key, int processId, LockScope scope)
    {
        if (Blockers(key, processId, scope.Shared).Any())
        {
            return false;
        }

        if (!held.TryGetValue(key, out Dictionary<Hold, int>? holders))
        {
            held[key] = holders = [];
        }

        var hold = new Hold(processId, scope);
        int count = holders.GetValueOrDefault(hold);
        holders[hold] = count + 1;
        transactionHolds += scope.OfTransaction && count == 0 ? 1 : 0;
        return true;
    }

    private IEnumerable<int> Blockers((long, bool) key, int processId, bool shared) => held.TryGetValue(key, out Dictionary<Hold, int>? holders)
        ? holders.Keys.Where(hold => hold.ProcessId != processId && !(shared && hold.Scope.Shared)).Select(hold => hold.ProcessId)
        : [];

    private bool ClosesCircle(int processId)
    {
        var seen = new HashSet<int>();
        var open = new Stack<int>([processId]);
        while (open.TryPop(out int waiter))
        {
            if (!waiting.TryGetValue(waiter, out ((long, bool) Key, bool Shared) wanted))
            {
                continue;
            }

            foreach (int blocker in Blockers(wanted.Key, waiter, wanted.Shared))
            {
                if (blocker == processId)
                {
                    return true;
                }

                if (seen.Add(blocker))
                {
                    open.Push(blocker);
                }
            }
        }

        return false;
    }

    /// <param name="Shared">Others may hold the lock in shared mode too.</param>
    /// <param name="OfTransaction">The lock ends with the transaction.</param>
    internal readonly record struct LockScope(bool Shared, bool OfTransaction);

    private readonly record struct Hold(int ProcessId, LockScope Scope);
}
