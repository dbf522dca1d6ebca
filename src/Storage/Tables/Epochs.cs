using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Picodata.Storage;

/// <summary>
/// Which versions of nodes and rows somebody can still see. All calls under the gate, but <see cref="FreeAll"/> and <see cref="FreeDropped"/>.
///
/// An open view has the epoch that was current when it opened; what is made later has a higher one. Something born in epoch b
/// and replaced now is seen exactly by the open views with epoch >= b. E1 Garbage hangs on the newest of these; when that one
/// closes it passes to the next older view if that has epoch >= b, else it is freed. So a long view keeps what it can see and nothing
/// else, however many short views come and go beside it.
/// </summary>
internal sealed class Epochs(RowArena arena) : NodeVersions
{
    private const nint KindRow = 0, KindNode = 1, KindTree = 2, KindTreeWithRows = 3, KindMask = 3;

    private readonly ConcurrentQueue<nint> dropped = new();
    private long epoch = 1;
    private ReadView? newest;

    public override long WriteEpoch
    {
        get
        {
            if (newest is not null && newest.Epoch >= epoch)
            {
                epoch = newest.Epoch + 1;
            }

            return epoch;
        }
    }

    public override long SharedUpTo => newest is null ? 0 : newest.Epoch;

    public bool HasViews => newest is not null;

    public void Open(ReadView view)
    {
        view.Epoch = epoch;
        view.Older = newest;
        view.Newer = null;
        if (newest is not null)
        {
            newest.Newer = view;
        }

        newest = view;
    }

    /// <summary>
    /// Unlinks a view. Afterwards, outside of the gate, the caller frees what is left in its garbage by <see cref="FreeAll"/>.
    /// </summary>
    public void Close(ReadView view)
    {
        ReadView? older = view.Older;
        if (older is not null)
        {
            older.Newer = view.Newer;
        }

        if (view.Newer is not null)
        {
            view.Newer.Older = older;
        }
        else
        {
            newest = older;
        }

        if (older is not null && view.Garbage.Count > 0)
        {
            PassDown(view.Garbage, older);
        }

        view.Older = view.Newer = null;
    }

    public override void Retire(nint node) => Retire(node | KindNode, RowTree.Birth(node));

    /// <summary>A row that has left the newest version of its tables.</summary>
    public void RetireRow(nint row) => Retire(row & ~KindMask, RowArena.Birth(row));

    /// <summary>All nodes below a root, and the rows when told.</summary>
    public void RetireTree(nint root, bool withRows)
    {
        if (root != 0)
        {
            Retire(root | (withRows ? KindTreeWithRows : KindTree), 0);
        }
    }

    /// <summary>Frees dropped trees; best outside of the gate, because it takes a while. Any thread.</summary>
    public void FreeDropped()
    {
        while (dropped.TryDequeue(out nint item))
        {
            RowTree.FreeNodes(arena, item & ~KindMask, (item & KindMask) == KindTreeWithRows);
        }
    }

    public void FreeAll(List<nint> garbage)
    {
        foreach (nint item in CollectionsMarshal.AsSpan(garbage))
        {
            Free(item);
        }

        garbage.Clear();
        if (garbage.Capacity > 4096)
        {
            garbage.Capacity = 0;
        }
    }

    private void Retire(nint item, long birth)
    {
        if (newest is null || birth > newest.Epoch)
        {
            Free(item);
        }
        else
        {
            newest.Garbage.Add(item);
        }
    }

    private void PassDown(List<nint> garbage, ReadView older)
    {
        int kept = 0;
        foreach (nint item in CollectionsMarshal.AsSpan(garbage))
        {
            if (Birth(item) <= older.Epoch)
            {
                older.Garbage.Add(item);
            }
            else
            {
                garbage[kept++] = item;
            }
        }

        garbage.RemoveRange(kept, garbage.Count - kept);
    }

    private static long Birth(nint item) => (item & KindMask) switch
    {
        KindRow => RowArena.Birth(item),
        KindNode => RowTree.Birth(item & ~KindMask),
        _ => 0,
    };

    private unsafe void Free(nint item)
    {
        nint block = item & ~KindMask;
        switch (item & KindMask)
        {
            case KindRow:
                arena.FreeRow(block);
                break;
            case KindNode:
                arena.Free((byte*)block, RowTree.NodeSize);
                break;
            default:
                dropped.Enqueue(item);
                break;
        }
    }
}
