using Picodata.Core;
using Picodata.Sql.Functions;

namespace Picodata.Sql.Execution;

/// <summary>A compiled frame; offsets are read once per partition.</summary>
internal sealed record FrameShape(
    FrameMode Mode, FrameBoundKind StartKind, Evaluator? StartOffset, FrameBoundKind EndKind, Evaluator? EndOffset, FrameExclusion Exclusion,
    ResolvedFunction? Add, ResolvedFunction? Subtract)
{
    /// <summary>True when the frame of a row begins with the partition and only grows from row to row.</summary>
    public bool IsRunning => StartKind == FrameBoundKind.UnboundedPreceding && Exclusion == FrameExclusion.None;
}

/// <summary>A compiled window call.</summary>
internal sealed record WindowCallShape(ResolvedFunction? Function, ResolvedFunction? Aggregate, Evaluator[] Arguments, Evaluator? Filter, FrameShape Frame);

/// <summary>
/// One partition as one window call sees it: rows in window order, peers, and the frame of each row.
/// Offsets of a frame are checked: 22013-like values (negative, NULL) are refused with 22023.
/// </summary>
internal sealed class WindowPartition : IWindowRows
{
    private readonly SortEntry[] rows;
    private readonly int first;
    private readonly WindowCallShape call;
    private readonly SortKeyShape[] order;
    private readonly ExecutionContext context;
    private readonly Peers peers;
    private readonly Datum[][] arguments;
    private readonly Datum startOffset;
    private readonly Datum endOffset;

    /// <summary>Peer groups of a partition: for each row the number of its group; for each group its first row, with an end mark.</summary>
    internal sealed record Peers(int[] GroupOf, int[] Starts);

    public WindowPartition(SortEntry[] rows, int first, Peers peers, WindowCallShape call, SortKeyShape[] order, ExecutionContext context)
    {
        this.rows = rows;
        this.first = first;
        this.peers = peers;
        this.call = call;
        this.order = order;
        this.context = context;
        arguments = new Datum[call.Arguments.Length][];
        for (int i = 0; i < arguments.Length; i++)
        {
            arguments[i] = new Datum[Count];
            for (int row = 0; row < Count; row++)
            {
                arguments[i][row] = call.Arguments[i].Evaluate(Row(row), context);
            }
        }

        startOffset = Offset(call.Frame.StartOffset, "starting");
        endOffset = Offset(call.Frame.EndOffset, "ending");
    }

    public int Count => peers.GroupOf.Length;

    public Datum[] Row(int row) => rows[first + row].Row;

    public Datum Argument(int row, int index) => arguments[index][row];

    public int PeerStart(int row) => peers.Starts[peers.GroupOf[row]];

    public int PeerEnd(int row) => peers.Starts[peers.GroupOf[row] + 1];

    public int PeerGroup(int row) => peers.GroupOf[row];

    public int FrameStart(int row) => Math.Clamp(Bound(row, call.Frame.StartKind, startOffset, true), 0, Count);

    public int FrameEnd(int row) => Math.Clamp(Bound(row, call.Frame.EndKind, endOffset, false), 0, Count);

    private Datum Offset(Evaluator? offset, string which)
    {
        if (offset is null)
        {
            return Datum.Null;
        }

        Datum value = offset.Evaluate(rows[first].Row, context);
        if (value.IsNull)
        {
            throw new DbException(SqlStates.InvalidParameterValue, $"frame {which} offset must not be null");
        }

        if (value.Kind == DatumKind.Int && value.AsInt < 0)
        {
            throw new DbException(SqlStates.InvalidParameterValue, $"frame {which} offset must not be negative");
        }

        return value;
    }

    private int Bound(int row, FrameBoundKind kind, in Datum offset, bool isStart) => kind switch
    {
        FrameBoundKind.UnboundedPreceding => 0,
        FrameBoundKind.UnboundedFollowing => Count,
        FrameBoundKind.CurrentRow when call.Frame.Mode == FrameMode.Rows => isStart ? row : row + 1,
        FrameBoundKind.CurrentRow => isStart ? PeerStart(row) : PeerEnd(row),
        _ => call.Frame.Mode switch
        {
            FrameMode.Rows => RowsAway(row, kind, offset.AsInt) + (isStart ? 0 : 1),
            FrameMode.Groups => GroupsAway(row, kind, offset.AsInt, isStart),
            _ => ValueAway(row, kind, offset, isStart),
        },
    };

    private int RowsAway(int row, FrameBoundKind kind, long distance)
    {
        long bounded = Math.Min(distance, Count + 1L);
        return (int)(kind == FrameBoundKind.Preceding ? row - bounded : row + bounded);
    }

    private int GroupsAway(int row, FrameBoundKind kind, long distance, bool isStart)
    {
        int groups = peers.Starts.Length - 1;
        long bounded = Math.Min(distance, groups + 1L);
        long group = kind == FrameBoundKind.Preceding ? peers.GroupOf[row] - bounded : peers.GroupOf[row] + bounded;
        long mark = isStart ? group : group + 1;
        return mark < 0 ? 0 : mark > groups ? Count : peers.Starts[mark];
    }

    /// <summary>RANGE with an offset: first row within the distance, or first row behind it, by the one sort key.</summary>
    private int ValueAway(int row, FrameBoundKind kind, in Datum offset, bool isStart)
    {
        Datum key = rows[first + row].Keys[^1];
        if (key.IsNull)
        {
            return isStart ? PeerStart(row) : PeerEnd(row);
        }

        bool up = (kind == FrameBoundKind.Following) != order[0].Descending;
        ResolvedFunction function = (up ? call.Frame.Add : call.Frame.Subtract)
            ?? throw new DbException(SqlStates.FeatureNotSupported, "RANGE with offset PRECEDING/FOLLOWING is not supported for this column type");
        Datum limit = function.Invoke([key, offset], context.Evaluation);
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (IsBefore(rows[first + middle].Keys[^1], limit, isStart))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>True when a row with this key stands before the bound (start: key before the limit; end: key not behind it).</summary>
    private bool IsBefore(in Datum key, in Datum limit, bool isStart)
    {
        if (key.IsNull)
        {
            return order[0].NullsFirst;
        }

        int comparison = DatumComparer.Compare(key, limit);
        int inOrder = order[0].Descending ? -comparison : comparison;
        return isStart ? inOrder < 0 : inOrder <= 0;
    }

    /// <summary>True when the frame of <paramref name="row"/> leaves <paramref name="other"/> out.</summary>
    public bool IsExcluded(int row, int other) => call.Frame.Exclusion switch
    {
        FrameExclusion.CurrentRow => other == row,
        FrameExclusion.Group => peers.GroupOf[row] == peers.GroupOf[other],
        FrameExclusion.Ties => other != row && peers.GroupOf[row] == peers.GroupOf[other],
        _ => false,
    };

    /// <summary>Results of the call for all rows.</summary>
    public Datum[] Compute()
    {
        var results = new Datum[Count];
        if (call.Aggregate is not null)
        {
            ComputeAggregate(results);
            return results;
        }

        WindowBody body = call.Function!.Window!;
        for (int row = 0; row < results.Length; row++)
        {
            context.CheckCancelled();
            results[row] = body(this, row);
        }

        return results;
    }

    private void ComputeAggregate(Datum[] results)
    {
        AggregateState? state = null;
        int from = 0;
        int to = 0;
        for (int row = 0; row < results.Length; row++)
        {
            context.CheckCancelled();
            int start = FrameStart(row);
            int end = Math.Max(start, FrameEnd(row));
            bool same = row > 0 && start == from && end == to && call.Frame.Exclusion == FrameExclusion.None;
            if (same)
            {
                results[row] = results[row - 1];
                continue;
            }

            if (state is null || !call.Frame.IsRunning || end < to)
            {
                state = call.Aggregate!.NewState(context.Evaluation);
                to = start;
            }

            for (; to < end; to++)
            {
                Accumulate(state, row, to);
            }

            from = start;
            to = end;
            results[row] = state.Finish();
        }
    }

    private void Accumulate(AggregateState state, int row, int other)
    {
        context.CheckCancelled();
        if (IsExcluded(row, other) || (call.Filter is not null && !call.Filter.Holds(Row(other), context)))
        {
            return;
        }

        var values = new Datum[arguments.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = arguments[i][other];
        }

        if (!call.Aggregate!.IsStrict || !RowEquality.HasNull(values))
        {
            state.Accumulate(values);
        }
    }
}
