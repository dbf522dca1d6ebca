using Picodata.Core;

namespace Picodata.Storage;

/// <summary>
/// All tables in memory. Life: construct; <see cref="LoadSnapshotRow"/>*; <see cref="FinishSnapshot"/>;
/// <see cref="ApplyRecovered"/>*; <see cref="FinishRecovery"/>; <see cref="Start"/>; then transactions.
/// Recovery calls come from one thread. A new directory does the same with the bootstrap rows as its snapshot.
/// </summary>
internal sealed partial class Engine : IDisposable
{
    /// <param name="memoryLimit">Bytes of rows and indexes; recovery is not refused by it.</param>
    /// <param name="maxTupleSize">Largest row in bytes.</param>
    public Engine(long memoryLimit, int maxTupleSize) => throw new NotImplementedException();

    /// <summary>The one engine lock: all changes of committed state happen under it. Never held while waiting for anything.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Live: bytes of rows and indexes that writes may use.</summary>
    public long MemoryLimit { get; set; }

    /// <summary>Bytes of rows and indexes in use.</summary>
    public long UsedMemory => throw new NotImplementedException();

    /// <summary>Number that the newest applied commit got from <see cref="ICommitLog.Append"/>.</summary>
    public long AppliedLsn => throw new NotImplementedException();

    /// <summary>The newest committed schema.</summary>
    public DatabaseSchema Schema => throw new NotImplementedException();

    /// <summary>Takes one row of a snapshot, in file order (system spaces come first). The bytes are copied.</summary>
    public void LoadSnapshotRow(uint spaceId, ReadOnlySpan<byte> tuple) => throw new NotImplementedException();

    /// <summary>Sorts and builds the primary indexes. Throws <see cref="RowApplyException"/> when two rows have one key.</summary>
    public void FinishSnapshot() => throw new NotImplementedException();

    /// <summary>
    /// Applies the rows of one complete transaction. Throws <see cref="RowApplyException"/> at the first row that cannot be applied:
    /// then rows before it stay applied (forced recovery applies row by row).
    /// </summary>
    public void ApplyRecovered(ReadOnlySpan<RecoveredRow> rows) => throw new NotImplementedException();

    /// <summary>Builds the secondary indexes in parallel and checks their uniqueness (<see cref="RowApplyException"/>).</summary>
    public void FinishRecovery(int parallelism) => throw new NotImplementedException();

    /// <summary>From here on transactions may write.</summary>
    /// <param name="log">Where commits go.</param>
    /// <param name="appliedLsn">LSN that recovery reached.</param>
    public void Start(ICommitLog log, long appliedLsn) => throw new NotImplementedException();

    /// <summary>O(1) image of all spaces at the newest applied commit, for checkpoints and hot reads.</summary>
    public ReadView OpenReadView() => throw new NotImplementedException();

    /// <summary>The commit is durable: what it replaced may go. Cheap, takes no lock; any thread.</summary>
    public void Release(CommitUndo undo) => throw new NotImplementedException();

    /// <summary>
    /// Takes applied commits back. Under the gate it calls <paramref name="takeNewestFirst"/>, which empties the log's queue of everything
    /// that is not and will not be written, and undoes them in that order (newest first). Transactions that are open now
    /// cannot commit writes any more (40001), and what they read cannot be shown.
    /// </summary>
    public void Undo(Func<IReadOnlyList<CommitUndo>> takeNewestFirst) => throw new NotImplementedException();

    /// <summary>
    /// Before a clean stop or never: logs the exact last values of sequences that had values logged ahead, so that no numbers are skipped.
    /// </summary>
    public void FlushSequences() => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}
