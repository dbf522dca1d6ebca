using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Storage.Files;
using Picodata.Storage.Files.Inspection;
using Xunit;

namespace Picodata.Unit.Files;

/// <summary>
/// Random and changed files: no crash, no hang, no unbounded memory, and what is read is always parsed rows. Changed
/// blocks get a right checksum half of the time, so that what is behind the checksum is reached as well.
/// </summary>
public class FuzzTests
{
    private const string LogPath = "/data/00000000000000000004.xlog";
    private const string SnapPath = "/data/00000000000000000004.snap";

    [Fact]
    public void Twenty_thousand_changed_files_are_read_or_refused() => Fuzz(seed: 1, rounds: 20_000);

    [Fact]
    [Trait("speed", "long")]
    public void A_million_changed_files_are_read_or_refused() =>
        Parallel.For(0, 10, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, part => Fuzz(seed: 100 + part, rounds: 100_000));

    private static void Fuzz(int seed, int rounds)
    {
        var random = new Random(seed);
        byte[][] bases = [Small(random, false), Small(random, true), Small(random, false), []];
        ModelledDisk disk = LogFileTests.NewDisk();
        for (int round = 0; round < rounds; round++)
        {
            bool isSnap = random.Next(4) == 0;
            byte[] bytes = Change(random, bases[random.Next(bases.Length)]);
            if (isSnap && bytes.AsSpan().StartsWith("XLOG"u8))
            {
                "SNAP"u8.CopyTo(bytes);
            }

            string path = isSnap ? SnapPath : LogPath;
            disk.Place(path, bytes);
            try
            {
                Read(disk, path, random);
            }
            catch (Exception failure) when (failure is not CorruptionException)
            {
                Assert.Fail($"seed {seed}, round {round}: {failure}\n{Convert.ToHexString(bytes)}");
            }
        }
    }

    private static void Read(ModelledDisk disk, string path, Random random)
    {
        var options = new LogReadOptions
        {
            Damage = (DamagePolicy)random.Next(3), Parallelism = random.Next(50) == 0 ? 2 : 0, MaxUnpacked = 1 << 20, AcceptTornTail = random.Next(2) == 0,
        };
        if (random.Next(20) == 0)
        {
            FileInspector.Inspect(disk, path, new InspectOptions { Json = random.Next(2) == 0 }, TextWriter.Null);
            return;
        }

        try
        {
            using LogFileReader reader = LogFileReader.Open(disk, path, options);
            long rows = 0;
            while (reader.TryReadTransaction(out LogTransaction transaction))
            {
                rows += transaction.Rows.Length;
                Assert.True(transaction.Rows[^1].Header.IsLast);
            }

            Assert.InRange(reader.RowsRead, rows, disk.Fetch(path).Length * 1000L);
            Assert.True(reader.End is not null || reader.IsDamaged);
        }
        catch (CorruptionException damage)
        {
            Assert.True(options.Damage == DamagePolicy.Refuse || damage.Kind.StartsWith("META_", StringComparison.Ordinal), damage.Kind);
            Assert.InRange(damage.Offset, -1, disk.Fetch(path).Length);
        }
    }

    private static byte[] Small(Random random, bool compress)
    {
        using var encoder = new BlockEncoder(new BlockEncoderOptions { Compress = compress, TargetPayload = 300 });
        long lsn = 5;
        for (int number = 0; number < 12; number++)
        {
            int rows = random.Next(1, 4);
            encoder.BeginTransaction();
            long first = lsn;
            for (int row = 0; row < rows; row++)
            {
                byte[] tuple = [0x92, .. MsgPackTests.Random(random, 1), .. MsgPackTests.Random(random, 2), .. compress ? new byte[0] : []];
                RowEncoder.WriteTuple(encoder.Rows, new RowHeader(RequestType.Insert, 1, 0, lsn++, 1, first, row == rows - 1), 280, tuple);
            }

            encoder.EndTransaction();
        }

        byte[] header = new LogHeader(LogFileKind.Xlog, Guid.NewGuid(), VClock.Of(1, 4)).Encode();
        return [.. header, .. encoder.Seal().Span, .. BlockFormat.EofMarker];
    }

    private static byte[] Change(Random random, byte[] original)
    {
        var bytes = original.ToList();
        if (bytes.Count == 0)
        {
            byte[] noise = new byte[random.Next(600)];
            random.NextBytes(noise);
            return random.Next(2) == 0 ? noise : [.. new LogHeader(LogFileKind.Xlog, Guid.NewGuid(), VClock.Of(1, 4)).Encode(), .. noise];
        }

        for (int changes = random.Next(1, 5); changes > 0 && bytes.Count > 2; changes--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(7))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 40), bytes.Count - at));
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count), 1));
                    break;
                case 4:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 5:
                    int from = random.Next(bytes.Count);
                    bytes.InsertRange(at, bytes.GetRange(from, Math.Min(random.Next(100), bytes.Count - from)));
                    break;
                default:
                    bytes[at] = (byte)(0xc0 + random.Next(0x20));
                    break;
            }
        }

        byte[] changed = [.. bytes];
        if (random.Next(2) == 0)
        {
            CorrectChecksums(changed);
        }

        return changed;
    }

    /// <summary>Gives every block that can be found by its magic and length the checksum of what it holds now.</summary>
    private static void CorrectChecksums(Span<byte> bytes)
    {
        for (int at = 0; at + BlockFormat.FixheaderSize < bytes.Length; at++)
        {
            Span<byte> block = bytes[at..];
            if (block[0] == 0xd5 && block[1] == 0xba && BlockFormat.TryReadFixheader(block, out bool isCompressed, out uint length, out _, out _)
                && length > 0 && BlockFormat.FixheaderSize + length <= block.Length)
            {
                uint crc = Crc32C.Compute(block.Slice(BlockFormat.FixheaderSize, (int)length));
                BlockFormat.WriteFixheader(block, isCompressed, length, crc);
            }
        }
    }
}
