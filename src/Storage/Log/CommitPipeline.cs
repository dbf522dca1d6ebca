using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// Takes applied commits and makes them durable in their order, many with one sync. Specification:
///
/// C1 Commits come under the engine's gate, get consecutive LSNs and are encoded into the open batch; nothing here waits for the disk.
/// C2 One log thread takes the open batch whole, writes it as one block and syncs; while it does, the next batch gathers. No timers.
/// C3 <see cref="DurableNumber"/> moves only behind a good sync and, when there is a gate (<see cref="SetGate"/>), not beyond it; then the waiters are
///    completed, each on the pool. Those who said that they are brief are completed several on one thread, and on the log thread itself when
///    there is nobody else.
/// C4 A write that fails is cut back durably; its batch and everything applied behind it is undone under the gate, newest
///    first; their waiters get 53100 (disk full) or 58030. The numbers taken back are never given out again, and waiting for one fails for ever;
///    LSNs go on where the log ends.
/// C5 A sync that fails stops the pipeline for good: waiters get 40003, later commits 58030, the host is told.
/// C6 A rotation request closes the file exactly behind the commits that were applied when it was made.
/// C7 The listener gets a batch between its write and its sync; never one whose write failed.
///
/// Lock order: engine's gate, then <see cref="sync"/>. The log thread takes the gate only in C4 and holds nothing then.
/// </summary>
internal sealed partial class CommitPipeline : ICommitLog, IDisposable
{
    private readonly object sync = new();
    private readonly Engine engine;
    private readonly StorageEnvironment environment;
    private readonly LogClock clock;
    private readonly LogWriter writer;
    private readonly WalMode mode;
    private readonly Func<bool> freeSpace;
    private readonly Queue<CommitBatch> sealedBatches = new();
    private readonly Stack<CommitBatch> spare = new();
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private CommitBatch open;
    private CommitBatch? inFlight;
    private LogPosition written;
    private long synced;
    private long durable;
    private LostNumbers lost = LostNumbers.None;
    private Func<DbException>? refusal;
    private bool idle;
    private bool closing;
    private bool stopped;
    private long batches, commits, bytes, takenBack;

    /// <param name="start">Clock that recovery reached.</param>
    /// <param name="ownId">Id of this instance in <c>_cluster</c>.</param>
    /// <param name="writer">Owned.</param>
    /// <param name="freeSpace">Removes files that are kept as a courtesy only; true when it freed something.</param>
    public CommitPipeline(Engine engine, StorageEnvironment environment, VClock start, int ownId, LogWriter writer, WalMode mode, Func<bool> freeSpace)
    {
        this.engine = engine;
        this.environment = environment;
        this.writer = writer;
        this.mode = mode;
        this.freeSpace = freeSpace;
        clock = new LogClock(start, LogClock.ComponentOf(start, ownId));
        written = clock.Applied;
        durable = synced = start.Signature;
        open = new CommitBatch { LastNumber = durable, End = written };
        new Thread(Run) { IsBackground = true, Name = "picodata log" }.Start();
    }

    public long DurableNumber => Volatile.Read(ref durable);

    /// <summary>Bytes written since the start.</summary>
    public long BytesWritten => Interlocked.Read(ref bytes);

    public VClock AppliedClock
    {
        get
        {
            lock (sync)
                return clock.At(clock.Applied);
        }
    }

    public LogStatistics Statistics
    {
        get
        {
            lock (sync)
                return new LogStatistics(batches, commits, bytes, takenBack, writer.Path);
        }
    }

    public void EnsureWritable()
    {
        if (Volatile.Read(ref refusal) is { } refuse)
            throw refuse();
    }

    public long Append(ReadOnlySpan<LoggedRow> rows, CommitUndo undo)
    {
        lock (sync)
        {
            EnsureWritable();
            if (mode == WalMode.None)
                CountRows(rows);
            else
                Encode(rows);
            return Queue(undo);
        }
    }

    /// <summary>Ends when the number is durable; fails when it was taken back (C4) or can never be known (C5).</summary>
    public ValueTask WaitDurableAsync(long number, CancellationToken cancel)
    {
        Task? task = TaskOf(number, isBrief: false);
        return task is null ? ValueTask.CompletedTask : new ValueTask(cancel.CanBeCanceled ? task.WaitAsync(cancel) : task);
    }

    /// <summary>As <see cref="WaitDurableAsync"/>; what follows runs after that of others on one thread (C3) and must be brief.</summary>
    public ValueTask WaitDurableBrieflyAsync(long number)
    {
        Task? task = TaskOf(number, isBrief: true);
        return task is null ? ValueTask.CompletedTask : new ValueTask(task);
    }

    private Task? TaskOf(long number, bool isBrief)
    {
        if (number <= DurableNumber && ReferenceEquals(Volatile.Read(ref lost), LostNumbers.None))
            return null;
        Task? task = null;
        lock (sync)
        {
            if (!lost.Contains(number))
            {
                if (number <= durable)
                    return null;
                if (stopped || number <= failedUpTo)
                    throw Unknown();
                WaiterList waiters = gate.Find(number)?.Waiters ?? BatchOf(number).Acknowledged;
                task = isBrief ? waiters.BriefTask() : waiters.Task;
            }
        }
        if (task is null)
        {
            // whoever is told of the loss may begin anew at once: the taking back, which happens under the gate, is over by then
            lock (engine.Gate)
                lost.ThrowIfLost(number);
        }
        return task;
    }

    /// <summary>Closes the file in use behind all commits applied so far (C6). Call under the gate when that moment matters.</summary>
    public Task RequestRotation()
    {
        lock (sync)
        {
            EnsureWritable();
            open.Rotation = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Task rotation = open.Rotation.Task;
            SealOpen();
            Monitor.Pulse(sync);
            return rotation;
        }
    }

    /// <summary>Refuses further commits, makes the rest durable, finishes the log (clean stop).</summary>
    public Task CloseAsync()
    {
        lock (sync)
        {
            closing = true;
            refusal ??= static () => new DbException(SqlStates.AdminShutdown, "the database is being stopped");
            Monitor.Pulse(sync);
        }
        return ended.Task;
    }

    public void Dispose()
    {
        writer.Dispose();
        open.Dispose();
        foreach (CommitBatch batch in spare)
            batch.Dispose();
    }

    /// <summary>Under the lock: the rows that were just encoded are a commit.</summary>
    private long Queue(CommitUndo undo)
    {
        clock.Applied = clock.Assigned;
        open.End = clock.Applied;
        open.LastNumber = clock.Number(clock.Applied);
        open.Undos.Add(undo);
        long number = open.LastNumber;
        if (mode == WalMode.None)
        {
            synced = number;
            Volatile.Write(ref durable, number);
        }
        if (open.Rows.Length >= CommitBatch.FullSize)
            SealOpen();
        if (idle)
            Monitor.Pulse(sync);
        return number;
    }

    private void CountRows(ReadOnlySpan<LoggedRow> rows)
    {
        LogPosition next = clock.Assigned;
        foreach (ref readonly LoggedRow row in rows)
            next = row.IsLocal ? next with { Local = next.Local + 1 } : next with { Own = next.Own + 1 };
        clock.Assigned = next;
    }

    private void Encode(ReadOnlySpan<LoggedRow> rows)
    {
        open.Rows.BeginTransaction();
        try
        {
            double now = environment.Time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
            clock.Assigned = TransactionEncoder.Encode(open.Rows.Rows, rows, clock.Assigned, clock.Component, now);
        }
        catch
        {
            open.Rows.CancelTransaction();
            throw;
        }
        open.Rows.EndTransaction();
        open.HasLocalRows |= clock.Assigned.Local != clock.Applied.Local;
    }

    private void SealOpen()
    {
        sealedBatches.Enqueue(open);
        open = NewBatch();
    }

    private CommitBatch NewBatch()
    {
        CommitBatch batch = spare.TryPop(out CommitBatch? used) ? used : new CommitBatch();
        batch.LastNumber = clock.Number(clock.Applied);
        batch.End = clock.Applied;
        return batch;
    }

    private CommitBatch BatchOf(long number)
    {
        if (inFlight is { } flying && number <= flying.LastNumber)
            return flying;
        foreach (CommitBatch batch in sealedBatches)
        {
            if (number <= batch.LastNumber)
                return batch;
        }
        return number <= open.LastNumber ? open : throw new ArgumentOutOfRangeException(nameof(number), number, "no commit has this number yet");
    }

    private void Run()
    {
        try
        {
            while (Take() is { } batch)
                Process(batch);
            if (mode != WalMode.None)
                writer.Close(clock.At(written));
        }
        catch (Exception failure)
        {
            // the root of the log thread: whatever it is, nothing can be promised any more
            Stop(failure);
        }
        ended.TrySetResult();
    }

    private CommitBatch? Take()
    {
        lock (sync)
        {
            while (true)
            {
                if (!sealedBatches.TryDequeue(out inFlight) && !open.IsEmpty)
                {
                    inFlight = open;
                    open = NewBatch();
                }
                if (inFlight is not null || closing)
                    return inFlight;
                idle = true;
                Monitor.Wait(sync);
                idle = false;
            }
        }
    }

    private void Process(CommitBatch batch)
    {
        if (mode == WalMode.None || batch.IsEmpty || TryWrite(batch, mayFree: true))
        {
            // a batch that only asks for a rotation is complete when the file is
            if (batch.Rotation is not null && mode != WalMode.None)
                CompleteThenRotate(batch);
            else
                Complete(batch);
        }
    }

    private bool TryWrite(CommitBatch batch, bool mayFree)
    {
        try
        {
            ReadOnlyMemory<byte> block = batch.Rows.Seal();
            writer.Append(block.Span, clock.At(written), listener is null ? null : () => TellWritten(batch, block.Span[BlockFormat.FixheaderSize..]));
            Interlocked.Add(ref bytes, block.Length);
            return true;
        }
        catch (IOException refused)
        {
            writer.CutBack();
            if (mayFree && refused is DiskFullException && freeSpace())
                return TryWrite(batch, mayFree: false);
            TakeBack(refused);
            return false;
        }
    }

    private void CompleteThenRotate(CommitBatch batch)
    {
        TaskCompletionSource rotation = batch.Rotation!;
        batch.Rotation = null;
        Complete(batch);
        try
        {
            writer.Rotate();
        }
        finally
        {
            rotation.TrySetResult();
        }
    }

    private void Complete(CommitBatch batch)
    {
        WaiterList? free = null;
        lock (sync)
        {
            written = batch.End;
            if (mode != WalMode.None)
                synced = batch.LastNumber;
            if (gate.Holds(batch.End.Own))
            {
                gate.Hold(new HeldBatch(batch.LastNumber, batch.End.Own, batch.TakeAcknowledged()));
            }
            else
            {
                Volatile.Write(ref durable, synced);
                free = batch.Acknowledged;
            }
            inFlight = null;
            batches += batch.IsEmpty ? 0 : 1;
            commits += batch.Undos.Count;
        }
        free?.Succeed(mayRunHere: true);
        batch.Synced.Succeed();
        batch.Rotation?.TrySetResult();
        listener?.Synced(batch.End.Own);
        foreach (CommitUndo undo in batch.Undos)
            engine.Release(undo);
        batch.Reset();
        lock (sync)
            spare.Push(batch);
    }

    /// <summary>C4.</summary>
    private void TakeBack(IOException cause)
    {
        List<CommitBatch> taken = [];
        DbException error = LostNumbers.Error(cause);
        engine.Undo(() =>
        {
            lock (sync)
            {
                taken.Add(inFlight!);
                taken.AddRange(sealedBatches);
                taken.Add(open);
                sealedBatches.Clear();
                inFlight = null;
                Volatile.Write(ref lost, lost.With(synced, clock.Number(clock.Assigned), error));
                clock.GoBackTo(written);
                open = NewBatch();
                takenBack += taken.Sum(batch => batch.Undos.Count);
            }
            listener?.TakenBack(written.Own, cause.Message); // under the gate: before anybody can commit again
            return [.. taken.SelectMany(batch => batch.Undos).Reverse()];
        });
        environment.Log.LogError("{Count} transactions were taken back, the log cannot be written: {Reason}", taken.Sum(batch => batch.Undos.Count), cause.Message);
        foreach (CommitBatch batch in taken)
        {
            batch.Fail(error);
            batch.Dispose();
        }
    }

    /// <summary>C5.</summary>
    private void Stop(Exception cause)
    {
        string reason = $"writing stops for good: {cause.Message}";
        List<CommitBatch> doubtful = [];
        lock (sync)
        {
            Volatile.Write(ref refusal, () => new DbException(SqlStates.IoError, $"the instance does not write any more: {cause.Message}", hint: "restart it: recovery finds out what was written"));
            stopped = true;
            if (inFlight is not null)
                doubtful.Add(inFlight);
            doubtful.AddRange(sealedBatches);
            doubtful.Add(open);
            gate.FailWaiters(Unknown());
        }
        environment.Log.LogCritical(cause, "the log failed; {Reason}", reason);
        foreach (CommitBatch batch in doubtful)
            batch.Fail(Unknown());
        listener?.Stopped(cause.Message);
        environment.OnFatal(reason);
    }

    private static DbException Unknown() => new(
        SqlStates.StatementCompletionUnknown, "it is not known whether the transaction survives: the log could not be synced", hint: "look for its effects when the instance has been restarted");
}
