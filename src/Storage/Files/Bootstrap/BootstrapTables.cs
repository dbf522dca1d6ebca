namespace Picodata.Storage.Files;

/// <param name="Format">Fields as <c>name type</c>; a question mark behind the type means nullable.</param>
internal sealed record BootstrapSpace(uint Id, string Name, string Engine, ulong FieldCount, string Flag, string Format);

/// <param name="Parts">Parts as <c>field type</c>, fields from 0.</param>
internal sealed record BootstrapIndex(uint SpaceId, uint Id, string Name, string Kind, bool IsUnique, string Parts);

/// <summary>What the system spaces of Tarantool 2.6 look like and hold, as plain tables.</summary>
internal static class BootstrapTables
{
    /// <summary>Time of creation of all functions.</summary>
    public const string Created = "2019-12-29 17:52:51";

    public static readonly IReadOnlyList<BootstrapSpace> Spaces =
    [
        new(257, "_vinyl_deferred_delete", "blackhole", 0, "group_id", "space_id unsigned, lsn unsigned, tuple array"),
        new(272, "_schema", "memtx", 0, "", "key string, value any?"),
        new(276, "_collation", "memtx", 0, "", "id unsigned, name string, owner unsigned, type string, locale string, opts map"),
        new(277, "_vcollation", "sysview", 0, "", "id unsigned, name string, owner unsigned, type string, locale string, opts map"),
        new(280, "_space", "memtx", 0, "", "id unsigned, owner unsigned, name string, engine string, field_count unsigned, flags map, format array"),
        new(281, "_vspace", "sysview", 0, "", "id unsigned, owner unsigned, name string, engine string, field_count unsigned, flags map, format array"),
        new(284, "_sequence", "memtx", 0, "", "id unsigned, owner unsigned, name string, step integer, min integer, max integer, start integer, cache integer, cycle boolean"),
        new(285, "_sequence_data", "memtx", 0, "", "id unsigned, value integer"),
        new(286, "_vsequence", "sysview", 0, "", "id unsigned, owner unsigned, name string, step integer, min integer, max integer, start integer, cache integer, cycle boolean"),
        new(288, "_index", "memtx", 0, "", "id unsigned, iid unsigned, name string, type string, opts map, parts array"),
        new(289, "_vindex", "sysview", 0, "", "id unsigned, iid unsigned, name string, type string, opts map, parts array"),
        new(296, "_func", "memtx", 0, "", "id unsigned, owner unsigned, name string, setuid unsigned, language string, body string, routine_type string, param_list array, returns string, aggregate string, sql_data_access string, is_deterministic boolean, is_sandboxed boolean, is_null_call boolean, exports array, opts map, comment string, created string, last_altered string"),
        new(297, "_vfunc", "sysview", 0, "", "id unsigned, owner unsigned, name string, setuid unsigned"),
        new(304, "_user", "memtx", 0, "", "id unsigned, owner unsigned, name string, type string, auth map"),
        new(305, "_vuser", "sysview", 0, "", "id unsigned, owner unsigned, name string, type string, auth map"),
        new(312, "_priv", "memtx", 0, "", "grantor unsigned, grantee unsigned, object_type string, object_id scalar, privilege unsigned"),
        new(313, "_vpriv", "sysview", 0, "", "grantor unsigned, grantee unsigned, object_type string, object_id scalar, privilege unsigned"),
        new(320, "_cluster", "memtx", 0, "", "id unsigned, uuid string"),
        new(328, "_trigger", "memtx", 0, "", "name string, space_id unsigned, opts map"),
        new(330, "_truncate", "memtx", 0, "", "id unsigned, count unsigned"),
        new(340, "_space_sequence", "memtx", 0, "", "id unsigned, sequence_id unsigned, is_generated boolean, field unsigned, path string"),
        new(356, "_fk_constraint", "memtx", 0, "", "name string, child_id unsigned, parent_id unsigned, is_deferred boolean, match string, on_delete string, on_update string, child_cols array, parent_cols array"),
        new(364, "_ck_constraint", "memtx", 0, "", "space_id unsigned, name string, is_deferred boolean, language str, code str, is_enabled boolean"),
        new(372, "_func_index", "memtx", 0, "", "space_id unsigned, index_id unsigned, func_id unsigned"),
        new(380, "_session_settings", "service", 2, "temporary", "name string, value any"),
    ];

    /// <summary>Names of the functions with ids from 1 on. All but the first and LUA are built into Tarantool's SQL.</summary>
    public static readonly IReadOnlyList<string> Functions =
    [
        "box.schema.user.info", "TRIM", "TYPEOF", "PRINTF", "UNICODE", "CHAR", "HEX", "VERSION", "QUOTE", "REPLACE", "SUBSTR",
        "GROUP_CONCAT", "JULIANDAY", "DATE", "TIME", "DATETIME", "STRFTIME", "CURRENT_TIME", "CURRENT_TIMESTAMP",
        "CURRENT_DATE", "LENGTH", "POSITION", "ROUND", "UPPER", "LOWER", "IFNULL", "RANDOM", "CEIL", "CEILING",
        "CHARACTER_LENGTH", "CHAR_LENGTH", "FLOOR", "MOD", "OCTET_LENGTH", "ROW_COUNT", "COUNT", "LIKE", "ABS", "EXP", "LN",
        "POWER", "SQRT", "SUM", "TOTAL", "AVG", "RANDOMBLOB", "NULLIF", "ZEROBLOB", "MIN", "MAX", "COALESCE", "EVERY", "EXISTS",
        "EXTRACT", "SOME", "GREATER", "LESSER", "SOUNDEX", "LIKELIHOOD", "LIKELY", "UNLIKELY", "_sql_stat_get",
        "_sql_stat_push", "_sql_stat_init", "LUA", "GREATEST", "LEAST",
    ];

    private const string CollationNames =
        "af am ar as az be bn bs bs_Cyrl ca cs cy da de__phonebook=de_DE_u_co_phonebk de_AT_phonebook=de_AT_u_co_phonebk dsb ee " +
        "eo es es__traditional=es_u_co_trad et fa fi fi__phonebook=fi_u_co_phonebk fil fo fr_CA gu ha haw he hi hr hu hy ig is ja " +
        "kk kl kn ko kok ky lkt ln lt lv mk ml mr mt nb nn nso om or pa pl ro sa se si si__dictionary=si_u_co_dict sk sl sq sr " +
        "sr_Latn sv sv__reformed=sv_u_co_reformed ta te th tn to tr ug_Cyrl=ug uk ur vi vo wae wo yo zh " +
        "zh__big5han=zh_u_co_big5han zh__gb2312han=zh_u_co_gb2312 zh__pinyin=zh_u_co_pinyin zh__stroke=zh_u_co_stroke " +
        "zh__zhuyin=zh_u_co_zhuyin";

    public static readonly IReadOnlyList<BootstrapIndex> Indexes =
    [
        new(272, 0, "primary", "tree", true, "0 string"),
        new(276, 0, "primary", "tree", true, "0 unsigned"),
        new(276, 1, "name", "tree", true, "1 string"),
        new(277, 0, "primary", "tree", true, "0 unsigned"),
        new(277, 1, "name", "tree", true, "1 string"),
        new(280, 0, "primary", "tree", true, "0 unsigned"),
        new(280, 1, "owner", "tree", false, "1 unsigned"),
        new(280, 2, "name", "tree", true, "2 string"),
        new(281, 0, "primary", "tree", true, "0 unsigned"),
        new(281, 1, "owner", "tree", false, "1 unsigned"),
        new(281, 2, "name", "tree", true, "2 string"),
        new(284, 0, "primary", "tree", true, "0 unsigned"),
        new(284, 1, "owner", "tree", false, "1 unsigned"),
        new(284, 2, "name", "tree", true, "2 string"),
        new(285, 0, "primary", "hash", true, "0 unsigned"),
        new(286, 0, "primary", "tree", true, "0 unsigned"),
        new(286, 1, "owner", "tree", false, "1 unsigned"),
        new(286, 2, "name", "tree", true, "2 string"),
        new(288, 0, "primary", "tree", true, "0 unsigned, 1 unsigned"),
        new(288, 2, "name", "tree", true, "0 unsigned, 2 string"),
        new(289, 0, "primary", "tree", true, "0 unsigned, 1 unsigned"),
        new(289, 2, "name", "tree", true, "0 unsigned, 2 string"),
        new(296, 0, "primary", "tree", true, "0 unsigned"),
        new(296, 1, "owner", "tree", false, "1 unsigned"),
        new(296, 2, "name", "tree", true, "2 string"),
        new(297, 0, "primary", "tree", true, "0 unsigned"),
        new(297, 1, "owner", "tree", false, "1 unsigned"),
        new(297, 2, "name", "tree", true, "2 string"),
        new(304, 0, "primary", "tree", true, "0 unsigned"),
        new(304, 1, "owner", "tree", false, "1 unsigned"),
        new(304, 2, "name", "tree", true, "2 string"),
        new(305, 0, "primary", "tree", true, "0 unsigned"),
        new(305, 1, "owner", "tree", false, "1 unsigned"),
        new(305, 2, "name", "tree", true, "2 string"),
        new(312, 0, "primary", "tree", true, "1 unsigned, 2 string, 3 scalar"),
        new(312, 1, "owner", "tree", false, "0 unsigned"),
        new(312, 2, "object", "tree", false, "2 string, 3 scalar"),
        new(313, 0, "primary", "tree", true, "1 unsigned, 2 string, 3 scalar"),
        new(313, 1, "owner", "tree", false, "0 unsigned"),
        new(313, 2, "object", "tree", false, "2 string, 3 scalar"),
        new(320, 0, "primary", "tree", true, "0 unsigned"),
        new(320, 1, "uuid", "tree", true, "1 string"),
        new(328, 0, "primary", "tree", true, "0 string"),
        new(328, 1, "space_id", "tree", false, "1 unsigned"),
        new(330, 0, "primary", "tree", true, "0 unsigned"),
        new(340, 0, "primary", "tree", true, "0 unsigned"),
        new(340, 1, "sequence", "tree", false, "1 unsigned"),
        new(356, 0, "primary", "tree", true, "0 string, 1 unsigned"),
        new(356, 1, "child_id", "tree", false, "1 unsigned"),
        new(364, 0, "primary", "tree", true, "0 unsigned, 1 string"),
        new(372, 0, "primary", "tree", true, "0 unsigned, 1 unsigned"),
        new(372, 1, "fid", "tree", false, "2 unsigned"),
        new(380, 0, "primary", "tree", true, "0 string"),
    ];

    /// <summary>Names and locales of the language-specific collations; each gives three, from id 4 on.</summary>
    public static IEnumerable<(string Name, string Locale)> Collations()
    {
        foreach (string entry in CollationNames.Split(' '))
        {
            string[] parts = entry.Split('=');
            yield return (parts[0], parts[^1]);
        }
    }
}
