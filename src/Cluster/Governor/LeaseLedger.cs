namespace Picodata.Cluster;

/// <summary>
/// The leader's book of leases (invariant C4). Thread-safe; time is what is passed in (timestamps of one <see cref="TimeProvider"/>).
///
/// E1 A lease ends <see cref="ClusterTimings.LeaseDuration"/> after the beginning of a round to a majority that succeeded. Rounds of a deposed leader
///    fail, so its leases end at the latest that long after its successor's election.
/// E2 Nobody is deposed before every lease on the replicaset has run out by this book, and, for leases that a predecessor gave, before
///    duration and margin have passed since the own election.
/// E3 While a replicaset is barred (a primary is being deposed) nothing is granted on it; barring and reading the end are one step.
/// E4 Nothing is granted before the governor's own row is in the catalog (<see cref="GovernorLoop"/>): proposals of a deposed governor, which
///    knows nothing of leases granted here, expect the row as it was before and fail.
/// </summary>
public sealed class LeaseLedger(ClusterTimings timings, TimeProvider time)
{
    private sealed class Account
    {
        public long Until = long.MinValue;
        public bool IsBarred;
    }

    private readonly Lock gate = new();
    private readonly Dictionary<string, Account> accounts = new(StringComparer.Ordinal);
    private long depose = long.MaxValue;
    private bool isOpen;

    /// <summary>The own election, no later than which no predecessor's round can have begun; forgets what an earlier leadership granted.</summary>
    public void BeginLeadership()
    {
        lock (gate)
        {
            isOpen = false;
            accounts.Clear();
            depose = time.GetTimestamp() + Ticks(timings.LeaseDuration + timings.LeaseMargin);
        }
    }

    /// <summary>The governor's row is in the catalog: leases may be granted (E4).</summary>
    public void Open()
    {
        lock (gate)
        {
            isOpen = true;
        }
    }

    /// <summary>The leadership ended.</summary>
    public void Close()
    {
        lock (gate)
        {
            isOpen = false;
            depose = long.MaxValue;
        }
    }

    /// <summary>
    /// What is left of a lease that begins with a successful round to a majority; zero when none is granted. The caller has checked, in an image
    /// that is at least as new as the round, that the instance is the replicaset's primary.
    /// </summary>
    /// <param name="roundStart">Timestamp before the round began.</param>
    public TimeSpan Grant(string replicaset, long roundStart)
    {
        lock (gate)
        {
            if (!accounts.TryGetValue(replicaset, out Account? account))
            {
                accounts[replicaset] = account = new Account();
            }

            if (!isOpen || account.IsBarred)
            {
                return TimeSpan.Zero;
            }

            long until = roundStart + Ticks(timings.LeaseDuration);
            long left = until - time.GetTimestamp();
            if (left <= 0)
            {
                return TimeSpan.Zero;
            }

            account.Until = Math.Max(account.Until, until);
            return Span(left);
        }
    }

    /// <summary>Time until nobody can hold a lease on the replicaset any more (with margin), if none is granted meanwhile; zero: now.</summary>
    public TimeSpan LeftOn(string replicaset)
    {
        lock (gate)
        {
            return LeftLocked(replicaset);
        }
    }

    /// <summary>Grants nothing on the replicaset from now on; returns how long what was granted lasts (with margin).</summary>
    public TimeSpan Bar(string replicaset)
    {
        lock (gate)
        {
            if (!accounts.TryGetValue(replicaset, out Account? account))
            {
                accounts[replicaset] = account = new Account();
            }

            account.IsBarred = true;
            return LeftLocked(replicaset);
        }
    }

    /// <summary>Grants again.</summary>
    public void Unbar(string replicaset)
    {
        lock (gate)
        {
            if (accounts.TryGetValue(replicaset, out Account? account))
            {
                account.IsBarred = false;
            }
        }
    }

    private TimeSpan LeftLocked(string replicaset)
    {
        long until = accounts.TryGetValue(replicaset, out Account? account) && account.Until != long.MinValue ? account.Until + Ticks(timings.LeaseMargin) : long.MinValue;
        until = Math.Max(until, depose);
        if (until == long.MaxValue)
        {
            return TimeSpan.MaxValue;
        }

        long left = until - time.GetTimestamp();
        return left > 0 ? Span(left) : TimeSpan.Zero;
    }

    private long Ticks(TimeSpan span) => (long)Math.Ceiling(span.TotalSeconds * time.TimestampFrequency);

    private TimeSpan Span(long ticks) => TimeSpan.FromSeconds((double)ticks / time.TimestampFrequency);
}
