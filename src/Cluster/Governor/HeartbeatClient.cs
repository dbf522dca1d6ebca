using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// Tells the leader, wherever it is, of this instance, and takes leases over. Runs as long as the instance; a lost stream is opened again with a little
/// back-off, towards whoever leads then.
/// </summary>
/// <param name="report">The present state; number 0, it is filled in here. Called from this loop only.</param>
public sealed class HeartbeatClient(
    ICatalog catalog,
    IPeerNetwork network,
    Func<HeartbeatReport> report,
    LeaseClock lease,
    ClusterTimings timings,
    TimeProvider time,
    Chance chance,
    ILogger log)
{
    /// <summary>
    /// Heartbeats that are on their way at a time. Where a round to a majority takes longer than the interval, more would only queue up, and be answered with leases
    /// that have run out already.
    /// </summary>
    private const int PendingMax = 2;

    private readonly Lock gate = new();
    private readonly Queue<(long Number, long SentAt)> pending = new();
    private TaskCompletionSource nudged = new();
    private long number;

    /// <summary>Completes when the leader has said that a later process was activated under this name, or that the instance is expelled: the process must stop.</summary>
    public Task Superseded => superseded.Task;

    private readonly TaskCompletionSource superseded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Sends the next heartbeat now: a role has changed, a new primary wants its lease.</summary>
    public void Nudge() => Volatile.Read(ref nudged).TrySetResult();

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                if (catalog.LeaderAddress is { } leader)
                {
                    await BeatAsync(leader, cancel);
                }
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception problem)
            {
                log.LogDebug("no heartbeats to the leader: {Problem}", problem.Message);
            }

            try
            {
                await time.WaitAsync(TimeSpan.FromMilliseconds(5 + (20 * chance.NextShare())), cancel);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task BeatAsync(string leader, CancellationToken cancel)
    {
        Guid cluster = ClusterModel.From(catalog.Image).ClusterUuid;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Stream stream;
        using (TimeLimit limit = time.Limit(timings.FailoverLimit, cancel))
        {
            stream = await network.OpenAsync(leader, HeartbeatDesk.Service, HeartbeatDesk.Opening(cluster, report().Name), limit.Token);
        }

        await using (stream)
        {
            lock (gate)
            {
                pending.Clear();
            }

            Task listening = ListenAsync(new HeartbeatFrames(stream), ended.Token);
            try
            {
                await SendAsync(new HeartbeatFrames(stream), leader, listening, ended.Token);
            }
            finally
            {
                ended.Cancel();
                await stream.DisposeAsync();
                await Timing.QuietAsync(listening);
            }
        }
    }

    private async Task SendAsync(HeartbeatFrames frames, string leader, Task listening, CancellationToken cancel)
    {
        while (!listening.IsCompleted && catalog.LeaderAddress == leader)
        {
            Volatile.Write(ref nudged, new TaskCompletionSource());
            if (TryBegin(leader))
            {
                HeartbeatReport present = report() with { Number = number };
                await frames.WriteAsync(present.Write, cancel);
            }

            await PauseAsync(listening, cancel);
        }

        await (listening.IsCompleted ? listening : Task.CompletedTask);
    }

    /// <summary>Takes the time of the next heartbeat, from which its lease counts: before anything is sent. False: too many are not answered yet.</summary>
    private bool TryBegin(string leader)
    {
        lock (gate)
        {
            if (pending.TryPeek(out (long, long SentAt) oldest) && time.GetElapsedTime(oldest.SentAt) > timings.FailoverLimit)
            {
                throw new TimeoutException($"{leader} does not answer heartbeats");
            }

            if (pending.Count >= PendingMax)
            {
                return false;
            }

            pending.Enqueue((++number, time.GetTimestamp()));
            return true;
        }
    }

    private async Task PauseAsync(Task listening, CancellationToken cancel)
    {
        using var early = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task pause = time.WaitAsync(timings.HeartbeatInterval, early.Token).AsTask();
        await Task.WhenAny(pause, Volatile.Read(ref nudged).Task, listening);
        early.Cancel();
        await Timing.QuietAsync(pause);
        await Task.Yield();
        cancel.ThrowIfCancellationRequested();
    }

    private async Task ListenAsync(HeartbeatFrames frames, CancellationToken cancel)
    {
        while (await frames.ReadAsync(cancel) is { } frame)
        {
            HeartbeatAnswer answer = HeartbeatAnswer.Read(frame.Span);
            if (answer.IsSuperseded)
            {
                superseded.TrySetResult();
            }

            if (SentAt(answer.Number) is { } sentAt)
            {
                lease.Extend(answer.LeaseTerm, sentAt, answer.Lease);
            }
        }
    }

    private long? SentAt(long answered)
    {
        long? sentAt = null;
        bool wasHeldBack;
        lock (gate)
        {
            wasHeldBack = pending.Count >= PendingMax;
            while (sentAt is null && pending.TryPeek(out (long Number, long SentAt) first) && first.Number <= answered)
            {
                pending.Dequeue();
                sentAt = first.Number == answered ? first.SentAt : null;
            }
        }

        if (wasHeldBack)
        {
            Nudge();
        }

        return sentAt;
    }
}
