using System.Collections.Immutable;
using Picodata.Core;
using Picodata.Replication;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>What the leader sees of one instance.</summary>
/// <param name="Report">The last heartbeat.</param>
/// <param name="IsConnected">Its stream is open.</param>
/// <param name="SilentFor">Since its last heartbeat.</param>
/// <param name="PromisedFor">Since the term that it has promised last changed.</param>
public sealed record InstanceSight(HeartbeatReport Report, bool IsConnected, TimeSpan SilentFor, TimeSpan PromisedFor)
{
    /// <summary>How long it has been seen with a promise above this term; zero when it has none.</summary>
    public TimeSpan PromisedAheadFor(long term) => Report.PromisedTerm > term ? PromisedFor : TimeSpan.Zero;
}

/// <summary>
/// The leader's side of the service <c>heartbeat</c>: one stream from every instance, each heartbeat answered; a primary's answer carries a lease, which
/// takes one round to a majority begun after the heartbeat arrived. Rounds are shared by all heartbeats that wait. Thread-safe.
/// A stream that closes is known at once (<see cref="WaitForChangeAsync"/>).
/// </summary>
public sealed class HeartbeatDesk(ICatalog catalog, LeaseLedger ledger, TimeProvider time)
{
    public const string Service = "heartbeat";

    private sealed class Seat
    {
        public required HeartbeatReport Report;
        public required object Stream;
        public bool IsConnected;
        public long LastSeen;
        public long PromisedSince;
    }

    private readonly Lock gate = new();
    private readonly Dictionary<string, Seat> seats = new(StringComparer.Ordinal);
    private readonly RoundSharing rounds = new(catalog, time);
    private TaskCompletionSource changed = NewSignal();

    /// <summary>Forgets everything: a leadership begins.</summary>
    public void Clear()
    {
        lock (gate)
        {
            seats.Clear();
        }
    }

    /// <summary>What is seen now, by name of the instance. Those that nothing was heard of since the leadership began are missing.</summary>
    public ImmutableDictionary<string, InstanceSight> Look()
    {
        long now = time.GetTimestamp();
        lock (gate)
        {
            return seats.ToImmutableDictionary(
                pair => pair.Key,
                pair => new InstanceSight(pair.Value.Report, pair.Value.IsConnected, time.GetElapsedTime(pair.Value.LastSeen, now), time.GetElapsedTime(pair.Value.PromisedSince, now)),
                StringComparer.Ordinal);
        }
    }

    /// <summary>True when the instance's stream is open.</summary>
    public bool Hears(string instance)
    {
        lock (gate)
        {
            return seats.TryGetValue(instance, out Seat? seat) && seat.IsConnected;
        }
    }

    /// <summary>Completes when a stream opened or closed, or a role changed, after this call.</summary>
    public Task WaitForChangeAsync()
    {
        lock (gate)
        {
            return changed.Task;
        }
    }

    /// <summary>Serves one instance's stream until it ends. Refused on an instance that does not lead.</summary>
    public async Task ServeAsync(ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel)
    {
        if (!catalog.IsLeader)
        {
            throw JoinRules.Refused("not a leader", PeerErrors.NotALeader);
        }

        string name = Opening(opening.Span, ClusterModel.From(catalog.Image).ClusterUuid);
        var frames = new HeartbeatFrames(stream);
        try
        {
            while (catalog.IsLeader && await frames.ReadAsync(cancel) is { } frame)
            {
                HeartbeatReport report = HeartbeatReport.Read(frame.Span);
                if (report.Name != name)
                {
                    throw new InvalidDataException($"heartbeat of {report.Name} in the stream of {name}");
                }

                Note(report, stream);
                HeartbeatAnswer answer = await AnswerAsync(report, cancel);
                await frames.WriteAsync(answer.Write, cancel);
            }
        }
        finally
        {
            Leave(name, stream);
        }
    }

    /// <summary>Array of cluster uuid s, instance name s.</summary>
    internal static byte[] Opening(Guid clusterUuid, string name)
    {
        var writer = new MsgPackWriter(64);
        writer.WriteArrayHead(2);
        writer.WriteString(clusterUuid.ToString("D"));
        writer.WriteString(name);
        return writer.ToArray();
    }

    private static string Opening(ReadOnlySpan<byte> opening, Guid expected)
    {
        var reader = new MsgPackReader(opening);
        reader.ReadArrayHead();
        Guid cluster = Guid.Parse(reader.ReadString());
        return cluster == expected ? reader.ReadString() : throw JoinRules.Refused($"cluster UUID mismatch: expected {expected:D}, got {cluster:D}");
    }

    private async ValueTask<HeartbeatAnswer> AnswerAsync(HeartbeatReport report, CancellationToken cancel)
    {
        CatalogImage image = catalog.Image;
        if (PrimaryOf(ClusterModel.From(image), report) is null)
        {
            return new HeartbeatAnswer(report.Number, image.Index, IsSuperseded(ClusterModel.From(image), report), 0, TimeSpan.Zero);
        }

        (long start, CatalogImage? proven) = await rounds.JoinAsync(cancel);
        if (proven is null)
        {
            return new HeartbeatAnswer(report.Number, image.Index, false, 0, TimeSpan.Zero);
        }

        ClusterModel model = ClusterModel.From(proven);
        ReignRow? reign = PrimaryOf(model, report);
        TimeSpan lease = reign is null ? TimeSpan.Zero : ledger.Grant(reign.Replicaset, start);
        return new HeartbeatAnswer(report.Number, proven.Index, IsSuperseded(model, report), lease > TimeSpan.Zero ? reign!.Term : 0, lease);
    }

    /// <summary>The reign under which the reporting process is primary, and knows it, or null.</summary>
    private static ReignRow? PrimaryOf(ClusterModel model, HeartbeatReport report) =>
        report.Role == ReplicationRole.Primary && model.Instances.TryGetValue(report.Name, out InstanceRow? row) && row.Uuid == report.Uuid && row.TargetState.Incarnation == report.Incarnation
        && model.Reigns.TryGetValue(row.ReplicasetName, out ReignRow? reign) && reign.Primary == row.Name && row.SyncIncarnation == report.Incarnation
            ? reign
            : null;

    private static bool IsSuperseded(ClusterModel model, HeartbeatReport report) =>
        model.Instances.TryGetValue(report.Name, out InstanceRow? row)
        && (row.Uuid != report.Uuid || row.IsExpelled || (report.Incarnation > 0 && row.TargetState.Incarnation > report.Incarnation));

    private void Note(HeartbeatReport report, object stream)
    {
        TaskCompletionSource? signal = null;
        long now = time.GetTimestamp();
        lock (gate)
        {
            if (!seats.TryGetValue(report.Name, out Seat? seat))
            {
                seats[report.Name] = seat = new Seat { Report = report, Stream = stream, PromisedSince = now };
            }

            if (seat.IsConnected && report.Incarnation < seat.Report.Incarnation)
            {
                // an older process under the same name: it is answered, and counts for nothing
                return;
            }

            if (!seat.IsConnected || seat.Report.Role != report.Role || seat.Report.Incarnation != report.Incarnation || seat.Report.ReignEpoch != report.ReignEpoch)
            {
                (signal, changed) = (changed, NewSignal());
            }

            seat.PromisedSince = seat.Report.PromisedTerm == report.PromisedTerm ? seat.PromisedSince : now;
            seat.Report = report;
            seat.Stream = stream;
            seat.IsConnected = true;
            seat.LastSeen = now;
        }

        signal?.TrySetResult();
    }

    private void Leave(string name, object stream)
    {
        TaskCompletionSource? signal = null;
        lock (gate)
        {
            if (seats.TryGetValue(name, out Seat? seat) && ReferenceEquals(seat.Stream, stream))
            {
                seat.IsConnected = false;
                (signal, changed) = (changed, NewSignal());
            }
        }

        signal?.TrySetResult();
    }

    /// <summary>Whoever waits for it yields first (it is completed by the threads that serve heartbeats).</summary>
    private static TaskCompletionSource NewSignal() => new();
}

/// <summary>
/// Many callers, one round to a majority at a time: a caller gets the first round that begins after it came.
/// </summary>
internal sealed class RoundSharing(ICatalog catalog, TimeProvider time)
{
    /// <summary>Well below the time after which a primary counts as silent: its next heartbeat is read when this one is answered.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(500);

    private readonly Lock gate = new();
    private List<TaskCompletionSource<(long, CatalogImage?)>> waiting = [];
    private bool isRunning;

    /// <summary>The timestamp before the round began, and the image that it proved; no image when the round failed.</summary>
    public async Task<(long Start, CatalogImage? Image)> JoinAsync(CancellationToken cancel)
    {
        var mine = new TaskCompletionSource<(long, CatalogImage?)>();
        bool begin;
        lock (gate)
        {
            waiting.Add(mine);
            begin = !isRunning;
            isRunning = true;
        }

        if (begin)
        {
            _ = RunAsync();
        }

        (long, CatalogImage?) round = await mine.Task.WaitAsync(cancel);
        // the others of the party must not wait for what this one does next
        await Task.Yield();
        return round;
    }

    private async Task RunAsync()
    {
        while (true)
        {
            List<TaskCompletionSource<(long, CatalogImage?)>> party;
            lock (gate)
            {
                if (waiting.Count == 0)
                {
                    isRunning = false;
                    return;
                }

                (party, waiting) = (waiting, []);
            }

            long start = time.GetTimestamp();
            CatalogImage? image = null;
            try
            {
                using var limit = new TimeLimit(time, Limit, CancellationToken.None);
                image = await catalog.ReadBarrierAsync(limit.Token);
            }
            catch (Exception)
            {
                // no majority: that is the answer, nobody gets a lease by this round
            }

            foreach (var one in party)
            {
                one.TrySetResult((start, image));
            }
        }
    }
}
