namespace Picodata.Sql;

/// <summary>
/// Oids of everything that has one, computed from the ids in the files, so that they are the same after every start and
/// on every instance.
///
/// 1. Below 16384: PostgreSQL's own numbers for its types, catalogs and functions.
/// 2. Table of space s: 16384 + s * 256; its index i: that + 1 + i. Space ids stay below 2^23 (checked: larger ones are folded).
/// 3. From 2^31: row types of tables (table oid + 2^31).
/// 4. Sequence q: 16384 + 2^30 + q; view v: 16384 + 2^30 + 2^24 + v; routine r: 16384 + 2^30 + 2^25 + r;
///    constraint c of a table: those of indexes are the index's oid + 3 * 2^28; checks: table oid + 3 * 2^28 + 200 + place.
/// </summary>
public static class CatalogOids
{
    public const uint PgCatalog = 11;
    public const uint Public = 2200;
    public const uint InformationSchema = 13000;

    /// <summary>The first oid that is not PostgreSQL's.</summary>
    public const uint FirstUser = 16384;

    public static uint Table(uint spaceId) => FirstUser + ((spaceId & 0x3FFFFF) << 8);

    public static uint Index(uint spaceId, uint indexId) => Table(spaceId) + 1 + indexId;

    public static uint RowType(uint tableOid) => tableOid | 0x80000000;

    public static uint Sequence(uint sequenceId) => FirstUser + (1u << 30) + sequenceId;

    public static uint View(uint viewId) => FirstUser + (1u << 30) + (1u << 24) + viewId;

    public static uint Routine(uint routineId) => FirstUser + (1u << 30) + (1u << 25) + routineId;

    /// <summary>pg_constraint.oid of a primary key or unique constraint.</summary>
    public static uint IndexConstraint(uint indexOid) => indexOid + 0x30000000;

    /// <summary>pg_constraint.oid of the n-th CHECK of a table.</summary>
    public static uint CheckConstraint(uint tableOid, int place) => tableOid + 0x30000000 + 200 + (uint)place;

    /// <summary>The space of a table oid, 0 when it is not one.</summary>
    public static uint SpaceOf(uint tableOid) =>
        tableOid >= FirstUser && ((tableOid - FirstUser) & 0xFF) == 0 && tableOid - FirstUser < (1u << 30) ? (tableOid - FirstUser) >> 8 : 0;

    /// <summary>Oid of a namespace, 0 for unknown names.</summary>
    public static uint Namespace(string schema) => schema switch
    {
        "pg_catalog" => PgCatalog,
        "public" => Public,
        "information_schema" => InformationSchema,
        _ => 0,
    };

    /// <summary>Oid of a user or role by its id in <c>_user</c>; 10 is PostgreSQL's bootstrap superuser.</summary>
    public static uint Role(uint userId) => userId == 1 ? 10 : FirstUser + (1u << 30) + (3u << 24) + userId;
}
