using Picodata.Core;

namespace Picodata.Sql.Execution;

/// <summary>Rows kept in memory and counted against the statement's limit.</summary>
internal sealed class KeptRows(ExecutionContext context)
{
    private readonly MemoryAccount account = new(context.Memory);

    public List<Datum[]> Rows { get; } = [];

    /// <summary>Reads a source to its end and keeps its rows.</summary>
    public void ReadAll(RowSource source)
    {
        while (source.MoveNext())
        {
            context.CheckCancelled();
            Add(Take(source));
        }
    }

    /// <summary>The source's current row as an array that nobody changes.</summary>
    public static Datum[] Take(RowSource source) =>
        source.RowsStay && source.Row.Length == source.Width ? source.Row : source.Current.ToArray();

    public void Add(Datum[] row)
    {
        Charge(StatementMemory.SizeOf(row) + 8);
        Rows.Add(row);
    }

    public void Charge(long bytes) => account.Charge(bytes);

    public void Clear()
    {
        Rows.Clear();
        account.ReleaseAll();
    }
}

/// <summary>A compiled sort key.</summary>
internal sealed record SortKeyShape(Evaluator Value, bool Descending, bool NullsFirst);

/// <summary>A row with the values of its sort keys and its place in the input, which makes sorting stable.</summary>
internal readonly record struct SortEntry(Datum[] Row, Datum[] Keys, long Place);

/// <summary>Order of rows by sort keys.</summary>
internal sealed class SortOrder(SortKeyShape[] keys) : IComparer<SortEntry>
{
    public Datum[] KeysOf(Datum[] row, ExecutionContext context)
    {
        var values = new Datum[keys.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = keys[i].Value.Evaluate(row, context);
        }

        return values;
    }

    /// <summary>Order of key values, without the place.</summary>
    public int Compare(Datum[] x, Datum[] y)
    {
        for (int i = 0; i < keys.Length; i++)
        {
            int order = Compare(x[i], y[i], keys[i]);
            if (order != 0)
            {
                return order;
            }
        }

        return 0;
    }

    private static int Compare(in Datum x, in Datum y, SortKeyShape key)
    {
        if (x.IsNull || y.IsNull)
        {
            return x.IsNull && y.IsNull ? 0 : x.IsNull == key.NullsFirst ? -1 : 1;
        }

        int order = x.Kind == DatumKind.Int && y.Kind == DatumKind.Int ? x.AsInt.CompareTo(y.AsInt) : DatumComparer.Compare(x, y);
        return key.Descending ? -order : order;
    }

    public int Compare(SortEntry x, SortEntry y)
    {
        int order = Compare(x.Keys, y.Keys);
        return order != 0 ? order : x.Place.CompareTo(y.Place);
    }
}

/// <summary>All rows in order.</summary>
internal sealed class SortSource(RowSource input, SortOrder order, ExecutionContext context) : RowSource(input.Width)
{
    private const int BytesOfKey = 24;

    private readonly KeptRows kept = new(context);
    private SortEntry[]? sorted;
    private int next;

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        sorted ??= ReadAndSort();
        if (next >= sorted.Length)
        {
            return false;
        }

        Row = sorted[next++].Row;
        return true;
    }

    private SortEntry[] ReadAndSort()
    {
        var entries = new List<SortEntry>();
        while (input.MoveNext())
        {
            context.CheckCancelled();
            Datum[] row = KeptRows.Take(input);
            Datum[] keys = order.KeysOf(row, context);
            kept.Charge(StatementMemory.SizeOf(row) + 48 + (keys.Length * BytesOfKey));
            entries.Add(new SortEntry(row, keys, entries.Count));
        }

        SortEntry[] array = [.. entries];
        CancellableSort.Sort(array, order, context);
        return array;
    }

    internal override void Rescan()
    {
        Forget();
        input.Rescan();
    }

    private void Forget()
    {
        kept.Clear();
        sorted = null;
        next = 0;
    }

    public override void Dispose()
    {
        Forget();
        input.Dispose();
    }
}

/// <summary>Sorting that can be cancelled: the comparison looks at the token now and then.</summary>
internal static class CancellableSort
{
    private sealed class Watching(SortOrder order, ExecutionContext context) : IComparer<SortEntry>
    {
        public int Compare(SortEntry x, SortEntry y)
        {
            context.CheckCancelled();
            return order.Compare(x, y);
        }
    }

    public static void Sort(SortEntry[] entries, SortOrder order, ExecutionContext context)
    {
        try
        {
            Array.Sort(entries, new Watching(order, context));
        }
        catch (InvalidOperationException failed) when (failed.InnerException is DbException inner)
        {
            throw new DbException(inner.SqlState, inner.Message, inner.Detail, inner.Hint, inner.Position, failed);
        }
    }
}

/// <summary>The first rows in order; a heap of so many rows, the last of them on top.</summary>
internal sealed class TopNSource(RowSource input, SortOrder order, Evaluator count, Evaluator? offset, ExecutionContext context) : RowSource(input.Width)
{
    private readonly KeptRows kept = new(context);
    private readonly List<SortEntry> heap = [];
    private SortEntry[]? sorted;
    private long next;

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        if (sorted is null)
        {
            long wanted = LimitValues.Count(count, context);
            next = LimitValues.Offset(offset, context);
            long most = wanted > long.MaxValue - next ? long.MaxValue : wanted + next;
            if (wanted > 0)
            {
                Read(most);
            }

            sorted = [.. heap];
            heap.Clear();
            CancellableSort.Sort(sorted, order, context);
        }

        if (next >= sorted.Length)
        {
            return false;
        }

        Row = sorted[next++].Row;
        return true;
    }

    private void Read(long most)
    {
        for (long place = 0; input.MoveNext(); place++)
        {
            context.CheckCancelled();
            Datum[] keys = order.KeysOf(input.Row, context);
            if (heap.Count < most)
            {
                Datum[] row = KeptRows.Take(input);
                kept.Charge(StatementMemory.SizeOf(row) + 48 + (keys.Length * 24));
                heap.Add(new SortEntry(row, keys, place));
                Rise(heap.Count - 1);
            }
            else if (order.Compare(keys, heap[0].Keys) < 0)
            {
                heap[0] = new SortEntry(KeptRows.Take(input), keys, place);
                Sink();
            }
        }
    }

    private void Rise(int place)
    {
        while (place > 0 && order.Compare(heap[(place - 1) / 2], heap[place]) < 0)
        {
            int parent = (place - 1) / 2;
            (heap[parent], heap[place]) = (heap[place], heap[parent]);
            place = parent;
        }
    }

    private void Sink()
    {
        int place = 0;
        while (true)
        {
            int child = (2 * place) + 1;
            if (child >= heap.Count)
            {
                return;
            }

            if (child + 1 < heap.Count && order.Compare(heap[child + 1], heap[child]) > 0)
            {
                child++;
            }

            if (order.Compare(heap[place], heap[child]) >= 0)
            {
                return;
            }

            (heap[place], heap[child]) = (heap[child], heap[place]);
            place = child;
        }
    }

    internal override void Rescan()
    {
        Forget();
        input.Rescan();
    }

    private void Forget()
    {
        kept.Clear();
        heap.Clear();
        sorted = null;
        next = 0;
    }

    public override void Dispose()
    {
        Forget();
        input.Dispose();
    }
}

/// <summary>Every different row once.</summary>
internal sealed class DistinctSource(RowSource input, ExecutionContext context) : RowSource(input.Width)
{
    private readonly HashSet<Datum[]> seen = new(RowEquality.Instance);
    private readonly KeptRows kept = new(context);

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        while (input.MoveNext())
        {
            context.CheckCancelled();
            Datum[] row = KeptRows.Take(input);
            if (seen.Add(row))
            {
                kept.Charge(StatementMemory.SizeOf(row) + 32);
                Row = row;
                return true;
            }
        }

        return false;
    }

    internal override void Rescan()
    {
        seen.Clear();
        kept.Clear();
        input.Rescan();
    }

    public override void Dispose()
    {
        seen.Clear();
        kept.Clear();
        input.Dispose();
    }
}

/// <summary>Of neighbours with equal keys the first.</summary>
internal sealed class DistinctOnSource(RowSource input, Evaluator[] keys, ExecutionContext context) : RowSource(input.Width)
{
    private Datum[]? last;

    internal override bool RowsStay => input.RowsStay;

    public override bool MoveNext()
    {
        while (input.MoveNext())
        {
            context.CheckCancelled();
            Datum[] values = Array.ConvertAll(keys, key => key.Evaluate(input.Row, context));
            if (last is null || !RowEquality.Instance.Equals(last, values))
            {
                last = values;
                Row = input.Row;
                return true;
            }
        }

        return false;
    }

    internal override void Rescan()
    {
        last = null;
        input.Rescan();
    }

    public override void Dispose() => input.Dispose();
}

/// <summary>Keeps rows as they come, so that running again reads memory. Runs the input anew only when it is not fixed.</summary>
internal sealed class MaterialiseSource(RowSource input, bool isFixed, ExecutionContext context) : RowSource(input.Width)
{
    private readonly KeptRows kept = new(context);
    private int next;
    private bool complete;

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        if (next == kept.Rows.Count)
        {
            if (complete || !input.MoveNext())
            {
                complete = true;
                return false;
            }

            context.CheckCancelled();
            kept.Add(KeptRows.Take(input));
        }

        Row = kept.Rows[next++];
        return true;
    }

    internal override void Rescan()
    {
        next = 0;
        if (!isFixed)
        {
            kept.Clear();
            complete = false;
            input.Rescan();
        }
    }

    public override void Dispose()
    {
        kept.Clear();
        input.Dispose();
    }
}
