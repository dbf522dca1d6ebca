using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Picodata.PgWire;
using Xunit;

namespace Picodata.Unit.PgWire;

public sealed class AuthenticationTests
{
    private readonly FakeEngine _engine = new();

    private WireClient Connect() => WireClient.Connect(WireClient.Service(_engine));

    [Theory]
    [InlineData("secret", "n,,", true)]
    [InlineData("secret", "y,,", true)]
    [InlineData("wrong", "n,,", false)]
    public async Task Scram_lets_the_right_password_in(string password, string header, bool succeeds)
    {
        await using WireClient client = Connect();
        await client.SendAsync(new Frames().Startup("scram"));
        ServerMessage request = (await client.ExpectAsync("R"))[0];
        Assert.Equal(new Frames().Int32(10).CString("SCRAM-SHA-256").Raw(0).ToArray(), request.Body);
        var scram = new ScramClient(password, header);
        await client.SendAsync(scram.First());
        ServerMessage challenge = (await client.ExpectAsync("R"))[0];
        await client.SendAsync(scram.Final(challenge));
        if (!succeeds)
        {
            await RefusedAsync(client, "28P01", "password authentication failed for user \"scram\"");
            Assert.Equal([("scram", false)], _engine.Attempts);
            return;
        }

        ServerMessage final = (await client.ExpectAsync("R"))[0];
        Assert.Equal(scram.ServerFinal, Encoding.UTF8.GetString(final.Body.AsSpan(4)));
        await client.UntilReadyAsync();
        Assert.Equal([("scram", true)], _engine.Attempts);
    }

    [Fact]
    public async Task An_unknown_user_goes_through_the_whole_exchange()
    {
        await using WireClient client = Connect();
        await client.SendAsync(new Frames().Startup("nobody"));
        await client.ExpectAsync("R");
        var scram = new ScramClient("secret", "n,,");
        await client.SendAsync(scram.First());
        await client.SendAsync(scram.Final((await client.ExpectAsync("R"))[0]));
        await RefusedAsync(client, "28P01", "password authentication failed for user \"nobody\"");
        Assert.Empty(_engine.Sessions);
    }

    [Theory]
    [InlineData("secret", true)]
    [InlineData("wrong", false)]
    public async Task Md5_checks_the_salted_hash(string password, bool succeeds)
    {
        await using WireClient client = Connect();
        await client.SendAsync(new Frames().Startup("md5"));
        ServerMessage request = (await client.ExpectAsync("R"))[0];
        Assert.Equal(5, request.Body[3]);
        string inner = Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(password + "md5")));
        string answer = "md5" + Convert.ToHexStringLower(MD5.HashData([.. Encoding.UTF8.GetBytes(inner), .. request.Body.AsSpan(4)]));
        await client.SendAsync(new Frames().Message('p', new Frames().CString(answer).ToArray()));
        if (succeeds)
        {
            await client.UntilReadyAsync();
        }
        else
        {
            await RefusedAsync(client, "28P01", "password authentication failed for user \"md5\"");
        }
    }

    [Fact]
    public async Task A_denied_user_hears_why()
    {
        await using WireClient client = Connect();
        await client.SendAsync(new Frames().Startup("locked"));
        await RefusedAsync(client, "28000", "role \"locked\" is not permitted to log in");
    }

    [Theory]
    [InlineData("SCRAM-SHA-1", "n,,n=,r=abc")]
    [InlineData("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=abc")]
    [InlineData("SCRAM-SHA-256", "p=tls-server-end-point,,n=,r=abc")]
    [InlineData("SCRAM-SHA-256", "n,a=other,n=,r=abc")]
    [InlineData("SCRAM-SHA-256", "n,,m=ext,n=,r=abc")]
    [InlineData("SCRAM-SHA-256", "n,,n=,r=")]
    [InlineData("SCRAM-SHA-256", "")]
    [InlineData("", "")]
    public async Task Malformed_first_messages_are_fatal(string mechanism, string first)
    {
        await using WireClient client = Connect();
        await client.SendAsync(new Frames().Startup("scram"));
        await client.ExpectAsync("R");
        await client.SendAsync(ScramClient.Initial(mechanism, first));
        List<ServerMessage> answer = await client.UntilClosedAsync();
        Assert.Equal("FATAL", Assert.Single(answer).Fields['S']);
    }

    [Theory]
    [InlineData("c=biws,r={nonce},p=AAAA")]
    [InlineData("c=eSws,r={nonce},p={proof}")]
    [InlineData("c=biws,r={nonce}x,p={proof}")]
    [InlineData("c=biws,r={nonce}")]
    [InlineData("c=*,r={nonce},p={proof}")]
    [InlineData("")]
    public async Task Malformed_final_messages_are_fatal(string final)
    {
        await using WireClient client = Connect();
        await client.SendAsync(new Frames().Startup("scram"));
        await client.ExpectAsync("R");
        await client.SendAsync(ScramClient.Initial("SCRAM-SHA-256", "n,,n=,r=abc"));
        string challenge = Encoding.UTF8.GetString((await client.ExpectAsync("R"))[0].Body.AsSpan(4));
        string nonce = challenge.Split(',')[0][2..];
        string text = final.Replace("{nonce}", nonce).Replace("{proof}", Convert.ToBase64String(new byte[32]));
        await client.SendAsync(new Frames().Message('p', Encoding.UTF8.GetBytes(text)));
        List<ServerMessage> answer = await client.UntilClosedAsync();
        Assert.Equal("FATAL", Assert.Single(answer).Fields['S']);
        Assert.Equal("08P01", answer[0].SqlState);
    }

    [Fact]
    public async Task Anything_but_a_password_is_fatal()
    {
        await using WireClient client = Connect();
        await client.SendAsync(new Frames().Startup("scram"));
        await client.ExpectAsync("R");
        await client.SendAsync(new Frames().Query("rows 1"));
        Assert.Equal("08P01", Assert.Single(await client.UntilClosedAsync()).SqlState);
    }

    [Fact]
    public async Task Tls_carries_a_session_and_offers_channel_binding()
    {
        using X509Certificate2 certificate = SelfSigned();
        await using WireClient client = WireClient.Connect(WireClient.Service(_engine, new PgWireOptions { Certificate = certificate, RequireTls = true, LostClientGrace = TimeSpan.Zero }));
        await client.SendAsync(new Frames().First(80877103));
        Assert.Equal('S', await client.ReadByteAsync());
        await using SslStream stream = await HandshakeAsync(client);
        await stream.WriteAsync(new Frames().Startup("scram").ToArray());
        ServerMessage request = await ReadAsync(stream);
        Assert.Equal(new Frames().Int32(10).CString("SCRAM-SHA-256-PLUS").CString("SCRAM-SHA-256").Raw(0).ToArray(), request.Body);
        var scram = new ScramClient("secret", "p=tls-server-end-point,,", SHA256.HashData(certificate.RawData));
        await stream.WriteAsync(scram.First().ToArray());
        await stream.WriteAsync(scram.Final(await ReadAsync(stream)).ToArray());
        Assert.Equal(scram.ServerFinal, Encoding.UTF8.GetString((await ReadAsync(stream)).Body.AsSpan(4)));
        await UntilReadyAsync(stream);
        await stream.WriteAsync(new Frames().Query("rows 2").ToArray());
        Assert.Equal("TDDCZ", WireClient.Types(await UntilReadyAsync(stream)));
    }

    [Theory]
    [InlineData("y,,", "28000")]
    [InlineData("p=tls-unique,,", "08P01")]
    public async Task A_downgraded_binding_is_refused(string header, string state)
    {
        using X509Certificate2 certificate = SelfSigned();
        await using WireClient client = WireClient.Connect(WireClient.Service(_engine, new PgWireOptions { Certificate = certificate, LostClientGrace = TimeSpan.Zero }));
        await client.SendAsync(new Frames().First(80877103));
        Assert.Equal('S', await client.ReadByteAsync());
        await using SslStream stream = await HandshakeAsync(client);
        await stream.WriteAsync(new Frames().Startup("scram").ToArray());
        await ReadAsync(stream);
        string mechanism = header[0] == 'p' ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256";
        await stream.WriteAsync(ScramClient.Initial(mechanism, header + "n=,r=abc").ToArray());
        Assert.Equal(state, (await ReadAsync(stream)).SqlState);
    }

    [Fact]
    public async Task The_wrong_binding_data_is_refused()
    {
        using X509Certificate2 certificate = SelfSigned();
        await using WireClient client = WireClient.Connect(WireClient.Service(_engine, new PgWireOptions { Certificate = certificate, LostClientGrace = TimeSpan.Zero }));
        await client.SendAsync(new Frames().First(80877103));
        await client.ReadByteAsync();
        await using SslStream stream = await HandshakeAsync(client);
        await stream.WriteAsync(new Frames().Startup("scram").ToArray());
        await ReadAsync(stream);
        var scram = new ScramClient("secret", "p=tls-server-end-point,,", new byte[32]);
        await stream.WriteAsync(scram.First().ToArray());
        await stream.WriteAsync(scram.Final(await ReadAsync(stream)).ToArray());
        Assert.Equal("08P01", (await ReadAsync(stream)).SqlState);
    }

    [Fact]
    public async Task Direct_tls_works_with_alpn_only()
    {
        using X509Certificate2 certificate = SelfSigned();
        PgConnectionService service = WireClient.Service(_engine, new PgWireOptions { Certificate = certificate, TrustedUser = "admin", LostClientGrace = TimeSpan.Zero });
        await using (WireClient client = WireClient.Connect(service))
        {
            await using SslStream stream = await HandshakeAsync(client, "postgresql");
            await stream.WriteAsync(new Frames().Startup("u").ToArray());
            await UntilReadyAsync(stream);
        }

        await using WireClient without = WireClient.Connect(service);
        await using SslStream plain = await HandshakeAsync(without);
        Assert.Equal(0, await plain.ReadAsync(new byte[10]));
    }

    [Fact]
    public async Task Clear_bytes_behind_the_request_close_the_connection()
    {
        using X509Certificate2 certificate = SelfSigned();
        await using WireClient client = WireClient.Connect(WireClient.Service(_engine, new PgWireOptions { Certificate = certificate, TrustedUser = "admin", LostClientGrace = TimeSpan.Zero }));
        await client.SendAsync(new Frames().First(80877103).Startup("u"));
        Assert.Empty(await client.UntilClosedAsync());
        Assert.Empty(_engine.Sessions);
    }

    [Fact]
    public async Task Without_tls_nobody_gets_in_where_it_is_required()
    {
        using X509Certificate2 certificate = SelfSigned();
        await using WireClient client = WireClient.Connect(WireClient.Service(_engine, new PgWireOptions { Certificate = certificate, RequireTls = true, LostClientGrace = TimeSpan.Zero }));
        await client.SendAsync(new Frames().Startup("scram"));
        Assert.Equal("28000", Assert.Single(await client.UntilClosedAsync()).SqlState);
    }

    [Fact]
    public async Task A_failed_handshake_just_closes()
    {
        using X509Certificate2 certificate = SelfSigned();
        await using WireClient client = WireClient.Connect(WireClient.Service(_engine, new PgWireOptions { Certificate = certificate, LostClientGrace = TimeSpan.Zero }));
        await client.SendAsync(new Frames().First(80877103));
        await client.ReadByteAsync();
        await client.SendAsync("this is no handshake, and it is long enough to be seen as such"u8.ToArray());
        await client.Served.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Empty(_engine.Sessions);
    }

    private static async Task RefusedAsync(WireClient client, string state, string message)
    {
        ServerMessage error = Assert.Single(await client.UntilClosedAsync());
        Assert.Equal(('E', "FATAL", state, message), (error.Type, error.Fields['S'], error.SqlState, error.Fields['M']));
    }

    private static X509Certificate2 SelfSigned()
    {
        using RSA key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    private static async Task<SslStream> HandshakeAsync(WireClient client, string? alpn = null)
    {
        var stream = new SslStream(new DuplexPipeStream(client.Pipes), leaveInnerStreamOpen: true);
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
            ApplicationProtocols = alpn is null ? null : [new SslApplicationProtocol(alpn)],
        });
        return stream;
    }

    private static async Task<ServerMessage> ReadAsync(SslStream stream)
    {
        var head = new byte[5];
        await stream.ReadExactlyAsync(head);
        var body = new byte[System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1)) - 4];
        await stream.ReadExactlyAsync(body);
        return new ServerMessage((char)head[0], body);
    }

    private static async Task<List<ServerMessage>> UntilReadyAsync(SslStream stream)
    {
        var messages = new List<ServerMessage>();
        do
        {
            messages.Add(await ReadAsync(stream));
        }
        while (messages[^1].Type != 'Z');

        return messages;
    }
}
