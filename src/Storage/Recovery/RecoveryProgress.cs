namespace Picodata.Storage.Recovery;

/// <summary>Tells a waiting person how far recovery is, a few times a second. Used by one thread.</summary>
internal sealed class RecoveryProgress(StorageEnvironment environment, long total)
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(250);

    private long finishedFiles;
    private long lastTold = environment.Time.GetTimestamp();

    /// <summary>Bytes read of the file at hand.</summary>
    public void At(long offset)
    {
        if (environment.Time.GetElapsedTime(lastTold) >= Pace)
            Tell(finishedFiles + offset);
    }

    public void FileDone(long length)
    {
        finishedFiles += length;
        At(0);
    }

    public void Done() => Tell(total);

    private void Tell(long bytes)
    {
        lastTold = environment.Time.GetTimestamp();
        environment.OnRecoveryProgress(Math.Min(bytes, total), total);
    }
}
