using Picodata.Cluster;
using Picodata.Core;
using Xunit;
using static Picodata.ClusterUnit.ClusterBuilder;

namespace Picodata.ClusterUnit;

/// <summary>Sections 3.1, 3.4, 3.5 of the reference.</summary>
public sealed class JoinRulesTests
{
    private static string Refusal(ClusterBuilder builder, JoinRequest request) =>
        Assert.Throws<PeerException>(() => JoinRules.Decide(builder.Model, request, Uuid(99))).Message;

    [Fact]
    public void Names_are_given_as_Picodata_gives_them()
    {
        var builder = new ClusterBuilder();
        Assert.Equal(["default_1_1", "default_1_2", "default_2_1", "default_2_2"], Enumerable.Range(1, 4).Select(number => builder.Join(number)));
    }

    [Fact]
    public void The_worked_example()
    {
        var builder = new ClusterBuilder();
        Assert.Equal("default_1_1", builder.Join(1, Domain("planet=Earth")));
        Assert.Equal("missing failure domain names: PLANET", Refusal(builder, Request(9, Domain("os=Arch"))));
        Assert.Equal("default_1_2", builder.Join(2, Domain("planet=Mars", "os=Arch")));
        Assert.Equal("missing failure domain names: OS", Refusal(builder, Request(9, Domain("planet=Venus"))));
        Assert.Equal("default_2_1", builder.Join(3, Domain("planet=Venus", "os=BSD")));
        Assert.Equal(3, builder.Model.Instances.Count);
    }

    [Fact]
    public void A_shared_value_keeps_instances_apart_unless_another_label_is_to_be_survived()
    {
        var strict = new ClusterBuilder();
        var survive = new ClusterBuilder(2, TierOptions.Default with { Survive = "ZONE" });
        foreach (ClusterBuilder builder in new[] { strict, survive })
        {
            builder.Join(1, Domain("region=us", "zone=1"));
            builder.Join(2, Domain("region=us", "zone=1"));
            builder.Join(3, Domain("region=us", "zone=2"));
            builder.Join(4, Domain("region=us", "zone=2"));
        }

        Assert.Equal(4, strict.Model.Replicasets.Count);
        Assert.Equal(2, survive.Model.Replicasets.Count);
        Assert.All(survive.Model.Replicasets.Keys, name => Assert.Equal(2, survive.Model.MembersOf(name).Select(row => row.FailureDomain.Labels["ZONE"]).Distinct().Count()));
    }

    [Fact]
    public void Among_partners_the_one_that_shares_less_is_preferred()
    {
        var builder = new ClusterBuilder(2, TierOptions.Default with { Survive = "ZONE" });
        builder.Join(1, Domain("region=us", "zone=1"));
        builder.Join(2, Domain("region=eu", "zone=1"));
        Assert.Equal("default_2_2", builder.Join(3, Domain("region=us", "zone=2")));
        Assert.Equal("default_1_2", builder.Join(4, Domain("region=us", "zone=3")));
    }

    [Fact]
    public void Labels_of_expelled_instances_are_not_required_for_ever()
    {
        var builder = new ClusterBuilder();
        builder.Join(1, Domain("dc=a"));
        string other = builder.Join(2, Domain("dc=b", "rack=1"));
        Assert.Equal("missing failure domain names: RACK", Refusal(builder, Request(3, Domain("dc=c"))));
        builder.State(other, StateVariant.Expelled, StateVariant.Expelled);
        Assert.Equal(other, builder.Join(3, Domain("dc=c")));
        Assert.Equal(3, builder.Model.Instances[other].RaftId);
    }

    [Fact]
    public void Refusals_have_Picodatas_texts()
    {
        var builder = new ClusterBuilder();
        builder.Apply(new ProposalBuilder(builder.Model).Put(new TierRow("storage", 1, false, 0, 0, false, 100, false, 0, 0)));
        builder.Join(1);
        Assert.Equal("cluster_name mismatch: cluster_name of the instance = \"x\", cluster_name of the cluster = \"demo\"", Refusal(builder, Request(2, FailureDomain.Empty) with { ClusterName = "x" }));
        Assert.Equal("tier \"no\" doesn't exist", Refusal(builder, Request(2, FailureDomain.Empty, tier: "no")));
        Assert.Equal("`default_1_1` is already joined", Refusal(builder, Request(2, FailureDomain.Empty, "default_1_1")));
        Assert.Equal("tier mismatch: requested replicaset 'default_1' is from tier 'default', but specified tier is 'storage'", Refusal(builder, Request(2, FailureDomain.Empty, replicaset: "default_1", tier: "storage")));
        builder.Online("default_1_1");
        Assert.Equal("instance with UUID 00000001-0000-4000-8000-000000000000 is not in Offline state", Refusal(builder, Request(1, FailureDomain.Empty)));
        Assert.StartsWith("instance of version 26.4.0 cannot join", Refusal(builder, Request(2, FailureDomain.Empty) with { Version = "26.4.0" }), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_uuid_joins_once_and_may_not_change_its_mind()
    {
        var builder = new ClusterBuilder();
        builder.Join(1, Domain("a=b"));
        JoinRules.Decision again = JoinRules.Decide(builder.Model, Request(1, Domain("a=b")), Uuid(99));
        Assert.True(again.Known);
        Assert.True(again.IsMaster);
        Assert.Equal("default_1_1", again.Instance.Name);
        Assert.Equal("instance with UUID 00000001-0000-4000-8000-000000000000 already exists but with different failure domain", Refusal(builder, Request(1, Domain("a=c"))));
        Assert.EndsWith("different name", Refusal(builder, Request(1, Domain("a=b"), "x")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_follows_a_replicasets_name_joins_it_even_when_it_is_full()
    {
        var builder = new ClusterBuilder();
        for (int number = 1; number <= 4; number++)
        {
            builder.Join(number);
        }

        builder.Join(5, name: "default_2_7");
        Assert.Equal("default_2", builder.Model.Instances["default_2_7"].ReplicasetName);
        builder.Join(6, name: "default_77_1");
        Assert.Equal("default_3", builder.Model.Instances["default_77_1"].ReplicasetName);
        builder.Apply(new ProposalBuilder(builder.Model).Put(builder.Model.Replicasets["default_1"] with { State = ReplicasetState.ToBeExpelled }));
        builder.Join(7, name: "default_1_9");
        Assert.NotEqual("default_1", builder.Model.Instances["default_1_9"].ReplicasetName);
        Assert.Equal("cannot join replicaset which is being expelled", Refusal(builder, Request(8, FailureDomain.Empty, replicaset: "default_1")));
    }

    [Fact]
    public void Expel_is_refused_with_Picodatas_texts()
    {
        var builder = new ClusterBuilder();
        string first = builder.Join(1);
        string Refused(int number, bool force) =>
            Assert.Throws<PeerException>(() => ExpelRules.Decide(builder.Model, new ExpelRequest(Guid.Empty, Uuid(number), force, TimeSpan.FromSeconds(1)), DateTimeOffset.UnixEpoch)).Message;
        Assert.Equal("attempt to expel instance 'default_1_1' which is the only member in the cluster", Refused(1, true));
        string second = builder.Join(2);
        builder.Online(first, second);
        Assert.Equal("attempt to expel instance 'default_1_2' which is not Offline, but Online", Refused(2, false));
        builder.State(second, StateVariant.Online, StateVariant.Offline);
        Assert.Equal("attempt to expel instance 'default_1_2' which is not Offline, but Online -> Offline", Refused(2, false));
        builder.State(first, StateVariant.Offline, StateVariant.Offline);
        Assert.Equal("attempt to expel replicaset master 'default_1_1'", Refused(1, false));
        builder.Apply(ExpelRules.Decide(builder.Model, new ExpelRequest(Guid.Empty, Uuid(1), true, TimeSpan.FromSeconds(1)), DateTimeOffset.UnixEpoch)!);
        Assert.Equal(StateVariant.Expelled, builder.Model.Instances[first].TargetState.Variant);
        Assert.Null(ExpelRules.Decide(builder.Model, new ExpelRequest(Guid.Empty, Uuid(1), false, TimeSpan.FromSeconds(1)), DateTimeOffset.UnixEpoch));
    }

    [Fact]
    public void Activation_raises_the_incarnation_and_checks_the_domain()
    {
        var builder = new ClusterBuilder();
        string name = builder.Join(1, Domain("dc=a"));
        builder.Join(2, Domain("dc=b"));
        InstanceUpdate Start(FailureDomain domain) => new(ClusterUuid, name, Uuid(1), StateVariant.Online, "boot", domain, "26.2.1", "host:3301", null, null, 0);
        builder.Apply(ActivationRules.Decide(builder.Model, Start(Domain("dc=a")), DateTimeOffset.UnixEpoch)!);
        builder.Apply(ActivationRules.Decide(builder.Model, Start(Domain("dc=b", "x=y")), DateTimeOffset.UnixEpoch)!);
        Assert.Equal(new InstanceState(StateVariant.Online, 2), builder.Model.Instances[name].TargetState);
        Assert.Equal("default_1", builder.Model.Instances[name].ReplicasetName);
        Assert.Equal("{DC: B, X: Y}", builder.Model.Instances[name].FailureDomain.ToString());
        var refusal = Assert.Throws<PeerException>(() => ActivationRules.Decide(builder.Model, Start(Domain("x=y")), DateTimeOffset.UnixEpoch));
        Assert.Equal("missing failure domain names: DC", refusal.Message);
        Assert.Throws<PeerException>(() => ActivationRules.Decide(builder.Model, Start(Domain("dc=b")) with { ClusterUuid = Uuid(5) }, DateTimeOffset.UnixEpoch));
        builder.State(name, StateVariant.Expelled, StateVariant.Expelled);
        refusal = Assert.Throws<PeerException>(() => ActivationRules.Decide(builder.Model, Start(Domain("dc=b")), DateTimeOffset.UnixEpoch));
        Assert.Equal("cannot update expelled instance \"default_1_1\"", refusal.Message);
    }

    [Fact]
    public void An_activation_that_comes_twice_counts_once_and_an_old_one_not_at_all()
    {
        var builder = new ClusterBuilder();
        string name = builder.Join(1);
        InstanceUpdate Start(int process, long boots, long incarnation = 0) =>
            new(ClusterUuid, name, Uuid(1), StateVariant.Online, incarnation == 0 ? "boot" : "auto-online", null, null, null, null, null, incarnation, 0, Uuid(process), boots);
        ProposalBuilder? Decide(InstanceUpdate update) => ActivationRules.Decide(builder.Model, update, DateTimeOffset.UnixEpoch);
        builder.Apply(Decide(Start(100, 1))!);
        Assert.Null(Decide(Start(100, 1)));
        builder.Apply(Decide(Start(101, 2))!);
        Assert.Equal(2, builder.Model.Instances[name].TargetState.Incarnation);
        Assert.Throws<PeerException>(() => Decide(Start(100, 1)));
        // an older directory that was put back is let in when nobody else is there
        Assert.NotNull(ActivationRules.Decide(builder.Model, Start(100, 1), DateTimeOffset.UnixEpoch, isHeard: false));
        builder.State(name, StateVariant.Offline, StateVariant.Offline, 2);
        Assert.Throws<PeerException>(() => Decide(Start(100, 2, 2)));
        builder.Apply(Decide(Start(101, 2, 2))!);
        Assert.Equal(new InstanceState(StateVariant.Online, 3), builder.Model.Instances[name].TargetState);
        Assert.Null(Decide(Start(101, 2, 2)));
    }

    [Fact]
    public void Requests_and_answers_survive_their_encoding()
    {
        JoinRequest join = Request(3, Domain("a=b"), "n", null) with { PgprotoAddress = "h:5432", Hops = 2 };
        Assert.Equal(join.Encode(), JoinRequest.Decode(join.Encode()).Encode());
        var update = new InstanceUpdate(ClusterUuid, "n", Uuid(3), StateVariant.Offline, "shutdown", null, null, null, null, null, 7);
        Assert.Equal(update, InstanceUpdate.Decode(update.Encode()));
        var expel = new ExpelRequest(ClusterUuid, Uuid(3), true, TimeSpan.FromSeconds(60));
        Assert.Equal(expel, ExpelRequest.Decode(expel.Encode()));
        var builder = new ClusterBuilder();
        builder.Join(1);
        var answer = new JoinAnswer("demo", ClusterUuid, builder.Model.Instances["default_1_1"], true, builder.Model.Addresses);
        Assert.Equal(answer.Encode(), JoinAnswer.Decode(answer.Encode()).Encode());
    }
}
