// Incoming frames after login: byte type, int32 length (counts itself), body.
//
// Invariants
// 1. The pipe keeps what has arrived; nothing is allocated because of a length that was merely announced.
// 2. A length is checked against the limit of its type as soon as its five bytes are here.
// 3. A body is handed out as one piece of memory, valid until the next call of TryRead or FillAsync. Only CopyData may be
//    read in pieces, as they arrive (TryReadHead, TryReadPiece), so that its size does not matter.
// 4. After a FatalException the stream is not read again.
using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace Picodata.PgWire;

/// <summary>What came of waiting for bytes.</summary>
internal enum FillResult
{
    Data,
    Ended,
    Interrupted,
}

/// <summary>Cuts the stream of a logged-in client into messages.</summary>
internal sealed class MessageReader(PipeReader pipe, int maxMessageBytes) : IDisposable
{
    private const int HeadBytes = 5;
    private const int SmallMessageLimit = 10_000;
    private const int KeptScratch = 64 * 1024;

    private ReadOnlySequence<byte> _buffer;
    private bool _reading;
    private long _unread;
    private byte[] _scratch = [];

    /// <summary>Body bytes of a CopyData message that were not handed out yet.</summary>
    public int Remaining { get; private set; }

    /// <summary>Type of the message of which bytes have arrived that were not read yet; 0 when there are none.</summary>
    public byte NextType => _buffer.IsEmpty ? (byte)0 : _buffer.FirstSpan[0];

    /// <summary>The next message when all of it is here.</summary>
    public bool TryRead(out byte type, out ReadOnlyMemory<byte> body)
    {
        body = default;
        if (!PeekHead(out type, out int length) || _buffer.Length < HeadBytes + length)
        {
            return false;
        }

        ReadOnlySequence<byte> message = _buffer.Slice(HeadBytes, length);
        body = message.IsSingleSegment ? message.First : Gather(message);
        _buffer = _buffer.Slice(message.End);
        return true;
    }

    /// <summary>
    /// As <see cref="TryRead"/>, but a CopyData message is begun as soon as its head is here: <see cref="TryReadPiece"/> then
    /// gives its <see cref="Remaining"/> bytes.
    /// </summary>
    public bool TryReadHead(out byte type, out ReadOnlyMemory<byte> body)
    {
        if (PeekHead(out type, out int length) && type == (byte)'d')
        {
            _buffer = _buffer.Slice(HeadBytes);
            Remaining = length;
            body = default;
            return true;
        }

        return TryRead(out type, out body);
    }

    /// <summary>What is here of the CopyData message that was begun.</summary>
    public bool TryReadPiece(out ReadOnlyMemory<byte> piece)
    {
        SequencePosition position = _buffer.Start;
        do
        {
            if (!_buffer.TryGet(ref position, out piece))
            {
                return false;
            }
        }
        while (piece.IsEmpty);

        if (piece.Length > Remaining)
        {
            piece = piece[..Remaining];
        }

        Remaining -= piece.Length;
        _buffer = _buffer.Slice(piece.Length);
        return true;
    }

    /// <summary>Throws away what is left of a CopyData message that was begun; false when more must arrive first.</summary>
    public bool SkipRemaining()
    {
        while (Remaining > 0)
        {
            if (!TryReadPiece(out _))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Waits for more bytes.</summary>
    public ValueTask<FillResult> FillAsync()
    {
        if (_reading)
        {
            pipe.AdvanceTo(_buffer.Start, _buffer.End);
            _reading = false;
            _unread = _buffer.Length;
            _buffer = default;
        }

        ValueTask<ReadResult> read = pipe.ReadAsync();
        return read.IsCompletedSuccessfully ? new ValueTask<FillResult>(Take(read.Result)) : Await(read);

        async ValueTask<FillResult> Await(ValueTask<ReadResult> pending) => Take(await pending.ConfigureAwait(false));
    }

    public void Dispose()
    {
        if (_scratch.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_scratch);
            _scratch = [];
        }
    }

    private FillResult Take(ReadResult result)
    {
        _buffer = result.Buffer;
        _reading = true;
        if (result.IsCanceled)
        {
            return FillResult.Interrupted;
        }

        return result.IsCompleted && _buffer.Length == _unread ? FillResult.Ended : FillResult.Data;
    }

    private bool PeekHead(out byte type, out int length)
    {
        type = 0;
        length = 0;
        if (_buffer.Length < HeadBytes)
        {
            return false;
        }

        ReadOnlySpan<byte> first = _buffer.FirstSpan;
        if (first.Length >= HeadBytes)
        {
            type = first[0];
            length = BinaryPrimitives.ReadInt32BigEndian(first[1..]) - 4;
        }
        else
        {
            Span<byte> head = stackalloc byte[HeadBytes];
            _buffer.Slice(0, HeadBytes).CopyTo(head);
            type = head[0];
            length = BinaryPrimitives.ReadInt32BigEndian(head[1..]) - 4;
        }

        CheckLength(type, length);
        return true;
    }

    private void CheckLength(byte type, int length)
    {
        int limit = type switch
        {
            (byte)'Q' or (byte)'P' or (byte)'B' or (byte)'d' or (byte)'F' => maxMessageBytes,
            (byte)'E' or (byte)'D' or (byte)'C' or (byte)'H' or (byte)'S' or (byte)'X' or (byte)'c' or (byte)'f' => SmallMessageLimit,
            (byte)'p' => 64 * 1024,
            _ => throw FatalException.Protocol($"invalid frontend message type {type}"),
        };
        if (length < 0 || length > limit)
        {
            throw FatalException.Protocol($"invalid message length: {(long)length + 4} bytes in message of type \"{(char)type}\", at most {limit} are allowed");
        }
    }

    private ReadOnlyMemory<byte> Gather(ReadOnlySequence<byte> message)
    {
        int length = (int)message.Length;
        if (_scratch.Length < length || _scratch.Length > KeptScratch)
        {
            Dispose();
            _scratch = ArrayPool<byte>.Shared.Rent(length);
        }

        message.CopyTo(_scratch);
        return _scratch.AsMemory(0, length);
    }
}
