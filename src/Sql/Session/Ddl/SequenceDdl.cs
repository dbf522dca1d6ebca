using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>CREATE, ALTER, DROP SEQUENCE, and the sequences that columns own.</summary>
internal static class SequenceDdl
{
    /// <summary>An id that no sequence has.</summary>
    public static uint NextId(DdlContext context)
    {
        uint most = 0;
        using IndexCursor cursor = context.Transaction.OpenCursor(SystemSpaces.Sequence, 0, KeyRange.All, true);
        if (cursor.MoveNext())
        {
            var row = new Storage.Files.MsgPackReader(cursor.Current);
            row.ReadArrayHead();
            most = row.ReadUInt32();
        }

        return most + 1;
    }

    /// <summary>The default expression of a column that a sequence fills.</summary>
    public static string NextValueText(string sequence) => $"nextval('{CatalogLoader.Quote(sequence).Replace("'", "''")}')";

    /// <summary>A sequence by its options; 22023 when they contradict each other.</summary>
    public static SequenceDef Make(uint id, string name, uint owner, SequenceOptions options, SequenceDef? old = null)
    {
        long increment = options.Increment ?? old?.Increment ?? 1;
        if (increment == 0)
        {
            throw Invalid("INCREMENT must not be zero");
        }

        long most = options.Type is { } type && Sql.TypeNames.Resolve(type).Type is var sql ? (sql == SqlType.Int2 ? short.MaxValue : sql == SqlType.Int4 ? int.MaxValue : long.MaxValue) : long.MaxValue;
        long minimum = options.Minimum ?? (options.NoMinimum || old is null ? (increment > 0 ? 1 : -most) : old.Minimum);
        long maximum = options.Maximum ?? (options.NoMaximum || old is null ? (increment > 0 ? most : -1) : old.Maximum);
        if (minimum >= maximum)
        {
            throw Invalid($"MINVALUE ({minimum}) must be less than MAXVALUE ({maximum})");
        }

        long start = options.Start ?? old?.Start ?? (increment > 0 ? minimum : maximum);
        if (start < minimum || start > maximum)
        {
            throw Invalid(start < minimum ? $"START value ({start}) cannot be less than MINVALUE ({minimum})" : $"START value ({start}) cannot be greater than MAXVALUE ({maximum})");
        }

        if (options.Cache is <= 0)
        {
            throw Invalid($"CACHE ({options.Cache}) must be greater than zero");
        }

        return new SequenceDef
        {
            Oid = CatalogOids.Sequence(id),
            Schema = "public",
            Name = name,
            Columns = [],
            Owner = owner,
            SequenceId = id,
            Increment = increment,
            Minimum = minimum,
            Maximum = maximum,
            Start = start,
            IsCycle = options.IsCycle ?? old?.IsCycle ?? false,
        };
    }

    /// <summary>Writes a sequence; with the column that owns it when there is one.</summary>
    public static void Write(DdlContext context, SequenceDef sequence, uint ownerSpace = 0, int ownerOrdinal = -1)
    {
        context.Writer.Put(SystemSpaces.Sequence, RowBuilder.Key(sequence.SequenceId), SequenceRow.Write(sequence));
        if (ownerOrdinal >= 0)
        {
            context.Writer.Put(SystemSpaces.Schema, RowBuilder.Key(SequenceRow.OwnerKey(sequence.SequenceId)), SequenceRow.WriteOwner(sequence.SequenceId, ownerSpace, ownerOrdinal));
        }
    }

    public static void Create(DdlContext context, CreateSequenceStatement statement)
    {
        string name = DdlContext.NewName(statement.Name);
        AccessControl.RequireCreate(context.State.Users, context.User.Id, "table", name);
        context.LockCatalog();
        if (context.IsTaken(name) && statement.IfNotExists)
        {
            context.Notice(SqlStates.DuplicateTable, $"relation \"{name}\" already exists, skipping");
            return;
        }

        context.CheckFree(name);
        SequenceDef sequence = Make(NextId(context), name, context.User.Id, statement.Options);
        (uint space, int ordinal) = OwnerOf(context, statement.Options);
        Write(context, sequence, space, ordinal);
    }

    public static void Alter(DdlContext context, AlterSequenceStatement statement)
    {
        if (Find(context, statement.Name, statement.IfExists) is not { } old)
        {
            return;
        }

        context.LockCatalog();
        SequenceDef sequence = Make(old.SequenceId, old.Name, old.Owner, statement.Options, old);
        (uint space, int ordinal) = OwnerOf(context, statement.Options);
        Write(context, sequence, space, ordinal);
        if (statement.Options.OwnedBy is { Count: 0 })
        {
            context.Writer.Delete(SystemSpaces.Schema, RowBuilder.Key(SequenceRow.OwnerKey(old.SequenceId)));
        }

        if (statement.Options.IsRestart)
        {
            context.Transaction.SetSequenceValue(old.SequenceId, statement.Options.Restart ?? sequence.Start, false);
        }
    }

    public static void Rename(DdlContext context, SequenceDef sequence, string newName)
    {
        context.LockCatalog();
        context.CheckFree(newName);
        var renamed = new SequenceDef
        {
            Oid = sequence.Oid, Schema = sequence.Schema, Name = newName, Columns = sequence.Columns, Owner = sequence.Owner, SequenceId = sequence.SequenceId,
            Increment = sequence.Increment, Minimum = sequence.Minimum, Maximum = sequence.Maximum, Start = sequence.Start, IsCycle = sequence.IsCycle,
        };
        Write(context, renamed);
        if (context.Catalog.FindRelation(sequence.OwnerTableOid) is TableDef table)
        {
            string old = NextValueText(sequence.Name);
            context.PutTable(table, table.Name, [.. table.Columns.Select(column => column.DefaultText == old ? column with { DefaultText = NextValueText(newName) } : column)]);
        }
    }

    /// <summary>The sequence; null when it may be missing; 42P01, 42809, 42501.</summary>
    public static SequenceDef? Find(DdlContext context, ObjectName name, bool ifExists)
    {
        switch (context.Find(name))
        {
            case SequenceDef sequence:
                return sequence;
            case null when ifExists:
                context.Notice(SqlStates.SuccessfulCompletion, $"relation \"{name}\" does not exist, skipping");
                return null;
            case null:
                throw new DbException(SqlStates.UndefinedTable, $"relation \"{name}\" does not exist", position: name.Position);
            default:
                throw new DbException(SqlStates.WrongObjectType, $"\"{name.Name}\" is not a sequence", position: name.Position);
        }
    }

    /// <summary>Removes a sequence and what is kept of it.</summary>
    public static void Delete(DdlContext context, SequenceDef sequence)
    {
        context.Writer.Delete(SystemSpaces.SequenceData, RowBuilder.Key(sequence.SequenceId));
        context.Writer.Delete(SystemSpaces.Sequence, RowBuilder.Key(sequence.SequenceId));
        context.Writer.Delete(SystemSpaces.Schema, RowBuilder.Key(SequenceRow.OwnerKey(sequence.SequenceId)));
    }

    private static (uint Space, int Ordinal) OwnerOf(DdlContext context, SequenceOptions options)
    {
        if (options.OwnedBy is not { Count: > 0 } owner)
        {
            return (0, -1);
        }

        if (owner.Count < 2 || context.Catalog.FindRelation("public", owner[^2]) is not TableDef table)
        {
            throw new DbException(SqlStates.UndefinedTable, $"relation \"{string.Join('.', owner.SkipLast(1))}\" does not exist");
        }

        int ordinal = table.FindColumn(owner[^1]);
        return ordinal >= 0 ? (table.SpaceId, ordinal)
            : throw new DbException(SqlStates.UndefinedColumn, $"column \"{owner[^1]}\" of relation \"{table.Name}\" does not exist");
    }

    private static DbException Invalid(string message) => new(SqlStates.InvalidParameterValue, message);
}
