using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>Names of catalog objects for regclass, regtype, regproc and regnamespace. Implemented by the catalog.</summary>
public interface IObjectNames
{
    /// <summary>Oid of the relation with this name (quoted and qualified as a user writes it), or null.</summary>
    uint? FindRelation(string name);

    /// <summary>The relation's name, quoted and qualified as needed, or null when there is none with this oid.</summary>
    string? RelationName(uint oid);

    /// <summary>Oid of the schema, or null.</summary>
    uint? FindNamespace(string name);

    /// <summary>The schema's name, quoted as needed, or null.</summary>
    string? NamespaceName(uint oid);
}

/// <summary>bytea_output.</summary>
public enum ByteaOutput { Hex, Escape }

/// <summary>Order of day, month, year in ambiguous dates (second half of DateStyle). Output is always ISO.</summary>
public enum DateOrder { Mdy, Dmy, Ymd }

/// <summary>Session settings that text forms of values depend on. Changed by SET; read on every value.</summary>
public sealed class TypeContext
{
    /// <summary>Settings of a new session in UTC, for tests and for work outside of sessions.</summary>
    public static readonly TypeContext Default = new();

    public SessionTimeZone TimeZone { get; set; } = SessionTimeZone.Utc;

    public DateOrder DateOrder { get; set; } = DateOrder.Mdy;

    public ByteaOutput ByteaOutput { get; set; } = ByteaOutput.Hex;

    /// <summary>1 or more: shortest text that reads back; 0 or less: 15 (float4: 6) significant digits plus this number.</summary>
    public int ExtraFloatDigits { get; set; } = 1;

    /// <summary>Catalog for reg* types; null where none is at hand (then only numbers are read and printed).</summary>
    public IObjectNames? Names { get; set; }

    /// <summary>Start of the transaction, microseconds since 2000-01-01 UTC: what 'now', 'today' and years of two digits refer to.</summary>
    public long TransactionTimestamp { get; set; }
}
