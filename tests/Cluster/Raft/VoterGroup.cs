using Picodata.Cluster;
using Picodata.Core;
using Picodata.Harness.Cluster;
using Picodata.Server;

namespace Picodata.ClusterUnit.Raft;

/// <summary>Voters on a real disk and a network in memory. An unclean end is a copy of the files as they were while the voter still ran.</summary>
internal sealed class VoterGroup : IAsyncDisposable
{
    /// <summary>Wide, for machines on which other builds run.</summary>
    public static readonly RaftTiming Timing = RaftTiming.FromMilliseconds(300, 600, 250, 200);

    private readonly string root = Path.Combine(Path.GetTempPath(), "picodata-voters-" + Guid.NewGuid().ToString("N"));
    private int generation;

    public MemoryNetwork Network { get; } = new();

    public RealFileSystem Files { get; } = new();

    public System.Collections.Concurrent.ConcurrentDictionary<string, VoterNode> Nodes { get; } = new(StringComparer.Ordinal);

    public SnapshotRule Snapshots { get; init; } = new();

    public RaftGuards Guards { get; init; } = RaftGuards.All;

    public string NewDirectory() => Path.Combine(root, (generation++).ToString(System.Globalization.CultureInfo.InvariantCulture));

    public async Task<VoterNode> StartAsync(RaftEndPoint self, string directory, bool found)
    {
        var node = new VoterNode();
        var options = new RaftVoterOptions(directory, self, found) { Timing = Timing, Snapshots = Snapshots, Guards = Guards };
        node.Directory = directory;
        node.Voter = await RaftVoter.StartAsync(options, node, Files, Network.From(self.Address), TestLog.For(self.Address), CancellationToken.None);
        Network.Listen(self.Address, node);
        Nodes[self.Address] = node;
        return node;
    }

    /// <summary>A group of so many voters that all are ready.</summary>
    public async Task<VoterNode> FoundAsync(int voters)
    {
        VoterNode founder = await StartAsync(new RaftEndPoint(Guid.NewGuid(), "a:1"), NewDirectory(), found: true);
        await Within(founder.Voter.WaitForLeadershipAsync(default));
        for (int i = 1; i < voters; i++)
        {
            VoterNode next = await StartAsync(new RaftEndPoint(Guid.NewGuid(), $"{(char)('a' + i)}:1"), NewDirectory(), found: false);
            if (!await Within(founder.Voter.AddAsync(next.Voter.Self, default)))
                throw new InvalidOperationException("not added");
            await Within(next.Voter.Readiness);
        }
        return founder;
    }

    /// <summary>
    /// Every voter loses its power at the same moment, as far as a process can show it: all messages stop, then the files are copied while the voters
    /// run, and others are started on the copies. (Copies taken while messages go on would be no cut: one voter's copy would hold what was
    /// committed behind another's.) Returns the copies by address.
    /// </summary>
    public async Task<Dictionary<string, string>> CrashAllAsync(Func<VoterNode, bool>? comesBack = null)
    {
        VoterNode[] all = [.. Nodes.Values];
        foreach (VoterNode node in all)
            Network.Stop(node.Voter.Self.Address);
        (VoterNode Node, string Copy)[] copies = [.. all.Select(node => (node, Copy(node.Directory)))];
        foreach (VoterNode node in all)
            await node.Voter.DisposeAsync();
        Nodes.Clear();
        foreach ((VoterNode node, string copy) in copies.Where(copy => comesBack?.Invoke(copy.Node) ?? true))
            await StartAsync(node.Voter.Self, copy, found: false);
        return copies.ToDictionary(copy => copy.Node.Voter.Self.Address, copy => copy.Copy);
    }

    public async Task StopAsync(VoterNode node)
    {
        Network.Stop(node.Voter.Self.Address);
        Nodes.TryRemove(node.Voter.Self.Address, out _);
        await node.Voter.DisposeAsync();
    }

    public async Task<VoterNode> LeaderAsync()
    {
        VoterNode? found = null;
        await Until(() => (found = Nodes.Values.FirstOrDefault(node => node.Voter.IsLeader)) is not null, "no leader");
        return found!;
    }

    /// <summary>Proposes at whoever leads until an answer is known.</summary>
    public async Task<ProposalResult> ProposeAsync(CatalogProposal proposal)
    {
        while (true)
        {
            VoterNode leader = await LeaderAsync();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            try
            {
                if (await leader.Voter.ProposeAsync(proposal, limit.Token) is { } result)
                    return result;
            }
            catch (OperationCanceledException)
            {
            }
            await Task.Delay(5);
        }
    }

    public static Task Until(Func<bool> condition, string what, int seconds = 30) => Until(condition, () => what, seconds);

    public static async Task Until(Func<bool> condition, Func<string> what, int seconds = 30)
    {
        long end = Environment.TickCount64 + (seconds * 1000L);
        while (!condition())
        {
            if (Environment.TickCount64 > end)
                throw new TimeoutException(what());
            await Task.Delay(5);
        }
    }

    public static Task<T> Within<T>(Task<T> task, int seconds = 30) => task.WaitAsync(TimeSpan.FromSeconds(seconds));

    public static Task Within(Task task, int seconds = 30) => task.WaitAsync(TimeSpan.FromSeconds(seconds));

    /// <summary>A copy of a living voter's files; begun anew when a snapshot was taken meanwhile, with which parts of the log go.</summary>
    public string Copy(string directory)
    {
        while (true)
        {
            string[] before = Snapshots(), copied = [CopyOnce(directory)];
            if (before.SequenceEqual(Snapshots()))
                return copied[0];
        }

        string[] Snapshots() => [.. Directory.EnumerateFiles(Path.Combine(directory, RaftVoter.SnapshotFolder)).Order(StringComparer.Ordinal)];
    }

    private string CopyOnce(string directory)
    {
        string target = NewDirectory();
        foreach (string folder in Directory.EnumerateDirectories(directory, "*", SearchOption.AllDirectories).Append(directory))
            Directory.CreateDirectory(Path.Combine(target, Path.GetRelativePath(directory, folder)));
        // what says how long the log is comes first: the rest may be longer by then, as after a loss of power
        foreach (string file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
            .Where(file => Path.GetExtension(file) != ".tmp") // a snapshot that is being written: locked, and nothing without its name
            .OrderByDescending(file => Path.GetFileName(file) == "checkpoint"))
        {
            try
            {
                using FileStream from = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                using FileStream to = new(Path.Combine(target, Path.GetRelativePath(directory, file)), FileMode.CreateNew);
                from.CopyTo(to);
            }
            catch (FileNotFoundException)
            {
                // removed or renamed since it was listed: a copy of a living directory has that
            }
        }
        return target;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (VoterNode node in Nodes.Values.ToArray())
            await StopAsync(node);
        if (Directory.Exists(root))
            Directory.Delete(root, recursive: true);
    }
}

/// <summary>One voter and all that it applied.</summary>
internal sealed class VoterNode : ICatalogSink, IPeerService
{
    private readonly Lock gate = new();
    private readonly List<(long Index, ulong Hash)> history = [];
    private volatile CatalogImage image = CatalogImage.Empty;

    public RaftVoter Voter { get; set; } = null!;

    public string Directory { get; set; } = "";

    public CatalogImage Image => image;

    public System.Collections.Immutable.ImmutableArray<RaftEndPoint> Voters { get; private set; } = [];

    /// <summary>Thrown at the next command: what a full disk or a defect does to the log.</summary>
    public Exception? Fault { get; set; }

    public int Restores { get; private set; }

    public IReadOnlyList<(long Index, ulong Hash)> History
    {
        get
        {
            lock (gate)
                return [.. history];
        }
    }

    void ICatalogSink.Applied(CatalogEffect effect, CatalogImage next)
    {
        if (Fault is { } fault)
            throw fault;
        lock (gate)
            history.Add((next.Index, next.Hash));
        image = next;
    }

    void ICatalogSink.Restored(CatalogImage next)
    {
        Restores++;
        image = next;
    }

    void ICatalogSink.VotersChanged(System.Collections.Immutable.ImmutableArray<RaftEndPoint> voters) => Voters = voters;

    ValueTask<ReadOnlyMemory<byte>> IPeerService.CallAsync(string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel) =>
        throw new PeerException(PeerFailure.Refused, "no procedures here");

    Task IPeerService.ServeAsync(string service, ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel) => Voter.Transport.ServeAsync(opening, stream, cancel);
}
