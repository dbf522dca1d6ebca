using Picodata.Core;
using Xunit;

namespace Picodata.Unit.Sql.Execution;

/// <summary>What must hold when many sessions work on the same rows at once, by SQL.</summary>
public sealed class ConcurrencyTests
{
    private const int Sessions = 6;

    /// <summary>Runs a body on sessions side by side until each has done its rounds.</summary>
    private static Task SideBySide(SqlServer server, int rounds, Func<SqlClient, Random, int, Task> body) => Task.WhenAll(Enumerable.Range(0, Sessions).Select(number => Task.Run(async () =>
    {
        await using SqlClient client = server.Connect();
        var random = new Random(number);
        for (int i = 0; i < rounds; i++)
        {
            await body(client, random, i);
        }
    })));

    [Fact]
    public async Task Transfers_keep_the_sum_in_every_view()
    {
        await using SqlServer server = await SqlServer.StartAsync();
        await server.RunAsync("create table account (id int primary key, balance int not null check (balance >= 0))");
        await server.RunAsync("insert into account select g, 100 from generate_series(1, 8) g");
        int deadlocks = 0;
        int done = 0;
        using var stop = new CancellationTokenSource();
        Task watcher = Task.Run(async () =>
        {
            await using SqlClient client = server.Connect();
            for (int i = 0; !stop.IsCancellationRequested || i < 10; i++)
            {
                Assert.Equal("(800,8)", await client.RunAsync("select sum(balance), count(*) from account"));
                Assert.Equal("(800)", await client.RunAsync("begin isolation level repeatable read; select sum(balance) from account where id <= 4 or id > 4"));
                string half = await client.RunAsync("select sum(balance) from account where id <= 4");
                Assert.Equal(half, await client.RunAsync("select sum(balance) from account where id <= 4"));
                await client.RunAsync("commit");
            }
        });
        await SideBySide(server, 40, async (client, random, _) =>
        {
            int from = random.Next(1, 9);
            int to = 1 + ((from + random.Next(1, 8) - 1) % 8);
            int amount = random.Next(1, 40);
            string? result = await client.TryAsync(
                $"begin; update account set balance = balance - {amount} where id = {from}; update account set balance = balance + {amount} where id = {to}; commit",
                SqlStates.DeadlockDetected, SqlStates.CheckViolation);
            Interlocked.Increment(ref result is null ? ref deadlocks : ref done);
        });
        await stop.CancelAsync();
        await watcher;
        Assert.Equal("(800)", await server.RunAsync("select sum(balance) from account"));
        Assert.True(done > 0, $"{done} transfers, {deadlocks} refused");
    }

    [Fact]
    public async Task Counters_lose_no_update()
    {
        await using SqlServer server = await SqlServer.StartAsync();
        await server.RunAsync("create table counter (id int primary key, n int, tag text); insert into counter values (1, 0, 'a'), (2, 0, 'a')");
        string[] texts =
        [
            "update counter set n = n + 1 where id = 1", "update counter set n = n + 1 where tag = 'a' and id < 2",
            "insert into counter values (1, 1, 'x') on conflict (id) do update set n = counter.n + excluded.n",
            "begin; select n from counter where id = 1 for update; update counter set n = n + 1 where id = 1; commit",
            "update counter set n = counter.n + s.d from (select 1 as d) s where counter.id = 1",
        ];
        await SideBySide(server, 30, (client, random, _) => client.RunAsync(texts[random.Next(texts.Length)]));
        Assert.Equal($"({Sessions * 30},0)", await server.RunAsync("select a.n, b.n from counter a, counter b where a.id = 1 and b.id = 2"));
    }

    [Fact]
    public async Task A_unique_key_is_given_once()
    {
        await using SqlServer server = await SqlServer.StartAsync();
        await server.RunAsync("create table name (id int primary key, name text unique)");
        int won = 0;
        await SideBySide(server, 25, async (client, random, round) =>
        {
            string text = $"insert into name values ({random.Next(1_000_000)}, 'n{round}')";
            string? result = await client.TryAsync(random.Next(2) == 0 ? text : $"begin; {text}; commit", SqlStates.UniqueViolation);
            Interlocked.Add(ref won, result is null ? 0 : 1);
        });
        Assert.Equal($"({won},{won},25)", await server.RunAsync("select count(*), count(distinct name), 25 from name"));
        Assert.Equal(25, won);
    }

    [Fact]
    public async Task Jobs_are_taken_once_by_skip_locked()
    {
        await using SqlServer server = await SqlServer.StartAsync();
        await server.RunAsync("create table job (id int primary key, owner int); insert into job select g, null from generate_series(1, 60) g");
        var taken = new System.Collections.Concurrent.ConcurrentBag<string>();
        await SideBySide(server, 10, async (client, _, _) =>
        {
            string id = await client.RunAsync("begin; select id from job where owner is null order by id limit 1 for update skip locked");
            if (id.Length > 0)
            {
                await client.RunAsync($"update job set owner = 1 where id = {id.Trim('(', ')')}");
                taken.Add(id);
            }

            await client.RunAsync("commit");
        });
        Assert.Equal(taken.Count, taken.Distinct().Count());
        Assert.Equal($"({taken.Count})", await server.RunAsync("select count(*) from job where owner = 1"));
    }

    [Fact]
    public async Task Repeatable_read_refuses_lost_updates()
    {
        await using SqlServer server = await SqlServer.StartAsync();
        await server.RunAsync("create table counter (id int primary key, n int); insert into counter values (1, 0)");
        int done = 0;
        await SideBySide(server, 20, async (client, _, _) =>
        {
            string? n = await client.TryAsync("begin isolation level repeatable read; select n from counter where id = 1", SqlStates.SerializationFailure);
            int next = int.Parse(n!.Trim('(', ')')) + 1;
            string? result = await client.TryAsync($"update counter set n = {next} where id = 1; commit", SqlStates.SerializationFailure);
            Interlocked.Add(ref done, result is null ? 0 : 1);
        });
        Assert.Equal($"({done})", await server.RunAsync("select n from counter"));
    }

    [Fact]
    public async Task Indexes_made_beside_writers_agree_with_the_table()
    {
        await using SqlServer server = await SqlServer.StartAsync();
        await server.RunAsync("create table thing (id int primary key, kind int, note text); insert into thing select g, g % 5, 'x' from generate_series(1, 200) g");
        await SideBySide(server, 15, async (client, random, round) =>
        {
            string text = random.Next(5) switch
            {
                0 => $"create index kind_{random.Next(3)} on thing (kind)",
                1 => $"drop index kind_{random.Next(3)}",
                2 => $"update thing set kind = {random.Next(5)} where id % 7 = {random.Next(7)}",
                3 => $"delete from thing where id = {random.Next(200)}",
                _ => $"insert into thing values ({1000 + random.Next(100_000)}, {random.Next(5)}, 'y') on conflict do nothing",
            };
            await client.TryAsync(text, SqlStates.DuplicateTable, SqlStates.UndefinedObject, SqlStates.DeadlockDetected, SqlStates.SerializationFailure);
        });
        for (int kind = 0; kind < 5; kind++)
        {
            Assert.Equal(
                await server.RunAsync($"select count(*) from thing where kind + 0 = {kind}"), await server.RunAsync($"select count(*) from thing where kind = {kind}"));
        }
    }

    [Fact]
    public async Task Deadlocked_sessions_are_all_freed()
    {
        await using SqlServer server = await SqlServer.StartAsync();
        await server.RunAsync("create table ring (id int primary key, n int); insert into ring select g, 0 from generate_series(0, 5) g");
        int refused = 0;
        await Task.WhenAll(Enumerable.Range(0, Sessions).Select(number => Task.Run(async () =>
        {
            await using SqlClient client = server.Connect();
            for (int i = 0; i < 8; i++)
            {
                string? result = await client.TryAsync(
                    $"begin; update ring set n = n + 1 where id = {number}; update ring set n = n + 1 where id = {(number + 1) % Sessions}; commit", SqlStates.DeadlockDetected);
                Interlocked.Add(ref refused, result is null ? 1 : 0);
            }
        })));
        Assert.Equal($"({2 * ((Sessions * 8) - refused)})", await server.RunAsync("select sum(n) from ring"));
    }
}
