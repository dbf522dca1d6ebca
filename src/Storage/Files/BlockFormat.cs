using System.Buffers.Binary;

namespace Picodata.Storage.Files;

/// <summary>
/// What stands behind the text header: blocks, then the EOF marker, without alignment or index.
///
/// A block is a fixheader of exactly 19 bytes and a payload of one or more rows:
///   magic d5 ba 0b ab (plain) or d5 ba 0b ba (zstd); length of the payload, MessagePack unsigned; checksum of the
///   previous block, always 0, never looked at; checksum of the payload as stored (<see cref="Crc32C"/>); one MessagePack
///   value that fills the rest (a string of zeros).
/// The EOF marker is d5 10 ad ed and must be the end of the file.
///
/// Invariants of what is written here:
///   B1 numbers have their shortest form; B2 no block is empty; B3 a transaction is in one block; B4 every finished file
///   ends with the EOF marker.
/// </summary>
public static class BlockFormat
{
    public const int FixheaderSize = 19;

    /// <summary>A payload longer than this is no payload.</summary>
    public const long MaxPayload = 1L << 31;

    /// <summary>Fixheader and payload that reach this are compressed by a writer that compresses.</summary>
    public const int CompressionThreshold = 2048;

    /// <summary>A block is closed when its payload reaches this.</summary>
    public const int TargetPayload = 128 * 1024;

    /// <summary>The magics, read as big-endian numbers.</summary>
    public const uint PlainMagic = 0xd5ba0bab, ZstdMagic = 0xd5ba0bba, EofMagic = 0xd510aded;

    /// <summary>The last four bytes of a finished file.</summary>
    public static ReadOnlySpan<byte> EofMarker => [0xd5, 0x10, 0xad, 0xed];

    /// <summary>Writes a fixheader into the first 19 bytes of <paramref name="target"/>.</summary>
    public static void WriteFixheader(Span<byte> target, bool isCompressed, uint length, uint crc)
    {
        BinaryPrimitives.WriteUInt32BigEndian(target, isCompressed ? ZstdMagic : PlainMagic);
        int at = 4;
        at += WriteUnsigned(target[at..], length);
        target[at++] = 0;
        at += WriteUnsigned(target[at..], crc);
        int padding = FixheaderSize - at;
        if (padding > 0)
        {
            target[at] = (byte)(0xa0 | (padding - 1));
            target.Slice(at + 1, padding - 1).Clear();
        }
    }

    /// <summary>Reads a fixheader whose magic is right; false with the reason when it is malformed.</summary>
    /// <param name="fixheader">19 bytes.</param>
    public static bool TryReadFixheader(ReadOnlySpan<byte> fixheader, out bool isCompressed, out uint length, out uint crc, out string problem)
    {
        isCompressed = BinaryPrimitives.ReadUInt32BigEndian(fixheader) == ZstdMagic;
        crc = 0;
        length = 0;
        var reader = new MsgPackReader(fixheader[..FixheaderSize], 4);
        if (!reader.TryReadUInt64(out ulong wide) || wide >= MaxPayload)
        {
            problem = $"a length that is {RowHeader.Describe(reader.PeekKind())} or too large";
            return false;
        }

        length = (uint)wide;
        if (!reader.TryReadUInt64(out _) || !reader.TryReadUInt32(out crc))
        {
            problem = $"a checksum that is {RowHeader.Describe(reader.PeekKind())} or too large";
            return false;
        }

        problem = "";
        if (reader.AtEnd || (reader.TrySkip() && reader.AtEnd))
        {
            return true;
        }

        problem = $"padding {Convert.ToHexStringLower(reader.Rest)}";
        return false;
    }

    private static int WriteUnsigned(Span<byte> target, uint value)
    {
        switch (value)
        {
            case <= 0x7f:
                target[0] = (byte)value;
                return 1;
            case <= 0xff:
                target[0] = 0xcc;
                target[1] = (byte)value;
                return 2;
            case <= 0xffff:
                target[0] = 0xcd;
                BinaryPrimitives.WriteUInt16BigEndian(target[1..], (ushort)value);
                return 3;
            default:
                target[0] = 0xce;
                BinaryPrimitives.WriteUInt32BigEndian(target[1..], value);
                return 5;
        }
    }
}
