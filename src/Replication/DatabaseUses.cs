namespace Picodata.Replication;

/// <summary>Counts those who use the database from outside of the node's own tasks, and waits for them at the end. Thread-safe.</summary>
internal sealed class DatabaseUses
{
    private readonly Lock sync = new();
    private readonly TaskCompletionSource last = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int count;
    private bool isEnding;

    /// <summary>False: the end has come. Whoever got true calls <see cref="Exit"/>.</summary>
    public bool TryEnter()
    {
        lock (sync)
        {
            count += isEnding ? 0 : 1;
            return !isEnding;
        }
    }

    public void Exit()
    {
        lock (sync)
        {
            if (--count == 0 && isEnding)
                last.TrySetResult();
        }
    }

    /// <summary>Lets nobody in any more; completes when all are out.</summary>
    public Task EndAsync()
    {
        lock (sync)
        {
            isEnding = true;
            return count == 0 ? Task.CompletedTask : last.Task;
        }
    }
}
