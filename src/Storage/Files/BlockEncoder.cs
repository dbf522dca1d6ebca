namespace Picodata.Storage.Files;

/// <summary>How blocks are packed.</summary>
public sealed record BlockEncoderOptions
{
    /// <summary>
    /// A block is closed at the end of the transaction with which its payload reaches this many bytes.
    /// A log whose batches are one block each (<see cref="int.MaxValue"/>) has at most one block that a crash can tear.
    /// </summary>
    public int TargetPayload { get; init; } = BlockFormat.TargetPayload;

    /// <summary>Blocks of 2,048 bytes or more are compressed.</summary>
    public bool Compress { get; init; }

    public int CompressionLevel { get; init; } = ZstdCodec.DefaultLevel;
}

/// <summary>
/// Packs encoded rows into blocks in memory; whoever owns the file appends <see cref="Seal"/>'s bytes. Rows are written
/// straight behind room for the fixheader, so that a plain block is never copied.
///
/// Use: for each transaction <see cref="BeginTransaction"/>, rows through <see cref="Rows"/> by <see cref="RowEncoder"/>,
/// <see cref="EndTransaction"/> (or <see cref="CancelTransaction"/>); then <see cref="Seal"/>, write, <see cref="Clear"/>.
/// Sealing does the costly part (checksums, compression) and may run on another thread than adding, one after the other.
/// </summary>
public sealed class BlockEncoder(BlockEncoderOptions options) : IDisposable
{
    private readonly MsgPackWriter plain = new(64 * 1024);
    private readonly List<int> starts = [];
    private MsgPackWriter? packed;
    private ZstdCodec? codec;
    private int transactionStart = -1;
    private bool opensBlock = true;

    /// <summary>Where the rows of the open transaction go.</summary>
    public MsgPackWriter Rows => plain;

    /// <summary>Bytes of rows and fixheaders so far, before compression.</summary>
    public int Length => plain.Length;

    public bool IsEmpty => starts.Count == 0;

    public void BeginTransaction()
    {
        if (transactionStart >= 0)
        {
            throw new InvalidOperationException("a transaction is open already");
        }

        transactionStart = plain.Length;
        if (opensBlock)
        {
            plain.GetSpan(BlockFormat.FixheaderSize);
            plain.Advance(BlockFormat.FixheaderSize);
        }
    }

    /// <summary>Keeps the rows written since <see cref="BeginTransaction"/>; one without rows leaves no trace.</summary>
    public void EndTransaction()
    {
        int firstRow = transactionStart + (opensBlock ? BlockFormat.FixheaderSize : 0);
        if (plain.Length == firstRow)
        {
            CancelTransaction();
            return;
        }

        if (opensBlock)
        {
            starts.Add(transactionStart);
        }

        opensBlock = plain.Length - starts[^1] - BlockFormat.FixheaderSize >= options.TargetPayload;
        transactionStart = -1;
    }

    /// <summary>Forgets the rows written since <see cref="BeginTransaction"/>.</summary>
    public void CancelTransaction()
    {
        plain.Truncate(transactionStart);
        transactionStart = -1;
    }

    /// <summary>Completes all blocks and gives their bytes, valid until <see cref="Clear"/> or the next transaction.</summary>
    public ReadOnlyMemory<byte> Seal()
    {
        if (transactionStart >= 0)
        {
            throw new InvalidOperationException("a transaction is open");
        }

        opensBlock = true;
        packed?.Clear();
        bool compressed = false;
        for (int index = 0; index < starts.Count; index++)
        {
            int end = index + 1 < starts.Count ? starts[index + 1] : plain.Length;
            int size = end - starts[index];
            bool compress = options.Compress && size >= BlockFormat.CompressionThreshold;
            if (compress && !compressed)
            {
                compressed = true;
                packed ??= new MsgPackWriter(64 * 1024);
                packed.WriteRaw(plain.WrittenSpan[..starts[index]]);
            }

            SealBlock(plain.Written(starts[index], size), compress, compressed);
        }

        return compressed ? packed!.WrittenMemory : plain.WrittenMemory;
    }

    /// <summary>Forgets all blocks and keeps the buffers.</summary>
    public void Clear()
    {
        plain.Clear();
        packed?.Clear();
        starts.Clear();
        transactionStart = -1;
        opensBlock = true;
    }

    /// <inheritdoc/>
    public void Dispose() => codec?.Dispose();

    private void SealBlock(Span<byte> block, bool compress, bool copy)
    {
        Span<byte> payload = block[BlockFormat.FixheaderSize..];
        if (compress)
        {
            codec ??= new ZstdCodec(options.CompressionLevel);
            WriteCompressed(packed!, payload, codec);
            return;
        }

        BlockFormat.WriteFixheader(block, false, (uint)payload.Length, Crc32C.Compute(payload));
        if (copy)
        {
            packed!.WriteRaw(block);
        }
    }

    internal static void WriteCompressed(MsgPackWriter target, ReadOnlySpan<byte> payload, ZstdCodec codec)
    {
        int start = target.Length;
        target.GetSpan(BlockFormat.FixheaderSize);
        target.Advance(BlockFormat.FixheaderSize);
        codec.Compress(payload, target);
        Span<byte> block = target.Written(start, target.Length - start);
        Span<byte> stored = block[BlockFormat.FixheaderSize..];
        BlockFormat.WriteFixheader(block, true, (uint)stored.Length, Crc32C.Compute(stored));
    }
}
