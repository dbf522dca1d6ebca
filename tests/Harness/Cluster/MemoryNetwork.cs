using System.Collections.Concurrent;
using System.IO.Pipelines;
using Picodata.Core;

namespace Picodata.Harness.Cluster;

/// <summary>
/// Instances of one process that reach each other without sockets, at the speed of memory. Keeps N1-N3 of <see cref="IPeerNetwork"/>. Instances can be
/// stopped (streams end at once) and pairs cut (streams end, new ones are refused). Thread-safe.
/// </summary>
public sealed class MemoryNetwork
{
    private readonly ConcurrentDictionary<string, IPeerService> services = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string From, string To), bool> cuts = new();
    private readonly ConcurrentDictionary<Link, bool> links = new();

    /// <summary>The network as the instance with this address uses it.</summary>
    public IPeerNetwork From(string address) => new Node(this, address);

    /// <summary>The instance answers from now on.</summary>
    public void Listen(string address, IPeerService service) => services[address] = service;

    /// <summary>The process is gone: its streams end, nobody answers.</summary>
    public void Stop(string address)
    {
        services.TryRemove(address, out _);
        EndLinks(link => link.From == address || link.To == address);
    }

    /// <summary>Neither reaches the other.</summary>
    public void Cut(string one, string other)
    {
        cuts[(one, other)] = cuts[(other, one)] = true;
        EndLinks(link => (link.From, link.To) == (one, other) || (link.From, link.To) == (other, one));
    }

    public void Mend(string one, string other)
    {
        cuts.TryRemove((one, other), out _);
        cuts.TryRemove((other, one), out _);
    }

    private void EndLinks(Func<Link, bool> isMeant)
    {
        foreach (Link link in links.Keys.Where(isMeant))
            link.End();
    }

    private IPeerService Reach(string from, string to) =>
        !cuts.ContainsKey((from, to)) && services.TryGetValue(to, out IPeerService? service)
            ? service
            : throw new PeerException(PeerFailure.Unreachable, $"{to} cannot be reached from {from}");

    private sealed class Node(MemoryNetwork network, string address) : IPeerNetwork
    {
        public async ValueTask<ReadOnlyMemory<byte>> CallAsync(string to, string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel)
        {
            await Task.Yield();
            IPeerService service = network.Reach(address, to);
            byte[] own = arguments.ToArray();
            ReadOnlyMemory<byte> answer;
            try
            {
                answer = await service.CallAsync(procedure, own, cancel).ConfigureAwait(false);
            }
            catch (PeerException refused)
            {
                throw new PeerException(PeerFailure.Refused, refused.Message, refused.Code);
            }
            return network.services.TryGetValue(to, out IPeerService? still) && still == service && !network.cuts.ContainsKey((address, to))
                ? answer
                : throw new PeerException(PeerFailure.Unknown, $"{to} went away before it answered");
        }

        public async ValueTask<Stream> OpenAsync(string to, string service, ReadOnlyMemory<byte> opening, CancellationToken cancel)
        {
            await Task.Yield();
            IPeerService peer = network.Reach(address, to);
            var link = new Link(address, to);
            network.links[link] = true;
            byte[] own = opening.ToArray();
            Task serving = Task.Run(() => peer.ServeAsync(service, own, link.Far, link.Over), CancellationToken.None);
            // a refusal arrives before the stream: as over a wire, where the answer to the opening is waited for
            _ = ForgetAsync(link, serving);
            await Task.WhenAny(serving, link.Served).WaitAsync(cancel).ConfigureAwait(false);
            if (serving is { IsFaulted: true, Exception.InnerException: PeerException refused })
                throw new PeerException(PeerFailure.Refused, refused.Message, refused.Code);
            return link.Near;
        }

        private async Task ForgetAsync(Link link, Task serving)
        {
            await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            link.End();
            network.links.TryRemove(link, out _);
        }
    }

    private sealed class Link
    {
        private readonly CancellationTokenSource over = new();
        private readonly TaskCompletionSource served = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Link(string from, string to)
        {
            (From, To) = (from, to);
            Pipe there = new(), back = new();
            Near = new PairedStream(back.Reader, there.Writer, null);
            Far = new PairedStream(there.Reader, back.Writer, () => served.TrySetResult());
        }

        public string From { get; }

        public string To { get; }

        public PairedStream Near { get; }

        public PairedStream Far { get; }

        public Task Served => served.Task;

        public CancellationToken Over => over.Token;

        public void End()
        {
            Near.Dispose();
            Far.Dispose();
            over.Cancel();
        }
    }

    /// <summary>One end of two pipes. An end that was closed reads as ended and refuses writes, at both ends.</summary>
    private sealed class PairedStream(PipeReader reader, PipeWriter writer, Action? used) : Stream
    {
        private readonly SemaphoreSlim writing = new(1);
        private volatile bool isClosed;

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            used?.Invoke();
            ReadResult result;
            try
            {
                result = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (InvalidOperationException) when (isClosed)
            {
                return 0;
            }
            int count = (int)Math.Min(buffer.Length, result.Buffer.Length);
            if (result.IsCanceled || count == 0)
                return 0;
            System.Buffers.BuffersExtensions.CopyTo(result.Buffer.Slice(0, count), buffer.Span);
            reader.AdvanceTo(result.Buffer.GetPosition(count));
            return count;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            used?.Invoke();
            await writing.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                if (isClosed || (await writer.WriteAsync(buffer, cancellationToken).ConfigureAwait(false)).IsCompleted)
                    throw new IOException("the stream is closed");
            }
            finally
            {
                writing.Release();
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (isClosed)
                return;
            isClosed = true;
            used?.Invoke();
            // not Complete on the reader: a read may be on its way in it
            reader.CancelPendingRead();
            writer.Complete();
            base.Dispose(disposing);
        }
    }
}
