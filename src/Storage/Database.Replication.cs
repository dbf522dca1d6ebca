using System.Globalization;
using Picodata.Core;
using Picodata.Storage.Files;
using Picodata.Storage.Log;
using Picodata.Storage.Recovery;

namespace Picodata.Storage;

/// <summary>A reign as the log knows it: a row of <c>_schema</c> (<c>pico:reign:TERM</c>, LSN, primary's UUID).</summary>
/// <param name="Term">Number of the reign.</param>
/// <param name="StartLsn">LSN of its first row, which is this row itself.</param>
/// <param name="Primary">UUID of the primary.</param>
public readonly record struct ReignRow(long Term, long StartLsn, Guid Primary);

/// <summary>
/// What replication needs of the storage. "LSN" means here the log's component of the vector clock (<see cref="LogComponent"/>): it counts the rows
/// that the replicaset shares, the same on every member; "number" means what <see cref="Transaction.Commit"/> returns.
/// </summary>
public sealed partial class Database
{
    private const string ReignPrefix = "pico:reign:";

    /// <summary>Component of the vector clock in which the rows of the replicaset count.</summary>
    public int LogComponent => pipeline.Component;

    /// <summary>LSN of the newest shared row that is applied.</summary>
    public long LogLsn => pipeline.LogLsn;

    /// <summary>LSN of the newest shared row that is synced on the own disk.</summary>
    public long SyncedLogLsn => pipeline.SyncedLogLsn;

    /// <summary>The reigns whose rows are applied, by term.</summary>
    public IReadOnlyList<ReignRow> Reigns()
    {
        using ReadView view = Engine.OpenReadView();
        var reigns = new List<ReignRow>();
        using IndexCursor cursor = view.OpenCursor(SystemSpaces.Schema);
        while (cursor.MoveNext())
        {
            if (TryReadReign(cursor.Current, out ReignRow reign))
                reigns.Add(reign);
        }
        reigns.Sort(static (left, right) => left.Term.CompareTo(right.Term));
        return reigns;
    }

    /// <summary>The one who is told what the log does; null for nobody.</summary>
    public void SetLogListener(ILogListener? listener) => pipeline.SetListener(listener);

    /// <summary>
    /// From here on a synced commit is acknowledged (<see cref="DurableLsn"/>, <see cref="WaitDurableAsync"/>) only when
    /// <see cref="ReleaseCommitsUpTo"/> has let its LSN through.
    /// </summary>
    /// <param name="lsn">What is let through already.</param>
    public void SetCommitGate(long lsn) => pipeline.SetGate(lsn);

    /// <summary>Lets commits up to this LSN be acknowledged, those that are not synced yet as soon as they are.</summary>
    public void ReleaseCommitsUpTo(long lsn) => pipeline.Release(lsn);

    /// <summary>Takes the gate away: the own sync is enough again.</summary>
    public void ClearCommitGate() => pipeline.ClearGate();

    /// <summary>All who wait for commits made so far that are not acknowledged get 40003: whether these survive is for others to decide.</summary>
    public void FailUnacknowledged(string reason) => pipeline.FailUnacknowledged(new DbException(
        SqlStates.StatementCompletionUnknown, $"it is not known whether the transaction survives: {reason}", hint: "look for its effects, then decide whether to run it again"));

    /// <summary>
    /// With a function, commits that write shared rows get its error; replica-local and temporary spaces can still be written. Commits that
    /// were applied before are not touched.
    /// </summary>
    public void RefuseSharedWrites(Func<DbException> error)
    {
        lock (Engine.Gate)
            Engine.SharedRefusal = error;
    }

    /// <summary>Shared rows may be written again, by transactions that are open too, if <paramref name="still"/> says so at that moment.</summary>
    public void AllowSharedWrites(Func<bool> still)
    {
        lock (Engine.Gate)
        {
            if (still())
                Engine.SharedRefusal = null;
        }
    }

    /// <summary>
    /// Begins a reign: writes its row, and only behind it lets others write. Transactions that are open now cannot commit writes. Returns the row's number and LSN.
    /// </summary>
    public (long Number, long Lsn) BeginReign(long term)
    {
        lock (Engine.Gate)
        {
            Func<DbException>? refusal = Engine.SharedRefusal;
            Engine.InvalidateOpenTransactions();
            Engine.SharedRefusal = null;
            try
            {
                long lsn = pipeline.LogLsn + 1;
                return (Engine.CommitReign(ReignTuple(new ReignRow(term, lsn, InstanceUuid))), lsn);
            }
            catch
            {
                Engine.SharedRefusal = refusal;
                throw;
            }
        }
    }

    /// <summary>
    /// On a replica: applies transactions of the primary and queues them for the own log as they are. They must continue the log exactly. Ends with the
    /// number to wait for. Throws <see cref="CorruptionException"/> when they do not fit what is here; transactions before the one that does not fit stay.
    /// </summary>
    /// <param name="rows">Whole transactions, encoded as in a log.</param>
    /// <param name="afterLsn">LSN before the first of them.</param>
    public long ApplyShipped(ReadOnlyMemory<byte> rows, long afterLsn)
    {
        var transactions = new ShippedTransactions(rows, LogComponent, afterLsn);
        long number = 0;
        while (transactions.MoveNext())
        {
            long before = transactions.LastLsn - transactions.Rows.Length;
            lock (Engine.Gate)
            {
                if (pipeline.LogLsn != before)
                    throw new DbException(SqlStates.ObjectNotInPrerequisiteState, $"rows behind LSN {before} do not continue a log that ends at {pipeline.LogLsn}");
                try
                {
                    number = Engine.CommitShipped(transactions.Rows, undo => pipeline.AppendShipped(transactions.Bytes.Span, transactions.LastLsn, undo));
                }
                catch (RowApplyException refused)
                {
                    throw new CorruptionException(DamageKinds.ApplyError, "(rows shipped by the primary)", -1, refused.Expected, refused.Found, "the replica is copied anew");
                }
                catch (InvalidOperationException refused)
                {
                    throw new CorruptionException(DamageKinds.ApplyError, "(rows shipped by the primary)", -1, "rows that fit the tables", refused.Message, "the replica is copied anew");
                }
            }
        }
        return number;
    }

    /// <summary>As <see cref="WaitDurableAsync"/>, but for the own disk alone: what writers of replica-local spaces wait for.</summary>
    public ValueTask WaitSyncedAsync(long number, CancellationToken cancel) => pipeline.WaitSyncedAsync(number, cancel);

    /// <summary>
    /// Reads the log's files behind an LSN, also while they are written; null when they do not reach back so far. The caller disposes of it.
    /// </summary>
    public LogCatchUp? OpenCatchUp(long afterLsn) => LogCatchUp.Open(environment.Files, options.Directory, LogComponent, afterLsn, pipeline.SyncedLogLsn);

    /// <summary>Asked when files are removed: the LSN from which on logs are needed by others; null: none is. See <see cref="StorageOptions.PinnedLogShare"/>.</summary>
    public void PinLog(Func<long?> neededAfter) => removal.Pin(LogComponent, neededAfter);

    /// <summary>An image of all shared rows at this moment, to make a copy of the instance from. O(1); the caller disposes of it.</summary>
    public DatabaseImage OpenImage()
    {
        lock (Engine.Gate)
            return new DatabaseImage(Engine.OpenReadView(), pipeline.AppliedClock, LogComponent, pipeline.LogLsn);
    }

    /// <summary>Rows of the replica-local spaces, in the order of a snapshot: what a new copy of another's rows takes over from the old files.</summary>
    public IReadOnlyList<(uint SpaceId, ReadOnlyMemory<byte> Tuple)> LocalRows()
    {
        using ReadView view = Engine.OpenReadView();
        var rows = new List<(uint, ReadOnlyMemory<byte>)>();
        foreach (SpaceDef space in view.Spaces.Where(space => space is { IsLocal: true, IsTemporary: false, IsView: false, Primary: not null }))
        {
            using IndexCursor cursor = view.OpenCursor(space.Id);
            while (cursor.MoveNext())
                rows.Add((space.Id, cursor.Current.ToArray()));
        }
        return rows;
    }

    /// <summary>
    /// On a primary, also while it refuses writes for want of replicas: gives an instance its row in <c>_cluster</c>, without which its files are nobody's. Uses an id again whose instance
    /// <paramref name="isMember"/> does not know when all 31 are taken. Returns the number to wait for, 0 when the row is there already.
    /// </summary>
    public long RegisterInstance(Guid instance, Func<Guid, bool> isMember)
    {
        lock (Engine.Gate)
        {
            var taken = new Dictionary<int, Guid>();
            using (ReadView view = Engine.OpenReadView())
            {
                if (StateRows.ReplicaId(view, instance) is not null)
                    return 0;
                StateRows.ReadCluster(view, (id, uuid) => taken[id] = uuid);
            }
            int free = Enumerable.Range(1, VClock.Size - 1).FirstOrDefault(id => !taken.ContainsKey(id));
            if (free == 0)
                free = taken.Where(pair => pair.Value != InstanceUuid && !isMember(pair.Value)).Select(pair => pair.Key).DefaultIfEmpty(0).Min();
            if (free == 0)
                throw new DbException(SqlStates.ConfigurationLimitExceeded, $"a replicaset has at most {VClock.Size - 1} members", hint: "expel instances that are gone");
            var row = new MsgPackWriter(64);
            row.WriteArrayHead(2);
            row.WriteInt64(free);
            row.WriteString(instance.ToString("D"));
            Func<DbException>? refusal = Engine.SharedRefusal;
            Engine.SharedRefusal = null;
            try
            {
                return Engine.CommitRow(SystemSpaces.Cluster, row.WrittenSpan);
            }
            finally
            {
                Engine.SharedRefusal = refusal;
            }
        }
    }

    private static byte[] ReignTuple(ReignRow reign)
    {
        var row = new MsgPackWriter(64);
        row.WriteArrayHead(3);
        row.WriteString(ReignPrefix + reign.Term.ToString(CultureInfo.InvariantCulture));
        row.WriteInt64(reign.StartLsn);
        row.WriteString(reign.Primary.ToString("D"));
        return row.ToArray();
    }

    private static bool TryReadReign(ReadOnlySpan<byte> tuple, out ReignRow reign)
    {
        reign = default;
        var reader = new MsgPackReader(tuple);
        if (!reader.TryReadArrayHead(out int fields) || fields < 3 || !reader.TryReadString(out ReadOnlySpan<byte> key) || !key.StartsWith("pico:reign:"u8))
            return false;
        if (!long.TryParse(key[ReignPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out long term)
            || !reader.TryReadInt64(out long lsn) || !reader.TryReadString(out ReadOnlySpan<byte> uuid) || !Guid.TryParse(uuid, out Guid primary))
            return false;
        reign = new ReignRow(term, lsn, primary);
        return true;
    }
}
