using System.Net;
using Picodata.Core;
using Picodata.Sql.Functions;
using static Picodata.Sql.SystemViews.FunctionRegistration;

namespace Picodata.Sql.SystemViews;

/// <summary>Functions over sessions and the server: process ids, cancel, addresses, advisory locks.</summary>
internal static class SessionFunctions
{
    private static readonly SqlType I = SqlType.Int8;

    public static void Register()
    {
        Add("pg_backend_pid", SqlType.Int4, [], (_, context) => Datum.Int(context.Session?.ProcessId ?? 0));
        Add("pg_cancel_backend", SqlType.Bool, [I], (arguments, context) => Datum.Bool(context.System().CancelSession((int)arguments[0].AsInt)), Volatility.Volatile);
        AddOverloads("pg_terminate_backend", SqlType.Bool, [[I], [I, I]], (arguments, context) =>
            Datum.Bool(context.System().TerminateSession((int)arguments[0].AsInt)), Volatility.Volatile);
        Add("version", SqlType.Text, [], (_, context) =>
            Datum.Text($"PostgreSQL {context.Settings?.Get("server_version") ?? "15"} compatible, Picodata.NET {typeof(SessionFunctions).Assembly.GetName().Version?.ToString(3)}"));
        Add("pg_is_in_recovery", SqlType.Bool, [], (_, _) => Datum.False);
        Add("pg_is_wal_replay_paused", SqlType.Bool, [], (_, _) => Datum.False);
        Add("pg_blocking_pids", SqlType.ArrayOf(SqlType.Int4), [I], (_, _) => Datum.Array(DatumArray.Of(SqlType.Int4)));
        Add("pg_notify", SqlType.Void, [SqlType.Text, SqlType.Text], (_, _) => Datum.Null, Volatility.Volatile, strict: false);
        AddSet("pg_listening_channels", [], [("pg_listening_channels", SqlType.Text)], (_, _) => []);
        Addresses();
        AdvisoryLocking();
    }

    private static void Addresses()
    {
        Add("inet_client_addr", SqlType.Text, [], (_, context) => TextOrNull(Remote(context)?.Address.ToString()));
        Add("inet_client_port", SqlType.Int4, [], (_, context) => Remote(context) is IPEndPoint remote ? Datum.Int(remote.Port) : Datum.Null);
        Add("inet_server_addr", SqlType.Text, [], (_, _) => Datum.Null);
        Add("inet_server_port", SqlType.Int4, [], (_, _) => Datum.Null);
        Add("pg_postmaster_start_time", SqlType.TimestampTz, [], (_, _) => Datum.Timestamp(StartedAt()));
        Add("pg_conf_load_time", SqlType.TimestampTz, [], (_, _) => Datum.Timestamp(StartedAt()));
    }

    private static long StartedAt()
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return (process.StartTime.ToUniversalTime().Ticks - EvaluationContext.Epoch.Ticks) / 10;
    }

    private static IPEndPoint? Remote(EvaluationContext context) =>
        IPEndPoint.TryParse(context.Session?.RemoteAddress ?? "", out IPEndPoint? remote) ? remote : null;

    private static void AdvisoryLocking()
    {
        SqlType[][] keys = [[I], [SqlType.Int4, SqlType.Int4]];
        AddOverloads("pg_advisory_lock", SqlType.Void, keys, (arguments, context) => Lock(arguments, context, shared: false), Volatility.Volatile);
        AddOverloads("pg_advisory_lock_shared", SqlType.Void, keys, (arguments, context) => Lock(arguments, context, shared: true), Volatility.Volatile);
        AddOverloads("pg_try_advisory_lock", SqlType.Bool, keys, (arguments, context) =>
            Datum.Bool(AdvisoryLocks.TryLock(Key(arguments), Pid(context), shared: false)), Volatility.Volatile);
        AddOverloads("pg_try_advisory_lock_shared", SqlType.Bool, keys, (arguments, context) =>
            Datum.Bool(AdvisoryLocks.TryLock(Key(arguments), Pid(context), shared: true)), Volatility.Volatile);
        AddOverloads("pg_advisory_unlock", SqlType.Bool, keys, (arguments, context) =>
            Datum.Bool(AdvisoryLocks.Unlock(Key(arguments), Pid(context), shared: false)), Volatility.Volatile);
        AddOverloads("pg_advisory_unlock_shared", SqlType.Bool, keys, (arguments, context) =>
            Datum.Bool(AdvisoryLocks.Unlock(Key(arguments), Pid(context), shared: true)), Volatility.Volatile);
        Add("pg_advisory_unlock_all", SqlType.Void, [], (_, context) =>
        {
            AdvisoryLocks.ReleaseAll(Pid(context));
            return Datum.Null;
        }, Volatility.Volatile);
    }

    private static Datum Lock(ReadOnlySpan<Datum> arguments, EvaluationContext context, bool shared)
    {
        AdvisoryLocks.Lock(Key(arguments), Pid(context), shared, context);
        return Datum.Null;
    }

    private static (long, bool) Key(ReadOnlySpan<Datum> arguments) => arguments.Length == 1
        ? (arguments[0].AsInt, false)
        : ((arguments[0].AsInt << 32) | (uint)arguments[1].AsInt, true);

    private static int Pid(EvaluationContext context) => context.Session?.ProcessId ?? 0;
}
