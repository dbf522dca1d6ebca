using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Picodata.Core;
using Picodata.Harness;
using Picodata.Harness.Disk;
using Picodata.Sql;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Unit.Sql.Execution;

/// <summary>The whole SQL engine in this process, over a modelled disk.</summary>
internal sealed class SqlServer : IAsyncDisposable
{
    private readonly Database database;
    private readonly SqlEngine engine;

    private SqlServer(Database database, SqlEngine engine)
    {
        this.database = database;
        this.engine = engine;
    }

    public static async Task<SqlServer> StartAsync()
    {
        var time = new QuietTime();
        Database database = await Database.OpenAsync(
            new StorageOptions { Directory = "/data", WalMode = WalMode.Fsync, MemtxMemory = 256L << 20, CheckpointInterval = TimeSpan.Zero },
            new StorageEnvironment(new ModelledDisk()) { Time = time, Random = new Random(1) }, CancellationToken.None);
        var options = new SqlEngineOptions { InstanceUuid = new Guid(1, 0, 0, new byte[8]), ReplicasetUuid = new Guid(2, 0, 0, new byte[8]), ClusterUuid = new Guid(3, 0, 0, new byte[8]) };
        return new SqlServer(database, await SqlEngine.OpenAsync(database, options, TimeProvider.System, new Random(1), NullLogger.Instance, CancellationToken.None));
    }

    public SqlClient Connect() => new(engine.OpenSession(new SessionOptions("admin", "postgres", IsAdminSocket: true)));

    /// <summary>Runs a text on a connection of its own.</summary>
    public async Task<string> RunAsync(string sql)
    {
        await using SqlClient client = Connect();
        return await client.RunAsync(sql);
    }

    public async ValueTask DisposeAsync()
    {
        await engine.DisposeAsync();
        await database.DisposeAsync();
    }
}

/// <summary>One session and what it answered: rows as <c>(a,b)</c>, in the order of arrival.</summary>
internal sealed class SqlClient(ISqlSession session) : ISessionOutput, IAsyncDisposable
{
    private readonly StringBuilder rows = new();
    private IReadOnlyList<ResultColumn> columns = [];

    /// <summary>Completion tag of the last statement.</summary>
    public string Tag { get; private set; } = "";

    /// <summary>Runs a text; its rows.</summary>
    public async Task<string> RunAsync(string sql)
    {
        rows.Clear();
        await session.SimpleQueryAsync(sql, this, CancellationToken.None);
        return rows.ToString();
    }

    /// <summary>Runs a text; null when it failed with one of these SQLSTATEs. A block that is left behind is rolled back.</summary>
    public async Task<string?> TryAsync(string sql, params string[] states)
    {
        try
        {
            return await RunAsync(sql);
        }
        catch (DbException error) when (states.Contains(error.SqlState))
        {
            if (session.Status != TransactionStatus.Idle)
            {
                await session.SimpleQueryAsync("rollback", this, CancellationToken.None);
            }

            return null;
        }
    }

    public void Cancel() => session.Cancel();

    void ISessionOutput.Row(ReadOnlySpan<Datum> values)
    {
        rows.Append(rows.Length > 0 ? " (" : "(");
        for (int i = 0; i < values.Length; i++)
        {
            rows.Append(i > 0 ? "," : "").Append(values[i].IsNull ? "-" : TypeCodec.For(columns[i].Type).ToText(values[i], TypeContext.Default));
        }

        rows.Append(')');
    }

    void ISessionOutput.RowDescription(IReadOnlyList<ResultColumn> description) => columns = description;

    void ISessionOutput.CommandComplete(string tag) => Tag = tag;

    void ISessionOutput.Notice(Notice notice)
    {
    }

    void ISessionOutput.ParameterStatus(string name, string value)
    {
    }

    void ISessionOutput.EmptyQuery()
    {
    }

    void ISessionOutput.PortalSuspended()
    {
    }

    void ISessionOutput.CopyOut(bool binary, int columnCount)
    {
    }

    void ISessionOutput.CopyData(ReadOnlySpan<byte> bytes)
    {
    }

    void ISessionOutput.CopyDone()
    {
    }

    void ISessionOutput.CopyIn(bool binary, int columnCount)
    {
    }

    ValueTask<ReadOnlyMemory<byte>> ISessionOutput.ReadCopyDataAsync(CancellationToken cancel) => new(ReadOnlyMemory<byte>.Empty);

    int ISessionOutput.PendingBytes => 0;

    ValueTask ISessionOutput.FlushAsync(CancellationToken cancel) => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => session.DisposeAsync();
}
