using Picodata.Core;
using Picodata.Harness;
using Picodata.Harness.Disk;
using Picodata.Storage;
using Picodata.Storage.Files;
using Picodata.Unit.Durability;
using Xunit;

namespace Picodata.Unit.Damage;

/// <summary>
/// The last block of a log, of which the power loss left a part: whatever sectors are missing, it is left out and the start goes well; where less
/// than <see cref="Inode.LeastTear"/> bytes of one sector are missing, which no device does, the start may be refused but never has other data.
/// </summary>
public sealed class TornBlockTests
{
    private const uint Table = 2000;
    private const int Rows = 60;

    [Fact]
    public Task Tears_of_the_last_block_are_left_out_or_refused() => TearAsync(shift: 389, stride: 61);

    [Theory]
    [InlineData(0)]
    [InlineData(150)]
    [InlineData(389)]
    [InlineData(500)]
    [Trait("speed", "long")]
    public Task Every_tear_of_the_last_block_is_left_out_or_refused(int shift) => TearAsync(shift, stride: 1);

    /// <summary>Tears at every byte near the ends of sectors, and at every <paramref name="stride"/>th elsewhere.</summary>
    private static async Task TearAsync(int shift, int stride)
    {
        (string path, Dictionary<string, byte[]> files, int start) = await MakeAsync(shift);
        byte[] whole = files[path];
        for (int kept = start; kept < whole.Length; kept++)
        {
            if (kept % stride != 0 && kept % Inode.Sector is >= 2 and < Inode.Sector - Inode.LeastTear - 2 && kept < whole.Length - Inode.LeastTear - 2)
                continue;
            byte[] torn = [.. whole];
            torn.AsSpan(kept).Clear();
            int missing = Math.Min(whole.Length, (kept / Inode.Sector * Inode.Sector) + Inode.Sector) - kept;
            bool isRefused = await StartAsync(files, path, torn, $"{kept} of {start}..{whole.Length} bytes kept");
            Assert.False(isRefused && (missing >= Inode.LeastTear || kept / Inode.Sector < (whole.Length - 1) / Inode.Sector), $"refused with {kept} of {start}..{whole.Length} bytes kept");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(389)]
    [InlineData(500)]
    public async Task Every_choice_of_missing_sectors_is_left_out(int shift)
    {
        (string path, Dictionary<string, byte[]> files, int start) = await MakeAsync(shift);
        byte[] whole = files[path];
        int first = start / Inode.Sector, sectors = ((whole.Length - 1) / Inode.Sector) - first + 1;
        Assert.InRange(sectors, 3, 8);
        for (int missing = 1; missing < 1 << sectors; missing++)
        {
            byte[] torn = [.. whole];
            for (int sector = 0; sector < sectors; sector++)
            {
                int from = Math.Max(start, (first + sector) * Inode.Sector), to = Math.Min(whole.Length, (first + sector + 1) * Inode.Sector);
                if ((missing & (1 << sector)) != 0)
                    torn.AsSpan(from, to - from).Clear();
            }
            Assert.False(await StartAsync(files, path, torn, $"sectors {missing:b} missing"), $"refused with sectors {missing:b} missing");
        }
    }

    /// <summary>Starts on the files with one of them torn. True when it was refused; else it has the state before the torn transaction.</summary>
    private static async Task<bool> StartAsync(Dictionary<string, byte[]> files, string path, byte[] torn, string what)
    {
        ModelledDisk disk = Empty();
        foreach ((string name, byte[] bytes) in files)
            disk.Place(name, name == path ? torn : bytes);
        try
        {
            await using Database database = await OpenAsync(disk);
            SortedDictionary<long, long> rows = TestTables.Read(database, Table);
            Assert.True(rows.Count == 1 || torn.AsSpan().SequenceEqual(files[path]), $"{what}: {rows.Count} rows");
            return false;
        }
        catch (CorruptionException damage)
        {
            Assert.Equal(path, damage.File);
            return true;
        }
    }

    /// <summary>A killed instance whose last block, behind one row and <paramref name="shift"/> bytes more, spans several sectors.</summary>
    private static async Task<(string Path, Dictionary<string, byte[]> Files, int Start)> MakeAsync(int shift)
    {
        ModelledDisk disk = Empty();
        ModelledDisk before, after;
        Database database = await OpenAsync(disk);
        await using (database)
        {
            await CommitAsync(database, transaction => TestTables.Create(transaction, Table, withSecondary: false));
            await CommitAsync(database, transaction => TestTables.Put(transaction, Table, 0, shift == 0 ? 1 : long.MaxValue));
            for (int filled = 0; filled < shift; filled += 60)
                await CommitAsync(database, transaction => TestTables.Put(transaction, Table, 0, long.MaxValue - filled));
            before = disk.AfterKill();
            var chance = new Random(shift);
            await CommitAsync(database, transaction =>
            {
                for (int row = 1; row <= Rows; row++)
                    TestTables.Put(transaction, Table, row, chance.NextInt64(long.MaxValue / 2, long.MaxValue));
            });
            after = disk.AfterKill();
        }
        string path = after.List("/data").Select(entry => "/data/" + entry.Name).Last(name => name.EndsWith(".xlog", StringComparison.Ordinal));
        return (path, after.List("/data").ToDictionary(entry => "/data/" + entry.Name, entry => after.Fetch("/data/" + entry.Name)), before.Fetch(path).Length);
    }

    private static async Task CommitAsync(Database database, Action<Transaction> change)
    {
        using Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
        change(transaction);
        await database.WaitDurableAsync(transaction.Commit(), CancellationToken.None);
    }

    private static ModelledDisk Empty()
    {
        var disk = new ModelledDisk(1, new QuietTime());
        disk.CreateDirectory("/data");
        return disk;
    }

    private static Task<Database> OpenAsync(ModelledDisk disk) => Database.OpenAsync(
        new StorageOptions { Directory = "/data", CheckpointInterval = TimeSpan.Zero, InstanceUuid = new Guid(1, 2, 3, [4, 5, 6, 7, 8, 9, 10, 11]) },
        new StorageEnvironment(disk) { Time = new QuietTime(), Random = new Random(1) },
        CancellationToken.None);
}
