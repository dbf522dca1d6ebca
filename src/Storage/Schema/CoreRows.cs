using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>Definitions of Tarantool's system spaces as far as loading rows needs them.</summary>
internal static class CoreRows
{
    /// <summary>Id, name and primary key.</summary>
    public static readonly (uint Id, string Name, (int Field, FieldType Type)[] Key)[] Spaces =
    [
        (SystemSpaces.Schema, "_schema", [(0, FieldType.String)]),
        (SystemSpaces.Collation, "_collation", [(0, FieldType.Unsigned)]),
        (SystemSpaces.Space, "_space", [(0, FieldType.Unsigned)]),
        (SystemSpaces.Sequence, "_sequence", [(0, FieldType.Unsigned)]),
        (SystemSpaces.SequenceData, "_sequence_data", [(0, FieldType.Unsigned)]),
        (SystemSpaces.Index, "_index", [(0, FieldType.Unsigned), (1, FieldType.Unsigned)]),
        (SystemSpaces.Func, "_func", [(0, FieldType.Unsigned)]),
        (SystemSpaces.User, "_user", [(0, FieldType.Unsigned)]),
        (SystemSpaces.Priv, "_priv", [(1, FieldType.Unsigned), (2, FieldType.String), (3, FieldType.Scalar)]),
        (SystemSpaces.Cluster, "_cluster", [(0, FieldType.Unsigned)]),
        (SystemSpaces.Trigger, "_trigger", [(0, FieldType.String)]),
        (SystemSpaces.Truncate, "_truncate", [(0, FieldType.Unsigned)]),
        (SystemSpaces.SpaceSequence, "_space_sequence", [(0, FieldType.Unsigned)]),
        (SystemSpaces.FkConstraint, "_fk_constraint", [(0, FieldType.String), (1, FieldType.Unsigned)]),
        (SystemSpaces.CkConstraint, "_ck_constraint", [(0, FieldType.Unsigned), (1, FieldType.String)]),
        (SystemSpaces.FuncIndex, "_func_index", [(0, FieldType.Unsigned), (1, FieldType.Unsigned)]),
    ];

    /// <summary>[id, 1, name, "memtx", 0, {}, []]</summary>
    public static byte[] Space(uint id, string name)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(7);
        writer.WriteUInt64(id);
        writer.WriteUInt64(1);
        writer.WriteString(name);
        writer.WriteString("memtx");
        writer.WriteUInt64(0);
        writer.WriteMapHead(0);
        writer.WriteArrayHead(0);
        return writer.ToArray();
    }

    /// <summary>[id, 0, "primary", "tree", {"unique": true}, [[field, type], ...]]</summary>
    public static byte[] PrimaryIndex(uint id, ReadOnlySpan<(int Field, FieldType Type)> key)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(6);
        writer.WriteUInt64(id);
        writer.WriteUInt64(0);
        writer.WriteString("primary");
        writer.WriteString("tree");
        writer.WriteMapHead(1);
        writer.WriteString("unique");
        writer.WriteBoolean(true);
        writer.WriteArrayHead(key.Length);
        foreach ((int field, FieldType type) in key)
        {
            writer.WriteArrayHead(2);
            writer.WriteInt64(field);
            writer.WriteString(type.ToString().ToLowerInvariant());
        }

        return writer.ToArray();
    }
}
