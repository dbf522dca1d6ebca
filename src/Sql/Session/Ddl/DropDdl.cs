using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>DROP and TRUNCATE, with what depends on the dropped.</summary>
internal static class DropDdl
{
    /// <summary>Drops all named objects; gives the command tag.</summary>
    public static string Run(DdlContext context, DropStatement statement)
    {
        string kind = KindName(statement.Kind);
        context.LockCatalog();
        foreach (ObjectName name in statement.Names)
        {
            One(context, statement, name);
            context.Reload();
        }

        return "DROP " + kind.ToUpperInvariant();
    }

    private static string KindName(ObjectKind kind) => kind switch
    {
        ObjectKind.Table => "table",
        ObjectKind.View => "view",
        ObjectKind.Index => "index",
        ObjectKind.Sequence => "sequence",
        ObjectKind.Procedure => "procedure",
        _ => throw new DbException(SqlStates.FeatureNotSupported, $"DROP {kind.ToString().ToUpperInvariant()} is not supported"),
    };

    private static void One(DdlContext context, DropStatement statement, ObjectName name)
    {
        switch (statement.Kind)
        {
            case ObjectKind.Index:
                DropIndex(context, statement, name);
                return;
            case ObjectKind.Procedure:
                RoutineDdl.Drop(context, name, statement.IfExists);
                return;
        }

        Relation? relation = context.Find(name);
        if (relation is null)
        {
            Missing(context, statement, name);
            return;
        }

        switch (statement.Kind, relation)
        {
            case (ObjectKind.Table, TableDef):
                DropTable(context, context.Table(name, "drop"), statement.IsCascade);
                return;
            case (ObjectKind.View, ViewDef view):
                AccessControl.RequireTable(context.State.Users, context.User.Id, "drop", view.Oid, view.Name, view.Owner);
                DropView(context, view, statement.IsCascade);
                return;
            case (ObjectKind.Sequence, SequenceDef sequence):
                DropSequence(context, sequence, statement.IsCascade);
                return;
            case (_, VirtualTableDef):
                throw AccessControl.DeniedForAll("drop", name.Name);
            default:
                throw new DbException(SqlStates.WrongObjectType, $"\"{name.Name}\" is not a {KindName(statement.Kind)}", position: name.Position);
        }
    }

    private static void Missing(DdlContext context, DropStatement statement, ObjectName name)
    {
        string kind = KindName(statement.Kind);
        if (!statement.IfExists)
        {
            string state = statement.Kind == ObjectKind.Index ? SqlStates.UndefinedObject : SqlStates.UndefinedTable;
            throw new DbException(state, $"{kind} \"{name.Name}\" does not exist", position: name.Position);
        }

        context.Notice(SqlStates.SuccessfulCompletion, $"{kind} \"{name.Name}\" does not exist, skipping");
    }

    private static void DropTable(DdlContext context, TableDef table, bool isCascade)
    {
        context.Writer.LockTable(table.SpaceId, TableLockMode.Exclusive);
        DropDependents(context, table, isCascade, "table");
        context.Writer.Delete(SystemSpaces.Truncate, RowBuilder.Key(table.SpaceId));
        foreach (SequenceDef sequence in OwnedBy(context, table))
        {
            SequenceDdl.Delete(context, sequence);
        }

        context.Writer.Delete(SystemSpaces.SpaceSequence, RowBuilder.Key(table.SpaceId));
        foreach (TableIndex index in table.Indexes.Reverse())
        {
            context.DeleteIndex(table.SpaceId, index.Storage.Id);
        }

        context.Writer.Delete(SystemSpaces.Space, RowBuilder.Key(table.SpaceId));
        context.Writer.Delete(context.State.SystemSpace(PicoSystemTables.Table), RowBuilder.Key(table.SpaceId));
        context.Writer.Delete(SystemSpaces.Schema, RowBuilder.Key(TableExtras.Key(table.SpaceId)));
        context.DeletePrivileges("table", table.SpaceId);
    }

    /// <summary>Sequences that belong to columns of the table.</summary>
    public static IEnumerable<SequenceDef> OwnedBy(DdlContext context, TableDef table) =>
        context.Catalog.Relations.OfType<SequenceDef>().Where(sequence => sequence.OwnerTableOid == table.Oid).ToArray();

    private static void DropView(DdlContext context, ViewDef view, bool isCascade)
    {
        DropDependents(context, view, isCascade, "view");
        context.Writer.Delete(SystemSpaces.Schema, RowBuilder.Key(ViewRow.Key(view.Name)));
        context.DeletePrivileges("table", view.Oid);
    }

    private static void DropSequence(DdlContext context, SequenceDef sequence, bool isCascade)
    {
        if (context.Catalog.FindRelation(sequence.OwnerTableOid) is TableDef table)
        {
            if (!isCascade)
            {
                throw Depends($"sequence {sequence.Name}", $"default value for column {table.Columns[sequence.OwnerColumnNumber - 1].Name} of table {table.Name} depends on sequence {sequence.Name}");
            }

            context.PutTable(table, table.Name, [.. table.Columns.Select((column, i) => i == sequence.OwnerColumnNumber - 1 ? column with { DefaultText = null } : column)]);
        }

        SequenceDdl.Delete(context, sequence);
    }

    /// <summary>Views that read the relation: dropped with CASCADE, else 2BP01.</summary>
    public static void DropDependents(DdlContext context, Relation relation, bool isCascade, string kind)
    {
        foreach (ViewDef view in context.Catalog.Relations.OfType<ViewDef>().ToArray())
        {
            if (view.Oid == relation.Oid || !Reads(context, view, relation))
            {
                continue;
            }

            if (!isCascade)
            {
                throw Depends($"{kind} {relation.Name}", $"view {view.Name} depends on {kind} {relation.Name}");
            }

            context.Notice(SqlStates.SuccessfulCompletion, $"drop cascades to view {view.Name}");
            DropView(context, view, true);
        }
    }

    private static bool Reads(DdlContext context, ViewDef view, Relation relation)
    {
        BoundStatement bound = context.Binder().Bind(new QueryStatement(SqlParser.ParseQuery(view.Text)));
        return bound.Accesses.Any(access => access.Relation.Oid == relation.Oid);
    }

    private static DbException Depends(string what, string detail) =>
        new(SqlStates.DependentObjectsStillExist, $"cannot drop {what} because other objects depend on it", detail, "Use DROP ... CASCADE to drop the dependent objects too.");

    private static void DropIndex(DdlContext context, DropStatement statement, ObjectName name)
    {
        if (context.Catalog.FindIndex(name.Name) is not { } found)
        {
            Missing(context, statement, name);
            return;
        }

        (TableDef table, TableIndex index) = found;
        if (table.IsSystem)
        {
            throw AccessControl.DeniedForAll("drop", table.Name);
        }

        AccessControl.RequireTable(context.State.Users, context.User.Id, "drop", table.SpaceId, table.Name, table.Owner);
        if (index.IsPrimary)
        {
            throw new DbException(SqlStates.DependentObjectsStillExist, "DROP INDEX on primary index is forbidden", hint: $"table {table.Name} keeps its rows by it");
        }

        if (index.IsConstraint && !statement.IsCascade)
        {
            throw new DbException(SqlStates.DependentObjectsStillExist, $"cannot drop index {index.Name} because constraint {index.Name} on table {table.Name} requires it", hint: $"You can drop constraint {index.Name} on table {table.Name} instead.");
        }

        Delete(context, table, index);
    }

    /// <summary>Removes a secondary index.</summary>
    public static void Delete(DdlContext context, TableDef table, TableIndex index)
    {
        context.Writer.LockTable(table.SpaceId, TableLockMode.Exclusive);
        context.DeleteIndex(table.SpaceId, index.Storage.Id);
        TableExtras extras = context.State.ExtrasOf(table.SpaceId);
        if (extras.UniqueConstraints.Contains(index.Storage.Id))
        {
            context.PutExtras(table.SpaceId, extras with { UniqueConstraints = [.. extras.UniqueConstraints.Where(id => id != index.Storage.Id)] });
        }
    }

    public static void Truncate(DdlContext context, TruncateStatement statement)
    {
        foreach (ObjectName name in statement.Tables)
        {
            TableDef table = context.Table(name, "write");
            context.Writer.LockTable(table.SpaceId, TableLockMode.Exclusive);
            context.Writer.Truncate(table.SpaceId);
            if (statement.RestartIdentity)
            {
                foreach (SequenceDef sequence in OwnedBy(context, table))
                {
                    context.Transaction.SetSequenceValue(sequence.SequenceId, sequence.Start, false);
                }
            }
        }
    }
}
