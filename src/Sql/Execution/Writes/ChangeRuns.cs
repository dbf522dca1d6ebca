using Picodata.Core;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql.Execution;

/// <summary>Compiled UPDATE and DELETE by a source.</summary>
/// <param name="KeySlots">Places of the primary key in the source's row.</param>
/// <param name="Unique">A target may come up several times (joins): only the first counts.</param>
/// <param name="Assignments">Sorted by ordinal; empty for DELETE.</param>
/// <param name="WholeRow">The table's row is needed decoded, for checks or returning.</param>
internal sealed record ChangeShape(
    WriteTarget Target, CompiledNode Source, int[] KeySlots, bool Unique, AssignmentShape[] Assignments, Evaluator[] Returning, RowDecoder? WholeRow);

/// <summary>
/// UPDATE and DELETE over found rows, changed while they are found: a statement's reads do not see its own writes. Each row is
/// locked and must still be what the view showed, else the statement runs again on the newest rows: that is READ COMMITTED's
/// second look at the condition.
/// </summary>
internal sealed class ChangeRun : WriteRun
{
    private readonly ChangeShape shape;
    private readonly bool isDelete;
    private readonly TupleWriter key = new();
    private readonly TupleWriter tuple = new();
    private readonly Datum[] values;
    private readonly Datum[] whole;

    public ChangeRun(ChangeShape shape, bool isDelete, ExecutionContext context)
        : base(context, shape.Returning, shape.Returning.Length)
    {
        this.shape = shape;
        this.isDelete = isDelete;
        values = new Datum[shape.Assignments.Length];
        whole = new Datum[shape.Target.Width + (shape.Returning.Length > 0 ? shape.Source.Width : 0)];
    }

    public override Task? Run()
    {
        var seen = new FoundKeys(shape.Unique);
        using RowSource source = shape.Source.Open(Context);
        while (source.MoveNext())
        {
            Context.CheckCancelled();
            if (!FoundKeys.Write(source.Row, shape.KeySlots, shape.Target.KeyCodecs, key) || (shape.Unique && !seen.Add(key.Written.ToArray())))
            {
                continue;
            }

            Task? wait = LockFound(shape.Target, key.Written, out ReadOnlySpan<byte> latest) ?? (isDelete ? Delete(source.Row, latest) : Update(source.Row, latest));
            if (wait is not null)
            {
                return wait;
            }
        }

        return null;
    }

    private Task? Update(Datum[] row, ReadOnlySpan<byte> latest)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = shape.Assignments[i].Value.Evaluate(row, Context);
            if (values[i].IsNull && shape.Target.IsNotNull(shape.Assignments[i].Ordinal))
            {
                throw shape.Target.NotNullViolation(shape.Assignments[i].Ordinal, null, Context);
            }
        }

        if (shape.WholeRow is not null)
        {
            shape.WholeRow.Decode(latest, whole);
            for (int i = 0; i < values.Length; i++)
            {
                whole[shape.Assignments[i].Ordinal] = values[i];
            }

            shape.Target.CheckConditions(whole, Context);
        }

        shape.Target.WriteChanged(latest, shape.Assignments, values, tuple);
        WriteResult result = Transaction.Update(shape.Target.SpaceId, key.Written, tuple.Written);
        if (result.Outcome == WriteOutcome.Duplicate)
        {
            throw DuplicateOf(result.Index);
        }

        return Unless(result, shape.Target, whole) ?? Done(row);
    }

    private DbException DuplicateOf(IndexDef? index)
    {
        var decoded = new Datum[shape.Target.Width];
        RowDecoder.InPlace(shape.Target.Table, Enumerable.Range(0, decoded.Length)).Decode(tuple.Written, decoded);
        return shape.Target.UniqueViolation(index, decoded, Context);
    }

    private Task? Delete(Datum[] row, ReadOnlySpan<byte> latest)
    {
        shape.WholeRow?.Decode(latest, whole);
        return Unless(Transaction.Delete(shape.Target.SpaceId, key.Written), shape.Target, whole) ?? Done(row);
    }

    private Task? Done(Datum[] row)
    {
        AffectedRows++;
        if (Returned is not null)
        {
            row.AsSpan(0, shape.Source.Width).CopyTo(whole.AsSpan(shape.Target.Width));
            Return(whole);
        }

        return null;
    }
}

/// <summary>Compiled UPDATE and DELETE of one row by its primary key.</summary>
/// <param name="Needed">Decodes the columns that filter, assignments, checks and returning read.</param>
/// <param name="Assignments">Sorted by ordinal; null for DELETE.</param>
internal sealed record PointShape(
    WriteTarget Target, KeyShape Key, Evaluator? Filter, AssignmentShape[]? Assignments, RowDecoder Needed, Evaluator[] Returning)
{
    /// <summary>The client learns more of the old row than that it was there: whether a condition held, or values.</summary>
    public bool TellsValues { get; } = Filter is not null || Returning.Length > 0;
}

/// <summary>
/// UPDATE and DELETE of one row without a view: the row is locked first and then read in its newest version, which is what
/// READ COMMITTED would come to.
/// </summary>
internal sealed class PointRun(PointShape shape, ExecutionContext context) : WriteRun(context, shape.Returning, shape.Returning.Length)
{
    public override Task? Run()
    {
        TupleWriter key = Context.Writer;
        if (!shape.Key.TryWrite([], key, Context))
        {
            return null;
        }

        WriteResult locked = Transaction.LockRow(shape.Target.SpaceId, key.Written, shape.TellsValues, out ReadOnlySpan<byte> latest);
        if (locked.Outcome != WriteOutcome.Done)
        {
            return locked.Outcome == WriteOutcome.Gone ? null : Unless(locked, shape.Target, null);
        }

        var row = new Datum[shape.Target.Width];
        shape.Needed.Decode(latest, row);
        if (shape.Filter is not null && !shape.Filter.Holds(row, Context))
        {
            return null;
        }

        return shape.Assignments is null ? Delete(key, row) : Update(key, latest, row, shape.Assignments);
    }

    private Task? Delete(TupleWriter key, Datum[] row)
    {
        Task? wait = Unless(Transaction.Delete(shape.Target.SpaceId, key.Written), shape.Target, row);
        if (wait is null)
        {
            AffectedRows++;
            Return(row);
        }

        return wait;
    }

    private Task? Update(TupleWriter key, ReadOnlySpan<byte> latest, Datum[] row, AssignmentShape[] assignments)
    {
        AssignedValues buffer = default;
        Span<Datum> values = assignments.Length <= AssignedValues.Capacity ? ((Span<Datum>)buffer)[..assignments.Length] : new Datum[assignments.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = assignments[i].Value.Evaluate(row, Context);
            if (values[i].IsNull && shape.Target.IsNotNull(assignments[i].Ordinal))
            {
                throw shape.Target.NotNullViolation(assignments[i].Ordinal, null, Context);
            }
        }

        for (int i = 0; i < values.Length; i++)
        {
            row[assignments[i].Ordinal] = values[i];
        }

        shape.Target.CheckConditions(row, Context);
        TupleWriter tuple = Context.TupleWriter;
        shape.Target.WriteChanged(latest, assignments, values, tuple);
        WriteResult result = Transaction.Update(shape.Target.SpaceId, key.Written, tuple.Written);
        if (result.Outcome == WriteOutcome.Duplicate)
        {
            RowDecoder.InPlace(shape.Target.Table, Enumerable.Range(0, row.Length)).Decode(tuple.Written, row);
        }

        Task? wait = Unless(result, shape.Target, row);
        if (wait is null)
        {
            AffectedRows++;
            Return(row);
        }

        return wait;
    }

    /// <summary>Room for a few new values on the stack.</summary>
    [System.Runtime.CompilerServices.InlineArray(Capacity)]
    private struct AssignedValues
    {
        public const int Capacity = 4;

        private Datum first;
    }
}

/// <summary>A table whose rows FOR UPDATE locks.</summary>
internal sealed record LockShape(WriteTarget Target, int[] KeySlots);

/// <summary>Compiled FOR UPDATE and FOR SHARE.</summary>
/// <param name="Count">With SKIP LOCKED: rows to lock at most; rows that are skipped do not count. Null for all.</param>
/// <param name="Offset">With SKIP LOCKED: locked rows to leave out.</param>
internal sealed record LockRowsShape(CompiledNode Input, LockShape[] Targets, RowLockWait Waiting, int OutputCount, Evaluator? Count, Evaluator? Offset);

/// <summary>FOR UPDATE and FOR SHARE: all rows are found and locked before the first is given.</summary>
internal sealed class LockRowsRun(LockRowsShape shape, ExecutionContext context) : WriteRun(context, [], shape.OutputCount)
{
    private readonly TupleWriter writer = new();

    public override Task? Run()
    {
        long offset = LimitValues.Offset(shape.Offset, Context);
        long count = LimitValues.Count(shape.Count, Context);
        var kept = new KeptRows(Context);
        using RowSource source = shape.Input.Open(Context);
        while (kept.Rows.Count < count && source.MoveNext())
        {
            Context.CheckCancelled();
            if (LockAll(source.Row, out bool skip) is { } wait)
            {
                return wait;
            }

            if (!skip && --offset < 0)
            {
                kept.Add(KeptRows.Take(source));
            }
        }

        Returned = kept.Rows;
        return null;
    }

    private Task? LockAll(Datum[] row, out bool skip)
    {
        skip = false;
        foreach (LockShape target in shape.Targets)
        {
            if (!FoundKeys.Write(row, target.KeySlots, target.Target.KeyCodecs, writer))
            {
                continue;
            }

            ReadOnlySpan<byte> key = writer.Written;
            if (shape.Waiting != RowLockWait.Wait && IsHeldByOther(target.Target, key))
            {
                skip = true;
                return null;
            }

            if (LockFound(target.Target, key, out _) is { } wait)
            {
                return wait;
            }
        }

        return null;
    }

    /// <summary>Tries the lock without waiting; 55P03 for NOWAIT.</summary>
    private bool IsHeldByOther(WriteTarget target, ReadOnlySpan<byte> key)
    {
        if (Transaction.LockRow(target.SpaceId, key).Outcome != WriteOutcome.MustWait)
        {
            return false;
        }

        Transaction.StopWaiting();
        return shape.Waiting != RowLockWait.NoWait
            ? true
            : throw new DbException(SqlStates.LockNotAvailable, $"could not obtain lock on row in relation \"{target.Table.Name}\"");
    }
}
