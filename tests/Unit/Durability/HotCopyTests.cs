using Picodata.Core;
using Picodata.Harness;
using Picodata.Harness.Disk;
using Picodata.Server;
using Picodata.Storage;
using Xunit;

namespace Picodata.Unit.Durability;

/// <summary>
/// Promise P2 in one process over real files: a copier lists the directory and reads its files in any order, in small pieces
/// with pauses, while transactions, DDL, rotations and checkpoints go on. Every copy starts, and holds all that was
/// acknowledged before the copy began and a prefix of the commit order.
/// </summary>
public sealed class HotCopyTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("picodata-hot-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public Task Copies_of_a_working_directory_start() => CopyWhileWriting(copies: 30, seed: 1);

    [Fact]
    [Trait("speed", "long")]
    public Task Copies_of_a_working_directory_start_long() => CopyWhileWriting(copies: 500, seed: 2);

    [Fact]
    public Task A_copy_begun_at_any_operation_starts() => CopyFromEveryOperation(seed: 5, stride: 5);

    [Fact]
    [Trait("speed", "long")]
    public async Task A_copy_begun_at_any_operation_starts_long()
    {
        for (int seed = 10; seed < 30; seed++)
            await CopyFromEveryOperation(seed, stride: 1);
    }

    /// <summary>On the modelled disk, where the copier can be put between any two operations.</summary>
    private static async Task CopyFromEveryOperation(int seed, int stride)
    {
        int operations = int.MaxValue;
        for (int at = 1; at < operations; at += stride)
        {
            string what = $"seed {seed}, copy begun at operation {at}";
            var disk = new ModelledDisk(seed, new QuietTime());
            disk.CreateDirectory("/data");
            var workload = new CrashWorkload(seed);
            var copier = new SteppingCopier(disk, workload, at, new Random(at));
            await using (Database database = await Open(disk))
                await workload.RunAsync(database, 40);
            operations = disk.Operations;
            ModelledDisk copy = copier.Finish();
            await using Database copied = await Open(copy);
            workload.Verify(copied, what, copier.MustHold);
            await workload.RunAsync(copied, 2);
        }
    }

    private static Task<Database> Open(ModelledDisk disk) => Database.OpenAsync(
        new StorageOptions { Directory = "/data", WalMaxSize = 1500, CopyGraceMinFree = 0, InstanceUuid = new Guid(1, 2, 3, [4, 5, 6, 7, 8, 9, 10, 11]) },
        new StorageEnvironment(disk) { Time = new QuietTime(), Random = new Random(1) },
        CancellationToken.None);

    /// <summary>So much is written while one copy is made; without a bound a slow machine would copy more and more.</summary>
    private const int CommitsPerCopy = 400;

    private async Task CopyWhileWriting(int copies, int seed)
    {
        string source = Path.Combine(root, "source");
        await using Database database = await Open(source, new RealFileSystem());
        using var done = new CancellationTokenSource();
        var ledger = new Ledger();
        Task writer = Task.Run(() => ledger.WriteAsync(database, done.Token));
        var chance = new Random(seed);
        try
        {
            for (int copy = 0; copy < copies; copy++)
            {
                string target = Path.Combine(root, $"copy{copy}");
                ledger.Allow(CommitsPerCopy);
                long before = ledger.Acknowledged;
                Copy(source, target, chance, () => database.CheckpointAsync(CancellationToken.None));
                long after = Math.Max(ledger.Begun, before);
                await using (Database copied = await Open(target, new RealFileSystem()))
                    Ledger.Check(copied, before, after, $"seed {seed}, copy {copy}");
                Directory.Delete(target, recursive: true);
                Assert.False(writer.IsCompleted, "the writer ended early");
                await ForgetOldFilesAsync(database);
            }
        }
        finally
        {
            await done.CancelAsync();
            await writer;
        }
        Assert.True(database.CheckpointStatistics.Written > 3, "too few checkpoints to say anything");
    }

    /// <summary>No copier is at work: the grace may end for what nothing needs, so that the directory does not grow from copy to copy.</summary>
    private static async Task ForgetOldFilesAsync(Database database)
    {
        TimeSpan grace = database.Options.CopyGrace;
        database.Reconfigure(options => options with { CopyGrace = TimeSpan.Zero });
        await database.CheckpointAsync(CancellationToken.None);
        database.Reconfigure(options => options with { CopyGrace = grace });
    }

    /// <summary>One list, then the files in random order, in pieces, with pauses during some of which a checkpoint is made.</summary>
    private static void Copy(string source, string target, Random chance, Func<Task> checkpoint)
    {
        Directory.CreateDirectory(target);
        string[] names = [.. Directory.GetFiles(source).Select(path => Path.GetFileName(path))];
        string oldest = OldestNeeded(names);
        chance.Shuffle(names);
        byte[] piece = new byte[chance.Next(100, 20_000)];
        string withCheckpoint = names[chance.Next(names.Length)];
        foreach (string name in names)
        {
            if (name == withCheckpoint)
                checkpoint().GetAwaiter().GetResult();
            using FileStream? from = OpenListed(Path.Combine(source, name), oldest);
            if (from is null)
                continue;
            using FileStream to = new(Path.Combine(target, name), FileMode.CreateNew);
            long size = from.Length;
            for (int read; size > 0 && (read = from.Read(piece, 0, (int)Math.Min(piece.Length, size))) > 0; size -= read)
            {
                to.Write(piece, 0, read);
                if (chance.Next(40) == 0)
                    checkpoint().GetAwaiter().GetResult();
            }
        }
    }

    /// <summary>
    /// Null for a working name that became a finished file, or was given up, between the list and now, and for a file that nothing had needed for the
    /// whole copy grace when the list was made; all else must be there.
    /// </summary>
    private static FileStream? OpenListed(string path, string oldest)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException) when (path.EndsWith(".inprogress", StringComparison.Ordinal) || string.CompareOrdinal(Path.GetFileName(path), oldest) < 0)
        {
            return null;
        }
    }

    /// <summary>The 20 digits of the first file that a start from the newest snapshot needs: the last log that begins at or before it.</summary>
    private static string OldestNeeded(string[] names)
    {
        string newest = names.Where(name => name.EndsWith(".snap", StringComparison.Ordinal)).Max(StringComparer.Ordinal)![..20];
        return names.Where(name => name.EndsWith(".xlog", StringComparison.Ordinal) && string.CompareOrdinal(name[..20], newest) <= 0).Max(StringComparer.Ordinal)?[..20] ?? newest;
    }

    private static Task<Database> Open(string directory, RealFileSystem files) => Database.OpenAsync(
        new StorageOptions { Directory = directory, WalMaxSize = 20_000, CheckpointCount = 1, CopyGrace = TimeSpan.FromHours(1), CopyGraceMinFree = 0 },
        new StorageEnvironment(files) { Random = new Random(1) },
        CancellationToken.None);

    /// <summary>
    /// Lists the directory before one operation and copies its files, in random order and in two pieces each, before random later ones.
    /// </summary>
    private sealed class SteppingCopier
    {
        private readonly ModelledDisk source;
        private readonly Random chance;
        private readonly Dictionary<string, byte[]> copied = [];
        private readonly List<(string Name, long Length)> begun = [];
        private Queue<string>? left;

        public SteppingCopier(ModelledDisk source, CrashWorkload workload, int at, Random chance)
        {
            this.source = source;
            this.chance = chance;
            source.Faults = operation =>
            {
                if (operation.Number == at)
                {
                    MustHold = workload.Settled;
                    List();
                }
                else if (operation.Number > at && chance.Next(3) == 0)
                {
                    Step();
                }
                return DiskFault.None;
            };
        }

        /// <summary>What had been acknowledged when the list was made.</summary>
        public int MustHold { get; private set; }

        public ModelledDisk Finish()
        {
            if (left is null)
                List();
            while (Step())
            {
            }
            var target = new ModelledDisk(0, new QuietTime());
            target.CreateDirectory("/data");
            foreach ((string name, byte[] bytes) in copied)
                target.Place("/data/" + name, bytes);
            return target;
        }

        private void List()
        {
            string[] names = [.. source.List("/data").Select(entry => entry.Name)];
            chance.Shuffle(names);
            left = new Queue<string>(names);
        }

        private bool Step()
        {
            if (begun.Count > 0 && (left!.Count == 0 || chance.Next(2) == 0))
            {
                (string name, long length) = begun[0];
                begun.RemoveAt(0);
                byte[] rest = Bytes(name) ?? copied[name];
                copied[name] = [.. copied[name], .. rest.AsSpan(copied[name].Length, (int)Math.Min(length, rest.Length) - copied[name].Length)];
            }
            else if (left!.TryDequeue(out string? name))
            {
                if (Bytes(name) is { } bytes)
                {
                    copied[name] = bytes.AsSpan(0, chance.Next(bytes.Length + 1)).ToArray();
                    begun.Add((name, bytes.Length));
                }
                else
                {
                    Assert.EndsWith(".inprogress", name, StringComparison.Ordinal);
                }
            }
            else
            {
                return false;
            }
            return true;
        }

        private byte[]? Bytes(string name) => source.FileExists("/data/" + name) ? source.Fetch("/data/" + name) : null;
    }

    /// <summary>
    /// Row 0 of the ledger counts the other rows and sums them up; both change in one transaction. Every so often a table is
    /// made or dropped.
    /// </summary>
    private sealed class Ledger
    {
        private const uint Rows = 2000, Total = 2001, Passing = 2002;
        private readonly SemaphoreSlim allowance = new(CommitsPerCopy);
        private long acknowledged, begun;

        /// <summary>Lets the writer make so many more commits.</summary>
        public void Allow(int commits) => allowance.Release(commits);

        public long Acknowledged => Volatile.Read(ref acknowledged);

        public long Begun => Volatile.Read(ref begun);

        public async Task WriteAsync(Database database, CancellationToken done)
        {
            using (Transaction setup = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false))
            {
                TestTables.Create(setup, Rows, withSecondary: true);
                TestTables.Create(setup, Total, withSecondary: false);
                await database.WaitDurableAsync(setup.Commit(), CancellationToken.None);
            }
            long sum = 0;
            for (long n = 1; await AllowedAsync(done); n++)
            {
                long value = (n * 7919) % 1000;
                sum += value;
                Volatile.Write(ref begun, n);
                await database.WaitDurableAsync(Commit(database, n, value, sum), CancellationToken.None);
                Volatile.Write(ref acknowledged, n);
            }
        }

        /// <summary>Waits for leave to write; false when the test is over.</summary>
        private async Task<bool> AllowedAsync(CancellationToken done)
        {
            try
            {
                await allowance.WaitAsync(done);
                return true;
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }

        public static void Check(Database database, long least, long most, string what)
        {
            if (least == 0 && database.Schema.Space(Total) is null)
                return;
            SortedDictionary<long, long> rows = TestTables.Read(database, Rows);
            SortedDictionary<long, long> total = TestTables.Read(database, Total);
            Assert.True(rows.Count >= least && rows.Count <= most, $"{what}: {rows.Count} rows, {least} were acknowledged before, {most} begun after");
            Assert.True(rows.Keys.SequenceEqual(Enumerable.Range(1, rows.Count).Select(n => (long)n)), $"{what}: not a prefix");
            if (rows.Count > 0)
                Assert.Equal((rows.Count, rows.Values.Sum()), (total[0], total[1]));
            Assert.Equal(rows.Count % 20 >= 10, database.Schema.Space(Passing) is not null);
        }

        private static long Commit(Database database, long n, long value, long sum)
        {
            using Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
            TestTables.Put(transaction, Rows, n, value);
            TestTables.Put(transaction, Total, 0, n);
            TestTables.Put(transaction, Total, 1, sum);
            if (n % 20 == 10)
                TestTables.Create(transaction, Passing, withSecondary: false);
            else if (n % 20 == 0)
                TestTables.Drop(transaction, Passing);
            return transaction.Commit();
        }
    }
}
