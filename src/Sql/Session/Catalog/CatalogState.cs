using Picodata.Core;

namespace Picodata.Sql;

/// <summary>
/// All that the engine reads of its own tables, at one moment: names, users, configuration, and what is kept beside the tables. Immutable.
/// </summary>
/// <param name="Catalog">Names for the binder.</param>
/// <param name="Users">Users, roles, privileges.</param>
/// <param name="Config">Rows of <c>_pico_db_config</c> by key and scope.</param>
/// <param name="Extras">What SQL knows of tables, by space.</param>
/// <param name="SchemaVersion">Version of the storage's schema that it was read with.</param>
internal sealed record CatalogState(
    CatalogSnapshot Catalog,
    UserDirectory Users,
    IReadOnlyDictionary<(string Key, string Scope), Datum> Config,
    IReadOnlyDictionary<uint, TableExtras> Extras,
    long SchemaVersion)
{
    /// <summary>Space of a Picodata system table; 42P01 when it is missing.</summary>
    public uint SystemSpace(SystemTable table) =>
        Catalog.FindRelation("public", table.Name) is TableDef found ? found.SpaceId
        : throw new DbException(SqlStates.UndefinedTable, $"system table {table.Name} is missing");

    public TableExtras ExtrasOf(uint spaceId) => Extras.GetValueOrDefault(spaceId) ?? TableExtras.None;

    /// <summary>Value of a parameter in the tier (or global); its default when nothing is stored.</summary>
    public Datum Parameter(string name, string tier)
    {
        SystemParameter parameter = SystemParameter.Find(name);
        return Config.TryGetValue((name, parameter.IsOfTier ? tier : ""), out Datum value) ? value : parameter.DefaultValue;
    }
}
