using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;
using Picodata.Storage.Recovery;

namespace Picodata.Storage;

/// <summary>
/// A snapshot that is received from another instance and replaces everything that a directory holds.
///
/// V1 Until the snapshot is whole and synced, nothing that was there is touched.
/// V2 From the moment at which it has the name <c>*.snap.received</c>, it counts: old files are put aside (<c>.superseded</c>), then it gets its name. A
///    start that finds it in between goes on there (<see cref="FinishInterrupted"/>), so old and new files are never mixed.
/// V3 Rows of replica-local spaces of the old files go over into the new one when told, where their space is replica-local there too.
/// The directory must be locked, and no database open on it. Used by one thread.
/// </summary>
public sealed class ReceivedSnapshot : IDisposable
{
    private const string Part = "copy.part", Received = ".received", Superseded = ".superseded";

    private readonly StorageEnvironment environment;
    private readonly string directory;
    private readonly VClock clock;
    private readonly Queue<(uint SpaceId, ReadOnlyMemory<byte> Tuple)> localRows;
    private readonly HashSet<uint> localSpaces = [];
    private readonly IFile file;
    private readonly SnapWriter writer;
    private bool isClosed;

    private ReceivedSnapshot(StorageEnvironment environment, string directory, Guid instance, VClock clock, IEnumerable<(uint, ReadOnlyMemory<byte>)> localRows)
    {
        this.environment = environment;
        this.directory = directory;
        this.clock = clock.With(0, 0);
        this.localRows = new Queue<(uint, ReadOnlyMemory<byte>)>(localRows);
        file = environment.Files.Create(Path.Combine(directory, Part));
        var options = new SnapWriterOptions { Timestamp = environment.Time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0 };
        writer = new SnapWriter(file, new LogHeader(LogFileKind.Snap, instance, this.clock), options);
    }

    /// <summary>Rows received so far.</summary>
    public long Rows { get; private set; }

    /// <summary>Begins; what an earlier attempt left is removed.</summary>
    /// <param name="instance">UUID of the instance that will own the directory.</param>
    /// <param name="clock">The other's vector clock at the image.</param>
    /// <param name="localRows">In the order of a snapshot (<see cref="Database.LocalRows"/>).</param>
    public static ReceivedSnapshot Begin(StorageEnvironment environment, string directory, Guid instance, VClock clock, IEnumerable<(uint SpaceId, ReadOnlyMemory<byte> Tuple)> localRows)
    {
        string part = Path.Combine(directory, Part);
        if (environment.Files.FileExists(part))
            environment.Files.Delete(part);
        return new ReceivedSnapshot(environment, directory, instance, clock, localRows);
    }

    /// <summary>Adds a row; rows come in the order of the other's image.</summary>
    public void Add(uint spaceId, ReadOnlySpan<byte> tuple)
    {
        if (spaceId == SystemSpaces.Space && DefinitionReader.ReadSpace(tuple) is { IsLocal: true } space)
            localSpaces.Add(space.Id);
        AddLocalBefore(spaceId);
        writer.AddRow(spaceId, tuple);
        Rows++;
    }

    /// <summary>All rows are there: makes the directory one that holds this snapshot and nothing else (V2).</summary>
    public void Complete()
    {
        AddLocalBefore(uint.MaxValue);
        writer.Complete();
        file.Sync();
        Close();
        string name = Path.Combine(directory, LogFileName.Of(LogFileKind.Snap, clock.Signature) + Received);
        environment.Files.Rename(Path.Combine(directory, Part), name);
        environment.Files.SyncDirectory(directory);
        FinishInterrupted(environment, directory);
    }

    /// <summary>Without <see cref="Complete"/>: gives up, nothing has happened.</summary>
    public void Dispose()
    {
        if (isClosed)
            return;
        Close();
        try
        {
            environment.Files.Delete(Path.Combine(directory, Part));
        }
        catch (IOException left)
        {
            environment.Log.LogWarning("the unfinished copy could not be removed: {Reason}", left.Message);
        }
    }

    /// <summary>Goes on where a process ended that was putting a received snapshot in its place; does nothing when there is none.</summary>
    public static void FinishInterrupted(StorageEnvironment environment, string directory)
    {
        IFileSystem files = environment.Files;
        IReadOnlyList<FileEntry> entries = files.List(directory);
        string? received = entries.Select(entry => entry.Name).LastOrDefault(name => name.EndsWith(Received, StringComparison.Ordinal));
        if (received is null)
            return;
        foreach (FileEntry old in entries.Where(entry => entry.Name.EndsWith(Superseded, StringComparison.Ordinal)))
            files.Delete(Path.Combine(directory, old.Name));
        foreach (FileEntry entry in entries)
        {
            string path = Path.Combine(directory, entry.Name);
            if (!entry.IsDirectory && LogFileName.TryParse(entry.Name, out _, out _, out _))
                files.Rename(path, path + Superseded);
        }
        files.SyncDirectory(directory);
        files.Rename(Path.Combine(directory, received), Path.Combine(directory, received[..^Received.Length]));
        files.SyncDirectory(directory);
        environment.Log.LogInformation("{Directory} holds a new copy now; its old files end in {Ending}", directory, Superseded);
    }

    /// <summary>True for the name of a file that a new copy has replaced.</summary>
    internal static bool IsSuperseded(string name) => name.EndsWith(Superseded, StringComparison.Ordinal);

    private void AddLocalBefore(uint spaceId)
    {
        while (localRows.TryPeek(out (uint SpaceId, ReadOnlyMemory<byte> Tuple) row) && row.SpaceId < spaceId)
        {
            localRows.Dequeue();
            if (localSpaces.Contains(row.SpaceId))
                writer.AddRow(row.SpaceId, row.Tuple.Span, isLocal: true);
        }
    }

    private void Close()
    {
        isClosed = true;
        writer.Dispose();
        file.Dispose();
    }
}
