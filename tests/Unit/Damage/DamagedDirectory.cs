using System.Security.Cryptography;
using Picodata.Core;
using Picodata.Harness;
using Picodata.Harness.Disk;
using Picodata.Storage;
using Picodata.Storage.Files;
using Picodata.Unit.Durability;
using Xunit;

namespace Picodata.Unit.Damage;

/// <summary>
/// A directory with a history: several logs, two snapshots, DDL, transactions of several rows; and the state after every
/// commit. Copies of it are damaged and started.
/// </summary>
internal sealed class DamagedDirectory
{
    private readonly Dictionary<long, string> states = [];

    private DamagedDirectory(bool isKilled) => IsKilled = isKilled;

    /// <summary>False when the instance was stopped cleanly: its last log has the EOF marker.</summary>
    public bool IsKilled { get; }

    /// <summary>Names and bytes of all files.</summary>
    public SortedDictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>LSN of the last commit.</summary>
    public long LastLsn { get; private set; }

    public string LastLog => Files.Keys.Last(name => name.EndsWith(".xlog", StringComparison.Ordinal));

    public string NewestSnapshot => Files.Keys.Last(name => name.EndsWith(".snap", StringComparison.Ordinal));

    public IReadOnlyList<string> Logs => [.. Files.Keys.Where(name => name.EndsWith(".xlog", StringComparison.Ordinal))];

    public static async Task<DamagedDirectory> CreateAsync(int seed, bool isKilled)
    {
        var made = new DamagedDirectory(isKilled);
        var random = new Random(seed);
        ModelledDisk disk = Empty();
        Database database = await OpenAsync(disk, forced: false, seed);
        await made.CommitAsync(database, transaction => TestTables.Create(transaction, 1030, withSecondary: true));
        for (int number = 0; number < 90; number++)
        {
            await made.CommitAsync(database, transaction => Change(transaction, random, number));
            if (number is 30 or 60)
            {
                await database.CheckpointAsync(CancellationToken.None);
            }
        }

        ModelledDisk found = isKilled ? disk.AfterKill() : disk;
        await database.DisposeAsync();
        foreach (FileEntry entry in found.List("/data"))
        {
            made.Files[entry.Name] = found.Fetch("/data/" + entry.Name);
        }

        Assert.True(made.Logs.Count >= 5, $"only {made.Logs.Count} logs");
        return made;
    }

    /// <summary>
    /// Starts on a set of files and checks the promise: the last state, or with <paramref name="mayLoseTail"/> the state after
    /// some commit; or a refusal that says which file, where and what to do, and leaves the directory as it was.
    /// </summary>
    /// <returns>True when it started.</returns>
    public async Task<bool> StartAsync(IReadOnlyDictionary<string, byte[]> files, bool mayLoseTail, string what)
    {
        ModelledDisk disk = Empty();
        foreach ((string name, byte[] bytes) in files)
        {
            disk.Place("/data/" + name, bytes);
        }

        string before = Fingerprint(disk);
        try
        {
            await using Database database = await OpenAsync(disk, forced: false, seed: 1);
            long lsn = database.Clock.Signature;
            Assert.True(states.TryGetValue(lsn, out string? state), $"{what}: started at {lsn}, where no commit ended");
            Assert.True(lsn == LastLsn || mayLoseTail, $"{what}: started at {lsn}, not at {LastLsn}");
            Assert.True(state == State(database), $"{what}: started with other rows");
            return true;
        }
        catch (CorruptionException damage)
        {
            Assert.True(before == Fingerprint(disk), $"{what}: the refused directory was changed");
            Assert.StartsWith("/data", damage.File, StringComparison.Ordinal);
            Assert.True(damage.Hint.Length > 10 && damage.Found.Length > 0 && damage.Expected.Length > 0, damage.Message);
            string name = Path.GetFileName(damage.File);
            Assert.True(damage.Offset < 0 || damage.Offset <= files[name].Length, damage.Message);
            return false;
        }
    }

    /// <summary>A forced start gives an instance that lists what it gave up, or refuses for want of a snapshot.</summary>
    public async Task ForceAsync(IReadOnlyDictionary<string, byte[]> files, string what)
    {
        ModelledDisk disk = Empty();
        foreach ((string name, byte[] bytes) in files)
        {
            disk.Place("/data/" + name, bytes);
        }

        try
        {
            await using Database database = await OpenAsync(disk, forced: true, seed: 1);
            Assert.True(database.Recovery.Skipped.Count > 0, $"{what}: forced, but nothing is listed as given up");
        }
        catch (CorruptionException damage)
        {
            Assert.True(damage.Hint.Length > 10, damage.Message);
        }
    }

    public Dictionary<string, byte[]> Copy() => Files.ToDictionary(file => file.Key, file => (byte[])file.Value.Clone());

    private static void Change(Transaction transaction, Random random, int number)
    {
        if (number == 45)
        {
            TestTables.Create(transaction, 1031, withSecondary: false);
            return;
        }

        uint space = number > 45 && random.Next(3) == 0 ? 1031u : 1030u;
        for (int rows = random.Next(1, 6); rows > 0; rows--)
        {
            if (random.Next(5) == 0)
            {
                TestTables.Remove(transaction, space, random.Next(60));
            }
            else
            {
                TestTables.Put(transaction, space, random.Next(60), random.NextInt64(1, long.MaxValue));
            }
        }
    }

    private static ModelledDisk Empty()
    {
        var disk = new ModelledDisk();
        disk.CreateDirectory("/data");
        return disk;
    }

    private static Task<Database> OpenAsync(ModelledDisk disk, bool forced, int seed)
    {
        var options = new StorageOptions
        {
            Directory = "/data", ForceRecovery = forced, WalMaxSize = 1500, CheckpointCount = 2, CheckpointInterval = TimeSpan.Zero,
        };
        return Database.OpenAsync(options, new StorageEnvironment(disk) { Time = new QuietTime(), Random = new Random(seed) }, CancellationToken.None);
    }

    private async Task CommitAsync(Database database, Action<Transaction> change)
    {
        using Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
        change(transaction);
        long lsn = transaction.Commit();
        await database.WaitDurableAsync(lsn, CancellationToken.None);
        LastLsn = database.Clock.Signature;
        states[LastLsn] = State(database);
    }

    private static string State(Database database)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using ReadView view = database.Engine.OpenReadView();
        foreach (SpaceDef space in view.Schema.Spaces.Where(space => space.Primary is not null && space.Engine == "memtx").OrderBy(space => space.Id))
        {
            using IndexCursor cursor = view.OpenCursor(space.Id);
            while (cursor.MoveNext())
            {
                hash.AppendData(BitConverter.GetBytes(space.Id));
                hash.AppendData(cursor.Current);
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static string Fingerprint(ModelledDisk disk) =>
        string.Join(';', disk.List("/data").Select(entry => entry.Name + Convert.ToHexString(SHA256.HashData(disk.Fetch("/data/" + entry.Name)))));
}
