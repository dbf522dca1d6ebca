using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Sql.SystemViews;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>The SQL engine over one database. Thread-safe.</summary>
public sealed partial class SqlEngine : ISqlEngine
{
    private readonly ConcurrentDictionary<int, SqlSession> sessions = new();
    private readonly Lock loading = new();
    private readonly byte[] secret = new byte[32];
    private long changes = 1;
    private long versions;
    private CatalogState state = null!;
    private long stateChanges;
    private int lastProcessId;

    private SqlEngine(Database database, SqlEngineOptions options, TimeProvider time, Random random, ILogger log)
    {
        Database = database;
        Options = options;
        Time = time;
        Random = random;
        Log = log;
        random.NextBytes(secret);
        initial = database.Options;
    }

    internal Database Database { get; }

    internal SqlEngineOptions Options { get; }

    internal TimeProvider Time { get; }

    internal Random Random { get; }

    internal ILogger Log { get; }

    internal PlanCaches Plans { get; } = new();

    internal IReadOnlyCollection<SqlSession> Sessions => (IReadOnlyCollection<SqlSession>)sessions.Values;

    /// <summary>
    /// Opens the engine: makes Picodata's system tables and built-in users when the directory has none (one transaction), reads the
    /// catalog and the settings. The database stays the caller's to dispose, after the engine.
    /// </summary>
    public static async Task<SqlEngine> OpenAsync(Database database, SqlEngineOptions options, TimeProvider time, Random random, ILogger log, CancellationToken cancel)
    {
        SystemCatalog.RegisterFunctions();
        var engine = new SqlEngine(database, options.OwnsTopology ? Settle(database, options) : options, time, random, log);
        using (Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, false))
        {
            transaction.BeginStatement();
            SystemBootstrap.Run(transaction, engine.Options, database.Options.WalMode);
            transaction.EndStatement();
            await database.WaitDurableAsync(transaction.Commit(), cancel).ConfigureAwait(false);
        }

        engine.CatalogChanged();
        engine.ApplyParameters();
        return engine;
    }

    private static SqlEngineOptions Settle(Database database, SqlEngineOptions options)
    {
        using Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, true);
        transaction.BeginStatement();
        return StoredIdentity.Settle(transaction, options);
    }

    // ---- catalog

    /// <summary>The newest committed catalog.</summary>
    internal CatalogState State
    {
        get
        {
            CatalogState current = Volatile.Read(ref state);
            return current is not null && current.SchemaVersion == Database.Schema.Version && Volatile.Read(ref stateChanges) == Volatile.Read(ref changes)
                ? current
                : Reload();
        }
    }

    /// <summary>A committed transaction changed the catalog: sessions must see it from now on.</summary>
    internal void CatalogChanged() => Interlocked.Increment(ref changes);

    /// <summary>The catalog as a transaction sees it, with its own changes.</summary>
    internal CatalogState Load(Transaction transaction) => CatalogLoader.Load(transaction, Options.Tier, Interlocked.Increment(ref versions));

    private CatalogState Reload()
    {
        lock (loading)
        {
            long seen = Volatile.Read(ref changes);
            using Transaction transaction = Database.BeginTransaction(IsolationLevel.ReadCommitted, true);
            transaction.BeginStatement();
            CatalogState loaded = Load(transaction);
            transaction.EndStatement();
            transaction.Rollback();
            Volatile.Write(ref state, loaded);
            Volatile.Write(ref stateChanges, seen);
            return loaded;
        }
    }

    // ---- sessions

    internal SystemViews.AdvisoryLocks AdvisoryLocks { get; } = new();

    /// <inheritdoc/>
    public ISqlSession OpenSession(SessionOptions options)
    {
        UserCatalog users = State.Users;
        UserEntry? user = users.Find(options.User);
        if (user is null || user.IsRole || (!options.IsAdminSocket && !users.MayLogin(user.Id)))
        {
            throw new DbException(SqlStates.InvalidAuthorizationSpecification, $"user \"{options.User}\" does not have login privilege");
        }

        if (sessions.Count >= Options.MaxSessions && user.Id != UserCatalog.Admin)
        {
            throw new DbException(SqlStates.TooManyConnections, "sorry, too many clients already");
        }

        var session = new SqlSession(this, options, user, Interlocked.Increment(ref lastProcessId));
        sessions[session.ProcessId] = session;
        return session;
    }

    internal void Forget(SqlSession session) => sessions.TryRemove(session.ProcessId, out _);

    internal SqlSession? FindSession(int processId) => sessions.GetValueOrDefault(processId);

    /// <inheritdoc/>
    public void CancelSession(int processId) => FindSession(processId)?.Cancel();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (SqlSession session in sessions.Values)
        {
            await session.DisposeAsync().ConfigureAwait(false);
        }
    }
}
