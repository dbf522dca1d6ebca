using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Picodata.Core;
using Picodata.Server;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Server.Peers;

/// <summary>The iproto port between two instances on loopback: who is let in, calls side by side, streams, refusals.</summary>
public sealed class PeerDoorTests : IAsyncLifetime
{
    private static readonly Guid Cluster = Guid.Parse("11111111-2222-4333-8444-555555555555");

    private readonly PeerServices services = new();
    private readonly CancellationTokenSource stopping = new();
    private WebApplication? port;
    private string address = "";

    public async ValueTask InitializeAsync()
    {
        var door = new PeerDoor(services, "Cookie1", () => Identity("shop", Cluster), NullLogger.Instance, stopping.Token);
        port = await ClusterDoor.OpenAsync(new IPEndPoint(IPAddress.Loopback, 0), door, NullLoggerFactory.Instance, CancellationToken.None);
        address = new Uri(port.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Authority;
        services.Add(".proc_echo", static (arguments, _) => new(arguments));
        services.Add(".proc_refuse", static (_, _) => throw new PeerException(PeerFailure.Refused, "no such luck", 10016));
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await port!.DisposeAsync();
        stopping.Dispose();
    }

    [Fact]
    public async Task Calls_are_answered_side_by_side_each_with_its_own_answer()
    {
        var held = new TaskCompletionSource();
        services.Add(".proc_wait", async (arguments, cancel) =>
        {
            await held.Task.WaitAsync(cancel);
            return arguments;
        });
        await using PeerNetwork network = Network("Cookie1", "shop", Cluster);
        Task<ReadOnlyMemory<byte>> slow = network.CallAsync(address, ".proc_wait", Arguments("slow"), default).AsTask();
        foreach (string word in new[] { "a", "b", "c" })
        {
            Assert.Equal(word, Word(await network.CallAsync(address, ".proc_echo", Arguments(word), default)));
        }

        Assert.False(slow.IsCompleted);
        held.SetResult();
        Assert.Equal("slow", Word(await slow));
    }

    [Fact]
    public async Task A_refusal_arrives_with_code_and_text()
    {
        await using PeerNetwork network = Network("Cookie1", "shop", Cluster);
        PeerException refused = await Assert.ThrowsAsync<PeerException>(() => network.CallAsync(address, ".proc_refuse", Arguments("x"), default).AsTask());
        Assert.Equal((PeerFailure.Refused, "no such luck", 10016), (refused.Failure, refused.Message, refused.Code));
        refused = await Assert.ThrowsAsync<PeerException>(() => network.CallAsync(address, ".proc_unknown", Arguments("x"), default).AsTask());
        Assert.Equal(10024, refused.Code);
    }

    [Theory]
    [InlineData("Cookie2", "shop", "11111111-2222-4333-8444-555555555555", "credentials")]
    [InlineData("", "shop", "11111111-2222-4333-8444-555555555555", "credentials")]
    [InlineData("Cookie1", "other", "11111111-2222-4333-8444-555555555555", "cluster_name mismatch: cluster_name of the instance = \"other\", cluster_name of the cluster = \"shop\"")]
    [InlineData("Cookie1", "shop", "99999999-2222-4333-8444-555555555555", "cluster UUID mismatch")]
    public async Task Strangers_stay_outside(string password, string cluster, string uuid, string reason)
    {
        await using PeerNetwork network = Network(password, cluster, Guid.Parse(uuid));
        PeerException refused = await Assert.ThrowsAsync<PeerException>(() => network.CallAsync(address, ".proc_echo", Arguments("x"), default).AsTask());
        Assert.Equal(PeerFailure.Refused, refused.Failure);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_served_before_the_proof()
    {
        (string host, string number) = (address.Split(':')[0], address.Split(':')[1]);
        using var client = new TcpClient();
        await client.ConnectAsync(host, int.Parse(number));
        NetworkStream stream = client.GetStream();
        byte[] greeting = new byte[Iproto.GreetingSize];
        await stream.ReadExactlyAsync(greeting);
        Assert.StartsWith("Tarantool ", Encoding.ASCII.GetString(greeting), StringComparison.Ordinal);
        foreach (string procedure in new[] { ".proc_echo", ".proc_open", ".proc_hello" })
        {
            await stream.WriteAsync(Iproto.Frame(Iproto.Call, 7, body =>
            {
                body.WriteMapHead(2);
                body.WriteUInt64(Iproto.Function);
                body.WriteString(procedure);
                body.WriteUInt64(Iproto.Tuple);
                body.WriteRaw(Arguments("x"));
            }));
            byte[]? answer = await Iproto.ReadFrameAsync(stream, CancellationToken.None);
            Assert.Equal(Iproto.ErrorBit | 47u, IprotoMessage.Parse(answer).Type);
        }
    }

    [Fact]
    public async Task What_is_no_frame_ends_the_connection()
    {
        (string host, string number) = (address.Split(':')[0], address.Split(':')[1]);
        using var client = new TcpClient();
        await client.ConnectAsync(host, int.Parse(number));
        NetworkStream stream = client.GetStream();
        await stream.ReadExactlyAsync(new byte[Iproto.GreetingSize]);
        await stream.WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        Assert.Equal(0, await stream.ReadAsync(new byte[1], limit.Token));
    }

    [Fact]
    public async Task A_stream_carries_bytes_both_ways_and_its_end_is_seen()
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        services.AddService("upper", async (opening, stream, cancel) =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(Word(opening)), cancel);
            byte[] piece = new byte[100];
            while (await stream.ReadAsync(piece, cancel) is > 0 and int count)
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(piece, 0, count).ToUpperInvariant()), cancel);
            }

            ended.SetResult();
        });
        await using PeerNetwork network = Network("Cookie1", "shop", Cluster);
        await using (Stream stream = await network.OpenAsync(address, "upper", Arguments("hi"), default))
        {
            byte[] answer = new byte[2];
            await stream.ReadExactlyAsync(answer);
            Assert.Equal("hi", Encoding.ASCII.GetString(answer));
            await stream.WriteAsync("ab"u8.ToArray());
            await stream.ReadExactlyAsync(answer);
            Assert.Equal("AB", Encoding.ASCII.GetString(answer));
        }

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_stream_that_is_refused_says_why()
    {
        services.AddService("closed", static (_, _, _) => throw new PeerException(PeerFailure.Refused, "not today", 10001));
        await using PeerNetwork network = Network("Cookie1", "shop", Cluster);
        PeerException refused = await Assert.ThrowsAsync<PeerException>(() => network.OpenAsync(address, "closed", Arguments("x"), default).AsTask());
        Assert.Equal(("not today", 10001), (refused.Message, refused.Code));
    }

    [Fact]
    public async Task Nobody_there_is_unreachable()
    {
        await using PeerNetwork network = Network("Cookie1", "shop", Cluster);
        await port!.StopAsync();
        PeerException refused = await Assert.ThrowsAsync<PeerException>(() => network.CallAsync(address, ".proc_echo", Arguments("x"), default).AsTask());
        Assert.Equal(PeerFailure.Unreachable, refused.Failure);
    }

    [Theory]
    [InlineData("Secret1\n", "Secret1")]
    [InlineData("Secret1", "Secret1")]
    public void A_cookie_is_one_line(string text, string password) => Assert.Equal(password, ServiceCookie.Check(text));

    [Theory]
    [InlineData("", "cannot be empty")]
    [InlineData("\n", "cannot start with a newline")]
    [InlineData("a\nb", "cannot be split into multiple lines")]
    [InlineData("pass word", "must be alphanumeric")]
    [InlineData("п", "must be within ascii range")]
    public void Other_cookies_are_refused(string text, string reason) => Assert.Contains(reason, Assert.Throws<ConfigException>(() => ServiceCookie.Check(text)).Message, StringComparison.Ordinal);

    private static PeerIdentity Identity(string name, Guid cluster) => new(name, cluster, Guid.NewGuid(), "i1");

    private static PeerNetwork Network(string password, string name, Guid cluster) => new(password, () => Identity(name, cluster));

    private static byte[] Arguments(string word)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(1);
        writer.WriteString(word);
        return writer.ToArray();
    }

    private static string Word(ReadOnlyMemory<byte> arguments)
    {
        var reader = new MsgPackReader(arguments.Span);
        reader.ReadArrayHead();
        return reader.ReadString();
    }
}
