using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Picodata.Cluster;
using Picodata.Harness.Cluster;
using Picodata.Replication;

namespace Picodata.ClusterUnit.Simulation;

/// <summary>A promise was broken; the message has the seed that repeats it.</summary>
internal sealed class BrokenPromiseException(string message, bool isSafety) : Exception(message)
{
    /// <summary>True: what was promised was broken; false: the cluster did not come to rest.</summary>
    public bool IsSafety => isSafety;
}

/// <summary>
/// A cluster in one thread under one seed: joins, writes, faults, healing. Checked behind every event:
///
/// S1 A row that was acknowledged is in the log of whoever may answer (primary with a valid lease), at its LSN.
/// S2 In a replicaset at most one instance may answer at a time, also one whose process is paused.
/// S3 A term has one primary.
/// And at the end, when all is healed: every replicaset takes writes, all members are in sync and equal, all are Online (progress).
/// </summary>
internal sealed class ClusterSimulation
{
    private readonly int seed;
    private readonly List<SimulatedInstance.Seat> seats = [];
    private readonly Dictionary<string, SimulatedInstance> alive = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<(long Lsn, long Value)>> acknowledged = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Replicaset, long Term), string> primaries = [];
    private readonly HashSet<string> cut = new(StringComparer.Ordinal);
    private bool isFaulty;
    private long values;

    public ClusterSimulation(int seed, int instances, int replicationFactor, PlantedBug bugs = PlantedBug.None)
    {
        this.seed = seed;
        Bugs = bugs;
        ReplicationFactor = replicationFactor;
        World = new SimulatedWorld(seed) { Check = Check };
        Network = new SimulatedNetwork(World);
        // the weather: slow catalogs and slow disks open the windows in which mistakes show
        SyncMax = TimeSpan.FromMilliseconds(World.Random.Next(2) == 0 ? 3 : 60);
        Group = new SimulatedCatalogGroup(World.Time, World.Random) { RoundTripMax = TimeSpan.FromMilliseconds(World.Random.Next(2) == 0 ? 3 : 120), ApplyDelayMax = TimeSpan.FromMilliseconds(World.Random.Next(3) == 0 ? 60 : 5) };
        // a lease has to be longer than a few rounds to a majority
        Timings = ClusterTimings.Default with { AutoOffline = TimeSpan.FromSeconds(4), LeaseDuration = Group.RoundTripMax < TimeSpan.FromMilliseconds(50) ? ClusterTimings.Default.LeaseDuration : TimeSpan.FromMilliseconds(600) };
        LedgerTimings = bugs.HasFlag(PlantedBug.DeposeWithinLease) ? Timings with { LeaseMargin = -Timings.LeaseDuration } : Timings;
        for (int number = 1; number <= instances; number++)
        {
            seats.Add(new SimulatedInstance.Seat(number, $"host:{3300 + number}", ClusterBuilder.Domain($"zone={number}"), new ModelDisk()));
        }
    }

    public PlantedBug Bugs { get; }

    /// <summary>Longest time of a disk's sync.</summary>
    public TimeSpan SyncMax { get; }

    public int ReplicationFactor { get; }

    public SimulatedWorld World { get; }

    public SimulatedNetwork Network { get; }

    public SimulatedCatalogGroup Group { get; }

    public ClusterTimings Timings { get; }

    public ClusterTimings LedgerTimings { get; }

    public IReadOnlyList<string> Addresses => [.. seats.Select(seat => seat.Address)];

    public int AcknowledgedCount => acknowledged.Values.Sum(list => list.Count);

    /// <summary>Joins everybody, makes trouble for a while, heals, and demands progress.</summary>
    public void Run(TimeSpan trouble)
    {
        // the test framework's context would take continuations away to other threads
        SynchronizationContext? before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            RunAlone(trouble);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private void RunAlone(TimeSpan trouble)
    {
        foreach (SimulatedInstance.Seat seat in seats)
        {
            Boot(seat);
            World.RunUntil(() => alive[seat.Address].IsActivated, TimeSpan.FromSeconds(20));
        }

        Demand(() => IsHealthy(), TimeSpan.FromSeconds(20), "the cluster did not come up");
        Write();
        isFaulty = true;
        Trouble();
        World.RunUntil(() => false, trouble);
        isFaulty = false;
        Heal();
        Demand(() => IsHealthy(), TimeSpan.FromSeconds(40), "the healed cluster did not come to rest");
        int before = AcknowledgedCount;
        Demand(() => AcknowledgedCount > before + 5, TimeSpan.FromSeconds(5), "the healed cluster takes no writes");
        foreach ((string replicaset, List<(long Lsn, long Value)> rows) in acknowledged)
        {
            foreach (SimulatedInstance ruler in alive.Values.Where(instance => instance.Rules && ReplicasetOf(instance) == replicaset))
            {
                rows.ForEach(row => CheckRow(ruler, row));
            }
        }
    }

    /// <summary>What is logged is printed when a single seed is repeated.</summary>
    internal ILogger LogOf(string name) => IsTold ? new Told(this, name) : NullLogger.Instance;

    /// <summary>Print what governors do.</summary>
    public bool IsTold { get; init; }

    private sealed class Told(ClusterSimulation simulation, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Console.WriteLine($"{simulation.World.Elapsed.TotalSeconds:F4} {name}: {formatter(state, exception)} {exception?.Message}");
    }

    internal void Send(SimulatedInstance from, string address, string member, Action<ModelNode> receive)
    {
        SimulatedInstance.Seat? seat = seats.FirstOrDefault(other => other.Joined?.Name == member);
        if (seat is not null)
        {
            Network.Send(address, seat.Address, process =>
            {
                if (alive.TryGetValue(seat.Address, out SimulatedInstance? instance) && instance.Process == process && instance.Node is { } node)
                {
                    receive(node);
                }
            });
        }
    }

    internal void NoteReign(SimulatedInstance instance)
    {
        if (instance.Node is { Role: ReplicationRole.Primary, Reign: { } reign } && !primaries.TryAdd((ReplicasetOf(instance), reign.Term), instance.Name!)
            && primaries[(ReplicasetOf(instance), reign.Term)] != instance.Name)
        {
            throw Broken($"term {reign.Term} has two primaries: {instance.Name} and {primaries[(ReplicasetOf(instance), reign.Term)]}");
        }
    }

    private static string ReplicasetOf(SimulatedInstance instance) => instance.ReplicasetName;

    private void Boot(SimulatedInstance.Seat seat) => alive[seat.Address] = new SimulatedInstance(this, seat);

    private BrokenPromiseException Broken(string what, bool isSafety = true) =>
        new($"seed {seed}, {seats.Count} instances, factor {ReplicationFactor}, at {World.Elapsed.TotalSeconds:F4} s: {what}", isSafety);

    private void Demand(Func<bool> condition, TimeSpan limit, string otherwise)
    {
        int patience = 0;
        if (!World.RunUntil(() => patience++ % 64 == 0 && condition(), limit))
        {
            throw Broken($"{otherwise}; {Describe()}", isSafety: false);
        }
    }

    private string Describe()
    {
        ClusterModel model = ClusterModel.From(Group.Newest);
        string instances = string.Join("; ", model.Instances.Values.Select(row =>
            $"{row.Name} {row.CurrentState} -> {row.TargetState} sync {row.SyncIncarnation} " + string.Join(" ", alive.Values.Where(one => one.Name == row.Name).Select(one => $"{one.Node?.Role} at {one.Node?.Position} reign {one.Node?.Reign?.Term}/{one.Node?.Reign?.Epoch} rules {one.Rules} incarnation {one.Incarnation} image {one.ImageIndex} of {Group.Newest.Index} paused {one.Process.IsPaused} leader {one.SeenLeader} stage {one.Stage}"))));
        return $"{instances}; {string.Join("; ", model.Reigns.Values.Select(reign => $"{reign.Replicaset} term {reign.Term} epoch {reign.Epoch} primary {reign.Primary} in sync {string.Join(",", reign.InSync)}"))}; leader {Group.Leader}; failures {string.Join(", ", World.Failures)}";
    }

    private bool IsHealthy()
    {
        ClusterModel model = ClusterModel.From(Group.Newest);
        return model.Instances.Count == seats.Count && model.Instances.Values.All(row => row.IsOnline)
            && model.Replicasets.Values.All(row => model.Reigns.TryGetValue(row.Name, out ReignRow? reign) && reign.InSync.Count == model.MembersOf(row.Name).Count()
                && alive.Values.Any(instance => instance.Name == reign.Primary && instance.Rules));
    }

    /// <summary>S1 and S2.</summary>
    private void Check()
    {
        foreach (IGrouping<string, SimulatedInstance> rulers in alive.Values.Where(instance => instance.Rules).GroupBy(ReplicasetOf))
        {
            if (rulers.Count() > 1)
            {
                throw Broken($"two may answer in {rulers.Key}: {string.Join(", ", rulers.Select(ruler => $"{ruler.Name} (term {ruler.Node!.Reign!.Term})"))}");
            }

            if (acknowledged.TryGetValue(rulers.Key, out List<(long Lsn, long Value)>? rows) && rows.Count > 0)
            {
                CheckRow(rulers.First(), rows[^1]);
            }
        }
    }

    private void CheckRow(SimulatedInstance ruler, (long Lsn, long Value) row)
    {
        IReadOnlyList<ModelRow> log = ruler.Node!.Log;
        if (log.Count < row.Lsn || log[(int)row.Lsn - 1].Value != row.Value)
        {
            throw Broken($"{ruler.Name} (term {ruler.Node.Reign!.Term}) does not hold the acknowledged row {row.Value} at LSN {row.Lsn}");
        }
    }

    private void Write()
    {
        World.Schedule(TimeSpan.FromMilliseconds(1) + World.Draw(TimeSpan.FromMilliseconds(8)), null, Write);
        SimulatedInstance[] takers = [.. alive.Values.Where(instance => instance.Node?.Role == ReplicationRole.Primary && !instance.Process.IsPaused)];
        if (takers.Length == 0)
        {
            return;
        }

        SimulatedInstance taker = takers[World.Random.Next(takers.Length)];
        string replicaset = ReplicasetOf(taker);
        long value = ++values;
        ModelNode node = taker.Node!;
        long lsn = 0;
        if (node.TrySubmit(value, () => Acknowledge(replicaset, lsn, value)))
        {
            lsn = node.Log.Count;
        }
    }

    private void Acknowledge(string replicaset, long lsn, long value)
    {
        if (!acknowledged.TryGetValue(replicaset, out List<(long Lsn, long Value)>? rows))
        {
            acknowledged[replicaset] = rows = [];
        }

        rows.Add((lsn, value));
        Check();
    }

    /// <summary>One fault, and the next a little later.</summary>
    private void Trouble()
    {
        if (!isFaulty)
        {
            return;
        }

        World.Schedule(TimeSpan.FromMilliseconds(20) + World.Draw(TimeSpan.FromMilliseconds(900)), null, Trouble);
        SimulatedInstance.Seat victim = seats[World.Random.Next(seats.Count)];
        TimeSpan span = TimeSpan.FromMilliseconds(2) + World.Draw(TimeSpan.FromMilliseconds(World.Random.Next(4) == 0 ? 5000 : 900));
        switch (World.Random.Next(9))
        {
            case 8:
                // a domain, or all of them, loses its power at once
                int count = World.Random.Next(2, seats.Count + 1);
                seats.OrderBy(_ => World.Random.Next()).Take(count).ToList().ForEach(seat => Kill(seat, TimeSpan.FromMilliseconds(1) + World.Draw(span)));
                break;
            case 0 or 1:
                Kill(victim, span);
                break;
            case 2:
                Pause(victim, span);
                break;
            case 3:
                Isolate(victim, span);
                break;
            case 4 or 5:
                string from = victim.Address, to = seats[World.Random.Next(seats.Count)].Address;
                Network.Cut(from, to);
                World.Schedule(span, null, MendLinks);
                break;
            case 6:
                MoveLeader();
                break;
            default:
                Switch(victim);
                break;
        }
    }

    private void Kill(SimulatedInstance.Seat seat, TimeSpan downFor)
    {
        if (!alive.Remove(seat.Address, out SimulatedInstance? instance))
        {
            return;
        }

        instance.Process.Kill();
        Network.Died(seat.Address, instance.Process);
        bool led = Group.Leader == seat.Address;
        Group.Kill(seat.Address);
        cut.Remove(seat.Address);
        if (led)
        {
            ElectSoon();
        }

        World.Schedule(downFor, null, () =>
        {
            if (!alive.ContainsKey(seat.Address))
            {
                Boot(seat);
                ElectSoon();
            }
        });
    }

    private void Pause(SimulatedInstance.Seat seat, TimeSpan span)
    {
        if (!alive.TryGetValue(seat.Address, out SimulatedInstance? instance) || instance.Process.IsPaused)
        {
            return;
        }

        instance.Process.Pause();
        // the others elect another leader when this one has been silent for long
        World.Schedule(TimeSpan.FromMilliseconds(400), null, () =>
        {
            if (instance.Process.IsPaused && alive.GetValueOrDefault(seat.Address) == instance && Group.Leader == seat.Address)
            {
                CutOff(seat.Address);
                ElectSoon();
            }
        });
        World.Schedule(span, null, () => Resume(seat, instance));
    }

    private void Resume(SimulatedInstance.Seat seat, SimulatedInstance instance)
    {
        instance.Process.Resume();
        if (alive.GetValueOrDefault(seat.Address) == instance)
        {
            MendCatalog(seat.Address);
        }
    }

    private void Isolate(SimulatedInstance.Seat seat, TimeSpan span)
    {
        if (!alive.ContainsKey(seat.Address))
        {
            return;
        }

        foreach (string other in Addresses.Where(other => other != seat.Address))
        {
            Network.Cut(seat.Address, other);
            Network.Cut(other, seat.Address);
        }

        CutOff(seat.Address);
        ElectSoon();
        World.Schedule(span, null, () =>
        {
            MendLinks();
            MendCatalog(seat.Address);
        });
    }

    private void MendLinks()
    {
        Network.Mend();
        foreach (string address in cut.ToArray())
        {
            foreach (string other in Addresses.Where(other => other != address))
            {
                Network.Cut(address, other);
                Network.Cut(other, address);
            }
        }
    }

    private void CutOff(string address)
    {
        if (alive.ContainsKey(address) && cut.Add(address))
        {
            Group.Cut(address);
        }
    }

    private void MendCatalog(string address)
    {
        if (cut.Remove(address) && alive.ContainsKey(address))
        {
            Group.Mend(address);
        }

        MendLinks();
        ElectSoon();
    }

    private void MoveLeader() => World.Schedule(World.Draw(TimeSpan.FromMilliseconds(100)), null, () => Elect(true));

    private void Switch(SimulatedInstance.Seat seat)
    {
        if (seat.Joined is { } row && alive.TryGetValue(seat.Address, out SimulatedInstance? instance))
        {
            instance.Process.Start(() => instance.AskForPrimaryAsync(row.Name));
        }
    }

    private void ElectSoon() => World.Schedule(TimeSpan.FromMilliseconds(50) + World.Draw(TimeSpan.FromMilliseconds(500)), null, () => Elect(false));

    /// <summary>A majority of the voters elects one of its own.</summary>
    private void Elect(bool isForced)
    {
        if (Group.Leader is not null && !isForced)
        {
            return;
        }

        string[] able = [.. Group.Voters.Where(voter => alive.TryGetValue(voter, out SimulatedInstance? instance) && !instance.Process.IsPaused && !cut.Contains(voter))];
        if (able.Length > Group.Voters.Length / 2)
        {
            Group.Elect(able[World.Random.Next(able.Length)]);
        }
        else if (Group.Leader is null)
        {
            ElectSoon();
        }
    }

    private void Heal()
    {
        cut.ToList().ForEach(MendCatalog);
        Network.Mend();
        foreach (SimulatedInstance.Seat seat in seats)
        {
            if (alive.TryGetValue(seat.Address, out SimulatedInstance? instance) && instance.Process.IsPaused)
            {
                Resume(seat, instance);
            }
        }

        ElectSoon();
    }
}
