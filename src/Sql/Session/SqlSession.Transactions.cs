using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>Transactions: implicit ones, blocks, savepoints; and the wait for durability.</summary>
public sealed partial class SqlSession
{
    /// <summary>Rows in a commit that is applied in some tens of microseconds.</summary>
    private const int BriefCommit = 64;

    private readonly record struct SavepointEntry(string Name, int Storage, int Settings);

    private readonly List<SavepointEntry> savepoints = [];
    private Transaction? transaction;
    private bool inBlock;
    private bool isFailed;
    private bool isReadOnly;
    private IsolationLevel isolation;
    private bool isStatementOpen;
    private bool hasDdl;
    private bool parametersChanged;
    private long transactionNumber;
    private CatalogState? ownCatalog;
    private Portal? running;

    /// <summary>Everything shown to the client so far rests on commits up to here.</summary>
    private long shownLsn;

    /// <summary>LSN that a commit of ours has to become durable at.</summary>
    private long committedLsn;

    internal long? TransactionStart => transaction is null ? null : evaluation.TransactionTimestamp;

    /// <summary>The transaction of the statement, begun when there is none.</summary>
    private Transaction EnsureTransaction()
    {
        if (transaction is not null)
        {
            return transaction;
        }

        if (!inBlock)
        {
            isolation = Isolation(settings.Get("default_transaction_isolation"));
            isReadOnly = settings.GetBool("default_transaction_read_only");
        }

        transaction = engine.Database.BeginTransaction(isolation, isReadOnly);
        transactionNumber++;
        if (!inBlock)
        {
            evaluation.TransactionTimestamp = evaluation.StatementTimestamp;
        }

        return transaction;
    }

    private static IsolationLevel Isolation(string name) => name is "read committed" or "read uncommitted" ? IsolationLevel.ReadCommitted : IsolationLevel.RepeatableRead;

    private Transaction BeginStatement()
    {
        SettleRunning();
        Transaction current = EnsureTransaction();
        current.BeginStatement();
        isStatementOpen = true;
        return current;
    }

    private void EndStatement()
    {
        if (isStatementOpen)
        {
            isStatementOpen = false;
            transaction!.EndStatement();
            shownLsn = Math.Max(shownLsn, transaction.ReadLsn);
        }
    }

    private void RollbackStatement()
    {
        if (isStatementOpen)
        {
            isStatementOpen = false;
            transaction!.RollbackStatement();
        }
    }

    /// <summary>The catalog that the next statement sees.</summary>
    private CatalogState Catalog
    {
        get
        {
            if (transaction is null)
            {
                return engine.State;
            }

            long version = transaction.Schema.Version;
            if (!hasDdl && engine.State is var shared && shared.SchemaVersion == version)
            {
                return shared;
            }

            return ownCatalog is { } own && own.SchemaVersion == version ? own : LoadOwn();
        }
    }

    private CatalogState LoadOwn()
    {
        bool begins = !isStatementOpen;
        if (begins)
        {
            BeginStatement();
        }

        ownCatalog = engine.Load(transaction!);
        if (begins)
        {
            EndStatement();
        }

        return ownCatalog;
    }

    /// <summary>This transaction changed the catalog.</summary>
    private void MarkDdl()
    {
        hasDdl = true;
        ownCatalog = null;
    }

    // ---- ends

    /// <summary>Commits what runs; the LSN is waited for by <see cref="WaitDurableAsync"/>.</summary>
    private void CommitTransaction()
    {
        SettleRunning();
        Transaction? ending = transaction;
        transaction = null;
        bool changedCatalog = hasDdl;
        bool changedParameters = parametersChanged;
        try
        {
            if (ending is not null)
            {
                KeepHoldCursors();
                shownLsn = Math.Max(shownLsn, ending.ReadLsn);
                committedLsn = Math.Max(committedLsn, ending.Commit());
            }

            settings.Commit();
        }
        catch (DbException)
        {
            settings.Rollback();
            throw;
        }
        finally
        {
            ending?.Dispose();
            LeaveTransaction();
        }

        if (changedCatalog)
        {
            engine.CatalogChanged();
        }

        if (changedParameters)
        {
            engine.ApplyParameters();
        }
    }

    private void RollbackTransaction()
    {
        CloseAllPortals(false);
        EndStorageTransaction();
        settings.Rollback();
        LeaveTransaction();
    }

    private void LeaveTransaction()
    {
        CloseAllPortals(false);
        savepoints.Clear();
        inBlock = false;
        isFailed = false;
        isStatementOpen = false;
        hasDdl = false;
        parametersChanged = false;
        ownCatalog = null;
        engine.AdvisoryLocks.ReleaseTransaction(ProcessId);
    }

    private void EndStorageTransaction()
    {
        running = null;
        if (transaction is not null)
        {
            Transaction ending = transaction;
            transaction = null;
            RollbackOpen(ending);
            ending.Rollback();
            ending.Dispose();
        }

        engine.AdvisoryLocks.ReleaseTransaction(ProcessId);
    }

    private void RollbackOpen(Transaction ending)
    {
        if (isStatementOpen)
        {
            isStatementOpen = false;
            ending.RollbackStatement();
        }
    }

    /// <summary>N3: after an error.</summary>
    private void AbortTransaction()
    {
        if (!inBlock)
        {
            RollbackTransaction();
            return;
        }

        isFailed = true;
        CloseAllPortals(false);
        if (savepoints.Count == 0)
        {
            EndStorageTransaction();
        }
        else
        {
            RollbackStatement();
            ownCatalog = null;
        }
    }

    /// <summary>N1: waits until all that was shown and committed is durable. Nothing ends this wait early: a commit must not be doubted.</summary>
    private async ValueTask WaitDurableAsync()
    {
        long lsn = Math.Max(shownLsn, committedLsn);
        if (transaction is not null)
        {
            lsn = Math.Max(lsn, transaction.ReadLsn);
        }

        shownLsn = 0;
        committedLsn = 0;
        if (!engine.Database.MayAnswer(lsn))
        {
            await engine.Database.WaitDurableAsync(lsn, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// As <see cref="WaitDurableAsync"/>, where nothing but the answer is left to do: the call may end on the thread that completes
    /// many sessions' waits, one after the other.
    /// </summary>
    private async ValueTask WaitDurableLastAsync()
    {
        long lsn = Math.Max(shownLsn, committedLsn);
        if (transaction is not null)
        {
            lsn = Math.Max(lsn, transaction.ReadLsn);
        }

        shownLsn = 0;
        committedLsn = 0;
        if (!engine.Database.MayAnswer(lsn))
        {
            await engine.Database.WaitDurableBrieflyAsync(lsn).ConfigureAwait(false);
        }
    }

    /// <summary>Large commits and results that must be kept are work for the pool.</summary>
    private async ValueTask BeforeCommitAsync()
    {
        if (running is not null || transaction is { WriteCount: > BriefCommit })
        {
            await PoolThread.Reach;
        }
    }

    // ---- commands

    private async ValueTask<string> RunTransactionAsync(TransactionStatement statement)
    {
        switch (statement.Verb)
        {
            case TransactionVerb.Begin or TransactionVerb.StartTransaction:
                Begin(statement);
                return statement.Verb == TransactionVerb.Begin ? "BEGIN" : "START TRANSACTION";
            case TransactionVerb.Commit:
                return await CommitCommandAsync(statement.AndChain).ConfigureAwait(false);
            case TransactionVerb.Rollback:
                RollbackCommand(statement.AndChain);
                return "ROLLBACK";
            case TransactionVerb.Savepoint:
                NeedBlock("SAVEPOINT");
                SettleRunning();
                savepoints.Add(new SavepointEntry(statement.Name!, EnsureTransaction().Savepoint(), settings.Mark));
                return "SAVEPOINT";
            case TransactionVerb.Release:
                NeedBlock("RELEASE SAVEPOINT");
                savepoints.RemoveRange(FindSavepoint(statement.Name!), savepoints.Count - FindSavepoint(statement.Name!));
                return "RELEASE";
            case TransactionVerb.RollbackTo:
                NeedBlock("ROLLBACK TO SAVEPOINT");
                RollbackTo(FindSavepoint(statement.Name!));
                return "ROLLBACK";
            default:
                throw new DbException(SqlStates.FeatureNotSupported, "prepared transactions are not supported", hint: "max_prepared_transactions is zero");
        }
    }

    private void Begin(TransactionStatement statement)
    {
        if (inBlock)
        {
            AddNotice(NoticeSeverity.Warning, SqlStates.ActiveSqlTransaction, "there is already a transaction in progress");
            SetModes(statement.Modes, false);
            return;
        }

        isolation = Isolation(settings.Get("default_transaction_isolation"));
        isReadOnly = settings.GetBool("default_transaction_read_only");
        evaluation.TransactionTimestamp = evaluation.StatementTimestamp;
        SetModes(statement.Modes, false);
        inBlock = true;
    }

    /// <summary>SET TRANSACTION and the modes of BEGIN. They may be changed until the transaction has read or written.</summary>
    private void SetModes(TransactionModes modes, bool isCommand)
    {
        if (modes.Isolation is { } level)
        {
            if (transaction is not null && Isolation(level) != isolation)
            {
                throw new DbException(SqlStates.ActiveSqlTransaction, "SET TRANSACTION ISOLATION LEVEL must be called before any query");
            }

            isolation = Isolation(level);
        }

        if (modes.IsReadOnly is { } wanted)
        {
            if (transaction is not null && isReadOnly && !wanted)
            {
                throw new DbException(SqlStates.ActiveSqlTransaction, "transaction read-write mode must be set before any query");
            }

            isReadOnly = wanted;
        }

        if (isCommand && !inBlock)
        {
            AddNotice(NoticeSeverity.Warning, SqlStates.NoActiveSqlTransaction, "SET TRANSACTION can only be used in transaction blocks");
        }
    }

    private async ValueTask<string> CommitCommandAsync(bool chain)
    {
        if (!inBlock)
        {
            AddNotice(NoticeSeverity.Warning, SqlStates.NoActiveSqlTransaction, "there is no transaction in progress");
        }

        (IsolationLevel level, bool readOnly, bool failed) = (isolation, isReadOnly, isFailed);
        if (failed)
        {
            RollbackTransaction();
        }
        else
        {
            await BeforeCommitAsync().ConfigureAwait(false);
            CommitTransaction();
            await (isLast ? WaitDurableLastAsync() : WaitDurableAsync()).ConfigureAwait(false);
        }

        Chain(chain, level, readOnly);
        return failed ? "ROLLBACK" : "COMMIT";
    }

    private void RollbackCommand(bool chain)
    {
        if (!inBlock)
        {
            AddNotice(NoticeSeverity.Warning, SqlStates.NoActiveSqlTransaction, "there is no transaction in progress");
        }

        (IsolationLevel level, bool readOnly) = (isolation, isReadOnly);
        RollbackTransaction();
        Chain(chain, level, readOnly);
    }

    private void Chain(bool chain, IsolationLevel level, bool readOnly)
    {
        if (chain)
        {
            inBlock = true;
            isolation = level;
            isReadOnly = readOnly;
            evaluation.TransactionTimestamp = evaluation.StatementTimestamp;
        }
    }

    private void NeedBlock(string command)
    {
        if (!inBlock)
        {
            throw new DbException(SqlStates.NoActiveSqlTransaction, $"{command} can only be used in transaction blocks");
        }
    }

    private int FindSavepoint(string name)
    {
        int at = savepoints.FindLastIndex(entry => entry.Name == name);
        return at >= 0 ? at : throw new DbException(SqlStates.InvalidSavepointSpecification, $"savepoint \"{name}\" does not exist");
    }

    private void RollbackTo(int at)
    {
        SavepointEntry entry = savepoints[at];
        CloseAllPortals(false);
        RollbackStatement();
        transaction!.RollbackTo(entry.Storage);
        settings.RollbackTo(entry.Settings);
        savepoints.RemoveRange(at + 1, savepoints.Count - at - 1);
        isFailed = false;
        ownCatalog = null;
    }

    private static bool EndsFailedBlock(Statement statement) =>
        statement is TransactionStatement { Verb: TransactionVerb.Commit or TransactionVerb.Rollback or TransactionVerb.RollbackTo };

    /// <summary>25P02 unless the statement may run in a failed block.</summary>
    private void CheckNotFailed(Statement statement)
    {
        if (isFailed && !EndsFailedBlock(statement) && statement is not EmptyStatement)
        {
            throw new DbException(SqlStates.InFailedSqlTransaction, "current transaction is aborted, commands ignored until end of transaction block");
        }
    }
}
