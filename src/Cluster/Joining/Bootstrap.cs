namespace Picodata.Cluster;

/// <summary>A tier as the configuration of the first instance has it.</summary>
public sealed record TierDefinition(string Name, int ReplicationFactor, int BucketCount, bool CanVote, TierOptions Options);

/// <summary>The rows with which a cluster begins; proposed once, onto an empty catalog, by the instance that discovery made the first.</summary>
public static class Bootstrap
{
    /// <summary>
    /// Tiers, properties and the first instance (number 1, <c>&lt;tier&gt;_1_1</c> unless it has a name), which then activates itself like any other. All
    /// rows are expected to be missing: of two proposals one is applied.
    /// </summary>
    public static ProposalBuilder Propose(ClusterModel empty, JoinRequest first, IReadOnlyList<TierDefinition> tiers, Guid clusterUuid, Guid replicasetUuid)
    {
        string replicaset = first.ReplicasetName ?? $"{first.Tier}_1";
        string name = first.InstanceName ?? $"{replicaset}_1";
        var proposal = new ProposalBuilder(empty)
            .PutProperty(ClusterModel.ClusterNameKey, first.ClusterName)
            .PutProperty(ClusterModel.ClusterUuidKey, clusterUuid.ToString("D"))
            .PutProperty(ClusterModel.ClusterVersionKey, first.Version)
            .PutProperty(ClusterModel.DataReplicasetKey, replicaset)
            .PutProperty("system_catalog_version", "25.1.1")
            .PutProperty("global_schema_version", 1)
            .PutProperty("next_schema_version", 2)
            .ChangeTopology();
        for (int index = 0; index < tiers.Count; index++)
        {
            TierDefinition tier = tiers[index];
            proposal.Put(new TierRow(tier.Name, tier.ReplicationFactor, tier.CanVote, 0, 0, false, tier.BucketCount, index == 0, 0, 0)).PutOptions(tier.Name, tier.Options);
        }

        proposal.Put(new InstanceRow(name, first.Uuid, 1, replicaset, replicasetUuid, InstanceState.Initial, InstanceState.Initial, first.FailureDomain, first.Tier, first.Version, 0, "", null));
        proposal.Put(new ReplicasetRow(replicaset, replicasetUuid, name, name, first.Tier, 0, false, ReplicasetState.NotReady, 0, 1, 0, 0, 0, 0));
        foreach (PeerAddressRow address in first.AddressesOf(1))
        {
            proposal.Put(address);
        }

        return proposal;
    }
}
