using System.Globalization;
using Picodata.Core;
using Calendar = Picodata.Sql.Types.Calendar;

namespace Picodata.Sql.Types;

/// <summary>
/// Reads dates and times as leniently as PostgreSQL: ISO 8601, RFC 2822, month names, numbers in DateStyle's order,
/// compact digits, zone names and offsets, BC, AM/PM and the words now, today, tomorrow, yesterday, epoch, infinity.
/// </summary>
internal ref struct DateTimeParser
{
    private readonly ReadOnlySpan<char> text;
    private readonly DateOrder order;
    private int at;
    private ParsedDateTime result;
    private bool hasYear, hasMonth, hasDay, isBc, hasMeridiem;
    private int yearDigits;

    private DateTimeParser(ReadOnlySpan<char> text, DateOrder order)
    {
        this.text = text;
        this.order = order;
    }

    /// <summary>False for bad syntax; throws 22008 for fields out of range and 22023 for unknown zones.</summary>
    internal static bool TryParse(ReadOnlySpan<char> text, DateOrder order, out ParsedDateTime result)
    {
        text = text.Trim(" \t\n\r\v\f");
        if (TryParseIso(text, out result))
        {
            return true;
        }

        var parser = new DateTimeParser(text, order);
        bool done = parser.TryRun();
        result = parser.result;
        return done;
    }

    /// <summary>The common form: <c>YYYY-MM-DD[ T]HH:MM[:SS[.ffffff]][Z|+hh[:mm]]</c>, in order, nothing else.</summary>
    private static bool TryParseIso(ReadOnlySpan<char> text, out ParsedDateTime result)
    {
        result = default;
        if (text.Length < 10 || text[4] != '-' || text[7] != '-' || !TryDigits(text[..4], out int year)
            || !TryDigits(text.Slice(5, 2), out int month) || !TryDigits(text.Slice(8, 2), out int day) || year == 0)
        {
            return false;
        }

        (result.HasDate, result.Year, result.Month, result.Day) = (true, year, month, day);
        if (text.Length == 10)
        {
            return true;
        }

        if (text[10] is not (' ' or 'T') || text.Length < 16 || text[13] != ':' || !char.IsAsciiDigit(text[11]))
        {
            return false;
        }

        ReadOnlySpan<char> clock = text[11..];
        int end = clock.IndexOfAny("Z+-");
        if (end < 0)
        {
            result.HasTime = TryParseClock(clock, out result.Micros);
            return result.HasTime;
        }

        ReadOnlySpan<char> zone = clock[end..];
        result.HasTime = TryParseClock(clock[..end], out result.Micros);
        int seconds = 0;
        if (!result.HasTime || (zone[0] == 'Z' ? zone.Length > 1 : !SessionTimeZone.TryParseOffset(zone[1..], out seconds)))
        {
            return false;
        }

        result.Offset = zone[0] == '-' ? -seconds : seconds;
        return true;
    }

    private bool TryRun()
    {
        if (text.IsEmpty)
        {
            return false;
        }

        while (at < text.Length)
        {
            char c = text[at];
            if (char.IsWhiteSpace(c) || c == ',')
            {
                at++;
            }
            else if (char.IsAsciiDigit(c) ? !TryNumber() : char.IsLetter(c) ? !TryWord() : c is '+' or '-' ? !TrySigned() : !TrySkipPunctuation(c))
            {
                return false;
            }
        }

        return TryFinish();
    }

    private bool TrySkipPunctuation(char c)
    {
        at++;
        return c is '(' or ')' or '.' or ';';
    }

    private bool TryFinish()
    {
        if (result.Special != ParsedDateTime.SpecialValue.None)
        {
            return !hasYear && !hasMonth && !hasDay;
        }

        if (!(hasYear && hasMonth && hasDay))
        {
            return !hasYear && !hasMonth && !hasDay && result.HasTime;
        }

        result.HasDate = true;
        if (isBc)
        {
            if (result.Year <= 0)
            {
                throw OutOfRange();
            }

            result.Year = 1 - result.Year;
        }
        else if (result.Year == 0 && yearDigits > 2)
        {
            throw OutOfRange();
        }
        else if (yearDigits <= 2)
        {
            result.Year += result.Year < 70 ? 2000 : 1900;
        }

        return true;
    }

    private readonly DbException OutOfRange() =>
        new(SqlStates.DatetimeFieldOverflow, $"date/time field value out of range: \"{text}\"");

    private bool TrySigned()
    {
        int start = at++;
        if (at < text.Length && char.IsLetter(text[at]))
        {
            ReadOnlySpan<char> word = ReadWord();
            if (!IsInfinity(word))
            {
                return false;
            }

            result.Special = text[start] == '-' ? ParsedDateTime.SpecialValue.NegativeInfinity : ParsedDateTime.SpecialValue.Infinity;
            return true;
        }

        int from = at;
        while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == ':'))
        {
            at++;
        }

        if (result.Offset is not null || !(result.HasTime || hasDay) || at == from)
        {
            return false;
        }

        if (!SessionTimeZone.TryParseOffset(text[from..at], out int seconds))
        {
            throw new DbException("22009", $"time zone displacement out of range: \"{text}\"");
        }

        result.Offset = text[start] == '-' ? -seconds : seconds;
        return true;
    }

    private static bool IsInfinity(ReadOnlySpan<char> word) =>
        word.Equals("infinity", StringComparison.OrdinalIgnoreCase) || word.Equals("inf", StringComparison.OrdinalIgnoreCase);

    private ReadOnlySpan<char> ReadWord()
    {
        int start = at;
        while (at < text.Length && (char.IsLetter(text[at]) || text[at] is '_' or '/'))
        {
            at++;
        }

        return text[start..at];
    }

    private bool TryWord()
    {
        int start = at;
        string word = ReadWord().ToString().ToLowerInvariant();
        if (word is "t" && at < text.Length && char.IsAsciiDigit(text[at]) && hasDay)
        {
            return true;
        }

        if (word is "j" && at < text.Length && char.IsAsciiDigit(text[at]))
        {
            return TryJulian();
        }

        if (MonthOf(word) is > 0 and var month)
        {
            return SetMonth(month);
        }

        if (TrySpecialWord(word) || IsWeekday(word))
        {
            return true;
        }

        return TryZone(start, word);
    }

    private bool TrySpecialWord(string word)
    {
        switch (word)
        {
            case "bc" or "ad":
                isBc = word == "bc";
                return true;
            case "am" or "pm":
                return TryMeridiem(word == "pm");
            case "at" or "on":
                return true;
            case "allballs":
                (result.HasTime, result.Micros, result.Offset) = (true, 0, 0);
                return true;
        }

        result.Special = word switch
        {
            "now" => ParsedDateTime.SpecialValue.Now,
            "today" => ParsedDateTime.SpecialValue.Today,
            "tomorrow" => ParsedDateTime.SpecialValue.Tomorrow,
            "yesterday" => ParsedDateTime.SpecialValue.Yesterday,
            "epoch" => ParsedDateTime.SpecialValue.Epoch,
            "infinity" or "inf" => ParsedDateTime.SpecialValue.Infinity,
            _ => result.Special,
        };
        return word is "now" or "today" or "tomorrow" or "yesterday" or "epoch" or "infinity" or "inf";
    }

    private bool TryMeridiem(bool isPm)
    {
        long hour = result.Micros / Calendar.MicrosPerHour;
        if (!result.HasTime || hasMeridiem)
        {
            return false;
        }

        if (hour > 12)
        {
            throw OutOfRange();
        }

        hasMeridiem = true;
        result.Micros += hour == 12 && !isPm ? -12 * Calendar.MicrosPerHour : hour != 12 && isPm ? 12 * Calendar.MicrosPerHour : 0;
        return true;
    }

    private bool TryZone(int start, string word)
    {
        bool isLonger = at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] is '_' or '/');
        if (!isLonger && SessionTimeZone.TryAbbreviation(word, out int seconds))
        {
            // "UTC+3" and "GMT-5": the sign is read as POSIX does
            if (at < text.Length && text[at] is '+' or '-' && word is "utc" or "gmt")
            {
                int sign = at;
                if (!TrySigned())
                {
                    return false;
                }

                result.Offset = -result.Offset;
                return sign < at;
            }

            result.Offset = seconds;
            return true;
        }

        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] is '_' or '/' or '+' or '-'))
        {
            at++;
        }

        string name = text[start..at].ToString().ToLowerInvariant();
        if (!name.Contains('/', StringComparison.Ordinal) && SessionTimeZone.TryFind(name) is null)
        {
            return false;
        }

        result.Zone = SessionTimeZone.Find(name);
        return true;
    }

    private bool TryNumber()
    {
        int start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        char next = at < text.Length ? text[at] : ' ';
        if (next == ':')
        {
            return TryClock(start);
        }

        if (next is '-' or '/' or '.' && at + 1 < text.Length && char.IsLetterOrDigit(text[at + 1]) && !(hasDay && hasMonth && hasYear))
        {
            return TryDate(start, next);
        }

        return TryPlainNumber(text[start..at]);
    }

    private bool TryClock(int start)
    {
        while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] is ':' or '.'))
        {
            at++;
        }

        if (result.HasTime)
        {
            return false;
        }

        result.HasTime = true;
        if (TryParseClock(text[start..at], out result.Micros))
        {
            return true;
        }

        return text[start..at].IndexOfAnyExcept("0123456789:.") < 0 && text[start..at].Count(':') <= 2 ? throw OutOfRange() : false;
    }

    /// <summary>Reads <c>h:mm[:ss[.f]]</c>; false when it is something else or out of range.</summary>
    internal static bool TryParseClock(ReadOnlySpan<char> clock, out long micros)
    {
        micros = 0;
        clock = clock.TrimEnd(' ');
        int first = clock.IndexOf(':');
        if (first is < 1 or > 2 || !TryDigits(clock[..first], out int hours))
        {
            return false;
        }

        int width = clock[(first + 1)..].IndexOf(':') is > 0 and var second ? second : Math.Min(2, clock.Length - first - 1);
        if (width is < 1 or > 2 || !TryDigits(clock.Slice(first + 1, width), out int minutes))
        {
            return false;
        }

        ReadOnlySpan<char> rest = clock[(first + 1 + width)..];
        long seconds = 0;
        if (!rest.IsEmpty && (rest[0] != ':' || !TryParseSeconds(rest[1..], out seconds)))
        {
            return false;
        }

        micros = hours * Calendar.MicrosPerHour + minutes * Calendar.MicrosPerMinute + seconds;
        return minutes < 60 && seconds <= 60 * Calendar.MicrosPerSecond && micros <= Calendar.MicrosPerDay;
    }

    private static bool TryParseSeconds(ReadOnlySpan<char> text, out long micros)
    {
        micros = 0;
        int point = text.IndexOf('.');
        ReadOnlySpan<char> whole = point < 0 ? text : text[..point];
        if (whole.Length is 0 or > 2 || !TryDigits(whole, out int seconds))
        {
            return false;
        }

        micros = seconds * Calendar.MicrosPerSecond;
        long unit = 100_000;
        foreach (char c in point < 0 ? default : text[(point + 1)..])
        {
            if (!char.IsAsciiDigit(c))
            {
                return false;
            }

            // the seventh digit rounds
            micros += unit > 0 ? (c - '0') * unit : unit == 0 && c >= '5' ? 1 : 0;
            unit = unit > 0 ? unit / 10 : -1;
        }

        return true;
    }

    private bool TryDate(int start, char separator)
    {
        Span<Range> parts = stackalloc Range[3];
        int count = 0;
        int from = start;
        while (true)
        {
            bool letters = from < text.Length && char.IsLetter(text[from]);
            int to = from;
            while (to < text.Length && (letters ? char.IsLetter(text[to]) : char.IsAsciiDigit(text[to])))
            {
                to++;
            }

            parts[count++] = from..to;
            at = to;
            if (count == 3 || to >= text.Length || text[to] != separator || to + 1 >= text.Length || !char.IsLetterOrDigit(text[to + 1]))
            {
                break;
            }

            from = to + 1;
        }

        return count == 3 && !hasYear && !hasMonth && !hasDay && TryDateParts(text[parts[0]], text[parts[1]], text[parts[2]]);
    }

    private bool TryDateParts(ReadOnlySpan<char> first, ReadOnlySpan<char> second, ReadOnlySpan<char> third)
    {
        if (char.IsLetter(second[0]))
        {
            bool yearFirst = first.Length > 2 || (order == DateOrder.Ymd && third.Length <= 2);
            return SetMonth(MonthOf(second.ToString().ToLowerInvariant())) && (yearFirst ? SetYear(first) && SetDay(third) : SetDay(first) && SetYear(third));
        }

        if (char.IsLetter(first[0]))
        {
            return SetMonth(MonthOf(first.ToString().ToLowerInvariant())) && SetDay(second) && SetYear(third);
        }

        if (first.Length > 2 || order == DateOrder.Ymd)
        {
            return SetYear(first)
                && (char.IsLetter(third[0]) ? SetDay(second) && SetMonth(MonthOf(third.ToString().ToLowerInvariant())) : SetMonthDigits(second) && SetDay(third));
        }

        return order == DateOrder.Dmy
            ? SetDay(first) && SetMonthDigits(second) && SetYear(third)
            : SetMonthDigits(first) && SetDay(second) && SetYear(third);
    }

    /// <summary>J and a Julian day number.</summary>
    private bool TryJulian()
    {
        int start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        if (hasYear || hasMonth || hasDay || !int.TryParse(text[start..at], NumberStyles.None, CultureInfo.InvariantCulture, out int julian))
        {
            return false;
        }

        (result.Year, result.Month, result.Day) = Calendar.FromDays(julian - Calendar.JulianEpoch);
        (isBc, yearDigits) = (result.Year <= 0, 4);
        result.Year = isBc ? 1 - result.Year : result.Year;
        hasYear = hasMonth = hasDay = true;
        return true;
    }

    private bool TryPlainNumber(ReadOnlySpan<char> digits)
    {
        if (digits.Length == 6 && hasDay && hasMonth && !result.HasTime)
        {
            return TryCompactClock(digits);
        }

        if (digits.Length is 4 or 6 && hasYear && hasMonth && hasDay && !result.HasTime)
        {
            return TryCompactClock(digits);
        }

        if (digits.Length == 8 && !hasYear && !hasMonth && !hasDay)
        {
            return SetYear(digits[..4]) && SetMonthDigits(digits.Slice(4, 2)) && SetDay(digits[6..]);
        }

        if (digits.Length == 6 && !hasYear && !hasMonth && !hasDay)
        {
            return SetYear(digits[..2]) && SetMonthDigits(digits.Slice(2, 2)) && SetDay(digits[4..]);
        }

        if (digits.Length > 2 || hasDay)
        {
            return SetYear(digits);
        }

        return hasYear && !hasMonth ? SetMonthDigits(digits) : SetDay(digits);
    }

    private bool TryCompactClock(ReadOnlySpan<char> digits)
    {
        string fraction = "";
        if (at < text.Length && text[at] == '.')
        {
            int start = at++;
            while (at < text.Length && char.IsAsciiDigit(text[at]))
            {
                at++;
            }

            fraction = text[start..at].ToString();
        }

        string clock = digits.Length == 4 ? $"{digits[..2]}:{digits[2..]}" : $"{digits[..2]}:{digits.Slice(2, 2)}:{digits[4..]}{fraction}";
        result.HasTime = true;
        return TryParseClock(clock, out result.Micros) ? true : throw OutOfRange();
    }

    private bool SetYear(ReadOnlySpan<char> digits)
    {
        if (hasYear || digits.Length > 7 || !TryDigits(digits, out result.Year))
        {
            return false;
        }

        yearDigits = digits.Length;
        hasYear = true;
        return true;
    }

    private bool SetMonth(int month)
    {
        bool valid = month > 0 && !hasMonth;
        (result.Month, hasMonth) = valid ? (month, true) : (result.Month, hasMonth);
        return valid;
    }

    private bool SetMonthDigits(ReadOnlySpan<char> digits)
    {
        if (hasMonth || digits.Length > 2 || !TryDigits(digits, out result.Month))
        {
            return false;
        }

        hasMonth = true;
        return true;
    }

    private bool SetDay(ReadOnlySpan<char> digits)
    {
        if (hasDay || digits.Length > 2 || !TryDigits(digits, out result.Day))
        {
            return false;
        }

        hasDay = true;
        return true;
    }

    private static bool TryDigits(ReadOnlySpan<char> digits, out int value)
    {
        value = 0;
        foreach (char c in digits)
        {
            if (!char.IsAsciiDigit(c))
            {
                return false;
            }

            value = value * 10 + (c - '0');
        }

        return digits.Length is > 0 and < 9;
    }

    /// <summary>Number of a month by its name or its first letters (three or more), 0 for other words.</summary>
    internal static int MonthOf(string word)
    {
        if (word.Length < 3)
        {
            return 0;
        }

        for (int i = 0; i < 12; i++)
        {
            string name = CultureInfo.InvariantCulture.DateTimeFormat.MonthNames[i].ToLowerInvariant();
            if (word == name || word == name[..3] || (word == "sept" && i == 8))
            {
                return i + 1;
            }
        }

        return 0;
    }

    private static bool IsWeekday(string word) =>
        word is "sun" or "sunday" or "mon" or "monday" or "tue" or "tues" or "tuesday" or "wed" or "weds" or "wednesday"
            or "thu" or "thur" or "thurs" or "thursday" or "fri" or "friday" or "sat" or "saturday";
}
