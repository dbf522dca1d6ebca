namespace Picodata.Storage;

/// <summary>
/// Rows of one index of a space: those of a view, overlaid by a transaction's own. In the primary index an own row or tombstone hides
/// the base row with its key; in others base rows are looked up among the touched keys.
/// </summary>
internal sealed unsafe class MergedCursor : IndexCursor
{
    private readonly KeyDef key = null!;
    private readonly nint baseRoot;
    private readonly nint ownRoot;
    private readonly bool descending;
    private readonly KeyDef? touchedKey;
    private readonly nint touchedRoot;
    private readonly byte[] from = [];
    private readonly byte[] to = [];
    private readonly bool fromInclusive = true;
    private readonly bool toInclusive = true;
    private TreeCursor baseCursor;
    private TreeCursor ownCursor;
    private State state;
    private nint current;

    /// <summary>No rows.</summary>
    public MergedCursor() => state = State.Ended;

    public MergedCursor(KeyDef key, nint baseRoot, in KeyRange range, bool descending)
        : this(key, baseRoot, 0, null, 0, in range, descending)
    {
    }

    /// <param name="key">Order of the index.</param>
    /// <param name="baseRoot">Committed rows.</param>
    /// <param name="ownRoot">Own rows; for the primary index tombstones as well.</param>
    /// <param name="touchedKey">For a secondary index: the primary key.</param>
    /// <param name="touchedRoot">For a secondary index: own rows and tombstones by primary key.</param>
    /// <param name="range">Bounds, in the order of the index.</param>
    /// <param name="descending">From the end to the beginning.</param>
    public MergedCursor(KeyDef key, nint baseRoot, nint ownRoot, KeyDef? touchedKey, nint touchedRoot, in KeyRange range, bool descending)
    {
        this.key = key;
        this.baseRoot = baseRoot;
        this.ownRoot = ownRoot;
        this.touchedKey = touchedKey;
        this.touchedRoot = touchedRoot;
        this.descending = descending;
        from = CopyOf(range.From, key);
        to = range.To.Equals(range.From) ? from : CopyOf(range.To, key);
        fromInclusive = range.FromInclusive;
        toInclusive = range.ToInclusive;
    }

    private enum State : byte { New, OnBase, OnOwn, OnBoth, Ended }

    public override ReadOnlySpan<byte> Current => RowArena.Span(current);

    public override bool MoveNext()
    {
        switch (state)
        {
            case State.Ended:
                return false;
            case State.New:
                Seek();
                break;
            default:
                Step(state != State.OnOwn, state != State.OnBase);
                break;
        }

        if (!Settle() || IsBeyondEnd())
        {
            state = State.Ended;
            current = 0;
            return false;
        }

        return true;
    }

    private static byte[] CopyOf(ReadOnlyMemory<byte> bound, KeyDef key)
    {
        if (bound.IsEmpty || key.CheckKey(bound.Span) == 0)
        {
            return [];
        }

        return bound.ToArray();
    }

    private void Seek()
    {
        byte[] start = descending ? to : from;
        bool inclusive = descending ? toInclusive : fromInclusive;
        fixed (byte* bytes = start)
        {
            Probe probe = default;
            if (start.Length > 0)
            {
                byte* first = bytes;
                int count = (int)RawTuple.ArrayHead(ref first);
                probe = key.ProbeKey(first, count);
            }

            SeekOne(ref baseCursor, baseRoot, in probe, inclusive);
            SeekOne(ref ownCursor, ownRoot, in probe, inclusive);
        }
    }

    private void SeekOne(ref TreeCursor cursor, nint root, in Probe probe, bool inclusive)
    {
        if (descending)
        {
            cursor.SeekLast(root, key, in probe, inclusive);
        }
        else
        {
            cursor.SeekFirst(root, key, in probe, inclusive);
        }
    }

    private void Step(bool stepBase, bool stepOwn)
    {
        if (stepBase)
        {
            StepOne(ref baseCursor);
        }

        if (stepOwn)
        {
            StepOne(ref ownCursor);
        }
    }

    private void StepOne(ref TreeCursor cursor)
    {
        if (descending)
        {
            cursor.Previous();
        }
        else
        {
            cursor.Next();
        }
    }

    /// <summary>Chooses the next visible row from both sides.</summary>
    private bool Settle()
    {
        while (true)
        {
            nint committed = baseCursor.Current;
            nint own = ownCursor.Current;
            if (own == 0 && committed == 0)
            {
                return false;
            }

            int order = own == 0 ? -1 : committed == 0 ? 1 : key.CompareRows(RowArena.Data(committed), RowArena.Data(own), key.Count);
            order = descending && own != 0 && committed != 0 ? -order : order;
            if (order < 0)
            {
                if (touchedRoot != 0 && IsTouched(committed))
                {
                    StepOne(ref baseCursor);
                    continue;
                }

                return Choose(State.OnBase, committed);
            }

            State next = order == 0 ? State.OnBoth : State.OnOwn;
            if (SpaceOverlay.IsTombstone(own))
            {
                Step(next == State.OnBoth, stepOwn: true);
                continue;
            }

            return Choose(next, own);
        }
    }

    private bool Choose(State next, nint row)
    {
        state = next;
        current = row;
        return true;
    }

    private bool IsTouched(nint row) =>
        RowTree.Find(touchedRoot, touchedKey!, touchedKey!.ProbeRow(RowArena.Data(row), touchedKey.Count)) != 0;

    private bool IsBeyondEnd()
    {
        byte[] end = descending ? from : to;
        if (end.Length == 0)
        {
            return false;
        }

        bool inclusive = descending ? fromInclusive : toInclusive;
        fixed (byte* bytes = end)
        {
            byte* first = bytes;
            int count = (int)RawTuple.ArrayHead(ref first);
            Probe probe = key.ProbeKey(first, count);
            int order = key.Compare(in probe, (state == State.OnBase ? ref baseCursor : ref ownCursor).CurrentHint, current);
            return order == 0 ? !inclusive : descending ? order > 0 : order < 0;
        }
    }
}
