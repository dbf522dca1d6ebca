using Picodata.Core;

namespace Picodata.Sql.SystemViews;

/// <summary>pg_index and pg_constraint.</summary>
internal static class IndexRows
{
    private const uint BtreeInt8Ops = 3124;
    private const uint BtreeTextOps = 3126;

    public static void AddTo(Dictionary<string, RowSourceOfSystem> rows)
    {
        rows["pg_index"] = Indexes;
        rows["pg_constraint"] = Constraints;
    }

    /// <summary>True when the index stands for a PRIMARY KEY or UNIQUE constraint.</summary>
    public static bool IsConstraint(TableDef table, TableIndex index) => index.IsPrimary || (index.IsUnique && index.IsConstraint);

    /// <summary>Name of the constraint that an index stands for.</summary>
    public static string ConstraintName(TableDef table, TableIndex index) => index.IsPrimary ? table.PrimaryKeyName ?? index.Name : index.Name;

    private static IEnumerable<Datum[]> Indexes(SystemScan scan)
    {
        foreach (TableDef table in scan.Tables())
        {
            foreach (TableIndex index in SystemScan.IndexesOf(table))
            {
                yield return Index(scan, table, index);
            }
        }
    }

    private static Datum[] Index(SystemScan scan, TableDef table, TableIndex index) => scan.Row()
        .Set("indexrelid", index.Oid)
        .Set("indrelid", table.Oid)
        .Set("indnatts", index.Parts.Count)
        .Set("indnkeyatts", index.Parts.Count)
        .Set("indisunique", index.IsUnique)
        .Set("indisprimary", index.IsPrimary)
        .Set("indimmediate", true)
        .Set("indisvalid", index.IsUsable)
        .Set("indisready", true)
        .Set("indislive", true)
        .SetArray("indkey", index.Parts.Select(part => (long)part.Ordinal + 1))
        .SetArray("indcollation", index.Parts.Select(part => (long)SystemScan.CollationOf(table.Columns[part.Ordinal].Type)))
        .SetArray("indclass", index.Parts.Select(part => (long)(table.Columns[part.Ordinal].Type.Kind == DatumKind.Text ? BtreeTextOps : BtreeInt8Ops)))
        .SetArray("indoption", index.Parts.Select(part => part.Descending ? 3L : 0L))
        .Done();

    private static IEnumerable<Datum[]> Constraints(SystemScan scan)
    {
        foreach (TableDef table in scan.Tables())
        {
            foreach (TableIndex index in SystemScan.IndexesOf(table).Where(index => IsConstraint(table, index)))
            {
                yield return Constraint(scan, table, CatalogOids.IndexConstraint(index.Oid), ConstraintName(table, index), index.IsPrimary ? "p" : "u")
                    .Set("conindid", index.Oid)
                    .SetArray("conkey", index.Parts.Select(part => (long)part.Ordinal + 1))
                    .Done();
            }

            for (int i = 0; i < table.Checks.Count; i++)
            {
                yield return Constraint(scan, table, CatalogOids.CheckConstraint(table.Oid, i), table.Checks[i].Name, "c")
                    .Set("conbin", table.Checks[i].Text)
                    .SetArray("conkey", ColumnsIn(table, table.Checks[i].Text))
                    .Done();
            }
        }
    }

    private static RowBuilder Constraint(SystemScan scan, TableDef table, uint oid, string name, string type) => scan.Row()
        .Set("oid", oid)
        .Set("conname", name)
        .Set("connamespace", SystemScan.NamespaceOf(table))
        .Set("contype", type)
        .Set("convalidated", true)
        .Set("conrelid", table.Oid)
        .Set("confupdtype", " ")
        .Set("confdeltype", " ")
        .Set("confmatchtype", " ")
        .Set("conislocal", true)
        .Set("connoinherit", type is "p" or "u");

    /// <summary>Numbers of the columns that an expression's text names.</summary>
    private static IEnumerable<long> ColumnsIn(TableDef table, string text)
    {
        var words = new HashSet<string>(text.Split([.. " \t\r\n()+-*/<>=,;:|&!%^~'\""], StringSplitOptions.RemoveEmptyEntries), StringComparer.OrdinalIgnoreCase);
        for (int i = 0; i < table.Columns.Count; i++)
        {
            if (words.Contains(table.Columns[i].Name))
            {
                yield return i + 1;
            }
        }
    }
}
