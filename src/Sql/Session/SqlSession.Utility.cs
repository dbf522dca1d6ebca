using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>Result of a statement that is not planned: its tag, and rows when it has any.</summary>
internal sealed record UtilityResult(string Tag, IReadOnlyList<ResultColumn>? Columns, List<Datum[]> Rows)
{
    public static UtilityResult Of(string tag) => new(tag, null, []);
}

/// <summary>All statements that are not planned.</summary>
public sealed partial class SqlSession
{
    private async ValueTask<UtilityResult> RunUtilityAsync(Statement statement, string sql, Datum[] parameters, ISessionOutput output)
    {
        if (statement is TransactionStatement command)
        {
            return UtilityResult.Of(await RunTransactionAsync(command).ConfigureAwait(false));
        }

        if (TryRunDdl(statement) is { } ddl)
        {
            return UtilityResult.Of(await ddl.ConfigureAwait(false));
        }

        switch (statement)
        {
            case ExplainStatement explain:
                return await ExplainAsync(explain, sql, parameters).ConfigureAwait(false);
            case ExecuteStatement execute:
                return await ExecutePreparedAsync(execute).ConfigureAwait(false);
            case DeclareCursorStatement declare:
                return UtilityResult.Of(await DeclareAsync(declare, sql).ConfigureAwait(false));
            case FetchStatement fetch:
                return Fetch(fetch);
            case LockTableStatement locks:
                return UtilityResult.Of(await LockTablesAsync(locks).ConfigureAwait(false));
            case CallStatement call:
                return UtilityResult.Of(await CallAsync(call, parameters).ConfigureAwait(false));
            case DoStatement block:
                return await RunBlockAsync(block).ConfigureAwait(false);
            case CreateTableStatement { AsQuery: { } query } create:
                return UtilityResult.Of(await CreateTableAsAsync(create, query).ConfigureAwait(false));
            case QueryStatement { Query.Body: SelectBody { Into: { } into } body } select:
                var made = new CreateTableStatement(into, false, [], []) { Position = select.Position };
                return UtilityResult.Of(await CreateTableAsAsync(made, select.Query with { Body = body with { Into = null } }).ConfigureAwait(false));
            case CheckpointStatement:
                AccessControl.RequireAdmin(Catalog.Users, user.Id, "Checkpoint");
                await engine.Database.CheckpointAsync(work.Token).ConfigureAwait(false);
                return UtilityResult.Of("CHECKPOINT");
            default:
                return RunSetting(statement);
        }
    }

    /// <summary>Columns of a utility statement's result, null when it has none.</summary>
    private IReadOnlyList<ResultColumn>? UtilityColumns(Statement statement) => statement switch
    {
        ShowStatement { Name: "all" } => ShowAllColumns,
        ShowStatement show => [new ResultColumn(SettingDef.TryFind(show.Name)?.Name ?? show.Name, SqlType.Text)],
        ExplainStatement => ExplainColumns,
        ExecuteStatement execute => statements.GetValueOrDefault(execute.Name)?.Columns,
        FetchStatement { IsMove: false } fetch => portals.GetValueOrDefault(fetch.Cursor)?.Columns,
        DoStatement block => BlockColumns(block),
        _ => null,
    };

    private UtilityResult RunSetting(Statement statement)
    {
        switch (statement)
        {
            case SetStatement set:
                return UtilityResult.Of(Set(set));
            case SetTransactionStatement { IsSession: false } modes:
                SetModes(modes.Modes, true);
                return UtilityResult.Of("SET");
            case SetTransactionStatement modes:
                SetDefaultModes(modes.Modes);
                return UtilityResult.Of("SET");
            case SetConstraintsStatement:
                return UtilityResult.Of("SET CONSTRAINTS");
            case ShowStatement show:
                return Show(show);
            case ResetStatement reset:
                Reset(reset.Name);
                return UtilityResult.Of("RESET");
            case DiscardStatement discard:
                return UtilityResult.Of(Discard(discard));
            case PrepareStatement prepare:
                PrepareSql(prepare);
                return UtilityResult.Of("PREPARE");
            case DeallocateStatement deallocate:
                return UtilityResult.Of(Deallocate(deallocate));
            case CloseCursorStatement close:
                return UtilityResult.Of(CloseCursor(close));
            case UnlistenStatement:
                return UtilityResult.Of("UNLISTEN");
            case VacuumStatement vacuum:
                return UtilityResult.Of(Vacuum(vacuum));
            case BackupStatement:
                AccessControl.RequireAdmin(Catalog.Users, user.Id, "Backup");
                throw Unsupported("BACKUP", "Any copy of the instance's directory is a backup: rsync, cp or tar it while the instance runs.");
            case CreateDatabaseStatement:
                throw Unsupported("CREATE DATABASE", "All database names stand for the one database.");
            case ListenStatement or NotifyStatement:
                throw Unsupported("LISTEN and NOTIFY", null);
            case AuditPolicyStatement:
                AccessControl.RequireAdmin(Catalog.Users, user.Id, "Audit policy");
                throw Unsupported("AUDIT POLICY", null);
            case UnsupportedStatement other:
                throw Unsupported(other.What, null);
            default:
                throw Unsupported(statement.GetType().Name, null);
        }
    }

    private static DbException Unsupported(string what, string? hint) => new(SqlStates.FeatureNotSupported, $"{what} is not supported", hint: hint);

    // ---- settings

    private string Set(SetStatement set)
    {
        bool isLocal = set.Scope == SetScope.Local;
        if (isLocal && !inBlock)
        {
            AddNotice(NoticeSeverity.Warning, SqlStates.NoActiveSqlTransaction, "SET LOCAL can only be used in transaction blocks");
        }

        string? value = set.Values.Count == 0 ? null : JoinValues(set);
        switch (set.Name)
        {
            case "session_authorization":
                ChangeUser(value);
                break;
            case "transaction_isolation" when value is not null:
                SetModes(new TransactionModes(value, null, null), true);
                break;
            case "transaction_read_only" when value is not null:
                SetModes(new TransactionModes(null, value is "on" or "true" or "1", null), true);
                break;
        }

        settings.Set(set.Name, value, isLocal);
        return "SET";
    }

    private static string JoinValues(SetStatement set) => set.Values.Count == 1
        ? set.Values[0]
        : string.Join(", ", set.Name == "search_path" ? set.Values.Select(CatalogLoader.Quote) : set.Values);

    /// <summary>SET SESSION AUTHORIZATION: only who logged in as admin may become another.</summary>
    private void ChangeUser(string? name)
    {
        UserCatalog users = Catalog.Users;
        UserEntry wanted = users.Get(name ?? options.User);
        if (wanted.Name != options.User && options.User != "admin")
        {
            throw new DbException(SqlStates.InsufficientPrivilege, "permission denied to set session authorization");
        }

        user = wanted;
        settings.SetFixed("is_superuser", user.Id == UserCatalog.Admin ? "on" : "off");
    }

    private void SetDefaultModes(TransactionModes modes)
    {
        if (modes.Isolation is { } level)
        {
            settings.Set("default_transaction_isolation", level, false);
        }

        if (modes.IsReadOnly is { } isOnly)
        {
            settings.Set("default_transaction_read_only", isOnly ? "on" : "off", false);
        }
    }

    private static readonly ResultColumn[] ShowAllColumns = [new("name", SqlType.Text), new("setting", SqlType.Text), new("description", SqlType.Text)];

    private UtilityResult Show(ShowStatement show)
    {
        if (show.Name == "all")
        {
            return new UtilityResult("SHOW", ShowAllColumns, [.. SettingDef.All.Select(setting => new[] { Datum.Text(setting.Name), Datum.Text(ShowValue(setting.Name)), Datum.Text(setting.Description) })]);
        }

        string value = ShowValue(show.Name);
        return new UtilityResult("SHOW", [new ResultColumn(SettingDef.TryFind(show.Name)?.Name ?? show.Name, SqlType.Text)], [[Datum.Text(value)]]);
    }

    /// <summary>A setting as SHOW prints it; those of the transaction come from the transaction.</summary>
    private string ShowValue(string name) => name.ToLowerInvariant() switch
    {
        "transaction_isolation" => inBlock || transaction is not null
            ? isolation == IsolationLevel.ReadCommitted ? "read committed" : "repeatable read"
            : settings.Get("default_transaction_isolation"),
        "transaction_read_only" => (inBlock ? isReadOnly : settings.GetBool("default_transaction_read_only")) ? "on" : "off",
        _ => settings.Show(name),
    };

    private void Reset(string name)
    {
        if (name == "all")
        {
            settings.ResetAll();
            return;
        }

        if (name == "session_authorization")
        {
            ChangeUser(null);
        }

        settings.Set(name, null, false);
    }

    private string Discard(DiscardStatement discard)
    {
        switch (discard.Target)
        {
            case DiscardTarget.All:
                if (inBlock || !isAlone)
                {
                    throw new DbException(SqlStates.ActiveSqlTransaction, "DISCARD ALL cannot run inside a transaction block");
                }

                CloseAllPortals(true);
                statements.Clear();
                ChangeUser(null);
                settings.ResetAll();
                sequenceValues.Clear();
                lastSequence = null;
                engine.AdvisoryLocks.ReleaseSession(ProcessId);
                return "DISCARD ALL";
            case DiscardTarget.Plans:
                return "DISCARD PLANS";
            case DiscardTarget.Sequences:
                sequenceValues.Clear();
                lastSequence = null;
                return "DISCARD SEQUENCES";
            default:
                return "DISCARD TEMP";
        }
    }

    private string Vacuum(VacuumStatement vacuum)
    {
        if (vacuum.IsVacuum && (inBlock || !isAlone))
        {
            throw new DbException(SqlStates.ActiveSqlTransaction, "VACUUM cannot run inside a transaction block");
        }

        foreach (ObjectName table in vacuum.Tables)
        {
            Catalog.Catalog.GetRelation(table.Schema, table.Name, table.Position);
        }

        return vacuum.IsVacuum ? "VACUUM" : "ANALYZE";
    }

    private async ValueTask<string> LockTablesAsync(LockTableStatement statement)
    {
        NeedBlock("LOCK TABLE");
        TableLockMode mode = statement.Mode switch
        {
            "access share" or "row share" => TableLockMode.Shared,
            "row exclusive" => TableLockMode.Write,
            "access exclusive" => TableLockMode.Exclusive,
            _ => TableLockMode.ShareWrite,
        };
        while (true)
        {
            Transaction current = BeginStatement();
            Task? wait = TryLock(current, statement, mode);
            if (wait is null)
            {
                EndStatement();
                return "LOCK TABLE";
            }

            RollbackStatement();
            if (statement.NoWait)
            {
                throw new DbException(SqlStates.LockNotAvailable, $"could not obtain lock on relation \"{statement.Tables[0].Name}\"");
            }

            await WaitLockAsync(wait).ConfigureAwait(false);
        }
    }

    private Task? TryLock(Transaction current, LockTableStatement statement, TableLockMode mode)
    {
        foreach (ObjectName name in statement.Tables)
        {
            if (Catalog.Catalog.GetRelation(name.Schema, name.Name, name.Position) is not TableDef table)
            {
                throw new DbException(SqlStates.WrongObjectType, $"\"{name.Name}\" is not a table", position: name.Position);
            }

            AccessControl.RequireTable(Catalog.Users, user.Id, mode == TableLockMode.Shared ? "read" : "write", table.SpaceId, table.Name, table.Owner);
            WriteResult result = current.LockTable(table.SpaceId, mode);
            if (result.Outcome != WriteOutcome.Done)
            {
                return result.Wait ?? Task.CompletedTask;
            }
        }

        return null;
    }
}
