using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Storage;
using Picodata.Storage.Files;
using Picodata.Storage.Log;
using Xunit;

namespace Picodata.Unit.Durability;

public sealed class LogSegmentTests
{
    private static readonly Guid Instance = new(1, 2, 3, [4, 5, 6, 7, 8, 9, 10, 11]);
    private readonly ModelledDisk disk = new();

    public LogSegmentTests() => disk.CreateDirectory("/data");

    [Fact]
    public void A_log_that_has_its_name_has_its_header_whatever_happens()
    {
        _ = Create();
        int operations = disk.Operations;
        for (int at = 1; at <= operations + 1; at++)
        {
            for (int seed = 0; seed < 20; seed++)
            {
                var crashing = new ModelledDisk(seed) { PowerLossAt = at };
                crashing.CreateDirectory("/data");
                try
                {
                    LogSegment.Create(crashing, "/data", Header(), syncs: true).Append(Block(1));
                }
                catch (Exception failure) when (failure is PowerLossException or SyncFailedException)
                {
                    Assert.True(crashing.IsDark);
                }
                ModelledDisk found = crashing.AfterPowerLoss(Survival.Random, seed);
                if (found.FileExists("/data/00000000000000000004.xlog"))
                    Assert.Equal(VClock.Of(1, 4), LogFileReader.ReadHeader(found, "/data/00000000000000000004.xlog").VClock);
                else
                    Assert.True(at <= operations, "the name of a log with rows is lost");
            }
        }
    }

    [Fact]
    public void A_failed_write_is_cut_back_and_the_next_one_follows_the_last_good_block()
    {
        using LogSegment segment = Create();
        segment.Append(Block(1));
        long good = segment.Position;
        disk.Faults = operation => operation.Kind == DiskOperationKind.Write ? DiskFault.Full : DiskFault.None;
        Assert.Throws<DiskFullException>(() => segment.Append(Block(2)));
        disk.Faults = null;
        segment.CutBack();
        Assert.Equal(good, segment.Position);
        Assert.Equal(good, disk.Fetch(segment.Path).Length);
        segment.Append(Block(3));
        segment.Finish();
        using LogFileReader reader = LogFileReader.Open(disk, segment.Path, new LogReadOptions());
        var seen = new List<long>();
        while (reader.TryReadTransaction(out LogTransaction transaction))
            seen.Add(transaction.Rows[0].Header.Lsn);
        Assert.Equal([1, 3], seen);
        Assert.True(reader.End!.IsFinished);
    }

    [Fact]
    public void A_cut_that_fails_is_fatal()
    {
        using LogSegment segment = Create();
        disk.Faults = operation => operation.Kind is DiskOperationKind.Write or DiskOperationKind.Sync ? DiskFault.IoError : DiskFault.None;
        Assert.ThrowsAny<IOException>(() => segment.Append(Block(1)));
        Assert.Throws<SyncFailedException>(segment.CutBack);
    }

    [Fact]
    public void Rows_of_a_transaction_are_read_back_as_they_were_logged()
    {
        byte[] tuple = TestTables.Tuple(1, 2);
        foreach (string kinds in new[] { "o", "l", "oo", "ol", "lo", "ll", "olo", "lol", "loo" })
        {
            using var encoder = new BlockEncoder(new BlockEncoderOptions { TargetPayload = int.MaxValue });
            encoder.BeginTransaction();
            LogPosition end = Encode(encoder, kinds, tuple, new LogPosition(10, 5));
            encoder.EndTransaction();
            var files = new ModelledDisk();
            files.CreateDirectory("/data");
            using (LogSegment segment = LogSegment.Create(files, "/data", new LogHeader(LogFileKind.Xlog, Instance, VClock.Of(1, 10).With(0, 5)), syncs: true))
            {
                segment.Append(encoder.Seal().Span);
                segment.Finish();
            }
            using LogFileReader reader = LogFileReader.Open(files, "/data/00000000000000000015.xlog", new LogReadOptions());
            Assert.True(reader.TryReadTransaction(out LogTransaction transaction), kinds);
            Assert.Equal(kinds, string.Concat(transaction.Rows.ToArray().Where(row => row.Header.Type != RequestType.Nop).Select(row => row.Header.GroupId == 1 ? "l" : "o")));
            Assert.False(reader.TryReadTransaction(out _));
            Assert.Equal(VClock.Of(1, end.Own).With(0, end.Local), reader.Reached);
            Assert.Empty(reader.Problems);
        }
    }

    private static unsafe LogPosition Encode(BlockEncoder encoder, string kinds, byte[] tuple, LogPosition before)
    {
        fixed (byte* bytes = tuple)
        {
            var rows = new LoggedRow[kinds.Length];
            for (int i = 0; i < kinds.Length; i++)
                rows[i] = new LoggedRow(i % 2 == 0 ? LoggedOperation.Insert : LoggedOperation.Replace, 600, kinds[i] == 'l', bytes, tuple.Length);
            return TransactionEncoder.Encode(encoder.Rows, rows, before, 1, 1.5);
        }
    }

    private static LogHeader Header() => new(LogFileKind.Xlog, Instance, VClock.Of(1, 4));

    private static byte[] Block(long lsn)
    {
        using var encoder = new BlockEncoder(new BlockEncoderOptions());
        encoder.BeginTransaction();
        RowEncoder.WriteTuple(encoder.Rows, RowHeader.Single(RequestType.Insert, 2, lsn, 1), 600, TestTables.Tuple(lsn, lsn));
        encoder.EndTransaction();
        return encoder.Seal().ToArray();
    }

    private LogSegment Create() => LogSegment.Create(disk, "/data", Header(), syncs: true);
}
