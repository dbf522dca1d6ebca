using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// The chain of log files: makes segments when there is something to write, rotates and finishes them. A segment is finished before its
/// successor gets its name (S6), except when its marker could not be written. Used by the log thread only.
/// </summary>
internal sealed class LogWriter(StorageEnvironment environment, Func<StorageOptions> options, Guid instance, VClock? previous) : IDisposable
{
    private LogSegment? segment;
    private VClock? previous = previous;

    public string? Path => segment?.Path;

    /// <summary>
    /// Writes one block; <paramref name="start"/> is the clock before its first row. <paramref name="written"/> is called behind the write and before the sync.
    /// </summary>
    public void Append(ReadOnlySpan<byte> block, VClock start, Action? written = null)
    {
        if (segment is { HasRows: true } && segment.Position >= options().WalMaxSize)
            TryFinish();
        segment ??= Create(start);
        segment.Append(block, written);
    }

    /// <summary>Takes back what a failed <see cref="Append"/> left.</summary>
    public void CutBack() => segment?.CutBack();

    /// <summary>Finishes the file in use when it holds rows; the next row begins a new one.</summary>
    public void Rotate()
    {
        if (segment is { HasRows: true })
            TryFinish();
    }

    /// <summary>
    /// Finishes the log for a clean stop. Behind a log with rows comes an empty finished one, as Tarantool leaves it: its clock proves
    /// where the last rows end.
    /// </summary>
    public void Close(VClock end)
    {
        if (segment is null)
            return;
        bool hadRows = segment.HasRows;
        if (!TryFinish() || !hadRows)
            return;
        try
        {
            segment = Create(end);
            TryFinish();
        }
        catch (IOException unwritable)
        {
            environment.Log.LogWarning("the closing log could not be made: {Reason}", unwritable.Message);
        }
    }

    public void Dispose() => segment?.Dispose();

    private LogSegment Create(VClock start)
    {
        StorageOptions now = options();
        LogSegment created = LogSegment.Create(environment.Files, now.Directory, new LogHeader(LogFileKind.Xlog, instance, start, previous), now.WalMode == WalMode.Fsync);
        previous = start;
        return created;
    }

    /// <summary>False when the marker could not be written: the segment stays in use and is finished another time.</summary>
    private bool TryFinish()
    {
        try
        {
            segment!.Finish();
        }
        catch (IOException unwritable)
        {
            segment!.CutBack();
            environment.Log.LogWarning("{Path} could not be finished: {Reason}", segment.Path, unwritable.Message);
            return false;
        }
        segment.Dispose();
        segment = null;
        return true;
    }
}
