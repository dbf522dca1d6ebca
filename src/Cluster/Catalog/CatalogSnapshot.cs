using System.Collections.Immutable;
using System.Security.Cryptography;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// The state of a <see cref="CatalogMachine"/> as bytes: snapshots of the Raft log, and images for learners.
/// <code>
/// "PCAT" [1, index, term, hash, [[table, [[key, version, tuple (bin)] ...]] ...], [[id (bin 16), isApplied, index] ...]] sha256 of all before
/// </code>
/// The library keeps no checksum of a snapshot and installs one whose transfer was cut: the trailer is what tells.
/// </summary>
public static class CatalogSnapshot
{
    private const int Version = 1;

    private static ReadOnlySpan<byte> Magic => "PCAT"u8;

    public static byte[] Encode(CatalogMachine machine) => Encode(machine.Image, machine.Remembered.ToList());

    /// <summary>True when the bytes are a whole snapshot.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Magic.Length + SHA256.HashSizeInBytes || !bytes.StartsWith(Magic))
            return false;
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes[..^SHA256.HashSizeInBytes], digest);
        return digest.SequenceEqual(bytes[^SHA256.HashSizeInBytes..]);
    }

    /// <summary>Puts the state into the machine. Throws <see cref="InvalidDataException"/> when the bytes are damaged or of an unknown version.</summary>
    public static void Restore(CatalogMachine machine, ReadOnlySpan<byte> bytes)
    {
        (CatalogImage image, List<(Guid, ProposalResult)> remembered) = Decode(bytes);
        machine.Restore(image, remembered);
    }

    /// <summary>The image alone.</summary>
    public static CatalogImage DecodeImage(ReadOnlySpan<byte> bytes) => Decode(bytes).Image;

    internal static byte[] Encode(CatalogImage image, List<(Guid Id, ProposalResult Result)> remembered)
    {
        var writer = new MsgPackWriter(1 << 12);
        writer.WriteRaw(Magic);
        writer.WriteArrayHead(6);
        writer.WriteInt64(Version);
        writer.WriteInt64(image.Index);
        writer.WriteInt64(image.Term);
        writer.WriteUInt64(image.Hash);
        writer.WriteArrayHead(image.Rows.Count);
        foreach ((string table, ImmutableSortedDictionary<string, CatalogRow> rows) in image.Rows)
        {
            writer.WriteArrayHead(2);
            writer.WriteString(table);
            writer.WriteArrayHead(rows.Count);
            foreach (CatalogRow row in rows.Values)
            {
                writer.WriteArrayHead(3);
                writer.WriteString(row.Key);
                writer.WriteInt64(row.Version);
                writer.WriteBinary(row.Tuple.Span);
            }
        }
        writer.WriteArrayHead(remembered.Count);
        foreach ((Guid id, ProposalResult result) in remembered)
        {
            writer.WriteArrayHead(3);
            writer.WriteBinary(id.ToByteArray());
            writer.WriteBoolean(result.IsApplied);
            writer.WriteInt64(result.Index);
        }
        writer.WriteRaw(SHA256.HashData(writer.WrittenSpan));
        return writer.ToArray();
    }

    private static (CatalogImage Image, List<(Guid, ProposalResult)> Remembered) Decode(ReadOnlySpan<byte> bytes)
    {
        if (!IsWhole(bytes))
            throw new InvalidDataException($"a catalog snapshot of {bytes.Length} bytes fails its checksum");
        var reader = new MsgPackReader(bytes[Magic.Length..^SHA256.HashSizeInBytes]);
        Expect(6, reader.ReadArrayHead());
        if (reader.ReadInt64() is var version && version != Version)
            throw new InvalidDataException($"a catalog snapshot of encoding {version}: this program knows {Version}");
        long index = reader.ReadInt64(), term = reader.ReadInt64();
        ulong hash = reader.ReadUInt64();
        var tables = ImmutableSortedDictionary.CreateBuilder<string, ImmutableSortedDictionary<string, CatalogRow>>(StringComparer.Ordinal);
        for (int count = reader.ReadArrayHead(); count > 0; count--)
        {
            Expect(2, reader.ReadArrayHead());
            string table = reader.ReadString();
            tables.Add(table, ReadRows(ref reader, table));
        }
        var remembered = new List<(Guid, ProposalResult)>();
        for (int count = reader.ReadArrayHead(); count > 0; count--)
        {
            Expect(3, reader.ReadArrayHead());
            Guid id = CatalogCommand.ReadId(ref reader);
            bool isApplied = reader.ReadBoolean();
            remembered.Add((id, new ProposalResult(isApplied, reader.ReadInt64())));
        }
        return (new CatalogImage(index, term, hash, tables.ToImmutable()), remembered);
    }

    private static ImmutableSortedDictionary<string, CatalogRow> ReadRows(ref MsgPackReader reader, string table)
    {
        ImmutableSortedDictionary<string, CatalogRow>.Builder rows = CatalogEffect.NoRows.ToBuilder();
        for (int count = reader.ReadArrayHead(); count > 0; count--)
        {
            Expect(3, reader.ReadArrayHead());
            string key = reader.ReadString();
            long version = reader.ReadInt64();
            rows.Add(key, new CatalogRow(table, key, reader.ReadBinary().ToArray(), version));
        }
        return rows.ToImmutable();
    }

    private static void Expect(int wanted, int found)
    {
        if (wanted != found)
            throw new InvalidDataException($"{found} parts where a catalog snapshot has {wanted}");
    }
}
