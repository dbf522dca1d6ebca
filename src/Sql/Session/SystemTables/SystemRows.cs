using Picodata.Core;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Sql;

/// <summary>Builds one field of a system row.</summary>
internal delegate void FieldWriter(MsgPackWriter output);

/// <summary>Reads one row of a system table; a ref struct so that it may look at the row in place.</summary>
internal delegate void RowVisitor(ReadOnlySpan<byte> tuple);

/// <summary>
/// Reads and writes rows of system tables through a transaction, for statements that are DDL at heart. A lock that is held
/// elsewhere is thrown as <see cref="LockWaitException"/>.
/// </summary>
internal static class SystemRows
{
    /// <summary>Id of a system table's space in this directory; XX000 when it is missing.</summary>
    public static uint SpaceOf(Transaction transaction, SystemTable table) =>
        transaction.Schema.Space(table.Name)?.Id
        ?? throw new DbException(SqlStates.InternalError, $"system table {table.Name} is missing");

    /// <summary>All rows in the order of the primary key, as the running statement sees them.</summary>
    public static void ForEach(Transaction transaction, SystemTable table, RowVisitor visit)
    {
        using IndexCursor cursor = transaction.OpenCursor(SpaceOf(transaction, table), 0, KeyRange.All, descending: false);
        while (cursor.MoveNext())
        {
            visit(cursor.Current);
        }
    }

    public static void Insert(Transaction transaction, SystemTable table, params ReadOnlySpan<FieldWriter> fields)
    {
        WriteResult result = transaction.Insert(SpaceOf(transaction, table), Encode(fields));
        if (result.Outcome == WriteOutcome.Duplicate)
        {
            throw new DbException(SqlStates.UniqueViolation, $"duplicate key value violates unique constraint \"{result.Index?.Name}\"");
        }

        Demand(result);
    }

    /// <summary>Writes a row whether or not there is one with its primary key.</summary>
    public static void Put(Transaction transaction, SystemTable table, params ReadOnlySpan<FieldWriter> fields)
    {
        uint space = SpaceOf(transaction, table);
        byte[] tuple = Encode(fields);
        byte[] key = KeyOf(table, tuple);
        Demand(transaction.LockRow(space, key));
        Demand(transaction.TryGetLatest(space, key, out _) ? transaction.Update(space, key, tuple) : transaction.Insert(space, tuple));
    }

    /// <summary>Removes a row; false when there is none.</summary>
    public static bool Delete(Transaction transaction, SystemTable table, params ReadOnlySpan<FieldWriter> key)
    {
        uint space = SpaceOf(transaction, table);
        byte[] encoded = Encode(key);
        Demand(transaction.LockRow(space, encoded));
        if (!transaction.TryGetLatest(space, encoded, out _))
        {
            return false;
        }

        Demand(transaction.Delete(space, encoded));
        return true;
    }

    /// <summary>Takes the lock that statements which change a system table share, so that their checks hold.</summary>
    public static void Lock(Transaction transaction, SystemTable table) =>
        Demand(transaction.LockTable(SpaceOf(transaction, table), TableLockMode.ShareWrite));

    public static FieldWriter Of(long value) => output => output.WriteInt64(value);

    public static FieldWriter Of(bool value) => output => output.WriteBoolean(value);

    public static FieldWriter Of(double value) => output => output.WriteDouble(value);

    public static FieldWriter Of(string value) => output => output.WriteString(value);

    public static FieldWriter Nil => output => output.WriteNil();

    /// <summary>A value that a user gave: boolean, integer, double or text.</summary>
    public static FieldWriter Of(Datum value) => value.Kind switch
    {
        DatumKind.Bool => Of(value.AsBool),
        DatumKind.Int => Of(value.AsInt),
        DatumKind.Double => Of(value.AsDouble),
        DatumKind.Text => Of(value.AsText),
        _ => Nil,
    };

    public static FieldWriter Array(params FieldWriter[] items) => output =>
    {
        output.WriteArrayHead(items.Length);
        foreach (FieldWriter item in items)
        {
            item(output);
        }
    };

    public static FieldWriter Map(params (string Key, FieldWriter Value)[] items) => output =>
    {
        output.WriteMapHead(items.Length);
        foreach ((string key, FieldWriter value) in items)
        {
            output.WriteString(key);
            value(output);
        }
    };

    /// <summary>Throws what a write that was not done means for a statement on system tables.</summary>
    public static void Demand(in WriteResult result)
    {
        switch (result.Outcome)
        {
            case WriteOutcome.Done:
                return;
            case WriteOutcome.MustWait:
                throw new LockWaitException(result.Wait ?? Task.CompletedTask);
            case WriteOutcome.Gone:
                throw new LockWaitException(Task.CompletedTask);
            case WriteOutcome.Conflict:
                throw new DbException(SqlStates.SerializationFailure, "could not serialize access due to concurrent update");
            default:
                throw new DbException(SqlStates.UniqueViolation, $"duplicate key value violates unique constraint \"{result.Index?.Name}\"");
        }
    }

    private static byte[] Encode(ReadOnlySpan<FieldWriter> fields)
    {
        var output = new MsgPackWriter();
        output.WriteArrayHead(fields.Length);
        foreach (FieldWriter field in fields)
        {
            field(output);
        }

        return output.ToArray();
    }

    /// <summary>The primary key of a tuple.</summary>
    private static byte[] KeyOf(SystemTable table, byte[] tuple)
    {
        int[] ordinals = table.KeyOrdinals.ToArray();
        var output = new MsgPackWriter();
        output.WriteArrayHead(ordinals.Length);
        var reader = new MsgPackReader(tuple);
        int count = reader.ReadArrayHead();
        for (int field = 0; field < count; field++)
        {
            ReadOnlySpan<byte> raw = reader.ReadRaw();
            if (ordinals.Contains(field))
            {
                output.WriteRaw(raw);
            }
        }

        return output.ToArray();
    }
}
