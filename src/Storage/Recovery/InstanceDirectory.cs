using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Recovery;

/// <summary>A snapshot or log of the directory whose header could be read.</summary>
/// <param name="Length">Bytes when the directory was listed.</param>
internal sealed record HeadedFile(string Path, LogHeader Header, long Length)
{
    public VClock Clock => Header.VClock;
}

/// <summary>
/// The files of a working directory, by their names and headers. Nothing is changed here.
///
/// D1 Only names of 20 digits and an extension count; other numbers are refused, other names are none of ours.
/// D2 Every header must be readable, fit its name, and carry the UUID of the newest snapshot. Forced, a file that does not is left out and listed.
/// D3 Files of one kind must have clocks that grow with their names.
/// </summary>
internal sealed class InstanceDirectory
{
    private readonly IFileSystem files;
    private readonly RecoveryReport report;
    private readonly List<HeadedFile> snapshots = [];
    private readonly List<HeadedFile> logs = [];
    private readonly List<string> leftovers = [];
    private readonly List<string> rejected = [];

    private InstanceDirectory(IFileSystem files, string path, RecoveryReport report)
    {
        this.files = files;
        this.report = report;
        Path = path;
    }

    public string Path { get; }

    /// <summary>Ascending.</summary>
    public IReadOnlyList<HeadedFile> Snapshots => snapshots;

    /// <summary>Ascending.</summary>
    public IReadOnlyList<HeadedFile> Logs => logs;

    /// <summary>Paths of files that were being made when the last process ended.</summary>
    public IReadOnlyList<string> Leftovers => leftovers;

    /// <summary>Forced: paths of snapshots and logs that cannot be used at all.</summary>
    public IReadOnlyList<string> Rejected => rejected;

    /// <summary>Names that tell that an instance has lived here, when there is no snapshot.</summary>
    public string? Trace { get; private set; }

    /// <summary>Lists a directory and reads all headers.</summary>
    public static InstanceDirectory Read(IFileSystem files, string path, RecoveryReport report)
    {
        var directory = new InstanceDirectory(files, path, report);
        foreach (FileEntry entry in files.List(path).Where(entry => !entry.IsDirectory))
            directory.Add(entry);
        directory.CheckOrder(directory.snapshots);
        directory.CheckOrder(directory.logs);
        return directory;
    }

    /// <summary>The newest snapshot; null in an empty directory. Throws NO_SNAPSHOT where there are traces of an instance without one.</summary>
    public HeadedFile? NewestSnapshot()
    {
        if (snapshots.Count == 0 && (Trace ?? rejected.FirstOrDefault()) is { } trace)
        {
            throw new CorruptionException(
                DamageKinds.NoSnapshot, Path, -1, "a usable snapshot", $"none, but {System.IO.Path.GetFileName(trace)} shows that an instance has lived here",
                "restore the snapshot from a backup or take the data from a replica; to begin anew, choose an empty directory");
        }
        HeadedFile? newest = snapshots.LastOrDefault();
        if (newest is not null)
        {
            RejectForeign(snapshots, newest.Header.Instance);
            RejectForeign(logs, newest.Header.Instance);
        }
        return newest;
    }

    private void Add(FileEntry entry)
    {
        string path = System.IO.Path.Combine(Path, entry.Name);
        if (entry.Name.EndsWith(LogFileName.InProgress, StringComparison.Ordinal))
        {
            string finished = entry.Name[..^LogFileName.InProgress.Length];
            if (LogFileName.TryParse(finished, out LogFileKind made, out long at, out _))
            {
                leftovers.Add(path);
                if (made == LogFileKind.Xlog || at > 0)
                    Trace ??= path;
            }
            return;
        }
        if (entry.Name.EndsWith(".vylog", StringComparison.Ordinal) || entry.Name.EndsWith(SetAside.Corrupted, StringComparison.Ordinal) || entry.Name.EndsWith(SetAside.BeyondGap, StringComparison.Ordinal))
            Trace ??= path;
        if (!LogFileName.TryParse(entry.Name, out LogFileKind kind, out long signature, out bool isCanonical))
            return;
        Trace ??= path;
        if (!isCanonical)
        {
            Reject(path, new CorruptionException(DamageKinds.BadFileName, path, -1, $"a name of 20 digits such as {LogFileName.Of(kind, signature)}", entry.Name, "give the file its own name back, or move it away if it does not belong here"));
            return;
        }
        try
        {
            using LogFileReader reader = LogFileReader.Open(files, path, new LogReadOptions());
            (kind == LogFileKind.Snap ? snapshots : logs).Add(new HeadedFile(path, reader.Header, entry.Length));
        }
        catch (CorruptionException damage)
        {
            Reject(path, damage);
        }
    }

    private void CheckOrder(List<HeadedFile> list)
    {
        for (int i = list.Count - 1; i > 0; i--)
        {
            HeadedFile before = list[i - 1], after = list[i];
            if (before.Clock.CompareTo(after.Clock) == VClockOrder.Before)
                continue;
            Reject(before.Path, new CorruptionException(
                DamageKinds.BadFileName, before.Path, -1, $"a clock before {after.Clock} of {System.IO.Path.GetFileName(after.Path)}", before.Clock.ToString(), "the files come from different histories: keep those of one of them"));
            list.RemoveAt(i - 1);
        }
    }

    private void RejectForeign(List<HeadedFile> list, Guid instance)
    {
        foreach (HeadedFile foreign in list.Where(file => file.Header.Instance != instance).ToList())
        {
            Reject(foreign.Path, new CorruptionException(
                DamageKinds.UuidMismatch, foreign.Path, -1, $"instance {instance} as in the newest snapshot", foreign.Header.Instance.ToString(), "the file belongs to another instance: move it away"));
            list.Remove(foreign);
        }
    }

    private void Reject(string path, CorruptionException damage)
    {
        report.Damage(damage);
        rejected.Add(path);
    }
}

/// <summary>Endings that files get which a forced start or a recovery to a gap leaves out: kept, and never read again.</summary>
internal static class SetAside
{
    public const string Corrupted = ".corrupted", BeyondGap = ".beyond-gap";
}
