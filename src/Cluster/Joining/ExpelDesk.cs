using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>Arguments of <c>.proc_expel</c>: array of cluster uuid s, instance uuid s, force b, time limit in milliseconds u, hops u. The answer is nil.</summary>
/// <param name="ClusterUuid">Empty: the asking side does not know it (the command line).</param>
public sealed record ExpelRequest(Guid ClusterUuid, Guid InstanceUuid, bool Force, TimeSpan Limit, int Hops = 0)
{
    public byte[] Encode()
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(5);
        writer.WriteString(ClusterUuid.ToString("D"));
        writer.WriteString(InstanceUuid.ToString("D"));
        writer.WriteBoolean(Force);
        writer.WriteInt64((long)Limit.TotalMilliseconds);
        writer.WriteInt64(Hops);
        return writer.ToArray();
    }

    public static ExpelRequest Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        reader.ReadArrayHead();
        return new ExpelRequest(
            Guid.Parse(reader.ReadString()), Guid.Parse(reader.ReadString()), reader.ReadBoolean(), TimeSpan.FromMilliseconds(reader.ReadInt64()), checked((int)reader.ReadInt64()));
    }
}

/// <summary>The rules of an expel (sections 1.4 and 3.8): pure.</summary>
public static class ExpelRules
{
    /// <summary>The proposal, or null when it is being expelled already. Throws <see cref="PeerException"/> (refused) with Picodata's text.</summary>
    public static ProposalBuilder? Decide(ClusterModel model, ExpelRequest request, DateTimeOffset now)
    {
        if (request.ClusterUuid != Guid.Empty && request.ClusterUuid != model.ClusterUuid)
        {
            throw JoinRules.Refused($"cluster UUID mismatch: expected {model.ClusterUuid:D}, got {request.ClusterUuid:D}");
        }

        InstanceRow row = model.FindInstance(request.InstanceUuid) ?? throw JoinRules.Refused($"instance with UUID {request.InstanceUuid:D} not found", PeerErrors.NoSuchInstance);
        if (row.TargetState.Variant == StateVariant.Expelled)
        {
            return null;
        }

        if (model.Instances.Values.All(other => other.IsExpelled || other.Name == row.Name))
        {
            throw JoinRules.Refused($"attempt to expel instance '{row.Name}' which is the only member in the cluster", PeerErrors.ExpelNotAllowed);
        }

        if (!request.Force && (row.CurrentState.Variant != StateVariant.Offline || row.TargetState.Variant != StateVariant.Offline))
        {
            throw JoinRules.Refused($"attempt to expel instance '{row.Name}' which is not Offline, but {row.StateText}", PeerErrors.ExpelNotAllowed);
        }

        if (!request.Force && model.Replicasets.TryGetValue(row.ReplicasetName, out ReplicasetRow? replicaset) && (replicaset.CurrentMaster == row.Name || replicaset.TargetMaster == row.Name))
        {
            throw JoinRules.Refused($"attempt to expel replicaset master '{row.Name}'", PeerErrors.ExpelNotAllowed);
        }

        if (row.ReplicasetName == model.DataReplicaset && !model.MembersOf(row.ReplicasetName).Any(other => other.Name != row.Name && other.TargetState.Variant != StateVariant.Expelled))
        {
            throw JoinRules.Refused(
                $"attempt to expel instance '{row.Name}' which is the last member of replicaset '{row.ReplicasetName}': it holds all rows of the cluster, and buckets cannot be moved yet; let another instance join '{row.ReplicasetName}' first",
                PeerErrors.ExpelNotAllowed);
        }

        return new ProposalBuilder(model).ChangeTopology().PutTarget(row, row.TargetState with { Variant = StateVariant.Expelled }, "expel", now);
    }
}

/// <summary>The leader's side of <c>.proc_expel</c>: returns when the instance is expelled, or says that it is not yet.</summary>
public sealed class ExpelDesk(ICatalog catalog, LeaderRoute route, Chance chance, TimeProvider time)
{
    public const string Procedure = ".proc_expel";

    /// <summary>Expels, waits; the answer is nil. Refused with <c>expel confirmation didn't arrive in time</c> when the governor is not done within the limit.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> AnswerAsync(ReadOnlyMemory<byte> arguments, CancellationToken cancel)
    {
        ExpelRequest request = ExpelRequest.Decode(arguments.Span);
        using TimeLimit limit = time.Limit(request.Limit, cancel);
        try
        {
            if (route.AddressToAsk(request.Hops) is { } leader)
            {
                return await route.SendOnAsync(leader, Procedure, (request with { Hops = request.Hops + 1 }).Encode(), limit.Token);
            }

            await ExpelAsync(request, limit.Token);
            return new byte[] { 0xc0 };
        }
        catch (CatalogUnavailableException problem)
        {
            throw JoinRules.Refused(problem.Message, PeerErrors.LeaderUnknown);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw JoinRules.Refused("expel confirmation didn't arrive in time");
        }
    }

    private async ValueTask ExpelAsync(ExpelRequest request, CancellationToken cancel)
    {
        CatalogImage image = await catalog.ReadBarrierAsync(cancel);
        while (ExpelRules.Decide(ClusterModel.From(image), request, time.GetUtcNow()) is { } proposal)
        {
            await catalog.ProposeAsync(proposal.Build(chance.NextUuid()), cancel);
            image = await catalog.ReadBarrierAsync(cancel);
        }

        while (ClusterModel.From(image).FindInstance(request.InstanceUuid) is { IsExpelled: false })
        {
            image = await catalog.WaitBeyondAsync(image.Index, cancel);
        }
    }
}
