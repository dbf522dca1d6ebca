using Picodata.Replication;
using Picodata.Storage;
using Xunit;

namespace Picodata.ClusterUnit.Replication;

/// <summary>R5: which logs a primary's log can continue.</summary>
public sealed class LogComparisonTests
{
    /// <summary>Rows without a reign up to 9; term 2 from 10, term 4 from 15, term 7 from 20; the log ends at 25.</summary>
    private static readonly ReignRow[] Primary = [new(2, 10, Guid.Empty), new(4, 15, Guid.Empty), new(7, 20, Guid.Empty)];

    [Theory]
    [InlineData(0, 0, CopyReason.Behind)]
    [InlineData(0, 9, null)]
    [InlineData(0, 10, CopyReason.Diverged)]
    [InlineData(2, 10, null)]
    [InlineData(2, 14, null)]
    [InlineData(2, 15, CopyReason.Diverged)]
    [InlineData(2, 30, CopyReason.Diverged)]
    [InlineData(3, 11, CopyReason.Diverged)]
    [InlineData(4, 19, null)]
    [InlineData(4, 20, CopyReason.Diverged)]
    [InlineData(6, 16, CopyReason.Diverged)]
    [InlineData(7, 20, null)]
    [InlineData(7, 25, null)]
    [InlineData(7, 26, CopyReason.Diverged)]
    public void A_member_is_a_prefix_or_is_copied(long term, long lsn, CopyReason? expected)
    {
        LogVerdict verdict = LogComparison.Compare(Primary, 25, new ReplicaPosition(term, lsn));
        Assert.False(verdict.IsOlderPrimary);
        Assert.Equal(expected, verdict.Need?.Reason);
    }

    [Fact]
    public void An_old_primary_touches_nobody_who_has_seen_a_higher_term() =>
        Assert.True(LogComparison.Compare(Primary, 25, new ReplicaPosition(8, 21)).IsOlderPrimary);
}
