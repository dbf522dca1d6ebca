
namespace Picodata.Cluster;

/// <summary>What an instance is configured with at a restart; null: not configured, nothing to compare.</summary>
public sealed record ConfiguredSelf(
    string? ClusterName,
    string? InstanceName,
    string? ReplicasetName,
    string? Tier,
    string? IprotoAddress,
    string? PgprotoAddress,
    string? HttpAddress,
    IReadOnlyList<TierDefinition>? Tiers);

/// <summary>
/// What may not differ between what was persisted and the configuration of a restart (section 2.3 of the reference). Pure; the first difference is told.
/// </summary>
public static class RestartRules
{
    /// <summary>The refusal's text, or null when the instance may start.</summary>
    public static string? Check(ClusterModel model, InstanceRow self, ConfiguredSelf configured)
    {
        (string Name, string? Was, string? Became)[] pairs =
        [
            ("cluster_name", model.ClusterName, configured.ClusterName),
            ("instance_name", self.Name, configured.InstanceName),
            ("replicaset_name", self.ReplicasetName, configured.ReplicasetName),
            ("tier", self.Tier, configured.Tier),
            ("iproto_advertise", model.AddressOf(self), configured.IprotoAddress),
            ("pg_advertise", model.AddressOf(self, "pgproto"), configured.PgprotoAddress),
            ("http_advertise", model.AddressOf(self, "http"), configured.HttpAddress),
        ];
        foreach ((string name, string? was, string? became) in pairs)
        {
            if (was is not null && became is not null && was != became)
            {
                return Different(name, was, became);
            }
        }

        return configured.Tiers is { } tiers ? CheckTiers(model, tiers) : null;
    }

    private static string? CheckTiers(ClusterModel model, IReadOnlyList<TierDefinition> tiers)
    {
        string[] lost = [.. model.Tiers.Keys.Where(name => tiers.All(tier => tier.Name != name))];
        if (lost.Length > 0)
        {
            return $"tiers not found in configuration: {string.Join(", ", lost)}";
        }

        string[] unknown = [.. tiers.Select(tier => tier.Name).Where(name => !model.Tiers.ContainsKey(name)).Order(StringComparer.Ordinal)];
        return unknown.Length > 0
            ? $"tiers previously not seen: {string.Join(", ", unknown)}"
            : tiers.Select(tier => CheckTier(model.Tiers[tier.Name], model.OptionsOf(tier.Name), tier)).FirstOrDefault(text => text is not null);
    }

    private static string? CheckTier(TierRow row, TierOptions options, TierDefinition tier)
    {
        // the replication factor in the catalog may have been changed by UPDATE; then the configuration need not follow
        (string Name, string Was, string Became)[] pairs =
        [
            ("bucket_count", $"{row.BucketCount}", $"{tier.BucketCount}"),
            ("can_vote", row.CanVote ? "true" : "false", tier.CanVote ? "true" : "false"),
            ("replication_mode", options.IsAsync ? "async" : "sync", tier.Options.IsAsync ? "async" : "sync"),
            ("wal_mode", options.WalMode, tier.Options.WalMode),
            ("survive", options.Survive ?? "", tier.Options.Survive ?? ""),
        ];
        return pairs.Where(pair => pair.Was != pair.Became).Select(pair => Different($"tier.{tier.Name}.{pair.Name}", pair.Was, pair.Became)).FirstOrDefault();
    }

    private static string Different(string name, string was, string became) =>
        $"instance restarted with a different `{name}`, which is not allowed, was: '{was}' became: '{became}'";
}
