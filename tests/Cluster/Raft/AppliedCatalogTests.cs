using System.Collections.Immutable;
using Microsoft.Extensions.Logging.Abstractions;
using Picodata.Cluster;
using Picodata.Core;
using Picodata.Harness;
using Picodata.Harness.Disk;
using Picodata.Storage;
using Picodata.Storage.Files;
using Xunit;
using Survival = Picodata.Harness.Disk.Survival;

namespace Picodata.ClusterUnit.Raft;

/// <summary>The catalog in the instance's own log, on a modelled disk.</summary>
public sealed class AppliedCatalogTests
{
    private const uint StateId = 600, TableId = 601, PropertyId = 602;

    private static Task<Database> OpenAsync(ModelledDisk disk) => Database.OpenAsync(
        new StorageOptions { Directory = "/i", MemtxMemory = 64 << 20 },
        new StorageEnvironment(disk) { Time = new QuietTime(), Random = new Random(1) },
        CancellationToken.None);

    private static byte[] Space(uint id, string name, params string[] fields)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(7);
        writer.WriteUInt64(id);
        writer.WriteUInt64(1);
        writer.WriteString(name);
        writer.WriteString("memtx");
        writer.WriteUInt64(0);
        writer.WriteMapHead(1);
        writer.WriteString("group_id");
        writer.WriteInt64(1);
        writer.WriteArrayHead(fields.Length);
        foreach (string field in fields)
        {
            writer.WriteMapHead(2);
            writer.WriteString("name");
            writer.WriteString(field.Split(' ')[0]);
            writer.WriteString("type");
            writer.WriteString(field.Split(' ')[1]);
        }
        return writer.ToArray();
    }

    private static byte[] Index(uint space, string type)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(6);
        writer.WriteUInt64(space);
        writer.WriteUInt64(0);
        writer.WriteString($"i{space}");
        writer.WriteString("tree");
        writer.WriteMapHead(1);
        writer.WriteString("unique");
        writer.WriteBoolean(true);
        writer.WriteArrayHead(1);
        writer.WriteArrayHead(2);
        writer.WriteInt64(0);
        writer.WriteString(type);
        return writer.ToArray();
    }

    private static byte[] Tuple(string key, long value)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(2);
        writer.WriteString(key);
        writer.WriteInt64(value);
        return writer.ToArray();
    }

    private static async Task MakeSpacesAsync(Database database)
    {
        using Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
        transaction.BeginStatement();
        foreach ((uint id, string name, string second) in new[] { (StateId, "_raft_state", "value any"), (TableId, "_pico_tier", "n integer"), (PropertyId, "_pico_property", "n integer") })
        {
            Assert.Equal(WriteOutcome.Done, transaction.Insert(SystemSpaces.Space, Space(id, name, "key string", second)).Outcome);
            Assert.Equal(WriteOutcome.Done, transaction.Insert(SystemSpaces.Index, Index(id, "string")).Outcome);
        }
        // what an earlier life left
        Assert.Equal(WriteOutcome.Done, transaction.Insert(TableId, Tuple("old", 1)).Outcome);
        Assert.Equal(WriteOutcome.Done, transaction.Insert(PropertyId, Tuple("own", 1)).Outcome);
        transaction.EndStatement();
        await database.WaitDurableAsync(transaction.Commit(), default);
    }

    private static List<string> Rows(Database database, uint space)
    {
        var rows = new List<string>();
        using Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: true);
        transaction.BeginStatement();
        using IndexCursor cursor = transaction.OpenCursor(space, 0, KeyRange.All, descending: false);
        while (cursor.MoveNext())
        {
            var reader = new MsgPackReader(cursor.Current);
            reader.ReadArrayHead();
            rows.Add($"{reader.ReadString()}={reader.ReadInt64()}");
        }
        return rows;
    }

    private static CatalogImage Apply(CatalogMachine machine, params CatalogChange[] changes)
    {
        machine.Apply(machine.Image.Index + 3, 2, new CatalogProposal(Guid.NewGuid(), [], [.. changes]));
        return machine.Image;
    }

    private static void AssertEqual(CatalogImage expected, CatalogImage found) =>
        Assert.Equal(Convert.ToHexString(CatalogSnapshot.Encode(expected, [])), Convert.ToHexString(CatalogSnapshot.Encode(found, [])));

    [Fact]
    public async Task What_was_saved_is_found_by_every_copy_of_the_directory_and_stands_in_the_system_tables()
    {
        var disk = new ModelledDisk(1);
        var machine = new CatalogMachine();
        await using (Database database = await OpenAsync(disk))
        {
            await MakeSpacesAsync(database);
            var applied = new AppliedCatalog(database, NullLogger.Instance);
            Assert.Equal(0, applied.Load().Index);
            await applied.SaveAsync(Apply(machine, new CatalogChange("_pico_tier", "a", Tuple("a", 1)), new CatalogChange("_pico_tier", "b", Tuple("b", 2)), new CatalogChange("_pico_property", "p", Tuple("p", 3))), default);
            Assert.Equal(["a=1", "b=2"], Rows(database, TableId));
            Assert.Equal(["own=1", "p=3"], Rows(database, PropertyId));
            await applied.SaveAsync(Apply(machine, new CatalogChange("_pico_tier", "a", null), new CatalogChange("_pico_tier", "b", Tuple("b", 5)), new CatalogChange("_pico_property", "p", null), new CatalogChange("no_such_table", "x/y", new byte[] { 1, 2 })), default);
            Assert.Equal(["b=5"], Rows(database, TableId));
            Assert.Equal(["own=1"], Rows(database, PropertyId));
            AssertEqual(machine.Image, applied.Load());
        }
        await using Database copy = await OpenAsync(disk.AfterPowerLoss(Survival.Nothing, 7));
        var again = new AppliedCatalog(copy, NullLogger.Instance);
        CatalogImage found = again.Load();
        AssertEqual(machine.Image, found);
        Assert.Equal(machine.Image.Hash, found.Hash);
        await again.SaveAsync(found, default);
        await again.SaveAsync(Apply(machine, new CatalogChange("_pico_tier", "c", Tuple("c", 6))), default);
        Assert.Equal(["b=5", "c=6"], Rows(copy, TableId));
        AssertEqual(machine.Image, again.Load());
    }

    [Fact]
    public async Task A_loss_of_power_at_any_moment_leaves_one_image_whole()
    {
        for (int seed = 1; seed <= 30; seed++)
        {
            var disk = new ModelledDisk(seed);
            var machine = new CatalogMachine();
            var images = new List<CatalogImage> { CatalogImage.Empty };
            int saved = 0;
            ModelledDisk after;
            Database database = await OpenAsync(disk);
            await MakeSpacesAsync(database);
            var applied = new AppliedCatalog(database, NullLogger.Instance);
            for (int i = 0; i < 6; i++)
            {
                images.Add(Apply(machine, new CatalogChange("_pico_tier", "k" + (i % 3), i % 4 == 3 ? null : (ReadOnlyMemory<byte>?)Tuple("k" + (i % 3), i)), new CatalogChange("_pico_property", "p" + i, Tuple("p" + i, i))));
                ValueTask saving = applied.SaveAsync(machine.Image, default);
                if (i == seed % 6)
                {
                    after = disk.AfterPowerLoss((Survival)(seed % 4), seed);
                    try
                    {
                        await saving;
                        saved = i + 1;
                    }
                    catch (Exception lost) when (lost is IOException or DbException or PowerLossException)
                    {
                    }
                    await using Database found = await OpenAsync(after);
                    CatalogImage image = new AppliedCatalog(found, NullLogger.Instance).Load();
                    Assert.Contains(image.Index, images.Select(each => each.Index));
                    Assert.True(image.Index >= images[i].Index, "an image that was saved is lost");
                    AssertEqual(images.Single(each => each.Index == image.Index), image);
                    break;
                }
                await saving;
            }
            Assert.True(saved <= 6);
        }
    }

    [Fact]
    public async Task A_row_that_the_system_table_does_not_take_is_kept_all_the_same()
    {
        await using Database database = await OpenAsync(new ModelledDisk(1));
        await MakeSpacesAsync(database);
        var machine = new CatalogMachine();
        var applied = new AppliedCatalog(database, NullLogger.Instance);
        await applied.SaveAsync(Apply(machine, new CatalogChange("_pico_tier", "a", new byte[] { 0x91, 0x05 }), new CatalogChange("_pico_tier", "b", Tuple("b", 2))), default);
        Assert.Equal(["b=2"], Rows(database, TableId));
        AssertEqual(machine.Image, applied.Load());
    }
}
