using Picodata.Cluster;
using Picodata.Storage.Files;
using Xunit;
using static Picodata.ClusterUnit.ClusterBuilder;

namespace Picodata.ClusterUnit;

public sealed class ClusterModelTests
{
    [Fact]
    public void Rows_come_back_as_they_were_put()
    {
        var builder = new ClusterBuilder(2, new TierOptions("ZONE", true, "write", 2));
        var instance = new InstanceRow("i", Uuid(7), 7, "r", Uuid(8), new InstanceState(StateVariant.Online, 300), new InstanceState(StateVariant.Expelled, 301),
            Domain("dc=msk", "rack=12-90"), "default", "26.2.1", 5, "shutdown", new MpDatetime(1_700_000_000, 5));
        var replicaset = new ReplicasetRow("r", Uuid(8), "i", "j", "default", 1.5, true, ReplicasetState.ToBeExpelled, 3, 4, 77, 2, 5, 6);
        var bucket = new BucketRow("default", 1, 3000, "active", "r", null);
        var reign = new ReignRow("r", 3, 9, "i", ["i", "j"]);
        builder.Apply(new ProposalBuilder(builder.Model).Put(instance).Put(replicaset).Put(bucket).Put(reign).Put(new PeerAddressRow(7, "h:1", "iproto")));

        ClusterModel model = builder.Model;
        Assert.Equal(instance, model.Instances["i"]);
        Assert.Equal(replicaset, model.Replicasets["r"]);
        Assert.Equal(bucket, model.Buckets.Single());
        Assert.Equal((3L, 9L, "i"), (model.Reigns["r"].Term, model.Reigns["r"].Epoch, model.Reigns["r"].Primary));
        Assert.Equal(["i", "j"], model.Reigns["r"].InSync);
        Assert.Equal("h:1", model.AddressOf(instance));
        Assert.Equal(new TierOptions("ZONE", true, "write", 2), model.OptionsOf("default"));
        Assert.Equal("r", model.ReplicasetOfBucket("default", 3000));
        Assert.Null(model.ReplicasetOfBucket("default", 3001));
    }

    [Fact]
    public void Tuples_have_Picodatas_columns()
    {
        var builder = new ClusterBuilder();
        builder.Join(1, Domain("dc=msk"));
        Assert.StartsWith("[\"default_1_1\", \"00000001-0000-4000-8000-000000000000\", 1, \"default_1\", \"", Text(builder, "_pico_instance", "default_1_1"), StringComparison.Ordinal);
        Assert.EndsWith("[\"Offline\", 0], [\"Offline\", 0], {\"DC\": \"MSK\"}, \"default\", \"26.2.1\", 0, \"\", null]", Text(builder, "_pico_instance", "default_1_1"), StringComparison.Ordinal);
        Assert.EndsWith("\"default_1_1\", \"default_1_1\", \"default\", 0.0, \"auto\", \"not-ready\", 0, 1, {}, 0, 0, 0]", Text(builder, "_pico_replicaset", "default_1"), StringComparison.Ordinal);
        Assert.Equal("[\"default\", 2, true, 0, 0, false, 3000, true, 0, 0]", Text(builder, "_pico_tier", "default"));
        Assert.Equal("[1, \"host:3301\", \"iproto\"]", Text(builder, "_pico_peer_address", "1/iproto"));
    }

    [Fact]
    public void A_row_that_cannot_be_read_is_named()
    {
        var image = new CatalogMachine();
        image.Apply(1, 1, new CatalogProposal(Uuid(1), [], [new CatalogChange("_pico_instance", "x", new byte[] { 0x91, 0xa1, 0x78 })]));
        var problem = Assert.Throws<InvalidDataException>(() => ClusterModel.From(image.Image));
        Assert.Contains("row 'x' of _pico_instance", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reign_given_to_an_earlier_process_is_withheld_from_its_primary_only()
    {
        var builder = new ClusterBuilder();
        builder.Join(1);
        builder.Join(2);
        builder.Online("default_1_1", "default_1_2").Reign("default_1", 3, "default_1_1", "default_1_2");
        Assert.True(builder.Model.MayFollowReign("default_1_1", 1));
        Assert.False(builder.Model.MayFollowReign("default_1_1", 2));
        Assert.True(builder.Model.MayFollowReign("default_1_2", 9));
        Assert.Equal(2, builder.Model.ReignOf("default_1")!.Members.Length);
    }

    [Fact]
    public void Two_decisions_about_who_belongs_where_never_both_hold()
    {
        var builder = new ClusterBuilder();
        builder.Join(1);
        JoinRules.Decision one = JoinRules.Decide(builder.Model, Request(2, FailureDomain.Empty), Uuid(90));
        JoinRules.Decision other = JoinRules.Decide(builder.Model, Request(3, FailureDomain.Empty, "other"), Uuid(91));
        Assert.Equal(one.Instance.RaftId, other.Instance.RaftId);
        Assert.True(builder.Offer(one.Proposal!));
        Assert.False(builder.Offer(other.Proposal!));
    }

    private static string Text(ClusterBuilder builder, string table, string key) =>
        Storage.Files.Inspection.MsgPackText.Format(builder.Model.Image.Find(table, key)!.Tuple.Span, true);
}
