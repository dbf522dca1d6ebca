using System.Buffers.Binary;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Replication;

/// <summary>
/// Frames over a stream (<see cref="ReplicationWire"/>). One thread writes and one reads at a time; a frame that was read is valid until the next.
/// </summary>
internal sealed class FrameStream(Stream stream) : IDisposable
{
    private readonly MsgPackWriter outgoing = new(4096);
    private readonly MsgPackWriter unpacked = new(256);
    private readonly byte[] head = new byte[5];
    private byte[] body = new byte[4096];
    private ZstdCodec? codec;

    public Stream Stream => stream;

    /// <summary>Kind of the frame that was read last.</summary>
    public FrameKind Kind { get; private set; }

    /// <summary>Its body.</summary>
    public ReadOnlyMemory<byte> Body { get; private set; }

    /// <summary>Reads the next frame; false at the end of the stream.</summary>
    public async ValueTask<bool> ReadAsync(CancellationToken cancel)
    {
        int read = await stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
        if (read == 0)
            return false;
        if (read < head.Length)
            throw new EndOfStreamException("the stream ended in a frame");
        int length = BinaryPrimitives.ReadInt32LittleEndian(head) - 1;
        if (length is < 0 or > ReplicationWire.MaxFrame)
            throw new InvalidDataException($"a frame of {length} bytes");
        Kind = (FrameKind)head[4];
        if (body.Length < length || (body.Length > MsgPackWriter.KeptCapacity && length < MsgPackWriter.KeptCapacity))
            body = new byte[Math.Max(length, 4096)];
        await stream.ReadExactlyAsync(body.AsMemory(0, length), cancel).ConfigureAwait(false);
        Body = body.AsMemory(0, length);
        return true;
    }

    /// <summary>Behind the last frame: waits until the other side has closed the stream (W4).</summary>
    public async ValueTask WaitForEndAsync(TimeProvider time, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(ReplicationWire.Silence, time);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            while (await ReadAsync(all.Token).ConfigureAwait(false))
            {
                // acknowledgements that were on their way
            }
        }
        catch (Exception ended) when (ended is IOException or OperationCanceledException or InvalidDataException)
        {
            // however it ended: the other side has what it was told, or comes back
        }
    }

    /// <summary>A frame of integers.</summary>
    public ValueTask WriteAsync(FrameKind kind, ReadOnlySpan<long> numbers, CancellationToken cancel)
    {
        Begin(kind);
        foreach (long number in numbers)
            WriteLong(number);
        return SendAsync(cancel);
    }

    /// <summary>A frame of integers and a text or raw bytes behind them.</summary>
    public ValueTask WriteAsync(FrameKind kind, ReadOnlySpan<long> numbers, ReadOnlySpan<byte> rest, CancellationToken cancel)
    {
        Begin(kind);
        foreach (long number in numbers)
            WriteLong(number);
        outgoing.WriteRaw(rest);
        return SendAsync(cancel);
    }

    /// <summary>A frame whose rows are packed when that is wanted and worth it. Returns the bytes sent.</summary>
    public async ValueTask<int> WriteRowsAsync(FrameKind kind, long[] numbers, ReadOnlyMemory<byte> rows, bool pack, CancellationToken cancel)
    {
        Begin(kind);
        foreach (long number in numbers)
            WriteLong(number);
        bool packs = pack && rows.Length >= ReplicationWire.PackFrom;
        WriteInt(packs ? rows.Length : 0);
        WriteInt((int)Crc32C.Compute(rows.Span));
        if (packs)
            (codec ??= new ZstdCodec(1)).Compress(rows.Span, outgoing);
        else
            outgoing.WriteRaw(rows.Span);
        await SendAsync(cancel).ConfigureAwait(false);
        return outgoing.Length;
    }

    /// <summary>The rows of a frame that was read, behind <paramref name="head"/> bytes that end with length and checksum; valid until the next frame.</summary>
    public ReadOnlyMemory<byte> Rows(int headLength)
    {
        ReadOnlySpan<byte> span = Body.Span;
        if (span.Length < headLength)
            throw new InvalidDataException("a frame that is cut off");
        int length = BinaryPrimitives.ReadInt32LittleEndian(span[(headLength - 8)..]);
        uint crc = BinaryPrimitives.ReadUInt32LittleEndian(span[(headLength - 4)..]);
        ReadOnlyMemory<byte> rows = Body[headLength..];
        if (length != 0)
        {
            unpacked.Clear();
            if ((codec ??= new ZstdCodec()).Decompress(rows.Span, unpacked, Math.Max(length, 0)) != UnpackResult.Done || unpacked.Length != length)
                throw new InvalidDataException("packed rows that cannot be unpacked");
            rows = unpacked.WrittenMemory;
        }
        return Crc32C.Compute(rows.Span) == crc ? rows : throw new InvalidDataException("rows with a wrong checksum");
    }

    public void Dispose() => codec?.Dispose();

    private void Begin(FrameKind kind)
    {
        outgoing.Clear();
        WriteInt(0);
        outgoing.WriteByte((byte)kind);
    }

    private void WriteLong(long number)
    {
        BinaryPrimitives.WriteInt64LittleEndian(outgoing.GetSpan(8), number);
        outgoing.Advance(8);
    }

    private void WriteInt(int number)
    {
        BinaryPrimitives.WriteInt32LittleEndian(outgoing.GetSpan(4), number);
        outgoing.Advance(4);
    }

    private async ValueTask SendAsync(CancellationToken cancel)
    {
        BinaryPrimitives.WriteInt32LittleEndian(outgoing.Written(0, 4), outgoing.Length - 4);
        await stream.WriteAsync(outgoing.WrittenMemory, cancel).ConfigureAwait(false);
        await stream.FlushAsync(cancel).ConfigureAwait(false);
    }
}
