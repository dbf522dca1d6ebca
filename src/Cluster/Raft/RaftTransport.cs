using System.IO.Pipelines;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Cluster;

/// <summary>
/// Raft's connections as streams of the service <c>raft</c> of the iproto port, behind the handshake that proves cookie and cluster.
///
/// T1 The opening names the identity that is meant (16 bytes, bin). An instance that has another one now, or none, refuses: what was said to a voter
///    that lost its files is not said to its successor.
/// T2 The queue of connections that wait to be accepted is bounded; an accepted one is the library's until it closes it.
/// Unlike the library's own TCP transport there is no accept loop that a socket's error could end.
/// </summary>
internal sealed class RaftTransport(RaftEndPoint self, IPeerNetwork network) : IConnectionListenerFactory, IConnectionListener, IConnectionFactory
{
    public const string Service = "raft";

    private readonly Channel<ConnectionContext> accepted = Channel.CreateBounded<ConnectionContext>(64);

    public EndPoint EndPoint => self;

    /// <summary>Gives one incoming stream to the library; completes when the connection is over.</summary>
    public async Task ServeAsync(ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel)
    {
        if (ReadOpening(opening) != self.Id)
            throw new PeerException(PeerFailure.Refused, $"{self.Address} is not the voter {ReadOpening(opening):N} any more");
        var connection = new StreamConnection(stream, self);
        await using (cancel.Register(connection.Abort))
        {
            if (!accepted.Writer.TryWrite(connection))
                throw new PeerException(PeerFailure.Refused, $"{self.Address}: Raft accepts no connections now");
            await connection.Closed.ConfigureAwait(false);
        }
    }

    async ValueTask<ConnectionContext> IConnectionFactory.ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken)
    {
        var peer = (RaftEndPoint)endpoint;
        var opening = new MsgPackWriter();
        opening.WriteBinary(peer.Id.ToByteArray());
        try
        {
            return new StreamConnection(await network.OpenAsync(peer.Address, Service, opening.WrittenMemory, cancellationToken).ConfigureAwait(false), peer);
        }
        catch (PeerException gone)
        {
            // the library knows a peer that does not answer by an I/O error, and only by that
            throw new IOException(gone.Message, gone);
        }
    }

    ValueTask<IConnectionListener> IConnectionListenerFactory.BindAsync(EndPoint endpoint, CancellationToken cancellationToken) => new(this);

    async ValueTask<ConnectionContext?> IConnectionListener.AcceptAsync(CancellationToken cancellationToken)
    {
        while (await accepted.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (accepted.Reader.TryRead(out ConnectionContext? connection))
                return connection;
        }
        return null;
    }

    ValueTask IConnectionListener.UnbindAsync(CancellationToken cancellationToken) => Close();

    ValueTask IAsyncDisposable.DisposeAsync() => Close();

    /// <summary>Nothing is accepted any more; what waits is dropped.</summary>
    public ValueTask Close()
    {
        accepted.Writer.TryComplete();
        while (accepted.Reader.TryRead(out ConnectionContext? waiting))
            waiting.Abort();
        return ValueTask.CompletedTask;
    }

    private static Guid ReadOpening(ReadOnlyMemory<byte> opening)
    {
        var reader = new MsgPackReader(opening.Span);
        return reader.TryReadBinary(out ReadOnlySpan<byte> id) && id.Length == 16 ? new Guid(id) : throw new PeerException(PeerFailure.Refused, "a Raft stream without the voter that is meant");
    }

    /// <summary>One stream as the connection that the library wants.</summary>
    private sealed class StreamConnection : ConnectionContext, IDuplexPipe
    {
        private const int BlockBytes = 64 << 10;

        private readonly TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly CancellationTokenSource over = new();
        private readonly Stream stream;
        private int isClosed;

        public StreamConnection(Stream stream, EndPoint remote)
        {
            this.stream = stream;
            RemoteEndPoint = remote;
            ConnectionClosed = over.Token;
            Transport = this;
            Input = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: BlockBytes, leaveOpen: true));
            Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(minimumBufferSize: BlockBytes, leaveOpen: true));
        }

        public Task Closed => closed.Task;

        public PipeReader Input { get; }

        public PipeWriter Output { get; }

        public override string ConnectionId { get; set; } = "";

        public override IFeatureCollection Features { get; } = new FeatureCollection();

        public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();

        public override IDuplexPipe Transport { get; set; }

        public override void Abort(ConnectionAbortedException abortReason) => Close();

        public override void Abort() => Close();

        public override ValueTask DisposeAsync()
        {
            Close();
            return ValueTask.CompletedTask;
        }

        /// <remarks>The pipes' buffers are left to the collector: a read may still be on its way in them.</remarks>
        private void Close()
        {
            if (Interlocked.Exchange(ref isClosed, 1) != 0)
                return;
            over.Cancel();
            stream.Dispose();
            closed.TrySetResult();
        }
    }
}
