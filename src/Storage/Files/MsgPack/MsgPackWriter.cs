using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;

namespace Picodata.Storage.Files;

/// <summary>
/// Writes MessagePack into a buffer of its own that grows; meant to be kept and used again (<see cref="Clear"/>).
/// Integers, lengths and heads take their shortest form (Tarantool compares keys by their encoded bytes). Used by one
/// thread at a time.
/// </summary>
public sealed class MsgPackWriter : IBufferWriter<byte>
{
    /// <summary>A buffer that one huge row or transaction blew up is given back at the next <see cref="Clear"/>.</summary>
    public const int KeptCapacity = 8 << 20;

    private byte[] buffer;
    private int length;

    public MsgPackWriter(int capacity = 256) => buffer = new byte[Math.Max(capacity, 16)];

    /// <summary>Bytes written since the last <see cref="Clear"/>.</summary>
    public int Length => length;

    /// <summary>What was written; valid until the next write.</summary>
    public ReadOnlySpan<byte> WrittenSpan => buffer.AsSpan(0, length);

    /// <inheritdoc cref="WrittenSpan"/>
    public ReadOnlyMemory<byte> WrittenMemory => buffer.AsMemory(0, length);

    public byte[] ToArray() => WrittenSpan.ToArray();

    /// <summary>Forgets what was written and keeps the buffer, unless it became larger than <see cref="KeptCapacity"/>.</summary>
    public void Clear()
    {
        length = 0;
        if (buffer.Length > KeptCapacity)
        {
            buffer = new byte[KeptCapacity / 16];
        }
    }

    /// <summary>Goes back to an earlier <see cref="Length"/>.</summary>
    public void Truncate(int toLength)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)toLength, (uint)length);
        length = toLength;
    }

    /// <summary>The array that holds the written bytes at present; another one after a write that had to grow.</summary>
    internal byte[] Buffer => buffer;

    /// <summary>Bytes already written that may be changed in place, such as a head of fixed size.</summary>
    public Span<byte> Written(int from, int count) => buffer.AsSpan(0, length).Slice(from, count);

    public void WriteNil() => WriteByte(0xc0);

    public void WriteBoolean(bool value) => WriteByte(value ? (byte)0xc3 : (byte)0xc2);

    public void WriteInt64(long value)
    {
        if (value >= 0)
        {
            WriteUInt64((ulong)value);
        }
        else if (value >= -32)
        {
            WriteByte((byte)value);
        }
        else
        {
            WriteNegative(value);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteUInt64(ulong value)
    {
        if (value <= 0x7f)
        {
            WriteByte((byte)value);
        }
        else
        {
            WriteLongUnsigned(value);
        }
    }

    /// <summary>An unsigned integer in its 5-byte form, whatever its value (as snapshots have space ids).</summary>
    public void WriteUInt32Fixed(uint value)
    {
        Span<byte> target = Take(5);
        target[0] = 0xce;
        BinaryPrimitives.WriteUInt32BigEndian(target[1..], value);
    }

    public void WriteFloat32(float value)
    {
        Span<byte> target = Take(5);
        target[0] = 0xca;
        BinaryPrimitives.WriteSingleBigEndian(target[1..], value);
    }

    public void WriteDouble(double value)
    {
        Span<byte> target = Take(9);
        target[0] = 0xcb;
        BinaryPrimitives.WriteDoubleBigEndian(target[1..], value);
    }

    /// <summary>A str value from UTF-8 bytes.</summary>
    public void WriteUtf8(ReadOnlySpan<byte> utf8)
    {
        WriteStringHead(utf8.Length);
        WriteRaw(utf8);
    }

    /// <summary>A str value; characters are encoded as UTF-8.</summary>
    public void WriteString(ReadOnlySpan<char> text)
    {
        int bytes = Encoding.UTF8.GetByteCount(text);
        WriteStringHead(bytes);
        Encoding.UTF8.GetBytes(text, Take(bytes));
    }

    public void WriteStringHead(int bytes)
    {
        if (bytes <= 31)
        {
            WriteByte((byte)(0xa0 | bytes));
        }
        else
        {
            WriteHead(0xd9, 0xda, 0xdb, (uint)bytes);
        }
    }

    public void WriteBinary(ReadOnlySpan<byte> bytes)
    {
        WriteHead(0xc4, 0xc5, 0xc6, (uint)bytes.Length);
        WriteRaw(bytes);
    }

    public void WriteArrayHead(int count)
    {
        if (count <= 15)
        {
            WriteByte((byte)(0x90 | count));
        }
        else
        {
            WriteHead(0, 0xdc, 0xdd, (uint)count);
        }
    }

    public void WriteMapHead(int count)
    {
        if (count <= 15)
        {
            WriteByte((byte)(0x80 | count));
        }
        else
        {
            WriteHead(0, 0xde, 0xdf, (uint)count);
        }
    }

    /// <summary>An extension value with the shortest head.</summary>
    public void WriteExtension(sbyte type, ReadOnlySpan<byte> payload)
    {
        switch (payload.Length)
        {
            case 1 or 2 or 4 or 8 or 16:
                WriteByte((byte)(0xd4 + int.Log2(payload.Length)));
                break;
            default:
                WriteHead(0xc7, 0xc8, 0xc9, (uint)payload.Length);
                break;
        }

        WriteByte((byte)type);
        WriteRaw(payload);
    }

    /// <summary>Bytes that are MessagePack already.</summary>
    public void WriteRaw(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteByte(byte value)
    {
        if (length == buffer.Length)
        {
            Grow(1);
        }

        buffer[length++] = value;
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(buffer.Length - length));
        length += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return buffer.AsMemory(length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return buffer.AsSpan(length);
    }

    private void WriteNegative(long value)
    {
        if (value >= sbyte.MinValue)
        {
            Span<byte> target = Take(2);
            target[0] = 0xd0;
            target[1] = (byte)value;
        }
        else if (value >= short.MinValue)
        {
            Span<byte> target = Take(3);
            target[0] = 0xd1;
            BinaryPrimitives.WriteInt16BigEndian(target[1..], (short)value);
        }
        else if (value >= int.MinValue)
        {
            Span<byte> target = Take(5);
            target[0] = 0xd2;
            BinaryPrimitives.WriteInt32BigEndian(target[1..], (int)value);
        }
        else
        {
            Span<byte> target = Take(9);
            target[0] = 0xd3;
            BinaryPrimitives.WriteInt64BigEndian(target[1..], value);
        }
    }

    private void WriteLongUnsigned(ulong value)
    {
        if (value <= uint.MaxValue)
        {
            WriteHead(0xcc, 0xcd, 0xce, (uint)value);
        }
        else
        {
            Span<byte> target = Take(9);
            target[0] = 0xcf;
            BinaryPrimitives.WriteUInt64BigEndian(target[1..], value);
        }
    }

    /// <summary>A head byte and a number in 1, 2 or 4 bytes; head8 0 means that there is no 1-byte form.</summary>
    private void WriteHead(byte head8, byte head16, byte head32, uint value)
    {
        if (value <= byte.MaxValue && head8 != 0)
        {
            Span<byte> target = Take(2);
            target[0] = head8;
            target[1] = (byte)value;
        }
        else if (value <= ushort.MaxValue)
        {
            Span<byte> target = Take(3);
            target[0] = head16;
            BinaryPrimitives.WriteUInt16BigEndian(target[1..], (ushort)value);
        }
        else
        {
            Span<byte> target = Take(5);
            target[0] = head32;
            BinaryPrimitives.WriteUInt32BigEndian(target[1..], value);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Take(int count)
    {
        Reserve(count);
        Span<byte> target = buffer.AsSpan(length, count);
        length += count;
        return target;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Reserve(int count)
    {
        if (buffer.Length - length < count)
        {
            Grow(count);
        }
    }

    private void Grow(int count)
    {
        long wanted = Math.Max(length + (long)count, buffer.Length * 2L);
        Array.Resize(ref buffer, (int)Math.Min(Math.Max(wanted, length + (long)count), Array.MaxLength));
        if (buffer.Length - length < count)
        {
            throw new OutOfMemoryException($"a MessagePack buffer cannot grow beyond {Array.MaxLength} bytes");
        }
    }
}
