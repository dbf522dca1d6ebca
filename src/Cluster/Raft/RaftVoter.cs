using System.Collections.Immutable;
using System.Net;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.Membership;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using Microsoft.Extensions.Logging;
using Picodata.Core;

namespace Picodata.Cluster;

/// <summary>What a voter is made of.</summary>
/// <param name="Directory">Its own folder; nothing else writes there.</param>
/// <param name="Self">Identity and address.</param>
/// <param name="IsFounder">Begins a group of one when the folder is empty. Else it waits until a leader adds it.</param>
internal sealed record RaftVoterOptions(string Directory, RaftEndPoint Self, bool IsFounder)
{
    public RaftTiming Timing { get; init; } = RaftTiming.Default;

    public SnapshotRule Snapshots { get; init; } = new();

    public RaftGuards Guards { get; init; } = RaftGuards.All;

    /// <summary>The files must know at least this term, or they have forgotten votes.</summary>
    public long LeastTerm { get; init; }

    /// <summary>The log must reach at least this index, or it has forgotten entries.</summary>
    public long LeastIndex { get; init; }
}

/// <summary>
/// One voter of the catalog on DotNext's Raft: storage of membership, state machine, log and node, in the order in which they have to be made.
///
/// V1 Nothing is acknowledged that is not on the disks of a majority (<see cref="GuardedLog"/>).
/// V2 A log that failed does not say so by itself: <see cref="Failure"/> does. The voter is then disposed of and started again.
/// V3 Files are read as they are or not at all: what is damaged and noticed throws at the start. What the library would not notice (a lost vote, a cut
///    checkpoint) is the business of <see cref="InstanceIdentity"/>, before this.
/// Thread-safe.
/// </summary>
internal sealed class RaftVoter : IAsyncDisposable
{
    /// <summary>Names inside of the voter's folder.</summary>
    public const string MembershipFile = "membership", SnapshotFolder = "snapshots", LogFolder = "wal";

    private readonly RaftVoterOptions options;
    private readonly MembershipStorage membership;
    private readonly RaftStateMachine machine;
    private readonly GuardedLog log;
    private readonly RaftCluster cluster;
    private readonly TaskCompletionSource<Exception> failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int pushing;
    private int isDisposed;

    private RaftVoter(RaftVoterOptions options, MembershipStorage membership, RaftStateMachine machine, GuardedLog log, RaftTransport transport, ILoggerFactory logging)
    {
        this.options = options;
        this.membership = membership;
        this.machine = machine;
        this.log = log;
        Transport = transport;
        cluster = new RaftCluster(Configure(options, membership, transport, logging)) { AuditTrail = log };
    }

    private static ImmutableArray<RaftEndPoint> InOrder(IEnumerable<RaftEndPoint> members) => [.. members.OrderBy(member => member.Address, StringComparer.Ordinal)];

    public RaftEndPoint Self => options.Self;

    public RaftTransport Transport { get; }

    /// <summary>Completes with the cause when the log or the applier failed; the voter is dead then.</summary>
    public Task<Exception> Failure => failure.Task;

    public bool IsLeader => !cluster.LeadershipToken.IsCancellationRequested;

    public long Term => cluster.AuditTrail.Term;

    public RaftEndPoint? Leader => cluster.Leader?.EndPoint as RaftEndPoint;

    /// <summary>Completes when a leader has made this a voter that has caught up.</summary>
    public Task Readiness => cluster.Readiness;

    /// <summary>The voters as this one knows them, in the order of their addresses.</summary>
    public ImmutableArray<RaftEndPoint> Members => InOrder(cluster.Members.Select(member => (RaftEndPoint)member.EndPoint));

    /// <summary>
    /// Starts the voter; back when the local node is up, not when there is a leader. Throws what the library throws for damaged files:
    /// <see cref="InvalidDataException"/>, <see cref="IOException"/> or one of its own.
    /// </summary>
    public static async Task<RaftVoter> StartAsync(RaftVoterOptions options, ICatalogSink sink, IFileSystem files, IPeerNetwork network, ILoggerFactory logging, CancellationToken cancel)
    {
        options.Timing.Check();
        files.CreateDirectory(options.Directory);
        string snapshots = Path.Combine(options.Directory, SnapshotFolder);
        CheckCheckpoint(options, files);
        foreach (string bad in RaftStateMachine.Quarantine(snapshots, files))
            logging.CreateLogger<RaftVoter>().LogError("the catalog's snapshot {Name} in {Directory} is damaged and was set aside", bad, snapshots);

        var membership = new MembershipStorage(Path.Combine(options.Directory, MembershipFile));
        ((IClusterConfigurationStorage<EndPoint>)membership).ConfigurationChanged += (set, _) =>
        {
            sink.VotersChanged(InOrder(set.Members.Cast<RaftEndPoint>()));
            return ValueTask.CompletedTask;
        };
        // the log's constructor asks for the snapshot's index and begins to replay: both must be ready for it
        var machine = new RaftStateMachine(snapshots, files, membership, new CatalogMachine(), sink, options.Snapshots);
        RaftVoter? voter = null;
        GuardedLog? log = null;
        try
        {
            await machine.RestoreAsync(cancel).ConfigureAwait(false);
            log = new GuardedLog(LogOptions(options), machine, options.Guards) { ConfigurationStorage = membership };
            CheckNothingForgotten(options, log);
            voter = new RaftVoter(options, membership, machine, log, new RaftTransport(options.Self, network), logging);
            await voter.cluster.StartAsync(cancel).ConfigureAwait(false);
            _ = voter.WatchAsync();
            return voter;
        }
        catch
        {
            if (voter is not null)
            {
                await voter.DisposeAsync().ConfigureAwait(false);
            }
            else
            {
                if (log is not null)
                    await log.DisposeAsync().ConfigureAwait(false);
                await machine.DisposeAsync().ConfigureAwait(false);
                membership.Dispose();
            }
            throw;
        }
    }

    /// <summary>
    /// Proposes; null when it is not known whether the command took or will take effect, or this one does not lead. Repeating with the same
    /// id is safe.
    /// </summary>
    public async ValueTask<ProposalResult?> ProposeAsync(CatalogProposal proposal, CancellationToken cancel)
    {
        var pending = new PendingProposal(proposal.Id);
        var entry = new BinaryLogEntry { Term = cluster.AuditTrail.Term, Content = CatalogCommand.Encode(proposal), Context = pending };
        try
        {
            await cluster.ReplicateAsync(entry, cancel).ConfigureAwait(false);
        }
        catch (Exception unknown) when (unknown is NotLeaderException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            cancel.ThrowIfCancellationRequested();
        }
        if (pending.Result is not null)
            PushCommit();
        return pending.Result;
    }

    /// <summary>
    /// Completes when all that was committed before the call is applied here; false when this one does not lead. A round to the majority.
    /// Never asked of a follower: the library takes the leader's word there, which may be an old leader's.
    /// </summary>
    public async ValueTask<bool> BarrierAsync(CancellationToken cancel)
    {
        CancellationToken reign = cluster.LeadershipToken;
        if (reign.IsCancellationRequested)
            return false;
        try
        {
            await cluster.ApplyReadBarrierAsync(ReadBarrierType.Strong, cancel).ConfigureAwait(false);
            return !reign.IsCancellationRequested;
        }
        catch (Exception lost) when (lost is NotLeaderException or QuorumUnreachableException or ObjectDisposedException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Completes when this one begins to lead (its first entry is committed); the token ends with the reign.</summary>
    public Task<CancellationToken> WaitForLeadershipAsync(CancellationToken cancel) => cluster.WaitForLeadershipAsync(cancel);

    /// <summary>Lets a voter catch up and adds it. False when it did not catch up. Only on the leader, else <see cref="NotLeaderException"/>.</summary>
    public Task<bool> AddAsync(RaftEndPoint member, CancellationToken cancel) => cluster.AddMemberAsync(member, cancel);

    public Task<bool> RemoveAsync(RaftEndPoint member, CancellationToken cancel) => cluster.RemoveMemberAsync(member, cancel);

    /// <summary>
    /// Writes a set of voters into the folder of a voter that is not running and was never told of its admission. The set must be one that a leader has
    /// committed; entries of the log override it (its version is 0).
    /// </summary>
    public static async ValueTask AdoptAsync(string directory, IEnumerable<RaftEndPoint> voters, CancellationToken cancel)
    {
        using var storage = new MembershipStorage(Path.Combine(directory, MembershipFile));
        IClusterConfigurationStorage<EndPoint> typed = storage;
        IClusterConfiguration<EndPoint> set = await typed.LoadConfigurationAsync(cancel).ConfigureAwait(false);
        foreach (RaftEndPoint voter in voters)
            set = set.Add(voter);
        await typed.SaveConfigurationAsync(set, 0, cancel).ConfigureAwait(false);
    }

    /// <summary>Lets the followers hear of what is committed now, not with the next heartbeat.</summary>
    public void PushCommit()
    {
        if (Interlocked.Exchange(ref pushing, 1) == 0)
            _ = PushCommitAsync();
    }

    /// <summary>Gives up leading; who is next is chance.</summary>
    public async ValueTask ResignAsync(CancellationToken cancel) => await ((ICluster)cluster).ResignAsync(cancel).ConfigureAwait(false);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref isDisposed, 1) != 0)
            return;
        failure.TrySetCanceled();
        await Transport.Close().ConfigureAwait(false);
        try
        {
            await cluster.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            await cluster.DisposeAsync().ConfigureAwait(false);
            await log.DisposeAsync().ConfigureAwait(false);
            await machine.DisposeAsync().ConfigureAwait(false);
            membership.Dispose();
        }
    }

    /// <remarks>The library reads what is missing of a cut checkpoint as zeros.</remarks>
    private static void CheckCheckpoint(RaftVoterOptions options, IFileSystem files)
    {
        const int Whole = 20;
        string path = Path.Combine(options.Directory, LogFolder, "checkpoint");
        if (!files.FileExists(path))
            return;
        using IFile file = files.OpenRead(path);
        if (file.Length != Whole && (file.Length != 0 || options.LeastIndex > 0))
            throw new InvalidDataException($"{path} has {file.Length} bytes, a checkpoint has {Whole}");
    }

    /// <remarks>The library opens an emptied state, or a checkpoint of zeros, without a word.</remarks>
    private static void CheckNothingForgotten(RaftVoterOptions options, GuardedLog log)
    {
        long term = ((IPersistentState)log).Term;
        if (term < options.LeastTerm)
            throw new InvalidDataException($"the Raft files in {options.Directory} know term {term}, but this instance has voted in term {options.LeastTerm}");
        if (log.LastEntryIndex < options.LeastIndex)
            throw new InvalidDataException($"the Raft log in {options.Directory} ends at index {log.LastEntryIndex}, but this instance has applied index {options.LeastIndex}");
    }

    private static WriteAheadLog.Options LogOptions(RaftVoterOptions options) => new()
    {
        Location = Path.Combine(options.Directory, LogFolder),
        ChunkSize = 1 << 20, // a power of two, or most of each file is wasted
        HashAlgorithm = WriteAheadLog.IntegrityHashAlgorithm.XxHash3, // none by default: a flipped bit would be applied
        MemoryManagement = WriteAheadLog.MemoryManagementStrategy.PrivateMemory, // with mapped files a full disk is SIGBUS
    };

    private static RaftCluster.CustomTransportConfiguration Configure(RaftVoterOptions options, MembershipStorage membership, RaftTransport transport, ILoggerFactory logging) =>
        new(options.Self, transport, transport)
        {
            PublicEndPoint = options.Self,
            ConfigurationStorage = membership,
            ColdStart = options.IsFounder,
            LowerElectionTimeout = (int)options.Timing.ElectionMin.TotalMilliseconds,
            UpperElectionTimeout = (int)options.Timing.ElectionMax.TotalMilliseconds,
            HeartbeatThreshold = 0.25, // heartbeats four times in the shortest election timeout
            RequestTimeout = options.Timing.Request,
            ConnectTimeout = options.Timing.Connect,
            AggressiveLeaderStickiness = true,
            IsLeaderLeaseEnabled = false, // its leases look too late when a process was paused; ours are granted by the governor
            LoggerFactory = logging,
        };

    private async Task WatchAsync()
    {
        try
        {
            while (true)
                await log.WaitForApplyAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            failure.TrySetCanceled();
        }
        catch (Exception cause)
        {
            failure.TrySetResult(cause);
        }
    }

    /// <remarks>Followers hear of a commit with the next message, by default the next heartbeat. Whoever commits from here on asks for another round.</remarks>
    private async Task PushCommitAsync()
    {
        try
        {
            Volatile.Write(ref pushing, 0);
            await cluster.ForceReplicationAsync().ConfigureAwait(false);
        }
        catch (Exception over) when (over is InvalidOperationException or OperationCanceledException)
        {
            // not leading any more: the next leader tells them
        }
    }
}
