using Picodata.Core;
using Picodata.Sql;
using Picodata.Unit.Golden;
using Xunit;

namespace Picodata.Unit.Sql.Session;

/// <summary>Locks of sessions end with the session, locks of transactions with the transaction, however that ends; circles are refused.</summary>
public sealed class AdvisoryLockTests : IAsyncLifetime
{
    private SqlBench bench = null!;

    public async ValueTask InitializeAsync() => bench = await SqlBench.OpenAsync();

    public ValueTask DisposeAsync() => bench.DisposeAsync();

    [Fact]
    public async Task A_session_lock_ends_with_the_session()
    {
        ISqlSession one = bench.Session();
        await using ISqlSession two = bench.Session();
        await RunAsync(one, "select pg_advisory_lock(1), pg_advisory_lock(1), pg_advisory_lock_shared(2)");
        Assert.Contains("\nf\n", await RunAsync(two, "select pg_try_advisory_lock(1)"));
        Assert.Contains("\nt\n", await RunAsync(two, "select pg_try_advisory_lock_shared(2)"));
        Assert.Contains("\nt\n", await RunAsync(one, "select pg_advisory_unlock(1)"));
        Assert.Contains("\nf\n", await RunAsync(two, "select pg_try_advisory_lock(1)"));
        await one.DisposeAsync();
        Assert.Contains("\nt\n", await RunAsync(two, "select pg_try_advisory_lock(1)"));
        await RunAsync(two, "discard all");
        await using ISqlSession three = bench.Session();
        Assert.Contains("\nt | t\n", await RunAsync(three, "select pg_try_advisory_lock(1), pg_try_advisory_lock(2)"));
    }

    [Theory]
    [InlineData("commit")]
    [InlineData("rollback")]
    [InlineData("select 1 / 0")]
    public async Task A_transaction_lock_ends_with_the_transaction(string end)
    {
        await using ISqlSession one = bench.Session();
        await using ISqlSession two = bench.Session();
        await RunAsync(one, "select pg_advisory_xact_lock(7)");
        Assert.Contains("\nt\n", await RunAsync(two, "select pg_try_advisory_xact_lock(7)"));
        await RunAsync(one, "begin");
        await RunAsync(one, "select pg_advisory_xact_lock(7), pg_advisory_xact_lock(7), pg_try_advisory_xact_lock_shared(1, 2)");
        Assert.Contains("\nf\n", await RunAsync(one, "select pg_advisory_unlock(7)"));
        Assert.Contains("\nf | f\n", await RunAsync(two, "select pg_try_advisory_lock(7), pg_try_advisory_xact_lock(1, 2)"));
        await RunAsync(one, end);
        Assert.Contains("\nt | t\n", await RunAsync(two, "select pg_try_advisory_lock(7), pg_try_advisory_xact_lock(1, 2)"));
    }

    [Fact]
    public async Task Who_would_close_a_circle_of_waiters_is_refused()
    {
        await using ISqlSession one = bench.Session();
        await using ISqlSession two = bench.Session();
        await RunAsync(one, "select pg_advisory_lock(1)");
        await RunAsync(two, "select pg_advisory_lock(2)");
        Task<string> first = Task.Run(() => RunAsync(one, "select pg_advisory_lock(2)"));
        Task<string> second = Task.Run(() => RunAsync(two, "select pg_advisory_lock(1)"));
        Task<string> refused = await Task.WhenAny(first, second).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Contains("ERROR 40P01", await refused);
        await RunAsync(refused == first ? one : two, "select pg_advisory_unlock_all()");
        Assert.DoesNotContain("ERROR", await (refused == first ? second : first).WaitAsync(TimeSpan.FromSeconds(20)));
    }

    private static async Task<string> RunAsync(ISqlSession session, string sql)
    {
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
}
