using Picodata.Core;

namespace Picodata.ClusterUnit.Replication;

/// <summary>
/// Streams of one instance that can stand still: while <see cref="IsStalled"/> nothing is read any more and nothing written gets through, and nobody is told.
/// </summary>
internal sealed class StallingNetwork(IPeerNetwork inner) : IPeerNetwork
{
    private volatile TaskCompletionSource gate = Open();
    private int opened;

    /// <summary>Streams opened so far.</summary>
    public int Opened => Volatile.Read(ref opened);

    public bool IsStalled
    {
        get => !gate.Task.IsCompleted;
        set
        {
            if (value)
                gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            else
                gate.TrySetResult();
        }
    }

    public ValueTask<ReadOnlyMemory<byte>> CallAsync(string address, string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel) =>
        inner.CallAsync(address, procedure, arguments, cancel);

    public async ValueTask<Stream> OpenAsync(string address, string service, ReadOnlyMemory<byte> opening, CancellationToken cancel)
    {
        Stream stream = await inner.OpenAsync(address, service, opening, cancel);
        Interlocked.Increment(ref opened);
        return new Stalling(this, stream);
    }

    private static TaskCompletionSource Open()
    {
        var open = new TaskCompletionSource();
        open.SetResult();
        return open;
    }

    private sealed class Stalling(StallingNetwork network, Stream stream) : Stream
    {
        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int read = await stream.ReadAsync(buffer, cancellationToken);
            await network.gate.Task.WaitAsync(cancellationToken);
            return read;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await network.gate.Task.WaitAsync(cancellationToken);
            await stream.WriteAsync(buffer, cancellationToken);
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task FlushAsync(CancellationToken cancellationToken) => stream.FlushAsync(cancellationToken);

        public override void Flush() => stream.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            stream.Dispose();
            base.Dispose(disposing);
        }
    }
}
