namespace Picodata.Storage.Files;

/// <summary>A map whose entries are changed. Keys and values are MessagePack bytes; only string keys can be named.</summary>
internal sealed class UpdateMap
{
    private readonly List<(byte[] Key, byte[] Value)> entries = [];

    public static bool TryParse(ReadOnlySpan<byte> bytes, out UpdateMap map)
    {
        map = new UpdateMap();
        var reader = new MsgPackReader(bytes);
        if (!reader.TryReadMapHead(out int count))
        {
            return false;
        }

        for (; count > 0; count--)
        {
            if (!reader.TryReadRaw(out ReadOnlySpan<byte> key) || !reader.TryReadRaw(out ReadOnlySpan<byte> value))
            {
                return false;
            }

            map.entries.Add((key.ToArray(), value.ToArray()));
        }

        return true;
    }

    public void Write(MsgPackWriter writer)
    {
        writer.WriteMapHead(entries.Count);
        foreach ((byte[] key, byte[] value) in entries)
        {
            writer.WriteRaw(key);
            writer.WriteRaw(value);
        }
    }

    /// <summary>Carries out an operation on the entry with a key; returns why not, or null.</summary>
    public string? Apply(UpdateOperation operation, byte[] key)
    {
        int at = Find(key);
        switch (operation.Code)
        {
            case '!' when at >= 0:
                return $"the key of '{operation.FieldText}' exists already";
            case '!' or '=' when at < 0:
                // Tarantool puts an added key first
                var encoded = new MsgPackWriter(key.Length + 5);
                encoded.WriteUtf8(key);
                entries.Insert(0, (encoded.ToArray(), operation.Value));
                return null;
        }

        if (at < 0)
        {
            return $"the key of '{operation.FieldText}' not found";
        }

        if (operation.Code == '#')
        {
            entries.RemoveAt(at);
            return operation.Count == 1 ? null : "only one key of a map can be deleted";
        }

        string? failure = UpdateScalar.Apply(operation, entries[at].Value, isDouble: false, out byte[] changed);
        entries[at] = (entries[at].Key, changed);
        return failure;
    }

    /// <summary>Carries out an operation below the value of a key.</summary>
    public string? ApplyInside(UpdateOperation operation, byte[] key, List<UpdatePath.Step> steps, int next)
    {
        int at = Find(key);
        if (at < 0)
        {
            return $"'{operation.FieldText}' leads nowhere";
        }

        string? failure = UpdateArray.ApplyPath(operation, entries[at].Value, steps, next, out byte[] changed);
        entries[at] = (entries[at].Key, changed);
        return failure;
    }

    private int Find(byte[] key) => entries.FindIndex(entry =>
    {
        var reader = new MsgPackReader(entry.Key);
        return reader.TryReadString(out ReadOnlySpan<byte> text) && text.SequenceEqual(key);
    });
}
