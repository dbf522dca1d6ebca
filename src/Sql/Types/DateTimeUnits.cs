namespace Picodata.Sql.Types;

/// <summary>Fields of dates and times as extract, date_trunc and intervals name them.</summary>
internal enum DateTimeUnit
{
    Unknown,
    Microsecond, Millisecond, Second, Minute, Hour, Day, Week, Month, Quarter, Year, Decade, Century, Millennium,
    DayOfWeek, IsoDayOfWeek, DayOfYear, IsoYear, Epoch, Julian, TimeZone, TimeZoneHour, TimeZoneMinute,
}

/// <summary>Names of units, with PostgreSQL's abbreviations.</summary>
internal static class DateTimeUnits
{
    private static readonly Dictionary<string, DateTimeUnit> Names = Make();

    internal static DateTimeUnit Find(string name) => Names.GetValueOrDefault(name.ToLowerInvariant());

    private static Dictionary<string, DateTimeUnit> Make()
    {
        var names = new Dictionary<string, DateTimeUnit>();
        Add(DateTimeUnit.Microsecond, "microsecond microseconds microsec microsecs us usec usecs usecond useconds");
        Add(DateTimeUnit.Millisecond, "millisecond milliseconds millisec millisecs ms msec msecs msecond mseconds");
        Add(DateTimeUnit.Second, "second seconds sec secs s");
        Add(DateTimeUnit.Minute, "minute minutes min mins m");
        Add(DateTimeUnit.Hour, "hour hours hr hrs h");
        Add(DateTimeUnit.Day, "day days d");
        Add(DateTimeUnit.Week, "week weeks w");
        Add(DateTimeUnit.Month, "month months mon mons");
        Add(DateTimeUnit.Quarter, "quarter qtr");
        Add(DateTimeUnit.Year, "year years yr yrs y");
        Add(DateTimeUnit.Decade, "decade decades dec decs");
        Add(DateTimeUnit.Century, "century centuries cent c");
        Add(DateTimeUnit.Millennium, "millennium millennia mil mils millenniums");
        Add(DateTimeUnit.DayOfWeek, "dow");
        Add(DateTimeUnit.IsoDayOfWeek, "isodow");
        Add(DateTimeUnit.DayOfYear, "doy");
        Add(DateTimeUnit.IsoYear, "isoyear");
        Add(DateTimeUnit.Epoch, "epoch");
        Add(DateTimeUnit.Julian, "julian");
        Add(DateTimeUnit.TimeZone, "timezone");
        Add(DateTimeUnit.TimeZoneHour, "timezone_hour");
        Add(DateTimeUnit.TimeZoneMinute, "timezone_minute");
        return names;

        void Add(DateTimeUnit unit, string spellings)
        {
            foreach (string name in spellings.Split(' '))
            {
                names.Add(name, unit);
            }
        }
    }
}
