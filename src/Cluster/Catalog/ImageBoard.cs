namespace Picodata.Cluster;

/// <summary>
/// The newest image and those who wait for the next. Images never go back (K2): an older one is refused. Thread-safe.
/// </summary>
/// <param name="inline">Waiters go on inside of <see cref="Publish"/>, for simulations with one thread; else on the thread pool.</param>
public sealed class ImageBoard(bool inline = false)
{
    private readonly Lock gate = new();
    private readonly List<(long Beyond, TaskCompletionSource<CatalogImage> Waiter)> waiters = [];
    private volatile CatalogImage image = CatalogImage.Empty;
    private bool isDistrusted;

    public CatalogImage Image => image;

    /// <summary>True between <see cref="Distrust"/> and the next image.</summary>
    public bool IsDistrusted
    {
        get
        {
            lock (gate)
                return isDistrusted;
        }
    }

    /// <summary>False when the image is not newer than the present one; then nothing changes.</summary>
    public bool Publish(CatalogImage next)
    {
        List<TaskCompletionSource<CatalogImage>> reached = [];
        lock (gate)
        {
            if (next.Index < image.Index || (next.Index == image.Index && !isDistrusted))
                return false;
            isDistrusted = false;
            image = next;
            for (int i = waiters.Count - 1; i >= 0; i--)
            {
                if (waiters[i].Beyond >= next.Index)
                    continue;
                reached.Add(waiters[i].Waiter);
                waiters.RemoveAt(i);
            }
        }
        for (int i = reached.Count - 1; i >= 0; i--)
            reached[i].TrySetResult(next);
        return true;
    }

    /// <summary>
    /// Marks the image as one whose history cannot be trusted: its hash is taken away, so that it fits no other; the next image replaces it, also one
    /// of the same index.
    /// </summary>
    public void Distrust()
    {
        lock (gate)
        {
            image = image with { Hash = 0 };
            isDistrusted = true;
        }
    }

    /// <summary>Completes with an image newer than <paramref name="index"/>.</summary>
    public async ValueTask<CatalogImage> WaitBeyondAsync(long index, CancellationToken cancel)
    {
        TaskCompletionSource<CatalogImage> waiter;
        lock (gate)
        {
            if (image.Index > index)
                return image;
            waiter = new(inline ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);
            waiters.Add((index, waiter));
        }
        try
        {
            return await waiter.Task.WaitAsync(cancel).ConfigureAwait(false);
        }
        finally
        {
            if (!waiter.Task.IsCompleted)
            {
                lock (gate)
                    waiters.RemoveAll(entry => entry.Waiter == waiter);
            }
        }
    }

    /// <summary>Completes with an image that has reached <paramref name="index"/>.</summary>
    public ValueTask<CatalogImage> WaitReachedAsync(long index, CancellationToken cancel) => WaitBeyondAsync(index - 1, cancel);
}
