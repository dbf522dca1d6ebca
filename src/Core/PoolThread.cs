using System.Runtime.CompilerServices;

namespace Picodata.Core;

/// <summary>
/// Where work that may take long goes on. Bytes of clients are received, and commits told to be durable, on a few threads that serve many
/// sessions each: what runs there stays in the order of microseconds, everything else awaits <see cref="Reach"/> first.
/// </summary>
public readonly struct PoolThread : ICriticalNotifyCompletion
{
    private readonly bool always;

    private PoolThread(bool always) => this.always = always;

    /// <summary>Goes on at once on a thread of the pool, and moves there from any other.</summary>
    public static PoolThread Reach => default;

    /// <summary>Goes on in a work item of its own, also when this is a thread of the pool: the present one has others to serve.</summary>
    public static PoolThread Anew => new(true);

    /// <summary>For the compiler.</summary>
    public bool IsCompleted => !always && Thread.CurrentThread.IsThreadPoolThread;

    /// <summary>For the compiler.</summary>
    public PoolThread GetAwaiter() => this;

    /// <summary>For the compiler.</summary>
    public void GetResult()
    {
    }

    /// <inheritdoc/>
    public void OnCompleted(Action continuation) => ThreadPool.QueueUserWorkItem(static run => run(), continuation, preferLocal: false);

    /// <inheritdoc/>
    public void UnsafeOnCompleted(Action continuation) => ThreadPool.UnsafeQueueUserWorkItem(static run => run(), continuation, preferLocal: false);
}
