using Xunit;
using CsCheck;
using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Functions;
using Picodata.Sql.Plans;
using static Picodata.Unit.Sql.Execution.PlanBench;

namespace Picodata.Unit.Sql.Execution;

/// <summary>Frames of window aggregates against their definition, row by row.</summary>
public sealed class WindowTests
{
    private static readonly ResolvedFunction Subtract = Scalar("-", 2, SqlType.Int8, (a, _) => Datum.Int(a[0].AsInt - a[1].AsInt), intrinsic: Intrinsic.IntSubtract);

    private sealed record Bound(FrameBoundKind Kind, int Offset)
    {
        public BoundFrameBound Bind() => new(Kind, Kind is FrameBoundKind.Preceding or FrameBoundKind.Following ? Int(Offset) : null);

        /// <summary>Distance in units: negative is before the current row.</summary>
        public long Distance => Kind switch
        {
            FrameBoundKind.UnboundedPreceding => -1000,
            FrameBoundKind.Preceding => -Offset,
            FrameBoundKind.CurrentRow => 0,
            FrameBoundKind.Following => Offset,
            _ => 1000,
        };
    }

    private static readonly Gen<Bound> AnyBound = Gen.Select(Gen.Int[0, 4], Gen.Int[0, 3]).Select((kind, offset) => new Bound((FrameBoundKind)kind, offset));

    private static readonly Gen<long[]> Row = Gen.Select(Gen.Long[0, 2], Gen.Long[0, 6], Gen.Long[0, 9]).Select((a, b, c) => new[] { a, b, c });

    [Fact]
    public void Frames_hold_the_rows_that_they_say() =>
        Gen.Select(Row.List[0, 15], Gen.Int[0, 2], AnyBound, AnyBound, Gen.Int[0, 3], Gen.Bool).Sample((rows, mode, start, end, exclusion, descending) =>
        {
            if (start.Kind == FrameBoundKind.UnboundedFollowing || end.Kind == FrameBoundKind.UnboundedPreceding)
            {
                return true;
            }

            var frame = new WindowFrame((FrameMode)mode, start.Bind(), end.Bind(), (FrameExclusion)exclusion, Add, Subtract);
            var node = new WindowNode(
                Rows(3, rows.Select(row => row.Select(value => (long?)value).ToArray())), [Slot(0)], [new BoundSortKey(Slot(1), descending, descending)],
                [new WindowCall(null, Sum, [Slot(2)], null, frame, "sum", SqlType.Int8)]);
            List<long[]> sorted = [.. rows.OrderBy(row => row[0]).ThenBy(row => descending ? -row[1] : row[1])];
            string expected = Show(sorted.Select(row => new long?[] { row[0], row[1], row[2], Expected(sorted, row, (FrameMode)mode, start, end, (FrameExclusion)exclusion, descending) }));
            Assert.Equal(expected, Show(Run(node)));
            return true;
        }, iter: 3000);

    private static long? Expected(List<long[]> sorted, long[] row, FrameMode mode, Bound start, Bound end, FrameExclusion exclusion, bool descending)
    {
        List<long[]> partition = [.. sorted.Where(other => other[0] == row[0])];
        List<long> groups = [.. partition.Select(other => other[1]).Distinct()];
        int place = partition.FindIndex(other => ReferenceEquals(other, row));
        long? sum = null;
        for (int i = 0; i < partition.Count; i++)
        {
            long[] other = partition[i];
            long distance = mode switch
            {
                FrameMode.Rows => i - place,
                FrameMode.Groups => groups.IndexOf(other[1]) - groups.IndexOf(row[1]),
                _ => descending ? row[1] - other[1] : other[1] - row[1],
            };
            bool excluded = exclusion switch
            {
                FrameExclusion.CurrentRow => i == place,
                FrameExclusion.Group => other[1] == row[1],
                FrameExclusion.Ties => other[1] == row[1] && i != place,
                _ => false,
            };
            if (distance >= start.Distance && distance <= end.Distance && !excluded)
            {
                sum = (sum ?? 0) + other[2];
            }
        }

        return sum;
    }

    [Fact]
    public void Window_functions_see_peers_and_partitions()
    {
        static Datum Describe(IWindowRows rows, int row) =>
            Datum.Int((rows.PeerStart(row) * 1000) + (rows.PeerEnd(row) * 100) + (rows.PeerGroup(row) * 10) + rows.Count);
        var function = new ResolvedFunction
        {
            Definition = new FunctionDef { Name = "describe", Kind = FunctionKind.Window, Parameters = [], Result = SqlType.Int8, Window = Describe },
            ArgumentTypes = [],
            ResultType = SqlType.Int8,
        };
        var node = new WindowNode(
            Rows(2, [[1, 5], [2, 1], [1, 5], [1, 7]]), [Slot(0)], [Ascending(1)], [new WindowCall(function, null, [], null, WindowFrame.Default, "d", SqlType.Int8)]);
        Assert.Equal("(1,5,203) (1,5,203) (1,7,2313) (2,1,101)", Show(Run(node)));
    }
}
