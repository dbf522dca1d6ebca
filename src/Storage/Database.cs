using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;
using Picodata.Storage.Log;
using Picodata.Storage.Recovery;

namespace Picodata.Storage;

/// <summary>READ COMMITTED takes a new view for every statement, REPEATABLE READ one for the transaction.</summary>
public enum IsolationLevel { ReadCommitted, RepeatableRead }

/// <summary>
/// One instance's storage: tables in memory, made durable by the log and by checkpoints, brought back by recovery.
/// The face that Sql and Server see. Thread-safe.
///
/// LSNs of this face are signatures of the vector clock (sum of its components), as in file names and in Tarantool's
/// <c>box.info.signature</c>, plus the numbers of commits that were taken back since the start. Each logged row moves them by one; a number names one
/// commit for ever. LSNs that a replicaset compares are those of one component of the clock: <see cref="LogLsn"/>.
/// </summary>
public sealed partial class Database : IAsyncDisposable
{
    private readonly StorageEnvironment environment;
    private readonly IDisposable directoryLock;
    private readonly CommitPipeline pipeline;
    private readonly Checkpointer checkpointer;
    private readonly FileRemoval removal;
    private readonly Lock reconfiguring = new();
    private volatile StorageOptions options;
    private volatile IAnswerGate? answers;
    private int disposed;

    private Database(StorageOptions options, StorageEnvironment environment, IDisposable directoryLock, Engine engine, RecoveredState state, RecoveryReport report)
    {
        this.options = options;
        this.environment = environment;
        this.directoryLock = directoryLock;
        Engine = engine;
        Recovery = report;
        InstanceUuid = state.Instance;
        int replicaId;
        using (ReadView view = engine.OpenReadView())
        {
            ReplicasetUuid = StateRows.ReplicasetUuid(view);
            replicaId = StateRows.ReplicaId(view, state.Instance) ?? 1;
        }
        removal = new FileRemoval(environment, () => this.options);
        var writer = new LogWriter(environment, () => this.options, state.Instance, state.PreviousLog);
        pipeline = new CommitPipeline(engine, environment, state.Clock, replicaId, writer, options.WalMode, () => removal.Run(diskIsFull: true));
        checkpointer = new Checkpointer(engine, pipeline, environment, () => this.options, state.Instance, removal, state.Snapshot?.Clock, state.LogBytes);
        engine.Start(pipeline, state.Clock.Signature);
    }

    /// <summary>UUID of this instance, as in the files' headers and <c>_cluster</c>.</summary>
    public Guid InstanceUuid { get; }

    /// <summary>UUID of the replicaset (<c>_schema</c>: cluster or replicaset_uuid); empty when the directory has none.</summary>
    public Guid ReplicasetUuid { get; }

    /// <summary>The options in force.</summary>
    public StorageOptions Options => options;

    /// <summary>What recovery skipped and remarked.</summary>
    public RecoveryReport Recovery { get; }

    /// <summary>
    /// Everything up to this LSN survives a crash (in <see cref="WalMode.None"/>: has been applied) and, when there is a commit gate, was let through by it.
    /// </summary>
    public long DurableLsn => pipeline.DurableNumber;

    /// <summary>Vector clock of the newest commit that is applied in memory, as Tarantool's <c>box.info.vclock</c>.</summary>
    public VClock Clock => pipeline.AppliedClock;

    /// <summary>Counters of the log since the start.</summary>
    public LogStatistics LogStatistics => pipeline.Statistics;

    /// <summary>Snapshots written, attempts that failed, and old files removed since the start.</summary>
    public (long Written, long Failed, long FilesRemoved) CheckpointStatistics => (checkpointer.Written, checkpointer.Failed, removal.Removed);

    /// <summary>
    /// Opens the directory: takes its lock, bootstraps a new one when it is empty, else recovers. Throws
    /// <see cref="CorruptionException"/>, <see cref="DirectoryLockedException"/>; never changes a directory it refuses.
    /// </summary>
    public static Task<Database> OpenAsync(StorageOptions options, StorageEnvironment environment, CancellationToken cancel) =>
        Task.Run(() => Open(options, environment, cancel), cancel);

    /// <summary>
    /// Completes when everything up to <paramref name="lsn"/> is durable. Fails with 53100/58030 when a commit up to
    /// there was taken back because the log could not be written.
    /// </summary>
    public ValueTask WaitDurableAsync(long lsn, CancellationToken cancel) =>
        answers is { } gate ? WaitAnswerableAsync(gate, lsn, cancel) : pipeline.WaitDurableAsync(lsn, cancel);

    /// <summary>
    /// As <see cref="WaitDurableAsync"/>, for who has almost nothing left to do: what follows runs on the thread that completes many such
    /// waits, or on the log's own. It must be a matter of microseconds, and never wait for anything.
    /// </summary>
    public ValueTask WaitDurableBrieflyAsync(long lsn) =>
        answers is { IsOpen: false } closed ? WaitAnswerableAsync(closed, lsn, CancellationToken.None) : pipeline.WaitDurableBrieflyAsync(lsn);

    /// <summary>True when rows that rest on commits up to <paramref name="lsn"/> may be shown now; else <see cref="WaitDurableAsync"/> tells when.</summary>
    public bool MayAnswer(long lsn) => lsn <= pipeline.DurableNumber && (answers is not { } gate || gate.IsOpen);

    /// <summary>
    /// With a gate, nothing is answered while it is closed, however durable: a member of a cluster that may have been deposed without knowing it must not
    /// show what may be old. Null takes it away.
    /// </summary>
    public void SetAnswerGate(IAnswerGate? gate) => answers = gate;

    /// <summary>Writes a snapshot of the present state, unless the newest one already is that; returns its LSN.</summary>
    public Task<long> CheckpointAsync(CancellationToken cancel) => checkpointer.CheckpointAsync(cancel);

    /// <summary>Changes live options; the others must stay as they are.</summary>
    public void Reconfigure(Func<StorageOptions, StorageOptions> change)
    {
        lock (reconfiguring)
        {
            StorageOptions now = options, next = change(now);
            if (next.Directory != now.Directory || next.WalMode != now.WalMode || next.MaxTupleSize != now.MaxTupleSize)
                throw new ArgumentException("the directory, the WAL mode and the largest tuple cannot change while the instance runs", nameof(change));
            Engine.MemoryLimit = next.MemtxMemory;
            options = next;
        }
    }

    /// <summary>Stops background work, makes the log durable and closes it with its EOF marker, releases the lock.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
            return;
        await checkpointer.DisposeAsync().ConfigureAwait(false);
        FlushSequences();
        await pipeline.CloseAsync().ConfigureAwait(false);
        pipeline.Dispose();
        Engine.Dispose();
        directoryLock.Dispose();
    }

    private async ValueTask WaitAnswerableAsync(IAnswerGate gate, long lsn, CancellationToken cancel)
    {
        await pipeline.WaitDurableAsync(lsn, cancel).ConfigureAwait(false);
        if (!gate.IsOpen)
            await gate.WaitOpenAsync(cancel).ConfigureAwait(false);
    }

    private void FlushSequences()
    {
        if (pipeline.IsGated)
            return; // a row that no replica gets would part this log from theirs; numbers are skipped instead
        try
        {
            Engine.FlushSequences();
        }
        catch (DbException refused)
        {
            // numbers are skipped after the restart, never given out twice
            environment.Log.LogWarning("sequences keep a gap: {Reason}", refused.Message);
        }
    }

    private static Database Open(StorageOptions options, StorageEnvironment environment, CancellationToken cancel)
    {
        IFileSystem files = environment.Files;
        if (!files.DirectoryExists(options.Directory))
        {
            files.CreateDirectory(options.Directory);
            if (Path.GetDirectoryName(options.Directory) is { Length: > 0 } parent)
                files.SyncDirectory(parent);
        }
        IDisposable held = files.LockDirectory(options.Directory);
        Engine? engine = null;
        try
        {
            ReceivedSnapshot.FinishInterrupted(environment, options.Directory);
            var report = new RecoveryReport(options.ForceRecovery, environment.Log);
            engine = new Engine(options.MemtxMemory, options.MaxTupleSize);
            InstanceDirectory directory = InstanceDirectory.Read(files, options.Directory, report);
            RecoveredState state = directory.NewestSnapshot() is { } snapshot
                ? new DirectoryRecovery(engine, options, environment, report, cancel).Run(directory, snapshot)
                : Bootstrap.Run(engine, options, environment, directory);
            DirectoryRepair.Apply(state, options, environment);
            return Begin(options, environment, held, engine, state, report);
        }
        catch
        {
            engine?.Dispose();
            held.Dispose();
            throw;
        }
    }

    private static Database Begin(StorageOptions options, StorageEnvironment environment, IDisposable held, Engine engine, RecoveredState state, RecoveryReport report)
    {
        var database = new Database(options, environment, held, engine, state, report);
        try
        {
            if (state.NeedsCheckpoint)
                database.checkpointer.WriteFirst();
            database.checkpointer.Start();
            return database;
        }
        catch
        {
            database.pipeline.CloseAsync().GetAwaiter().GetResult();
            database.pipeline.Dispose();
            throw;
        }
    }
}
