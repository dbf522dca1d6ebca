using Picodata.Core;
using Picodata.Storage;
using Picodata.Storage.Files;
using Picodata.Storage.Log;

namespace Picodata.Replication;

/// <summary>
/// Ships the log of one term to one replica, over one stream: batches from the ring; where the replica is behind it, from the files; where these
/// do not reach back, the replica is told to take a copy (R7). No more than the window is on its way without acknowledgement.
/// </summary>
internal sealed class ReplicaFeed : IDisposable
{
    private const int FileBatch = 512 << 10, RestingBatch = 48 << 10;
    private static readonly TimeSpan LongestRest = TimeSpan.FromMilliseconds(50);

    private readonly PrimaryReign primary;
    private readonly Database database;
    private readonly ReplicationOptions options;
    private readonly TimeProvider time;
    private readonly FrameStream frames;
    private readonly bool packs;
    private readonly CancellationTokenSource ending = new();
    private readonly Queue<(long LastLsn, long Bytes)> onTheWay = new();
    private readonly Lock sync = new();
    private long bytesOnTheWay;
    private long cursor;
    private long toldCommit = -1;
    private long toldAt;

    public ReplicaFeed(PrimaryReign primary, Database database, ReplicationOptions options, TimeProvider time, Opening opening, Stream stream)
    {
        this.primary = primary;
        this.time = time;
        this.database = database;
        this.options = options;
        Member = opening.Name;
        cursor = opening.Position.Lsn;
        packs = options.Compress && opening.MayPack;
        frames = new FrameStream(stream);
    }

    /// <summary>Name of the replica.</summary>
    public string Member { get; }

    /// <summary>Wakes the feed: there is something to ship, or to tell.</summary>
    public Signal Wake { get; } = new();

    /// <summary>Ends the feed: another stream of the same replica has come.</summary>
    public void End() => ending.Cancel();

    /// <summary>Ships until the stream, the term or the feed ends.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancel, primary.Ended, ending.Token);
        await frames.WriteAsync(FrameKind.Accept, [primary.Term, primary.Reign.Epoch, primary.CommitLsn], all.Token).ConfigureAwait(false);
        Task reading = ReadAsync(all.Token);
        try
        {
            await ShipAsync(all.Token).ConfigureAwait(false);
            await reading.WaitAsync(ReplicationWire.Silence, time, all.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // W4
        }
        finally
        {
            await all.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose()
    {
        frames.Dispose();
        ending.Dispose();
    }

    private async Task ReadAsync(CancellationToken cancel)
    {
        try
        {
            using var incoming = new FrameStream(frames.Stream);
            while (await incoming.ReadAsync(cancel).ConfigureAwait(false))
            {
                if (incoming.Kind != FrameKind.Ack || incoming.Body.Length < 16 || ReplicationWire.ReadLong(incoming.Body.Span, 0) != primary.Term)
                    break;
                long lsn = ReplicationWire.ReadLong(incoming.Body.Span, 1);
                Forget(lsn);
                primary.TakeAcknowledged(this, lsn);
            }
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
        }
    }

    private void Forget(long lsn)
    {
        lock (sync)
        {
            while (onTheWay.TryPeek(out (long LastLsn, long Bytes) oldest) && oldest.LastLsn <= lsn)
                bytesOnTheWay -= onTheWay.Dequeue().Bytes;
        }
    }

    private bool HasRoom()
    {
        lock (sync)
            return bytesOnTheWay < options.WindowBytes;
    }

    /// <summary>Nothing is on its way.</summary>
    private bool IsQuiet()
    {
        lock (sync)
            return bytesOnTheWay == 0;
    }

    private async Task ShipAsync(CancellationToken cancel)
    {
        while (true)
        {
            if (HasRoom() && primary.Ring.Take(cursor) is { } batch)
            {
                try
                {
                    await SendAsync(batch.AfterLsn, batch.LastLsn, batch.Rows, cancel).ConfigureAwait(false);
                }
                finally
                {
                    batch.Return();
                }
            }
            else if (cursor < primary.Written && HasRoom())
            {
                if (!await ShipFromFilesAsync(cancel).ConfigureAwait(false))
                    return;
            }
            else
            {
                await TellAsync(cancel).ConfigureAwait(false);
                await Wake.WaitAsync(cancel).ConfigureAwait(false);
            }
        }
    }

    /// <summary>False when the files do not reach back: the replica has been told.</summary>
    private async Task<bool> ShipFromFilesAsync(CancellationToken cancel)
    {
        string reason;
        try
        {
            using LogCatchUp? log = database.OpenCatchUp(cursor);
            if (log is not null)
            {
                await ShipAsync(log, cancel).ConfigureAwait(false);
                return true;
            }
            reason = $"the log does not reach back to LSN {cursor} any more";
        }
        catch (CorruptionException hole)
        {
            reason = $"the log cannot be shipped from LSN {cursor}: {hole.Message}";
        }
        catch (FileNotFoundException)
        {
            reason = $"the log does not reach back to LSN {cursor} any more";
        }
        await frames.WriteAsync(FrameKind.NeedsCopy, [], [(byte)CopyReason.Behind, .. System.Text.Encoding.UTF8.GetBytes(reason)], cancel).ConfigureAwait(false);
        return false;
    }

    /// <summary>
    /// While others commit, one piece at a time, and a rest as long as the piece took, so that they hardly notice; at full speed when nobody commits, or
    /// when they commit so fast that the distance would not become smaller.
    /// </summary>
    private async Task ShipAsync(LogCatchUp log, CancellationToken cancel)
    {
        var rows = new MsgPackWriter(FileBatch + 4096);
        bool any = false;
        long distance = long.MaxValue, writtenBefore = primary.Written, begun = time.GetTimestamp();
        bool rests = true;
        while (log.TryRead(rows, rests ? RestingBatch : FileBatch))
        {
            any = true;
            await SendAsync(cursor, log.LastLsn, rows.WrittenMemory, cancel).ConfigureAwait(false);
            rows.Clear();
            long written = primary.Written;
            rests = written != writtenBefore && written - cursor < distance;
            while (rests ? !IsQuiet() : !HasRoom())
                await Wake.WaitAsync(cancel).ConfigureAwait(false);
            if (rests && time.GetElapsedTime(begun) is var worked)
                await time.WaitAsync(worked < LongestRest ? worked : LongestRest, cancel).ConfigureAwait(false);
            (distance, writtenBefore, begun) = (written - cursor, written, time.GetTimestamp());
        }
        if (!any)
            await Wake.WaitAsync(cancel).ConfigureAwait(false); // written, but not synced yet
    }

    private async ValueTask SendAsync(long afterLsn, long lastLsn, ReadOnlyMemory<byte> rows, CancellationToken cancel)
    {
        toldCommit = primary.CommitLsn;
        toldAt = time.GetTimestamp();
        lock (sync)
        {
            onTheWay.Enqueue((lastLsn, rows.Length));
            bytesOnTheWay += rows.Length;
        }
        cursor = lastLsn;
        await frames.WriteRowsAsync(FrameKind.Batch, [primary.Term, afterLsn, lastLsn, toldCommit], rows, packs, cancel).ConfigureAwait(false);
    }

    /// <summary>Commits are told with the next batch, or when there is none soon; else the heartbeat says that all is well.</summary>
    private ValueTask TellAsync(CancellationToken cancel)
    {
        TimeSpan silent = toldAt == 0 ? TimeSpan.MaxValue : time.GetElapsedTime(toldAt);
        if (silent < ReplicationWire.CommitPace || (primary.CommitLsn == toldCommit && silent < ReplicationWire.Heartbeat))
            return ValueTask.CompletedTask;
        toldAt = time.GetTimestamp();
        toldCommit = primary.CommitLsn;
        return frames.WriteAsync(FrameKind.Progress, [primary.Term, cursor, toldCommit], cancel);
    }
}
