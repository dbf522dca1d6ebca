using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Recovery;

/// <summary>
/// Changes a directory whose recovery succeeded, so that the next log can follow: the unfinished end of the last log is cut off and the log
/// finished, left-overs are removed, files that were passed over get other names. Each step is durable before the next.
/// </summary>
internal static class DirectoryRepair
{
    public static void Apply(RecoveredState state, StorageOptions options, StorageEnvironment environment)
    {
        IFileSystem files = environment.Files;
        if (state.Unfinished is { } log && !state.SetAside.Any(aside => aside.Path == log.Log.Path))
            FinishLog(files, log, environment.Log);
        foreach (string leftover in state.Leftovers)
            files.Delete(leftover);
        foreach ((string path, string ending) in state.SetAside)
        {
            files.Rename(path, path + ending);
            environment.Log.LogWarning("{Path} was set aside as {Ending}", path, ending);
        }
        if (state.Leftovers.Count > 0 || state.SetAside.Count > 0)
            files.SyncDirectory(options.Directory);
    }

    /// <remarks>Cut first and synced, then the marker: the two must not reach the disk in the other order.</remarks>
    private static void FinishLog(IFileSystem files, ReplayedLog log, ILogger report)
    {
        using IFile file = files.OpenReadWrite(log.Log.Path);
        long length = file.Length;
        if (length > log.End.ValidBytes)
        {
            file.Truncate(log.End.ValidBytes);
            file.Sync();
            report.LogInformation("{Path}: {Bytes} bytes of an unfinished write were cut off at offset {Offset}", log.Log.Path, length - log.End.ValidBytes, log.End.ValidBytes);
        }
        file.Write(log.End.ValidBytes, BlockFormat.EofMarker);
        file.Sync();
    }
}
