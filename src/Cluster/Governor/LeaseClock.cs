namespace Picodata.Cluster;

/// <summary>
/// The primary's lease as its own clock sees it (invariant C4): it ends a granted span after the moment at which the heartbeat was <em>sent</em> that was
/// answered with it, which is never later than the leader thinks. <see cref="IsValidFor"/> is two reads and a comparison. Thread-safe.
///
/// The clock is the monotonic one: a paused process finds its lease run out when it goes on. A suspended machine whose monotonic clock stands
/// still is not told apart; the fencing of the replicas (R3) keeps its writes from being acknowledged all the same.
/// </summary>
public sealed class LeaseClock(TimeProvider time)
{
    private sealed record Grant(long Term, long Until);

    private Grant grant = new(0, long.MinValue);

    /// <summary>True while a lease for this term of the replicaset's reign lasts.</summary>
    public bool IsValidFor(long term)
    {
        Grant present = Volatile.Read(ref grant);
        return present.Term == term && time.GetTimestamp() < present.Until;
    }

    /// <summary>What is left of the lease; zero when it has run out.</summary>
    public TimeSpan Left
    {
        get
        {
            long left = Volatile.Read(ref grant).Until - time.GetTimestamp();
            return left > 0 ? TimeSpan.FromSeconds((double)left / time.TimestampFrequency) : TimeSpan.Zero;
        }
    }

    /// <summary>Takes an answer over. A later answer for the same term never shortens the lease, one for another term replaces it.</summary>
    /// <param name="term">Term of the reign that it is for; 0 (no lease) is passed over.</param>
    /// <param name="sentAt">Timestamp (of this clock) taken before the heartbeat was sent.</param>
    /// <param name="span">As granted.</param>
    public void Extend(long term, long sentAt, TimeSpan span)
    {
        if (term == 0 || span <= TimeSpan.Zero)
        {
            return;
        }

        long until = sentAt + (long)(span.TotalSeconds * time.TimestampFrequency);
        while (true)
        {
            Grant present = Volatile.Read(ref grant);
            if (term < present.Term || (term == present.Term && until <= present.Until))
            {
                return;
            }

            if (ReferenceEquals(Interlocked.CompareExchange(ref grant, new Grant(term, until), present), present))
            {
                return;
            }
        }
    }

    /// <summary>Gives the lease up: the instance has stopped to be primary.</summary>
    public void Drop() => Volatile.Write(ref grant, new Grant(0, long.MinValue));
}
