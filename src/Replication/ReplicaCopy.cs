using Picodata.Core;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Replication;

/// <summary>What a copy is made from and where it goes.</summary>
public sealed record CopyRequest
{
    /// <summary>Disk, time and log of the instance.</summary>
    public required StorageEnvironment Storage { get; init; }

    /// <summary>The instance's directory; made when it is not there. No database may be open on it.</summary>
    public required string Directory { get; init; }

    /// <summary>Name of the instance.</summary>
    public required string Name { get; init; }

    /// <summary>UUID of the instance, as the catalog knows it.</summary>
    public required Guid InstanceUuid { get; init; }

    public required Guid ReplicasetUuid { get; init; }

    public required Guid ClusterUuid { get; init; }

    /// <summary>iproto address of the primary.</summary>
    public required string PrimaryAddress { get; init; }

    /// <summary>Rows of replica-local spaces to take over from the old files (<see cref="Database.LocalRows"/>).</summary>
    public IReadOnlyList<(uint SpaceId, ReadOnlyMemory<byte> Tuple)> LocalRows { get; init; } = [];

    /// <summary>Ask for packed rows (between failure domains).</summary>
    public bool Compress { get; init; }

    /// <summary>Told the rows received so far, now and then.</summary>
    public Action<long> OnProgress { get; init; } = static _ => { };
}

/// <summary>Receives all rows of a replicaset from its primary as the first snapshot of a directory.</summary>
public static class ReplicaCopy
{
    /// <summary>
    /// When it returns, the directory holds the copy and opens as the instance's own; the old files end in <c>.superseded</c>. When it throws
    /// (<see cref="PeerException"/>, <see cref="IOException"/>, <see cref="InvalidDataException"/>), the directory is as it was. Returns the LSN of the copy.
    /// </summary>
    public static async Task<long> ReceiveAsync(CopyRequest request, IPeerNetwork network, CancellationToken cancel)
    {
        IFileSystem files = request.Storage.Files;
        if (!files.DirectoryExists(request.Directory))
        {
            files.CreateDirectory(request.Directory);
            if (Path.GetDirectoryName(request.Directory) is { Length: > 0 } parent)
                files.SyncDirectory(parent);
        }
        using IDisposable held = files.LockDirectory(request.Directory);
        var opening = new Opening(request.ReplicasetUuid, request.ClusterUuid, request.Name, request.InstanceUuid, 0, 0, default, WantsCopy: true, request.Compress);
        Stream stream = await network.OpenAsync(request.PrimaryAddress, ReplicationWire.Service, opening.Encode(), cancel).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            using var frames = new FrameStream(stream);
            return await ReceiveAsync(request, frames, cancel).ConfigureAwait(false);
        }
    }

    private static async Task<long> ReceiveAsync(CopyRequest request, FrameStream frames, CancellationToken cancel)
    {
        using var silence = new CancellationTokenSource(TimeSpan.FromSeconds(30), request.Storage.Time);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancel, silence.Token);
        await ExpectAsync(frames, FrameKind.Image, all.Token).ConfigureAwait(false);
        long lsn = ReplicationWire.ReadLong(frames.Body.Span, 0);
        if (!VClock.TryParse(System.Text.Encoding.ASCII.GetString(frames.Body.Span[8..]), out VClock clock))
            throw new InvalidDataException("a copy with a vector clock that cannot be read");
        using ReceivedSnapshot snapshot = ReceivedSnapshot.Begin(request.Storage, request.Directory, request.InstanceUuid, clock, request.LocalRows);
        while (true)
        {
            if (!await frames.ReadAsync(all.Token).ConfigureAwait(false))
                throw new EndOfStreamException("the primary broke off the copy");
            silence.CancelAfter(TimeSpan.FromSeconds(30));
            if (frames.Kind == FrameKind.ImageEnd)
                break;
            if (frames.Kind != FrameKind.ImageRows)
                throw new InvalidDataException($"a frame {frames.Kind} in a copy");
            AddRows(snapshot, frames.Rows(ReplicationWire.ImageHead).Span);
            request.OnProgress(snapshot.Rows);
        }
        long sent = ReplicationWire.ReadLong(frames.Body.Span, 0);
        if (sent != snapshot.Rows)
            throw new InvalidDataException($"{sent} rows were sent, {snapshot.Rows} came");
        snapshot.Complete();
        return lsn;
    }

    private static async ValueTask ExpectAsync(FrameStream frames, FrameKind kind, CancellationToken cancel)
    {
        if (!await frames.ReadAsync(cancel).ConfigureAwait(false))
            throw new EndOfStreamException("the primary closed the stream");
        if (frames.Kind != kind || frames.Body.Length < 8)
            throw new InvalidDataException($"a frame {frames.Kind} where {kind} should be");
    }

    private static void AddRows(ReceivedSnapshot snapshot, ReadOnlySpan<byte> rows)
    {
        while (rows.Length > 0)
        {
            if (rows.Length < 8)
                throw new InvalidDataException("rows of a copy that are cut off");
            uint space = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(rows);
            int length = System.Buffers.Binary.BinaryPrimitives.ReadInt32LittleEndian(rows[4..]);
            if (length < 0 || length > rows.Length - 8)
                throw new InvalidDataException("rows of a copy that are cut off");
            snapshot.Add(space, rows.Slice(8, length));
            rows = rows[(8 + length)..];
        }
    }
}
