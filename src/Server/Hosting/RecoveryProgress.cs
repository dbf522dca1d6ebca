namespace Picodata.Server;

/// <summary>Shows on a terminal how far recovery is, in one line that is written over; silent elsewhere.</summary>
internal sealed class RecoveryProgress(TextWriter output, bool isEnabled) : IDisposable
{
    private readonly Lock gate = new();
    private bool hasWritten;

    /// <param name="done">Bytes read.</param>
    /// <param name="total">Bytes of all files that are read.</param>
    public void Report(long done, long total)
    {
        if (!isEnabled || total == 0)
        {
            return;
        }

        lock (gate)
        {
            hasWritten = true;
            output.Write($"\rrecovering: {done * 100 / total,3} % ({done >> 20} of {total >> 20} MiB)");
            output.Flush();
        }
    }

    public void Dispose()
    {
        if (hasWritten)
        {
            output.WriteLine();
        }
    }
}
