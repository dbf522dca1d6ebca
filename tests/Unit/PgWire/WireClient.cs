using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Picodata.PgWire;
using Xunit;

namespace Picodata.Unit.PgWire;

/// <summary>A message that the server sent; type 0 for the single bytes that answer requests for encryption.</summary>
internal sealed record ServerMessage(char Type, byte[] Body)
{
    /// <summary>The strings of an error, notice or parameter status: code and text.</summary>
    public Dictionary<char, string> Fields
    {
        get
        {
            var fields = new Dictionary<char, string>();
            for (int at = 0; at < Body.Length && Body[at] != 0;)
            {
                int end = Array.IndexOf(Body, (byte)0, at + 1);
                fields[(char)Body[at]] = Encoding.UTF8.GetString(Body, at + 1, end - at - 1);
                at = end + 1;
            }

            return fields;
        }
    }

    public string SqlState => Fields['C'];

    /// <summary>Body as text without end marks, for command tags.</summary>
    public string Text => Encoding.UTF8.GetString(Body).TrimEnd('\0');

    /// <summary>Values of a data row; null for NULL.</summary>
    public List<string?> Values
    {
        get
        {
            int count = BinaryPrimitives.ReadInt16BigEndian(Body);
            var values = new string?[count];
            int at = 2;
            for (int i = 0; i < count; i++)
            {
                int length = BinaryPrimitives.ReadInt32BigEndian(Body.AsSpan(at));
                at += 4;
                values[i] = length < 0 ? null : Encoding.UTF8.GetString(Body, at, length);
                at += Math.Max(length, 0);
            }

            return [.. values];
        }
    }
}

/// <summary>Builds what a client sends.</summary>
internal sealed class Frames
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    public Frames Raw(params ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public Frames Message(char type, params ReadOnlySpan<byte> body)
    {
        Raw((byte)type);
        return Int32(body.Length + 4).Raw(body);
    }

    public Frames Int32(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(_bytes.GetSpan(4), value);
        _bytes.Advance(4);
        return this;
    }

    public Frames Int16(int value)
    {
        BinaryPrimitives.WriteInt16BigEndian(_bytes.GetSpan(2), (short)value);
        _bytes.Advance(2);
        return this;
    }

    public Frames CString(string text) => Raw(Encoding.UTF8.GetBytes(text)).Raw(0);

    public Frames Query(string sql) => Message('Q', new Frames().CString(sql).ToArray());

    public Frames Parse(string name, string sql, params uint[] oids)
    {
        Frames body = new Frames().CString(name).CString(sql).Int16(oids.Length);
        foreach (uint oid in oids)
        {
            body.Int32((int)oid);
        }

        return Message('P', body.ToArray());
    }

    public Frames Bind(string portal, string statement, string?[] parameters, params short[] resultFormats)
    {
        Frames body = new Frames().CString(portal).CString(statement).Int16(0).Int16(parameters.Length);
        foreach (string? parameter in parameters)
        {
            byte[]? bytes = parameter is null ? null : Encoding.UTF8.GetBytes(parameter);
            body.Int32(bytes?.Length ?? -1).Raw(bytes ?? []);
        }

        body.Int16(resultFormats.Length);
        foreach (short format in resultFormats)
        {
            body.Int16(format);
        }

        return Message('B', body.ToArray());
    }

    public Frames Describe(char kind, string name) => Message('D', new Frames().Raw((byte)kind).CString(name).ToArray());

    public Frames Close(char kind, string name) => Message('C', new Frames().Raw((byte)kind).CString(name).ToArray());

    public Frames Execute(string portal, int maxRows = 0) => Message('E', new Frames().CString(portal).Int32(maxRows).ToArray());

    public Frames Sync() => Message('S');

    public Frames Flush() => Message('H');

    public Frames CopyData(string text) => Message('d', Encoding.UTF8.GetBytes(text));

    public Frames First(int code, params ReadOnlySpan<byte> body) => Int32(body.Length + 8).Int32(code).Raw(body);

    public Frames Startup(string user, params (string Name, string Value)[] more) => Startup(3 << 16, user, more);

    public Frames Startup(int version, string user, params (string Name, string Value)[] more)
    {
        Frames body = new();
        if (user.Length > 0)
        {
            body.CString("user").CString(user);
        }

        foreach ((string name, string value) in more)
        {
            body.CString(name).CString(value);
        }

        return First(version, body.Raw(0).ToArray());
    }
}

/// <summary>A server over in-memory pipes and the client's ends of them.</summary>
internal sealed class WireClient : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly DefaultConnectionContext _connection;
    private readonly CancellationTokenSource _closed = new();
    private readonly Pipe _toServer;
    private readonly Pipe _toClient;

    private WireClient(PgConnectionService service, long pauseThreshold)
    {
        var options = new PipeOptions(pauseWriterThreshold: pauseThreshold, resumeWriterThreshold: pauseThreshold / 2, useSynchronizationContext: false);
        _toServer = new Pipe(options);
        _toClient = new Pipe(options);
        _connection = new DefaultConnectionContext("test", new Duplex(_toServer.Reader, _toClient.Writer), new Duplex(_toClient.Reader, _toServer.Writer))
        {
            ConnectionClosed = _closed.Token,
            RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 1),
        };
        Served = service.RunAsync(_connection);
    }

    /// <summary>The server's task for this connection.</summary>
    public Task Served { get; }

    public IDuplexPipe Pipes => _connection.Application!;

    public static PgConnectionService Service(FakeEngine engine, PgWireOptions? options = null, TimeProvider? time = null) =>
        new(engine, options ?? new PgWireOptions { LostClientGrace = TimeSpan.Zero }, time ?? TimeProvider.System, NullLogger.Instance);

    public static WireClient Connect(PgConnectionService service, long pauseThreshold = 1 << 20) => new(service, pauseThreshold);

    /// <summary>A client that is logged in as the trusted user.</summary>
    public static async Task<WireClient> LoggedInAsync(FakeEngine engine, PgWireOptions? options = null, TimeProvider? time = null)
    {
        options = (options ?? new PgWireOptions { LostClientGrace = TimeSpan.Zero }) with { TrustedUser = "admin" };
        var client = new WireClient(Service(engine, options, time), 1 << 20);
        await client.SendAsync(new Frames().Startup("admin"));
        await client.UntilReadyAsync();
        return client;
    }

    public async Task SendAsync(Frames frames) => await SendAsync(frames.ToArray());

    public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await _toServer.Writer.WriteAsync(bytes).AsTask().WaitAsync(Patience);

    /// <summary>The next message, or null when the server closed the connection.</summary>
    public async Task<ServerMessage?> ReadAsync()
    {
        while (true)
        {
            ReadResult result = await _toClient.Reader.ReadAsync().AsTask().WaitAsync(Patience);
            ReadOnlySequence<byte> buffer = result.Buffer;
            if (buffer.Length >= 5)
            {
                byte[] head = buffer.Slice(0, 5).ToArray();
                int length = BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1));
                if (buffer.Length >= length + 1)
                {
                    byte[] body = buffer.Slice(5, length - 4).ToArray();
                    _toClient.Reader.AdvanceTo(buffer.GetPosition(length + 1));
                    return new ServerMessage((char)head[0], body);
                }
            }

            _toClient.Reader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
            {
                Assert.Equal(0, buffer.Length);
                return null;
            }
        }
    }

    /// <summary>One byte that is not a message.</summary>
    public async Task<char> ReadByteAsync()
    {
        ReadResult result = await _toClient.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        char value = (char)result.Buffer.FirstSpan[0];
        _toClient.Reader.AdvanceTo(result.Buffer.GetPosition(1));
        return value;
    }

    /// <summary>All messages up to ReadyForQuery.</summary>
    public async Task<List<ServerMessage>> UntilReadyAsync()
    {
        var messages = new List<ServerMessage>();
        while (true)
        {
            ServerMessage message = await ReadAsync() ?? throw new InvalidOperationException("the server closed the connection after " + Types(messages));
            messages.Add(message);
            if (message.Type == 'Z')
            {
                return messages;
            }
        }
    }

    /// <summary>All messages up to the end of the connection.</summary>
    public async Task<List<ServerMessage>> UntilClosedAsync()
    {
        var messages = new List<ServerMessage>();
        while (await ReadAsync() is ServerMessage message)
        {
            messages.Add(message);
        }

        return messages;
    }

    public async Task<List<ServerMessage>> AskAsync(Frames frames)
    {
        await SendAsync(frames);
        return await UntilReadyAsync();
    }

    /// <summary>Reads as many messages as there are letters and compares their types.</summary>
    public async Task<List<ServerMessage>> ExpectAsync(string types)
    {
        var messages = new List<ServerMessage>();
        while (messages.Count < types.Length && await ReadAsync() is ServerMessage message)
        {
            messages.Add(message);
        }

        Assert.Equal(types, Types(messages));
        return messages;
    }

    public static string Types(IEnumerable<ServerMessage> messages) => string.Concat(messages.Select(message => message.Type));

    /// <summary>The client's socket is closed.</summary>
    public async Task CloseAsync()
    {
        await _toServer.Writer.CompleteAsync();
        await _closed.CancelAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await _toClient.Reader.CompleteAsync();
        await Served.WaitAsync(Patience);
    }

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
