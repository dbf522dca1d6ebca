using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>One column of a system table: name, storage type, nullability, and whether it is part of the primary key.</summary>
internal sealed record SystemColumn(string Name, FieldType Type, bool IsNullable, bool IsKey);

/// <summary>A secondary index of a system table.</summary>
internal sealed record SystemIndex(string Name, bool IsUnique, IReadOnlyList<string> Columns);

/// <summary>
/// A system table of Picodata's catalog: its fixed id, columns in order and indexes. The primary key's columns are those
/// marked, in the order of the columns.
/// </summary>
internal sealed record SystemTable(uint Id, string Name, IReadOnlyList<SystemColumn> Columns, IReadOnlyList<SystemIndex> Indexes)
{
    /// <summary>
    /// Its rows are the cluster catalog's as it is applied on this instance (replica-local: each instance writes them itself, the
    /// replicaset's log does not ship them).
    /// </summary>
    public bool IsCatalogs { get; init; }

    /// <summary>Ordinal of a column; the name must exist.</summary>
    public int Ordinal(string column)
    {
        for (int i = 0; i < Columns.Count; i++)
        {
            if (Columns[i].Name == column)
            {
                return i;
            }
        }

        throw new ArgumentException($"{Name} has no column {column}", nameof(column));
    }

    /// <summary>Ordinals of the primary key's columns.</summary>
    public IEnumerable<int> KeyOrdinals => Enumerable.Range(0, Columns.Count).Where(i => Columns[i].IsKey);
}

/// <summary>
/// Picodata's system tables with their ids, columns and indexes: section 8 of its behaviour. They are ordinary spaces
/// (so that a copy of the files holds them), found by name, because the ids may be taken in a directory that
/// stock Tarantool wrote.
///
/// A column is written <c>name:type</c>; types u unsigned, s string, b boolean, d double, i integer, m map, a array, x any,
/// t datetime; <c>?</c> nullable; <c>*</c> part of the primary key. An index: <c>name(columns)</c>, <c>!</c> unique.
/// </summary>
internal static class PicoSystemTables
{
    public static readonly SystemTable Table = Define(
        SystemSpaces.PicoTable, "_pico_table",
        "id:u* name:s distribution:m format:a schema_version:u operable:b engine:s owner:u description:s opts:a?",
        "_pico_table_name!(name) _pico_table_owner_id(owner)");

    public static readonly SystemTable Index = Define(
        SystemSpaces.PicoIndex, "_pico_index",
        "table_id:u* id:u* name:s type:s opts:a parts:a operable:b schema_version:u",
        "_pico_index_name!(name)");

    public static readonly SystemTable PeerAddress = Define(
        SystemSpaces.PicoPeerAddress, "_pico_peer_address", "raft_id:u* address:s connection_type:s*", "") with { IsCatalogs = true };

    public static readonly SystemTable Instance = Define(
        SystemSpaces.PicoInstance, "_pico_instance",
        "name:s* uuid:s raft_id:u replicaset_name:s replicaset_uuid:s current_state:a target_state:a failure_domain:m tier:s picodata_version:s "
        + "sync_incarnation:u? target_state_reason:s? target_state_change_time:t?",
        "_pico_instance_uuid!(uuid) _pico_instance_raft_id!(raft_id) _pico_instance_replicaset_name(replicaset_name)") with { IsCatalogs = true };

    public static readonly SystemTable Property = Define(SystemSpaces.PicoProperty, "_pico_property", "key:s* value:x", "") with { IsCatalogs = true };

    public static readonly SystemTable Replicaset = Define(
        SystemSpaces.PicoReplicaset, "_pico_replicaset",
        "name:s* uuid:s current_master_name:s target_master_name:s tier:s weight:d weight_origin:s state:s current_config_version:u "
        + "target_config_version:u promotion_vclock:m master_change_counter:u? current_bucket_state_version:u? target_bucket_state_version:u?",
        "_pico_replicaset_uuid!(uuid)") with { IsCatalogs = true };

    public static readonly SystemTable User = Define(
        SystemSpaces.PicoUser, "_pico_user",
        "id:u* name:s schema_version:u auth:a? owner:u type:s",
        "_pico_user_name!(name) _pico_user_owner_id(owner)");

    public static readonly SystemTable Privilege = Define(
        SystemSpaces.PicoPrivilege, "_pico_privilege",
        "grantor_id:u grantee_id:u* privilege:s* object_type:s* object_id:i* schema_version:u",
        "_pico_privilege_object(object_type,object_id)");

    public static readonly SystemTable GovernorQueue = Define(
        SystemSpaces.PicoGovernorQueue, "_pico_governor_queue",
        "id:u* batch_id:s op:s op_format:s status:s status_description:s kind:s description:s", "");

    public static readonly SystemTable Tier = Define(
        SystemSpaces.PicoTier, "_pico_tier",
        "name:s* replication_factor:u can_vote:b current_vshard_config_version:u target_vshard_config_version:u vshard_bootstrapped:b "
        + "bucket_count:u is_default:b? current_bucket_state_version:u? target_bucket_state_version:u?",
        "") with { IsCatalogs = true };

    public static readonly SystemTable Routine = Define(
        SystemSpaces.PicoRoutine, "_pico_routine",
        "id:u* name:s kind:s params:a returns:a language:s body:s security:s operable:b schema_version:u owner:u",
        "_pico_routine_name!(name) _pico_routine_owner_id(owner)");

    public static readonly SystemTable UserAuditPolicy = Define(
        SystemSpaces.PicoUserAuditPolicy, "_pico_user_audit_policy", "user_id:u* policy_id:u*", "");

    public static readonly SystemTable Plugin = Define(
        SystemSpaces.PicoPlugin, "_pico_plugin", "name:s* enabled:b services:a version:s* description:s migration_list:a", "");

    public static readonly SystemTable Service = Define(
        SystemSpaces.PicoService, "_pico_service", "plugin_name:s* name:s* version:s* tiers:a description:s", "");

    public static readonly SystemTable ServiceRoute = Define(
        SystemSpaces.PicoServiceRoute, "_pico_service_route",
        "plugin_name:s* plugin_version:s* service_name:s* instance_name:s* poison:b", "");

    public static readonly SystemTable PluginMigration = Define(
        SystemSpaces.PicoPluginMigration, "_pico_plugin_migration", "plugin_name:s* migration_file:s* hash:s", "");

    public static readonly SystemTable PluginConfig = Define(
        SystemSpaces.PicoPluginConfig, "_pico_plugin_config", "plugin:s* version:s* entity:s* key:s* value:x?", "");

    public static readonly SystemTable DbConfig = Define(
        SystemSpaces.PicoDbConfig, "_pico_db_config", "key:s* scope:s* value:x", "_pico_db_config_key(key)");

    public static readonly SystemTable Bucket = Define(
        SystemSpaces.PicoBucket, "_pico_bucket",
        "tier_name:s* bucket_id_start:u* bucket_id_end:u state:s current_replicaset_name:s target_replicaset_name:s?",
        "") with { IsCatalogs = true };

    /// <summary>This product's own: who is primary of a replicaset, since which term, and who is in sync.</summary>
    public static readonly SystemTable Reign = Define(
        SystemSpaces.PicoReign, "_pico_reign",
        "replicaset_name:s* term:u epoch:u primary_name:s in_sync:a",
        "") with { IsCatalogs = true };

    /// <summary>How far the catalog is applied on this instance, and the instance's part in it.</summary>
    public static readonly SystemTable RaftState = Define(SystemSpaces.RaftState, "_raft_state", "key:s* value:x", "") with { IsCatalogs = true };

    /// <summary>
    /// All of them, in the order of their ids. `_raft_log` and `_bucket` come with the issues that give
    /// them rows.
    /// </summary>
    public static readonly IReadOnlyList<SystemTable> All =
    [
        Table, Index, PeerAddress, Instance, Property, Replicaset, User, Privilege, GovernorQueue, Tier, Routine,
        UserAuditPolicy, Plugin, Service, ServiceRoute, PluginMigration, PluginConfig, DbConfig, Bucket, Reign, RaftState,
    ];

    private static SystemTable Define(uint id, string name, string columns, string indexes) =>
        new(id, name, Words(columns).Select(Column).ToArray(), Words(indexes).Select(SecondaryIndex).ToArray());

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static SystemColumn Column(string text)
    {
        string[] parts = text.Split(':');
        FieldType type = parts[1][0] switch
        {
            'u' => FieldType.Unsigned,
            's' => FieldType.String,
            'b' => FieldType.Boolean,
            'd' => FieldType.Double,
            'i' => FieldType.Integer,
            'm' => FieldType.Map,
            'a' => FieldType.Array,
            'x' or 't' => FieldType.Any,
            _ => throw new ArgumentException($"no type in {text}", nameof(text)),
        };
        return new SystemColumn(parts[0], type, parts[1].Contains('?'), parts[1].Contains('*'));
    }

    private static SystemIndex SecondaryIndex(string text)
    {
        int open = text.IndexOf('(');
        string name = text[..open];
        bool unique = name.EndsWith('!');
        return new SystemIndex(unique ? name[..^1] : name, unique, text[(open + 1)..^1].Split(','));
    }
}
