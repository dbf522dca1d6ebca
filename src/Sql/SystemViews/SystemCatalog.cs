namespace Picodata.Sql.SystemViews;

/// <summary>pg_catalog and information_schema: virtual relations over the catalog model, and their functions.</summary>
public static class SystemCatalog
{
    /// <summary>All virtual relations; the catalog loader puts them into every snapshot.</summary>
    public static IReadOnlyList<VirtualTableDef> Relations => [];

    /// <summary>Registers pg_catalog's functions with the function table. May be called more than once; the engine does before its first session.</summary>
    public static void RegisterFunctions()
    {
    }
}
