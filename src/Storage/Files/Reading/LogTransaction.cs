namespace Picodata.Storage.Files;

/// <summary>
/// The rows of one transaction, in order. Like its block it is valid until the reader's next step.
/// </summary>
public readonly ref struct LogTransaction(LogBlock block, int first, int count, long offset)
{
    /// <summary>The block that holds the payload. For a transaction that was spread over blocks, one made for it.</summary>
    public LogBlock Block => block;

    /// <summary>Offset in the file of the block with the first row.</summary>
    public long Offset => offset;

    public ReadOnlySpan<LogRow> Rows => block.Rows.Slice(first, count);
}
