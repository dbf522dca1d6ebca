using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql;

/// <summary>What ReadyForQuery tells.</summary>
public enum TransactionStatus : byte
{
    Idle = (byte)'I',
    InTransaction = (byte)'T',
    Failed = (byte)'E',
}

/// <summary>One column of a result, as RowDescription needs it.</summary>
/// <param name="Name">Output name; duplicates are allowed.</param>
/// <param name="Type">SQL type.</param>
/// <param name="TypeModifier">pg_attribute.atttypmod, -1 when none.</param>
/// <param name="TableOid">Oid of the table it comes from, 0 for expressions.</param>
/// <param name="ColumnNumber">Attribute number in that table, 0 for expressions.</param>
public sealed record ResultColumn(string Name, SqlType Type, int TypeModifier = -1, uint TableOid = 0, short ColumnNumber = 0);

/// <summary>Severity of a notice.</summary>
public enum NoticeSeverity { Debug, Log, Info, Notice, Warning }

/// <summary>A message that the client did not ask for.</summary>
public sealed record Notice(NoticeSeverity Severity, string SqlState, string Message, string? Detail = null, string? Hint = null);

/// <summary>
/// Where a session puts what the client must see. Implemented by PgWire (frames) and by the admin console (tables).
/// Calls are made by one thread at a time, in the order in which the client must see them. Nothing that is written
/// may reach the client before the session calls <see cref="FlushAsync"/> or the call into the session returns: the
/// session waits for durability first.
/// </summary>
public interface ISessionOutput
{
    void Notice(Notice notice);

    /// <summary>A setting that clients are told about has a new value.</summary>
    void ParameterStatus(string name, string value);

    /// <summary>Simple query only: the result of a statement with rows begins.</summary>
    void RowDescription(IReadOnlyList<ResultColumn> columns);

    void Row(ReadOnlySpan<Datum> values);

    /// <summary>A statement is done; the command tag with its count (<c>INSERT 0 1</c>); empty for BACKUP.</summary>
    void CommandComplete(string tag);

    void EmptyQuery();

    void PortalSuspended();

    /// <summary>COPY ... TO STDOUT begins; then <see cref="CopyData"/> per row, <see cref="CopyDone"/>, CommandComplete.</summary>
    void CopyOut(bool binary, int columnCount);

    void CopyData(ReadOnlySpan<byte> bytes);

    void CopyDone();

    /// <summary>COPY ... FROM STDIN begins. The session then reads with <see cref="ReadCopyDataAsync"/>.</summary>
    void CopyIn(bool binary, int columnCount);

    /// <summary>
    /// The next piece of COPY data, cut anywhere; empty at CopyDone. Throws DbException 57014 on CopyFail. Flushes before it
    /// blocks. The memory is valid until the next call.
    /// </summary>
    ValueTask<ReadOnlyMemory<byte>> ReadCopyDataAsync(CancellationToken cancel);

    /// <summary>Bytes that wait to be sent; the session flushes between rows when there are many.</summary>
    int PendingBytes { get; }

    ValueTask FlushAsync(CancellationToken cancel);
}

/// <summary>A parsed and bound statement, named or not.</summary>
public interface IPreparedStatement
{
    string Name { get; }

    /// <summary>Types of $1..$n, inferred where the client left them open.</summary>
    IReadOnlyList<SqlType> ParameterTypes { get; }

    /// <summary>Result columns, or null when the statement returns no rows.</summary>
    IReadOnlyList<ResultColumn>? Columns { get; }
}

/// <summary>A bound statement that can be executed in steps.</summary>
public interface IPortal
{
    string Name { get; }

    /// <summary>Result columns, or null when the statement returns no rows.</summary>
    IReadOnlyList<ResultColumn>? Columns { get; }

    /// <summary>Formats asked for in Bind (0 text, 1 binary): none, one for all, or one a column. Kept for Describe and rows.</summary>
    IReadOnlyList<short> ResultFormats { get; }
}

/// <summary>
/// One client's session: transaction state, prepared statements, portals, settings. Errors are thrown as
/// <see cref="DbException"/>; the session has then already put its transaction into the right state, the caller reports
/// the error (and in the extended protocol skips to Sync). Calls never overlap, except <see cref="Cancel"/>.
/// </summary>
public interface ISqlSession : IAsyncDisposable
{
    TransactionStatus Status { get; }

    /// <summary>Settings that are reported at the start of a session, section 4 of the protocol: name to value.</summary>
    IReadOnlyDictionary<string, string> ReportedParameters { get; }

    /// <summary>Number that clients know this session by (pg_backend_pid).</summary>
    int ProcessId { get; }

    /// <summary>Sets a start-up parameter as if by SET: 42704 for unknown names, 22023 for bad values.</summary>
    void SetStartupParameter(string name, string value);

    /// <summary>
    /// Runs a whole Query message: all statements of the string, one implicit transaction unless it holds transaction
    /// commands. Writes everything but ReadyForQuery to <paramref name="output"/>.
    /// </summary>
    ValueTask SimpleQueryAsync(string sql, ISessionOutput output, CancellationToken cancel);

    /// <summary>Parse: a named statement must not exist yet (42P05), the unnamed one is replaced.</summary>
    ValueTask<IPreparedStatement> ParseAsync(string name, string sql, IReadOnlyList<uint> parameterOids, CancellationToken cancel);

    /// <summary>26000 when there is none.</summary>
    IPreparedStatement GetStatement(string name);

    /// <summary>Bind: makes a portal; 42P03 when a named one exists.</summary>
    ValueTask<IPortal> BindAsync(string portalName, string statementName, IReadOnlyList<Datum> parameters, IReadOnlyList<short> resultFormats, CancellationToken cancel);

    /// <summary>34000 when there is none.</summary>
    IPortal GetPortal(string name);

    /// <summary>Execute: up to <paramref name="maxRows"/> rows (0 or less: all), then CommandComplete, PortalSuspended or EmptyQuery.</summary>
    ValueTask ExecuteAsync(IPortal portal, int maxRows, ISessionOutput output, CancellationToken cancel);

    void CloseStatement(string name);

    void ClosePortal(string name);

    /// <summary>Sync: commits or ends the implicit transaction. A commit that fails throws.</summary>
    ValueTask SyncAsync(ISessionOutput output, CancellationToken cancel);

    /// <summary>
    /// The caller met an error outside of the session (a bad message, bad parameter bytes): an open transaction becomes
    /// failed, an implicit one is rolled back.
    /// </summary>
    void Fail();

    /// <summary>Ends the running statement with 57014; does nothing when idle. May be called from any thread.</summary>
    void Cancel();

    /// <summary>Settings that text forms of values depend on, for parameters and rows. The same object for the session's life.</summary>
    TypeContext Types => TypeContext.Default;

    /// <summary>
    /// How long the session may stay idle in its present <see cref="Status"/> (idle_session_timeout, or
    /// idle_in_transaction_session_timeout in a block); zero for ever. Asked each time the connection begins to wait.
    /// </summary>
    TimeSpan IdleTimeLimit => TimeSpan.Zero;

    /// <summary>
    /// Gives the session the means to end its own connection from outside of a call (pg_terminate_backend, DROP USER): the
    /// error goes to the client as FATAL. May be called from any thread.
    /// </summary>
    void SetTerminator(Action<DbException> terminate)
    {
    }
}

/// <summary>Who connects.</summary>
/// <param name="User">Name of the authenticated user.</param>
/// <param name="Database">Name that the client asked for; all names are the one database.</param>
/// <param name="IsAdminSocket">True for the admin console: acts as admin without a password.</param>
/// <param name="RemoteAddress">For pg_stat_activity and logs; null for local sockets.</param>
public sealed record SessionOptions(string User, string Database, bool IsAdminSocket = false, string? RemoteAddress = null);

/// <summary>What a client must prove, and what to check it against.</summary>
public enum AuthenticationMethod { Md5, ScramSha256, Denied }

/// <summary>How a user proves who he is. An unknown user gets a method and a verifier that no password fits.</summary>
/// <param name="Method">md5 or scram-sha256; Denied for users who may not log in over this protocol (28000).</param>
/// <param name="Secret">
/// md5: <c>md5</c> + 32 hex digits of md5(password + user). scram: <c>SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey</c>.
/// Denied: the reason.
/// </param>
public sealed record AuthenticationRequirement(AuthenticationMethod Method, string Secret);

/// <summary>The SQL engine over one database: makes sessions, knows the users.</summary>
public interface ISqlEngine : IAsyncDisposable
{
    AuthenticationRequirement GetAuthentication(string user);

    /// <summary>Tells the engine how an attempt ended: it counts failures and locks users out (auth_login_attempt_max).</summary>
    void AuthenticationFinished(string user, bool succeeded);

    /// <summary>Opens a session for an authenticated user; 28000 when it has no LOGIN privilege, 53300 when there are too many.</summary>
    ISqlSession OpenSession(SessionOptions options);

    /// <summary>Ends the statement of the session with this process id when the secret key fits; else nothing happens.</summary>
    void CancelSession(int processId);
}
