using Picodata.Harness;
using Picodata.Harness.Disk;
using Picodata.Storage;
using Picodata.Storage.Files;
using Picodata.Storage.Log;
using Xunit;

namespace Picodata.Unit.Durability;

public sealed class FileRemovalTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly QuietTime time = new();
    private readonly ModelledDisk disk;
    private StorageOptions options = new() { Directory = "/data", CheckpointCount = 1, CopyGrace = TimeSpan.FromHours(1) };

    public FileRemovalTests()
    {
        disk = new ModelledDisk(0, time) { Capacity = 1000 };
        disk.CreateDirectory("/data");
    }

    [Fact]
    public void What_the_newest_snapshot_needs_stays_for_ever()
    {
        Place(LogFileKind.Snap, 0, 0);
        Place(LogFileKind.Xlog, 0, 0);
        Place(LogFileKind.Xlog, 5, 0);
        Place(LogFileKind.Xlog, 9, 0);
        time.Advance(TimeSpan.FromDays(100));
        Assert.Equal([], Removed(diskIsFull: true));
    }

    [Fact]
    public void A_log_across_the_snapshot_is_needed_by_it()
    {
        Place(LogFileKind.Xlog, 0, 0);
        Place(LogFileKind.Xlog, 5, 0);
        Place(LogFileKind.Snap, 7, 0);
        Place(LogFileKind.Xlog, 9, 0);
        time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(["0.xlog"], Removed(diskIsFull: false));
    }

    [Fact]
    public void Files_stay_for_the_grace_after_their_successor_appeared()
    {
        Place(LogFileKind.Snap, 0, 0);
        Place(LogFileKind.Xlog, 0, 0);
        Place(LogFileKind.Snap, 10, 60);
        Place(LogFileKind.Xlog, 10, 60);
        time.Advance(TimeSpan.FromMinutes(60 + 59));
        Assert.Equal([], Removed(diskIsFull: false));
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(["0.snap", "0.xlog"], Removed(diskIsFull: false));
        Assert.Equal([], Removed(diskIsFull: false));
    }

    [Fact]
    public void Two_checkpoints_keep_the_logs_of_the_older_one()
    {
        options = options with { CheckpointCount = 2 };
        foreach (long at in new[] { 0, 10, 20, 30 })
        {
            Place(LogFileKind.Snap, at, 0);
            Place(LogFileKind.Xlog, at, 0);
        }
        Place(LogFileKind.Xlog, 35, 0);
        time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(["0.snap", "0.xlog", "10.snap", "10.xlog"], Removed(diskIsFull: false));
    }

    [Fact]
    public void A_full_disk_takes_the_grace_away_and_nothing_more()
    {
        Place(LogFileKind.Snap, 0, 0);
        Place(LogFileKind.Xlog, 0, 0);
        Place(LogFileKind.Snap, 10, 0);
        Place(LogFileKind.Xlog, 10, 0);
        Assert.Equal(["0.snap", "0.xlog"], Removed(diskIsFull: true));
    }

    [Fact]
    public void Too_little_room_removes_the_oldest_until_there_is_enough()
    {
        Place(LogFileKind.Snap, 0, 0, 100);
        Place(LogFileKind.Snap, 10, 0, 100);
        Place(LogFileKind.Snap, 20, 0, 100);
        Place(LogFileKind.Snap, 30, 0, 100);
        options = options with { CopyGraceMinFree = 0.75 };
        Assert.Equal(["0.snap", "10.snap"], Removed(diskIsFull: false));
    }

    [Fact]
    public void Other_files_are_none_of_ours()
    {
        Place(LogFileKind.Snap, 10, 0);
        disk.Place("/data/00000000000000000001.xlog.corrupted", [1], Start);
        disk.Place("/data/config.yaml", [1], Start);
        disk.Place("/data/1.snap", [1], Start);
        time.Advance(TimeSpan.FromDays(1));
        Assert.Equal([], Removed(diskIsFull: true));
    }

    private void Place(LogFileKind kind, long signature, int minutes, int length = 1) =>
        disk.Place("/data/" + LogFileName.Of(kind, signature), new byte[length], Start.AddMinutes(minutes));

    /// <summary>Names without the leading zeros, in order.</summary>
    private string[] Removed(bool diskIsFull)
    {
        HashSet<string> before = [.. disk.List("/data").Select(entry => entry.Name)];
        bool any = new FileRemoval(new StorageEnvironment(disk) { Time = time }, () => options).Run(diskIsFull);
        before.ExceptWith(disk.List("/data").Select(entry => entry.Name));
        Assert.Equal(before.Count > 0, any);
        return [.. before.Order(StringComparer.Ordinal).Select(name => name.TrimStart('0')).Select(name => name[0] == '.' ? "0" + name : name)];
    }
}
