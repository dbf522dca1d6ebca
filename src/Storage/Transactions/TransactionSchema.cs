using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>
/// Changes of the schema: rows of <c>_space</c>, <c>_index</c> and <c>_truncate</c> take effect for the transaction itself at once, for others at
/// commit. The table is locked first: Exclusive, or ShareWrite for a new index.
/// </summary>
public sealed unsafe partial class Transaction
{
    /// <summary>Versions of spaces that this transaction made; null for dropped ones.</summary>
    private Dictionary<uint, Space?>? pending;
    private DatabaseSchema? ownSchema;
    private Catalog? ownSchemaBase;

    private enum SchemaWrite { Insert, Update, Delete }

    /// <summary>Schema as this transaction sees it: the view's, with its own DDL applied.</summary>
    public DatabaseSchema Schema
    {
        get
        {
            if (isolation == IsolationLevel.RepeatableRead)
            {
                EnsureView();
            }

            Catalog committed = view is not null ? View.Catalog : engine.Catalog;
            if (pending is null)
            {
                return committed.Schema;
            }

            if (ownSchema is null || !ReferenceEquals(ownSchemaBase, committed))
            {
                ownSchema = MakeSchema(committed);
                ownSchemaBase = committed;
            }

            return ownSchema;
        }
    }

    /// <summary>Empties a table (needs Exclusive); logged as Tarantool's TRUNCATE.</summary>
    public WriteResult Truncate(uint spaceId)
    {
        BeginChange();
        if (CurrentSpace(spaceId) is null)
        {
            throw new DbException(SqlStates.UndefinedTable, $"space {spaceId} does not exist");
        }

        var key = new MsgPackWriter(16);
        key.WriteArrayHead(1);
        key.WriteUInt64(spaceId);
        long count = 0;
        bool exists = false;
        WriteResult locked;
        if ((locked = LockTable(spaceId, TableLockMode.Exclusive)).Outcome != WriteOutcome.Done
            || (locked = LockRow(SystemSpaces.Truncate, key.WrittenSpan)).Outcome is WriteOutcome.MustWait or WriteOutcome.Conflict)
        {
            return locked;
        }

        if (TryGetLatest(SystemSpaces.Truncate, key.WrittenSpan, out ReadOnlySpan<byte> row))
        {
            exists = true;
            count = SequenceDefinition.ReadValue(row);
        }

        var tuple = new MsgPackWriter(24);
        tuple.WriteArrayHead(2);
        tuple.WriteUInt64(spaceId);
        tuple.WriteUInt64((ulong)count + 1);
        return exists
            ? Update(SystemSpaces.Truncate, key.WrittenSpan, tuple.WrittenSpan)
            : Insert(SystemSpaces.Truncate, tuple.WrittenSpan);
    }

    /// <summary>
    /// Next value of a sequence. As <see cref="Database.NextSequenceValue"/>, but also for a sequence that this transaction made (or altered)
    /// and has not committed yet, whose values then belong to the transaction.
    /// </summary>
    public long NextSequenceValue(uint sequenceId)
    {
        BeginChange();
        if (OwnSequence(sequenceId) is not { } sequence)
        {
            lock (engine.Gate)
            {
                long next = engine.Sequences.Next(sequenceId);
                NoteRead(engine.Catalog.Find(SystemSpaces.SequenceData)!.State);
                return next;
            }
        }

        bool hasValue = TryGetSequenceData(sequenceId, out long last);
        long value = sequence.After(hasValue, last);
        WriteSequenceData(sequenceId, value, hasValue);
        return value;
    }

    /// <summary>setval, as <see cref="Database.SetSequenceValue"/>, also for a sequence of this transaction's own.</summary>
    public void SetSequenceValue(uint sequenceId, long value, bool isCalled)
    {
        BeginChange();
        if (OwnSequence(sequenceId) is not { } sequence)
        {
            lock (engine.Gate)
            {
                engine.Sequences.Set(sequenceId, value, isCalled);
                NoteRead(engine.Catalog.Find(SystemSpaces.SequenceData)!.State);
                return;
            }
        }

        WriteSequenceData(sequenceId, sequence.Last(value, isCalled), TryGetSequenceData(sequenceId, out _));
    }

    private static bool IsSchemaSpace(uint spaceId) => spaceId is SystemSpaces.Space or SystemSpaces.Index or SystemSpaces.Truncate;

    /// <summary>The newest version of a space: this transaction's, else the committed one.</summary>
    private Space? CurrentSpace(uint spaceId) =>
        pending is not null && pending.TryGetValue(spaceId, out Space? own) ? own : engine.Catalog.Find(spaceId);

    private WriteResult WriteSchemaRow(uint systemSpace, ReadOnlySpan<byte> keyOrTuple, ReadOnlySpan<byte> tuple, SchemaWrite write)
    {
        uint target = SchemaRow.Target(keyOrTuple);
        int before = journal.Count;
        byte[] changed;
        lock (engine.Gate)
        {
            TableLockMode mode = systemSpace == SystemSpaces.Index && write == SchemaWrite.Insert ? TableLockMode.ShareWrite : TableLockMode.Exclusive;
            if (CurrentSpace(target) is { } space && LockTable(space.State, mode) is { } wait)
            {
                return MustWait(wait);
            }

            changed = write == SchemaWrite.Delete ? CopyOfLatest(systemSpace, keyOrTuple) : tuple.ToArray();
            if (changed.Length == 0)
            {
                return new WriteResult(WriteOutcome.Gone);
            }

            WriteResult result = write switch
            {
                SchemaWrite.Insert => InsertRow(systemSpace, tuple),
                SchemaWrite.Update => UpdateRow(systemSpace, keyOrTuple, tuple),
                _ => DeleteRow(systemSpace, keyOrTuple),
            };
            if (result.Outcome != WriteOutcome.Done)
            {
                return result;
            }
        }

        try
        {
            ChangeSchema(systemSpace, changed, write == SchemaWrite.Delete);
            return default;
        }
        catch
        {
            int statement = statementStart;
            RollbackTo(before);
            statementStart = statement;
            throw;
        }
    }

    /// <summary>The newest version of a row, empty when there is none.</summary>
    private byte[] CopyOfLatest(uint spaceId, ReadOnlySpan<byte> key)
    {
        fixed (byte* bytes = key)
        {
            Space space = CurrentSpace(spaceId)!;
            FullKey(space, key, bytes, out Probe probe);
            nint row = Latest(space, overlays?.GetValueOrDefault(spaceId), in probe);
            return row == 0 ? [] : RowArena.Span(row).ToArray();
        }
    }

    /// <summary>Makes the new version of the space, with its trees filled, outside of the gate: the table is locked.</summary>
    private void ChangeSchema(uint systemSpace, byte[] tuple, bool isDelete)
    {
        SchemaStep? step = SchemaRow.Interpret(engine.Alteration, systemSpace, tuple, isDelete, CurrentSpace);
        if (step is null)
        {
            return;
        }

        SpaceOverlay? overlay = overlays?.GetValueOrDefault(step.SpaceId);
        SpaceOverlay? moved = null;
        try
        {
            if (step is { Before: { } before, After: { } after, DropsRows: false })
            {
                CheckRows(after, before, overlay);
                using ReadView source = engine.OpenReadView();
                SpaceAlteration.Fill(after, before, source);
            }

            moved = MoveOverlay(step, overlay);
            LockNew(step);
        }
        catch
        {
            moved?.Free(engine.Arena);
            if (step.After is not null)
            {
                engine.Alteration.FreeOwnTrees(step.After, step.Before);
            }

            throw;
        }

        Adopt(step, overlay, moved);
    }

    private void Adopt(SchemaStep step, SpaceOverlay? overlay, SpaceOverlay? moved)
    {
        bool wasPending = pending?.ContainsKey(step.SpaceId) == true;
        (pending ??= [])[step.SpaceId] = step.After;
        ownSchema = null;
        if (moved is not null)
        {
            overlays![step.SpaceId] = moved;
        }
        else
        {
            overlays?.Remove(step.SpaceId);
        }

        JournalEntry row = journal[^1];
        journal[^1] = row with { Change = new PendingChange(step, wasPending, overlay) };
    }

    /// <summary>A table that is new is this transaction's alone.</summary>
    private void LockNew(SchemaStep step)
    {
        if (step is { Before: null, After: { } after })
        {
            lock (engine.Gate)
            {
                LockTable(after.State, TableLockMode.Exclusive);
            }
        }
    }

    private void TakeBack(PendingChange change)
    {
        SchemaStep step = change.Step;
        if (overlays is not null && overlays.Remove(step.SpaceId, out SpaceOverlay? moved))
        {
            moved.Free(engine.Arena);
        }

        if (change.Overlay is not null)
        {
            overlays![step.SpaceId] = change.Overlay;
        }

        if (change.WasPending)
        {
            pending![step.SpaceId] = step.Before;
        }
        else
        {
            pending!.Remove(step.SpaceId);
            pending = pending.Count == 0 ? null : pending;
        }

        ownSchema = null;
        if (step.After is not null)
        {
            engine.Alteration.FreeOwnTrees(step.After, step.Before);
        }
    }

    /// <summary>Rows must fit a format that became narrower.</summary>
    private void CheckRows(Space after, Space before, SpaceOverlay? overlay)
    {
        if (!after.Format.IsNarrowerThan(before.Format) || before.Primary is not { } primary)
        {
            return;
        }

        using ReadView source = engine.OpenReadView();
        using var rows = new MergedCursor(primary.Key, source.RootOf(primary), overlay?.Touched.Root ?? 0, null, 0, KeyRange.All, descending: false);
        while (rows.MoveNext())
        {
            after.Format.Check(rows.Current);
        }
    }

    /// <summary>The overlay of the old version in the order of the new one.</summary>
    private SpaceOverlay? MoveOverlay(SchemaStep step, SpaceOverlay? overlay)
    {
        if (overlay is null || step.DropsRows || step.After is not { Primary: { } primary } after)
        {
            return null;
        }

        bool keepsOrder = overlay.Touched.Key.OrdersAs(primary.Key);
        if (!keepsOrder && step.Before!.Primary!.Count > 0 && !overlay.IsEmpty)
        {
            throw new DbException(
                SqlStates.FeatureNotSupported,
                $"the primary key of \"{after.Def.Name}\" cannot be changed in a transaction that changed its rows",
                hint: "commit first");
        }

        var moved = new SpaceOverlay(after, engine.Arena, Versions);
        TreeCursor cursor = default;
        for (cursor.SeekFirst(overlay.Touched.Root, overlay.Touched.Key, default, orEqual: true); cursor.Current != 0; cursor.Next())
        {
            nint row = cursor.Current;
            if (SpaceOverlay.IsTombstone(row) && !keepsOrder)
            {
                continue;
            }

            MoveRow(after, moved, row);
        }

        return moved;
    }

    private void MoveRow(Space after, SpaceOverlay moved, nint row)
    {
        byte* data = RowArena.Data(row);
        bool conflicts = moved.Latest(data) != 0;
        for (int i = 1; i < after.Indexes.Length && !conflicts && !SpaceOverlay.IsTombstone(row); i++)
        {
            conflicts = after.Indexes[i] is { Tree: { } tree, Key: { IsUnique: true } key } && !key.HasNull(data) && IsTaken(moved, tree, moved.Tree(i)!, data);
        }

        if (conflicts)
        {
            moved.Free(engine.Arena);
            throw new DbException(SqlStates.UniqueViolation, $"could not create a unique index of \"{after.Def.Name}\"", detail: "two rows have the same key")
            {
                TableName = after.Def.Name,
            };
        }

        moved.Put(row);
    }

    private DatabaseSchema MakeSchema(Catalog committed)
    {
        Dictionary<uint, Space?> own = pending!;
        IEnumerable<SpaceDef> others = committed.Spaces.Where(space => !own.ContainsKey(space.Id)).Select(space => space.Def);
        IEnumerable<SpaceDef> changed = own.Values.OfType<Space>().Select(space => space.Def);
        return new DatabaseSchema(committed.Version, others.Concat(changed));
    }

    /// <summary>Definition of a sequence whose row this transaction has written, else null.</summary>
    private SequenceDefinition? OwnSequence(uint sequenceId)
    {
        if (overlays is null || !overlays.ContainsKey(SystemSpaces.Sequence))
        {
            return null;
        }

        SpaceOverlay overlay = overlays[SystemSpaces.Sequence];
        byte[] key = SequenceKey(sequenceId);
        fixed (byte* bytes = key)
        {
            FullKey(overlay.Space, key, bytes, out Probe probe);
            nint own = overlay.Touched.Find(in probe);
            return own == 0 || SpaceOverlay.IsTombstone(own) ? null : SequenceDefinition.Read(RowArena.Span(own));
        }
    }

    private bool TryGetSequenceData(uint sequenceId, out long value)
    {
        bool found = TryGetLatest(SystemSpaces.SequenceData, SequenceKey(sequenceId), out ReadOnlySpan<byte> row);
        value = found ? SequenceDefinition.ReadValue(row) : 0;
        return found;
    }

    private void WriteSequenceData(uint sequenceId, long value, bool exists)
    {
        byte[] row = SequenceDefinition.DataRow(sequenceId, value);
        WriteResult result = exists ? Update(SystemSpaces.SequenceData, SequenceKey(sequenceId), row) : Insert(SystemSpaces.SequenceData, row);
        if (result.Outcome != WriteOutcome.Done)
        {
            throw new DbException(SqlStates.LockNotAvailable, $"sequence {sequenceId} is being changed by another transaction");
        }
    }

    private static byte[] SequenceKey(uint sequenceId)
    {
        var writer = new MsgPackWriter(8);
        writer.WriteArrayHead(1);
        writer.WriteUInt64(sequenceId);
        return writer.ToArray();
    }
}
