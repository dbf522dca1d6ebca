using System.Diagnostics;
using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Server;
using Picodata.Storage;
using Xunit;

namespace Picodata.Unit.Durability;

/// <summary>
/// A real file system that fills up: found while writing, while rotating, while finishing a log and while a snapshot is written, each made to happen at just
/// that operation and seen to have happened there. Needs the right to mount.
/// </summary>
public sealed class FullDiskTests : IDisposable
{
    private const uint Table = 2000;
    private readonly string mountPoint = Directory.CreateTempSubdirectory("picodata-full-").FullName;
    private readonly SortedDictionary<long, long> acknowledged = [];
    private bool mounted;

    private string Filler => Path.Combine(mountPoint, "filler");

    private string Data => Path.Combine(mountPoint, "data");

    public void Dispose()
    {
        if (mounted)
            Run("umount", "-l", mountPoint);
        Directory.Delete(mountPoint, recursive: true);
    }

    [Fact]
    public async Task Found_while_writing()
    {
        (Database database, WatchedFileSystem files) = await BeginAsync(walMaxSize: 100_000_000);
        await using (database)
        {
            FillBefore(files, operation => IsLogWrite(operation), leave: 100_000);
            Assert.Equal(SqlStates.DiskFull, await WriteUntilRefused(database));
            Assert.Contains(files.FoundFull, IsLogWrite);
            Assert.DoesNotContain(files.FoundFull, operation => operation.Path.EndsWith(".inprogress", StringComparison.Ordinal));
            await GoOnAsync(database, files);
        }
        await ReopenAsync();
    }

    [Fact]
    public async Task Found_while_rotating()
    {
        (Database database, WatchedFileSystem files) = await BeginAsync(walMaxSize: 30_000);
        await using (database)
        {
            FillBefore(files, operation => operation.Kind == DiskOperationKind.Create && IsNewLog(operation), leave: 0);
            Assert.Equal(SqlStates.DiskFull, await WriteUntilRefused(database));
            Assert.NotEmpty(files.FoundFull);
            Assert.All(files.FoundFull, operation => Assert.True(IsNewLog(operation), operation.ToString()));
            // while it stays full every attempt is refused, and nothing piles up
            Assert.Equal(SqlStates.DiskFull, await WriteSome(database, 1));
            Assert.Single(Directory.GetFiles(Data, "*.xlog"));
            await GoOnAsync(database, files);
        }
        await ReopenAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4096)]
    public async Task Found_during_a_checkpoint(int leave)
    {
        (Database database, WatchedFileSystem files) = await BeginAsync(walMaxSize: 100_000_000);
        await using (database)
        {
            Assert.Null(await WriteSome(database, 100));
            FillBefore(files, operation => operation.Kind == DiskOperationKind.Create && IsNewSnapshot(operation), leave);
            DbException refused = await Assert.ThrowsAsync<DbException>(() => database.CheckpointAsync(CancellationToken.None));
            Assert.Equal(SqlStates.DiskFull, refused.SqlState);
            Assert.NotEmpty(files.FoundFull);
            Assert.All(files.FoundFull, operation => Assert.True(IsNewSnapshot(operation), operation.ToString()));
            Assert.Empty(Directory.GetFiles(Data, "*.snap.inprogress"));
            await GoOnAsync(database, files);
        }
        await ReopenAsync();
    }

    [Fact]
    public async Task Found_again_and_again_and_when_it_is_stopped()
    {
        (Database database, WatchedFileSystem files) = await BeginAsync(walMaxSize: 30_000);
        await using (database)
        {
            for (int round = 0; round < 3; round++)
            {
                Fill(leave: 100_000);
                Assert.Equal(SqlStates.DiskFull, await WriteUntilRefused(database));
                Assert.Equal(SqlStates.DiskFull, (await Assert.ThrowsAsync<DbException>(() => database.CheckpointAsync(CancellationToken.None))).SqlState);
                Assert.Empty(Directory.GetFiles(Data, "*.snap.inprogress"));
                await GoOnAsync(database, files);
            }
            Fill(leave: 0);
        }
        await ReopenAsync();
    }

    private static bool IsLogWrite(DiskOperation operation) => operation.Kind == DiskOperationKind.Write && operation.Path.EndsWith(".xlog", StringComparison.Ordinal);

    private static bool IsNewLog(DiskOperation operation) => operation.Path.EndsWith(".xlog.inprogress", StringComparison.Ordinal);

    private static bool IsNewSnapshot(DiskOperation operation) => operation.Path.EndsWith(".snap.inprogress", StringComparison.Ordinal);

    private async Task<(Database Database, WatchedFileSystem Files)> BeginAsync(long walMaxSize)
    {
        mounted = Run("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", mountPoint);
        Assert.SkipUnless(mounted, "a file system of the test's own cannot be mounted here");
        var files = new WatchedFileSystem(new RealFileSystem());
        Database database = await Open(files, walMaxSize);
        using (Transaction setup = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false))
        {
            TestTables.Create(setup, Table, withSecondary: true);
            await database.WaitDurableAsync(setup.Commit(), CancellationToken.None);
        }
        Assert.Null(await WriteSome(database, 3));
        return (database, files);
    }

    /// <summary>The disk is filled up in the moment before the first such operation.</summary>
    private void FillBefore(WatchedFileSystem files, Func<DiskOperation, bool> at, long leave) => files.Before = operation =>
    {
        if (at(operation))
        {
            files.Before = null;
            Fill(leave);
        }
    };

    /// <summary>Reads go on while the disk is full; when there is room, writing and checkpoints return by themselves.</summary>
    private async Task GoOnAsync(Database database, WatchedFileSystem files)
    {
        Assert.Equal(acknowledged, TestTables.Read(database, Table));
        File.Delete(Filler);
        files.Forget();
        Assert.Null(await WriteSome(database, 20));
        await database.CheckpointAsync(CancellationToken.None);
        Assert.Empty(files.FoundFull);
        Assert.Equal(acknowledged, TestTables.Read(database, Table));
    }

    private async Task ReopenAsync()
    {
        File.Delete(Filler);
        await using Database again = await Open(new RealFileSystem(), 30_000);
        Assert.Equal(acknowledged, TestTables.Read(again, Table));
    }

    private Task<Database> Open(IFileSystem files, long walMaxSize) => Database.OpenAsync(
        new StorageOptions { Directory = Data, WalMaxSize = walMaxSize, CopyGrace = TimeSpan.Zero },
        new StorageEnvironment(files),
        CancellationToken.None);

    private async Task<string?> WriteUntilRefused(Database database)
    {
        for (int i = 0; i < 1000; i++)
        {
            if (await WriteSome(database, 20) is { } state)
                return state;
        }
        return null;
    }

    /// <summary>Commits transactions of fifty rows; gives the SQLSTATE of the first that is refused.</summary>
    private async Task<string?> WriteSome(Database database, int transactions)
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

    private void Fill(long leave)
    {
        using FileStream filler = new(Filler, FileMode.Create);
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
