using Picodata.Storage;
using Picodata.Storage.Recovery;
using Xunit;

namespace Picodata.Unit.Durability;

public sealed class SyncLimboTests
{
    private const uint Synchronous = 600, Plain = 601;

    private readonly List<long> applied = [];
    private readonly SyncLimbo limbo;

    public SyncLimboTests() => limbo = new SyncLimbo(space => space == Synchronous, pending => applied.Add(pending.Lsn));

    [Fact]
    public void Plain_transactions_pass_and_wait_only_behind_synchronous_ones()
    {
        Assert.False(limbo.MustWait([Row(Plain)]));
        Assert.True(limbo.MustWait([Row(Plain), Row(Synchronous)]));
        Add(1, Synchronous);
        Assert.True(limbo.MustWait([Row(Plain)]));
        Add(2, Plain);
        Assert.Empty(applied);
        limbo.Confirm(1, 1);
        Assert.Equal([1, 2], applied);
        Assert.True(limbo.IsEmpty);
    }

    [Fact]
    public void A_rollback_drops_whole_transactions_and_all_behind_them()
    {
        Add(1, Synchronous);
        Add(2, Plain);
        Add(4, Synchronous);
        Add(5, Plain);
        limbo.Rollback(1, 4);
        limbo.Confirm(1, 1);
        Assert.Equal([1, 2], applied);
        Assert.True(limbo.IsEmpty);
    }

    [Fact]
    public void A_confirmation_counts_for_its_replica_only()
    {
        Add(1, Synchronous);
        limbo.Confirm(2, 100);
        Assert.Empty(applied);
        limbo.Flush();
        Assert.Equal([1], applied);
    }

    private static RecoveredRow Row(uint space) => new(RecoveredOperation.Insert, space);

    private void Add(long lsn, uint space) => limbo.Add(new PendingTransaction(1, lsn, [Row(space)], "file", 0));
}
