using System.Globalization;
using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql;

/// <summary>Kind of a setting's value, as pg_settings.vartype names it.</summary>
internal enum SettingKind { Bool, Integer, Real, String, Enum }

/// <summary>A setting of a session: what SET, SHOW and start-up parameters know.</summary>
/// <param name="Name">Name in its own spelling; looked up in any case.</param>
/// <param name="Kind">Kind of its value.</param>
/// <param name="Default">Default, as SHOW prints it.</param>
internal sealed record SettingDef(string Name, SettingKind Kind, string Default)
{
    private static readonly (string Suffix, double Milliseconds)[] TimeUnits =
        [("us", 0.001), ("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

    private static readonly (string Suffix, double Kilobytes)[] MemoryUnits =
        [("B", 1.0 / 1024), ("kB", 1), ("MB", 1024), ("GB", 1 << 20), ("TB", 1 << 30)];

    /// <summary>Values of an enum.</summary>
    public string[] Values { get; init; } = [];

    /// <summary>ms or kB: the unit of plain numbers; null when there is none.</summary>
    public string? Unit { get; init; }

    public double Min { get; init; } = int.MinValue;

    public double Max { get; init; } = int.MaxValue;

    /// <summary>Clients are told when it changes (ParameterStatus).</summary>
    public bool IsReported { get; init; }

    /// <summary>SHOW only.</summary>
    public bool IsReadOnly { get; init; }

    public string Description { get; init; } = "";

    public static readonly IReadOnlyList<SettingDef> All =
    [
        new("application_name", SettingKind.String, "") { IsReported = true },
        new("backend_flush_after", SettingKind.Integer, "0") { Min = 0 },
        new("bytea_output", SettingKind.Enum, "hex") { Values = ["escape", "hex"] },
        new("check_function_bodies", SettingKind.Bool, "on"),
        new("client_encoding", SettingKind.String, "UTF8") { IsReported = true },
        new("client_min_messages", SettingKind.Enum, "notice")
        {
            Values = ["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"],
        },
        new("DateStyle", SettingKind.String, "ISO, MDY") { IsReported = true },
        new("default_table_access_method", SettingKind.String, "memtx"),
        new("default_tablespace", SettingKind.String, ""),
        new("default_transaction_deferrable", SettingKind.Bool, "off"),
        new("default_transaction_isolation", SettingKind.Enum, "read committed")
        {
            Values = ["serializable", "repeatable read", "read committed", "read uncommitted"],
        },
        new("default_transaction_read_only", SettingKind.Bool, "off") { IsReported = true },
        new("enable_hashjoin", SettingKind.Bool, "on"),
        new("enable_indexscan", SettingKind.Bool, "on"),
        new("enable_mergejoin", SettingKind.Bool, "on"),
        new("enable_nestloop", SettingKind.Bool, "on"),
        new("enable_seqscan", SettingKind.Bool, "on"),
        new("escape_string_warning", SettingKind.Bool, "on"),
        new("extra_float_digits", SettingKind.Integer, "1") { Min = -15, Max = 3 },
        new("forward", SettingKind.String, "off"),
        new("from_collapse_limit", SettingKind.Integer, "8") { Min = 1 },
        new("geqo", SettingKind.Bool, "off"),
        new("hot_standby", SettingKind.Bool, "on") { IsReadOnly = true },
        new("idle_in_transaction_session_timeout", SettingKind.Integer, "0") { Unit = "ms", Min = 0 },
        new("idle_session_timeout", SettingKind.Integer, "0") { Unit = "ms", Min = 0 },
        new("in_hot_standby", SettingKind.Bool, "off") { IsReported = true, IsReadOnly = true },
        new("integer_datetimes", SettingKind.Bool, "on") { IsReported = true, IsReadOnly = true },
        new("IntervalStyle", SettingKind.Enum, "postgres") { IsReported = true, Values = ["postgres", "postgres_verbose", "sql_standard", "iso_8601"] },
        new("is_superuser", SettingKind.Bool, "off") { IsReported = true, IsReadOnly = true },
        new("jit", SettingKind.Bool, "off"),
        new("join_collapse_limit", SettingKind.Integer, "8") { Min = 1 },
        new("lc_collate", SettingKind.String, "C") { IsReadOnly = true },
        new("lc_ctype", SettingKind.String, "C.UTF-8") { IsReadOnly = true },
        new("lc_messages", SettingKind.String, "C"),
        new("lc_monetary", SettingKind.String, "C"),
        new("lc_numeric", SettingKind.String, "C"),
        new("lc_time", SettingKind.String, "C"),
        new("lock_timeout", SettingKind.Integer, "0") { Unit = "ms", Min = 0 },
        new("log_statement", SettingKind.Enum, "none") { Values = ["none", "ddl", "mod", "all"] },
        new("maintenance_work_mem", SettingKind.Integer, "65536") { Unit = "kB", Min = 1024 },
        new("max_connections", SettingKind.Integer, "200") { IsReadOnly = true },
        new("max_identifier_length", SettingKind.Integer, "63") { IsReadOnly = true },
        new("max_index_keys", SettingKind.Integer, "255") { IsReadOnly = true },
        new("max_parallel_workers_per_gather", SettingKind.Integer, "0") { Min = 0 },
        new("password_encryption", SettingKind.Enum, "md5") { Values = ["md5", "scram-sha-256"] },
        new("pico_query_metadata", SettingKind.Bool, "off"),
        new("pico_stmt_invalidation", SettingKind.Bool, "off"),
        new("plan_cache_mode", SettingKind.Enum, "auto") { Values = ["auto", "force_generic_plan", "force_custom_plan"] },
        new("port", SettingKind.Integer, "4327") { IsReadOnly = true },
        new("quote_all_identifiers", SettingKind.Bool, "off"),
        new("random_page_cost", SettingKind.Real, "4") { Min = 0, Max = double.MaxValue },
        new("read_preference", SettingKind.Enum, "leader") { Values = ["leader", "replica", "any"] },
        new("role", SettingKind.String, "none"),
        new("row_security", SettingKind.Bool, "on"),
        new("search_path", SettingKind.String, "\"$user\", public"),
        new("seed", SettingKind.Real, "unavailable") { Min = -1, Max = 1 },
        new("server_encoding", SettingKind.String, "UTF8") { IsReported = true, IsReadOnly = true },
        new("server_version", SettingKind.String, "15.0") { IsReported = true, IsReadOnly = true },
        new("server_version_num", SettingKind.Integer, "150000") { IsReadOnly = true },
        new("session_authorization", SettingKind.String, "admin") { IsReported = true },
        new("session_replication_role", SettingKind.Enum, "origin") { Values = ["origin", "replica", "local"] },
        new("sql_motion_row_max", SettingKind.Integer, "5000") { Min = 0 },
        new("sql_vdbe_opcode_max", SettingKind.Integer, "45000") { Min = 0 },
        new("ssl_renegotiation_limit", SettingKind.Integer, "0") { Unit = "kB", Min = 0, Max = 0 },
        new("standard_conforming_strings", SettingKind.Bool, "on") { IsReported = true },
        new("statement_timeout", SettingKind.Integer, "0") { Unit = "ms", Min = 0 },
        new("synchronize_seqscans", SettingKind.Bool, "on"),
        new("synchronous_commit", SettingKind.Enum, "on") { Values = ["on", "off", "local", "remote_write", "remote_apply"] },
        new("TimeZone", SettingKind.String, "UTC") { IsReported = true },
        new("transaction_deferrable", SettingKind.Bool, "off"),
        new("transaction_isolation", SettingKind.Enum, "read committed")
        {
            Values = ["serializable", "repeatable read", "read committed", "read uncommitted"],
        },
        new("transaction_read_only", SettingKind.Bool, "off"),
        new("transaction_timeout", SettingKind.Integer, "0") { Unit = "ms", Min = 0 },
        new("vacuum_cost_delay", SettingKind.Real, "0") { Min = 0, Max = 100 },
        new("work_mem", SettingKind.Integer, "4096") { Unit = "kB", Min = 64 },
        new("xmlbinary", SettingKind.Enum, "base64") { Values = ["base64", "hex"] },
        new("xmloption", SettingKind.Enum, "content") { Values = ["content", "document"] },
    ];

    private static readonly Dictionary<string, SettingDef> ByName = All.ToDictionary(setting => setting.Name, StringComparer.OrdinalIgnoreCase);

    public static SettingDef? TryFind(string name) => ByName.GetValueOrDefault(name);

    /// <summary>The setting with this name; 42704 for unknown ones.</summary>
    public static SettingDef Find(string name) => TryFind(name)
        ?? throw new DbException(SqlStates.UndefinedObject, $"unrecognized configuration parameter \"{name}\"");

    /// <summary>Checks a value and gives it as SHOW prints it; 22023 for bad ones, 55P02 for settings that cannot be set.</summary>
    public string Normalize(string text)
    {
        if (IsReadOnly)
        {
            throw new DbException(SqlStates.CantChangeRuntimeParameter, $"parameter \"{Name}\" cannot be changed");
        }

        return Kind switch
        {
            SettingKind.Bool => Bool(text),
            SettingKind.Enum => Values.FirstOrDefault(value => value.Equals(text, StringComparison.OrdinalIgnoreCase))
                ?? BoolEnum(text)
                ?? throw Bad(text, $"Available values: {string.Join(", ", Values)}."),
            SettingKind.Integer => Number(text, wholeOnly: true),
            SettingKind.Real => Number(text, wholeOnly: false),
            _ => Special(text),
        };
    }

    /// <summary>A number in the setting's unit as people read it: <c>5s</c>, <c>4MB</c>.</summary>
    public string Show(string value)
    {
        if (Unit is null || !long.TryParse(value, CultureInfo.InvariantCulture, out long number) || number <= 0)
        {
            return value;
        }

        foreach ((string suffix, double size) in (Unit == "ms" ? TimeUnits : MemoryUnits).Reverse())
        {
            if (size >= 1 && number % (long)size == 0)
            {
                return (number / (long)size).ToString(CultureInfo.InvariantCulture) + suffix;
            }
        }

        return value + Unit;
    }

    private string Bool(string text)
    {
        string word = text.Trim().ToLowerInvariant();
        bool? value = word switch
        {
            "1" or "on" => true,
            "0" or "of" or "off" => false,
            _ when word.Length > 0 && ("true".StartsWith(word, StringComparison.Ordinal) || "yes".StartsWith(word, StringComparison.Ordinal)) => true,
            _ when word.Length > 0 && ("false".StartsWith(word, StringComparison.Ordinal) || "no".StartsWith(word, StringComparison.Ordinal)) => false,
            _ => null,
        };
        return value is null
            ? throw new DbException(SqlStates.InvalidParameterValue, $"parameter \"{Name}\" requires a Boolean value")
            : value.Value ? "on" : "off";
    }

    private string? BoolEnum(string text) => text.ToLowerInvariant() switch
    {
        "true" or "yes" or "1" when Values.Contains("on") => "on",
        "false" or "no" or "0" when Values.Contains("off") => "off",
        _ => null,
    };

    private string Number(string text, bool wholeOnly)
    {
        string digits = text.Trim();
        double factor = 1;
        if (Unit is not null)
        {
            foreach ((string suffix, double size) in (Unit == "ms" ? TimeUnits : MemoryUnits).OrderByDescending(unit => unit.Item1.Length))
            {
                if (digits.EndsWith(suffix, StringComparison.Ordinal))
                {
                    digits = digits[..^suffix.Length].TrimEnd();
                    factor = size;
                    break;
                }
            }
        }

        if (!double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) || !double.IsFinite(number))
        {
            string? hint = Unit switch
            {
                "ms" => "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".",
                "kB" => "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".",
                _ => null,
            };
            throw Bad(text, hint);
        }

        number *= factor;
        if (wholeOnly)
        {
            number = Math.Round(number);
        }

        if (number < Min || number > Max)
        {
            string unit = Unit is null ? "" : " " + Unit;
            throw new DbException(
                SqlStates.InvalidParameterValue,
                string.Create(CultureInfo.InvariantCulture, $"{number}{unit} is outside the valid range for parameter \"{Name}\" ({Min}{unit} .. {Max}{unit})"));
        }

        return number.ToString(CultureInfo.InvariantCulture);
    }

    private string Special(string text) => Name switch
    {
        "TimeZone" => SessionTimeZone.TryFind(text, plainNumberIsEast: true)?.Name ?? throw Bad(text, null),
        "client_encoding" => text.Replace("-", "").Replace("_", "").ToUpperInvariant() switch
        {
            "UTF8" or "UNICODE" or "SQLASCII" or "" => "UTF8",
            _ => throw new DbException(SqlStates.FeatureNotSupported, $"conversion between {text} and UTF8 is not supported", hint: "Use client_encoding UTF8."),
        },
        "DateStyle" => DateStyle(text),
        _ => text,
    };

    /// <summary>Only ISO is printed; the order of day and month of input may be chosen.</summary>
    private string DateStyle(string text)
    {
        string order = "MDY";
        foreach (string word in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            order = word.ToUpperInvariant() switch
            {
                "ISO" => order,
                "MDY" or "US" or "NONEURO" or "NONEUROPEAN" => "MDY",
                "DMY" or "EURO" or "EUROPEAN" => "DMY",
                "YMD" => "YMD",
                "SQL" or "POSTGRES" or "GERMAN" => throw new DbException(SqlStates.FeatureNotSupported, $"DateStyle {word} is not supported", hint: "Use DateStyle ISO."),
                _ => throw Bad(text, null),
            };
        }

        return "ISO, " + order;
    }

    private DbException Bad(string text, string? hint) =>
        new(SqlStates.InvalidParameterValue, $"invalid value for parameter \"{Name}\": \"{text}\"", hint: hint);
}
