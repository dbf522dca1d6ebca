using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Sql;
using Picodata.Unit.Golden;
using Xunit;

namespace Picodata.Unit.Sql.Session;

/// <summary>
/// While the disk does not finish a sync: who reads what the commit behind it changed is not answered, in whatever way it would be told; who
/// reads other rows of the same table is.
/// </summary>
public sealed class DurableAnswerTests
{
    [Theory]
    [InlineData("SELECT a FROM t WHERE id = 1", "10\nSELECT 1\n")]
    [InlineData("SELECT a FROM t ORDER BY id", "SELECT 3\n")]
    [InlineData("SELECT a FROM t WHERE id = 1; SELECT 1 / (a - 10) FROM t WHERE id = 1", "22012")]
    [InlineData("UPDATE t SET a = 1 / (a - 10) WHERE id = 1", "22012")]
    [InlineData("UPDATE t SET a = 7 WHERE id = 1 AND a = 3", "UPDATE 0\n")]
    [InlineData("BEGIN; UPDATE t SET a = a + 1 WHERE id = 1 RETURNING a", "11\n")]
    [InlineData("BEGIN; UPDATE t SET a = a + 1 WHERE id = 1; SELECT a FROM t WHERE id = 1", "11\n")]
    [InlineData("BEGIN; SELECT a FROM t WHERE id = 1 FOR UPDATE", "10\n")]
    [InlineData("INSERT INTO t VALUES (3, 0)", "23505")]
    [InlineData("BEGIN; UPDATE t SET a = 5 WHERE id = 3", "UPDATE 1\n")]
    [InlineData("DELETE FROM t WHERE id = 4", "DELETE 0\n")]
    [InlineData("SELECT a FROM t WHERE id = 4", "SELECT 0\n")]
    public async Task Answers_that_tell_of_a_commit_wait_for_it(string sql, string expected)
    {
        await using SqlBench bench = await SqlBench.OpenAsync();
        using var disk = new HeldDisk(bench.Disk);
        await PrepareAsync(bench);
        disk.Hold();
        Task<string> writer = RunAsync(bench, "BEGIN; UPDATE t SET a = 10 WHERE id = 1; INSERT INTO t VALUES (3, 3); DELETE FROM t WHERE id = 4; DELETE FROM t WHERE id = 5; COMMIT");
        await disk.WaitUntilHeldAsync();
        Task<string> asked = await AskAsync(bench, sql);
        Assert.False(writer.IsCompleted);
        Assert.False(asked.IsCompleted, "the answer rests on a commit that is not durable");
        disk.LetGo();
        Assert.EndsWith("COMMIT\n", await writer);
        Assert.Contains(expected, await asked);
    }

    [Theory]
    [InlineData("SELECT a FROM t WHERE id = 2", "20\n")]
    [InlineData("SELECT a FROM t WHERE id = 77", "SELECT 0\n")]
    [InlineData("BEGIN; UPDATE t SET a = a + 1 WHERE id = 2; SELECT a FROM t WHERE id = 2", "21\n")]
    [InlineData("BEGIN; UPDATE t SET a = a + 1 WHERE id = 1", "UPDATE 1\n")]
    public async Task Answers_that_do_not_are_given_at_once(string sql, string expected)
    {
        await using SqlBench bench = await SqlBench.OpenAsync();
        using var disk = new HeldDisk(bench.Disk);
        await PrepareAsync(bench);
        disk.Hold();
        Task<string> writer = RunAsync(bench, "UPDATE t SET a = 10 WHERE id = 1");
        await disk.WaitUntilHeldAsync();
        Task<string> asked = await AskAsync(bench, sql);
        Assert.True(asked.IsCompleted, "the answer waits for a commit on which it does not rest");
        Assert.Contains(expected, await asked);
        Assert.False(writer.IsCompleted);
        disk.LetGo();
        await writer;
    }

    private static async Task PrepareAsync(SqlBench bench) =>
        await RunAsync(bench, "CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 3), (2, 20), (4, 4), (5, 5); DELETE FROM t WHERE id = 5 OR id = 4; INSERT INTO t VALUES (4, 4), (5, 5)");

    /// <summary>What a new session answers to a text; the session stays open until the answer is there.</summary>
    private static async Task<string> RunAsync(SqlBench bench, string sql) => await await AskAsync(bench, sql);

    /// <summary>Begins on a thread of the pool, where a session leaves its thread only when it has to wait.</summary>
    private static Task<Task<string>> AskAsync(SqlBench bench, string sql) => Task.Factory.StartNew(
        () => AnswerAsync(bench, sql), CancellationToken.None, TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);

    private static async Task<string> AnswerAsync(SqlBench bench, string sql)
    {
        await using ISqlSession session = bench.Session();
        var output = new TextOutput(session);
        try
        {
            await session.SimpleQueryAsync(sql, output, CancellationToken.None);
        }
        catch (DbException error)
        {
            output.Error(error);
        }

        return output.Take();
    }

    /// <summary>A disk whose syncs wait while they are held.</summary>
    private sealed class HeldDisk : IDisposable
    {
        private readonly ManualResetEventSlim free = new(true);
        private readonly TaskCompletionSource held = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public HeldDisk(ModelledDisk disk) => disk.Faults = Ask;

        public void Hold() => free.Reset();

        public void LetGo() => free.Set();

        public Task WaitUntilHeldAsync() => held.Task.WaitAsync(TimeSpan.FromSeconds(60));

        public void Dispose() => free.Set();

        private DiskFault Ask(DiskOperation operation)
        {
            if (operation.Kind == DiskOperationKind.Sync && !free.IsSet)
            {
                held.TrySetResult();
                free.Wait();
            }

            return DiskFault.None;
        }
    }
}
