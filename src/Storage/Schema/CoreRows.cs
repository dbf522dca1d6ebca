using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>Rows that define a space as far as loading its first rows needs; what the files say replaces them.</summary>
internal static class CoreRows
{
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

    /// <summary>[id, 0, "primary", "tree", {"unique": true}, [[0, type], ...]]</summary>
    public static byte[] PrimaryIndex(uint id, ReadOnlySpan<FieldType> key)
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
        for (int i = 0; i < key.Length; i++)
        {
            writer.WriteArrayHead(2);
            writer.WriteUInt64((ulong)i);
            writer.WriteString(key[i].ToString().ToLowerInvariant());
        }

        return writer.ToArray();
    }
}
