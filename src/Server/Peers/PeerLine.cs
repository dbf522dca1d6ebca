using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Server;

/// <summary>
/// The client's side of one iproto connection: proved, greeted, and then either used for calls side by side or turned into a stream.
/// Thread-safe for calls.
/// </summary>
internal sealed class PeerLine : IAsyncDisposable
{
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<Answer>> waiting = new();
    private readonly SemaphoreSlim writing = new(1, 1);
    private readonly CancellationTokenSource closing = new();
    private readonly Stream stream;
    private Task listening = Task.CompletedTask;
    private ulong lastSync;
    private volatile PeerException? broken;

    private PeerLine(Stream stream)
    {
        this.stream = stream;
    }

    /// <summary>False once the connection has ended: calls fail, a new line is needed.</summary>
    public bool IsUsable => broken is null;

    /// <summary>Connects, proves the password, compares the cluster. Throws <see cref="PeerException"/>.</summary>
    public static async Task<PeerLine> ConnectAsync(string address, string password, PeerIdentity identity, CancellationToken cancel)
    {
        PeerLine? line = null;
        try
        {
            line = new PeerLine(await DialAsync(address, cancel).ConfigureAwait(false));
            await line.IntroduceAsync(password, identity, cancel).ConfigureAwait(false);
            return line;
        }
        catch (Exception failed)
        {
            if (line is not null)
            {
                await line.DisposeAsync().ConfigureAwait(false);
            }

            throw failed is SocketException or IOException ? new PeerException(PeerFailure.Unreachable, $"{address} cannot be reached: {failed.Message}", cause: failed) : failed;
        }
    }

    /// <summary>From now on answers are matched with calls. Not for a line that becomes a stream.</summary>
    public void Listen() => listening = Task.Run(ListenAsync);

    public async ValueTask<ReadOnlyMemory<byte>> CallAsync(string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel)
    {
        var answer = new TaskCompletionSource<Answer>(TaskCreationOptions.RunContinuationsAsynchronously);
        ulong sync = Interlocked.Increment(ref lastSync);
        waiting[sync] = answer;
        try
        {
            if (broken is { } gone)
            {
                throw gone;
            }

            await SendAsync(Request(Iproto.Call, sync, procedure, arguments), cancel).ConfigureAwait(false);
            return ValueOf(await answer.Task.WaitAsync(cancel).ConfigureAwait(false));
        }
        catch (IOException lost)
        {
            throw new PeerException(PeerFailure.Unknown, lost.Message, cause: lost);
        }
        finally
        {
            waiting.TryRemove(sync, out _);
        }
    }

    /// <summary>Asks for a service; the line's stream is the service's afterwards, and this object is done.</summary>
    public async ValueTask<Stream> OpenAsync(string service, ReadOnlyMemory<byte> opening, CancellationToken cancel)
    {
        var arguments = new MsgPackWriter();
        arguments.WriteArrayHead(2);
        arguments.WriteString(service);
        arguments.WriteRaw(opening.Span);
        await AskAsync(Request(Iproto.Call, ++lastSync, ".proc_open", arguments.WrittenMemory), cancel).ConfigureAwait(false);
        return stream;
    }

    public async ValueTask DisposeAsync()
    {
        broken ??= new PeerException(PeerFailure.Unreachable, "the connection was closed");
        await closing.CancelAsync().ConfigureAwait(false);
        await stream.DisposeAsync().ConfigureAwait(false);
        await listening.ConfigureAwait(false);
        closing.Dispose();
    }

    private static async Task<Stream> DialAsync(string address, CancellationToken cancel)
    {
        int colon = address.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(address.AsSpan(colon + 1), out int port))
        {
            throw new PeerException(PeerFailure.Unreachable, $"\"{address}\" is not an address (HOST:PORT)");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address[..colon], port, cancel).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task IntroduceAsync(string password, PeerIdentity identity, CancellationToken cancel)
    {
        byte[] greeting = new byte[Iproto.GreetingSize];
        await stream.ReadExactlyAsync(greeting, cancel).ConfigureAwait(false);
        byte[] scramble = Iproto.Scramble(password, Iproto.SaltOf(greeting));
        await AskAsync(Iproto.Frame(Iproto.Auth, ++lastSync, body =>
        {
            body.WriteMapHead(2);
            body.WriteUInt64(Iproto.UserName);
            body.WriteString(Iproto.ServiceUser);
            body.WriteUInt64(Iproto.Tuple);
            body.WriteArrayHead(2);
            body.WriteString("chap-sha1");
            body.WriteStringHead(scramble.Length);
            body.WriteRaw(scramble);
        }), cancel).ConfigureAwait(false);
        var hello = new MsgPackWriter();
        hello.WriteArrayHead(2);
        hello.WriteString(identity.ClusterName);
        hello.WriteString(identity.ClusterUuid == Guid.Empty ? "" : identity.ClusterUuid.ToString("D"));
        await AskAsync(Request(Iproto.Call, ++lastSync, ".proc_hello", hello.WrittenMemory), cancel).ConfigureAwait(false);
    }

    /// <summary>One request and its answer, before anybody listens.</summary>
    private async Task AskAsync(byte[] request, CancellationToken cancel)
    {
        await stream.WriteAsync(request, cancel).ConfigureAwait(false);
        byte[] frame = await Iproto.ReadFrameAsync(stream, cancel).ConfigureAwait(false) ?? throw new EndOfStreamException("the peer closed the connection");
        ValueOf(Answer.Of(frame));
    }

    private async Task ListenAsync()
    {
        string reason = "the peer closed the connection";
        try
        {
            while (await Iproto.ReadFrameAsync(stream, closing.Token).ConfigureAwait(false) is { } frame)
            {
                Answer answer = Answer.Of(frame);
                if (waiting.TryRemove(answer.Sync, out TaskCompletionSource<Answer>? call))
                {
                    call.SetResult(answer);
                }
            }
        }
        catch (Exception ended) when (ended is IOException or OperationCanceledException or ObjectDisposedException or SocketException)
        {
            reason = ended.Message;
        }

        broken = new PeerException(PeerFailure.Unreachable, reason);
        foreach (ulong sync in waiting.Keys)
        {
            if (waiting.TryRemove(sync, out TaskCompletionSource<Answer>? call))
            {
                call.TrySetException(new PeerException(PeerFailure.Unknown, reason));
            }
        }
    }

    private async Task SendAsync(byte[] frame, CancellationToken cancel)
    {
        await writing.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            // a frame that was begun must be ended: cancelling in the middle would garble the line
            await stream.WriteAsync(frame, closing.Token).ConfigureAwait(false);
        }
        finally
        {
            writing.Release();
        }
    }

    private static byte[] Request(uint type, ulong sync, string procedure, ReadOnlyMemory<byte> arguments) => Iproto.Frame(type, sync, body =>
    {
        body.WriteMapHead(2);
        body.WriteUInt64(Iproto.Function);
        body.WriteString(procedure);
        body.WriteUInt64(Iproto.Tuple);
        body.WriteRaw(arguments.Span);
    });

    private static ReadOnlyMemory<byte> ValueOf(Answer answer) => (answer.Type & Iproto.ErrorBit) == 0
        ? answer.Value
        : throw new PeerException(PeerFailure.Refused, answer.Error, (int)(answer.Type & ~Iproto.ErrorBit));

    private sealed record Answer(uint Type, ulong Sync, ReadOnlyMemory<byte> Value, string Error)
    {
        public static Answer Of(byte[] frame)
        {
            IprotoMessage message = IprotoMessage.Parse(frame);
            ReadOnlyMemory<byte> value = default;
            if (!message.Data.IsEmpty)
            {
                var reader = new MsgPackReader(message.Data);
                value = reader.ReadArrayHead() == 0 ? default : reader.ReadRaw().ToArray();
            }

            return new Answer(message.Type, message.Sync, value, Encoding.UTF8.GetString(message.Error));
        }
    }
}
