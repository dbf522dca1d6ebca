using System.Globalization;
using System.Text.Json;
using Picodata.Core;
using Picodata.Harness.Disk;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Files;

/// <summary>Every file of every vector, read as its JSON says it must be.</summary>
public class VectorTests
{
    public static IEnumerable<TheoryDataRow<string>> Names => Vectors.Ordinary().Select(name => new TheoryDataRow<string>(name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Files_have_the_headers_blocks_rows_and_ends_that_are_listed(string vector)
    {
        ModelledDisk disk = Vectors.Disk(vector, "data");
        JsonElement expected = Vectors.Json(vector, "expected.json");
        foreach (JsonElement file in expected.GetProperty("files").EnumerateArray())
        {
            CompareFile(disk, file);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Rows_of_logs_are_those_that_are_listed(string vector)
    {
        Assert.SkipUnless(File.Exists(Path.Combine(Vectors.Root, vector, "xlog_rows.json")), "no list of rows");
        ModelledDisk disk = Vectors.Disk(vector, "data");
        foreach (JsonProperty file in Vectors.Json(vector, "xlog_rows.json").EnumerateObject())
        {
            using LogFileReader reader = LogFileReader.Open(disk, "/data/" + file.Name, new LogReadOptions { Parallelism = 2 });
            int next = 0;
            JsonElement[] rows = [.. file.Value.EnumerateArray()];
            while (reader.TryReadBlock(out LogBlock block))
            {
                for (int index = 0; index < block.Rows.Length; index++)
                {
                    CompareRow(rows[next++], block, block.Rows[index]);
                }
            }

            Assert.Equal(rows.Length, next);
        }
    }

    [Fact]
    public void Files_of_other_versions_are_read()
    {
        JsonElement expected = Vectors.Json("18_other_versions", "expected.json");
        foreach (JsonElement directory in expected.GetProperty("directories").EnumerateArray())
        {
            string name = directory.GetProperty("directory").GetString()!;
            ModelledDisk disk = Vectors.Disk("18_other_versions", name);
            foreach (JsonElement file in directory.GetProperty("files").EnumerateArray())
            {
                (name == "bad_files" ? (Action<ModelledDisk, JsonElement>)CompareBadFile : CompareFile)(disk, file);
            }
        }
    }

    [Theory]
    [InlineData("2.1.3_mixed_transactions", 6, 10, 0)]
    [InlineData("2.1.3_unfinished_transaction", 5, 7, 1)]
    public void Transactions_of_replicas_that_are_mixed_are_put_together(string directory, int transactions, int rows, int unfinished)
    {
        ModelledDisk disk = Vectors.Disk("18_other_versions", directory);
        using LogFileReader reader = LogFileReader.Open(disk, "/data/00000000000000000000.xlog", new LogReadOptions());
        int transactionsRead = 0, rowsRead = 0;
        while (reader.TryReadTransaction(out LogTransaction transaction))
        {
            transactionsRead++;
            rowsRead += transaction.Rows.Length;
            Assert.Single(transaction.Rows.ToArray().Select(row => (row.Header.ReplicaId, row.Header.TransactionId)).Distinct());
        }

        Assert.Equal((transactions, rows), (transactionsRead, rowsRead));
        Assert.Equal(unfinished, reader.Problems.Count(problem => problem.Kind == DamageKinds.TxNoCommitAtEnd));
    }

    private static void CompareBadFile(ModelledDisk disk, JsonElement file)
    {
        const string Canonical = "/data/00000000000000000000.xlog";
        disk.Place(Canonical, disk.Fetch("/data/" + file.GetProperty("name").GetString()));
        CorruptionException damage = Assert.Throws<CorruptionException>(() => ReadAll(disk, Canonical));
        JsonElement error = file.GetProperty("errors")[0];
        Assert.Equal((error.GetProperty("class").GetString(), error.GetProperty("offset").GetInt64()), (damage.Kind, damage.Offset));
    }

    private static void ReadAll(ModelledDisk disk, string path)
    {
        using LogFileReader reader = LogFileReader.Open(disk, path, new LogReadOptions());
        while (reader.TryReadBlock(out _))
        {
        }
    }

    private static void CompareFile(ModelledDisk disk, JsonElement file)
    {
        string name = file.GetProperty("name").GetString()!;
        using LogFileReader reader = LogFileReader.Open(disk, "/data/" + name, new LogReadOptions { Parallelism = 1 });
        Assert.Equal(file.GetProperty("header_length").GetInt32(), reader.HeaderLength);
        Assert.Equal(file.GetProperty("version").GetString(), reader.Header.FormatVersion);
        Assert.Equal(ClockOf(file.GetProperty("vclock")), reader.Header.VClock);
        Assert.Equal(file.TryGetProperty("prev_vclock", out JsonElement previous), reader.Header.PrevVClock is not null);
        if (reader.Header.PrevVClock is not null)
        {
            Assert.Equal(ClockOf(previous), reader.Header.PrevVClock);
        }

        var blocks = new List<(long, long, int, int)>();
        while (reader.TryReadBlock(out LogBlock block))
        {
            blocks.Add((block.Offset, block.StoredSize, block.IsCompressed ? 1 : 0, block.Rows.Length));
        }

        if (file.TryGetProperty("block_list", out JsonElement list))
        {
            Assert.Equal(list.EnumerateArray().Select(item => (item[0].GetInt64(), item[1].GetInt64(), item[2].GetInt32(), item[3].GetInt32())), blocks);
        }

        Assert.Equal(file.GetProperty("rows").GetInt64(), reader.RowsRead);
        Assert.Equal(file.GetProperty("blocks").GetInt64(), reader.BlocksRead);
        Assert.Equal(file.GetProperty("eof_marker").GetBoolean(), reader.End!.IsFinished);
        Assert.Equal(file.GetProperty("valid_bytes").GetInt64(), reader.End.ValidBytes);
        Assert.False(reader.IsDamaged);
        if (!file.TryGetProperty("errors", out _))
        {
            Assert.Equal(file.GetProperty("transactions").GetInt64(), CountTransactions(disk, name, reader));
        }
    }

    private static long CountTransactions(ModelledDisk disk, string name, LogFileReader blocks)
    {
        using LogFileReader reader = LogFileReader.Open(disk, "/data/" + name, new LogReadOptions());
        long transactions = 0, rows = 0;
        while (reader.TryReadTransaction(out LogTransaction transaction))
        {
            transactions++;
            rows += transaction.Rows.Length;
            foreach (ref readonly LogRow row in transaction.Rows)
            {
                var parse = new MsgPackReader(transaction.Block.Bytes(row.Whole));
                Assert.True(RowHeader.TryRead(ref parse, out RowHeader header, out _));
                Assert.Equal(row.Header, header);
            }
        }

        Assert.Equal(blocks.RowsRead, rows);
        Assert.Equal(blocks.Reached, reader.Reached);
        return transactions;
    }

    private static void CompareRow(JsonElement expected, LogBlock block, LogRow row)
    {
        Assert.Equal(expected.GetProperty("block").GetInt64(), block.Offset);
        Assert.Equal(expected.GetProperty("type").GetString()!.Replace("RAFT_", ""), row.Header.Type.ToString().ToUpperInvariant());
        Assert.Equal(expected.GetProperty("lsn").GetInt64(), row.Header.Lsn);
        Assert.Equal(expected.TryGetProperty("replica_id", out JsonElement replica) ? replica.GetInt32() : 0, row.Header.ReplicaId);
        Assert.Equal(expected.TryGetProperty("group_id", out JsonElement group) ? group.GetInt32() : 0, row.Header.GroupId);
        if (expected.TryGetProperty("tsn", out JsonElement tsn))
        {
            Assert.Equal(tsn.GetInt64(), row.Header.TransactionId);
            Assert.Equal(expected.TryGetProperty("last_of_transaction", out JsonElement last) && last.GetBoolean(), row.Header.IsLast);
        }

        if (expected.TryGetProperty("hex", out JsonElement hex))
        {
            Assert.Equal(hex.GetString(), Convert.ToHexStringLower(block.Bytes(row.Whole)));
        }

        if (expected.TryGetProperty("body", out JsonElement body) && body.TryGetProperty("space_id", out JsonElement space))
        {
            Assert.Equal(space.GetUInt32(), row.Body.SpaceId);
            Assert.Equal(body.TryGetProperty("index_base", out JsonElement indexBase) ? indexBase.GetUInt32() : 0, row.Body.IndexBase);
            Assert.Equal(body.TryGetProperty("key", out _), row.Body.Key.Exists);
            Assert.Null(row.Body.Problem);
        }
    }

    private static VClock ClockOf(JsonElement components)
    {
        VClock clock = VClock.Empty;
        foreach (JsonProperty component in components.EnumerateObject())
        {
            clock = clock.With(int.Parse(component.Name, CultureInfo.InvariantCulture), component.Value.GetInt64());
        }

        return clock;
    }
}
