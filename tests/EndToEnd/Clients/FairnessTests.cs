using Npgsql;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>Sessions share the threads that poll the sockets: a statement that takes long must not keep the others from theirs.</summary>
public sealed class FairnessTests(SharedInstance shared) : IClassFixture<SharedInstance>
{
    private const int Sessions = 8;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(45);

    [Fact]
    public async Task Statements_that_take_long_do_not_keep_other_sessions_waiting()
    {
        await using NpgsqlDataSource source = shared.DataSource("Pooling=false;Command Timeout=120");
        await using NpgsqlConnection own = await source.OpenConnectionAsync();
        await ExecuteAsync(own, "create table fair (id int primary key, a int)");
        await ExecuteAsync(own, "insert into fair select x, 0 from generate_series(1, 100) as g(x)");
        var quick = new List<NpgsqlConnection>();
        var slow = new List<NpgsqlCommand>();
        var running = new List<Task>();
        try
        {
            for (int i = 0; i < Sessions; i++)
            {
                quick.Add(await source.OpenConnectionAsync());
                slow.Add(new NpgsqlCommand("select pg_sleep(100)", await source.OpenConnectionAsync()));
            }

            running.AddRange(slow.Select(command => command.ExecuteNonQueryAsync()));
            await UntilAllSleepAsync(own).WaitAsync(Limit);
            await Task.WhenAll(quick.Select(WorkAsync)).WaitAsync(Limit);
            Assert.All(running, sleep => Assert.False(sleep.IsCompleted));
        }
        catch (Exception problem) when (problem is NpgsqlException or TimeoutException)
        {
            throw new InvalidOperationException($"{problem.Message}; the instance's log:\n{shared.Instance.LogTail()}", problem);
        }
        finally
        {
            slow.ForEach(command => command.Cancel());
            await Task.WhenAll(running.Select(task => task.ContinueWith(_ => { }, TaskScheduler.Default)));
            foreach (NpgsqlConnection connection in quick.Concat(slow.Select(command => command.Connection!)))
            {
                await connection.DisposeAsync();
            }
        }
    }

    private static async Task UntilAllSleepAsync(NpgsqlConnection own)
    {
        await using var count = new NpgsqlCommand("select count(*) from pg_stat_activity where state = 'active' and query = 'select pg_sleep(100)'", own);
        while ((long)(await count.ExecuteScalarAsync())! < Sessions)
        {
            // each look is an answer of the server
        }
    }

    private static async Task WorkAsync(NpgsqlConnection connection, int number)
    {
        await using var change = new NpgsqlCommand("update fair set a = a + 1 where id = $1", connection) { Parameters = { new NpgsqlParameter { Value = number + 1 } } };
        await using var look = new NpgsqlCommand("select a from fair where id = $1", connection) { Parameters = { new NpgsqlParameter { Value = number + 1 } } };
        for (int i = 1; i <= 20; i++)
        {
            Assert.Equal(1, await change.ExecuteNonQueryAsync());
            Assert.Equal((long)i, await look.ExecuteScalarAsync());
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
