using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Recovery;

/// <summary>
/// Applies logs behind a snapshot, transaction by transaction. A row whose LSN is not above the clock of its replica is in the
/// state already and is skipped; the clock follows every row, also those that carry no data.
/// </summary>
internal sealed class LogReplay
{
    private readonly Engine engine;
    private readonly IFileSystem files;
    private readonly RecoveryReport report;
    private readonly RecoveryProgress progress;
    private readonly RunningVClock clock;
    private readonly SyncLimbo limbo;
    private readonly SynchronousSpaces synchronous;
    private RecoveredRow[] rows = new RecoveredRow[64];

    public LogReplay(Engine engine, IFileSystem files, VClock start, RecoveryReport report, RecoveryProgress progress)
    {
        this.engine = engine;
        this.files = files;
        this.report = report;
        this.progress = progress;
        clock = new RunningVClock(start);
        synchronous = new SynchronousSpaces(engine);
        limbo = new SyncLimbo(synchronous.Contains, pending => Apply(pending.Rows, pending.File, pending.Offset));
    }

    public VClock Clock => clock.ToVClock();

    /// <summary>Time of the last row that was applied, seconds since 1970; 0 when unknown.</summary>
    public double LastTimestamp { get; private set; }

    /// <summary>Replays one file and tells how it ended.</summary>
    public ReplayedLog Replay(HeadedFile log, bool isLast, CancellationToken cancel)
    {
        bool isOurs = log.Header.Version.StartsWith(OwnProduct, StringComparison.Ordinal);
        var options = new LogReadOptions
        {
            Damage = report.IsForced ? DamagePolicy.Skip : DamagePolicy.Refuse,
            Parallelism = Environment.ProcessorCount,
            AcceptTornTail = isLast && isOurs,
        };
        using LogFileReader reader = LogFileReader.Open(files, log.Path, options);
        RaiseTo(log.Clock);
        int taken = 0;
        while (reader.TryReadTransaction(out LogTransaction transaction))
        {
            cancel.ThrowIfCancellationRequested();
            taken = report.Take(reader, taken);
            Take(transaction, log.Path);
            progress.At(transaction.Offset);
        }
        taken = report.Take(reader, taken);
        progress.FileDone(log.Length);
        bool dropped = reader.Problems.Any(problem => problem.Kind == DamageKinds.TxNoCommitAtEnd);
        return new ReplayedLog(log, reader.Reached, reader.End ?? new LogEnd(false, reader.HeaderLength), dropped);
    }

    /// <summary>Ends the logs: what waited for its confirmation becomes visible.</summary>
    public void Finish() => limbo.Flush();

    /// <summary>Start of the Version line of files that this product wrote: each batch is one block in them.</summary>
    public const string OwnProduct = "picodata.net";

    /// <summary>A log that begins ahead of the state, behind a hole that was passed over: rows before its beginning do not come any more.</summary>
    private void RaiseTo(VClock start)
    {
        for (int id = 0; id < VClock.Size; id++)
            clock[id] = Math.Max(clock[id], start[id]);
    }

    private void Take(in LogTransaction transaction, string path)
    {
        int count = 0;
        int replicaId = 0;
        long lsn = 0;
        foreach (ref readonly LogRow row in transaction.Rows)
        {
            RowHeader header = row.Header;
            if (header.Lsn <= clock[header.ReplicaId])
                continue;
            clock[header.ReplicaId] = header.Lsn;
            LastTimestamp = header.Timestamp != 0 ? header.Timestamp : LastTimestamp;
            if (header.ReplicaId != 0 || replicaId == 0)
                (replicaId, lsn) = (header.ReplicaId, header.Lsn);
            if (row.Body.Problem is { } problem)
                report.Damage(Refusal(path, transaction.Offset, "a request that can be carried out", problem));
            else if (!TakeControl(row))
                AddRow(ref count, transaction.Block, row);
        }
        if (count == 0)
            return;
        ReadOnlySpan<RecoveredRow> taken = rows.AsSpan(0, count);
        if (limbo.MustWait(taken))
            limbo.Add(new PendingTransaction(replicaId, lsn, Copy(taken), path, transaction.Offset));
        else
            Apply(taken, path, transaction.Offset);
    }

    /// <summary>Rows that carry no data. True when the row was one.</summary>
    private bool TakeControl(in LogRow row)
    {
        switch (row.Header.Type)
        {
            case RequestType.Confirm:
                limbo.Confirm(row.Body.ReplicaId, row.Body.Lsn);
                return true;
            case RequestType.Rollback:
                limbo.Rollback(row.Body.ReplicaId, row.Body.Lsn);
                return true;
            case RequestType.RaftPromote or RequestType.RaftDemote:
                // ends what is pending: up to its LSN confirmed, the rest rolled back
                limbo.Confirm(row.Body.ReplicaId, row.Body.Lsn);
                limbo.Rollback(row.Body.ReplicaId, row.Body.Lsn + 1);
                return true;
            case RequestType.Insert or RequestType.Replace or RequestType.Update or RequestType.Delete or RequestType.Upsert:
                return false;
            default:
                // RAFT rows carry no user data; NOP none at all; 0 and 1 (SELECT) are ignored as everywhere
                return true;
        }
    }

    private void AddRow(ref int count, LogBlock block, in LogRow row)
    {
        if (count == rows.Length)
            Array.Resize(ref rows, count * 2);
        RowBody body = row.Body;
        rows[count++] = new RecoveredRow(
            (RecoveredOperation)row.Header.Type, body.SpaceId, Slice(block, body.Tuple), Slice(block, body.Key), Slice(block, body.Operations), body.IndexId, (int)body.IndexBase);
    }

    private void Apply(ReadOnlySpan<RecoveredRow> transaction, string path, long offset)
    {
        if (!report.IsForced)
        {
            try
            {
                engine.ApplyRecovered(transaction);
            }
            catch (RowApplyException refused)
            {
                throw Refusal(path, offset, refused.Expected, refused.Found);
            }
            return;
        }
        for (int i = 0; i < transaction.Length; i++)
        {
            try
            {
                engine.ApplyRecovered(transaction.Slice(i, 1));
            }
            catch (RowApplyException refused)
            {
                report.Damage(Refusal(path, offset, refused.Expected, refused.Found));
            }
        }
    }

    private static ReadOnlyMemory<byte> Slice(LogBlock block, PayloadSlice slice) => slice.Exists ? block.PayloadMemory.Slice(slice.Start, slice.Length) : default;

    private static RecoveredRow[] Copy(ReadOnlySpan<RecoveredRow> rows)
    {
        RecoveredRow[] copies = rows.ToArray();
        for (int i = 0; i < copies.Length; i++)
            copies[i] = copies[i] with { Tuple = copies[i].Tuple.ToArray(), Key = copies[i].Key.ToArray(), Operations = copies[i].Operations.ToArray() };
        return copies;
    }

    private static CorruptionException Refusal(string path, long offset, string expected, string found) =>
        new LogProblem(DamageKinds.ApplyError, offset, expected, found, true).ToException(path, LogFileKind.Xlog);
}

/// <summary>How the replay of one log ended.</summary>
/// <param name="Reached">The log's own clock advanced by its rows.</param>
/// <param name="Dropped">True when a transaction without its last row was left out at the end.</param>
internal sealed record ReplayedLog(HeadedFile Log, VClock Reached, LogEnd End, bool Dropped);
