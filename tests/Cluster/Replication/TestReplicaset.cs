using System.Collections.Immutable;
using Picodata.Core;
using Picodata.Harness.Cluster;
using Picodata.Harness.Disk;
using Picodata.Replication;
using Picodata.Storage;
using Picodata.Unit.Durability;

namespace Picodata.ClusterUnit.Replication;

/// <summary>Members of one replicaset in this process: modelled disks, a network in memory, and a catalog that is one variable.</summary>
internal sealed class TestReplicaset : IAsyncDisposable
{
    public const uint Table = 3000;
    public static readonly Guid Cluster = new("c0000000-0000-4000-8000-000000000001"), Replicaset = new("d0000000-0000-4000-8000-000000000001");

    private readonly Dictionary<string, TestMember> members = [];

    public MemoryNetwork Network { get; } = new();

    public TestAuthority Authority { get; } = new();

    public Func<string, ReplicationOptions> Options { get; init; } = Default;

    public TestMember this[string name] => members[name];

    public IReadOnlyList<TestMember> All => [.. members.Values];

    public static ReplicationOptions Default(string name) => new()
    {
        Name = name,
        ClusterUuid = Cluster,
        ReplicationTimeout = TimeSpan.FromMilliseconds(400),
        DisconnectGrace = TimeSpan.FromMilliseconds(150),
    };

    /// <summary>The first member bootstraps and is primary of term 1; the others copy it and are brought into the in-sync set.</summary>
    public static async Task<TestReplicaset> StartAsync(int count, int seed = 1, Func<string, ReplicationOptions>? options = null, string? stranger = null, Func<string, (IFileSystem Files, string Directory)>? files = null)
    {
        var set = new TestReplicaset { Options = options ?? Default };
        for (int i = 0; i < count; i++)
        {
            string name = ((char)('a' + i)).ToString();
            var member = new TestMember(set, name, new Guid(i + 1, 0, 0x4000, 0x80, 0, 0, 0, 0, 0, 0, 1), new ModelledDisk(seed + i), files?.Invoke(name));
            set.members[name] = member;
        }
        set.Authority.Members = [.. set.members.Values.Where(member => member.Name != stranger).Select(member => new ReplicaMember(member.Name, member.Uuid, member.Address))];
        await set["a"].OpenAsync();
        await set.PromoteAsync("a", "a");
        foreach (TestMember other in set.members.Values.Skip(1).Where(member => member.Name != stranger))
        {
            await other.CopyAsync();
            await other.OpenAsync();
        }
        await set.PublishAsync();
        await set.WaitInSyncAsync(stranger is null ? count : count - 1);
        return set;
    }

    /// <summary>A new term: told to all members that run.</summary>
    public async Task PromoteAsync(string name, params string[] inSync)
    {
        Authority.Promote(name, inSync);
        await PublishAsync();
    }

    /// <summary>What a governor does when the primary is gone: fences the in-sync members that run, promotes the one that is furthest.</summary>
    public async Task<string> FailOverAsync()
    {
        Reign old = Authority.Current;
        var answers = new List<(string Name, ReplicaPosition Position)>();
        foreach (TestMember member in members.Values.Where(member => member.Node is not null && old.InSync.Contains(member.Name)))
            answers.Add((member.Name, await member.Node!.FenceAsync(old.Term + 1, CancellationToken.None)));
        string chosen = answers.MaxBy(answer => answer.Position).Name;
        await PromoteAsync(chosen, [.. answers.Select(answer => answer.Name)]);
        return chosen;
    }

    /// <summary>
    /// As <see cref="FailOverAsync"/>, as far as it can be done now: nothing happens without an answer of the in-sync set, or when the furthest is not reached.
    /// </summary>
    public async Task TryFailOverAsync()
    {
        try
        {
            Reign old = Authority.Current;
            long term = Math.Max(old.Term, members.Values.Max(member => member.Node?.PromisedTerm ?? 0)) + 1;
            var answers = new List<(string Name, ReplicaPosition Position)>();
            foreach (TestMember member in members.Values.Where(member => member.Node is not null && Authority.Current.InSync.Contains(member.Name)))
            {
                using var limit = new CancellationTokenSource(1000);
                answers.Add((member.Name, await member.Node!.FenceAsync(term, limit.Token)));
            }
            if (answers.Count > 0)
                Authority.PromoteTo(term, answers.MaxBy(answer => answer.Position).Name, answers.Select(answer => answer.Name), old);
            await PublishAsync();
        }
        catch (Exception failure) when (failure is PeerException or OperationCanceledException or DbException or IOException)
        {
            // somebody could not answer: another time
        }
    }

    public async Task PublishAsync()
    {
        foreach (TestMember member in members.Values)
        {
            if (member.Node is { } node)
                await node.ApplyReignAsync(Authority.Current, CancellationToken.None);
        }
    }

    public Task WaitInSyncAsync(int count) => Until(() => Authority.Current.InSync.Count == count, $"{count} members in sync; {Describe()}");

    public string Describe() => string.Join("; ", members.Values.Select(member =>
        $"{member.Name}: {member.Node?.Role.ToString() ?? "down"} {(member.IsUp ? member.Node?.Position.ToString() : "")} commit {member.Node?.CommitLsn} {member.Node?.Problem}"));

    public static async Task Until(Func<bool> condition, string what, int seconds = 20)
    {
        long limit = Environment.TickCount64 + (seconds * 1000);
        while (!condition())
        {
            if (Environment.TickCount64 > limit)
                throw new TimeoutException($"not within {seconds} s: {what}");
            await Task.Delay(2);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (TestMember member in members.Values)
            await member.CloseAsync();
    }
}

/// <summary>One member: its disk, and while it runs its database and node.</summary>
internal sealed class TestMember(TestReplicaset set, string name, Guid uuid, ModelledDisk disk, (IFileSystem Files, string Directory)? real) : IPeerService
{
    private string Directory => real?.Directory ?? "/data";

    private IFileSystem Files => real?.Files ?? Disk;

    public string Name => name;

    public Guid Uuid => uuid;

    public string Address => $"{name}:3301";

    public ModelledDisk Disk { get; set; } = disk;

    public Database Database { get; private set; } = null!;

    public ReplicationNode? Node { get; private set; }

    public bool IsUp => Node is not null;

    /// <summary>Held by whoever calls the database while it may be closed.</summary>
    public SemaphoreSlim Using { get; } = new(1);

    public StallingNetwork Outgoing { get; } = new(set.Network.From($"{name}:3301"));

    public async Task OpenAsync()
    {
        Database = await Database.OpenAsync(StorageOf() with { InstanceUuid = uuid, ReplicasetUuid = TestReplicaset.Replicaset }, Environment(), CancellationToken.None);
        Node = new ReplicationNode(
            Database, PromiseFile.Open(Files, Directory), set.Options(name), Outgoing, set.Authority, new ReplicationEnvironment { Random = new Random(7) });
        set.Network.Listen(Address, this);
    }

    public Func<StorageOptions, StorageOptions> Storage { get; set; } = options => options;

    public async Task<long> CopyAsync(IReadOnlyList<(uint, ReadOnlyMemory<byte>)>? localRows = null, CancellationToken cancel = default) => await ReplicaCopy.ReceiveAsync(
        new CopyRequest
        {
            Storage = Environment(),
            Directory = Directory,
            Name = name,
            InstanceUuid = uuid,
            ReplicasetUuid = TestReplicaset.Replicaset,
            ClusterUuid = TestReplicaset.Cluster,
            PrimaryAddress = $"{set.Authority.Current.Primary}:3301",
            LocalRows = localRows ?? [],
        },
        Outgoing,
        cancel);

    /// <summary>A clean stop.</summary>
    public async Task CloseAsync()
    {
        if (Node is null)
            return;
        set.Network.Stop(Address);
        await Using.WaitAsync();
        try
        {
            ReplicationNode node = Node;
            Node = null;
            await node.DisposeAsync();
            await Database.DisposeAsync();
        }
        finally
        {
            Using.Release();
        }
    }

    /// <summary>The power goes; the disk keeps what the mode says.</summary>
    public async Task CrashAsync(Survival mode, int seed = 1)
    {
        ModelledDisk found = Disk.AfterPowerLoss(mode, seed);
        await CloseAsync();
        Disk = found;
    }

    /// <summary>What the host does when a copy is needed.</summary>
    public async Task ReplaceByCopyAsync()
    {
        IReadOnlyList<(uint, ReadOnlyMemory<byte>)> local = Database.LocalRows();
        await CloseAsync();
        await CopyAsync(local);
        await OpenAsync();
        await Node!.ApplyReignAsync(set.Authority.Current, CancellationToken.None);
    }

    /// <summary>As <see cref="ReplaceByCopyAsync"/>; when the primary cannot give a copy now, the old files are opened again.</summary>
    public async Task TryReplaceByCopyAsync()
    {
        IReadOnlyList<(uint, ReadOnlyMemory<byte>)> local = Database.LocalRows();
        await CloseAsync();
        using var limit = new CancellationTokenSource(2000);
        try
        {
            await CopyAsync(local, limit.Token);
        }
        finally
        {
            await OpenAsync();
            await Node!.ApplyReignAsync(set.Authority.Current, CancellationToken.None);
        }
    }

    /// <summary>Commits one row and does not wait for it.</summary>
    public long Put(long key, long value)
    {
        using Transaction transaction = Database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
        TestTables.Put(transaction, TestReplicaset.Table, key, value);
        return transaction.Commit();
    }

    public async Task PutAcknowledgedAsync(long key, long value) => await Database.WaitDurableAsync(Put(key, value), CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(20));

    public long CreateTable(uint table = TestReplicaset.Table)
    {
        using Transaction transaction = Database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
        TestTables.Create(transaction, table, withSecondary: true);
        return transaction.Commit();
    }

    public SortedDictionary<long, long> Rows() => TestTables.Read(Database, TestReplicaset.Table);

    public ValueTask<ReadOnlyMemory<byte>> CallAsync(string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel) =>
        throw new PeerException(PeerFailure.Refused, "no procedures here");

    public Task ServeAsync(string service, ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel) =>
        Node?.ServeAsync(opening, stream, cancel) ?? throw new PeerException(PeerFailure.Refused, "down");

    private StorageOptions StorageOf() => Storage(new StorageOptions { Directory = Directory, CheckpointInterval = TimeSpan.Zero, MemtxMemory = 4L << 30 });

    private StorageEnvironment Environment() => new(Files) { Random = new Random(3) };
}

/// <summary>The catalog's word about the replicaset, in one place.</summary>
internal sealed class TestAuthority : IReignAuthority
{
    private readonly Lock sync = new();

    public ImmutableArray<ReplicaMember> Members { get; set; } = [];

    public Reign Current { get; private set; } = new(0, 0, "", ImmutableSortedSet<string>.Empty, []);

    public bool IsReachable { get; set; } = true;

    public List<string> Changes { get; } = [];

    public void Promote(string name, IEnumerable<string> inSync)
    {
        lock (sync)
            Current = new Reign(Current.Term + 1, Current.Epoch + 1, name, [.. inSync], Members);
    }

    public void Join(ReplicaMember member)
    {
        lock (sync)
        {
            Members = Members.Add(member);
            Current = Current with { Members = Members };
        }
    }

    /// <summary>A compare-and-swap, as the catalog's: nothing happens when the reign was changed meanwhile.</summary>
    public bool PromoteTo(long term, string name, IEnumerable<string> inSync, Reign known)
    {
        lock (sync)
        {
            if (known.Epoch != Current.Epoch)
                return false;
            Current = new Reign(term, Current.Epoch + 1, name, [.. inSync], Members);
            return true;
        }
    }

    public ValueTask<Reign> RemoveFromInSyncAsync(Reign known, string member, string reason, CancellationToken cancel) => Change(known, $"-{member}", set => set.Remove(member));

    public ValueTask<Reign> AddToInSyncAsync(Reign known, string member, CancellationToken cancel) => Change(known, $"+{member}", set => set.Add(member));

    private ValueTask<Reign> Change(Reign known, string what, Func<ImmutableSortedSet<string>, ImmutableSortedSet<string>> change)
    {
        lock (sync)
        {
            if (!IsReachable)
                throw new IOException("the catalog cannot be reached");
            if (known.Epoch == Current.Epoch)
            {
                Current = Current with { Epoch = Current.Epoch + 1, InSync = change(Current.InSync) };
                Changes.Add(what);
            }
            return ValueTask.FromResult(Current);
        }
    }
}
