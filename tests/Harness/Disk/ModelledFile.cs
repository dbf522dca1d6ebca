using Picodata.Core;

namespace Picodata.Harness.Disk;

/// <summary>What the disk keeps of one file: what is certain, and what is only asked for. Guarded by the disk's lock.</summary>
public sealed class Inode
{
    public const int Sector = 512;

    /// <summary>
    /// A torn sector lacks at least so many bytes. Devices write a sector in whole or not at all; where one does not, a shorter tear of the last
    /// block cannot be told from damage, and a start is refused (TornBlockTests goes through all of them).
    /// </summary>
    public const int LeastTear = 16;

    private readonly List<Change> unsynced = [];
    private byte[] content = [];
    private byte[] durable = [];
    private int durableLength;

    private static long numbers;

    public int Length { get; private set; }

    /// <summary>Number of the file; another one for every file that was ever made.</summary>
    public ulong Number { get; set; } = NextNumber();

    public DateTimeOffset Modified { get; set; }

    public ReadOnlySpan<byte> Content => content.AsSpan(0, Length);

    internal static ulong NextNumber() => (ulong)Interlocked.Increment(ref numbers);

    /// <summary>A file that has been there for ever.</summary>
    public static Inode Settled(ReadOnlySpan<byte> bytes, DateTimeOffset modified) =>
        new() { content = bytes.ToArray(), durable = bytes.ToArray(), durableLength = bytes.Length, Length = bytes.Length, Modified = modified };

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        Length = Put(ref content, Length, (int)offset, bytes);
        unsynced.Add(new Change((int)offset, bytes.ToArray(), IsTruncation: false, Orphaned: false));
    }

    public void Truncate(long length)
    {
        Length = Cut(ref content, Length, (int)length);
        unsynced.Add(new Change((int)length, [], IsTruncation: true, Orphaned: false));
    }

    public void Sync()
    {
        // what an earlier failed sync should have saved stays unknown; what came behind it in the list cannot be folded
        int kept = 0;
        bool folding = true;
        for (int i = 0; i < unsynced.Count; i++)
        {
            Change change = unsynced[i];
            folding &= !change.Orphaned;
            if (folding)
                durableLength = change.Apply(ref durable, durableLength);
            else
                unsynced[kept++] = change.Orphaned ? change : change with { Synced = true };
        }
        unsynced.RemoveRange(kept, unsynced.Count - kept);
    }

    public void FailSync()
    {
        for (int i = 0; i < unsynced.Count; i++)
            unsynced[i] = unsynced[i] with { Orphaned = !unsynced[i].Synced };
    }

    /// <summary>The bytes that are found after the power came back.</summary>
    public byte[] Survivor(Survival mode, Random chance)
    {
        byte[] found = durable.AsSpan(0, durableLength).ToArray();
        int length = durableLength;
        int until = mode == Survival.Prefix ? chance.Next(unsynced.Count + 1) : unsynced.Count;
        for (int i = 0; i < unsynced.Count; i++)
        {
            Change change = unsynced[i];
            if (change.Synced || mode == Survival.Everything || (mode == Survival.Prefix && i < until))
                length = change.Apply(ref found, length);
            else if (mode == Survival.Random)
                length = change.ApplyInPart(ref found, length, chance);
        }
        return found.AsSpan(0, length).ToArray();
    }

    private static int Put(ref byte[] store, int length, int offset, ReadOnlySpan<byte> bytes)
    {
        int end = offset + bytes.Length;
        if (end > store.Length)
            Array.Resize(ref store, Math.Max(end, store.Length * 2));
        bytes.CopyTo(store.AsSpan(offset));
        return Math.Max(length, end);
    }

    private static int Cut(ref byte[] store, int length, int newLength)
    {
        if (newLength > store.Length)
            Array.Resize(ref store, newLength);
        if (newLength < length)
            store.AsSpan(newLength, length - newLength).Clear();
        return newLength;
    }

    private sealed record Change(int Offset, byte[] Bytes, bool IsTruncation, bool Orphaned)
    {
        public bool Synced { get; init; }

        public int Apply(ref byte[] store, int length) =>
            IsTruncation ? Cut(ref store, length, Offset) : Put(ref store, length, Offset, Bytes);

        public int ApplyInPart(ref byte[] store, int length, Random chance)
        {
            if (IsTruncation)
                return chance.Next(2) == 0 ? length : Apply(ref store, length);
            if (chance.Next(4) == 0)
                length = Math.Max(length, Put(ref store, length, Offset + Bytes.Length, []));
            for (int at = 0; at < Bytes.Length;)
            {
                int size = Math.Min(Bytes.Length - at, Sector - ((Offset + at) % Sector));
                int fate = chance.Next(8);
                if (fate < 4)
                    length = Put(ref store, length, Offset + at, Bytes.AsSpan(at, size));
                else if (fate == 4 && size >= LeastTear)
                    length = Put(ref store, length, Offset + at, Bytes.AsSpan(at, chance.Next(size - LeastTear + 1)));
                at += size;
            }
            return length;
        }
    }
}

/// <summary>A handle on a modelled file; it works on after the name is gone, as on a real disk.</summary>
internal sealed class ModelledFile(ModelledDisk disk, string path, Inode inode, bool writable) : IFile
{
    private bool closed;

    public string Path { get; } = path;

    public long Length => disk.Guarded(() => Open().Length);

    public int Read(long offset, Span<byte> buffer)
    {
        lock (disk.Gate)
        {
            disk.ThrowIfDark();
            ReadOnlySpan<byte> content = Open().Content;
            if (offset >= content.Length)
                return 0;
            int count = (int)Math.Min(buffer.Length, content.Length - offset);
            content.Slice((int)offset, count).CopyTo(buffer);
            return count;
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        lock (disk.Gate)
        {
            Inode file = OpenForWriting();
            DiskFault fault = disk.Begin(DiskOperationKind.Write, Path, bytes.Length);
            long growth = Math.Max(0, offset + bytes.Length - file.Length);
            long room = disk.RoomInside();
            int put = bytes.Length;
            if (growth > room)
            {
                fault = fault == DiskFault.None ? DiskFault.Full : fault;
                put = (int)Math.Max(0, bytes.Length - (growth - room));
            }
            if (fault is DiskFault.IoError or DiskFault.Full)
                put = disk.Chance.Next(put + 1);
            if (put > 0)
                file.Write(offset, bytes[..put]);
            file.Modified = disk.Time.GetUtcNow();
            disk.End(fault, Path);
        }
    }

    public void Reserve(long offset, long length)
    {
        lock (disk.Gate)
        {
            Inode file = OpenForWriting();
            DiskFault fault = disk.Begin(DiskOperationKind.Reserve, Path, length);
            if (fault == DiskFault.None && offset + length - file.Length > disk.RoomInside())
                fault = DiskFault.Full;
            disk.End(fault, Path);
        }
    }

    public void Truncate(long length)
    {
        lock (disk.Gate)
        {
            Inode file = OpenForWriting();
            DiskFault fault = disk.Begin(DiskOperationKind.Truncate, Path, 0);
            if (fault is DiskFault.None or DiskFault.PowerLoss)
                file.Truncate(length);
            file.Modified = disk.Time.GetUtcNow();
            disk.End(fault, Path);
        }
    }

    public void Sync()
    {
        lock (disk.Gate)
        {
            Inode file = Open();
            DiskFault fault = disk.Begin(DiskOperationKind.Sync, Path, 0);
            if (fault == DiskFault.None)
                file.Sync();
            else if (fault is DiskFault.IoError or DiskFault.Full)
                file.FailSync();
            disk.End(fault, Path);
        }
    }

    public void Dispose() => closed = true;

    private Inode Open() => closed ? throw new ObjectDisposedException(Path) : inode;

    private Inode OpenForWriting() => writable ? Open() : throw new IOException($"write {Path}: opened for reading only");
}
