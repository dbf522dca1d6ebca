using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>
/// Filling the tables from files. Until <see cref="FinishRecovery"/> only primary trees exist, as in Tarantool; rows that
/// are replaced go at once.
/// </summary>
internal sealed unsafe partial class Engine
{
    private RowTree? loading;
    private nint loadingTail;

    /// <summary>Takes one row of a snapshot, in file order (system spaces come first). The bytes are copied.</summary>
    public void LoadSnapshotRow(uint spaceId, ReadOnlySpan<byte> tuple)
    {
        Space space = SpaceForRow(spaceId);
        RowTree primary = CheckedPrimary(space, tuple);
        if (!ReferenceEquals(loading, primary))
        {
            loading = primary;
            loadingTail = 0;
        }

        nint row = Arena.AllocateRow(tuple);
        if (primary.Append(row, ref loadingTail) != 0)
        {
            Arena.FreeRow(row);
            throw new RowApplyException($"one row a key in space {spaceId} (\"{space.Def.Name}\")", "a second row with the same primary key");
        }

        space.State.RowBytes += RowArena.BlockSize(tuple.Length);
        if (spaceId is SystemSpaces.Space or SystemSpaces.Index)
        {
            RecoverSchema(spaceId, tuple, isDelete: false);
        }
    }

    /// <summary>The snapshot is complete.</summary>
    public void FinishSnapshot()
    {
        loading = null;
        loadingTail = 0;
    }

    /// <summary>
    /// Applies the rows of one complete transaction. Throws <see cref="RowApplyException"/> at the first row that cannot be applied:
    /// then rows before it stay applied (forced recovery applies row by row).
    /// </summary>
    public void ApplyRecovered(ReadOnlySpan<RecoveredRow> rows)
    {
        FinishSnapshot();
        foreach (ref readonly RecoveredRow row in rows)
        {
            if (row.Operation != RecoveredOperation.Nop && catalog.Find(row.SpaceId) is { Def.Engine: "blackhole" })
            {
                continue; // logged, never kept
            }

            switch (row.Operation)
            {
                case RecoveredOperation.Insert:
                    RecoverPut(row.SpaceId, row.Tuple.Span, mustBeNew: true);
                    break;
                case RecoveredOperation.Replace:
                    RecoverPut(row.SpaceId, row.Tuple.Span, mustBeNew: false);
                    break;
                case RecoveredOperation.Delete:
                    RecoverDelete(in row);
                    break;
                case RecoveredOperation.Update:
                    RecoverUpdate(in row);
                    break;
                case RecoveredOperation.Upsert:
                    RecoverUpsert(in row);
                    break;
            }
        }
    }

    /// <summary>Builds the secondary indexes in parallel and checks their uniqueness (<see cref="RowApplyException"/>).</summary>
    public void FinishRecovery(int parallelism)
    {
        FinishSnapshot();
        var complete = new List<Space>();
        var work = new List<(Space Space, SpaceIndex Index)>();
        foreach (Space space in catalog.Spaces.Where(space => space.Indexes.Any(index => index is { Key: not null, Tree: null })))
        {
            Space whole = Alteration.WithAllTrees(space);
            complete.Add(whole);
            work.AddRange(whole.Indexes.Where(index => index.Tree is not null && !space.Has(index.Tree)).Select(index => (whole, index)));
        }

        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        Parallel.ForEach(
            work.OrderByDescending(item => item.Space.Primary?.Count ?? 0),
            new ParallelOptions { MaxDegreeOfParallelism = Math.Max(parallelism, 1) },
            item => BuildRecovered(item.Space, item.Index, failures));
        if (failures.TryDequeue(out string? failure))
        {
            throw new RowApplyException("unique keys", failure);
        }

        foreach (Space space in complete)
        {
            Adopt(space.Id, space);
        }

        Alteration.BuildsSecondary = true;
    }

    private static void BuildRecovered(Space space, SpaceIndex index, System.Collections.Concurrent.ConcurrentQueue<string> failures)
    {
        if (space.Primary is not { Count: > 0 } primary)
        {
            return;
        }

        nint[] rows = primary.CopyRows(primary.Root);
        if (index.Tree!.Build(rows, rows.Length).First != 0)
        {
            failures.Enqueue($"two rows with the same key of index \"{index.Def.Name}\" of space {space.Id} (\"{space.Def.Name}\")");
        }
    }

    private Space SpaceForRow(uint spaceId) =>
        catalog.Find(spaceId) ?? throw new RowApplyException("a space that exists", $"a row of unknown space {spaceId}");

    private static RowTree CheckedPrimary(Space space, ReadOnlySpan<byte> tuple)
    {
        try
        {
            RowTree primary = space.Writable();
            space.Format.Check(tuple);
            return primary;
        }
        catch (DbException e)
        {
            throw new RowApplyException($"a row that fits space {space.Id} (\"{space.Def.Name}\")", e.Message);
        }
    }

    private void RecoverPut(uint spaceId, ReadOnlySpan<byte> tuple, bool mustBeNew)
    {
        Space space = SpaceForRow(spaceId);
        RowTree primary = CheckedPrimary(space, tuple);
        nint row = Arena.AllocateRow(tuple);
        if (mustBeNew && primary.FindRow(RowArena.Data(row)) != 0)
        {
            Arena.FreeRow(row);
            throw new RowApplyException($"a new primary key for an INSERT into space {spaceId} (\"{space.Def.Name}\")", "a row with that key");
        }

        nint old = PutInTrees(space, row);
        if (old != 0)
        {
            epochs.RetireRow(old);
        }

        if (spaceId is SystemSpaces.Space or SystemSpaces.Index or SystemSpaces.Truncate)
        {
            RecoverSchema(spaceId, tuple, isDelete: false);
        }
    }

    private void RecoverDelete(in RecoveredRow row)
    {
        Space space = SpaceForRow(row.SpaceId);
        nint old = FindRecovered(space, in row);
        if (old == 0)
        {
            return;
        }

        RemoveFromTrees(space, RowArena.Data(old));
        if (row.SpaceId is SystemSpaces.Space or SystemSpaces.Index)
        {
            RecoverSchema(row.SpaceId, RowArena.Span(old), isDelete: true);
        }

        epochs.RetireRow(old);
    }

    private void RecoverUpdate(in RecoveredRow row)
    {
        Space space = SpaceForRow(row.SpaceId);
        nint old = FindRecovered(space, in row);
        if (old != 0)
        {
            RecoverChanged(space, old, UpdateOps(space, RowArena.Span(old), in row, isUpsert: false), isUpsert: false);
        }
    }

    private void RecoverUpsert(in RecoveredRow row)
    {
        Space space = SpaceForRow(row.SpaceId);
        RowTree primary = CheckedPrimary(space, row.Tuple.Span);
        nint old;
        fixed (byte* tuple = row.Tuple.Span)
        {
            old = primary.FindRow(tuple);
        }

        if (old == 0)
        {
            RecoverPut(row.SpaceId, row.Tuple.Span, mustBeNew: true);
        }
        else
        {
            RecoverChanged(space, old, UpdateOps(space, RowArena.Span(old), in row, isUpsert: true), isUpsert: true);
        }
    }

    private void RecoverChanged(Space space, nint old, ReadOnlySpan<byte> tuple, bool isUpsert)
    {
        CheckedPrimary(space, tuple);
        fixed (byte* changed = tuple)
        {
            KeyDef key = space.Primary!.Key;
            if (key.CompareRows(RowArena.Data(old), changed, key.Own) != 0)
            {
                if (isUpsert)
                {
                    return;
                }

                throw new RowApplyException($"an UPDATE of space {space.Id} that keeps the primary key", "one that changes it");
            }
        }

        RecoverPut(space.Id, tuple, mustBeNew: false);
    }

    /// <summary>The row of a key; 0 when there is none or when a secondary index is meant (such requests found no row when they were logged).</summary>
    private static nint FindRecovered(Space space, in RecoveredRow row)
    {
        if (row.IndexId != 0)
        {
            return 0;
        }

        try
        {
            RowTree primary = space.Writable();
            int count = primary.Key.CheckKey(row.Key.Span);
            if (count != primary.Key.Own)
            {
                throw new RowApplyException($"a key of {primary.Key.Own} values for space {space.Id}", $"a key of {count}");
            }

            fixed (byte* key = row.Key.Span)
            {
                byte* first = key;
                RawTuple.ArrayHead(ref first);
                return primary.Find(primary.Key.ProbeKey(first, count));
            }
        }
        catch (DbException e)
        {
            throw new RowApplyException($"a key that fits space {space.Id} (\"{space.Def.Name}\")", e.Message);
        }
    }

    private static byte[] UpdateOps(Space space, ReadOnlySpan<byte> old, in RecoveredRow row, bool isUpsert)
    {
        var result = new MsgPackWriter(old.Length + 64);
        UpdateOutcome outcome = UpdateOperations.Apply(
            old, row.Operations.Span, (uint)row.IndexBase, isUpsert, new FormatNames(space.Def), result, out string problem);
        return outcome == UpdateOutcome.Done
            ? result.ToArray()
            : throw new RowApplyException($"operations that can be applied to a row of space {space.Id} (\"{space.Def.Name}\")", problem);
    }

    /// <summary>What a row of a system space means for the schema.</summary>
    private void RecoverSchema(uint systemSpace, ReadOnlySpan<byte> tuple, bool isDelete)
    {
        FinishSnapshot();
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

        if (step is null)
        {
            return;
        }

        if (step is { DropsRows: true, Before: { } dropped })
        {
            dropped.State.RowBytes = 0;
        }

        Adopt(step.SpaceId, step.After);
        RetireReplaced(step);
    }

    /// <summary>
    /// Definitions of Tarantool's system spaces, which it has built in too: rows of some come in a snapshot before the rows of
    /// <c>_index</c>, and a minimal snapshot does not define them at all. The files' own definitions replace them.
    /// </summary>
    private void DefineCoreSpaces()
    {
        foreach ((uint id, string name, (int Field, FieldType Type)[] key) in CoreRows.Spaces)
        {
            Space space = Alteration.Define(null, DefinitionReader.ReadSpace(CoreRows.Space(id, name)));
            Adopt(id, Alteration.PutIndex(space, DefinitionReader.ReadIndex(CoreRows.PrimaryIndex(id, key))));
        }
    }

    private sealed class FormatNames(SpaceDef space) : IFieldNames
    {
        public int Find(ReadOnlySpan<byte> name)
        {
            string text = System.Text.Encoding.UTF8.GetString(name);
            for (int i = 0; i < space.Format.Count; i++)
            {
                if (space.Format[i].Name == text)
                {
                    return i;
                }
            }

            return -1;
        }

        public bool IsDouble(int field) => field < space.Format.Count && space.Format[field].Type == FieldType.Double;
    }
}
