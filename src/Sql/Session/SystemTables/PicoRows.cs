using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>Rows of <c>_pico_table</c> and <c>_pico_index</c>.</summary>
internal static class PicoRows
{
    /// <summary>[id, name, distribution, format, schema_version, operable, engine, owner, description, opts].</summary>
    public static ReadOnlyMemory<byte> Table(uint id, string name, Distribution distribution, IReadOnlyList<ColumnDef> columns, uint owner, bool isUnlogged)
    {
        RowBuilder row = new RowBuilder(10).Number(id).Text(name);
        DistributionRow.Write(row.Output, distribution, columns);
        row.Array(columns.Count);
        foreach (ColumnDef column in columns)
        {
            row.Map(3).Text("name").Text(column.Name).Text("field_type").Text(ColumnFormat.Name(column.FieldType)).Text("is_nullable").Bool(column.IsNullable);
        }

        row.Number(1).Bool(true).Text("memtx").Number(owner).Text("");
        if (isUnlogged)
        {
            row.Array(1).Map(1).Text("unlogged").Array(1).Bool(true);
        }
        else
        {
            row.Array(0);
        }

        return row.Row();
    }

    /// <summary>[table_id, id, name, type, opts, parts, operable, schema_version].</summary>
    public static ReadOnlyMemory<byte> Index(uint tableId, uint id, string name, bool isUnique, IReadOnlyList<IndexPart> parts, IReadOnlyList<ColumnDef> columns)
    {
        RowBuilder row = new RowBuilder(8).Number(tableId).Number(id).Text(name).Text("tree").Array(1).Map(1).Text("unique").Bool(isUnique).Array(parts.Count);
        foreach (IndexPart part in parts)
        {
            ColumnDef column = columns[part.Ordinal];
            row.Array(5).Text(column.Name).Text(ColumnFormat.Name(column.FieldType)).Nil().Bool(column.IsNullable).Nil();
        }

        return row.Bool(true).Number(1).Row();
    }
}
