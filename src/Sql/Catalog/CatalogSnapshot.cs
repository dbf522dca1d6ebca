using Picodata.Core;

namespace Picodata.Sql;

/// <summary>
/// All that names stand for at one moment. Immutable; a plan holds the one it was made with, and is made again when the
/// newest one has another <see cref="Version"/>. Made by the catalog loader from the system spaces.
/// </summary>
public sealed class CatalogSnapshot
{
    private readonly Dictionary<(string Schema, string Name), Relation> byName = [];
    private readonly Dictionary<uint, Relation> byOid = [];
    private readonly Dictionary<uint, TableDef> bySpace = [];
    private readonly Dictionary<string, (TableDef Table, TableIndex Index)> indexes = new(StringComparer.Ordinal);
    private readonly Dictionary<uint, (TableDef Table, TableIndex Index)> indexesByOid = [];
    private readonly Dictionary<string, RoutineDef> routines;

    /// <param name="version">Grows with every change of anything in it.</param>
    /// <param name="relations">All tables, views, sequences and virtual relations.</param>
    /// <param name="routines">All procedures.</param>
    public CatalogSnapshot(long version, IEnumerable<Relation> relations, IEnumerable<RoutineDef>? routines = null)
    {
        Version = version;
        foreach (Relation relation in relations)
        {
            byName[(relation.Schema, relation.Name)] = relation;
            byOid[relation.Oid] = relation;
            if (relation is TableDef table)
            {
                AddTable(table);
            }
        }

        this.routines = (routines ?? []).ToDictionary(routine => routine.Name, StringComparer.Ordinal);
    }

    public long Version { get; }

    public IReadOnlyCollection<Relation> Relations => byName.Values;

    public IReadOnlyCollection<RoutineDef> Routines => routines.Values;

    private void AddTable(TableDef table)
    {
        bySpace[table.SpaceId] = table;
        foreach (TableIndex index in table.Indexes)
        {
            if (!table.IsSystem)
            {
                indexes.TryAdd(index.Name, (table, index)); // Tarantool's spaces all have a "primary", most a "name"
            }

            indexesByOid[index.Oid] = (table, index);
        }
    }

    /// <summary>
    /// The relation of a name, null when there is none. Without a schema: pg_catalog, then public (PostgreSQL searches its
    /// catalog first too).
    /// </summary>
    public Relation? FindRelation(string? schema, string name)
    {
        if (schema is not null)
        {
            return byName.GetValueOrDefault((schema, name));
        }

        return byName.GetValueOrDefault(("pg_catalog", name)) ?? byName.GetValueOrDefault(("public", name));
    }

    public Relation? FindRelation(uint oid) => byOid.GetValueOrDefault(oid);

    public TableDef? FindTable(string name) => FindRelation(null, name) as TableDef;

    public TableDef? FindTableBySpace(uint spaceId) => bySpace.GetValueOrDefault(spaceId);

    /// <summary>An index by its name; index names are unique in the database.</summary>
    public (TableDef Table, TableIndex Index)? FindIndex(string name) =>
        indexes.TryGetValue(name, out var found) ? found : null;

    public (TableDef Table, TableIndex Index)? FindIndex(uint oid) =>
        indexesByOid.TryGetValue(oid, out var found) ? found : null;

    public RoutineDef? FindRoutine(string name) => routines.GetValueOrDefault(name);

    /// <summary>True for the schemas that exist; objects of users are all in public.</summary>
    public static bool SchemaExists(string name) => CatalogOids.Namespace(name) != 0;

    /// <summary>The relation, or 42P01 (3F000 where the schema itself is unknown).</summary>
    public Relation GetRelation(string? schema, string name, int position = 0) =>
        FindRelation(schema, name)
        ?? throw new DbException(SqlStates.UndefinedTable, $"relation \"{(schema is null ? "" : schema + ".")}{name}\" does not exist", position: position);
}
