using Picodata.Core;

namespace Picodata.Sql;

/// <summary>
/// All that the engine reads of its own tables, at one moment: names, users, configuration, and what is kept beside the tables. Immutable.
/// </summary>
/// <param name="Catalog">Names for the binder.</param>
/// <param name="Users">Users, roles, privileges.</param>
/// <param name="Config">Values of ALTER SYSTEM.</param>
/// <param name="Extras">What SQL knows of tables, by space.</param>
/// <param name="SchemaVersion">Version of the storage's schema that it was read with.</param>
internal sealed record CatalogState(
    CatalogSnapshot Catalog,
    UserCatalog Users,
    SystemConfiguration Config,
    IReadOnlyDictionary<uint, TableExtras> Extras,
    long SchemaVersion)
{
    /// <summary>Space of a Picodata system table; 42P01 when it is missing.</summary>
    public uint SystemSpace(SystemTable table) =>
        Catalog.FindRelation("public", table.Name) is TableDef found ? found.SpaceId
        : throw new DbException(SqlStates.UndefinedTable, $"system table {table.Name} is missing");

    public TableExtras ExtrasOf(uint spaceId) => Extras.GetValueOrDefault(spaceId) ?? TableExtras.None;
}
