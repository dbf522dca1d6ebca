using Picodata.Storage;
using Xunit;

namespace Picodata.Unit.Storage;

public sealed class RowArenaTests
{
    [Fact]
    public void Rows_keep_their_bytes_and_the_count_is_exact()
    {
        using var arena = new RowArena();
        var random = new Random(3);
        var rows = new List<(nint Row, byte[] Bytes)>();
        long expected = 0;
        for (int step = 0; step < 30_000; step++)
        {
            if (rows.Count < 2000 || random.Next(2) == 0)
            {
                int length = random.Next(50) == 0 ? random.Next(200_000) : random.Next(600);
                var bytes = new byte[length];
                random.NextBytes(bytes);
                rows.Add((arena.AllocateRow(bytes), bytes));
                expected += RowArena.BlockSize(length);
            }
            else
            {
                int at = random.Next(rows.Count);
                (nint row, byte[] bytes) = rows[at];
                Assert.Equal(bytes, RowArena.Span(row));
                arena.FreeRow(row);
                expected -= RowArena.BlockSize(bytes.Length);
                rows[at] = rows[^1];
                rows.RemoveAt(rows.Count - 1);
            }

            Assert.Equal(expected, arena.UsedBytes);
        }

        foreach ((nint row, byte[] bytes) in rows)
        {
            Assert.Equal(bytes, RowArena.Span(row));
            arena.FreeRow(row);
        }

        Assert.Equal(0, arena.UsedBytes);
        Assert.InRange(arena.SlabBytes, 0, 100L << 20);
    }

    [Fact]
    public void Blocks_waste_little()
    {
        for (int length = 8; length < 60_000; length++)
        {
            int size = length + RowArena.RowHeader;
            Assert.InRange(RowArena.BlockSize(length), size, Math.Max(size + 15, (int)(size * 1.13) + 16));
        }
    }

    [Fact]
    public void Memory_goes_back_to_the_system()
    {
        using var arena = new RowArena();
        var rows = new nint[200_000];
        var bytes = new byte[100];
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i] = arena.AllocateRow(bytes);
        }

        Assert.InRange(arena.SlabBytes, arena.UsedBytes, arena.UsedBytes * 11 / 10);
        foreach (nint row in rows)
        {
            arena.FreeRow(row);
        }

        Assert.InRange(arena.SlabBytes, 0, 1 << 20);
    }
}
