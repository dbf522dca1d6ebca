namespace Picodata.Harness.Cluster;

/// <summary>
/// One thread, one queue of events, one seed: many processes in one, each with a clock and a context of its own. Whatever is awaited by a process goes on
/// inside of it, or not at all when it was killed, or later when it is paused. Nothing here waits for real time.
/// </summary>
public sealed class SimulatedWorld(int seed)
{
    private readonly PriorityQueue<(SimulatedProcess? Owner, Action Action), (long At, long Sequence)> events = new();
    private readonly Queue<(SimulatedProcess Owner, SendOrPostCallback Callback, object? State)> ready = new();
    private readonly int thread = Environment.CurrentManagedThreadId;
    private long sequence;

    public Random Random { get; } = new(seed);

    /// <summary>Ticks of 100 ns since the beginning.</summary>
    public long Now { get; private set; }

    /// <summary>Events that were handled.</summary>
    public long Steps { get; private set; }

    /// <summary>A clock that no process owns.</summary>
    public TimeProvider Time => new Clock(this, null, 1);

    /// <summary>Called behind every event: looks for broken promises.</summary>
    public Action? Check { get; set; }

    /// <summary>A failure inside of a process that nothing caught.</summary>
    public List<Exception> Failures { get; } = [];

    public TimeSpan Elapsed => TimeSpan.FromTicks(Now);

    /// <summary>From 0 to the span.</summary>
    public TimeSpan Draw(TimeSpan max) => max * Random.NextDouble();

    public void Schedule(TimeSpan delay, SimulatedProcess? owner, Action action) =>
        events.Enqueue((owner, action), (Now + Math.Max(0, delay.Ticks), sequence++));

    /// <summary>Handles events until the condition holds; false when the time was over first.</summary>
    public bool RunUntil(Func<bool> isDone, TimeSpan limit)
    {
        long end = Now + limit.Ticks;
        while (!isDone())
        {
            if (!Step(end))
            {
                Now = end;
                return isDone();
            }
        }

        return true;
    }

    internal void Post(SimulatedProcess owner, SendOrPostCallback callback, object? state)
    {
        if (owner.IsDead)
        {
            // calls that end with their process may be cancelled on whatever thread: nobody goes on with them
            return;
        }

        if (Environment.CurrentManagedThreadId != thread)
        {
            throw new InvalidOperationException($"something of the simulation runs on another thread: {Environment.StackTrace}");
        }

        ready.Enqueue((owner, callback, state));
    }

    private bool Step(long end)
    {
        if (ready.TryDequeue(out var item))
        {
            item.Owner.Do(() => item.Callback(item.State), withContext: true);
        }
        else if (events.TryPeek(out var next, out (long At, long) when) && when.At <= end)
        {
            events.Dequeue();
            Now = Math.Max(Now, when.At);
            if (next.Owner is { } owner)
            {
                owner.Do(next.Action, withContext: false);
            }
            else
            {
                next.Action();
            }
        }
        else
        {
            return false;
        }

        Steps++;
        Check?.Invoke();
        return true;
    }

    /// <summary>A clock that may run a little too fast or too slow.</summary>
    internal sealed class Clock(SimulatedWorld world, SimulatedProcess? owner, double rate) : TimeProvider
    {
        /// <inheritdoc/>
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        /// <inheritdoc/>
        public override long GetTimestamp() => (long)(world.Now * rate);

        /// <inheritdoc/>
        public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddTicks(GetTimestamp());

        /// <inheritdoc/>
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(world, owner, rate, () => callback(state));
            timer.Change(dueTime, period);
            return timer;
        }
    }

    private sealed class Timer(SimulatedWorld world, SimulatedProcess? owner, double rate, Action ring) : ITimer
    {
        private long generation;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            long mine = ++generation;
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                Arm(dueTime, period, mine);
            }

            return true;
        }

        public void Dispose() => generation++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Arm(TimeSpan due, TimeSpan period, long mine) => world.Schedule(due / rate, owner, () =>
        {
            if (mine != generation)
            {
                return;
            }

            if (period != Timeout.InfiniteTimeSpan && period > TimeSpan.Zero)
            {
                Arm(period, period, mine);
            }

            ring();
        });
    }
}

/// <summary>One process: killed it never runs again, paused it runs later, in order.</summary>
public sealed class SimulatedProcess(SimulatedWorld world, string name, double clockRate = 1)
{
    private readonly List<(Action Action, bool WithContext)> stopped = [];
    private Context? context;

    public string Name => name;

    public SimulatedWorld World => world;

    public bool IsDead { get; private set; }

    public bool IsPaused { get; private set; }

    public TimeProvider Time => field ??= new SimulatedWorld.Clock(world, this, clockRate);

    /// <summary>Begins something that goes on by itself; its failure is remembered in <see cref="SimulatedWorld.Failures"/>.</summary>
    public void Start(Func<Task> work) => Do(() => _ = WatchAsync(work), withContext: true);

    public void Kill() => IsDead = true;

    public void Pause() => IsPaused = true;

    public void Resume()
    {
        IsPaused = false;
        List<(Action Action, bool WithContext)> late = [.. stopped];
        stopped.Clear();
        foreach ((Action action, bool withContext) in late)
        {
            world.Schedule(TimeSpan.Zero, null, () => Do(action, withContext));
        }
    }

    internal void Do(Action action, bool withContext)
    {
        if (IsDead)
        {
            return;
        }

        if (IsPaused)
        {
            stopped.Add((action, withContext));
            return;
        }

        SynchronizationContext? before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(withContext ? context ??= new Context(this) : null);
        try
        {
            action();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private async Task WatchAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception problem)
        {
            world.Failures.Add(problem);
        }
    }

    private sealed class Context(SimulatedProcess process) : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) => process.World.Post(process, d, state);

        public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();

        public override SynchronizationContext CreateCopy() => this;
    }
}
