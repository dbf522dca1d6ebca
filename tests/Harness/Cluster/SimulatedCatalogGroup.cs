using System.Collections.Immutable;
using Picodata.Cluster;

namespace Picodata.Harness.Cluster;

/// <summary>
/// The catalog of a whole simulated cluster: one log that all instances share, applied by each with a delay of its own. Keeps K1-K3 of
/// <see cref="ICatalog"/> and is as unkind as they allow: proposals end unknown, instances lag, leaders that were cut off believe in themselves
/// until they hear of another. Who leads is said by the test (<see cref="Elect"/>). Thread-safe; with one thread and a modelled time, all is
/// decided by the seed. With delays of zero everything happens inside of the calls.
/// </summary>
public sealed class SimulatedCatalogGroup(TimeProvider time, Random chance)
{
    private readonly SortedDictionary<string, SimulatedCatalog> members = new(StringComparer.Ordinal);
    private readonly CatalogMachine machine = new();
    private readonly List<CatalogImage> history = [CatalogImage.Empty];
    private SimulatedCatalog? leader;

    /// <summary>Longest time from a commit to its application on an instance other than the leader; each draws from 0 to this.</summary>
    public TimeSpan ApplyDelayMax { get; set; } = TimeSpan.Zero;

    /// <summary>Longest time of a proposal's or barrier's way to the leader and back; each draws from 0 to this.</summary>
    public TimeSpan RoundTripMax { get; set; } = TimeSpan.Zero;

    /// <summary>Share of proposals (0 to 1) that end with an exception; half of those were applied.</summary>
    public double UnknownShare { get; set; }

    /// <summary>What the leader has applied: the newest image that any instance can have.</summary>
    public CatalogImage Newest => machine.Image;

    /// <summary>Raft term of the present leader.</summary>
    public long Term { get; private set; }

    /// <summary>Address of the leader, null while there is none.</summary>
    public string? Leader => leader?.Address;

    /// <summary>Voters in force.</summary>
    public ImmutableArray<string> Voters { get; private set; } = [];

    internal Lock Gate { get; } = new();

    internal TimeProvider Time => time;

    /// <summary>
    /// An instance with an empty image (as after a start without files), or with <paramref name="applied"/> (as after a restart). The first
    /// voter leads at once.
    /// </summary>
    public SimulatedCatalog Join(string address, bool isVoter = true, CatalogImage? applied = null)
    {
        SimulatedCatalog member;
        lock (Gate)
        {
            member = new SimulatedCatalog(this, address);
            members[address] = member;
            if (isVoter && !Voters.Contains(address))
                Voters = Voters.Add(address).Sort(StringComparer.Ordinal);
        }
        member.Receive(applied ?? CatalogImage.Empty);
        member.Receive(machine.Image);
        if (leader is null && isVoter && Voters.Length == 1)
            Elect(address);
        return member;
    }

    /// <summary>The process ends: nothing more is proposed or applied there. Leadership goes when the test elects another.</summary>
    public void Kill(string address)
    {
        SimulatedCatalog member;
        lock (Gate)
        {
            member = members[address];
            members.Remove(address);
            if (leader == member)
                leader = null;
        }
        member.End();
    }

    /// <summary>Gives leadership to an instance in a new term, or to nobody. A former leader hears of it unless it is cut off.</summary>
    public void Elect(string? address)
    {
        SimulatedCatalog? former, next;
        lock (Gate)
        {
            former = leader;
            leader = next = address is null ? null : members[address];
            if (next is { IsCut: true })
                throw new ArgumentException($"{address} is cut off: nobody would vote for it", nameof(address));
            if (next is not null)
                Term++;
        }
        if (former is { IsCut: false })
            former.StepDown();
        if (next is not null)
            next.Lead(machine.Image);
    }

    /// <summary>The instance reaches nobody and hears nothing; a leader goes on believing that it leads.</summary>
    public void Cut(string address)
    {
        lock (Gate)
        {
            members[address].IsCut = true;
            if (leader == members[address])
                leader = null;
        }
    }

    /// <summary>Ends <see cref="Cut"/>: the instance hears of the present leader, and of what it missed.</summary>
    public void Mend(string address)
    {
        SimulatedCatalog member;
        lock (Gate)
        {
            member = members[address];
            member.IsCut = false;
        }
        if (leader != member)
            member.StepDown();
        member.Receive(machine.Image);
    }

    internal TimeSpan Draw(TimeSpan max)
    {
        lock (Gate)
            return max == TimeSpan.Zero ? max : max * chance.NextDouble();
    }

    internal (bool IsLostBefore, bool IsLostAfter) DrawLoss()
    {
        lock (Gate)
        {
            bool isLost = UnknownShare > 0 && chance.NextDouble() < UnknownShare;
            bool after = isLost && chance.Next(2) == 0;
            return (isLost && !after, after);
        }
    }

    /// <summary>The leader as an instance that may be cut off sees it; throws when there is none for it.</summary>
    internal SimulatedCatalog ReachLeader(SimulatedCatalog from)
    {
        lock (Gate)
        {
            return leader is { } found && !from.IsCut && !found.IsCut
                ? found
                : throw new CatalogUnavailableException($"{from.Address}: no leader of the catalog can be reached");
        }
    }

    internal ProposalResult Commit(SimulatedCatalog from, CatalogProposal proposal)
    {
        // through the bytes, as in the log: nothing that a caller still holds may become part of an image
        CatalogProposal command = CatalogCommand.Decode(CatalogCommand.Encode(proposal));
        ProposalResult result;
        CatalogImage image;
        SimulatedCatalog[] receivers;
        SimulatedCatalog leading = ReachLeader(from);
        lock (Gate)
        {
            (result, _) = machine.Apply(machine.Image.Index + 1, Term, command);
            image = machine.Image;
            history.Add(image);
            receivers = [.. members.Values];
        }
        leading.Receive(image);
        foreach (SimulatedCatalog receiver in receivers)
        {
            if (receiver == leading)
                continue;
            // images of every command, in order: those who watch may not miss a step that a real feed would give them
            if (ApplyDelayMax == TimeSpan.Zero)
                receiver.Receive(image);
            else
                _ = DeliverAsync(receiver, image);
        }
        return result;
    }

    internal void ChangeVoters(SimulatedCatalog from, ImmutableArray<string> wanted)
    {
        if (wanted.Length is 0 or > 3)
            throw new ArgumentException($"{wanted.Length} voters: one to three are possible", nameof(wanted));
        if (ReachLeader(from) != from)
            throw new CatalogUnavailableException($"{from.Address} does not lead the catalog");
        lock (Gate)
        {
            if (wanted.FirstOrDefault(address => !members.ContainsKey(address) && !Voters.Contains(address)) is { } absent)
                throw new CatalogUnavailableException($"{absent} does not answer");
            Voters = wanted.Sort(StringComparer.Ordinal);
        }
    }

    /// <summary>The image of one index, for checks of what an instance has or had.</summary>
    public CatalogImage At(long index)
    {
        lock (Gate)
            return history[(int)index];
    }

    private async Task DeliverAsync(SimulatedCatalog receiver, CatalogImage image)
    {
        await Task.Delay(Draw(ApplyDelayMax), time).ConfigureAwait(false);
        receiver.Receive(image);
    }
}
