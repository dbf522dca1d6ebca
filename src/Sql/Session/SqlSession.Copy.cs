using System.Buffers;
using System.Globalization;
using System.Text;
using Picodata.Core;
using ExecutionContext = Picodata.Sql.Execution.ExecutionContext;
using Picodata.Sql.Execution;
using Picodata.Sql.Parsing;
using Picodata.Sql.Types;

namespace Picodata.Sql;

/// <summary>COPY: between the client's stream and INSERT plans or queries.</summary>
public sealed partial class SqlSession
{
    private async ValueTask<string> RunCopyAsync(CopyStatement copy, ISessionOutput output)
    {
        if (copy.FileName is not null)
        {
            throw new DbException(SqlStates.InsufficientPrivilege, "COPY to or from files of the server is not allowed", hint: "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.", position: copy.Position);
        }

        CopySettings form = CopySettings.Of(copy);
        return copy.IsFrom
            ? await CopyInAsync(copy, form, output).ConfigureAwait(false)
            : await CopyOutAsync(copy, form, output).ConfigureAwait(false);
    }

    // ---- out

    private async ValueTask<string> CopyOutAsync(CopyStatement copy, CopySettings form, ISessionOutput output)
    {
        Statement source = copy.Query ?? new QueryStatement(new Query(null, new SelectBody([.. CopyItems(copy)], [new NamedSource(copy.Table!) { Position = copy.Table!.Position }], null), [], null, null, []));
        EnsureTransaction();
        ExecutionContext context = TakeContext();
        (CachedPlan plan, StatementOutcome outcome) = await StartAsync(new PlannedStatement(source, [], null), [], context).ConfigureAwait(false);
        IReadOnlyList<ResultColumn> columns = plan.Columns ?? throw new DbException(SqlStates.FeatureNotSupported, "COPY query must have a RETURNING clause", position: copy.Position);
        bool isBinary = form.Options.Form == CopyForm.Binary;
        TypeCodec[] codecs = [.. columns.Select(column => TypeCodec.For(column.Type))];
        var writer = new CopyWriter(form.Options);
        var value = new ArrayBufferWriter<byte>(256);
        output.CopyOut(isBinary, columns.Count);
        writer.Begin([.. columns.Select(column => column.Name)]);
        long count = 0;
        using (RowSource? rows = outcome.Rows)
        {
            while (rows?.MoveNext() == true)
            {
                WriteRow(writer, rows.Current, codecs, isBinary, value);
                output.CopyData(writer.Bytes);
                writer.Clear();
                count++;
                if (output.PendingBytes > FlushAt)
                {
                    await FlushAsync(output).ConfigureAwait(false);
                }
            }
        }

        writer.End();
        if (writer.Bytes.Length > 0)
        {
            output.CopyData(writer.Bytes);
        }

        EndStatement();
        Release(context);
        output.CopyDone();
        return "COPY " + count.ToString(CultureInfo.InvariantCulture);
    }

    private static IEnumerable<SelectItem> CopyItems(CopyStatement copy) => copy.Columns.Count == 0
        ? [new SelectItem(new StarExpr([]), null)]
        : copy.Columns.Select(column => new SelectItem(new ColumnExpr([column.Name]) { Position = column.Position }, null));

    private void WriteRow(CopyWriter writer, ReadOnlySpan<Datum> row, TypeCodec[] codecs, bool isBinary, ArrayBufferWriter<byte> value)
    {
        writer.BeginRow();
        for (int i = 0; i < row.Length; i++)
        {
            if (row[i].IsNull)
            {
                writer.Null();
                continue;
            }

            value.ResetWrittenCount();
            if (isBinary)
            {
                codecs[i].WriteBinary(row[i], value, settings.Types);
            }
            else
            {
                codecs[i].WriteText(row[i], value, settings.Types);
            }

            writer.Field(value.WrittenSpan);
        }

        writer.EndRow();
    }

    // ---- in

    private async ValueTask<string> CopyInAsync(CopyStatement copy, CopySettings form, ISessionOutput output)
    {
        TableDef table = CopyTarget(copy);
        int[] ordinals = CopyColumns(copy, table);
        var insert = new InsertStatement(copy.Table!, null, [.. ordinals.Select(ordinal => new Identifier(table.Columns[ordinal].Name, 0))],
            new Query(null, new ValuesBody([[.. ordinals.Select((_, i) => new ParameterExpr(i + 1))]]), [], null, null, []))
        {
            ParameterCount = ordinals.Length,
            OverridingSystem = true,
        };
        SqlType[] types = [.. ordinals.Select(ordinal => table.Columns[ordinal].Type)];
        CachedPlan plan = MakePlan(insert, types, Catalog);
        CheckAccess(plan);
        // the client is about to be asked for data, and sees what was written before
        await WaitShownAsync().ConfigureAwait(false);
        output.CopyIn(form.Options.Form == CopyForm.Binary, ordinals.Length);
        var run = new CopyRun(this, copy, form, table, ordinals, plan);
        return await run.RunAsync(output).ConfigureAwait(false);
    }

    private TableDef CopyTarget(CopyStatement copy)
    {
        if (copy.Where is not null)
        {
            throw new DbException(SqlStates.FeatureNotSupported, "COPY FROM ... WHERE is not supported", position: copy.Where.Position);
        }

        return Catalog.Catalog.GetRelation(copy.Table!.Schema, copy.Table.Name, copy.Table.Position) as TableDef
            ?? throw new DbException(SqlStates.WrongObjectType, $"cannot copy to \"{copy.Table.Name}\": it is not a table", position: copy.Table.Position);
    }

    private static int[] CopyColumns(CopyStatement copy, TableDef table)
    {
        if (copy.Columns.Count == 0)
        {
            return [.. Enumerable.Range(0, table.Columns.Count).Where(i => !table.Columns[i].IsHidden)];
        }

        var ordinals = new List<int>();
        foreach (Identifier column in copy.Columns)
        {
            int ordinal = table.FindColumn(column.Name);
            if (ordinal < 0)
            {
                throw new DbException(SqlStates.UndefinedColumn, $"column \"{column.Name}\" of relation \"{table.Name}\" does not exist", position: column.Position);
            }

            if (ordinals.Contains(ordinal))
            {
                throw new DbException(SqlStates.DuplicateColumn, $"column \"{column.Name}\" specified more than once", position: column.Position);
            }

            ordinals.Add(ordinal);
        }

        return [.. ordinals];
    }

    /// <summary>One COPY FROM STDIN: pieces of data in, rows into the table.</summary>
    private sealed class CopyRun(SqlSession session, CopyStatement copy, CopySettings form, TableDef table, int[] ordinals, CachedPlan plan)
    {
        private const int RowsBetweenRests = 1024;

        private readonly CopyReader reader = CopyReader.For(form.OptionsFor(table, ordinals));
        private readonly CopyRow row = new();
        private readonly Datum[] values = new Datum[ordinals.Length];
        private readonly TypeCodec[] codecs = [.. ordinals.Select(ordinal => TypeCodec.For(table.Columns[ordinal].Type))];
        private BulkInsert? bulk;
        private bool headerIsChecked;
        private long count;

        public async ValueTask<string> RunAsync(ISessionOutput output)
        {
            while (true)
            {
                ReadOnlyMemory<byte> piece = await output.ReadCopyDataAsync(session.work.Token).ConfigureAwait(false);
                await PoolThread.Reach;
                if (piece.IsEmpty)
                {
                    break;
                }

                if (!reader.IsFinished)
                {
                    reader.Append(piece.Span);
                    await InsertRowsAsync().ConfigureAwait(false);
                }
            }

            if (!reader.IsFinished)
            {
                reader.Complete();
                await InsertRowsAsync().ConfigureAwait(false);
            }

            // data without rows may still have a header
            CheckHeader();

            EndBatch();
            return "COPY " + count.ToString(CultureInfo.InvariantCulture);
        }

        private void CheckHeader()
        {
            if (headerIsChecked || form.Options.Header != CopyHeader.Match || reader is not CopyLineReader { HeaderRow: { } header })
            {
                return;
            }

            headerIsChecked = true;
            if (header.Count != ordinals.Length)
            {
                throw new DbException(SqlStates.BadCopyFileFormat, $"wrong number of fields in header line: got {header.Count}, expected {ordinals.Length}");
            }

            for (int i = 0; i < ordinals.Length; i++)
            {
                if (Encoding.UTF8.GetString(header[i]) != table.Columns[ordinals[i]].Name)
                {
                    throw new DbException(SqlStates.BadCopyFileFormat, $"column name mismatch in header line field {i + 1}: expected \"{table.Columns[ordinals[i]].Name}\"");
                }
            }
        }

        private async ValueTask InsertRowsAsync()
        {
            while (TryReadRow())
            {
                CheckHeader();
                Decode();
                while (Add() is { } wait)
                {
                    // the rows of this batch before this one stay: the lock is waited for inside of the statement
                    await session.WaitLockAsync(wait).ConfigureAwait(false);
                }

                count++;
                if (count % RowsBetweenRests == 0)
                {
                    EndBatch();
                }
            }
        }

        private Task? Add()
        {
            if (bulk is null)
            {
                Storage.Transaction current = session.BeginStatement();
                var context = new ExecutionContext(current, session.evaluation, session.memory) { Virtual = session.VirtualContext(plan.Catalog, current) };
                bulk = new BulkInsert(plan.Plan, context);
            }

            try
            {
                return bulk.Add(values);
            }
            catch (DbException error)
            {
                throw At(error, $"COPY {table.Name}, line {reader.LineNumber}");
            }
        }

        private void EndBatch()
        {
            if (bulk is not null)
            {
                bulk = null;
                session.EndStatement();
            }
        }

        private bool TryReadRow()
        {
            try
            {
                return reader.TryReadRow(row);
            }
            catch (DbException error)
            {
                throw At(error, $"COPY {table.Name}, line {reader.LineNumber}");
            }
        }

        private void Decode()
        {
            if (row.Count != ordinals.Length)
            {
                throw At(
                    row.Count > ordinals.Length
                        ? new DbException(SqlStates.BadCopyFileFormat, form.Options.Form == CopyForm.Binary ? $"row field count is {row.Count}, expected {ordinals.Length}" : "extra data after last expected column")
                        : new DbException(SqlStates.BadCopyFileFormat, form.Options.Form == CopyForm.Binary ? $"row field count is {row.Count}, expected {ordinals.Length}" : $"missing data for column \"{table.Columns[ordinals[row.Count]].Name}\""),
                    $"COPY {table.Name}, line {reader.LineNumber}");
            }

            for (int i = 0; i < ordinals.Length; i++)
            {
                values[i] = row.IsNull(i) ? Datum.Null : Decode(i);
            }
        }

        private Datum Decode(int field)
        {
            try
            {
                return form.Options.Form == CopyForm.Binary
                    ? codecs[field].ParseBinary(row[field], session.settings.Types)
                    : codecs[field].ParseText(row[field], session.settings.Types);
            }
            catch (DbException error)
            {
                string where = $"COPY {table.Name}, line {reader.LineNumber}, column {table.Columns[ordinals[field]].Name}";
                throw At(error, form.Options.Form == CopyForm.Binary ? where : $"{where}: \"{TextPosition.Excerpt(Encoding.UTF8.GetString(row[field]), 0, row[field].Length)}\"");
            }
        }

        private DbException At(DbException error, string where) => new(error.SqlState, error.Message, error.Detail, error.Hint, 0, error)
        {
            Where = error.Where ?? where,
            SchemaName = error.SchemaName,
            TableName = error.TableName ?? copy.Table!.Name,
            ColumnName = error.ColumnName,
            ConstraintName = error.ConstraintName,
            DataTypeName = error.DataTypeName,
        };
    }
}
