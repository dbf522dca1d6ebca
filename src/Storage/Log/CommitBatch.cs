using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>Commits that become durable together: their rows as one block, their undo records, their waiters.</summary>
internal sealed class CommitBatch : IDisposable
{
    /// <summary>A batch that has reached so many bytes takes no more commits.</summary>
    public const int FullSize = 16 << 20;

    private TaskCompletionSource? waiters;

    public BlockEncoder Rows { get; } = new(new BlockEncoderOptions { TargetPayload = int.MaxValue });

    /// <summary>In commit order.</summary>
    public List<CommitUndo> Undos { get; } = [];

    /// <summary>Number of the last commit in it; of the last one before it while it is empty.</summary>
    public long LastNumber { get; set; }

    /// <summary>Components of the vector clock behind the batch.</summary>
    public LogPosition End { get; set; }

    /// <summary>When set, the log is finished behind this batch and the next one begins a new file.</summary>
    public TaskCompletionSource? Rotation { get; set; }

    public bool IsEmpty => Undos.Count == 0;

    /// <summary>The task that ends with the batch; one for all who wait. Under the pipeline's lock.</summary>
    public Task Durable => (waiters ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Succeed()
    {
        waiters?.SetResult();
        Rotation?.TrySetResult();
    }

    public void Fail(Exception error)
    {
        if (waiters is not null)
        {
            waiters.SetException(error);
            _ = waiters.Task.Exception; // a waiter that gave up leaves nobody to look at it
        }
    }

    /// <summary>Makes the batch ready to be used again.</summary>
    public void Reset()
    {
        Rows.Clear();
        Undos.Clear();
        waiters = null;
        Rotation = null;
    }

    public void Dispose() => Rows.Dispose();
}

/// <summary>The components of the vector clock that move here: rows of this instance, and rows of replica-local spaces.</summary>
internal readonly record struct LogPosition(long Own, long Local);
