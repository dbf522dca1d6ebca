using System.Collections.Concurrent;
using Picodata.Core;

namespace Picodata.Harness.Disk;

/// <summary>
/// Another file system, seen through: it tells of every operation before it is done (for a test that wants to do something at just that moment) and
/// keeps the ones that the disk refused. Thread-safe as the one below.
/// </summary>
public sealed class WatchedFileSystem(IFileSystem inner) : IFileSystem
{
    private readonly ConcurrentQueue<DiskOperation> refused = new();
    private int operations;

    /// <summary>Called before every operation that changes something.</summary>
    public Action<DiskOperation>? Before { get; set; }

    /// <summary>Operations that found the disk full, in their order.</summary>
    public IReadOnlyCollection<DiskOperation> FoundFull => refused;

    /// <summary>Forgets <see cref="FoundFull"/>.</summary>
    public void Forget() => refused.Clear();

    public IFile OpenRead(string path) => inner.OpenRead(path);

    public IFile OpenReadWrite(string path) => new WatchedFile(this, inner.OpenReadWrite(path));

    public IFile Create(string path)
    {
        IFile? created = null;
        Watch(DiskOperationKind.Create, path, 0, () => created = inner.Create(path));
        return new WatchedFile(this, created!);
    }

    public bool FileExists(string path) => inner.FileExists(path);

    public bool DirectoryExists(string path) => inner.DirectoryExists(path);

    public void CreateDirectory(string path) => inner.CreateDirectory(path);

    public void Rename(string from, string to) => Watch(DiskOperationKind.Rename, to, 0, () => inner.Rename(from, to));

    public void Delete(string path) => Watch(DiskOperationKind.Delete, path, 0, () => inner.Delete(path));

    public void SyncDirectory(string path) => Watch(DiskOperationKind.SyncDirectory, path, 0, () => inner.SyncDirectory(path));

    public IReadOnlyList<FileEntry> List(string path) => inner.List(path);

    public IDisposable LockDirectory(string path) => inner.LockDirectory(path);

    public long AvailableBytes(string path) => inner.AvailableBytes(path);

    public long TotalBytes(string path) => inner.TotalBytes(path);

    public FileIdentity Identify(string path) => inner.Identify(path);

    private void Watch(DiskOperationKind kind, string path, long length, Action action)
    {
        var operation = new DiskOperation(Interlocked.Increment(ref operations), kind, path, length);
        Before?.Invoke(operation);
        try
        {
            action();
        }
        catch (DiskFullException)
        {
            refused.Enqueue(operation);
            throw;
        }
    }

    private sealed class WatchedFile(WatchedFileSystem files, IFile inner) : IFile
    {
        public string Path => inner.Path;

        public long Length => inner.Length;

        public int Read(long offset, Span<byte> buffer) => inner.Read(offset, buffer);

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            var operation = new DiskOperation(Interlocked.Increment(ref files.operations), DiskOperationKind.Write, Path, bytes.Length);
            files.Before?.Invoke(operation);
            try
            {
                inner.Write(offset, bytes);
            }
            catch (DiskFullException)
            {
                files.refused.Enqueue(operation);
                throw;
            }
        }

        public void Reserve(long offset, long length) => files.Watch(DiskOperationKind.Reserve, Path, length, () => inner.Reserve(offset, length));

        public void Truncate(long length) => files.Watch(DiskOperationKind.Truncate, Path, 0, () => inner.Truncate(length));

        public void Sync() => files.Watch(DiskOperationKind.Sync, Path, 0, inner.Sync);

        public void Dispose() => inner.Dispose();
    }
}
