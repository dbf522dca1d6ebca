using Picodata.Replication;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// What an instance tells the leader of itself. Array: number u, name s, uuid s, incarnation u, boot counter u, role u, term u, lsn u, commit lsn u,
/// reign epoch u, catalog index u, promised term u.
/// </summary>
/// <param name="Number">Grows with every heartbeat of a stream; the answer repeats it.</param>
/// <param name="Incarnation">The one that its activation was given; 0 before.</param>
/// <param name="BootCounter">Starts of the directory.</param>
/// <param name="Role">While there is no open data (it is being copied anew): <see cref="ReplicationRole.NeedsCopy"/>.</param>
/// <param name="Position">Where its log ends, durably.</param>
/// <param name="CommitLsn">Highest LSN that it knows to be committed.</param>
/// <param name="ReignEpoch">Epoch of the reign that its data path has applied, 0 for none.</param>
/// <param name="CatalogIndex">Index of the catalog that it has applied.</param>
/// <param name="PromisedTerm">It takes no rows of lower terms (R3); above the reign's term when an election came to nothing.</param>
public sealed record HeartbeatReport(
    long Number,
    string Name,
    Guid Uuid,
    long Incarnation,
    long BootCounter,
    ReplicationRole Role,
    ReplicaPosition Position,
    long CommitLsn,
    long ReignEpoch,
    long CatalogIndex,
    long PromisedTerm = 0)
{
    public void Write(MsgPackWriter writer)
    {
        writer.WriteArrayHead(12);
        writer.WriteInt64(Number);
        writer.WriteString(Name);
        writer.WriteString(Uuid.ToString("D"));
        writer.WriteInt64(Incarnation);
        writer.WriteInt64(BootCounter);
        writer.WriteInt64((int)Role);
        writer.WriteInt64(Position.Term);
        writer.WriteInt64(Position.Lsn);
        writer.WriteInt64(CommitLsn);
        writer.WriteInt64(ReignEpoch);
        writer.WriteInt64(CatalogIndex);
        writer.WriteInt64(PromisedTerm);
    }

    public static HeartbeatReport Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        reader.ReadArrayHead();
        return new HeartbeatReport(
            reader.ReadInt64(),
            reader.ReadString(),
            Guid.Parse(reader.ReadString()),
            reader.ReadInt64(),
            reader.ReadInt64(),
            (ReplicationRole)reader.ReadInt64(),
            new ReplicaPosition(reader.ReadInt64(), reader.ReadInt64()),
            reader.ReadInt64(),
            reader.ReadInt64(),
            reader.ReadInt64(),
            reader.ReadInt64());
    }
}

/// <summary>
/// The leader's answer. Array: number u, catalog index u, superseded b, reign term u, lease in microseconds u.
/// </summary>
/// <param name="Number">Of the heartbeat that is answered.</param>
/// <param name="CatalogIndex">What the leader has applied.</param>
/// <param name="IsSuperseded">A later process has been activated under the same name: this one must stop.</param>
/// <param name="LeaseTerm">Term of the reign that the lease is for; 0: no lease.</param>
/// <param name="Lease">The lease lasts this long, counted from the moment at which the heartbeat was sent.</param>
public sealed record HeartbeatAnswer(long Number, long CatalogIndex, bool IsSuperseded, long LeaseTerm, TimeSpan Lease)
{
    public void Write(MsgPackWriter writer)
    {
        writer.WriteArrayHead(5);
        writer.WriteInt64(Number);
        writer.WriteInt64(CatalogIndex);
        writer.WriteBoolean(IsSuperseded);
        writer.WriteInt64(LeaseTerm);
        writer.WriteInt64((long)Lease.TotalMicroseconds);
    }

    public static HeartbeatAnswer Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        reader.ReadArrayHead();
        return new HeartbeatAnswer(reader.ReadInt64(), reader.ReadInt64(), reader.ReadBoolean(), reader.ReadInt64(), TimeSpan.FromMicroseconds(reader.ReadInt64()));
    }
}

/// <summary>Frames of the heartbeat stream: length (2 bytes, big endian), MessagePack. Used by one reader and one writer at a time.</summary>
internal sealed class HeartbeatFrames(Stream stream)
{
    private readonly MsgPackWriter writer = new(256);
    private readonly byte[] incoming = new byte[2 + ushort.MaxValue];

    public async ValueTask WriteAsync(Action<MsgPackWriter> write, CancellationToken cancel)
    {
        writer.Clear();
        writer.WriteByte(0);
        writer.WriteByte(0);
        write(writer);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(writer.Written(0, 2), checked((ushort)(writer.Length - 2)));
        await stream.WriteAsync(writer.WrittenMemory, cancel);
        await stream.FlushAsync(cancel);
    }

    /// <summary>The next frame, valid until the next call; null at the end of the stream.</summary>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancel)
    {
        if (!await FillAsync(0, 2, cancel))
        {
            return null;
        }

        int length = System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(incoming);
        return await FillAsync(2, length, cancel) ? incoming.AsMemory(2, length) : null;
    }

    /// <summary>False at the end of the stream. (The framework's own method leaves the context that a simulation keeps its thread with.)</summary>
    private async ValueTask<bool> FillAsync(int from, int count, CancellationToken cancel)
    {
        for (int done = 0; done < count;)
        {
            int read = await stream.ReadAsync(incoming.AsMemory(from + done, count - done), cancel);
            if (read == 0)
            {
                return false;
            }

            done += read;
        }

        return true;
    }
}
