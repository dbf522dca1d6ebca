using System.Collections.Immutable;
using Picodata.Cluster;
using Picodata.Core;
using Picodata.Harness.Cluster;
using Picodata.Server;

namespace Picodata.ClusterUnit.Raft;

/// <summary>Instances with a real catalog each, in one process: real files, a network in memory.</summary>
internal sealed class CatalogCluster : IAsyncDisposable
{
    private readonly string root = Path.Combine(Path.GetTempPath(), "picodata-catalogs-" + Guid.NewGuid().ToString("N"));
    private readonly Guid uuid = Guid.NewGuid();

    public MemoryNetwork Network { get; } = new();

    public IFileSystem Files { get; } = new RealFileSystem();

    public SnapshotRule Snapshots { get; init; } = new();

    public SortedDictionary<string, ReplicatedCatalog> Running { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, MemoryImages> Applied { get; } = [];

    public ReplicatedCatalog this[string name] => Running[name];

    public string DirectoryOf(string name) => Path.Combine(root, name);

    public InstanceIdentity LoadIdentity(string name) => InstanceIdentity.Load(Files, DirectoryOf(name));

    /// <summary>Starts the instance <paramref name="name"/>, whose address is the name.</summary>
    public async Task<ReplicatedCatalog> StartAsync(string name, CatalogStart start = CatalogStart.Resume, params string[] seeds)
    {
        Files.CreateDirectory(DirectoryOf(name));
        InstanceIdentity identity = LoadIdentity(name);
        identity.Boot(uuid, Guid.NewGuid());
        if (!Applied.TryGetValue(name, out MemoryImages? images))
            Applied[name] = images = new MemoryImages();
        var options = new CatalogOptions
        {
            Directory = DirectoryOf(name),
            Address = name,
            Seeds = [.. seeds],
            Start = start,
            Timing = VoterGroup.Timing,
            Snapshots = Snapshots,
            Patience = TimeSpan.FromSeconds(20),
            FeedInterval = TimeSpan.FromMilliseconds(200),
        };
        var environment = new CatalogEnvironment(Files, Network.From(name), TimeProvider.System, new Chance(new Random()), TestLog.For(name), identity, images);
        ReplicatedCatalog catalog = await ReplicatedCatalog.StartAsync(options, environment, CancellationToken.None);
        Network.Listen(name, catalog);
        Running[name] = catalog;
        return catalog;
    }

    public async Task StopAsync(string name)
    {
        Network.Stop(name);
        ReplicatedCatalog catalog = Running[name];
        Running.Remove(name);
        await catalog.DisposeAsync();
    }

    /// <summary>a founds; so many of b, c ... vote with it; the rest learns.</summary>
    public async Task FoundAsync(int voters, int instances)
    {
        await StartAsync("a", CatalogStart.Found);
        await VoterGroup.Within(this["a"].WaitForLeadershipAsync(default).AsTask());
        for (int i = 1; i < instances; i++)
            await StartAsync(((char)('a' + i)).ToString(), CatalogStart.Resume, "a");
        ImmutableArray<string> wanted = [.. Running.Keys.Take(voters)];
        await SetVotersAsync(wanted);
    }

    public async Task<ReplicatedCatalog> LeaderAsync()
    {
        ReplicatedCatalog? leader = null;
        await VoterGroup.Until(() => (leader = Running.Values.FirstOrDefault(catalog => catalog.IsLeader)) is not null, "no leader");
        return leader!;
    }

    public async Task SetVotersAsync(ImmutableArray<string> wanted)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            try
            {
                await (await LeaderAsync()).SetVotersAsync(wanted, limit.Token);
                return;
            }
            catch (CatalogUnavailableException) when (!limit.IsCancellationRequested)
            {
                await Task.Delay(20, limit.Token);
            }
        }
    }

    /// <summary>Until all that run have the same image.</summary>
    public Task SettleAsync() => VoterGroup.Until(
        () => Running.Values.Select(catalog => (catalog.Image.Index, catalog.Image.Hash)).Distinct().Count() == 1,
        () => "instances differ: " + string.Join(" ", Running.Select(pair => $"{pair.Key}={pair.Value.Image.Index}/{pair.Value.Image.Hash:x}")));

    public async ValueTask DisposeAsync()
    {
        foreach (string name in Running.Keys.ToArray())
            await StopAsync(name);
        if (Directory.Exists(root))
            Directory.Delete(root, recursive: true);
    }
}

/// <summary>Applied images that live as long as the test: what a database would have kept.</summary>
internal sealed class MemoryImages : IAppliedImages
{
    public CatalogImage Saved { get; set; } = CatalogImage.Empty;

    public CatalogImage Load() => Saved;

    public ValueTask SaveAsync(CatalogImage image, CancellationToken cancel)
    {
        Saved = image;
        return ValueTask.CompletedTask;
    }
}
