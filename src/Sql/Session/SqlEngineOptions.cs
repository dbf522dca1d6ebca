using System.Net;

namespace Picodata.Sql;

/// <summary>What the engine must know of the instance that it serves; written into the system tables of a new directory.</summary>
public sealed record SqlEngineOptions
{
    public string InstanceName { get; init; } = "default_1_1";

    public required Guid InstanceUuid { get; init; }

    public required Guid ReplicasetUuid { get; init; }

    public string ReplicasetName { get; init; } = "default_1";

    public string ClusterName { get; init; } = "demo";

    public required Guid ClusterUuid { get; init; }

    public string Tier { get; init; } = "default";

    /// <summary>What the operator said of the instance's identity, as opposed to what was assumed; checked against what the directory holds.</summary>
    public StatedIdentity Stated { get; init; } = new();

    /// <summary>Number of buckets of the tier.</summary>
    public int BucketCount { get; init; } = 3000;

    public int ReplicationFactor { get; init; } = 1;

    /// <summary>Labels of where the instance stands, names in upper case.</summary>
    public IReadOnlyDictionary<string, string> FailureDomain { get; init; } = new Dictionary<string, string>();

    /// <summary>Password to give to admin when it has none yet; null leaves it without.</summary>
    public string? AdminPassword { get; init; }

    /// <summary>Addresses that peers and clients reach the instance by, for <c>_pico_peer_address</c>; null when there is none.</summary>
    public string? IprotoAddress { get; init; }

    /// <inheritdoc cref="IprotoAddress"/>
    public string? PgprotoAddress { get; init; }

    /// <inheritdoc cref="IprotoAddress"/>
    public string? HttpAddress { get; init; }

    /// <summary>Version of the program.</summary>
    public string Version { get; init; } = "0.1.0";

    /// <summary>For <c>pico_instance_dir()</c> and <c>pico_config_file_path()</c>.</summary>
    public string InstanceDirectory { get; init; } = ".";

    /// <inheritdoc cref="InstanceDirectory"/>
    public string? ConfigFile { get; init; }

    /// <summary>Most sessions at a time; more get 53300.</summary>
    public int MaxSessions { get; init; } = 200;

    /// <summary>
    /// True for an engine on its own: it writes the rows of <c>_pico_instance</c>, <c>_pico_replicaset</c>, <c>_pico_tier</c>,
    /// <c>_pico_peer_address</c> and <c>_pico_property</c> itself. In a cluster they are the catalog's.
    /// </summary>
    public bool OwnsTopology { get; init; } = true;
}

/// <summary>Parts of an instance's identity that were given at this start; null where nothing was said.</summary>
public sealed record StatedIdentity
{
    public string? ClusterName { get; init; }

    public string? InstanceName { get; init; }

    public string? ReplicasetName { get; init; }

    public string? Tier { get; init; }

    public long? ReplicationFactor { get; init; }

    public long? BucketCount { get; init; }
}
