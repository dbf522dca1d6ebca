using System.Runtime.InteropServices;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>Applying commits to the tables and taking them back. All under the gate.</summary>
internal sealed unsafe partial class Engine
{
    private readonly List<LoggedRow> logged = [];
    private readonly List<nint> loggedKeys = [];
    private readonly MsgPackWriter keyWriter = new(64);
    private CommitUndo applying = new();

    /// <summary>
    /// Applies what a transaction wrote and hands it to the log: all of it or, when an exception leaves, nothing. Rows of the journal
    /// belong to the tables afterwards.
    /// </summary>
    internal long Commit(ReadOnlySpan<JournalEntry> journal)
    {
        log!.EnsureWritable();
        RefuseShared(journal);
        BeginApplying();
        try
        {
            foreach (ref readonly JournalEntry entry in journal)
            {
                Apply(in entry);
            }

            return FinishCommit();
        }
        catch
        {
            // the rows stay the caller's: nobody has seen them
            TakeBack(applying, buriesRows: false);
            throw;
        }
        finally
        {
            ClearLogged();
        }
    }

    /// <summary>A commit of its own with one row, for sequences.</summary>
    internal long CommitRow(uint spaceId, ReadOnlySpan<byte> tuple)
    {
        nint row = Arena.AllocateRow(tuple);
        try
        {
            return Commit([new JournalEntry(JournalKind.Put, spaceId, row, 0, null)]);
        }
        catch
        {
            Arena.FreeRow(row);
            throw;
        }
    }

    private void BeginApplying()
    {
        DrainReleased(DrainAtOnce);
        applying = spareUndo.TryPop(out CommitUndo? spare) ? spare : new CommitUndo();
        applying.PreviousLsn = appliedLsn;
    }

    private long FinishCommit()
    {
        long lsn = appliedLsn;
        CommitUndo undo = applying;
        bool isLocal = IsLocal(CollectionsMarshal.AsSpan(logged));
        if (touchesAll)
        {
            TouchShared();
        }

        if (logged.Count > 0)
        {
            lsn = log!.Append(CollectionsMarshal.AsSpan(logged), undo);
        }
        else
        {
            Release(undo);
        }

        if (!isLocal)
        {
            Note(undo, lsn);
        }

        Volatile.Write(ref appliedLsn, lsn);
        return lsn;
    }

    /// <summary>Notes which keys the commit changed, for DDL and large commits the tables as wholes; and the tables' last.</summary>
    private void Note(CommitUndo undo, long lsn)
    {
        Span<CommitUndo.Step> steps = CollectionsMarshal.AsSpan(undo.Steps);
        bool isWhole = touchesAll || steps.Length > KeyLsns.MostChanges;
        for (int i = 0; i < steps.Length && !isWhole; i++)
        {
            ref readonly CommitUndo.Step step = ref steps[i];
            if (step.Kind == CommitUndo.StepKind.Schema)
            {
                isWhole = true;
                continue;
            }

            bool cameOrWent = step.Kind == CommitUndo.StepKind.Delete || step.Old == 0;
            nint row = step.Kind == CommitUndo.StepKind.Delete ? step.Old : step.New;
            KeyLsns.Note(step.Space!.Id, step.Space.Primary!.Key.HashRow(RowArena.Data(row)), lsn, cameOrWent);
        }

        foreach ((SpaceState space, _) in undo.Touched)
        {
            space.WholeLsn = isWhole ? lsn : space.WholeLsn;
            space.LastLsn = lsn;
        }
    }

    private void ClearLogged()
    {
        foreach (nint key in loggedKeys)
        {
            Arena.FreeRow(key);
        }

        loggedKeys.Clear();
        logged.Clear();
        if (logged.Capacity > 65536)
        {
            logged.Capacity = 0;
        }
    }

    private void Apply(in JournalEntry entry)
    {
        Sequences.Changed(in entry);
        Space space = catalog.Find(entry.SpaceId) ?? throw new DbException(SqlStates.UndefinedTable, $"space {entry.SpaceId} does not exist");
        Touch(space.State);
        if (entry.Kind == JournalKind.Put)
        {
            ApplyPut(space, entry.Row);
        }
        else
        {
            ApplyDelete(space, entry.Row);
        }

        if (entry.Change is { } change)
        {
            ApplySchema(change.Step);
        }
    }

    private void Touch(SpaceState state)
    {
        foreach ((SpaceState space, _) in CollectionsMarshal.AsSpan(applying.Touched))
        {
            if (ReferenceEquals(space, state))
            {
                return;
            }
        }

        applying.Touched.Add((state, state.LastLsn));
    }

    private void ApplyPut(Space space, nint row)
    {
        RowArena.SetBirth(row, epochs.WriteEpoch);
        nint old = PutInTrees(space, row);
        applying.Steps.Add(new CommitUndo.Step(CommitUndo.StepKind.Put, space, old, row));
        if (!space.Def.IsTemporary)
        {
            LoggedOperation operation = old == 0 ? LoggedOperation.Insert : LoggedOperation.Replace;
            logged.Add(new LoggedRow(operation, space.Id, space.Def.IsLocal, RowArena.Data(row), RowArena.Length(row)));
        }
    }

    private void ApplyDelete(Space space, nint tombstone)
    {
        nint old = RemoveFromTrees(space, RowArena.Data(tombstone));
        if (old == 0)
        {
            return;
        }

        applying.Steps.Add(new CommitUndo.Step(CommitUndo.StepKind.Delete, space, old, 0));
        if (!space.Def.IsTemporary)
        {
            keyWriter.Clear();
            space.Primary!.Key.WriteKey(RowArena.Data(old), keyWriter);
            nint key = Arena.AllocateRow(keyWriter.WrittenSpan);
            loggedKeys.Add(key);
            logged.Add(new LoggedRow(LoggedOperation.Delete, space.Id, space.Def.IsLocal, RowArena.Data(key), RowArena.Length(key)));
        }
    }

    /// <summary>
    /// Puts a row into all trees of a space; returns the row with its primary key that it replaced, or 0. When a unique key turns out to be taken, which
    /// checks and locks forbid, nothing is changed and the exception undoes the commit.
    /// </summary>
    private static nint PutInTrees(Space space, nint row)
    {
        RowTree primary = space.Writable();
        nint old = primary.Replace(row);
        if (old == 0)
        {
            primary.Insert(row);
        }
        else
        {
            space.State.RowBytes -= RowArena.BlockSize(RowArena.Length(old));
        }

        space.State.RowBytes += RowArena.BlockSize(RowArena.Length(row));
        SpaceIndex[] indexes = space.Indexes;
        for (int i = 1; i < indexes.Length; i++)
        {
            if (indexes[i].Tree is { } tree && !TryPutInSecondary(tree, old, row))
            {
                TakeOut(space, i, old, row);
                throw new InvalidOperationException($"a unique key of \"{space.Def.Name}\" that was checked and locked is taken");
            }
        }

        return old;
    }

    /// <summary>False when the key is taken; the tree is as it was then.</summary>
    private static bool TryPutInSecondary(RowTree tree, nint old, nint row)
    {
        if (old != 0)
        {
            if (tree.Key.CompareRows(RowArena.Data(old), RowArena.Data(row), tree.Key.Count) == 0)
            {
                tree.Replace(row);
                return true;
            }

            tree.Remove(RowArena.Data(old));
        }

        if (tree.Insert(row) == 0)
        {
            return true;
        }

        if (old != 0)
        {
            tree.Insert(old);
        }

        return false;
    }

    /// <summary>Undoes a put that came to its <paramref name="until"/>th index and no further.</summary>
    private static void TakeOut(Space space, int until, nint old, nint row)
    {
        for (int i = 0; i < until; i++)
        {
            if (space.Indexes[i].Tree is not { } tree)
            {
                continue;
            }

            if (old != 0 && (i == 0 || tree.Key.CompareRows(RowArena.Data(old), RowArena.Data(row), tree.Key.Count) == 0))
            {
                tree.Replace(old);
                continue;
            }

            tree.Remove(RowArena.Data(row));
            if (old != 0)
            {
                tree.Insert(old);
            }
        }

        space.State.RowBytes -= RowArena.BlockSize(RowArena.Length(row));
        space.State.RowBytes += old != 0 ? RowArena.BlockSize(RowArena.Length(old)) : 0;
    }

    /// <summary>Takes the row with this primary key (a row or a tombstone) out of all trees; returns it, or 0.</summary>
    private static nint RemoveFromTrees(Space space, byte* keyRow)
    {
        nint old = space.Writable().Remove(keyRow);
        if (old == 0)
        {
            return 0;
        }

        space.State.RowBytes -= RowArena.BlockSize(RowArena.Length(old));
        SpaceIndex[] indexes = space.Indexes;
        for (int i = 1; i < indexes.Length; i++)
        {
            indexes[i].Tree?.Remove(RowArena.Data(old));
        }

        return old;
    }

    private void ApplySchema(SchemaStep change)
    {
        if (change.After is { } after)
        {
            Touch(after.State);
            if (change.Before is { } before && !change.DropsRows && IsChangedInThisCommit(before.State))
            {
                // the new trees were built when the index was made; rows of this transaction came after
                Alteration.Refill(after, before);
            }
        }

        if (change.DropsRows && change.Before is { } dropped)
        {
            change.DroppedBytes = dropped.State.RowBytes;
            dropped.State.RowBytes = 0;
        }

        Adopt(change.SpaceId, change.After);
        applying.Steps.Add(new CommitUndo.Step(CommitUndo.StepKind.Schema, change.After, 0, 0, change));
    }

    private bool IsChangedInThisCommit(SpaceState state)
    {
        foreach (ref readonly CommitUndo.Step step in CollectionsMarshal.AsSpan(applying.Steps))
        {
            if (step.Kind != CommitUndo.StepKind.Schema && ReferenceEquals(step.Space!.State, state))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Undoes one commit; all later ones have been undone before.</summary>
    private void TakeBack(CommitUndo undo, bool buriesRows)
    {
        for (int i = undo.Steps.Count - 1; i >= 0; i--)
        {
            CommitUndo.Step step = undo.Steps[i];
            switch (step.Kind)
            {
                case CommitUndo.StepKind.Put:
                    TakeBackPut(step);
                    if (buriesRows)
                    {
                        Bury(step.New);
                    }

                    break;
                case CommitUndo.StepKind.Delete:
                    PutInTrees(step.Space!, step.Old);
                    break;
                default:
                    TakeBack(step.Change!);
                    break;
            }
        }

        foreach ((SpaceState space, long lsn) in undo.Touched)
        {
            space.LastLsn = lsn;
            space.WholeLsn = Math.Min(space.WholeLsn, undo.PreviousLsn);
        }

        Volatile.Write(ref appliedLsn, undo.PreviousLsn);
        Recycle(undo);
    }

    private static void TakeBackPut(in CommitUndo.Step step)
    {
        if (step.Old != 0)
        {
            PutInTrees(step.Space!, step.Old);
        }
        else
        {
            RemoveFromTrees(step.Space!, RowArena.Data(step.New));
        }
    }

    private void TakeBack(SchemaStep change)
    {
        foreach (SpaceIndex index in change.After?.Indexes ?? [])
        {
            if (index.Tree is { } tree && change.Before?.Has(tree) != true)
            {
                Retire(tree, withRows: false);
            }
        }

        if (change.DropsRows && change.Before is { } before)
        {
            before.State.RowBytes = change.DroppedBytes;
        }

        Adopt(change.SpaceId, change.Before);
    }

    /// <summary>A row that was committed and taken back: transactions that are open may still hold it.</summary>
    private void Bury(nint row) => graveyard.Enqueue((row, holderSequence));
}
