using Picodata.Cluster;
using Picodata.Harness.Cluster;
using Xunit;

namespace Picodata.ClusterUnit.Raft;

/// <summary>The simulated catalog is a catalog: what is built on it must hold on the real one.</summary>
public sealed class SimulatedCatalogTests
{
    private static CatalogProposal Put(string key, long expected, byte value) =>
        new(Guid.NewGuid(), [new CatalogExpectation("t", key, expected)], [new CatalogChange("t", key, new[] { value })]);

    [Fact]
    public async Task A_proposal_from_anywhere_is_applied_everywhere_and_a_late_one_fails()
    {
        var group = new SimulatedCatalogGroup(TimeProvider.System, new Random(1)) { ApplyDelayMax = TimeSpan.FromMilliseconds(5) };
        SimulatedCatalog a = group.Join("a:1"), b = group.Join("b:1", isVoter: false);
        Assert.True(a.IsLeader);
        ProposalResult first = await b.ProposeAsync(Put("k", 0, 1), CancellationToken.None);
        Assert.True(first.IsApplied);
        Assert.Equal(first.Index, b.Image.Index);
        Assert.Equal(a.Image.Hash, b.Image.Hash);
        Assert.False((await a.ProposeAsync(Put("k", 0, 2), CancellationToken.None)).IsApplied);
    }

    [Fact]
    public async Task A_leader_that_was_cut_off_believes_in_itself_and_can_do_nothing()
    {
        var group = new SimulatedCatalogGroup(TimeProvider.System, new Random(1));
        SimulatedCatalog a = group.Join("a:1"), b = group.Join("b:1");
        CancellationToken reign = await a.WaitForLeadershipAsync(CancellationToken.None);
        group.Cut("a:1");
        group.Elect("b:1");
        await b.ProposeAsync(Put("k", 0, 1), CancellationToken.None);
        Assert.True(a.IsLeader);
        Assert.Equal(0, a.Image.Index);
        await Assert.ThrowsAsync<CatalogUnavailableException>(async () => await a.ProposeAsync(Put("x", 0, 1), CancellationToken.None));
        group.Mend("a:1");
        Assert.True(reign.IsCancellationRequested);
        Assert.Equal(1, a.Image.Index);
        Assert.Equal(2, b.Term);
    }

    [Fact]
    public async Task An_unknown_end_may_be_either_and_repeating_it_is_safe()
    {
        var group = new SimulatedCatalogGroup(TimeProvider.System, new Random(3)) { UnknownShare = 0.5 };
        SimulatedCatalog a = group.Join("a:1");
        int unknown = 0;
        for (int i = 0; i < 50; i++)
        {
            CatalogProposal proposal = Put($"k{i}", 0, 1);
            while (true)
            {
                try
                {
                    Assert.True((await a.ProposeAsync(proposal, CancellationToken.None)).IsApplied);
                    break;
                }
                catch (CatalogUnavailableException)
                {
                    unknown++;
                }
            }
        }
        Assert.Equal(50, a.Image.Table("t").Count());
        Assert.True(unknown > 10 && group.Newest.Index > 50);
    }
}
