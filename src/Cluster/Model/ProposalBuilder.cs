using System.Collections.Immutable;
using System.Globalization;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// Collects the changes of one decision together with the versions of the rows that it was made from. Every row that is put or deleted
/// is expected to be as it was in the model; rows that were only read are named with <see cref="Expect"/>.
/// </summary>
public sealed class ProposalBuilder(ClusterModel model)
{
    private readonly Dictionary<(string Table, string Key), CatalogChange> changes = [];
    private readonly HashSet<(string Table, string Key)> expected = [];

    /// <summary>True when there is nothing to propose.</summary>
    public bool IsEmpty => changes.Count == 0;

    /// <summary>The decision holds only while this row is as it was (or still missing).</summary>
    public ProposalBuilder Expect(string table, string key)
    {
        expected.Add((table, key));
        return this;
    }

    public ProposalBuilder Put(InstanceRow row) => Put(CatalogTables.Instance, row.Name, RowCodec.Encode(row));

    public ProposalBuilder Put(ReplicasetRow row) => Put(CatalogTables.Replicaset, row.Name, RowCodec.Encode(row));

    public ProposalBuilder Put(TierRow row) => Put(CatalogTables.Tier, row.Name, RowCodec.Encode(row));

    public ProposalBuilder Put(PeerAddressRow row) => Put(CatalogTables.PeerAddress, RowCodec.KeyOf(row), RowCodec.Encode(row));

    public ProposalBuilder Put(BucketRow row) => Put(CatalogTables.Bucket, RowCodec.KeyOf(row), RowCodec.Encode(row));

    public ProposalBuilder Put(ReignRow row) => Put(CatalogTables.Reign, row.Replicaset, RowCodec.Encode(row));

    public ProposalBuilder PutOptions(string tier, TierOptions options) => PutProperty(ClusterModel.TierOptionsKey(tier), RowCodec.Encode(options));

    public ProposalBuilder PutProperty(string key, string value)
    {
        var writer = new MsgPackWriter(64);
        writer.WriteString(value);
        return PutProperty(key, writer.WrittenSpan);
    }

    public ProposalBuilder PutProperty(string key, long value)
    {
        var writer = new MsgPackWriter(16);
        writer.WriteInt64(value);
        return PutProperty(key, writer.WrittenSpan);
    }

    /// <summary>The process that an instance is activated in.</summary>
    public ProposalBuilder PutProcess(Guid instance, Guid process, long bootCounter)
    {
        var writer = new MsgPackWriter(64);
        writer.WriteArrayHead(2);
        writer.WriteString(process.ToString("D"));
        writer.WriteInt64(bootCounter);
        return PutProperty(ClusterModel.ProcessKey(instance), writer.WrittenSpan);
    }

    /// <summary>Forgets the process of an instance that is expelled.</summary>
    public ProposalBuilder DeleteProcess(Guid instance) =>
        model.Property(ClusterModel.ProcessKey(instance)) is null ? this : Change(CatalogTables.Property, ClusterModel.ProcessKey(instance), null);

    /// <summary>A property whose value is one MessagePack value.</summary>
    public ProposalBuilder PutProperty(string key, ReadOnlySpan<byte> value) => Put(CatalogTables.Property, key, RowCodec.EncodeProperty(key, value));

    public ProposalBuilder Delete(PeerAddressRow row) => Change(CatalogTables.PeerAddress, RowCodec.KeyOf(row), null);

    /// <summary>Deletes a replicaset's reign, if there is one.</summary>
    public ProposalBuilder DeleteReign(string replicaset) => model.Reigns.ContainsKey(replicaset) ? Change(CatalogTables.Reign, replicaset, null) : this;

    /// <summary>A replicaset's members or their addresses change: its reign, if there is one, gets a new epoch, so that its members take the change over.</summary>
    public ProposalBuilder RaiseEpoch(string replicaset) => model.Reigns.TryGetValue(replicaset, out ReignRow? reign) ? Put(reign with { Epoch = reign.Epoch + 1 }) : this;

    /// <summary>This decision changes who belongs where: no other such decision was made since (invariant T2).</summary>
    public ProposalBuilder ChangeTopology() => PutProperty(ClusterModel.TopologyVersion, (long)(model.NumberProperty(ClusterModel.TopologyVersion) ?? 0) + 1);

    /// <summary>The row of an instance with a new target state; the configuration versions that follow from it are raised.</summary>
    public ProposalBuilder PutTarget(InstanceRow row, InstanceState target, string reason, DateTimeOffset now)
    {
        Put(row with { TargetState = target, TargetStateReason = reason, TargetStateChangeTime = Time(now) });
        return RaiseVersions(row);
    }

    /// <summary>Raises <c>target_config_version</c> of the instance's replicaset and <c>target_vshard_config_version</c> of its tier (if it has buckets).</summary>
    public ProposalBuilder RaiseVersions(InstanceRow row)
    {
        if (model.Replicasets.TryGetValue(row.ReplicasetName, out ReplicasetRow? replicaset) && !changes.ContainsKey((CatalogTables.Replicaset, replicaset.Name)))
        {
            Put(replicaset with { TargetConfigVersion = replicaset.TargetConfigVersion + 1 });
        }

        if (model.Tiers.TryGetValue(row.Tier, out TierRow? tier) && tier.BucketCount > 0 && !changes.ContainsKey((CatalogTables.Tier, tier.Name)))
        {
            Put(tier with { TargetShardingVersion = tier.TargetShardingVersion + 1 });
        }

        return this;
    }

    /// <summary>The proposal; <paramref name="id"/> must be new.</summary>
    public CatalogProposal Build(Guid id)
    {
        var expectations = expected.Concat(changes.Keys).Distinct()
            .OrderBy(key => key.Table, StringComparer.Ordinal).ThenBy(key => key.Key, StringComparer.Ordinal)
            .Select(key => new CatalogExpectation(key.Table, key.Key, model.Image.Find(key.Table, key.Key)?.Version ?? 0));
        var inOrder = changes.Values.OrderBy(change => change.Table, StringComparer.Ordinal).ThenBy(change => change.Key, StringComparer.Ordinal);
        return new CatalogProposal(id, [.. expectations], [.. inOrder]);
    }

    internal static MpDatetime Time(DateTimeOffset now) => new(now.ToUnixTimeSeconds(), (int)(now.Ticks % TimeSpan.TicksPerSecond * 100));

    /// <inheritdoc/>
    public override string ToString() =>
        string.Join(", ", changes.Keys.Select(key => string.Create(CultureInfo.InvariantCulture, $"{key.Table}[{key.Key}]")).Order(StringComparer.Ordinal));

    private ProposalBuilder Put(string table, string key, byte[] tuple) => Change(table, key, tuple);

    private ProposalBuilder Change(string table, string key, byte[]? tuple)
    {
        changes[(table, key)] = new CatalogChange(table, key, tuple is null ? default(ReadOnlyMemory<byte>?) : tuple);
        return this;
    }
}
