namespace Picodata.Storage;

/// <summary>When a commit counts as written.</summary>
public enum WalMode { None, Write, Fsync }

/// <summary>What the engine is opened with. Values marked "live" may be changed while it runs (<see cref="Database.Reconfigure"/>).</summary>
public sealed record StorageOptions
{
    /// <summary>Working directory: holds *.snap and *.xlog.</summary>
    public required string Directory { get; init; }

    public WalMode WalMode { get; init; } = WalMode.Fsync;

    /// <summary>Live. Bytes after which a log is rotated (Tarantool: 256 MiB).</summary>
    public long WalMaxSize { get; init; } = 256L << 20;

    /// <summary>Live. Bytes of user rows (rows and indexes) that the engine may hold; a write over it is refused with 53200.</summary>
    public long MemtxMemory { get; init; } = 64L << 20;

    /// <summary>Largest row in bytes.</summary>
    public int MaxTupleSize { get; init; } = 1 << 20;

    /// <summary>Live. Time between checkpoints; zero switches them off.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Live. Bytes of log since the last checkpoint that make a new one.</summary>
    public long CheckpointWalThreshold { get; init; } = 1L << 30;

    /// <summary>Live. Newest snapshots that are kept, at least 1.</summary>
    public int CheckpointCount { get; init; } = 1;

    /// <summary>Live. How long a file stays after it stopped being needed, so that slow copiers find what they listed.</summary>
    public TimeSpan CopyGrace { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Live. Share of the disk that files kept only by <see cref="CopyGrace"/> may leave free at least (0..1).</summary>
    public double CopyGraceMinFree { get; init; } = 0.1;

    /// <summary>
    /// Live. Share of the free disk (0..1) that logs kept only for replicas may take; beyond it the oldest go, and a replica that needs one is copied anew.
    /// </summary>
    public double PinnedLogShare { get; init; } = 0.25;

    /// <summary>Keep going over damaged blocks, listing each of them.</summary>
    public bool ForceRecovery { get; init; }

    /// <summary>Stop recovery at a hole in the chain of logs instead of refusing, and say where.</summary>
    public bool RecoverToGap { get; init; }

    /// <summary>UUID of the instance for a new directory; a random one when null.</summary>
    public Guid? InstanceUuid { get; init; }

    /// <summary>UUID of the replicaset for a new directory; a random one when null.</summary>
    public Guid? ReplicasetUuid { get; init; }
}
