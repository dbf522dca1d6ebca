using Picodata.Core;

namespace Picodata.Storage;

/// <summary>READ COMMITTED takes a new view for every statement, REPEATABLE READ one for the transaction.</summary>
public enum IsolationLevel { ReadCommitted, RepeatableRead }

/// <summary>
/// One instance's storage: tables in memory, made durable by the log and by checkpoints, brought back by recovery.
/// The face that Sql and Server see. Thread-safe.
/// </summary>
public sealed partial class Database : IAsyncDisposable
{
    /// <summary>UUID of this instance, as in the files' headers and <c>_cluster</c>.</summary>
    public Guid InstanceUuid => throw new NotImplementedException();

    /// <summary>UUID of the replicaset (<c>_schema</c>: cluster or replicaset_uuid); empty when the directory has none.</summary>
    public Guid ReplicasetUuid => throw new NotImplementedException();

    /// <summary>Everything up to this LSN survives a crash (in <see cref="WalMode.None"/>: has been applied).</summary>
    public long DurableLsn => throw new NotImplementedException();

    /// <summary>
    /// Opens the directory: takes its lock, bootstraps a new one when it is empty, else recovers. Throws
    /// <see cref="CorruptionException"/>, <see cref="DirectoryLockedException"/>; never changes a directory it refuses.
    /// </summary>
    public static Task<Database> OpenAsync(StorageOptions options, StorageEnvironment environment, CancellationToken cancel) => throw new NotImplementedException();

    /// <summary>
    /// Completes when everything up to <paramref name="lsn"/> is durable. Fails with 53100/58030 when a commit up to
    /// there was taken back because the log could not be written.
    /// </summary>
    public ValueTask WaitDurableAsync(long lsn, CancellationToken cancel) => throw new NotImplementedException();

    /// <summary>Writes a snapshot of the present state, unless the newest one already is that; returns its LSN.</summary>
    public Task<long> CheckpointAsync(CancellationToken cancel) => throw new NotImplementedException();

    /// <summary>Changes live options.</summary>
    public void Reconfigure(Func<StorageOptions, StorageOptions> change) => throw new NotImplementedException();

    /// <summary>Stops background work, makes the log durable and closes it with its EOF marker, releases the lock.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
