using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;

namespace Picodata.Cluster;

/// <summary>
/// The library's write-ahead log with two holes closed (DotNext 6.12.0; each has a test that fails without its guard).
///
/// G1 A follower's entries are on disk before it answers for them. The library answers first and flushes behind; a leader counts the answer, so
///    that the death of all voters at once loses what was acknowledged.
/// G2 A leader appends nothing with the term of another's reign. The library stamps a proposal with the present term, which a leader that is about to
///    step down has already raised: the entry would take the index and the term of the next leader's first entry, and both would stay.
///
/// Only <see cref="IAuditTrail{T}"/> is implemented anew: <see cref="IPersistentState"/> has a setter that no other assembly can implement.
/// </summary>
internal sealed class GuardedLog(WriteAheadLog.Options options, IStateMachine machine, RaftGuards guards = RaftGuards.All)
    : WriteAheadLog(options, machine), IAuditTrail<IRaftLogEntry>
{
    private const long NoReign = -1;

    // term of the last first-entry-of-a-leader that this node wrote; a lone founder writes none
    private long reignTerm = NoReign;

    /// <summary>A follower's part: entries from the leader, or none (a heartbeat).</summary>
    async ValueTask IAuditTrail<IRaftLogEntry>.AppendAsync<TEntry>(ILogEntryProducer<TEntry> entries, long startIndex, bool skipCommitted, CancellationToken token)
    {
        await AppendAsync(entries, startIndex, skipCommitted, token).ConfigureAwait(false);
        // nobody else may flush: the library's event has room for one waiter
        if (guards.HasFlag(RaftGuards.FlushBeforeAnswer))
            await FlushAsync(token).ConfigureAwait(false);
    }

    /// <summary>A leader's part: proposals, changes of membership, and its first entry, which alone opens its reign.</summary>
    ValueTask<long> IAuditTrail<IRaftLogEntry>.AppendAsync<TEntry>(TEntry entry, CancellationToken token)
    {
        if (typeof(TEntry) == typeof(EmptyLogEntry))
            Volatile.Write(ref reignTerm, entry.Term);
        else if (guards.HasFlag(RaftGuards.TermOfReign) && Volatile.Read(ref reignTerm) is not NoReign and var term && entry.Term != term)
            return ValueTask.FromException<long>(new NotLeaderException());
        return AppendAsync(entry, token);
    }
}

/// <summary>Which guards are on. Everything else than <see cref="All"/> is for the tests that show why.</summary>
[Flags]
internal enum RaftGuards
{
    None = 0,
    FlushBeforeAnswer = 1,
    TermOfReign = 2,
    All = FlushBeforeAnswer | TermOfReign,
}
