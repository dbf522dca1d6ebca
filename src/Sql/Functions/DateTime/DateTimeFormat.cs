using System.Globalization;
using System.Text;
using Picodata.Core;
using Picodata.Sql.Types;
using Calendar = Picodata.Sql.Types.Calendar;

namespace Picodata.Sql.Functions;

/// <summary>to_char for moments and intervals with PostgreSQL's templates.</summary>
internal static class DateTimeFormat
{
    private static readonly string[] Romans = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

    /// <summary>The fields of a value that templates name.</summary>
    private sealed record Fields
    {
        internal required int Year { get; init; }

        internal required int Month { get; init; }

        internal required int Day { get; init; }

        internal required long Hour { get; init; }

        /// <summary>Microseconds within the hour; the sign is that of the value.</summary>
        internal required long Rest { get; init; }

        /// <summary>Day since 2000-01-01, null for intervals.</summary>
        internal int? Days { get; init; }

        internal int Offset { get; init; }

        internal SessionTimeZone? Zone { get; init; }

        internal int Minute => (int)(Rest / Calendar.MicrosPerMinute);

        internal int Second => (int)(Rest % Calendar.MicrosPerMinute / Calendar.MicrosPerSecond);

        internal int Micros => (int)(Rest % Calendar.MicrosPerSecond);

        /// <summary>Year as shown: BC years are positive.</summary>
        internal int ShownYear => Days is null ? Year : Year > 0 ? Year : 1 - Year;
    }

    internal static string Format(long local, long utc, string template, SessionTimeZone? zone)
    {
        (int days, long micros) = Calendar.Split(local);
        (int year, int month, int day) = Calendar.FromDays(days);
        return Format(template, new Fields
        {
            Year = year, Month = month, Day = day, Days = days, Hour = micros / Calendar.MicrosPerHour, Rest = micros % Calendar.MicrosPerHour,
            Zone = zone, Offset = zone?.OffsetAt(utc) ?? 0,
        });
    }

    internal static string Format(Interval span, string template) => Format(template, new Fields
    {
        Year = span.Months / 12, Month = span.Months % 12, Day = span.Days, Hour = span.Microseconds / Calendar.MicrosPerHour,
        Rest = span.Microseconds % Calendar.MicrosPerHour,
    });

    private static string Format(string template, Fields fields)
    {
        var text = new StringBuilder();
        foreach (TemplatePart part in DateTimeTemplate.Get(template))
        {
            text.Append(part.Pattern.Length == 0 ? part.Literal : Field(part, fields));
        }

        return text.ToString();
    }

    private static string Field(in TemplatePart part, Fields f)
    {
        string? word = NameField(part, f);
        if (word is not null)
        {
            return word;
        }

        (long value, int width) = ClockField(part.Pattern, f) ?? DateField(part.Pattern, f) ?? throw new DbException(
            SqlStates.InvalidDatetimeFormat, "invalid format specification for an interval value", hint: "Intervals are not tied to specific calendar dates.");
        string digits = Digits(value, part.NoPadding ? 1 : width);
        return part.Ordinal.Length == 0 ? digits : digits + Ordinal(value, part.Ordinal);
    }

    private static string Digits(long value, int width) =>
        (value < 0 ? "-" : "") + Math.Abs(value).ToString("D" + width.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    internal static string Ordinal(long value, string suffix)
    {
        string ending = (Math.Abs(value) % 100 is >= 11 and <= 13 ? 0 : Math.Abs(value) % 10) switch { 1 => "st", 2 => "nd", 3 => "rd", _ => "th" };
        return suffix == "TH" ? ending.ToUpperInvariant() : ending;
    }

    private static (long Value, int Width)? ClockField(string pattern, Fields f) => pattern.ToUpperInvariant() switch
    {
        "HH24" => (f.Hour, 2),
        "HH12" or "HH" => (f.Hour % 12 == 0 ? 12 : f.Hour % 12, 2),
        "MI" => (f.Minute, 2),
        "SS" => (f.Second, 2),
        "MS" or "FF3" => (f.Micros / 1000, 3),
        "US" or "FF6" => (f.Micros, 6),
        "FF1" => (f.Micros / 100_000, 1),
        "FF2" => (f.Micros / 10_000, 2),
        "FF4" => (f.Micros / 100, 4),
        "FF5" => (f.Micros / 10, 5),
        "SSSS" or "SSSSS" => (f.Hour * 3600 + f.Rest / Calendar.MicrosPerSecond, 1),
        _ => null,
    };

    private static (long Value, int Width)? DateField(string pattern, Fields f) => pattern.ToUpperInvariant() switch
    {
        "YYYY" => (f.ShownYear, 4),
        "YYY" => (f.ShownYear % 1000, 3),
        "YY" => (f.ShownYear % 100, 2),
        "Y" => (f.ShownYear % 10, 1),
        "MM" => (f.Month, 2),
        "DD" => (f.Day, 2),
        "Q" when f.Days is not null || f.Month != 0 => ((f.Month - 1) / 3 + 1, 1),
        "CC" => (f.ShownYear > 0 && f.Days is not null && f.Year > 0 ? (f.Year + 99) / 100 : f.ShownYear / 100, 2),
        _ => f.Days is { } days ? DayField(pattern.ToUpperInvariant(), f, days) : null,
    };

    private static (long Value, int Width)? DayField(string pattern, Fields f, int days) => pattern switch
    {
        "DDD" => (Calendar.DayOfYear(days), 3),
        "IDDD" => ((Calendar.IsoWeek(days).Week - 1) * 7 + IsoDay(days), 3),
        "D" => (Calendar.DayOfWeek(days) + 1, 1),
        "ID" => (IsoDay(days), 1),
        "W" => ((f.Day - 1) / 7 + 1, 1),
        "WW" => ((Calendar.DayOfYear(days) - 1) / 7 + 1, 2),
        "IW" => (Calendar.IsoWeek(days).Week, 2),
        "IYYY" => (Calendar.IsoWeek(days).Year, 4),
        "IYY" => (Calendar.IsoWeek(days).Year % 1000, 3),
        "IY" => (Calendar.IsoWeek(days).Year % 100, 2),
        "I" => (Calendar.IsoWeek(days).Year % 10, 1),
        "J" => (days + (long)Calendar.JulianEpoch, 1),
        _ => null,
    };

    private static int IsoDay(int days) => Calendar.DayOfWeek(days) is 0 ? 7 : Calendar.DayOfWeek(days);

    /// <summary>Patterns that print words or signs; null for numbers.</summary>
    private static string? NameField(in TemplatePart part, Fields f)
    {
        DateTimeFormatInfo names = CultureInfo.InvariantCulture.DateTimeFormat;
        switch (part.Pattern.ToUpperInvariant())
        {
            case "MONTH":
                return f.Month == 0 ? "" : Cased(part, names.MonthNames[f.Month - 1], 9);
            case "MON":
                return f.Month == 0 ? "" : Cased(part, names.AbbreviatedMonthNames[f.Month - 1], 3);
            case "DAY" when f.Days is { } days:
                return Cased(part, names.DayNames[Calendar.DayOfWeek(days)], 9);
            case "DY" when f.Days is { } days:
                return Cased(part, names.AbbreviatedDayNames[Calendar.DayOfWeek(days)], 3);
            case "AM" or "PM" or "A.M." or "P.M.":
                return Meridiem(part.Pattern, f.Hour % 24 >= 12 ? 'P' : 'A');
            case "BC" or "AD" or "B.C." or "A.D.":
                return Era(part.Pattern, f.Year <= 0);
            case "RM":
                string roman = f.Month == 0 ? "" : Romans[(f.Month + 11) % 12];
                roman = part.NoPadding ? roman : roman.PadRight(4);
                return part.Pattern == "rm" ? roman.ToLowerInvariant() : roman;
            case "Y,YYY":
                return $"{f.ShownYear / 1000},{f.ShownYear % 1000:000}";
            default:
                return ZoneField(part.Pattern, f);
        }
    }

    private static string? ZoneField(string pattern, Fields f)
    {
        int magnitude = Math.Abs(f.Offset);
        string sign = f.Offset < 0 ? "-" : "+";
        return pattern.ToUpperInvariant() switch
        {
            "TZ" => f.Zone is null ? "" : pattern == "tz" ? ZoneName(f).ToLowerInvariant() : ZoneName(f),
            "TZH" => FormattableString.Invariant($"{sign}{magnitude / 3600:00}"),
            "TZM" => FormattableString.Invariant($"{magnitude / 60 % 60:00}"),
            "OF" => FormattableString.Invariant($"{sign}{magnitude / 3600:00}") + (magnitude / 60 % 60 == 0 ? "" : FormattableString.Invariant($":{magnitude / 60 % 60:00}")),
            _ => null,
        };
    }

    private static string ZoneName(Fields f) => f.Zone!.IsUtc ? "UTC"
        : !f.Zone.Name.Contains('/') && !f.Zone.Name.StartsWith('<') ? f.Zone.Name
        : FormattableString.Invariant($"{(f.Offset < 0 ? "-" : "+")}{Math.Abs(f.Offset) / 3600:00}") + (f.Offset % 3600 == 0 ? "" : FormattableString.Invariant($"{Math.Abs(f.Offset) / 60 % 60:00}"));

    private static string Cased(in TemplatePart part, string name, int width)
    {
        string cased = char.IsLower(part.Pattern[0]) ? name.ToLowerInvariant() : char.IsUpper(part.Pattern[1]) ? name.ToUpperInvariant() : name;
        return part.NoPadding ? cased : cased.PadRight(width);
    }

    private static string Meridiem(string pattern, char letter)
    {
        string text = pattern.Contains('.') ? $"{letter}.M." : $"{letter}M";
        return char.IsLower(pattern[0]) ? text.ToLowerInvariant() : text;
    }

    private static string Era(string pattern, bool isBc)
    {
        string text = (pattern.Contains('.'), isBc) switch { (true, true) => "B.C.", (true, false) => "A.D.", (false, true) => "BC", _ => "AD" };
        return char.IsLower(pattern[0]) ? text.ToLowerInvariant() : text;
    }
}
