using System.Collections.Immutable;
using Picodata.Cluster;

namespace Picodata.Harness.Cluster;

/// <summary>One instance's face to a <see cref="SimulatedCatalogGroup"/>. Thread-safe.</summary>
public sealed class SimulatedCatalog : ICatalog, ICatalogVoters
{
    private readonly SimulatedCatalogGroup group;
    private readonly ImageBoard board = new(inline: true);
    private readonly CancellationTokenSource ended = new();
    private TaskCompletionSource<CancellationToken> leading = new();
    private CancellationTokenSource? reign;

    internal SimulatedCatalog(SimulatedCatalogGroup group, string address)
    {
        this.group = group;
        Address = address;
    }

    public string Address { get; }

    public CatalogImage Image => board.Image;

    public bool IsLeader => reign is { IsCancellationRequested: false };

    public long Term => IsCut ? Image.Term : group.Term;

    public string? LeaderAddress => IsCut ? (IsLeader ? Address : null) : group.Leader;

    public ImmutableArray<string> Voters => group.Voters;

    internal bool IsCut { get; set; }

    public ValueTask<CatalogImage> WaitBeyondAsync(long index, CancellationToken cancel) => board.WaitBeyondAsync(index, cancel);

    public async ValueTask<ProposalResult> ProposeAsync(CatalogProposal proposal, CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, ended.Token);
        await TravelAsync(either.Token).ConfigureAwait(false);
        (bool isLostBefore, bool isLostAfter) = group.DrawLoss();
        if (isLostBefore)
            throw new CatalogUnavailableException($"{Address}: the proposal was lost on its way");
        ProposalResult result = group.Commit(this, proposal);
        await TravelAsync(either.Token).ConfigureAwait(false);
        if (isLostAfter)
            throw new CatalogUnavailableException($"{Address}: the answer to the proposal was lost");
        await board.WaitReachedAsync(result.Index, either.Token).ConfigureAwait(false);
        return result;
    }

    public async ValueTask<CatalogImage> ReadBarrierAsync(CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, ended.Token);
        await TravelAsync(either.Token).ConfigureAwait(false);
        long index = group.ReachLeader(this).Image.Index;
        await TravelAsync(either.Token).ConfigureAwait(false);
        return await board.WaitReachedAsync(index, either.Token).ConfigureAwait(false);
    }

    public async ValueTask<CancellationToken> WaitForLeadershipAsync(CancellationToken cancel)
    {
        Task<CancellationToken> waiting;
        lock (group.Gate)
            waiting = leading.Task;
        return await waiting.WaitAsync(cancel).ConfigureAwait(false);
    }

    public ValueTask SetVotersAsync(ImmutableArray<string> wanted, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        group.ChangeVoters(this, wanted);
        return ValueTask.CompletedTask;
    }

    internal void Receive(CatalogImage image)
    {
        if (!IsCut && !ended.IsCancellationRequested)
            board.Publish(image);
    }

    internal void Lead(CatalogImage image)
    {
        board.Publish(image);
        TaskCompletionSource<CancellationToken> waiting;
        CancellationToken token;
        lock (group.Gate)
        {
            if (IsLeader)
                return;
            reign = new CancellationTokenSource();
            token = reign.Token;
            waiting = leading;
        }
        waiting.TrySetResult(token);
    }

    internal void StepDown()
    {
        CancellationTokenSource? over;
        lock (group.Gate)
        {
            over = reign;
            reign = null;
            if (over is not null)
                leading = new TaskCompletionSource<CancellationToken>();
        }
        over?.Cancel();
    }

    internal void End()
    {
        StepDown();
        ended.Cancel();
    }

    private async ValueTask TravelAsync(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        TimeSpan way = group.Draw(group.RoundTripMax) / 2;
        if (way > TimeSpan.Zero)
            await Task.Delay(way, group.Time, cancel).ConfigureAwait(false);
    }
}
