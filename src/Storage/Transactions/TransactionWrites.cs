using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>Writes of rows: locks, checks of unique keys, the overlay. Each write holds the gate once, for about a microsecond.</summary>
public sealed unsafe partial class Transaction
{
    private byte[] latestCopy = [];
    private MsgPackWriter? scratch;

    /// <summary>Adds a row. Locks its unique keys; Duplicate when one is taken.</summary>
    public WriteResult Insert(uint spaceId, ReadOnlySpan<byte> tuple)
    {
        BeginChange();
        if (IsSchemaSpace(spaceId))
        {
            return WriteSchemaRow(spaceId, tuple, tuple, SchemaWrite.Insert);
        }

        lock (engine.Gate)
        {
            return InsertRow(spaceId, tuple);
        }
    }

    /// <summary>Replaces the row with primary key <paramref name="oldPrimaryKey"/> by a tuple whose primary key may differ.</summary>
    public WriteResult Update(uint spaceId, ReadOnlySpan<byte> oldPrimaryKey, ReadOnlySpan<byte> newTuple)
    {
        BeginChange();
        if (IsSchemaSpace(spaceId))
        {
            return WriteSchemaRow(spaceId, oldPrimaryKey, newTuple, SchemaWrite.Update);
        }

        lock (engine.Gate)
        {
            return UpdateRow(spaceId, oldPrimaryKey, newTuple);
        }
    }

    public WriteResult Delete(uint spaceId, ReadOnlySpan<byte> primaryKey)
    {
        BeginChange();
        if (IsSchemaSpace(spaceId))
        {
            return WriteSchemaRow(spaceId, primaryKey, primaryKey, SchemaWrite.Delete);
        }

        lock (engine.Gate)
        {
            return DeleteRow(spaceId, primaryKey);
        }
    }

    /// <summary>Before every write: the transaction may write, and in REPEATABLE READ it has its view.</summary>
    private void BeginChange()
    {
        if (IsReadOnly)
        {
            throw new DbException(SqlStates.ReadOnlySqlTransaction, "cannot write in a read-only transaction");
        }

        CheckNotOver();
        if (!engine.IsStarted)
        {
            throw new DbException(SqlStates.CannotConnectNow, "the database is not started yet");
        }

        if (isolation == IsolationLevel.RepeatableRead)
        {
            EnsureView();
        }
        else if (firstGeneration < 0)
        {
            firstGeneration = engine.Generation;
        }
    }

    private WriteResult InsertRow(uint spaceId, ReadOnlySpan<byte> tuple)
    {
        if (OverlayToWrite(spaceId, out SpaceOverlay overlay) is { } wait)
        {
            return MustWait(wait);
        }

        Space space = overlay.Space;
        space.Format.Check(tuple);
        engine.CheckRoom(tuple.Length);
        fixed (byte* data = tuple)
        {
            WriteResult result = LockNewPrimary(overlay, data);
            if (result.Outcome == WriteOutcome.Done)
            {
                result = LockSecondary(overlay, data, old: null);
            }

            if (result.Outcome == WriteOutcome.Done)
            {
                Put(overlay, engine.Arena.AllocateRow(tuple), JournalKind.Put);
            }

            return result;
        }
    }

    private WriteResult UpdateRow(uint spaceId, ReadOnlySpan<byte> oldPrimaryKey, ReadOnlySpan<byte> newTuple)
    {
        if (OverlayToWrite(spaceId, out SpaceOverlay overlay) is { } wait)
        {
            return MustWait(wait);
        }

        Space space = overlay.Space;
        space.Format.Check(newTuple);
        engine.CheckRoom(newTuple.Length);
        fixed (byte* key = oldPrimaryKey, data = newTuple)
        {
            byte* first = FullKey(space, oldPrimaryKey, key, out Probe probe);
            WriteResult result = LockExisting(overlay, first, in probe, isShown: false, out nint old);
            if (result.Outcome != WriteOutcome.Done)
            {
                return result;
            }

            KeyDef primary = space.Primary!.Key;
            bool keepsKey = primary.CompareRows(RowArena.Data(old), data, primary.Own) == 0;
            result = keepsKey ? result : LockNewPrimary(overlay, data);
            if (result.Outcome == WriteOutcome.Done)
            {
                result = LockSecondary(overlay, data, RowArena.Data(old));
            }

            if (result.Outcome == WriteOutcome.Done)
            {
                if (!keepsKey)
                {
                    Put(overlay, Tombstone(space, old), JournalKind.Delete);
                }

                Put(overlay, engine.Arena.AllocateRow(newTuple), JournalKind.Put);
            }

            return result;
        }
    }

    private WriteResult DeleteRow(uint spaceId, ReadOnlySpan<byte> primaryKey)
    {
        if (OverlayToWrite(spaceId, out SpaceOverlay overlay) is { } wait)
        {
            return MustWait(wait);
        }

        fixed (byte* key = primaryKey)
        {
            byte* first = FullKey(overlay.Space, primaryKey, key, out Probe probe);
            WriteResult result = LockExisting(overlay, first, in probe, isShown: false, out nint old);
            if (result.Outcome == WriteOutcome.Done)
            {
                result = LockSecondary(overlay, null, RowArena.Data(old));
            }

            if (result.Outcome == WriteOutcome.Done)
            {
                Put(overlay, Tombstone(overlay.Space, old), JournalKind.Delete);
            }

            return result;
        }
    }

    /// <summary>The overlay of a table that is going to be written, with its Write lock; or the task to wait for.</summary>
    private Task? OverlayToWrite(uint spaceId, out SpaceOverlay overlay)
    {
        if (overlays is not null && overlays.TryGetValue(spaceId, out SpaceOverlay? existing))
        {
            overlay = existing;
            return null;
        }

        overlay = null!;
        Space space = CurrentSpace(spaceId) ?? throw new DbException(SqlStates.UndefinedTable, $"space {spaceId} does not exist");
        space.Writable();
        if (LockTable(space.State, TableLockMode.Write) is { } wait)
        {
            return wait;
        }

        if (isolation == IsolationLevel.RepeatableRead && pending?.ContainsKey(spaceId) != true && !ReferenceEquals(View.Catalog.Find(spaceId), space))
        {
            throw new DbException(SqlStates.SerializationFailure, $"table \"{space.Def.Name}\" was altered after the transaction began");
        }

        overlay = new SpaceOverlay(space, engine.Arena, Versions);
        (overlays ??= []).Add(spaceId, overlay);
        return null;
    }

    /// <summary>Locks the primary key of a new row and checks that it is free.</summary>
    private WriteResult LockNewPrimary(SpaceOverlay overlay, byte* data)
    {
        Space space = overlay.Space;
        RowTree primary = space.Primary!;
        if (LockKey(space, 0, primary.Key.HashRow(data)) is { } wait)
        {
            return MustWait(wait);
        }

        nint own = overlay.Latest(data);
        if (own == 0 ? primary.FindRow(data) != 0 : !SpaceOverlay.IsTombstone(own))
        {
            NoteRead(space.State);
            return new WriteResult(WriteOutcome.Duplicate, space.Indexes[0].Def);
        }

        return default;
    }

    /// <summary>
    /// Locks the unique secondary keys that a write gives up and takes, and checks that the new ones are free. Keys that are given up
    /// are locked so that others who want them wait until it is known whether they become free.
    /// </summary>
    private WriteResult LockSecondary(SpaceOverlay overlay, byte* data, byte* old)
    {
        Space space = overlay.Space;
        for (int i = 1; i < space.Indexes.Length; i++)
        {
            if (space.Indexes[i] is not { Tree: { } tree, Key: { IsUnique: true } key } index)
            {
                continue;
            }

            if (data != null && old != null && key.CompareRows(old, data, key.Own) == 0)
            {
                continue;
            }

            if (old != null && !key.HasNull(old) && LockKey(space, index.Def.Id, key.HashRow(old)) is { } waitForOld)
            {
                return MustWait(waitForOld);
            }

            if (data == null || key.HasNull(data))
            {
                continue;
            }

            if (LockKey(space, index.Def.Id, key.HashRow(data)) is { } wait)
            {
                return MustWait(wait);
            }

            if (IsTaken(overlay, tree, overlay.Tree(i)!, data))
            {
                NoteRead(space.State);
                return new WriteResult(WriteOutcome.Duplicate, index.Def);
            }
        }

        return default;
    }

    private static bool IsTaken(SpaceOverlay overlay, RowTree tree, RowTree ownTree, byte* data)
    {
        Probe probe = tree.Key.ProbeRow(data, tree.Key.Own);
        if (ownTree.Find(in probe) != 0)
        {
            return true;
        }

        nint committed = tree.Find(in probe);
        return committed != 0 && overlay.Latest(RowArena.Data(committed)) == 0;
    }

    private void Put(SpaceOverlay overlay, nint row, JournalKind kind)
    {
        overlay.BeginWrite(Statement);
        nint previous = overlay.Put(kind == JournalKind.Delete ? row | 1 : row);
        journal.Add(new JournalEntry(kind, overlay.Space.Id, kind == JournalKind.Delete ? row | 1 : row, previous, null));
    }

    /// <summary>A row in which only the primary key of another counts.</summary>
    private nint Tombstone(Space space, nint row)
    {
        KeyDef primary = space.Primary!.Key;
        if (primary.HasPaths)
        {
            return engine.Arena.AllocateRow(RowArena.Span(row));
        }

        scratch ??= new MsgPackWriter(64);
        scratch.Clear();
        if (primary.LeadsRow)
        {
            primary.WriteKey(RowArena.Data(row), scratch);
        }
        else
        {
            primary.WriteSkeleton(RowArena.Data(row), scratch);
        }

        return engine.Arena.AllocateRow(scratch.WrittenSpan);
    }

    private ReadOnlySpan<byte> CopyOf(ReadOnlySpan<byte> tuple)
    {
        if (latestCopy.Length < tuple.Length)
        {
            latestCopy = new byte[Math.Max(tuple.Length, 256) * 3 / 2];
        }

        tuple.CopyTo(latestCopy);
        return latestCopy.AsSpan(0, tuple.Length);
    }
}
