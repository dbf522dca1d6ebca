using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// The log file that is being written. Specification (chapter 11.1 of the format, made stricter):
///
/// G1 The file gets its <c>.xlog</c> name only when its complete header is synced, and the name is synced before the first row.
/// G2 One batch is one block, one write. A block is written only when the one before it is synced (wal_mode fsync): so at most
///    the last block of a file can be torn, and a valid block proves all before it.
/// G3 A failed write leaves nothing: the file is cut back to the last good position, durably, before anybody is told.
/// G4 Finished means: EOF marker written, unused reservation given back, synced. A finished file never changes.
/// G5 After a failed sync nothing more is done with the file (<see cref="SyncFailedException"/>).
///
/// Used by one thread at a time.
/// </summary>
internal sealed class LogSegment : IDisposable
{
    private const long ReservationStep = 1 << 20;

    private readonly IFile file;
    private readonly bool syncs;
    private long reservedTo;
    private bool reserves = true;

    private LogSegment(IFile file, string path, LogHeader header, long position, bool syncs)
    {
        this.file = file;
        this.syncs = syncs;
        Path = path;
        Start = header.VClock;
        Position = position;
        reservedTo = position;
    }

    public string Path { get; }

    /// <summary>State before the first row.</summary>
    public VClock Start { get; }

    /// <summary>Bytes that are known to be good.</summary>
    public long Position { get; private set; }

    public bool HasRows { get; private set; }

    /// <summary>
    /// Makes the file (G1); replaces one with the same name, which can only be a log without rows.
    /// An <see cref="IOException"/> leaves at most an <c>.inprogress</c> file behind, a <see cref="SyncFailedException"/> anything.
    /// </summary>
    public static LogSegment Create(IFileSystem files, string directory, LogHeader header, bool syncs)
    {
        string path = System.IO.Path.Combine(directory, LogFileName.Of(LogFileKind.Xlog, header.VClock.Signature));
        string temporary = path + LogFileName.InProgress;
        if (files.FileExists(temporary))
            files.Delete(temporary);
        byte[] text = header.Encode();
        using (IFile file = files.Create(temporary))
        {
            file.Write(0, text);
            SyncOrFail(file.Sync, temporary);
        }
        files.Rename(temporary, path);
        SyncOrFail(() => files.SyncDirectory(directory), directory);
        return new LogSegment(files.OpenReadWrite(path), path, header, text.Length, syncs);
    }

    /// <summary>
    /// Writes a block and, in <c>fsync</c> mode, syncs it; between the two it calls <paramref name="written"/>. An <see cref="IOException"/>:
    /// <see cref="CutBack"/> is due, and <paramref name="written"/> was not called.
    /// </summary>
    public void Append(ReadOnlySpan<byte> block, Action? written = null)
    {
        Reserve(block.Length);
        file.Write(Position, block);
        written?.Invoke();
        if (syncs)
            SyncOrFail(file.Sync, Path);
        Position += block.Length;
        HasRows = true;
    }

    /// <summary>Takes back a failed write (G3). Any failure here means that the end of the file is unknown: <see cref="SyncFailedException"/>.</summary>
    public void CutBack() => SyncOrFail(
        () =>
        {
            file.Truncate(Position);
            reservedTo = Position;
            if (syncs)
                file.Sync();
        },
        Path);

    /// <summary>Closes the file for good (G4). An <see cref="IOException"/>: the marker could not be written, <see cref="CutBack"/> is due.</summary>
    public void Finish()
    {
        file.Write(Position, BlockFormat.EofMarker);
        file.Truncate(Position + BlockFormat.EofMarker.Length);
        SyncOrFail(file.Sync, Path);
    }

    public void Dispose() => file.Dispose();

    /// <summary>Runs a sync whose failure leaves the state of the disk unknown.</summary>
    public static void SyncOrFail(Action sync, string path)
    {
        try
        {
            sync();
        }
        catch (IOException cause)
        {
            throw new SyncFailedException(path, cause);
        }
    }

    private void Reserve(int length)
    {
        if (!reserves || Position + length <= reservedTo)
            return;
        long end = (Position + length + ReservationStep) / ReservationStep * ReservationStep;
        try
        {
            file.Reserve(reservedTo, end - reservedTo);
            reservedTo = end;
        }
        catch (IOException)
        {
            // reservation only makes syncs cheaper; whether there is room for the block, its write will tell
            reserves = false;
        }
    }
}

/// <summary>A sync failed: what was written since the last good one may or may not be there after a crash.</summary>
internal sealed class SyncFailedException(string path, IOException cause) : Exception($"sync of {path} failed: {cause.Message}", cause);
