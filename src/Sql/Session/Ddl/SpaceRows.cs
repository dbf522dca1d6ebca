using Picodata.Core;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>Rows of <c>_space</c> and <c>_index</c> as Tarantool 2.6 writes them.</summary>
internal static class SpaceRows
{
    /// <summary>[id, owner, name, engine, field_count, flags, format].</summary>
    /// <param name="isLocal">Replica-local (group 1): logged here, never shipped.</param>
    public static ReadOnlyMemory<byte> Space(uint id, string name, bool isTemporary, IReadOnlyList<ColumnDef> columns, bool isLocal = false)
    {
        RowBuilder row = new RowBuilder(7).Number(id).Number(UserCatalog.Admin).Text(name).Text("memtx").Number(0);
        if (isTemporary)
        {
            row.Map(1).Text("temporary").Bool(true);
        }
        else if (isLocal)
        {
            row.Map(1).Text("group_id").Number(1);
        }
        else
        {
            row.Map(0);
        }

        row.Array(columns.Count);
        foreach (ColumnDef column in columns)
        {
            ColumnFormat.Write(row.Output, column);
        }

        return row.Row();
    }

    /// <summary>[space, id, name, type, {unique}, parts].</summary>
    public static ReadOnlyMemory<byte> Index(uint spaceId, uint id, string name, bool isUnique, IReadOnlyList<IndexPart> parts, IReadOnlyList<ColumnDef> columns)
    {
        RowBuilder row = new RowBuilder(6).Number(spaceId).Number(id).Text(name).Text("tree").Map(1).Text("unique").Bool(isUnique).Array(parts.Count);
        foreach (IndexPart part in parts)
        {
            Part(row, part, columns[part.Ordinal]);
        }

        return row.Row();
    }

    /// <summary>Type of an index part over the column; 0A000 when it cannot be indexed.</summary>
    public static FieldType PartType(ColumnDef column) => column.IsForeign
        ? column.FieldType
        : ColumnCodec.KeyPartType(column.Type) is { } type
            ? column.FieldType == FieldType.Unsigned ? FieldType.Unsigned : type
            : throw new DbException(SqlStates.FeatureNotSupported, $"column \"{column.Name}\" of type {Sql.TypeNames.Display(column.Type)} cannot be part of an index");

    private static void Part(RowBuilder row, IndexPart part, ColumnDef column)
    {
        string type = ColumnFormat.Name(PartType(column));
        if (!column.IsNullable && !part.Descending)
        {
            row.Array(2).Number(part.Ordinal).Text(type);
            return;
        }

        row.Map(2 + (column.IsNullable ? 1 : 0) + (part.Descending ? 1 : 0)).Text("field").Number(part.Ordinal).Text("type").Text(type);
        if (column.IsNullable)
        {
            row.Text("is_nullable").Bool(true);
        }

        if (part.Descending)
        {
            row.Text("sort_order").Text("desc");
        }
    }
}
