using System.Collections.Immutable;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>Picodata's error codes that this room answers with (section 8 of the reference).</summary>
public static class PeerErrors
{
    public const int Other = 10000, NotALeader = 10001, TermMismatch = 10003, NoSuchInstance = 10016, NoSuchReplicaset = 10017, LeaderUnknown = 10018, InstanceExpelled = 10020, InstanceRuns = 10022,
        Uninitialized = 10024, ExpelNotAllowed = 10025;
}

/// <summary>
/// Arguments of <c>.proc_raft_join</c>: one array: cluster name s, uuid s, instance name s?, replicaset name s?, tier s, failure domain {s: s}, version s,
/// iproto address s, pgproto address s?, http address s?, hops u (times it was sent on).
/// </summary>
/// <param name="Uuid">The joiner's own; the same in every repetition.</param>
/// <param name="InstanceName">Null: chosen for it.</param>
/// <param name="ReplicasetName">Null: chosen for it.</param>
public sealed record JoinRequest(
    string ClusterName,
    Guid Uuid,
    string? InstanceName,
    string? ReplicasetName,
    string Tier,
    FailureDomain FailureDomain,
    string Version,
    string IprotoAddress,
    string? PgprotoAddress,
    string? HttpAddress,
    int Hops = 0)
{
    /// <summary>The addresses as rows for this number.</summary>
    public IEnumerable<PeerAddressRow> AddressesOf(long raftId)
    {
        yield return new PeerAddressRow(raftId, IprotoAddress, "iproto");
        if (PgprotoAddress is not null)
        {
            yield return new PeerAddressRow(raftId, PgprotoAddress, "pgproto");
        }

        if (HttpAddress is not null)
        {
            yield return new PeerAddressRow(raftId, HttpAddress, "http");
        }
    }

    public byte[] Encode()
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(11);
        writer.WriteString(ClusterName);
        writer.WriteString(Uuid.ToString("D"));
        RowCodec.WriteText(writer, InstanceName);
        RowCodec.WriteText(writer, ReplicasetName);
        writer.WriteString(Tier);
        RowCodec.Write(writer, FailureDomain);
        writer.WriteString(Version);
        writer.WriteString(IprotoAddress);
        RowCodec.WriteText(writer, PgprotoAddress);
        RowCodec.WriteText(writer, HttpAddress);
        writer.WriteInt64(Hops);
        return writer.ToArray();
    }

    public static JoinRequest Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        reader.ReadArrayHead();
        return new JoinRequest(
            reader.ReadString(),
            Guid.Parse(reader.ReadString()),
            RowCodec.ReadTextOrNull(ref reader),
            RowCodec.ReadTextOrNull(ref reader),
            reader.ReadString(),
            RowCodec.ReadDomain(ref reader),
            reader.ReadString(),
            reader.ReadString(),
            RowCodec.ReadTextOrNull(ref reader),
            RowCodec.ReadTextOrNull(ref reader),
            checked((int)reader.ReadInt64()));
    }
}

/// <summary>
/// Answer of <c>.proc_raft_join</c>: array of cluster name s, cluster uuid s, tuple of <c>_pico_instance</c>, is_master b, [address tuples].
/// </summary>
/// <param name="IsMaster">The instance is the first of its replicaset: it has nothing to copy.</param>
/// <param name="Addresses">All peer addresses of the cluster.</param>
public sealed record JoinAnswer(string ClusterName, Guid ClusterUuid, InstanceRow Instance, bool IsMaster, ImmutableArray<PeerAddressRow> Addresses)
{
    public byte[] Encode()
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(5);
        writer.WriteString(ClusterName);
        writer.WriteString(ClusterUuid.ToString("D"));
        writer.WriteRaw(RowCodec.Encode(Instance));
        writer.WriteBoolean(IsMaster);
        writer.WriteArrayHead(Addresses.Length);
        foreach (PeerAddressRow row in Addresses)
        {
            writer.WriteRaw(RowCodec.Encode(row));
        }

        return writer.ToArray();
    }

    public static JoinAnswer Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        reader.ReadArrayHead();
        string name = reader.ReadString();
        Guid uuid = Guid.Parse(reader.ReadString());
        InstanceRow instance = RowCodec.DecodeInstance(reader.ReadRaw());
        bool isMaster = reader.ReadBoolean();
        var addresses = ImmutableArray.CreateBuilder<PeerAddressRow>();
        for (int left = reader.ReadArrayHead(); left > 0; left--)
        {
            addresses.Add(RowCodec.DecodePeerAddress(reader.ReadRaw()));
        }

        return new JoinAnswer(name, uuid, instance, isMaster, addresses.ToImmutable());
    }
}
