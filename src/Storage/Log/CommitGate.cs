namespace Picodata.Storage.Log;

/// <summary>
/// Commits that are synced here and wait until others have them too. Without a limit (a single instance) nothing ever waits here.
/// All members under the pipeline's lock.
/// </summary>
internal sealed class CommitGate
{
    private readonly Queue<HeldBatch> held = new();
    private long limit = long.MaxValue;

    /// <summary>True while somebody else decides when commits are acknowledged.</summary>
    public bool IsSet { get; private set; }

    public void Set(long lsn)
    {
        IsSet = true;
        limit = lsn;
    }

    public void Clear()
    {
        IsSet = false;
        limit = long.MaxValue;
    }

    /// <summary>True when a batch that ends at this LSN must wait.</summary>
    public bool Holds(long lsn) => lsn > limit;

    public void Hold(HeldBatch batch) => held.Enqueue(batch);

    /// <summary>Moves the limit on, never back; gives the batches that are free now, in their order.</summary>
    public List<HeldBatch> Release(long lsn)
    {
        if (IsSet)
            limit = Math.Max(limit, lsn);
        List<HeldBatch> free = [];
        while (held.TryPeek(out HeldBatch? first) && first.Lsn <= limit)
            free.Add(held.Dequeue());
        return free;
    }

    /// <summary>The batch that holds a number, or null.</summary>
    public HeldBatch? Find(long number)
    {
        foreach (HeldBatch batch in held)
        {
            if (number <= batch.LastNumber)
                return batch;
        }
        return null;
    }

    /// <summary>All that is held stays held; its waiters are told.</summary>
    public void FailWaiters(Exception error)
    {
        foreach (HeldBatch batch in held)
            batch.Waiters.Fail(error);
    }
}

/// <summary>What is left of a synced batch: who waits for it.</summary>
/// <param name="LastNumber">Number of its last commit.</param>
/// <param name="Lsn">The log's LSN behind it.</param>
/// <param name="Waiters">Who waits for its acknowledgement.</param>
internal sealed record HeldBatch(long LastNumber, long Lsn, WaiterList Waiters);

/// <summary>One task for all who wait for the same thing; made when somebody asks. Under the pipeline's lock.</summary>
internal sealed class WaiterList
{
    private TaskCompletionSource? source;

    public Task Task => (source ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Continuations run on pool threads.</summary>
    public void Succeed()
    {
        source?.TrySetResult();
        source = null;
    }

    /// <summary>Who asks later gets a new task.</summary>
    public void Fail(Exception error)
    {
        if (source is null)
            return;
        source.TrySetException(error);
        _ = source.Task.Exception; // a waiter that gave up leaves nobody to look at it
        source = null;
    }
}
