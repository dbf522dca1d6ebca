using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>
/// The proleptic Gregorian calendar in PostgreSQL's units: days and microseconds since 2000-01-01. Years are
/// astronomical: 0 is 1 BC.
/// </summary>
public static class Calendar
{
    public const long MicrosPerSecond = 1_000_000, MicrosPerMinute = 60_000_000, MicrosPerHour = 3_600_000_000, MicrosPerDay = 86_400_000_000;

    /// <summary>Infinite timestamps.</summary>
    public const long Infinity = long.MaxValue, NegativeInfinity = long.MinValue;

    /// <summary>Infinite dates.</summary>
    public const int DateInfinity = int.MaxValue, DateNegativeInfinity = int.MinValue;

    /// <summary>Days from 1970-01-01 to 2000-01-01.</summary>
    public const int UnixDays = 10957;

    /// <summary>Julian day number of 2000-01-01.</summary>
    public const int JulianEpoch = 2451545;

    /// <summary>4714-11-24 BC, the first day of dates and timestamps.</summary>
    public const int MinDays = -JulianEpoch;

    /// <summary>5874897-12-31, the last date.</summary>
    public const int MaxDays = 2145031948;

    /// <summary>First moment of timestamps, and the first moment behind their end (294277-01-01).</summary>
    public const long MinTimestamp = -211813488000000000, EndTimestamp = 9223371331200000000;

    /// <summary>Days since 2000-01-01 of a date; month and day may be any in-range values of the calendar.</summary>
    public static int ToDays(int year, int month, int day)
    {
        // March-based years make the leap day the last day of a year
        long y = month <= 2 ? year - 1L : year;
        long era = (y >= 0 ? y : y - 399) / 400;
        long yearOfEra = y - era * 400;
        long dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        long dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
        return (int)(era * 146097 + dayOfEra - 730425);
    }

    public static (int Year, int Month, int Day) FromDays(int days)
    {
        long shifted = days + 730425L;
        long era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
        long dayOfEra = shifted - era * 146097;
        long yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
        long dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
        long month = (5 * dayOfYear + 2) / 153;
        int day = (int)(dayOfYear - (153 * month + 2) / 5 + 1);
        int civilMonth = (int)(month < 10 ? month + 3 : month - 9);
        return ((int)(yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)), civilMonth, day);
    }

    public static bool IsLeap(int year) => year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    public static int DaysInMonth(int year, int month) => month switch
    {
        2 => IsLeap(year) ? 29 : 28,
        4 or 6 or 9 or 11 => 30,
        _ => 31,
    };

    /// <summary>Splits a timestamp into its day and the microseconds within.</summary>
    public static (int Days, long Micros) Split(long timestamp)
    {
        long days = Math.DivRem(timestamp, MicrosPerDay, out long micros);
        return micros < 0 ? ((int)(days - 1), micros + MicrosPerDay) : ((int)days, micros);
    }

    /// <summary>0 Sunday .. 6 Saturday.</summary>
    public static int DayOfWeek(int days) => (int)(((days + 6L) % 7 + 7) % 7);

    /// <summary>Day of the year, from 1.</summary>
    public static int DayOfYear(int days) => days - ToDays(FromDays(days).Year, 1, 1) + 1;

    /// <summary>ISO 8601 year and week.</summary>
    public static (int Year, int Week) IsoWeek(int days)
    {
        int isoDay = (DayOfWeek(days) + 6) % 7;
        int thursday = days - isoDay + 3;
        int year = FromDays(thursday).Year;
        return (year, (thursday - ToDays(year, 1, 1)) / 7 + 1);
    }

    public static bool IsFinite(long timestamp) => timestamp is not (Infinity or NegativeInfinity);

    public static bool IsFiniteDate(int days) => days is not (DateInfinity or DateNegativeInfinity);

    /// <summary>The timestamp itself when it is in range; else 22008.</summary>
    public static long CheckTimestamp(long timestamp) =>
        timestamp is >= MinTimestamp and < EndTimestamp || !IsFinite(timestamp)
            ? timestamp
            : throw new DbException(SqlStates.DatetimeFieldOverflow, "timestamp out of range");

    /// <summary>Timestamp of a day and a time in it; 22008 when out of range.</summary>
    public static long Combine(int days, long micros)
    {
        Int128 wide = (Int128)days * MicrosPerDay + micros;
        return wide >= MinTimestamp && wide < EndTimestamp
            ? (long)wide
            : throw new DbException(SqlStates.DatetimeFieldOverflow, "timestamp out of range");
    }

    /// <summary>Midnight of a date as timestamp; infinities stay.</summary>
    public static long DateToTimestamp(int days) => days switch
    {
        DateInfinity => Infinity,
        DateNegativeInfinity => NegativeInfinity,
        _ => (long)days * MicrosPerDay is var micros and < EndTimestamp
            ? micros
            : throw new DbException(SqlStates.DatetimeFieldOverflow, "date out of range for timestamp"),
    };

    /// <summary>The day of a timestamp; infinities stay.</summary>
    public static int TimestampToDate(long timestamp) => timestamp switch
    {
        Infinity => DateInfinity,
        NegativeInfinity => DateNegativeInfinity,
        _ => Split(timestamp).Days,
    };
}
