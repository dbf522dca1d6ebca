using Picodata.Harness.Disk;
using Picodata.Storage;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Files;

public class BootstrapRowsTests
{
    private static readonly Guid Instance = Guid.Parse("11111111-2222-4333-8444-555555555555");

    [Fact]
    public void They_equal_a_fresh_tarantool_byte_for_byte()
    {
        ModelledDisk disk = Vectors.Disk("01_fresh_bootstrap", "data");
        using LogFileReader reader = LogFileReader.Open(disk, "/data/00000000000000000000.snap", new LogReadOptions());
        var expected = new List<(uint, string)>();
        while (reader.TryReadBlock(out LogBlock block))
        {
            foreach (LogRow row in block.Rows)
            {
                expected.Add((row.Body.SpaceId, Convert.ToHexStringLower(block.Bytes(row.Body.Tuple))));
            }
        }

        string cluster = Vectors.Json("01_fresh_bootstrap", "expected.json").GetProperty("cluster_uuid").GetString()!;
        IReadOnlyList<BootstrapRow> made = BootstrapRows.Create(Instance, Guid.Parse(cluster));
        Assert.Equal(expected, made.Select(row => (row.SpaceId, Convert.ToHexStringLower(row.Tuple.Span))));
    }

    [Fact]
    public void They_are_ordered_and_whole()
    {
        IReadOnlyList<BootstrapRow> rows = BootstrapRows.Create(Instance, Guid.NewGuid());
        Assert.Equal(513, rows.Count);
        Assert.Equal(rows.Select(row => row.SpaceId).Order(), rows.Select(row => row.SpaceId));
        int[] counts = [.. new[] { SystemSpaces.Schema, SystemSpaces.Collation, SystemSpaces.Space, SystemSpaces.Index, SystemSpaces.Func, SystemSpaces.User, SystemSpaces.Priv, SystemSpaces.Cluster }
            .Select(id => rows.Count(row => row.SpaceId == id))];
        Assert.Equal([3, 277, 25, 53, 67, 5, 82, 1], counts);
    }
}
