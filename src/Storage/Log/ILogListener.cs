namespace Picodata.Storage;

/// <summary>
/// Is told what the log does with the rows that the replicaset shares, in the order of the log. All calls come from the log thread, which waits for
/// them: they are short, throw nothing and never wait for the log.
/// </summary>
public interface ILogListener
{
    /// <summary>
    /// Rows behind <paramref name="afterLsn"/> up to <paramref name="lastLsn"/> are written to the file and not synced yet. Never called for a write that failed.
    /// </summary>
    /// <param name="rows">Whole transactions as they stand in the file, without rows of replica-local spaces; valid during the call.</param>
    void Written(long afterLsn, long lastLsn, ReadOnlySpan<byte> rows);

    /// <summary>Everything up to this LSN is synced here.</summary>
    void Synced(long lsn);

    /// <summary>
    /// The log could not be written: what was applied behind <paramref name="lsn"/> is taken back. Called under the engine's gate, before the next commit.
    /// </summary>
    void TakenBack(long lsn, string reason);

    /// <summary>The log failed for good.</summary>
    void Stopped(string reason);
}
