using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// Writes snapshots: on demand, by time, and by bytes of log; then removes old files. One thread of its own does one at a time.
///
/// K1 The view is taken under the gate together with its clock and a request to close the log there: <c>V.snap</c> and <c>V.xlog</c> begin at one point.
/// K2 Nothing is written before the view's newest commit is durable: a snapshot never holds what a crash could take back.
/// K3 A state that has its snapshot is not written again.
/// K4 A failed attempt leaves no trace and is tried again; service goes on.
/// K5 While transactions commit, the writer rests after each piece of work, so that they hardly notice.
/// </summary>
internal sealed class Checkpointer : IAsyncDisposable
{
    private const int SyncEvery = 2 << 20;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RemovalEvery = TimeSpan.FromSeconds(30);

    private readonly Engine engine;
    private readonly CommitPipeline pipeline;
    private readonly StorageEnvironment environment;
    private readonly Func<StorageOptions> options;
    private readonly Guid instance;
    private readonly FileRemoval removal;
    private readonly ConcurrentQueue<TaskCompletionSource<long>> requests = new();
    private readonly AutoResetEvent wake = new(false);
    private readonly CancellationTokenSource stopping = new();
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ITimer? ticker;
    private VClock? newest;
    private long bytesAtLast;
    private long lastTime;
    private long lastRemoval;
    private long notBefore;
    private double jitter;
    private long pacedFrom;
    private long pacedCommits;

    /// <param name="newest">Clock of the newest snapshot in the directory.</param>
    /// <param name="logBytes">Bytes of log behind it.</param>
    public Checkpointer(Engine engine, CommitPipeline pipeline, StorageEnvironment environment, Func<StorageOptions> options, Guid instance, FileRemoval removal, VClock? newest, long logBytes)
    {
        this.engine = engine;
        this.pipeline = pipeline;
        this.environment = environment;
        this.options = options;
        this.instance = instance;
        this.removal = removal;
        this.newest = newest;
        bytesAtLast = -logBytes;
        lastTime = lastRemoval = environment.Time.GetTimestamp();
        jitter = environment.Random.NextDouble();
    }

    /// <summary>Snapshots written since the start.</summary>
    public long Written { get; private set; }

    /// <summary>Attempts that failed since the start.</summary>
    public long Failed { get; private set; }

    public void Start()
    {
        new Thread(Run) { IsBackground = true, Name = "picodata checkpoint" }.Start();
        ticker = environment.Time.CreateTimer(_ => wake.Set(), null, Tick, Tick);
    }

    public Task<long> CheckpointAsync(CancellationToken cancel)
    {
        var request = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        requests.Enqueue(request);
        if (stopping.IsCancellationRequested)
            request.TrySetException(Stopping());
        else
            wake.Set();
        return request.Task.WaitAsync(cancel);
    }

    /// <summary>Writes a snapshot of the present state at full speed, on the caller's thread; before <see cref="Start"/> only.</summary>
    public void WriteFirst() => Write(CancellationToken.None, paced: false);

    /// <summary>Gives up a snapshot that is being written and ends the thread.</summary>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        if (ticker is not null)
        {
            await ticker.DisposeAsync().ConfigureAwait(false);
            wake.Set();
            await ended.Task.ConfigureAwait(false);
        }
        wake.Dispose();
        stopping.Dispose();
    }

    private void Run()
    {
        while (!stopping.IsCancellationRequested)
        {
            wake.WaitOne();
            List<TaskCompletionSource<long>> asked = [];
            while (requests.TryDequeue(out TaskCompletionSource<long>? request))
                asked.Add(request);
            if (!stopping.IsCancellationRequested && (asked.Count > 0 || IsDue()))
                Attempt(asked);
            else
                asked.ForEach(request => request.TrySetException(Stopping()));
            if (environment.Time.GetElapsedTime(lastRemoval) >= RemovalEvery)
                Remove();
        }
        while (requests.TryDequeue(out TaskCompletionSource<long>? late))
            late.TrySetException(Stopping());
        ended.TrySetResult();
    }

    private bool IsDue()
    {
        StorageOptions now = options();
        if (environment.Time.GetTimestamp() < notBefore)
            return false;
        // instances that were started together should not checkpoint together
        TimeSpan interval = now.CheckpointInterval * (1 + (jitter * 0.1));
        return (now.CheckpointInterval > TimeSpan.Zero && environment.Time.GetElapsedTime(lastTime) >= interval)
            || pipeline.BytesWritten - bytesAtLast >= now.CheckpointWalThreshold;
    }

    private void Attempt(List<TaskCompletionSource<long>> asked)
    {
        try
        {
            long number = Write(stopping.Token, paced: true);
            Remove();
            asked.ForEach(request => request.TrySetResult(number));
        }
        catch (Exception failure)
        {
            // the root of the checkpoint thread's work: an attempt that failed must not end the service
            Failed++;
            notBefore = environment.Time.GetTimestamp() + (long)(RetryAfter.TotalSeconds * environment.Time.TimestampFrequency);
            if (failure is not OperationCanceledException)
                environment.Log.LogError("the checkpoint failed and will be tried again: {Reason}", failure.Message);
            Exception told = Told(failure);
            asked.ForEach(request => request.TrySetException(told));
        }
    }

    private static Exception Told(Exception failure) => failure switch
    {
        DbException known => known,
        OperationCanceledException => Stopping(),
        DiskFullException full => new DbException(SqlStates.DiskFull, $"the checkpoint failed: {full.Message}", hint: "free space on the disk of the instance directory", cause: full),
        IOException io => new DbException(SqlStates.IoError, $"the checkpoint failed: {io.Message}", cause: io),
        _ => failure,
    };

    private long Write(CancellationToken cancel, bool paced)
    {
        long bytesBefore;
        VClock clock;
        ReadView view;
        Task rotation;
        lock (engine.Gate)
        {
            clock = pipeline.AppliedClock;
            bytesBefore = pipeline.BytesWritten;
            if (clock.Equals(newest))
            {
                Remember(clock, bytesBefore);
                return clock.Signature;
            }
            rotation = pipeline.RequestRotation();
            view = engine.OpenReadView();
        }
        using (view)
        {
            // K2: the rotation is done behind the sync of all that was applied before it
            rotation.WaitAsync(cancel).GetAwaiter().GetResult();
            var how = new SnapWriterOptions
            {
                Parallelism = paced ? 0 : Math.Max(1, Environment.ProcessorCount - 1),
                SyncEvery = SyncEvery,
                Timestamp = environment.Time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0,
            };
            pacedFrom = environment.Time.GetTimestamp();
            SnapshotFile.Write(view, new LogHeader(LogFileKind.Snap, instance, clock), environment, options().Directory, how, paced ? Pace : null, cancel);
        }
        Written++;
        Remember(clock, bytesBefore);
        return clock.Signature;
    }

    private void Remember(VClock clock, long bytesBefore)
    {
        newest = clock;
        bytesAtLast = bytesBefore;
        lastTime = environment.Time.GetTimestamp();
        jitter = environment.Random.NextDouble();
    }

    /// <summary>K5: as long a rest as the work took, whenever commits happened meanwhile.</summary>
    private void Pace(int written)
    {
        TimeSpan worked = environment.Time.GetElapsedTime(pacedFrom);
        if (worked < TimeSpan.FromMilliseconds(2))
            return;
        long commits = pipeline.DurableNumber;
        if (commits != pacedCommits)
            stopping.Token.WaitHandle.WaitOne(worked < TimeSpan.FromMilliseconds(50) ? worked : TimeSpan.FromMilliseconds(50));
        pacedCommits = commits;
        pacedFrom = environment.Time.GetTimestamp();
    }

    private void Remove()
    {
        lastRemoval = environment.Time.GetTimestamp();
        removal.Run(diskIsFull: false);
    }

    private static DbException Stopping() => new(SqlStates.AdminShutdown, "the database is being stopped");
}
