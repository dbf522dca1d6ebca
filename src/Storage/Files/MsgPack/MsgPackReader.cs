using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Picodata.Storage.Files;

/// <summary>
/// A cursor over MessagePack bytes. It trusts nothing: lengths are checked against what is left, nesting against
/// <see cref="MaxDepth"/>, and no input makes it read outside of its span, loop or throw IndexOutOfRangeException.
///
/// The <c>Try</c> methods return false and leave the position alone when the next value is of another kind, does not fit
/// or is cut off. The <c>Read</c> methods are for bytes that were checked before, and throw
/// <see cref="InvalidDataException"/>.
/// All integer and length forms are accepted, the long ones too.
/// </summary>
public ref struct MsgPackReader
{
    /// <summary>Containers in containers that <see cref="TrySkip"/> goes down.</summary>
    public const int MaxDepth = 1024;

    private readonly ReadOnlySpan<byte> data;
    private int position;

    public MsgPackReader(ReadOnlySpan<byte> data) => this.data = data;

    public MsgPackReader(ReadOnlySpan<byte> data, int position)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)position, (uint)data.Length, nameof(position));
        this.data = data;
        this.position = position;
    }

    /// <summary>Bytes read so far.</summary>
    public readonly int Position => position;

    /// <summary>Bytes left.</summary>
    public readonly int Remaining => data.Length - position;

    public readonly bool AtEnd => position >= data.Length;

    /// <summary>The bytes that are not read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => data[position..];

    public readonly MsgPackKind PeekKind()
    {
        if (position >= data.Length)
        {
            return MsgPackKind.Invalid;
        }

        byte head = data[position];
        return head switch
        {
            <= 0x7f or >= 0xe0 => MsgPackKind.Integer,
            <= 0x8f => MsgPackKind.Map,
            <= 0x9f => MsgPackKind.Array,
            <= 0xbf => MsgPackKind.String,
            0xc0 => MsgPackKind.Nil,
            0xc1 => MsgPackKind.Invalid,
            0xc2 or 0xc3 => MsgPackKind.Boolean,
            <= 0xc6 => MsgPackKind.Binary,
            <= 0xc9 => MsgPackKind.Extension,
            0xca => MsgPackKind.Float32,
            0xcb => MsgPackKind.Float64,
            <= 0xd3 => MsgPackKind.Integer,
            <= 0xd8 => MsgPackKind.Extension,
            <= 0xdb => MsgPackKind.String,
            <= 0xdd => MsgPackKind.Array,
            _ => MsgPackKind.Map,
        };
    }

    public readonly bool NextIsNil => position < data.Length && data[position] == 0xc0;

    public bool TryReadNil()
    {
        if (!NextIsNil)
        {
            return false;
        }

        position++;
        return true;
    }

    public bool TryReadBoolean(out bool value)
    {
        value = position < data.Length && data[position] == 0xc3;
        if (!value && (position >= data.Length || data[position] != 0xc2))
        {
            return false;
        }

        position++;
        return true;
    }

    /// <summary>An integer that fits into 64 bits with sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadInt64(out long value)
    {
        if (position < data.Length && (data[position] <= 0x7f || data[position] >= 0xe0))
        {
            value = (sbyte)data[position++];
            return true;
        }

        int start = position;
        if (TryReadInteger(out bool isNegative, out ulong bits) && (isNegative || bits <= long.MaxValue))
        {
            value = (long)bits;
            return true;
        }

        position = start;
        value = 0;
        return false;
    }

    /// <summary>An integer that is not negative, in any form.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadUInt64(out ulong value)
    {
        if (position < data.Length && data[position] <= 0x7f)
        {
            value = data[position++];
            return true;
        }

        int start = position;
        if (TryReadInteger(out bool isNegative, out value) && !isNegative)
        {
            return true;
        }

        position = start;
        value = 0;
        return false;
    }

    public bool TryReadUInt32(out uint value)
    {
        int start = position;
        if (TryReadUInt64(out ulong wide) && wide <= uint.MaxValue)
        {
            value = (uint)wide;
            return true;
        }

        position = start;
        value = 0;
        return false;
    }

    public bool TryReadInt32(out int value)
    {
        int start = position;
        if (TryReadInt64(out long wide) && wide is >= int.MinValue and <= int.MaxValue)
        {
            value = (int)wide;
            return true;
        }

        position = start;
        value = 0;
        return false;
    }

    /// <summary>
    /// Any integer, -2^63 .. 2^64-1: the sign, and the value's 64 bits (two's complement when negative).
    /// </summary>
    public bool TryReadInteger(out bool isNegative, out ulong bits)
    {
        isNegative = false;
        bits = 0;
        if (position >= data.Length)
        {
            return false;
        }

        byte head = data[position];
        if (head <= 0x7f || head >= 0xe0)
        {
            bits = (ulong)(sbyte)head;
            isNegative = head >= 0xe0;
            position++;
            return true;
        }

        if (head is < 0xcc or > 0xd3)
        {
            return false;
        }

        int size = 1 << (head & 3);
        if (Remaining <= size)
        {
            return false;
        }

        ReadOnlySpan<byte> body = data.Slice(position + 1, size);
        bits = head switch
        {
            0xcc => body[0],
            0xcd => BinaryPrimitives.ReadUInt16BigEndian(body),
            0xce => BinaryPrimitives.ReadUInt32BigEndian(body),
            0xcf => BinaryPrimitives.ReadUInt64BigEndian(body),
            0xd0 => (ulong)(sbyte)body[0],
            0xd1 => (ulong)BinaryPrimitives.ReadInt16BigEndian(body),
            0xd2 => (ulong)BinaryPrimitives.ReadInt32BigEndian(body),
            _ => BinaryPrimitives.ReadUInt64BigEndian(body),
        };
        isNegative = head >= 0xd0 && (long)bits < 0;
        position += size + 1;
        return true;
    }

    /// <summary>A float of 8 bytes; not one of 4 and no integer.</summary>
    public bool TryReadFloat64(out double value)
    {
        if (Remaining < 9 || data[position] != 0xcb)
        {
            value = 0;
            return false;
        }

        value = BinaryPrimitives.ReadDoubleBigEndian(data.Slice(position + 1, 8));
        position += 9;
        return true;
    }

    /// <summary>A float of 4 or 8 bytes.</summary>
    public bool TryReadDouble(out double value)
    {
        if (Remaining >= 5 && data[position] == 0xca)
        {
            value = BinaryPrimitives.ReadSingleBigEndian(data.Slice(position + 1, 4));
            position += 5;
            return true;
        }

        return TryReadFloat64(out value);
    }

    /// <summary>The bytes of a str value (UTF-8 by convention, not checked).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadString(out ReadOnlySpan<byte> utf8)
    {
        if (position < data.Length && (data[position] & 0xe0) == 0xa0)
        {
            int length = data[position] & 0x1f;
            if (Remaining > length)
            {
                utf8 = data.Slice(position + 1, length);
                position += length + 1;
                return true;
            }
        }
        else if (position < data.Length && data[position] is >= 0xd9 and <= 0xdb)
        {
            return TryReadSized(data[position] - 0xd9, out utf8);
        }

        utf8 = default;
        return false;
    }

    public bool TryReadBinary(out ReadOnlySpan<byte> bytes)
    {
        if (position < data.Length && data[position] is >= 0xc4 and <= 0xc6)
        {
            return TryReadSized(data[position] - 0xc4, out bytes);
        }

        bytes = default;
        return false;
    }

    /// <summary>Head of an array; count is never more than bytes are left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadArrayHead(out int count)
    {
        if (position < data.Length && (data[position] & 0xf0) == 0x90)
        {
            count = data[position] & 0x0f;
            if (Remaining > count)
            {
                position++;
                return true;
            }

            return false;
        }

        return TryReadLongHead(0xdc, 1, out count);
    }

    /// <summary>Head of a map: the number of pairs.</summary>
    public bool TryReadMapHead(out int count)
    {
        if (position < data.Length && (data[position] & 0xf0) == 0x80)
        {
            count = data[position] & 0x0f;
            if (Remaining > count * 2)
            {
                position++;
                return true;
            }

            return false;
        }

        return TryReadLongHead(0xde, 2, out count);
    }

    /// <summary>An extension value: its type and payload.</summary>
    public bool TryReadExtension(out sbyte type, out ReadOnlySpan<byte> payload)
    {
        type = 0;
        payload = default;
        if (position >= data.Length)
        {
            return false;
        }

        byte head = data[position];
        long length;
        int headSize;
        if (head is >= 0xd4 and <= 0xd8)
        {
            length = 1 << (head - 0xd4);
            headSize = 2;
        }
        else if (head is >= 0xc7 and <= 0xc9 && TryPeekLength(head - 0xc7, out length))
        {
            headSize = 2 + (1 << (head - 0xc7));
        }
        else
        {
            return false;
        }

        if (Remaining < headSize + length)
        {
            return false;
        }

        type = (sbyte)data[position + headSize - 1];
        payload = data.Slice(position + headSize, (int)length);
        position += headSize + (int)length;
        return true;
    }

    /// <summary>Steps over one value of any kind, containers with all they hold. False: cut off, invalid or too deep.</summary>
    public bool TrySkip()
    {
        int end = SkipFrom(data, position, MaxDepth);
        if (end < 0)
        {
            return false;
        }

        position = end;
        return true;
    }

    /// <summary>Steps over one value and gives its bytes.</summary>
    public bool TryReadRaw(out ReadOnlySpan<byte> raw)
    {
        int start = position;
        bool done = TrySkip();
        raw = done ? data[start..position] : default;
        return done;
    }

    public long ReadInt64() => TryReadInt64(out long value) ? value : throw Wrong("an integer of 64 bits");

    public ulong ReadUInt64() => TryReadUInt64(out ulong value) ? value : throw Wrong("an unsigned integer");

    public uint ReadUInt32() => TryReadUInt32(out uint value) ? value : throw Wrong("an unsigned integer of 32 bits");

    public bool ReadBoolean() => TryReadBoolean(out bool value) ? value : throw Wrong("a boolean");

    public double ReadDouble() => TryReadDouble(out double value) ? value : throw Wrong("a float");

    public ReadOnlySpan<byte> ReadStringBytes() => TryReadString(out ReadOnlySpan<byte> value) ? value : throw Wrong("a string");

    /// <summary>A string; bytes that are not UTF-8 become U+FFFD.</summary>
    public string ReadString() => System.Text.Encoding.UTF8.GetString(ReadStringBytes());

    public ReadOnlySpan<byte> ReadBinary() => TryReadBinary(out ReadOnlySpan<byte> value) ? value : throw Wrong("binary data");

    public int ReadArrayHead() => TryReadArrayHead(out int count) ? count : throw Wrong("an array");

    public int ReadMapHead() => TryReadMapHead(out int count) ? count : throw Wrong("a map");

    public ReadOnlySpan<byte> ReadRaw() => TryReadRaw(out ReadOnlySpan<byte> raw) ? raw : throw Wrong("a value");

    public void Skip()
    {
        if (!TrySkip())
        {
            throw Wrong("a value");
        }
    }

    /// <summary>Where the value at <paramref name="at"/> ends; -1 when it is cut off, invalid or too deep.</summary>
    private static int SkipFrom(ReadOnlySpan<byte> data, int at, int depth)
    {
        if ((uint)at >= (uint)data.Length)
        {
            return -1;
        }

        byte head = data[at];
        if (head <= 0x7f || head >= 0xe0)
        {
            return at + 1;
        }

        if (head is >= 0xa0 and <= 0xbf)
        {
            return Within(data, at + 1L + (head & 0x1f));
        }

        if (head <= 0x8f)
        {
            return SkipMany(data, at + 1, (head & 0x0fL) * 2, depth);
        }

        if (head <= 0x9f)
        {
            return SkipMany(data, at + 1, head & 0x0fL, depth);
        }

        return SkipLongForm(data, at, head, depth);
    }

    private static int SkipLongForm(ReadOnlySpan<byte> data, int at, byte head, int depth)
    {
        switch (head)
        {
            case 0xc0 or 0xc2 or 0xc3:
                return at + 1;
            case 0xc1:
                return -1;
            case 0xca:
                return Within(data, at + 5L);
            case 0xcb:
                return Within(data, at + 9L);
            case >= 0xcc and <= 0xd3:
                return Within(data, at + 1L + (1 << (head & 3)));
            case >= 0xd4 and <= 0xd8:
                return Within(data, at + 2L + (1 << (head - 0xd4)));
        }

        int lengthSize = head switch
        {
            0xc4 or 0xc7 or 0xd9 => 1,
            0xc5 or 0xc8 or 0xda or 0xdc or 0xde => 2,
            _ => 4,
        };
        if (data.Length - at <= lengthSize)
        {
            return -1;
        }

        long length = ReadLength(data.Slice(at + 1, lengthSize));
        return head switch
        {
            0xdc or 0xdd => SkipMany(data, at + 1 + lengthSize, length, depth),
            0xde or 0xdf => SkipMany(data, at + 1 + lengthSize, length * 2, depth),
            <= 0xc6 or >= 0xd9 => Within(data, at + 1L + lengthSize + length),
            _ => Within(data, at + 2L + lengthSize + length),
        };
    }

    private static int SkipMany(ReadOnlySpan<byte> data, int at, long count, int depth)
    {
        if (depth == 0 || count > data.Length - at)
        {
            return -1;
        }

        for (; count > 0; count--)
        {
            at = SkipFrom(data, at, depth - 1);
            if (at < 0)
            {
                return -1;
            }
        }

        return at;
    }

    private static int Within(ReadOnlySpan<byte> data, long end) => end <= data.Length ? (int)end : -1;

    private static long ReadLength(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        1 => bytes[0],
        2 => BinaryPrimitives.ReadUInt16BigEndian(bytes),
        _ => BinaryPrimitives.ReadUInt32BigEndian(bytes),
    };

    private readonly bool TryPeekLength(int power, out long length)
    {
        int size = 1 << power;
        if (Remaining <= size)
        {
            length = 0;
            return false;
        }

        length = ReadLength(data.Slice(position + 1, size));
        return true;
    }

    private bool TryReadSized(int power, out ReadOnlySpan<byte> bytes)
    {
        int head = 1 + (1 << power);
        if (!TryPeekLength(power, out long length) || Remaining < head + length)
        {
            bytes = default;
            return false;
        }

        bytes = data.Slice(position + head, (int)length);
        position += head + (int)length;
        return true;
    }

    private bool TryReadLongHead(byte first, int valuesPerEntry, out int count)
    {
        count = 0;
        if (position >= data.Length || (data[position] != first && data[position] != first + 1))
        {
            return false;
        }

        int power = data[position] - first + 1;
        int head = 1 + (1 << power);
        if (!TryPeekLength(power, out long length) || length * valuesPerEntry > Remaining - head)
        {
            return false;
        }

        count = (int)length;
        position += head;
        return true;
    }

    private readonly InvalidDataException Wrong(string expected) =>
        new($"expected {expected} at byte {position} of {data.Length}, found {(AtEnd ? "the end" : $"{PeekKind()} (0x{data[position]:x2})")}");
}
