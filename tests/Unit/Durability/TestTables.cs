using Picodata.Storage;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Durability;

/// <summary>Tables [key, value] of unsigned numbers, made and changed through the storage's own interface.</summary>
internal static class TestTables
{
    public static byte[] Tuple(params long[] fields)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(fields.Length);
        foreach (long field in fields)
            writer.WriteInt64(field);
        return writer.ToArray();
    }

    public static void Done(WriteResult result) => Assert.Equal(WriteOutcome.Done, result.Outcome);

    public static void Create(Transaction transaction, uint space, bool withSecondary, bool isLocal = false)
    {
        transaction.BeginStatement();
        var row = new MsgPackWriter();
        row.WriteArrayHead(7);
        row.WriteUInt64(space);
        row.WriteUInt64(1);
        row.WriteString($"t{space}");
        row.WriteString("memtx");
        row.WriteUInt64(0);
        row.WriteMapHead(isLocal ? 1 : 0);
        if (isLocal)
        {
            row.WriteString("group_id");
            row.WriteInt64(1);
        }
        row.WriteArrayHead(2);
        WriteField(row, "k");
        WriteField(row, "v");
        Done(transaction.Insert(SystemSpaces.Space, row.ToArray()));
        Done(transaction.Insert(SystemSpaces.Index, IndexRow(space, 0, "pk", 0, isUnique: true)));
        if (withSecondary)
            Done(transaction.Insert(SystemSpaces.Index, IndexRow(space, 1, "by_value", 1, isUnique: false)));
        transaction.EndStatement();
    }

    public static void CreateSecondary(Transaction transaction, uint space)
    {
        transaction.BeginStatement();
        Done(transaction.Insert(SystemSpaces.Index, IndexRow(space, 1, "by_value", 1, isUnique: false)));
        transaction.EndStatement();
    }

    public static void Drop(Transaction transaction, uint space)
    {
        transaction.BeginStatement();
        foreach (IndexDef index in transaction.Schema.Space(space)!.Indexes.Reverse())
            Done(transaction.Delete(SystemSpaces.Index, Tuple(space, index.Id)));
        Done(transaction.Delete(SystemSpaces.Space, Tuple(space)));
        transaction.EndStatement();
    }

    public static void Truncate(Transaction transaction, uint space)
    {
        transaction.BeginStatement();
        Done(transaction.LockTable(space, TableLockMode.Exclusive));
        Done(transaction.Truncate(space));
        transaction.EndStatement();
    }

    public static void Put(Transaction transaction, uint space, long key, long value)
    {
        transaction.BeginStatement();
        byte[] primary = Tuple(key);
        Done(transaction.LockRow(space, primary));
        Done(transaction.TryGetLatest(space, primary, out _)
            ? transaction.Update(space, primary, Tuple(key, value))
            : transaction.Insert(space, Tuple(key, value)));
        transaction.EndStatement();
    }

    public static void Remove(Transaction transaction, uint space, long key)
    {
        transaction.BeginStatement();
        byte[] primary = Tuple(key);
        Done(transaction.LockRow(space, primary));
        if (transaction.TryGetLatest(space, primary, out _))
            Done(transaction.Delete(space, primary));
        transaction.EndStatement();
    }

    /// <summary>All rows by primary key; checks that every other index holds the same number.</summary>
    public static SortedDictionary<long, long> Read(Database database, uint space)
    {
        using Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: true);
        transaction.BeginStatement();
        var rows = new SortedDictionary<long, long>();
        using (IndexCursor cursor = transaction.OpenCursor(space, 0, KeyRange.All, descending: false))
        {
            while (cursor.MoveNext())
            {
                (long key, long value) = Fields(cursor.Current);
                rows.Add(key, value);
            }
        }
        foreach (IndexDef index in transaction.Schema.Space(space)!.Indexes.Skip(1))
        {
            var again = new SortedDictionary<long, long>();
            using IndexCursor cursor = transaction.OpenCursor(space, index.Id, KeyRange.All, descending: false);
            while (cursor.MoveNext())
            {
                (long key, long value) = Fields(cursor.Current);
                again.Add(key, value);
            }
            Assert.Equal(rows, again);
        }
        transaction.EndStatement();
        transaction.Rollback();
        return rows;
    }

    private static (long Key, long Value) Fields(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        Assert.True(reader.TryReadArrayHead(out int fields) & reader.TryReadInt64(out long key) & reader.TryReadInt64(out long value));
        Assert.Equal(2, fields);
        return (key, value);
    }

    private static byte[] IndexRow(uint space, uint id, string name, int field, bool isUnique)
    {
        var row = new MsgPackWriter();
        row.WriteArrayHead(6);
        row.WriteUInt64(space);
        row.WriteUInt64(id);
        row.WriteString(name);
        row.WriteString("tree");
        row.WriteMapHead(1);
        row.WriteString("unique");
        row.WriteBoolean(isUnique);
        row.WriteArrayHead(1);
        row.WriteArrayHead(2);
        row.WriteInt64(field);
        row.WriteString("unsigned");
        return row.ToArray();
    }

    private static void WriteField(MsgPackWriter row, string name)
    {
        row.WriteMapHead(2);
        row.WriteString("name");
        row.WriteString(name);
        row.WriteString("type");
        row.WriteString("unsigned");
    }
}
