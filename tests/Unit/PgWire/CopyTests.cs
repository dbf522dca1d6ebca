using System.Text;
using Picodata.PgWire;
using Xunit;

namespace Picodata.Unit.PgWire;

public sealed class CopyTests
{
    private readonly FakeEngine _engine = new();

    [Fact]
    public async Task Data_goes_in_whatever_its_cuts()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames().Query("copyin"));
        List<ServerMessage> begin = await client.ExpectAsync("G");
        Assert.Equal(new Frames().Raw(0).Int16(2).Int16(0).Int16(0).ToArray(), begin[0].Body);
        await client.SendAsync(new Frames().CopyData("1\ta").CopyData("").CopyData("\n2\tb\n").Flush().Sync().Message('c'));
        List<ServerMessage> end = await client.ExpectAsync("CZ");
        Assert.Equal("COPY 2", end[0].Text);
        Assert.Equal("1\ta\n2\tb\n", _engine.Sessions[0].Copied.ToString());
    }

    [Fact]
    public async Task One_message_may_be_megabytes_and_the_pipe_small()
    {
        PgConnectionService service = WireClient.Service(_engine, new PgWireOptions { TrustedUser = "admin", LostClientGrace = TimeSpan.Zero });
        await using WireClient client = WireClient.Connect(service, pauseThreshold: 4096);
        await client.SendAsync(new Frames().Startup("admin").Query("copyin"));
        string line = new string('x', 999) + "\n";
        string data = string.Concat(Enumerable.Repeat(line, 4000));
        Task sending = client.SendAsync(new Frames().CopyData(data).Message('c'));
        await client.UntilReadyAsync();
        List<ServerMessage> answer = await client.ExpectAsync("GCZ");
        await sending;
        Assert.Equal("COPY 4000", answer[1].Text);
        Assert.Equal(data.Length, _engine.Sessions[0].Copied.Length);
    }

    [Fact]
    public async Task The_clients_failure_is_reported_with_its_reason()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(
            new Frames().Query("copyin").CopyData("a\n").Message('f', [.. Encoding.UTF8.GetBytes("no more"), 0]));
        Assert.Equal("GEZ", WireClient.Types(answer));
        Assert.Equal("57014", answer[1].SqlState);
        Assert.Contains("no more", answer[1].Fields['M']);
    }

    [Fact]
    public async Task After_an_error_in_a_query_the_rest_of_the_data_is_ignored()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames().Query("copyfail").CopyData("a\n").CopyData(new string('b', 100_000)).Message('c').Query("rows 1"));
        await client.ExpectAsync("GEZTDCZ");
    }

    [Fact]
    public async Task After_an_error_in_an_execute_the_data_is_skipped_to_sync()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames().Parse("", "copyfail").Bind("", "", []).Execute("").CopyData("a\n").CopyData("b\n").Message('c').Sync().Query("rows 1"));
        await client.ExpectAsync("12GEZTDCZ");
    }

    [Fact]
    public async Task An_error_in_the_middle_of_a_message_skips_its_rest()
    {
        PgConnectionService service = WireClient.Service(_engine, new PgWireOptions { TrustedUser = "admin", LostClientGrace = TimeSpan.Zero });
        await using WireClient client = WireClient.Connect(service, pauseThreshold: 4096);
        await client.SendAsync(new Frames().Startup("admin").Query("copyfail"));
        Task sending = client.SendAsync(new Frames().CopyData(new string('b', 1_000_000)).Message('c').Query("rows 1"));
        await client.UntilReadyAsync();
        await client.ExpectAsync("GEZTDCZ");
        await sending;
    }

    [Fact]
    public async Task Another_message_inside_of_the_data_ends_the_connection()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames().Query("copyin").CopyData("a\n").Query("rows 1"));
        List<ServerMessage> answer = await client.UntilClosedAsync();
        Assert.Equal("GE", WireClient.Types(answer));
        Assert.Equal("FATAL", answer[1].Fields['S']);
        Assert.Equal("08P01", answer[1].SqlState);
    }

    [Fact]
    public async Task A_client_lost_in_the_data_ends_the_session()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        await client.SendAsync(new Frames().Query("copyin").CopyData("a\n"));
        await client.ExpectAsync("G");
        await client.CloseAsync();
        await client.Served.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.True(_engine.Sessions[0].IsDisposed);
    }

    [Fact]
    public async Task Data_goes_out_a_message_per_row()
    {
        await using WireClient client = await WireClient.LoggedInAsync(_engine);
        List<ServerMessage> answer = await client.AskAsync(new Frames().Query("copyout 3; rows 1"));
        Assert.Equal("HdddcCTDCZ", WireClient.Types(answer));
        Assert.Equal("line 1\n", answer[2].Text);
        Assert.Equal("COPY 3", answer[5].Text);
    }
}
