using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Recovery;

/// <summary>Brings the rows of one snapshot into the engine.</summary>
internal static class SnapshotLoader
{
    /// <summary>
    /// Loads the file. A snapshot must be whole: without its EOF marker it is refused, forced or not. True when nothing had to be skipped.
    /// </summary>
    public static bool Load(Engine engine, IFileSystem files, HeadedFile snapshot, RecoveryReport report, RecoveryProgress progress, CancellationToken cancel)
    {
        var options = new LogReadOptions { Damage = report.IsForced ? DamagePolicy.Skip : DamagePolicy.Refuse, Parallelism = Environment.ProcessorCount };
        int before = report.Skipped.Count;
        using LogFileReader reader = LogFileReader.Open(files, snapshot.Path, options);
        int taken = 0;
        while (reader.TryReadBlock(out LogBlock block))
        {
            cancel.ThrowIfCancellationRequested();
            taken = report.Take(reader, taken);
            foreach (ref readonly LogRow row in block.Rows)
                LoadRow(engine, snapshot.Path, block, row, report);
            progress.At(block.Offset);
        }
        report.Take(reader, taken);
        if (reader.End is not { IsFinished: true })
        {
            throw new LogProblem(DamageKinds.NoEofMarker, reader.End?.ValidBytes ?? 0, "the EOF marker", "the end of what can be read", true)
                .ToException(snapshot.Path, LogFileKind.Snap);
        }
        Finish(engine, snapshot.Path);
        progress.FileDone(snapshot.Length);
        return report.Skipped.Count == before;
    }

    private static void Finish(Engine engine, string path)
    {
        try
        {
            engine.FinishSnapshot();
        }
        catch (RowApplyException refused)
        {
            throw Refusal(path, -1, refused.Expected, refused.Found);
        }
    }

    private static void LoadRow(Engine engine, string path, LogBlock block, in LogRow row, RecoveryReport report)
    {
        RequestType type = row.Header.Type;
        if (type is RequestType.Raft or RequestType.RaftPromote or RequestType.RaftDemote)
            return;
        if (type != RequestType.Insert || row.Body.Problem is not null)
        {
            report.Damage(Refusal(path, block.Offset, "INSERT of a tuple", row.Body.Problem ?? $"{type}"));
            return;
        }
        try
        {
            engine.LoadSnapshotRow(row.Body.SpaceId, block.Bytes(row.Body.Tuple));
        }
        catch (RowApplyException refused)
        {
            report.Damage(Refusal(path, block.Offset, refused.Expected, refused.Found));
        }
    }

    private static CorruptionException Refusal(string path, long offset, string expected, string found) =>
        new LogProblem(DamageKinds.ApplyError, offset, expected, found, true).ToException(path, LogFileKind.Snap);
}
