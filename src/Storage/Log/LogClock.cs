using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// Gives out LSNs and numbers. Two components of the vector clock move: the log's (<see cref="Component"/>, the rows that a replicaset shares), and
/// 0 (rows of replica-local spaces).
///
/// Numbers are what callers wait for: signatures of the vector clock plus the numbers of all that was taken back. Each logged row moves
/// them by one, whichever component it counts in; those of commits that were taken back are never given out again, so a number names one commit for
/// ever. Their LSNs are given out again: nothing of them was written or shipped, and a log without holes can be compared by its last LSN.
/// </summary>
internal sealed class LogClock
{
    private readonly VClock start;
    private long skipped;

    public LogClock(VClock start, int component)
    {
        this.start = start;
        Component = component;
        Assigned = Applied = new LogPosition(start[component], start[0]);
    }

    /// <summary>The component of the rows that are written here, the same for all primaries of a replicaset.</summary>
    public int Component { get; }

    /// <summary>The last LSNs given out.</summary>
    public LogPosition Assigned { get; set; }

    /// <summary>The newest commit that is applied in memory.</summary>
    public LogPosition Applied { get; set; }

    /// <summary>
    /// The component other than 0 with the largest LSN, the lowest of several; <paramref name="ownId"/> when there are no rows. All members of a
    /// replicaset have the same components but for 0, so all find the same.
    /// </summary>
    public static int ComponentOf(VClock clock, int ownId)
    {
        int found = ownId;
        for (int id = VClock.Size - 1; id > 0; id--)
            found = clock[id] > 0 && clock[id] >= clock[found] ? id : found;
        return found;
    }

    public long Number(LogPosition position) => skipped + start.Signature + position.Own - start[Component] + position.Local - start[0];

    public VClock At(LogPosition position) => start.With(Component, position.Own).With(0, position.Local);

    /// <summary>Everything behind <paramref name="position"/> was taken back: LSNs go on from there, numbers from where they were.</summary>
    public void GoBackTo(LogPosition position)
    {
        skipped += Number(Assigned) - Number(position);
        Assigned = Applied = position;
    }
}
