using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Picodata.Core;

namespace Picodata.Cluster;

/// <summary>How an instance takes part when it starts.</summary>
public enum CatalogStart
{
    /// <summary>As what it was: a voter when its Raft files are its own and whole, else a learner of the others.</summary>
    Resume,

    /// <summary>
    /// Founds a new catalog: only on an explicit order, in a directory that has none. A founding that was interrupted goes on; over traces of an
    /// older catalog it is refused.
    /// </summary>
    Found,

    /// <summary>
    /// Founds a new group of voters on the applied catalog of this directory: the operator's order when the old group is lost for good, or when a copy is to
    /// stand alone. Rows and their versions stay. Whoever still votes in the old group must never meet this one.
    /// </summary>
    FoundAgain,
}

/// <summary>Settings of an instance's catalog.</summary>
public sealed record CatalogOptions
{
    /// <summary>The instance's directory; Raft's files are in its folder <c>raft</c>.</summary>
    public required string Directory { get; init; }

    /// <summary>iproto address of this instance, as peers reach it.</summary>
    public required string Address { get; init; }

    /// <summary>iproto addresses of other instances that may know the voters. Those known from before are asked too.</summary>
    public ImmutableArray<string> Seeds { get; init; } = [];

    public CatalogStart Start { get; init; }

    public RaftTiming Timing { get; init; } = RaftTiming.Default;

    public SnapshotRule Snapshots { get; init; } = new();

    /// <summary>How long a proposal or a read barrier is tried before it ends with <see cref="CatalogUnavailableException"/>.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A voter gives its learners a sign of life so often; after three without one a learner asks another voter.</summary>
    public TimeSpan FeedInterval { get; init; } = TimeSpan.FromMilliseconds(300);
}

/// <summary>What an instance's catalog reaches the world with.</summary>
/// <param name="Identity">Identity of the directory, booted (<see cref="InstanceIdentity.Boot"/>).</param>
/// <param name="Applied">Where images are kept in the instance's own log; null for none (tests).</param>
public sealed record CatalogEnvironment(
    IFileSystem Files, IPeerNetwork Network, TimeProvider Time, Chance Chance, ILoggerFactory Logging, InstanceIdentity Identity, IAppliedImages? Applied);

/// <summary>Keeps the newest image through the instance's own log, so that a copy of its directory holds the catalog.</summary>
public interface IAppliedImages
{
    /// <summary>The image that was saved last; <see cref="CatalogImage.Empty"/> when there is none.</summary>
    CatalogImage Load();

    /// <summary>Saves an image with its index in one transaction; completes when it is in the log. Images come in order, some may be left out.</summary>
    ValueTask SaveAsync(CatalogImage image, CancellationToken cancel);
}
