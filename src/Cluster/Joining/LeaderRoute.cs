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

    /// <summary>Sends an encoded request to the leader.</summary>
    public ValueTask<ReadOnlyMemory<byte>> SendOnAsync(string address, string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel) =>
        network.CallAsync(address, procedure, arguments, cancel);
}
