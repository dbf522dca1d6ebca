using Picodata.Storage.Files;

namespace Picodata.Storage.Recovery;

/// <summary>What recovery brought back, and what must be done to the directory before anything is written.</summary>
/// <param name="Clock">State that is in memory.</param>
/// <param name="Instance">UUID of the instance.</param>
/// <param name="Snapshot">The snapshot that was loaded; null for a new directory.</param>
internal sealed record RecoveredState(VClock Clock, Guid Instance, HeadedFile? Snapshot)
{
    /// <summary>VClock of the log before the next one, or null.</summary>
    public VClock? PreviousLog { get; init; }

    /// <summary>Bytes of log behind the snapshot.</summary>
    public long LogBytes { get; init; }

    /// <summary>The last log when it has no EOF marker: it is cut at its last good byte and finished.</summary>
    public ReplayedLog? Unfinished { get; init; }

    /// <summary>Left-over files of a killed process, removed.</summary>
    public IReadOnlyList<string> Leftovers { get; init; } = [];

    /// <summary>Files that get another name, so that they are kept and never read again.</summary>
    public IReadOnlyList<(string Path, string Ending)> SetAside { get; init; } = [];

    /// <summary>True when the files do not join to the state: a snapshot of it must be written first.</summary>
    public bool NeedsCheckpoint { get; init; }
}
