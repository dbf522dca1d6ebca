using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>ALTER TABLE, and the RENAME, OWNER, SET SCHEMA of the other kinds. Every action sees the table as the one before left it.</summary>
internal sealed class AlterTable
{
    private readonly DdlContext context;
    private readonly ObjectName name;
    private TableDef table;

    private AlterTable(DdlContext context, ObjectName name, TableDef table)
    {
        this.context = context;
        this.name = name;
        this.table = table;
    }

    /// <summary>Runs all actions; gives the command tag.</summary>
    public static string Run(DdlContext context, AlterTableStatement statement)
    {
        string kind = statement.Kind.ToString().ToUpperInvariant();
        context.LockCatalog();
        if (statement.Kind == ObjectKind.Index)
        {
            RenameIndex(context, statement);
            return "ALTER INDEX";
        }

        Relation? relation = context.Find(statement.Name);
        if (relation is null && statement.IfExists)
        {
            context.Notice(SqlStates.SuccessfulCompletion, $"relation \"{statement.Name}\" does not exist, skipping");
            return "ALTER " + kind;
        }

        switch (relation)
        {
            case ViewDef view:
                AlterView(context, view, statement);
                break;
            case SequenceDef sequence:
                foreach (AlterAction action in statement.Actions)
                {
                    if (action is RenameAction rename)
                    {
                        SequenceDdl.Rename(context, sequence, rename.NewName);
                    }
                }

                break;
            default:
                TableDef table = context.Table(statement.Name, "alter");
                context.Writer.LockTable(table.SpaceId, TableLockMode.Exclusive);
                new AlterTable(context, statement.Name, table).Run(statement.Actions);
                break;
        }

        return "ALTER " + kind;
    }

    private static void RenameIndex(DdlContext context, AlterTableStatement statement)
    {
        if (context.Catalog.FindIndex(statement.Name.Name) is not { } found)
        {
            if (!statement.IfExists)
            {
                throw new DbException(SqlStates.UndefinedTable, $"relation \"{statement.Name}\" does not exist", position: statement.Name.Position);
            }

            context.Notice(SqlStates.SuccessfulCompletion, $"relation \"{statement.Name}\" does not exist, skipping");
            return;
        }

        AccessControl.RequireTable(context.State.Users, context.User.Id, "alter", found.Table.SpaceId, found.Table.Name, found.Table.Owner);
        foreach (AlterAction action in statement.Actions)
        {
            if (action is RenameAction rename)
            {
                RenameIndex(context, found.Table, found.Index, rename.NewName);
            }
        }
    }

    private static void RenameIndex(DdlContext context, TableDef table, TableIndex index, string newName)
    {
        context.CheckFree(newName);
        context.PutIndex(table.SpaceId, index.Storage.Id, newName, index.IsUnique, index.Parts, table.Columns);
        if (index.IsPrimary && table.PrimaryKeyName is not null)
        {
            context.PutExtras(table.SpaceId, context.State.ExtrasOf(table.SpaceId) with { PrimaryKeyName = newName });
        }
    }

    private static void AlterView(DdlContext context, ViewDef view, AlterTableStatement statement)
    {
        foreach (AlterAction action in statement.Actions)
        {
            switch (action)
            {
                case RenameAction rename:
                    context.CheckFree(rename.NewName);
                    context.Writer.Delete(SystemSpaces.Schema, RowBuilder.Key(ViewRow.Key(view.Name)));
                    ViewDdl.Put(context, view.Oid - CatalogOids.View(0), rename.NewName, view.Owner, view.Text, view.Columns);
                    break;
                case OwnerAction or SetSchemaAction:
                    break;
                default:
                    throw new DbException(SqlStates.FeatureNotSupported, "this ALTER VIEW is not supported", position: action.Position);
            }
        }
    }

    private void Run(IReadOnlyList<AlterAction> actions)
    {
        foreach (AlterAction action in actions)
        {
            Run(action);
            context.Reload();
            table = (TableDef)context.Catalog.FindRelation(table.Oid)!;
        }
    }

    private void Run(AlterAction action)
    {
        switch (action)
        {
            case AddColumnAction add:
                AddColumn(add);
                break;
            case DropColumnAction drop:
                DropColumn(drop);
                break;
            case RenameColumnAction rename:
                RenameColumn(rename);
                break;
            case RenameAction rename:
                context.CheckFree(DdlContext.NewName(new ObjectName([rename.NewName])));
                context.PutTable(table, rename.NewName, table.Columns);
                break;
            case RenameConstraintAction rename:
                RenameConstraint(rename);
                break;
            case AddConstraintAction add:
                AddConstraint(add.Constraint);
                break;
            case DropConstraintAction drop:
                DropConstraint(drop);
                break;
            case AlterDefaultAction change:
                SetDefault(change);
                break;
            case AlterNotNullAction change:
                SetNotNull(Ordinal(change.Column), change.IsNotNull);
                break;
            case AlterTypeAction change:
                ChangeType(change);
                break;
            case AlterIdentityAction identity:
                ChangeIdentity(identity);
                break;
            case OwnerAction owner:
                ChangeOwner(owner.Owner);
                break;
            case SetSchemaAction { Schema: not "public" } schema:
                throw new DbException(SqlStates.InvalidSchemaName, $"schema \"{schema.Schema}\" does not exist", position: action.Position);
        }
    }

    private int Ordinal(string column)
    {
        int ordinal = table.FindColumn(column);
        return ordinal >= 0 ? ordinal : throw new DbException(SqlStates.UndefinedColumn, $"column \"{column}\" of relation \"{table.Name}\" does not exist");
    }

    private ColumnDef[] Changed(int ordinal, Func<ColumnDef, ColumnDef> change)
    {
        ColumnDef[] columns = [.. table.Columns];
        columns[ordinal] = change(columns[ordinal]);
        return columns;
    }

    // ---- columns

    private void AddColumn(AddColumnAction add)
    {
        if (table.FindColumn(add.Column.Name) >= 0)
        {
            if (!add.IfNotExists)
            {
                throw new DbException(SqlStates.DuplicateColumn, $"column \"{add.Column.Name}\" of relation \"{table.Name}\" already exists", position: add.Column.Position);
            }

            context.Notice(SqlStates.DuplicateColumn, $"column \"{add.Column.Name}\" of relation \"{table.Name}\" already exists, skipping");
            return;
        }

        ColumnDef column = CreateTable.Column(add.Column, table.Columns.Count);
        DefaultConstraint? value = add.Column.Constraints.OfType<DefaultConstraint>().FirstOrDefault();
        IdentityConstraint? identity = add.Column.Constraints.OfType<IdentityConstraint>().FirstOrDefault();
        bool isSerial = CreateTable.IsSerial(add.Column.Type!) || identity is not null;
        bool isNotNull = isSerial || add.Column.Constraints.Any(constraint => constraint is NotNullConstraint { IsNotNull: true } or PrimaryKeyConstraint);
        column = column with { DefaultText = value?.Text };
        if (isSerial)
        {
            column = WithSequence(column, identity?.Options ?? SequenceOptions.None) with { Identity = identity is null ? IdentityKind.None : identity.IsAlways ? IdentityKind.Always : IdentityKind.ByDefault };
        }

        if (add.Column.Constraints.Any(constraint => constraint is ReferencesConstraint or GeneratedConstraint))
        {
            throw new DbException(SqlStates.FeatureNotSupported, "FOREIGN KEY constraints and generated columns are not supported", position: add.Column.Position);
        }

        context.PutTable(table, table.Name, [.. table.Columns, column]);
        if (column.DefaultText is not null)
        {
            Reload();
            Fill(column.Ordinal);
        }

        if (isNotNull)
        {
            Reload();
            SetNotNull(column.Ordinal, true);
        }

        foreach (ColumnConstraint constraint in add.Column.Constraints)
        {
            Reload();
            AddColumnConstraint(constraint, column);
        }
    }

    private void Reload()
    {
        context.Reload();
        table = (TableDef)context.Catalog.FindRelation(table.Oid)!;
    }

    private void AddColumnConstraint(ColumnConstraint constraint, ColumnDef column)
    {
        IndexItem[] item = [new IndexItem(column.Name, null, false, NullsOrder.Default)];
        switch (constraint)
        {
            case PrimaryKeyConstraint:
                AddConstraint(new TablePrimaryKey(item) { Name = constraint.Name });
                break;
            case UniqueConstraint:
                AddConstraint(new TableUnique(item) { Name = constraint.Name });
                break;
            case CheckConstraint check:
                AddConstraint(new TableCheck(check.Condition, check.Text) { Name = constraint.Name });
                break;
        }
    }

    private ColumnDef WithSequence(ColumnDef column, SequenceOptions options)
    {
        string sequenceName = context.FreeName(options.Name ?? $"{table.Name}_{column.Name}_seq", []);
        SequenceDdl.Write(context, SequenceDdl.Make(SequenceDdl.NextId(context), sequenceName, context.User.Id, options), table.SpaceId, column.Ordinal);
        return column with { DefaultText = SequenceDdl.NextValueText(sequenceName) };
    }

    /// <summary>Gives every row the column's default: as <c>UPDATE t SET c = DEFAULT</c> would.</summary>
    private void Fill(int ordinal) => TableRewrite.Run(context, table, ordinal, new DefaultExpr());

    private void DropColumn(DropColumnAction drop)
    {
        int ordinal = table.FindColumn(drop.Column);
        if (ordinal < 0)
        {
            if (!drop.IfExists)
            {
                throw new DbException(SqlStates.UndefinedColumn, $"column \"{drop.Column}\" of relation \"{table.Name}\" does not exist", position: drop.Position);
            }

            context.Notice(SqlStates.SuccessfulCompletion, $"column \"{drop.Column}\" of relation \"{table.Name}\" does not exist, skipping");
            return;
        }

        if (table.PrimaryIndex!.Parts.Any(part => part.Ordinal == ordinal))
        {
            throw new DbException(SqlStates.FeatureNotSupported, $"column \"{drop.Column}\" is part of the primary key and cannot be dropped", position: drop.Position);
        }

        DropDdl.DropDependents(context, table, drop.IsCascade, "table");
        foreach (TableIndex index in table.Indexes.Where(index => !index.IsPrimary && index.Parts.Any(part => part.Ordinal == ordinal)))
        {
            DropDdl.Delete(context, table, index);
            context.Reload();
        }

        foreach (SequenceDef sequence in DropDdl.OwnedBy(context, table).Where(sequence => sequence.OwnerColumnNumber == ordinal + 1))
        {
            SequenceDdl.Delete(context, sequence);
        }

        TableExtras extras = context.State.ExtrasOf(table.SpaceId);
        CheckDef[] checks = [.. extras.Checks.Where(check => !Names(check.Text, drop.Column))];
        if (checks.Length != extras.Checks.Count)
        {
            context.PutExtras(table.SpaceId, extras with { Checks = checks });
        }

        // the field stays in the rows, out of sight, as in PostgreSQL: nothing is rewritten
        string dropped = $"........pg.dropped.{ordinal + 1}........";
        context.PutTable(table, table.Name, Changed(ordinal, column => column with
        {
            Name = dropped, IsHidden = true, IsNullable = true, DefaultText = null, Identity = IdentityKind.None, FieldType = FieldType.Any,
        }));
    }

    private static bool Names(string expression, string column) => ColumnNames.In(SqlParser.ParseExpression(expression)).Contains(column);

    private void RenameColumn(RenameColumnAction rename)
    {
        int ordinal = Ordinal(rename.Column);
        if (table.FindColumn(rename.NewName) >= 0)
        {
            throw new DbException(SqlStates.DuplicateColumn, $"column \"{rename.NewName}\" of relation \"{table.Name}\" already exists");
        }

        TableExtras extras = context.State.ExtrasOf(table.SpaceId);
        if (extras.Checks.Any(check => Names(check.Text, rename.Column)))
        {
            throw new DbException(SqlStates.FeatureNotSupported, $"column \"{rename.Column}\" is used by a check constraint", hint: "Drop the constraint, rename the column, and add the constraint again.");
        }

        DropDdl.DropDependents(context, table, false, "table");
        context.PutTable(table, table.Name, Changed(ordinal, column => column with { Name = rename.NewName }));
    }

    private void SetDefault(AlterDefaultAction change)
    {
        int ordinal = Ordinal(change.Column);
        if (change.Value is not null)
        {
            context.Binder().BindConstantExpression(change.Value, table.Columns[ordinal].Type);
        }

        context.PutTable(table, table.Name, Changed(ordinal, column => column with { DefaultText = change.Text }));
    }

    private void SetNotNull(int ordinal, bool isNotNull)
    {
        ColumnDef column = table.Columns[ordinal];
        if (column.IsNullable != isNotNull)
        {
            return;
        }

        if (!isNotNull && table.PrimaryIndex!.Parts.Any(part => part.Ordinal == ordinal))
        {
            throw new DbException(SqlStates.InvalidTableDefinition, $"column \"{column.Name}\" is in a primary key");
        }

        if (isNotNull)
        {
            CheckNoNulls(ordinal);
        }

        ColumnDef[] columns = Changed(ordinal, old => old with { IsNullable = !isNotNull });
        context.PutTable(table, table.Name, columns);
        foreach (TableIndex index in table.Indexes.Where(index => !index.IsPrimary && index.Parts.Any(part => part.Ordinal == ordinal)))
        {
            context.PutIndex(table.SpaceId, index.Storage.Id, index.Name, index.IsUnique, index.Parts, columns);
        }
    }

    private void CheckNoNulls(int ordinal)
    {
        using IndexCursor cursor = context.Transaction.OpenCursor(table.SpaceId, 0, KeyRange.All, false);
        while (cursor.MoveNext())
        {
            context.Evaluation.ThrowIfCancelled();
            var reader = new Storage.Files.MsgPackReader(cursor.Current);
            int fields = reader.ReadArrayHead();
            for (int i = 0; i < ordinal && i < fields; i++)
            {
                reader.Skip();
            }

            if (ordinal >= fields || reader.NextIsNil)
            {
                throw new DbException(SqlStates.NotNullViolation, $"column \"{table.Columns[ordinal].Name}\" of relation \"{table.Name}\" contains null values")
                {
                    TableName = table.Name, ColumnName = table.Columns[ordinal].Name, SchemaName = "public",
                };
            }
        }
    }

    private void ChangeType(AlterTypeAction change)
    {
        int ordinal = Ordinal(change.Column);
        ColumnDef old = table.Columns[ordinal];
        SqlType type = Sql.TypeNames.ResolveColumn(change.Type);
        if (type == old.Type && change.Using is null)
        {
            return;
        }

        bool isIndexed = table.Indexes.Any(index => index.Parts.Any(part => part.Ordinal == ordinal));
        bool isSameForm = ColumnCodec.FormatType(type) == old.FieldType && type.Kind == old.Type.Kind && old.Type.Kind == DatumKind.Text && change.Using is null;
        if (isIndexed && !isSameForm)
        {
            throw new DbException(SqlStates.FeatureNotSupported, $"the type of column \"{old.Name}\" cannot be changed while it is indexed", hint: "Drop the index, change the type, and create the index again.");
        }

        DropDdl.DropDependents(context, table, false, "table");
        if (!isSameForm)
        {
            TableRewrite.ChangeType(context, table, ordinal, type, change.Using);
            Reload();
        }

        context.PutTable(table, table.Name, Changed(ordinal, column => column with { Type = type, FieldType = ColumnCodec.FormatType(type), TypeModifier = -1 }));
    }

    private void ChangeIdentity(AlterIdentityAction change)
    {
        int ordinal = Ordinal(change.Column);
        ColumnDef column = table.Columns[ordinal];
        if (!change.IsDrop)
        {
            if (column.IsNullable)
            {
                throw new DbException(SqlStates.ObjectNotInPrerequisiteState, $"column \"{column.Name}\" of relation \"{table.Name}\" must be declared NOT NULL before identity can be added");
            }

            ColumnDef filled = WithSequence(column, change.Options!) with { Identity = change.IsAlways ? IdentityKind.Always : IdentityKind.ByDefault };
            context.PutTable(table, table.Name, Changed(ordinal, _ => filled));
            return;
        }

        if (column.Identity == IdentityKind.None && !change.IfExists)
        {
            throw new DbException(SqlStates.ObjectNotInPrerequisiteState, $"column \"{column.Name}\" of relation \"{table.Name}\" is not an identity column");
        }

        foreach (SequenceDef sequence in DropDdl.OwnedBy(context, table).Where(sequence => sequence.OwnerColumnNumber == ordinal + 1))
        {
            SequenceDdl.Delete(context, sequence);
        }

        context.PutTable(table, table.Name, Changed(ordinal, old => old with { Identity = IdentityKind.None, DefaultText = null }));
    }

    private void ChangeOwner(string owner)
    {
        uint id = owner is "current_user" or "session_user" or "current_role" ? context.User.Id : context.State.Users.Get(owner).Id;
        AccessControl.RequireAdmin(context.State.Users, context.User.Id, "Alter");
        context.PutPicoTable(table.SpaceId, table.Name, table.Distribution, table.Columns, id, table.IsUnlogged);
    }

    // ---- constraints

    private void AddConstraint(TableConstraint constraint)
    {
        switch (constraint)
        {
            case TablePrimaryKey key:
                AddPrimaryKey(key);
                break;
            case TableUnique unique:
                IReadOnlyList<IndexPart> parts = CreateTable.Parts(unique.Columns, table.Columns);
                string index = constraint.Name ?? context.FreeName($"{table.Name}_{string.Join('_', parts.Select(part => table.Columns[part.Ordinal].Name))}_key", []);
                uint id = IndexDdl.Add(context, table, index, true, parts);
                TableExtras extras = context.State.ExtrasOf(table.SpaceId);
                context.PutExtras(table.SpaceId, extras with { UniqueConstraints = [.. extras.UniqueConstraints, id] });
                break;
            case TableCheck check:
                AddCheck(check);
                break;
            default:
                throw new DbException(SqlStates.FeatureNotSupported, constraint is TableForeignKey ? "FOREIGN KEY constraints are not supported" : "constraints USING INDEX are not supported", position: constraint.Position);
        }
    }

    /// <summary>
    /// The hidden row id gives way: index 0 gets the new parts. The row-id column stays in the rows, hidden, and is filled on.
    /// </summary>
    private void AddPrimaryKey(TablePrimaryKey key)
    {
        if (table.PrimaryKeyName is not null)
        {
            throw new DbException(SqlStates.InvalidTableDefinition, $"multiple primary keys for table \"{table.Name}\" are not allowed", position: key.Position);
        }

        IReadOnlyList<IndexPart> parts = CreateTable.Parts(key.Columns, table.Columns);
        foreach (IndexPart part in parts)
        {
            SetNotNull(part.Ordinal, true);
            Reload();
        }

        string index = key.Name ?? context.FreeName($"{table.Name}_pkey", []);
        context.PutIndex(table.SpaceId, 0, index, true, parts, table.Columns);
        context.PutExtras(table.SpaceId, context.State.ExtrasOf(table.SpaceId) with { PrimaryKeyName = index });
    }

    private void AddCheck(TableCheck check)
    {
        TableExtras extras = context.State.ExtrasOf(table.SpaceId);
        string constraint = check.Name ?? $"{table.Name}_check";
        for (int i = 1; extras.Checks.Any(other => other.Name == constraint); i++)
        {
            constraint = check.Name is null ? $"{table.Name}_check{i}" : throw new DbException(SqlStates.DuplicateObject, $"constraint \"{check.Name}\" for relation \"{table.Name}\" already exists");
        }

        TableRewrite.CheckRows(context, table, constraint, check.Condition);
        context.PutExtras(table.SpaceId, extras with { Checks = [.. extras.Checks, new CheckDef(constraint, check.Text)] });
    }

    private void DropConstraint(DropConstraintAction drop)
    {
        TableExtras extras = context.State.ExtrasOf(table.SpaceId);
        if (extras.Checks.Any(check => check.Name == drop.Constraint))
        {
            context.PutExtras(table.SpaceId, extras with { Checks = [.. extras.Checks.Where(check => check.Name != drop.Constraint)] });
            return;
        }

        if (table.PrimaryKeyName == drop.Constraint)
        {
            throw new DbException(SqlStates.FeatureNotSupported, "a primary key cannot be dropped", position: drop.Position);
        }

        if (table.Indexes.FirstOrDefault(index => index.IsConstraint && index.Name == drop.Constraint) is { } unique)
        {
            DropDdl.Delete(context, table, unique);
            return;
        }

        if (!drop.IfExists)
        {
            throw new DbException(SqlStates.UndefinedObject, $"constraint \"{drop.Constraint}\" of relation \"{name.Name}\" does not exist", position: drop.Position);
        }

        context.Notice(SqlStates.SuccessfulCompletion, $"constraint \"{drop.Constraint}\" of relation \"{name.Name}\" does not exist, skipping");
    }

    private void RenameConstraint(RenameConstraintAction rename)
    {
        TableExtras extras = context.State.ExtrasOf(table.SpaceId);
        if (extras.Checks.Any(check => check.Name == rename.Constraint))
        {
            context.PutExtras(table.SpaceId, extras with { Checks = [.. extras.Checks.Select(check => check.Name == rename.Constraint ? check with { Name = rename.NewName } : check)] });
            return;
        }

        TableIndex index = table.Indexes.FirstOrDefault(candidate => candidate.Name == rename.Constraint && (candidate.IsConstraint || candidate.IsPrimary))
            ?? throw new DbException(SqlStates.UndefinedObject, $"constraint \"{rename.Constraint}\" for table \"{table.Name}\" does not exist", position: rename.Position);
        RenameIndex(context, table, index, rename.NewName);
    }
}
