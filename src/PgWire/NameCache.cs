
namespace Picodata.PgWire;

/// <summary>Strings of the few statement and portal names that a client repeats, so that a Bind makes no string.</summary>
internal sealed class NameCache
{
    private const int Size = 32;

    private readonly (byte[] Bytes, string Name)[] _entries = new (byte[], string)[Size];

    public string Get(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return "";
        }

        ref (byte[]? Bytes, string Name) entry = ref _entries[(bytes[^1] + (bytes.Length * 7)) % Size]!;
        if (entry.Bytes is null || !bytes.SequenceEqual(entry.Bytes))
        {
            entry = (bytes.ToArray(), MessageParser.Utf8(bytes));
        }

        return entry.Name;
    }
}
