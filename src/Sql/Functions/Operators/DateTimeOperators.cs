using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>Sums and differences of dates, times and intervals.</summary>
internal static class DateTimeOperators
{
    internal static void Add(FunctionBuilder builder)
    {
        AddDates(builder);
        AddMoments(builder);
        AddIntervals(builder);
    }

    private static void AddDates(FunctionBuilder builder)
    {
        SqlType date = SqlType.Date;
        Both(builder, date, SqlType.Int8, date, (a, b) => AddDays(a, b.AsInt));
        builder.Binary("-", date, SqlType.Int8, date, (a, b) => AddDays(a, b.AsInt == long.MinValue ? long.MaxValue : -b.AsInt));
        builder.Binary("-", date, date, SqlType.Int4, (a, b) =>
            Calendar.IsFiniteDate(a.AsDate) && Calendar.IsFiniteDate(b.AsDate)
                ? Datum.Int((long)a.AsDate - b.AsDate)
                : throw new DbException(SqlStates.DatetimeFieldOverflow, "cannot subtract infinite dates"));
        Both(builder, date, SqlType.Interval, SqlType.Timestamp, (a, b) =>
            Datum.Timestamp(IntervalMath.AddToLocal(Calendar.DateToTimestamp(a.AsDate), b.AsInterval)));
        builder.Binary("-", date, SqlType.Interval, SqlType.Timestamp, (a, b) =>
            Datum.Timestamp(IntervalMath.AddToLocal(Calendar.DateToTimestamp(a.AsDate), IntervalMath.Negate(b.AsInterval))));
        Both(builder, date, SqlType.Time, SqlType.Timestamp, (a, b) =>
            Datum.Timestamp(IntervalMath.AddToLocal(Calendar.DateToTimestamp(a.AsDate), new Interval(0, 0, b.AsMicroseconds))));
    }

    /// <summary>The operator with its operands in both orders.</summary>
    private static void Both(FunctionBuilder builder, SqlType left, SqlType right, SqlType result, Func<Datum, Datum, Datum> add)
    {
        builder.Binary("+", left, right, result, add);
        builder.Binary("+", right, left, result, (a, b) => add(b, a));
    }

    private static Datum AddDays(in Datum date, long days)
    {
        if (!Calendar.IsFiniteDate(date.AsDate))
        {
            return date;
        }

        long sum = days is > int.MinValue and < int.MaxValue ? date.AsDate + days : long.MaxValue;
        return sum is >= Calendar.MinDays and <= Calendar.MaxDays
            ? Datum.Date((int)sum)
            : throw new DbException(SqlStates.DatetimeFieldOverflow, "date out of range");
    }

    private static void AddMoments(FunctionBuilder builder)
    {
        Both(builder, SqlType.Timestamp, SqlType.Interval, SqlType.Timestamp, (a, b) =>
            Datum.Timestamp(IntervalMath.AddToLocal(a.AsMicroseconds, b.AsInterval)));
        builder.Binary("-", SqlType.Timestamp, SqlType.Interval, SqlType.Timestamp, (a, b) =>
            Datum.Timestamp(IntervalMath.AddToLocal(a.AsMicroseconds, IntervalMath.Negate(b.AsInterval))));
        builder.Binary("-", SqlType.Timestamp, SqlType.Timestamp, SqlType.Interval, (a, b) =>
            Datum.Interval(IntervalMath.Between(a.AsMicroseconds, b.AsMicroseconds)));
        builder.Binary("-", SqlType.TimestampTz, SqlType.TimestampTz, SqlType.Interval, (a, b) =>
            Datum.Interval(IntervalMath.Between(a.AsMicroseconds, b.AsMicroseconds)));
        builder.Scalar("+", [SqlType.TimestampTz, SqlType.Interval], SqlType.TimestampTz, (arguments, context) =>
            Datum.Timestamp(IntervalMath.AddToMoment(arguments[0].AsMicroseconds, arguments[1].AsInterval, context.Types.TimeZone)), Volatility.Stable);
        builder.Scalar("+", [SqlType.Interval, SqlType.TimestampTz], SqlType.TimestampTz, (arguments, context) =>
            Datum.Timestamp(IntervalMath.AddToMoment(arguments[1].AsMicroseconds, arguments[0].AsInterval, context.Types.TimeZone)), Volatility.Stable);
        builder.Scalar("-", [SqlType.TimestampTz, SqlType.Interval], SqlType.TimestampTz, (arguments, context) =>
            Datum.Timestamp(IntervalMath.AddToMoment(arguments[0].AsMicroseconds, IntervalMath.Negate(arguments[1].AsInterval), context.Types.TimeZone)), Volatility.Stable);
        Both(builder, SqlType.Time, SqlType.Interval, SqlType.Time, (a, b) => WrapTime(a.AsMicroseconds, b.AsInterval.Microseconds));
        builder.Binary("-", SqlType.Time, SqlType.Interval, SqlType.Time, (a, b) => WrapTime(a.AsMicroseconds, -(b.AsInterval.Microseconds % Calendar.MicrosPerDay)));
        builder.Binary("-", SqlType.Time, SqlType.Time, SqlType.Interval, (a, b) => Datum.Interval(new Interval(0, 0, a.AsMicroseconds - b.AsMicroseconds)));
    }

    private static Datum WrapTime(long time, long micros)
    {
        long sum = (time + micros % Calendar.MicrosPerDay) % Calendar.MicrosPerDay;
        return Datum.Time(sum < 0 ? sum + Calendar.MicrosPerDay : sum);
    }

    private static void AddIntervals(FunctionBuilder builder)
    {
        SqlType interval = SqlType.Interval;
        builder.Binary("+", interval, interval, interval, (a, b) => Datum.Interval(IntervalMath.Add(a.AsInterval, b.AsInterval)));
        builder.Binary("-", interval, interval, interval, (a, b) => Datum.Interval(IntervalMath.Add(a.AsInterval, IntervalMath.Negate(b.AsInterval))));
        builder.Binary("*", interval, SqlType.Float8, interval, (a, b) => Datum.Interval(IntervalMath.Multiply(a.AsInterval, b.AsDouble)));
        builder.Binary("*", SqlType.Float8, interval, interval, (a, b) => Datum.Interval(IntervalMath.Multiply(b.AsInterval, a.AsDouble)));
        builder.Binary("/", interval, SqlType.Float8, interval, (a, b) => Datum.Interval(IntervalMath.Divide(a.AsInterval, b.AsDouble)));
    }
}
