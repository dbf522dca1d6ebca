using System.Collections.Immutable;

namespace Picodata.Cluster;

/// <summary>
/// One row of the catalog. <see cref="Tuple"/> is a MessagePack array with the columns of the system table (<c>_pico_instance</c> ...) in their
/// order; <see cref="Key"/> its primary key as text, parts joined with <c>/</c>; <see cref="Version"/> the index of the command that wrote it.
/// </summary>
public sealed record CatalogRow(string Table, string Key, ReadOnlyMemory<byte> Tuple, long Version);

/// <summary>Puts a row, or deletes it when <see cref="Tuple"/> is null.</summary>
public sealed record CatalogChange(string Table, string Key, ReadOnlyMemory<byte>? Tuple);

/// <summary>The row must still have this version; 0: there must be none.</summary>
public sealed record CatalogExpectation(string Table, string Key, long Version);

/// <summary>
/// A compare-and-swap: all changes are made when all expectations hold, else none. <see cref="Id"/> makes a repeated proposal count once.
/// </summary>
public sealed record CatalogProposal(Guid Id, ImmutableArray<CatalogExpectation> Expected, ImmutableArray<CatalogChange> Changes);

/// <summary>What became of a proposal.</summary>
/// <param name="IsApplied">False: an expectation did not hold; read anew and decide anew.</param>
/// <param name="Index">Index of the command; the local catalog has reached it when the call returns.</param>
public sealed record ProposalResult(bool IsApplied, long Index);

/// <summary>The catalog at one index. Immutable; equal at equal index on every instance.</summary>
/// <param name="Index">Index of the last command in it.</param>
/// <param name="Term">Raft term of that command.</param>
/// <param name="Hash">Chained hash over all commands: differs as soon as two instances differ.</param>
/// <param name="Rows">Table to key to row, keys in ordinal order.</param>
public sealed record CatalogImage(long Index, long Term, ulong Hash, ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, CatalogRow>> Rows)
{
    public static readonly CatalogImage Empty = new(0, 0, 0, ImmutableSortedDictionary.Create<string, ImmutableSortedDictionary<string, CatalogRow>>(StringComparer.Ordinal));

    /// <summary>The row, or null.</summary>
    public CatalogRow? Find(string table, string key) => Rows.TryGetValue(table, out var rows) && rows.TryGetValue(key, out CatalogRow? row) ? row : null;

    /// <summary>Rows of a table in ordinal order of their keys.</summary>
    public IEnumerable<CatalogRow> Table(string table) => Rows.TryGetValue(table, out var rows) ? rows.Values : [];
}

/// <summary>
/// The replicated catalog as the rest of the product sees it: the narrow seam in front of the consensus library, with a simulated twin.
///
/// K1 A proposal that was answered with <see cref="ProposalResult.IsApplied"/> is never lost, whatever dies (a majority of voters keeps its disk).
/// K2 Every instance applies the same commands in the same order; images never go back.
/// K3 An exception from <see cref="ProposeAsync"/> means unknown: the command may still be applied. Proposing it again with the same id is safe.
/// </summary>
public interface ICatalog
{
    /// <summary>The newest image that is applied here. On any instance a past state of the cluster.</summary>
    CatalogImage Image { get; }

    /// <summary>Completes with an image newer than <paramref name="index"/>.</summary>
    ValueTask<CatalogImage> WaitBeyondAsync(long index, CancellationToken cancel);

    /// <summary>Proposes at the leader, wherever it is, and waits until the outcome is applied here.</summary>
    ValueTask<ProposalResult> ProposeAsync(CatalogProposal proposal, CancellationToken cancel);

    /// <summary>The image after everything that was acknowledged anywhere before the call: one round to a majority. Throws when there is no leader.</summary>
    ValueTask<CatalogImage> ReadBarrierAsync(CancellationToken cancel);

    /// <summary>True while this instance leads. May be stale; whoever acts on it proposes, and a deposed leader's proposals fail.</summary>
    bool IsLeader { get; }

    /// <summary>Raft term as known here.</summary>
    long Term { get; }

    /// <summary>iproto address of the leader, or null when none is known.</summary>
    string? LeaderAddress { get; }

    /// <summary>Completes when this instance begins to lead; the token is cancelled when it ends.</summary>
    ValueTask<CancellationToken> WaitForLeadershipAsync(CancellationToken cancel);
}
