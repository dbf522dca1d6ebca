using System.Globalization;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>
/// Text form of intervals. Output is PostgreSQL's style <c>postgres</c>. Input: numbers with units in any order, <c>ago</c>,
/// <c>[days] hh:mm[:ss]</c>, SQL's <c>years-months</c>, ISO 8601 <c>P1Y2M3DT4H5M6S</c>. Fractions of a unit go down into the
/// smaller ones (a month has 30 days).
/// </summary>
internal static class IntervalText
{
    internal static string Format(Interval value)
    {
        var text = new StringBuilder();
        bool isBefore = false;
        Part(text, value.Months / 12, "year", ref isBefore);
        Part(text, value.Months % 12, "mon", ref isBefore);
        Part(text, value.Days, "day", ref isBefore);
        if (text.Length > 0 && value.Microseconds == 0)
        {
            return text.ToString();
        }

        UInt128 micros = (UInt128)Int128.Abs(value.Microseconds);
        text.Append(text.Length > 0 ? " " : "").Append(value.Microseconds < 0 ? "-" : isBefore ? "+" : "");
        long seconds = (long)(micros / 1_000_000);
        text.Append(CultureInfo.InvariantCulture, $"{seconds / 3600:00}:{seconds / 60 % 60:00}:{seconds % 60:00}");
        int fraction = (int)(micros % 1_000_000);
        if (fraction != 0)
        {
            text.Append('.').Append(fraction.ToString("000000", CultureInfo.InvariantCulture).TrimEnd('0'));
        }

        return text.ToString();
    }

    private static void Part(StringBuilder text, int value, string unit, ref bool isBefore)
    {
        if (value == 0)
        {
            return;
        }

        text.Append(text.Length > 0 ? " " : "").Append(isBefore && value > 0 ? "+" : "").Append(value).Append(' ').Append(unit).Append(value != 1 ? "s" : "");
        isBefore = value < 0;
    }

    /// <summary>22007 for bad syntax, 22015 when a part does not fit.</summary>
    internal static Interval Parse(string text)
    {
        var sum = new IntervalSum();
        string trimmed = text.Trim();
        try
        {
            bool done = trimmed.StartsWith('P') || trimmed.StartsWith('p') ? TryParseIso(trimmed, sum) : TryParseWords(trimmed, sum);
            return done ? sum.ToInterval() : throw Invalid(text);
        }
        catch (OverflowException)
        {
            throw new DbException("22015", $"interval field value out of range: \"{text}\"");
        }
    }

    private static DbException Invalid(string text) =>
        new(SqlStates.InvalidDatetimeFormat, $"invalid input syntax for type interval: \"{text}\"");

    private static bool TryParseWords(string text, IntervalSum sum)
    {
        int at = 0;
        bool any = false, isAgo = false;
        while (true)
        {
            SkipBlanks(text, ref at);
            if (at == text.Length)
            {
                break;
            }

            if (isAgo)
            {
                return false;
            }

            if (text[at] == '@')
            {
                at++;
                continue;
            }

            if (char.IsAsciiLetter(text[at]))
            {
                if (!ReadWord(text, ref at).Equals("ago", StringComparison.OrdinalIgnoreCase) || !any)
                {
                    return false;
                }

                isAgo = true;
                continue;
            }

            if (!TryParseTerm(text, ref at, sum))
            {
                return false;
            }

            any = true;
        }

        if (isAgo)
        {
            sum.Negate();
        }

        return any;
    }

    /// <summary>A number with its unit, a clock time, or years-months.</summary>
    private static bool TryParseTerm(string text, ref int at, IntervalSum sum)
    {
        bool isNegative = text[at] == '-';
        if (text[at] is '-' or '+')
        {
            at++;
            SkipBlanks(text, ref at);
        }

        int start = at;
        while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] is ':' or '.'))
        {
            at++;
        }

        ReadOnlySpan<char> number = text.AsSpan(start, at - start);
        if (number.Contains(':'))
        {
            return TryAddClock(number, isNegative, sum);
        }

        if (at + 1 < text.Length && text[at] == '-' && char.IsAsciiDigit(text[at + 1]))
        {
            return TryAddYearsMonths(text, number, ref at, isNegative, sum);
        }

        if (number.IsEmpty || !Numeric.TryParse(number, out Numeric? value))
        {
            return false;
        }

        value = isNegative ? -value! : value!;
        SkipBlanks(text, ref at);
        int before = at;
        string unit = at < text.Length && char.IsAsciiLetter(text[at]) ? ReadWord(text, ref at) : "";
        if (unit.Length == 0 || unit.Equals("ago", StringComparison.OrdinalIgnoreCase))
        {
            // a bare number: days when a clock time follows, else seconds
            at = before;
            bool clockFollows = at < text.Length && text.AsSpan(at).Contains(':');
            return sum.Add(value, clockFollows ? "day" : "second");
        }

        return sum.Add(value, unit);
    }

    private static bool TryAddYearsMonths(string text, ReadOnlySpan<char> years, ref int at, bool isNegative, IntervalSum sum)
    {
        int start = ++at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        if (!int.TryParse(years, NumberStyles.None, CultureInfo.InvariantCulture, out int year)
            || !int.TryParse(text.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture, out int month) || month >= 12)
        {
            return false;
        }

        int months = checked(year * 12 + month);
        sum.Months = checked(sum.Months + (isNegative ? -months : months));
        return true;
    }

    private static bool TryAddClock(ReadOnlySpan<char> text, bool isNegative, IntervalSum sum)
    {
        Span<Range> parts = stackalloc Range[4];
        int count = text.Split(parts, ':');
        if (count is < 2 or > 3 || !long.TryParse(text[parts[0]], NumberStyles.None, CultureInfo.InvariantCulture, out long first))
        {
            return false;
        }

        bool minutesFirst = count == 2 && text[parts[1]].Contains('.');
        ReadOnlySpan<char> secondsText = count == 3 ? text[parts[2]] : minutesFirst ? text[parts[1]] : "0";
        int minutes = 0;
        if ((!minutesFirst && (!int.TryParse(text[parts[1]], NumberStyles.None, CultureInfo.InvariantCulture, out minutes) || minutes > 59))
            || !Numeric.TryParse(secondsText, out Numeric? seconds) || seconds!.Sign < 0)
        {
            return false;
        }

        long whole = minutesFirst ? checked(first * 60) : checked(first * 3600 + minutes * 60);
        long micros = checked(whole * 1_000_000 + (seconds * Numeric.FromInt64(1_000_000)).ToInt64());
        if (seconds >= Numeric.FromInt64(61))
        {
            throw new OverflowException();
        }

        sum.Micros = checked(sum.Micros + (isNegative ? -micros : micros));
        return true;
    }

    private static bool TryParseIso(string text, IntervalSum sum)
    {
        bool inTime = false, any = false;
        int at = 1;
        while (at < text.Length)
        {
            if (text[at] is 'T' or 't' && !inTime)
            {
                inTime = true;
                at++;
                continue;
            }

            int start = at;
            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] is '.' or '-' or '+'))
            {
                at++;
            }

            if (at == text.Length || at == start || !Numeric.TryParse(text.AsSpan(start, at - start), out Numeric? value))
            {
                return false;
            }

            string? unit = (char.ToUpperInvariant(text[at++]), inTime) switch
            {
                ('Y', false) => "year",
                ('M', false) => "month",
                ('W', false) => "week",
                ('D', false) => "day",
                ('H', true) => "hour",
                ('M', true) => "minute",
                ('S', true) => "second",
                _ => null,
            };
            if (unit is null || !sum.Add(value!, unit))
            {
                return false;
            }

            any = true;
        }

        return any;
    }

    private static void SkipBlanks(string text, ref int at)
    {
        while (at < text.Length && (char.IsWhiteSpace(text[at]) || text[at] == ','))
        {
            at++;
        }
    }

    private static string ReadWord(string text, ref int at)
    {
        int start = at;
        while (at < text.Length && char.IsAsciiLetter(text[at]))
        {
            at++;
        }

        return text[start..at];
    }
}

/// <summary>An interval that is being put together from terms.</summary>
internal sealed class IntervalSum
{
    internal int Months { get; set; }

    internal int Days { get; set; }

    internal long Micros { get; set; }

    internal Interval ToInterval() => new(Months, Days, Micros);

    internal void Negate()
    {
        Months = checked(-Months);
        Days = checked(-Days);
        Micros = checked(-Micros);
    }

    /// <summary>Adds a number of units; false for an unknown unit; OverflowException when a part does not fit.</summary>
    internal bool Add(Numeric value, string unit)
    {
        switch (DateTimeUnits.Find(unit))
        {
            case DateTimeUnit.Millennium:
                AddMonths(value, 12000);
                break;
            case DateTimeUnit.Century:
                AddMonths(value, 1200);
                break;
            case DateTimeUnit.Decade:
                AddMonths(value, 120);
                break;
            case DateTimeUnit.Year:
                AddMonths(value, 12);
                break;
            case DateTimeUnit.Month:
                AddMonths(value, 1);
                break;
            case DateTimeUnit.Week:
                AddDays(value, 7);
                break;
            case DateTimeUnit.Day:
                AddDays(value, 1);
                break;
            case DateTimeUnit.Hour:
                AddMicros(value, Calendar.MicrosPerHour);
                break;
            case DateTimeUnit.Minute:
                AddMicros(value, Calendar.MicrosPerMinute);
                break;
            case DateTimeUnit.Second:
                AddMicros(value, Calendar.MicrosPerSecond);
                break;
            case DateTimeUnit.Millisecond:
                AddMicros(value, 1000);
                break;
            case DateTimeUnit.Microsecond:
                AddMicros(value, 1);
                break;
            default:
                return false;
        }

        return true;
    }

    /// <summary>Years and more round to whole months; the fraction of a month becomes days of a 30-day month.</summary>
    private void AddMonths(Numeric value, int months)
    {
        Numeric total = value * Numeric.FromInt64(months);
        if (months > 1)
        {
            Months = checked(Months + ToInt32(total.Round(0)));
            return;
        }

        Numeric whole = total.Truncate(0);
        Months = checked(Months + ToInt32(whole));
        AddDays((total - whole) * Numeric.FromInt64(30), 1);
    }

    private void AddDays(Numeric value, int days)
    {
        Numeric total = value * Numeric.FromInt64(days);
        Numeric whole = total.Truncate(0);
        Days = checked(Days + ToInt32(whole));
        AddMicros(total - whole, Calendar.MicrosPerDay);
    }

    private void AddMicros(Numeric value, long micros)
    {
        Numeric total = (value * Numeric.FromInt64(micros)).Round(0);
        if (!total.TryGetSmall(out Int128 bits) || bits < long.MinValue || bits > long.MaxValue)
        {
            throw new OverflowException();
        }

        Micros = checked(Micros + (long)bits);
    }

    private static int ToInt32(Numeric value) =>
        value.TryGetSmall(out Int128 bits) ? checked((int)bits) : throw new OverflowException();
}
