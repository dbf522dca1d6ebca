using Npgsql;
using NpgsqlTypes;
using Xunit;

namespace Picodata.EndToEnd;

/// <summary>Npgsql with its default settings: everything in binary, pooling, batches, COPY, cancel.</summary>
public sealed class NpgsqlTests(SharedInstance shared) : IClassFixture<SharedInstance>
{
    public static TheoryData<string, object> Values => new()
    {
        { "bool", true },
        { "int8", long.MinValue },
        { "int8", long.MaxValue },
        { "float8", 1.5e-300 },
        { "float8", double.PositiveInfinity },
        { "numeric", 12345678901234567890.123456789m },
        { "numeric", -0.0001m },
        { "numeric", 0m },
        { "text", "Grüße, 世界 🌍 'quoted' \\ \n" },
        { "text", "" },
        { "varchar", "v" },
        { "bytea", new byte[] { 0, 1, 255, 92 } },
        { "uuid", Guid.Parse("00112233-4455-6677-8899-aabbccddeeff") },
        { "date", new DateOnly(1999, 2, 28) },
        { "time", new TimeOnly(23, 59, 59, 999) },
        { "timestamp", new DateTime(2024, 2, 29, 12, 34, 56, 789) },
        { "timestamptz", new DateTime(2024, 2, 29, 12, 34, 56, 789, DateTimeKind.Utc) },
        { "interval", TimeSpan.FromMilliseconds(123456789) },
        { "int8[]", new long[] { 1, -2, 3 } },
        { "text[]", new[] { "a", "b,c", "{}" } },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public async Task Values_come_back_as_they_were_sent(string type, object value)
    {
        await using NpgsqlDataSource source = shared.DataSource("Pooling=false");
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await using (var direct = new NpgsqlCommand($"select $1::{type}", connection))
        {
            direct.Parameters.Add(new NpgsqlParameter { Value = value });
            Assert.Equal(value, await direct.ExecuteScalarAsync());
        }

        string table = $"v_{Guid.NewGuid():N}";
        await ExecuteAsync(connection, $"create table {table} (id int primary key, v {type})");
        await using var insert = new NpgsqlCommand($"insert into {table} values (1, $1), (2, null) returning v", connection);
        insert.Parameters.Add(new NpgsqlParameter { Value = value });
        Assert.Equal(value, await insert.ExecuteScalarAsync());
        Assert.Equal(value, await ScalarAsync(connection, $"select v from {table} where id = 1"));
        Assert.Equal(DBNull.Value, await ScalarAsync(connection, $"select v from {table} where id = 2"));
    }

    [Fact]
    public async Task A_pooled_connection_is_reset_for_its_next_user()
    {
        await using NpgsqlDataSource source = shared.DataSource("Maximum Pool Size=1");
        int processId;
        await using (NpgsqlConnection first = await source.OpenConnectionAsync())
        {
            processId = first.ProcessID;
            await ExecuteAsync(first, "set application_name to 'first'");
            await using var prepared = new NpgsqlCommand("select $1::int8 + 1", first);
            prepared.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Bigint, Value = 41L });
            await prepared.PrepareAsync();
            Assert.Equal(42L, await prepared.ExecuteScalarAsync());
        }

        for (int i = 0; i < 3; i++)
        {
            await using NpgsqlConnection again = await source.OpenConnectionAsync();
            Assert.Equal(processId, again.ProcessID);
            Assert.NotEqual("first", await ScalarAsync(again, "show application_name"));
        }
    }

    [Fact]
    public async Task A_batch_reports_rows_and_results_of_each_command()
    {
        await using NpgsqlDataSource source = shared.DataSource("Pooling=false");
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await ExecuteAsync(connection, "create table batch1 (a int primary key, b text)");
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new("insert into batch1 values (1, 'x'), (2, 'y')"),
                new("select count(*) from batch1"),
                new("update batch1 set b = 'z' where a = 2"),
            },
        };
        await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync();
        Assert.True(await reader.ReadAsync());
        Assert.Equal(2L, reader.GetInt64(0));
        Assert.False(await reader.NextResultAsync());
        Assert.Equal([2UL, 1UL], [batch.BatchCommands[0].Rows, batch.BatchCommands[2].Rows]);
    }

    [Fact]
    public async Task An_error_in_a_batch_undoes_it_and_the_connection_goes_on()
    {
        await using NpgsqlDataSource source = shared.DataSource("Pooling=false");
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await ExecuteAsync(connection, "create table batch2 (a int primary key)");
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { new("insert into batch2 values (1)"), new("insert into batch2 values (1)") } };
        PostgresException failure = await Assert.ThrowsAsync<PostgresException>(() => batch.ExecuteNonQueryAsync());
        Assert.Equal(("23505", "batch2_pkey", "Key (a)=(1) already exists."), (failure.SqlState, failure.ConstraintName, failure.Detail));
        Assert.Equal(0L, await ScalarAsync(connection, "select count(*) from batch2"));
    }

    [Fact]
    public async Task Transactions_and_savepoints_hold()
    {
        await using NpgsqlDataSource source = shared.DataSource("Pooling=false");
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await ExecuteAsync(connection, "create table tx1 (a int primary key)");
        await using (NpgsqlTransaction transaction = await connection.BeginTransactionAsync())
        {
            await ExecuteAsync(connection, "insert into tx1 values (1)");
            await transaction.SaveAsync("s");
            await ExecuteAsync(connection, "insert into tx1 values (2)");
            await transaction.RollbackAsync("s");
            await transaction.CommitAsync();
        }

        await using (await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead))
        {
            await ExecuteAsync(connection, "insert into tx1 values (3)");
        }

        Assert.Equal(1L, await ScalarAsync(connection, "select sum(a)::int8 from tx1"));
    }

    [Fact]
    public async Task Binary_copy_in_and_out()
    {
        await using NpgsqlDataSource source = shared.DataSource("Pooling=false");
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await ExecuteAsync(connection, "create table copy1 (a int primary key, b text, c numeric, d timestamptz)");
        var moment = new DateTime(2024, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        await using (NpgsqlBinaryImporter import = await connection.BeginBinaryImportAsync("copy copy1 (a, b, c, d) from stdin (format binary)"))
        {
            for (long i = 0; i < 5000; i++)
            {
                await import.StartRowAsync();
                await import.WriteAsync(i, NpgsqlDbType.Bigint);
                await import.WriteAsync("row " + i, NpgsqlDbType.Text);
                await import.WriteAsync(i / 4m, NpgsqlDbType.Numeric);
                await import.WriteAsync(moment.AddSeconds(i), NpgsqlDbType.TimestampTz);
            }

            Assert.Equal(5000UL, await import.CompleteAsync());
        }

        long sum = 0;
        await using (NpgsqlBinaryExporter export = await connection.BeginBinaryExportAsync("copy (select a, b, c, d from copy1 order by a) to stdout (format binary)"))
        {
            while (await export.StartRowAsync() != -1)
            {
                long a = await export.ReadAsync<long>();
                Assert.Equal("row " + a, await export.ReadAsync<string>());
                Assert.Equal(a / 4m, await export.ReadAsync<decimal>());
                Assert.Equal(moment.AddSeconds(a), await export.ReadAsync<DateTime>());
                sum += a;
            }
        }

        Assert.Equal(4999L * 5000 / 2, sum);
    }

    [Fact]
    public async Task An_abandoned_import_leaves_nothing()
    {
        await using NpgsqlDataSource source = shared.DataSource("Pooling=false");
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await ExecuteAsync(connection, "create table copy2 (a int primary key)");
        await using (NpgsqlBinaryImporter import = await connection.BeginBinaryImportAsync("copy copy2 from stdin (format binary)"))
        {
            await import.StartRowAsync();
            await import.WriteAsync(1L, NpgsqlDbType.Bigint);
        }

        await using (TextWriter writer = await connection.BeginTextImportAsync("copy copy2 from stdin"))
        {
            await writer.WriteAsync("7\n8\n");
        }

        Assert.Equal(15L, await ScalarAsync(connection, "select sum(a)::int8 from copy2"));
    }

    [Fact]
    public async Task A_running_statement_can_be_cancelled_and_the_session_goes_on()
    {
        await using NpgsqlDataSource source = shared.DataSource("Pooling=false");
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await using var sleep = new NpgsqlCommand("select pg_sleep(60)", connection);
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        OperationCanceledException ended = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sleep.ExecuteScalarAsync(cancel.Token));
        Assert.Equal("57014", Assert.IsType<PostgresException>(ended.InnerException).SqlState);
        Assert.Equal(1L, await ScalarAsync(connection, "select 1::int8"));
    }

    [Fact]
    public async Task Schema_information_is_readable()
    {
        await using NpgsqlDataSource source = shared.DataSource("Pooling=false");
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await ExecuteAsync(connection, "create table schema1 (id int primary key, name varchar(20) not null)");
        await using var select = new NpgsqlCommand("select id, name from schema1", connection);
        await using (NpgsqlDataReader reader = await select.ExecuteReaderAsync(System.Data.CommandBehavior.KeyInfo))
        {
            var columns = await reader.GetColumnSchemaAsync();
            Assert.Equal(["id", "name"], columns.Select(column => column.ColumnName));
            Assert.Equal([true, false], columns.Select(column => column.IsKey));
            Assert.Equal("schema1", columns[0].BaseTableName);
            Assert.Null(columns[1].ColumnSize);
        }

        foreach (string collection in (string[])["Tables", "Columns", "Indexes", "IndexColumns", "Constraints", "PrimaryKey", "Views", "Users", "Databases", "DataTypes"])
        {
            System.Data.DataTable table = await connection.GetSchemaAsync(collection);
            Assert.True(collection is "Views" or "Constraints" || table.Rows.Count > 0, collection);
        }
    }

    [Fact]
    public async Task The_wrong_password_is_refused()
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create($"Host=127.0.0.1;Port={shared.Instance.PgPort};Username=nobody;Password=wrong;Database=postgres");
        PostgresException refused = await Assert.ThrowsAsync<PostgresException>(async () => await source.OpenConnectionAsync());
        Assert.Equal("28P01", refused.SqlState);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
