namespace Picodata.Storage.Files.Inspection;

/// <summary>
/// Do the files of a directory fit together as a start needs them? The newest snapshot, then the last log that starts at or
/// before it, then all later ones: each must start where the one before ends. Breaks before that point are remarks.
/// </summary>
internal sealed class ChainCheck(string directory, IReadOnlyList<FileSummary> snapshots, IReadOnlyList<FileSummary> logs)
{
    private const string TakeFiles = "take the missing or whole files from a backup or a replica; with --force-recovery the rows in between are given up";

    /// <summary>The clock that a start would reach; valid after <see cref="Check"/> was read to its end.</summary>
    public VClock Reached { get; private set; } = VClock.Empty;

    public IEnumerable<(string File, LogProblem Problem, string Hint)> Check()
    {
        if (snapshots.Count == 0)
        {
            yield return (directory, Error(DamageKinds.NoSnapshot, "a readable snapshot", "none"), "restore the snapshot from a backup or take the data from a replica");
            yield break;
        }

        FileSummary snapshot = snapshots[^1];
        foreach (FileSummary foreign in snapshots.Concat(logs).Where(file => file.Header.Instance != snapshot.Header.Instance))
        {
            yield return (
                foreign.Path, Error(DamageKinds.UuidMismatch, $"instance {snapshot.Header.Instance}", $"{foreign.Header.Instance}"),
                "the file is of another instance: move it away");
        }

        Reached = snapshot.Header.VClock;
        int first = FirstNeeded(snapshot);
        if (first < 0 && logs.Count > 0)
        {
            first = 0;
            yield return (
                logs[0].Path, Error(DamageKinds.VClockGap, $"a log that starts at or before {Reached}", $"{logs[0].Header.VClock}"), TakeFiles);
        }

        for (int index = 0; index < logs.Count; index++)
        {
            foreach ((string, LogProblem, string) found in CheckJoin(index, isNeeded: index > first))
            {
                yield return found;
            }

            if (index >= first)
            {
                Reached = Reached.Max(logs[index].Reached);
            }
        }
    }

    private static LogProblem Error(string kind, string expected, string found) => new(kind, -1, expected, found, true);

    private int FirstNeeded(FileSummary snapshot)
    {
        for (int index = logs.Count - 1; index >= 0; index--)
        {
            if (logs[index].Header.VClock.CompareTo(snapshot.Header.VClock) is VClockOrder.Equal or VClockOrder.Before)
            {
                return index;
            }
        }

        return -1;
    }

    private IEnumerable<(string, LogProblem, string)> CheckJoin(int index, bool isNeeded)
    {
        if (index == 0)
        {
            yield break;
        }

        FileSummary log = logs[index];
        FileSummary before = logs[index - 1];
        VClock end = isNeeded ? Reached.Max(before.Reached) : before.Reached;
        if (log.Header.PrevVClock is { } previous && !previous.Equals(before.Header.VClock))
        {
            LogProblem gap = Error(DamageKinds.VClockGap, $"PrevVClock {before.Header.VClock}, which the log before has", $"{previous}");
            yield return (log.Path, gap with { IsError = isNeeded }, TakeFiles);
        }

        if (log.Header.VClock.CompareTo(end) is VClockOrder.After or VClockOrder.Incomparable)
        {
            LogProblem hole = Error(DamageKinds.HoleBetweenFiles, $"a start at {end}, where {System.IO.Path.GetFileName(before.Path)} ends", $"{log.Header.VClock}");
            yield return (log.Path, hole with { IsError = isNeeded }, TakeFiles);
        }
    }
}
