using System.Buffers.Binary;
using Picodata.Core;

namespace Picodata.Storage.Files;

/// <summary>
/// Walks over the blocks of a file by their fixheaders, without looking into payloads, and judges the end of the file.
/// With r the bytes from the position of a block to the end of the file, in this order:
///   r &lt; 4: unfinished; EOF marker: finished if r = 4, else damage; r &lt; 19: unfinished, whatever the bytes are;
///   fixheader invalid: damage; r &lt; 19 + length: unfinished, unless something valid follows, then the length is damaged.
/// </summary>
/// <param name="length">Length of the file when it was opened; what is appended later is not looked at.</param>
internal sealed class BlockScanner(IFile file, long length, LogFileKind kind, long start)
{
    private const int UnitSize = 256 * 1024;

    // blocks that unpack to more; what one unit unpacks to is held in memory at once
    private const int MaxCompressed = 4;

    private readonly TailSearch tail = new(file, length);

    /// <summary>Offset at which the next unit starts.</summary>
    public long Position { get; set; } = start;

    public TailSearch Tail => tail;

    /// <summary>Reads on from <see cref="Position"/> until enough blocks are there, or damage or the end is met.</summary>
    public void Scan(BlockUnit unit)
    {
        unit.Reset(Position);
        Load(unit, (int)Math.Min(UnitSize, length - Position));
        bool more = true;
        while (more)
        {
            more = ScanBlock(unit);
        }
    }

    private bool ScanBlock(BlockUnit unit)
    {
        int at = (int)(Position - unit.Start);
        int loaded = unit.StoredLength - at;
        long left = length - Position;
        if (loaded < Math.Min(left, BlockFormat.FixheaderSize))
        {
            return false;
        }

        if (left < 4)
        {
            return Unfinished(unit, left, BlockFormat.FixheaderSize);
        }

        uint magic = BinaryPrimitives.ReadUInt32BigEndian(unit.Stored.AsSpan(at));
        if (magic == BlockFormat.EofMagic)
        {
            return Finished(unit, left);
        }

        if (left < BlockFormat.FixheaderSize)
        {
            return Unfinished(unit, left, BlockFormat.FixheaderSize);
        }

        if (magic is not (BlockFormat.PlainMagic or BlockFormat.ZstdMagic))
        {
            return Damaged(unit, DamageKinds.BlockBadMagic, "the magic of a block (d5ba0bab, d5ba0bba) or the EOF marker (d510aded)", $"{magic:x8}");
        }

        ReadOnlySpan<byte> fixheader = unit.Stored.AsSpan(at, BlockFormat.FixheaderSize);
        if (!BlockFormat.TryReadFixheader(fixheader, out bool isCompressed, out uint payload, out uint crc, out string problem))
        {
            return Damaged(unit, DamageKinds.BlockBadFixheader, "a fixheader of 19 bytes", problem);
        }

        return payload == 0
            ? Damaged(unit, DamageKinds.BlockEmpty, "a block with rows", "a payload of 0 bytes")
            : TakeBlock(unit, at, loaded, BlockFormat.FixheaderSize + (long)payload, isCompressed, crc);
    }

    private bool TakeBlock(BlockUnit unit, int at, int loaded, long size, bool isCompressed, uint crc)
    {
        long left = length - Position;
        if (left < size)
        {
            return Unfinished(unit, left, size, crc);
        }

        if (loaded < size)
        {
            if (at > 0)
            {
                return false;
            }

            if (size > Array.MaxLength)
            {
                return Damaged(unit, DamageKinds.BlockTooLarge, $"a block of at most {Array.MaxLength} bytes", $"{size} bytes");
            }

            Load(unit, (int)size);
        }

        unit.AddBlock(Position, size, isCompressed, crc);
        Position += size;
        return !isCompressed || unit.Compressed < MaxCompressed;
    }

    private void Load(BlockUnit unit, int size)
    {
        int have = unit.StoredLength;
        Span<byte> room = unit.Resize(size)[have..];
        if (file.Read(unit.Start + have, room) != room.Length)
        {
            throw new IOException($"{file.Path} became shorter while it was read");
        }
    }

    private bool Finished(BlockUnit unit, long left)
    {
        if (left > 4)
        {
            return Damaged(unit, DamageKinds.DataAfterEof, "the end of the file behind the EOF marker", $"{left - 4} more bytes");
        }

        unit.End = new LogEnd(true, Position);
        return false;
    }

    private bool Unfinished(BlockUnit unit, long left, long wanted, uint? crc = null)
    {
        string? hidden = crc is null || left <= BlockFormat.FixheaderSize ? null
            : tail.HasChecksum(Position + BlockFormat.FixheaderSize, crc.Value) ? "the whole payload (its checksum is right)"
            : tail.FindBehind(Position);
        if (left > 0)
        {
            unit.AddRemark(DamageKinds.TailTruncated, Position, $"{wanted} bytes", $"{left} bytes to the end of the file");
        }

        if (hidden is not null)
        {
            unit.AddRemark(DamageKinds.NoEofMarker, Position, "the EOF marker", "the end of the file");
            return Damaged(unit, DamageKinds.TailHidesData, $"a block of {wanted} bytes", $"{left} bytes to the end of the file, with {hidden} among them: the length is damaged");
        }

        if (kind == LogFileKind.Snap)
        {
            return Damaged(unit, DamageKinds.NoEofMarker, "the EOF marker at the end of a snapshot", $"an unfinished file of {length} bytes");
        }

        unit.AddRemark(DamageKinds.NoEofMarker, Position, "the EOF marker", "the end of the file: the log was not closed");
        unit.End = new LogEnd(false, Position);
        return false;
    }

    private bool Damaged(BlockUnit unit, string damage, string expected, string found)
    {
        unit.Problem = new LogProblem(damage, Position, expected, found, true);
        return false;
    }
}
