using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>CREATE VIEW.</summary>
internal static class ViewDdl
{
    public static void Create(DdlContext context, CreateViewStatement statement)
    {
        if (statement.IsMaterialized)
        {
            throw new DbException(SqlStates.FeatureNotSupported, "materialized views are not supported", position: statement.Position);
        }

        string name = DdlContext.NewName(statement.Name);
        AccessControl.RequireCreate(context.State.Users, context.User.Id, "table", name);
        context.LockCatalog();
        Relation? existing = context.Catalog.FindRelation("public", name);
        if (existing is not null && statement.IfNotExists)
        {
            context.Notice(SqlStates.DuplicateTable, $"relation \"{name}\" already exists, skipping");
            return;
        }

        if (existing is not null && !(existing is ViewDef && statement.OrReplace))
        {
            context.CheckFree(name);
        }

        List<ColumnDef> columns = Columns(context, statement);
        if (existing is ViewDef old)
        {
            CheckReplaces(old, columns);
            Put(context, old.Oid - CatalogOids.View(0), name, old.Owner, statement.QueryText, columns);
            return;
        }

        Put(context, NextId(context), name, context.User.Id, statement.QueryText, columns);
    }

    public static void Put(DdlContext context, uint id, string name, uint owner, string text, IReadOnlyList<ColumnDef> columns) =>
        context.Writer.Put(SystemSpaces.Schema, RowBuilder.Key(ViewRow.Key(name)), ViewRow.Write(id, name, owner, text, columns));

    private static uint NextId(DdlContext context) =>
        context.Catalog.Relations.OfType<ViewDef>().Select(view => view.Oid - CatalogOids.View(0)).DefaultIfEmpty(0u).Max() + 1;

    private static List<ColumnDef> Columns(DdlContext context, CreateViewStatement statement)
    {
        if (statement.ParameterCount > 0)
        {
            throw new DbException(SqlStates.UndefinedParameter, "there is no parameter $1");
        }

        IReadOnlyList<ResultColumn> results = context.Binder().Bind(new QueryStatement(statement.Query)).ResultColumns!;
        if (statement.Columns.Count > results.Count)
        {
            throw new DbException(SqlStates.SyntaxError, "CREATE VIEW specifies more column names than columns");
        }

        var columns = new List<ColumnDef>(results.Count);
        for (int i = 0; i < results.Count; i++)
        {
            string name = i < statement.Columns.Count ? statement.Columns[i].Name : results[i].Name;
            if (columns.Exists(column => column.Name == name))
            {
                throw new DbException(SqlStates.DuplicateColumn, $"column \"{name}\" specified more than once");
            }

            columns.Add(new ColumnDef(name, results[i].Type) { TypeModifier = results[i].TypeModifier, Ordinal = i });
        }

        return columns;
    }

    private static void CheckReplaces(ViewDef old, List<ColumnDef> columns)
    {
        for (int i = 0; i < old.Columns.Count; i++)
        {
            if (i >= columns.Count)
            {
                throw new DbException(SqlStates.InvalidTableDefinition, "cannot drop columns from view");
            }

            if (columns[i].Name != old.Columns[i].Name)
            {
                throw new DbException(SqlStates.InvalidTableDefinition, $"cannot change name of view column \"{old.Columns[i].Name}\" to \"{columns[i].Name}\"");
            }

            if (columns[i].Type != old.Columns[i].Type)
            {
                throw new DbException(SqlStates.InvalidTableDefinition, $"cannot change data type of view column \"{columns[i].Name}\" from {Sql.TypeNames.Display(old.Columns[i].Type)} to {Sql.TypeNames.Display(columns[i].Type)}");
            }
        }
    }
}
