namespace Picodata.Storage.Files;

/// <summary>One row of a block. Slices of <see cref="Body"/> are positions in the payload of the row's block.</summary>
public struct LogRow
{
    public RowHeader Header;
    public RowBody Body;

    /// <summary>Header and body in the payload.</summary>
    public PayloadSlice Whole;
}

/// <summary>
/// One block, unpacked and parsed. It belongs to its reader and is valid until the reader's next step: who wants to keep
/// bytes copies them.
/// </summary>
public sealed class LogBlock
{
    private byte[] payload = [];
    private int payloadStart;
    private int payloadLength;
    private LogRow[] rows = [];
    private int firstRow;
    private int rowCount;

    /// <summary>Offset of the block in its file.</summary>
    public long Offset { get; private set; }

    /// <summary>Bytes in the file, fixheader included.</summary>
    public long StoredSize { get; private set; }

    public bool IsCompressed { get; private set; }

    /// <summary>The unpacked bytes.</summary>
    public ReadOnlySpan<byte> Payload => payload.AsSpan(payloadStart, payloadLength);

    /// <inheritdoc cref="Payload"/>
    public ReadOnlyMemory<byte> PayloadMemory => payload.AsMemory(payloadStart, payloadLength);

    public ReadOnlySpan<LogRow> Rows => rows.AsSpan(firstRow, rowCount);

    /// <summary>What ended the parsing of the block early, or null. The rows before are there.</summary>
    public LogProblem? Problem { get; internal set; }

    /// <summary>The bytes of a part of a row's body.</summary>
    public ReadOnlySpan<byte> Bytes(PayloadSlice slice) => payload.AsSpan(payloadStart + slice.Start, slice.Length);

    /// <inheritdoc cref="Bytes"/>
    public ReadOnlyMemory<byte> Memory(PayloadSlice slice) => payload.AsMemory(payloadStart + slice.Start, slice.Length);

    internal uint StoredCrc { get; private set; }

    /// <summary>Offset right behind the block.</summary>
    public long End => Offset + StoredSize;

    internal void SetPlace(long offset, long storedSize, bool isCompressed, uint storedCrc)
    {
        Offset = offset;
        StoredSize = storedSize;
        IsCompressed = isCompressed;
        StoredCrc = storedCrc;
        Problem = null;
        payloadLength = 0;
        rowCount = 0;
    }

    internal void SetPayload(byte[] bytes, int start, int length)
    {
        payload = bytes;
        payloadStart = start;
        payloadLength = length;
    }

    internal void SetRows(LogRow[] all, int first, int count)
    {
        rows = all;
        firstRow = first;
        rowCount = count;
    }
}
