using Picodata.Core;
using Picodata.Sql.SystemViews;
using Picodata.Sql.Types;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Sql;

/// <summary>
/// Makes a <see cref="CatalogState"/> from the storage's schema and the rows of system spaces, as one transaction sees them. The statement of
/// the transaction must have begun.
/// </summary>
internal sealed class CatalogLoader
{
    private static readonly Dictionary<string, SqlType> TypesByName = SqlType.All.ToDictionary(type => type.Name, StringComparer.Ordinal);

    private readonly Transaction transaction;
    private readonly string tier;
    private readonly DatabaseSchema schema;
    private readonly Dictionary<uint, TableExtras> extras = [];
    private readonly Dictionary<uint, (uint Space, int Ordinal)> sequenceOwners = [];
    private readonly Dictionary<uint, string> generated = [];
    private readonly List<Relation> relations = [];
    private readonly Dictionary<uint, uint> owners = [];
    private readonly Dictionary<uint, Distribution> distributions = [];
    private readonly HashSet<string> indexNames = new(StringComparer.Ordinal);

    private CatalogLoader(Transaction transaction, string tier)
    {
        this.tier = tier;
        this.transaction = transaction;
        schema = transaction.Schema;
    }

    public static CatalogState Load(Transaction transaction, string tier, long version) => new CatalogLoader(transaction, tier).Load(version);

    private CatalogState Load(long version)
    {
        relations.AddRange(SystemCatalog.Relations);
        ReadSchemaRows();
        ReadSequences();
        ReadPicoTables();
        foreach (SpaceDef space in schema.Spaces.OrderBy(space => space.Id))
        {
            if (space.Engine == "memtx" && !space.IsView)
            {
                relations.Add(Table(space));
            }
        }

        var catalog = new CatalogSnapshot(version, relations, ReadRoutines());
        return new CatalogState(catalog, UserCatalog.Load(transaction), SystemConfiguration.Load(transaction, tier), extras, schema.Version);
    }

    // ---- tables

    private TableDef Table(SpaceDef space)
    {
        TableExtras extra = extras.GetValueOrDefault(space.Id) ?? TableExtras.None;
        bool isSystem = space.Name.StartsWith('_');
        List<ColumnDef> columns = Columns(space);
        if (generated.TryGetValue(space.Id, out string? sequence) && space.Primary is { } primary && primary.Parts[0].Field < columns.Count)
        {
            int key = primary.Parts[0].Field;
            columns[key] = columns[key] with { DefaultText = columns[key].DefaultText ?? $"nextval('{Quote(sequence).Replace("'", "''")}')" };
        }

        bool isOurs = columns.Exists(column => !column.IsForeign);
        return new TableDef
        {
            Oid = CatalogOids.Table(space.Id),
            Schema = "public",
            Name = space.Name,
            Columns = columns,
            SpaceId = space.Id,
            Space = space,
            Indexes = [.. space.Indexes.Select(index => Index(space, index, extra, columns.Count))],
            Checks = extra.Checks,
            IsSystem = isSystem,
            Owner = owners.GetValueOrDefault(space.Id, UserCatalog.Admin),
            Distribution = distributions.GetValueOrDefault(space.Id) ?? Distribution.Global,
            IsUnlogged = space.IsTemporary,
            PrimaryKeyName = isOurs ? extra.PrimaryKeyName : space.Primary?.Name,
        };
    }

    private static List<ColumnDef> Columns(SpaceDef space)
    {
        var columns = new List<ColumnDef>(space.Format.Count);
        for (int i = 0; i < space.Format.Count; i++)
        {
            columns.Add(ColumnFormat.Read(space.Format[i], i, TypesByName));
        }

        // spaces without a (full) format: fields that indexes name
        int last = space.Indexes.SelectMany(index => index.Parts).Select(part => part.Field).DefaultIfEmpty(-1).Max();
        for (int i = columns.Count; i <= last; i++)
        {
            FieldType type = space.Indexes.SelectMany(index => index.Parts).FirstOrDefault(part => part.Field == i)?.Type ?? FieldType.Any;
            columns.Add(ColumnFormat.Read(new FieldDef($"field{i + 1}", type, true), i, TypesByName));
        }

        return columns;
    }

    private TableIndex Index(SpaceDef space, IndexDef index, TableExtras extra, int columns)
    {
        string name = indexNames.Add(index.Name) ? index.Name : $"{space.Name}_{index.Name}";
        indexNames.Add(name);
        return new TableIndex
        {
            Oid = CatalogOids.Index(space.Id, index.Id),
            Name = name,
            Storage = index,
            Parts = [.. index.Parts.Select(part => new IndexPart(part.Field, part.Descending))],
            IsUnique = index.IsUnique,
            IsPrimary = index.Id == 0,
            IsConstraint = extra.UniqueConstraints.Contains(index.Id),
            IsUsable = index.Kind is IndexKind.Tree or IndexKind.Hash && index.Parts.All(part => part.Path is null && part.Collation is 0 or 3 && part.Field < columns),
        };
    }

    internal static string Quote(string name) =>
        name.Length > 0 && name.All(c => c is (>= 'a' and <= 'z') or '_' or (>= '0' and <= '9')) && !char.IsAsciiDigit(name[0]) ? name : $"\"{name.Replace("\"", "\"\"")}\"";

    // ---- rows of _schema: views, owners of sequences, extras of tables

    private void ReadSchemaRows()
    {
        Scan(SystemSpaces.Schema, (ref MsgPackReader row) =>
        {
            string key = row.ReadString();
            if (key.StartsWith("sql:table:", StringComparison.Ordinal))
            {
                extras[uint.Parse(key.AsSpan(10), System.Globalization.CultureInfo.InvariantCulture)] = TableExtras.Read(ref row);
            }
            else if (key.StartsWith("sql:view:", StringComparison.Ordinal))
            {
                relations.Add(ViewRow.Read(key[9..], ref row, TypesByName));
            }
            else if (key.StartsWith("sql:sequence:", StringComparison.Ordinal))
            {
                row.ReadArrayHead();
                sequenceOwners[uint.Parse(key.AsSpan(13), System.Globalization.CultureInfo.InvariantCulture)] = (row.ReadUInt32(), (int)row.ReadUInt32());
            }
        });
    }

    private void ReadSequences()
    {
        var names = new Dictionary<uint, string>();
        Scan(SystemSpaces.Sequence, (ref MsgPackReader row) =>
        {
            SequenceDef sequence = SequenceRow.Read(ref row, sequenceOwners);
            names[sequence.SequenceId] = sequence.Name;
            relations.Add(sequence);
        });
        Scan(SystemSpaces.SpaceSequence, (ref MsgPackReader row) =>
        {
            uint space = row.ReadUInt32();
            if (names.TryGetValue(row.ReadUInt32(), out string? name))
            {
                generated[space] = name;
            }
        });
    }

    // ---- Picodata's tables

    private void ReadPicoTables()
    {
        ScanTable(PicoSystemTables.Table, (ref MsgPackReader row) =>
        {
            uint id = row.ReadUInt32();
            row.Skip();
            distributions[id] = DistributionRow.Read(ref row, schema.Space(id));
            row.Skip();
            row.Skip();
            row.Skip();
            row.Skip();
            owners[id] = row.ReadUInt32();
        });
    }

    private List<RoutineDef> ReadRoutines()
    {
        var routines = new List<RoutineDef>();
        ScanTable(PicoSystemTables.Routine, (ref MsgPackReader row) => routines.Add(RoutineRow.Read(ref row, TypesByName)));
        return routines;
    }

    // ---- scanning

    private delegate void RowReader(ref MsgPackReader row);

    private void ScanTable(SystemTable table, RowReader read)
    {
        if (schema.Space(table.Name) is { } space)
        {
            Scan(space.Id, read);
        }
    }

    private void Scan(uint spaceId, RowReader read)
    {
        if (schema.Space(spaceId)?.Primary is null)
        {
            return;
        }

        using IndexCursor cursor = transaction.OpenCursor(spaceId, 0, KeyRange.All, false);
        while (cursor.MoveNext())
        {
            var row = new MsgPackReader(cursor.Current);
            row.ReadArrayHead();
            read(ref row);
        }
    }
}
