using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>A time zone by name, abbreviation or offset. Immutable.</summary>
public sealed class SessionTimeZone
{
    public static readonly SessionTimeZone Utc = new("UTC", null, 0);

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
    /// Finds a zone: IANA names in any case, UTC/GMT/Z, common abbreviations (EST, MSK), POSIX offsets (<c>UTC+3</c> is west),
    /// numbers of hours east (<c>SET TIME ZONE 3</c> and <c>'+3'</c> through <paramref name="plainNumberIsEast"/>). 22023 when there is none.
    /// </summary>
    public static SessionTimeZone Find(string name, bool plainNumberIsEast = false) => throw new NotImplementedException();

    /// <summary>A zone with a fixed offset, seconds east of UTC.</summary>
    public static SessionTimeZone Fixed(int secondsEast) => throw new NotImplementedException();

    /// <summary>Seconds east of UTC at a moment (microseconds since 2000-01-01 UTC).</summary>
    public int OffsetAt(long utcMicroseconds) => throw new NotImplementedException();

    /// <summary>UTC moment of a local time; in a gap the clock before it counts, in an overlap the earlier offset (as PostgreSQL).</summary>
    public long ToUtc(long localMicroseconds) => throw new NotImplementedException();

    /// <summary>Local time of a UTC moment; infinities stay.</summary>
    public long ToLocal(long utcMicroseconds) => throw new NotImplementedException();
}
