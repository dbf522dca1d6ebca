using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;
using Picodata.Sql.Types;
using Picodata.Storage;
using Picodata.Unit.Sql.Execution;

namespace Picodata.Unit.Sql.Queries;

/// <summary>SQL text over a real database without a session: tables and indexes from CREATE statements, then queries and DML.</summary>
internal sealed class QueryDatabase : IAsyncDisposable
{
    private readonly TestDatabase database;
    private readonly List<Relation> relations = [];
    private CatalogSnapshot catalog = new(0, []);

    private QueryDatabase(TestDatabase database) => this.database = database;

    public static async Task<QueryDatabase> OpenAsync(string setup)
    {
        var opened = new QueryDatabase(await TestDatabase.OpenAsync());
        IReadOnlyList<Statement> statements = SqlParser.ParseScript(setup);
        foreach (CreateTableStatement table in statements.OfType<CreateTableStatement>())
        {
            opened.Create(table, [.. statements.OfType<CreateIndexStatement>().Where(i => i.Table.Name == table.Name.Name)]);
        }

        opened.catalog = new CatalogSnapshot(1, opened.relations);
        foreach (InsertStatement insert in statements.OfType<InsertStatement>())
        {
            await opened.RunAsync(insert);
        }

        return opened;
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    private void Create(CreateTableStatement table, CreateIndexStatement[] indexes)
    {
        var key = table.Constraints.OfType<TablePrimaryKey>().SelectMany(k => k.Columns).Select(c => c.Column!).ToList();
        key.AddRange(table.Columns.Where(c => c.Constraints.OfType<PrimaryKeyConstraint>().Any()).Select(c => c.Name));
        ColumnDef[] columns = table.Columns.Select((c, i) => new ColumnDef(c.Name, Picodata.Sql.TypeNames.ResolveColumn(c.Type!))
        {
            Ordinal = i, IsNullable = !key.Contains(c.Name) && !c.Constraints.OfType<NotNullConstraint>().Any(n => n.IsNotNull),
        }).ToArray();
        int[] Places(IEnumerable<string> names) => names.Select(n => Array.FindIndex(columns, c => c.Name == n)).ToArray();
        var list = new List<(bool, int[])> { (true, Places(key)) };
        list.AddRange(table.Columns.Where(c => c.Constraints.OfType<UniqueConstraint>().Any()).Select(c => (true, Places([c.Name]))));
        list.AddRange(indexes.Select(i => (i.IsUnique, Places(i.Items.Select(item => item.Column!)))));
        relations.Add(database.Create(table.Name.Name, columns, [.. list]));
    }

    /// <summary>Runs one statement; rows as psql -At prints them, an error as its SQLSTATE.</summary>
    public async Task<List<string>> ShowAsync(string sql)
    {
        try
        {
            (IReadOnlyList<SqlType> types, List<Datum[]> rows) = await RunAsync(SqlParser.ParseStatement(sql));
            return rows.ConvertAll(row => string.Join('|', row.Select((value, i) => value.IsNull ? "" : TypeCodec.For(types[i]).ToText(value, TypeContext.Default))));
        }
        catch (DbException error)
        {
            return ["ERROR " + error.SqlState];
        }
    }

    private async Task<(IReadOnlyList<SqlType> Types, List<Datum[]> Rows)> RunAsync(Statement statement)
    {
        BoundStatement bound = new Binder(catalog, FunctionTable.BuiltIn, new EvaluationContext(TypeContext.Default)).Bind(statement);
        await using TestSession session = database.Session(IsolationLevel.ReadCommitted);
        (_, List<Datum[]> rows) = await session.RunAsync(new Planner(session.Transaction.EstimateRows).Plan(bound));
        session.Commit();
        return (bound.ResultColumns?.Select(c => c.Type).ToArray() ?? [], rows);
    }
}
