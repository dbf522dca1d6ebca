using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>What the pipeline does for a replicaset: the gate in front of acknowledgements, the listener, and transactions of a primary.</summary>
internal sealed partial class CommitPipeline
{
    private readonly CommitGate gate = new();
    private readonly MsgPackWriter shared = new();
    private volatile ILogListener? listener;
    private long failedUpTo = long.MinValue;

    /// <summary>The component of the vector clock that LSNs of the log count in.</summary>
    public int Component => clock.Component;

    /// <summary>LSN of the log's newest row that is applied.</summary>
    public long LogLsn
    {
        get
        {
            lock (sync)
                return clock.Applied.Own;
        }
    }

    /// <summary>LSN of the log's newest row that is synced here.</summary>
    public long SyncedLogLsn
    {
        get
        {
            lock (sync)
                return written.Own;
        }
    }

    /// <summary>True while acknowledgements wait for somebody else.</summary>
    public bool IsGated
    {
        get
        {
            lock (sync)
                return gate.IsSet;
        }
    }

    public void SetListener(ILogListener? newListener) => listener = newListener;

    /// <summary>From here on nothing behind <paramref name="lsn"/> is acknowledged until <see cref="Release"/> allows it.</summary>
    public void SetGate(long lsn)
    {
        if (mode == WalMode.None)
            throw new InvalidOperationException("without a log nothing can be replicated");
        lock (sync)
            gate.Set(lsn);
    }

    public void ClearGate()
    {
        lock (sync)
            gate.Clear();
        Release(long.MaxValue);
    }

    /// <summary>Acknowledges what is synced here up to <paramref name="lsn"/>, and what will be.</summary>
    public void Release(long lsn)
    {
        List<HeldBatch> free;
        lock (sync)
        {
            free = gate.Release(lsn);
            if (free.Count > 0)
                Volatile.Write(ref durable, free[^1].LastNumber);
        }
        foreach (HeldBatch batch in free)
            batch.Waiters.Succeed();
    }

    /// <summary>Everybody who waits for a commit that was made so far, and whoever asks later, is told that its fate is not known (40003).</summary>
    public void FailUnacknowledged(DbException error)
    {
        lock (sync)
        {
            failedUpTo = clock.Number(clock.Applied);
            gate.FailWaiters(error);
            inFlight?.Acknowledged.Fail(error);
            foreach (CommitBatch batch in sealedBatches)
                batch.Acknowledged.Fail(error);
            open.Acknowledged.Fail(error);
        }
    }

    /// <summary>As <see cref="WaitDurableAsync"/>, for the own disk alone.</summary>
    public ValueTask WaitSyncedAsync(long number, CancellationToken cancel)
    {
        Task task;
        lock (sync)
        {
            lost.ThrowIfLost(number);
            if (number <= synced)
                return ValueTask.CompletedTask;
            if (stopped)
                throw Unknown();
            task = BatchOf(number).Synced.Task;
        }
        return new ValueTask(task.WaitAsync(cancel));
    }

    /// <summary>
    /// Takes an applied transaction of the primary; under the engine's gate. The rows go into the log as they are, so that the same row has the same LSN,
    /// the same time and the same bytes everywhere.
    /// </summary>
    /// <param name="rows">Encoded rows of one transaction.</param>
    /// <param name="lastLsn">LSN of its last row.</param>
    /// <param name="undo">How to take it back.</param>
    public long AppendShipped(ReadOnlySpan<byte> rows, long lastLsn, CommitUndo undo)
    {
        lock (sync)
        {
            EnsureWritable();
            open.Rows.BeginTransaction();
            open.Rows.Rows.WriteRaw(rows);
            open.Rows.EndTransaction();
            clock.Assigned = clock.Assigned with { Own = lastLsn };
            return Queue(undo);
        }
    }

    private void TellWritten(CommitBatch batch, ReadOnlySpan<byte> rows)
    {
        if (batch.End.Own == written.Own)
            return;
        if (batch.HasLocalRows)
        {
            shared.Clear();
            SharedRows.Copy(rows, clock.Component, shared);
            rows = shared.WrittenSpan;
        }
        listener?.Written(written.Own, batch.End.Own, rows);
    }
}
