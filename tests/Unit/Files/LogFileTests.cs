using System.Text;
using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Files;

/// <summary>Files that we write ourselves: their bytes, and that they are read as they were written.</summary>
public class LogFileTests
{
    private const string LogPath = "/data/00000000000000000004.xlog";
    private static readonly Guid Instance = Guid.Parse("11111111-2222-4333-8444-555555555555");

    [Fact]
    public void A_log_row_has_the_bytes_of_the_worked_example()
    {
        using var encoder = new BlockEncoder(new BlockEncoderOptions());
        encoder.BeginTransaction();
        double time = BitConverter.Int64BitsToDouble(0x41dac0c98233f1c1);
        RowEncoder.WriteTuple(encoder.Rows, RowHeader.Single(RequestType.Insert, 1, 4, time), 512, [0x92, 0x01, 0xa1, 0x61]);
        encoder.EndTransaction();
        Assert.Equal(
            "d5ba0bab1b00ce4ae729c0a700000000000000" + "8400020201030404cb41dac0c98233f1c1" + "8210cd0200219201a161",
            Convert.ToHexStringLower(encoder.Seal().Span));
    }

    [Fact]
    public void A_transaction_of_two_rows_has_the_bytes_of_the_worked_example()
    {
        using var encoder = new BlockEncoder(new BlockEncoderOptions());
        double time = BitConverter.Int64BitsToDouble(0x41dac0cd98a68dc4);
        encoder.BeginTransaction();
        RowEncoder.WriteTuple(encoder.Rows, new RowHeader(RequestType.Insert, 1, 0, 5, time, 5, false), 700, [0x92, 0x01, 0x64]);
        RowEncoder.WriteTuple(encoder.Rows, new RowHeader(RequestType.Insert, 1, 0, 6, time, 5, true), 700, [0x92, 0x02, 0x00]);
        encoder.EndTransaction();
        Assert.Equal(
            "d5ba0bab3a00cec2c95754a700000000000000" + "8500020201030504cb41dac0cd98a68dc40800" + "8210cd02bc21920164"
            + "8600020201030604cb41dac0cd98a68dc408010901" + "8210cd02bc21920200",
            Convert.ToHexStringLower(encoder.Seal().Span));
    }

    [Fact]
    public void Snapshot_rows_have_the_bytes_of_the_worked_example()
    {
        var writer = new MsgPackWriter();
        double time = BitConverter.Int64BitsToDouble(0x41dac0cd987c0668);
        RowEncoder.WriteSnapshotRow(writer, 0, time, false, 272, [0x92, 0xa1, 0x61, 0x01]);
        RowEncoder.WriteSnapshotRow(writer, 1, time, false, 272, [0x90]);
        Assert.Equal(
            "82000204cb41dac0cd987c0668" + "8210ce000001102192a16101" + "830002030104cb41dac0cd987c0668" + "8210ce000001102190",
            Convert.ToHexStringLower(writer.WrittenSpan));
    }

    [Theory]
    [InlineData("", 0u)]
    [InlineData("a", 0x93AD1061u)]
    [InlineData("123456789", 0x58E3FA20u)]
    public void The_checksum_starts_with_zero_and_is_not_inverted(string text, uint crc)
    {
        Assert.Equal(crc, Crc32C.Compute(Encoding.ASCII.GetBytes(text)));
        Assert.Equal(0u, Crc32C.Compute(new byte[32]));
    }

    [Theory]
    [InlineData("{}", "{}")]
    [InlineData("{1: 10}", "{1: 10}")]
    [InlineData("  { 2 :3 ,1:  10 , } ", "{1: 10, 2: 3}")]
    [InlineData("{1: 0}", "{}")]
    [InlineData("{0: 1, 31: 9223372036854775806}", "{0: 1, 31: 9223372036854775806}")]
    [InlineData("{32: 1}", null)]
    [InlineData("{1: 1, 1: 2}", null)]
    [InlineData("{1: -1}", null)]
    [InlineData("{1: 9223372036854775808}", null)]
    [InlineData("{1: 9223372036854775807, 2: 1}", null)]
    [InlineData("{1 1}", null)]
    [InlineData("{,}", null)]
    [InlineData("1: 1", null)]
    [InlineData("", null)]
    public void Vector_clocks_are_read_and_written(string text, string? expected)
    {
        Assert.Equal(expected is not null, VClock.TryParse(text, out VClock clock));
        if (expected is not null)
        {
            Assert.Equal(expected, clock.ToString());
        }
    }

    [Fact]
    public void Vector_clocks_are_compared_by_component()
    {
        VClock one = VClock.Of(1, 5), two = VClock.Of(1, 5).With(2, 1), three = VClock.Of(2, 9);
        Assert.Equal(VClockOrder.Before, one.CompareTo(two));
        Assert.Equal(VClockOrder.After, two.CompareTo(one));
        Assert.Equal(VClockOrder.Incomparable, one.CompareTo(three));
        Assert.Equal(VClockOrder.Equal, one.Max(two).CompareTo(two));
        Assert.Equal(6, two.Signature);
    }

    [Fact]
    public void A_header_has_the_lines_of_the_format_and_comes_back()
    {
        var header = new LogHeader(LogFileKind.Xlog, Instance, VClock.Of(1, 4), VClock.Empty);
        byte[] bytes = header.Encode();
        Assert.Equal(
            $"XLOG\n0.13\nVersion: {LogHeader.OwnVersion}\nInstance: {Instance}\nVClock: {{1: 4}}\nPrevVClock: {{}}\n\n", Encoding.UTF8.GetString(bytes));
        Assert.True(LogHeader.TryParse([.. bytes, 1, 2, 3], LogFileKind.Xlog, out LogHeader back, out int length, out _));
        Assert.Equal(bytes.Length, length);
        Assert.Equal((header.VClock, header.PrevVClock, header.Instance, header.Version), (back.VClock, back.PrevVClock, back.Instance, back.Version));
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 1)]
    [InlineData(true, 300)]
    [InlineData(false, 128 * 1024)]
    [InlineData(true, 128 * 1024)]
    [InlineData(false, int.MaxValue)]
    public void Transactions_come_back_as_they_were_written(bool compress, int target)
    {
        var random = new Random(target);
        var written = new List<string>();
        using var encoder = new BlockEncoder(new BlockEncoderOptions { Compress = compress, TargetPayload = target });
        long lsn = 5;
        for (int number = 0; number < 300; number++)
        {
            encoder.BeginTransaction();
            if (random.Next(10) == 0)
            {
                RowEncoder.WriteNop(encoder.Rows, RowHeader.Single(RequestType.Nop, 1, lsn, 1));
                encoder.CancelTransaction();
                continue;
            }

            written.Add(WriteTransaction(encoder.Rows, random, ref lsn));
            encoder.EndTransaction();
        }

        ModelledDisk disk = DiskWith(LogPath, LogFileKind.Xlog, encoder.Seal().Span, isFinished: true);
        foreach (int parallelism in new[] { 0, 1, 3 })
        {
            using LogFileReader reader = LogFileReader.Open(disk, LogPath, new LogReadOptions { Parallelism = parallelism });
            var read = new List<string>();
            while (reader.TryReadTransaction(out LogTransaction transaction))
            {
                read.Add(Describe(transaction));
            }

            Assert.Equal(written, read);
            Assert.Equal(lsn - 1, reader.Reached[1]);
            Assert.True(reader.End!.IsFinished);
            Assert.Empty(reader.Problems);
        }
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(3, false)]
    public void Snapshots_come_back_as_they_were_written(int parallelism, bool compress)
    {
        const string Path = "/data/00000000000000000009.snap";
        var random = new Random(3);
        var rows = Enumerable.Range(0, 5000).Select(number => ((uint)random.Next(270, 3000), Tuple(random, number))).ToList();
        ModelledDisk disk = NewDisk();
        using (IFile file = disk.Create(Path))
        {
            var options = new SnapWriterOptions { Parallelism = parallelism, Compress = compress, Timestamp = 12.5, SyncEvery = 100_000 };
            using var writer = new SnapWriter(file, new LogHeader(LogFileKind.Snap, Instance, VClock.Of(1, 9)), options);
            foreach ((uint space, byte[] tuple) in rows)
            {
                writer.AddRow(space, tuple, isLocal: space % 7 == 0);
            }

            writer.Complete();
            Assert.Equal((rows.Count, file.Length), (writer.Rows, writer.BytesWritten));
        }

        using LogFileReader reader = LogFileReader.Open(disk, Path, new LogReadOptions { Parallelism = parallelism });
        int next = 0;
        while (reader.TryReadBlock(out LogBlock block))
        {
            Assert.True(block.Payload.Length < BlockFormat.TargetPayload + 70_000);
            foreach (LogRow row in block.Rows)
            {
                Assert.Equal((RequestType.Insert, next, 12.5), (row.Header.Type, row.Header.Lsn, row.Header.Timestamp));
                Assert.Equal((rows[next].Item1, rows[next].Item1 % 7 == 0 ? 1 : 0), (row.Body.SpaceId, row.Header.GroupId));
                Assert.True(block.Bytes(row.Body.Tuple).SequenceEqual(rows[next++].Item2));
            }
        }

        Assert.Equal(rows.Count, next);
        Assert.Empty(reader.Problems);
    }

    [Fact]
    public void Every_cut_of_a_log_gives_whole_transactions_and_no_error()
    {
        (ModelledDisk disk, List<string> written) = SomeLog(isFinished: true, compress: true);
        byte[] whole = disk.Fetch(LogPath);
        int header = Array.IndexOf(whole, (byte)0xd5);
        for (int length = header; length < whole.Length; length += 1 + (length * 31 % 211))
        {
            disk.Place(LogPath, whole[..length]);
            using LogFileReader reader = LogFileReader.Open(disk, LogPath, new LogReadOptions());
            int next = 0;
            while (reader.TryReadTransaction(out LogTransaction transaction))
            {
                Assert.Equal(written[next++], Describe(transaction));
            }

            Assert.False(reader.End!.IsFinished);
            Assert.InRange(reader.End.ValidBytes, header, length);
            disk.Place(LogPath, [.. whole[..(int)reader.End.ValidBytes], .. BlockFormat.EofMarker]);
            Assert.Equal(next, CountTransactions(disk));
        }
    }

    [Fact]
    public void No_flipped_bit_gives_other_rows()
    {
        (ModelledDisk disk, List<string> written) = SomeLog(isFinished: true, compress: false);
        byte[] whole = disk.Fetch(LogPath);
        int header = whole.AsSpan().IndexOf("\n\n"u8) + 2;
        var random = new Random(5);
        for (int round = 0; round < 300; round++)
        {
            int at = random.Next(header, whole.Length);
            byte[] bad = [.. whole];
            bad[at] ^= (byte)(1 << random.Next(8));
            disk.Place(LogPath, bad);
            List<string> read = ReadUntilDamage(disk, out CorruptionException? damage, out LogFileReader reader);
            bool isPadding = damage is null && read.Count == written.Count;
            Assert.Equal(written.Take(read.Count), read);
            Assert.True(isPadding || damage is not null || !reader.End!.IsFinished, $"round {round}, offset {at}");
            Assert.True(isPadding || damage is not null || at >= whole.Length - 4 - 19 || reader.Problems.Count > 0);
        }
    }

    [Fact]
    public void Forced_reading_loses_one_block_and_says_so()
    {
        (ModelledDisk disk, List<string> written) = SomeLog(isFinished: true, compress: false);
        byte[] bad = disk.Fetch(LogPath);
        bad[bad.Length / 2] ^= 4;
        disk.Place(LogPath, bad);
        using LogFileReader reader = LogFileReader.Open(disk, LogPath, new LogReadOptions { Damage = DamagePolicy.Skip });
        var read = new List<string>();
        while (reader.TryReadTransaction(out LogTransaction transaction))
        {
            read.Add(Describe(transaction));
        }

        Assert.Equal(written.Count - 1, read.Count);
        Assert.Equal(read, written.Where(read.Contains));
        Assert.True(reader.IsDamaged && reader.End!.IsFinished);
        Assert.Contains(reader.Problems, problem => problem.Kind == DamageKinds.Skipped);
    }

    [Fact]
    public void A_torn_last_write_is_told_from_damage()
    {
        (ModelledDisk disk, List<string> written) = SomeLog(isFinished: false, compress: false);
        byte[] whole = disk.Fetch(LogPath);
        using var encoder = new BlockEncoder(new BlockEncoderOptions { TargetPayload = int.MaxValue });
        encoder.BeginTransaction();
        RowEncoder.WriteTuple(encoder.Rows, RowHeader.Single(RequestType.Insert, 1, 1_000_000, 1), 512, Tuple(new Random(1), 1, 3000));
        encoder.EndTransaction();
        byte[] last = encoder.Seal().ToArray();

        // a sector that never reached the disk, then a block that did but for one bit, then the torn one with a good one behind it
        byte[] torn = [.. whole, .. last];
        int sector = (whole.Length + 1000) / 512 * 512;
        torn.AsSpan(sector, 512).Clear();
        byte[] flipped = [.. whole, .. last];
        flipped[whole.Length + 700] ^= 1;
        byte[] followed = [.. torn, .. last];
        Assert.Equal((written.Count, DamageKinds.TailTorn), ReadTail(disk, torn));
        Assert.Equal((written.Count, DamageKinds.BlockBadCrc), ReadTail(disk, flipped));
        Assert.Equal((written.Count, DamageKinds.BlockBadCrc), ReadTail(disk, followed));
        Assert.Equal((written.Count, DamageKinds.TailTorn), ReadTail(disk, [.. whole, .. new byte[700]]));
        Assert.Equal((written.Count, DamageKinds.BlockBadMagic), ReadTail(disk, [.. whole, .. new byte[700], .. BlockFormat.EofMarker]));
    }

    [Fact]
    public void A_log_that_grows_while_it_is_read_ends_where_it_ended_when_it_was_opened()
    {
        (ModelledDisk disk, List<string> written) = SomeLog(isFinished: false, compress: false);
        byte[] whole = disk.Fetch(LogPath);
        foreach (int length in new[] { whole.Length, whole.Length - 30, whole.Length / 2 })
        {
            disk.Place(LogPath, whole[..length]);
            using LogFileReader reader = LogFileReader.Open(disk, LogPath, new LogReadOptions());
            using (IFile file = disk.OpenReadWrite(LogPath))
            {
                file.Write(length, whole.AsSpan(length));
                file.Write(whole.Length, BlockFormat.EofMarker);
            }

            int count = 0;
            while (reader.TryReadTransaction(out LogTransaction transaction))
            {
                Assert.Equal(written[count++], Describe(transaction));
            }

            Assert.False(reader.End!.IsFinished);
            Assert.InRange(reader.End.ValidBytes, 100, length);
        }
    }

    [Fact]
    public void A_frame_that_unpacks_to_too_much_is_refused()
    {
        using var codec = new ZstdCodec();
        var block = new MsgPackWriter();
        BlockEncoder.WriteCompressed(block, new byte[30_000_000], codec);
        ModelledDisk disk = DiskWith(LogPath, LogFileKind.Xlog, block.WrittenSpan, isFinished: true);
        using LogFileReader reader = LogFileReader.Open(disk, LogPath, new LogReadOptions { MaxUnpacked = 1_000_000 });
        CorruptionException damage = Assert.Throws<CorruptionException>(() => reader.TryReadBlock(out _));
        Assert.Equal(DamageKinds.BlockTooLarge, damage.Kind);
    }

    [Fact]
    public void A_local_row_belongs_to_the_transaction_whose_number_it_has()
    {
        using var encoder = new BlockEncoder(new BlockEncoderOptions());
        encoder.BeginTransaction();
        RowEncoder.WriteTuple(encoder.Rows, new RowHeader(RequestType.Insert, 0, 1, 1, 1, 5, false), 600, [0x91, 0x01]);
        RowEncoder.WriteTuple(encoder.Rows, new RowHeader(RequestType.Insert, 1, 0, 5, 1, 5, false), 601, [0x91, 0x01]);
        RowEncoder.WriteNop(encoder.Rows, new RowHeader(RequestType.Nop, 1, 0, 6, 1, 5, true));
        encoder.EndTransaction();
        ModelledDisk disk = DiskWith(LogPath, LogFileKind.Xlog, encoder.Seal().Span, isFinished: true);
        using LogFileReader reader = LogFileReader.Open(disk, LogPath, new LogReadOptions());
        Assert.True(reader.TryReadTransaction(out LogTransaction transaction));
        Assert.Equal(3, transaction.Rows.Length);
        Assert.Equal("{0: 1, 1: 6}", reader.Reached.ToString());
        Assert.False(reader.TryReadTransaction(out _));
    }

    [Theory]
    [InlineData("00000000000000000010.snap", true, true)]
    [InlineData("00000000000000000010.xlog", true, true)]
    [InlineData("10.xlog", true, false)]
    [InlineData("00000000000000000010.xlog.inprogress", false, false)]
    [InlineData("00000000000000000010.xlog.corrupted", false, false)]
    [InlineData("x.snap", false, false)]
    [InlineData("-1.snap", false, false)]
    [InlineData("config.yaml", false, false)]
    public void Names_of_files(string name, bool isOurs, bool isCanonical)
    {
        Assert.Equal(isOurs, LogFileName.TryParse(name, out _, out _, out bool canonical));
        Assert.Equal(isOurs && isCanonical, isOurs && canonical);
    }

    internal static (ModelledDisk Disk, List<string> Written) SomeLog(bool isFinished, bool compress)
    {
        var random = new Random(17);
        var written = new List<string>();
        using var encoder = new BlockEncoder(new BlockEncoderOptions { Compress = compress, TargetPayload = 1 });
        long lsn = 5;
        for (int number = 0; number < 60; number++)
        {
            encoder.BeginTransaction();
            written.Add(WriteTransaction(encoder.Rows, random, ref lsn));
            encoder.EndTransaction();
        }

        return (DiskWith(LogPath, LogFileKind.Xlog, encoder.Seal().Span, isFinished), written);
    }

    internal static ModelledDisk NewDisk()
    {
        var disk = new ModelledDisk();
        disk.CreateDirectory("/data");
        return disk;
    }

    private static ModelledDisk DiskWith(string path, LogFileKind kind, ReadOnlySpan<byte> blocks, bool isFinished)
    {
        ModelledDisk disk = NewDisk();
        byte[] header = new LogHeader(kind, Instance, VClock.Of(1, 4), kind == LogFileKind.Xlog ? VClock.Empty : null).Encode();
        disk.Place(path, [.. header, .. blocks, .. isFinished ? BlockFormat.EofMarker : []]);
        return disk;
    }

    private static string WriteTransaction(MsgPackWriter rows, Random random, ref long lsn)
    {
        int count = random.Next(4) == 0 ? random.Next(2, 40) : 1;
        var text = new StringBuilder();
        long first = lsn;
        for (int number = 0; number < count; number++)
        {
            RequestType type = random.Next(6) switch { 0 => RequestType.Delete, 1 => RequestType.Replace, 2 => RequestType.Update, 3 => RequestType.Upsert, 4 => RequestType.Nop, _ => RequestType.Insert };
            var header = new RowHeader(type, 1, 0, lsn++, 1234.5, first, number == count - 1);
            byte[] tuple = Tuple(random, number), key = [0x91, 0x05];
            byte[] operations = [0x91, 0x93, 0xa1, (byte)'+', 0x01, 0x01];
            switch (type)
            {
                case RequestType.Delete:
                    RowEncoder.WriteDelete(rows, header, 600, key);
                    break;
                case RequestType.Update:
                    RowEncoder.WriteUpdate(rows, header, 600, key, operations);
                    break;
                case RequestType.Upsert:
                    RowEncoder.WriteUpsert(rows, header, 600, tuple, operations);
                    break;
                case RequestType.Nop:
                    RowEncoder.WriteNop(rows, header);
                    break;
                default:
                    RowEncoder.WriteTuple(rows, header, 600, tuple);
                    break;
            }

            bool hasTuple = type is RequestType.Insert or RequestType.Replace or RequestType.Upsert;
            bool hasKey = type is RequestType.Delete or RequestType.Update;
            bool hasOperations = type is RequestType.Update or RequestType.Upsert;
            text.Append($"{header} {(hasKey ? Convert.ToHexString(key) : "")} {(hasTuple ? Convert.ToHexString(tuple) : "")} {(hasOperations ? Convert.ToHexString(operations) : "")};");
        }

        return text.ToString();
    }

    private static string Describe(LogTransaction transaction)
    {
        var text = new StringBuilder();
        foreach (LogRow row in transaction.Rows)
        {
            Assert.Null(row.Body.Problem);
            Assert.Equal(row.Header.Type == RequestType.Nop ? 0u : 600u, row.Body.SpaceId);
            LogBlock block = transaction.Block;
            text.Append($"{row.Header} {Convert.ToHexString(block.Bytes(row.Body.Key))} {Convert.ToHexString(block.Bytes(row.Body.Tuple))} {Convert.ToHexString(block.Bytes(row.Body.Operations))};");
        }

        return text.ToString();
    }

    private static byte[] Tuple(Random random, int number, int size = 0)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(3);
        writer.WriteUInt64((ulong)number);
        MsgPackTests.WriteRandom(writer, random, 2);
        byte[] noise = new byte[size > 0 ? size : random.Next(random.Next(20) == 0 ? 5000 : 60)];
        random.NextBytes(noise);
        writer.WriteBinary(noise);
        return writer.ToArray();
    }

    private static int CountTransactions(ModelledDisk disk)
    {
        using LogFileReader reader = LogFileReader.Open(disk, LogPath, new LogReadOptions());
        int count = 0;
        while (reader.TryReadTransaction(out _))
        {
            count++;
        }

        return count;
    }

    private static List<string> ReadUntilDamage(ModelledDisk disk, out CorruptionException? damage, out LogFileReader reader)
    {
        damage = null;
        var read = new List<string>();
        reader = LogFileReader.Open(disk, LogPath, new LogReadOptions());
        using LogFileReader closing = reader;
        try
        {
            while (reader.TryReadTransaction(out LogTransaction transaction))
            {
                read.Add(Describe(transaction));
            }
        }
        catch (CorruptionException found)
        {
            damage = found;
        }

        return read;
    }

    private static (int Transactions, string Kind) ReadTail(ModelledDisk disk, byte[] bytes)
    {
        disk.Place(LogPath, bytes);
        using LogFileReader reader = LogFileReader.Open(disk, LogPath, new LogReadOptions { AcceptTornTail = true });
        int count = 0;
        try
        {
            while (reader.TryReadTransaction(out _))
            {
                count++;
            }
        }
        catch (CorruptionException damage)
        {
            return (count, damage.Kind);
        }

        return (count, reader.Problems[0].Kind);
    }
}
