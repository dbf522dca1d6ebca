using System.Collections.Immutable;
using Picodata.Core;

namespace Picodata.Cluster;

/// <summary>Proposals and reads that must be current, from wherever to the leader; and what peers call.</summary>
public sealed partial class ReplicatedCatalog
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(20), RetryPauseMax = TimeSpan.FromMilliseconds(250);

    public async ValueTask<ProposalResult> ProposeAsync(CatalogProposal proposal, CancellationToken cancel)
    {
        byte[] command = CatalogCommand.Encode(proposal); // refuses what is too large before anything is tried
        ProposalResult result = await AtLeaderAsync(
            async (voting, token) => await voting.ProposeAsync(proposal, token).ConfigureAwait(false),
            async (leader, token) => CatalogCalls.ReadResult(await environment.Network.CallAsync(leader, CatalogCalls.Propose, CatalogCalls.Arguments(command), token).ConfigureAwait(false)),
            "the proposal's end is unknown", cancel).ConfigureAwait(false);
        await ReachAsync(result.Index, cancel).ConfigureAwait(false);
        return result;
    }

    public async ValueTask<CatalogImage> ReadBarrierAsync(CancellationToken cancel)
    {
        ProposalResult barrier = await AtLeaderAsync(
            async (voting, token) => await voting.BarrierAsync(token).ConfigureAwait(false) ? new ProposalResult(true, board.Image.Index) : null,
            async (leader, token) => new ProposalResult(true, CatalogCalls.ReadIndexOf(
                await environment.Network.CallAsync(leader, CatalogCalls.ReadIndex, CatalogCalls.NoArguments(), token).ConfigureAwait(false))),
            "no read is known to be current", cancel).ConfigureAwait(false);
        return await ReachAsync(barrier.Index, cancel).ConfigureAwait(false);
    }

    /// <summary>Waits until what the leader has done is applied here; a learner without a source does not wait for ever.</summary>
    private async ValueTask<CatalogImage> ReachAsync(long index, CancellationToken cancel)
    {
        using TimeLimit patience = environment.Time.Limit(options.Patience, cancel);
        try
        {
            return await board.WaitReachedAsync(index, patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new CatalogUnavailableException($"{options.Address}: the catalog's index {index} has not come here within {options.Patience.TotalSeconds:0.#} s");
        }
    }

    /// <summary>Answers one of <see cref="Procedures"/>.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> CallAsync(string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel)
    {
        switch (procedure)
        {
            case CatalogCalls.Propose:
                CatalogProposal proposal = ReadProposal(arguments);
                return await Leading().ProposeAsync(proposal, cancel).ConfigureAwait(false) is { } result
                    ? CatalogCalls.Write(result)
                    : throw new PeerException(PeerFailure.Refused, $"{options.Address} stopped leading: the proposal's end is unknown", CatalogCalls.ProposalDropped);
            case CatalogCalls.ReadIndex:
                return await Leading().BarrierAsync(cancel).ConfigureAwait(false) ? CatalogCalls.WriteIndex(board.Image.Index) : throw NotLeading();
            case CatalogCalls.Describe:
                return CatalogCalls.Write(Describe());
            case CatalogCalls.Promote:
                return CatalogCalls.Write(await PromoteAsync(cancel).ConfigureAwait(false));
            case CatalogCalls.Demote:
                await DemoteAsync(new Guid(CatalogCalls.ReadArgument(arguments)), "the leader says that it was removed", cancel).ConfigureAwait(false);
                return CatalogCalls.NoArguments();
            default:
                throw new PeerException(PeerFailure.Refused, $"the catalog has no procedure \"{procedure}\"");
        }
    }

    /// <summary>Serves one of <see cref="Services"/>.</summary>
    public Task ServeAsync(string service, ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel) => service switch
    {
        RaftTransport.Service => voter is { } voting
            ? voting.Transport.ServeAsync(opening, stream, cancel)
            : throw new PeerException(PeerFailure.Refused, $"{options.Address} does not vote"),
        FeedMessages.Service => ServeFeedAsync(opening, stream, cancel),
        _ => throw new PeerException(PeerFailure.Refused, $"the catalog has no service \"{service}\""),
    };

    internal CatalogDescription Describe()
    {
        CatalogImage image = board.Image;
        if (voter is not { } voting || !IsAdmitted(voting))
            return new CatalogDescription(false, false, learned, [], environment.Identity.Raft?.Id, image.Index, image.Hash);
        ImmutableArray<RaftEndPoint> members = voting.Members;
        var group = new GroupView(voting.Term, voting.Leader?.Address, [.. members.Select(member => member.Address)]);
        return new CatalogDescription(true, voting.IsLeader, group, [.. members.Select(member => member.Id)], voting.Self.Id, image.Index, image.Hash);
    }

    private static CatalogProposal ReadProposal(ReadOnlyMemory<byte> arguments)
    {
        try
        {
            return CatalogCommand.Decode(CatalogCalls.ReadArgument(arguments));
        }
        catch (InvalidDataException malformed)
        {
            // never into the log: what cannot be decoded there stops every voter
            throw new PeerException(PeerFailure.Refused, malformed.Message, cause: malformed);
        }
    }

    private RaftVoter Leading() => voter is { IsLeader: true } leading ? leading : throw NotLeading();

    private PeerException NotLeading() => new(PeerFailure.Refused, $"{options.Address} does not lead the catalog; {View.Leader ?? "nobody that it knows"} does", CatalogCalls.NotALeader);

    /// <summary>
    /// Does something at the leader, here or there, until it is done or the patience is over. One attempt may take a third of the patience: a leader that is
    /// silent is not waited for until the end.
    /// </summary>
    private async ValueTask<ProposalResult> AtLeaderAsync(
        Func<RaftVoter, CancellationToken, ValueTask<ProposalResult?>> here, Func<string, CancellationToken, ValueTask<ProposalResult>> there, string otherwise, CancellationToken cancel)
    {
        using TimeLimit patience = environment.Time.Limit(options.Patience, cancel);
        Exception? cause = null;
        for (TimeSpan pause = RetryPause; ; pause = pause * 2 > RetryPauseMax ? RetryPauseMax : pause * 2)
        {
            using TimeLimit attempt = environment.Time.Limit(options.Patience / 3, patience.Token);
            try
            {
                if (voter is { IsLeader: true } leading)
                {
                    if (await here(leading, attempt.Token).ConfigureAwait(false) is { } done)
                        return done;
                }
                else if (View.Leader is { } leader && leader != options.Address)
                {
                    return await there(leader, attempt.Token).ConfigureAwait(false);
                }
            }
            catch (PeerException failed)
            {
                cause = failed;
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                // this attempt's limit, or the patience's
            }
            try
            {
                await environment.Time.WaitAsync(pause, patience.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                throw new CatalogUnavailableException($"{options.Address}: no leader of the catalog has answered within {options.Patience.TotalSeconds:0.#} s; {otherwise}", cause);
            }
        }
    }
}
