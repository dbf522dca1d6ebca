using System.Runtime.InteropServices;

namespace Picodata.Storage;

internal sealed unsafe partial class RowTree
{
    /// <summary>
    /// Adds a row that is probably behind all others, as when a snapshot is loaded; returns what <see cref="Insert"/> does. Only while no
    /// node is shared.
    /// </summary>
    /// <param name="tail">Kept by the caller between calls; 0 at first, and after any other change of the tree.</param>
    public nint Append(nint row, ref nint tail)
    {
        var leaf = (Node*)tail;
        if (leaf != null && leaf->Count < LeafCapacity)
        {
            Probe probe = Key.ProbeRow(RowArena.Data(row), Key.Count);
            if (Key.Compare(in probe, leaf->Hints[leaf->Count - 1], leaf->Row(leaf->Count - 1)) > 0)
            {
                leaf->SetLeaf(leaf->Count, probe.Hint, row);
                leaf->Count++;
                Count++;
                return 0;
            }
        }

        nint existing = Insert(row);
        var node = (Node*)Root;
        while (node->Level > 0)
        {
            node = node->Child(node->Count - 1);
        }

        tail = (nint)node;
        return existing;
    }

    /// <summary>
    /// Fills an empty tree with rows in any order. Returns the first pair of rows that have the same full key, or the same own parts
    /// without NULL of a unique index; then the tree stays empty.
    /// </summary>
    public (nint First, nint Second) Build(nint[] rows, int count)
    {
        var hints = GC.AllocateUninitializedArray<ulong>(count);
        bool sorted = true;
        for (int i = 0; i < count; i++)
        {
            hints[i] = Key.HintOf(RowArena.Data(rows[i]));
            sorted &= i == 0 || hints[i] >= hints[i - 1];
        }

        if (!sorted)
        {
            RadixSort.Sort(hints, rows, count);
        }

        SortEqualHints(hints, rows, count);
        for (int i = 1; i < count; i++)
        {
            if (hints[i] == hints[i - 1] && Conflict(rows[i - 1], rows[i]))
            {
                return (rows[i - 1], rows[i]);
            }
        }

        BuildNodes(hints, rows, count);
        return default;
    }

    /// <summary>Rows below a root of this tree in order, for building others.</summary>
    public nint[] CopyRows(nint root)
    {
        var rows = new List<nint>(checked((int)Count));
        TreeCursor cursor = default;
        for (cursor.SeekFirst(root, Key, default, orEqual: true); cursor.Current != 0; cursor.Next())
        {
            rows.Add(cursor.Current);
        }

        return [.. rows];
    }

    private bool Conflict(nint a, nint b)
    {
        byte* left = RowArena.Data(a), right = RowArena.Data(b);
        return Key.CompareRows(left, right, Key.Count) == 0
            || (Key.IsUnique && !Key.HasNull(left) && Key.CompareRows(left, right, Key.Own) == 0);
    }

    private void SortEqualHints(ulong[] hints, nint[] rows, int count)
    {
        Comparison<nint>? order = null;
        int start = 0;
        for (int i = 1; i <= count; i++)
        {
            if (i < count && hints[i] == hints[start])
            {
                continue;
            }

            if (i - start > 1)
            {
                order ??= (a, b) => Key.CompareRows(RowArena.Data(a), RowArena.Data(b), Key.Count);
                SortRun(rows.AsSpan(start, i - start), order);
            }

            start = i;
        }
    }

    /// <summary>Runs are often in order already: rows come in the order of the primary key, which is the tail of a non-unique key.</summary>
    private static void SortRun(Span<nint> run, Comparison<nint> order)
    {
        for (int i = 1; i < run.Length; i++)
        {
            if (order(run[i - 1], run[i]) > 0)
            {
                run.Sort(order);
                return;
            }
        }
    }

    private void BuildNodes(ulong[] hints, nint[] rows, int count)
    {
        var level = new List<nint>((count / LeafCapacity) + 1);
        for (int from = 0; from < count; from += LeafCapacity)
        {
            int size = Math.Min(LeafCapacity, count - from);
            Node* leaf = NewNode(0);
            for (int i = 0; i < size; i++)
            {
                leaf->SetLeaf(i, hints[from + i], rows[from + i]);
            }

            leaf->Count = (ushort)size;
            level.Add((nint)leaf);
        }

        for (int height = 1; level.Count > 1; height++)
        {
            level = BuildLevel(level, height);
        }

        Root = level.Count > 0 ? level[0] : 0;
        Count = count;
    }

    private List<nint> BuildLevel(List<nint> children, int height)
    {
        var level = new List<nint>((children.Count / InnerCapacity) + 1);
        for (int from = 0; from < children.Count; from += InnerCapacity)
        {
            Node* node = NewNode(height);
            foreach (nint child in CollectionsMarshal.AsSpan(children).Slice(from, Math.Min(InnerCapacity, children.Count - from)))
            {
                node->InsertChild(node->Count, (Node*)child);
            }

            level.Add((nint)node);
        }

        return level;
    }
}

/// <summary>Sorts rows by their hints; stable, linear: least significant byte first, bytes that are all equal are skipped.</summary>
internal static class RadixSort
{
    public static void Sort(ulong[] hints, nint[] rows, int count)
    {
        if (count < 1024)
        {
            SortSmall(hints, rows, count);
            return;
        }

        ulong[] fromHints = hints, toHints = GC.AllocateUninitializedArray<ulong>(count);
        nint[] fromRows = rows, toRows = GC.AllocateUninitializedArray<nint>(count);
        var starts = new int[8 * 256];
        CountBytes(hints, count, starts);
        for (int digit = 0; digit < 8; digit++)
        {
            Span<int> places = starts.AsSpan(digit * 256, 256);
            if (!ToPlaces(places, count))
            {
                continue;
            }

            for (int i = 0; i < count; i++)
            {
                ulong hint = fromHints[i];
                int to = places[(int)(hint >> (8 * digit)) & 0xff]++;
                toHints[to] = hint;
                toRows[to] = fromRows[i];
            }

            (fromHints, toHints) = (toHints, fromHints);
            (fromRows, toRows) = (toRows, fromRows);
        }

        if (fromHints != hints)
        {
            Array.Copy(fromHints, hints, count);
            Array.Copy(fromRows, rows, count);
        }
    }

    private static void SortSmall(ulong[] hints, nint[] rows, int count) => Array.Sort(hints, rows, 0, count);

    private static void CountBytes(ulong[] hints, int count, int[] starts)
    {
        for (int i = 0; i < count; i++)
        {
            ulong hint = hints[i];
            for (int digit = 0; digit < 8; digit++)
            {
                starts[(digit * 256) + ((int)(hint >> (8 * digit)) & 0xff)]++;
            }
        }
    }

    /// <summary>Turns counts into first places; false when all values have the same byte.</summary>
    private static bool ToPlaces(Span<int> counts, int total)
    {
        int place = 0;
        for (int i = 0; i < 256; i++)
        {
            int size = counts[i];
            if (size == total)
            {
                return false;
            }

            counts[i] = place;
            place += size;
        }

        return true;
    }
}
