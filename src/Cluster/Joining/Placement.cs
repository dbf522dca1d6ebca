using System.Globalization;

namespace Picodata.Cluster;

/// <summary>
/// Which replicaset an instance goes to (sections 3.1 and 3.5 of the reference).
///
/// L1 Without <c>survive</c>: the first replicaset of the tier in ordinal order of names that lives, lacks a member and has no member that shares
///    a failure-domain value; else a new one. An empty domain conflicts with nothing.
/// L2 With <c>survive: KEY</c>: every member has to have KEY with a value of its own; among the replicasets that lack such a member the one whose members
///    share the fewest other values, then the first by name.
/// L3 Members that are offline count; membership is never changed afterwards.
/// </summary>
public static class Placement
{
    /// <summary>The replicaset for an instance of this tier and domain, or null: it begins a new one.</summary>
    public static ReplicasetRow? Choose(ClusterModel model, TierRow tier, FailureDomain domain)
    {
        TierOptions options = model.OptionsOf(tier.Name);
        ReplicasetRow? best = null;
        int fewest = int.MaxValue;
        foreach (ReplicasetRow candidate in model.Replicasets.Values.Where(row => row.Tier == tier.Name && row.IsLive))
        {
            InstanceRow[] members = [.. model.MembersOf(candidate.Name)];
            if (members.Length >= tier.ReplicationFactor || members.Any(member => AreTooNear(options, member.FailureDomain, domain)))
            {
                continue;
            }

            int shared = members.SelectMany(member => member.FailureDomain.SharedWith(domain)).Distinct(StringComparer.Ordinal).Count();
            if (shared < fewest)
            {
                (best, fewest) = (candidate, shared);
            }
        }

        return best;
    }

    /// <summary>True when two members of one replicaset must not have these domains.</summary>
    public static bool AreTooNear(TierOptions options, FailureDomain one, FailureDomain other) =>
        options.Survive is not { } key
            ? one.SharesValueWith(other)
            : !one.Labels.TryGetValue(key, out string? mine) || !other.Labels.TryGetValue(key, out string? theirs) || mine == theirs;

    /// <summary>The replicaset whose name, followed by <c>_</c> and a number, is the instance's name; null when there is none that could take it.</summary>
    public static ReplicasetRow? NamedBy(ClusterModel model, string tier, string instanceName)
    {
        int cut = instanceName.LastIndexOf('_');
        return cut > 0 && cut < instanceName.Length - 1 && instanceName.AsSpan(cut + 1).IndexOfAnyExceptInRange('0', '9') < 0
            && model.Replicasets.TryGetValue(instanceName[..cut], out ReplicasetRow? row) && row.IsLive && row.Tier == tier
            ? row
            : null;
    }

    /// <summary>First free name of a replicaset; names of expelled ones are free again.</summary>
    public static string FreeReplicasetName(ClusterModel model, string tier) =>
        FirstFree(tier, name => model.Replicasets.TryGetValue(name, out ReplicasetRow? row) && row.State != ReplicasetState.Expelled);

    /// <summary>First free name of an instance; names of expelled ones are free again.</summary>
    public static string FreeInstanceName(ClusterModel model, string replicaset) =>
        FirstFree(replicaset, name => model.Instances.TryGetValue(name, out InstanceRow? row) && !row.IsExpelled);

    private static string FirstFree(string prefix, Func<string, bool> isTaken)
    {
        for (int number = 1; ; number++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{prefix}_{number}");
            if (!isTaken(name))
            {
                return name;
            }
        }
    }
}
