using Picodata.Core;
using Picodata.Sql.Types;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Sql;

/// <summary>
/// Columns as entries of <c>_space.format</c>. Besides <c>name</c>, <c>type</c> and <c>is_nullable</c> an entry of ours carries keys that
/// stock Tarantool ignores: <c>pg_type</c> (pg_type.typname), <c>pg_typmod</c>, <c>hidden</c>, <c>default_expr</c> (SQL text),
/// <c>identity</c> (<c>a</c> always, <c>d</c> by default).
/// </summary>
internal static class ColumnFormat
{
    public static string Name(FieldType type) => type.ToString().ToLowerInvariant();

    /// <summary>Writes the entry of a column.</summary>
    public static void Write(MsgPackWriter row, ColumnDef column)
    {
        int keys = 3 + (column.IsForeign ? 0 : 1) + (column.TypeModifier >= 0 ? 1 : 0) + (column.IsHidden ? 1 : 0)
            + (column.DefaultText is null ? 0 : 1) + (column.Identity == IdentityKind.None ? 0 : 1);
        row.WriteMapHead(keys);
        row.WriteString("name");
        row.WriteString(column.Name);
        row.WriteString("type");
        row.WriteString(Name(column.FieldType));
        row.WriteString("is_nullable");
        row.WriteBoolean(column.IsNullable);
        if (!column.IsForeign)
        {
            row.WriteString("pg_type");
            row.WriteString(column.Type.Name);
        }

        if (column.TypeModifier >= 0)
        {
            row.WriteString("pg_typmod");
            row.WriteInt64(column.TypeModifier);
        }

        if (column.IsHidden)
        {
            row.WriteString("hidden");
            row.WriteBoolean(true);
        }

        if (column.DefaultText is not null)
        {
            row.WriteString("default_expr");
            row.WriteString(column.DefaultText);
        }

        if (column.Identity != IdentityKind.None)
        {
            row.WriteString("identity");
            row.WriteString(column.Identity == IdentityKind.Always ? "a" : "d");
        }
    }

    /// <summary>The column of a format entry.</summary>
    public static ColumnDef Read(FieldDef field, int ordinal, IReadOnlyDictionary<string, SqlType> typesByName)
    {
        var column = new ColumnDef(field.Name, ColumnCodec.ForeignType(field.Type))
        {
            IsNullable = field.IsNullable,
            Ordinal = ordinal,
            FieldType = field.Type,
            IsForeign = true,
        };
        if (field.Extra.IsEmpty)
        {
            return column;
        }

        var reader = new MsgPackReader(field.Extra.Span);
        int count = reader.ReadMapHead();
        for (int i = 0; i < count; i++)
        {
            string key = reader.ReadString();
            switch (key)
            {
                case "pg_type":
                    if (typesByName.TryGetValue(reader.ReadString(), out SqlType? type))
                    {
                        column = column with { Type = type, IsForeign = false };
                    }

                    break;
                case "pg_typmod":
                    column = column with { TypeModifier = (int)reader.ReadInt64() };
                    break;
                case "hidden":
                    column = column with { IsHidden = reader.ReadBoolean() };
                    break;
                case "default_expr":
                    column = column with { DefaultText = reader.ReadString() };
                    break;
                case "identity":
                    column = column with { Identity = reader.ReadString() == "a" ? IdentityKind.Always : IdentityKind.ByDefault };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return column;
    }
}
