using System.Globalization;
using Picodata.Core;

namespace Picodata.Sql;

/// <summary>Type of a value of ALTER SYSTEM, in the words of its error messages.</summary>
internal enum SystemParameterType { Unsigned, Integer, Double, Bool, Text }

/// <summary>
/// One parameter of ALTER SYSTEM: section 2.4 of Picodata's behaviour, plus our own ones that govern the log, checkpoints and
/// time limits. Values are kept in <c>_pico_db_config(key, scope, value)</c>; scope is a tier's name for parameters of a tier, else empty.
/// </summary>
/// <param name="Name">Key in <c>_pico_db_config</c>.</param>
/// <param name="Type">Type of the value.</param>
/// <param name="Default">Default as text.</param>
internal sealed record SystemParameter(string Name, SystemParameterType Type, string Default)
{
    /// <summary>Kept per tier.</summary>
    public bool IsOfTier { get; init; }

    /// <summary>Shown, but not to be changed.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Smallest number allowed.</summary>
    public double Min { get; init; }

    /// <summary>Largest number allowed.</summary>
    public double Max { get; init; } = long.MaxValue;

    public static readonly IReadOnlyList<SystemParameter> All =
    [
        new("auth_password_length_min", SystemParameterType.Unsigned, "8"),
        new("auth_password_enforce_uppercase", SystemParameterType.Bool, "true"),
        new("auth_password_enforce_lowercase", SystemParameterType.Bool, "true"),
        new("auth_password_enforce_digits", SystemParameterType.Bool, "true"),
        new("auth_password_enforce_specialchars", SystemParameterType.Bool, "false"),
        new("auth_login_attempt_max", SystemParameterType.Unsigned, "4"),
        new("pg_statement_max", SystemParameterType.Unsigned, "100000"),
        new("pg_portal_max", SystemParameterType.Unsigned, "100000"),
        new("sql_runtime_concurrency_max", SystemParameterType.Unsigned, "50") { Min = 1 },
        new("sql_vdbe_opcode_max", SystemParameterType.Unsigned, "45000"),
        new("sql_motion_row_max", SystemParameterType.Unsigned, "5000"),
        new("read_preference", SystemParameterType.Text, "leader"),
        new("sql_storage_cache_count_max", SystemParameterType.Unsigned, "50") { Min = 1 },
        new("sql_storage_cache_size_max", SystemParameterType.Unsigned, "5242880") { Min = 1 },
        new("sql_log", SystemParameterType.Bool, "false"),
        new("sql_ddl_timeout", SystemParameterType.Double, "86400"),
        new("sql_statement_timeout", SystemParameterType.Double, "0"),
        new("sql_statement_memory_max", SystemParameterType.Unsigned, "268435456") { Min = 1 << 20 },
        new("governor_auto_offline_timeout", SystemParameterType.Double, "30"),
        new("governor_raft_op_timeout", SystemParameterType.Double, "3"),
        new("governor_common_rpc_timeout", SystemParameterType.Double, "7"),
        new("governor_ddl_rpc_timeout", SystemParameterType.Double, "30"),
        new("governor_plugin_rpc_timeout", SystemParameterType.Double, "10"),
        new("governor_rpc_batch_size", SystemParameterType.Unsigned, "200"),
        new("governor_check_replication_error", SystemParameterType.Bool, "true"),
        new("raft_snapshot_chunk_size_max", SystemParameterType.Unsigned, "16777216"),
        new("raft_snapshot_read_view_close_timeout", SystemParameterType.Double, "86400"),
        new("raft_wal_size_max", SystemParameterType.Unsigned, "67108864"),
        new("raft_wal_count_max", SystemParameterType.Unsigned, "16384"),
        new("plugin_check_migration_hash", SystemParameterType.Bool, "true"),
        new("memtx_memory", SystemParameterType.Unsigned, "0"),
        new("memtx_checkpoint_count", SystemParameterType.Integer, "1") { IsOfTier = true, Min = 1, Max = int.MaxValue },
        new("memtx_checkpoint_interval", SystemParameterType.Unsigned, "3600") { IsOfTier = true },
        new("memtx_checkpoint_wal_threshold", SystemParameterType.Unsigned, "1073741824") { IsOfTier = true, Min = 1 << 16 },
        new("wal_max_size", SystemParameterType.Unsigned, "268435456") { IsOfTier = true, Min = 1 << 16 },
        new("copy_grace", SystemParameterType.Unsigned, "3600") { IsOfTier = true },
        new("iproto_net_msg_max", SystemParameterType.Unsigned, "768") { IsOfTier = true, Min = 2, Max = int.MaxValue },
        new("shredding", SystemParameterType.Bool, "false") { IsReadOnly = true },
        new("replication_mode", SystemParameterType.Text, "sync") { IsReadOnly = true, IsOfTier = true },
        new("wal_mode", SystemParameterType.Text, "fsync") { IsReadOnly = true, IsOfTier = true },
    ];

    private static readonly Dictionary<string, SystemParameter> ByName = All.ToDictionary(parameter => parameter.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>The parameter with this name; refuses unknown ones.</summary>
    public static SystemParameter Find(string name) => ByName.GetValueOrDefault(name)
        ?? throw new DbException(SqlStates.UndefinedObject, $"unknown parameter: '{name}'");

    /// <summary>Checks a value given by a user (text of a literal, with the kind it was written as); gives it as it is stored.</summary>
    public Datum Check(Datum value)
    {
        if (IsReadOnly)
        {
            throw new DbException(SqlStates.CantChangeRuntimeParameter, $"parameter '{Name}' cannot be changed", hint: "it is fixed when the cluster is made");
        }

        Datum stored = (Type, value.Kind) switch
        {
            (SystemParameterType.Bool, DatumKind.Bool) => value,
            (SystemParameterType.Bool, DatumKind.Text) when value.AsText is "true" or "on" => Datum.True,
            (SystemParameterType.Bool, DatumKind.Text) when value.AsText is "false" or "off" => Datum.False,
            (SystemParameterType.Text, DatumKind.Text) => value,
            (SystemParameterType.Unsigned or SystemParameterType.Integer, DatumKind.Int) => value,
            (SystemParameterType.Double, DatumKind.Int) => Datum.Double(value.AsInt),
            (SystemParameterType.Double, DatumKind.Double) => value,
            (SystemParameterType.Double, DatumKind.Numeric) => Datum.Double(double.Parse(value.AsNumeric.ToString()!, CultureInfo.InvariantCulture)),
            _ => throw new DbException(SqlStates.InvalidParameterValue, $"invalid value for '{Name}': expected {TypeName(Type)}, got {TypeName(value)}"),
        };
        CheckRange(stored);
        return stored;
    }

    /// <summary>The default as it would be stored.</summary>
    public Datum DefaultValue => Type switch
    {
        SystemParameterType.Bool => Datum.Bool(Default == "true"),
        SystemParameterType.Text => Datum.Text(Default),
        SystemParameterType.Double => Datum.Double(double.Parse(Default, CultureInfo.InvariantCulture)),
        _ => Datum.Int(long.Parse(Default, CultureInfo.InvariantCulture)),
    };

    private void CheckRange(Datum value)
    {
        if (Name == "read_preference" && value.AsText is not ("leader" or "replica" or "any"))
        {
            throw new DbException(SqlStates.InvalidParameterValue, $"invalid value for '{Name}': expected leader, replica or any, got '{value.AsText}'");
        }

        if (value.Kind is not (DatumKind.Int or DatumKind.Double))
        {
            return;
        }

        double number = value.Kind == DatumKind.Int ? value.AsInt : value.AsDouble;
        if (Type == SystemParameterType.Double && number < 0)
        {
            throw new DbException(SqlStates.InvalidParameterValue, "timeout value cannot be negative");
        }

        if (number < Min || number > Max)
        {
            string max = Max.ToString("F0", CultureInfo.InvariantCulture);
            throw new DbException(
                SqlStates.InvalidParameterValue,
                $"invalid value for '{Name}': value must be between {Min.ToString("F0", CultureInfo.InvariantCulture)} and {(Max >= long.MaxValue ? "9223372036854775807" : max)}");
        }
    }

    private static string TypeName(SystemParameterType type) => type switch
    {
        SystemParameterType.Bool => "boolean",
        SystemParameterType.Text => "string",
        SystemParameterType.Double => "double",
        SystemParameterType.Unsigned => "unsigned",
        _ => "integer",
    };

    private static string TypeName(Datum value) => value.Kind switch
    {
        DatumKind.Bool => "boolean",
        DatumKind.Int => "integer",
        DatumKind.Text => "string",
        DatumKind.Numeric => "decimal",
        DatumKind.Double => "double",
        _ => "null",
    };
}
