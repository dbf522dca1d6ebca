using Picodata.Core;

namespace Picodata.Sql;

/// <summary>
/// What ends a running call early: cancel requests, time limits, a lost connection. A cancel that arrives between calls does nothing.
/// </summary>
public sealed partial class SqlSession
{
    private enum CancelReason { None, User, StatementTimeout, Terminated }

    private readonly Lock workGate = new();
    private CancellationTokenSource work = new();
    private bool isWorking;
    private CancelReason reason;
    private ITimer? limit;
    private int settingsOfLimit = -1;
    private TimeSpan statementLimit;

    /// <summary>The running or the last text, for pg_stat_activity.</summary>
    internal string LastQuery { get; private set; } = "";

    internal long StartedAt { get; }

    internal long QueryStart { get; private set; }

    internal long StateChange { get; private set; }

    internal bool IsWorking => isWorking;

    internal bool IsWaitingForLock { get; private set; }

    /// <inheritdoc/>
    public void Cancel() => Cancel(CancelReason.User);

    private void Cancel(CancelReason why)
    {
        lock (workGate)
        {
            if (isWorking && reason == CancelReason.None)
            {
                reason = why;
                work.Cancel();
            }
        }
    }

    private void BeginWork(string? text)
    {
        lock (workGate)
        {
            isWorking = true;
            if (reason != CancelReason.None)
            {
                reason = CancelReason.None;
                work.Dispose();
                work = new CancellationTokenSource();
            }
        }

        evaluation.Cancel = work.Token;
        evaluation.StatementTimestamp = evaluation.ClockTimestamp();
        QueryStart = evaluation.StatementTimestamp;
        StateChange = QueryStart;
        if (text is not null)
        {
            LastQuery = text;
        }

        memory.Limit = engine.StatementMemoryLimit;
        if (settingsOfLimit != settings.Version)
        {
            settingsOfLimit = settings.Version;
            statementLimit = settings.GetTime("statement_timeout");
        }

        TimeSpan most = statementLimit > TimeSpan.Zero ? statementLimit : engine.StatementTimeout;
        if (most > TimeSpan.Zero)
        {
            limit = engine.Time.CreateTimer(_ => Cancel(CancelReason.StatementTimeout), null, most, Timeout.InfiniteTimeSpan);
        }
    }

    private void EndWork()
    {
        limit?.Dispose();
        limit = null;
        lock (workGate)
        {
            isWorking = false;
        }
    }

    /// <summary>The error that a client sees for an exception: cancellation told by its reason, positions in characters.</summary>
    private Exception Told(Exception error, string? sql)
    {
        switch (error)
        {
            case OperationCanceledException when reason != CancelReason.None:
            case DbException { SqlState: SqlStates.QueryCanceled } when reason == CancelReason.StatementTimeout:
                return new DbException(SqlStates.QueryCanceled, reason == CancelReason.StatementTimeout
                    ? "canceling statement due to statement timeout"
                    : "canceling statement due to user request");
            case InsufficientExecutionStackException:
                return new DbException(SqlStates.StatementTooComplex, "stack depth limit exceeded", cause: error);
            case OutOfMemoryException:
                return new DbException(SqlStates.OutOfMemory, "out of memory", cause: error);
            default:
                return error is DbException { Position: > 0 } located && sql is not null && Parsing.TextPosition.InCharacters(sql, located.Position) is int position && position != located.Position && !isParsing
                    ? Moved(located, position)
                    : error;
        }
    }

    private static DbException Moved(DbException error, int position) =>
        new(error.SqlState, error.Message, error.Detail, error.Hint, position, error)
        {
            SchemaName = error.SchemaName,
            TableName = error.TableName,
            ColumnName = error.ColumnName,
            DataTypeName = error.DataTypeName,
            ConstraintName = error.ConstraintName,
            Where = error.Where,
        };

    private bool isParsing;

    /// <summary>Waits until a lock may be free; 55P03 after lock_timeout, 57014 when cancelled, 40P01 on a deadlock.</summary>
    private async ValueTask WaitLockAsync(Task wait)
    {
        TimeSpan most = settings.GetTime("lock_timeout");
        IsWaitingForLock = true;
        try
        {
            await (most > TimeSpan.Zero
                ? wait.WaitAsync(most, engine.Time, work.Token)
                : wait.WaitAsync(work.Token)).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new DbException(SqlStates.LockNotAvailable, "canceling statement due to lock timeout");
        }
        finally
        {
            IsWaitingForLock = false;
        }
    }
}
