using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>Sequences as SQL functions reach them; implemented by the session (currval and lastval are per session).</summary>
public interface ISequenceAccess
{
    /// <summary>nextval: 42P01 for an unknown sequence, 42809 when the relation is none, 2200H at its end.</summary>
    long NextValue(uint sequenceOid);

    /// <summary>currval: 55000 before the first nextval of the session.</summary>
    long CurrentValue(uint sequenceOid);

    /// <summary>lastval: 55000 before the first nextval of the session.</summary>
    long LastValue();

    void SetValue(uint sequenceOid, long value, bool isCalled);
}

/// <summary>Session settings as SQL functions reach them; implemented by the session.</summary>
public interface ISettingsAccess
{
    /// <summary>Value of a setting as SHOW prints it, or null when there is no such setting.</summary>
    string? Get(string name);

    /// <summary>SET or SET LOCAL; 42704 for unknown names, 22023 for bad values.</summary>
    void Set(string name, string value, bool isLocal);
}

/// <summary>Who runs a statement and where.</summary>
public interface ISessionFacts
{
    string User { get; }

    string Database { get; }

    int ProcessId { get; }

    /// <summary>Id of the running transaction (txid_current).</summary>
    long TransactionId { get; }

    /// <summary>Address and port of client and server, null on local sockets.</summary>
    string? RemoteAddress { get; }
}

/// <summary>
/// What functions may know about the world while a statement runs. One per statement execution (or reused by a session,
/// with the times set anew). Used by one thread.
/// </summary>
public sealed class EvaluationContext
{
    private Dictionary<Type, object>? features;

    public EvaluationContext(TypeContext types) => Types = types;

    /// <summary>Settings for text forms of values; time zone.</summary>
    public TypeContext Types { get; }

    /// <summary>Time for clock_timestamp and pg_sleep.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>now(), microseconds since 2000-01-01 UTC.</summary>
    public long TransactionTimestamp { get => Types.TransactionTimestamp; set => Types.TransactionTimestamp = value; }

    /// <summary>statement_timestamp(), microseconds since 2000-01-01 UTC.</summary>
    public long StatementTimestamp { get; set; }

    /// <summary>Source for random() and gen_random_uuid(); setseed replaces it.</summary>
    public Random Random { get; set; } = new();

    public ISequenceAccess? Sequences { get; set; }

    public ISettingsAccess? Settings { get; set; }

    public ISessionFacts? Session { get; set; }

    /// <summary>Ends the statement when signalled (cancel request, timeout).</summary>
    public CancellationToken Cancel { get; set; }

    /// <summary>Throws 57014 when the statement was cancelled. What exactly ended it (request or timeout) the session knows.</summary>
    public void ThrowIfCancelled()
    {
        if (Cancel.IsCancellationRequested)
        {
            throw new DbException(SqlStates.QueryCanceled, "canceling statement due to user request");
        }
    }

    /// <summary>Gives functions registered by other rooms (pg_catalog's) the object that they work on.</summary>
    public void SetFeature<T>(T feature) where T : class => (features ??= [])[typeof(T)] = feature;

    /// <summary>The object put in by <see cref="SetFeature{T}"/>; 0A000 when the session has none.</summary>
    public T Feature<T>() where T : class =>
        features is not null && features.TryGetValue(typeof(T), out object? feature)
            ? (T)feature
            : throw new DbException(SqlStates.FeatureNotSupported, $"{typeof(T).Name} is not available here");

    /// <summary>Now as microseconds since 2000-01-01 UTC.</summary>
    public long ClockTimestamp() => (Time.GetUtcNow().UtcTicks - Epoch.Ticks) / 10;

    internal static readonly DateTime Epoch = new(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc);
}
