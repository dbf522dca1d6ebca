using Picodata.Harness;
using Picodata.Storage;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Storage;

/// <summary>An engine over a log in memory, started from bootstrap rows, and short ways to make tables and tuples.</summary>
internal sealed class TestEngine : IDisposable
{
    public TestEngine(long memoryLimit = 256L << 20)
    {
        Engine = new Engine(memoryLimit, 1 << 20);
        foreach (BootstrapRow row in BootstrapRows.Create(Guid.Parse("11111111-2222-4333-8444-555555555555"), Guid.Parse("21111111-2222-4333-8444-555555555555")))
        {
            Engine.LoadSnapshotRow(row.SpaceId, row.Tuple.Span);
        }

        Engine.FinishSnapshot();
        Engine.FinishRecovery(2);
        Log = new MemoryLog(Engine);
        Engine.Start(Log, 0);
    }

    public Engine Engine { get; }

    public MemoryLog Log { get; }

    public static byte[] Tuple(params object?[] values)
    {
        var writer = new MsgPackWriter();
        Write(writer, values);
        return writer.ToArray();
    }

    public static object?[] Fields(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        var fields = new object?[reader.ReadArrayHead()];
        for (int i = 0; i < fields.Length; i++)
        {
            fields[i] = reader.PeekKind() switch
            {
                MsgPackKind.Integer => reader.ReadInt64(),
                MsgPackKind.String => reader.ReadString(),
                MsgPackKind.Nil => Nil(ref reader),
                _ => Convert.ToHexString(reader.ReadRaw()),
            };
        }

        return fields;
    }

    /// <param name="id">Space id.</param>
    /// <param name="fields">Fields as "name type" or "name type?" for nullable ones.</param>
    public static byte[] SpaceRow(uint id, string name, params string[] fields)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(7);
        writer.WriteUInt64(id);
        writer.WriteUInt64(1);
        writer.WriteString(name);
        writer.WriteString("memtx");
        writer.WriteUInt64(0);
        writer.WriteMapHead(0);
        writer.WriteArrayHead(fields.Length);
        foreach (string field in fields)
        {
            string[] words = field.Split(' ');
            writer.WriteMapHead(3);
            writer.WriteString("name");
            writer.WriteString(words[0]);
            writer.WriteString("type");
            writer.WriteString(words[1].TrimEnd('?'));
            writer.WriteString("is_nullable");
            writer.WriteBoolean(words[1].EndsWith('?'));
        }

        return writer.ToArray();
    }

    /// <param name="parts">Parts as "field type", with "desc" or "?" (nullable) behind.</param>
    public static byte[] IndexRow(uint space, uint id, bool unique, params string[] parts)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(6);
        writer.WriteUInt64(space);
        writer.WriteUInt64(id);
        writer.WriteString($"i{space}_{id}");
        writer.WriteString("tree");
        writer.WriteMapHead(1);
        writer.WriteString("unique");
        writer.WriteBoolean(unique);
        writer.WriteArrayHead(parts.Length);
        foreach (string part in parts)
        {
            string[] words = part.Split(' ');
            writer.WriteMapHead(4);
            writer.WriteString("field");
            writer.WriteInt64(int.Parse(words[0]));
            writer.WriteString("type");
            writer.WriteString(words[1]);
            writer.WriteString("is_nullable");
            writer.WriteBoolean(words.Contains("?"));
            writer.WriteString("sort_order");
            writer.WriteString(words.Contains("desc") ? "desc" : "asc");
        }

        return writer.ToArray();
    }

    public Transaction Begin(IsolationLevel isolation = IsolationLevel.ReadCommitted, bool readOnly = false)
    {
        var transaction = new Transaction(Engine, isolation, readOnly);
        transaction.BeginStatement();
        return transaction;
    }

    /// <summary>Table [id integer, a integer?, s string?] with primary key id.</summary>
    public void CreateTable(uint id, params byte[][] indexRows)
    {
        using Transaction transaction = Begin();
        Done(transaction.Insert(SystemSpaces.Space, SpaceRow(id, $"t{id}", "id integer", "a integer?", "s string?")));
        Done(transaction.Insert(SystemSpaces.Index, IndexRow(id, 0, true, "0 integer")));
        foreach (byte[] row in indexRows)
        {
            Done(transaction.Insert(SystemSpaces.Index, row));
        }

        transaction.Commit();
    }

    public void Insert(uint space, params object?[] values)
    {
        using Transaction transaction = Begin();
        Done(transaction.Insert(space, Tuple(values)));
        transaction.Commit();
    }

    /// <summary>Committed rows in order of an index, as texts.</summary>
    public List<string> Rows(uint space, uint index = 0)
    {
        using Transaction transaction = Begin(readOnly: true);
        return Rows(transaction, space, index);
    }

    public static List<string> Rows(Transaction transaction, uint space, uint index = 0, bool descending = false)
    {
        var rows = new List<string>();
        using IndexCursor cursor = transaction.OpenCursor(space, index, KeyRange.All, descending);
        while (cursor.MoveNext())
        {
            rows.Add(string.Join(",", Fields(cursor.Current).Select(field => field ?? "null")));
        }

        return rows;
    }

    public static void Done(WriteResult result) => Assert.Equal(WriteOutcome.Done, result.Outcome);

    public void Dispose() => Engine.Dispose();

    private static object? Nil(ref MsgPackReader reader)
    {
        Assert.True(reader.TryReadNil());
        return null;
    }

    private static void Write(MsgPackWriter writer, object?[] values)
    {
        writer.WriteArrayHead(values.Length);
        foreach (object? value in values)
        {
            switch (value)
            {
                case null: writer.WriteNil(); break;
                case bool flag: writer.WriteBoolean(flag); break;
                case int number: writer.WriteInt64(number); break;
                case uint number: writer.WriteUInt64(number); break;
                case long number: writer.WriteInt64(number); break;
                case ulong number: writer.WriteUInt64(number); break;
                case float number: writer.WriteFloat32(number); break;
                case double number: writer.WriteDouble(number); break;
                case string text: writer.WriteString(text); break;
                case byte[] bytes: writer.WriteBinary(bytes); break;
                case Guid uuid: MpUuid.Write(writer, uuid); break;
                case MpDecimal number: number.Write(writer); break;
                case MpDatetime time: time.Write(writer); break;
                case MpInterval span: span.Write(writer); break;
                case object?[] list: Write(writer, list); break;
                case Dictionary<string, object?> map: WriteMap(writer, map); break;
                default: throw new ArgumentException($"no MessagePack for {value.GetType()}");
            }
        }
    }

    private static void WriteMap(MsgPackWriter writer, Dictionary<string, object?> map)
    {
        writer.WriteMapHead(map.Count);
        foreach ((string key, object? value) in map)
        {
            writer.WriteString(key);
            writer.WriteRaw(Tuple(value).AsSpan(1));
        }
    }
}
