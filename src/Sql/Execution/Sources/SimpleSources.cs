using Picodata.Core;

namespace Picodata.Sql.Execution;

/// <summary>One row without columns.</summary>
internal sealed class OneRowSource() : RowSource(0)
{
    private bool given;

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        bool first = !given;
        given = true;
        return first;
    }

    internal override void Rescan() => given = false;
}

/// <summary>No rows.</summary>
internal sealed class EmptySource(int width) : RowSource(width)
{
    internal override bool RowsStay => true;

    public override bool MoveNext() => false;

    internal override void Rescan()
    {
    }
}

/// <summary>Rows that are kept in a list.</summary>
internal sealed class ListSource(int width, IReadOnlyList<Datum[]> rows) : RowSource(width)
{
    private int next;

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        if (next >= rows.Count)
        {
            return false;
        }

        Row = rows[next++];
        return true;
    }

    internal override void Rescan() => next = 0;
}

/// <summary>VALUES.</summary>
internal sealed class ValuesSource(int width, Evaluator[][] rows, ExecutionContext context) : RowSource(width)
{
    private int next;

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        if (next >= rows.Length)
        {
            return false;
        }

        context.CheckCancelled();
        Evaluator[] expressions = rows[next++];
        var row = new Datum[expressions.Length];
        for (int i = 0; i < row.Length; i++)
        {
            row[i] = expressions[i].Evaluate([], context);
        }

        Row = row;
        return true;
    }

    internal override void Rescan() => next = 0;
}

/// <summary>Rows for which the condition holds.</summary>
internal sealed class FilterSource(RowSource input, Evaluator condition, NodeStatistics? statistics, ExecutionContext context) : RowSource(input.Width)
{
    internal override bool RowsStay => input.RowsStay;

    public override bool MoveNext()
    {
        while (input.MoveNext())
        {
            context.CheckCancelled();
            if (condition.Holds(input.Row, context))
            {
                Row = input.Row;
                return true;
            }

            if (statistics is not null)
            {
                statistics.Removed++;
            }
        }

        return false;
    }

    internal override void Rescan() => input.Rescan();

    public override void Dispose() => input.Dispose();
}

/// <summary>Computed columns.</summary>
internal sealed class ProjectSource : RowSource
{
    private readonly RowSource input;
    private readonly Evaluator[] outputs;
    private readonly ExecutionContext context;

    public ProjectSource(RowSource input, Evaluator[] outputs, ExecutionContext context)
        : base(outputs.Length)
    {
        this.input = input;
        this.outputs = outputs;
        this.context = context;
        Row = new Datum[outputs.Length];
    }

    public override bool MoveNext()
    {
        if (!input.MoveNext())
        {
            return false;
        }

        Datum[] source = input.Row;
        Datum[] row = Row;
        for (int i = 0; i < row.Length; i++)
        {
            row[i] = outputs[i].Evaluate(source, context);
        }

        return true;
    }

    internal override void Rescan() => input.Rescan();

    public override void Dispose() => input.Dispose();
}

/// <summary>Set-returning functions in a select list, side by side.</summary>
internal sealed class ProjectSetSource : RowSource
{
    private readonly RowSource input;
    private readonly ProjectSetColumn[] items;
    private readonly ExecutionContext context;
    private readonly IEnumerator<Datum[]>?[] running;
    private bool inRow;

    public ProjectSetSource(RowSource input, ProjectSetColumn[] items, ExecutionContext context)
        : base(items.Length)
    {
        this.input = input;
        this.items = items;
        this.context = context;
        running = new IEnumerator<Datum[]>?[items.Length];
        Row = new Datum[items.Length];
    }

    public override bool MoveNext()
    {
        while (true)
        {
            context.CheckCancelled();
            if (inRow && Step())
            {
                return true;
            }

            End();
            if (!input.MoveNext())
            {
                return false;
            }

            Begin();
        }
    }

    private void Begin()
    {
        for (int i = 0; i < items.Length; i++)
        {
            if (items[i].Value is { } value)
            {
                Row[i] = value.Evaluate(input.Row, context);
            }
            else
            {
                running[i] = items[i].Call!.Start(input.Row, context);
            }
        }

        inRow = true;
    }

    private bool Step()
    {
        bool any = false;
        for (int i = 0; i < items.Length; i++)
        {
            if (items[i].Call is { } call)
            {
                bool found = running[i]?.MoveNext() == true;
                Row[i] = !found ? Datum.Null : call.IsRecord ? Datum.Record((Datum[])running[i]!.Current.Clone()) : running[i]!.Current[0];
                any |= found;
            }
        }

        return any;
    }

    private void End()
    {
        inRow = false;
        for (int i = 0; i < running.Length; i++)
        {
            running[i]?.Dispose();
            running[i] = null;
        }
    }

    internal override void Rescan()
    {
        End();
        input.Rescan();
    }

    public override void Dispose()
    {
        End();
        input.Dispose();
    }
}

/// <summary>A column of a <see cref="ProjectSetSource"/>: a value or a set-returning call.</summary>
internal sealed record ProjectSetColumn(Evaluator? Value, SetCall? Call);

/// <summary>A set-returning function with its arguments.</summary>
internal sealed class SetCall(Functions.ResolvedFunction function, Evaluator[] arguments)
{
    /// <summary>True when a row of it is a record.</summary>
    public bool IsRecord { get; } = function.Columns.Count > 1;

    /// <summary>Starts it; null (no rows) when it is strict and an argument is NULL.</summary>
    public IEnumerator<Datum[]>? Start(Datum[] row, ExecutionContext context)
    {
        var values = new Datum[arguments.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = arguments[i].Evaluate(row, context);
        }

        return function.IsStrict && RowEquality.HasNull(values) ? null : function.Set!(values, context.Evaluation).GetEnumerator();
    }
}

/// <summary>Rows behind an offset, up to a count, perhaps with ties of the last.</summary>
internal sealed class LimitSource(RowSource input, Evaluator? count, Evaluator? offset, Evaluator[]? tieKeys, ExecutionContext context) : RowSource(input.Width)
{
    private bool started;
    private long left;
    private Datum[]? last;

    internal override bool RowsStay => input.RowsStay;

    public override bool MoveNext()
    {
        if (!started)
        {
            started = true;
            left = LimitValues.Count(count, context);
            last = null;
            if (left > 0 && !Skip(LimitValues.Offset(offset, context)))
            {
                left = 0;
            }
        }

        if (left > 0)
        {
            left--;
            return Next() && Remember();
        }

        return tieKeys is not null && last is not null && Next() && IsTie();
    }

    private bool Skip(long rows)
    {
        for (; rows > 0; rows--)
        {
            context.CheckCancelled();
            if (!input.MoveNext())
            {
                return false;
            }
        }

        return true;
    }

    private bool Next()
    {
        if (!input.MoveNext())
        {
            left = 0;
            last = null;
            return false;
        }

        Row = input.Row;
        return true;
    }

    private bool Remember()
    {
        if (tieKeys is not null && left == 0)
        {
            last = KeysOf(Row);
        }

        return true;
    }

    private bool IsTie()
    {
        if (RowEquality.Instance.Equals(last, KeysOf(Row)))
        {
            return true;
        }

        last = null;
        return false;
    }

    private Datum[] KeysOf(Datum[] row) => Array.ConvertAll(tieKeys!, key => key.Evaluate(row, context));

    internal override void Rescan()
    {
        started = false;
        input.Rescan();
    }

    public override void Dispose() => input.Dispose();
}

/// <summary>LIMIT and OFFSET as numbers.</summary>
internal static class LimitValues
{
    public static long Count(Evaluator? count, ExecutionContext context)
    {
        Datum value = count is null ? Datum.Null : count.Evaluate([], context);
        return value.IsNull ? long.MaxValue
            : value.AsInt >= 0 ? value.AsInt
            : throw new DbException(SqlStates.InvalidRowCountInLimit, "LIMIT must not be negative");
    }

    public static long Offset(Evaluator? offset, ExecutionContext context)
    {
        Datum value = offset is null ? Datum.Null : offset.Evaluate([], context);
        return value.IsNull ? 0
            : value.AsInt >= 0 ? value.AsInt
            : throw new DbException(SqlStates.InvalidRowCountInOffset, "OFFSET must not be negative");
    }
}

/// <summary>Rows of several inputs, one after another.</summary>
internal sealed class AppendSource(RowSource[] inputs) : RowSource(inputs[0].Width)
{
    private int current;

    internal override bool RowsStay => Array.TrueForAll(inputs, input => input.RowsStay);

    public override bool MoveNext()
    {
        for (; current < inputs.Length; current++)
        {
            if (inputs[current].MoveNext())
            {
                Row = inputs[current].Row;
                return true;
            }
        }

        return false;
    }

    internal override void Rescan()
    {
        current = 0;
        foreach (RowSource input in inputs)
        {
            input.Rescan();
        }
    }

    public override void Dispose()
    {
        foreach (RowSource input in inputs)
        {
            input.Dispose();
        }
    }
}
