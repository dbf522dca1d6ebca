using System.Buffers.Binary;
using Picodata.PgWire;
using Xunit;

namespace Picodata.Unit.PgWire;

public sealed class OpeningTests
{
    private readonly FakeEngine _engine = new();

    private WireClient Connect(PgWireOptions? options = null) =>
        WireClient.Connect(WireClient.Service(_engine, (options ?? new PgWireOptions()) with { TrustedUser = "admin", LostClientGrace = TimeSpan.Zero }));

    [Fact]
    public async Task A_session_opens_with_settings_key_and_ready()
    {
        await using WireClient client = Connect();
        List<ServerMessage> answer = await client.AskAsync(new Frames().Startup("u", ("database", "d"), ("application_name", "x")));
        Assert.Equal("RSSSKZ", WireClient.Types(answer));
        Assert.Equal(new byte[4], answer[0].Body);
        Assert.Contains("application_name\0x", answer.Select(message => message.Text));
        Assert.Equal(8, answer[4].Body.Length);
        Assert.Equal("I", answer[5].Text);
        Assert.Equal("d", _engine.Sessions[0].Options.Database);
    }

    [Fact]
    public async Task Both_requests_for_encryption_may_come_first()
    {
        await using WireClient client = Connect();
        await client.SendAsync(new Frames().First(80877104));
        Assert.Equal('N', await client.ReadByteAsync());
        await client.SendAsync(new Frames().First(80877103));
        Assert.Equal('N', await client.ReadByteAsync());
        await client.SendAsync(new Frames().Startup("u"));
        await client.UntilReadyAsync();
    }

    [Theory]
    [InlineData(80877103)]
    [InlineData(80877104)]
    public async Task A_second_request_of_the_same_kind_closes(int code)
    {
        await using WireClient client = Connect();
        await client.SendAsync(new Frames().First(code));
        Assert.Equal('N', await client.ReadByteAsync());
        await client.SendAsync(new Frames().First(code));
        Assert.Empty(await client.UntilClosedAsync());
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0002\u0000\u0001")]
    [InlineData("\0\0\0\u0007")]
    [InlineData("\0\0\0\0\0\0\0\0")]
    public async Task Other_protocols_are_closed_without_a_word(string bytes)
    {
        await using WireClient client = Connect();
        await client.SendAsync(System.Text.Encoding.Latin1.GetBytes(bytes));
        Assert.Empty(await client.UntilClosedAsync());
        Assert.Empty(_engine.Sessions);
    }

    [Theory]
    [InlineData(2 << 16, "0A000")]
    [InlineData(4 << 16, "0A000")]
    [InlineData(0, "0A000")]
    public async Task Other_versions_are_refused(int version, string state)
    {
        await using WireClient client = Connect();
        await client.SendAsync(new Frames().Startup(version, "u"));
        List<ServerMessage> answer = await client.UntilClosedAsync();
        Assert.Equal(state, Assert.Single(answer).SqlState);
        Assert.Equal("FATAL", answer[0].Fields['S']);
    }

    [Fact]
    public async Task A_newer_minor_version_and_unknown_options_are_negotiated()
    {
        await using WireClient client = Connect();
        List<ServerMessage> answer = await client.AskAsync(new Frames().Startup((3 << 16) | 9999, "u", ("_pq_.grease", "1")));
        Assert.Equal('v', answer[0].Type);
        Assert.Equal(new Frames().Int32((3 << 16) | 2).Int32(1).CString("_pq_.grease").ToArray(), answer[0].Body);
        Assert.Equal(4 + 32, answer.Single(message => message.Type == 'K').Body.Length);
    }

    [Fact]
    public async Task Version_3_2_has_a_long_key_and_needs_no_negotiation()
    {
        await using WireClient client = Connect();
        List<ServerMessage> answer = await client.AskAsync(new Frames().Startup((3 << 16) | 2, "u"));
        Assert.Equal('R', answer[0].Type);
        Assert.Equal(36, answer.Single(message => message.Type == 'K').Body.Length);
    }

    [Fact]
    public async Task Options_are_a_command_line()
    {
        await using WireClient client = Connect();
        await client.AskAsync(new Frames().Startup("u", ("options", @"-c a.b=1 --statement-timeout=5s -cwork_mem=1\ MB\\"), ("a.c", "3")));
        Dictionary<string, string> settings = _engine.Sessions[0].Settings;
        Assert.Equal("1", settings["a.b"]);
        Assert.Equal("5s", settings["statement_timeout"]);
        Assert.Equal(@"1 MB\", settings["work_mem"]);
        Assert.Equal("3", settings["a.c"]);
    }

    public static TheoryData<string, byte[]> BadStartups => new()
    {
        { "28000", new Frames().Startup("").ToArray() },
        { "42704", new Frames().Startup("u", ("nonsense", "1")).ToArray() },
        { "0A000", new Frames().Startup("u", ("replication", "database")).ToArray() },
        { "42601", new Frames().Startup("u", ("options", "-x")).ToArray() },
        { "08P01", new Frames().First(3 << 16, "user"u8).ToArray() },
        { "08P01", new Frames().First(3 << 16, "user\0u\0\0more"u8).ToArray() },
        { "08P01", new Frames().First(3 << 16).ToArray() },
    };

    [Theory]
    [MemberData(nameof(BadStartups))]
    public async Task Bad_startup_packets_are_fatal(string state, byte[] packet)
    {
        await using WireClient client = Connect();
        await client.SendAsync(packet);
        List<ServerMessage> answer = await client.UntilClosedAsync();
        Assert.Equal(state, Assert.Single(answer, message => message.Type == 'E').SqlState);
        Assert.Equal("FATAL", answer[^1].Fields['S']);
        Assert.DoesNotContain(answer, message => message.Type == 'Z');
    }

    [Fact]
    public async Task The_wrong_key_cancels_nothing_and_is_not_answered()
    {
        PgConnectionService service = WireClient.Service(_engine, new PgWireOptions { TrustedUser = "admin", LostClientGrace = TimeSpan.Zero });
        await using WireClient client = WireClient.Connect(service);
        List<ServerMessage> opened = await client.AskAsync(new Frames().Startup("u"));
        byte[] key = opened.Single(message => message.Type == 'K').Body;
        await client.SendAsync(new Frames().Query("sleep"));
        await _engine.Sessions[0].Sleeping.Task;

        byte[] wrong = [.. key];
        wrong[^1]++;
        foreach (byte[] body in new[] { wrong, key[..4], [.. key, 0] })
        {
            await using WireClient other = WireClient.Connect(service);
            await other.SendAsync(new Frames().First(80877102, body));
            Assert.Empty(await other.UntilClosedAsync());
        }

        await using WireClient canceller = WireClient.Connect(service);
        await canceller.SendAsync(new Frames().First(80877104));
        Assert.Equal('N', await canceller.ReadByteAsync());
        await canceller.SendAsync(new Frames().First(80877102, key));
        Assert.Empty(await canceller.UntilClosedAsync());
        List<ServerMessage> answer = await client.UntilReadyAsync();
        Assert.Equal("EZ", WireClient.Types(answer));
        Assert.Equal("57014", answer[0].SqlState);
    }

    [Fact]
    public async Task Cancelling_an_idle_session_does_nothing()
    {
        PgConnectionService service = WireClient.Service(_engine, new PgWireOptions { TrustedUser = "admin", LostClientGrace = TimeSpan.Zero });
        await using WireClient client = WireClient.Connect(service);
        byte[] key = (await client.AskAsync(new Frames().Startup("u"))).Single(message => message.Type == 'K').Body;
        await using WireClient canceller = WireClient.Connect(service);
        await canceller.SendAsync(new Frames().First(80877102, key));
        await canceller.UntilClosedAsync();
        Assert.Equal("TDCZ", WireClient.Types(await client.AskAsync(new Frames().Query("rows 1"))));
    }

    [Fact]
    public async Task Keys_differ_from_session_to_session()
    {
        var keys = new HashSet<int>();
        for (int i = 0; i < 50; i++)
        {
            await using WireClient client = Connect();
            byte[] key = (await client.AskAsync(new Frames().Startup("u"))).Single(message => message.Type == 'K').Body;
            keys.Add(BinaryPrimitives.ReadInt32BigEndian(key.AsSpan(4)));
        }

        Assert.True(keys.Count > 48);
    }
}
