using System.Collections.Concurrent;

namespace Picodata.Storage.Files;

/// <summary>Turns stored blocks into rows: checksum, unpacking, parsing. Thread-safe; works on whole units.</summary>
internal sealed class BlockDecoder(LogFileKind kind, long maxUnpacked) : IDisposable
{
    private readonly ConcurrentBag<ZstdCodec> codecs = [];

    /// <summary>Decodes all blocks of a unit; stops behind the first with a problem.</summary>
    public BlockUnit Decode(BlockUnit unit)
    {
        ZstdCodec codec = codecs.TryTake(out ZstdCodec? idle) ? idle : new ZstdCodec();
        // payloads are placed first: the buffer of unpacked bytes moves while it grows
        Span<(int Start, int Length)> places = unit.Count <= 64 ? stackalloc (int, int)[unit.Count] : new (int, int)[unit.Count];
        for (int index = 0; index < unit.Count; index++)
        {
            LogBlock block = unit[index];
            block.Problem = Unpack(unit, block, codec, out places[index]);
            if (block.Problem is not null)
            {
                break;
            }
        }

        codecs.Add(codec);
        ParseBlocks(unit, places);
        return unit;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (codecs.TryTake(out ZstdCodec? codec))
        {
            codec.Dispose();
        }
    }

    private void ParseBlocks(BlockUnit unit, ReadOnlySpan<(int Start, int Length)> places)
    {
        Span<(int First, int Count)> rows = unit.Count <= 64 ? stackalloc (int, int)[unit.Count] : new (int, int)[unit.Count];
        rows.Clear();
        byte[] unpacked = unit.Unpacked.Buffer;
        for (int index = 0; index < unit.Count && unit[index].Problem is null; index++)
        {
            LogBlock block = unit[index];
            block.SetPayload(block.IsCompressed ? unpacked : unit.Stored, places[index].Start, places[index].Length);
            int first = unit.RowCount;
            block.Problem = Parse(unit, block);
            rows[index] = (first, unit.RowCount - first);
        }

        for (int index = 0; index < unit.Count; index++)
        {
            unit[index].SetRows(unit.RowArray, rows[index].First, rows[index].Count);
        }
    }

    private LogProblem? Unpack(BlockUnit unit, LogBlock block, ZstdCodec codec, out (int Start, int Length) place)
    {
        place = ((int)(block.Offset - unit.Start) + BlockFormat.FixheaderSize, (int)block.StoredSize - BlockFormat.FixheaderSize);
        ReadOnlySpan<byte> stored = unit.Stored.AsSpan(place.Start, place.Length);
        uint crc = Crc32C.Compute(stored);
        if (crc != block.StoredCrc)
        {
            return Problem(block, DamageKinds.BlockBadCrc, $"checksum {block.StoredCrc:x8}", $"{crc:x8}");
        }

        if (!block.IsCompressed)
        {
            return null;
        }

        int start = unit.Unpacked.Length;
        UnpackResult result = codec.Decompress(stored, unit.Unpacked, maxUnpacked - start);
        place = (start, unit.Unpacked.Length - start);
        return result switch
        {
            UnpackResult.TooLarge => Problem(block, DamageKinds.BlockTooLarge, $"at most {maxUnpacked} bytes when unpacked", "more"),
            UnpackResult.BadFrame => Problem(block, DamageKinds.BlockBadZstd, "whole zstd frames", $"a frame that is damaged or cut ({place.Length} bytes came out)"),
            _ when place.Length == 0 => Problem(block, DamageKinds.BlockEmpty, "a block with rows", "an empty frame"),
            _ => null,
        };
    }

    private LogProblem? Parse(BlockUnit unit, LogBlock block)
    {
        ReadOnlySpan<byte> payload = block.Payload;
        var reader = new MsgPackReader(payload);
        for (int number = 0; !reader.AtEnd; number++)
        {
            int start = reader.Position;
            ref LogRow row = ref unit.AddRow();
            bool whole = RowHeader.TryRead(ref reader, out row.Header, out string problem);
            if (whole && reader.AtEnd)
            {
                row.Body.Problem = row.Header.Type == RequestType.Nop ? null : "a request without a body";
            }
            else if (whole && row.Header.Type != RequestType.Nop)
            {
                whole = RowBody.TryRead(row.Header.Type, payload, ref reader, out row.Body);
                problem = "row body is cut off or invalid";
            }

            if (!whole)
            {
                unit.DropLastRow();
                return Problem(block, DamageKinds.RowBadMsgPack, "rows as MessagePack maps", $"{problem} (row {number} of the block, byte {reader.Position} of its payload)");
            }

            row.Whole = new PayloadSlice(start, reader.Position - start);
            if (kind == LogFileKind.Snap && row.Header.Type is not (RequestType.Insert or RequestType.Raft or RequestType.RaftPromote))
            {
                row.Body.Problem ??= $"a request of type {(uint)row.Header.Type} in a snapshot";
            }
        }

        return null;
    }

    private static LogProblem Problem(LogBlock block, string damage, string expected, string found) =>
        new(damage, block.Offset, expected, found, true);
}
