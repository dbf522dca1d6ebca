using System.Globalization;
using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>A time zone by name, abbreviation or offset. Immutable.</summary>
public sealed class SessionTimeZone
{
    public static readonly SessionTimeZone Utc = new("UTC", null, 0);

    /// <summary>Abbreviations that PostgreSQL's default set knows and people type; seconds east.</summary>
    private static readonly Dictionary<string, int> Abbreviations = new(StringComparer.OrdinalIgnoreCase)
    {
        ["utc"] = 0, ["gmt"] = 0, ["z"] = 0, ["zulu"] = 0, ["ut"] = 0, ["uct"] = 0, ["wet"] = 0,
        ["est"] = -18000, ["edt"] = -14400, ["cst"] = -21600, ["cdt"] = -18000, ["mst"] = -25200, ["mdt"] = -21600,
        ["pst"] = -28800, ["pdt"] = -25200, ["akst"] = -32400, ["akdt"] = -28800, ["hst"] = -36000, ["ast"] = -14400,
        ["bst"] = 3600, ["west"] = 3600, ["cet"] = 3600, ["cest"] = 7200, ["eet"] = 7200, ["eest"] = 10800,
        ["msk"] = 10800, ["msd"] = 14400, ["jst"] = 32400, ["kst"] = 32400, ["aest"] = 36000, ["aedt"] = 39600,
        ["nzst"] = 43200, ["nzdt"] = 46800, ["sast"] = 7200,
    };

    private static readonly Lazy<Dictionary<string, string>> NamesInAnyCase = new(() =>
    {
        var names = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (TimeZoneInfo zone in TimeZoneInfo.GetSystemTimeZones())
        {
            names[zone.Id] = zone.Id;
        }

        return names;
    });

    private static readonly DateTime Epoch = new(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc);
    private const long CycleMicros = 146097 * Calendar.MicrosPerDay;

    private readonly TimeZoneInfo? rules;
    private readonly int fixedOffset;

    private SessionTimeZone(string name, TimeZoneInfo? rules, int fixedOffset)
    {
        Name = name;
        this.rules = rules;
        this.fixedOffset = fixedOffset;
    }

    /// <summary>What SHOW TimeZone prints.</summary>
    public string Name { get; }

    /// <summary>True when the offset from UTC is always 0.</summary>
    public bool IsUtc => rules is null && fixedOffset == 0;

    /// <summary>
    /// Finds a zone: IANA names in any case, UTC/GMT/Z, common abbreviations (EST, MSK), POSIX offsets (<c>UTC+3</c> and
    /// <c>+3</c> are west), numbers of hours east (<c>SET TIME ZONE 3</c>, <c>'+3'</c> through <paramref name="plainNumberIsEast"/>). 22023 when there is none.
    /// </summary>
    public static SessionTimeZone Find(string name, bool plainNumberIsEast = false)
    {
        return TryFind(name.Trim(), plainNumberIsEast)
            ?? throw new DbException(SqlStates.InvalidParameterValue, $"time zone \"{name}\" not recognized");
    }

    /// <summary>As <see cref="Find"/>; null when there is none.</summary>
    public static SessionTimeZone? TryFind(string name, bool plainNumberIsEast = false)
    {
        if (name.Equals("utc", StringComparison.OrdinalIgnoreCase))
        {
            return Utc;
        }

        if (plainNumberIsEast && double.TryParse(name, NumberStyles.Float, CultureInfo.InvariantCulture, out double hours))
        {
            return Math.Abs(hours) < 168 ? Fixed((int)Math.Round(hours * 3600)) : null;
        }

        if (Abbreviations.TryGetValue(name, out int offset) && !name.Equals("wet", StringComparison.OrdinalIgnoreCase))
        {
            return new SessionTimeZone(name.ToUpperInvariant(), null, offset);
        }

        return FindRules(name) ?? FindPosixOffset(name);
    }

    private static SessionTimeZone? FindRules(string name)
    {
        if (name.Length == 0 || name.Contains("..", StringComparison.Ordinal) || name[0] is '/' or '+' or '-' || char.IsAsciiDigit(name[0]))
        {
            return null;
        }

        if (NamesInAnyCase.Value.TryGetValue(name, out string? known))
        {
            name = known;
        }

        return TimeZoneInfo.TryFindSystemTimeZoneById(name, out TimeZoneInfo? zone) || TimeZoneInfo.TryFindSystemTimeZoneById(name.ToUpperInvariant(), out zone)
            ? new SessionTimeZone(name, zone, 0)
            : null;
    }

    /// <summary>POSIX: optional letters, then hours west of UTC.</summary>
    private static SessionTimeZone? FindPosixOffset(string name)
    {
        int letters = name.AsSpan().IndexOfAnyExceptInRange('A', 'z');
        if (letters < 0 || letters is 1 or 2)
        {
            return null;
        }

        ReadOnlySpan<char> number = name.AsSpan(letters);
        int sign = number[0] == '-' ? 1 : -1;
        number = number[0] is '-' or '+' ? number[1..] : number;
        return TryParseOffset(number, out int seconds) ? new SessionTimeZone(name, null, sign * seconds) : null;
    }

    /// <summary>Reads <c>hh</c>, <c>hhmm</c>, <c>hh:mm</c>, <c>hh:mm:ss</c> (no sign) as seconds.</summary>
    internal static bool TryParseOffset(ReadOnlySpan<char> text, out int seconds)
    {
        seconds = 0;
        int hours, minutes = 0, rest = 0;
        if (text.Contains(':'))
        {
            Span<Range> parts = stackalloc Range[4];
            int count = text.Split(parts, ':');
            if (count > 3 || !TryDigits(text[parts[0]], out hours) || !TryDigits(text[parts[1]], out minutes)
                || (count == 3 && !TryDigits(text[parts[2]], out rest)))
            {
                return false;
            }
        }
        else if (!TryDigits(text, out hours))
        {
            return false;
        }
        else if (text.Length is 3 or 4)
        {
            (hours, minutes) = Math.DivRem(hours, 100);
        }
        else if (text.Length > 4)
        {
            (hours, rest) = Math.DivRem(hours, 100);
            (hours, minutes) = Math.DivRem(hours, 100);
        }

        seconds = hours * 3600 + minutes * 60 + rest;
        return minutes < 60 && rest < 60 && seconds < 16 * 3600;
    }

    private static bool TryDigits(ReadOnlySpan<char> text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && text.Length <= 6;

    /// <summary>Seconds east of a known abbreviation.</summary>
    internal static bool TryAbbreviation(string name, out int secondsEast) => Abbreviations.TryGetValue(name, out secondsEast);

    /// <summary>A zone with a fixed offset, seconds east of UTC.</summary>
    public static SessionTimeZone Fixed(int secondsEast)
    {
        if (secondsEast == 0)
        {
            return Utc;
        }

        int magnitude = Math.Abs(secondsEast);
        string digits = $"{magnitude / 3600:00}" + (magnitude % 3600 == 0 ? "" : $":{magnitude / 60 % 60:00}") + (magnitude % 60 == 0 ? "" : $":{magnitude % 60:00}");
        string east = (secondsEast < 0 ? "-" : "+") + digits;
        return new SessionTimeZone($"<{east}>{(secondsEast < 0 ? "+" : "-")}{digits}", null, secondsEast);
    }

    /// <summary>Seconds east of UTC at a moment (microseconds since 2000-01-01 UTC).</summary>
    public int OffsetAt(long utcMicroseconds)
    {
        if (rules is null || !Calendar.IsFinite(utcMicroseconds))
        {
            return fixedOffset;
        }

        // .NET's calendar ends in 9999; rules repeat with the calendar every 400 years
        long micros = utcMicroseconds;
        while (micros >= 7999L * 365 * Calendar.MicrosPerDay)
        {
            micros -= CycleMicros;
        }

        micros = Math.Max(micros, -1999L * 365 * Calendar.MicrosPerDay);
        return (int)rules.GetUtcOffset(Epoch.AddTicks(micros * 10)).TotalSeconds;
    }

    /// <summary>UTC moment of a local time; in a gap the clock before it counts, in an overlap the one after it (as PostgreSQL).</summary>
    public long ToUtc(long localMicroseconds)
    {
        if (!Calendar.IsFinite(localMicroseconds))
        {
            return localMicroseconds;
        }

        if (rules is null)
        {
            return Calendar.CheckTimestamp(localMicroseconds - fixedOffset * Calendar.MicrosPerSecond);
        }

        int before = OffsetAt(localMicroseconds - Calendar.MicrosPerDay);
        int after = OffsetAt(localMicroseconds + Calendar.MicrosPerDay);
        long byAfter = localMicroseconds - after * Calendar.MicrosPerSecond;
        if (before == after || OffsetAt(byAfter) == after)
        {
            return Calendar.CheckTimestamp(byAfter);
        }

        return Calendar.CheckTimestamp(localMicroseconds - before * Calendar.MicrosPerSecond);
    }

    /// <summary>Local time of a UTC moment; infinities stay.</summary>
    public long ToLocal(long utcMicroseconds) => Calendar.IsFinite(utcMicroseconds)
        ? utcMicroseconds + OffsetAt(utcMicroseconds) * Calendar.MicrosPerSecond
        : utcMicroseconds;
}
