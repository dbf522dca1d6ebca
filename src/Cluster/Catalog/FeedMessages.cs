using System.Buffers.Binary;
using System.Collections.Immutable;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>What a voter knows of the group, for those who follow it.</summary>
/// <param name="Term">Raft term.</param>
/// <param name="Leader">iproto address of the leader, or null when none is known.</param>
/// <param name="Voters">iproto addresses of the voters, in ordinal order.</param>
internal sealed record GroupView(long Term, string? Leader, ImmutableArray<string> Voters)
{
    public static readonly GroupView Unknown = new(0, null, []);

    public bool Equals(GroupView? other) => other is not null && Term == other.Term && Leader == other.Leader && Voters.SequenceEqual(other.Voters);

    public override int GetHashCode() => HashCode.Combine(Term, Leader, Voters.Length);
}

/// <summary>
/// The service <c>feed</c>: a voter tells a learner what it applies.
/// <code>
/// opening:  [1, index, hash]                       what the learner has
/// messages: length (4 bytes, big endian), then one of
///           [0, term, leader or nil, [voter ...]]  the group; first of all, at every change, and as a sign of life
///           [1, index, term, hash, changes]        one command's effect; the hash is the one behind it
///           [2, snapshot (bin)]                    a whole image, see <see cref="CatalogSnapshot"/>
/// </code>
/// </summary>
internal static class FeedMessages
{
    public const string Service = "feed";

    /// <summary>Largest message that a learner takes, in bytes.</summary>
    private const int MaxBytes = 64 << 20;

    private const int Version = 1;

    public static ReadOnlyMemory<byte> Opening(CatalogImage has)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(3);
        writer.WriteInt64(Version);
        writer.WriteInt64(has.Index);
        writer.WriteUInt64(has.Hash);
        return writer.ToArray();
    }

    public static (long Index, ulong Hash) ReadOpening(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        if (!reader.TryReadArrayHead(out int parts) || parts != 3 || !reader.TryReadInt64(out long version) || version != Version
            || !reader.TryReadInt64(out long index) || !reader.TryReadUInt64(out ulong hash))
            throw new PeerException(PeerFailure.Refused, "the feed's opening is of another version");
        return (index, hash);
    }

    public static void Write(MsgPackWriter writer, GroupView view) => Framed(writer, () =>
    {
        writer.WriteArrayHead(4);
        writer.WriteInt64(0);
        writer.WriteInt64(view.Term);
        WriteText(writer, view.Leader);
        writer.WriteArrayHead(view.Voters.Length);
        foreach (string voter in view.Voters)
            writer.WriteString(voter);
    });

    public static void Write(MsgPackWriter writer, FeedItem item) => Framed(writer, () =>
    {
        writer.WriteArrayHead(5);
        writer.WriteInt64(1);
        writer.WriteInt64(item.Effect.Index);
        writer.WriteInt64(item.Effect.Term);
        writer.WriteUInt64(item.Hash);
        CatalogCommand.WriteChanges(writer, item.Effect.Changes);
    });

    public static void Write(MsgPackWriter writer, CatalogImage image) => Framed(writer, () =>
    {
        writer.WriteArrayHead(2);
        writer.WriteInt64(2);
        writer.WriteBinary(CatalogSnapshot.Encode(image, []));
    });

    /// <summary>The next message: a <see cref="GroupView"/>, <see cref="FeedItem"/> or <see cref="CatalogImage"/>; null at the end of the stream.</summary>
    public static async ValueTask<object?> ReadAsync(Stream stream, CancellationToken cancel)
    {
        byte[] head = new byte[4];
        int read = await stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
        if (read < head.Length)
            return null;
        int length = BinaryPrimitives.ReadInt32BigEndian(head);
        if (length is <= 0 or > MaxBytes)
            throw new InvalidDataException($"a message of {length} bytes in the catalog's feed");
        byte[] body = new byte[length];
        await stream.ReadExactlyAsync(body, cancel).ConfigureAwait(false);
        return Decode(body);
    }

    internal static void WriteText(MsgPackWriter writer, string? text)
    {
        if (text is null)
            writer.WriteNil();
        else
            writer.WriteString(text);
    }

    internal static ImmutableArray<string> ReadTexts(ref MsgPackReader reader)
    {
        var texts = ImmutableArray.CreateBuilder<string>();
        for (int count = reader.ReadArrayHead(); count > 0; count--)
            texts.Add(reader.ReadString());
        return texts.ToImmutable();
    }

    private static object Decode(ReadOnlySpan<byte> body)
    {
        var reader = new MsgPackReader(body);
        reader.ReadArrayHead();
        switch (reader.ReadInt64())
        {
            case 0:
                long term = reader.ReadInt64();
                string? leader = reader.TryReadNil() ? null : reader.ReadString();
                return new GroupView(term, leader, ReadTexts(ref reader));
            case 1:
                long index = reader.ReadInt64(), of = reader.ReadInt64();
                ulong hash = reader.ReadUInt64();
                return new FeedItem(new CatalogEffect(index, of, CatalogCommand.ReadChanges(ref reader)), hash);
            case 2:
                return CatalogSnapshot.DecodeImage(reader.ReadBinary());
            case var kind:
                throw new InvalidDataException($"a message of kind {kind} in the catalog's feed");
        }
    }

    private static void Framed(MsgPackWriter writer, Action write)
    {
        int start = writer.Length;
        writer.WriteRaw([0, 0, 0, 0]);
        write();
        BinaryPrimitives.WriteInt32BigEndian(writer.Written(start, 4), writer.Length - start - 4);
    }
}
