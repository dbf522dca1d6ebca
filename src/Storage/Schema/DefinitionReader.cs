using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>
/// Reads definitions from rows of <c>_space</c> and <c>_index</c> as all versions of Tarantool write them.
/// Space: [id, owner, name, engine, field_count, flags, format]. Index: [space, id, name, type, options, parts], parts being
/// arrays [field, type] or maps. Throws <see cref="DbException"/> 42P16 for rows that mean nothing.
/// </summary>
internal static class DefinitionReader
{
    /// <summary>A space without indexes.</summary>
    public static SpaceDef ReadSpace(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        try
        {
            int fields = reader.ReadArrayHead();
            uint id = reader.ReadUInt32();
            uint owner = reader.ReadUInt32();
            string name = reader.ReadString();
            string engine = reader.ReadString();
            uint fieldCount = reader.ReadUInt32();
            SpaceFlags flags = fields > 5 ? ReadFlags(ref reader) : default;
            List<FieldDef> format = fields > 6 ? ReadFormat(ref reader) : [];
            return new SpaceDef(id, owner, name, engine, fieldCount, format, [])
            {
                IsTemporary = flags.IsTemporary,
                IsLocal = flags.IsLocal,
                IsView = flags.IsView,
                Tuple = tuple.ToArray(),
            };
        }
        catch (InvalidDataException e)
        {
            throw new DbException(SqlStates.InvalidTableDefinition, $"wrong row in _space: {e.Message}", cause: e);
        }
    }

    public static IndexDef ReadIndex(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        try
        {
            int fields = reader.ReadArrayHead();
            uint space = reader.ReadUInt32();
            uint id = reader.ReadUInt32();
            string name = reader.ReadString();
            IndexKind kind = ReadKind(reader.ReadString());
            bool isUnique = true;
            bool isFunctional = false;
            if (fields > 4)
            {
                ReadIndexOptions(ref reader, ref isUnique, ref isFunctional);
            }

            List<KeyPart> parts = fields > 5 ? ReadParts(ref reader) : [];
            return new IndexDef(space, id, name, kind, isUnique || id == 0, parts) { Tuple = tuple.ToArray() };
        }
        catch (InvalidDataException e)
        {
            throw new DbException(SqlStates.InvalidTableDefinition, $"wrong row in _index: {e.Message}", cause: e);
        }
    }

    /// <summary>True when the index is over the results of a function (option <c>func</c>).</summary>
    public static bool IsFunctional(IndexDef index)
    {
        var reader = new MsgPackReader(index.Tuple.Span);
        bool isUnique = true, isFunctional = false;
        if (reader.ReadArrayHead() > 4)
        {
            for (int i = 0; i < 4; i++)
            {
                reader.Skip();
            }

            ReadIndexOptions(ref reader, ref isUnique, ref isFunctional);
        }

        return isFunctional;
    }

    /// <summary>Type by its name in the files, old names and later versions' sized types included.</summary>
    public static FieldType ReadType(string name) => name.ToLowerInvariant() switch
    {
        "any" or "*" => FieldType.Any,
        "unsigned" or "num" or "uint" => FieldType.Unsigned,
        "string" or "str" => FieldType.String,
        "number" => FieldType.Number,
        "double" or "float32" or "float64" => FieldType.Double,
        "integer" or "int" => FieldType.Integer,
        "boolean" or "bool" => FieldType.Boolean,
        "varbinary" => FieldType.Varbinary,
        "scalar" => FieldType.Scalar,
        "decimal" => FieldType.Decimal,
        "uuid" => FieldType.Uuid,
        "array" => FieldType.Array,
        "map" => FieldType.Map,
        "datetime" => FieldType.Datetime,
        "interval" => FieldType.Interval,
        "int8" or "int16" or "int32" or "int64" => FieldType.Integer,
        "uint8" or "uint16" or "uint32" or "uint64" => FieldType.Unsigned,
        string other when other.StartsWith("decimal", StringComparison.Ordinal) => FieldType.Decimal,
        _ => throw new InvalidDataException($"unknown field type \"{name}\""),
    };

    private static IndexKind ReadKind(string name) => name.ToLowerInvariant() switch
    {
        "tree" => IndexKind.Tree,
        "hash" => IndexKind.Hash,
        "rtree" => IndexKind.Rtree,
        "bitset" => IndexKind.Bitset,
        _ => throw new InvalidDataException($"unknown index type \"{name}\""),
    };

    private static SpaceFlags ReadFlags(ref MsgPackReader reader)
    {
        var flags = default(SpaceFlags);
        if (reader.PeekKind() == MsgPackKind.String)
        {
            // 1.6: a string of words
            return flags with { IsTemporary = reader.ReadString().Contains("temporary", StringComparison.Ordinal) };
        }

        for (int left = reader.ReadMapHead(); left > 0; left--)
        {
            string key = reader.ReadString();
            switch (key)
            {
                case "temporary":
                    flags = flags with { IsTemporary = reader.ReadBoolean() };
                    break;
                case "view":
                    flags = flags with { IsView = reader.ReadBoolean() };
                    break;
                case "group_id":
                    flags = flags with { IsLocal = reader.ReadUInt32() == 1 };
                    break;
                case "type":
                    flags = flags with { IsTemporary = reader.ReadString() is "temporary" or "data-temporary" };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return flags;
    }

    private static List<FieldDef> ReadFormat(ref MsgPackReader reader)
    {
        int count = reader.ReadArrayHead();
        var format = new List<FieldDef>(Math.Min(count, 1024));
        for (int i = 0; i < count; i++)
        {
            format.Add(ReadField(ref reader));
        }

        return format;
    }

    private static FieldDef ReadField(ref MsgPackReader reader)
    {
        string? name = null;
        FieldType type = FieldType.Any;
        bool isNullable = false;
        var extra = new MsgPackWriter();
        int extras = 0;
        for (int left = reader.ReadMapHead(); left > 0; left--)
        {
            string key = reader.ReadString();
            switch (key)
            {
                case "name":
                    name = reader.ReadString();
                    break;
                case "type":
                    type = ReadType(reader.ReadString());
                    break;
                case "is_nullable":
                    isNullable = reader.ReadBoolean();
                    break;
                default:
                    extra.WriteString(key);
                    extra.WriteRaw(reader.ReadRaw());
                    extras++;
                    break;
            }
        }

        var map = new MsgPackWriter();
        if (extras > 0)
        {
            map.WriteMapHead(extras);
            map.WriteRaw(extra.WrittenSpan);
        }

        return new FieldDef(name ?? throw new InvalidDataException("a field of the format has no name"), type, isNullable, map.ToArray());
    }

    private static void ReadIndexOptions(ref MsgPackReader reader, ref bool isUnique, ref bool isFunctional)
    {
        for (int left = reader.ReadMapHead(); left > 0; left--)
        {
            string key = reader.ReadString();
            if (key == "unique")
            {
                isUnique = reader.ReadBoolean();
            }
            else
            {
                isFunctional |= key == "func" && reader.PeekKind() == MsgPackKind.Integer;
                reader.Skip();
            }
        }
    }

    private static List<KeyPart> ReadParts(ref MsgPackReader reader)
    {
        int count = reader.ReadArrayHead();
        var parts = new List<KeyPart>(Math.Min(count, 255));
        for (int i = 0; i < count; i++)
        {
            parts.Add(reader.PeekKind() == MsgPackKind.Map ? ReadMapPart(ref reader) : ReadArrayPart(ref reader));
        }

        return parts;
    }

    private static KeyPart ReadArrayPart(ref MsgPackReader reader)
    {
        int values = reader.ReadArrayHead();
        var part = new KeyPart((int)reader.ReadUInt32(), ReadType(reader.ReadString()));
        for (int i = 2; i < values; i++)
        {
            reader.Skip();
        }

        return part;
    }

    private static KeyPart ReadMapPart(ref MsgPackReader reader)
    {
        var part = new KeyPart(-1, FieldType.Any);
        for (int left = reader.ReadMapHead(); left > 0; left--)
        {
            string key = reader.ReadString();
            switch (key)
            {
                case "field":
                    part = part with { Field = (int)reader.ReadUInt32() };
                    break;
                case "type":
                    part = part with { Type = ReadType(reader.ReadString()) };
                    break;
                case "collation":
                    part = part with { Collation = reader.ReadUInt32() };
                    break;
                case "is_nullable":
                    part = part with { IsNullable = reader.ReadBoolean() };
                    break;
                case "sort_order":
                    part = part with { Descending = reader.ReadString().Equals("desc", StringComparison.OrdinalIgnoreCase) };
                    break;
                case "path":
                    part = part with { Path = reader.ReadString() };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return part.Field >= 0 ? part : throw new InvalidDataException("a part of the key has no field");
    }

    private readonly record struct SpaceFlags(bool IsTemporary, bool IsLocal, bool IsView);
}
