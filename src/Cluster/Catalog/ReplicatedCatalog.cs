using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// The catalog of one instance: a voter (<see cref="RaftVoter"/>), or a learner on a voter's feed, behind one face. It also serves its peers: the
/// streams <c>raft</c> and <c>feed</c>, and the procedures of <see cref="Procedures"/>.
///
/// L1 Images come from the voter and from the feed through one gate (<see cref="Receive"/>), which refuses what is not newer: they never go back in this
///    process, whatever the source (K2).
/// L2 Equal index and unequal hash means that somebody diverged. A learner drops its image for a whole one; a voter that differs from what this
///    instance had learned stops voting.
/// L3 An unknown end is tried again with the same id until the patience is over: the machine counts an id once (K3).
/// L4 Nobody votes whose identity is not its own, or whose Raft files are below what it has noted or applied (C3). It becomes a learner and
///    waits for the leader to admit it under a new Raft identity.
/// L5 A group is founded on explicit order only.
/// A voter that is not admitted yet still follows the feed; one whose log failed is started again in place.
/// Thread-safe.
/// </summary>
public sealed partial class ReplicatedCatalog : ICatalog, ICatalogVoters, IPeerService, IAsyncDisposable
{
    /// <summary>Procedures that <see cref="CallAsync"/> answers.</summary>
    public static readonly ImmutableArray<string> Procedures = [CatalogCalls.Propose, CatalogCalls.ReadIndex, CatalogCalls.Describe, CatalogCalls.Promote, CatalogCalls.Demote];

    /// <summary>Services that <see cref="ServeAsync"/> answers.</summary>
    public static readonly ImmutableArray<string> Services = [RaftTransport.Service, FeedMessages.Service];

    /// <summary>Name of the folder with Raft's files inside of the instance's directory. Never read from a copy.</summary>
    public const string RaftFolder = "raft";

    private readonly CatalogOptions options;
    private readonly CatalogEnvironment environment;
    private readonly ILogger log;
    private readonly ImageBoard board = new();
    private readonly CatalogFeed feed = new();
    private readonly Lock gate = new();
    private readonly SemaphoreSlim roleGate = new(1, 1);
    private readonly CancellationTokenSource stopping = new();
    private readonly List<Task> loops = [];
    private TaskCompletionSource roleChanged = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile RaftVoter? voter;
    private volatile GroupView learned = GroupView.Unknown;
    private int isDisposed;

    private ReplicatedCatalog(CatalogOptions options, CatalogEnvironment environment)
    {
        this.options = options;
        this.environment = environment;
        log = environment.Logging.CreateLogger<ReplicatedCatalog>();
    }

    public CatalogImage Image => board.Image;

    public bool IsLeader => voter is { IsLeader: true };

    public long Term => voter is { } voting ? Math.Max(voting.Term, learned.Term) : learned.Term;

    public string? LeaderAddress => View.Leader;

    /// <summary>True while this instance votes: it was admitted and has not been removed, as far as it knows.</summary>
    public bool IsVoter => voter is { } voting && IsAdmitted(voting);

    public ImmutableArray<string> Voters => View.Voters;

    /// <summary>The group as this instance knows it: by its own voter, else by the feed.</summary>
    private GroupView View => voter is { } voting && IsAdmitted(voting)
        ? new GroupView(voting.Term, voting.Leader?.Address, [.. voting.Members.Select(member => member.Address)])
        : learned;

    /// <summary>Whom to ask: voters as known now and at the last start, the seeds, then whoever else the catalog knows.</summary>
    private IEnumerable<string> OtherAddresses => View.Voters.Concat(environment.Identity.Voters).Concat(options.Seeds).Concat(PeerAddresses(board.Image))
        .Distinct(StringComparer.Ordinal).Where(address => address != options.Address);

    /// <summary>
    /// Starts the instance's catalog; back when it serves, with the image that the instance had. Throws <see cref="InvalidOperationException"/> when
    /// the order to found cannot be followed, and <see cref="CorruptionException"/> when the Raft files of a group of one are unusable.
    /// </summary>
    public static async Task<ReplicatedCatalog> StartAsync(CatalogOptions options, CatalogEnvironment environment, CancellationToken cancel)
    {
        var catalog = new ReplicatedCatalog(options, environment);
        try
        {
            if (environment.Applied?.Load() is { Index: > 0 } applied)
                catalog.Receive(applied);
            await catalog.BeginAsync(cancel).ConfigureAwait(false);
            catalog.StartLoops();
            return catalog;
        }
        catch
        {
            await catalog.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public ValueTask<CatalogImage> WaitBeyondAsync(long index, CancellationToken cancel) => board.WaitBeyondAsync(index, cancel);

    public async ValueTask<CancellationToken> WaitForLeadershipAsync(CancellationToken cancel)
    {
        while (true)
        {
            Task changed = RoleChanged;
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, stopping.Token);
            if (voter is not { } voting)
            {
                await changed.WaitAsync(either.Token).ConfigureAwait(false);
                continue;
            }
            Task<CancellationToken> leading = voting.WaitForLeadershipAsync(either.Token);
            await Task.WhenAny(leading, changed).ConfigureAwait(false);
            if (!leading.IsCompleted)
            {
                await either.CancelAsync().ConfigureAwait(false);
                _ = Timing.QuietAsync(leading);
                continue;
            }
            if (leading.IsCompletedSuccessfully && await voting.BarrierAsync(either.Token).ConfigureAwait(false))
                return await leading.ConfigureAwait(false);
            cancel.ThrowIfCancellationRequested();
            stopping.Token.ThrowIfCancellationRequested();
            await environment.Time.WaitAsync(RetryPause, cancel).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref isDisposed, 1) != 0)
            return;
        await stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await roleGate.WaitAsync().ConfigureAwait(false);
        try
        {
            await StopVoterAsync().ConfigureAwait(false);
        }
        finally
        {
            roleGate.Release();
        }
        await SaveLastAsync().ConfigureAwait(false);
    }

    /// <summary>iproto addresses in <c>_pico_peer_address</c> (raft_id, address, connection_type).</summary>
    private static IEnumerable<string> PeerAddresses(CatalogImage image)
    {
        foreach (CatalogRow row in image.Table("_pico_peer_address"))
        {
            if (ReadAddress(row.Tuple.Span) is { } address)
                yield return address;
        }

        static string? ReadAddress(ReadOnlySpan<byte> tuple)
        {
            var reader = new MsgPackReader(tuple);
            return reader.TryReadArrayHead(out int count) && count >= 3 && reader.TrySkip() && reader.TryReadString(out ReadOnlySpan<byte> address)
                && reader.TryReadString(out ReadOnlySpan<byte> kind) && kind.SequenceEqual("iproto"u8)
                ? System.Text.Encoding.UTF8.GetString(address)
                : null;
        }
    }

    private Task RoleChanged
    {
        get
        {
            lock (gate)
                return roleChanged.Task;
        }
    }

    private static bool IsAdmitted(RaftVoter voting) => voting.Members.Contains(voting.Self);

    private void StartLoops()
    {
        loops.Add(Task.Run(() => FollowAsync(stopping.Token)));
        loops.Add(Task.Run(() => KeepVotingAsync(stopping.Token)));
        if (environment.Applied is not null)
            loops.Add(Task.Run(() => SaveAsync(stopping.Token)));
    }

    /// <summary>
    /// A whole image from the start, a snapshot or the feed. False when it is not newer. Throws <see cref="DivergedException"/> when it is of the same
    /// index and not equal (L2).
    /// </summary>
    private bool Receive(CatalogImage image)
    {
        lock (gate)
        {
            if (image.Index == board.Image.Index && image.Hash != board.Image.Hash && !board.IsDistrusted)
                throw new DivergedException(image.Index, board.Image.Hash, image.Hash);
            if (!board.Publish(image))
                return false;
            feed.Reset(image);
            return true;
        }
    }

    /// <summary>
    /// One command's effect. From a voter with the image behind it; from the feed with its hash. Throws <see cref="DivergedException"/> (L2).
    /// </summary>
    private void Receive(CatalogEffect effect, ulong hash, CatalogImage? behind)
    {
        lock (gate)
        {
            CatalogImage image = board.Image;
            if (effect.Index == image.Index && hash != image.Hash)
                throw new DivergedException(effect.Index, image.Hash, hash);
            if (effect.Index <= image.Index)
                return;
            CatalogImage next = behind ?? effect.ApplyTo(image);
            if (next.Hash != hash)
                throw new DivergedException(effect.Index, next.Hash, hash);
            board.Publish(next);
            feed.Publish(effect, next);
        }
    }

    private async Task SaveAsync(CancellationToken cancel)
    {
        long saved = 0;
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                CatalogImage image = await board.WaitBeyondAsync(saved, cancel).ConfigureAwait(false);
                await environment.Applied!.SaveAsync(image, cancel).ConfigureAwait(false);
                saved = image.Index;
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failed)
            {
                // a full disk, mostly: the image stays in the voters' logs meanwhile
                log.LogWarning(failed, "the catalog at index {Index} could not be written through this instance's log; trying again", board.Image.Index);
                await Timing.QuietAsync(environment.Time.WaitAsync(TimeSpan.FromSeconds(1), cancel).AsTask()).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask SaveLastAsync()
    {
        try
        {
            if (environment.Applied is { } applied && board.Image.Index > 0)
                await applied.SaveAsync(board.Image, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception failed)
        {
            log.LogWarning(failed, "the catalog at index {Index} could not be written through this instance's log at the end", board.Image.Index);
        }
    }
}

/// <summary>Two sources disagree about one index of the catalog: one of them is broken. Never expected.</summary>
internal sealed class DivergedException(long index, ulong here, ulong there)
    : Exception($"the catalog differs at index {index}: hash {here:x16} here, {there:x16} there");
