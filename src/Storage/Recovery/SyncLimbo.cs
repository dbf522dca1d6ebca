using Picodata.Storage.Files;

namespace Picodata.Storage.Recovery;

/// <summary>
/// Transactions of synchronous spaces that wait for their CONFIRM or ROLLBACK row, and everything behind them (chapter 7.1).
/// A confirmed transaction is applied in its place; a rolled-back one is dropped whole, with all that was queued behind it.
/// What still waits at the end of the logs is applied: visible, as Tarantool shows it.
/// </summary>
internal sealed class SyncLimbo(Func<uint, bool> isSynchronous, Action<PendingTransaction> apply)
{
    private readonly List<PendingTransaction> waiting = [];
    private readonly long[] confirmed = new long[VClock.Size];

    public bool IsEmpty => waiting.Count == 0;

    /// <summary>True when the transaction cannot be applied at once.</summary>
    public bool MustWait(ReadOnlySpan<RecoveredRow> rows)
    {
        if (!IsEmpty)
            return true;
        foreach (ref readonly RecoveredRow row in rows)
        {
            if (isSynchronous(row.SpaceId))
                return true;
        }
        return false;
    }

    public void Add(PendingTransaction transaction)
    {
        waiting.Add(transaction);
        Drain();
    }

    public void Confirm(int replicaId, long lsn)
    {
        confirmed[replicaId] = Math.Max(confirmed[replicaId], lsn);
        Drain();
    }

    public void Rollback(int replicaId, long lsn)
    {
        int first = waiting.FindIndex(transaction => transaction.ReplicaId == replicaId && transaction.Lsn >= lsn);
        if (first >= 0)
            waiting.RemoveRange(first, waiting.Count - first);
        Drain();
    }

    /// <summary>Applies what is left.</summary>
    public void Flush()
    {
        foreach (PendingTransaction transaction in waiting)
            apply(transaction);
        waiting.Clear();
    }

    private void Drain()
    {
        int done = 0;
        while (done < waiting.Count)
        {
            PendingTransaction head = waiting[done];
            if (head.Lsn > confirmed[head.ReplicaId] && head.Rows.Any(row => isSynchronous(row.SpaceId)))
                break;
            apply(head);
            done++;
        }
        waiting.RemoveRange(0, done);
    }
}

/// <summary>A transaction with its own copy of the bytes.</summary>
/// <param name="Lsn">LSN of its last row.</param>
/// <param name="File">Where it stands, for reports.</param>
/// <param name="Offset">Offset of its block.</param>
internal sealed record PendingTransaction(int ReplicaId, long Lsn, RecoveredRow[] Rows, string File, long Offset);
