using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Replication;

namespace Picodata.Cluster;

/// <summary>
/// Does the governor's steps under one Raft term. Each ends in at most one proposal, made from the model that the step was decided from (or a newer one that says
/// the same); false: the catalog changed underneath, decide anew.
/// </summary>
internal sealed class StepExecution(GovernorTools tools, long governorTerm)
{
    /// <summary>Terms that a member has refused as too low, per replicaset: the next attempt goes above.</summary>
    private readonly ConcurrentDictionary<string, long> termsTried = new(StringComparer.Ordinal);

    public async ValueTask<bool> DoAsync(GovernorStep step, ClusterModel model, CancellationToken cancel)
    {
        switch (step)
        {
            case GovernorStep.Resign:
                if (tools.Resign is { } resign)
                {
                    await resign(cancel);
                }

                return false;
            case GovernorStep.ChangeVoters voters:
                await tools.Voters.SetVotersAsync(voters.Wanted, cancel);
                return true;
            case GovernorStep.Elect elect:
                return await ElectAsync(elect, cancel);
            case GovernorStep.Switchover switchover:
                return await SwitchOverAsync(switchover, model, cancel);
            default:
                return await ProposeAsync(Rows(step, model), cancel);
        }
    }

    /// <summary>Steps that are a change of rows and nothing else.</summary>
    private ProposalBuilder Rows(GovernorStep step, ClusterModel model)
    {
        ProposalBuilder rows = Begin(model);
        return step switch
        {
            GovernorStep.FindOffline found => rows.PutTarget(
                model.Instances[found.Instance], model.Instances[found.Instance].TargetState with { Variant = StateVariant.Offline }, found.Reason, tools.Time.GetUtcNow()),
            GovernorStep.SetCurrent set => SetCurrent(rows, model, model.Instances[set.Instance]),
            GovernorStep.BeginReign begin => PutReign(rows, model, new ReignRow(begin.Replicaset, begin.Term, 1, begin.Primary, [begin.Primary]), 0),
            GovernorStep.MakeReady ready => MakeReady(rows, model.Replicasets[ready.Replicaset], model),
            GovernorStep.MapBuckets map => rows.Put(new BucketRow(map.Tier, 1, model.Tiers[map.Tier].BucketCount, "active", map.Replicaset, null))
                .Put(model.Tiers[map.Tier] with { IsBootstrapped = true }),
            GovernorStep.PrepareExpel prepare => rows.Put(model.Replicasets[prepare.Replicaset] with { State = ReplicasetState.ToBeExpelled, Weight = 0 }),
            GovernorStep.Expel expel => Expel(rows, model, model.Instances[expel.Instance], expel.IsLast),
            GovernorStep.ConfirmVersions => Confirm(rows, model),
            _ => throw new InvalidOperationException($"no such step: {step}"),
        };
    }

    private static ProposalBuilder SetCurrent(ProposalBuilder rows, ClusterModel model, InstanceRow row)
    {
        rows.Expect(CatalogTables.Reign, row.ReplicasetName);
        bool isSynced = row.TargetState.Variant == StateVariant.Online && model.Reigns.TryGetValue(row.ReplicasetName, out ReignRow? reign) && reign.InSync.Contains(row.Name) && reign.Primary != row.Name;
        return rows.Put(row with { CurrentState = row.TargetState, SyncIncarnation = isSynced ? row.TargetState.Incarnation : row.SyncIncarnation });
    }

    private static ProposalBuilder MakeReady(ProposalBuilder rows, ReplicasetRow row, ClusterModel model)
    {
        rows.Put(row with { State = ReplicasetState.Ready, Weight = row.IsWeightByUser ? row.Weight : 1 });
        TierRow tier = model.Tiers[row.Tier];
        return tier.BucketCount > 0 ? rows.Put(tier with { TargetShardingVersion = tier.TargetShardingVersion + 1 }) : rows;
    }

    private static ProposalBuilder Expel(ProposalBuilder rows, ClusterModel model, InstanceRow row, bool isLast)
    {
        rows.ChangeTopology().Put(row with { CurrentState = row.TargetState }).DeleteProcess(row.Uuid);
        foreach (PeerAddressRow address in model.Addresses.Where(address => address.RaftId == row.RaftId))
        {
            rows.Delete(address);
        }

        rows.Expect(CatalogTables.Reign, row.ReplicasetName);
        if (isLast)
        {
            rows.Put(model.Replicasets[row.ReplicasetName] with { State = ReplicasetState.Expelled, Weight = 0 });
            return rows.DeleteReign(row.ReplicasetName);
        }

        if (model.Reigns.TryGetValue(row.ReplicasetName, out ReignRow? reign))
        {
            rows.Put(reign with { Epoch = reign.Epoch + 1, InSync = reign.InSync.Remove(row.Name) });
        }

        ReplicasetRow replicaset = model.Replicasets[row.ReplicasetName];
        if (replicaset.TargetMaster == row.Name)
        {
            rows.Put(replicaset with { TargetMaster = replicaset.CurrentMaster, TargetConfigVersion = replicaset.TargetConfigVersion + 1 });
        }

        return rows.RaiseVersions(row);
    }

    private static ProposalBuilder Confirm(ProposalBuilder rows, ClusterModel model)
    {
        foreach (ReplicasetRow row in model.Replicasets.Values.Where(row => row.CurrentConfigVersion != row.TargetConfigVersion))
        {
            rows.Put(row with { CurrentConfigVersion = row.TargetConfigVersion });
        }

        foreach (TierRow row in model.Tiers.Values.Where(row => row.CurrentShardingVersion != row.TargetShardingVersion))
        {
            rows.Put(row with { CurrentShardingVersion = row.TargetShardingVersion });
        }

        return rows;
    }

    /// <summary>A reign with another primary or term: the rows that follow from it too.</summary>
    private static ProposalBuilder PutReign(ProposalBuilder rows, ClusterModel model, ReignRow reign, long promotionLsn)
    {
        InstanceRow primary = model.Instances[reign.Primary];
        ReplicasetRow replicaset = model.Replicasets[reign.Replicaset];
        bool isAnother = replicaset.CurrentMaster != reign.Primary;
        return rows.Put(reign)
            .Put(primary with { SyncIncarnation = primary.TargetState.Incarnation })
            .Put(replicaset with
            {
                CurrentMaster = reign.Primary,
                TargetMaster = reign.Primary,
                PromotionPosition = promotionLsn,
                MasterChangeCounter = replicaset.MasterChangeCounter + (isAnother ? 1 : 0),
                TargetConfigVersion = replicaset.TargetConfigVersion + 1,
            });
    }

    private async ValueTask<bool> ElectAsync(GovernorStep.Elect step, CancellationToken cancel)
    {
        // prove that this instance still leads before anybody is disturbed, and decide from what holds now
        TimeSpan leaseLeft = tools.Ledger.Bar(step.Replicaset);
        try
        {
            ClusterModel model = ClusterModel.From(await tools.Catalog.ReadBarrierAsync(cancel));
            if (leaseLeft > TimeSpan.Zero || !model.Reigns.TryGetValue(step.Replicaset, out ReignRow? reign) || !step.Ask.All(reign.InSync.Contains))
            {
                return false;
            }

            long term = Math.Max(Math.Max(reign.Term + 1, step.Term), termsTried.GetValueOrDefault(step.Replicaset));
            List<(InstanceRow Row, ReplicaPosition Position)> answers = await FenceAsync(step, model, term, cancel);
            (InstanceRow best, ReplicaPosition position) = answers.OrderByDescending(answer => answer.Position)
                .ThenByDescending(answer => answer.Row.Name == reign.Primary).ThenBy(answer => answer.Row.Name, StringComparer.Ordinal).First();
            if (position.Term == reign.Term && position.Lsn < step.AcknowledgedLsn)
            {
                throw new InvalidOperationException(
                    $"replicaset {step.Replicaset}: {best.Name} ends at {position}, but {step.AcknowledgedLsn} was acknowledged by {reign.Primary}: an in-sync member has lost rows, nobody is promoted before {reign.Primary} is back or an operator decides");
            }

            var next = new ReignRow(reign.Replicaset, term, reign.Epoch + 1, best.Name, [.. answers.Select(answer => answer.Row.Name)]);
            return await ProposeAsync(PutReign(Begin(model), model, next with { InSync = next.InSync.WithComparer(StringComparer.Ordinal) }, position.Lsn), cancel);
        }
        finally
        {
            tools.Ledger.Unbar(step.Replicaset);
        }
    }

    /// <summary>Asks all, waits for one, and a little for the others; at least one answer or an exception.</summary>
    private async ValueTask<List<(InstanceRow Row, ReplicaPosition Position)>> FenceAsync(GovernorStep.Elect step, ClusterModel model, long term, CancellationToken cancel)
    {
        using TimeLimit limit = tools.Time.Limit(tools.Timings.FenceLimit, cancel);
        List<(InstanceRow Row, Task<ReplicaPosition> Answer)> asked = [];
        foreach (InstanceRow row in step.Ask.Select(name => model.Instances[name]).Where(row => model.AddressOf(row) is not null))
        {
            asked.Add((row, tools.Members.FenceAsync(model.AddressOf(row)!, step.Replicaset, term, governorTerm, limit.Token).AsTask()));
        }

        var left = asked.Select(one => (Task)one.Answer).ToList();
        while (left.Count > 0 && !asked.Any(one => one.Answer.IsCompletedSuccessfully))
        {
            left.Remove(await Task.WhenAny(left));
        }

        if (left.Count > 0)
        {
            Task grace = tools.Time.WaitAsync(tools.Timings.FenceGrace, limit.Token).AsTask();
            Task all = Timing.QuietAsync(Task.WhenAll(asked.Select(one => one.Answer)));
            await Task.WhenAny(grace, all);
        }

        List<(InstanceRow, ReplicaPosition)> answers = [.. asked.Where(one => one.Answer.IsCompletedSuccessfully).Select(one => (one.Row, one.Answer.Result))];
        if (answers.Count > 0)
        {
            return answers;
        }

        Exception? problem = asked.Select(one => one.Answer.Exception?.InnerException).FirstOrDefault(inner => inner is not null);
        if (problem is PeerException { Failure: PeerFailure.Refused })
        {
            termsTried[step.Replicaset] = term + 1;
        }

        throw new InvalidOperationException($"replicaset {step.Replicaset}: no in-sync member answered: {problem?.Message ?? "time ran out"}");
    }

    private async ValueTask<bool> SwitchOverAsync(GovernorStep.Switchover step, ClusterModel model, CancellationToken cancel)
    {
        ReignRow reign = model.Reigns[step.Replicaset];
        long term = Math.Max(reign.Term + 1, step.Term);
        ReplicaPosition position;
        using (TimeLimit limit = tools.Time.Limit(tools.Timings.HandOverLimit, cancel))
        {
            position = await tools.Members.HandOverAsync(model.AddressOf(model.Instances[step.From]) ?? "", step.Replicaset, term, governorTerm, limit.Token);
        }

        // the in-sync set held all that was accepted when the old primary stopped, so any of them may go on
        for (int attempt = 0; attempt < 3; attempt++)
        {
            model = ClusterModel.From(await tools.Catalog.ReadBarrierAsync(cancel));
            if (!model.Reigns.TryGetValue(step.Replicaset, out ReignRow? present) || present.Term != reign.Term)
            {
                return false;
            }

            string to = present.InSync.Contains(step.To) ? step.To : step.From;
            if (await ProposeAsync(PutReign(Begin(model), model, present with { Term = term, Epoch = present.Epoch + 1, Primary = to }, position.Lsn), cancel))
            {
                return true;
            }
        }

        return false;
    }

    private ProposalBuilder Begin(ClusterModel model) => new ProposalBuilder(model).Expect(CatalogTables.Property, GovernorLoop.GovernorKey);

    private async ValueTask<bool> ProposeAsync(ProposalBuilder rows, CancellationToken cancel)
    {
        ProposalResult result = await tools.Catalog.ProposeAsync(rows.Build(tools.Chance.NextUuid()), cancel);
        tools.Log.LogDebug("governor proposed {Rows}: {Result}", rows, result.IsApplied);
        return result.IsApplied;
    }
}
