using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>What a statement that changes the catalog works with. Lives for one run of the statement.</summary>
internal sealed class DdlContext
{
    private readonly Func<CatalogState> reload;

    /// <param name="reload">Loads the catalog anew, with what this statement wrote.</param>
    public DdlContext(Transaction transaction, CatalogState state, UserEntry user, EvaluationContext evaluation, Func<CatalogState> reload)
    {
        Transaction = transaction;
        Writer = new SystemWriter(transaction);
        State = state;
        User = user;
        Evaluation = evaluation;
        this.reload = reload;
    }

    public Transaction Transaction { get; }

    public SystemWriter Writer { get; }

    public CatalogState State { get; private set; }

    public CatalogSnapshot Catalog => State.Catalog;

    public UserEntry User { get; }

    public EvaluationContext Evaluation { get; }

    public string DefaultTier { get; init; } = "default";

    public required Action<string, string> Notice { get; init; }

    public void Reload() => State = reload();

    public Binder Binder() => new(Catalog, FunctionTable.BuiltIn, Evaluation);

    // ---- names

    /// <summary>The name of an object to be made, in public.</summary>
    public static string NewName(ObjectName name)
    {
        if (name.Schema is { } schema and not ("public" or "pg_temp"))
        {
            throw CatalogSnapshot.SchemaExists(schema)
                ? new DbException(SqlStates.InsufficientPrivilege, $"permission denied for schema {schema}", position: name.Position)
                : new DbException(SqlStates.InvalidSchemaName, $"schema \"{schema}\" does not exist", position: name.Position);
        }

        const int longest = 1024;
        return name.Name.Length <= longest ? name.Name
            : throw new DbException(SqlStates.NameTooLong, $"a name may have at most {longest} characters", position: name.Position);
    }

    /// <summary>The relation, null when there is none.</summary>
    public Relation? Find(ObjectName name) =>
        name.Schema is "pg_catalog" or "information_schema" ? Catalog.FindRelation(name.Schema, name.Name) : Catalog.FindRelation("public", name.Name) ?? Catalog.FindRelation(name.Schema, name.Name);

    /// <summary>A table that a user may change; 42P01, 42809, 42501.</summary>
    public TableDef Table(ObjectName name, string privilege)
    {
        switch (Find(name))
        {
            case null:
                throw new DbException(SqlStates.UndefinedTable, $"relation \"{name}\" does not exist", position: name.Position);
            case TableDef { IsSystem: true } or VirtualTableDef:
                throw AccessControl.DeniedForAll(privilege, name.Name);
            case TableDef table:
                AccessControl.RequireTable(State.Users, User.Id, privilege, table.SpaceId, table.Name, table.Owner);
                return table;
            default:
                throw new DbException(SqlStates.WrongObjectType, $"\"{name.Name}\" is not a table", position: name.Position);
        }
    }

    /// <summary>42P07 when the name is taken by a relation or an index.</summary>
    public void CheckFree(string name)
    {
        if (IsTaken(name))
        {
            throw new DbException(SqlStates.DuplicateTable, $"relation \"{name}\" already exists");
        }
    }

    public bool IsTaken(string name) => Catalog.FindRelation("public", name) is not null || Catalog.FindIndex(name) is not null;

    /// <summary>The name, or the name with the first number that makes it free.</summary>
    public string FreeName(string name, ICollection<string> alsoTaken)
    {
        string free = name;
        for (int i = 1; IsTaken(free) || alsoTaken.Contains(free); i++)
        {
            free = name + i.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        alsoTaken.Add(free);
        return free;
    }

    // ---- ids

    /// <summary>An id for a new space; taken from <c>max_id</c> of <c>_schema</c>, whose lock makes DDL wait for DDL.</summary>
    public uint NewSpaceId()
    {
        uint most = SystemSpaces.FirstUserSpace - 1;
        if (Writer.Read(SystemSpaces.Schema, RowBuilder.Key("max_id")) is { } row)
        {
            var reader = new Storage.Files.MsgPackReader(row);
            reader.ReadArrayHead();
            reader.Skip();
            most = Math.Max(most, reader.ReadUInt32());
        }

        foreach (SpaceDef space in Transaction.Schema.Spaces)
        {
            most = Math.Max(most, space.Id);
        }

        uint id = most + 1;
        Writer.Put(SystemSpaces.Schema, RowBuilder.Key("max_id"), new RowBuilder(2).Text("max_id").Number(id).Row());
        return id;
    }

    /// <summary>Makes other DDL wait until this transaction ends.</summary>
    public void LockCatalog() => Writer.Lock(SystemSpaces.Schema, RowBuilder.Key("max_id"));

    // ---- rows kept beside the storage's

    public void PutExtras(uint spaceId, TableExtras extras) =>
        Writer.Put(SystemSpaces.Schema, RowBuilder.Key(TableExtras.Key(spaceId)), extras.ToRow(spaceId));

    /// <summary>Writes <c>_space</c> and <c>_pico_table</c> for a table whose columns changed.</summary>
    public void PutTable(TableDef table, string name, IReadOnlyList<ColumnDef> columns)
    {
        Writer.Put(SystemSpaces.Space, RowBuilder.Key(table.SpaceId), SpaceRows.Space(table.SpaceId, name, table.IsUnlogged, columns));
        PutPicoTable(table.SpaceId, name, table.Distribution, columns, table.Owner, table.IsUnlogged);
    }

    public void PutPicoTable(uint id, string name, Distribution distribution, IReadOnlyList<ColumnDef> columns, uint owner, bool isUnlogged) =>
        Writer.Put(State.SystemSpace(PicoSystemTables.Table), RowBuilder.Key(id), PicoRows.Table(id, name, distribution, columns, owner, isUnlogged));

    /// <summary>Writes an index into <c>_index</c> and <c>_pico_index</c>.</summary>
    public void PutIndex(uint spaceId, uint id, string name, bool isUnique, IReadOnlyList<IndexPart> parts, IReadOnlyList<ColumnDef> columns)
    {
        Writer.Put(SystemSpaces.Index, RowBuilder.Key(spaceId, id), SpaceRows.Index(spaceId, id, name, isUnique, parts, columns));
        Writer.Put(State.SystemSpace(PicoSystemTables.Index), RowBuilder.Key(spaceId, id), PicoRows.Index(spaceId, id, name, isUnique, parts, columns));
    }

    public void DeleteIndex(uint spaceId, uint id)
    {
        Writer.Delete(SystemSpaces.Index, RowBuilder.Key(spaceId, id));
        Writer.Delete(State.SystemSpace(PicoSystemTables.Index), RowBuilder.Key(spaceId, id));
    }

    /// <summary>Removes all privileges on an object.</summary>
    public void DeletePrivileges(string objectType, long objectId)
    {
        foreach (PrivilegeEntry entry in State.Users.Privileges)
        {
            if (entry.ObjectType == objectType && entry.ObjectId == objectId)
            {
                UserRows.Delete(Transaction, entry);
            }
        }
    }
}
