using System.Buffers.Binary;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Replication;

/// <summary>
/// The service <c>replication</c>: what a member and its primary say to each other. Specification, version 1:
///
/// The member opens the stream at the primary. The opening is a MessagePack array: version, UUID of the replicaset, UUID of the cluster, name, UUID of
/// the instance (texts), component of the log (0: no rows yet), highest term promised, term and LSN of the position (durable, and nothing is applied
/// behind it), wish (0 follow, 1 copy), whether batches may be compressed. A refusal is a <see cref="PeerException"/>: another cluster or
/// replicaset, not primary, a member that is not known, a higher term than the primary's.
///
/// Then frames: length of what follows (4 bytes), kind (1 byte), body; integers little-endian, 8 bytes unless said.
///
/// from the primary, first ACCEPT or NEEDS_COPY:
///   1 ACCEPT       term, epoch, commit LSN
///   2 NEEDS_COPY   reason (1 byte), text (UTF-8): the position cannot be continued (R5, R7); the stream ends
///   3 BATCH        term, LSN before, last LSN, commit LSN, unpacked length (4; 0: not packed), CRC-32C of the unpacked rows (4), rows (zstd when packed)
///   4 PROGRESS     term, last LSN, commit LSN: at least every <see cref="Heartbeat"/>
///   5 IMAGE        LSN, vector clock (text): a copy begins
///   6 IMAGE_ROWS   unpacked length (4), CRC-32C (4), rows: space id (4), length (4), tuple; packed as above
///   7 IMAGE_END    number of rows: the copy is whole, and all in it is durable at the primary
/// from the member:
///   8 ACK          term, LSN: everything up to there is synced (R1). Sent for each sync of rows, and in answer to PROGRESS.
///
/// W1 A BATCH continues the one before: its LSN before is that one's last, and the first one's is the position.
/// W2 All frames of a stream have one term, that of the reign in which the primary accepted it.
/// W3 Whatever does not fit is the end of the stream; the member comes back and tells its position again.
/// W4 Behind NEEDS_COPY and IMAGE_END the member closes the stream; the primary waits for that, so that its last words are not cut off.
/// </summary>
internal static class ReplicationWire
{
    public const string Service = "replication";
    public const int Version = 1, BatchHead = 40, ImageHead = 8;

    /// <summary>A frame longer than this is none.</summary>
    public const int MaxFrame = 1 << 30;

    /// <summary>Batches shorter than this are not worth packing.</summary>
    public const int PackFrom = 512;

    public static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(200);

    /// <summary>A commit LSN alone is told no more often.</summary>
    public static readonly TimeSpan CommitPace = TimeSpan.FromMilliseconds(10);

    /// <summary>A primary that says nothing for so long is not there.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);

    public static long ReadLong(ReadOnlySpan<byte> body, int index) => BinaryPrimitives.ReadInt64LittleEndian(body[(index * 8)..]);
}

/// <summary>Kinds of frames.</summary>
internal enum FrameKind : byte { Accept = 1, NeedsCopy, Batch, Progress, Image, ImageRows, ImageEnd, Ack }

/// <summary>What a member says when it opens a stream.</summary>
internal sealed record Opening(Guid Replicaset, Guid Cluster, string Name, Guid Instance, int Component, long Promised, ReplicaPosition Position, bool WantsCopy, bool MayPack)
{
    public byte[] Encode()
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(11);
        writer.WriteInt64(ReplicationWire.Version);
        writer.WriteString(Replicaset.ToString("D"));
        writer.WriteString(Cluster.ToString("D"));
        writer.WriteString(Name);
        writer.WriteString(Instance.ToString("D"));
        writer.WriteInt64(Component);
        writer.WriteInt64(Promised);
        writer.WriteInt64(Position.Term);
        writer.WriteInt64(Position.Lsn);
        writer.WriteInt64(WantsCopy ? 1 : 0);
        writer.WriteBoolean(MayPack);
        return writer.ToArray();
    }

    /// <summary>Throws <see cref="PeerException"/> for what is none.</summary>
    public static Opening Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        if (!reader.TryReadArrayHead(out int fields) || fields < 11 || !reader.TryReadInt64(out long version) || version != ReplicationWire.Version)
            throw new PeerException(PeerFailure.Refused, "not an opening of the replication protocol, version 1");
        if (TryReadUuid(ref reader, out Guid replicaset) && TryReadUuid(ref reader, out Guid cluster) && reader.TryReadString(out ReadOnlySpan<byte> name)
            && TryReadUuid(ref reader, out Guid instance) && reader.TryReadInt32(out int component) && reader.TryReadInt64(out long promised)
            && reader.TryReadInt64(out long term) && reader.TryReadInt64(out long lsn) && reader.TryReadInt64(out long wish) && reader.TryReadBoolean(out bool mayPack))
            return new Opening(replicaset, cluster, System.Text.Encoding.UTF8.GetString(name), instance, component, promised, new ReplicaPosition(term, lsn), wish == 1, mayPack);
        throw new PeerException(PeerFailure.Refused, "an opening of the replication protocol that cannot be read");
    }

    private static bool TryReadUuid(ref MsgPackReader reader, out Guid uuid)
    {
        uuid = default;
        return reader.TryReadString(out ReadOnlySpan<byte> text) && Guid.TryParse(text, out uuid);
    }
}
