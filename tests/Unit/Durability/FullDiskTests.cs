using System.Diagnostics;
using Picodata.Core;
using Picodata.Server;
using Picodata.Storage;
using Xunit;

namespace Picodata.Unit.Durability;

/// <summary>A real file system that fills up: found while writing, while rotating and while a snapshot is written. Needs the right to mount.</summary>
public sealed class FullDiskTests : IDisposable
{
    private const uint Table = 2000;
    private readonly string mountPoint = Directory.CreateTempSubdirectory("picodata-full-").FullName;
    private bool mounted;

    public void Dispose()
    {
        if (mounted)
            Run("umount", "-l", mountPoint);
        Directory.Delete(mountPoint, recursive: true);
    }

    [Fact]
    public async Task A_full_disk_refuses_writes_keeps_reads_and_recovers_by_itself()
    {
        mounted = Run("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", mountPoint);
        Assert.SkipUnless(mounted, "a file system of the test's own cannot be mounted here");
        string filler = Path.Combine(mountPoint, "filler");
        string data = Path.Combine(mountPoint, "data");
        var acknowledged = new SortedDictionary<long, long>();
        await using (Database database = await Open(data))
        {
            using (Transaction setup = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false))
            {
                TestTables.Create(setup, Table, withSecondary: true);
                await database.WaitDurableAsync(setup.Commit(), CancellationToken.None);
            }
            for (int round = 0; round < 3; round++)
            {
                Fill(filler, leave: 100_000);
                Assert.Equal(SqlStates.DiskFull, await WriteUntilRefused(database, acknowledged));
                Assert.Equal(acknowledged, TestTables.Read(database, Table));
                Assert.Equal(SqlStates.DiskFull, (await Assert.ThrowsAsync<DbException>(() => database.CheckpointAsync(CancellationToken.None))).SqlState);
                Assert.DoesNotContain(Directory.GetFiles(data), path => path.EndsWith(".snap.inprogress", StringComparison.Ordinal));
                File.Delete(filler);
                Assert.Null(await WriteSome(database, acknowledged, 20));
                await database.CheckpointAsync(CancellationToken.None);
            }
            Fill(filler, leave: 0);
        }
        File.Delete(filler);
        await using Database again = await Open(data);
        Assert.Equal(acknowledged, TestTables.Read(again, Table));
    }

    private static Task<Database> Open(string directory) => Database.OpenAsync(
        new StorageOptions { Directory = directory, WalMaxSize = 30_000, CopyGrace = TimeSpan.Zero },
        new StorageEnvironment(new RealFileSystem()),
        CancellationToken.None);

    private static async Task<string?> WriteUntilRefused(Database database, SortedDictionary<long, long> acknowledged)
    {
        for (int i = 0; i < 1000; i++)
        {
            if (await WriteSome(database, acknowledged, 20) is { } state)
                return state;
        }
        return null;
    }

    /// <summary>Commits transactions of a hundred rows; gives the SQLSTATE of the first that is refused.</summary>
    private static async Task<string?> WriteSome(Database database, SortedDictionary<long, long> acknowledged, int transactions)
    {
        for (int i = 0; i < transactions; i++)
        {
            long first = acknowledged.Count;
            try
            {
                using Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
                for (long key = first; key < first + 50; key++)
                    TestTables.Put(transaction, Table, key, key * 3);
                await database.WaitDurableAsync(transaction.Commit(), CancellationToken.None);
            }
            catch (DbException refused)
            {
                return refused.SqlState;
            }
            for (long key = first; key < first + 50; key++)
                acknowledged[key] = key * 3;
        }
        return null;
    }

    private static void Fill(string path, long leave)
    {
        using FileStream filler = new(path, FileMode.Create);
        byte[] piece = new byte[4096];
        try
        {
            while (true)
            {
                filler.Write(piece);
                filler.Flush();
            }
        }
        catch (IOException)
        {
            filler.SetLength(Math.Max(0, filler.Length - leave));
        }
    }

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
