using Picodata.Core;

namespace Picodata.Sql.SystemViews;

/// <summary>information_schema: table_constraints, key_column_usage, constraint_*_usage, check_constraints.</summary>
internal static class InformationSchemaConstraints
{
    private sealed record Entry(TableDef Table, string Name, string Type, IReadOnlyList<int> Ordinals, string? Clause);

    public static void AddTo(Dictionary<string, RowSourceOfSystem> rows)
    {
        rows["information_schema.table_constraints"] = Constraints;
        rows["information_schema.key_column_usage"] = KeyColumns;
        rows["information_schema.constraint_column_usage"] = ColumnUsage;
        rows["information_schema.constraint_table_usage"] = TableUsage;
        rows["information_schema.check_constraints"] = Checks;
    }

    private static IEnumerable<Entry> All(SystemScan scan)
    {
        foreach (TableDef table in scan.Tables())
        {
            foreach (TableIndex index in SystemScan.IndexesOf(table).Where(index => IndexRows.IsConstraint(table, index)))
            {
                yield return new Entry(table, IndexRows.ConstraintName(table, index), index.IsPrimary ? "PRIMARY KEY" : "UNIQUE",
                    [.. index.Parts.Select(part => part.Ordinal)], null);
            }

            foreach (CheckDef check in table.Checks)
            {
                yield return new Entry(table, check.Name, "CHECK", [], $"(({check.Text}))");
            }

            foreach (ColumnDef column in SystemScan.ColumnsOf(table).Where(column => !column.IsNullable))
            {
                int number = SystemScan.NumberOf(table, column);
                yield return new Entry(table, $"{SystemScan.NamespaceOf(table)}_{table.Oid}_{number}_not_null", "CHECK", [], $"{column.Name} IS NOT NULL");
            }
        }
    }

    private static RowBuilder Named(SystemScan scan, Entry entry) => scan.Row()
        .Set("constraint_catalog", scan.Database)
        .Set("constraint_schema", SystemScan.SchemaOf(entry.Table))
        .Set("constraint_name", entry.Name);

    private static RowBuilder OfTable(SystemScan scan, Entry entry) => Named(scan, entry)
        .Set("table_catalog", scan.Database)
        .Set("table_schema", SystemScan.SchemaOf(entry.Table))
        .Set("table_name", entry.Table.Name);

    private static IEnumerable<Datum[]> Constraints(SystemScan scan)
    {
        foreach (Entry entry in All(scan))
        {
            RowBuilder row = OfTable(scan, entry)
                .Set("constraint_type", entry.Type)
                .Yes("is_deferrable", false)
                .Yes("initially_deferred", false)
                .Yes("enforced", true);
            yield return (entry.Type == "UNIQUE" ? row.Yes("nulls_distinct", true) : row).Done();
        }
    }

    private static IEnumerable<Datum[]> KeyColumns(SystemScan scan)
    {
        foreach (Entry entry in All(scan))
        {
            for (int i = 0; i < entry.Ordinals.Count; i++)
            {
                yield return OfTable(scan, entry)
                    .Set("column_name", entry.Table.Columns[entry.Ordinals[i]].Name)
                    .Set("ordinal_position", i + 1)
                    .Done();
            }
        }
    }

    private static IEnumerable<Datum[]> ColumnUsage(SystemScan scan)
    {
        foreach (Entry entry in All(scan))
        {
            foreach (int ordinal in entry.Ordinals)
            {
                yield return OfTable(scan, entry).Set("column_name", entry.Table.Columns[ordinal].Name).Done();
            }
        }
    }

    private static IEnumerable<Datum[]> TableUsage(SystemScan scan) =>
        All(scan).Where(entry => entry.Type != "CHECK").Select(entry => OfTable(scan, entry).Done());

    private static IEnumerable<Datum[]> Checks(SystemScan scan) =>
        All(scan).Where(entry => entry.Clause is not null).Select(entry => Named(scan, entry).Set("check_clause", entry.Clause).Done());
}
