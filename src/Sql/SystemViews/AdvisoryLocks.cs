// Advisory locks of sessions: a key is held by one session exclusively, or by many in shared mode; a session may take the
// same lock several times and must give it back as often. They end with the session.
//
// Invariants
// 1. All state is guarded by Gate; waiting is by Monitor, woken at every release.
// 2. A waiter looks at its cancel token at least every WakeMilliseconds.
using Picodata.Sql.Functions;

namespace Picodata.Sql.SystemViews;

/// <summary>Locks that applications give a meaning to (pg_advisory_lock). Process-wide, by session process id.</summary>
public static class AdvisoryLocks
{
    private const int WakeMilliseconds = 50;

    private static readonly object Gate = new();
    private static readonly Dictionary<(long, bool), Dictionary<(int ProcessId, bool Shared), int>> Held = [];

    /// <summary>Waits until the lock is granted; 57014 when the statement is cancelled.</summary>
    internal static void Lock((long, bool) key, int processId, bool shared, EvaluationContext context)
    {
        lock (Gate)
        {
            while (!Grant(key, processId, shared))
            {
                context.ThrowIfCancelled();
                Monitor.Wait(Gate, WakeMilliseconds);
            }
        }
    }

    internal static bool TryLock((long, bool) key, int processId, bool shared)
    {
        lock (Gate)
        {
            return Grant(key, processId, shared);
        }
    }

    internal static bool Unlock((long, bool) key, int processId, bool shared)
    {
        lock (Gate)
        {
            if (!Held.TryGetValue(key, out var holders) || !holders.TryGetValue((processId, shared), out int count))
            {
                return false;
            }

            if (count > 1)
            {
                holders[(processId, shared)] = count - 1;
                return true;
            }

            holders.Remove((processId, shared));
            if (holders.Count == 0)
            {
                Held.Remove(key);
            }

            Monitor.PulseAll(Gate);
            return true;
        }
    }

    /// <summary>The session ends, or asks for it: all its locks are given back.</summary>
    public static void ReleaseAll(int processId)
    {
        lock (Gate)
        {
            foreach (var (key, holders) in Held.ToArray())
            {
                holders.Remove((processId, true));
                holders.Remove((processId, false));
                if (holders.Count == 0)
                {
                    Held.Remove(key);
                }
            }

            Monitor.PulseAll(Gate);
        }
    }

    private static bool Grant((long, bool) key, int processId, bool shared)
    {
        if (!Held.TryGetValue(key, out var holders))
        {
            Held[key] = holders = [];
        }

        foreach ((int holder, bool holdsShared) in holders.Keys)
        {
            if (holder != processId && !(shared && holdsShared))
            {
                return false;
            }
        }

        holders[(processId, shared)] = holders.GetValueOrDefault((processId, shared)) + 1;
        return true;
    }
}
