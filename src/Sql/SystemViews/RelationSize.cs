using Picodata.Core;
using Picodata.Storage;

namespace Picodata.Sql.SystemViews;

/// <summary>Sizes of relations in memory, estimated from row counts and a sample of rows.</summary>
internal static class RelationSize
{
    private const int SampleRows = 200;

    /// <summary>Bytes that a table's rows take; 0 for relations without storage; NULL when there is none with this oid.</summary>
    public static Datum Of(ISystemAccess session, uint oid)
    {
        if (session.Catalog.FindRelation(oid) is Relation relation)
        {
            return Datum.Int(relation is TableDef table ? OfTable(session, table) : 0);
        }

        return session.Catalog.FindIndex(oid) is (TableDef owner, TableIndex index) ? Datum.Int(OfIndex(session, owner, index)) : Datum.Null;
    }

    public static Datum OfIndexes(ISystemAccess session, uint oid) => session.Catalog.FindRelation(oid) is TableDef table
        ? Datum.Int(SystemScan.IndexesOf(table).Sum(index => OfIndex(session, table, index)))
        : Datum.Null;

    /// <summary>All tables together.</summary>
    public static Datum OfAll(ISystemAccess session) =>
        Datum.Int(session.Catalog.Relations.OfType<TableDef>().Sum(table => OfTable(session, table)));

    /// <summary>PostgreSQL's rounding: bytes up to 10240, then kB, MB, GB, TB, PB by halves.</summary>
    public static string Pretty(Datum size)
    {
        string[] units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
        decimal value = size.Kind == DatumKind.Numeric
            ? (decimal)size.AsNumeric.Unscaled / (decimal)Math.Pow(10, size.AsNumeric.Scale)
            : size.AsInt;
        int unit = 0;
        while (Math.Abs(value) >= 10 * 1024 - (unit == 0 ? 0 : 0.5m) && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        decimal shown = unit == 0 ? value : Math.Round(value, MidpointRounding.AwayFromZero);
        return $"{shown:0.##############} {units[unit]}";
    }

    private static long OfTable(ISystemAccess session, TableDef table)
    {
        long rows = session.Transaction?.EstimateRows(table.SpaceId) ?? 0;
        return rows <= 0 ? 0 : (long)(rows * AverageTuple(session, table));
    }

    private static long OfIndex(ISystemAccess session, TableDef table, TableIndex index) =>
        index.IsPrimary ? 0 : 16 * Math.Max(session.Transaction?.EstimateRows(table.SpaceId) ?? 0, 0);

    private static double AverageTuple(ISystemAccess session, TableDef table)
    {
        if (session.Transaction is not Transaction transaction || table.Space.Primary is null)
        {
            return 0;
        }

        using IndexCursor cursor = transaction.OpenCursor(table.SpaceId, 0, KeyRange.All, descending: false);
        long bytes = 0;
        int count = 0;
        while (count < SampleRows && cursor.MoveNext())
        {
            bytes += cursor.Current.Length;
            count++;
        }

        return count == 0 ? 0 : (double)bytes / count;
    }
}
