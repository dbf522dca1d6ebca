using System.Buffers;
using System.IO.Pipelines;

namespace Picodata.Server;

/// <summary>A stream over bytes that come and go by another one; only what sockets do: reading, writing, no seeking.</summary>
internal abstract class SocketLikeStream : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}

/// <summary>An accepted connection's two pipes as a stream. The pipes are not completed by it. One reader and one writer at a time.</summary>
internal sealed class PipeStream(IDuplexPipe pipes) : SocketLikeStream
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            ReadResult result = await pipes.Input.ReadAsync(cancellationToken).ConfigureAwait(false);
            ReadOnlySequence<byte> available = result.Buffer;
            int count = (int)Math.Min(available.Length, buffer.Length);
            available.Slice(0, count).CopyTo(buffer.Span);
            pipes.Input.AdvanceTo(available.GetPosition(count));
            if (count > 0 || result.IsCompleted)
            {
                return count;
            }
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        FlushResult result = await pipes.Output.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        if (result.IsCompleted)
        {
            throw new IOException("the peer closed the connection");
        }
    }
}

/// <summary>
/// The served side of an opened stream: the word that it is open goes out in front of the first byte written or read, so that a service may
/// still refuse until then.
/// </summary>
internal sealed class OpenedStream(Stream inner, byte[] welcome) : SocketLikeStream
{
    private readonly SemaphoreSlim opening = new(1, 1);

    public bool IsOpen { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await OpenAsync(cancellationToken).ConfigureAwait(false);
        return await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await OpenAsync(cancellationToken).ConfigureAwait(false);
        await inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
    }

    public override async Task FlushAsync(CancellationToken cancellationToken) => await OpenAsync(cancellationToken).ConfigureAwait(false);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            opening.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask OpenAsync(CancellationToken cancel)
    {
        if (IsOpen)
        {
            return;
        }

        await opening.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (!IsOpen)
            {
                await inner.WriteAsync(welcome, cancel).ConfigureAwait(false);
                IsOpen = true;
            }
        }
        finally
        {
            opening.Release();
        }
    }
}
