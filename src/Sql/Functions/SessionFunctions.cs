using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>Functions about the session: who, where, settings, sequences, transaction.</summary>
internal static class SessionFunctions
{
    /// <summary>What version() prints behind the product's name, so that clients that look for PostgreSQL's number find it.</summary>
    public const string EmulatedPostgres = "15.0";

    internal static void Add(FunctionBuilder builder)
    {
        AddFacts(builder);
        AddSettings(builder);
        AddSequences(builder);
        AddNulls(builder);
    }

    private static void AddFacts(FunctionBuilder builder)
    {
        foreach (string name in new[] { "current_user", "session_user", "user", "current_role" })
        {
            builder.Scalar(name, [], SqlType.NameType, (_, context) => Datum.Text(Session(context).User), Volatility.Stable);
        }

        foreach (string name in new[] { "current_database", "current_catalog" })
        {
            builder.Scalar(name, [], SqlType.NameType, (_, context) => Datum.Text(Session(context).Database), Volatility.Stable);
        }

        builder.Scalar("pg_backend_pid", [], SqlType.Int4, (_, context) => Datum.Int(Session(context).ProcessId), Volatility.Stable);
        foreach (string name in new[] { "txid_current", "pg_current_xact_id" })
        {
            builder.Scalar(name, [], SqlType.Int8, (_, context) => Datum.Int(Session(context).TransactionId), Volatility.Stable);
        }

        builder.Scalar("txid_current_if_assigned", [], SqlType.Int8, (_, context) => Datum.Int(Session(context).TransactionId), Volatility.Stable);
    }

    private static ISessionFacts Session(EvaluationContext context) => context.Session ?? throw Unavailable("session");

    private static DbException Unavailable(string what) => new(SqlStates.FeatureNotSupported, $"no {what} is available here");

    private static void AddSettings(FunctionBuilder builder)
    {
        SqlType text = SqlType.Text;
        builder.Scalar("current_setting", [text], text, (a, context) => Datum.Text(Settings(context).Get(a[0].AsText) ?? throw UnknownSetting(a[0].AsText)), Volatility.Stable);
        builder.Scalar("current_setting", [text, SqlType.Bool], text, (a, context) =>
            Settings(context).Get(a[0].AsText) is { } value ? Datum.Text(value) : a[1].AsBool ? Datum.Null : throw UnknownSetting(a[0].AsText), Volatility.Stable);
        builder.Scalar("set_config", [text, text, SqlType.Bool], text, (a, context) =>
        {
            if (a[0].IsNull)
            {
                throw new DbException("22004", "SET requires parameter name");
            }

            Settings(context).Set(a[0].AsText, a[1].IsNull ? "" : a[1].AsText, !a[2].IsNull && a[2].AsBool);
            return Datum.Text(Settings(context).Get(a[0].AsText) ?? "");
        }, Volatility.Volatile, isStrict: false);
    }

    private static ISettingsAccess Settings(EvaluationContext context) => context.Settings ?? throw Unavailable("settings");

    private static DbException UnknownSetting(string name) => new(SqlStates.UndefinedObject, $"unrecognized configuration parameter \"{name}\"");

    private static void AddSequences(FunctionBuilder builder)
    {
        SqlType sequence = SqlType.RegClass, int8 = SqlType.Int8;
        builder.Scalar("nextval", [sequence], int8, (a, context) => Datum.Int(Sequences(context).NextValue((uint)a[0].AsInt)), Volatility.Volatile);
        builder.Scalar("currval", [sequence], int8, (a, context) => Datum.Int(Sequences(context).CurrentValue((uint)a[0].AsInt)), Volatility.Volatile);
        builder.Scalar("lastval", [], int8, (_, context) => Datum.Int(Sequences(context).LastValue()), Volatility.Volatile);
        builder.Scalar("setval", [sequence, int8], int8, (a, context) => SetValue(a[0], a[1], true, context), Volatility.Volatile);
        builder.Scalar("setval", [sequence, int8, SqlType.Bool], int8, (a, context) => SetValue(a[0], a[1], a[2].AsBool, context), Volatility.Volatile);
    }

    private static Datum SetValue(in Datum sequence, in Datum value, bool isCalled, EvaluationContext context)
    {
        Sequences(context).SetValue((uint)sequence.AsInt, value.AsInt, isCalled);
        return value;
    }

    private static ISequenceAccess Sequences(EvaluationContext context) => context.Sequences ?? throw Unavailable("sequences");

    private static void AddNulls(FunctionBuilder builder)
    {
        builder.Generic("num_nulls", [], SqlType.Int4, (_, _) => (a, _) => Datum.Int(CountNulls(a)), SqlType.Any, isStrict: false);
        builder.Generic("num_nonnulls", [], SqlType.Int4, (_, _) => (a, _) => Datum.Int(a.Length - CountNulls(a)), SqlType.Any, isStrict: false);
        builder.Generic("pg_typeof", [SqlType.Any], SqlType.RegType, (types, _) => (_, _) => Datum.Int(types[0].Oid), isStrict: false);
    }

    private static int CountNulls(ReadOnlySpan<Datum> arguments)
    {
        int count = 0;
        foreach (ref readonly Datum argument in arguments)
        {
            count += argument.IsNull ? 1 : 0;
        }

        return count;
    }
}
