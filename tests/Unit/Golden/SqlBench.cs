using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Picodata.Core;
using Picodata.Harness;
using Picodata.Harness.Disk;
using Picodata.Sql;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Unit.Golden;

/// <summary>A whole engine over the modelled disk, for tests of SQL: no files, no sockets, a clock that stands still.</summary>
internal sealed class SqlBench : IAsyncDisposable
{
    public const string Root = "/data";

    private SqlBench(ModelledDisk disk, Database database, SqlEngine engine)
    {
        Disk = disk;
        Database = database;
        Engine = engine;
    }

    public ModelledDisk Disk { get; }

    public Database Database { get; }

    public SqlEngine Engine { get; }

    public static async Task<SqlBench> OpenAsync(ModelledDisk? existing = null)
    {
        ModelledDisk disk = existing ?? new ModelledDisk(1, new QuietTime());
        if (existing is null)
        {
            disk.CreateDirectory(Root);
        }

        var time = new QuietTime();
        var options = new StorageOptions { Directory = Root, CopyGraceMinFree = 0, InstanceUuid = new Guid(1, 2, 3, [4, 5, 6, 7, 8, 9, 10, 11]), ReplicasetUuid = new Guid(2, 2, 3, [4, 5, 6, 7, 8, 9, 10, 11]) };
        Database database = await Database.OpenAsync(options, new StorageEnvironment(disk) { Time = time, Random = new Random(1) }, CancellationToken.None);
        var about = new SqlEngineOptions { InstanceUuid = database.InstanceUuid, ReplicasetUuid = database.ReplicasetUuid, ClusterUuid = database.ReplicasetUuid, AdminPassword = "T0psecret", PgprotoAddress = "127.0.0.1:4327" };
        SqlEngine engine = await SqlEngine.OpenAsync(database, about, time, new Random(2), NullLogger.Instance, CancellationToken.None);
        return new SqlBench(disk, database, engine);
    }

    /// <summary>A session as a connection makes it: its settings were told at its start.</summary>
    public ISqlSession Session(string user = "admin")
    {
        ISqlSession session = Engine.OpenSession(new SessionOptions(user, "postgres"));
        _ = session.ReportedParameters;
        return session;
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        await Database.DisposeAsync();
    }
}

/// <summary>What a session writes, as text: rows separated by bars, tags, notices; COPY data is given line by line.</summary>
internal sealed class TextOutput(ISqlSession session) : ISessionOutput
{
    private readonly StringBuilder text = new();
    private IReadOnlyList<ResultColumn> columns = [];

    /// <summary>Data for COPY FROM STDIN.</summary>
    public Queue<byte[]> CopyInput { get; } = new();

    public int PendingBytes => 0;

    public string Take()
    {
        string result = text.ToString();
        text.Clear();
        return result;
    }

    public void Notice(Notice notice) => text.Append($"{notice.Severity.ToString().ToUpperInvariant()}: {notice.Message}\n");

    public void ParameterStatus(string name, string value) => text.Append($"(parameter {name} = {value})\n");

    public void RowDescription(IReadOnlyList<ResultColumn> described)
    {
        columns = described;
        text.Append(string.Join(" | ", described.Select(column => $"{column.Name} {column.Type.Name}"))).Append('\n');
    }

    public void Describe(IReadOnlyList<ResultColumn>? described) => columns = described ?? [];

    public void Row(ReadOnlySpan<Datum> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            text.Append(i == 0 ? "" : " | ").Append(values[i].IsNull ? "NULL" : TypeCodec.For(columns[i].Type).ToText(values[i], session.Types));
        }

        text.Append('\n');
    }

    public void CommandComplete(string tag) => text.Append(tag).Append('\n');

    public void EmptyQuery() => text.Append("(empty)\n");

    public void PortalSuspended() => text.Append("(suspended)\n");

    public void CopyOut(bool binary, int columnCount) => text.Append($"(copy out, {(binary ? "binary, " : "")}{columnCount} columns)\n");

    public void CopyData(ReadOnlySpan<byte> bytes) => text.Append(Encoding.UTF8.GetString(bytes));

    public void CopyDone() => text.Append("(copy done)\n");

    public void CopyIn(bool binary, int columnCount) => text.Append($"(copy in, {(binary ? "binary, " : "")}{columnCount} columns)\n");

    public ValueTask<ReadOnlyMemory<byte>> ReadCopyDataAsync(CancellationToken cancel) =>
        new(CopyInput.TryDequeue(out byte[]? piece) ? piece : ReadOnlyMemory<byte>.Empty);

    public ValueTask FlushAsync(CancellationToken cancel) => default;

    public void Error(DbException error)
    {
        text.Append($"ERROR {error.SqlState}: {error.Message}{(error.Position > 0 ? $" at {error.Position}" : "")}\n");
        if (error.Detail is not null)
        {
            text.Append($"DETAIL: {error.Detail}\n");
        }

        if (error.Hint is not null)
        {
            text.Append($"HINT: {error.Hint}\n");
        }

        if (error.Where is not null)
        {
            text.Append($"WHERE: {error.Where}\n");
        }
    }
}
