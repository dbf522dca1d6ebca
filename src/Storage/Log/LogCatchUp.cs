using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// Reads shared rows out of the log's files for a replica that is behind, up to what was synced when reading began; files may be written meanwhile.
///
/// U1 Transactions come whole, in order, without a hole: what does not continue is a <see cref="CorruptionException"/>, and then the replica is copied anew.
/// U2 Nothing behind the limit is read: the end of the file in use is never looked at.
/// </summary>
public sealed class LogCatchUp : IDisposable
{
    private readonly IFileSystem files;
    private readonly Queue<string> paths;
    private readonly int component;
    private readonly long limit;
    private LogFileReader? reader;

    private LogCatchUp(IFileSystem files, Queue<string> paths, int component, long afterLsn, long limit)
    {
        this.files = files;
        this.paths = paths;
        this.component = component;
        this.limit = limit;
        LastLsn = afterLsn;
    }

    /// <summary>LSN of the last row that was given.</summary>
    public long LastLsn { get; private set; }

    /// <summary>
    /// Appends whole transactions to <paramref name="rows"/> until it has <paramref name="bytes"/>; false when the limit was reached and nothing was
    /// appended. An <see cref="IOException"/>: a file went away or was cut back; opening anew tells.
    /// </summary>
    public bool TryRead(MsgPackWriter rows, int bytes)
    {
        int start = rows.Length;
        while (LastLsn < limit && rows.Length - start < bytes)
        {
            if (reader is null && !TryOpenNext())
                throw Hole($"rows up to LSN {limit}", $"the end of the last log at LSN {LastLsn}", directory: "the log");
            if (reader!.TryReadTransaction(out LogTransaction transaction))
            {
                Take(transaction, rows);
            }
            else
            {
                reader.Dispose();
                reader = null;
            }
        }
        return rows.Length > start;
    }

    public void Dispose() => reader?.Dispose();

    internal static LogCatchUp? Open(IFileSystem files, string directory, int component, long afterLsn, long limit)
    {
        List<string> logs = [];
        foreach (FileEntry entry in files.List(directory))
        {
            if (!entry.IsDirectory && LogFileName.TryParse(entry.Name, out LogFileKind kind, out _, out bool isCanonical) && isCanonical && kind == LogFileKind.Xlog)
                logs.Add(Path.Combine(directory, entry.Name));
        }
        for (int i = logs.Count - 1; i >= 0; i--)
        {
            if (LogFileReader.ReadHeader(files, logs[i]).VClock[component] <= afterLsn)
                return new LogCatchUp(files, new Queue<string>(logs.Skip(i)), component, afterLsn, limit);
        }
        return null;
    }

    private bool TryOpenNext()
    {
        if (!paths.TryDequeue(out string? path))
            return false;
        reader = LogFileReader.Open(files, path, new LogReadOptions());
        long start = reader.Header.VClock[component];
        return start <= LastLsn ? true : throw Hole($"a log that begins at LSN {LastLsn}", $"{start}", path);
    }

    private void Take(in LogTransaction transaction, MsgPackWriter rows)
    {
        foreach (ref readonly LogRow row in transaction.Rows)
        {
            RowHeader header = row.Header;
            if (header.ReplicaId == 0 || (header.ReplicaId == component && header.Lsn <= LastLsn))
                continue;
            if (header.ReplicaId != component || header.Lsn != LastLsn + 1)
                throw Hole($"LSN {LastLsn + 1} of component {component}", $"LSN {header.Lsn} of component {header.ReplicaId}", reader!.Path);
            LastLsn = header.Lsn;
            rows.WriteRaw(transaction.Block.Bytes(row.Whole));
        }
    }

    private static CorruptionException Hole(string expected, string found, string directory) =>
        new(DamageKinds.HoleBetweenFiles, directory, -1, expected, found, "the replica is copied anew");
}
