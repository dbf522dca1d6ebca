using Picodata.Core;

namespace Picodata.Storage.Files;

/// <summary>What a reader does about damage.</summary>
public enum DamagePolicy
{
    /// <summary>The first damage is thrown as a <see cref="CorruptionException"/>.</summary>
    Refuse,

    /// <summary>Damage is recorded; reading ends where nothing can be trusted any more.</summary>
    Stop,

    /// <summary>Damage is recorded; reading goes on at the next magic behind it.</summary>
    Skip,
}

/// <summary>How a file is read.</summary>
public sealed record LogReadOptions
{
    public DamagePolicy Damage { get; init; } = DamagePolicy.Refuse;

    /// <summary>Units of blocks that are unpacked and parsed at the same time on other threads; 0 works on the calling thread.</summary>
    public int Parallelism { get; init; }

    /// <summary>Most bytes that one compressed block may unpack to.</summary>
    public long MaxUnpacked { get; init; } = 1L << 30;

    /// <summary>
    /// For the newest log of an instance that may have lost power: damage in the last block is a remark
    /// (<see cref="DamageKinds.TailTorn"/>) when it looks as unsynced writes do: no valid block and no EOF marker
    /// behind it, and at least one of its sectors of 512 bytes was never written (all zeros). Whoever sets it must have
    /// written every batch as one block.
    /// </summary>
    public bool AcceptTornTail { get; init; }
}

/// <summary>Where and how a file ended.</summary>
/// <param name="IsFinished">True when the EOF marker was there.</param>
/// <param name="ValidBytes">Offset of the EOF marker, or of the first byte that is not part of a whole block: where a log may be cut and appended to.</param>
public sealed record LogEnd(bool IsFinished, long ValidBytes);

/// <summary>
/// Reads one <c>.snap</c> or <c>.xlog</c> from its start to its end and checks everything that can be checked without
/// the other files: header, blocks, checksums, frames, rows, order of LSNs, wholeness of transactions, the end.
/// Used by one thread at a time; decoding is spread over others by <see cref="LogReadOptions.Parallelism"/>.
/// </summary>
public sealed class LogFileReader : IDisposable
{
    /// <summary>Opens a file and reads its header. Damage of the header is thrown, whatever the policy.</summary>
    public static LogFileReader Open(IFileSystem files, string path, LogReadOptions options) => throw new NotImplementedException();

    public string Path => throw new NotImplementedException();

    public LogFileKind Kind => Header.Kind;

    public LogHeader Header => throw new NotImplementedException();

    /// <summary>Bytes of the text header.</summary>
    public int HeaderLength => throw new NotImplementedException();

    /// <summary>Remarks and, unless the policy is to refuse, damage; in the order in which they were found.</summary>
    public IReadOnlyList<LogProblem> Problems => throw new NotImplementedException();

    /// <summary>The end; null before it was reached.</summary>
    public LogEnd? End => throw new NotImplementedException();

    /// <summary>A log's VClock advanced by the rows read so far.</summary>
    public VClock Reached => throw new NotImplementedException();

    public long BlocksRead => throw new NotImplementedException();

    public long RowsRead => throw new NotImplementedException();

    /// <summary>The next block; for snapshots and for listing. Do not mix with <see cref="TryReadTransaction"/>.</summary>
    public bool TryReadBlock(out LogBlock block) => throw new NotImplementedException();

    /// <summary>The next whole transaction, in the order of their last rows. Transactions without a last row are not given.</summary>
    public bool TryReadTransaction(out LogTransaction transaction) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}
