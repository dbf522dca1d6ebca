using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>Commits that become durable together: their rows as one block, their undo records, their waiters.</summary>
internal sealed class CommitBatch : IDisposable
{
    /// <summary>A batch that has reached so many bytes takes no more commits.</summary>
    public const int FullSize = 16 << 20;

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

    /// <summary>Who waits until the batch is acknowledged.</summary>
    public WaiterList Acknowledged { get; private set; } = new();

    /// <summary>Who waits until the batch is synced here.</summary>
    public WaiterList Synced { get; } = new();

    /// <summary>True when it has rows of replica-local spaces.</summary>
    public bool HasLocalRows { get; set; }

    /// <summary>Takes those out who wait for the acknowledgement: the batch itself is used again before it comes.</summary>
    public WaiterList TakeAcknowledged()
    {
        WaiterList taken = Acknowledged;
        Acknowledged = new WaiterList();
        return taken;
    }

    public void Fail(Exception error)
    {
        Acknowledged.Fail(error);
        Synced.Fail(error);
        Rotation?.TrySetException(error);
    }

    /// <summary>Makes the batch ready to be used again.</summary>
    public void Reset()
    {
        Rows.Clear();
        Undos.Clear();
        HasLocalRows = false;
        Rotation = null;
    }

    public void Dispose() => Rows.Dispose();
}

/// <summary>The components of the vector clock that move here: rows that the replicaset shares, and rows of replica-local spaces.</summary>
internal readonly record struct LogPosition(long Own, long Local);
