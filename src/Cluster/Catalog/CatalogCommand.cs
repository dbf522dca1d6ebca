using System.Collections.Immutable;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// A proposal as bytes of the Raft log and of <c>.proc_cas_v2</c>. MessagePack:
/// <code>
/// [1, id (bin 16), [[table, key, version] ...], [[table, key, tuple (bin) or nil] ...]]
/// </code>
/// The first number is the version of the encoding. A reader refuses versions that it does not know: an older program must not guess what a newer
/// leader ordered.
/// </summary>
public static class CatalogCommand
{
    /// <summary>
    /// Largest encoded command in bytes. A follower's backlog travels in one request of the library, and the log since the last snapshot is held in
    /// memory: commands are small.
    /// </summary>
    public const int MaxBytes = 256 << 10;

    private const int Version = 1;

    /// <summary>Throws <see cref="ArgumentException"/> when the command is larger than <see cref="MaxBytes"/>.</summary>
    public static byte[] Encode(CatalogProposal proposal)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(4);
        writer.WriteInt64(Version);
        writer.WriteBinary(proposal.Id.ToByteArray());
        writer.WriteArrayHead(proposal.Expected.Length);
        foreach (CatalogExpectation expected in proposal.Expected)
        {
            writer.WriteArrayHead(3);
            writer.WriteString(expected.Table);
            writer.WriteString(expected.Key);
            writer.WriteInt64(expected.Version);
        }
        WriteChanges(writer, proposal.Changes);
        if (writer.Length > MaxBytes)
            throw new ArgumentException($"a catalog command of {writer.Length} bytes is larger than {MaxBytes}", nameof(proposal));
        return writer.ToArray();
    }

    /// <summary>Throws <see cref="InvalidDataException"/> for bytes that are no command of a known version.</summary>
    public static CatalogProposal Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        int parts = reader.ReadArrayHead();
        long version = parts > 0 ? reader.ReadInt64() : 0;
        if (version != Version || parts != 4)
            throw new InvalidDataException($"a catalog command of encoding {version} with {parts} parts: this program knows encoding {Version}; run the version that the leader runs");
        Guid id = ReadId(ref reader);
        var expected = ImmutableArray.CreateBuilder<CatalogExpectation>(reader.ReadArrayHead());
        for (int i = expected.Capacity; i > 0; i--)
        {
            CheckParts(reader.ReadArrayHead());
            expected.Add(new CatalogExpectation(reader.ReadString(), reader.ReadString(), reader.ReadInt64()));
        }
        ImmutableArray<CatalogChange> changes = ReadChanges(ref reader);
        if (!reader.AtEnd)
            throw new InvalidDataException($"{reader.Remaining} bytes behind the end of a catalog command");
        return new CatalogProposal(id, expected.MoveToImmutable(), changes);
    }

    internal static void WriteChanges(MsgPackWriter writer, ImmutableArray<CatalogChange> changes)
    {
        writer.WriteArrayHead(changes.Length);
        foreach (CatalogChange change in changes)
        {
            writer.WriteArrayHead(3);
            writer.WriteString(change.Table);
            writer.WriteString(change.Key);
            if (change.Tuple is { } tuple)
                writer.WriteBinary(tuple.Span);
            else
                writer.WriteNil();
        }
    }

    internal static ImmutableArray<CatalogChange> ReadChanges(ref MsgPackReader reader)
    {
        var changes = ImmutableArray.CreateBuilder<CatalogChange>(reader.ReadArrayHead());
        for (int i = changes.Capacity; i > 0; i--)
        {
            CheckParts(reader.ReadArrayHead());
            string table = reader.ReadString(), key = reader.ReadString();
            // the cast matters: without it a null array would become an empty tuple
            ReadOnlyMemory<byte>? tuple = reader.TryReadNil() ? null : (ReadOnlyMemory<byte>?)reader.ReadBinary().ToArray();
            changes.Add(new CatalogChange(table, key, tuple));
        }
        return changes.MoveToImmutable();
    }

    internal static Guid ReadId(ref MsgPackReader reader)
    {
        ReadOnlySpan<byte> id = reader.ReadBinary();
        return id.Length == 16 ? new Guid(id) : throw new InvalidDataException($"an id of {id.Length} bytes");
    }

    private static void CheckParts(int parts)
    {
        if (parts != 3)
            throw new InvalidDataException($"a catalog change of {parts} parts");
    }
}
