using Picodata.Core;

namespace Picodata.Storage.Files;

/// <summary>
/// Reads one <c>.snap</c> or <c>.xlog</c> from its start to its end and checks everything that can be checked without
/// the other files: header, blocks, checksums, frames, rows, order of LSNs, wholeness of transactions, the end.
/// Used by one thread at a time; decoding is spread over others by <see cref="LogReadOptions.Parallelism"/>.
///
/// Invariants:
///   R1 rows are given in the order of the file, problems in the order in which a reading from start to end meets them;
///   R2 with <see cref="DamagePolicy.Refuse"/> no row behind the first damage is given, and none of a damaged block;
///   R3 a transaction is given whole or not at all;
///   R4 memory is bounded by a few units of blocks, or the largest block, and <see cref="LogReadOptions.MaxUnpacked"/>.
/// </summary>
public sealed class LogFileReader : IDisposable
{
    /// <summary>Problems beyond this number are counted and not kept.</summary>
    public const int MaxProblems = 10_000;

    private readonly LogReadOptions options;
    private readonly List<LogProblem> problems = [];
    private readonly BlockPipeline pipeline;
    private readonly LsnCheck lsns;
    private readonly TransactionAssembler transactions;
    private readonly IFile file;
    private LogBlock? open;
    private int nextRow;

    private LogFileReader(IFile file, LogHeader header, int headerLength, LogReadOptions options)
    {
        this.file = file;
        this.options = options;
        Header = header;
        HeaderLength = headerLength;
        Length = file.Length;
        pipeline = new BlockPipeline(new BlockScanner(file, Length, header.Kind, headerLength), new BlockDecoder(header.Kind, options.MaxUnpacked), options.Parallelism);
        lsns = new LsnCheck(header);
        transactions = new TransactionAssembler(Report);
    }

    public string Path => file.Path;

    public LogFileKind Kind => Header.Kind;

    public LogHeader Header { get; }

    /// <summary>Bytes of the text header.</summary>
    public int HeaderLength { get; }

    /// <summary>Remarks and, unless the policy is to refuse, damage; in the order in which they were found.</summary>
    public IReadOnlyList<LogProblem> Problems => problems;

    /// <summary>How many problems were found beyond <see cref="MaxProblems"/>.</summary>
    public long ProblemsOmitted { get; private set; }

    /// <summary>The end; null before it was reached, and when reading stopped at damage.</summary>
    public LogEnd? End { get; private set; }

    /// <summary>True when a problem that is no remark was found.</summary>
    public bool IsDamaged { get; private set; }

    /// <summary>A log's VClock advanced by the rows read so far.</summary>
    public VClock Reached => lsns.Reached;

    /// <summary>Blocks whose rows were given.</summary>
    public long BlocksRead { get; private set; }

    public long RowsRead { get; private set; }

    /// <summary>Bytes of the file when it was opened, and how far reading has come, for progress.</summary>
    public long Length { get; }

    /// <inheritdoc cref="Length"/>
    public long Position { get; private set; }

    /// <summary>
    /// Opens a file and reads its header. Damage of the header's form is thrown, whatever the policy; a name that
    /// contradicts the VClock is an ordinary problem.
    /// </summary>
    public static LogFileReader Open(IFileSystem files, string path, LogReadOptions options)
    {
        string name = System.IO.Path.GetFileName(path);
        if (!LogFileName.TryParse(name, out LogFileKind kind, out long signature, out bool isCanonical))
        {
            throw new ArgumentException($"{name} is not the name of a snapshot or a log");
        }

        IFile file = files.OpenRead(path);
        try
        {
            LogHeader header = ReadHeader(file, kind, out int length, out LogProblem? problem);
            if (problem is not null)
            {
                throw problem.ToException(path, kind);
            }

            var reader = new LogFileReader(file, header, length, options);
            reader.CheckName(name, signature, isCanonical);
            return reader;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The header of a file alone, for choosing between files; checked as in <see cref="Open"/> with
    /// <see cref="DamagePolicy.Refuse"/>.
    /// </summary>
    public static LogHeader ReadHeader(IFileSystem files, string path)
    {
        using LogFileReader reader = Open(files, path, new LogReadOptions());
        return reader.Header;
    }

    /// <summary>The next block; for snapshots and for listing. Do not mix with <see cref="TryReadTransaction"/>.</summary>
    public bool TryReadBlock(out LogBlock block)
    {
        while (pipeline.MoveNext())
        {
            block = pipeline.Current!;
            if (block.Problem is { } problem && !Continues(problem, block))
            {
                break;
            }

            BlocksRead += block.Problem is null or { Kind: DamageKinds.RowBadMsgPack } ? 1 : 0;
            if (block.Rows.Length > 0)
            {
                lsns.Check(block, Report);
                RowsRead += block.Rows.Length;
                Position = block.End;
                return true;
            }
        }

        FinishScan();
        block = null!;
        return false;
    }

    /// <summary>
    /// The next whole transaction, in the order of their last rows. A transaction that has no last row is left out and
    /// is a problem or, at the end of the file, a remark.
    /// </summary>
    public bool TryReadTransaction(out LogTransaction transaction)
    {
        while (true)
        {
            if (open is not null && transactions.TryTake(open, ref nextRow, out transaction))
            {
                return true;
            }

            if (!TryReadBlock(out open!))
            {
                transactions.DropOpen(DamageKinds.TxNoCommitAtEnd, "the end of the log", isError: false);
                transaction = default;
                open = null;
                return false;
            }

            nextRow = 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        pipeline.Dispose();
        file.Dispose();
    }

    private static LogHeader ReadHeader(IFile file, LogFileKind kind, out int length, out LogProblem? problem)
    {
        byte[] start = new byte[LogHeader.MaxLength];
        int read = file.Read(0, start);
        LogHeader.TryParse(start.AsSpan(0, read), kind, out LogHeader header, out length, out problem);
        return header;
    }

    private void CheckName(string name, long signature, bool isCanonical)
    {
        if (!isCanonical)
        {
            Report(new LogProblem(DamageKinds.BadFileName, 0, "a name of 20 digits", name, true));
        }

        if (!Header.HasVClock || Header.VClock.Signature != signature)
        {
            string found = Header.HasVClock ? $"VClock {Header.VClock} with the sum {Header.VClock.Signature}" : "no VClock line";
            Report(new LogProblem(DamageKinds.SignatureMismatch, 0, $"a VClock whose sum is the file's name, {signature}", found, true));
        }
    }

    /// <summary>Deals with a damaged block or with damage between blocks; true when the block's rows are to be given.</summary>
    private bool Continues(LogProblem problem, LogBlock block)
    {
        bool betweenBlocks = block.StoredSize == 0;
        foreach (LogProblem remark in pipeline.TakeRemarks())
        {
            Report(remark);
        }

        if (IsTornTail(problem))
        {
            Report(problem with { Kind = DamageKinds.TailTorn, IsError = false });
            Report(new LogProblem(DamageKinds.NoEofMarker, problem.Offset, "the EOF marker", "the end of the file: the log was not closed", false));
            End = new LogEnd(false, problem.Offset);
            pipeline.Stop();
            return false;
        }

        Report(problem);
        if (options.Damage == DamagePolicy.Skip)
        {
            Resume(problem, betweenBlocks ? -1 : block.End);
        }
        else
        {
            pipeline.Stop();
        }

        return problem.Kind == DamageKinds.RowBadMsgPack || options.Damage == DamagePolicy.Skip;
    }

    private bool IsTornTail(LogProblem problem) =>
        options.AcceptTornTail && Kind == LogFileKind.Xlog
        && problem.Kind is DamageKinds.BlockBadMagic or DamageKinds.BlockBadFixheader or DamageKinds.BlockBadCrc or DamageKinds.BlockEmpty
        && pipeline.Tail.IsTorn(problem.Offset);

    /// <summary>Forced reading: where to go on behind damage, and a remark about what is passed over.</summary>
    private void Resume(LogProblem problem, long endOfBlock)
    {
        TailSearch tail = pipeline.Tail;
        bool isWhole = problem.Kind == DamageKinds.RowBadMsgPack || (endOfBlock >= 0 && tail.IsBoundary(endOfBlock));
        long next = isWhole ? endOfBlock : tail.FindBlock(problem.Offset + 1);
        if (next < 0)
        {
            next = tail.EndsWithMarker(problem.Offset + 1) ? Length - BlockFormat.EofMarker.Length : -1;
        }

        transactions.DropOpen(DamageKinds.TxNoCommit, $"damage at offset {problem.Offset}", isError: true);
        string until = next < 0 ? "the end of the file" : $"offset {next}";
        Report(new LogProblem(DamageKinds.Skipped, problem.Offset, "a valid block", $"nothing usable up to {until}", false));
        if (next >= 0)
        {
            pipeline.Restart(next);
        }
        else
        {
            End = new LogEnd(false, problem.Offset);
            pipeline.Stop();
        }
    }

    private void FinishScan()
    {
        foreach (LogProblem remark in pipeline.TakeRemarks())
        {
            Report(remark);
        }

        if (End is null && pipeline.End is not null)
        {
            End = pipeline.End;
            Position = Length;
        }
    }

    private void Report(LogProblem problem)
    {
        IsDamaged |= problem.IsError;
        if (problem.IsError && options.Damage == DamagePolicy.Refuse)
        {
            throw problem.ToException(Path, Kind);
        }

        if (problems.Count < MaxProblems)
        {
            problems.Add(problem);
        }
        else
        {
            ProblemsOmitted++;
        }
    }
}
