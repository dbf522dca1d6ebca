using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>extract, date_part, date_trunc, date_bin.</summary>
internal static class DateTimeParts
{
    internal static void Add(FunctionBuilder builder)
    {
        SqlType text = SqlType.Text;

        // extract(field from x) is extract('field', x) and gives numeric; date_part the same as float8
        builder.Scalar("extract", [SqlType.Text, SqlType.Date], SqlType.Numeric, (a, _) =>
            OfDate(Unit(a[0], "date"), a[1].AsDate) is { } value ? Datum.Numeric(value) : Datum.Null);
        builder.Scalar("date_part", [SqlType.Text, SqlType.Date], SqlType.Float8, (a, _) => DatePartOfDate(a[0], Calendar.DateToTimestamp(a[1].AsDate)));
        Both(builder, SqlType.Timestamp, (unit, value, _) => OfTimestamp(unit, value.AsMicroseconds, value.AsMicroseconds, null), Volatility.Immutable);
        Both(builder, SqlType.TimestampTz, (unit, value, context) =>
            OfTimestamp(unit, context.Types.TimeZone.ToLocal(value.AsMicroseconds), value.AsMicroseconds, context.Types.TimeZone), Volatility.Stable);
        Both(builder, SqlType.Time, (unit, value, _) => OfTime(unit, value.AsMicroseconds), Volatility.Immutable);
        Both(builder, SqlType.Interval, (unit, value, _) => OfInterval(unit, value.AsInterval), Volatility.Immutable);
        builder.Binary("date_trunc", text, SqlType.Timestamp, SqlType.Timestamp, (a, b) => Datum.Timestamp(Truncate(Unit(a, "timestamp without time zone"), b.AsMicroseconds)));
        builder.Scalar("date_trunc", [text, SqlType.TimestampTz], SqlType.TimestampTz, (a, context) =>
            Datum.Timestamp(TruncateZoned(Unit(a[0], "timestamp with time zone"), a[1].AsMicroseconds, context.Types.TimeZone)), Volatility.Stable);
        builder.Scalar("date_trunc", [text, SqlType.TimestampTz, text], SqlType.TimestampTz, (a, _) =>
            Datum.Timestamp(TruncateZoned(Unit(a[0], "timestamp with time zone"), a[1].AsMicroseconds, SessionTimeZone.Find(a[2].AsText))), Volatility.Stable);
        builder.Binary("date_trunc", text, SqlType.Interval, SqlType.Interval, (a, b) => Datum.Interval(Truncate(Unit(a, "interval"), b.AsInterval)));
        foreach (SqlType type in new[] { SqlType.Timestamp, SqlType.TimestampTz })
        {
            builder.Scalar("date_bin", [SqlType.Interval, type, type], type, (a, _) => Datum.Timestamp(Bin(a[0].AsInterval, a[1].AsMicroseconds, a[2].AsMicroseconds)));
        }
    }

    private static void Both(FunctionBuilder builder, SqlType type, Func<DateTimeUnit, Datum, EvaluationContext, Numeric?> part, Volatility volatility)
    {
        builder.Scalar("extract", [SqlType.Text, type], SqlType.Numeric, (a, context) =>
            part(Unit(a[0], type.DisplayName), a[1], context) is { } value ? Datum.Numeric(value) : Datum.Null, volatility);
        builder.Scalar("date_part", [SqlType.Text, type], SqlType.Float8, (a, context) =>
        {
            DateTimeUnit unit = Unit(a[0], type.DisplayName);
            if (Grows(unit) && a[1].Kind == DatumKind.Timestamp && !Calendar.IsFinite(a[1].AsMicroseconds))
            {
                return Datum.Double(a[1].AsMicroseconds > 0 ? double.PositiveInfinity : double.NegativeInfinity);
            }

            return part(unit, a[1], context) is { } value ? Datum.Double(value.ToDouble()) : Datum.Null;
        }, volatility);
    }

    /// <summary>Units of which an infinite moment has infinitely many.</summary>
    private static bool Grows(DateTimeUnit unit) => unit is DateTimeUnit.Year or DateTimeUnit.Decade or DateTimeUnit.Century
        or DateTimeUnit.Millennium or DateTimeUnit.Julian or DateTimeUnit.IsoYear or DateTimeUnit.Epoch;

    /// <summary>date_part, unlike extract, takes a date as its midnight.</summary>
    private static Datum DatePartOfDate(in Datum unit, long midnight) =>
        OfTimestamp(Unit(unit, "timestamp without time zone"), midnight, midnight, null) is { } value ? Datum.Double(value.ToDouble()) : Datum.Null;

    private static DateTimeUnit Unit(in Datum name, string type) => DateTimeUnits.Find(name.AsText) is var unit && unit != DateTimeUnit.Unknown
        ? unit
        : throw new DbException(SqlStates.InvalidParameterValue, $"unit \"{name.AsText}\" not recognized for type {type}");

    private static DbException NotSupported(DateTimeUnit unit, string type) =>
        new(SqlStates.FeatureNotSupported, $"unit \"{UnitName(unit)}\" not supported for type {type}");

    private static string UnitName(DateTimeUnit unit) => unit switch
    {
        DateTimeUnit.TimeZoneHour => "timezone_hour",
        DateTimeUnit.TimeZoneMinute => "timezone_minute",
        DateTimeUnit.IsoDayOfWeek => "isodow",
        DateTimeUnit.DayOfWeek => "dow",
        DateTimeUnit.DayOfYear => "doy",
        DateTimeUnit.Microsecond => "microseconds",
        DateTimeUnit.Millisecond => "milliseconds",
        _ => unit.ToString().ToLowerInvariant(),
    };

    private static Numeric Whole(long value) => Numeric.FromInt64(value);

    private static Numeric Fraction(Int128 micros, int scale) => new(micros, scale);

    private static Numeric? OfDate(DateTimeUnit unit, int days)
    {
        if (unit is >= DateTimeUnit.Microsecond and <= DateTimeUnit.Hour or >= DateTimeUnit.TimeZone)
        {
            throw NotSupported(unit, "date");
        }

        if (!Calendar.IsFiniteDate(days))
        {
            return Infinite(unit, days > 0, "date");
        }

        return unit switch
        {
            DateTimeUnit.Epoch => Whole((days + (long)Calendar.UnixDays) * 86400),
            DateTimeUnit.Julian => Whole(days + (long)Calendar.JulianEpoch),
            _ => OfDay(unit, days) ?? throw NotSupported(unit, "date"),
        };
    }

    /// <summary>Fields that grow without end are infinite, which numeric cannot be here; the others are NULL.</summary>
    private static Numeric? Infinite(DateTimeUnit unit, bool isPositive, string type)
    {
        return Grows(unit)
            ? throw new DbException(SqlStates.FeatureNotSupported, $"the {UnitName(unit)} of {(isPositive ? "" : "-")}infinity of type {type} has no finite value")
            : null;
    }

    /// <summary>Fields that a day alone has.</summary>
    private static Numeric? OfDay(DateTimeUnit unit, int days)
    {
        (int year, int month, int day) = Calendar.FromDays(days);
        int shown = year > 0 ? year : year - 1;
        return unit switch
        {
            DateTimeUnit.Day => Whole(day),
            DateTimeUnit.Month => Whole(month),
            DateTimeUnit.Quarter => Whole((month - 1) / 3 + 1),
            DateTimeUnit.Year => Whole(shown),
            DateTimeUnit.Decade => Whole(year >= 0 ? year / 10 : -((8 - (year - 1)) / 10)),
            DateTimeUnit.Century => Whole(shown > 0 ? (shown + 99) / 100 : -((99 - shown) / 100)),
            DateTimeUnit.Millennium => Whole(shown > 0 ? (shown + 999) / 1000 : -((999 - shown) / 1000)),
            DateTimeUnit.Week => Whole(Calendar.IsoWeek(days).Week),
            DateTimeUnit.IsoYear => Whole(Calendar.IsoWeek(days).Year is > 0 and var iso ? iso : Calendar.IsoWeek(days).Year - 1),
            DateTimeUnit.DayOfWeek => Whole(Calendar.DayOfWeek(days)),
            DateTimeUnit.IsoDayOfWeek => Whole(Calendar.DayOfWeek(days) is 0 ? 7 : Calendar.DayOfWeek(days)),
            DateTimeUnit.DayOfYear => Whole(Calendar.DayOfYear(days)),
            _ => null,
        };
    }

    private static Numeric? OfTimestamp(DateTimeUnit unit, long local, long utc, SessionTimeZone? zone)
    {
        if (!Calendar.IsFinite(local))
        {
            return Infinite(unit, local > 0, zone is null ? "timestamp" : "timestamptz");
        }

        (int days, long micros) = Calendar.Split(local);
        switch (unit)
        {
            case DateTimeUnit.Epoch:
                return Fraction((Int128)utc + (Int128)Calendar.UnixDays * Calendar.MicrosPerDay, 6);
            case DateTimeUnit.Julian:
                Numeric fraction = Whole(micros) / Whole(Calendar.MicrosPerDay);
                return micros == 0 ? Whole(days + (long)Calendar.JulianEpoch) : Whole(days + (long)Calendar.JulianEpoch) + fraction;
            case DateTimeUnit.TimeZone when zone is not null:
                return Whole(zone.OffsetAt(utc));
            case DateTimeUnit.TimeZoneHour when zone is not null:
                return Whole(zone.OffsetAt(utc) / 3600);
            case DateTimeUnit.TimeZoneMinute when zone is not null:
                return Whole(zone.OffsetAt(utc) / 60 % 60);
        }

        return OfClock(unit, micros) ?? OfDay(unit, days)
            ?? throw NotSupported(unit, zone is null ? "timestamp without time zone" : "timestamp with time zone");
    }

    private static Numeric? OfClock(DateTimeUnit unit, long micros) => unit switch
    {
        DateTimeUnit.Hour => Whole(micros / Calendar.MicrosPerHour),
        DateTimeUnit.Minute => Whole(micros / Calendar.MicrosPerMinute % 60),
        DateTimeUnit.Second => Fraction(micros % Calendar.MicrosPerMinute, 6),
        DateTimeUnit.Millisecond => Fraction(micros % Calendar.MicrosPerMinute, 3),
        DateTimeUnit.Microsecond => Whole(micros % Calendar.MicrosPerMinute),
        _ => null,
    };

    private static Numeric? OfTime(DateTimeUnit unit, long micros) =>
        unit == DateTimeUnit.Epoch ? Fraction(micros, 6) : OfClock(unit, micros) ?? throw NotSupported(unit, "time without time zone");

    private static Numeric? OfInterval(DateTimeUnit unit, Interval span)
    {
        int years = span.Months / 12;
        return unit switch
        {
            DateTimeUnit.Hour => Whole(span.Microseconds / Calendar.MicrosPerHour),
            DateTimeUnit.Day => Whole(span.Days),
            DateTimeUnit.Month => Whole(span.Months % 12),
            DateTimeUnit.Quarter => Whole(span.Months % 12 / 3 + 1),
            DateTimeUnit.Year => Whole(years),
            DateTimeUnit.Decade => Whole(years / 10),
            DateTimeUnit.Century => Whole(years / 100),
            DateTimeUnit.Millennium => Whole(years / 1000),
            DateTimeUnit.Epoch => Fraction(
                ((Int128)years * 31557600 + (Int128)(span.Months % 12) * 2592000 + (Int128)span.Days * 86400) * Calendar.MicrosPerSecond + span.Microseconds, 6),
            _ => OfClock(unit, span.Microseconds) ?? throw NotSupported(unit, "interval"),
        };
    }

    private static long TruncateZoned(DateTimeUnit unit, long utc, SessionTimeZone zone)
    {
        if (!Calendar.IsFinite(utc))
        {
            return utc;
        }

        // below a day the offset of the moment itself counts, so that an hour of an overlap stays where it is
        long offset = zone.OffsetAt(utc) * Calendar.MicrosPerSecond;
        long local = Truncate(unit, utc + offset);
        return unit <= DateTimeUnit.Hour ? local - offset : zone.ToUtc(local);
    }

    private static long Truncate(DateTimeUnit unit, long local)
    {
        if (!Calendar.IsFinite(local))
        {
            return local;
        }

        (int days, long micros) = Calendar.Split(local);
        long inDay = TruncateClock(unit, micros);
        if (unit <= DateTimeUnit.Hour)
        {
            return days * Calendar.MicrosPerDay + inDay;
        }

        (int year, int month, _) = Calendar.FromDays(days);
        int first = unit switch
        {
            DateTimeUnit.Day => days,
            DateTimeUnit.Week => days - (Calendar.DayOfWeek(days) + 6) % 7,
            DateTimeUnit.Month => Calendar.ToDays(year, month, 1),
            DateTimeUnit.Quarter => Calendar.ToDays(year, (month - 1) / 3 * 3 + 1, 1),
            DateTimeUnit.Year => Calendar.ToDays(year, 1, 1),
            DateTimeUnit.Decade => Calendar.ToDays(year > 0 ? year / 10 * 10 : -((8 - (year - 1)) / 10) * 10, 1, 1),
            DateTimeUnit.Century => Calendar.ToDays(year > 0 ? (year + 99) / 100 * 100 - 99 : -((99 - (year - 1)) / 100) * 100 + 1, 1, 1),
            DateTimeUnit.Millennium => Calendar.ToDays(year > 0 ? (year + 999) / 1000 * 1000 - 999 : -((999 - (year - 1)) / 1000) * 1000 + 1, 1, 1),
            _ => throw NotSupported(unit, "timestamp without time zone"),
        };
        return Calendar.Combine(first, 0);
    }

    private static long TruncateClock(DateTimeUnit unit, long micros) => unit switch
    {
        DateTimeUnit.Microsecond => micros,
        DateTimeUnit.Millisecond => micros - micros % 1000,
        DateTimeUnit.Second => micros - micros % Calendar.MicrosPerSecond,
        DateTimeUnit.Minute => micros - micros % Calendar.MicrosPerMinute,
        DateTimeUnit.Hour => micros - micros % Calendar.MicrosPerHour,
        _ => 0,
    };

    private static Interval Truncate(DateTimeUnit unit, Interval span)
    {
        int months = unit switch
        {
            DateTimeUnit.Millennium => span.Months / 12000 * 12000,
            DateTimeUnit.Century => span.Months / 1200 * 1200,
            DateTimeUnit.Decade => span.Months / 120 * 120,
            DateTimeUnit.Year => span.Months / 12 * 12,
            DateTimeUnit.Quarter => span.Months / 3 * 3,
            DateTimeUnit.Month or DateTimeUnit.Day or <= DateTimeUnit.Hour => span.Months,
            DateTimeUnit.Week => throw new DbException(SqlStates.FeatureNotSupported, "unit \"week\" not supported for type interval", "Months usually have fractional weeks."),
            _ => throw NotSupported(unit, "interval"),
        };
        return new Interval(months, unit <= DateTimeUnit.Day ? span.Days : 0, unit <= DateTimeUnit.Hour ? TruncateClock(unit, span.Microseconds) : 0);
    }

    private static long Bin(Interval stride, long value, long origin)
    {
        long step = stride.Days * Calendar.MicrosPerDay + stride.Microseconds;
        if (stride.Months != 0)
        {
            throw new DbException(SqlStates.FeatureNotSupported, "timestamps cannot be binned into intervals containing months or years");
        }

        if (step <= 0)
        {
            throw new DbException(SqlStates.DatetimeFieldOverflow, "stride must be greater than zero");
        }

        Int128 distance = (Int128)value - origin;
        Int128 rest = distance % step;
        return Calendar.CheckTimestamp((long)(origin + distance - (rest < 0 ? rest + step : rest)));
    }
}
