using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>What a date or time text says, before it is turned into a value of one type.</summary>
internal struct ParsedDateTime
{
    internal enum SpecialValue : byte { None, Infinity, NegativeInfinity, Now, Today, Tomorrow, Yesterday, Epoch }

    internal SpecialValue Special;
    internal bool HasDate;
    internal bool HasTime;

    /// <summary>Astronomical year.</summary>
    internal int Year;
    internal int Month;
    internal int Day;

    /// <summary>Microseconds since midnight; 24:00:00 and a leap second are allowed.</summary>
    internal long Micros;

    /// <summary>Seconds east of UTC when the text has an offset.</summary>
    internal int? Offset;

    /// <summary>Zone when the text names one.</summary>
    internal SessionTimeZone? Zone;

    /// <summary>Days since 2000-01-01; false when there is no such day.</summary>
    internal readonly bool TryGetDays(out int days)
    {
        days = 0;
        if (Month is < 1 or > 12 || Day < 1 || Year is < -4713 or > 5874897 || Day > Calendar.DaysInMonth(Year, Month))
        {
            return false;
        }

        days = Calendar.ToDays(Year, Month, Day);
        return days is >= Calendar.MinDays and <= Calendar.MaxDays;
    }
}
