using System.Security.Cryptography;
using System.Text;
using Picodata.Core;
using Picodata.Sql;

namespace Picodata.Unit.PgWire;

/// <summary>
/// An engine that the protocol can be tried on. Its statements, one per string or split at semicolons:
/// <c>rows N</c>, <c>echo TEXT</c>, <c>params $1 $2</c>, <c>fail STATE</c>, <c>crash</c>, <c>sleep</c> (until cancelled), <c>begin</c>,
/// <c>commit</c>, <c>copyin</c>, <c>copyfail</c>, <c>copyout N</c>, <c>notice</c>, <c>set NAME VALUE</c>, <c>badrow</c>.
/// </summary>
internal sealed class FakeEngine : ISqlEngine
{
    private int _lastProcessId = 1000;

    public Dictionary<string, AuthenticationRequirement> Users { get; } = new()
    {
        ["scram"] = new(AuthenticationMethod.ScramSha256, ScramSecret("secret", 4096)),
        ["md5"] = new(AuthenticationMethod.Md5, "md5" + Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes("secretmd5")))),
        ["locked"] = new(AuthenticationMethod.Denied, "role \"locked\" is not permitted to log in"),
    };

    public List<(string User, bool Succeeded)> Attempts { get; } = [];

    public List<FakeSession> Sessions { get; } = [];

    public AuthenticationRequirement GetAuthentication(string user) =>
        Users.GetValueOrDefault(user) ?? new(AuthenticationMethod.ScramSha256, ScramSecret(Guid.NewGuid().ToString(), 4096));

    public void AuthenticationFinished(string user, bool succeeded) => Attempts.Add((user, succeeded));

    public ISqlSession OpenSession(SessionOptions options)
    {
        var session = new FakeSession(Interlocked.Increment(ref _lastProcessId), options);
        lock (Sessions)
        {
            Sessions.Add(session);
        }

        return session;
    }

    public void CancelSession(int processId)
    {
        lock (Sessions)
        {
            Sessions.Find(session => session.ProcessId == processId)?.Cancel();
        }
    }

    public ValueTask DisposeAsync() => default;

    public static string ScramSecret(string password, int iterations)
    {
        byte[] salt = RandomNumberGenerator.GetBytes(16);
        byte[] salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password), salt, iterations, HashAlgorithmName.SHA256, 32);
        byte[] storedKey = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8));
        byte[] serverKey = HMACSHA256.HashData(salted, "Server Key"u8);
        return $"SCRAM-SHA-256${iterations}:{Convert.ToBase64String(salt)}${Convert.ToBase64String(storedKey)}:{Convert.ToBase64String(serverKey)}";
    }
}

internal sealed record FakeStatement(string Name, string Sql, IReadOnlyList<SqlType> ParameterTypes, IReadOnlyList<ResultColumn>? Columns) : IPreparedStatement;

internal sealed class FakePortal(string name, FakeStatement statement, IReadOnlyList<Datum> parameters, IReadOnlyList<short> formats) : IPortal
{
    public string Name => name;

    public FakeStatement Statement => statement;

    public IReadOnlyList<Datum> Parameters => parameters;

    public IReadOnlyList<ResultColumn>? Columns => statement.Columns;

    public IReadOnlyList<short> ResultFormats => formats;

    public int NextRow { get; set; } = 1;
}

internal sealed class FakeSession(int processId, SessionOptions options) : ISqlSession
{
    private readonly Dictionary<string, FakeStatement> _statements = [];
    private readonly Dictionary<string, FakePortal> _portals = [];
    private CancellationTokenSource? _running;
    private Action<DbException>? _terminate;

    public SessionOptions Options => options;

    public TransactionStatus Status { get; private set; } = TransactionStatus.Idle;

    public Dictionary<string, string> Settings { get; } = new() { ["server_version"] = "15.0", ["client_encoding"] = "UTF8" };

    public IReadOnlyDictionary<string, string> ReportedParameters => Settings;

    public int ProcessId => processId;

    public bool IsDisposed { get; private set; }

    public int Fails { get; private set; }

    public TimeSpan IdleTimeLimit { get; set; }

    public StringBuilder Copied { get; } = new();

    /// <summary>Completed when a statement begins to sleep.</summary>
    public TaskCompletionSource Sleeping { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void SetTerminator(Action<DbException> terminate) => _terminate = terminate;

    public void SetStartupParameter(string name, string value)
    {
        if (name == "nonsense")
        {
            throw new DbException(SqlStates.UndefinedObject, $"unrecognized configuration parameter \"{name}\"");
        }

        Settings[name] = value;
    }

    public async ValueTask SimpleQueryAsync(string sql, ISessionOutput output, CancellationToken cancel)
    {
        string[] statements = sql.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (statements.Length == 0)
        {
            output.EmptyQuery();
        }

        foreach (string statement in statements)
        {
            FakeStatement parsed = Analyse("", statement, []);
            if (parsed.Columns is not null)
            {
                output.RowDescription(parsed.Columns);
            }

            await RunAsync(new FakePortal("", parsed, [], []), 0, output);
        }
    }

    public ValueTask<IPreparedStatement> ParseAsync(string name, string sql, IReadOnlyList<uint> parameterOids, CancellationToken cancel)
    {
        CheckFailed();
        if (name.Length > 0 && _statements.ContainsKey(name))
        {
            throw new DbException(SqlStates.DuplicatePreparedStatement, $"prepared statement \"{name}\" already exists");
        }

        _statements[name] = Analyse(name, sql.Trim(), parameterOids);
        return new(_statements[name]);
    }

    public IPreparedStatement GetStatement(string name) => _statements.GetValueOrDefault(name)
        ?? throw new DbException(SqlStates.InvalidSqlStatementName, $"prepared statement \"{name}\" does not exist");

    public async ValueTask<IPortal> BindAsync(string portalName, string statementName, IReadOnlyList<Datum> parameters, IReadOnlyList<short> resultFormats, CancellationToken cancel)
    {
        CheckFailed();
        await Task.Yield();
        return _portals[portalName] = new FakePortal(portalName, (FakeStatement)GetStatement(statementName), parameters, resultFormats);
    }

    public IPortal GetPortal(string name) => _portals.GetValueOrDefault(name)
        ?? throw new DbException(SqlStates.InvalidCursorName, $"portal \"{name}\" does not exist");

    public ValueTask ExecuteAsync(IPortal portal, int maxRows, ISessionOutput output, CancellationToken cancel)
    {
        CheckFailed();
        return RunAsync((FakePortal)portal, maxRows, output);
    }

    public void CloseStatement(string name) => _statements.Remove(name);

    public void ClosePortal(string name) => _portals.Remove(name);

    public ValueTask SyncAsync(ISessionOutput output, CancellationToken cancel)
    {
        _portals.Clear();
        return default;
    }

    public void Fail()
    {
        Fails++;
        Status = Status == TransactionStatus.Idle ? Status : TransactionStatus.Failed;
    }

    public void Cancel() => _running?.Cancel();

    public void End(DbException reason) => _terminate!(reason);

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return default;
    }

    private void CheckFailed()
    {
        if (Status == TransactionStatus.Failed)
        {
            throw new DbException(SqlStates.InFailedSqlTransaction, "current transaction is aborted, commands ignored until end of transaction block");
        }
    }

    private static FakeStatement Analyse(string name, string sql, IReadOnlyList<uint> oids)
    {
        int parameters = sql.Count(c => c == '$');
        SqlType[] types = Enumerable.Range(0, parameters)
            .Select(i => i < oids.Count && oids[i] != 0 ? SqlType.ByOid(oids[i])! : SqlType.Text).ToArray();
        string verb = sql.Split(' ')[0];
        IReadOnlyList<ResultColumn>? columns = verb switch
        {
            "rows" => [new("n", SqlType.Int8, -1, 16640, 1), new("t", SqlType.Text)],
            "echo" => [new("?column?", SqlType.Unknown)],
            "params" => types.Select((type, i) => new ResultColumn($"p{i}", type)).ToArray(),
            "badrow" => [new("n", SqlType.Int8)],
            _ => null,
        };
        return new FakeStatement(name, sql, types, columns);
    }

    private async ValueTask RunAsync(FakePortal portal, int maxRows, ISessionOutput output)
    {
        string sql = portal.Statement.Sql;
        string[] words = sql.Split(' ', 3);
        try
        {
            switch (words[0])
            {
                case "":
                    output.EmptyQuery();
                    break;
                case "rows":
                    await RowsAsync(portal, int.Parse(words[1]), maxRows, output);
                    break;
                case "echo":
                    output.Row([Datum.Text(sql[5..])]);
                    output.CommandComplete("SELECT 1");
                    break;
                case "params":
                    output.Row(portal.Parameters.Concat(new Datum[portal.Statement.ParameterTypes.Count]).Take(portal.Statement.ParameterTypes.Count).ToArray());
                    output.CommandComplete("SELECT 1");
                    break;
                case "fail":
                    throw new DbException(words[1], "told to fail", "a detail", "a hint", 6) { TableName = "t", ConstraintName = "c", Where = "here" };
                case "crash":
                    throw new InvalidOperationException("something that must not reach the client");
                case "badrow":
                    output.Row([Datum.Int(1)]);
                    output.Row([Datum.Int(1), Datum.Int(2)]);
                    break;
                case "sleep":
                    await SleepAsync();
                    break;
                case "begin":
                    Status = TransactionStatus.InTransaction;
                    output.CommandComplete("BEGIN");
                    break;
                case "commit":
                    output.CommandComplete(Status == TransactionStatus.Failed ? "ROLLBACK" : "COMMIT");
                    Status = TransactionStatus.Idle;
                    break;
                case "copyin" or "copyfail":
                    await CopyInAsync(output, words[0] == "copyfail");
                    break;
                case "copyout":
                    CopyOut(output, int.Parse(words[1]));
                    break;
                case "notice":
                    output.Notice(new Notice(NoticeSeverity.Notice, "42P07", "it is there already", "d", "h"));
                    output.CommandComplete("CREATE TABLE");
                    break;
                case "set":
                    Settings[words[1]] = words[2];
                    output.ParameterStatus(words[1], words[2]);
                    output.CommandComplete("SET");
                    break;
                default:
                    throw new DbException(SqlStates.SyntaxError, $"syntax error at or near \"{words[0]}\"", position: 1);
            }
        }
        catch (Exception) when (Status == TransactionStatus.InTransaction)
        {
            Status = TransactionStatus.Failed;
            throw;
        }
    }

    private static async ValueTask RowsAsync(FakePortal portal, int count, int maxRows, ISessionOutput output)
    {
        int sent = 0;
        while (portal.NextRow <= count)
        {
            if (maxRows > 0 && sent == maxRows)
            {
                output.PortalSuspended();
                return;
            }

            output.Row([Datum.Int(portal.NextRow), portal.NextRow % 3 == 0 ? Datum.Null : Datum.Text("row " + portal.NextRow)]);
            portal.NextRow++;
            sent++;
            if (output.PendingBytes > 32 * 1024)
            {
                await output.FlushAsync(default);
            }
        }

        output.CommandComplete($"SELECT {sent}");
    }

    private async ValueTask SleepAsync()
    {
        _running = new CancellationTokenSource();
        Sleeping.TrySetResult();
        try
        {
            await Task.Delay(Timeout.Infinite, _running.Token);
        }
        catch (OperationCanceledException)
        {
            throw new DbException(SqlStates.QueryCanceled, "canceling statement due to user request");
        }
        finally
        {
            _running = null;
        }
    }

    private async ValueTask CopyInAsync(ISessionOutput output, bool failAtOnce)
    {
        output.CopyIn(false, 2);
        while (true)
        {
            ReadOnlyMemory<byte> piece = await output.ReadCopyDataAsync(default);
            if (piece.IsEmpty)
            {
                break;
            }

            if (failAtOnce)
            {
                throw new DbException(SqlStates.BadCopyFileFormat, "missing data for column \"b\"");
            }

            Copied.Append(Encoding.UTF8.GetString(piece.Span));
        }

        output.CommandComplete($"COPY {Copied.ToString().Count(c => c == '\n')}");
    }

    private static void CopyOut(ISessionOutput output, int count)
    {
        output.CopyOut(false, 1);
        for (int i = 0; i < count; i++)
        {
            output.CopyData(Encoding.UTF8.GetBytes($"line {i}\n"));
        }

        output.CopyDone();
        output.CommandComplete($"COPY {count}");
    }
}
