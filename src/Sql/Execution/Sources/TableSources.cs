using Picodata.Core;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql.Execution;

/// <summary>How a table scan turns tuples into rows: columns of the filter first, the rest only for rows that pass.</summary>
internal sealed class ScanShape(uint spaceId, uint indexId, int width, RowDecoder first, RowDecoder? rest, Evaluator? filter)
{
    public uint SpaceId => spaceId;

    public uint IndexId => indexId;

    public int Width => width;

    /// <summary>Fills the row; false when the filter drops it.</summary>
    public bool TryRead(ReadOnlySpan<byte> tuple, Datum[] row, ExecutionContext context)
    {
        first.Decode(tuple, row);
        if (filter is not null && !filter.Holds(row, context))
        {
            return false;
        }

        rest?.Decode(tuple, row);
        return true;
    }
}

/// <summary>Values of an index's leading parts, as evaluators with their codecs.</summary>
internal sealed class KeyShape(Evaluator[] values, ColumnCodec[] codecs)
{
    public int Count => values.Length;

    public ColumnCodec[] Codecs => codecs;

    /// <summary>Writes the key; false when a value is NULL, for which there are no rows.</summary>
    public bool TryWrite(Datum[] row, TupleWriter writer, ExecutionContext context)
    {
        writer.Begin(values.Length);
        for (int i = 0; i < values.Length; i++)
        {
            Datum value = values[i].Evaluate(row, context);
            if (value.IsNull)
            {
                return false;
            }

            codecs[i].Write(value, writer.Output);
        }

        return true;
    }

    /// <summary>Evaluates the values; false when one is NULL.</summary>
    public bool TryEvaluate(Datum[] row, Datum[] key, ExecutionContext context)
    {
        for (int i = 0; i < values.Length; i++)
        {
            key[i] = values[i].Evaluate(row, context);
            if (key[i].IsNull)
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>At most one row, by a full unique key.</summary>
internal sealed class PointGetSource : RowSource
{
    private readonly ScanShape shape;
    private readonly KeyShape key;
    private readonly ExecutionContext context;
    private bool done;

    public PointGetSource(ScanShape shape, KeyShape key, ExecutionContext context)
        : base(shape.Width)
    {
        this.shape = shape;
        this.key = key;
        this.context = context;
        Row = new Datum[shape.Width];
    }

    public override bool MoveNext()
    {
        if (done)
        {
            return false;
        }

        done = true;
        TupleWriter writer = context.Writer;
        return key.TryWrite([], writer, context)
            && context.Transaction.TryGet(shape.SpaceId, shape.IndexId, writer.Written, out ReadOnlySpan<byte> tuple)
            && shape.TryRead(tuple, Row, context);
    }

    internal override void Rescan() => done = false;
}

/// <summary>Rows of one or several ranges of an index.</summary>
internal sealed class IndexScanSource : RowSource
{
    private readonly ScanShape shape;
    private readonly RangeShape? range;
    private readonly bool descending;
    private readonly ExecutionContext context;
    private readonly NodeStatistics? statistics;
    private IEnumerator<KeyRange>? ranges;
    private IndexCursor? cursor;
    private bool done;

    public IndexScanSource(ScanShape shape, RangeShape? range, bool descending, NodeStatistics? statistics, ExecutionContext context)
        : base(shape.Width)
    {
        this.shape = shape;
        this.range = range;
        this.descending = descending;
        this.context = context;
        this.statistics = statistics;
        Row = new Datum[shape.Width];
    }

    public override bool MoveNext()
    {
        while (cursor is not null || OpenNext())
        {
            while (cursor!.MoveNext())
            {
                context.CheckCancelled();
                if (shape.TryRead(cursor.Current, Row, context))
                {
                    return true;
                }

                if (statistics is not null)
                {
                    statistics.Removed++;
                }
            }

            Close();
        }

        return false;
    }

    private bool OpenNext()
    {
        if (done)
        {
            return false;
        }

        KeyRange next = KeyRange.All;
        if (range is null)
        {
            done = true;
        }
        else
        {
            ranges ??= range.Ranges(descending, context);
            if (!ranges.MoveNext())
            {
                done = true;
                return false;
            }

            next = ranges.Current;
        }

        cursor = context.Transaction.OpenCursor(shape.SpaceId, shape.IndexId, next, descending);
        return true;
    }

    private void Close()
    {
        cursor?.Dispose();
        cursor = null;
    }

    internal override void Rescan()
    {
        Close();
        ranges = null;
        done = false;
    }

    public override void Dispose() => Close();
}

/// <summary>Rows of a computed relation.</summary>
internal sealed class VirtualScanSource : RowSource
{
    private readonly VirtualTableDef table;
    private readonly int[] ordinals;
    private readonly Evaluator? filter;
    private readonly ExecutionContext context;
    private IEnumerator<Datum[]>? rows;

    public VirtualScanSource(VirtualTableDef table, int[] ordinals, Evaluator? filter, ExecutionContext context)
        : base(ordinals.Length)
    {
        this.table = table;
        this.ordinals = ordinals;
        this.filter = filter;
        this.context = context;
        Row = new Datum[ordinals.Length];
    }

    public override bool MoveNext()
    {
        rows ??= table.Rows(context.Virtual ?? throw new InvalidOperationException("the session gave no context for computed relations")).GetEnumerator();
        while (rows.MoveNext())
        {
            context.CheckCancelled();
            Datum[] source = rows.Current;
            for (int i = 0; i < ordinals.Length; i++)
            {
                Row[i] = source[ordinals[i]];
            }

            if (filter is null || filter.Holds(Row, context))
            {
                return true;
            }
        }

        return false;
    }

    internal override void Rescan() => Dispose();

    public override void Dispose()
    {
        rows?.Dispose();
        rows = null;
    }
}

/// <summary>One function of a <see cref="FunctionScanSource"/>.</summary>
internal sealed record FunctionColumns(SetCall? Call, Evaluator? Scalar, int Width);

/// <summary>Functions in FROM, side by side.</summary>
internal sealed class FunctionScanSource : RowSource
{
    private readonly FunctionColumns[] functions;
    private readonly bool withOrdinality;
    private readonly ExecutionContext context;
    private readonly IEnumerator<Datum[]>?[] running;
    private long number;
    private bool started;

    public FunctionScanSource(FunctionColumns[] functions, bool withOrdinality, ExecutionContext context)
        : base(functions.Sum(function => function.Width) + (withOrdinality ? 1 : 0))
    {
        this.functions = functions;
        this.withOrdinality = withOrdinality;
        this.context = context;
        running = new IEnumerator<Datum[]>?[functions.Length];
        Row = new Datum[Width];
    }

    public override bool MoveNext()
    {
        context.CheckCancelled();
        if (!started)
        {
            started = true;
            for (int i = 0; i < functions.Length; i++)
            {
                running[i] = functions[i].Call?.Start([], context);
            }
        }

        bool any = false;
        int slot = 0;
        for (int i = 0; i < functions.Length; i++)
        {
            any |= Fill(i, Row.AsSpan(slot, functions[i].Width));
            slot += functions[i].Width;
        }

        number++;
        if (withOrdinality)
        {
            Row[slot] = Datum.Int(number);
        }

        return any;
    }

    private bool Fill(int function, Span<Datum> target)
    {
        target.Clear();
        if (functions[function].Scalar is { } scalar)
        {
            if (number > 0)
            {
                return false;
            }

            Datum value = scalar.Evaluate([], context);
            if (value.Kind == DatumKind.Record && target.Length > 1)
            {
                value.AsRecord.AsSpan(0, target.Length).CopyTo(target);
            }
            else
            {
                target[0] = value;
            }

            return true;
        }

        if (running[function]?.MoveNext() != true)
        {
            return false;
        }

        running[function]!.Current.AsSpan(0, target.Length).CopyTo(target);
        return true;
    }

    internal override void Rescan()
    {
        Dispose();
        started = false;
        number = 0;
    }

    public override void Dispose()
    {
        for (int i = 0; i < running.Length; i++)
        {
            running[i]?.Dispose();
            running[i] = null;
        }
    }
}
