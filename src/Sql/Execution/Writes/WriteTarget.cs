using System.Text;
using Picodata.Core;
using Picodata.Sql.Types;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Sql.Execution;

/// <summary>A compiled CHECK.</summary>
internal sealed record CheckShape(string Name, Evaluator Condition);

/// <summary>A compiled assignment.</summary>
internal sealed record AssignmentShape(int Ordinal, Evaluator Value);

/// <summary>
/// A table as writes see it: tuples from rows, constraints, and the errors that PostgreSQL's clients expect. Immutable.
/// Rows are arrays whose slots are the ordinals of the table's columns.
/// </summary>
internal sealed class WriteTarget
{
    private readonly ColumnCodec[] codecs;
    private readonly ColumnCodec[] keyCodecs;
    private readonly int[] keyOrdinals;
    private readonly bool[] notNull;
    private readonly CheckShape[] checks;

    public WriteTarget(TableDef table, CheckShape[] checks)
    {
        Table = table;
        this.checks = checks;
        TableIndex primary = table.PrimaryIndex
            ?? throw new DbException(SqlStates.ObjectNotInPrerequisiteState, $"table \"{table.Name}\" has no primary key in storage yet");
        codecs = [.. table.Columns.Select(TableCodecs.Of)];
        keyOrdinals = [.. primary.Parts.Select(part => part.Ordinal)];
        keyCodecs = TableCodecs.OfKey(table, primary);
        notNull = [.. table.Columns.Select(column => !column.IsNullable)];
        foreach (int ordinal in keyOrdinals)
        {
            notNull[ordinal] = true;
        }
    }

    public TableDef Table { get; }

    public uint SpaceId => Table.SpaceId;

    public int Width => codecs.Length;

    public IReadOnlyList<int> KeyOrdinals => keyOrdinals;

    public ColumnCodec[] KeyCodecs => keyCodecs;

    public bool HasChecks => checks.Length > 0;

    /// <summary>The whole row as a tuple.</summary>
    public void WriteTuple(Datum[] row, TupleWriter writer)
    {
        writer.Begin(codecs.Length);
        MsgPackWriter output = writer.Output;
        for (int i = 0; i < codecs.Length; i++)
        {
            codecs[i].Write(row[i], output);
        }
    }

    /// <summary>The primary key of a row.</summary>
    public void WriteKey(Datum[] row, TupleWriter writer)
    {
        writer.Begin(keyOrdinals.Length);
        for (int i = 0; i < keyOrdinals.Length; i++)
        {
            keyCodecs[i].Write(row[keyOrdinals[i]], writer.Output);
        }
    }

    /// <summary>The primary key of a tuple, copied as bytes.</summary>
    public void WriteKeyOf(ReadOnlySpan<byte> tuple, TupleWriter writer)
    {
        var reader = new TupleReader(tuple);
        writer.Begin(keyOrdinals.Length);
        foreach (int ordinal in keyOrdinals)
        {
            writer.WriteRaw(reader.Raw(ordinal));
        }
    }

    /// <summary>
    /// An old tuple with some fields replaced; fields that nobody assigned are copied as bytes, also those behind the table's columns.
    /// </summary>
    /// <param name="assignments">Sorted by ordinal.</param>
    public void WriteChanged(ReadOnlySpan<byte> old, AssignmentShape[] assignments, ReadOnlySpan<Datum> values, TupleWriter writer)
    {
        var reader = new MsgPackReader(old);
        int present = reader.ReadArrayHead();
        int count = assignments.Length == 0 ? present : Math.Max(present, assignments[^1].Ordinal + 1);
        writer.Begin(count);
        MsgPackWriter output = writer.Output;
        int field = 0;
        for (int i = 0; i < assignments.Length; i++)
        {
            int ordinal = assignments[i].Ordinal;
            int from = reader.Position;
            for (; field < ordinal && field < present; field++)
            {
                reader.Skip();
            }

            output.WriteRaw(old[from..reader.Position]);
            for (; field < ordinal; field++)
            {
                output.WriteNil();
            }

            codecs[ordinal].Write(values[i], output);
            if (field < present)
            {
                reader.Skip();
            }

            field++;
        }

        if (field < present)
        {
            output.WriteRaw(reader.Rest);
        }
    }

    /// <summary>NOT NULL and CHECK over a whole new row.</summary>
    public void Check(Datum[] row, ExecutionContext context)
    {
        for (int i = 0; i < notNull.Length; i++)
        {
            if (notNull[i] && row[i].IsNull)
            {
                throw NotNullViolation(i, row, context);
            }
        }

        CheckConditions(row, context);
    }

    /// <summary>True when the column refuses NULL.</summary>
    public bool IsNotNull(int ordinal) => notNull[ordinal];

    /// <summary>CHECK constraints over a new row.</summary>
    public void CheckConditions(Datum[] row, ExecutionContext context)
    {
        foreach (CheckShape check in checks)
        {
            if (check.Condition.Test(row, context) == Truth.False)
            {
                throw new DbException(SqlStates.CheckViolation, $"new row for relation \"{Table.Name}\" violates check constraint \"{check.Name}\"", FailingRow(row, context))
                {
                    SchemaName = Table.Schema, TableName = Table.Name, ConstraintName = check.Name,
                };
            }
        }
    }

    /// <summary>23502.</summary>
    public DbException NotNullViolation(int ordinal, Datum[]? row, ExecutionContext context) => new(
        SqlStates.NotNullViolation, $"null value in column \"{Table.Columns[ordinal].Name}\" of relation \"{Table.Name}\" violates not-null constraint",
        row is null ? null : FailingRow(row, context))
    {
        SchemaName = Table.Schema, TableName = Table.Name, ColumnName = Table.Columns[ordinal].Name,
    };

    /// <summary>23505 for a row that was to be written.</summary>
    public DbException UniqueViolation(IndexDef? storageIndex, Datum[] row, ExecutionContext context)
    {
        TableIndex index = IndexOf(storageIndex);
        string columns = string.Join(", ", index.Parts.Select(part => Table.Columns[part.Ordinal].Name));
        string values = string.Join(", ", index.Parts.Select(part => Text(row[part.Ordinal], Table.Columns[part.Ordinal].Type, context)));
        return new DbException(
            SqlStates.UniqueViolation, $"duplicate key value violates unique constraint \"{index.Name}\"", $"Key ({columns})=({values}) already exists.")
        {
            SchemaName = Table.Schema, TableName = Table.Name, ConstraintName = index.Name,
        };
    }

    /// <summary>The table's index that storage named.</summary>
    public TableIndex IndexOf(IndexDef? storageIndex) =>
        Table.Indexes.FirstOrDefault(index => index.Storage.Id == (storageIndex?.Id ?? 0)) ?? Table.Indexes[0];

    private string FailingRow(Datum[] row, ExecutionContext context)
    {
        var text = new StringBuilder("Failing row contains (");
        bool first = true;
        for (int i = 0; i < row.Length && i < Table.Columns.Count; i++)
        {
            if (!Table.Columns[i].IsHidden)
            {
                text.Append(first ? "" : ", ").Append(Text(row[i], Table.Columns[i].Type, context));
                first = false;
            }
        }

        return text.Append(").").ToString();
    }

    private static string Text(in Datum value, SqlType type, ExecutionContext context) =>
        value.IsNull ? "null" : TypeCodec.For(type).ToText(value, context.Evaluation.Types);

    /// <summary>40001: the row was changed by somebody else since the transaction's view.</summary>
    public static DbException SerializationFailure() =>
        new(SqlStates.SerializationFailure, "could not serialize access due to concurrent update", hint: "run the transaction again");
}
