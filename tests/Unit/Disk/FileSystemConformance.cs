using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Server;
using Xunit;

namespace Picodata.Unit.Disk;

/// <summary>What both disks must do alike, so that what is proved on the modelled one holds on the real one.</summary>
public abstract class FileSystemConformance
{
    protected abstract IFileSystem Files { get; }

    protected abstract string Root { get; }

    private string At(string name) => Path.Combine(Root, name);

    [Fact]
    public void Bytes_are_read_back_where_they_were_written()
    {
        using IFile file = Files.Create(At("a"));
        file.Write(0, "hello"u8);
        file.Write(10, "world"u8);
        Assert.Equal(15, file.Length);
        Span<byte> buffer = stackalloc byte[20];
        Assert.Equal(15, file.Read(0, buffer));
        Assert.Equal("hello\0\0\0\0\0world"u8, buffer[..15]);
        Assert.Equal(2, file.Read(13, buffer));
        Assert.Equal(0, file.Read(15, buffer));
        file.Sync();
    }

    [Fact]
    public void Create_refuses_a_name_that_is_taken()
    {
        Files.Create(At("a")).Dispose();
        Assert.ThrowsAny<IOException>(() => Files.Create(At("a")));
    }

    [Fact]
    public void A_missing_file_is_said_to_be_missing()
    {
        Assert.Throws<FileNotFoundException>(() => Files.OpenRead(At("none")));
        Assert.Throws<FileNotFoundException>(() => Files.OpenReadWrite(At("none")));
        Assert.Throws<FileNotFoundException>(() => Files.Delete(At("none")));
        Assert.Throws<FileNotFoundException>(() => Files.Rename(At("none"), At("b")));
        Assert.False(Files.FileExists(At("none")));
    }

    [Fact]
    public void A_rename_replaces_and_open_handles_keep_their_file()
    {
        using IFile old = Files.Create(At("to"));
        old.Write(0, "old"u8);
        using IFile fresh = Files.Create(At("from"));
        fresh.Write(0, "fresh"u8);
        Files.Rename(At("from"), At("to"));
        Files.SyncDirectory(Root);
        Assert.False(Files.FileExists(At("from")));
        using IFile found = Files.OpenRead(At("to"));
        Assert.Equal(5, found.Length);
        Assert.Equal(3, old.Length);
        fresh.Write(5, "!"u8);
        Assert.Equal(6, found.Length);
    }

    [Fact]
    public void Truncate_shortens_and_zeros_follow_when_it_grows_again()
    {
        using IFile file = Files.Create(At("a"));
        file.Write(0, "abcdef"u8);
        file.Truncate(2);
        Assert.Equal(2, file.Length);
        file.Truncate(4);
        Span<byte> buffer = stackalloc byte[8];
        Assert.Equal(4, file.Read(0, buffer));
        Assert.Equal("ab\0\0"u8, buffer[..4]);
    }

    [Fact]
    public void Reserved_space_does_not_change_the_length()
    {
        using IFile file = Files.Create(At("a"));
        file.Write(0, "x"u8);
        file.Reserve(1, 1 << 20);
        Assert.Equal(1, file.Length);
    }

    [Fact]
    public void The_list_is_in_ordinal_order_and_tells_lengths()
    {
        using (IFile file = Files.Create(At("b.xlog")))
            file.Write(0, new byte[7]);
        Files.Create(At("a.snap")).Dispose();
        Files.CreateDirectory(At("Z"));
        FileEntry[] entries = [.. Files.List(Root)];
        Assert.Equal(["Z", "a.snap", "b.xlog"], entries.Select(entry => entry.Name));
        Assert.Equal([true, false, false], entries.Select(entry => entry.IsDirectory));
        Assert.Equal(7, entries[2].Length);
        Assert.True(Math.Abs((entries[2].ModifiedUtc - DateTimeOffset.UtcNow).TotalMinutes) < 5);
    }

    [Fact]
    public void A_directory_is_locked_once()
    {
        using (Files.LockDirectory(Root))
        {
            Assert.Throws<DirectoryLockedException>(() => Files.LockDirectory(Root));
        }
        Files.LockDirectory(Root).Dispose();
    }

    [Fact]
    public void A_file_opened_for_reading_refuses_writes()
    {
        Files.Create(At("a")).Dispose();
        using IFile file = Files.OpenRead(At("a"));
        Assert.ThrowsAny<IOException>(() => file.Write(0, "x"u8));
    }

    [Fact]
    public void Directories_are_made_with_their_parents()
    {
        Files.CreateDirectory(At("x/y/z"));
        Assert.True(Files.DirectoryExists(At("x/y/z")));
        Assert.True(Files.DirectoryExists(At("x")));
        Assert.False(Files.DirectoryExists(At("x/q")));
        Assert.ThrowsAny<IOException>(() => Files.List(At("x/q")));
        Assert.ThrowsAny<IOException>(() => Files.Create(At("x/q/file")));
    }

    [Fact]
    public void There_is_room_and_it_is_part_of_the_whole()
    {
        Assert.InRange(Files.AvailableBytes(Root), 1, Files.TotalBytes(Root));
    }
}

/// <inheritdoc/>
public sealed class RealFileSystemTests : FileSystemConformance, IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("picodata-disk-").FullName;

    protected override IFileSystem Files { get; } = new RealFileSystem();

    protected override string Root => root;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Files_get_mode_0644_less_umask()
    {
        if (!OperatingSystem.IsLinux())
            return;
        string path = Path.Combine(root, "a");
        Files.Create(path).Dispose();
        UnixFileMode mode = File.GetUnixFileMode(path);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, mode & (UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite));
    }

    [Fact]
    public void A_full_device_is_told_from_other_errors()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "no /dev/full here");
        using IFile full = Files.OpenReadWrite("/dev/full");
        Assert.Throws<DiskFullException>(() => full.Write(0, "x"u8));
    }
}

/// <inheritdoc/>
public sealed class ModelledDiskTests : FileSystemConformance
{
    private readonly ModelledDisk disk = Made();

    protected override IFileSystem Files => disk;

    protected override string Root => "/data";

    [Fact]
    public void Unsynced_bytes_and_names_are_lost_and_synced_ones_are_not()
    {
        using (IFile kept = disk.Create("/data/kept"))
        {
            kept.Write(0, "one"u8);
            kept.Sync();
            disk.SyncDirectory("/data");
            kept.Write(3, "two"u8);
        }
        using (IFile nameless = disk.Create("/data/nameless"))
            nameless.Sync();
        ModelledDisk found = disk.AfterPowerLoss(Survival.Nothing, 1);
        Assert.Equal("one"u8, found.Fetch("/data/kept"));
        Assert.False(found.FileExists("/data/nameless"));
        Assert.Throws<PowerLossException>(() => disk.FileExists("/data/kept"));
        Assert.Equal("onetwo"u8, MadeWithFile("two"u8).AfterPowerLoss(Survival.Everything, 1).Fetch("/data/kept"));
    }

    [Fact]
    public void Random_survival_reaches_torn_sectors_holes_and_lengths_without_data()
    {
        bool torn = false, hole = false, whole = false, none = false;
        for (int seed = 0; seed < 200; seed++)
        {
            ModelledDisk before = MadeWithFile([]);
            using (IFile file = before.OpenReadWrite("/data/kept"))
                file.Write(0, Enumerable.Repeat((byte)7, 2048).ToArray());
            byte[] found = before.AfterPowerLoss(Survival.Random, seed).Fetch("/data/kept");
            int sevens = found.Count(value => value == 7);
            torn |= sevens % 512 != 0;
            hole |= found.AsSpan().IndexOf((byte)0) >= 0 && found.AsSpan().LastIndexOf((byte)7) > found.AsSpan().IndexOf((byte)0);
            whole |= sevens == 2048;
            none |= found.Length == 2048 && sevens < 512;
        }
        Assert.True(torn && hole && whole && none, $"torn {torn}, hole {hole}, whole {whole}, none {none}");
    }

    [Fact]
    public void A_failed_sync_is_not_made_good_by_the_next()
    {
        disk.Faults = operation => operation.Kind == DiskOperationKind.Sync ? DiskFault.IoError : DiskFault.None;
        using IFile file = disk.Create("/data/a");
        disk.SyncDirectory("/data");
        file.Write(0, "x"u8);
        Assert.ThrowsAny<IOException>(file.Sync);
        disk.Faults = null;
        file.Sync();
        file.Write(1, "y"u8);
        file.Sync();
        Assert.Equal("\0y"u8, disk.AfterPowerLoss(Survival.Nothing, 0).Fetch("/data/a"));
    }

    [Fact]
    public void A_lying_sync_saves_nothing()
    {
        disk.Faults = operation => operation.Kind == DiskOperationKind.Sync ? DiskFault.Lie : DiskFault.None;
        using IFile file = disk.Create("/data/a");
        disk.SyncDirectory("/data");
        file.Write(0, "x"u8);
        file.Sync();
        Assert.Empty(disk.AfterPowerLoss(Survival.Nothing, 0).Fetch("/data/a"));
    }

    [Fact]
    public void A_full_disk_takes_a_part_and_says_so()
    {
        disk.Capacity = 100;
        using IFile file = disk.Create("/data/a");
        Assert.Throws<DiskFullException>(() => file.Write(0, new byte[200]));
        Assert.InRange(file.Length, 0, 100);
        file.Truncate(0);
        file.Write(0, new byte[100]);
    }

    [Fact]
    public void A_lost_rename_leaves_the_old_names()
    {
        using (IFile file = disk.Create("/data/a.inprogress"))
        {
            file.Write(0, "x"u8);
            file.Sync();
        }
        disk.SyncDirectory("/data");
        disk.Rename("/data/a.inprogress", "/data/a");
        ModelledDisk found = disk.AfterPowerLoss(Survival.Nothing, 0);
        Assert.True(found.FileExists("/data/a.inprogress"));
        Assert.False(found.FileExists("/data/a"));
    }

    private static ModelledDisk Made()
    {
        var made = new ModelledDisk();
        made.CreateDirectory("/data");
        return made;
    }

    private static ModelledDisk MadeWithFile(ReadOnlySpan<byte> unsynced)
    {
        ModelledDisk made = Made();
        using IFile kept = made.Create("/data/kept");
        kept.Write(0, "one"u8);
        kept.Sync();
        made.SyncDirectory("/data");
        if (!unsynced.IsEmpty)
            kept.Write(3, unsynced);
        return made;
    }
}
