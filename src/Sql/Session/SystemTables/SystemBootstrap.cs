using Picodata.Core;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>
/// Makes Picodata's system tables where a directory has none, with the built-in users and the rows of this one instance; on every
/// later start brings the rows up to date that describe the instance. Runs in one transaction of the engine's.
/// </summary>
internal sealed class SystemBootstrap
{
    private readonly SystemWriter writer;
    private readonly SqlEngineOptions options;
    private readonly WalMode walMode;
    private readonly Dictionary<string, uint> ids = new(StringComparer.Ordinal);

    private SystemBootstrap(Transaction transaction, SqlEngineOptions options, WalMode walMode)
    {
        writer = new SystemWriter(transaction);
        this.options = options;
        this.walMode = walMode;
    }

    /// <summary>Brings the tables and rows into being; the transaction's statement has begun.</summary>
    public static void Run(Transaction transaction, SqlEngineOptions options, WalMode walMode) => new SystemBootstrap(transaction, options, walMode).Run();

    private void Run()
    {
        bool isNew = false;
        foreach (SystemTable table in PicoSystemTables.All)
        {
            isNew |= EnsureTable(table);
        }

        if (isNew)
        {
            UserRows.PutBuiltIn(writer.Transaction, ids["_pico_instance"], ids["_pico_peer_address"]);
            SystemConfiguration.PutDefaults(writer.Transaction, options.Tier, walMode);
        }

        if (options.OwnsTopology)
        {
            PutTopology();
            PutProperties();
        }

        AdoptTables();

        // a statement does not see its own rows
        writer.Transaction.EndStatement();
        writer.Transaction.BeginStatement();
        if (options.AdminPassword is { Length: > 0 } password)
        {
            PutAdminPassword(password);
        }
    }

    /// <summary>True when it was made.</summary>
    private bool EnsureTable(SystemTable table)
    {
        DatabaseSchema schema = writer.Transaction.Schema;
        if (schema.Space(table.Name) is { } existing)
        {
            ids[table.Name] = existing.Id;
            if (table.IsCatalogs && !existing.IsLocal)
            {
                // made by a release that knew no clusters
                writer.Put(SystemSpaces.Space, RowBuilder.Key(existing.Id), SpaceRows.Space(existing.Id, table.Name, false, Columns(table), isLocal: true));
            }

            return false;
        }

        uint id = schema.Space(table.Id) is null ? table.Id : FreeId(schema);
        ids[table.Name] = id;
        ColumnDef[] columns = Columns(table);
        writer.Insert(SystemSpaces.Space, SpaceRows.Space(id, table.Name, false, columns, table.IsCatalogs));
        IndexPart[] key = [.. table.KeyOrdinals.Select(ordinal => new IndexPart(ordinal, false))];
        writer.Insert(SystemSpaces.Index, SpaceRows.Index(id, 0, table.Name + "_pkey", true, key, columns));
        uint next = 1;
        foreach (SystemIndex index in table.Indexes)
        {
            IndexPart[] parts = [.. index.Columns.Select(name => new IndexPart(table.Ordinal(name), false))];
            writer.Insert(SystemSpaces.Index, SpaceRows.Index(id, next++, index.Name, index.IsUnique, parts, columns));
        }

        RaiseMaxId(id);
        return true;
    }

    private static ColumnDef[] Columns(SystemTable table) =>
    [
        .. table.Columns.Select((column, ordinal) => new ColumnDef(column.Name, ColumnCodec.ForeignType(column.Type))
        {
            IsNullable = column.IsNullable,
            FieldType = column.Type,
            Ordinal = ordinal,
            IsForeign = true,
        }),
    ];

    private static uint FreeId(DatabaseSchema schema) => Math.Max(SystemSpaces.FirstUserSpace, schema.Spaces.Max(space => space.Id) + 1);

    private void RaiseMaxId(uint id)
    {
        if (writer.Read(SystemSpaces.Schema, RowBuilder.Key("max_id")) is { } row)
        {
            var reader = new Storage.Files.MsgPackReader(row);
            reader.ReadArrayHead();
            reader.Skip();
            if (reader.ReadUInt32() >= id)
            {
                return;
            }
        }

        writer.Put(SystemSpaces.Schema, RowBuilder.Key("max_id"), new RowBuilder(2).Text("max_id").Number(id).Row());
    }

    private void PutTopology()
    {
        writer.Put(ids["_pico_tier"], RowBuilder.Key(options.Tier), new RowBuilder(10).Text(options.Tier).Number(options.ReplicationFactor).Bool(true)
            .Number(1).Number(1).Bool(true).Number(options.BucketCount).Bool(true).Number(1).Number(1).Row());
        writer.Put(ids["_pico_replicaset"], RowBuilder.Key(options.ReplicasetName), new RowBuilder(14).Text(options.ReplicasetName)
            .Text(options.ReplicasetUuid.ToString("D")).Text(options.InstanceName).Text(options.InstanceName).Text(options.Tier).Real(1).Text("auto")
            .Text("ready").Number(1).Number(1).Map(0).Number(0).Number(1).Number(1).Row());
        RowBuilder instance = new RowBuilder(13).Text(options.InstanceName).Text(options.InstanceUuid.ToString("D")).Number(1)
            .Text(options.ReplicasetName).Text(options.ReplicasetUuid.ToString("D"))
            .Array(2).Text("Online").Number(1).Array(2).Text("Online").Number(1).Map(options.FailureDomain.Count);
        foreach ((string label, string value) in options.FailureDomain)
        {
            instance.Text(label).Text(value);
        }

        writer.Put(ids["_pico_instance"], RowBuilder.Key(options.InstanceName), instance.Text(options.Tier).Text(options.Version).Number(0).Nil().Nil().Row());
        PutAddress("iproto", options.IprotoAddress);
        PutAddress("pgproto", options.PgprotoAddress);
        PutAddress("http", options.HttpAddress);
    }

    private void PutAddress(string kind, string? address)
    {
        ReadOnlyMemory<byte> key = new RowBuilder(2).Number(1).Text(kind).Row();
        if (address is null)
        {
            writer.Delete(ids["_pico_peer_address"], key);
        }
        else
        {
            writer.Put(ids["_pico_peer_address"], key, new RowBuilder(3).Number(1).Text(address).Text(kind).Row());
        }
    }

    private void PutProperties()
    {
        PutProperty("cluster_name", row => row.Text(options.ClusterName), onlyWhenMissing: true);
        PutProperty("cluster_version", row => row.Text(options.Version));
        PutProperty("system_catalog_version", row => row.Text("25.1.1"));
        PutProperty("global_schema_version", row => row.Number(1), onlyWhenMissing: true);
        PutProperty("next_schema_version", row => row.Number(2), onlyWhenMissing: true);
    }

    private void PutProperty(string key, Func<RowBuilder, RowBuilder> value, bool onlyWhenMissing = false)
    {
        if (onlyWhenMissing && writer.Lock(ids["_pico_property"], RowBuilder.Key(key)))
        {
            return;
        }

        writer.Put(ids["_pico_property"], RowBuilder.Key(key), value(new RowBuilder(2).Text(key)).Row());
    }

    /// <summary>Rows of <c>_pico_table</c> and <c>_pico_index</c> for tables that have none (made by Tarantool).</summary>
    private void AdoptTables()
    {
        foreach (SpaceDef space in writer.Transaction.Schema.Spaces)
        {
            bool isUsers = space.Engine == "memtx" && !space.IsView && !space.Name.StartsWith('_');
            if (!isUsers || writer.Lock(ids["_pico_table"], RowBuilder.Key(space.Id)))
            {
                continue;
            }

            ColumnDef[] columns = [.. space.Format.Select((field, ordinal) => new ColumnDef(field.Name, SqlType.Text) { FieldType = field.Type, IsNullable = field.IsNullable, Ordinal = ordinal })];
            writer.Insert(ids["_pico_table"], PicoRows.Table(space.Id, space.Name, Distribution.Global, columns, UserCatalog.Admin, space.IsTemporary));
            foreach (IndexDef index in space.Indexes)
            {
                string name = $"{space.Name}_{index.Name}";
                writer.Insert(ids["_pico_index"], PicoRows.Index(space.Id, index.Id, name, index.IsUnique, [.. index.Parts.Where(part => part.Field < columns.Length).Select(part => new IndexPart(part.Field, part.Descending))], columns));
            }
        }
    }

    private void PutAdminPassword(string password)
    {
        UserEntry admin = UserCatalog.Load(writer.Transaction).Get("admin");
        if (admin.Secret.Length == 0)
        {
            Passwords.Check(password, PasswordPolicy.Default);
            UserRows.Put(writer.Transaction, admin with { Method = "md5", Secret = Passwords.Md5("admin", password) }, 0);
        }
    }
}
