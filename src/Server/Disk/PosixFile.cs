using System.Runtime.InteropServices;
using Picodata.Core;

namespace Picodata.Server;

/// <summary>One open file of the real disk. <see cref="Read"/> may run beside everything but <see cref="Dispose"/>.</summary>
internal sealed class PosixFile(string path, int descriptor) : IFile
{
    private int descriptor = descriptor;

    public string Path { get; } = path;

    public long Length
    {
        get
        {
            // no cursor is kept: all reads and writes name their offset, so moving the kernel's is harmless
            long length = Posix.lseek(Descriptor, 0, 2);
            return length >= 0 ? length : throw Posix.Error("lseek", Path);
        }
    }

    private int Descriptor => descriptor >= 0 ? descriptor : throw new ObjectDisposedException(Path);

    public unsafe int Read(long offset, Span<byte> buffer)
    {
        int done = 0;
        fixed (byte* start = buffer)
        {
            while (done < buffer.Length)
            {
                nint got = Posix.pread(Descriptor, start + done, buffer.Length - done, offset + done);
                if (got == 0)
                    break;
                if (got > 0)
                    done += (int)got;
                else if (Marshal.GetLastPInvokeError() != Posix.Interrupted)
                    throw Posix.Error("pread", Path);
            }
        }
        return done;
    }

    public unsafe void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        int done = 0;
        fixed (byte* start = bytes)
        {
            while (done < bytes.Length)
            {
                nint put = Posix.pwrite(Descriptor, start + done, bytes.Length - done, offset + done);
                if (put >= 0)
                    done += (int)put;
                else if (Marshal.GetLastPInvokeError() != Posix.Interrupted)
                    throw Posix.Error("pwrite", Path);
            }
        }
    }

    public void Reserve(long offset, long length)
    {
        while (Posix.fallocate(Descriptor, Posix.KeepSize, offset, length) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno is Posix.NotSupported or Posix.NotImplemented)
                return;
            if (errno != Posix.Interrupted)
                throw Posix.Error("fallocate", Path, errno);
        }
    }

    public void Truncate(long length) => Posix.Retry(() => Posix.ftruncate(Descriptor, length), "ftruncate", Path);

    /// <remarks>fdatasync also writes the length when it changed; only times are left out.</remarks>
    public void Sync()
    {
        while (Posix.fdatasync(Descriptor) != 0)
        {
            // a failed sync must not be called again on the same pages: a second answer of success would mean nothing
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Posix.Interrupted)
                throw Posix.Error("fdatasync", Path, errno);
        }
    }

    public void Dispose()
    {
        int owned = Interlocked.Exchange(ref descriptor, -1);
        if (owned >= 0)
            _ = Posix.close(owned);
    }
}
