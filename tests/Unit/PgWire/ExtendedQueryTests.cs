using Picodata.Sql;
using Xunit;

namespace Picodata.Unit.PgWire;

public sealed class ExtendedQueryTests
{
    private readonly FakeEngine _engine = new();

    [Fact]
    public async Task Parse_bind_describe_execute_sync()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(
            new Frames().Parse("", "params $ $").Bind("", "", ["a", null]).Describe('P', "").Execute("").Sync());
        Assert.Equal("12TDCZ", WireClient.Types(answer));
        Assert.Equal(["a", null], answer[3].Values);
    }

    [Fact]
    public async Task Describe_of_a_statement_tells_parameters_then_columns()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(
            new Frames().Parse("s", "params $ $", 20, 705).Describe('S', "s").Parse("u", "begin").Describe('S', "u").Sync());
        Assert.Equal("1tT1tnZ", WireClient.Types(answer));
        Assert.Equal(new Frames().Int16(2).Int32(20).Int32(25).ToArray(), answer[1].Body);
        Assert.Equal(new Frames().Int16(0).ToArray(), answer[4].Body);
    }

    [Fact]
    public async Task Formats_of_bind_show_in_description_and_rows()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(
            new Frames().Parse("", "rows 1").Bind("", "", [], 1, 0).Describe('P', "").Execute("").Sync());
        Assert.Equal(1, answer[2].Body[2 + 2 + 4 + 2 + 4 + 2 + 4 + 1]);
        Assert.Equal(new Frames().Int16(2).Int32(8).Int32(0).Int32(1).Int32(5).Raw("row 1"u8).ToArray(), answer[3].Body);
    }

    [Fact]
    public async Task Binary_parameters_of_the_common_types_are_read()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        byte[] bind = new Frames().CString("").CString("").Int16(2).Int16(1).Int16(0).Int16(2)
            .Int32(8).Int32(0).Int32(77).Int32(2).Raw("42"u8).Int16(0).ToArray();
        List<ServerMessage> answer = await client.AskAsync(
            new Frames().Parse("", "params $ $", 20, 20).Message('B', bind).Execute("").Sync());
        Assert.Equal("12DCZ", WireClient.Types(answer));
        Assert.Equal(["77", "42"], answer[2].Values);
    }

    [Fact]
    public async Task Row_limits_suspend_the_portal_and_count_each_execute_alone()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames().Parse("", "rows 5").Bind("p", "", []).Execute("p", 2).Execute("p", 2).Execute("p", 2).Sync());
        List<ServerMessage> answer = await client.UntilReadyAsync();
        Assert.Equal("12DDsDDsDCZ", WireClient.Types(answer));
        Assert.Equal("SELECT 1", answer[^2].Text);
    }

    [Fact]
    public async Task A_limit_does_not_hold_back_a_statement_without_rows()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        Assert.Equal("12SCZ", WireClient.Types(await client.AskAsync(
            new Frames().Parse("", "set extra_float_digits 3").Bind("", "", []).Execute("", 1).Sync())));
    }

    [Fact]
    public async Task The_empty_statement_answers()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        Assert.Equal("12nIZ", WireClient.Types(await client.AskAsync(
            new Frames().Parse("", "").Bind("", "", []).Describe('P', "").Execute("", 1).Sync())));
    }

    [Fact]
    public async Task Flush_delivers_without_a_sync()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames().Parse("", "rows 3").Bind("c", "", []).Describe('P', "c").Flush());
        await client.ExpectAsync("12T");
        await client.SendAsync(new Frames().Execute("c", 2).Flush());
        await client.ExpectAsync("DDs");
        await client.SendAsync(new Frames().Close('P', "c").Sync());
        await client.ExpectAsync("3Z");
    }

    [Fact]
    public async Task An_error_skips_to_sync_and_later_groups_are_whole()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames()
            .Parse("", "rows 1").Bind("", "", []).Execute("").Sync()
            .Parse("", "fail 22012").Bind("", "", []).Execute("").Parse("", "rows 1").Bind("", "", []).Execute("").Query("rows 1").CopyData("x").Sync()
            .Parse("", "rows 1").Bind("", "", []).Execute("").Sync()
            .Parse("", "fail 40001").Bind("", "", []).Execute("").Sync()
            .Sync());
        await client.ExpectAsync("12DCZ" + "12EZ" + "12DCZ" + "12EZ" + "Z");
        Assert.Equal(2, _engine.Sessions[0].Fails);
    }

    [Fact]
    public async Task Unknown_statements_and_portals_have_their_states()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        Assert.Equal("26000", (await client.AskAsync(new Frames().Bind("", "nope", []).Sync()))[0].SqlState);
        Assert.Equal("26000", (await client.AskAsync(new Frames().Describe('S', "nope").Sync()))[0].SqlState);
        Assert.Equal("34000", (await client.AskAsync(new Frames().Describe('P', "nope").Sync()))[0].SqlState);
        Assert.Equal("34000", (await client.AskAsync(new Frames().Execute("nope").Sync()))[0].SqlState);
        Assert.Equal("3Z", WireClient.Types(await client.AskAsync(new Frames().Close('S', "nope").Sync())));
        Assert.Equal("42P05", (await client.AskAsync(new Frames().Parse("a", "rows 1").Parse("a", "rows 1").Sync()))[1].SqlState);
    }

    public static TheoryData<string, byte[]> BadBinds => new()
    {
        { "08P01", new Frames().CString("").CString("s").Int16(0).Int16(0).Int16(0).ToArray() },
        { "08P01", new Frames().CString("").CString("s").Int16(0).Int16(2).Int32(-1).Int32(-1).Int16(0).ToArray() },
        { "08P01", new Frames().CString("").CString("s").Int16(2).Int16(0).Int16(0).Int16(1).Int32(-1).Int16(0).ToArray() },
        { "08P01", new Frames().CString("").CString("s").Int16(0).Int16(1).Int32(-2).Int16(0).ToArray() },
        { "08P01", new Frames().CString("").CString("s").Int16(0).Int16(1).Int32(100).Raw(1).Int16(0).ToArray() },
        { "08P01", new Frames().CString("").CString("s").Int16(0).Int16(1).Int32(int.MaxValue).ToArray() },
        { "08P01", new Frames().CString("").CString("s").Int16(0).Int16(1).Int32(-1).Int16(0).Raw(0).ToArray() },
        { "08P01", new Frames().CString("").CString("s").Int16(0).Int16(1).Int32(-1).Int16(2).Int16(0).Int16(0).ToArray() },
        { "22023", new Frames().CString("").CString("s").Int16(1).Int16(2).Int16(1).Int32(-1).Int16(0).ToArray() },
        { "22023", new Frames().CString("").CString("s").Int16(0).Int16(1).Int32(-1).Int16(1).Int16(7).ToArray() },
        { "22021", new Frames().CString("").CString("s").Int16(0).Int16(1).Int32(2).Raw(0xFF, 0x41).Int16(0).ToArray() },
        { "22021", new Frames().CString("").CString("s").Int16(0).Int16(1).Int32(2).Raw(0x41, 0).Int16(0).ToArray() },
        { "08P01", new byte[] { 0 } },
        { "08P01", Array.Empty<byte>() },
    };

    [Theory]
    [MemberData(nameof(BadBinds))]
    public async Task A_malformed_bind_is_an_error_and_not_the_end(string state, byte[] body)
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.AskAsync(new Frames().Query("begin").Raw(new Frames().Parse("s", "params $").ToArray()));
        List<ServerMessage> answer = await client.AskAsync(new Frames().Message('B', body).Sync());
        Assert.Equal(state, answer.Single(message => message.Type == 'E').SqlState);
        Assert.Equal("E", answer[^1].Text);
        Assert.Equal("CZ", WireClient.Types(await client.AskAsync(new Frames().Query("commit"))));
    }

    [Fact]
    public async Task More_than_32767_parameters_are_counted_unsigned()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        string[] values = Enumerable.Range(0, 40_000).Select(i => i.ToString()).ToArray();
        List<ServerMessage> answer = await client.AskAsync(
            new Frames().Parse("", "begin " + new string('$', values.Length)).Bind("", "", values).Execute("").Sync());
        Assert.Equal("12CZ", WireClient.Types(answer));
    }

    [Fact]
    public async Task Left_over_copy_messages_are_ignored()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        Assert.Equal("Z", WireClient.Types(await client.AskAsync(new Frames().CopyData("x").Message('c').Message('f', 0).Sync())));
    }

    [Fact]
    public async Task Commands_in_a_failed_block_are_refused_until_it_ends()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.AskAsync(new Frames().Query("begin; fail 22012"));
        Assert.Equal("25P02", (await client.AskAsync(new Frames().Parse("", "rows 1").Sync()))[0].SqlState);
        Assert.Equal(TransactionStatus.Failed, _engine.Sessions[0].Status);
    }
}
