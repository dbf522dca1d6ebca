using Picodata.Core;

namespace Picodata.Sql.SystemViews;

/// <summary>Names of types with their modifiers, and what modifiers mean.</summary>
internal static class TypeModifier
{
    /// <summary>format_type: <c>character varying(20)</c>, <c>numeric(10,2)</c>, <c>timestamp(3) with time zone</c>.</summary>
    /// <param name="modifier">Null: without a modifier wherever it could have one.</param>
    public static string Format(uint oid, int? modifier)
    {
        if (oid == 0)
        {
            return "-";
        }

        if (SqlType.ByOid(oid) is not SqlType type)
        {
            return "???";
        }

        return type.IsArray && type.Name[0] == '_' ? Format(type.Element!, modifier) + "[]" : Format(type, modifier);
    }

    /// <summary>Length of varchar(n) or char(n), null when it has none.</summary>
    public static int? Length(SqlType type, int modifier) => type.Name is "varchar" or "bpchar" && modifier >= 4 ? modifier - 4 : null;

    /// <summary>Precision and scale of numeric(p,s), null when it has none.</summary>
    public static (int Precision, int Scale)? Decimal(SqlType type, int modifier) =>
        type.Name == "numeric" && modifier >= 4 ? ((modifier - 4) >> 16, (modifier - 4) & 0x7FF) : null;

    private static string Format(SqlType type, int? modifier)
    {
        int value = modifier ?? -1;
        if (type.Name == "bpchar")
        {
            return value >= 4 ? $"character({value - 4})" : modifier is null ? "character" : "bpchar";
        }

        if (value < 0)
        {
            return type.DisplayName;
        }

        return type.Name switch
        {
            "varchar" when value >= 4 => $"character varying({value - 4})",
            "numeric" when Decimal(type, value) is (int precision, int scale) => $"numeric({precision},{scale})",
            "timestamp" => $"timestamp({value}) without time zone",
            "timestamptz" => $"timestamp({value}) with time zone",
            "time" => $"time({value}) without time zone",
            _ => type.DisplayName,
        };
    }
}
