using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>The current time, making dates and times, zones, ages.</summary>
internal static class DateTimeFunctions
{
    internal static void Add(FunctionBuilder builder)
    {
        AddNow(builder);
        AddMakers(builder);
        AddZones(builder);
        AddAges(builder);
        AddJustify(builder);
    }

    private static void AddNow(FunctionBuilder builder)
    {
        SqlType zoned = SqlType.TimestampTz;
        foreach (string name in new[] { "now", "transaction_timestamp", "current_timestamp" })
        {
            builder.Scalar(name, [], zoned, (_, context) => Datum.Timestamp(context.TransactionTimestamp), Volatility.Stable);
        }

        builder.Scalar("statement_timestamp", [], zoned, (_, context) => Datum.Timestamp(context.StatementTimestamp), Volatility.Stable);
        builder.Scalar("clock_timestamp", [], zoned, (_, context) => Datum.Timestamp(context.ClockTimestamp()), Volatility.Volatile);
        builder.Scalar("timeofday", [], SqlType.Text, (_, context) =>
            Datum.Text(DateTimeFormat.Format(context.Types.TimeZone.ToLocal(context.ClockTimestamp()), context.ClockTimestamp(), "Dy Mon DD HH24:MI:SS.US YYYY TZ", context.Types.TimeZone)), Volatility.Volatile);
        builder.Scalar("localtimestamp", [], SqlType.Timestamp, (_, context) => Datum.Timestamp(Local(context)), Volatility.Stable);
        builder.Scalar("localtime", [], SqlType.Time, (_, context) => Datum.Time(Calendar.Split(Local(context)).Micros), Volatility.Stable);
        builder.Scalar("current_time", [], SqlType.Time, (_, context) => Datum.Time(Calendar.Split(Local(context)).Micros), Volatility.Stable);
        builder.Scalar("current_date", [], SqlType.Date, (_, context) => Datum.Date(Calendar.Split(Local(context)).Days), Volatility.Stable);

        // the same with a number of digits: CURRENT_TIMESTAMP(3)
        builder.Scalar("current_timestamp", [SqlType.Int8], zoned, (a, context) => Rounded(SqlType.TimestampTz, Datum.Timestamp(context.TransactionTimestamp), a[0]), Volatility.Stable);
        builder.Scalar("localtimestamp", [SqlType.Int8], SqlType.Timestamp, (a, context) => Rounded(SqlType.Timestamp, Datum.Timestamp(Local(context)), a[0]), Volatility.Stable);
        builder.Scalar("localtime", [SqlType.Int8], SqlType.Time, (a, context) => Rounded(SqlType.Time, Datum.Time(Calendar.Split(Local(context)).Micros), a[0]), Volatility.Stable);
        builder.Scalar("current_time", [SqlType.Int8], SqlType.Time, (a, context) => Rounded(SqlType.Time, Datum.Time(Calendar.Split(Local(context)).Micros), a[0]), Volatility.Stable);
        builder.Scalar("pg_sleep", [SqlType.Float8], SqlType.Void, (a, context) => Sleep(a[0].AsDouble, context), Volatility.Volatile);
        builder.Scalar("pg_sleep_for", [SqlType.Interval], SqlType.Void, (a, context) => Sleep((double)DatumComparer.Length(a[0].AsInterval) / 1e6, context), Volatility.Volatile);
    }

    private static long Local(EvaluationContext context) => context.Types.TimeZone.ToLocal(context.TransactionTimestamp);

    private static Datum Rounded(SqlType type, in Datum value, in Datum digits) =>
        CastTable.ApplyModifier(type, (int)Math.Clamp(digits.AsInt, 0, 6), value, true);

    /// <summary>Waits on the statement's cancellation, in slices, so that a clock that is put forward ends it too.</summary>
    private static Datum Sleep(double seconds, EvaluationContext context)
    {
        long until = context.Time.GetTimestamp() + (long)(Math.Clamp(seconds, 0, 1e9) * context.Time.TimestampFrequency);
        while (context.Time.GetTimestamp() is var now && now < until)
        {
            double left = (until - now) / (double)context.Time.TimestampFrequency;
            context.Cancel.WaitHandle.WaitOne(TimeSpan.FromSeconds(Math.Min(left, 0.5)));
            context.ThrowIfCancelled();
        }

        return Datum.Text("");
    }

    private static void AddMakers(FunctionBuilder builder)
    {
        SqlType n = SqlType.Int8, real = SqlType.Float8;
        builder.Scalar("make_date", [n, n, n], SqlType.Date, (a, _) => Datum.Date(MakeDate(a[0].AsInt, a[1].AsInt, a[2].AsInt)));
        builder.Scalar("make_time", [n, n, real], SqlType.Time, (a, _) => Datum.Time(MakeTime(a[0].AsInt, a[1].AsInt, a[2].AsDouble)));
        builder.Scalar("make_timestamp", [n, n, n, n, n, real], SqlType.Timestamp, (a, _) => Datum.Timestamp(MakeTimestamp(a)));
        builder.Scalar("make_timestamptz", [n, n, n, n, n, real], SqlType.TimestampTz, (a, context) => Datum.Timestamp(context.Types.TimeZone.ToUtc(MakeTimestamp(a))), Volatility.Stable);
        builder.Scalar("make_timestamptz", [n, n, n, n, n, real, SqlType.Text], SqlType.TimestampTz, (a, _) =>
            Datum.Timestamp(SessionTimeZone.Find(a[6].AsText, plainNumberIsEast: true).ToUtc(MakeTimestamp(a))));
        for (int count = 0; count <= 7; count++)
        {
            SqlType[] parameters = [.. Enumerable.Repeat(n, Math.Min(count, 6)), .. Enumerable.Repeat(real, Math.Max(0, count - 6))];
            builder.Scalar("make_interval", parameters, SqlType.Interval, (a, _) => Datum.Interval(MakeInterval(a)));
        }

        builder.Unary("to_timestamp", real, SqlType.TimestampTz, a => Datum.Timestamp(FromEpoch(a.AsDouble)));
    }

    private static int MakeDate(long year, long month, long day)
    {
        // negative years are BC; there is no year 0
        long astronomical = year < 0 ? year + 1 : year;
        if (year == 0 || month is < 1 or > 12 || astronomical is < -4713 or > 5874897 || day < 1 || day > Calendar.DaysInMonth((int)astronomical, (int)month))
        {
            throw new DbException(SqlStates.DatetimeFieldOverflow, $"date field value out of range: {year}-{month:00}-{day:00}");
        }

        return Calendar.ToDays((int)astronomical, (int)month, (int)day);
    }

    private static long MakeTime(long hour, long minute, double second)
    {
        if (hour is < 0 or > 24 || minute is < 0 or > 59 || second is not (>= 0 and <= 60) || (hour == 24 && (minute > 0 || second > 0)))
        {
            throw new DbException(SqlStates.DatetimeFieldOverflow, FormattableString.Invariant($"time field value out of range: {hour}:{minute:00}:{second:00.######}"));
        }

        return hour * Calendar.MicrosPerHour + minute * Calendar.MicrosPerMinute + (long)Math.Round(second * 1e6);
    }

    private static long MakeTimestamp(ReadOnlySpan<Datum> parts) =>
        Calendar.Combine(MakeDate(parts[0].AsInt, parts[1].AsInt, parts[2].AsInt), MakeTime(parts[3].AsInt, parts[4].AsInt, parts[5].AsDouble));

    private static Interval MakeInterval(ReadOnlySpan<Datum> parts)
    {
        Span<long> values = stackalloc long[6];
        values.Clear();
        for (int i = 0; i < Math.Min(parts.Length, 6); i++)
        {
            values[i] = parts[i].AsInt;
        }

        double seconds = parts.Length > 6 ? parts[6].AsDouble : 0;
        try
        {
            checked
            {
                return new Interval(
                    (int)(values[0] * 12 + values[1]), (int)(values[2] * 7 + values[3]),
                    values[4] * Calendar.MicrosPerHour + values[5] * Calendar.MicrosPerMinute + (long)Math.Round(seconds * 1e6));
            }
        }
        catch (OverflowException overflow)
        {
            throw new DbException(SqlStates.DatetimeFieldOverflow, "interval out of range", cause: overflow);
        }
    }

    private static long FromEpoch(double seconds)
    {
        if (double.IsInfinity(seconds))
        {
            return seconds > 0 ? Calendar.Infinity : Calendar.NegativeInfinity;
        }

        double micros = Math.Round((seconds - Calendar.UnixDays * 86400.0) * 1e6, MidpointRounding.ToEven);
        return micros >= Calendar.MinTimestamp && micros < Calendar.EndTimestamp
            ? (long)micros
            : throw new DbException(SqlStates.DatetimeFieldOverflow, double.IsNaN(seconds) ? "timestamp cannot be NaN" : "timestamp out of range");
    }

    private static void AddZones(FunctionBuilder builder)
    {
        // x AT TIME ZONE z is timezone(z, x)
        builder.Binary("timezone", SqlType.Text, SqlType.Timestamp, SqlType.TimestampTz, (zone, value) =>
            Datum.Timestamp(SessionTimeZone.Find(zone.AsText).ToUtc(value.AsMicroseconds)));
        builder.Binary("timezone", SqlType.Text, SqlType.TimestampTz, SqlType.Timestamp, (zone, value) =>
            Datum.Timestamp(SessionTimeZone.Find(zone.AsText).ToLocal(value.AsMicroseconds)));
        builder.Binary("timezone", SqlType.Interval, SqlType.Timestamp, SqlType.TimestampTz, (zone, value) =>
            Datum.Timestamp(ZoneOf(zone.AsInterval).ToUtc(value.AsMicroseconds)));
        builder.Binary("timezone", SqlType.Interval, SqlType.TimestampTz, SqlType.Timestamp, (zone, value) =>
            Datum.Timestamp(ZoneOf(zone.AsInterval).ToLocal(value.AsMicroseconds)));
    }

    private static SessionTimeZone ZoneOf(Interval offset) => offset.Months == 0 && offset.Days == 0
        ? SessionTimeZone.Fixed((int)(offset.Microseconds / Calendar.MicrosPerSecond))
        : throw new DbException(SqlStates.InvalidParameterValue, $"interval time zone \"{IntervalText.Format(offset)}\" must not include months or days");

    private static void AddAges(FunctionBuilder builder)
    {
        builder.Binary("age", SqlType.Timestamp, SqlType.Timestamp, SqlType.Interval, (a, b) => Datum.Interval(IntervalMath.Age(a.AsMicroseconds, b.AsMicroseconds)));
        builder.Scalar("age", [SqlType.TimestampTz, SqlType.TimestampTz], SqlType.Interval, (a, context) =>
            Datum.Interval(IntervalMath.Age(context.Types.TimeZone.ToLocal(a[0].AsMicroseconds), context.Types.TimeZone.ToLocal(a[1].AsMicroseconds))), Volatility.Stable);
        builder.Scalar("age", [SqlType.Timestamp], SqlType.Interval, (a, context) =>
            Datum.Interval(IntervalMath.Age(Midnight(context), a[0].AsMicroseconds)), Volatility.Stable);
        builder.Scalar("age", [SqlType.TimestampTz], SqlType.Interval, (a, context) =>
            Datum.Interval(IntervalMath.Age(Midnight(context), context.Types.TimeZone.ToLocal(a[0].AsMicroseconds))), Volatility.Stable);
        foreach (SqlType type in new[] { SqlType.Timestamp, SqlType.TimestampTz })
        {
            builder.Unary("isfinite", type, SqlType.Bool, a => Datum.Bool(Calendar.IsFinite(a.AsMicroseconds)));
        }

        builder.Unary("isfinite", SqlType.Date, SqlType.Bool, a => Datum.Bool(Calendar.IsFiniteDate(a.AsDate)));
        builder.Unary("isfinite", SqlType.Interval, SqlType.Bool, _ => Datum.True);
    }

    private static long Midnight(EvaluationContext context) => Calendar.Split(Local(context)).Days * Calendar.MicrosPerDay;

    private static void AddJustify(FunctionBuilder builder)
    {
        SqlType interval = SqlType.Interval;
        builder.Unary("justify_hours", interval, interval, a => Datum.Interval(IntervalMath.JustifyHours(a.AsInterval)));
        builder.Unary("justify_days", interval, interval, a => Datum.Interval(IntervalMath.JustifyDays(a.AsInterval)));
        builder.Unary("justify_interval", interval, interval, a => Datum.Interval(IntervalMath.JustifyInterval(a.AsInterval)));
    }
}
