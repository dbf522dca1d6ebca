using Picodata.Core;

namespace Picodata.Storage;

/// <summary>Locks of a transaction. What is not public is used under the gate by <see cref="LockTable"/>.</summary>
public sealed unsafe partial class Transaction
{
    private List<LockKey>? heldRows;
    private List<(SpaceState Space, int Modes)>? heldTables;

    /// <summary>Place in the list of transactions with locks; -1 when it has none.</summary>
    internal int HolderIndex { get; set; } = -1;

    /// <summary>Order in which transactions began to hold locks.</summary>
    internal long HolderSequence { get; set; }

    internal List<LockKey> HeldRows => heldRows ??= [];

    internal List<(SpaceState Space, int Modes)> HeldTables => heldTables ??= [];

    /// <summary>The lock that is waited for.</summary>
    internal LockWait? Waiting { get; set; }

    /// <summary>
    /// Locks a row for writing, or the place of one that does not exist. Done: the lock is held and <see cref="TryGetLatest"/> gives the
    /// version to change, or that there is none (any more). Conflict: in REPEATABLE READ, it is not the version that was seen.
    /// </summary>
    public WriteResult LockRow(uint spaceId, ReadOnlySpan<byte> primaryKey)
    {
        BeginChange();
        lock (engine.Gate)
        {
            if (OverlayToWrite(spaceId, out SpaceOverlay overlay) is { } wait)
            {
                return MustWait(wait);
            }

            fixed (byte* bytes = primaryKey)
            {
                byte* first = FullKey(overlay.Space, primaryKey, bytes, out Probe probe);
                WriteResult result = LockExisting(overlay, first, in probe, isShown: true, out _);
                return result.Outcome == WriteOutcome.Gone ? default : result;
            }
        }
    }

    /// <summary>
    /// <see cref="LockRow(uint, ReadOnlySpan{byte})"/> and <see cref="TryGetLatest(uint, ReadOnlySpan{byte}, out ReadOnlySpan{byte})"/> in one step; Gone
    /// when there is no row.
    /// </summary>
    /// <param name="spaceId">Table.</param>
    /// <param name="primaryKey">Its full primary key.</param>
    /// <param name="isShown">
    /// False promises that nobody is told more of the row than that it is there, until the transaction has committed or reads the row
    /// that it made of it: then nothing waits for the durability of the version that was read.
    /// </param>
    /// <param name="tuple">The newest version; valid until the next call of TryGetLatest or LockRow, or a write.</param>
    public WriteResult LockRow(uint spaceId, ReadOnlySpan<byte> primaryKey, bool isShown, out ReadOnlySpan<byte> tuple)
    {
        BeginChange();
        tuple = default;
        lock (engine.Gate)
        {
            if (OverlayToWrite(spaceId, out SpaceOverlay overlay) is { } wait)
            {
                return MustWait(wait);
            }

            fixed (byte* bytes = primaryKey)
            {
                byte* first = FullKey(overlay.Space, primaryKey, bytes, out Probe probe);
                WriteResult result = LockExisting(overlay, first, in probe, isShown, out nint row);
                if (result.Outcome == WriteOutcome.Done)
                {
                    tuple = CopyOf(RowArena.Span(row));
                }

                return result;
            }
        }
    }

    /// <summary>
    /// The newest version of a row that this transaction has locked: its own, else the newest committed one. The span is
    /// valid until the next call of this method or a write.
    /// </summary>
    public bool TryGetLatest(uint spaceId, ReadOnlySpan<byte> primaryKey, out ReadOnlySpan<byte> tuple)
    {
        BeginChange();
        lock (engine.Gate)
        {
            Space space = CurrentSpace(spaceId) ?? throw new DbException(SqlStates.UndefinedTable, $"space {spaceId} does not exist");
            SpaceOverlay? overlay = overlays?.GetValueOrDefault(spaceId);
            fixed (byte* bytes = primaryKey)
            {
                byte* first = FullKey(space, primaryKey, bytes, out Probe probe);
                nint row = Latest(space, overlay, in probe);
                NoteReadOfKey(space, space.Primary!.Key.HashKey(first));
                NoteReadOfOwn();
                tuple = row == 0 ? default : CopyOf(RowArena.Span(row));
                return row != 0;
            }
        }
    }

    /// <summary>Takes a lock on a whole table until the transaction ends.</summary>
    public WriteResult LockTable(uint spaceId, TableLockMode mode)
    {
        CheckNotOver();
        lock (engine.Gate)
        {
            Space space = CurrentSpace(spaceId) ?? throw new DbException(SqlStates.UndefinedTable, $"space {spaceId} does not exist");
            return LockTable(space.State, mode) is { } wait ? MustWait(wait) : default;
        }
    }

    /// <summary>Modes that are held on a table, as a mask.</summary>
    internal int TableModes(SpaceState space)
    {
        foreach ((SpaceState held, int modes) in HeldTables)
        {
            if (ReferenceEquals(held, space))
            {
                return modes;
            }
        }

        return 0;
    }

    internal void AddTableMode(SpaceState space, TableLockMode mode)
    {
        for (int i = 0; i < HeldTables.Count; i++)
        {
            if (ReferenceEquals(HeldTables[i].Space, space))
            {
                HeldTables[i] = (space, HeldTables[i].Modes | TableLock.Bit(mode));
                return;
            }
        }

        HeldTables.Add((space, TableLock.Bit(mode)));
    }

    private static WriteResult MustWait(Task wait) => new(WriteOutcome.MustWait, Wait: wait);

    private Task? LockTable(SpaceState space, TableLockMode mode)
    {
        Register();
        return engine.Locks.AcquireTable(this, space, mode);
    }

    /// <summary>Takes the lock of a row or a unique key, unless the whole table is this transaction's.</summary>
    private Task? LockKey(Space space, uint indexId, ulong hash)
    {
        Register();
        return (TableModes(space.State) & TableLock.Bit(TableLockMode.Exclusive)) != 0
            ? null
            : engine.Locks.AcquireRow(this, new LockKey(space.Id, indexId, hash));
    }

    private void Register()
    {
        if (HolderIndex < 0)
        {
            engine.RegisterHolder(this);
        }
    }

    /// <summary>Locks the row of a key and finds its newest version; Gone or, in REPEATABLE READ, Conflict when it is not the one that was seen.</summary>
    private WriteResult LockExisting(SpaceOverlay overlay, byte* firstKeyValue, in Probe probe, bool isShown, out nint row)
    {
        row = 0;
        Space space = overlay.Space;
        RowTree primary = space.Primary!;
        ulong hash = primary.Key.HashKey(firstKeyValue);
        if (LockKey(space, 0, hash) is { } wait)
        {
            return MustWait(wait);
        }

        nint own = overlay.Touched.Find(in probe);
        if (own != 0)
        {
            if (isShown)
            {
                NoteReadOfOwn();
            }

            row = SpaceOverlay.IsTombstone(own) ? 0 : own;
            return row == 0 ? new WriteResult(WriteOutcome.Gone) : default;
        }

        row = primary.Find(in probe);
        if (isShown)
        {
            NoteReadOfKey(space, hash);
        }
        else
        {
            NoteReadToWrite(space, hash);
        }

        if (isolation == IsolationLevel.RepeatableRead && RowTree.Find(View.RootOf(primary), primary.Key, in probe) != row)
        {
            row = 0;
            return new WriteResult(WriteOutcome.Conflict);
        }

        return row == 0 ? new WriteResult(WriteOutcome.Gone) : default;
    }

    private static nint Latest(Space space, SpaceOverlay? overlay, in Probe probe)
    {
        nint own = overlay?.Touched.Find(in probe) ?? 0;
        return own == 0 ? space.Primary!.Find(in probe) : SpaceOverlay.IsTombstone(own) ? 0 : own;
    }

    /// <summary>Checks that a key is full and makes a probe of it; returns its first value.</summary>
    private static byte* FullKey(Space space, ReadOnlySpan<byte> key, byte* bytes, out Probe probe)
    {
        KeyDef primary = space.Writable().Key;
        int count = primary.CheckKey(key);
        if (count != primary.Own)
        {
            throw new DbException(SqlStates.InternalError, $"primary key of \"{space.Def.Name}\" has {primary.Own} parts, key has {count}");
        }

        byte* first = bytes;
        RawTuple.ArrayHead(ref first);
        probe = primary.ProbeKey(first, count);
        return first;
    }
}
