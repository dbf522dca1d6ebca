using Picodata.PgWire;
using Xunit;

namespace Picodata.Unit.PgWire;

public sealed class SimpleQueryTests
{
    private readonly FakeEngine _engine = new();

    [Fact]
    public async Task Rows_come_with_description_tag_and_status()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(new Frames().Query("rows 3"));
        Assert.Equal("TDDDCZ", WireClient.Types(answer));
        Assert.Equal(["1", "row 1"], answer[1].Values);
        Assert.Equal(["3", null], answer[3].Values);
        Assert.Equal("SELECT 3", answer[4].Text);
        Assert.Equal("I", answer[5].Text);
    }

    [Fact]
    public async Task Description_tells_oids_lengths_and_the_table_column()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        ServerMessage description = (await client.AskAsync(new Frames().Query("rows 0")))[0];
        byte[] expected = new Frames().Int16(2)
            .CString("n").Int32(16640).Int16(1).Int32(20).Int16(8).Int32(-1).Int16(0)
            .CString("t").Int32(0).Int16(0).Int32(25).Int16(-1).Int32(-1).Int16(0).ToArray();
        Assert.Equal(expected, description.Body);
    }

    [Fact]
    public async Task An_unresolved_literal_is_described_as_text()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(new Frames().Query("echo hällo"));
        Assert.Equal(["hällo"], answer[1].Values);
        Assert.Equal(25, answer[0].Body[2 + 9 + 6 + 3]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("  ;; ")]
    public async Task Nothing_to_do_is_one_empty_query_response(string sql)
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        Assert.Equal("IZ", WireClient.Types(await client.AskAsync(new Frames().Query(sql))));
    }

    [Fact]
    public async Task Several_statements_have_one_ready()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        Assert.Equal("TDCTCCZ", WireClient.Types(await client.AskAsync(new Frames().Query("rows 1; rows 0; begin"))));
    }

    [Fact]
    public async Task An_error_drops_the_rest_and_carries_all_fields()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(new Frames().Query("rows 1; fail 23505; rows 1"));
        Assert.Equal("TDCEZ", WireClient.Types(answer));
        Dictionary<char, string> fields = answer[3].Fields;
        Assert.Equal(
            "S=ERROR V=ERROR C=23505 M=told to fail D=a detail H=a hint P=6 W=here t=t n=c",
            string.Join(' ', fields.Select(field => $"{field.Key}={field.Value}")));
    }

    [Fact]
    public async Task Internal_errors_do_not_show_what_happened()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(new Frames().Query("crash"));
        Assert.Equal("EZ", WireClient.Types(answer));
        Assert.Equal("XX000", answer[0].SqlState);
        Assert.DoesNotContain("must not reach", answer[0].Text);
        Assert.Equal("TDCZ", WireClient.Types(await client.AskAsync(new Frames().Query("rows 1"))));
    }

    [Fact]
    public async Task A_row_that_cannot_be_written_is_taken_back_whole()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        Assert.Equal("TDEZ", WireClient.Types(await client.AskAsync(new Frames().Query("badrow"))));
    }

    [Fact]
    public async Task Status_tells_block_and_failure()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        Assert.Equal("T", (await client.AskAsync(new Frames().Query("begin")))[^1].Text);
        Assert.Equal("E", (await client.AskAsync(new Frames().Query("fail 22012")))[^1].Text);
        List<ServerMessage> end = await client.AskAsync(new Frames().Query("commit"));
        Assert.Equal(["ROLLBACK", "I"], end.Select(message => message.Text));
    }

    [Fact]
    public async Task Pipelined_queries_have_a_ready_each()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames().Query("begin").Query("fail 22012").Query("commit").Query("rows 1"));
        await client.ExpectAsync("CZEZCZTDCZ");
    }

    [Fact]
    public async Task Begin_and_an_extended_group_in_one_write_work()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames().Query("begin").Parse("", "rows 1").Bind("", "", []).Describe('P', "").Execute("").Sync());
        List<ServerMessage> answer = await client.ExpectAsync("CZ12TDCZ");
        Assert.Equal("T", answer[^1].Text);
    }

    [Fact]
    public async Task Notices_and_settings_are_reported()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> notice = await client.AskAsync(new Frames().Query("notice"));
        Assert.Equal("NCZ", WireClient.Types(notice));
        Assert.Equal("NOTICE", notice[0].Fields['S']);
        List<ServerMessage> set = await client.AskAsync(new Frames().Query("set TimeZone Europe/Rome"));
        Assert.Equal("SCZ", WireClient.Types(set));
        Assert.Equal("TimeZone\0Europe/Rome", set[0].Text);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'a' })]
    [InlineData(new byte[] { (byte)'a', 0, (byte)'b', 0 })]
    [InlineData(new byte[] { })]
    public async Task A_query_that_is_not_one_string_is_refused(byte[] body)
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(new Frames().Message('Q', body));
        Assert.Equal("EZ", WireClient.Types(answer));
        Assert.Equal("08P01", answer[0].SqlState);
    }

    [Fact]
    public async Task Bytes_that_are_not_utf8_are_refused()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(new Frames().Message('Q', (byte)'a', 0xC3, 0x28, 0));
        Assert.Equal("22021", answer[0].SqlState);
    }

    [Fact]
    public async Task Function_calls_are_refused_and_the_session_goes_on()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(new Frames().Message('F', 0, 0, 0, 1));
        Assert.Equal("EZ", WireClient.Types(answer));
        Assert.Equal("0A000", answer[0].SqlState);
        Assert.Equal("TDCZ", WireClient.Types(await client.AskAsync(new Frames().Query("rows 1"))));
    }

    [Theory]
    [InlineData('?', 4)]
    [InlineData('Q', 3)]
    [InlineData('Q', -1)]
    [InlineData('Q', int.MaxValue)]
    [InlineData('S', 10_010)]
    [InlineData('p', 70_000)]
    public async Task A_broken_frame_ends_the_connection(char type, int length)
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames().Raw((byte)type).Int32(length));
        List<ServerMessage> answer = await client.UntilClosedAsync();
        Assert.Equal("E", WireClient.Types(answer));
        Assert.Equal("FATAL", answer[0].Fields['S']);
        Assert.Equal("08P01", answer[0].SqlState);
        Assert.True(_engine.Sessions[0].IsDisposed);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public async Task Any_split_of_the_stream_reads_the_same(int piece)
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        byte[] stream = new Frames().Query("rows 2").Parse("s", "params $").Bind("", "s", ["x"]).Execute("").Sync().Query("copyin")
            .CopyData("a\n").CopyData("").Message('c').Query("rows 1").ToArray();
        for (int at = 0; at < stream.Length; at += piece)
        {
            await client.SendAsync(stream.AsMemory(at, Math.Min(piece, stream.Length - at)));
            await Task.Yield();
        }

        await client.ExpectAsync("TDDCZ12DCZGCZTDCZ");
    }

    [Fact]
    public async Task Large_results_respect_a_slow_reader()
    {
        PgConnectionService service = WireClient.Service(_engine, new PgWireOptions { TrustedUser = "admin", LostClientGrace = TimeSpan.Zero });
        await using WireClient client = WireClient.Connect(service, pauseThreshold: 64 * 1024);
        await client.SendAsync(new Frames().Startup("admin"));
        await client.UntilReadyAsync();
        await client.SendAsync(new Frames().Query("rows 100000"));
        List<ServerMessage> answer = await client.UntilReadyAsync();
        Assert.Equal(100_003, answer.Count);
        Assert.Equal("SELECT 100000", answer[^2].Text);
    }

    [Fact]
    public async Task A_long_query_arrives_whole()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        string text = new('x', 3_000_000);
        Task sending = client.SendAsync(new Frames().Query("echo " + text));
        List<ServerMessage> answer = await client.UntilReadyAsync();
        await sending;
        Assert.Equal(text, answer[1].Values[0]);
    }

    [Fact]
    public async Task Terminate_closes_without_a_word()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames().Message('X'));
        Assert.Empty(await client.UntilClosedAsync());
        Assert.True(_engine.Sessions[0].IsDisposed);
    }
}
