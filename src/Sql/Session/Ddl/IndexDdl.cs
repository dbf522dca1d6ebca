using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>CREATE INDEX.</summary>
internal static class IndexDdl
{
    public static void Create(DdlContext context, CreateIndexStatement statement)
    {
        context.LockCatalog();
        TableDef table = context.Table(statement.Table, "create");
        if (statement.Where is not null)
        {
            throw new DbException(SqlStates.FeatureNotSupported, "partial indexes are not supported", position: statement.Where.Position);
        }

        if (statement.Method is { } method and not ("tree" or "btree" or "hash"))
        {
            throw new DbException(SqlStates.FeatureNotSupported, $"index type \"{method}\" is not supported", hint: "Use TREE.");
        }

        IReadOnlyList<IndexPart> parts = CreateTable.Parts(statement.Items, table.Columns);
        string name = statement.Name ?? context.FreeName($"{table.Name}_{string.Join('_', parts.Select(part => table.Columns[part.Ordinal].Name))}_idx", []);
        if (context.IsTaken(name) && statement.IfNotExists)
        {
            context.Notice(SqlStates.DuplicateTable, $"relation \"{name}\" already exists, skipping");
            return;
        }

        Add(context, table, name, statement.IsUnique, parts);
    }

    /// <summary>Makes the index; gives its id.</summary>
    public static uint Add(DdlContext context, TableDef table, string name, bool isUnique, IReadOnlyList<IndexPart> parts)
    {
        context.CheckFree(name);
        context.Writer.LockTable(table.SpaceId, TableLockMode.ShareWrite);
        uint id = table.Indexes.Max(index => index.Storage.Id) + 1;
        context.PutIndex(table.SpaceId, id, name, isUnique, parts, table.Columns);
        return id;
    }
}
