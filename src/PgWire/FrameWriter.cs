// Outgoing frames. One growing array per connection; the pipe sees whole frames only.
//
// Frame: byte type, int32 length (big-endian, counts itself), body. Strings are UTF-8 ended by a zero byte.
// Invariants
// 1. Between Begin and End exactly one frame is open; Abandon takes it back as if it had never been begun.
// 2. Bytes reach the pipe in FlushAsync and nowhere else, so what a session wrote can wait for durability.
// 3. The array shrinks back to its normal size after a large result.
using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Picodata.Core;

namespace Picodata.PgWire;

/// <summary>Gathers frames for the client. Used by one thread at a time.</summary>
internal sealed class FrameWriter : IBufferWriter<byte>, IDisposable
{
    private const int NormalSize = 16 * 1024;
    private const int KeptSize = 512 * 1024;

    private PipeWriter _pipe;
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(NormalSize);
    private int _length;
    private int _frame = -1;

    public FrameWriter(PipeWriter pipe) => _pipe = pipe;

    /// <summary>Bytes that were written and not yet handed to the pipe.</summary>
    public int Pending => _length;

    /// <summary>The connection goes on over another pipe (TLS); nothing may be pending.</summary>
    public void SwitchTo(PipeWriter pipe) => _pipe = pipe;

    /// <summary>Opens a frame.</summary>
    public void Begin(byte type)
    {
        Span<byte> head = Reserve(5);
        _frame = _length;
        head[0] = type;
        _length += 5;
    }

    /// <summary>Closes the open frame: its length is now known.</summary>
    public void End()
    {
        BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(_frame + 1), _length - _frame - 1);
        _frame = -1;
    }

    /// <summary>Takes back the open frame, if there is one.</summary>
    public void Abandon()
    {
        if (_frame >= 0)
        {
            _length = _frame;
            _frame = -1;
        }
    }

    /// <summary>Forgets everything that was not handed to the pipe.</summary>
    public void Drop()
    {
        _frame = -1;
        _length = 0;
    }

    /// <summary>A frame without a body.</summary>
    public void Empty(byte type)
    {
        Span<byte> frame = Reserve(5);
        frame[0] = type;
        BinaryPrimitives.WriteInt32BigEndian(frame[1..], 4);
        _length += 5;
    }

    public void Byte(byte value)
    {
        Reserve(1)[0] = value;
        _length++;
    }

    public void Int16(short value)
    {
        BinaryPrimitives.WriteInt16BigEndian(Reserve(2), value);
        _length += 2;
    }

    public void Int32(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(Reserve(4), value);
        _length += 4;
    }

    public void Int64(long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(Reserve(8), value);
        _length += 8;
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        value.CopyTo(Reserve(value.Length));
        _length += value.Length;
    }

    /// <summary>UTF-8 without an end mark.</summary>
    public void Text(ReadOnlySpan<char> value)
    {
        if (value.Length > Array.MaxLength / 4)
        {
            throw new DbException(SqlStates.ProgramLimitExceeded, "a value is too long to be sent");
        }

        _length += Encoding.UTF8.GetBytes(value, Reserve(value.Length * 3));
    }

    /// <summary>UTF-8 ended by a zero byte; a zero byte inside would end it early and is left out.</summary>
    public void CString(string value)
    {
        Text(value.Contains('\0') ? value.Replace("\0", "") : value);
        Byte(0);
    }

    /// <summary>Leaves room for a value's length; the result goes to <see cref="EndValue"/>.</summary>
    public int BeginValue()
    {
        int start = _length;
        Reserve(4);
        _length += 4;
        return start;
    }

    /// <summary>Sets the length of the value that was begun at <paramref name="start"/>.</summary>
    public void EndValue(int start) =>
        BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(start), _length - start - 4);

    public void Advance(int count) => _length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => Reserve(Math.Max(sizeHint, 1));

    /// <summary>Hands everything to the pipe and waits while the client is too slow. False: the client is gone.</summary>
    public ValueTask<bool> FlushAsync()
    {
        if (_length == 0)
        {
            return new ValueTask<bool>(true);
        }

        _pipe.Write(_bytes.AsSpan(0, _length));
        _length = 0;
        Shrink();
        ValueTask<FlushResult> flush = _pipe.FlushAsync();
        return flush.IsCompletedSuccessfully ? new ValueTask<bool>(!flush.Result.IsCompleted) : Await(flush);

        static async ValueTask<bool> Await(ValueTask<FlushResult> flush) => !(await flush.ConfigureAwait(false)).IsCompleted;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _length = 0;
    }

    private void Shrink()
    {
        if (_bytes.Length > KeptSize)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = ArrayPool<byte>.Shared.Rent(NormalSize);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Reserve(int count)
    {
        if ((uint)count > (uint)(_bytes.Length - _length))
        {
            Grow(count);
        }

        return _bytes.AsSpan(_length);
    }

    private void Grow(int count)
    {
        long wanted = Math.Max((long)_length + count, Math.Min((long)_bytes.Length * 2, Array.MaxLength));
        if (wanted > Array.MaxLength)
        {
            throw new DbException(SqlStates.ProgramLimitExceeded, "a result row is too large to be sent");
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent((int)wanted);
        _bytes.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
