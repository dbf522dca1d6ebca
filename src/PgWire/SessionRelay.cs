// A connection whose session runs at another instance: bytes go through, both ways, untouched.
//
//   client <-> this instance (TLS ends here) <-> stream <-> the instance that runs the session (authenticates, executes)
//
// Invariants
// 1. Every byte of one side reaches the other in order, or the connection ends: nothing is kept, repeated or made up,
//    but the last message of invariant 3.
// 2. When the client goes, the stream is closed, and the session over there ends as if the client had closed its socket.
// 3. When the stream goes first, the client gets FATAL 57P01 (behind whole messages only) and the connection is closed: what a
//    statement in flight did is unknown to it, as with any server that goes away.
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace Picodata.PgWire;

/// <summary>Passes one connection through.</summary>
internal sealed class SessionRelay(PipeReader fromClient, PipeWriter toClient, Stream upstream)
{
    private readonly BackendFrames _frames = new();

    /// <summary>False when the stream ended and the client may be told.</summary>
    public async Task<bool> RunAsync(ReadOnlyMemory<byte> firstPacket, CancellationToken cancel)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await upstream.WriteAsync(firstPacket, ending.Token).ConfigureAwait(false);
        Task<bool> up = ForwardAsync(ending.Token);
        Task down = ReturnAsync(ending.Token);
        Task first = await Task.WhenAny(up, down).ConfigureAwait(false);
        bool clientEnded = first == up;
        await ending.CancelAsync().ConfigureAwait(false);
        fromClient.CancelPendingRead();
        await upstream.DisposeAsync().ConfigureAwait(false);
        bool clientFailed = await QuietlyAsync(up).ConfigureAwait(false);
        await QuietlyAsync(down).ConfigureAwait(false);
        cancel.ThrowIfCancellationRequested();
        return clientEnded || clientFailed || !_frames.MayEndWithError;
    }

    /// <summary>The client's bytes; true when it ended.</summary>
    private async Task<bool> ForwardAsync(CancellationToken cancel)
    {
        while (true)
        {
            ReadResult read = await fromClient.ReadAsync(cancel).ConfigureAwait(false);
            foreach (ReadOnlyMemory<byte> piece in read.Buffer)
            {
                await upstream.WriteAsync(piece, cancel).ConfigureAwait(false);
            }

            fromClient.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted || read.IsCanceled)
            {
                return true;
            }
        }
    }

    private async Task ReturnAsync(CancellationToken cancel)
    {
        while (true)
        {
            Memory<byte> room = toClient.GetMemory(16 * 1024);
            int count = await upstream.ReadAsync(room, cancel).ConfigureAwait(false);
            if (count == 0)
            {
                return;
            }

            _frames.Pass(room.Span[..count]);
            toClient.Advance(count);
            FlushResult flushed = await toClient.FlushAsync(cancel).ConfigureAwait(false);
            if (flushed.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>True when the task ended because the client's side did.</summary>
    private static async Task<bool> QuietlyAsync(Task task)
    {
        try
        {
            await task.ConfigureAwait(false);
            return task is Task<bool> { Result: true };
        }
        catch (Exception ended) when (PgConnection.IsLoss(ended))
        {
            return false; // the caller knows which side went first
        }
    }

    /// <summary>Follows the lengths of the backend's messages, to know whether bytes end between two of them, and not behind an error.</summary>
    private sealed class BackendFrames
    {
        private readonly byte[] _head = new byte[5];
        private int _headBytes;
        private long _rest;

        public bool MayEndWithError => _headBytes == 0 && _rest == 0 && _head[0] != (byte)'E';

        public void Pass(ReadOnlySpan<byte> bytes)
        {
            while (!bytes.IsEmpty)
            {
                if (_rest > 0)
                {
                    int taken = (int)Math.Min(_rest, bytes.Length);
                    _rest -= taken;
                    bytes = bytes[taken..];
                    continue;
                }

                int copied = Math.Min(5 - _headBytes, bytes.Length);
                bytes[..copied].CopyTo(_head.AsSpan(_headBytes));
                _headBytes += copied;
                bytes = bytes[copied..];
                if (_headBytes == 5)
                {
                    _rest = BinaryPrimitives.ReadUInt32BigEndian(_head.AsSpan(1)) - 4;
                    _headBytes = 0;
                }
            }
        }
    }
}
