using System.Runtime.InteropServices;
using Picodata.Core;

namespace Picodata.Server;

/// <summary>
/// The machine's disk. Everything that durability rests on is called by name (fdatasync, fsync of directories, flock,
/// fallocate), so that each errno is seen as it is. Linux only: other systems give these calls other meanings.
/// Thread-safe.
/// </summary>
public sealed class RealFileSystem : IFileSystem
{
    private const int CreationMode = 0x1A4; // 0644

    public RealFileSystem()
    {
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException("the disk layer knows the durability calls of Linux only");
    }

    public IFile OpenRead(string path) => Open(path, Posix.ReadOnly);

    public IFile OpenReadWrite(string path) => Open(path, Posix.ReadWrite);

    public IFile Create(string path) => Open(path, Posix.ReadWrite | Posix.CreateNew);

    public bool FileExists(string path) => File.Exists(path);

    public bool DirectoryExists(string path) => Directory.Exists(path);

    public void CreateDirectory(string path) => Translate(path, () => Directory.CreateDirectory(path));

    public void Rename(string from, string to)
    {
        if (Posix.rename(from, to) != 0)
            throw Posix.Error("rename", from);
    }

    public void Delete(string path)
    {
        if (Posix.unlink(path) != 0)
            throw Posix.Error("unlink", path);
    }

    public void SyncDirectory(string path)
    {
        int descriptor = Posix.Retry(() => Posix.open(path, Posix.ReadOnly | Posix.CloseOnExec, 0), "open", path);
        try
        {
            Posix.Retry(() => Posix.fsync(descriptor), "fsync", path);
        }
        finally
        {
            _ = Posix.close(descriptor);
        }
    }

    public IReadOnlyList<FileEntry> List(string path)
    {
        var entries = new List<FileEntry>();
        Translate(path, () =>
        {
            foreach (FileSystemInfo item in new DirectoryInfo(path).EnumerateFileSystemInfos())
            {
                try
                {
                    bool isDirectory = item is DirectoryInfo;
                    entries.Add(new FileEntry(item.Name, isDirectory ? 0 : ((FileInfo)item).Length, isDirectory, item.LastWriteTimeUtc));
                }
                catch (FileNotFoundException)
                {
                    // removed between the directory's answer and ours: as if it had gone before
                }
            }
        });
        entries.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        return entries;
    }

    /// <remarks>flock belongs to the open file description: the kernel frees it when the process ends in whatever way.</remarks>
    public IDisposable LockDirectory(string path)
    {
        int descriptor = Posix.Retry(() => Posix.open(path, Posix.ReadOnly | Posix.CloseOnExec, 0), "open", path);
        while (Posix.flock(descriptor, Posix.LockExclusive | Posix.LockNonBlocking) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Posix.Interrupted)
                continue;
            _ = Posix.close(descriptor);
            throw errno == Posix.WouldBlock ? new DirectoryLockedException(path) : Posix.Error("flock", path, errno);
        }
        return new DirectoryLock(descriptor);
    }

    public long AvailableBytes(string path) => new DriveInfo(path).AvailableFreeSpace;

    public long TotalBytes(string path) => new DriveInfo(path).TotalSize;

    public unsafe FileIdentity Identify(string path)
    {
        // struct statx: 256 bytes, the same on all architectures
        Span<ulong> found = stackalloc ulong[32];
        fixed (ulong* start = found)
        {
            nint buffer = (nint)start;
            Posix.Retry(() => Posix.statx(Posix.AtCurrentDirectory, path, 0, Posix.StatxInode | Posix.StatxBirth, buffer), "statx", path);
        }
        ulong device = found[17]; // major and minor
        bool hasBirth = ((uint)found[0] & Posix.StatxBirth) != 0;
        long birth = hasBirth ? ((long)found[10] * 1_000_000_000) + (uint)found[11] : 0;
        return new FileIdentity(device, found[4], birth);
    }

    private static PosixFile Open(string path, int flags)
    {
        int descriptor = Posix.Retry(() => Posix.open(path, flags | Posix.CloseOnExec, CreationMode), "open", path);
        return new PosixFile(path, descriptor);
    }

    private static void Translate(string path, Action action)
    {
        try
        {
            action();
        }
        catch (UnauthorizedAccessException refused)
        {
            throw new IOException($"{path}: {refused.Message}", refused);
        }
    }

    private sealed class DirectoryLock(int descriptor) : IDisposable
    {
        private int descriptor = descriptor;

        public void Dispose()
        {
            int owned = Interlocked.Exchange(ref descriptor, -1);
            if (owned >= 0)
                _ = Posix.close(owned);
        }
    }
}
