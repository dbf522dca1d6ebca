using Picodata.Core;

namespace Picodata.Cluster;

/// <summary>
/// What must be done by the Raft leader is done here when this instance leads, and is sent on to the leader when it does not. A request is sent on
/// at most <see cref="HopsMax"/> times, so that two instances that take each other for the leader do not play ball with it.
/// </summary>
public sealed class LeaderRoute(ICatalog catalog, IPeerNetwork network)
{
    public const int HopsMax = 3;

    /// <summary>Null when this instance leads; else the leader's address. Refused when there is no leader or the request came too far.</summary>
    public string? AddressToAsk(int hops)
    {
        if (catalog.IsLeader)
        {
            return null;
        }

        if (hops >= HopsMax)
        {
            throw JoinRules.Refused("not a leader", PeerErrors.NotALeader);
        }

        return catalog.LeaderAddress ?? throw JoinRules.Refused("leader is unknown yet, try again later", PeerErrors.LeaderUnknown);
    }

    /// <summary>
    /// Sends an encoded request to the leader. What is no answer of the leader's (it is gone, it may have acted) is refused with
    /// <see cref="PeerErrors.LeaderUnknown"/>: ask again.
    /// </summary>
    public async ValueTask<ReadOnlyMemory<byte>> SendOnAsync(string address, string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel)
    {
        try
        {
            return await network.CallAsync(address, procedure, arguments, cancel);
        }
        catch (PeerException problem) when (problem.Failure != PeerFailure.Refused)
        {
            throw JoinRules.Refused($"the leader {address} did not answer: {problem.Message}", PeerErrors.LeaderUnknown);
        }
    }

    /// <summary>
    /// Does a desk's work under a time limit. When time runs out or the catalog cannot answer, nothing was decided that the asking side could rely on: it is refused
    /// with <see cref="PeerErrors.LeaderUnknown"/> and asks again.
    /// </summary>
    internal static async ValueTask<ReadOnlyMemory<byte>> WithinAsync(
        TimeProvider time, TimeSpan span, CancellationToken cancel, Func<CancellationToken, ValueTask<ReadOnlyMemory<byte>>> work)
    {
        using TimeLimit limit = time.Limit(span, cancel);
        try
        {
            return await work(limit.Token);
        }
        catch (CatalogUnavailableException problem)
        {
            throw JoinRules.Refused(problem.Message, PeerErrors.LeaderUnknown);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw JoinRules.Refused($"not done within {span.TotalSeconds:F0} s", PeerErrors.LeaderUnknown);
        }
    }
}
