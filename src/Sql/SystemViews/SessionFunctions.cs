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
        // a literal is int8 here, so the two halves of a key are taken as int8 too and checked
        SqlType[][] keys = [[I], [I, I]];
        foreach (bool shared in (bool[])[false, true])
        {
            string mode = shared ? "_shared" : "";
            foreach (bool ofTransaction in (bool[])[false, true])
            {
                string end = (ofTransaction ? "advisory_xact_lock" : "advisory_lock") + mode;
                var scope = new AdvisoryLocks.LockScope(shared, ofTransaction);
                AddOverloads("pg_" + end, SqlType.Void, keys, (arguments, context) =>
                {
                    context.System().AdvisoryLocks.Lock(Key(arguments), Pid(context), scope, context);
                    return Datum.Null;
                }, Volatility.Volatile);
                AddOverloads("pg_try_" + end, SqlType.Bool, keys, (arguments, context) =>
                    Datum.Bool(context.System().AdvisoryLocks.TryLock(Key(arguments), Pid(context), scope)), Volatility.Volatile);
            }

            AddOverloads("pg_advisory_unlock" + mode, SqlType.Bool, keys, (arguments, context) =>
                Datum.Bool(context.System().AdvisoryLocks.Unlock(Key(arguments), Pid(context), shared)), Volatility.Volatile);
        }

        Add("pg_advisory_unlock_all", SqlType.Void, [], (_, context) =>
        {
            context.System().AdvisoryLocks.ReleaseSession(Pid(context));
            return Datum.Null;
        }, Volatility.Volatile);
    }

    private static (long, bool) Key(ReadOnlySpan<Datum> arguments) => arguments.Length == 1
        ? (arguments[0].AsInt, false)
        : (((long)Half(arguments[0]) << 32) | (uint)Half(arguments[1]), true);

    private static int Half(in Datum key) => key.AsInt is >= int.MinValue and <= int.MaxValue
        ? (int)key.AsInt
        : throw new DbException(SqlStates.NumericValueOutOfRange, "integer out of range");

    private static int Pid(EvaluationContext context) => context.Session?.ProcessId ?? 0;
}
