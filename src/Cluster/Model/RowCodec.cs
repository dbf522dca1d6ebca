using System.Collections.Immutable;
using System.Globalization;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>Names of the catalog's tables that this room reads and writes.</summary>
public static class CatalogTables
{
    public const string Instance = "_pico_instance", Replicaset = "_pico_replicaset", Tier = "_pico_tier", PeerAddress = "_pico_peer_address",
        Property = "_pico_property", Bucket = "_pico_bucket", Reign = "_pico_reign";
}

/// <summary>
/// Tuples of the catalog's tables, in Picodata's columns and their order (section 8 of the reference):
///
/// <c>_pico_instance</c>: name s, uuid s, raft_id u, replicaset_name s, replicaset_uuid s, current_state [s, u], target_state [s, u],
///   failure_domain {s: s}, tier s, picodata_version s, sync_incarnation u?, target_state_reason s?, target_state_change_time datetime?
/// <c>_pico_replicaset</c>: name s, uuid s, current_master_name s, target_master_name s, tier s, weight d, weight_origin s, state s,
///   current_config_version u, target_config_version u, promotion_vclock {u: u}, master_change_counter u?, current_bucket_state_version u?,
///   target_bucket_state_version u?
/// <c>_pico_tier</c>: name s, replication_factor u, can_vote b, current_vshard_config_version u, target_vshard_config_version u,
///   vshard_bootstrapped b, bucket_count u, is_default b?, current_bucket_state_version u?, target_bucket_state_version u?
/// <c>_pico_peer_address</c>: raft_id u, address s, connection_type s (key raft_id/connection_type)
/// <c>_pico_property</c>: key s, value any
/// <c>_pico_bucket</c>: tier_name s, bucket_id_start u, bucket_id_end u, state s, current_replicaset_name s, target_replicaset_name s? (key tier/start)
/// <c>_pico_reign</c> (ours): replicaset_name s, term u, epoch u, primary s, in_sync [s]
///
/// Columns at the end that may be null may be missing when read; all are written. A tuple that does not fit is <see cref="InvalidDataException"/>.
/// </summary>
internal static class RowCodec
{
    private static readonly string[] ReplicasetStates = ["not-ready", "ready", "to-be-expelled", "expelled"];

    /// <summary>As <c>_pico_replicaset.state</c> has it.</summary>
    public static string Text(ReplicasetState state) => ReplicasetStates[(int)state];

    public static string KeyOf(PeerAddressRow row) => string.Create(CultureInfo.InvariantCulture, $"{row.RaftId}/{row.Kind}");

    public static string KeyOf(BucketRow row) => string.Create(CultureInfo.InvariantCulture, $"{row.Tier}/{row.Start}");

    public static byte[] Encode(InstanceRow row)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(13);
        writer.WriteString(row.Name);
        writer.WriteString(row.Uuid.ToString("D"));
        writer.WriteInt64(row.RaftId);
        writer.WriteString(row.ReplicasetName);
        writer.WriteString(row.ReplicasetUuid.ToString("D"));
        Write(writer, row.CurrentState);
        Write(writer, row.TargetState);
        Write(writer, row.FailureDomain);
        writer.WriteString(row.Tier);
        writer.WriteString(row.PicodataVersion);
        writer.WriteInt64(row.SyncIncarnation);
        WriteText(writer, row.TargetStateReason);
        if (row.TargetStateChangeTime is { } time)
        {
            time.Write(writer);
        }
        else
        {
            writer.WriteNil();
        }

        return writer.ToArray();
    }

    public static InstanceRow DecodeInstance(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        int count = Head(ref reader, 10);
        return new InstanceRow(
            reader.ReadString(),
            Guid.Parse(reader.ReadString()),
            reader.ReadInt64(),
            reader.ReadString(),
            Guid.Parse(reader.ReadString()),
            ReadState(ref reader),
            ReadState(ref reader),
            ReadDomain(ref reader),
            reader.ReadString(),
            reader.ReadString(),
            count > 10 ? ReadNumberOrZero(ref reader) : 0,
            count > 11 ? ReadTextOrNull(ref reader) : null,
            count > 12 ? ReadTime(ref reader) : null);
    }

    public static byte[] Encode(ReplicasetRow row)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(14);
        writer.WriteString(row.Name);
        writer.WriteString(row.Uuid.ToString("D"));
        writer.WriteString(row.CurrentMaster);
        writer.WriteString(row.TargetMaster);
        writer.WriteString(row.Tier);
        writer.WriteDouble(row.Weight);
        writer.WriteString(row.IsWeightByUser ? "user" : "auto");
        writer.WriteString(Text(row.State));
        writer.WriteInt64(row.CurrentConfigVersion);
        writer.WriteInt64(row.TargetConfigVersion);
        writer.WriteMapHead(row.PromotionPosition == 0 ? 0 : 1);
        if (row.PromotionPosition != 0)
        {
            writer.WriteInt64(1);
            writer.WriteInt64(row.PromotionPosition);
        }

        writer.WriteInt64(row.MasterChangeCounter);
        writer.WriteInt64(row.CurrentBucketStateVersion);
        writer.WriteInt64(row.TargetBucketStateVersion);
        return writer.ToArray();
    }

    public static ReplicasetRow DecodeReplicaset(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        int count = Head(ref reader, 11);
        return new ReplicasetRow(
            reader.ReadString(),
            Guid.Parse(reader.ReadString()),
            reader.ReadString(),
            reader.ReadString(),
            reader.ReadString(),
            ReadReal(ref reader),
            reader.ReadString() == "user",
            ReadReplicasetState(ref reader),
            reader.ReadInt64(),
            reader.ReadInt64(),
            ReadVclock(ref reader),
            count > 11 ? ReadNumberOrZero(ref reader) : 0,
            count > 12 ? ReadNumberOrZero(ref reader) : 0,
            count > 13 ? ReadNumberOrZero(ref reader) : 0);
    }

    public static byte[] Encode(TierRow row)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(10);
        writer.WriteString(row.Name);
        writer.WriteInt64(row.ReplicationFactor);
        writer.WriteBoolean(row.CanVote);
        writer.WriteInt64(row.CurrentShardingVersion);
        writer.WriteInt64(row.TargetShardingVersion);
        writer.WriteBoolean(row.IsBootstrapped);
        writer.WriteInt64(row.BucketCount);
        writer.WriteBoolean(row.IsDefault);
        writer.WriteInt64(row.CurrentBucketStateVersion);
        writer.WriteInt64(row.TargetBucketStateVersion);
        return writer.ToArray();
    }

    public static TierRow DecodeTier(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        int count = Head(ref reader, 7);
        return new TierRow(
            reader.ReadString(),
            checked((int)reader.ReadInt64()),
            reader.ReadBoolean(),
            reader.ReadInt64(),
            reader.ReadInt64(),
            reader.ReadBoolean(),
            checked((int)reader.ReadInt64()),
            count > 7 && !reader.TryReadNil() && reader.ReadBoolean(),
            count > 8 ? ReadNumberOrZero(ref reader) : 0,
            count > 9 ? ReadNumberOrZero(ref reader) : 0);
    }

    public static byte[] Encode(PeerAddressRow row)
    {
        var writer = new MsgPackWriter(64);
        writer.WriteArrayHead(3);
        writer.WriteInt64(row.RaftId);
        writer.WriteString(row.Address);
        writer.WriteString(row.Kind);
        return writer.ToArray();
    }

    public static PeerAddressRow DecodePeerAddress(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        Head(ref reader, 3);
        return new PeerAddressRow(reader.ReadInt64(), reader.ReadString(), reader.ReadString());
    }

    public static byte[] Encode(BucketRow row)
    {
        var writer = new MsgPackWriter(64);
        writer.WriteArrayHead(6);
        writer.WriteString(row.Tier);
        writer.WriteInt64(row.Start);
        writer.WriteInt64(row.End);
        writer.WriteString(row.State);
        writer.WriteString(row.CurrentReplicaset);
        WriteText(writer, row.TargetReplicaset);
        return writer.ToArray();
    }

    public static BucketRow DecodeBucket(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        int count = Head(ref reader, 5);
        return new BucketRow(reader.ReadString(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadString(), reader.ReadString(), count > 5 ? ReadTextOrNull(ref reader) : null);
    }

    public static byte[] Encode(ReignRow row)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(5);
        writer.WriteString(row.Replicaset);
        writer.WriteInt64(row.Term);
        writer.WriteInt64(row.Epoch);
        writer.WriteString(row.Primary);
        writer.WriteArrayHead(row.InSync.Count);
        foreach (string name in row.InSync)
        {
            writer.WriteString(name);
        }

        return writer.ToArray();
    }

    public static ReignRow DecodeReign(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        Head(ref reader, 5);
        string replicaset = reader.ReadString();
        long term = reader.ReadInt64(), epoch = reader.ReadInt64();
        string primary = reader.ReadString();
        var inSync = ImmutableSortedSet.CreateBuilder<string>(StringComparer.Ordinal);
        for (int left = reader.ReadArrayHead(); left > 0; left--)
        {
            inSync.Add(reader.ReadString());
        }

        return new ReignRow(replicaset, term, epoch, primary, inSync.ToImmutable());
    }

    /// <summary>A property's tuple; <paramref name="value"/> is one MessagePack value.</summary>
    public static byte[] EncodeProperty(string key, ReadOnlySpan<byte> value)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(2);
        writer.WriteString(key);
        writer.WriteRaw(value);
        return writer.ToArray();
    }

    /// <summary>The MessagePack value of a property's tuple.</summary>
    public static byte[] DecodeProperty(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        Head(ref reader, 2);
        reader.ReadString();
        return reader.ReadRaw().ToArray();
    }

    public static byte[] Encode(TierOptions options)
    {
        var writer = new MsgPackWriter(64);
        writer.WriteMapHead(4);
        writer.WriteString("survive");
        WriteText(writer, options.Survive);
        writer.WriteString("replication_mode");
        writer.WriteString(options.IsAsync ? "async" : "sync");
        writer.WriteString("wal_mode");
        writer.WriteString(options.WalMode);
        writer.WriteString("min_in_sync");
        writer.WriteInt64(options.MinInSync);
        return writer.ToArray();
    }

    /// <summary>Unknown keys are passed over: a newer version wrote them.</summary>
    public static TierOptions DecodeTierOptions(ReadOnlySpan<byte> value)
    {
        var reader = new MsgPackReader(value);
        TierOptions options = TierOptions.Default;
        for (int left = reader.ReadMapHead(); left > 0; left--)
        {
            switch (reader.ReadString())
            {
                case "survive":
                    options = options with { Survive = ReadTextOrNull(ref reader) };
                    break;
                case "replication_mode":
                    options = options with { IsAsync = reader.ReadString() == "async" };
                    break;
                case "wal_mode":
                    options = options with { WalMode = reader.ReadString() };
                    break;
                case "min_in_sync":
                    options = options with { MinInSync = checked((int)reader.ReadInt64()) };
                    break;
                default:
                    reader.ReadRaw();
                    break;
            }
        }

        return options;
    }

    internal static void Write(MsgPackWriter writer, InstanceState state)
    {
        writer.WriteArrayHead(2);
        writer.WriteString(state.Variant.ToString());
        writer.WriteInt64(state.Incarnation);
    }

    internal static void Write(MsgPackWriter writer, FailureDomain domain)
    {
        writer.WriteMapHead(domain.Labels.Count);
        foreach ((string label, string value) in domain.Labels)
        {
            writer.WriteString(label);
            writer.WriteString(value);
        }
    }

    internal static void WriteText(MsgPackWriter writer, string? text)
    {
        if (text is null)
        {
            writer.WriteNil();
        }
        else
        {
            writer.WriteString(text);
        }
    }

    internal static string? ReadTextOrNull(ref MsgPackReader reader) => reader.TryReadNil() ? null : reader.ReadString();

    internal static InstanceState ReadState(ref MsgPackReader reader)
    {
        Head(ref reader, 2);
        string variant = reader.ReadString();
        return new InstanceState(
            variant switch
            {
                "Offline" => StateVariant.Offline,
                "Online" => StateVariant.Online,
                "Expelled" => StateVariant.Expelled,
                _ => throw new InvalidDataException($"unknown state of an instance '{variant}'"),
            },
            reader.ReadInt64());
    }

    internal static FailureDomain ReadDomain(ref MsgPackReader reader)
    {
        var labels = new List<KeyValuePair<string, string>>();
        for (int left = reader.ReadMapHead(); left > 0; left--)
        {
            labels.Add(new(reader.ReadString(), reader.ReadString()));
        }

        return FailureDomain.From(labels);
    }

    private static int Head(ref MsgPackReader reader, int least)
    {
        int count = reader.ReadArrayHead();
        return count >= least ? count : throw new InvalidDataException($"expected at least {least} columns, found {count}");
    }

    private static long ReadNumberOrZero(ref MsgPackReader reader) => reader.TryReadNil() ? 0 : reader.ReadInt64();

    private static double ReadReal(ref MsgPackReader reader) => reader.TryReadInt64(out long whole) ? whole : reader.ReadDouble();

    private static ReplicasetState ReadReplicasetState(ref MsgPackReader reader)
    {
        string text = reader.ReadString();
        int state = Array.IndexOf(ReplicasetStates, text);
        return state >= 0 ? (ReplicasetState)state : throw new InvalidDataException($"unknown state of a replicaset '{text}'");
    }

    /// <summary>The component that members of a replicaset share.</summary>
    private static long ReadVclock(ref MsgPackReader reader)
    {
        long lsn = 0;
        for (int left = reader.ReadMapHead(); left > 0; left--)
        {
            bool isShared = reader.TryReadInt64(out long id) ? id == 1 : reader.ReadString() == "1";
            long value = reader.ReadInt64();
            lsn = isShared ? value : lsn;
        }

        return lsn;
    }

    private static MpDatetime? ReadTime(ref MsgPackReader reader)
    {
        if (reader.TryReadNil())
        {
            return null;
        }

        return reader.TryReadExtension(out sbyte type, out ReadOnlySpan<byte> payload) && type == MsgPackExtensions.Datetime && MpDatetime.TryDecode(payload, out MpDatetime time)
            ? time
            : throw new InvalidDataException("expected a datetime");
    }
}
