using System.Text.Json;
using Xunit;

namespace Picodata.EndToEnd.Interop;

/// <summary>
/// Promise P5, the other way: we start on directories that Tarantool wrote, serve them by SQL, and go on writing such that it can read them
/// again; over and over.
/// </summary>
public sealed class WeReadTarantoolsTests : IDisposable
{
    private const string Make = """
        local lua = box.schema.space.create('made_in_lua', {format = {
            {name = 'id', type = 'unsigned'}, {name = 'name', type = 'string'}, {name = 'score', type = 'number', is_nullable = true}}})
        lua:create_index('pk')
        lua:create_index('by_name', {parts = {'name'}, unique = false})
        for i = 1, 200 do lua:insert{i, 'name ' .. i % 7, i % 3 == 0 and box.NULL or i / 2} end
        lua:delete(13)
        lua:update(14, {{'+', 'score', 1}, {'=', 'name', 'changed'}})
        box.execute([[CREATE TABLE made_in_sql (id INTEGER PRIMARY KEY AUTOINCREMENT, city TEXT, amount INTEGER NOT NULL)]])
        box.execute([[CREATE INDEX by_city ON made_in_sql (city)]])
        box.execute([[INSERT INTO made_in_sql (city, amount) VALUES ('Oslo', 5), ('Rome', 7), (NULL, 0)]])
        box.snapshot()
        box.begin()
        lua:insert{1000, 'after the snapshot', 1.5}
        lua:insert{1001, 'after the snapshot', 2.5}
        box.commit()
        box.execute([[UPDATE made_in_sql SET amount = amount + 1 WHERE id > 1]])
        """;

    private const string Dump = """
        for _, row in box.space.made_in_lua:pairs() do out('lua', row.id, row.name, row.score) end
        for _, row in box.space.MADE_IN_SQL:pairs() do out('sql', row.ID, row.CITY, row.AMOUNT) end
        out('index', box.space.made_in_lua.index.by_name:count(), box.space.MADE_IN_SQL.index.BY_CITY:count())
        """;

    private readonly TempDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Both_write_in_turn_and_read_the_same(bool kill)
    {
        Peer.Require("tarantool");
        string data = directory.Sub("data");
        await Tarantool.RunAsync(data, Make, kill);
        using InstanceProcess? instance = await InstanceProcess.StartAsync(data);
        for (int round = 0; round < 2; round++)
        {
            if (round > 0)
            {
                await instance.StartAgainAsync();
            }

            string[] before = await OursAsync(instance);
            await instance.ScalarAsync($"INSERT INTO made_in_lua VALUES ({2000 + round}, 'by us', 0.25)");
            await instance.ScalarAsync($"INSERT INTO \"MADE_IN_SQL\" VALUES ({100 + round}, 'Bern', {round})");
            await instance.ScalarAsync("UPDATE made_in_lua SET score = 77 WHERE id = 14");
            await instance.ScalarAsync($"DELETE FROM \"MADE_IN_SQL\" WHERE \"ID\" = {(round == 0 ? 1 : 100 + round - 1)}");
            string[] ours = await OursAsync(instance);
            Assert.NotEqual(before, ours);
            if (kill)
            {
                instance.Kill();
            }
            else
            {
                Assert.Equal(0, await instance.StopAsync());
            }

            Assert.Equal(ours, (await Tarantool.RunAsync(data, Dump, kill)).SkipLast(1));
            string[] theirs = await Tarantool.RunAsync(
                data, $"box.space.made_in_lua:replace{{{3000 + round}, 'by them', 1}}\nbox.execute([[UPDATE made_in_sql SET city = 'Bonn' WHERE id = 2]])\n{Dump}", kill);
            Assert.Equal($"index|{theirs.Count(row => row.StartsWith("lua", StringComparison.Ordinal))}|{theirs.Count(row => row.StartsWith("sql", StringComparison.Ordinal))}", theirs[^1]);
            await instance.StartAgainAsync();
            Assert.Equal(theirs.SkipLast(1), await OursAsync(instance));
            instance.Kill();
        }
    }

    [Fact]
    public async Task Tarantool_makes_tables_users_and_checkpoints_in_our_directory()
    {
        Peer.Require("tarantool");
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        await instance.ScalarAsync("CREATE TABLE ours (id INT PRIMARY KEY, v TEXT)");
        await instance.ScalarAsync("INSERT INTO ours VALUES (1, 'one'), (2, 'two')");
        Assert.Equal(0, await instance.StopAsync());
        string[] rows = await Tarantool.RunAsync(instance.Directory, """
            box.execute([[CREATE TABLE theirs (id INTEGER PRIMARY KEY, v TEXT)]])
            box.execute([[INSERT INTO theirs VALUES (1, 'eins')]])
            box.schema.user.create('somebody', {password = 'x'})
            box.schema.user.grant('somebody', 'read', 'space', 'ours')
            box.snapshot()
            box.space.ours:replace{3, 'three'}
            for _, row in box.space.ours:pairs() do out(row.id, row.v) end
            """);
        await instance.StartAgainAsync();
        Assert.Equal(rows, await Tarantool.RowsAsync(instance, "SELECT id, v FROM ours ORDER BY id"));
        Assert.Equal(["1|eins"], await Tarantool.RowsAsync(instance, "SELECT * FROM \"THEIRS\""));
        await instance.ScalarAsync("INSERT INTO ours VALUES (4, 'four')");
        await instance.ScalarAsync("CREATE TABLE more (id INT PRIMARY KEY)");
        await instance.ScalarAsync("CHECKPOINT");
        Assert.Equal(0, await instance.StopAsync());
        Assert.Equal(["4|four", "0"], await Tarantool.RunAsync(instance.Directory, "out(4, box.space.ours:get(4).v) out(box.space.more:len())"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("speed", "long")]
    public async Task A_space_that_lua_makes_in_our_directory_is_served_written_and_read_again(bool kill)
    {
        Peer.Require("tarantool");
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        await instance.ScalarAsync("CREATE TABLE ours (id INT PRIMARY KEY, v TEXT)");
        await instance.ScalarAsync("INSERT INTO ours VALUES (1, 'one')");
        await StopAsync(instance, kill);
        await Tarantool.RunAsync(instance.Directory, """
            local made = box.schema.space.create('made_by_lua', {format = {
                {name = 'id', type = 'unsigned'}, {name = 'name', type = 'string'}, {name = 'parts', type = 'integer', is_nullable = true}}})
            made:create_index('pk', {sequence = true})
            made:create_index('by_name', {parts = {'name'}})
            made:create_index('by_parts', {parts = {{'parts', is_nullable = true}, 'id'}, unique = false})
            made:insert{box.NULL, 'first', 10}
            made:insert{box.NULL, 'second'}
            box.schema.space.create('formless'):create_index('pk', {parts = {1, 'string'}})
            box.space.formless:insert{'a', 1, {2, 3}}
            made:format({
                {name = 'id', type = 'unsigned'}, {name = 'name', type = 'string'}, {name = 'parts', type = 'integer', is_nullable = true}, {name = 'more', type = 'any', is_nullable = true}})
            """, kill);
        const string Dump = "for _, row in box.space.made_by_lua:pairs() do out(row.id, row.name, row.parts) end out(box.space.made_by_lua.index.by_name:get('third').id, box.space.ours:len(), box.space.formless:len())";
        await instance.StartAgainAsync();
        await instance.ScalarAsync("INSERT INTO made_by_lua (id, name, parts) VALUES (3, 'third', 30)");
        await instance.ScalarAsync("UPDATE made_by_lua SET parts = parts + 1 WHERE name = 'first'");
        await Assert.ThrowsAsync<Npgsql.PostgresException>(() => instance.ScalarAsync("INSERT INTO made_by_lua (id, name) VALUES (4, 'second')"));
        await instance.ScalarAsync("DELETE FROM made_by_lua WHERE id = 2");
        await instance.ScalarAsync("INSERT INTO ours VALUES (2, 'two')");
        await instance.ScalarAsync("CHECKPOINT");
        await instance.ScalarAsync("INSERT INTO made_by_lua (id, name) VALUES (5, 'fifth')");
        Assert.Equal(["1|first|11", "3|third|30", "5|fifth|"], await Tarantool.RowsAsync(instance, "SELECT id, name, parts FROM made_by_lua ORDER BY id"));
        await StopAsync(instance, kill);
        Assert.Equal(["1|first|11", "3|third|30", "5|fifth|", "3|2|1"], await Tarantool.RunAsync(instance.Directory, Dump, kill));
        Assert.Equal(["6|by them|"], await Tarantool.RunAsync(instance.Directory, "local row = box.space.made_by_lua:insert{6, 'by them'} out(row.id, row.name, row.parts) box.space.formless:drop()", kill));
        await instance.StartAgainAsync();
        Assert.Equal(["1|first|11", "3|third|30", "5|fifth|", "6|by them|"], await Tarantool.RowsAsync(instance, "SELECT id, name, parts FROM made_by_lua ORDER BY id"));
        Assert.Equal(["3"], await Tarantool.RowsAsync(instance, "SELECT id FROM made_by_lua WHERE parts > 20"));
    }

    [Theory]
    [InlineData("02_types")]
    [InlineData("05_sql")]
    public Task Vectors_are_served_by_sql_and_written_on(string vector) => ServeAsync(vector);

    [Theory]
    [Trait("speed", "long")]
    [InlineData("03_transactions")]
    [InlineData("06_sigkill")]
    [InlineData("09_rotation")]
    [InlineData("10a_hot_copy_rotation")]
    [InlineData("11_functions")]
    [InlineData("12_minimal_full")]
    [InlineData("15_ddl")]
    public Task More_vectors_are_served_by_sql_and_written_on(string vector) => ServeAsync(vector);

    private static async Task StopAsync(InstanceProcess instance, bool kill)
    {
        if (kill)
        {
            instance.Kill();
        }
        else
        {
            Assert.Equal(0, await instance.StopAsync());
        }
    }

    private async Task ServeAsync(string vector)
    {
        Peer.Require("tarantool");
        string source = Path.Combine(VectorsRoot(), vector);
        string data = directory.Sub("data");
        await Tarantool.CopyAsync(Path.Combine(source, "data"), data);
        await Peer.RunAsync("chmod", ["-R", "u+w", data]);
        using var expected = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(source, "expected.json")));
        (string Name, long Count)[] spaces = [.. expected.RootElement.GetProperty("spaces").EnumerateArray()
            .Where(space => space.GetProperty("definition")[3].GetString() == "memtx" && space.GetProperty("indexes").GetArrayLength() > 0)
            .Select(space => (space.GetProperty("name").GetString()!, space.GetProperty("count").GetInt64()))];
        Assert.NotEmpty(spaces);
        using InstanceProcess instance = await InstanceProcess.StartAsync(data);
        foreach ((string name, long count) in spaces)
        {
            Assert.Equal(count, Convert.ToInt64(await instance.ScalarAsync($"SELECT count(*) FROM \"{name}\"")));
        }

        await instance.ScalarAsync("CREATE TABLE written_on (id INT PRIMARY KEY)");
        await instance.ScalarAsync("INSERT INTO written_on VALUES (1), (2)");
        Assert.Equal(0, await instance.StopAsync());
        string lua = string.Concat(spaces.Select(space => $"out(box.space['{space.Name}']:len())\n")) + "out(box.space.written_on:len())";
        Assert.Equal(spaces.Select(space => space.Count).Append(2).Select(count => count.ToString()), await Tarantool.RunAsync(data, lua));
    }

    private static string VectorsRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "shared", "vectors");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        Assert.Skip("the folder shared/vectors is not here");
        return "";
    }

    private static async Task<string[]> OursAsync(InstanceProcess instance) =>
    [
        .. await Tarantool.RowsAsync(instance, "SELECT 'lua', id, name, score FROM made_in_lua ORDER BY id"),
        .. await Tarantool.RowsAsync(instance, "SELECT 'sql', \"ID\", \"CITY\", \"AMOUNT\" FROM \"MADE_IN_SQL\" ORDER BY \"ID\""),
    ];
}
