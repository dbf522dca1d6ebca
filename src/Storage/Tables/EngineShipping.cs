using Picodata.Core;

namespace Picodata.Storage;

/// <summary>
/// Transactions of a primary, applied on a replica: the same rows in the same order, without locks, because nobody else writes shared rows
/// meanwhile (<see cref="SharedRefusal"/>).
/// </summary>
internal sealed unsafe partial class Engine
{
    private Func<DbException>? sharedRefusal;
    private bool touchesAll;

    /// <summary>When set, commits that write anything but replica-local and temporary spaces get this error. Set under the gate.</summary>
    internal Func<DbException>? SharedRefusal
    {
        get => Volatile.Read(ref sharedRefusal);
        set => Volatile.Write(ref sharedRefusal, value);
    }

    /// <summary>
    /// Under the gate: transactions that are open now cannot commit writes any more (40001): what they checked and locked was checked against rows
    /// that somebody else has changed without locks.
    /// </summary>
    internal void InvalidateOpenTransactions()
    {
        Volatile.Write(ref generation, generation + 1);
        Sequences.Forget();
    }

    /// <summary>
    /// The first row of a reign, as a commit of its own, under the gate. Whoever reads shared rows from now on waits for it: what recovery and an older
    /// primary left is committed no earlier than the first commit of the new reign.
    /// </summary>
    internal long CommitReign(ReadOnlySpan<byte> tuple)
    {
        touchesAll = true;
        try
        {
            return CommitRow(SystemSpaces.Schema, tuple);
        }
        finally
        {
            touchesAll = false;
        }
    }

    private void TouchShared()
    {
        foreach (Space space in catalog.Spaces)
        {
            if (!space.Def.IsLocal && !space.Def.IsTemporary)
            {
                Touch(space.State);
            }
        }
    }

    /// <summary>
    /// Applies one transaction of the primary under the gate: all of it, or nothing with a <see cref="RowApplyException"/>. <paramref name="append"/> hands it
    /// to the log.
    /// </summary>
    internal long CommitShipped(ReadOnlySpan<RecoveredRow> rows, Func<CommitUndo, long> append)
    {
        log!.EnsureWritable();
        BeginApplying();
        try
        {
            foreach (ref readonly RecoveredRow row in rows)
            {
                if (row.Operation != RecoveredOperation.Nop && catalog.Find(row.SpaceId) is not { Def.Engine: "blackhole" })
                {
                    ApplyShipped(in row);
                }
            }

            long lsn = append(applying);
            Note(applying, lsn);
            Volatile.Write(ref appliedLsn, lsn);
            return lsn;
        }
        catch
        {
            TakeBack(applying, buriesRows: true);
            throw;
        }
        finally
        {
            ClearLogged();
        }
    }

    private static bool IsLocal(ReadOnlySpan<LoggedRow> rows)
    {
        foreach (ref readonly LoggedRow row in rows)
        {
            if (!row.IsLocal)
            {
                return false;
            }
        }

        return rows.Length > 0;
    }

    private void RefuseShared(ReadOnlySpan<JournalEntry> journal)
    {
        if (SharedRefusal is not { } refuse)
        {
            return;
        }

        foreach (ref readonly JournalEntry entry in journal)
        {
            if (catalog.Find(entry.SpaceId) is not { Def: { IsLocal: true } or { IsTemporary: true } })
            {
                throw refuse();
            }
        }
    }

    private void ApplyShipped(in RecoveredRow row)
    {
        Space space = SpaceForRow(row.SpaceId);
        if (space.Def.IsLocal)
        {
            throw new RowApplyException("rows that the replicaset shares", $"a row of replica-local space {space.Id} (\"{space.Def.Name}\")");
        }

        if (row.Operation == RecoveredOperation.Delete)
        {
            ShippedDelete(space, in row);
        }
        else if (ShippedTuple(space, in row) is { IsEmpty: false } tuple)
        {
            ShippedPut(space, tuple, row.Operation == RecoveredOperation.Insert);
        }
    }

    /// <summary>The row as it is afterwards; empty when the request changes nothing. UPDATE and UPSERT stand in logs that Tarantool wrote.</summary>
    private static ReadOnlySpan<byte> ShippedTuple(Space space, in RecoveredRow row)
    {
        if (row.Operation is RecoveredOperation.Insert or RecoveredOperation.Replace)
        {
            return row.Tuple.Span;
        }

        bool isUpsert = row.Operation == RecoveredOperation.Upsert;
        nint old;
        if (isUpsert)
        {
            RowTree primary = CheckedPrimary(space, row.Tuple.Span);
            fixed (byte* tuple = row.Tuple.Span)
            {
                old = primary.FindRow(tuple);
            }
        }
        else
        {
            old = FindRecovered(space, in row);
        }

        return old != 0 ? UpdateOps(space, RowArena.Span(old), in row, isUpsert) : isUpsert ? row.Tuple.Span : default;
    }

    private void ShippedPut(Space space, ReadOnlySpan<byte> tuple, bool mustBeNew)
    {
        RowTree primary = CheckedPrimary(space, tuple);
        nint row = Arena.AllocateRow(tuple);
        if (mustBeNew && primary.FindRow(RowArena.Data(row)) != 0)
        {
            Arena.FreeRow(row);
            throw new RowApplyException($"a new primary key for an INSERT into space {space.Id} (\"{space.Def.Name}\")", "a row with that key");
        }

        Sequences.Changed(new JournalEntry(JournalKind.Put, space.Id, row, 0, null));
        Touch(space.State);
        ApplyPut(space, row);
        if (space.Id is SystemSpaces.Space or SystemSpaces.Index or SystemSpaces.Truncate)
        {
            ShippedSchema(space.Id, tuple, isDelete: false);
        }
    }

    private void ShippedDelete(Space space, in RecoveredRow row)
    {
        nint old = FindRecovered(space, in row);
        if (old == 0)
        {
            return;
        }

        Sequences.Changed(new JournalEntry(JournalKind.Delete, space.Id, old, 0, null));
        Touch(space.State);
        ApplyDelete(space, old);
        if (space.Id is SystemSpaces.Space or SystemSpaces.Index)
        {
            ShippedSchema(space.Id, RowArena.Span(old), isDelete: true);
        }
    }

    private void ShippedSchema(uint systemSpace, ReadOnlySpan<byte> tuple, bool isDelete)
    {
        SchemaStep? step;
        try
        {
            step = SchemaRow.Interpret(Alteration, systemSpace, tuple, isDelete, catalog.Find);
            if (step is { Before: { } before, After: { } after, DropsRows: false })
            {
                SpaceAlteration.Fill(after, before, view: null);
            }
        }
        catch (DbException e)
        {
            throw new RowApplyException("a definition that can be applied", e.Message);
        }

        if (step is not null)
        {
            ApplySchema(step);
        }
    }
}
