using System.Buffers;
using System.Buffers.Binary;
using Picodata.Core;

namespace Picodata.Storage.Files;

/// <summary>
/// Looks behind damage: for the next block that is whole and has the right checksum, for the EOF marker, and for the
/// marks of a write that was never finished. The work of one search is bounded, whatever the bytes are.
/// </summary>
/// <param name="length">Where the file ends for this reading; a live log may have grown since.</param>
internal sealed class TailSearch(IFile file, long length)
{
    private const int ChunkSize = 1 << 20;
    private const int Sector = 512;

    // a sector of which at least so many bytes at one side were never written counts as torn
    private const int TornRun = 16;

    /// <summary>What valid thing follows behind an offset, in words; null when nothing does.</summary>
    public string? FindBehind(long offset)
    {
        long block = FindBlock(offset + 1);
        return block >= 0 ? $"a valid block at {block}"
            : EndsWithMarker(offset + 1) ? "the EOF marker"
            : null;
    }

    /// <summary>True when the bytes from <paramref name="from"/> to the end of the file have a checksum.</summary>
    public bool HasChecksum(long from, uint crc) => ChecksumAt(from, length - from) == crc;

    /// <summary>True when the file ends with the EOF marker and that begins at or behind <paramref name="from"/>.</summary>
    public bool EndsWithMarker(long from)
    {
        Span<byte> last = stackalloc byte[4];
        return length - 4 >= from && file.Read(length - 4, last) == 4 && last.SequenceEqual(BlockFormat.EofMarker);
    }

    /// <summary>True when a block with a right fixheader, or the EOF marker at the end, stands at <paramref name="offset"/>.</summary>
    public bool IsBoundary(long offset)
    {
        Span<byte> bytes = stackalloc byte[BlockFormat.FixheaderSize];
        int read = file.Read(offset, bytes[..(int)Math.Min(bytes.Length, length - offset)]);
        return offset == length
            || (offset == length - 4 && EndsWithMarker(offset))
            || (read == bytes.Length && TryReadSize(bytes, out _, out _));
    }

    /// <summary>Offset of the first block at or behind <paramref name="from"/> whose checksum is right, or -1.</summary>
    public long FindBlock(long from)
    {
        // a file made of nothing but beginnings of blocks would make this quadratic
        long budget = 4 * Math.Max(0, length - from) + (64L << 20);
        byte[] chunk = ArrayPool<byte>.Shared.Rent(ChunkSize);
        try
        {
            while (from <= length - BlockFormat.FixheaderSize)
            {
                int read = file.Read(from, chunk.AsSpan(0, (int)Math.Min(ChunkSize, length - from)));
                long found = FindBlock(chunk.AsSpan(0, read), from, ref budget);
                if (found >= 0 || read < ChunkSize || budget < 0)
                {
                    return found;
                }

                from += read - (BlockFormat.FixheaderSize - 1);
            }

            return -1;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    /// <summary>
    /// True when the bytes from a damaged block to the end look like one write that a power loss tore: no valid block
    /// and no EOF marker behind its start, and a sector of it that was not written (zeros), in whole or at one side.
    /// </summary>
    public bool IsTorn(long offset)
    {
        if (FindBehind(offset) is not null)
        {
            return false;
        }

        byte[] chunk = ArrayPool<byte>.Shared.Rent(ChunkSize);
        try
        {
            bool torn = false;
            for (long at = offset; at < length && !torn;)
            {
                int wanted = (int)Math.Min(ChunkSize - (at % Sector), length - at);
                int read = file.Read(at, chunk.AsSpan(0, wanted));
                torn = HasTornSector(chunk.AsSpan(0, read), at);
                at += Math.Max(1, read);
            }

            return torn;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    private static bool HasTornSector(ReadOnlySpan<byte> bytes, long offset)
    {
        while (!bytes.IsEmpty)
        {
            int size = (int)Math.Min(bytes.Length, Sector - (offset % Sector));
            ReadOnlySpan<byte> sector = bytes[..size];
            int leading = sector.IndexOfAnyExcept((byte)0);
            int trailing = size - 1 - sector.LastIndexOfAnyExcept((byte)0);
            if (leading < 0 || leading >= TornRun || trailing >= TornRun)
            {
                return true;
            }

            bytes = bytes[size..];
            offset += size;
        }

        return false;
    }

    private long FindBlock(ReadOnlySpan<byte> chunk, long offset, ref long budget)
    {
        ReadOnlySpan<byte> magic = [0xd5, 0xba, 0x0b];
        for (int at = 0; budget >= 0; at++)
        {
            int next = chunk[at..].IndexOf(magic);
            if (next < 0 || chunk.Length - (at += next) < BlockFormat.FixheaderSize)
            {
                return -1;
            }

            if (TryReadSize(chunk.Slice(at, BlockFormat.FixheaderSize), out long payload, out uint crc)
                && offset + at + BlockFormat.FixheaderSize + payload <= length)
            {
                budget -= payload + BlockFormat.FixheaderSize;
                if (budget >= 0 && ChecksumAt(offset + at + BlockFormat.FixheaderSize, payload) == crc)
                {
                    return offset + at;
                }
            }
        }

        return -1;
    }

    private static bool TryReadSize(ReadOnlySpan<byte> fixheader, out long payload, out uint crc)
    {
        payload = 0;
        crc = 0;
        if (BinaryPrimitives.ReadUInt32BigEndian(fixheader) is not (BlockFormat.PlainMagic or BlockFormat.ZstdMagic))
        {
            return false;
        }

        bool valid = BlockFormat.TryReadFixheader(fixheader, out _, out uint size, out crc, out _);
        payload = size;
        return valid && size > 0;
    }

    private uint ChecksumAt(long offset, long count)
    {
        byte[] chunk = ArrayPool<byte>.Shared.Rent((int)Math.Min(count, ChunkSize));
        try
        {
            uint crc = 0;
            while (count > 0)
            {
                int read = file.Read(offset, chunk.AsSpan(0, (int)Math.Min(count, chunk.Length)));
                if (read == 0)
                {
                    return ~crc;
                }

                crc = Crc32C.Continue(crc, chunk.AsSpan(0, read));
                offset += read;
                count -= read;
            }

            return crc;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
