namespace Picodata.Cluster;

/// <summary>What an instance is or shall become.</summary>
public enum StateVariant
{
    Offline,
    Online,

    /// <summary>Final: it never comes back.</summary>
    Expelled,
}

/// <summary>
/// A state with its incarnation: a counter that grows with every start of the instance, so that a restart that nobody saw is noticed.
/// Prints as <c>Online(3)</c>.
/// </summary>
public readonly record struct InstanceState(StateVariant Variant, long Incarnation)
{
    /// <summary>What a joined instance has before it was first started as a member.</summary>
    public static readonly InstanceState Initial = new(StateVariant.Offline, 0);

    /// <inheritdoc/>
    public override string ToString() => $"{Variant}({Incarnation})";
}

/// <summary>What a replicaset is (<c>_pico_replicaset.state</c>).</summary>
public enum ReplicasetState
{
    /// <summary>It never had as many members as the tier's replication factor; it holds no buckets.</summary>
    NotReady,

    Ready,

    /// <summary>Its last member is being expelled; buckets must leave first.</summary>
    ToBeExpelled,

    Expelled,
}
