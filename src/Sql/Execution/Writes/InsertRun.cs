using Picodata.Core;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql.Execution;

/// <summary>Compiled INSERT.</summary>
internal sealed record InsertShape(
    WriteTarget Target, CompiledNode? Source, Evaluator[] Values, ConflictAction Action, TableIndex? Arbiter, AssignmentShape[] Assignments, Evaluator? Where, Evaluator[] Returning);

/// <summary>
/// INSERT, with what ON CONFLICT asks for. The source may read the table that is written: a statement's reads do not see its own writes.
/// </summary>
internal sealed class InsertRun : WriteRun
{
    private readonly InsertShape shape;
    private readonly Datum[] row;
    private readonly TupleWriter tuple = new();
    private readonly TupleWriter key = new();
    private FoundKeys? touched;

    public InsertRun(InsertShape shape, ExecutionContext context)
        : base(context, shape.Returning, shape.Returning.Length)
    {
        this.shape = shape;
        row = new Datum[shape.Target.Width];
    }

    public override Task? Run()
    {
        if (shape.Source is null)
        {
            return Insert([]);
        }

        using RowSource source = shape.Source.Open(Context);
        while (source.MoveNext())
        {
            Context.CheckCancelled();
            if (Insert(source.Row) is { } wait)
            {
                return wait;
            }
        }

        return null;
    }

    /// <summary>Inserts one row of the source.</summary>
    public Task? Insert(Datum[] from)
    {
        for (int i = 0; i < row.Length; i++)
        {
            row[i] = shape.Values[i].Evaluate(from, Context);
        }

        shape.Target.Check(row, Context);
        shape.Target.WriteTuple(row, tuple);
        WriteResult result = Transaction.Insert(shape.Target.SpaceId, tuple.Written);
        if (result.Outcome == WriteOutcome.Duplicate && shape.Action != ConflictAction.Fail)
        {
            return Resolve(result.Index);
        }

        Task? wait = Unless(result, shape.Target, row);
        if (wait is null)
        {
            AffectedRows++;
            Touch();
            Return(row);
        }

        return wait;
    }

    /// <summary>DO UPDATE must not meet a row that the same command wrote.</summary>
    private void Touch()
    {
        if (shape.Action == ConflictAction.Update)
        {
            touched ??= new FoundKeys(true);
            shape.Target.WriteKey(row, key);
            touched.Add(key.Written.ToArray());
        }
    }

    private Task? Resolve(IndexDef? taken)
    {
        TableIndex index = shape.Target.IndexOf(taken);
        if (shape.Arbiter is not null && shape.Arbiter.Storage.Id != index.Storage.Id)
        {
            throw shape.Target.UniqueViolation(taken, row, Context);
        }

        if (shape.Action == ConflictAction.Nothing)
        {
            return null;
        }

        Task? wait = LockTaken(index, out byte[] takenKey, out ReadOnlySpan<byte> old);
        if (wait is not null)
        {
            return wait;
        }

        return shape.Action == ConflictAction.Replace ? Replace(index, takenKey) : Update(takenKey, old);
    }

    /// <summary>Locks the row in the way and reads its newest version.</summary>
    private Task? LockTaken(TableIndex index, out byte[] takenKey, out ReadOnlySpan<byte> old)
    {
        takenKey = [];
        old = default;
        if (index.IsPrimary)
        {
            shape.Target.WriteKey(row, key);
            takenKey = key.Written.ToArray();
            Task? wait = Unless(Transaction.LockRow(shape.Target.SpaceId, takenKey), shape.Target, row);
            return wait ?? (Transaction.TryGetLatest(shape.Target.SpaceId, takenKey, out old) ? null : Again());
        }

        ColumnCodec[] codecs = TableCodecs.OfKey(shape.Target.Table, index);
        key.Begin(index.Parts.Count);
        for (int i = 0; i < codecs.Length; i++)
        {
            codecs[i].Write(row[index.Parts[i].Ordinal], key.Output);
        }

        if (!Transaction.TryGetLatest(shape.Target.SpaceId, index.Storage.Id, key.Written, out ReadOnlySpan<byte> taken))
        {
            return Again();
        }

        shape.Target.WriteKeyOf(taken, key);
        takenKey = key.Written.ToArray();
        Task? waitForRow = Unless(Transaction.LockRow(shape.Target.SpaceId, takenKey), shape.Target, row);
        return waitForRow ?? (Transaction.TryGetLatest(shape.Target.SpaceId, takenKey, out old) ? null : Again());
    }

    /// <summary>DO REPLACE: the row in the way becomes the new row; further rows in the way of other indexes go.</summary>
    private Task? Replace(TableIndex index, byte[] takenKey)
    {
        shape.Target.WriteKey(row, key);
        if (!index.IsPrimary)
        {
            Task? gone = Unless(Transaction.Delete(shape.Target.SpaceId, takenKey), shape.Target, row);
            return gone ?? Insert(row, again: true);
        }

        WriteResult result = Transaction.Update(shape.Target.SpaceId, takenKey, tuple.Written);
        if (result.Outcome == WriteOutcome.Duplicate)
        {
            return Resolve(result.Index);
        }

        return Finish(result);
    }

    private Task? Insert(Datum[] same, bool again)
    {
        WriteResult result = Transaction.Insert(shape.Target.SpaceId, tuple.Written);
        return result.Outcome == WriteOutcome.Duplicate && again ? Resolve(result.Index) : Finish(result, same);
    }

    private Task? Finish(in WriteResult result, Datum[]? same = null)
    {
        Task? wait = Unless(result, shape.Target, row);
        if (wait is null)
        {
            AffectedRows++;
            Return(same ?? row);
        }

        return wait;
    }

    /// <summary>DO UPDATE SET over the row in the way (first half) and the proposed row (second half).</summary>
    private Task? Update(byte[] takenKey, ReadOnlySpan<byte> old)
    {
        if (touched?.Contains(takenKey) == true)
        {
            throw new DbException(SqlStates.CardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time",
                hint: "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.");
        }

        int width = shape.Target.Width;
        var both = new Datum[2 * width];
        RowDecoder.InPlace(shape.Target.Table, Enumerable.Range(0, width)).Decode(old, both);
        row.CopyTo(both, width);
        if (shape.Where is not null && !shape.Where.Holds(both, Context))
        {
            return null;
        }

        Datum[] changed = both.AsSpan(0, width).ToArray();
        var values = new Datum[shape.Assignments.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = shape.Assignments[i].Value.Evaluate(both, Context);
            changed[shape.Assignments[i].Ordinal] = values[i];
        }

        shape.Target.Check(changed, Context);
        shape.Target.WriteChanged(old, shape.Assignments, values, tuple);
        WriteResult result = Transaction.Update(shape.Target.SpaceId, takenKey, tuple.Written);
        Task? wait = Unless(result, shape.Target, changed);
        if (wait is null)
        {
            AffectedRows++;
            (touched ??= new FoundKeys(true)).Add(takenKey);
            Return(changed);
        }

        return wait;
    }
}
