using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Server;

/// <summary>Who an instance is and which cluster it belongs to, as peers are told. The cluster's UUID is empty until it is known.</summary>
internal sealed record PeerIdentity(string ClusterName, Guid ClusterUuid, Guid InstanceUuid, string InstanceName)
{
    /// <summary>A command of the operator's: it belongs to no cluster, and knows the name of none.</summary>
    public static readonly PeerIdentity Tool = new("", Guid.Empty, Guid.Empty, "");

    /// <summary>UUIDs that the cluster had before it was rescued, joined by commas: whoever comes with one of them is told what happened.</summary>
    public string FormerClusters { get; init; } = "";

    /// <summary>What a member of a cluster that was given up is told when it comes back; part of the message of the refusal.</summary>
    public const string GivenUp = "was given up by its operator";
}

/// <summary>
/// Serves peers on the iproto port (protocol: <see cref="Iproto"/>). The server hands every accepted connection to
/// <see cref="RunAsync"/>. Thread-safe.
/// </summary>
/// <param name="password">The cluster's cookie: password of <c>pico_service</c>.</param>
/// <param name="identity">Asked at each connection: it changes once, when the instance joins.</param>
internal sealed class PeerDoor(IPeerService service, string password, Func<PeerIdentity> identity, ILogger log, CancellationToken stopping)
{
    /// <summary>Serves one connection to its end. Never throws for what a peer does.</summary>
    public async Task RunAsync(ConnectionContext connection)
    {
        await using var stream = new PipeStream(connection.Transport);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping, connection.ConnectionClosed);
        var visit = new PeerVisit(this, stream, connection.RemoteEndPoint?.ToString() ?? "a peer");
        try
        {
            await visit.ServeAsync(ending.Token).ConfigureAwait(false);
        }
        catch (Exception ended) when (ended is IOException or OperationCanceledException or ConnectionAbortedException or InvalidOperationException or ObjectDisposedException)
        {
            log.LogDebug("peer connection from {Address} ended: {Reason}", connection.RemoteEndPoint, ended.Message);
        }
        finally
        {
            await connection.Transport.Output.CompleteAsync().ConfigureAwait(false);
            await connection.Transport.Input.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>One connection: greeting, proof, hello, then calls side by side or one stream.</summary>
    private sealed class PeerVisit(PeerDoor door, Stream stream, string address)
    {
        private static readonly TimeSpan GreetingLimit = TimeSpan.FromSeconds(10);

        private readonly SemaphoreSlim writing = new(1, 1);
        private readonly byte[] salt = RandomNumberGenerator.GetBytes(Iproto.SaltSize);
        private bool isProved;
        private bool hasSaidHello;

        public async Task ServeAsync(CancellationToken cancel)
        {
            await GreetAsync(cancel).ConfigureAwait(false);
            while (hasSaidHello && await Iproto.ReadFrameAsync(stream, cancel).ConfigureAwait(false) is { } frame)
            {
                Request request = Request.Of(frame);
                if (request.Procedure == ".proc_open")
                {
                    await OpenAsync(request, cancel).ConfigureAwait(false);
                    return;
                }

                _ = Task.Run(() => AnswerQuietlyAsync(request, cancel), cancel);
            }
        }

        /// <summary>Greeting, proof and hello, one after the other, within a time limit; returns without hello when the other side has ended.</summary>
        private async Task GreetAsync(CancellationToken cancel)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(GreetingLimit);
            await stream.WriteAsync(Iproto.Greeting(door.CurrentIdentity.InstanceUuid, salt), limit.Token).ConfigureAwait(false);
            while (!hasSaidHello && await Iproto.ReadFrameAsync(stream, limit.Token, Iproto.LongestGreetingFrame).ConfigureAwait(false) is { } frame)
            {
                await AnswerAsync(Request.Of(frame), limit.Token).ConfigureAwait(false);
            }
        }

        private async Task AnswerQuietlyAsync(Request request, CancellationToken cancel)
        {
            try
            {
                await AnswerAsync(request, cancel).ConfigureAwait(false);
            }
            catch (Exception ended) when (ended is IOException or OperationCanceledException or ConnectionAbortedException or InvalidOperationException or ObjectDisposedException)
            {
                door.Log.LogDebug("answer to {Address} was not sent: {Reason}", address, ended.Message);
            }
        }

        private async Task AnswerAsync(Request request, CancellationToken cancel)
        {
            byte[] answer;
            try
            {
                ReadOnlyMemory<byte>? value = await ActAsync(request, cancel).ConfigureAwait(false);
                answer = Iproto.Frame(Iproto.Ok, request.Sync, body => WriteData(body, value));
            }
            catch (PeerException refused)
            {
                answer = ErrorFrame(request.Sync, refused.Code == 0 ? Iproto.OtherError : refused.Code, refused.Message);
            }
            catch (Exception failed) when (failed is not (OperationCanceledException or ConnectionAbortedException))
            {
                door.Log.LogError(failed, "call of {Procedure} by {Address} failed", request.Procedure, address);
                answer = ErrorFrame(request.Sync, Iproto.OtherError, failed.Message);
            }

            await SendAsync(answer, cancel).ConfigureAwait(false);
        }

        private ValueTask<ReadOnlyMemory<byte>?> ActAsync(Request request, CancellationToken cancel) => request.Type switch
        {
            Iproto.Ping => new ValueTask<ReadOnlyMemory<byte>?>((ReadOnlyMemory<byte>?)null),
            Iproto.Auth => new ValueTask<ReadOnlyMemory<byte>?>(Prove(request)),
            Iproto.Call when !isProved => throw new PeerException(PeerFailure.Refused, "access denied: the connection has not proved the service password", 47),
            Iproto.Call when request.Procedure == ".proc_hello" => new ValueTask<ReadOnlyMemory<byte>?>(Hello(request)),
            Iproto.Call when !hasSaidHello => throw new PeerException(PeerFailure.Refused, "say .proc_hello first"),
            Iproto.Call => CallAsync(request, cancel),
            _ => throw new PeerException(PeerFailure.Refused, $"request type {request.Type} is not served here; SQL is served on the PostgreSQL port", 48),
        };

        private async ValueTask<ReadOnlyMemory<byte>?> CallAsync(Request request, CancellationToken cancel) =>
            await door.Service.CallAsync(request.Procedure, request.Arguments, cancel).ConfigureAwait(false);

        private ReadOnlyMemory<byte>? Prove(Request request)
        {
            byte[] expected = Iproto.Scramble(door.Password, salt);
            isProved = request.User == Iproto.ServiceUser && CryptographicOperations.FixedTimeEquals(expected, ScrambleOf(request.Arguments.Span));
            if (!isProved)
            {
                door.Log.LogWarning("peer {Address} does not know the service password of this cluster", address);
                throw new PeerException(PeerFailure.Refused, "User not found or supplied credentials are invalid", 47);
            }

            return null;
        }

        private static byte[] ScrambleOf(ReadOnlySpan<byte> tuple)
        {
            var reader = new MsgPackReader(tuple);
            if (!reader.TryReadArrayHead(out int count) || count != 2 || !reader.TrySkip())
            {
                return [];
            }

            return reader.TryReadString(out ReadOnlySpan<byte> text) || reader.TryReadBinary(out text) ? text.ToArray() : [];
        }

        private ReadOnlyMemory<byte>? Hello(Request request)
        {
            var reader = new MsgPackReader(request.Arguments.Span);
            reader.ReadArrayHead();
            string name = reader.ReadString();
            string uuid = reader.ReadString();
            PeerIdentity own = door.CurrentIdentity;
            if (name.Length > 0 && name != own.ClusterName)
            {
                throw new PeerException(PeerFailure.Refused, $"cluster_name mismatch: cluster_name of the instance = \"{name}\", cluster_name of the cluster = \"{own.ClusterName}\"");
            }

            if (uuid.Length > 0 && own.ClusterUuid != Guid.Empty && !Guid.TryParse(uuid, out Guid theirs) | theirs != own.ClusterUuid)
            {
                string past = theirs != Guid.Empty && own.FormerClusters.Contains(theirs.ToString("D"), StringComparison.OrdinalIgnoreCase)
                    ? $"; cluster {theirs:D} {PeerIdentity.GivenUp}, and begun anew as {own.ClusterUuid:D} by instance {own.InstanceName}: start a new instance in an empty directory"
                    : "";
                throw new PeerException(PeerFailure.Refused, $"cluster UUID mismatch: expected {own.ClusterUuid:D}, actual {uuid}{past}");
            }

            hasSaidHello = true;
            var answer = new MsgPackWriter();
            answer.WriteArrayHead(3);
            answer.WriteString(own.ClusterUuid == Guid.Empty ? "" : own.ClusterUuid.ToString("D"));
            answer.WriteString(own.InstanceUuid.ToString("D"));
            answer.WriteString(own.InstanceName);
            return answer.WrittenMemory;
        }

        private async Task OpenAsync(Request request, CancellationToken cancel)
        {
            (string service, ReadOnlyMemory<byte> opening) = OpeningOf(request.Arguments);
            var guarded = new OpenedStream(stream, Iproto.Frame(Iproto.Ok, request.Sync, body => WriteData(body, null)));
            try
            {
                await door.Service.ServeAsync(service, opening, guarded, cancel).ConfigureAwait(false);
            }
            catch (PeerException refused) when (!guarded.IsOpen)
            {
                await SendAsync(ErrorFrame(request.Sync, refused.Code == 0 ? Iproto.OtherError : refused.Code, refused.Message), cancel).ConfigureAwait(false);
            }
            catch (Exception failed) when (!guarded.IsOpen && failed is not (OperationCanceledException or ConnectionAbortedException))
            {
                door.Log.LogError(failed, "stream {Service} for {Address} could not be opened", service, address);
                await SendAsync(ErrorFrame(request.Sync, Iproto.OtherError, failed.Message), cancel).ConfigureAwait(false);
            }
        }

        private static (string Service, ReadOnlyMemory<byte> Opening) OpeningOf(ReadOnlyMemory<byte> arguments)
        {
            var reader = new MsgPackReader(arguments.Span);
            if (reader.ReadArrayHead() != 2)
            {
                throw new IOException("malformed .proc_open");
            }

            string service = reader.ReadString();
            return (service, arguments[reader.Position..]);
        }

        private async Task SendAsync(byte[] frame, CancellationToken cancel)
        {
            await writing.WaitAsync(cancel).ConfigureAwait(false);
            try
            {
                await stream.WriteAsync(frame, cancel).ConfigureAwait(false);
            }
            finally
            {
                writing.Release();
            }
        }

        private static byte[] ErrorFrame(ulong sync, int code, string message) => Iproto.Frame(Iproto.ErrorBit | (uint)code, sync, body =>
        {
            body.WriteMapHead(1);
            body.WriteUInt64(Iproto.ErrorText);
            body.WriteString(message);
        });

        private static void WriteData(MsgPackWriter body, ReadOnlyMemory<byte>? value)
        {
            body.WriteMapHead(value is null ? 0 : 1);
            if (value is { } bytes)
            {
                body.WriteUInt64(Iproto.Data);
                body.WriteArrayHead(1);
                body.WriteRaw(bytes.Span);
            }
        }
    }

    private PeerIdentity CurrentIdentity => identity();

    private IPeerService Service => service;

    private string Password => password;

    private ILogger Log => log;

    /// <summary>A request that owns its parts.</summary>
    private sealed record Request(uint Type, ulong Sync, string Procedure, string User, ReadOnlyMemory<byte> Arguments)
    {
        public static Request Of(byte[] frame)
        {
            IprotoMessage message = IprotoMessage.Parse(frame);
            return new Request(
                message.Type, message.Sync, Encoding.UTF8.GetString(message.Function), Encoding.UTF8.GetString(message.User), message.Tuple.ToArray());
        }
    }
}
