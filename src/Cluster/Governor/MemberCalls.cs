using Picodata.Core;
using Picodata.Replication;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>What the governor asks of members of a replicaset. Every call carries the governor's Raft term: a later governor's word is not undone by an earlier one's.</summary>
public interface IMemberCalls
{
    /// <summary>
    /// The member promises, durably, to take no rows of terms below <paramref name="term"/>, then tells where its log ends (R3). Refused when it promised a
    /// higher one.
    /// </summary>
    ValueTask<ReplicaPosition> FenceAsync(string address, string replicaset, long term, long governorTerm, CancellationToken cancel);

    /// <summary>
    /// The primary takes no more commits, waits until the in-sync set holds all that it took, promises <paramref name="term"/> and tells its position.
    /// When it fails, the primary goes on as before.
    /// </summary>
    ValueTask<ReplicaPosition> HandOverAsync(string address, string replicaset, long term, long governorTerm, CancellationToken cancel);
}

/// <summary><see cref="IMemberCalls"/> over the network: <c>.proc_replication_fence</c> and <c>.proc_replication_demote</c>, each with an array of
/// replicaset s, term u, governor's Raft term u, limit in milliseconds u; the answer is an array of term u, lsn u.</summary>
public sealed class MemberCalls(IPeerNetwork network, ClusterTimings timings) : IMemberCalls
{
    /// <inheritdoc/>
    public ValueTask<ReplicaPosition> FenceAsync(string address, string replicaset, long term, long governorTerm, CancellationToken cancel) =>
        CallAsync(address, MemberDesk.FenceProcedure, replicaset, term, governorTerm, timings.FenceLimit, cancel);

    /// <inheritdoc/>
    public ValueTask<ReplicaPosition> HandOverAsync(string address, string replicaset, long term, long governorTerm, CancellationToken cancel) =>
        CallAsync(address, MemberDesk.DemoteProcedure, replicaset, term, governorTerm, timings.HandOverLimit, cancel);

    private async ValueTask<ReplicaPosition> CallAsync(string address, string procedure, string replicaset, long term, long governorTerm, TimeSpan limit, CancellationToken cancel)
    {
        var writer = new MsgPackWriter(64);
        writer.WriteArrayHead(4);
        writer.WriteString(replicaset);
        writer.WriteInt64(term);
        writer.WriteInt64(governorTerm);
        writer.WriteInt64((long)limit.TotalMilliseconds);
        ReadOnlyMemory<byte> answer = await network.CallAsync(address, procedure, writer.WrittenMemory, cancel);
        var reader = new MsgPackReader(answer.Span);
        reader.ReadArrayHead();
        return new ReplicaPosition(reader.ReadInt64(), reader.ReadInt64());
    }
}

/// <summary>A member's side of the governor's calls. The data path may be absent for a while (it is being copied anew): then it refuses.</summary>
/// <param name="node">The data path at the moment, or null.</param>
/// <param name="replicaset">Name of the own replicaset.</param>
public sealed class MemberDesk(Func<IReplicationNode?> node, Func<string> replicaset, ICatalog catalog, TimeProvider time)
{
    public const string FenceProcedure = ".proc_replication_fence", DemoteProcedure = ".proc_replication_demote";

    private readonly Lock gate = new();
    private long governorTermMax;

    /// <summary>Answers <see cref="FenceProcedure"/>.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> FenceAsync(ReadOnlyMemory<byte> arguments, CancellationToken cancel)
    {
        (long term, TimeSpan span) = Check(arguments.Span);
        using TimeLimit limit = time.Limit(span, cancel);
        return Answer(await Node().FenceAsync(term, limit.Token));
    }

    /// <summary>Answers <see cref="DemoteProcedure"/>.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> DemoteAsync(ReadOnlyMemory<byte> arguments, CancellationToken cancel)
    {
        (long term, TimeSpan span) = Check(arguments.Span);
        using TimeLimit limit = time.Limit(span, cancel);
        IReplicationNode present = Node();
        await present.HandOverAsync(limit.Token);
        // from here on it is the promise that keeps it from acknowledging, also if it dies and comes back
        return Answer(await present.FenceAsync(term, CancellationToken.None));
    }

    private IReplicationNode Node() => node() ?? throw JoinRules.Refused("the instance has no open data at the moment");

    private (long Term, TimeSpan Limit) Check(ReadOnlySpan<byte> arguments)
    {
        var reader = new MsgPackReader(arguments);
        reader.ReadArrayHead();
        string asked = reader.ReadString();
        long term = reader.ReadInt64(), governorTerm = reader.ReadInt64(), milliseconds = reader.ReadInt64();
        if (asked != replicaset())
        {
            throw JoinRules.Refused($"this instance belongs to replicaset '{replicaset()}', not '{asked}'", PeerErrors.NoSuchReplicaset);
        }

        lock (gate)
        {
            long known = Math.Max(governorTermMax, catalog.Term);
            if (governorTerm < known)
            {
                throw JoinRules.Refused($"operation request from different term {governorTerm}, current term is {known}", PeerErrors.TermMismatch);
            }

            governorTermMax = governorTerm;
        }

        return (term, TimeSpan.FromMilliseconds(milliseconds));
    }

    private static ReadOnlyMemory<byte> Answer(ReplicaPosition position)
    {
        var writer = new MsgPackWriter(32);
        writer.WriteArrayHead(2);
        writer.WriteInt64(position.Term);
        writer.WriteInt64(position.Lsn);
        return writer.ToArray();
    }
}
