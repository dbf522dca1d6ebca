using Picodata.Core;
using Picodata.Storage;

namespace Picodata.Sql.SystemViews;

/// <summary>What a virtual relation's rows are made from, and the objects that clients may see.</summary>
internal sealed class SystemScan(VirtualScanContext context, RelationShape shape)
{
    private IReadOnlyDictionary<uint, string>? _roleNames;

    public CatalogSnapshot Catalog => context.Catalog;

    public ISystemAccess Session { get; } = context.Session as ISystemAccess ?? new NoSession(context);

    public string Database => context.DatabaseName;

    public RowBuilder Row() => new(shape);

    /// <summary>Tables of users and of the system, in order of their oids.</summary>
    public IEnumerable<TableDef> Tables() => Catalog.Relations.OfType<TableDef>().OrderBy(table => table.Oid);

    public IEnumerable<ViewDef> Views() => Catalog.Relations.OfType<ViewDef>().OrderBy(view => view.Oid);

    /// <summary>Sequences, without those that number hidden row ids.</summary>
    public IEnumerable<SequenceDef> Sequences() =>
        Catalog.Relations.OfType<SequenceDef>().Where(sequence => !NumbersHidden(sequence)).OrderBy(sequence => sequence.Oid);

    public IEnumerable<VirtualTableDef> VirtualTables() => Catalog.Relations.OfType<VirtualTableDef>().OrderBy(table => table.Oid);

    /// <summary>Indexes that clients may see: not the one over a hidden row id.</summary>
    public static IEnumerable<TableIndex> IndexesOf(TableDef table) => table.Indexes.Where(index => !IsHidden(table, index));

    /// <summary>True for the sequence of a hidden row id.</summary>
    public bool NumbersHidden(SequenceDef sequence) =>
        sequence.OwnerTableOid != 0
        && Catalog.FindRelation(sequence.OwnerTableOid) is { } owner
        && owner.Columns.ElementAtOrDefault(sequence.OwnerColumnNumber - 1) is { IsHidden: true };

    public static bool IsHidden(TableDef table, TableIndex index) => index.Parts.Any(part => table.Columns[part.Ordinal].IsHidden);

    /// <summary>Columns that clients may see.</summary>
    public static IEnumerable<ColumnDef> ColumnsOf(Relation relation) => relation.Columns.Where(column => !column.IsHidden);

    /// <summary>Attribute number of a column: its place plus one.</summary>
    public static int NumberOf(Relation relation, ColumnDef column)
    {
        for (int i = 0; i < relation.Columns.Count; i++)
        {
            if (ReferenceEquals(relation.Columns[i], column))
            {
                return i + 1;
            }
        }

        return 0;
    }

    /// <summary>Oid of the schema that clients see a relation in: system tables stand in pg_catalog, out of the users' lists.</summary>
    public static uint NamespaceOf(Relation relation) =>
        relation is TableDef { IsSystem: true } ? CatalogOids.PgCatalog : CatalogOids.Namespace(relation.Schema);

    public static string SchemaOf(Relation relation) => relation is TableDef { IsSystem: true } ? "pg_catalog" : relation.Schema;

    /// <summary>pg_type.typcollation and attcollation: default for text, C for name.</summary>
    public static uint CollationOf(SqlType type)
    {
        SqlType element = type.Element ?? type;
        return element.Name switch
        {
            "text" or "varchar" or "bpchar" => 100,
            "name" => 950,
            _ => 0,
        };
    }

    /// <summary>A default that clients are shown: identity columns have none.</summary>
    public static string? DefaultOf(ColumnDef column) => column.Identity == IdentityKind.None ? column.DefaultText : null;

    public string RoleName(uint id)
    {
        _roleNames ??= Session.Roles.ToDictionary(role => role.Id, role => role.Name);
        return _roleNames.GetValueOrDefault(id) ?? "admin";
    }

    /// <summary>Rows of a table as the statement sees them, estimated.</summary>
    public long RowsOf(TableDef table) => Session.Transaction?.EstimateRows(table.SpaceId) ?? -1;

    private sealed class NoSession(VirtualScanContext context) : ISystemAccess
    {
        public CatalogSnapshot Catalog => context.Catalog;

        public Transaction? Transaction => context.Transaction;

        public string User => context.UserName;

        public string Database => context.DatabaseName;

        public IReadOnlyCollection<RoleEntry> Roles => [];

        public IReadOnlyCollection<SettingEntry> Settings => [];

        public IReadOnlyCollection<SessionEntry> Sessions => [];

        public IReadOnlyCollection<PreparedEntry> PreparedStatements => [];

        public AdvisoryLocks AdvisoryLocks { get; } = new();

        public bool CancelSession(int processId) => false;

        public bool TerminateSession(int processId) => false;
    }
}
