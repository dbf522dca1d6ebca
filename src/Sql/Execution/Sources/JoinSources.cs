using System.Runtime.InteropServices;
using Picodata.Core;
using Picodata.Storage;

namespace Picodata.Sql.Execution;

/// <summary>Rows of the right side of a hash join by key, in their order.</summary>
internal sealed class JoinTable(Evaluator[] keys, bool bitsKey, bool keepAll, ExecutionContext context)
{
    /// <summary>First and last row with a key; rows are chained by <see cref="next"/>.</summary>
    private struct Chain
    {
        public int First;
        public int Last;
    }

    private readonly Dictionary<long, Chain> byBits = [];
    private readonly Dictionary<Datum[], Chain> byKey = new(RowEquality.Instance);
    private readonly List<int> next = [];
    private readonly KeptRows kept = new(context);
    private readonly Datum[] probe = new Datum[keys.Length];

    public List<Datum[]> Rows => kept.Rows;

    /// <summary>True when a right row has a NULL key.</summary>
    public bool HasNullKey { get; private set; }

    /// <summary>True when there is no right row at all.</summary>
    public bool IsEmpty { get; private set; } = true;

    public void Build(RowSource right)
    {
        while (right.MoveNext())
        {
            context.CheckCancelled();
            IsEmpty = false;
            bool hasNull = !TryKey(keys, right.Row, probe);
            HasNullKey |= hasNull;
            if (hasNull && !keepAll)
            {
                continue;
            }

            kept.Add(KeptRows.Take(right));
            kept.Charge(bitsKey ? 40 : 72 + (keys.Length * 24));
            next.Add(-1);
            if (!hasNull)
            {
                Link(Rows.Count - 1);
            }
        }
    }

    private void Link(int row)
    {
        bool exists;
        if (bitsKey)
        {
            Append(ref CollectionsMarshal.GetValueRefOrAddDefault(byBits, probe[0].AsInt, out exists), exists, row);
            return;
        }

        if (!byKey.ContainsKey(probe))
        {
            byKey.Add((Datum[])probe.Clone(), new Chain { First = row, Last = row });
            return;
        }

        Append(ref CollectionsMarshal.GetValueRefOrNullRef(byKey, probe), true, row);
    }

    private void Append(ref Chain chain, bool exists, int row)
    {
        if (exists)
        {
            next[chain.Last] = row;
        }
        else
        {
            chain.First = row;
        }

        chain.Last = row;
    }

    /// <summary>First row that has the left row's key, or -1.</summary>
    public int Find(Evaluator[] leftKeys, Datum[] left, out bool hasNull)
    {
        hasNull = !TryKey(leftKeys, left, probe);
        if (hasNull)
        {
            return -1;
        }

        if (bitsKey)
        {
            return byBits.TryGetValue(probe[0].AsInt, out Chain chain) ? chain.First : -1;
        }

        return byKey.TryGetValue(probe, out Chain found) ? found.First : -1;
    }

    public int NextOf(int row) => next[row];

    private bool TryKey(Evaluator[] expressions, Datum[] row, Datum[] key)
    {
        for (int i = 0; i < expressions.Length; i++)
        {
            key[i] = expressions[i].Evaluate(row, context);
            if (key[i].IsNull)
            {
                return false;
            }
        }

        return true;
    }

    public void Clear()
    {
        byBits.Clear();
        byKey.Clear();
        next.Clear();
        kept.Clear();
        HasNullKey = false;
        IsEmpty = true;
    }
}

/// <summary>What hash joins are made of.</summary>
internal sealed record HashJoinShape(
    JoinKind Kind, bool IsNullAware, Evaluator[] LeftKeys, Evaluator[] RightKeys, bool BitsKey, Evaluator? Residual, bool RightIsFixed, int LeftWidth, int RightWidth)
{
    public bool GivesLeftOnly => Kind is JoinKind.Semi or JoinKind.Anti;

    public bool KeepsRight => Kind is JoinKind.Right or JoinKind.Full;

    public bool KeepsLeft => Kind is JoinKind.Left or JoinKind.Full;
}

/// <summary>Equality join by a hash table over the right input.</summary>
internal sealed class HashJoinSource : RowSource
{
    private readonly HashJoinShape shape;
    private readonly RowSource left;
    private readonly RowSource right;
    private readonly ExecutionContext context;
    private readonly JoinTable table;
    private readonly Datum[] pair;
    private bool built;
    private bool inLeft;
    private int candidate;
    private bool leftMatched;
    private bool[] rightMatched = [];
    private int unmatched = -1;

    public HashJoinSource(HashJoinShape shape, RowSource left, RowSource right, ExecutionContext context)
        : base(shape.GivesLeftOnly ? shape.LeftWidth : shape.LeftWidth + shape.RightWidth)
    {
        this.shape = shape;
        this.left = left;
        this.right = right;
        this.context = context;
        table = new JoinTable(shape.RightKeys, shape.BitsKey, shape.KeepsRight, context);
        pair = new Datum[shape.LeftWidth + shape.RightWidth];
    }

    internal override bool RowsStay => shape.GivesLeftOnly && left.RowsStay;

    public override bool MoveNext()
    {
        if (!built)
        {
            table.Build(right);
            rightMatched = shape.KeepsRight ? new bool[table.Rows.Count] : [];
            built = true;
        }

        return shape.GivesLeftOnly ? NextLeftOnly() : NextPair();
    }

    private bool NextLeftOnly()
    {
        while (left.MoveNext())
        {
            context.CheckCancelled();
            int first = table.Find(shape.LeftKeys, left.Row, out bool hasNull);
            bool wanted = shape.Kind == JoinKind.Semi ? HasMatch(first)
                : shape.IsNullAware ? table.IsEmpty || (!hasNull && !table.HasNullKey && first < 0)
                : !HasMatch(first);
            if (wanted)
            {
                Row = left.Row;
                return true;
            }
        }

        return false;
    }

    private bool HasMatch(int first)
    {
        if (first < 0 || shape.Residual is null)
        {
            return first >= 0;
        }

        Array.Copy(left.Row, pair, shape.LeftWidth);
        for (int row = first; row >= 0; row = table.NextOf(row))
        {
            context.CheckCancelled();
            if (Passes(row))
            {
                return true;
            }
        }

        return false;
    }

    private bool Passes(int row)
    {
        Array.Copy(table.Rows[row], 0, pair, shape.LeftWidth, shape.RightWidth);
        return shape.Residual is null || shape.Residual.Holds(pair, context);
    }

    private bool NextPair()
    {
        Row = pair;
        while (unmatched < 0)
        {
            context.CheckCancelled();
            while (candidate >= 0 && inLeft)
            {
                int row = candidate;
                candidate = table.NextOf(row);
                if (Passes(row))
                {
                    leftMatched = true;
                    MarkRight(row);
                    return true;
                }
            }

            if (inLeft)
            {
                inLeft = false;
                if (!leftMatched && shape.KeepsLeft)
                {
                    Array.Clear(pair, shape.LeftWidth, shape.RightWidth);
                    return true;
                }
            }

            if (!left.MoveNext())
            {
                unmatched = 0;
                Array.Clear(pair, 0, shape.LeftWidth);
                break;
            }

            inLeft = true;
            leftMatched = false;
            Array.Copy(left.Row, pair, shape.LeftWidth);
            candidate = table.Find(shape.LeftKeys, pair, out _);
        }

        return NextUnmatchedRight();
    }

    private void MarkRight(int row)
    {
        if (shape.KeepsRight)
        {
            rightMatched[row] = true;
        }
    }

    private bool NextUnmatchedRight()
    {
        for (; unmatched < rightMatched.Length; unmatched++)
        {
            if (!rightMatched[unmatched])
            {
                Array.Copy(table.Rows[unmatched++], 0, pair, shape.LeftWidth, shape.RightWidth);
                return true;
            }
        }

        return false;
    }

    internal override void Rescan()
    {
        left.Rescan();
        inLeft = false;
        candidate = -1;
        unmatched = -1;
        if (shape.RightIsFixed)
        {
            Array.Clear(rightMatched);
        }
        else
        {
            table.Clear();
            right.Rescan();
            built = false;
        }
    }

    public override void Dispose()
    {
        table.Clear();
        left.Dispose();
        right.Dispose();
    }
}

/// <summary>What nested loops are made of.</summary>
internal sealed record NestedLoopShape(JoinKind Kind, Evaluator? Condition, CellBinding[] Bindings, int LeftWidth, int RightWidth)
{
    public bool GivesLeftOnly => Kind is JoinKind.Semi or JoinKind.Anti;

    public bool KeepsRight => Kind is JoinKind.Right or JoinKind.Full;

    public bool KeepsLeft => Kind is JoinKind.Left or JoinKind.Full;
}

/// <summary>For each left row the right input, run anew.</summary>
internal sealed class NestedLoopSource : RowSource
{
    private readonly NestedLoopShape shape;
    private readonly RowSource left;
    private readonly RowSource right;
    private readonly ExecutionContext context;
    private readonly Datum[] pair;
    private readonly HashSet<long> rightMatched = [];
    private bool rightStarted;
    private bool inLeft;
    private bool leftMatched;
    private bool leftDone;
    private long rightPlace;

    public NestedLoopSource(NestedLoopShape shape, RowSource left, RowSource right, ExecutionContext context)
        : base(shape.GivesLeftOnly ? shape.LeftWidth : shape.LeftWidth + shape.RightWidth)
    {
        this.shape = shape;
        this.left = left;
        this.right = right;
        this.context = context;
        pair = new Datum[shape.LeftWidth + shape.RightWidth];
        Row = pair;
    }

    public override bool MoveNext() => shape.GivesLeftOnly ? NextLeftOnly() : NextPair();

    private bool NextLeftOnly()
    {
        while (NextLeft())
        {
            bool found = false;
            while (!found && right.MoveNext())
            {
                found = Passes();
            }

            if (found == (shape.Kind == JoinKind.Semi))
            {
                Row = left.Row;
                return true;
            }
        }

        return false;
    }

    private bool NextPair()
    {
        while (!leftDone)
        {
            if (!inLeft && !NextLeft())
            {
                leftDone = true;
                break;
            }

            while (right.MoveNext())
            {
                rightPlace++;
                if (Passes())
                {
                    leftMatched = true;
                    if (shape.KeepsRight)
                    {
                        rightMatched.Add(rightPlace);
                    }

                    return true;
                }
            }

            inLeft = false;
            if (!leftMatched && shape.KeepsLeft)
            {
                Array.Clear(pair, shape.LeftWidth, shape.RightWidth);
                return true;
            }
        }

        return shape.KeepsRight && NextUnmatchedRight();
    }

    private bool NextLeft()
    {
        context.CheckCancelled();
        if (!left.MoveNext())
        {
            if (shape.KeepsRight)
            {
                StartRight();
            }

            return false;
        }

        Array.Copy(left.Row, pair, shape.LeftWidth);
        CellBinding.Apply(shape.Bindings, pair, context);
        StartRight();
        inLeft = true;
        leftMatched = false;
        return true;
    }

    private void StartRight()
    {
        if (rightStarted)
        {
            right.Rescan();
        }

        rightStarted = true;
        rightPlace = 0;
    }

    private bool Passes()
    {
        context.CheckCancelled();
        Array.Copy(right.Row, 0, pair, shape.LeftWidth, shape.RightWidth);
        return shape.Condition is null || shape.Condition.Holds(pair, context);
    }

    private bool NextUnmatchedRight()
    {
        Array.Clear(pair, 0, shape.LeftWidth);
        while (right.MoveNext())
        {
            context.CheckCancelled();
            rightPlace++;
            if (!rightMatched.Contains(rightPlace))
            {
                Array.Copy(right.Row, 0, pair, shape.LeftWidth, shape.RightWidth);
                return true;
            }
        }

        return false;
    }

    internal override void Rescan()
    {
        left.Rescan();
        rightMatched.Clear();
        inLeft = false;
        leftDone = false;
        Row = pair;
    }

    public override void Dispose()
    {
        left.Dispose();
        right.Dispose();
    }
}

/// <summary>What index lookup joins are made of.</summary>
internal sealed record IndexLookupShape(JoinKind Kind, ScanShape Scan, KeyShape Key, bool IsPoint, Evaluator? Condition, int LeftWidth);

/// <summary>For each left row the rows of a table by an index.</summary>
internal sealed class IndexLookupSource : RowSource
{
    private readonly IndexLookupShape shape;
    private readonly RowSource left;
    private readonly ExecutionContext context;
    private readonly Types.TupleWriter writer = new();
    private readonly Datum[] pair;
    private readonly Datum[] found;
    private IndexCursor? cursor;
    private bool inLeft;
    private bool matched;
    private bool pointPending;

    public IndexLookupSource(IndexLookupShape shape, RowSource left, ExecutionContext context)
        : base(shape.Kind is JoinKind.Semi or JoinKind.Anti ? shape.LeftWidth : shape.LeftWidth + shape.Scan.Width)
    {
        this.shape = shape;
        this.left = left;
        this.context = context;
        pair = new Datum[shape.LeftWidth + shape.Scan.Width];
        found = new Datum[shape.Scan.Width];
    }

    public override bool MoveNext()
    {
        while (true)
        {
            context.CheckCancelled();
            if (!inLeft)
            {
                if (!left.MoveNext())
                {
                    return false;
                }

                Start();
            }

            if (Step())
            {
                return true;
            }
        }
    }

    private void Start()
    {
        Array.Copy(left.Row, pair, shape.LeftWidth);
        inLeft = true;
        matched = false;
        Row = pair;
        if (!shape.Key.TryWrite(pair, writer, context))
        {
            return;
        }

        if (shape.IsPoint)
        {
            pointPending = true;
        }
        else
        {
            KeyRange range = KeyRange.Prefix(writer.Written.ToArray());
            cursor = context.Transaction.OpenCursor(shape.Scan.SpaceId, shape.Scan.IndexId, range, false);
        }
    }

    /// <summary>Next output for the left row; false when it is used up.</summary>
    private bool Step()
    {
        while (NextMatch())
        {
            matched = true;
            if (shape.Kind is JoinKind.Inner or JoinKind.Left or JoinKind.Cross)
            {
                return true;
            }

            break;
        }

        EndLeft();
        if (shape.Kind == JoinKind.Left && !matched)
        {
            Array.Clear(pair, shape.LeftWidth, shape.Scan.Width);
            return true;
        }

        return shape.Kind switch
        {
            JoinKind.Semi => matched,
            JoinKind.Anti => !matched,
            _ => false,
        };
    }

    private bool NextMatch()
    {
        if (pointPending)
        {
            pointPending = false;
            return context.Transaction.TryGet(shape.Scan.SpaceId, shape.Scan.IndexId, writer.Written, out ReadOnlySpan<byte> tuple) && Accept(tuple);
        }

        while (cursor is not null && cursor.MoveNext())
        {
            context.CheckCancelled();
            if (Accept(cursor.Current))
            {
                return true;
            }
        }

        return false;
    }

    private bool Accept(ReadOnlySpan<byte> tuple)
    {
        if (!shape.Scan.TryRead(tuple, found, context))
        {
            return false;
        }

        Array.Copy(found, 0, pair, shape.LeftWidth, found.Length);
        return shape.Condition is null || shape.Condition.Holds(pair, context);
    }

    private void EndLeft()
    {
        cursor?.Dispose();
        cursor = null;
        pointPending = false;
        inLeft = false;
    }

    internal override void Rescan()
    {
        EndLeft();
        left.Rescan();
    }

    public override void Dispose()
    {
        EndLeft();
        left.Dispose();
    }
}
