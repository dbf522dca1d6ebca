using System.Collections.Immutable;
using Picodata.Cluster;
using Picodata.Replication;
using Xunit;
using static Picodata.ClusterUnit.ClusterBuilder;

namespace Picodata.ClusterUnit;

public sealed class GovernorTests
{
    private static readonly ClusterTimings Timings = ClusterTimings.Default;

    private static ClusterBuilder Pair(string data = "default_1")
    {
        var builder = new ClusterBuilder(2, data: data);
        builder.Join(1, Domain("zone=1"));
        builder.Join(2, Domain("zone=2"));
        builder.Online("default_1_1", "default_1_2").Reign("default_1", 1, "default_1_1", "default_1_2");
        builder.Apply(new ProposalBuilder(builder.Model).Put(builder.Model.Replicasets["default_1"] with { State = ReplicasetState.Ready, CurrentConfigVersion = 9, TargetConfigVersion = 9 })
            .Put(builder.Model.Tiers["default"] with { IsBootstrapped = true, CurrentShardingVersion = 9, TargetShardingVersion = 9 }));
        return builder;
    }

    private static GovernorStep[] Steps(ClusterBuilder builder, Observations seen) => [.. Governor.NextSteps(builder.Model, seen, Timings)];

    [Fact]
    public void A_healthy_cluster_needs_nothing()
    {
        ClusterBuilder builder = Pair();
        Assert.Empty(Steps(builder, builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary), builder.Sight("default_1_2"))));
    }

    [Fact]
    public void A_closed_primary_is_replaced_by_an_in_sync_member_when_its_lease_is_out()
    {
        ClusterBuilder builder = Pair();
        Observations seen = builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary, isConnected: false, lsn: 12), builder.Sight("default_1_2"));
        Observations leased = seen with { LeaseLeft = seen.LeaseLeft.Add("default_1", TimeSpan.FromMilliseconds(50)) };
        Assert.Empty(Steps(builder, leased));
        Assert.Equal(TimeSpan.FromMilliseconds(50), Governor.LookAgainIn(builder.Model, leased, Timings));
        var elect = Assert.IsType<GovernorStep.Elect>(Assert.Single(Steps(builder, seen)));
        Assert.Equal(["default_1_2"], elect.Ask);
        Assert.Equal(12, elect.AcknowledgedLsn);
    }

    [Fact]
    public void A_silent_primary_is_replaced_after_the_limit_only()
    {
        ClusterBuilder builder = Pair();
        Assert.Empty(Steps(builder, builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary, silentMs: 900), builder.Sight("default_1_2"))));
        Assert.IsType<GovernorStep.Elect>(Assert.Single(Steps(builder, builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary, silentMs: 1001), builder.Sight("default_1_2")))));
    }

    [Fact]
    public void Nobody_outside_of_the_in_sync_set_is_asked()
    {
        ClusterBuilder builder = Pair();
        builder.Reign("default_1", 2, "default_1_1");
        Assert.Empty(Steps(builder, builder.See(builder.Sight("default_1_1", isConnected: false), builder.Sight("default_1_2", lsn: 99))));
    }

    [Fact]
    public void Who_waits_for_a_copy_or_was_not_activated_is_not_asked()
    {
        ClusterBuilder builder = Pair();
        InstanceSight gone = builder.Sight("default_1_1", isConnected: false);
        Assert.Empty(Steps(builder, builder.See(gone, builder.Sight("default_1_2", role: ReplicationRole.NeedsCopy))));
        Assert.Empty(Steps(builder, builder.See(gone, builder.Sight("default_1_2", incarnation: 0))));
    }

    [Fact]
    public void A_primary_that_was_started_anew_gets_a_new_term()
    {
        ClusterBuilder builder = Pair();
        builder.State("default_1_1", StateVariant.Online, StateVariant.Online, 1, 2, sync: 1);
        var elect = Assert.IsType<GovernorStep.Elect>(Assert.Single(Steps(builder, builder.See(builder.Sight("default_1_1", role: ReplicationRole.Waiting), builder.Sight("default_1_2")))));
        Assert.Equal(["default_1_1", "default_1_2"], elect.Ask);
    }

    [Fact]
    public void Who_was_stranded_by_an_election_gets_a_term_that_fulfils_its_promise()
    {
        ClusterBuilder builder = Pair();
        InstanceSight primary = builder.Sight("default_1_1", role: ReplicationRole.Primary);
        InstanceSight stranded = builder.Sight("default_1_2", role: ReplicationRole.Fenced, promised: 5, promisedMs: 2000);
        Assert.Empty(Steps(builder, builder.See(primary, stranded)));
        builder.Reign("default_1", 2, "default_1_1");
        Assert.Empty(Steps(builder, builder.See(primary, builder.Sight("default_1_2", role: ReplicationRole.Fenced, promised: 5, promisedMs: 100))));
        var step = Assert.IsType<GovernorStep.Switchover>(Assert.Single(Steps(builder, builder.See(primary, stranded))));
        Assert.Equal(("default_1_1", "default_1_1", 5L), (step.From, step.To, step.Term));
        Assert.IsType<GovernorStep.Elect>(Assert.Single(Steps(builder, builder.See(builder.Sight("default_1_1", role: ReplicationRole.Fenced, promised: 5, promisedMs: 2000)))));
    }

    [Fact]
    public void A_switchover_that_was_asked_for_waits_until_the_target_is_in_sync()
    {
        ClusterBuilder builder = Pair();
        builder.Apply(new ProposalBuilder(builder.Model).Put(builder.Model.Replicasets["default_1"] with { TargetMaster = "default_1_2" }));
        Observations seen = builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary), builder.Sight("default_1_2"));
        var step = Assert.IsType<GovernorStep.Switchover>(Assert.Single(Steps(builder, seen)));
        Assert.Equal(("default_1_1", "default_1_2"), (step.From, step.To));
        builder.Reign("default_1", 2, "default_1_1");
        Assert.Empty(Steps(builder, seen));
    }

    [Fact]
    public void A_primary_that_stops_hands_over_before_it_counts_as_offline()
    {
        ClusterBuilder builder = Pair();
        builder.State("default_1_1", StateVariant.Online, StateVariant.Offline);
        GovernorStep[] steps = Steps(builder, builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary), builder.Sight("default_1_2")));
        Assert.Contains(steps, step => step is GovernorStep.Switchover { To: "default_1_2" });
        Assert.DoesNotContain(steps, step => step is GovernorStep.SetCurrent);
        steps = Steps(builder, builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary), builder.Sight("default_1_2", isConnected: false)));
        Assert.DoesNotContain(steps, step => step is GovernorStep.Switchover);
        Assert.Contains(steps, step => step is GovernorStep.SetCurrent { Instance: "default_1_1" });
    }

    [Fact]
    public void The_first_of_a_replicaset_begins_and_nobody_replaces_it_before_it_came_up()
    {
        var builder = new ClusterBuilder();
        builder.Join(1);
        builder.Join(2);
        builder.State("default_1_2", StateVariant.Offline, StateVariant.Online, 0, 1, 0);
        Assert.DoesNotContain(Steps(builder, builder.See(builder.Sight("default_1_2", role: ReplicationRole.Waiting))), step => step.Subject == "replicaset:default_1");
        builder.State("default_1_1", StateVariant.Offline, StateVariant.Online, 0, 1, 0);
        var begin = Steps(builder, builder.See(builder.Sight("default_1_1", term: 0, role: ReplicationRole.Waiting))).OfType<GovernorStep.BeginReign>().Single();
        Assert.Equal(("default_1_1", 1L), (begin.Primary, begin.Term));
    }

    [Fact]
    public void An_instance_is_online_when_it_is_in_sync()
    {
        ClusterBuilder builder = Pair();
        builder.Reign("default_1", 2, "default_1_1").State("default_1_2", StateVariant.Offline, StateVariant.Online, 1, 2, sync: 1);
        Observations seen = builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary), builder.Sight("default_1_2"));
        Assert.Empty(Steps(builder, seen));
        builder.Reign("default_1", 3, "default_1_1", "default_1_2");
        Assert.Equal(new GovernorStep.SetCurrent("default_1_2"), Assert.Single(Steps(builder, seen)));
    }

    [Fact]
    public void Ready_then_buckets()
    {
        ClusterBuilder builder = Pair();
        builder.Apply(new ProposalBuilder(builder.Model).Put(builder.Model.Replicasets["default_1"] with { State = ReplicasetState.NotReady }).Put(builder.Model.Tiers["default"] with { IsBootstrapped = false }));
        Observations seen = builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary), builder.Sight("default_1_2"));
        Assert.Equal(new GovernorStep.MakeReady("default_1"), Assert.Single(Steps(builder, seen)));
        builder.Apply(new ProposalBuilder(builder.Model).Put(builder.Model.Replicasets["default_1"] with { State = ReplicasetState.Ready }));
        Assert.Equal(new GovernorStep.MapBuckets("default", "default_1"), Assert.Single(Steps(builder, seen)));
    }

    [Fact]
    public void Silence_makes_offline_after_the_long_limit_and_not_before_the_leader_has_led_as_long()
    {
        ClusterBuilder builder = Pair();
        Observations seen = builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary), builder.Sight("default_1_2", isConnected: false, silentMs: 40_000));
        Assert.Empty(Steps(builder, seen));
        Assert.IsType<GovernorStep.FindOffline>(Assert.Single(Steps(builder, seen with { LeadingFor = TimeSpan.FromSeconds(31) })));
    }

    [Fact]
    public void An_expelled_primary_hands_over_first_and_the_last_member_waits_for_its_buckets()
    {
        ClusterBuilder builder = Pair("default_9");
        builder.State("default_1_1", StateVariant.Online, StateVariant.Expelled);
        Observations seen = builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary), builder.Sight("default_1_2"));
        Assert.Contains(Steps(builder, seen), step => step is GovernorStep.Switchover);
        Assert.DoesNotContain(Steps(builder, seen), step => step is GovernorStep.Expel);
        builder.Reign("default_1", 2, "default_1_2", "default_1_1");
        Assert.Contains(Steps(builder, builder.See(builder.Sight("default_1_1"), builder.Sight("default_1_2", role: ReplicationRole.Primary))), step => step is GovernorStep.Expel { Instance: "default_1_1", IsLast: false });

        builder.State("default_1_1", StateVariant.Expelled, StateVariant.Expelled).State("default_1_2", StateVariant.Offline, StateVariant.Expelled);
        Assert.Contains(Steps(builder, builder.See()), step => step is GovernorStep.PrepareExpel);
        builder.Apply(new ProposalBuilder(builder.Model).Put(builder.Model.Replicasets["default_1"] with { State = ReplicasetState.ToBeExpelled }).Put(new BucketRow("default", 1, 3000, "active", "default_1", null)));
        Assert.DoesNotContain(Steps(builder, builder.See()), step => step is GovernorStep.Expel);
    }

    [Fact]
    public void The_only_copy_of_all_rows_is_never_expelled()
    {
        ClusterBuilder builder = Pair();
        builder.State("default_1_1", StateVariant.Expelled, StateVariant.Expelled).State("default_1_2", StateVariant.Offline, StateVariant.Offline);
        builder.Join(3, Domain("zone=1"), replicaset: "default_2");
        var refusal = Assert.Throws<Picodata.Core.PeerException>(() => ExpelRules.Decide(builder.Model, new ExpelRequest(Guid.Empty, Uuid(2), true, TimeSpan.Zero), DateTimeOffset.UnixEpoch));
        Assert.StartsWith("attempt to expel instance 'default_1_2' which is the last member of replicaset 'default_1'", refusal.Message, StringComparison.Ordinal);
        builder.State("default_1_2", StateVariant.Offline, StateVariant.Expelled);
        Assert.DoesNotContain(Steps(builder, builder.See()), step => step is GovernorStep.PrepareExpel or GovernorStep.Expel);
    }

    [Fact]
    public void Voters_are_spread_over_domains()
    {
        var builder = new ClusterBuilder(1);
        string[] zones = ["1", "1", "2", "2", "3"];
        for (int number = 1; number <= zones.Length; number++)
        {
            builder.Join(number, Domain("zone=" + zones[number - 1]));
        }

        builder.Online([.. builder.Model.Instances.Keys]);
        ImmutableArray<string> voters = ["host:3301"];
        while (VoterChoice.Next(builder.Model, voters) is { } next)
        {
            Assert.InRange(next.Length, 1, 3);
            voters = next;
        }

        Assert.Equal(["host:3301", "host:3303", "host:3305"], voters);
        // an offline voter gives its vote to somebody who is there; without a candidate it stays
        builder.State("default_5_1", StateVariant.Offline, StateVariant.Offline);
        voters = VoterChoice.Next(builder.Model, voters)!.Value;
        Assert.Equal(["host:3301", "host:3303"], voters);
        Assert.Equal(["host:3301", "host:3302", "host:3303"], VoterChoice.Next(builder.Model, voters)!.Value);
        builder.State("default_2_1", StateVariant.Offline, StateVariant.Offline).State("default_4_1", StateVariant.Offline, StateVariant.Offline).State("default_3_1", StateVariant.Offline, StateVariant.Offline);
        Assert.Null(VoterChoice.Next(builder.Model, ["host:3301", "host:3302", "host:3303"]));
    }

    [Fact]
    public void Survival_is_computed_from_who_is_in_sync()
    {
        ClusterBuilder builder = Pair();
        builder.Apply(new ProposalBuilder(builder.Model).Put(new BucketRow("default", 1, 3000, "active", "default_1", null)));
        string[] voters = ["host:3301", "host:3302"];
        LossVerdict[] verdicts = [.. Survival.Judge(builder.Model, voters, row => row.IsOnline)];
        Assert.Equal(["ZONE=1", "ZONE=2", "instance default_1_1", "instance default_1_2"], verdicts.Select(verdict => verdict.Loss.ToString()));
        Assert.All(verdicts, verdict => Assert.True(verdict.LosesMajority && verdict.LostReplicasets.IsEmpty));
        builder.Reign("default_1", 2, "default_1_1");
        LossVerdict first = Survival.Judge(builder.Model, voters, row => row.IsOnline).Single(verdict => verdict.Loss.Value == "default_1_1");
        Assert.Equal(["default_1"], first.LostReplicasets);
    }

    [Fact]
    public void Status_has_Picodatas_form_and_then_ours()
    {
        ClusterBuilder builder = Pair();
        builder.State("default_1_2", StateVariant.Online, StateVariant.Offline);
        string text = ClusterStatus.Full(builder.Model, builder.See(builder.Sight("default_1_1", role: ReplicationRole.Primary, lsn: 30), builder.Sight("default_1_2", lsn: 20)).Sights, ["host:3301"]);
        Assert.StartsWith(
            " CLUSTER NAME: demo\n CLUSTER UUID: 11111111-1111-4111-8111-111111111111\n TIER/DOMAIN: default/1\n\n name          state     uuid                                   uri\n",
            text, StringComparison.Ordinal);
        Assert.Contains(" default_1_2   Online?   00000002-0000-4000-8000-000000000000   host:3302\n", text, StringComparison.Ordinal);
        Assert.Contains("default_1: ready, sync, primary default_1_1 (term 1)", text, StringComparison.Ordinal);
        Assert.Contains("default_1_2: in sync, at 20@1, 10 rows behind", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Why_there_is_no_partner_and_what_would_help()
    {
        var builder = new ClusterBuilder();
        builder.Join(1, Domain("region=us", "zone=1"));
        builder.Join(2, Domain("region=us", "zone=2"));
        string text = PartnerAdvice.For(builder.Model).First().Text;
        Assert.Equal(
            "replicaset default_1 has 1 of 2 members: default_2_1 shares REGION=US; start an instance that has none of REGION=US, ZONE=1; tier option `survive: zone` would let instances be partners that differ in ZONE only (it is read when instances join)",
            text);
    }
}
