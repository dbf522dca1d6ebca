using System.Collections.Immutable;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// Request and answer of <c>.proc_discover</c>. Request: array of tmp id s, can_vote b, [peers s], [votable peers s], the address that was called s. Answer: array of leader
/// address s?, [peers], [votable peers], is_me b.
/// </summary>
public sealed record DiscoveryRequest(Guid Id, bool CanVote, ImmutableSortedSet<string> Peers, ImmutableSortedSet<string> Votable, string Called)
{
    public byte[] Encode()
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(5);
        writer.WriteString(Id.ToString("D"));
        writer.WriteBoolean(CanVote);
        DiscoveryAnswer.Write(writer, Peers);
        DiscoveryAnswer.Write(writer, Votable);
        writer.WriteString(Called);
        return writer.ToArray();
    }

    public static DiscoveryRequest Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        reader.ReadArrayHead();
        return new DiscoveryRequest(Guid.Parse(reader.ReadString()), reader.ReadBoolean(), DiscoveryAnswer.Read(ref reader), DiscoveryAnswer.Read(ref reader), reader.ReadString());
    }
}

/// <summary>See <see cref="DiscoveryRequest"/>.</summary>
/// <param name="Leader">The Raft leader's address when the asked instance knows one: the search is over, there is a cluster.</param>
/// <param name="IsMe">The asked instance is the asking one.</param>
public sealed record DiscoveryAnswer(string? Leader, ImmutableSortedSet<string> Peers, ImmutableSortedSet<string> Votable, bool IsMe)
{
    public byte[] Encode()
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(4);
        RowCodec.WriteText(writer, Leader);
        Write(writer, Peers);
        Write(writer, Votable);
        writer.WriteBoolean(IsMe);
        return writer.ToArray();
    }

    public static DiscoveryAnswer Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new MsgPackReader(bytes);
        reader.ReadArrayHead();
        return new DiscoveryAnswer(RowCodec.ReadTextOrNull(ref reader), Read(ref reader), Read(ref reader), reader.ReadBoolean());
    }

    internal static void Write(MsgPackWriter writer, ImmutableSortedSet<string> addresses)
    {
        writer.WriteArrayHead(addresses.Count);
        foreach (string address in addresses)
        {
            writer.WriteString(address);
        }
    }

    internal static ImmutableSortedSet<string> Read(ref MsgPackReader reader)
    {
        var addresses = ImmutableSortedSet.CreateBuilder<string>(StringComparer.Ordinal);
        for (int left = reader.ReadArrayHead(); left > 0; left--)
        {
            addresses.Add(reader.ReadString());
        }

        return addresses.ToImmutable();
    }
}

/// <summary>How a search ended.</summary>
/// <param name="Leader">Address of the leader of a cluster that exists; null: this instance begins one.</param>
public sealed record DiscoveryOutcome(string? Leader)
{
    public bool IsBootstrapLeader => Leader is null;
}

/// <summary>
/// Who begins the cluster (section 3.3 of the reference), as a state machine without network or clock. Not thread-safe.
///
/// D1 All known peers must have been visited; whatever new address is learnt is visited too, and what was visited before is visited again, because it may
///    know less than is known now.
/// D2 The smallest address (ordinal) of those that may vote begins; every instance that shares at least one peer with every other comes to the same
///    result, so at most one begins. Under partition nobody does: an unreachable peer blocks.
/// D3 Whoever knows a leader ends the search for everybody who asks.
/// </summary>
public sealed class Discovery
{
    private readonly Guid id;
    private readonly bool canVote;
    private readonly HashSet<string> mine = new(StringComparer.Ordinal);
    private readonly HashSet<string> visited = new(StringComparer.Ordinal);
    private ImmutableSortedSet<string> peers;
    private ImmutableSortedSet<string> votable;

    /// <param name="id">Random, of this process only: it recognizes itself by it.</param>
    /// <param name="advertise">Own address as others reach it.</param>
    /// <param name="peers">As configured; the own address is added when this instance may vote.</param>
    public Discovery(Guid id, string advertise, bool canVote, IEnumerable<string> peers)
    {
        this.id = id;
        this.canVote = canVote;
        this.peers = peers.ToImmutableSortedSet(StringComparer.Ordinal);
        votable = ImmutableSortedSet.Create<string>(StringComparer.Ordinal);
        if (canVote)
        {
            this.peers = this.peers.Add(advertise);
        }
    }

    /// <summary>The result, once there is one.</summary>
    public DiscoveryOutcome? Outcome { get; private set; }

    /// <summary>No known peer may vote: nobody can begin. For a warning.</summary>
    public bool LacksVoters => Next is null && votable.IsEmpty;

    /// <summary>The address to ask next, or null when all have been.</summary>
    public string? Next => Outcome is null ? peers.FirstOrDefault(peer => !visited.Contains(peer)) : null;

    /// <summary>Like <see cref="Next"/>, but none of those that did not answer in this round: one that is dead keeps nobody from finding the leader by another (D3).</summary>
    public string? NextBeside(IReadOnlySet<string> silent) => Outcome is null ? peers.FirstOrDefault(peer => !visited.Contains(peer) && !silent.Contains(peer)) : null;

    /// <summary>What to ask <paramref name="address"/>.</summary>
    public DiscoveryRequest RequestTo(string address) => new(id, canVote, peers, votable, address);

    /// <summary>The other side: answers a request, and learns from it.</summary>
    /// <param name="leader">The leader that the own Raft knows, or null.</param>
    public DiscoveryAnswer Answer(DiscoveryRequest request, string? leader)
    {
        if (leader is not null)
        {
            return new DiscoveryAnswer(leader, peers, votable, false);
        }

        bool isMe = request.Id == id;
        if (isMe)
        {
            mine.Add(request.Called);
        }

        Merge(request.Peers, canVote ? request.Votable.Add(request.Called) : request.Votable);
        return new DiscoveryAnswer(null, peers, votable, isMe);
    }

    /// <summary>An answer came from <paramref name="address"/>.</summary>
    public void Take(string address, DiscoveryAnswer answer)
    {
        if (answer.Leader is { } leader)
        {
            Outcome = new DiscoveryOutcome(leader);
            return;
        }

        if (answer.IsMe)
        {
            mine.Add(address);
        }

        // first what is new, which forgets who was visited; then this one counts
        Merge(answer.Peers, answer.Votable);
        visited.Add(address);
        if (Next is null && !votable.IsEmpty && mine.Contains(votable[0]))
        {
            Outcome = new DiscoveryOutcome((string?)null);
        }
    }

    /// <summary>A round is over without a result: everybody is asked again.</summary>
    public void BeginRound() => visited.Clear();

    private void Merge(ImmutableSortedSet<string> morePeers, ImmutableSortedSet<string> moreVotable)
    {
        if (!morePeers.IsSubsetOf(peers) || !moreVotable.IsSubsetOf(votable))
        {
            peers = peers.Union(morePeers);
            votable = votable.Union(moreVotable);
            visited.Clear();
        }
    }
}
