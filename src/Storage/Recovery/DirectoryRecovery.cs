using System.Globalization;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Recovery;

/// <summary>
/// Brings the state of a directory back into an empty engine. It only reads; what must be changed is in the result
/// and is done by <see cref="DirectoryRepair"/> when all went well.
///
/// R1 The newest snapshot by name counts, no other. Traces of an instance without one are refused.
/// R2 The first log is the last one whose clock is not behind the snapshot's; every later log must begin exactly where the one before
///    it ended, told by the last row that was replayed, and its PrevVClock must name that one's beginning.
/// R3 Only the last log may end without proof: a partial block, or (in our own files) a torn last block, is left out and reported.
/// R4 Any other damage refuses; forced, it is listed and passed over; to a gap, recovery ends before a hole and says where.
/// R5 The state must be registered (<c>_cluster</c>) and versioned (<c>_schema</c>), and its unique keys unique.
/// </summary>
internal sealed class DirectoryRecovery(Engine engine, StorageOptions options, StorageEnvironment environment, RecoveryReport report, CancellationToken cancel)
{
    private readonly List<(string Path, string Ending)> setAside = [];
    private bool needsCheckpoint;

    public RecoveredState Run(InstanceDirectory directory, HeadedFile snapshot)
    {
        List<HeadedFile> logs = NeededLogs(directory, snapshot);
        var progress = new RecoveryProgress(environment, snapshot.Length + logs.Sum(log => log.Length));
        bool whole = SnapshotLoader.Load(engine, environment.Files, snapshot, report, progress, cancel);
        var replay = new LogReplay(engine, environment.Files, snapshot.Clock, report, progress);
        ReplayedLog? last = ReplayChain(logs, replay);
        replay.Finish();
        FinishEngine(snapshot.Path);
        progress.Done();
        VClock clock = replay.Clock;
        if (report.Skipped.Count > 0 || last is { Dropped: true })
            needsCheckpoint = true;
        StateRows.Require(engine, snapshot, report);
        if (!whole && clock.Equals(snapshot.Clock))
        {
            // what was loaded is less than the snapshot of this name holds: it gets a name of its own
            int self = StateRows.ReplicaId(engine, snapshot, report);
            clock = clock.With(self, clock[self] + 1);
        }
        SetAsideRejected(directory, clock);
        return new RecoveredState(clock, snapshot.Header.Instance, snapshot)
        {
            PreviousLog = directory.Logs.LastOrDefault(log => log.Clock.CompareTo(clock) == VClockOrder.Before && !setAside.Exists(aside => aside.Path == log.Path))?.Clock,
            Unfinished = last is { End.IsFinished: false } ? last : null,
            LogBytes = logs.Sum(log => log.Length),
            Leftovers = directory.Leftovers,
            SetAside = setAside,
            NeedsCheckpoint = needsCheckpoint,
        };
    }

    /// <summary>R2: from the last log that begins at or before the snapshot.</summary>
    private List<HeadedFile> NeededLogs(InstanceDirectory directory, HeadedFile snapshot)
    {
        List<HeadedFile> logs = [.. directory.Logs];
        int first = logs.FindLastIndex(log => log.Clock.CompareTo(snapshot.Clock) is VClockOrder.Before or VClockOrder.Equal);
        if (first >= 0)
            return logs[first..];
        if (logs.Count > 0)
        {
            var gap = new CorruptionException(
                DamageKinds.VClockGap, logs[0].Path, -1, $"a log that begins at or before {snapshot.Clock} of {Name(snapshot)}", $"{logs[0].Clock} as the first",
                "bring the logs between from a backup, or start with --recover-to-gap, which ends at the hole");
            if (!EndsAtGap(gap, logs, 0, snapshot.Clock, 0))
                report.Damage(gap);
            else
                return [];
        }
        return logs;
    }

    private ReplayedLog? ReplayChain(List<HeadedFile> logs, LogReplay replay)
    {
        ReplayedLog? last = null;
        for (int i = 0; i < logs.Count; i++)
        {
            HeadedFile log = logs[i];
            if (last is not null && Hole(last, log, replay.Clock) is { } hole)
            {
                if (EndsAtGap(hole, logs, i, replay.Clock, replay.LastTimestamp))
                    break;
                report.Damage(hole);
            }
            last = replay.Replay(log, i == logs.Count - 1, cancel);
        }
        return last;
    }

    private CorruptionException? Hole(ReplayedLog before, HeadedFile log, VClock reached)
    {
        const string Hint = "bring the missing or newer file from a backup, or start with --recover-to-gap, which ends at the hole, or with --force-recovery, which passes over it";
        if (log.Header.PrevVClock is { } previous && !previous.Equals(before.Log.Clock))
            return new CorruptionException(DamageKinds.VClockGap, log.Path, -1, $"PrevVClock {before.Log.Clock}, where {Name(before.Log)} begins", previous.ToString(), Hint);
        if (log.Clock.Equals(before.Reached))
            return null;
        VClockOrder order = log.Clock.CompareTo(reached);
        string kind = order is VClockOrder.Before or VClockOrder.Equal ? DamageKinds.VClockGap : DamageKinds.HoleBetweenFiles;
        return new CorruptionException(kind, log.Path, -1, $"a log that begins at {before.Reached}, where {Name(before.Log)} ends", log.Clock.ToString(), Hint);
    }

    /// <summary>R4: leaves out the logs from a hole on. False when that was not asked for.</summary>
    private bool EndsAtGap(CorruptionException hole, List<HeadedFile> logs, int from, VClock reached, double time)
    {
        if (!options.RecoverToGap)
            return false;
        string when = time > 0 ? DateTimeOffset.FromUnixTimeMilliseconds((long)(time * 1000)).ToString("yyyy-MM-dd HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) : "unknown time";
        report.Remark($"recovery ended at a gap: LSN {reached.Signature} {reached}, {when}; {hole.Message}");
        setAside.AddRange(logs.Skip(from).Select(log => (log.Path, Recovery.SetAside.BeyondGap)));
        needsCheckpoint = true;
        return true;
    }

    /// <summary>Files that could not be used must not stand in the way of the next start.</summary>
    private void SetAsideRejected(InstanceDirectory directory, VClock clock)
    {
        setAside.AddRange(directory.Rejected.Select(path => (path, Recovery.SetAside.Corrupted)));
        if (needsCheckpoint)
        {
            // the snapshot that is about to be written must be the newest of all
            IEnumerable<HeadedFile> ahead = directory.Logs.Where(log => log.Clock.CompareTo(clock) is VClockOrder.After or VClockOrder.Incomparable);
            setAside.AddRange(ahead.Select(log => (log.Path, Recovery.SetAside.Corrupted)).Where(aside => !setAside.Exists(known => known.Path == aside.Path)));
        }
    }

    private void FinishEngine(string path)
    {
        try
        {
            engine.FinishRecovery(Environment.ProcessorCount);
        }
        catch (RowApplyException refused)
        {
            throw new CorruptionException(DamageKinds.ApplyError, path, -1, refused.Expected, refused.Found, "the files hold rows that contradict each other: take them from a backup or a replica");
        }
    }

    private static string Name(HeadedFile file) => Path.GetFileName(file.Path);
}
