using Picodata.Cluster;
using Picodata.Core;
using Xunit;

namespace Picodata.ClusterUnit;

/// <summary>S1-S5 of <see cref="RescueRules"/>.</summary>
public sealed class RescueRulesTests
{
    private static readonly Guid New = new("22222222-2222-4222-8222-222222222222");

    private readonly ClusterBuilder builder = new();

    public RescueRulesTests()
    {
        builder.Online(builder.Join(1), builder.Join(2), builder.Join(3)).Reign("default_1", 4, "default_1_1", "default_1_2").Reign("default_2", 2, "default_2_1");
    }

    [Fact]
    public void The_rescued_one_is_alone_under_a_new_uuid_and_rules()
    {
        ClusterModel anew = ClusterModel.From(Rescue("default_1_2", isNamed: false).Image);
        Assert.Equal(New, anew.ClusterUuid);
        Assert.Equal(builder.Model.Image.Index + 1, anew.Image.Index);
        Assert.Equal(["default_1_2"], anew.Instances.Values.Where(row => !row.IsExpelled).Select(row => row.Name));
        ReignRow reign = Assert.Single(anew.Reigns.Values);
        Assert.Equal(("default_1", 4L, "default_1_2"), (reign.Replicaset, reign.Term, reign.Primary));
        Assert.Equal(["default_1_2"], reign.InSync);
        Assert.True(reign.Epoch > builder.Model.Reigns["default_1"].Epoch);
        Assert.Equal(ReplicasetState.Expelled, anew.Replicasets["default_2"].State);
        Assert.Equal(["here:1"], anew.Addresses.Select(row => row.Address));
        Assert.Equal(ClusterBuilder.ClusterUuid.ToString("D"), anew.TextProperty(RescueRules.FormerUuidsKey));
    }

    [Fact]
    public void Who_holds_no_rows_is_refused_and_who_was_not_in_sync_unless_the_lost_cluster_is_named()
    {
        Assert.Contains("holds no rows", Assert.Throws<PeerException>(() => Rescue("default_2_1", isNamed: true)).Message);
        builder.Reign("default_1", 5, "default_1_1");
        Assert.Contains("was not in sync", Assert.Throws<PeerException>(() => Rescue("default_1_2", isNamed: false)).Message);
        Assert.Contains("acknowledged rows may be missing", Assert.Single(Rescue("default_1_2", isNamed: true).Warnings));
    }

    [Fact]
    public void An_order_that_was_carried_out_is_not_carried_out_again()
    {
        Assert.Null(RescueRules.WhyDone(builder.Model, builder.Model.Instances["default_1_2"], null));
        Assert.Null(RescueRules.WhyDone(builder.Model, builder.Model.Instances["default_1_2"], ClusterBuilder.ClusterUuid));
        ClusterModel anew = ClusterModel.From(Rescue("default_1_2", isNamed: false).Image);
        Assert.NotNull(RescueRules.WhyDone(anew, anew.Instances["default_1_2"], null));
        Assert.NotNull(RescueRules.WhyDone(anew, anew.Instances["default_1_2"], ClusterBuilder.ClusterUuid));
        Assert.Null(RescueRules.WhyDone(anew, anew.Instances["default_1_2"], New));
    }

    private Rescue Rescue(string name, bool isNamed)
    {
        InstanceRow self = builder.Model.Instances[name];
        return RescueRules.Decide(builder.Model, self, isNamed, New, [new PeerAddressRow(self.RaftId, "here:1", "iproto")], DateTimeOffset.UnixEpoch);
    }
}
