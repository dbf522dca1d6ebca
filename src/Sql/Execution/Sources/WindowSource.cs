using Picodata.Core;

namespace Picodata.Sql.Execution;

/// <summary>What a window node is made of. Rows are sorted by partition keys, then by order keys.</summary>
internal sealed record WindowShape(SortKeyShape[] PartitionBy, SortKeyShape[] OrderBy, WindowCallShape[] Calls)
{
    public SortOrder Order { get; } = new([.. PartitionBy, .. OrderBy]);
}

/// <summary>Window calls: reads and sorts its whole input, then computes partition after partition.</summary>
internal sealed class WindowSource(WindowShape shape, RowSource input, ExecutionContext context) : RowSource(input.Width + shape.Calls.Length)
{
    private readonly KeptRows kept = new(context);
    private SortEntry[]? rows;
    private int next;
    private int partitionStart;
    private int partitionEnd;
    private Datum[][] results = [];

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        rows ??= Read();
        if (next >= rows.Length)
        {
            return false;
        }

        if (next >= partitionEnd)
        {
            Compute(rows, next);
        }

        var row = new Datum[Width];
        rows[next].Row.AsSpan(0, input.Width).CopyTo(row);
        for (int i = 0; i < results.Length; i++)
        {
            row[input.Width + i] = results[i][next - partitionStart];
        }

        next++;
        Row = row;
        return true;
    }

    private SortEntry[] Read()
    {
        var entries = new List<SortEntry>();
        while (input.MoveNext())
        {
            context.CheckCancelled();
            Datum[] row = KeptRows.Take(input);
            Datum[] keys = shape.Order.KeysOf(row, context);
            kept.Charge(StatementMemory.SizeOf(row) + 48 + ((keys.Length + (2 * shape.Calls.Length)) * 24));
            entries.Add(new SortEntry(row, keys, entries.Count));
        }

        SortEntry[] array = [.. entries];
        if (shape.PartitionBy.Length + shape.OrderBy.Length > 0)
        {
            CancellableSort.Sort(array, shape.Order, context);
        }

        return array;
    }

    private void Compute(SortEntry[] all, int start)
    {
        partitionStart = start;
        partitionEnd = start + 1;
        while (partitionEnd < all.Length && SameKeys(all[start].Keys, all[partitionEnd].Keys, 0, shape.PartitionBy.Length))
        {
            partitionEnd++;
        }

        WindowPartition.Peers peers = PeersOf(all);
        results = Array.ConvertAll(shape.Calls, call => new WindowPartition(all, partitionStart, peers, call, shape.OrderBy, context).Compute());
    }

    private WindowPartition.Peers PeersOf(SortEntry[] all)
    {
        int count = partitionEnd - partitionStart;
        var groupOf = new int[count];
        var starts = new List<int> { 0 };
        for (int i = 1; i < count; i++)
        {
            Datum[] before = all[partitionStart + i - 1].Keys;
            if (!SameKeys(before, all[partitionStart + i].Keys, shape.PartitionBy.Length, before.Length))
            {
                starts.Add(i);
            }

            groupOf[i] = starts.Count - 1;
        }

        starts.Add(count);
        return new WindowPartition.Peers(groupOf, [.. starts]);
    }

    private static bool SameKeys(Datum[] left, Datum[] right, int from, int to)
    {
        for (int i = from; i < to; i++)
        {
            if (!RowEquality.Same(left[i], right[i]))
            {
                return false;
            }
        }

        return true;
    }

    internal override void Rescan()
    {
        Forget();
        input.Rescan();
    }

    private void Forget()
    {
        kept.Clear();
        rows = null;
        next = 0;
        partitionEnd = 0;
    }

    public override void Dispose()
    {
        Forget();
        input.Dispose();
    }
}
