using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage;

namespace Picodata.Replication;

/// <summary>
/// The replica's side of one term: keeps a stream to the primary, applies and logs what comes, acknowledges what is synced. Comes back by itself
/// after any failure, with growing pauses. Ends when it is cancelled, or when a copy is needed.
/// </summary>
internal sealed class PrimaryFollower(ReplicationNode node, Database database, Reign reign, IPeerNetwork network, ReplicationOptions options, ReplicationEnvironment environment) : IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20), LongestPause = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource ending = new();
    private readonly Signal toAcknowledge = new();
    private Task running = Task.CompletedTask;
    private long acknowledgedAt;
    private volatile string? problem;
    private volatile CancellationTokenSource? current;

    public Reign Reign => reign;

    /// <summary>Why nothing comes at the moment, or null.</summary>
    public string? Problem => problem;

    public void Start() => running = Task.Run(() => RunAsync(ending.Token));

    /// <summary>Ends it; when the task completes, nothing of it touches the database any more.</summary>
    public async Task StopAsync()
    {
        await ending.CancelAsync().ConfigureAwait(false);
        await running.ConfigureAwait(false);
    }

    /// <summary>From the log thread: something was synced.</summary>
    public void WakeAcknowledger() => toAcknowledge.Set();

    /// <summary>What was applied has been taken back: the stream is opened anew where the log ends now. Any thread, waits for nothing.</summary>
    public void Break()
    {
        try
        {
            _ = current?.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // that stream has ended by itself
        }
    }

    public void Dispose() => ending.Dispose();

    private async Task RunAsync(CancellationToken cancel)
    {
        TimeSpan pause = FirstPause;
        while (!cancel.IsCancellationRequested && !node.CopyNeeded.IsCompleted)
        {
            long before = database.LogLsn;
            try
            {
                await FollowAsync(cancel).ConfigureAwait(false);
                problem = "the primary has closed the stream";
            }
            catch (CorruptionException foreign)
            {
                node.NeedCopy(new CopyNeed(CopyReason.Diverged, foreign.Message));
                return;
            }
            catch (Exception failure)
            {
                // the root of the follower's loop: whatever it was, the stream is opened anew
                problem = failure.Message;
            }
            if (cancel.IsCancellationRequested)
                return;
            pause = database.LogLsn > before ? FirstPause : pause * 2 > LongestPause ? LongestPause : pause * 2;
            environment.Log.LogInformation("no stream from {Primary} at the moment: {Reason}", reign.Primary, problem);
            try
            {
                await environment.Time.WaitAsync(pause * node.Jitter(), cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task FollowAsync(CancellationToken cancel)
    {
        await node.SettleAsync(cancel).ConfigureAwait(false);
        ReplicaPosition position = node.Position;
        ReplicaMember primary = reign.Members.First(member => member.Name == reign.Primary);
        var opening = new Opening(
            database.ReplicasetUuid, options.ClusterUuid, options.Name, database.InstanceUuid, database.LogComponent, node.PromisedTerm, position, WantsCopy: false, MayPack: true);
        using var silence = new CancellationTokenSource(ReplicationWire.Silence, environment.Time);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancel, silence.Token);
        current = all;
        Stream stream = await network.OpenAsync(primary.Address, ReplicationWire.Service, opening.Encode(), all.Token).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            using var frames = new FrameStream(stream);
            Task acknowledging = AcknowledgeAsync(stream, all.Token);
            try
            {
                while (await frames.ReadAsync(all.Token).ConfigureAwait(false) && Take(frames))
                    silence.CancelAfter(ReplicationWire.Silence);
            }
            finally
            {
                current = null;
                await all.CancelAsync().ConfigureAwait(false);
                await acknowledging.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>False: the stream is over.</summary>
    private bool Take(FrameStream frames)
    {
        ReadOnlySpan<byte> body = frames.Body.Span;
        switch (frames.Kind)
        {
            case FrameKind.Accept when body.Length >= 24 && ReplicationWire.ReadLong(body, 0) == reign.Term:
                problem = null;
                node.TakeCommit(reign.Term, ReplicationWire.ReadLong(body, 2));
                return true;
            case FrameKind.Batch when body.Length >= ReplicationWire.BatchHead && IsOfTerm(body):
                TakeBatch(frames);
                return true;
            case FrameKind.Progress when body.Length >= 24 && IsOfTerm(body):
                node.TakeCommit(reign.Term, ReplicationWire.ReadLong(body, 2));
                if (environment.Time.GetElapsedTime(acknowledgedAt) > ReplicationWire.Heartbeat / 2)
                    toAcknowledge.Set();
                return true;
            case FrameKind.NeedsCopy when body.Length >= 1:
                node.NeedCopy(new CopyNeed((CopyReason)body[0], System.Text.Encoding.UTF8.GetString(body[1..])));
                return false;
            default:
                throw new InvalidDataException($"a frame {frames.Kind} of {body.Length} bytes that does not belong here");
        }
    }

    private bool IsOfTerm(ReadOnlySpan<byte> body) => PlantedBugs.SkipsTermCheck || ReplicationWire.ReadLong(body, 0) == reign.Term;

    private void TakeBatch(FrameStream frames)
    {
        ReadOnlySpan<byte> body = frames.Body.Span;
        long after = ReplicationWire.ReadLong(body, 1), last = ReplicationWire.ReadLong(body, 2), commit = ReplicationWire.ReadLong(body, 3);
        node.Apply(reign.Term, frames.Rows(ReplicationWire.BatchHead), after, last);
        node.TakeCommit(reign.Term, commit);
        if (PlantedBugs.AcknowledgesBeforeSync)
            toAcknowledge.Set();
    }

    private async Task AcknowledgeAsync(Stream stream, CancellationToken cancel)
    {
        using var frames = new FrameStream(stream);
        while (true)
        {
            await toAcknowledge.WaitAsync(cancel).ConfigureAwait(false);
            acknowledgedAt = environment.Time.GetTimestamp();
            long lsn = PlantedBugs.AcknowledgesBeforeSync ? database.LogLsn : database.SyncedLogLsn;
            await frames.WriteAsync(FrameKind.Ack, [reign.Term, lsn], cancel).ConfigureAwait(false);
        }
    }
}
