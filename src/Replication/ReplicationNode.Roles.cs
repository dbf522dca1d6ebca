using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage;

namespace Picodata.Replication;

/// <summary>Taking roles, serving members, and the primary's talk with the catalog.</summary>
public sealed partial class ReplicationNode
{
    public async Task ServeAsync(ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel)
    {
        if (!uses.TryEnter())
            throw new PeerException(PeerFailure.Refused, $"{options.Name} is being stopped");
        try
        {
            await ServeAsync(Opening.Decode(opening.Span), stream, cancel).ConfigureAwait(false);
        }
        finally
        {
            uses.Exit();
        }
    }

    private async Task ServeAsync(Opening asked, Stream stream, CancellationToken cancel)
    {
        PrimaryReign present = Admit(asked);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancel, disposing.Token);
        if (asked.WantsCopy)
        {
            await CopySender.RunAsync(database, present, asked, stream, environment.Time, all.Token).ConfigureAwait(false);
            return;
        }
        LogVerdict verdict = LogComparison.Compare(database.Reigns(), database.LogLsn, asked.Position);
        if (verdict.IsOlderPrimary)
            throw new PeerException(PeerFailure.Refused, $"{asked.Name} has rows of term {asked.Position.Term}, this primary is of term {present.Term}");
        CopyNeed? need = verdict.Need ?? (asked.Component == database.LogComponent ? null
            : new CopyNeed(CopyReason.Diverged, $"the member's log is component {asked.Component} of the vector clock, the primary's {database.LogComponent}"));
        if (need is not null)
        {
            using var frames = new FrameStream(stream);
            await frames.WriteAsync(FrameKind.NeedsCopy, [], [(byte)need.Reason, .. System.Text.Encoding.UTF8.GetBytes(need.Text)], all.Token).ConfigureAwait(false);
            await frames.WaitForEndAsync(environment.Time, all.Token).ConfigureAwait(false);
            return;
        }
        await FeedAsync(present, asked, stream, all.Token).ConfigureAwait(false);
    }

    public void Written(long afterLsn, long lastLsn, ReadOnlySpan<byte> rows) => primary?.TakeWritten(afterLsn, lastLsn, rows);

    public void Synced(long lsn)
    {
        primary?.TakeSynced(lsn);
        follower?.WakeAcknowledger();
    }

    /// <remarks>M4: called before anybody can write again.</remarks>
    public void TakenBack(long lsn, string reason)
    {
        problem = $"the log cannot be written: {reason}";
        follower?.Break();
        if (primary is not null && Role == ReplicationRole.Primary && lsn < Volatile.Read(ref reignLsn))
        {
            Volatile.Write(ref reignIsLost, true);
            database.RefuseSharedWrites(NotPrimary);
        }
    }

    public void Stopped(string reason)
    {
        problem = reason;
        SetRole(ReplicationRole.Stopped);
        primary?.Freeze();
    }

    /// <summary>The primary that may serve what was asked for; a refusal otherwise.</summary>
    private PrimaryReign Admit(Opening asked)
    {
        if (asked.Cluster != options.ClusterUuid)
            throw new PeerException(PeerFailure.Refused, $"{asked.Name} is of cluster {asked.Cluster}, this is {options.ClusterUuid}");
        if (asked.Replicaset != database.ReplicasetUuid)
            throw new PeerException(PeerFailure.Refused, $"{asked.Name} is of replicaset {asked.Replicaset}, this is {database.ReplicasetUuid}");
        if (primary is not { } present || Role != ReplicationRole.Primary || Volatile.Read(ref reignIsLost))
            throw new PeerException(PeerFailure.Refused, $"{options.Name} is not primary");
        if (asked.Promised > present.Term)
            throw new PeerException(PeerFailure.Refused, $"{asked.Name} has promised term {asked.Promised}, this primary is of term {present.Term}");
        return present.Reign.Members.Any(member => member.Name == asked.Name && member.Uuid == asked.Instance) ? present
            : throw new PeerException(PeerFailure.Refused, $"{asked.Name} ({asked.Instance}) is no member of the replicaset, as far as {options.Name} knows");
    }

    private async Task FeedAsync(PrimaryReign present, Opening asked, Stream stream, CancellationToken cancel)
    {
        using var feed = new ReplicaFeed(present, database, options, environment.Time, asked, stream);
        if (!present.Attach(feed, asked.Instance, asked.Position.Lsn))
            throw new PeerException(PeerFailure.Refused, $"{options.Name} is not primary of {asked.Name} any more");
        negotiation.Set();
        try
        {
            await feed.RunAsync(cancel).ConfigureAwait(false);
        }
        catch (Exception ended) when (ended is IOException or OperationCanceledException or InvalidDataException or PeerException or ObjectDisposedException)
        {
            environment.Log.LogInformation("the stream to {Replica} has ended: {Reason}", asked.Name, ended.Message);
        }
        finally
        {
            present.Detach(feed);
            negotiation.Set();
        }
    }

    private async Task LeadAsync(Reign newer, CancellationToken cancel)
    {
        await StopFollowingAsync().ConfigureAwait(false);
        if (newer.Term <= Position.Term && !PlantedBugs.ResumesOldTerm)
        {
            // R8: rows of that term are here from before a restart; what the others have beyond them is not known here
            reign = newer;
            SetRole(ReplicationRole.Waiting);
            problem = $"was primary of term {newer.Term} before it started; waits for a higher term";
            return;
        }
        Bar(newer.Term);
        await SettleAsync(cancel).ConfigureAwait(false);
        promise.Raise(newer.Term);
        long known = CommitLsn;
        if (known > database.SyncedLogLsn)
        {
            // R4: only somebody who was never in sync can have less than what is committed
            reign = newer;
            SetRole(ReplicationRole.Fenced);
            problem = $"cannot be primary: rows up to LSN {known} are committed, the log here ends at {database.SyncedLogLsn}";
            environment.Log.LogError("{Name} {Problem}", options.Name, problem);
            return;
        }
        primary?.Dispose();
        Volatile.Write(ref handsOver, false);
        Volatile.Write(ref handedOverAt, 0);
        var begun = new PrimaryReign(newer, database, options, environment.Time, database.SyncedLogLsn, known);
        primary = begun;
        reign = newer;
        Volatile.Write(ref reignLsn, long.MaxValue);
        Volatile.Write(ref reignIsLost, true);
        SetRole(ReplicationRole.Primary);
        TryBegin(begun);
        environment.Log.LogInformation("{Name} is primary of term {Term} from LSN {Lsn}", options.Name, newer.Term, database.LogLsn);
    }

    /// <summary>Writes the term's row (M4). When the log refuses, the tick tries again.</summary>
    private void TryBegin(PrimaryReign begun)
    {
        try
        {
            // from here on, in case that the row is taken back before this method has ended
            Volatile.Write(ref reignIsLost, false);
            Volatile.Write(ref reignLsn, database.LogLsn + 1);
            database.BeginReign(begun.Term);
            problem = null;
            SetWritable(begun);
        }
        catch (DbException refused)
        {
            Volatile.Write(ref reignIsLost, true);
            problem = $"the term cannot begin: {refused.Message}";
        }
    }

    private void Continue(PrimaryReign present, Reign newer)
    {
        present.Take(newer);
        reign = newer;
        SetWritable(present);
    }

    private void SetWritable(PrimaryReign present)
    {
        if (Volatile.Read(ref reignIsLost) || Role != ReplicationRole.Primary)
            return;
        if (Volatile.Read(ref handsOver))
        {
            database.RefuseSharedWrites(HandingOver);
        }
        else if (present.HasEnoughInSync)
        {
            database.AllowSharedWrites(() => primary == present && Role == ReplicationRole.Primary && !Volatile.Read(ref reignIsLost) && !Volatile.Read(ref handsOver));
            problem = null;
        }
        else
        {
            int inSync = present.Reign.InSync.Count;
            database.RefuseSharedWrites(() => TooFewCopies(inSync));
            problem = TooFewCopies(inSync).Message;
        }
    }

    private DbException TooFewCopies(int inSync) => new(
        SqlStates.ReadOnlySqlTransaction, $"{inSync} of the replicaset's members are in sync, min_in_sync asks for {options.MinInSync}",
        hint: "bring a replica back, or lower min_in_sync");

    private async Task FollowAsync(Reign newer)
    {
        if (follower is { } present && present.Reign.Term == newer.Term && present.Reign.Primary == newer.Primary && SameAddress(present.Reign, newer))
        {
            reign = newer;
            return;
        }
        Bar(newer.Term);
        promise.Raise(newer.Term);
        await StopFollowingAsync().ConfigureAwait(false);
        Depose();
        reign = newer;
        problem = null;
        SetRole(ReplicationRole.Following);
        var next = new PrimaryFollower(this, database, newer, network, options, environment);
        follower = next;
        next.Start();
    }

    private static bool SameAddress(Reign left, Reign right) =>
        left.Members.FirstOrDefault(member => member.Name == left.Primary)?.Address == right.Members.FirstOrDefault(member => member.Name == right.Primary)?.Address;

    /// <summary>R9: this instance is not primary any more; who waits is told that the outcome is not known.</summary>
    private void Depose()
    {
        database.RefuseSharedWrites(NotPrimary);
        if (primary is not { } present)
            return;
        present.Freeze();
        Volatile.Write(ref knownCommit, Math.Max(knownCommit, present.CommitLsn));
        primary = null;
        present.Dispose();
        if (PlantedBugs.AcknowledgesWhenDeposed)
            database.ReleaseCommitsUpTo(long.MaxValue - 1);
        database.FailUnacknowledged("another instance has become primary");
    }

    private void OnTick()
    {
        if (pending is { } reignToCome && environment.Time.GetElapsedTime(Volatile.Read(ref pendingAt)) > RetryAfter)
        {
            pending = null;
            _ = Task.Run(() => ApplyAgainAsync(reignToCome));
        }
        if (primary is not { } present || Role != ReplicationRole.Primary)
            return;
        if (Volatile.Read(ref reignIsLost))
            _ = Task.Run(BeginAgainAsync);
        if (Volatile.Read(ref handedOverAt) is > 0 and var at && environment.Time.GetElapsedTime(at) > options.ReplicationTimeout)
        {
            // nobody has taken over
            Volatile.Write(ref handedOverAt, 0);
            Volatile.Write(ref handsOver, false);
            SetWritable(present);
        }
        present.Tick();
        negotiation.Set();
    }

    private async Task ApplyAgainAsync(Reign again)
    {
        try
        {
            await ApplyReignAsync(again, disposing.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or DbException)
        {
            environment.Log.LogWarning("{Problem}", problem ?? failure.Message);
        }
    }

    private async Task BeginAgainAsync()
    {
        if (!await transition.WaitAsync(TimeSpan.Zero).ConfigureAwait(false))
            return;
        try
        {
            if (primary is { } present && Role == ReplicationRole.Primary && Volatile.Read(ref reignIsLost))
                TryBegin(present);
        }
        finally
        {
            transition.Release();
        }
    }

    /// <summary>Tells the catalog who is in sync and who is not; one proposal at a time.</summary>
    private async Task NegotiateAsync()
    {
        while (!disposing.IsCancellationRequested)
        {
            try
            {
                await negotiation.WaitAsync(disposing.Token).ConfigureAwait(false);
                if (primary is { } present && Role == ReplicationRole.Primary && !Volatile.Read(ref reignIsLost) && present.NextChange() is { } change)
                    await ProposeAsync(present, change).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // the node ends, or a proposal ran out of time: the next tick asks again
            }
            catch (Exception failure)
            {
                // the root of the negotiation: the catalog cannot be reached, nothing is known (R2), the next tick asks again
                problem = $"the catalog cannot change the in-sync set: {failure.Message}";
            }
        }
    }

    private async Task ProposeAsync(PrimaryReign present, InSyncChange change)
    {
        environment.Log.LogInformation("{Member} is to be {Change} the in-sync set: {Reason}", change.Member, change.Adds ? "taken into" : "taken out of", change.Reason);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(disposing.Token, present.Ended);
        Reign known = present.Reign;
        Reign answer = change.Adds
            ? await authority.AddToInSyncAsync(known, change.Member, end.Token).ConfigureAwait(false)
            : await authority.RemoveFromInSyncAsync(known, change.Member, change.Reason, end.Token).ConfigureAwait(false);
        await ApplyReignAsync(answer, disposing.Token).ConfigureAwait(false);
        if (answer.Term == present.Term)
            present.Settle(change.Member);
    }
}
