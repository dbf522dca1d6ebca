namespace Picodata.Core;

/// <summary>
/// The disk, as far as storage and backup may see it. Two implementations: the real one in Server and the
/// modelled one in the test harness, which cuts, reorders, tears, fills up and fails.
///
/// Contract, which every implementation keeps and which the durability of the product rests on:
/// F1 bytes written are durable only after <see cref="IFile.Sync"/> returned; before that any subset of the
///    written sectors (512 bytes) may survive a crash, in any order, a sector itself possibly torn.
/// F2 a created, renamed or deleted name is durable only after <see cref="SyncDirectory"/> of its directory.
/// F3 <see cref="Rename"/> replaces atomically: after a crash one of the two files is under the name, never neither.
/// F4 a failed write may have written any part of its bytes; a failed Sync leaves all unsynced bytes unknown for ever.
/// Errors are <see cref="IOException"/>; a full disk is <see cref="DiskFullException"/>.
/// </summary>
public interface IFileSystem
{
    /// <summary>Opens an existing file for reading only.</summary>
    IFile OpenRead(string path);

    /// <summary>Opens an existing file for reading and writing.</summary>
    IFile OpenReadWrite(string path);

    /// <summary>Creates a file that must not exist yet (O_EXCL), for reading and writing, mode 0644 less umask.</summary>
    IFile Create(string path);

    bool FileExists(string path);

    bool DirectoryExists(string path);

    /// <summary>Creates a directory and its missing parents.</summary>
    void CreateDirectory(string path);

    /// <summary>Renames a file inside one file system, replacing what has the name <paramref name="to"/>.</summary>
    void Rename(string from, string to);

    /// <summary>Removes a file; a missing one is an error.</summary>
    void Delete(string path);

    /// <summary>Makes names in the directory durable (F2).</summary>
    void SyncDirectory(string path);

    /// <summary>Entries of a directory, files and directories, in ordinal order of their names.</summary>
    IReadOnlyList<FileEntry> List(string path);

    /// <summary>
    /// Takes the exclusive lock of a directory (flock on the directory itself, as Tarantool does) until disposed.
    /// Throws <see cref="DirectoryLockedException"/> when another process holds it.
    /// </summary>
    IDisposable LockDirectory(string path);

    /// <summary>Bytes that can still be written on the file system of <paramref name="path"/>.</summary>
    long AvailableBytes(string path);

    /// <summary>Size in bytes of the file system of <paramref name="path"/>.</summary>
    long TotalBytes(string path);

    /// <summary>What a file or directory has that its copy has not.</summary>
    FileIdentity Identify(string path);
}

/// <summary>One open file. Positions are explicit; there is no cursor. Not thread-safe unless said.</summary>
public interface IFile : IDisposable
{
    string Path { get; }

    long Length { get; }

    /// <summary>Reads up to <c>buffer.Length</c> bytes; fewer only at the end of the file. Thread-safe.</summary>
    int Read(long offset, Span<byte> buffer);

    /// <summary>Writes all bytes or throws (F4).</summary>
    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Reserves space without changing the length (fallocate KEEP_SIZE); does nothing where unsupported.</summary>
    void Reserve(long offset, long length);

    void Truncate(long length);

    /// <summary>Makes all written bytes and the length durable (F1).</summary>
    void Sync();
}

/// <param name="Name">Name inside the directory.</param>
/// <param name="Length">Bytes; 0 for a directory.</param>
/// <param name="IsDirectory">True for a directory.</param>
/// <param name="ModifiedUtc">Time of the last change.</param>
public readonly record struct FileEntry(string Name, long Length, bool IsDirectory, DateTimeOffset ModifiedUtc);

/// <summary>No space left for a write or a reservation (ENOSPC, EDQUOT).</summary>
public sealed class DiskFullException(string message, Exception? cause = null) : IOException(message, cause);

/// <summary>Another process works in the directory.</summary>
public sealed class DirectoryLockedException(string directory)
    : IOException($"{directory} is locked by another process: an instance is already running there; stop it first, or choose another --instance-dir")
{
    public string Directory { get; } = directory;
}

/// <summary>What tells a file or directory from its copies: no copying tool can keep all of it.</summary>
/// <param name="Device">Number of the device; may change when the machine starts again with the same disk.</param>
/// <param name="Inode">Number of the file on its device.</param>
/// <param name="Birth">Time of its creation in nanoseconds since 1970; 0 where the file system does not keep it.</param>
public readonly record struct FileIdentity(ulong Device, ulong Inode, long Birth);
