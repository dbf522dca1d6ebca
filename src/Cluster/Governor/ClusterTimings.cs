namespace Picodata.Cluster;

/// <summary>Spans of time that failure detection and the governor go by.</summary>
public sealed record ClusterTimings
{
    public static readonly ClusterTimings Default = new();

    /// <summary>An instance tells the leader of itself this often.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// A lease ends this long after the beginning of the leader's round to a majority. Shorter: failover is quicker, and a primary that was kept from
    /// running for a moment holds answers back more often (nothing else happens to it). It has to be several times as long as a round to a majority of the voters.
    /// </summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Added to what the leader waits for: two clocks may run at different rates while a lease lasts (a tenth is far more than clocks do).</summary>
    public TimeSpan LeaseMargin { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>A primary whose stream is open but that is silent for this long is replaced.</summary>
    public TimeSpan FailoverLimit { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A new leader gives primaries that it has not heard of yet this long to find it.</summary>
    public TimeSpan ReconnectGrace { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>An instance that nothing was heard of for this long becomes Offline (<c>governor_auto_offline_timeout</c>).</summary>
    public TimeSpan AutoOffline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Limit of one call that asks a member for its position.</summary>
    public TimeSpan FenceLimit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>When one member has answered an election, the others that are thought alive get this much longer.</summary>
    public TimeSpan FenceGrace { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a primary may take to hand over (what it accepted must reach the in-sync set).</summary>
    public TimeSpan HandOverLimit { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>A member that promised an election its obedience, and hears nothing of a result for this long, gets a new election.</summary>
    public TimeSpan StrandedLimit { get; init; } = TimeSpan.FromMilliseconds(700);

    /// <summary>A step that failed is tried again after this.</summary>
    public TimeSpan StepRetry { get; init; } = TimeSpan.FromMilliseconds(250);
}
