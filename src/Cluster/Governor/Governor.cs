using System.Collections.Immutable;
using Picodata.Replication;

namespace Picodata.Cluster;

/// <summary>
/// Decides what has to be done next, from the catalog and from what the leader sees: a pure function, in the order of section 3.8 of the reference as far as it
/// applies here. It proposes nothing itself.
///
/// G1 A primary is chosen out of the in-sync set only, among members that were started as their last incarnation and do not wait for a new copy (R4).
/// G2 A primary is deposed without its agreement only when nobody can hold a lease on the replicaset (C5).
/// G3 A primary whose process was started anew gets a new term, or another takes over (R8).
/// G4 Who is primary decides nothing else: there is no automatic fail-back; after a failover the target is the new primary.
/// G5 No step lowers the number of in-sync copies except an election (which keeps those that answered), and an expel that an administrator asked for.
/// </summary>
public static class Governor
{
    /// <summary>The steps that can be done now, the most urgent first; several may have one subject, then only the first of these counts.</summary>
    public static IEnumerable<GovernorStep> NextSteps(ClusterModel model, Observations seen, ClusterTimings timings)
    {
        var view = new View(model, seen, timings);
        return RaftSteps(view)
            .Concat(model.Replicasets.Values.Where(row => row.State != ReplicasetState.Expelled).Select(row => Succession(view, row)).OfType<GovernorStep>())
            .Concat(model.Instances.Values.Select(row => StateStep(view, row)).OfType<GovernorStep>())
            .Concat(model.Replicasets.Values.Select(row => ReadyStep(view, row)).OfType<GovernorStep>())
            .Concat(model.Tiers.Values.Select(row => BucketStep(view, row)).OfType<GovernorStep>())
            .Concat(VersionStep(view));
    }

    /// <summary>Shortest time after which a step may become possible though nothing is reported.</summary>
    public static TimeSpan LookAgainIn(ClusterModel model, Observations seen, ClusterTimings timings)
    {
        TimeSpan shortest = timings.StepRetry;
        var view = new View(model, seen, timings);
        foreach (ReignRow reign in model.Reigns.Values)
        {
            if (view.IsAlive(reign.Primary))
            {
                continue;
            }

            // what Election waits for: the lease, and a primary that may still find its new leader
            TimeSpan grace = view.Sight(reign.Primary) is null ? timings.ReconnectGrace - seen.LeadingFor : TimeSpan.Zero, lease = view.LeaseLeft(reign.Replicaset);
            TimeSpan left = grace > lease ? grace : lease;
            if (left > TimeSpan.Zero && left < shortest)
            {
                shortest = left;
            }
        }

        return shortest;
    }

    private sealed record View(ClusterModel Model, Observations Seen, ClusterTimings Timings)
    {
        public InstanceRow? Row(string name) => Model.Instances.GetValueOrDefault(name);

        public InstanceSight? Sight(string name) => Seen.Sights.GetValueOrDefault(name);

        /// <summary>The process that was last activated under the name is heard.</summary>
        public bool IsAlive(string name) =>
            Row(name) is { IsExpelled: false } row && Sight(name) is { IsConnected: true } sight && sight.SilentFor < Timings.FailoverLimit
            && sight.Report.Uuid == row.Uuid && sight.Report.Incarnation == row.TargetState.Incarnation;

        public bool Votes(InstanceRow row) => Model.AddressOf(row) is { } address && Seen.Voters.Contains(address);

        public TimeSpan LeaseLeft(string replicaset) => Seen.LeaseLeft.GetValueOrDefault(replicaset);

        /// <summary>It has promised a term above the reign's to an election, and no reign came of it for too long.</summary>
        public bool IsStranded(string name, ReignRow reign) => IsAlive(name) && Sight(name)!.PromisedAheadFor(reign.Term) > Timings.StrandedLimit;

        /// <summary>The next term: above the reign's, and not below what a member has promised.</summary>
        public long TermAbove(ReignRow reign) =>
            Model.MembersOf(reign.Replicaset).Select(row => Sight(row.Name)?.Report.PromisedTerm ?? 0).Append(reign.Term + 1).Max();

        /// <summary>Could be primary: wanted Online, alive, with rows that can be continued.</summary>
        public bool CanRule(string name) =>
            Row(name)?.TargetState.Variant == StateVariant.Online && IsAlive(name) && Sight(name)!.Report.Role is not (ReplicationRole.NeedsCopy or ReplicationRole.Stopped);
    }

    private static IEnumerable<GovernorStep> RaftSteps(View view)
    {
        if (view.Row(view.Seen.Self) is { } self && self.TargetState.Variant != StateVariant.Online && self.TargetState != InstanceState.Initial
            && view.Model.Instances.Values.Any(row => row.Name != self.Name && view.Votes(row) && view.CanRule(row.Name)))
        {
            yield return new GovernorStep.Resign();
        }
        else if (VoterChoice.Next(view.Model, view.Seen.Voters) is { } wanted)
        {
            yield return new GovernorStep.ChangeVoters(wanted);
        }
    }

    /// <summary>What has to be done about a replicaset's primary, or null.</summary>
    private static GovernorStep? Succession(View view, ReplicasetRow replicaset)
    {
        if (!view.Model.Reigns.TryGetValue(replicaset.Name, out ReignRow? reign))
        {
            return First(view, replicaset);
        }

        InstanceRow? primary = view.Row(reign.Primary);
        bool isAlive = view.IsAlive(reign.Primary);
        if (isAlive && primary!.TargetState.Variant == StateVariant.Online && primary.SyncIncarnation == primary.TargetState.Incarnation)
        {
            return Planned(view, replicaset, reign);
        }

        if (isAlive && primary!.TargetState.Variant != StateVariant.Online && view.Sight(reign.Primary)!.Report.Role == ReplicationRole.Primary)
        {
            return Heir(view, reign) is { } heir
                ? new GovernorStep.Switchover(replicaset.Name, reign.Primary, heir, primary.TargetState.Variant == StateVariant.Expelled ? "it is being expelled" : "it stops", view.TermAbove(reign))
                : null;
        }

        string reason = isAlive ? "it was started anew" : view.Sight(reign.Primary) is { IsConnected: false } ? "its connection closed" : "it is silent";
        return Election(view, reign, $"primary {reign.Primary}: {reason}");
    }

    /// <summary>The first instance of a replicaset begins; another one only when that was expelled before it ever began.</summary>
    private static GovernorStep.BeginReign? First(View view, ReplicasetRow replicaset)
    {
        string[] heirs = view.Row(replicaset.CurrentMaster) is { IsExpelled: false } ? [replicaset.CurrentMaster] : [.. view.Model.MembersOf(replicaset.Name).Select(row => row.Name)];
        return heirs.FirstOrDefault(view.CanRule) is { } first
            ? new GovernorStep.BeginReign(replicaset.Name, first, view.Sight(first)!.Report.Position.Term + 1)
            : null;
    }

    /// <summary>
    /// The primary is alive: it may be asked to hand over; or an election that came to nothing has left it, or a member, with a promise that the present term
    /// does not fulfil. A member's promise is met by a new term of the same primary, once the in-sync set does not need the member.
    /// </summary>
    private static GovernorStep? Planned(View view, ReplicasetRow replicaset, ReignRow reign)
    {
        if (view.IsStranded(reign.Primary, reign))
        {
            return Election(view, reign, $"primary {reign.Primary}: it has promised a later term");
        }

        if (view.Sight(reign.Primary)!.Report.Role != ReplicationRole.Primary)
        {
            return null;
        }

        if (replicaset.TargetMaster != reign.Primary && reign.InSync.Contains(replicaset.TargetMaster) && view.CanRule(replicaset.TargetMaster))
        {
            return new GovernorStep.Switchover(replicaset.Name, reign.Primary, replicaset.TargetMaster, "it was asked for", view.TermAbove(reign));
        }

        string? stranded = view.Model.MembersOf(replicaset.Name).Select(row => row.Name).FirstOrDefault(name => !reign.InSync.Contains(name) && view.IsStranded(name, reign));
        return stranded is null ? null : new GovernorStep.Switchover(replicaset.Name, reign.Primary, reign.Primary, $"{stranded} has promised a later term", view.TermAbove(reign));
    }

    private static GovernorStep.Elect? Election(View view, ReignRow reign, string reason)
    {
        ImmutableArray<string> ask = [.. reign.InSync.Where(view.CanRule)];
        bool mayStillCome = view.Sight(reign.Primary) is null && view.Seen.LeadingFor < view.Timings.ReconnectGrace;
        if (ask.IsEmpty || mayStillCome || view.LeaseLeft(reign.Replicaset) > TimeSpan.Zero)
        {
            return null;
        }

        HeartbeatReport? last = view.Sight(reign.Primary)?.Report;
        long acknowledged = last is not null && last.ReignEpoch > 0 && last.Position.Term == reign.Term && last.Role == ReplicationRole.Primary ? last.CommitLsn : 0;
        return new GovernorStep.Elect(reign.Replicaset, reason, ask, acknowledged, view.TermAbove(reign));
    }

    /// <summary>Who takes over in a planned change: in sync, and the farthest.</summary>
    private static string? Heir(View view, ReignRow reign) =>
        reign.InSync.Where(name => name != reign.Primary && view.CanRule(name)).OrderByDescending(name => view.Sight(name)!.Report.Position).ThenBy(name => name, StringComparer.Ordinal).FirstOrDefault();

    private static GovernorStep? StateStep(View view, InstanceRow row)
    {
        if (row.IsExpelled)
        {
            return null;
        }

        return row.TargetState.Variant switch
        {
            StateVariant.Expelled => ExpelStep(view, row),
            StateVariant.Offline => row.CurrentState == row.TargetState || IsHandingOver(view, row) ? null : new GovernorStep.SetCurrent(row.Name),
            _ => OnlineStep(view, row),
        };
    }

    /// <summary>It is primary still, lives, and somebody can take over: that comes first.</summary>
    private static bool IsHandingOver(View view, InstanceRow row) =>
        view.Model.Reigns.TryGetValue(row.ReplicasetName, out ReignRow? reign) && reign.Primary == row.Name && view.IsAlive(row.Name) && Heir(view, reign) is not null;

    private static GovernorStep? OnlineStep(View view, InstanceRow row)
    {
        TimeSpan silence = view.Sight(row.Name) is { } sight && view.Seen.LeadingFor > sight.SilentFor ? sight.SilentFor : view.Seen.LeadingFor;
        if (silence >= view.Timings.AutoOffline)
        {
            return new GovernorStep.FindOffline(row.Name, $"nothing was heard of it for {silence.TotalSeconds:F0} s");
        }

        return row.IsComingOnline && view.IsAlive(row.Name) && HasItsData(view, row) ? new GovernorStep.SetCurrent(row.Name) : null;
    }

    /// <summary>Primary by a reign for this incarnation, or in sync; or there is no live primary that it could follow.</summary>
    private static bool HasItsData(View view, InstanceRow row)
    {
        if (!view.Model.Reigns.TryGetValue(row.ReplicasetName, out ReignRow? reign))
        {
            return view.Model.Replicasets.TryGetValue(row.ReplicasetName, out ReplicasetRow? replicaset) && replicaset.CurrentMaster != row.Name && !view.IsAlive(replicaset.CurrentMaster);
        }

        return reign.Primary == row.Name ? row.SyncIncarnation == row.TargetState.Incarnation : reign.InSync.Contains(row.Name) || !view.IsAlive(reign.Primary);
    }

    private static GovernorStep? ExpelStep(View view, InstanceRow row)
    {
        bool isLast = !view.Model.MembersOf(row.ReplicasetName).Any(other => other.Name != row.Name);
        if (isLast)
        {
            // the only copy of all rows never goes, whatever a table says (ExpelRules refuses it with a text)
            return row.ReplicasetName == view.Model.DataReplicaset ? null : view.Model.Replicasets.TryGetValue(row.ReplicasetName, out ReplicasetRow? replicaset) && replicaset.IsLive
                ? new GovernorStep.PrepareExpel(row.ReplicasetName)
                : view.Model.HoldsBuckets(row.ReplicasetName) ? null : new GovernorStep.Expel(row.Name, true);
        }

        bool isPrimary = view.Model.Reigns.TryGetValue(row.ReplicasetName, out ReignRow? reign) && reign.Primary == row.Name;
        bool votes = view.Votes(row) && view.Seen.Voters.Length > 1;
        return isPrimary || votes ? null : new GovernorStep.Expel(row.Name, false);
    }

    private static GovernorStep.MakeReady? ReadyStep(View view, ReplicasetRow replicaset) =>
        replicaset.State == ReplicasetState.NotReady && view.Model.Tiers.TryGetValue(replicaset.Tier, out TierRow? tier)
        && view.Model.MembersOf(replicaset.Name).Count(member => member.IsOnline) >= tier.ReplicationFactor
            ? new GovernorStep.MakeReady(replicaset.Name)
            : null;

    /// <summary>All rows are in one replicaset until tables are sharded: every tier's buckets go there, as soon as it is ready.</summary>
    private static GovernorStep.MapBuckets? BucketStep(View view, TierRow tier) =>
        tier.BucketCount > 0 && !tier.IsBootstrapped && view.Model.DataReplicaset is { } data && view.Model.Replicasets.TryGetValue(data, out ReplicasetRow? holder) && holder.State == ReplicasetState.Ready
            ? new GovernorStep.MapBuckets(tier.Name, data)
            : null;

    private static IEnumerable<GovernorStep> VersionStep(View view)
    {
        if (view.Model.Replicasets.Values.Any(row => row.State != ReplicasetState.Expelled && row.CurrentConfigVersion != row.TargetConfigVersion)
            || view.Model.Tiers.Values.Any(row => row.CurrentShardingVersion != row.TargetShardingVersion))
        {
            yield return new GovernorStep.ConfirmVersions();
        }
    }
}
