using System.Globalization;
using Picodata.Core;
using Picodata.Sql.Types;
using Calendar = Picodata.Sql.Types.Calendar;

namespace Picodata.Sql.Functions;

/// <summary>to_date and to_timestamp: reads a text by a template. Blanks and punctuation in the template match any such characters.</summary>
internal sealed class DateTimeTemplateReader
{
    private readonly string text;
    private int at;
    private int year = 1, month = 1, day = 1, dayOfYear, isoYear, isoWeek, isoDay = 1, julian = int.MinValue;
    private long hour, minute, second, micros;
    private bool isPm, hasMeridiem, isBc, hasYear;
    private int? zoneHours;
    private int zoneMinutes;

    private DateTimeTemplateReader(string text) => this.text = text;

    /// <summary>Local microseconds when <paramref name="zone"/> is null, else UTC.</summary>
    internal static long Parse(string text, string template, SessionTimeZone? zone)
    {
        var reader = new DateTimeTemplateReader(text);
        TemplatePart[] parts = DateTimeTemplate.Get(template);
        for (int i = 0; i < parts.Length && reader.at < text.Length; i++)
        {
            bool isAdjacent = i + 1 < parts.Length && parts[i + 1].Pattern.Length > 0 && IsNumeric(parts[i + 1].Pattern);
            reader.Read(parts[i], isAdjacent);
        }

        return reader.Finish(zone);
    }

    private static bool IsNumeric(string pattern) => pattern.ToUpperInvariant() is not ("MONTH" or "MON" or "DAY" or "DY" or "AM" or "PM" or "A.M." or "P.M."
        or "BC" or "AD" or "B.C." or "A.D." or "RM" or "TZ" or "TZH" or "OF");

    private void Read(in TemplatePart part, bool isAdjacent)
    {
        if (part.Pattern.Length == 0)
        {
            SkipLiteral(part.Literal);
            return;
        }

        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }

        string pattern = part.Pattern.ToUpperInvariant();
        if (!ReadName(pattern))
        {
            ReadNumber(pattern, isAdjacent && !part.NoPadding);
        }

        if (part.Ordinal.Length > 0)
        {
            at = Math.Min(text.Length, at + 2);
        }
    }

    private void SkipLiteral(string literal)
    {
        foreach (char c in literal)
        {
            if (at < text.Length && (char.IsLetterOrDigit(c) || !char.IsLetterOrDigit(text[at])) && !(char.IsWhiteSpace(c) && text[at] is '-' or '+' && NextIsDigit()))
            {
                at++;
            }
        }
    }

    private bool NextIsDigit() => at + 1 < text.Length && char.IsAsciiDigit(text[at + 1]);

    private bool ReadName(string pattern)
    {
        switch (pattern)
        {
            case "MONTH" or "MON":
                month = ReadWord(CultureInfo.InvariantCulture.DateTimeFormat.MonthNames.AsSpan(0, 12), pattern) + 1;
                return true;
            case "DAY" or "DY":
                ReadWord(CultureInfo.InvariantCulture.DateTimeFormat.DayNames, pattern);
                return true;
            case "AM" or "PM" or "A.M." or "P.M.":
                isPm = ReadLetters(pattern).StartsWith("P", StringComparison.OrdinalIgnoreCase);
                hasMeridiem = true;
                return true;
            case "BC" or "AD" or "B.C." or "A.D.":
                isBc = ReadLetters(pattern).StartsWith("B", StringComparison.OrdinalIgnoreCase);
                return true;
            case "TZH":
                bool isWest = at < text.Length && text[at] == '-';
                at += at < text.Length && text[at] is '+' or '-' ? 1 : 0;
                zoneHours = (int)Digits(2, pattern) * (isWest ? -1 : 1);
                return true;
            case "TZM":
                zoneMinutes = (int)Digits(2, pattern);
                return true;
            case "TZ" or "OF":
                throw new DbException(SqlStates.FeatureNotSupported, $"formatting field \"{pattern}\" is only supported in to_char");
            default:
                return false;
        }
    }

    private int ReadWord(ReadOnlySpan<string> names, string pattern)
    {
        for (int i = 0; i < names.Length; i++)
        {
            foreach (string name in new[] { names[i], names[i][..3] })
            {
                if (string.Compare(text, at, name, 0, name.Length, StringComparison.OrdinalIgnoreCase) == 0)
                {
                    at += name.Length;
                    return i;
                }
            }
        }

        throw Invalid(pattern, text[at..], "The given value did not match any of the allowed values for this field.");
    }

    private string ReadLetters(string pattern)
    {
        int length = Math.Min(text.Length - at, pattern.Length);
        string letters = text.Substring(at, length);
        at += length;
        return letters;
    }

    private static DbException Invalid(string pattern, string value, string detail) =>
        new(SqlStates.InvalidDatetimeFormat, $"invalid value \"{value}\" for \"{pattern}\"", detail);

    private void ReadNumber(string pattern, bool isFixed)
    {
        int width = pattern switch
        {
            "YYYY" or "IYYY" => 4,
            "YYY" or "MS" or "DDD" or "FF3" => 3,
            "US" or "FF6" => 6,
            "J" => 7,
            "Y,YYY" => 5,
            "SSSS" or "SSSSS" => 5,
            "Y" or "D" or "ID" or "Q" or "W" or "FF1" => 1,
            "FF4" => 4,
            "FF5" => 5,
            _ => 2,
        };
        if (pattern == "Y,YYY")
        {
            long thousands = Digits(6, pattern);
            at += at < text.Length && text[at] == ',' ? 1 : 0;
            (year, hasYear) = ((int)(thousands * 1000 + Digits(3, pattern)), true);
            return;
        }

        int start = at;
        bool isNegative = pattern is "YYYY" && at < text.Length && text[at] == '-' && NextIsDigit();
        at += isNegative ? 1 : 0;
        bool isGreedy = !isFixed && width > 1 && pattern is not ("MS" or "US") && !pattern.StartsWith("FF", StringComparison.Ordinal);
        long value = Digits(isGreedy && pattern is "YYYY" or "J" ? 7 : width, pattern);
        Store(pattern, isNegative ? -value : value, at - start);
    }

    private long Digits(int most, string pattern)
    {
        int start = at;
        while (at < text.Length && at - start < most && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        return at > start
            ? long.Parse(text.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture)
            : throw Invalid(pattern, text.Substring(start, Math.Min(most, text.Length - start)), "Value must be an integer.");
    }

    private void Store(string pattern, long value, int digits)
    {
        switch (pattern)
        {
            case "YYYY":
                (year, hasYear, isBc) = value < 0 ? ((int)-value, true, true) : ((int)value, true, isBc);
                break;
            case "YYY" or "YY" or "Y":
                (year, hasYear) = (NearYear((int)value, digits), true);
                break;
            case "IYYY":
                isoYear = (int)value;
                break;
            case "IW":
                isoWeek = (int)value;
                break;
            case "ID":
                isoDay = (int)value;
                break;
            case "MM":
                month = (int)value;
                break;
            case "DD":
                day = (int)value;
                break;
            case "DDD":
                dayOfYear = (int)value;
                break;
            case "J":
                julian = (int)value - Calendar.JulianEpoch;
                break;
            default:
                StoreClock(pattern, value, digits);
                break;
        }
    }

    private void StoreClock(string pattern, long value, int digits)
    {
        switch (pattern)
        {
            case "HH24":
                hour = value;
                break;
            case "HH12" or "HH":
                hour = value is >= 1 and <= 12 ? value : throw new DbException(SqlStates.InvalidDatetimeFormat, $"hour \"{value}\" is invalid for the 12-hour clock", hint: "Use the 24-hour clock, or give an hour between 1 and 12.");
                hasMeridiem |= pattern.Length == 4;
                break;
            case "MI":
                minute = value;
                break;
            case "SS":
                second = value;
                break;
            case "MS" or "US" or "FF1" or "FF2" or "FF3" or "FF4" or "FF5" or "FF6":
                micros = value * (long)Math.Pow(10, 6 - digits);
                break;
            case "SSSS" or "SSSSS":
                (hour, minute, second) = (value / 3600, value / 60 % 60, value % 60);
                break;
        }
    }

    /// <summary>The year nearest to 2020 with these last digits.</summary>
    private static int NearYear(int value, int digits) =>
        digits >= 4 ? value : value < 70 ? value + 2000 : value < 100 ? value + 1900 : value < 520 ? value + 2000 : value + 1000;

    private long Finish(SessionTimeZone? zone)
    {
        int shownYear = isBc ? 1 - year : !hasYear ? 0 : year;
        int days = Days(shownYear);
        if (hasMeridiem && (isPm || hour == 12))
        {
            hour = hour % 12 + (isPm ? 12 : 0);
        }

        if (hour > 23 || minute > 59 || second > 59)
        {
            throw OutOfRange();
        }

        long local = Calendar.Combine(days, hour * Calendar.MicrosPerHour + minute * Calendar.MicrosPerMinute + second * Calendar.MicrosPerSecond + micros);
        return zoneHours is { } hours && zone is not null
            ? Calendar.CheckTimestamp(local - (hours * 3600L + Math.Sign(hours) * zoneMinutes * 60L) * Calendar.MicrosPerSecond)
            : zone?.ToUtc(local) ?? local;
    }

    private int Days(int shownYear)
    {
        if (julian != int.MinValue)
        {
            return julian;
        }

        if (isoYear != 0)
        {
            int fourth = Calendar.ToDays(isoYear, 1, 4);
            return fourth - (Calendar.DayOfWeek(fourth) + 6) % 7 + (Math.Max(isoWeek, 1) - 1) * 7 + isoDay - 1;
        }

        if (dayOfYear > 0)
        {
            return dayOfYear <= (Calendar.IsLeap(shownYear) ? 366 : 365) ? Calendar.ToDays(shownYear, 1, 1) + dayOfYear - 1 : throw OutOfRange();
        }

        return month is >= 1 and <= 12 && day >= 1 && day <= Calendar.DaysInMonth(shownYear, month)
            ? Calendar.ToDays(shownYear, month, day)
            : throw OutOfRange();
    }

    private DbException OutOfRange() => new(SqlStates.DatetimeFieldOverflow, $"date/time field value out of range: \"{text}\"");
}
