using Picodata.Core;
using ExecutionContext = Picodata.Sql.Execution.ExecutionContext;
using Picodata.Sql.Execution;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;
using Picodata.Sql.Types;
using Picodata.Storage;
using Picodata.Storage.Files;

namespace Picodata.Sql;

/// <summary>Changes or checks all rows of a table for ALTER TABLE, in the statement that runs.</summary>
internal static class TableRewrite
{
    /// <summary>UPDATE t SET column = value, for all rows.</summary>
    public static void Run(DdlContext context, TableDef table, int ordinal, Expr value)
    {
        var update = new UpdateStatement(new ObjectName(["public", table.Name]), null, [new Assignment([new Identifier(table.Columns[ordinal].Name, 0)], value, false)], [], null);
        Execute(context, update, out StatementOutcome outcome)?.End();
        if (outcome.Wait is not null)
        {
            throw new LockWaitException(outcome.Wait);
        }
    }

    /// <summary>Refuses with 23514 when a row breaks the condition.</summary>
    public static void CheckRows(DdlContext context, TableDef table, string constraint, Expr condition)
    {
        context.Binder().BindTableExpression(condition, Binder.TableSource(table).Range, SqlType.Bool);
        var source = new NamedSource(new ObjectName(["public", table.Name]));
        var body = new SelectBody([new SelectItem(new LiteralExpr(Datum.Int(1), SqlType.Int8), null)], [source], new NotExpr(condition));
        var query = new QueryStatement(new Query(null, body, [], new LiteralExpr(Datum.Int(1), SqlType.Int8), null, []));
        ExecutionContext? execution = Execute(context, query, out StatementOutcome outcome);
        using RowSource? rows = outcome.Rows;
        if (rows?.MoveNext() == true)
        {
            throw new DbException(SqlStates.CheckViolation, $"check constraint \"{constraint}\" of relation \"{table.Name}\" is violated by some row")
            {
                SchemaName = "public", TableName = table.Name, ConstraintName = constraint,
            };
        }

        execution?.End();
    }

    private static ExecutionContext? Execute(DdlContext context, Statement statement, out StatementOutcome outcome)
    {
        BoundStatement bound = context.Binder().Bind(statement);
        ExecutablePlan plan = ExecutablePlan.Compile(new Planner(context.Transaction.EstimateRows).Plan(bound));
        var execution = new ExecutionContext(context.Transaction, context.Evaluation, new StatementMemory(0));
        outcome = plan.Execute(execution);
        return execution;
    }

    /// <summary>
    /// Converts one field of all rows. While that goes on the field's type is <c>any</c> in the format, so that every state that the log
    /// passes through fits its format; the caller sets the new type afterwards.
    /// </summary>
    public static void ChangeType(DdlContext context, TableDef table, int ordinal, SqlType type, Expr? conversion)
    {
        ColumnDef old = table.Columns[ordinal];
        List<(byte[] Key, byte[] Row)> rows = Converted(context, table, ordinal, type, conversion);
        ColumnDef[] columns = [.. table.Columns];
        columns[ordinal] = old with { FieldType = FieldType.Any };
        context.PutTable(table, table.Name, columns);
        foreach ((byte[] key, byte[] row) in rows)
        {
            context.Evaluation.ThrowIfCancelled();
            SystemWriter.Check(context.Transaction.Update(table.SpaceId, key, row));
        }
    }

    private static List<(byte[] Key, byte[] Row)> Converted(DdlContext context, TableDef table, int ordinal, SqlType type, Expr? conversion)
    {
        string column = table.Columns[ordinal].Name;
        Expr value = conversion ?? new ColumnExpr([column]);
        var target = new TypeName(new ObjectName([type.IsArray ? type.Element!.Name : type.Name]), [], type.IsArray ? 1 : 0);
        IEnumerable<string> keys = table.PrimaryIndex!.Parts.Select(part => table.Columns[part.Ordinal].Name);
        SelectItem[] items = [new SelectItem(new CastExpr(value, target), null), .. keys.Select(key => new SelectItem(new ColumnExpr([key]), null))];
        var body = new SelectBody(items, [new NamedSource(new ObjectName(["public", table.Name]))], null);
        ExecutionContext? execution = Execute(context, new QueryStatement(new Query(null, body, [], null, null, [])), out StatementOutcome outcome);
        ColumnCodec codec = ColumnCodec.For(type);
        ColumnCodec[] keyCodecs = [.. table.PrimaryIndex.Parts.Select(part => CodecOf(table.Columns[part.Ordinal]))];
        var rows = new List<(byte[], byte[])>();
        var writer = new TupleWriter();
        using RowSource source = outcome.Rows!;
        while (source.MoveNext())
        {
            byte[] key = writer.WriteRow(keyCodecs, source.Current[1..]).ToArray();
            if (!context.Transaction.TryGet(table.SpaceId, 0, key, out ReadOnlySpan<byte> tuple))
            {
                continue;
            }

            rows.Add((key, WithField(tuple, ordinal, codec, source.Current[0])));
        }

        execution?.End();
        return rows;
    }

    private static ColumnCodec CodecOf(ColumnDef column) => column.IsForeign ? ColumnCodec.ForForeign(column.FieldType) : ColumnCodec.For(column.Type);

    private static byte[] WithField(ReadOnlySpan<byte> tuple, int ordinal, ColumnCodec codec, in Datum value)
    {
        var output = new MsgPackWriter(tuple.Length + 32);
        var reader = new MsgPackReader(tuple);
        int fields = reader.ReadArrayHead();
        output.WriteArrayHead(Math.Max(fields, ordinal + 1));
        for (int i = 0; i < Math.Max(fields, ordinal + 1); i++)
        {
            if (i == ordinal)
            {
                codec.Write(value, output);
                if (i < fields)
                {
                    reader.Skip();
                }
            }
            else if (i < fields)
            {
                output.WriteRaw(reader.ReadRaw());
            }
            else
            {
                output.WriteNil();
            }
        }

        return output.ToArray();
    }
}
