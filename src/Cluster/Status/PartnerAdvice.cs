namespace Picodata.Cluster;

/// <summary>Why a replicaset has fewer members than its tier's replication factor, and what would help. For status, the log and metrics. Pure.</summary>
public static class PartnerAdvice
{
    /// <summary>One sentence or two for every live replicaset that lacks members, by name of the replicaset.</summary>
    public static IEnumerable<(string Replicaset, string Text)> For(ClusterModel model)
    {
        foreach (ReplicasetRow replicaset in model.Replicasets.Values.Where(row => row.IsLive))
        {
            InstanceRow[] members = [.. model.MembersOf(replicaset.Name)];
            if (model.Tiers.TryGetValue(replicaset.Tier, out TierRow? tier) && members.Length > 0 && members.Length < tier.ReplicationFactor)
            {
                yield return (replicaset.Name, Explain(model, tier, replicaset, members));
            }
        }
    }

    private static string Explain(ClusterModel model, TierRow tier, ReplicasetRow replicaset, InstanceRow[] members)
    {
        TierOptions options = model.OptionsOf(tier.Name);
        string head = $"replicaset {replicaset.Name} has {members.Length} of {tier.ReplicationFactor} members";
        InstanceRow[] lonely = [.. model.Replicasets.Values.Where(row => row.Tier == tier.Name && row.IsLive && row.Name != replicaset.Name)
            .SelectMany(row => model.MembersOf(row.Name) is var others && others.Count() < tier.ReplicationFactor ? others : [])];
        string[] reasons = [.. lonely.Select(other => Obstacle(options, members, other)).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (reasons.Length == 0)
        {
            return $"{head}: start another instance of tier {tier.Name} {Wanted(options, members)}";
        }

        string[] labels = [.. members.SelectMany(member => lonely.SelectMany(other => DifferingLabels(member, other))).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        string help = options.Survive is null && labels.Length > 0
            ? $"; tier option `survive: {labels[0].ToLowerInvariant()}` would let instances be partners that differ in {labels[0]} only (it is read when instances join)"
            : "";
        return $"{head}: {string.Join("; ", reasons)}; start an instance {Wanted(options, members)}{help}";
    }

    private static string Wanted(TierOptions options, InstanceRow[] members)
    {
        if (options.Survive is { } key)
        {
            string[] values = [.. members.Select(member => member.FailureDomain.Labels.GetValueOrDefault(key)).OfType<string>().Order(StringComparer.Ordinal)];
            return values.Length == members.Length
                ? $"with {key} other than {string.Join(", ", values)}"
                : $"(its members lack the label {key}, which `survive` asks for: give them one, then expel and join them anew)";
        }

        string[] taken = [.. members.SelectMany(member => member.FailureDomain.Labels).Select(pair => $"{pair.Key}={pair.Value}").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return taken.Length == 0 ? "in any failure domain" : $"that has none of {string.Join(", ", taken)}";
    }

    /// <summary>What keeps another lonely instance from being a partner.</summary>
    private static string? Obstacle(TierOptions options, InstanceRow[] members, InstanceRow other)
    {
        if (options.Survive is { } key)
        {
            return members.Any(member => Placement.AreTooNear(options, member.FailureDomain, other.FailureDomain))
                ? other.FailureDomain.Labels.TryGetValue(key, out string? value) ? $"{other.Name} is in {key}={value} too" : $"{other.Name} has no label {key}"
                : null;
        }

        string[] shared = [.. members.SelectMany(member => member.FailureDomain.SharedWith(other.FailureDomain)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return shared.Length == 0 ? null : $"{other.Name} shares {string.Join(", ", shared)}";
    }

    private static IEnumerable<string> DifferingLabels(InstanceRow one, InstanceRow other) =>
        one.FailureDomain.Labels.Where(pair => other.FailureDomain.Labels.TryGetValue(pair.Key, out string? value) && value != pair.Value).Select(pair => pair.Key);
}
