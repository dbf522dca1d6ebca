namespace Picodata.Sql.SystemViews;

/// <summary>Makes the rows of one virtual relation.</summary>
internal delegate IEnumerable<Core.Datum[]> RowSourceOfSystem(SystemScan scan);

/// <summary>pg_catalog and information_schema: virtual relations over the catalog model, and their functions.</summary>
public static class SystemCatalog
{
    private static readonly Lazy<IReadOnlyList<VirtualTableDef>> Made = new(Make);
    private static readonly Lazy<bool> Registered = new(() =>
    {
        CatalogFunctions.Register();
        DeparseFunctions.Register();
        SessionFunctions.Register();
        PrivilegeFunctions.Register();
        TypeFunctions.Register();
        FunctionRegistration.Finish();
        return true;
    });

    /// <summary>All virtual relations; the catalog loader puts them into every snapshot.</summary>
    public static IReadOnlyList<VirtualTableDef> Relations => Made.Value;

    /// <summary>Registers pg_catalog's functions with the function table. May be called more than once; the engine does before its first session.</summary>
    public static void RegisterFunctions() => _ = Registered.Value;

    private static IReadOnlyList<VirtualTableDef> Make()
    {
        var rows = new Dictionary<string, RowSourceOfSystem>();
        RelationRows.AddTo(rows);
        IndexRows.AddTo(rows);
        TypeRows.AddTo(rows);
        ServerRows.AddTo(rows);
        SessionRows.AddTo(rows);
        ConvenienceRows.AddTo(rows);
        InformationSchemaRows.AddTo(rows);
        InformationSchemaConstraints.AddTo(rows);
        var relations = new List<VirtualTableDef>();
        Add("pg_catalog", PgCatalogShapes.Text, "", rows, relations);
        Add("information_schema", InformationSchemaShapes.Text, "information_schema.", rows, relations);
        return relations;
    }

    private static void Add(string schema, string shapes, string prefix, Dictionary<string, RowSourceOfSystem> rows, List<VirtualTableDef> relations)
    {
        foreach (RelationShape shape in RelationShape.Parse(shapes))
        {
            RowSourceOfSystem source = rows.GetValueOrDefault(prefix + shape.Name) ?? (_ => []);
            relations.Add(new VirtualTableDef
            {
                Oid = shape.Oid,
                Schema = schema,
                Name = shape.Name,
                Columns = shape.Columns,
                IsShownAsView = shape.IsView,
                Rows = context => source(new SystemScan(context, shape)),
            });
        }
    }
}
