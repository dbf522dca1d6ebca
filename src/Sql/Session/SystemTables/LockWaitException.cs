namespace Picodata.Sql;

/// <summary>
/// A statement met a lock that another transaction holds. The session undoes the statement, waits and runs it again; clients never
/// see this.
/// </summary>
internal sealed class LockWaitException(Task wait) : Exception("the statement waits for a lock and runs again")
{
    /// <summary>Completes when the lock may be free; fails with 40P01 when waiting would never end.</summary>
    public Task Wait { get; } = wait;
}
