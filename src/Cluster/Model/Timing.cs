namespace Picodata.Cluster;

/// <summary>Waiting through the clock that was given.</summary>
internal static class Timing
{
    /// <summary>Completes after a span of the clock's time; a cancelled token ends it with <see cref="OperationCanceledException"/>.</summary>
    public static async ValueTask WaitAsync(this TimeProvider time, TimeSpan span, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var done = new TaskCompletionSource();
        await using ITimer timer = time.CreateTimer(static state => ((TaskCompletionSource)state!).TrySetResult(), done, span > TimeSpan.Zero ? span : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        await using CancellationTokenRegistration registration = cancel.UnsafeRegister(static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), done);
        await done.Task;
    }

    /// <summary>Waits for a task whose outcome does not matter.</summary>
    public static Task QuietAsync(Task task) =>
        task.ContinueWith(static done => _ = done.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    /// <summary>A token that is cancelled with <paramref name="cancel"/> or after a span of the clock's time. Dispose of both parts.</summary>
    public static TimeLimit Limit(this TimeProvider time, TimeSpan span, CancellationToken cancel) => new(time, span, cancel);
}

/// <summary>A token with a time limit by a given clock.</summary>
internal readonly struct TimeLimit : IDisposable
{
    private readonly CancellationTokenSource alarm;
    private readonly CancellationTokenSource both;

    public TimeLimit(TimeProvider time, TimeSpan span, CancellationToken cancel)
    {
        alarm = new CancellationTokenSource(span, time);
        both = CancellationTokenSource.CreateLinkedTokenSource(alarm.Token, cancel);
    }

    public CancellationToken Token => both.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        both.Dispose();
        alarm.Dispose();
    }
}
