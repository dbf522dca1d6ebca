using System.Runtime.InteropServices;
using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql.Execution;

/// <summary>INTERSECT [ALL], EXCEPT [ALL]: the right side is counted, then the left side is read.</summary>
internal sealed class SetOperationSource(SetOperationKind kind, bool all, RowSource left, RowSource right, bool rightIsFixed, ExecutionContext context)
    : RowSource(left.Width)
{
    private readonly Dictionary<Datum[], long> counts = new(RowEquality.Instance);
    private readonly HashSet<Datum[]> given = new(RowEquality.Instance);
    private readonly KeptRows kept = new(context);
    private bool counted;

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        if (!counted)
        {
            Count();
            counted = true;
        }

        while (left.MoveNext())
        {
            context.CheckCancelled();
            Datum[] row = KeptRows.Take(left);
            if (Wanted(row))
            {
                Row = row;
                return true;
            }
        }

        return false;
    }

    private void Count()
    {
        while (right.MoveNext())
        {
            context.CheckCancelled();
            Datum[] row = KeptRows.Take(right);
            ref long count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, row, out bool exists);
            count++;
            if (!exists)
            {
                kept.Charge(StatementMemory.SizeOf(row) + 40);
            }
        }
    }

    private bool Wanted(Datum[] row)
    {
        ref long count = ref CollectionsMarshal.GetValueRefOrNullRef(counts, row);
        bool exists = !System.Runtime.CompilerServices.Unsafe.IsNullRef(ref count);
        if (!all)
        {
            return exists == (kind == SetOperationKind.Intersect) && First(row);
        }

        bool pairs = exists && count > 0;
        if (pairs)
        {
            count--;
        }

        return pairs == (kind == SetOperationKind.Intersect);
    }

    private bool First(Datum[] row)
    {
        if (!given.Add(row))
        {
            return false;
        }

        kept.Charge(StatementMemory.SizeOf(row) + 32);
        return true;
    }

    internal override void Rescan()
    {
        given.Clear();
        left.Rescan();
        if (all || !rightIsFixed)
        {
            counts.Clear();
            kept.Clear();
            right.Rescan();
            counted = false;
        }
    }

    public override void Dispose()
    {
        kept.Clear();
        left.Dispose();
        right.Dispose();
    }
}

/// <summary>A common table as plans know it.</summary>
/// <param name="State">Number of its <see cref="CommonTableRows"/> in the execution.</param>
/// <param name="Plan">Its plan; null for the work table of a recursive union.</param>
internal sealed record CommonTableShape(int State, CompiledNode? Plan);

/// <summary>Rows of a common table in one execution: read from its plan as far as a scan has come.</summary>
internal sealed class CommonTableRows(RowSource? source, ExecutionContext context)
{
    private readonly KeptRows kept = new(context);
    private bool complete;

    /// <summary>The row at a place, or null behind the last.</summary>
    public Datum[]? At(int place)
    {
        while (place >= kept.Rows.Count && !complete)
        {
            if (source is null || !source.MoveNext())
            {
                complete = true;
                break;
            }

            context.CheckCancelled();
            kept.Add(KeptRows.Take(source));
        }

        return place < kept.Rows.Count ? kept.Rows[place] : null;
    }

    /// <summary>Replaces the rows (work table of a recursive union).</summary>
    public void Replace(List<Datum[]> rows)
    {
        kept.Clear();
        foreach (Datum[] row in rows)
        {
            kept.Add(row);
        }

        complete = true;
    }

    /// <summary>Forgets the rows, because the plan may give others now.</summary>
    public void Restart()
    {
        kept.Clear();
        complete = false;
        source?.Rescan();
    }
}

/// <summary>The body of WITH; resets tables whose plans depend on cells when it runs anew.</summary>
internal sealed class WithSource(RowSource body, CommonTableRows[] dependent) : RowSource(body.Width)
{
    internal override bool RowsStay => body.RowsStay;

    public override bool MoveNext()
    {
        bool found = body.MoveNext();
        Row = body.Row;
        return found;
    }

    internal override void Rescan()
    {
        foreach (CommonTableRows table in dependent)
        {
            table.Restart();
        }

        body.Rescan();
    }

    public override void Dispose() => body.Dispose();
}

/// <summary>Rows of a common table or of the round before.</summary>
internal sealed class CommonTableScanSource(int state, int width, ExecutionContext context) : RowSource(width)
{
    private int next;

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        if (((CommonTableRows)context.States[state]!).At(next) is not { } row)
        {
            return false;
        }

        next++;
        Row = row;
        return true;
    }

    internal override void Rescan() => next = 0;
}

/// <summary>WITH RECURSIVE: the first rows, then round after round.</summary>
internal sealed class RecursiveUnionSource(RowSource initial, RowSource step, int state, bool distinct, ExecutionContext context) : RowSource(initial.Width)
{
    private readonly HashSet<Datum[]> seen = new(RowEquality.Instance);
    private readonly KeptRows kept = new(context);
    private List<Datum[]> round = [];
    private bool inSteps;
    private bool stepStarted;

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        while (true)
        {
            RowSource source = inSteps ? step : initial;
            while (source.MoveNext())
            {
                context.CheckCancelled();
                Datum[] row = KeptRows.Take(source);
                if (!distinct || seen.Add(row))
                {
                    kept.Charge(StatementMemory.SizeOf(row) + 16);
                    round.Add(row);
                    Row = row;
                    return true;
                }
            }

            if (round.Count == 0)
            {
                return false;
            }

            NextRound();
        }
    }

    private void NextRound()
    {
        if (!distinct)
        {
            kept.Clear();
        }

        ((CommonTableRows)(context.States[state] ??= new CommonTableRows(null, context))).Replace(round);
        round = [];
        inSteps = true;
        if (stepStarted)
        {
            step.Rescan();
        }

        stepStarted = true;
    }

    internal override void Rescan()
    {
        seen.Clear();
        kept.Clear();
        round = [];
        inSteps = false;
        initial.Rescan();
    }

    public override void Dispose()
    {
        kept.Clear();
        initial.Dispose();
        step.Dispose();
    }
}
