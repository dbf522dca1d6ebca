using Picodata.Core;

namespace Picodata.Storage.Files;

/// <summary>How a snapshot is written.</summary>
public sealed record SnapWriterOptions
{
    public bool Compress { get; init; } = true;

    public int CompressionLevel { get; init; } = ZstdCodec.DefaultLevel;

    /// <summary>Blocks that are packed at the same time on other threads; 0 packs on the calling thread.</summary>
    public int Parallelism { get; init; } = Math.Max(1, Environment.ProcessorCount - 1);

    /// <summary>The file is synced each time so many bytes were written, so that the last sync is short; 0 syncs never.</summary>
    public long SyncEvery { get; init; } = 16 << 20;

    /// <summary>The time of all rows, seconds since 1970.</summary>
    public double Timestamp { get; init; }
}

/// <summary>
/// Streams one snapshot into a file: text header, blocks of about 128 KiB, EOF marker. Blocks are compressed on other
/// threads and written in their order by the calling thread, which alone touches the file.
///
/// Rows come in file order: system spaces by id, then user spaces, each in primary key order. After
/// <see cref="Complete"/> the caller syncs, renames and syncs the directory.
/// </summary>
public sealed class SnapWriter : IDisposable
{
    private readonly IFile file;
    private readonly SnapWriterOptions options;
    private readonly Queue<Task<MsgPackWriter>> packing = new();
    private readonly Stack<MsgPackWriter> spare = new();
    private readonly System.Collections.Concurrent.ConcurrentBag<ZstdCodec> codecs = [];
    private MsgPackWriter open;
    private long position;
    private long synced;

    /// <summary>Writes the header into an empty file. The file stays the caller's.</summary>
    public SnapWriter(IFile file, LogHeader header, SnapWriterOptions options)
    {
        this.file = file;
        this.options = options;
        byte[] text = header.Encode();
        file.Write(0, text);
        position = text.Length;
        open = NewBlock();
    }

    /// <summary>Rows added so far.</summary>
    public long Rows { get; private set; }

    /// <summary>Bytes written to the file so far.</summary>
    public long BytesWritten => position;

    /// <summary>Adds a row: a MessagePack array of a space.</summary>
    public void AddRow(uint spaceId, ReadOnlySpan<byte> tuple, bool isLocal = false)
    {
        RowEncoder.WriteSnapshotRow(open, Rows++, options.Timestamp, isLocal, spaceId, tuple);
        if (open.Length >= BlockFormat.TargetPayload)
        {
            CloseBlock();
        }
    }

    /// <summary>Writes what is open, and the EOF marker. Does not sync.</summary>
    public void Complete()
    {
        CloseBlock();
        while (packing.Count > 0)
        {
            WriteOldest();
        }

        file.Write(position, BlockFormat.EofMarker);
        position += BlockFormat.EofMarker.Length;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // a packing thread may still use a codec when writing failed: wait for it, its result is not wanted
        while (packing.TryDequeue(out Task<MsgPackWriter>? pending))
        {
            pending.ContinueWith(static done => done.Exception, TaskScheduler.Default).Wait();
        }

        while (codecs.TryTake(out ZstdCodec? codec))
        {
            codec.Dispose();
        }
    }

    private void CloseBlock()
    {
        if (open.Length == BlockFormat.FixheaderSize)
        {
            return;
        }

        MsgPackWriter full = open;
        packing.Enqueue(options.Parallelism == 0 ? Task.FromResult(Pack(full)) : Task.Run(() => Pack(full)));
        while (packing.Count > options.Parallelism * 2)
        {
            WriteOldest();
        }

        open = NewBlock();
    }

    private MsgPackWriter NewBlock()
    {
        MsgPackWriter block = spare.TryPop(out MsgPackWriter? used) ? used : new MsgPackWriter(BlockFormat.TargetPayload + 8192);
        block.Clear();
        block.GetSpan(BlockFormat.FixheaderSize);
        block.Advance(BlockFormat.FixheaderSize);
        return block;
    }

    private MsgPackWriter Pack(MsgPackWriter block)
    {
        Span<byte> payload = block.Written(BlockFormat.FixheaderSize, block.Length - BlockFormat.FixheaderSize);
        if (!options.Compress || block.Length < BlockFormat.CompressionThreshold)
        {
            BlockFormat.WriteFixheader(block.Written(0, BlockFormat.FixheaderSize), false, (uint)payload.Length, Crc32C.Compute(payload));
            return block;
        }

        ZstdCodec codec = codecs.TryTake(out ZstdCodec? idle) ? idle : new ZstdCodec(options.CompressionLevel);
        var packed = new MsgPackWriter(block.Length / 2);
        BlockEncoder.WriteCompressed(packed, payload, codec);
        codecs.Add(codec);
        block.Clear();
        block.WriteRaw(packed.WrittenSpan);
        return block;
    }

    private void WriteOldest()
    {
        MsgPackWriter block = packing.Peek().GetAwaiter().GetResult();
        packing.Dequeue();
        file.Write(position, block.WrittenSpan);
        position += block.Length;
        spare.Push(block);
        if (options.SyncEvery > 0 && position - synced >= options.SyncEvery)
        {
            file.Sync();
            synced = position;
        }
    }
}
