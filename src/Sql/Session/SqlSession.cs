using Picodata.Core;
using ExecutionContext = Picodata.Sql.Execution.ExecutionContext;
using Picodata.Sql.Execution;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>
/// One client's session.
///
/// State: <c>Idle</c> (no transaction), <c>Implicit</c> (a transaction that ends with the Query message or Sync), <c>Block</c>
/// (BEGIN was said), <c>Failed</c> (an error inside of a block; only its end is accepted).
///
/// Invariants:
/// N1. Whatever was written to the output when a call returns (or flushes) rests on durable commits only.
/// N2. At most one statement of the storage's transaction is open: that of <see cref="running"/>, whose rows are still being pulled. Before
///     another one begins, the rest of its rows is taken into memory.
/// N3. An error leaves an implicit transaction rolled back and a block failed.
/// N4. A plan is used only with the catalog that it was made with.
/// </summary>
public sealed partial class SqlSession : ISqlSession
{
    private readonly SqlEngine engine;
    private readonly SessionOptions options;
    private readonly SessionSettings settings = new();
    private readonly EvaluationContext evaluation;
    private readonly StatementMemory memory = new(0);
    private readonly StatementNormalizer normalizer = new();
    private readonly Dictionary<string, PreparedStatement> statements = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Portal> portals = new(StringComparer.Ordinal);
    private readonly List<Notice> notices = [];
    private ExecutionContext? reusedContext;
    private PlanCache plans = null!;
    private int plansOfSettings = -1;
    private int settingsOfIdleLimits = -1;
    private TimeSpan idleLimit, idleInBlockLimit;
    private UserEntry user;
    private Action<DbException>? terminate;
    private bool isDisposed;

    internal SqlSession(SqlEngine engine, SessionOptions options, UserEntry user, int processId)
    {
        this.engine = engine;
        this.options = options;
        this.user = user;
        ProcessId = processId;
        settings.SetFixed("is_superuser", user.Id == UserCatalog.Admin ? "on" : "off");
        settings.SetStartup("session_authorization", user.Name);
        evaluation = new EvaluationContext(settings.Types)
        {
            Time = engine.Time,
            Random = new Random(engine.Random.Next()),
            Sequences = this,
            Settings = this,
            Session = this,
        };
        evaluation.SetFeature<SystemViews.ISystemAccess>(this);
        settings.Types.Names = this;
        StartedAt = evaluation.ClockTimestamp();
        StateChange = StartedAt;
    }

    /// <inheritdoc/>
    public int ProcessId { get; }

    /// <inheritdoc/>
    public TypeContext Types => settings.Types;

    /// <inheritdoc/>
    public TransactionStatus Status => !inBlock ? TransactionStatus.Idle : isFailed ? TransactionStatus.Failed : TransactionStatus.InTransaction;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> ReportedParameters
    {
        get
        {
            foreach ((string Name, string Value) _ in settings.TakeReports())
            {
                // told with the start of the session
            }

            return settings.Reported();
        }
    }

    /// <inheritdoc/>
    public TimeSpan IdleTimeLimit
    {
        get
        {
            if (settingsOfIdleLimits != settings.Version)
            {
                settingsOfIdleLimits = settings.Version;
                idleLimit = settings.GetTime("idle_session_timeout");
                idleInBlockLimit = settings.GetTime("idle_in_transaction_session_timeout");
            }

            return inBlock ? idleInBlockLimit : idleLimit;
        }
    }

    /// <inheritdoc/>
    public void SetTerminator(Action<DbException> terminate) => this.terminate = terminate;

    /// <inheritdoc/>
    public void SetStartupParameter(string name, string value) => settings.SetStartup(name, value);

    internal SessionOptions Options => options;

    internal UserEntry User => user;

    internal void Terminate(DbException reason) => terminate?.Invoke(reason);

    /// <inheritdoc/>
    public IPreparedStatement GetStatement(string name) => FindStatement(name);

    /// <inheritdoc/>
    public IPortal GetPortal(string name) => FindPortal(name);

    /// <inheritdoc/>
    public void CloseStatement(string name) => statements.Remove(name);

    /// <inheritdoc/>
    public void ClosePortal(string name)
    {
        if (portals.Remove(name, out Portal? portal))
        {
            Close(portal);
        }
    }

    /// <inheritdoc/>
    public void Fail() => AbortTransaction();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (isDisposed)
        {
            return;
        }

        isDisposed = true;
        engine.Forget(this);
        CloseAllPortals(true);
        EndStorageTransaction();
        engine.AdvisoryLocks.ReleaseSession(ProcessId);
        work.Dispose();
        await Task.CompletedTask.ConfigureAwait(false);
    }

    private PreparedStatement FindStatement(string name) => statements.GetValueOrDefault(name)
        ?? throw new DbException(SqlStates.InvalidSqlStatementName, name.Length == 0 ? "unnamed prepared statement does not exist" : $"prepared statement \"{name}\" does not exist");

    private Portal FindPortal(string name) => portals.GetValueOrDefault(name)
        ?? throw new DbException(SqlStates.InvalidCursorName, $"portal \"{name}\" does not exist");

    /// <summary>Tells the client what it must know besides results: notices and changed settings.</summary>
    private void TellClient(ISessionOutput output)
    {
        if (notices.Count > 0)
        {
            foreach (Notice notice in notices)
            {
                output.Notice(notice);
            }

            notices.Clear();
        }

        foreach ((string name, string value) in settings.TakeReports())
        {
            output.ParameterStatus(name, value);
        }
    }

    internal void AddNotice(NoticeSeverity severity, string sqlState, string message, string? hint = null)
    {
        NoticeSeverity least = settings.Get("client_min_messages") switch
        {
            "error" => (NoticeSeverity)99,
            "warning" => NoticeSeverity.Warning,
            "notice" => NoticeSeverity.Info,
            "log" => NoticeSeverity.Log,
            _ => NoticeSeverity.Debug,
        };
        if (severity >= least || severity == NoticeSeverity.Info)
        {
            notices.Add(new Notice(severity, sqlState, message, null, hint));
        }
    }
}
