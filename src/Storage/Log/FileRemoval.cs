using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// Removes snapshots and logs that nothing needs any more. Rules (S7, promise P2):
///
/// E1 The newest <c>checkpoint_count</c> snapshots stay, and all logs from the last one on that begins at or before the oldest of them.
/// E2 A file that stopped being needed stays for <c>copy_grace</c> more, so that a copier that listed it still finds it. It stopped when the
///    snapshot that replaced it was finished, which the file system remembers also over a restart.
/// E3 When less than <c>copy_grace_min_free</c> of the disk is free, files kept by E2 go early, oldest first; all of them when a write
///    found the disk full.
/// E4 Logs that replicas need (<see cref="Pin"/>) stay as long as all of these together take no more than <c>pinned_log_share</c> of the free disk, and
///    no write found the disk full.
/// E5 Files that a new copy replaced (<c>.superseded</c>) go as those that stopped being needed when the copy came.
///
/// Thread-safe: the checkpoint thread and, with a full disk, the log thread come here.
/// </summary>
internal sealed class FileRemoval(StorageEnvironment environment, Func<StorageOptions> options)
{
    private readonly Lock oneAtATime = new();
    private Func<long?> neededAfter = static () => null;
    private int component;

    /// <summary>Files removed since the start.</summary>
    public long Removed { get; private set; }

    /// <summary>E4.</summary>
    /// <param name="logComponent">Component of the vector clock that LSNs count in.</param>
    /// <param name="after">The LSN behind which rows are needed; null: none are.</param>
    public void Pin(int logComponent, Func<long?> after)
    {
        lock (oneAtATime)
        {
            component = logComponent;
            neededAfter = after;
        }
    }

    /// <summary>Removes what may go; with <paramref name="diskIsFull"/> also everything that only E2 keeps. True when something was removed.</summary>
    public bool Run(bool diskIsFull)
    {
        lock (oneAtATime)
        {
            StorageOptions now = options();
            bool any = false;
            try
            {
                List<Candidate> candidates = Candidates(now);
                HashSet<string> pinned = diskIsFull ? [] : Pinned(candidates, now);
                foreach (Candidate candidate in candidates.Where(candidate => !pinned.Contains(candidate.Name)))
                {
                    if (!diskIsFull && environment.Time.GetUtcNow() - candidate.UnneededSince < now.CopyGrace && HasRoom(now))
                        continue;
                    environment.Files.Delete(Path.Combine(now.Directory, candidate.Name));
                    environment.Log.LogInformation("removed {Name}", candidate.Name);
                    Removed++;
                    any = true;
                }
            }
            catch (IOException failure)
            {
                environment.Log.LogWarning("old files could not be removed: {Reason}", failure.Message);
            }
            return any;
        }
    }

    /// <summary>Files that E1 does not keep, oldest first.</summary>
    internal List<Candidate> Candidates(StorageOptions now)
    {
        var snapshots = new List<(long Signature, FileEntry Entry)>();
        var logs = new List<(long Signature, FileEntry Entry)>();
        var superseded = new List<FileEntry>();
        foreach (FileEntry entry in environment.Files.List(now.Directory))
        {
            if (!entry.IsDirectory && LogFileName.TryParse(entry.Name, out LogFileKind kind, out long signature, out bool isCanonical) && isCanonical)
                (kind == LogFileKind.Snap ? snapshots : logs).Add((signature, entry));
            else if (!entry.IsDirectory && ReceivedSnapshot.IsSuperseded(entry.Name))
                superseded.Add(entry);
        }
        int kept = Math.Max(1, now.CheckpointCount);
        var candidates = new List<Candidate>();
        for (int i = 0; i + kept < snapshots.Count; i++)
            candidates.Add(new Candidate(snapshots[i].Entry.Name, snapshots[i].Signature, snapshots[i + kept].Entry.ModifiedUtc));
        for (int i = 0; i + 1 < logs.Count; i++)
        {
            // the log is needless from the moment when a snapshot appeared whose oldest kept companion begins at the next log or later
            int companion = snapshots.FindIndex(snapshot => snapshot.Signature >= logs[i + 1].Signature);
            if (companion >= 0 && companion + kept - 1 < snapshots.Count)
                candidates.Add(new Candidate(logs[i].Entry.Name, logs[i].Signature, snapshots[companion + kept - 1].Entry.ModifiedUtc));
        }
        if (snapshots.Count > 0)
            candidates.AddRange(superseded.Select(entry => new Candidate(entry.Name, -1, snapshots[0].Entry.ModifiedUtc)));
        candidates.Sort(static (left, right) => left.Signature.CompareTo(right.Signature));
        return candidates;
    }

    /// <summary>Of the logs that could go, newest first, those that a replica needs and that the share has room for.</summary>
    private HashSet<string> Pinned(List<Candidate> candidates, StorageOptions now)
    {
        HashSet<string> pinned = [];
        if (candidates.Count == 0 || neededAfter() is not { } after)
            return pinned;
        double left = environment.Files.AvailableBytes(now.Directory) * now.PinnedLogShare;
        foreach (Candidate candidate in Enumerable.Reverse(candidates).Where(candidate => candidate.Name.EndsWith(LogFileName.Extension(LogFileKind.Xlog), StringComparison.Ordinal)))
        {
            string path = Path.Combine(now.Directory, candidate.Name);
            using (IFile file = environment.Files.OpenRead(path))
                left -= file.Length;
            if (left < 0)
                break;
            pinned.Add(candidate.Name);
            if (LogFileReader.ReadHeader(environment.Files, path).VClock[component] <= after)
                break; // what came before it is not needed
        }
        return pinned;
    }

    private bool HasRoom(StorageOptions now) =>
        environment.Files.AvailableBytes(now.Directory) >= environment.Files.TotalBytes(now.Directory) * now.CopyGraceMinFree;

    /// <param name="UnneededSince">When the file stopped being needed.</param>
    internal readonly record struct Candidate(string Name, long Signature, DateTimeOffset UnneededSince);
}
