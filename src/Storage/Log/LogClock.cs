using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// Gives out LSNs. Contract LSNs ("numbers") are signatures of the vector clock, as in file names: each logged row moves it by
/// one, whichever component it counts in, so that numbers grow also where there are foreign components and local rows.
/// LSNs of commits that were taken back are never given out again: a number names one commit for ever.
/// </summary>
internal sealed class LogClock
{
    private readonly VClock start;

    public LogClock(VClock start, int replicaId)
    {
        this.start = start;
        ReplicaId = replicaId;
        Assigned = Applied = new LogPosition(start[replicaId], start[0]);
    }

    public int ReplicaId { get; }

    /// <summary>The last LSNs given out.</summary>
    public LogPosition Assigned { get; set; }

    /// <summary>The newest commit that is applied in memory.</summary>
    public LogPosition Applied { get; set; }

    public long Number(LogPosition position) => start.Signature + position.Own - start[ReplicaId] + position.Local - start[0];

    public VClock At(LogPosition position) => start.With(ReplicaId, position.Own).With(0, position.Local);
}
