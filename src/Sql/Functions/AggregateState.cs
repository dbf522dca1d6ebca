using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>
/// Accumulator of one aggregate over one group. DISTINCT, FILTER and ORDER BY inside the call are the caller's. For strict
/// aggregates the caller skips rows with a NULL argument.
/// </summary>
public abstract class AggregateState
{
    /// <summary>Adds a row. <c>count(*)</c> has no arguments.</summary>
    public abstract void Accumulate(ReadOnlySpan<Datum> arguments);

    /// <summary>Result so far; may be called again after more rows (running windows).</summary>
    public abstract Datum Finish();

    /// <summary>Takes in another state of the same aggregate whose rows come after this one's.</summary>
    public abstract void Combine(AggregateState other);

    /// <summary>Estimate of bytes held beyond a fixed small size, for the statement's memory limit (lists and strings grow).</summary>
    public virtual long HeldBytes => 0;
}

/// <summary>
/// The rows of a partition as window functions see them: in window order, numbered from 0, with arguments already
/// evaluated. Peers are rows that are equal under the window's ORDER BY (all rows when there is none).
/// </summary>
public interface IWindowRows
{
    int Count { get; }

    /// <summary>Argument <paramref name="index"/> evaluated for a row.</summary>
    Datum Argument(int row, int index);

    /// <summary>First row of the row's peer group.</summary>
    int PeerStart(int row);

    /// <summary>First row behind the row's peer group.</summary>
    int PeerEnd(int row);

    /// <summary>Number of the row's peer group, from 0.</summary>
    int PeerGroup(int row);

    /// <summary>First row of the row's frame.</summary>
    int FrameStart(int row);

    /// <summary>First row behind the row's frame; not above FrameStart when the frame is empty.</summary>
    int FrameEnd(int row);
}
