using System.Globalization;
using System.Text;
using Picodata.Core;
using Picodata.Sql.Types;
using Calendar = Picodata.Sql.Types.Calendar;

namespace Picodata.Sql.Functions;

/// <summary>Picodata's to_char and to_date formats: C's strftime and strptime in the C locale, with <c>%f</c> for the fraction.</summary>
internal static class StrftimeFormat
{
    private static readonly DateTimeFormatInfo Names = CultureInfo.InvariantCulture.DateTimeFormat;

    internal static string Format(long local, long utc, string format, SessionTimeZone? zone)
    {
        var text = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }

            char code = format[++i];
            if (code is 'E' or 'O' && i + 1 < format.Length)
            {
                code = format[++i];
            }

            text.Append(DateField(code, local) ?? ClockField(code, local, utc, zone) ?? "%" + code);
        }

        return text.ToString();
    }

    private static string? DateField(char code, long local)
    {
        int days = Calendar.Split(local).Days;
        (int year, int month, int day) = Calendar.FromDays(days);
        int weekday = Calendar.DayOfWeek(days);
        int yearDay = Calendar.DayOfYear(days);
        return code switch
        {
            'a' => Names.AbbreviatedDayNames[weekday],
            'A' => Names.DayNames[weekday],
            'b' or 'h' => Names.AbbreviatedMonthNames[month - 1],
            'B' => Names.MonthNames[month - 1],
            'C' => Two(year / 100),
            'd' => Two(day),
            'D' or 'x' => $"{Two(month)}/{Two(day)}/{Two(Math.Abs(year) % 100)}",
            'e' => day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
            'F' => FormattableString.Invariant($"{year:0000}-{month:00}-{day:00}"),
            'g' => Two(Calendar.IsoWeek(days).Year % 100),
            'G' => FormattableString.Invariant($"{Calendar.IsoWeek(days).Year:0000}"),
            'j' => FormattableString.Invariant($"{yearDay:000}"),
            'm' => Two(month),
            'u' => (weekday == 0 ? 7 : weekday).ToString(CultureInfo.InvariantCulture),
            'U' => Two((yearDay + 6 - weekday) / 7),
            'V' => Two(Calendar.IsoWeek(days).Week),
            'w' => weekday.ToString(CultureInfo.InvariantCulture),
            'W' => Two((yearDay + 6 - (weekday + 6) % 7) / 7),
            'y' => Two(Math.Abs(year) % 100),
            'Y' => year.ToString(CultureInfo.InvariantCulture),
            _ => null,
        };
    }

    private static string? ClockField(char code, long local, long utc, SessionTimeZone? zone)
    {
        long micros = Calendar.Split(local).Micros;
        int hour = (int)(micros / Calendar.MicrosPerHour);
        int minute = (int)(micros / Calendar.MicrosPerMinute % 60);
        int second = (int)(micros / Calendar.MicrosPerSecond % 60);
        int hour12 = hour % 12 == 0 ? 12 : hour % 12;
        int offset = zone?.OffsetAt(utc) ?? 0;
        return code switch
        {
            'c' => $"{DateField('a', local)} {DateField('b', local)} {DateField('e', local)} {Two(hour)}:{Two(minute)}:{Two(second)} {DateField('Y', local)}",
            'f' => FormattableString.Invariant($"{micros % Calendar.MicrosPerSecond:000000}"),
            'H' => Two(hour),
            'I' => Two(hour12),
            'k' => hour.ToString(CultureInfo.InvariantCulture).PadLeft(2),
            'l' => hour12.ToString(CultureInfo.InvariantCulture).PadLeft(2),
            'M' => Two(minute),
            'n' => "\n",
            'p' => hour < 12 ? "AM" : "PM",
            'P' => hour < 12 ? "am" : "pm",
            'r' => $"{Two(hour12)}:{Two(minute)}:{Two(second)} {(hour < 12 ? "AM" : "PM")}",
            'R' => $"{Two(hour)}:{Two(minute)}",
            's' => ((utc - (utc % 1_000_000 + 1_000_000) % 1_000_000) / 1_000_000 + Calendar.UnixDays * 86400L).ToString(CultureInfo.InvariantCulture),
            'S' => Two(second),
            't' => "\t",
            'T' or 'X' => $"{Two(hour)}:{Two(minute)}:{Two(second)}",
            'z' => FormattableString.Invariant($"{(offset < 0 ? "-" : "+")}{Math.Abs(offset) / 3600:00}{Math.Abs(offset) / 60 % 60:00}"),
            'Z' => zone is null || zone.IsUtc ? "UTC" : zone.Name,
            '%' => "%",
            _ => null,
        };
    }

    private static string Two(int value) => value.ToString("00", CultureInfo.InvariantCulture);

    /// <summary>Local microseconds when <paramref name="zone"/> is null, else UTC. 22007 when the text does not follow the format.</summary>
    internal static long Parse(string text, string format, SessionTimeZone? zone)
    {
        var reader = new Reader(text);
        reader.Run(format);
        return reader.Finish(zone);
    }

    private sealed class Reader(string text)
    {
        private int at;
        private int year = 1970, month = 1, day = 1, hour, minute, second;
        private long micros;
        private bool isPm, hasMeridiem;
        private int? offset;
        private long? epoch;

        internal void Run(string format)
        {
            for (int i = 0; i < format.Length; i++)
            {
                if (format[i] == '%' && i + 1 < format.Length)
                {
                    Field(format[++i]);
                }
                else if (char.IsWhiteSpace(format[i]))
                {
                    SkipBlanks();
                }
                else if (at < text.Length && text[at] == format[i])
                {
                    at++;
                }
                else
                {
                    throw Mismatch();
                }
            }
        }

        private DbException Mismatch() => new(SqlStates.InvalidDatetimeFormat, $"\"{text}\" does not match the format");

        private void Field(char code)
        {
            string? composed = code switch { 'F' => "%Y-%m-%d", 'T' or 'X' => "%H:%M:%S", 'R' => "%H:%M", 'D' or 'x' => "%m/%d/%y", _ => null };
            if (composed is not null)
            {
                Run(composed);
                return;
            }

            switch (code)
            {
                case 'Y':
                    year = Number(4);
                    break;
                case 'y':
                    year = Number(2);
                    year += year < 69 ? 2000 : 1900;
                    break;
                case 'm':
                    month = Number(2);
                    break;
                case 'd' or 'e':
                    day = Number(2);
                    break;
                case 'b' or 'B' or 'h':
                    month = Word(Names.MonthNames.AsSpan(0, 12)) + 1;
                    break;
                case 'a' or 'A':
                    Word(Names.DayNames);
                    break;
                default:
                    ClockField(code);
                    break;
            }
        }

        private void ClockField(char code)
        {
            switch (code)
            {
                case 'H' or 'k':
                    hour = Number(2);
                    break;
                case 'I' or 'l':
                    hour = Number(2);
                    hasMeridiem = true;
                    break;
                case 'M':
                    minute = Number(2);
                    break;
                case 'S':
                    second = Number(2);
                    break;
                case 'f':
                    int start = at;
                    micros = Number(6);
                    micros *= (long)Math.Pow(10, 6 - (at - start));
                    break;
                case 'p' or 'P':
                    isPm = at < text.Length && text[at] is 'p' or 'P';
                    hasMeridiem = true;
                    at = Math.Min(text.Length, at + 2);
                    break;
                case 'z':
                    Zone();
                    break;
                case 's':
                    epoch = long.TryParse(text.AsSpan(at), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : throw Mismatch();
                    at = text.Length;
                    break;
                case 'n' or 't':
                    SkipBlanks();
                    break;
                case '%' when at < text.Length && text[at] == '%':
                    at++;
                    break;
                default:
                    throw new DbException(SqlStates.InvalidParameterValue, $"unsupported format specifier \"%{code}\"");
            }
        }

        private void Zone()
        {
            if (at < text.Length && text[at] == 'Z')
            {
                at++;
                offset = 0;
                return;
            }

            bool isWest = at < text.Length && text[at] == '-';
            if (at >= text.Length || text[at] is not ('+' or '-'))
            {
                throw Mismatch();
            }

            at++;
            int seconds = Number(2) * 3600;
            at += at < text.Length && text[at] == ':' ? 1 : 0;
            seconds += Number(2) * 60;
            offset = isWest ? -seconds : seconds;
        }

        private int Number(int most)
        {
            SkipBlanks();
            int start = at;
            while (at < text.Length && at - start < most && char.IsAsciiDigit(text[at]))
            {
                at++;
            }

            return at > start ? int.Parse(text.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture) : throw Mismatch();
        }

        private int Word(ReadOnlySpan<string> names)
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

            throw Mismatch();
        }

        private void SkipBlanks()
        {
            while (at < text.Length && char.IsWhiteSpace(text[at]))
            {
                at++;
            }
        }

        internal long Finish(SessionTimeZone? zone)
        {
            if (epoch is { } seconds)
            {
                return Calendar.CheckTimestamp((long)Int128.Clamp(((Int128)seconds - Calendar.UnixDays * 86400L) * Calendar.MicrosPerSecond, long.MinValue + 1, long.MaxValue - 1));
            }

            hour = hasMeridiem ? hour % 12 + (isPm ? 12 : 0) : hour;
            if (year == 0 || month is < 1 or > 12 || day < 1 || day > Calendar.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 60)
            {
                throw new DbException(SqlStates.DatetimeFieldOverflow, $"date/time field value out of range: \"{text}\"");
            }

            long local = Calendar.Combine(
                Calendar.ToDays(year, month, day), hour * Calendar.MicrosPerHour + minute * Calendar.MicrosPerMinute + second * Calendar.MicrosPerSecond + micros);
            return offset is { } east ? local - east * Calendar.MicrosPerSecond : zone?.ToUtc(local) ?? local;
        }
    }
}
