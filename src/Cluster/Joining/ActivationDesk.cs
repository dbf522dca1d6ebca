using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// Arguments of <c>.proc_update_instance_v2</c>: array of cluster uuid s, instance name s, instance uuid s, target state s, reason s, failure domain
/// {s: s}?, version s?, iproto s?, pgproto s?, http s?, incarnation u, hops u, process s, boot counter u.
/// </summary>
/// <param name="Target"><see cref="StateVariant.Online"/>: activation (the incarnation is raised); <see cref="StateVariant.Offline"/>: graceful stop.</param>
/// <param name="Reason"><c>boot</c>, <c>join</c>, <c>wakeup</c>, <c>auto-online</c>, <c>shutdown</c>.</param>
/// <param name="FailureDomain">The configured one, or null: unchanged.</param>
/// <param name="Incarnation">For a graceful stop and for <c>auto-online</c> the incarnation of the asking process: an older process's word counts no more. 0 for an activation after a start.</param>
/// <param name="Process">
/// Random, one for each process: a request that comes twice (its first answer was lost, or it was held up) counts once. Empty: not told, every request counts.
/// </param>
/// <param name="BootCounter">Starts of the directory: what an earlier process asked for, and comes late, is refused while a later one is heard.</param>
public sealed record InstanceUpdate(
    Guid ClusterUuid,
    string Name,
    Guid Uuid,
    StateVariant Target,
    string Reason,
    FailureDomain? FailureDomain,
    string? Version,
    string? IprotoAddress,
    string? PgprotoAddress,
    string? HttpAddress,
    long Incarnation,
    int Hops = 0,
    Guid Process = default,
    long BootCounter = 0)
{
    public byte[] Encode()
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(14);
        writer.WriteString(ClusterUuid.ToString("D"));
        writer.WriteString(Name);
        writer.WriteString(Uuid.ToString("D"));
        writer.WriteString(Target.ToString());
        writer.WriteString(Reason);
        if (FailureDomain is null)
        {
            writer.WriteNil();
        }
        else
        {
            RowCodec.Write(writer, FailureDomain);
        }

        RowCodec.WriteText(writer, Version);
        RowCodec.WriteText(writer, IprotoAddress);
        RowCodec.WriteText(writer, PgprotoAddress);
        RowCodec.WriteText(writer, HttpAddress);
        writer.WriteInt64(Incarnation);
        writer.WriteInt64(Hops);
        writer.WriteString(Process.ToString("D"));
        writer.WriteInt64(BootCounter);
        return writer.ToArray();
    }

    public static InstanceUpdate Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        reader.ReadArrayHead();
        return new InstanceUpdate(
            Guid.Parse(reader.ReadString()),
            reader.ReadString(),
            Guid.Parse(reader.ReadString()),
            Enum.TryParse(reader.ReadString(), out StateVariant target) ? target : throw new InvalidDataException("unknown target state"),
            reader.ReadString(),
            reader.TryReadNil() ? null : RowCodec.ReadDomain(ref reader),
            RowCodec.ReadTextOrNull(ref reader),
            RowCodec.ReadTextOrNull(ref reader),
            RowCodec.ReadTextOrNull(ref reader),
            RowCodec.ReadTextOrNull(ref reader),
            reader.ReadInt64(),
            checked((int)reader.ReadInt64()),
            Guid.Parse(reader.ReadString()),
            reader.ReadInt64());
    }
}

/// <summary>Answer of <c>.proc_update_instance_v2</c>: array of incarnation u, catalog index u, tuple of <c>_pico_instance</c>.</summary>
/// <param name="Incarnation">The incarnation under which this process may act from now on.</param>
/// <param name="Index">Index of the catalog in which it stands; wait for it before acting.</param>
public sealed record InstanceUpdateAnswer(long Incarnation, long Index, InstanceRow Instance)
{
    public byte[] Encode()
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(3);
        writer.WriteInt64(Incarnation);
        writer.WriteInt64(Index);
        writer.WriteRaw(RowCodec.Encode(Instance));
        return writer.ToArray();
    }

    public static InstanceUpdateAnswer Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        reader.ReadArrayHead();
        return new InstanceUpdateAnswer(reader.ReadInt64(), reader.ReadInt64(), RowCodec.DecodeInstance(reader.ReadRaw()));
    }
}

/// <summary>
/// The rules of an update (sections 3.4, 3.6): pure. The process that an instance was last activated in stands in <c>_pico_property</c> under
/// <c>process:&lt;instance uuid&gt;</c> as an array of process s, boot counter u.
/// </summary>
public static class ActivationRules
{
    /// <summary>The proposal, or null when the row already says so. Throws <see cref="PeerException"/> (refused) with Picodata's text.</summary>
    /// <param name="isHeard">The process that is activated now sends heartbeats: an older boot of the directory is a late word, or a copy, and must wait.</param>
    public static ProposalBuilder? Decide(ClusterModel model, InstanceUpdate update, DateTimeOffset now, bool isHeard = true)
    {
        if (update.ClusterUuid != model.ClusterUuid)
        {
            throw JoinRules.Refused($"cluster UUID mismatch: expected {model.ClusterUuid:D}, got {update.ClusterUuid:D}");
        }

        if (!model.Instances.TryGetValue(update.Name, out InstanceRow? row) || row.Uuid != update.Uuid)
        {
            throw JoinRules.Refused(
                row is null ? $"instance with name \"{update.Name}\" not found" : $"instance \"{update.Name}\" has UUID {row.Uuid:D}, not {update.Uuid:D}: expel the lost one, then start from an empty directory",
                PeerErrors.NoSuchInstance);
        }

        if (row.IsExpelled || (row.TargetState.Variant == StateVariant.Expelled && update.Target == StateVariant.Offline))
        {
            throw JoinRules.Refused($"cannot update expelled instance \"{row.Name}\"", PeerErrors.InstanceExpelled);
        }

        (Guid process, long boots) = model.ProcessOf(row.Uuid);
        if (update.Process != Guid.Empty && isHeard && update.BootCounter < boots)
        {
            throw JoinRules.Refused($"instance \"{row.Name}\" runs already: boot {boots} is activated and heard, this is boot {update.BootCounter}; stop it first if this directory is to take its place", PeerErrors.InstanceRuns);
        }

        if (update.Process != Guid.Empty && update.Incarnation == 0 && update.Process == process && update.Target == StateVariant.Online)
        {
            // the same request once more
            return null;
        }

        if (update.Process != Guid.Empty && update.Incarnation != 0 && update.Process != process)
        {
            throw JoinRules.Refused($"another process of instance \"{row.Name}\" has been activated");
        }

        return update.Target switch
        {
            StateVariant.Online => Activate(model, row, update, now),
            StateVariant.Offline => Stop(model, row, update, now),
            _ => throw JoinRules.Refused("target state can only be expelled through .proc_expel"),
        };
    }

    private static ProposalBuilder? Activate(ClusterModel model, InstanceRow row, InstanceUpdate update, DateTimeOffset now)
    {
        if (update.Reason == "auto-online" && (row.TargetState.Variant != StateVariant.Offline || row.TargetState.Incarnation != update.Incarnation))
        {
            // seen late: it is wanted Online already, or another process speaks for it now
            return null;
        }

        var proposal = new ProposalBuilder(model);
        InstanceRow changed = row;
        if (update.FailureDomain is { } domain && !domain.Equals(row.FailureDomain))
        {
            JoinRules.CheckFailureDomain(model, domain, except: row.Name);
            changed = changed with { FailureDomain = domain };
            proposal.ChangeTopology();
        }

        changed = changed with { PicodataVersion = update.Version ?? row.PicodataVersion };
        PutAddress(model, proposal, row, "iproto", update.IprotoAddress);
        PutAddress(model, proposal, row, "pgproto", update.PgprotoAddress);
        PutAddress(model, proposal, row, "http", update.HttpAddress);
        var target = new InstanceState(row.TargetState.Variant == StateVariant.Expelled ? StateVariant.Expelled : StateVariant.Online, row.TargetState.Incarnation + 1);
        if (update.Process != Guid.Empty)
        {
            proposal.PutProcess(row.Uuid, update.Process, update.BootCounter);
        }

        return proposal.PutTarget(changed, target, update.Reason, now);
    }

    private static void PutAddress(ClusterModel model, ProposalBuilder proposal, InstanceRow row, string kind, string? address)
    {
        if (address is not null && model.AddressOf(row, kind) != address)
        {
            proposal.Put(new PeerAddressRow(row.RaftId, address, kind)).RaiseEpoch(row.ReplicasetName);
        }
    }

    private static ProposalBuilder? Stop(ClusterModel model, InstanceRow row, InstanceUpdate update, DateTimeOffset now) =>
        row.TargetState.Variant == StateVariant.Offline || row.TargetState.Incarnation != update.Incarnation
            ? null
            : new ProposalBuilder(model).PutTarget(row, row.TargetState with { Variant = StateVariant.Offline }, update.Reason, now);
}

/// <summary>The leader's side of <c>.proc_update_instance_v2</c>: activation of a started instance, graceful stop.</summary>
/// <param name="heartbeats">Tells whether the process that is activated now is heard.</param>
public sealed class ActivationDesk(ICatalog catalog, LeaderRoute route, Chance chance, TimeProvider time, HeartbeatDesk heartbeats)
{
    public const string Procedure = ".proc_update_instance_v2";

    /// <summary>Grants or refuses an encoded <see cref="InstanceUpdate"/>; answers an <see cref="InstanceUpdateAnswer"/>.</summary>
    public ValueTask<ReadOnlyMemory<byte>> AnswerAsync(ReadOnlyMemory<byte> arguments, CancellationToken cancel)
    {
        InstanceUpdate update = InstanceUpdate.Decode(arguments.Span);
        return LeaderRoute.WithinAsync(time, JoinDesk.Limit, cancel, async limited => route.AddressToAsk(update.Hops) is { } leader
            ? await route.SendOnAsync(leader, Procedure, (update with { Hops = update.Hops + 1 }).Encode(), limited)
            : await UpdateAsync(update, limited));
    }

    private async ValueTask<byte[]> UpdateAsync(InstanceUpdate update, CancellationToken cancel)
    {
        CatalogImage image = await catalog.ReadBarrierAsync(cancel);
        while (true)
        {
            ClusterModel model = ClusterModel.From(image);
            ProposalBuilder? proposal = ActivationRules.Decide(model, update, time.GetUtcNow(), heartbeats.Hears(update.Name));
            if (proposal is null)
            {
                return Answer(model, image.Index, update);
            }

            ProposalResult result = await catalog.ProposeAsync(proposal.Build(chance.NextUuid()), cancel);
            if (result.IsApplied)
            {
                // the incarnation that this decision gave: a later process of the same instance may have raised it once more
                InstanceState given = model.Instances[update.Name].TargetState;
                long incarnation = update.Target == StateVariant.Online ? given.Incarnation + 1 : given.Incarnation;
                return new InstanceUpdateAnswer(incarnation, result.Index, ClusterModel.From(catalog.Image).Instances[update.Name]).Encode();
            }

            await time.WaitAsync(TimeSpan.FromMilliseconds(10 + (20 * chance.NextShare())), cancel);
            image = await catalog.ReadBarrierAsync(cancel);
        }
    }

    private static byte[] Answer(ClusterModel model, long index, InstanceUpdate update)
    {
        InstanceRow row = model.Instances[update.Name];
        return new InstanceUpdateAnswer(row.TargetState.Incarnation, index, row).Encode();
    }
}
