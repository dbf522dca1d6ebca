using System.Diagnostics;
using System.Text.Json;
using Npgsql;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>The product as its operator meets it: start, stop, console, refusals, the demo.</summary>
public sealed class OperatorTests : IDisposable
{
    private readonly TempDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task Who_an_instance_is_stands_in_its_directory()
    {
        string path = directory.Sub("i1");
        using (InstanceProcess named = await InstanceProcess.StartAsync(path, "--instance-name", "wanda", "--replicaset-name", "storage_7", "--cluster-name", "shop", "--init-replication-factor", "2"))
        {
            Assert.Equal(0, await named.StopAsync());
        }

        (string Flag, string Value, string Name, string Was)[] others =
        [
            ("--instance-name", "otto", "instance_name", "wanda"), ("--replicaset-name", "storage_8", "replicaset_name", "storage_7"),
            ("--cluster-name", "demo", "cluster_name", "shop"),
        ];
        foreach ((string flag, string value, string name, string was) in others)
        {
            (int exitCode, string output) = await InstanceProcess.StartRefusedAsync(path, flag, value);
            Assert.NotEqual(0, exitCode);
            Assert.Contains($"instance restarted with a different `{name}`, which is not allowed, was: '{was}' became: '{value}'", output);
        }

        using InstanceProcess silent = await InstanceProcess.StartAsync(path, "--failure-domain", "zone=a");
        Assert.Equal(["wanda|storage_7|default"], await Interop.Tarantool.RowsAsync(silent, "SELECT name, replicaset_name, tier FROM _pico_instance"));
        Assert.Equal(["default|2|3000"], await Interop.Tarantool.RowsAsync(silent, "SELECT name, replication_factor, bucket_count FROM _pico_tier"));
    }

    [Fact]
    public async Task Sigterm_stops_within_seconds_and_what_was_written_is_there_again()
    {
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        await instance.ScalarAsync("CREATE TABLE t (a INT PRIMARY KEY, b TEXT)");
        await instance.ScalarAsync("INSERT INTO t VALUES (1, 'x'), (2, NULL)");
        await using NpgsqlConnection open = await instance.OpenAsync();
        var watch = Stopwatch.StartNew();
        Assert.Equal(0, await instance.StopAsync());
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"the stop took {watch.Elapsed}");
        Assert.False(File.Exists(instance.AdminSocket));
        string last = Directory.GetFiles(instance.Directory, "*.xlog").Order().Last();
        Assert.Equal([0xd5, 0x10, 0xad, 0xed], File.ReadAllBytes(last)[^4..]);

        await instance.StartAgainAsync();
        Assert.Equal(2L, await instance.ScalarAsync("SELECT count(*) FROM t"));
        Assert.Equal("x", await instance.ScalarAsync("SELECT b FROM t WHERE a = 1"));
    }

    [Fact]
    public async Task A_connection_that_is_open_at_the_stop_is_told_why()
    {
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        await using NpgsqlConnection open = await instance.OpenAsync();
        Task stop = instance.StopAsync();
        await using var command = new NpgsqlCommand("SELECT 1", open);
        PostgresException? told = null;
        while (told is null)
        {
            try
            {
                await command.ExecuteScalarAsync();
            }
            catch (PostgresException problem)
            {
                told = problem;
            }
            catch (Exception problem) when (problem is NpgsqlException or InvalidOperationException)
            {
                break;
            }
        }

        await stop;
        Assert.True(told is null || told.SqlState is "57P01" or "57P03", told?.SqlState);
    }

    [Fact]
    public async Task A_second_instance_in_the_directory_is_refused()
    {
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        (int exitCode, string output) = await InstanceProcess.StartRefusedAsync(directory.Sub("i1"));
        Assert.NotEqual(0, exitCode);
        Assert.Contains("already running", output);
        Assert.Equal(1, await instance.ScalarAsync("SELECT 1::int4"));
    }

    [Fact]
    public async Task The_admin_console_works_through_a_pipe_in_all_formats()
    {
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        const string Script = "CREATE TABLE t (a INT PRIMARY KEY, b TEXT);\nINSERT INTO t VALUES (1, 'x;y'),\n (2, NULL);\nSELECT * FROM t ORDER BY a;\n";
        (int exitCode, string table, string errors) = await AdminAsync(instance, Script);
        Assert.True(exitCode == 0, errors);
        Assert.Equal(
            """
            1
            2
            +---+------+
            | a | b    |
            +===+======+
            | 1 | x;y  |
            +---+------+
            | 2 | null |
            +---+------+
            (2 rows)

            """,
            table);
        (_, string json, _) = await AdminAsync(instance, "SELECT * FROM t ORDER BY a;", "--json");
        Assert.Equal("""[{"a":1,"b":"x;y"},{"a":2,"b":null}]""", JsonSerializer.Serialize(JsonDocument.Parse(json).RootElement));
        (_, string csv, _) = await AdminAsync(instance, "SELECT * FROM t ORDER BY a;", "--csv", "-F", ";");
        Assert.Equal("a;b\n1;\"x;y\"\n2;\n", csv);
        (_, string tuples, _) = await AdminAsync(instance, "SELECT * FROM t ORDER BY a;", "-t");
        Assert.Equal("1\tx;y\n2\t\n", tuples);
    }

    [Fact]
    public async Task An_error_in_a_piped_script_ends_the_console_unless_errors_are_ignored()
    {
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        (int exitCode, string output, string errors) = await AdminAsync(instance, "SELECT 1/0;\nSELECT 2 AS two;\n", "-t");
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("22012", errors);
        (exitCode, output, _) = await AdminAsync(instance, "SELECT 1/0;\nSELECT 2 AS two;\n", "-t", "--ignore-errors");
        Assert.Equal((0, "2\n"), (exitCode, output));
    }

    [Fact]
    public async Task The_admin_socket_is_for_owner_and_group_only()
    {
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite,
            File.GetUnixFileMode(instance.AdminSocket));
    }

    [Fact]
    public async Task A_wrong_password_and_an_unknown_user_get_the_same_answer()
    {
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        foreach (string user in new[] { "admin", "nobody" })
        {
            await using var connection = new NpgsqlConnection(instance.ConnectionString.Replace("Username=admin", "Username=" + user).Replace(InstanceProcess.AdminPassword, "wrong"));
            PostgresException refused = await Assert.ThrowsAsync<PostgresException>(() => connection.OpenAsync());
            Assert.Equal("28P01", refused.SqlState);
        }
    }

    [Fact]
    public async Task The_printed_default_configuration_starts_an_instance()
    {
        (_, string yaml, _) = await Peer.RunAsync(InstanceProcess.Program, ["config", "default"]);
        string file = directory.Sub("default.yaml");
        File.WriteAllText(file, yaml);
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"), "--config", file, "--peer", "{iproto}", "-c", "instance.iproto.advertise={iproto}");
        Assert.Equal("demo", await instance.ScalarAsync("SELECT 'demo'"));
    }

    [Fact]
    public async Task Inspect_verifies_a_directory_and_finds_damage()
    {
        using InstanceProcess instance = await InstanceProcess.StartAsync(directory.Sub("i1"));
        await instance.ScalarAsync("CREATE TABLE t (a INT PRIMARY KEY)");
        await instance.ScalarAsync("INSERT INTO t SELECT g FROM generate_series(1, 1000) AS x(g)");
        await instance.StopAsync();
        (int exitCode, string output, string errors) = await Peer.RunAsync(InstanceProcess.Program, ["inspect", instance.Directory]);
        Assert.True(exitCode == 0, output + errors);
        string log = Directory.GetFiles(instance.Directory, "*.xlog").OrderByDescending(file => new FileInfo(file).Length).First();
        byte[] bytes = File.ReadAllBytes(log);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(log, bytes);
        (exitCode, output, _) = await Peer.RunAsync(InstanceProcess.Program, ["inspect", instance.Directory]);
        Assert.Equal(1, exitCode);
        Assert.Contains(Path.GetFileName(log), output);
        (exitCode, output) = await InstanceProcess.StartRefusedAsync(instance.Directory);
        Assert.Equal(1, exitCode);
        Assert.Contains(Path.GetFileName(log), output);
        Assert.Contains("offset", output);
    }

    [Fact]
    public async Task The_demo_keeps_its_promises()
    {
        (int exitCode, string output, string errors) = await Peer.RunAsync(InstanceProcess.Program, ["demo", "--seconds", "2", "--writers", "4"]);
        Assert.True(exitCode == 0, output + errors);
        Assert.Equal(3, output.Split("kept").Length - 1);
        Assert.DoesNotContain("BROKEN", output);
    }

    private static Task<(int ExitCode, string Output, string Errors)> AdminAsync(InstanceProcess instance, string script, params string[] flags) =>
        Peer.RunAsync(InstanceProcess.Program, ["admin", instance.AdminSocket, .. flags], input: script);
}
