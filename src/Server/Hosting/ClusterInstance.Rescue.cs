using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Picodata.Cluster;
using Picodata.Core;

namespace Picodata.Server;

/// <summary>Beginning anew on what is left, by the operator's order only; what is decided is in <see cref="RescueRules"/>.</summary>
internal sealed partial class ClusterInstance
{
    private static readonly TimeSpan LookLimit = TimeSpan.FromSeconds(1);

    private static bool StandsAlone(ClusterModel model, InstanceRow self) => model.Instances.Values.All(other => other.IsExpelled || other.Name == self.Name);

    /// <summary>
    /// Makes the directory the beginning of a new cluster when the operator orders it (<c>--rescue</c>), or when it is a copy of the only instance of a cluster: the original
    /// may live, and must never take the copy for itself. The new catalog is written through the instance's own log, in one transaction, before anything else is
    /// touched; from there on every start, also one after a crash in the middle, is that of an instance that stands alone.
    /// </summary>
    private async Task<ClusterModel> BeginAnewAsync(InstanceIdentity directory, AppliedCatalog applied, ClusterModel model, InstanceRow self, CancellationToken stop)
    {
        bool isOwn = directory.Verdict == IdentityVerdict.Own;
        if (StandsAlone(model, self) ? isOwn : !await IsOrderedAsync(isOwn, model, self, stop))
        {
            return model;
        }

        Rescue rescue;
        try
        {
            PeerAddressRow[] addresses = [.. files.JoinRequest(self.Uuid).AddressesOf(self.RaftId)];
            bool mayLack = StandsAlone(model, self) || files.Rescue?.Cluster is not null;
            rescue = RescueRules.Decide(model, self, mayLack, chance.NextUuid(), addresses, time.GetUtcNow());
        }
        catch (PeerException refused)
        {
            throw new ConfigException(refused.Message);
        }

        await applied.SaveAsync(rescue.Image, stop);
        ClusterModel anew = ClusterModel.From(rescue.Image);
        string[] others = [.. model.Instances.Values.Where(row => !row.IsExpelled && row.Name != self.Name).Select(row => row.Name)];
        log.LogWarning(
            "instance {Name} goes on alone as a cluster of its own, {Uuid}; cluster {Former} is another one from now on. Fenced off: {Others}",
            self.Name, anew.ClusterUuid, model.ClusterUuid, others.Length == 0 ? "nobody" : string.Join(", ", others));
        foreach (string warning in rescue.Warnings)
        {
            log.LogWarning("{Warning}", warning);
        }

        return anew;
    }

    /// <summary>True when <c>--rescue</c> is to be carried out. An instance does not leave a cluster that lives; a copy of it may.</summary>
    private async Task<bool> IsOrderedAsync(bool isOwn, ClusterModel model, InstanceRow self, CancellationToken stop)
    {
        if (files.Rescue is not { } order)
        {
            return false;
        }

        if (RescueRules.WhyDone(model, self, order.Cluster) is { } done)
        {
            log.LogWarning("{Reason}", done);
            return false;
        }

        if (isOwn)
        {
            Introduce(model.ClusterUuid, self);
            if (await LivingLeaderAsync(SeedsOf(model, self), stop) is { } leader)
            {
                throw new ConfigException($"the cluster lives: {leader} leads it; start this instance without --rescue");
            }
        }

        return true;
    }

    /// <summary>What a start has to know from the others before it speaks for a member: refusals that nobody else would make.</summary>
    private async Task AskBeforeReturnAsync(ClusterModel model, InstanceRow self, bool isOwn, CancellationToken stop)
    {
        if (await AskWhetherGivenUpAsync(SeedsOf(model, self), stop) is { } refusal)
        {
            throw new ConfigException(refusal);
        }

        if (!isOwn)
        {
            await RefuseTwinAsync(model, self, stop);
            log.LogWarning("this start waits for the other members of the cluster; if they are lost for good, stop it and start it with --rescue");
        }
    }

    private async Task<string?> LivingLeaderAsync(ImmutableArray<string> addresses, CancellationToken stop) =>
        (await LookAsync(addresses, stop)).Select(look => look.Leader).FirstOrDefault(leader => leader is not null);

    /// <summary>
    /// Asks the others whether this directory belongs to a cluster that was given up while the instance was away; gives the refusal's text. Who does not answer
    /// within a second says nothing.
    /// </summary>
    private async Task<string?> AskWhetherGivenUpAsync(ImmutableArray<string> addresses, CancellationToken stop) =>
        (await LookAsync(addresses, stop)).Where(look => look.Refusal?.Contains(PeerIdentity.GivenUp, StringComparison.Ordinal) == true)
            .Select(look => $"{look.Address}: {look.Refusal}").FirstOrDefault();

    /// <summary>A copy must not take the place of the process that it was copied from, when that runs on elsewhere: it would be superseded by old files.</summary>
    private async Task RefuseTwinAsync(ClusterModel model, InstanceRow self, CancellationToken stop)
    {
        if (model.AddressOf(self) is { } address && address != config.IprotoAdvertise && (await LookAsync([address], stop))[0].IsThere)
        {
            throw new ConfigException(
                $"{files.Directory} is a copy of instance {self.Name}, which runs at {address}: stop that one first, or start this copy with --rescue as a cluster of its own");
        }
    }

    /// <summary>What peers say at once: a leader, a refusal, or nothing.</summary>
    private async Task<PeerLook[]> LookAsync(ImmutableArray<string> addresses, CancellationToken stop) => await Task.WhenAll(addresses.Select(async address =>
    {
        var request = new DiscoveryRequest(chance.NextUuid(), false, [], [], address);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(LookLimit);
        try
        {
            return new PeerLook(address, true, DiscoveryAnswer.Decode((await network.CallAsync(address, ".proc_discover", request.Encode(), limit.Token)).Span).Leader, null);
        }
        catch (Exception silent) when (silent is PeerException or OperationCanceledException && !stop.IsCancellationRequested)
        {
            log.LogDebug("{Address} knows no leader: {Reason}", address, silent.Message);
            return new PeerLook(address, silent is PeerException { Failure: PeerFailure.Refused }, null, silent.Message);
        }
    }));

    /// <param name="IsThere">It answered, if only with a refusal.</param>
    private sealed record PeerLook(string Address, bool IsThere, string? Leader, string? Refusal);
}
