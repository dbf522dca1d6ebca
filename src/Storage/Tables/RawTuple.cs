using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>
/// Walks over MessagePack by pointer, without bounds. Only for bytes that were checked when they entered the engine
/// (<see cref="TupleFormat"/> for rows, <see cref="KeyDef.CheckKey"/> for keys).
/// </summary>
internal static unsafe class RawTuple
{
    /// <summary>The byte behind the value at <paramref name="p"/>.</summary>
    public static byte* Skip(byte* p)
    {
        long pending = 1;
        do
        {
            byte head = *p++;
            if (head <= 0x7f || head >= 0xe0)
            {
                continue;
            }

            if (head >= 0xa0 && head <= 0xbf)
            {
                p += head & 0x1f;
            }
            else if (head <= 0x8f)
            {
                pending += 2 * (head & 0x0f);
            }
            else if (head <= 0x9f)
            {
                pending += head & 0x0f;
            }
            else
            {
                p = SkipLong(p, head, ref pending);
            }
        }
        while (--pending > 0);
        return p;
    }

    private static byte* SkipLong(byte* p, byte head, ref long pending)
    {
        switch (head)
        {
            case 0xcc or 0xd0: return p + 1;
            case 0xcd or 0xd1: return p + 2;
            case 0xca or 0xce or 0xd2: return p + 4;
            case 0xcb or 0xcf or 0xd3: return p + 8;
            case 0xc4 or 0xd9: return p + 1 + *p;
            case 0xc5 or 0xda: return p + 2 + Read16(p);
            case 0xc6 or 0xdb: return p + 4 + Read32(p);
            case 0xc7: return p + 2 + *p;
            case 0xc8: return p + 3 + Read16(p);
            case 0xc9: return p + 5 + Read32(p);
            case 0xd4: return p + 2;
            case 0xd5: return p + 3;
            case 0xd6: return p + 5;
            case 0xd7: return p + 9;
            case 0xd8: return p + 17;
            case 0xdc: pending += Read16(p); return p + 2;
            case 0xdd: pending += Read32(p); return p + 4;
            case 0xde: pending += 2L * Read16(p); return p + 2;
            case 0xdf: pending += 2L * Read32(p); return p + 4;
            default: return p; // nil, booleans
        }
    }

    /// <summary>Reads the head of an array; <paramref name="p"/> moves to its first element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ArrayHead(ref byte* p)
    {
        byte head = *p++;
        if (head >= 0x90 && head <= 0x9f)
        {
            return head & 0x0fu;
        }

        uint count = head == 0xdc ? Read16(p) : Read32(p);
        p += head == 0xdc ? 2 : 4;
        return count;
    }

    public static uint MapHead(ref byte* p)
    {
        byte head = *p++;
        if (head <= 0x8f)
        {
            return head & 0x0fu;
        }

        uint count = head == 0xde ? Read16(p) : Read32(p);
        p += head == 0xde ? 2 : 4;
        return count;
    }

    /// <summary>Field of a row, or null when the row is shorter.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Field(byte* tuple, int field)
    {
        uint count = ArrayHead(ref tuple);
        if ((uint)field >= count)
        {
            return null;
        }

        while (field-- > 0)
        {
            tuple = *tuple <= 0x7f ? tuple + 1 : Skip(tuple);
        }

        return tuple;
    }

    public static bool IsInteger(byte head) => head <= 0x7f || head >= 0xe0 || (head >= 0xcc && head <= 0xcf) || (head >= 0xd0 && head <= 0xd3);

    /// <summary>An integer as sign and two's complement bits: (sign, bits) compare as the number does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ReadInteger(byte* p, out ulong bits)
    {
        byte head = *p;
        if (head <= 0x7f)
        {
            bits = head;
            return false;
        }

        return ReadLongInteger(p, head, out bits);
    }

    private static bool ReadLongInteger(byte* p, byte head, out ulong bits)
    {
        long value;
        switch (head)
        {
            case 0xcc: bits = p[1]; return false;
            case 0xcd: bits = Read16(p + 1); return false;
            case 0xce: bits = Read32(p + 1); return false;
            case 0xcf: bits = Read64(p + 1); return false;
            case 0xd0: value = (sbyte)p[1]; break;
            case 0xd1: value = (short)Read16(p + 1); break;
            case 0xd2: value = (int)Read32(p + 1); break;
            case 0xd3: value = (long)Read64(p + 1); break;
            default: value = (sbyte)head; break;
        }

        bits = (ulong)value;
        return value < 0;
    }

    public static double ReadFloat(byte* p) => *p == 0xca
        ? BitConverter.UInt32BitsToSingle(Read32(p + 1))
        : BitConverter.UInt64BitsToDouble(Read64(p + 1));

    /// <summary>Bytes of a string or of varbinary.</summary>
    public static ReadOnlySpan<byte> ReadBytes(byte* p)
    {
        byte head = *p++;
        if (head >= 0xa0 && head <= 0xbf)
        {
            return new ReadOnlySpan<byte>(p, head & 0x1f);
        }

        return head switch
        {
            0xc4 or 0xd9 => new ReadOnlySpan<byte>(p + 1, *p),
            0xc5 or 0xda => new ReadOnlySpan<byte>(p + 2, Read16(p)),
            _ => new ReadOnlySpan<byte>(p + 4, (int)Read32(p)),
        };
    }

    public static ReadOnlySpan<byte> ReadExtension(byte* p, out sbyte type)
    {
        byte head = *p++;
        if (head >= 0xd4)
        {
            type = (sbyte)*p;
            return new ReadOnlySpan<byte>(p + 1, 1 << (head - 0xd4));
        }

        int lengthBytes = head == 0xc7 ? 1 : head == 0xc8 ? 2 : 4;
        int length = head == 0xc7 ? *p : head == 0xc8 ? Read16(p) : (int)Read32(p);
        type = (sbyte)p[lengthBytes];
        return new ReadOnlySpan<byte>(p + lengthBytes + 1, length);
    }

    /// <summary>Type of the extension at <paramref name="p"/>, or -1 when it is none.</summary>
    public static int ExtensionType(byte* p) => *p switch
    {
        >= 0xd4 and <= 0xd8 => p[1],
        0xc7 => p[2],
        0xc8 => p[3],
        0xc9 => p[5],
        _ => -1,
    };

    public static MpDecimal ReadDecimal(byte* p)
    {
        ReadOnlySpan<byte> payload = ReadExtension(p, out _);
        return MpDecimal.TryDecode(payload, out MpDecimal value) ? value : default;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Read16(byte* p) => BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ushort>(p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Read32(byte* p) => BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<uint>(p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Read64(byte* p) => BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(p));
}
