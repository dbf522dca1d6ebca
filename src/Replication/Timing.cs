namespace Picodata.Replication;

/// <summary>Waiting through the clock that was given.</summary>
internal static class Timing
{
    public static async ValueTask WaitAsync(this TimeProvider time, TimeSpan span, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ITimer timer = time.CreateTimer(static state => ((TaskCompletionSource)state!).TrySetResult(), done, span, Timeout.InfiniteTimeSpan);
        await using CancellationTokenRegistration registration = cancel.UnsafeRegister(static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), done);
        await done.Task.ConfigureAwait(false);
    }
}

/// <summary>Wakes one waiter; what is signalled while nobody waits is kept, once.</summary>
internal sealed class Signal
{
    private readonly System.Threading.Channels.Channel<bool> channel =
        System.Threading.Channels.Channel.CreateBounded<bool>(new System.Threading.Channels.BoundedChannelOptions(1) { FullMode = System.Threading.Channels.BoundedChannelFullMode.DropWrite, SingleReader = true });

    public void Set() => channel.Writer.TryWrite(true);

    public async ValueTask WaitAsync(CancellationToken cancel) => await channel.Reader.ReadAsync(cancel).ConfigureAwait(false);
}
