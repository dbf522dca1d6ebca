using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>Arithmetic of intervals and moments. 22008 when a result is out of range.</summary>
internal static class IntervalMath
{
    internal static Interval Add(Interval a, Interval b) => new(
        Narrow((long)a.Months + b.Months), Narrow((long)a.Days + b.Days), Narrow64((Int128)a.Microseconds + b.Microseconds));

    internal static Interval Negate(Interval a) => new(Narrow(-(long)a.Months), Narrow(-(long)a.Days), Narrow64(-(Int128)a.Microseconds));

    internal static Interval Multiply(Interval span, double factor) => Scale(span.Months * factor, span.Days * factor, span.Microseconds * factor);

    internal static Interval Divide(Interval span, double divisor) => divisor == 0
        ? throw NumberOperators.DivisionByZero()
        : Scale(span.Months / divisor, span.Days / divisor, span.Microseconds / divisor);

    /// <summary>Fractions go down: of a month into days of a 30-day month, of a day into time.</summary>
    private static Interval Scale(double months, double days, double micros)
    {
        if (double.IsNaN(months) || Math.Abs(months) > int.MaxValue || Math.Abs(days) > int.MaxValue)
        {
            throw OutOfRange();
        }

        int wholeMonths = (int)months;
        int wholeDays = (int)days;
        double monthRest = RoundMicros((months - wholeMonths) * 30);
        double secondRest = RoundMicros((days - wholeDays + monthRest - (int)monthRest) * 86400);
        if (Math.Abs(secondRest) >= 86400)
        {
            wholeDays += (int)(secondRest / 86400);
            secondRest -= (int)(secondRest / 86400) * 86400.0;
        }

        double total = Math.Round(micros + secondRest * 1e6, MidpointRounding.ToEven);
        return Math.Abs(total) < 9.2233720368547e18 ? new Interval(wholeMonths, wholeDays + (int)monthRest, (long)total) : throw OutOfRange();
    }

    private static double RoundMicros(double value) => Math.Round(value * 1e6, MidpointRounding.ToEven) / 1e6;

    /// <summary>A local moment plus an interval: months keep the day of the month where it exists, else its last day.</summary>
    internal static long AddToLocal(long local, Interval span)
    {
        if (!Calendar.IsFinite(local))
        {
            return local;
        }

        (int days, long micros) = Calendar.Split(local);
        return Sum((Int128)AddMonths(days, span.Months) + span.Days, (Int128)micros + span.Microseconds);
    }

    private static long Sum(Int128 days, Int128 micros)
    {
        Int128 sum = days * Calendar.MicrosPerDay + micros;
        return sum >= Calendar.MinTimestamp && sum < Calendar.EndTimestamp
            ? (long)sum
            : throw new DbException(SqlStates.DatetimeFieldOverflow, "timestamp out of range");
    }

    /// <summary>A moment plus an interval: months and days are counted on the session's calendar, time in absolute terms.</summary>
    internal static long AddToMoment(long utc, Interval span, SessionTimeZone zone)
    {
        if (!Calendar.IsFinite(utc))
        {
            return utc;
        }

        long moment = utc;
        if (span.Months != 0 || span.Days != 0)
        {
            moment = zone.ToUtc(AddToLocal(zone.ToLocal(utc), span with { Microseconds = 0 }));
        }

        return Sum(0, (Int128)moment + span.Microseconds);
    }

    private static int AddMonths(int days, int months)
    {
        if (months == 0)
        {
            return days;
        }

        (int year, int month, int day) = Calendar.FromDays(days);
        long total = year * 12L + (month - 1) + months;
        int newYear = (int)(total >= 0 ? total / 12 : (total - 11) / 12);
        int newMonth = (int)(total - newYear * 12L) + 1;
        if (newYear is < -4713 or > 5874897)
        {
            throw new DbException(SqlStates.DatetimeFieldOverflow, "timestamp out of range");
        }

        return Calendar.ToDays(newYear, newMonth, Math.Min(day, Calendar.DaysInMonth(newYear, newMonth)));
    }

    /// <summary>Difference of two moments in days and time.</summary>
    internal static Interval Between(long left, long right)
    {
        if (!Calendar.IsFinite(left) || !Calendar.IsFinite(right))
        {
            throw new DbException(SqlStates.DatetimeFieldOverflow, "cannot subtract infinite timestamps");
        }

        long micros = Narrow64((Int128)left - right);
        return new Interval(0, (int)(micros / Calendar.MicrosPerDay), micros % Calendar.MicrosPerDay);
    }

    /// <summary>Difference in years, months, days and time, as age() counts.</summary>
    internal static Interval Age(long left, long right)
    {
        if (!Calendar.IsFinite(left) || !Calendar.IsFinite(right))
        {
            throw new DbException(SqlStates.DatetimeFieldOverflow, "timestamp out of range");
        }

        return left < right ? Negate(AgeOver(right, left)) : AgeOver(left, right);
    }

    /// <summary>Age of <paramref name="late"/> over <paramref name="early"/>; missing days are borrowed from the month of the earlier one.</summary>
    private static Interval AgeOver(long late, long early)
    {
        (int lateDays, long lateMicros) = Calendar.Split(late);
        (int earlyDays, long earlyMicros) = Calendar.Split(early);
        (int lateYear, int lateMonth, int lateDay) = Calendar.FromDays(lateDays);
        (int earlyYear, int earlyMonth, int earlyDay) = Calendar.FromDays(earlyDays);
        long micros = lateMicros - earlyMicros;
        int days = lateDay - earlyDay;
        int months = (lateYear - earlyYear) * 12 + lateMonth - earlyMonth;
        if (micros < 0)
        {
            micros += Calendar.MicrosPerDay;
            days--;
        }

        while (days < 0)
        {
            days += Calendar.DaysInMonth(earlyYear, earlyMonth);
            months--;
        }

        return new Interval(months, days, micros);
    }

    internal static Interval JustifyHours(Interval span)
    {
        long days = Math.DivRem(span.Microseconds, Calendar.MicrosPerDay, out long micros);
        long total = span.Days + days;
        (total, micros) = total > 0 && micros < 0 ? (total - 1, micros + Calendar.MicrosPerDay)
            : total < 0 && micros > 0 ? (total + 1, micros - Calendar.MicrosPerDay)
            : (total, micros);
        return new Interval(span.Months, Narrow(total), micros);
    }

    internal static Interval JustifyDays(Interval span)
    {
        (int months, int days) = Math.DivRem(span.Days, 30);
        long total = (long)span.Months + months;
        (total, days) = total > 0 && days < 0 ? (total - 1, days + 30) : total < 0 && days > 0 ? (total + 1, days - 30) : (total, days);
        return new Interval(Narrow(total), days, span.Microseconds);
    }

    internal static Interval JustifyInterval(Interval span)
    {
        long days = Math.DivRem(span.Microseconds, Calendar.MicrosPerDay, out long micros) + span.Days;
        long months = Math.DivRem(days, 30, out days) + span.Months;
        if (months > 0 && (days < 0 || (days == 0 && micros < 0)))
        {
            (months, days) = (months - 1, days + 30);
        }
        else if (months < 0 && (days > 0 || (days == 0 && micros > 0)))
        {
            (months, days) = (months + 1, days - 30);
        }

        (days, micros) = days > 0 && micros < 0 ? (days - 1, micros + Calendar.MicrosPerDay)
            : days < 0 && micros > 0 ? (days + 1, micros - Calendar.MicrosPerDay)
            : (days, micros);
        return new Interval(Narrow(months), (int)days, micros);
    }

    private static int Narrow(long value) => value is >= int.MinValue and <= int.MaxValue ? (int)value : throw OutOfRange();

    private static long Narrow64(Int128 value) => value >= long.MinValue && value <= long.MaxValue ? (long)value : throw OutOfRange();

    private static DbException OutOfRange() => new(SqlStates.DatetimeFieldOverflow, "interval out of range");
}
