using Picodata.Core;
using Picodata.Harness;
using Picodata.Harness.Disk;
using Picodata.Sql;
using Picodata.Sql.Execution;
using Picodata.Sql.Functions;
using Picodata.Sql.Plans;
using Picodata.Sql.Types;
using Picodata.Storage;
using Picodata.Storage.Files;
using Xunit;
using ExecutionContext = Picodata.Sql.Execution.ExecutionContext;

namespace Picodata.Unit.Sql.Execution;

/// <summary>A real database on a modelled disk, with tables made through its system spaces and statements run from plan nodes.</summary>
internal sealed class TestDatabase : IAsyncDisposable
{
    private uint nextSpace = SystemSpaces.FirstUserSpace;

    private TestDatabase(Database database) => Database = database;

    public Database Database { get; }

    public static async Task<TestDatabase> OpenAsync(WalMode mode = WalMode.None) => new(await Database.OpenAsync(
        new StorageOptions { Directory = "/data", WalMode = mode, MemtxMemory = 1L << 30, CheckpointInterval = TimeSpan.Zero },
        new StorageEnvironment(new ModelledDisk()) { Time = new QuietTime(), Random = new Random(1) }, CancellationToken.None));

    public ValueTask DisposeAsync() => Database.DisposeAsync();

    /// <summary>Makes a table; the first index is the primary key. Columns of indexes by ordinal.</summary>
    public TableDef Create(string name, ColumnDef[] columns, params (bool Unique, int[] Columns)[] indexes)
    {
        uint id = nextSpace++;
        using Transaction transaction = Database.BeginTransaction(IsolationLevel.ReadCommitted, false);
        transaction.BeginStatement();
        Assert.Equal(WriteOutcome.Done, transaction.Insert(SystemSpaces.Space, SpaceRow(id, name, columns)).Outcome);
        for (int i = 0; i < indexes.Length; i++)
        {
            Assert.Equal(WriteOutcome.Done, transaction.Insert(SystemSpaces.Index, IndexRow(id, (uint)i, name, columns, indexes[i].Unique, indexes[i].Columns)).Outcome);
        }

        transaction.EndStatement();
        transaction.Commit();
        SpaceDef space = Database.Schema.Space(id)!;
        return new TableDef
        {
            Oid = CatalogOids.Table(id), Schema = "public", Name = name, SpaceId = id, Space = space, Columns = [.. columns.Select((column, i) => column with { Ordinal = i })],
            Indexes = [.. space.Indexes.Select((index, i) => new TableIndex
            {
                Oid = CatalogOids.Index(id, index.Id), Name = index.Name, Storage = index, IsUnique = index.IsUnique, IsPrimary = i == 0,
                Parts = [.. indexes[i].Columns.Select(column => new IndexPart(column, false))],
            })],
        };
    }

    private static byte[] SpaceRow(uint id, string name, ColumnDef[] columns)
    {
        var row = new MsgPackWriter();
        row.WriteArrayHead(7);
        row.WriteUInt64(id);
        row.WriteUInt64(1);
        row.WriteString(name);
        row.WriteString("memtx");
        row.WriteUInt64(0);
        row.WriteMapHead(0);
        row.WriteArrayHead(columns.Length);
        foreach (ColumnDef column in columns)
        {
            row.WriteMapHead(3);
            row.WriteString("name");
            row.WriteString(column.Name);
            row.WriteString("type");
            row.WriteString(TypeName(ColumnCodec.FormatType(column.Type)));
            row.WriteString("is_nullable");
            row.WriteBoolean(column.IsNullable);
        }

        return row.ToArray();
    }

    private static string TypeName(FieldType type) => type.ToString().ToLowerInvariant();

    private static byte[] IndexRow(uint space, uint id, string table, ColumnDef[] columns, bool unique, int[] parts)
    {
        var row = new MsgPackWriter();
        row.WriteArrayHead(6);
        row.WriteUInt64(space);
        row.WriteUInt64(id);
        row.WriteString(table + (id == 0 ? "_pkey" : "_" + string.Join("_", parts.Select(part => columns[part].Name)) + (unique ? "_key" : "_idx")));
        row.WriteString("tree");
        row.WriteMapHead(1);
        row.WriteString("unique");
        row.WriteBoolean(unique);
        row.WriteArrayHead(parts.Length);
        foreach (int part in parts)
        {
            row.WriteMapHead(3);
            row.WriteString("field");
            row.WriteInt64(part);
            row.WriteString("type");
            row.WriteString(TypeName(ColumnCodec.KeyPartType(columns[part].Type)!.Value));
            row.WriteString("is_nullable");
            row.WriteBoolean(columns[part].IsNullable);
        }

        return row.ToArray();
    }

    public TestSession Session(IsolationLevel isolation = IsolationLevel.ReadCommitted) => new(this, isolation);

    /// <summary>Runs one statement in a transaction of its own and commits.</summary>
    public async Task<(long Affected, List<Datum[]> Rows)> RunAsync(PlanNode plan, params Datum[] parameters)
    {
        await using TestSession session = Session();
        (long, List<Datum[]>) result = await session.RunAsync(plan, parameters);
        session.Commit();
        return result;
    }

    public async Task<string> ShowAsync(PlanNode plan) => Show((await RunAsync(plan)).Rows);

    public static string Show(IEnumerable<Datum[]> rows) => string.Join(" ", rows.Select(row => "(" + string.Join(",", row) + ")"));

    public Task<string> ContentAsync(TableDef table) => ShowAsync(Scan(table));

    public static FullScanNode Scan(TableDef table, BoundExpression? filter = null) =>
        new(table, table.Name, [.. Enumerable.Range(0, table.Columns.Count)], filter);

    /// <summary>Short for an INSERT of rows of constants.</summary>
    public static InsertNode Insert(TableDef table, BoundExpression[][] rows, ConflictClause? conflict = null, BoundCheck[]? checks = null, PlanOutput[]? returning = null) => new(
        table, new ValuesNode([.. table.Columns.Select(column => new PlanColumn(column.Name, column.Type))], rows),
        [.. table.Columns.Select((column, i) => new BoundSlot(i, column.Type))], conflict ?? ConflictClause.Fail, checks ?? [], returning ?? []);

    /// <summary>UPDATE of the rows that a filter over all columns finds.</summary>
    public static UpdateNode Update(TableDef table, BoundExpression? filter, BoundAssignment[] assignments, BoundCheck[]? checks = null, PlanOutput[]? returning = null) =>
        new(table, Scan(table, filter), [.. table.PrimaryIndex!.Parts.Select(part => part.Ordinal)], assignments, checks ?? [], returning ?? []);

    public static DeleteNode Delete(TableDef table, BoundExpression? filter, PlanOutput[]? returning = null) =>
        new(table, Scan(table, filter), [.. table.PrimaryIndex!.Parts.Select(part => part.Ordinal)], returning ?? []);
}

/// <summary>One transaction that runs statements as a session does: waits for locks and runs again.</summary>
internal sealed class TestSession : IAsyncDisposable
{
    private readonly TestDatabase owner;
    private readonly ExecutionContext context;

    public TestSession(TestDatabase owner, IsolationLevel isolation)
    {
        this.owner = owner;
        Transaction = owner.Database.BeginTransaction(isolation, false);
        context = new ExecutionContext(Transaction, new EvaluationContext(new TypeContext()), new StatementMemory(0));
    }

    public Transaction Transaction { get; }

    /// <summary>How often a statement had to be run again.</summary>
    public int Restarts { get; private set; }

    public ExecutionContext Context => context;

    /// <summary>Starts a statement; completes at once unless it has to wait for a lock.</summary>
    public async Task<(long Affected, List<Datum[]> Rows)> RunAsync(PlanNode plan, params Datum[] parameters)
    {
        ExecutablePlan executable = ExecutablePlan.Compile(plan);
        while (true)
        {
            context.Parameters = parameters;
            Task? wait = null;
            Transaction.BeginStatement();
            try
            {
                StatementOutcome outcome = executable.Execute(context);
                wait = outcome.Wait;
                if (wait is null)
                {
                    List<Datum[]> rows = Drain(outcome.Rows);
                    Transaction.EndStatement();
                    return (outcome.AffectedRows, rows);
                }
            }
            catch
            {
                Transaction.RollbackStatement();
                throw;
            }

            Transaction.RollbackStatement();
            Restarts++;
            await wait;
        }
    }

    private static List<Datum[]> Drain(RowSource? source)
    {
        var rows = new List<Datum[]>();
        using (source)
        {
            while (source?.MoveNext() == true)
            {
                rows.Add(source.Current.ToArray());
            }
        }

        return rows;
    }

    public void Commit() => Transaction.Commit();

    public ValueTask DisposeAsync()
    {
        Transaction.Dispose();
        return ValueTask.CompletedTask;
    }
}
