using Picodata.Core;

namespace Picodata.Sql.SystemViews;

/// <summary>pg_class, pg_attribute, pg_attrdef, pg_namespace, pg_description, pg_depend, pg_sequence.</summary>
internal static class RelationRows
{
    private const uint Btree = 403;
    private const uint Heap = 2;
    private const uint ClassCatalog = 1259;

    public static void AddTo(Dictionary<string, RowSourceOfSystem> rows)
    {
        rows["pg_class"] = Classes;
        rows["pg_attribute"] = Attributes;
        rows["pg_attrdef"] = Defaults;
        rows["pg_namespace"] = Namespaces;
        rows["pg_description"] = Descriptions;
        rows["pg_depend"] = Dependencies;
        rows["pg_sequence"] = Sequences;
    }

    private static IEnumerable<Datum[]> Classes(SystemScan scan)
    {
        foreach (VirtualTableDef table in scan.VirtualTables())
        {
            yield return Class(scan, table).Set("relpages", 1).Set("reltuples", -1.0).Done();
        }

        foreach (TableDef table in scan.Tables())
        {
            yield return TableClass(scan, table);
            foreach (TableIndex index in SystemScan.IndexesOf(table))
            {
                yield return IndexClass(scan, table, index);
            }
        }

        foreach (ViewDef view in scan.Views())
        {
            yield return Class(scan, view).Set("reltype", CatalogOids.RowType(view.Oid)).Set("relhasrules", true).Set("reltuples", -1.0).Done();
        }

        foreach (SequenceDef sequence in scan.Sequences())
        {
            yield return Class(scan, sequence).Set("relpages", 1).Set("reltuples", 1.0).Done();
        }
    }

    private static RowBuilder Class(SystemScan scan, Relation relation) => scan.Row()
        .Set("oid", relation.Oid)
        .Set("relname", relation.Name)
        .Set("relnamespace", SystemScan.NamespaceOf(relation))
        .Set("relowner", CatalogOids.Role(relation.Owner))
        .Set("relam", relation.Kind == RelationKind.Table ? Heap : 0)
        .Set("relfilenode", relation.Kind == RelationKind.View ? 0 : relation.Oid)
        .Set("relpersistence", "p")
        .Set("relkind", ((char)relation.Kind).ToString())
        .Set("relnatts", SystemScan.ColumnsOf(relation).Count())
        .Set("relispopulated", true)
        .Set("relreplident", relation.Kind == RelationKind.Table ? "d" : "n");

    private static Datum[] TableClass(SystemScan scan, TableDef table)
    {
        long count = scan.RowsOf(table);
        return Class(scan, table)
            .Set("reltype", CatalogOids.RowType(table.Oid))
            .Set("relpages", count <= 0 ? 0 : (count / 80) + 1)
            .Set("reltuples", (double)count)
            .Set("relhasindex", SystemScan.IndexesOf(table).Any())
            .Set("relpersistence", table.IsUnlogged ? "u" : "p")
            .Set("relchecks", table.Checks.Count)
            .Done();
    }

    private static Datum[] IndexClass(SystemScan scan, TableDef table, TableIndex index) => scan.Row()
        .Set("oid", index.Oid)
        .Set("relname", index.Name)
        .Set("relnamespace", SystemScan.NamespaceOf(table))
        .Set("relowner", CatalogOids.Role(table.Owner))
        .Set("relam", Btree)
        .Set("relfilenode", index.Oid)
        .Set("relpages", 1)
        .Set("reltuples", (double)Math.Max(scan.RowsOf(table), 0))
        .Set("relpersistence", table.IsUnlogged ? "u" : "p")
        .Set("relkind", "i")
        .Set("relnatts", index.Parts.Count)
        .Set("relispopulated", true)
        .Set("relreplident", "n")
        .Done();

    private static IEnumerable<Datum[]> Attributes(SystemScan scan)
    {
        foreach (Relation relation in scan.Catalog.Relations.Where(relation => relation is not SequenceDef sequence || !scan.NumbersHidden(sequence)).OrderBy(relation => relation.Oid))
        {
            foreach (ColumnDef column in SystemScan.ColumnsOf(relation))
            {
                yield return Attribute(scan, relation.Oid, column, SystemScan.NumberOf(relation, column), relation is TableDef);
            }

            if (relation is TableDef table)
            {
                foreach (Datum[] row in IndexAttributes(scan, table))
                {
                    yield return row;
                }
            }
        }
    }

    private static IEnumerable<Datum[]> IndexAttributes(SystemScan scan, TableDef table)
    {
        foreach (TableIndex index in SystemScan.IndexesOf(table))
        {
            for (int i = 0; i < index.Parts.Count; i++)
            {
                ColumnDef column = table.Columns[index.Parts[i].Ordinal];
                yield return Attribute(scan, index.Oid, column with { IsNullable = true, DefaultText = null, Identity = IdentityKind.None }, i + 1, false);
            }
        }
    }

    private static Datum[] Attribute(SystemScan scan, uint relation, ColumnDef column, int number, bool canHaveDefault)
    {
        (bool byValue, string align, string storage) = TypeRows.Physical(column.Type);
        return scan.Row()
            .Set("attrelid", relation)
            .Set("attname", column.Name)
            .Set("atttypid", column.Type.Oid)
            .Set("attstattarget", -1)
            .Set("attlen", column.Type.Length)
            .Set("attnum", number)
            .Set("attcacheoff", -1)
            .Set("atttypmod", column.TypeModifier)
            .Set("attndims", column.Type.IsArray ? 1 : 0)
            .Set("attbyval", byValue)
            .Set("attalign", align)
            .Set("attstorage", storage)
            .Set("attnotnull", !column.IsNullable)
            .Set("atthasdef", canHaveDefault && SystemScan.DefaultOf(column) is not null)
            .Set("attidentity", column.Identity switch { IdentityKind.Always => "a", IdentityKind.ByDefault => "d", _ => "" })
            .Set("attislocal", true)
            .Set("attcollation", SystemScan.CollationOf(column.Type))
            .Done();
    }

    private static IEnumerable<Datum[]> Defaults(SystemScan scan)
    {
        foreach (TableDef table in scan.Tables())
        {
            foreach (ColumnDef column in SystemScan.ColumnsOf(table))
            {
                if (SystemScan.DefaultOf(column) is string text)
                {
                    int number = SystemScan.NumberOf(table, column);
                    yield return scan.Row()
                        .Set("oid", table.Oid + 0x20000000 + (uint)number)
                        .Set("adrelid", table.Oid)
                        .Set("adnum", number)
                        .Set("adbin", text)
                        .Done();
                }
            }
        }
    }

    private static IEnumerable<Datum[]> Namespaces(SystemScan scan)
    {
        foreach (string schema in (string[])["pg_catalog", "public", "information_schema"])
        {
            yield return scan.Row()
                .Set("oid", CatalogOids.Namespace(schema))
                .Set("nspname", schema)
                .Set("nspowner", CatalogOids.Role(1))
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Descriptions(SystemScan scan)
    {
        foreach (Relation relation in scan.Catalog.Relations.OrderBy(relation => relation.Oid))
        {
            for (int number = 0; number <= relation.Columns.Count; number++)
            {
                if (scan.Session.Comment(ClassCatalog, relation.Oid, number) is string text)
                {
                    yield return scan.Row().Set("objoid", relation.Oid).Set("classoid", ClassCatalog).Set("objsubid", number).Set("description", text).Done();
                }
            }
        }
    }

    /// <summary>Sequences that belong to a column: automatic for SERIAL, internal for identity.</summary>
    private static IEnumerable<Datum[]> Dependencies(SystemScan scan)
    {
        foreach (SequenceDef sequence in scan.Sequences().Where(sequence => sequence.OwnerTableOid != 0))
        {
            ColumnDef? owner = scan.Catalog.FindRelation(sequence.OwnerTableOid)?.Columns.ElementAtOrDefault(sequence.OwnerColumnNumber - 1);
            yield return scan.Row()
                .Set("classid", ClassCatalog)
                .Set("objid", sequence.Oid)
                .Set("refclassid", ClassCatalog)
                .Set("refobjid", sequence.OwnerTableOid)
                .Set("refobjsubid", sequence.OwnerColumnNumber)
                .Set("deptype", owner is { Identity: not IdentityKind.None } ? "i" : "a")
                .Done();
        }
    }

    private static IEnumerable<Datum[]> Sequences(SystemScan scan)
    {
        foreach (SequenceDef sequence in scan.Sequences())
        {
            yield return scan.Row()
                .Set("seqrelid", sequence.Oid)
                .Set("seqtypid", SqlType.Int8.Oid)
                .Set("seqstart", sequence.Start)
                .Set("seqincrement", sequence.Increment)
                .Set("seqmax", sequence.Maximum)
                .Set("seqmin", sequence.Minimum)
                .Set("seqcache", sequence.Cache)
                .Set("seqcycle", sequence.IsCycle)
                .Done();
        }
    }
}
