using Picodata.PgWire;
using Xunit;

namespace Picodata.Unit.PgWire;

/// <summary>
/// Streams of random and mutated messages: the server must answer or close, never crash, hang or show an internal error of the
/// protocol's own. The seed is printed with a failure.
/// </summary>
public sealed class ProtocolFuzzTests
{
    private static readonly string[] Statements =
        ["rows 3", "fail 22012", "begin", "commit", "copyin", "copyfail", "copyout 2", "notice", "params $ $", "", "set a b", "nonsense"];

    [Fact]
    public Task Messages_after_login() => RunAsync(20_000, seed: 20261122);

    [Fact]
    [Trait("speed", "long")]
    public Task Messages_after_login_for_long() => RunAsync(1_000_000, seed: 7);

    [Fact]
    public async Task First_messages()
    {
        var random = new Random(99);
        for (int i = 0; i < 2000; i++)
        {
            PgConnectionService service = WireClient.Service(new FakeEngine());
            await using WireClient client = WireClient.Connect(service);
            byte[] bytes = new Frames().Startup("scram", ("database", "d"), ("options", "-c a=b")).ToArray();
            if (random.Next(4) == 0)
            {
                bytes = new Frames().First(80877102 + random.Next(3), new byte[random.Next(20)]).Raw(bytes).ToArray();
            }

            Mutate(ref bytes, random);
            await client.SendAsync(bytes);
            await client.CloseAsync();
            await client.Served.WaitAsync(TimeSpan.FromSeconds(20));
        }
    }

    private static async Task RunAsync(int messages, int seed)
    {
        var random = new Random(seed);
        var options = new PgWireOptions { TrustedUser = "admin", LostClientGrace = TimeSpan.FromMinutes(1), MaxMessageBytes = 100_000 };
        int sent = 0;
        while (sent < messages)
        {
            var engine = new FakeEngine();
            WireClient client = WireClient.Connect(WireClient.Service(engine, options), pauseThreshold: 1 << 24);
            await client.SendAsync(new Frames().Startup("u"));
            var frames = new Frames();
            int count = random.Next(1, 200);
            for (int i = 0; i < count; i++)
            {
                frames.Raw(Message(random));
            }

            byte[] bytes = frames.ToArray();
            if (random.Next(3) == 0)
            {
                Mutate(ref bytes, random);
            }

            sent += count;
            try
            {
                await SendInPiecesAsync(client, bytes, random);
                await client.CloseAsync();
                List<ServerMessage> answer = await client.UntilClosedAsync();
                await client.Served.WaitAsync(TimeSpan.FromSeconds(20));
                Assert.DoesNotContain(answer, message => message.Type == 'E' && message.SqlState == "XX000");
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"seed {seed}, after {sent} messages: {Convert.ToHexString(bytes)}", failure);
            }

            Assert.True(engine.Sessions.TrueForAll(session => session.IsDisposed));
        }
    }

    private static async Task SendInPiecesAsync(WireClient client, byte[] bytes, Random random)
    {
        if (random.Next(4) != 0)
        {
            await client.SendAsync(bytes);
            return;
        }

        for (int at = 0; at < bytes.Length;)
        {
            int piece = Math.Min(random.Next(1, 400), bytes.Length - at);
            await client.SendAsync(bytes.AsMemory(at, piece));
            at += piece;
        }
    }

    private static byte[] Message(Random random)
    {
        string name = random.Next(3) == 0 ? "" : "n" + random.Next(3);
        string portal = random.Next(2) == 0 ? "" : "p" + random.Next(3);
        string sql = Statements[random.Next(Statements.Length)];
        Frames frames = random.Next(14) switch
        {
            0 or 1 => new Frames().Query(sql),
            2 or 3 => new Frames().Parse(name, sql, random.Next(2) == 0 ? [] : [25, 20]),
            4 or 5 => new Frames().Bind(portal, name, new string?[random.Next(3)], random.Next(3) == 0 ? [] : [(short)random.Next(3)]),
            6 => new Frames().Describe(random.Next(2) == 0 ? 'S' : 'P', name),
            7 or 8 => new Frames().Execute(portal, random.Next(4)),
            9 => new Frames().Close(random.Next(2) == 0 ? 'S' : 'P', name),
            10 => random.Next(3) == 0 ? new Frames().Flush() : new Frames().Sync(),
            11 => random.Next(2) == 0 ? new Frames().CopyData("x\ty\n") : new Frames().Message('c'),
            12 => random.Next(4) == 0 ? new Frames().Message('f', [.. "why"u8, 0]) : new Frames().Sync(),
            _ => Garbage(random),
        };
        return frames.ToArray();
    }

    private static Frames Garbage(Random random)
    {
        var body = new byte[random.Next(60)];
        random.NextBytes(body);
        return new Frames().Message("QPBDECSHdcfF"[random.Next(12)], body);
    }

    private static void Mutate(ref byte[] bytes, Random random)
    {
        int changes = random.Next(1, 5);
        for (int i = 0; i < changes && bytes.Length > 8; i++)
        {
            int at = random.Next(bytes.Length);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes = bytes[..at];
                    break;
                default:
                    bytes = [.. bytes[..at], .. bytes[random.Next(at, bytes.Length)..]];
                    break;
            }
        }
    }
}
