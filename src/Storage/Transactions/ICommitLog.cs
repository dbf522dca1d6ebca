namespace Picodata.Storage;

/// <summary>What a logged row does; the values are the request types of the files.</summary>
public enum LoggedOperation : byte { Insert = 2, Replace = 3, Delete = 5 }

/// <summary>
/// One row of a commit as the log must write it. Points into memory of the engine that is valid only during the call of
/// <see cref="ICommitLog.Append"/>: the log encodes or copies it at once.
/// </summary>
public readonly unsafe struct LoggedRow
{
    private readonly byte* bytes;
    private readonly int length;

    internal LoggedRow(LoggedOperation operation, uint spaceId, bool isLocal, byte* bytes, int length)
    {
        Operation = operation;
        SpaceId = spaceId;
        IsLocal = isLocal;
        this.bytes = bytes;
        this.length = length;
    }

    public LoggedOperation Operation { get; }

    public uint SpaceId { get; }

    /// <summary>Row of a replica-local space (group 1).</summary>
    public bool IsLocal { get; }

    /// <summary>Insert, Replace: the tuple. Delete: the primary key. A MessagePack array.</summary>
    public ReadOnlySpan<byte> Bytes => new(bytes, length);
}

/// <summary>
/// The log as the engine sees it. All calls come under <see cref="Engine.Gate"/>, in commit order, and never block on the disk.
/// Lock order: gate first, then the log's own locks.
/// </summary>
internal interface ICommitLog
{
    /// <summary>Throws the error that a commit must get now (58030 after a failed sync, 53100 ...), before anything is applied.</summary>
    void EnsureWritable();

    /// <summary>
    /// Takes one applied transaction: assigns its LSNs, encodes the rows, queues them. Returns the number that
    /// <c>WaitDurableAsync</c> waits for (the LSN of its last row). Numbers only grow. The log hands
    /// <paramref name="undo"/> back to exactly one of <see cref="Engine.Release"/> (durable) or <see cref="Engine.Undo"/> (taken back).
    /// When it throws, the engine takes the commit back itself and the log keeps nothing.
    /// </summary>
    long Append(ReadOnlySpan<LoggedRow> rows, CommitUndo undo);
}
