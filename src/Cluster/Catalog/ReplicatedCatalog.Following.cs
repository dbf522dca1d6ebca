using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>Both ends of the feed.</summary>
public sealed partial class ReplicatedCatalog
{
    /// <summary>A source that knows no leader for so many intervals is left for another one.</summary>
    private const int LeaderlessIntervals = 6;

    private const int SilentIntervals = 3;

    private async Task ServeFeedAsync(ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel)
    {
        (long index, ulong hash) = FeedMessages.ReadOpening(opening.Span);
        if (!IsVoter)
            throw new PeerException(PeerFailure.Refused, $"{options.Address} does not vote: it has no feed", CatalogCalls.NotALeader);
        FeedStart start = feed.Subscribe(index, hash)
            ?? throw new PeerException(PeerFailure.Refused, $"{options.Address} is at index {board.Image.Index} of the catalog, behind {index}");
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel, stopping.Token);
        try
        {
            var writer = new MsgPackWriter();
            GroupView told = View;
            FeedMessages.Write(writer, told);
            if (start.Image is { } image)
                FeedMessages.Write(writer, image);
            foreach (FeedItem item in start.Backlog)
                FeedMessages.Write(writer, item);
            while (IsVoter)
            {
                await stream.WriteAsync(writer.WrittenMemory, over.Token).ConfigureAwait(false);
                writer.Clear();
                if (!await WaitForItemsAsync(start, over.Token).ConfigureAwait(false))
                    return;
                while (writer.Length < 1 << 20 && start.Live.Reader.TryRead(out FeedItem? item))
                    FeedMessages.Write(writer, item);
                GroupView now = View;
                if (writer.Length == 0 || !now.Equals(told))
                    FeedMessages.Write(writer, told = now);
            }
        }
        finally
        {
            feed.Unsubscribe(start);
        }
    }

    /// <summary>Waits for something to tell, or for the time of a sign of life. False when the subscriber was cut off.</summary>
    private async ValueTask<bool> WaitForItemsAsync(FeedStart start, CancellationToken cancel)
    {
        using TimeLimit interval = environment.Time.Limit(options.FeedInterval, cancel);
        try
        {
            return await start.Live.Reader.WaitToReadAsync(interval.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return true;
        }
    }

    /// <summary>Follows a voter while this instance does not vote.</summary>
    private async Task FollowAsync(CancellationToken cancel)
    {
        TimeSpan pause = RetryPause;
        int turn = 0;
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                if (IsVoter)
                {
                    await environment.Time.WaitAsync(options.FeedInterval, cancel).ConfigureAwait(false);
                    continue;
                }
                ImmutableArray<string> sources = [.. OtherAddresses];
                bool isFed = sources.Length > 0 && await FollowOneAsync(sources[turn++ % sources.Length], cancel).ConfigureAwait(false);
                pause = isFed ? RetryPause : pause * 2 > RetryPauseMax ? RetryPauseMax : pause * 2;
                await environment.Time.WaitAsync(pause, cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception unexpected)
            {
                log.LogError(unexpected, "following the catalog failed; trying again");
                await Timing.QuietAsync(environment.Time.WaitAsync(RetryPauseMax, cancel).AsTask()).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Follows one source until it ends; true when it told anything.</summary>
    private async ValueTask<bool> FollowOneAsync(string source, CancellationToken cancel)
    {
        bool isFed = false;
        try
        {
            Stream stream;
            using (TimeLimit limit = environment.Time.Limit(options.FeedInterval * SilentIntervals, cancel))
                stream = await environment.Network.OpenAsync(source, FeedMessages.Service, FeedMessages.Opening(board.Image), limit.Token).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                for (int leaderless = 0; leaderless < LeaderlessIntervals && !IsVoter; isFed = true)
                {
                    using TimeLimit silence = environment.Time.Limit(options.FeedInterval * SilentIntervals, cancel);
                    if (await FeedMessages.ReadAsync(stream, silence.Token).ConfigureAwait(false) is not { } message)
                        break;
                    leaderless = Take(message) ? 0 : leaderless + 1;
                }
            }
        }
        catch (PeerException refused)
        {
            log.LogDebug("no feed of the catalog from {Source}: {Reason}", source, refused.Message);
            if (refused.Failure == PeerFailure.Refused)
                await AskForGroupAsync(source, cancel).ConfigureAwait(false);
        }
        catch (DivergedException diverged)
        {
            DropImage(source, diverged);
        }
        catch (Exception ended) when (ended is IOException or InvalidDataException or ObjectDisposedException || (ended is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            log.LogDebug("the catalog's feed from {Source} ended: {Reason}", source, ended.Message);
        }
        return isFed;
    }

    /// <summary>False for a sign of life of a source that knows no leader.</summary>
    private bool Take(object message)
    {
        switch (message)
        {
            case GroupView view:
                Learn(view);
                return view.Leader is not null;
            case FeedItem item:
                Receive(item.Effect, item.Hash, behind: null);
                return true;
            case CatalogImage image:
                Receive(image);
                return true;
            default:
                throw new InvalidDataException($"unexpected {message.GetType().Name} in the catalog's feed");
        }
    }

    /// <summary>An older term's word does not replace a newer one's.</summary>
    private void Learn(GroupView view)
    {
        lock (gate)
        {
            if (view.Term < learned.Term)
                return;
            learned = view.Voters.IsEmpty ? view with { Voters = learned.Voters } : view;
        }
        environment.Identity.NoteVoters(view.Voters);
    }

    /// <summary>Whoever has no feed may still know who has.</summary>
    private async ValueTask AskForGroupAsync(string address, CancellationToken cancel)
    {
        if (await DescribeAsync(address, cancel).ConfigureAwait(false) is { } said)
            Learn(said.Group);
    }

    /// <summary>
    /// L2 at a learner: nothing of what it holds is believed any more. The image stays visible, as a past state, until a whole one of a higher index
    /// comes; the hash that is offered from now on fits nothing, so that the next source sends one.
    /// </summary>
    private void DropImage(string source, DivergedException diverged)
    {
        log.LogCritical(diverged, "this instance's catalog differs from that of {Source}; it is replaced by a whole image", source);
        lock (gate)
            board.Distrust();
    }
}
