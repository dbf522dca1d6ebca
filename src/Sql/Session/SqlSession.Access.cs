using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.SystemViews;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>What functions and catalog relations may ask of the session.</summary>
public sealed partial class SqlSession : ISequenceAccess, ISettingsAccess, ISessionFacts, ISystemAccess, IObjectNames
{
    private readonly Dictionary<uint, long> sequenceValues = [];
    private uint? lastSequence;

    // ---- sequences

    long ISequenceAccess.NextValue(uint sequenceOid)
    {
        SequenceDef sequence = Sequence(sequenceOid);
        long value = transaction!.NextSequenceValue(sequence.SequenceId);
        sequenceValues[sequenceOid] = value;
        lastSequence = sequenceOid;
        return value;
    }

    long ISequenceAccess.CurrentValue(uint sequenceOid) => sequenceValues.TryGetValue(sequenceOid, out long value) ? value
        : throw new DbException(SqlStates.ObjectNotInPrerequisiteState, $"currval of sequence \"{Sequence(sequenceOid).Name}\" is not yet defined in this session");

    long ISequenceAccess.LastValue() => lastSequence is { } last && sequenceValues.TryGetValue(last, out long value) ? value
        : throw new DbException(SqlStates.ObjectNotInPrerequisiteState, "lastval is not yet defined in this session");

    void ISequenceAccess.SetValue(uint sequenceOid, long value, bool isCalled)
    {
        SequenceDef sequence = Sequence(sequenceOid);
        if (value < sequence.Minimum || value > sequence.Maximum)
        {
            throw new DbException(SqlStates.NumericValueOutOfRange, $"setval: value {value} is out of bounds for sequence \"{sequence.Name}\" ({sequence.Minimum}..{sequence.Maximum})");
        }

        transaction!.SetSequenceValue(sequence.SequenceId, value, isCalled);
        if (isCalled)
        {
            sequenceValues[sequenceOid] = value;
        }
    }

    private SequenceDef Sequence(uint oid) => Catalog.Catalog.FindRelation(oid) switch
    {
        SequenceDef sequence => sequence,
        null => throw new DbException(SqlStates.UndefinedTable, $"relation with OID {oid} does not exist"),
        var other => throw new DbException(SqlStates.WrongObjectType, $"\"{other.Name}\" is not a sequence"),
    };

    // ---- settings

    string? ISettingsAccess.Get(string name) => settings.TryGet(name) is null ? null : ShowValue(name);

    void ISettingsAccess.Set(string name, string value, bool isLocal) => settings.Set(name, value, isLocal);

    // ---- facts

    string ISessionFacts.User => user.Name;

    string ISessionFacts.Database => options.Database;

    long ISessionFacts.TransactionId => (ProcessId * 1_000_000L) + transactionNumber;

    string? ISessionFacts.RemoteAddress => options.RemoteAddress;

    // ---- catalog relations

    CatalogSnapshot ISystemAccess.Catalog => Catalog.Catalog;

    Transaction? ISystemAccess.Transaction => transaction;

    AdvisoryLocks ISystemAccess.AdvisoryLocks => engine.AdvisoryLocks;

    string ISystemAccess.User => user.Name;

    string ISystemAccess.Database => options.Database;

    IReadOnlyCollection<RoleEntry> ISystemAccess.Roles
    {
        get
        {
            UserCatalog users = Catalog.Users;
            return [.. users.Users.Select(entry => new RoleEntry(
                entry.Id, entry.Name, !entry.IsRole, entry.Id == UserCatalog.Admin, users.Holds(entry.Id, "create", "user", UserCatalog.AllObjects), [.. users.RolesOf(entry.Id)]))];
        }
    }

    IReadOnlyCollection<SettingEntry> ISystemAccess.Settings => [.. SettingDef.All.Select(setting => new SettingEntry(setting.Name, ShowValue(setting.Name))
    {
        Unit = setting.Unit,
        Description = setting.Description,
        Context = setting.IsReadOnly ? "internal" : "user",
        Type = setting.Kind.ToString().ToLowerInvariant(),
        Minimum = setting.Kind is SettingKind.Integer or SettingKind.Real ? setting.Min.ToString(System.Globalization.CultureInfo.InvariantCulture) : null,
        Maximum = setting.Kind is SettingKind.Integer or SettingKind.Real ? setting.Max.ToString(System.Globalization.CultureInfo.InvariantCulture) : null,
        Values = setting.Kind == SettingKind.Enum ? setting.Values : null,
        BootValue = setting.Default,
        ResetValue = setting.Default,
    })];

    IReadOnlyCollection<SessionEntry> ISystemAccess.Sessions => [.. engine.Sessions.Select(session => session.Describe())];

    private SessionEntry Describe() => new(ProcessId, user.Name, options.Database)
    {
        ApplicationName = settings.Get("application_name"),
        RemoteAddress = options.RemoteAddress,
        StartedAt = StartedAt,
        TransactionStart = TransactionStart,
        QueryStart = QueryStart == 0 ? null : QueryStart,
        StateChange = StateChange,
        State = IsWorking ? "active" : !inBlock ? "idle" : isFailed ? "idle in transaction (aborted)" : "idle in transaction",
        Query = LastQuery,
        IsWaiting = IsWaitingForLock,
    };

    IReadOnlyCollection<PreparedEntry> ISystemAccess.PreparedStatements =>
        [.. statements.Values.Where(statement => statement.Name.Length > 0).Select(statement => new PreparedEntry(statement.Name, statement.Text, statement.PreparedAt, statement.ParameterTypes, statement.IsFromSql))];

    IReadOnlyCollection<CursorEntry> ISystemAccess.Cursors =>
        [.. portals.Values.Where(portal => portal.IsCursor).Select(portal => new CursorEntry(portal.Name, portal.Statement.Text, portal.IsHold, portal.IsBinary, portal.IsScroll ?? true, portal.CreatedAt))];

    string? ISystemAccess.Comment(uint classOid, uint objectOid, int column)
    {
        const uint relations = 1259;
        if (classOid != relations || Catalog.Catalog.FindRelation(objectOid) is not TableDef table)
        {
            return null;
        }

        TableExtras extras = Catalog.ExtrasOf(table.SpaceId);
        return column == 0 ? extras.Comment
            : column <= table.Columns.Count ? extras.ColumnComments.GetValueOrDefault(table.Columns[column - 1].Name)
            : null;
    }

    bool ISystemAccess.HasPrivilege(string role, uint relationOid, string privilege)
    {
        CatalogState catalog = Catalog;
        if (catalog.Users.Find(role) is not { } entry || catalog.Catalog.FindRelation(relationOid) is not { } relation)
        {
            return false;
        }

        string needed = privilege.ToUpperInvariant() == "SELECT" ? "read" : "write";
        return entry.Id == UserCatalog.Admin || relation is VirtualTableDef || relation.Owner == entry.Id || HasTableRight(catalog.Users, entry.Id, relation, needed);
    }

    bool ISystemAccess.CancelSession(int processId)
    {
        if (engine.FindSession(processId) is not { } session)
        {
            return false;
        }

        CheckMayEnd(session);
        session.Cancel();
        return true;
    }

    bool ISystemAccess.TerminateSession(int processId)
    {
        if (engine.FindSession(processId) is not { } session)
        {
            return false;
        }

        CheckMayEnd(session);
        session.Cancel(CancelReason.Terminated);
        session.Terminate(new DbException(SqlStates.AdminShutdown, "terminating connection due to administrator command"));
        return true;
    }

    private void CheckMayEnd(SqlSession session)
    {
        if (user.Id != UserCatalog.Admin && session.user.Id != user.Id)
        {
            throw new DbException(SqlStates.InsufficientPrivilege, "must be admin or the same user to end another session's work");
        }
    }

    // ---- names of objects

    uint? IObjectNames.FindRelation(string name)
    {
        Parsing.ObjectName parsed = ParseName(name);
        CatalogSnapshot catalog = Catalog.Catalog;
        return catalog.FindRelation(parsed.Schema, parsed.Name)?.Oid ?? catalog.FindIndex(parsed.Name)?.Index.Oid;
    }

    /// <summary>A name as a user writes it, quoted where needed.</summary>
    private static Parsing.ObjectName ParseName(string name) =>
        Parsing.SqlParser.ParseTypeName(name).Name;

    string? IObjectNames.RelationName(uint oid)
    {
        CatalogSnapshot catalog = Catalog.Catalog;
        if (catalog.FindRelation(oid) is { } relation)
        {
            string name = CatalogLoader.Quote(relation.Name);
            return relation.Schema == "information_schema" ? "information_schema." + name : name;
        }

        return catalog.FindIndex(oid) is { } index ? CatalogLoader.Quote(index.Index.Name) : null;
    }

    uint? IObjectNames.FindNamespace(string name) => CatalogOids.Namespace(name.Trim('"')) is > 0 and var oid ? oid : null;

    string? IObjectNames.NamespaceName(uint oid) => oid switch
    {
        CatalogOids.PgCatalog => "pg_catalog",
        CatalogOids.Public => "public",
        CatalogOids.InformationSchema => "information_schema",
        _ => null,
    };
}
