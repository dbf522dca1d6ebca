using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Picodata.Replication;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// A catalog image as typed rows: what everybody decides from. Immutable, cheap enough to be made for every image.
///
/// T1 A decision is made from one model and proposed with expectations on the rows that it was made from (<see cref="ProposalBuilder"/>).
/// T2 Whatever changes who belongs where (joins, expels, tiers) also rewrites the property <c>topology_version</c> on the version that
///    was read, so that two such decisions never both hold (numbers of instances stay unique, a place is given once).
/// </summary>
public sealed class ClusterModel
{
    /// <summary>Keys of <c>_pico_property</c> that this room keeps.</summary>
    public const string TopologyVersion = "topology_version", ClusterNameKey = "cluster_name", ClusterUuidKey = "cluster_uuid", ClusterVersionKey = "cluster_version";

    /// <summary>
    /// Key of <c>_pico_property</c>: name of the replicaset that holds all rows, the founder's, fixed when the cluster began. Rows are there before any replicaset is
    /// ready, so it must not depend on who becomes ready first. Sharding gives rows to others by moving buckets.
    /// </summary>
    public const string DataReplicasetKey = "data_replicaset";

    private const string TierOptionsPrefix = "tier:";

    /// <summary>A view is made once for each image, and goes with it: heartbeats ask many times.</summary>
    private static readonly ConditionalWeakTable<CatalogImage, ClusterModel> Views = [];

    private ClusterModel(CatalogImage image)
    {
        Image = image;
        Instances = Decode(CatalogTables.Instance, tuple => RowCodec.DecodeInstance(tuple), row => row.Name);
        Replicasets = Decode(CatalogTables.Replicaset, tuple => RowCodec.DecodeReplicaset(tuple), row => row.Name);
        Tiers = Decode(CatalogTables.Tier, tuple => RowCodec.DecodeTier(tuple), row => row.Name);
        Reigns = Decode(CatalogTables.Reign, tuple => RowCodec.DecodeReign(tuple), row => row.Replicaset);
        Addresses = [.. Rows(CatalogTables.PeerAddress, tuple => RowCodec.DecodePeerAddress(tuple))];
        Buckets = [.. Rows(CatalogTables.Bucket, tuple => RowCodec.DecodeBucket(tuple)).OrderBy(row => row.Tier, StringComparer.Ordinal).ThenBy(row => row.Start)];
    }

    private delegate T RowReader<out T>(ReadOnlySpan<byte> tuple);

    /// <summary>The image that this is a view of.</summary>
    public CatalogImage Image { get; }

    /// <summary>By name, expelled ones too.</summary>
    public ImmutableSortedDictionary<string, InstanceRow> Instances { get; }

    /// <summary>By name, expelled ones too.</summary>
    public ImmutableSortedDictionary<string, ReplicasetRow> Replicasets { get; }

    public ImmutableSortedDictionary<string, TierRow> Tiers { get; }

    /// <summary>By name of the replicaset; a replicaset that never had a primary that was up has none.</summary>
    public ImmutableSortedDictionary<string, ReignRow> Reigns { get; }

    public ImmutableArray<PeerAddressRow> Addresses { get; }

    /// <summary>By tier, then first bucket.</summary>
    public ImmutableArray<BucketRow> Buckets { get; }

    /// <summary>Name of the cluster, or empty when the catalog is.</summary>
    public string ClusterName => TextProperty(ClusterNameKey) ?? "";

    /// <summary>Name of the replicaset that holds all rows (<see cref="DataReplicasetKey"/>), or null when the catalog is empty.</summary>
    public string? DataReplicaset => TextProperty(DataReplicasetKey);

    /// <summary>UUID of the cluster; empty when the catalog is.</summary>
    public Guid ClusterUuid => Guid.TryParse(TextProperty(ClusterUuidKey), out Guid uuid) ? uuid : Guid.Empty;

    /// <summary>Reads an image. Rows that cannot be read are <see cref="InvalidDataException"/> with table and key.</summary>
    public static ClusterModel From(CatalogImage image) => Views.GetValue(image, static found => new ClusterModel(found));

    /// <summary>Members of a replicaset that are not expelled, by name.</summary>
    public IEnumerable<InstanceRow> MembersOf(string replicaset) =>
        Instances.Values.Where(row => row.ReplicasetName == replicaset && !row.IsExpelled);

    public InstanceRow? FindInstance(Guid uuid) => Instances.Values.FirstOrDefault(row => row.Uuid == uuid);

    /// <summary>What a tier has beyond Picodata's columns.</summary>
    public TierOptions OptionsOf(string tier) =>
        Property(TierOptionsPrefix + tier) is { } value ? RowCodec.DecodeTierOptions(value) : TierOptions.Default;

    /// <summary>Address of a kind (<c>iproto</c>, <c>pgproto</c>, <c>http</c>), or null when the instance announced none.</summary>
    public string? AddressOf(InstanceRow instance, string kind = "iproto")
    {
        foreach (PeerAddressRow row in Addresses)
        {
            if (row.RaftId == instance.RaftId && row.Kind == kind)
            {
                return row.Address;
            }
        }

        return null;
    }

    /// <summary>The MessagePack value of a property, or null.</summary>
    public byte[]? Property(string key) => Image.Find(CatalogTables.Property, key) is { } row ? RowCodec.DecodeProperty(row.Tuple.Span) : null;

    /// <summary>A property that is text; null when it is missing or something else.</summary>
    public string? TextProperty(string key)
    {
        if (Property(key) is not { } value)
        {
            return null;
        }

        var reader = new MsgPackReader(value);
        return reader.PeekKind() == MsgPackKind.String ? reader.ReadString() : null;
    }

    /// <summary>A property that is a number; null when it is missing or something else.</summary>
    public double? NumberProperty(string key)
    {
        if (Property(key) is not { } value)
        {
            return null;
        }

        var reader = new MsgPackReader(value);
        return reader.TryReadInt64(out long whole) ? whole : reader.TryReadDouble(out double real) ? real : null;
    }

    /// <summary>
    /// The catalog's word about a replicaset for the data path, or null when it has no reign yet. Epochs, terms and members as of this model.
    /// </summary>
    public Reign? ReignOf(string replicaset)
    {
        if (!Reigns.TryGetValue(replicaset, out ReignRow? row))
        {
            return null;
        }

        ImmutableArray<ReplicaMember> members = [.. MembersOf(replicaset).Select(member => new ReplicaMember(member.Name, member.Uuid, AddressOf(member) ?? ""))];
        return new Reign(row.Term, row.Epoch, row.Primary, row.InSync, members);
    }

    /// <summary>
    /// True when the process of <paramref name="instance"/> that was activated with <paramref name="incarnation"/> may act on the present reign of its
    /// replicaset. False for a primary whose reign was given to an earlier process of the same instance (invariant R8: it may have lost
    /// what was not synced): it waits for the governor, which gives a new term. Replicas may always act.
    /// </summary>
    public bool MayFollowReign(string instance, long incarnation) =>
        Instances.TryGetValue(instance, out InstanceRow? row)
        && Reigns.TryGetValue(row.ReplicasetName, out ReignRow? reign)
        && (reign.Primary != instance || row.SyncIncarnation == incarnation);

    /// <summary>Replicaset that holds a bucket now, or null when the tier's buckets are not given out yet.</summary>
    public string? ReplicasetOfBucket(string tier, long bucket) =>
        Buckets.FirstOrDefault(row => row.Tier == tier && row.Start <= bucket && bucket <= row.End)?.CurrentReplicaset;

    /// <summary>True when the replicaset holds or is to get a bucket.</summary>
    public bool HoldsBuckets(string replicaset) => Buckets.Any(row => row.CurrentReplicaset == replicaset || row.TargetReplicaset == replicaset);

    /// <summary>The process that an instance was last activated in, and the boot counter of its directory then; empty when it never told.</summary>
    public (Guid Process, long BootCounter) ProcessOf(Guid instance)
    {
        if (Property(ProcessKey(instance)) is not { } value)
        {
            return default;
        }

        var reader = new MsgPackReader(value);
        reader.ReadArrayHead();
        return (Guid.Parse(reader.ReadString()), reader.ReadInt64());
    }

    internal static string ProcessKey(Guid instance) => $"process:{instance:D}";

    internal static string TierOptionsKey(string tier) => TierOptionsPrefix + tier;

    private ImmutableSortedDictionary<string, T> Decode<T>(string table, RowReader<T> read, Func<T, string> key) =>
        Rows(table, read).ToImmutableSortedDictionary(key, row => row, StringComparer.Ordinal);

    private IEnumerable<T> Rows<T>(string table, RowReader<T> read)
    {
        foreach (CatalogRow row in Image.Table(table))
        {
            T typed;
            try
            {
                typed = read(row.Tuple.Span);
            }
            catch (Exception problem) when (problem is InvalidDataException or FormatException or OverflowException)
            {
                throw new InvalidDataException($"row '{row.Key}' of {table}: {problem.Message}", problem);
            }

            yield return typed;
        }
    }
}
