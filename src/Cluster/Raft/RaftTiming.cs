namespace Picodata.Cluster;

/// <summary>
/// Time limits of the consensus. The same on all voters. One hung voter must not hold up an election, which waits for every voter's answer:
/// <see cref="Request"/> is below <see cref="ElectionMin"/> (checked).
/// </summary>
/// <param name="ElectionMin">A follower that hears nothing for a time drawn between this and <see cref="ElectionMax"/> asks for votes. Drawn once a process.</param>
/// <param name="ElectionMax">See <see cref="ElectionMin"/>.</param>
/// <param name="Request">One request with its answer, a whole snapshot included.</param>
/// <param name="Connect">Opening a stream to a voter.</param>
public sealed record RaftTiming(TimeSpan ElectionMin, TimeSpan ElectionMax, TimeSpan Request, TimeSpan Connect)
{
    /// <summary>Another leader half a second after the death of one, on machines that are not overloaded.</summary>
    public static readonly RaftTiming Default = FromMilliseconds(200, 400, 150, 100);

    public static RaftTiming FromMilliseconds(int electionMin, int electionMax, int request, int connect) =>
        new(TimeSpan.FromMilliseconds(electionMin), TimeSpan.FromMilliseconds(electionMax), TimeSpan.FromMilliseconds(request), TimeSpan.FromMilliseconds(connect));

    internal void Check()
    {
        if (Request >= ElectionMin || ElectionMin >= ElectionMax || Connect <= TimeSpan.Zero)
            throw new ArgumentException($"a request's limit ({Request.TotalMilliseconds} ms) must be below the shortest election timeout ({ElectionMin.TotalMilliseconds} ms), and that below the longest ({ElectionMax.TotalMilliseconds} ms)");
    }
}
