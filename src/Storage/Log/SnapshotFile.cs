using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// Writes a read view as a snapshot: under <c>.inprogress</c>, synced, then renamed, then the name synced (S5). A failure removes what
/// was begun and is the caller's to report; a snapshot that has its name is complete.
/// </summary>
internal static class SnapshotFile
{
    /// <param name="pace">Called after every write with its length, to hold the writer back; null writes at full speed.</param>
    public static void Write(ReadView view, LogHeader header, StorageEnvironment environment, string directory, SnapWriterOptions options, Action<int>? pace, CancellationToken cancel)
    {
        IFileSystem files = environment.Files;
        string path = Path.Combine(directory, LogFileName.Of(LogFileKind.Snap, header.VClock.Signature));
        string temporary = path + LogFileName.InProgress;
        if (files.FileExists(temporary))
            files.Delete(temporary);
        try
        {
            using (IFile file = files.Create(temporary))
            {
                using IFile target = pace is null ? file : new PacedFile(file, pace);
                using var writer = new SnapWriter(target, header, options);
                AddRows(view, writer, cancel);
                writer.Complete();
                file.Sync();
            }
            files.Rename(temporary, path);
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            RemoveBegun(files, temporary, failure);
            throw;
        }
        files.SyncDirectory(directory);
    }

    private static void AddRows(ReadView view, SnapWriter writer, CancellationToken cancel)
    {
        int untilCheck = 0;
        foreach (SpaceDef space in view.Spaces)
        {
            if (space.IsTemporary || space.IsView || space.Primary is null)
                continue;
            using IndexCursor cursor = view.OpenCursor(space.Id);
            while (cursor.MoveNext())
            {
                writer.AddRow(space.Id, cursor.Current, space.IsLocal);
                if (++untilCheck == 1024)
                {
                    untilCheck = 0;
                    cancel.ThrowIfCancellationRequested();
                }
            }
        }
    }

    private static void RemoveBegun(IFileSystem files, string temporary, Exception cause)
    {
        try
        {
            if (files.FileExists(temporary))
                files.Delete(temporary);
        }
        catch (IOException second)
        {
            throw new IOException($"{cause.Message}; and {temporary} could not be removed: {second.Message}", cause);
        }
    }

    /// <summary>Passes everything on and tells of every write.</summary>
    private sealed class PacedFile(IFile inner, Action<int> pace) : IFile
    {
        public string Path => inner.Path;

        public long Length => inner.Length;

        public int Read(long offset, Span<byte> buffer) => inner.Read(offset, buffer);

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            inner.Write(offset, bytes);
            pace(bytes.Length);
        }

        public void Reserve(long offset, long length) => inner.Reserve(offset, length);

        public void Truncate(long length) => inner.Truncate(length);

        public void Sync() => inner.Sync();

        public void Dispose()
        {
            // the file belongs to whoever made it
        }
    }
}
