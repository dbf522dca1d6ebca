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

/// <summary>Tasks for all who wait for the same thing; made when somebody asks. Under the pipeline's lock.</summary>
internal sealed class WaiterList
{
    /// <summary>Brief waiters that one thread completes one after the other.</summary>
    private const int BriefTogether = 8;

    private readonly List<TaskCompletionSource> brief = [];
    private TaskCompletionSource? source;
    private int briefCount;

    /// <summary>One task for all; each continuation runs in a work item of its own.</summary>
    public Task Task => (source ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>A task whose continuation runs after those of others, on one thread: it must be a matter of microseconds.</summary>
    public Task BriefTask()
    {
        if (briefCount++ % BriefTogether == 0)
            brief.Add(new TaskCompletionSource());
        return brief[^1].Task;
    }

    /// <summary>Continuations run on pool threads; that of a single brief waiter right here when <paramref name="mayRunHere"/>.</summary>
    public void Succeed(bool mayRunHere = false)
    {
        source?.TrySetResult();
        source = null;
        if (briefCount == 0)
            return;
        TaskCompletionSource[] groups = [.. brief];
        bool runsHere = mayRunHere && briefCount == 1;
        ForgetBrief();
        if (runsHere)
        {
            groups[0].TrySetResult();
            return;
        }
        foreach (TaskCompletionSource group in groups)
            ThreadPool.UnsafeQueueUserWorkItem(static group => group.TrySetResult(), group, preferLocal: false);
    }

    /// <summary>Who asks later gets a new task.</summary>
    public void Fail(Exception error)
    {
        foreach (TaskCompletionSource group in brief)
            ThreadPool.UnsafeQueueUserWorkItem(static failed => Fail(failed.Group, failed.Error), (Group: group, Error: error), preferLocal: false);
        ForgetBrief();
        if (source is null)
            return;
        Fail(source, error);
        source = null;
    }

    private static void Fail(TaskCompletionSource waiting, Exception error)
    {
        waiting.TrySetException(error);
        _ = waiting.Task.Exception; // a waiter that gave up leaves nobody to look at it
    }

    private void ForgetBrief()
    {
        brief.Clear();
        briefCount = 0;
    }
}
