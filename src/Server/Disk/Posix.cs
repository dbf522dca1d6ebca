using System.Runtime.InteropServices;
using Picodata.Core;

namespace Picodata.Server;

/// <summary>The system calls of the disk layer, and what their errors mean. Numbers are Linux's, equal on x64 and arm64.</summary>
internal static partial class Posix
{
    public const int ReadOnly = 0, ReadWrite = 2, CreateNew = 0x40 | 0x80, CloseOnExec = 0x80000;
    public const int LockExclusive = 2, LockNonBlocking = 4;
    public const int KeepSize = 1;
    public const int AtCurrentDirectory = -100;
    public const uint StatxInode = 0x100, StatxBirth = 0x800;
    public const int Interrupted = 4, NoEntry = 2, WouldBlock = 11, Exists = 17, NoSpace = 28, NotImplemented = 38, NotSupported = 95, QuotaExceeded = 122;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fsync(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fdatasync(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int flock(int descriptor, int operation);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fallocate(int descriptor, int mode, long offset, long length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int ftruncate(int descriptor, long length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial long lseek(int descriptor, long offset, int whence);

    [LibraryImport("libc", SetLastError = true)]
    public static unsafe partial nint pread(int descriptor, byte* buffer, nint count, long offset);

    [LibraryImport("libc", SetLastError = true)]
    public static unsafe partial nint pwrite(int descriptor, byte* buffer, nint count, long offset);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rename(string from, string to);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int unlink(string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int statx(int directory, string path, int flags, uint mask, nint buffer);

    /// <summary>Runs a call again while a signal interrupts it; throws what its error means.</summary>
    public static int Retry(Func<int> call, string name, string path)
    {
        while (true)
        {
            int result = call();
            if (result >= 0)
                return result;
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Interrupted)
                throw Error(name, path, errno);
        }
    }

    /// <summary>The last call's error as an exception.</summary>
    public static IOException Error(string call, string path) => Error(call, path, Marshal.GetLastPInvokeError());

    public static IOException Error(string call, string path, int errno)
    {
        string message = $"{call} {path}: {Marshal.GetPInvokeErrorMessage(errno)}";
        return errno switch
        {
            NoSpace or QuotaExceeded => new DiskFullException(message),
            NoEntry => new FileNotFoundException(message, path),
            _ => new IOException(message, errno),
        };
    }
}
