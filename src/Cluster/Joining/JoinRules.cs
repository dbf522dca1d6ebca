using System.Globalization;
using Picodata.Core;

namespace Picodata.Cluster;

/// <summary>
/// Decides a join (section 3.4): checks in their order with Picodata's texts, then the rows. Pure: the same model and request give
/// the same decision, apart from the UUID of a new replicaset, which is given.
///
/// Safer than Picodata on purpose: labels of failure domains are required while an instance that is not expelled has them; expelled ones and the
/// instance's own former record do not count, so a label can be retired.
/// </summary>
public static class JoinRules
{
    /// <summary>What to do with a request: <see cref="Known"/> is an instance that joined before; else <see cref="Proposal"/> makes <see cref="Instance"/> a member.</summary>
    public sealed record Decision(InstanceRow Instance, bool IsMaster, ProposalBuilder? Proposal)
    {
        /// <summary>The same UUID joined before: nothing to propose.</summary>
        public bool Known => Proposal is null;
    }

    /// <summary>Throws <see cref="PeerException"/> (refused) with the reason when the request cannot be granted.</summary>
    public static Decision Decide(ClusterModel model, JoinRequest request, Guid newReplicasetUuid)
    {
        if (request.ClusterName != model.ClusterName)
        {
            throw Refused($"cluster_name mismatch: cluster_name of the instance = \"{request.ClusterName}\", cluster_name of the cluster = \"{model.ClusterName}\"");
        }

        CheckVersion(model, request.Version);
        if (model.FindInstance(request.Uuid) is { } known)
        {
            CheckRejoin(known, request);
            return new Decision(known, model.Replicasets.TryGetValue(known.ReplicasetName, out ReplicasetRow? old) && old.CurrentMaster == known.Name, null);
        }

        if (!model.Tiers.TryGetValue(request.Tier, out TierRow? tier))
        {
            throw Refused($"tier \"{request.Tier}\" doesn't exist");
        }

        ReplicasetRow? replicaset = ChooseReplicaset(model, request, tier);
        CheckFailureDomain(model, request.FailureDomain, except: null);
        string replicasetName = replicaset?.Name ?? request.ReplicasetName ?? Placement.FreeReplicasetName(model, tier.Name);
        string name = request.InstanceName ?? Placement.FreeInstanceName(model, replicasetName);
        if (model.Instances.TryGetValue(name, out InstanceRow? holder) && !holder.IsExpelled)
        {
            throw Refused($"`{name}` is already joined");
        }

        return Write(model, request, tier, replicaset, new Place(replicasetName, replicaset?.Uuid ?? newReplicasetUuid, name));
    }

    /// <summary>Every label that an instance (not expelled, not <paramref name="except"/>) has must be there; else refused with the missing ones.</summary>
    public static void CheckFailureDomain(ClusterModel model, FailureDomain domain, string? except)
    {
        string[] missing = [.. model.Instances.Values.Where(row => !row.IsExpelled && row.Name != except)
            .SelectMany(row => row.FailureDomain.Labels.Keys).Distinct(StringComparer.Ordinal)
            .Where(label => !domain.Labels.ContainsKey(label)).Order(StringComparer.Ordinal)];
        if (missing.Length > 0)
        {
            throw Refused($"missing failure domain names: {string.Join(", ", missing)}");
        }
    }

    private readonly record struct Place(string Replicaset, Guid ReplicasetUuid, string Name);

    private static Decision Write(ClusterModel model, JoinRequest request, TierRow tier, ReplicasetRow? existing, Place place)
    {
        long raftId = model.Instances.Values.Select(row => row.RaftId).DefaultIfEmpty(0).Max() + 1;
        var instance = new InstanceRow(place.Name, request.Uuid, raftId, place.Replicaset, place.ReplicasetUuid, InstanceState.Initial, InstanceState.Initial,
            request.FailureDomain, tier.Name, request.Version, 0, "", null);
        var proposal = new ProposalBuilder(model).ChangeTopology().Put(instance);
        foreach (PeerAddressRow address in request.AddressesOf(raftId))
        {
            proposal.Put(address);
        }

        if (existing is null)
        {
            proposal.Put(new ReplicasetRow(place.Replicaset, place.ReplicasetUuid, place.Name, place.Name, tier.Name, 0, false, ReplicasetState.NotReady, 0, 1, 0, 0, 0, 0));
            proposal.DeleteReign(place.Replicaset);
        }
        else
        {
            proposal.RaiseVersions(instance).RaiseEpoch(place.Replicaset);
        }

        return new Decision(instance, existing is null, proposal);
    }

    private static ReplicasetRow? ChooseReplicaset(ClusterModel model, JoinRequest request, TierRow tier)
    {
        if (request.ReplicasetName is not { } name)
        {
            return (request.InstanceName is { } own ? Placement.NamedBy(model, tier.Name, own) : null) ?? Placement.Choose(model, tier, request.FailureDomain);
        }

        if (!model.Replicasets.TryGetValue(name, out ReplicasetRow? row) || row.State == ReplicasetState.Expelled)
        {
            return null;
        }

        if (row.Tier != tier.Name)
        {
            throw Refused($"tier mismatch: requested replicaset '{name}' is from tier '{row.Tier}', but specified tier is '{tier.Name}'");
        }

        return row.State == ReplicasetState.ToBeExpelled ? throw Refused("cannot join replicaset which is being expelled") : row;
    }

    private static void CheckRejoin(InstanceRow known, JoinRequest request)
    {
        if (known.CurrentState.Variant != StateVariant.Offline || known.TargetState.Variant != StateVariant.Offline)
        {
            throw Refused($"instance with UUID {known.Uuid:D} is not in Offline state");
        }

        string? different = request.InstanceName is { } name && name != known.Name ? "name"
            : request.ReplicasetName is { } replicaset && replicaset != known.ReplicasetName ? "replicaset name"
            : request.Tier != known.Tier ? "tier"
            : !request.FailureDomain.Equals(known.FailureDomain) ? "failure domain"
            : request.Version != known.PicodataVersion ? "picodata version"
            : null;
        if (different is not null)
        {
            throw Refused($"instance with UUID {known.Uuid:D} already exists but with different {different}");
        }
    }

    /// <summary>The minor version must be the cluster's or the next one, and there are never more than two in a cluster.</summary>
    private static void CheckVersion(ClusterModel model, string version)
    {
        if (model.TextProperty(ClusterModel.ClusterVersionKey) is not { } cluster || !TryMinor(cluster, out (int Major, int Minor) present) || !TryMinor(version, out (int Major, int Minor) joining))
        {
            return;
        }

        bool isNext = (joining.Major == present.Major && joining.Minor == present.Minor + 1) || (joining.Major == present.Major + 1 && joining.Minor <= 1);
        if (joining != present && !isNext)
        {
            throw Refused($"instance of version {version} cannot join a cluster of version {cluster}: its minor version must be the same or the next one");
        }

        string[] minors = [.. model.Instances.Values.Where(row => !row.IsExpelled).Select(row => row.PicodataVersion).Append(version)
            .Select(text => TryMinor(text, out (int Major, int Minor) minor) ? minor : present).Distinct().Order()
            .Select(minor => string.Create(CultureInfo.InvariantCulture, $"{minor.Major}.{minor.Minor}"))];
        if (minors.Length > 2)
        {
            throw Refused($"cluster cannot contain more than two Picodata minor versions, found: {string.Join(", ", minors)}");
        }
    }

    private static bool TryMinor(string version, out (int Major, int Minor) minor)
    {
        string[] parts = version.Split('.', '-');
        minor = default;
        if (parts.Length < 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int major) || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int second))
        {
            return false;
        }

        minor = (major, second);
        return true;
    }

    internal static PeerException Refused(string message, int code = PeerErrors.Other) => new(PeerFailure.Refused, message, code);
}
