using System.Collections.Immutable;

namespace Picodata.Cluster;

/// <summary>
/// Who votes for the catalog. The same object as <see cref="ICatalog"/>, a face of its own because only the governor needs it. Which set is wanted is
/// decided elsewhere, by pure code over an image; this changes the set into the wanted one.
/// </summary>
public interface ICatalogVoters
{
    /// <summary>iproto addresses of the voters as known here, in ordinal order. On the leader: the set in force. Elsewhere a past one.</summary>
    ImmutableArray<string> Voters { get; }

    /// <summary>
    /// Makes the voters the wanted ones, one change at a time: who is added has answered, and catches up before it counts; a full set loses one before it
    /// gets another (there are never four, C2); removals follow, the leader itself last. Only on the leader. Idempotent: after an exception the
    /// set is one of those on the way, call again with what is wanted then. At most three, never none. <see cref="CatalogUnavailableException"/> when this instance does not lead or a step failed.
    /// </summary>
    ValueTask SetVotersAsync(ImmutableArray<string> wanted, CancellationToken cancel);
}

/// <summary>
/// The catalog could not answer: no leader is known or reachable, or this instance stopped leading. From <see cref="ICatalog.ProposeAsync"/> it means
/// unknown (K3).
/// </summary>
public sealed class CatalogUnavailableException(string message, Exception? cause = null) : Exception(message, cause);
