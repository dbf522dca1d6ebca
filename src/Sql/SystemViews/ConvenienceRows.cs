using Picodata.Core;

namespace Picodata.Sql.SystemViews;

/// <summary>The readable views: pg_tables, pg_views, pg_indexes, pg_sequences, pg_stat_*_tables.</summary>
internal static class ConvenienceRows
{
    public static void AddTo(Dictionary<string, RowSourceOfSystem> rows)
    {
        rows["pg_tables"] = Tables;
        rows["pg_views"] = Views;
        rows["pg_indexes"] = Indexes;
        rows["pg_sequences"] = Sequences;
        rows["pg_stat_all_tables"] = scan => TableStatistics(scan, scan.Tables());
        rows["pg_stat_user_tables"] = scan => TableStatistics(scan, scan.Tables().Where(table => !table.IsSystem));
        rows["pg_statio_user_tables"] = BlockStatistics;
        rows["pg_stat_all_indexes"] = scan => IndexStatistics(scan, scan.Tables());
        rows["pg_stat_user_indexes"] = scan => IndexStatistics(scan, scan.Tables().Where(table => !table.IsSystem));
    }

    private static IEnumerable<Datum[]> Tables(SystemScan scan)
    {
        foreach (TableDef table in scan.Tables())
        {
            yield return scan.Row()
                .Set("schemaname", SystemScan.SchemaOf(table))
                .Set("tablename", table.Name)
                .Set("tableowner", scan.RoleName(table.Owner))
                .Set("hasindexes", SystemScan.IndexesOf(table).Any())
                .Set("hasrules", false)
                .Set("hastriggers", false)
                .Set("rowsecurity", false)
                .Done();
        }

        foreach (VirtualTableDef table in scan.VirtualTables().Where(table => !table.IsShownAsView))
        {
            yield return scan.Row()
                .Set("schemaname", table.Schema)
                .Set("tablename", table.Name)
                .Set("tableowner", scan.RoleName(1))
                .Set("hasindexes", false)
                .Set("hasrules", false)
                .Set("hastriggers", false)
                .Set("rowsecurity", false)
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Views(SystemScan scan)
    {
        foreach (ViewDef view in scan.Views())
        {
            yield return scan.Row()
                .Set("schemaname", view.Schema)
                .Set("viewname", view.Name)
                .Set("viewowner", scan.RoleName(view.Owner))
                .Set("definition", view.Text.TrimEnd(';', ' ', '\n') + ";")
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Indexes(SystemScan scan)
    {
        foreach (TableDef table in scan.Tables())
        {
            foreach (TableIndex index in SystemScan.IndexesOf(table))
            {
                yield return scan.Row()
                    .Set("schemaname", SystemScan.SchemaOf(table))
                    .Set("tablename", table.Name)
                    .Set("indexname", index.Name)
                    .Set("indexdef", Deparser.Index(table, index))
                    .Done();
            }
        }
    }

    private static IEnumerable<Datum[]> Sequences(SystemScan scan)
    {
        foreach (SequenceDef sequence in scan.Sequences())
        {
            yield return scan.Row()
                .Set("schemaname", sequence.Schema)
                .Set("sequencename", sequence.Name)
                .Set("sequenceowner", scan.RoleName(sequence.Owner))
                .Set("data_type", SqlType.Int8.Oid)
                .Set("start_value", sequence.Start)
                .Set("min_value", sequence.Minimum)
                .Set("max_value", sequence.Maximum)
                .Set("increment_by", sequence.Increment)
                .Set("cycle", sequence.IsCycle)
                .Set("cache_size", sequence.Cache)
                .Done();
        }
    }

    private static IEnumerable<Datum[]> TableStatistics(SystemScan scan, IEnumerable<TableDef> tables)
    {
        foreach (TableDef table in tables)
        {
            yield return scan.Row()
                .Set("relid", table.Oid)
                .Set("schemaname", SystemScan.SchemaOf(table))
                .Set("relname", table.Name)
                .Set("n_live_tup", Math.Max(scan.RowsOf(table), 0))
                .Set("n_dead_tup", 0)
                .Done();
        }
    }

    private static IEnumerable<Datum[]> BlockStatistics(SystemScan scan)
    {
        foreach (TableDef table in scan.Tables().Where(table => !table.IsSystem))
        {
            yield return scan.Row().Set("relid", table.Oid).Set("schemaname", table.Schema).Set("relname", table.Name).Done();
        }
    }

    private static IEnumerable<Datum[]> IndexStatistics(SystemScan scan, IEnumerable<TableDef> tables)
    {
        foreach (TableDef table in tables)
        {
            foreach (TableIndex index in SystemScan.IndexesOf(table))
            {
                yield return scan.Row()
                    .Set("relid", table.Oid)
                    .Set("indexrelid", index.Oid)
                    .Set("schemaname", SystemScan.SchemaOf(table))
                    .Set("relname", table.Name)
                    .Set("indexrelname", index.Name)
                    .Done();
            }
        }
    }
}
