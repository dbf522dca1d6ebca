using Picodata.Core;
using Picodata.Storage;

namespace Picodata.Sql.SystemViews;

/// <summary>A user or role.</summary>
/// <param name="Id">Id in <c>_pico_user</c>.</param>
/// <param name="Name">Name.</param>
/// <param name="CanLogin">True for users, false for roles.</param>
/// <param name="IsSuperuser">True for admin.</param>
/// <param name="CanCreateRole">Holds CREATE USER or CREATE ROLE.</param>
/// <param name="MemberOf">Ids of the roles that were granted to it.</param>
public sealed record RoleEntry(uint Id, string Name, bool CanLogin, bool IsSuperuser, bool CanCreateRole, IReadOnlyList<uint> MemberOf);

/// <summary>A row of pg_settings.</summary>
/// <param name="Name">Name in its own spelling (<c>TimeZone</c>).</param>
/// <param name="Value">Present value, as SHOW prints it.</param>
public sealed record SettingEntry(string Name, string Value)
{
    public string? Unit { get; init; }

    public string Category { get; init; } = "Client Connection Defaults";

    public string Description { get; init; } = "";

    /// <summary>user, superuser, sighup, postmaster or internal.</summary>
    public string Context { get; init; } = "user";

    /// <summary>bool, integer, real, string or enum.</summary>
    public string Type { get; init; } = "string";

    /// <summary>default, client, session, configuration file, database.</summary>
    public string Source { get; init; } = "default";

    public string? Minimum { get; init; }

    public string? Maximum { get; init; }

    public IReadOnlyList<string>? Values { get; init; }

    public string? BootValue { get; init; }

    /// <summary>What RESET goes back to.</summary>
    public string? ResetValue { get; init; }
}

/// <summary>A row of pg_stat_activity; times are microseconds since 2000-01-01 UTC, null when there is none.</summary>
public sealed record SessionEntry(int ProcessId, string User, string Database)
{
    public string ApplicationName { get; init; } = "";

    /// <summary>Address and port, null for local sockets.</summary>
    public string? RemoteAddress { get; init; }

    public long StartedAt { get; init; }

    public long? TransactionStart { get; init; }

    public long? QueryStart { get; init; }

    public long? StateChange { get; init; }

    /// <summary>active, idle, idle in transaction, idle in transaction (aborted).</summary>
    public string State { get; init; } = "idle";

    /// <summary>The running or the last statement.</summary>
    public string Query { get; init; } = "";

    /// <summary>True while it waits for a lock.</summary>
    public bool IsWaiting { get; init; }
}

/// <summary>A row of pg_prepared_statements.</summary>
public sealed record PreparedEntry(string Name, string Statement, long PreparedAt, IReadOnlyList<SqlType> ParameterTypes, bool FromSql);

/// <summary>A row of pg_cursors.</summary>
public sealed record CursorEntry(string Name, string Statement, bool IsHoldable, bool IsBinary, bool IsScrollable, long CreatedAt);

/// <summary>A row of pg_locks.</summary>
/// <param name="TableOid">The locked table.</param>
/// <param name="ProcessId">Who holds it or waits.</param>
/// <param name="Mode">PostgreSQL's name, such as <c>RowExclusiveLock</c>.</param>
public sealed record LockEntry(uint TableOid, int ProcessId, string Mode, bool IsGranted);

/// <summary>
/// What pg_catalog's relations and functions look at. The session implements it, gives it to functions by
/// <c>EvaluationContext.SetFeature&lt;ISystemAccess&gt;</c>, and to virtual relations as <see cref="VirtualScanContext.Session"/>.
/// Valid within one statement of one session.
/// </summary>
public interface ISystemAccess
{
    /// <summary>The statement's catalog.</summary>
    CatalogSnapshot Catalog { get; }

    /// <summary>The statement's transaction, for row counts and values of sequences; null outside of one.</summary>
    Transaction? Transaction { get; }

    /// <summary>Name of the user that privileges are asked for.</summary>
    string User { get; }

    /// <summary>Database name that the client asked for.</summary>
    string Database { get; }

    IReadOnlyCollection<RoleEntry> Roles { get; }

    IReadOnlyCollection<SettingEntry> Settings { get; }

    /// <summary>All sessions of the instance.</summary>
    IReadOnlyCollection<SessionEntry> Sessions { get; }

    /// <summary>Of this session.</summary>
    IReadOnlyCollection<PreparedEntry> PreparedStatements { get; }

    /// <summary>Of this session.</summary>
    IReadOnlyCollection<CursorEntry> Cursors => [];

    IReadOnlyCollection<LockEntry> Locks => [];

    /// <summary>Of the instance.</summary>
    AdvisoryLocks AdvisoryLocks { get; }

    /// <summary>The comment of an object (COMMENT ON), null when there is none.</summary>
    /// <param name="classOid">Oid of the catalog that the object is in (1259 for relations).</param>
    /// <param name="objectOid">The object.</param>
    /// <param name="column">Attribute number, 0 for the object itself.</param>
    string? Comment(uint classOid, uint objectOid, int column) => null;

    /// <summary>True when the role may do this to the relation: SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER.</summary>
    bool HasPrivilege(string role, uint relationOid, string privilege) => true;

    /// <summary>pg_cancel_backend: false when there is no such session.</summary>
    bool CancelSession(int processId);

    /// <summary>pg_terminate_backend: false when there is no such session.</summary>
    bool TerminateSession(int processId);
}
