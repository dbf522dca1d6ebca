using Picodata.Core;

namespace Picodata.Storage;

public sealed unsafe partial class Transaction
{
    /// <summary>
    /// The newest row with a full key of any unique index: this transaction's own (of the running statement too), else the
    /// newest committed one. Meant for the row that made a write <see cref="WriteOutcome.Duplicate"/>: the write locked that key, so nobody else
    /// can give it to another row meanwhile. The span is valid as that of <see cref="TryGetLatest(uint, ReadOnlySpan{byte}, out ReadOnlySpan{byte})"/>.
    /// </summary>
    public bool TryGetLatest(uint spaceId, uint indexId, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> tuple)
    {
        BeginChange();
        lock (engine.Gate)
        {
            Space space = CurrentSpace(spaceId) ?? throw new DbException(SqlStates.UndefinedTable, $"space {spaceId} does not exist");
            SpaceOverlay? overlay = overlays?.GetValueOrDefault(spaceId);
            (SpaceIndex index, int position) = IndexToRead(space, indexId);
            KeyDef def = index.Key!;
            int count = def.CheckKey(key);
            if (!def.IsUnique || count != def.Own)
            {
                throw new DbException(SqlStates.InternalError, $"index \"{index.Def.Name}\" cannot find one row by {count} values");
            }

            fixed (byte* bytes = key)
            {
                byte* first = bytes;
                RawTuple.ArrayHead(ref first);
                nint row = LatestBy(index, overlay, position, def.ProbeKey(first, count));
                NoteRead(space.State);
                NoteReadOfOwn();
                tuple = row == 0 ? default : CopyOf(RowArena.Span(row));
                return row != 0;
            }
        }
    }

    /// <summary>
    /// Gives up the wait of the last <see cref="WriteOutcome.MustWait"/>: for callers that go on without the lock (NOWAIT, SKIP LOCKED). Else the
    /// transaction would count as waiting when circles of waiters are looked for.
    /// </summary>
    public void StopWaiting()
    {
        if (Waiting is null)
        {
            return;
        }

        lock (engine.Gate)
        {
            engine.Locks.StopWaiting(this);
        }
    }

    private static nint LatestBy(SpaceIndex index, SpaceOverlay? overlay, int position, in Probe probe)
    {
        nint own = overlay?.Tree(position)?.Find(in probe) ?? 0;
        if (own != 0)
        {
            return SpaceOverlay.IsTombstone(own) ? 0 : own;
        }

        nint committed = index.Tree!.Find(in probe);
        return committed != 0 && position != 0 && overlay is not null && overlay.Latest(RowArena.Data(committed)) != 0 ? 0 : committed;
    }
}
