using Picodata.Core;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

/// <summary>
/// FETCH and MOVE over rows in memory. The cursor stands on a row (1..n), before the first (0) or behind the last (n + 1).
/// </summary>
internal static class CursorMove
{
    public static bool IsBackward(FetchStatement fetch) => fetch.Direction is FetchDirection.Prior or FetchDirection.Backward or FetchDirection.BackwardAll or FetchDirection.First
        || (fetch.Direction is FetchDirection.Forward or FetchDirection.Relative && fetch.Count < 0);

    /// <summary>The rows that are given, and where the cursor stands afterwards.</summary>
    public static (List<Datum[]> Rows, int At) Run(FetchStatement fetch, List<Datum[]> rows, int at) => fetch.Direction switch
    {
        FetchDirection.Next => Forward(rows, at, 1),
        FetchDirection.Prior => Backward(rows, at, 1),
        FetchDirection.First => To(rows, 1),
        FetchDirection.Last => To(rows, rows.Count),
        FetchDirection.Absolute => To(rows, fetch.Count < 0 ? rows.Count + 1 + fetch.Count : fetch.Count),
        FetchDirection.Relative => To(rows, at + fetch.Count),
        FetchDirection.ForwardAll => Forward(rows, at, long.MaxValue),
        FetchDirection.BackwardAll => Backward(rows, at, long.MaxValue),
        FetchDirection.Forward when fetch.Count < 0 => Backward(rows, at, Negated(fetch.Count)),
        FetchDirection.Backward when fetch.Count < 0 => Forward(rows, at, Negated(fetch.Count)),
        _ when fetch.Count == 0 => To(rows, at),
        FetchDirection.Backward => Backward(rows, at, fetch.Count),
        _ => Forward(rows, at, fetch.Count),
    };

    private static long Negated(long count) => count == long.MinValue ? long.MaxValue : -count;

    private static (List<Datum[]> Rows, int At) Forward(List<Datum[]> rows, int at, long count)
    {
        int first = Math.Min(at, rows.Count);
        int taken = (int)Math.Min(count, rows.Count - first);
        return (rows.GetRange(first, taken), taken < count ? rows.Count + 1 : first + taken);
    }

    private static (List<Datum[]> Rows, int At) Backward(List<Datum[]> rows, int at, long count)
    {
        int before = Math.Max(0, at - 1);
        int taken = (int)Math.Min(count, before);
        List<Datum[]> found = rows.GetRange(before - taken, taken);
        found.Reverse();
        return (found, taken < count ? 0 : before - taken + 1);
    }

    private static (List<Datum[]> Rows, int At) To(List<Datum[]> rows, long place) =>
        place < 1 ? ([], 0) : place > rows.Count ? ([], rows.Count + 1) : ([rows[(int)place - 1]], (int)place);
}
