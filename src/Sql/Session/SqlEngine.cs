using Microsoft.Extensions.Logging;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>The SQL engine over one database. Thread-safe.</summary>
public sealed partial class SqlEngine : ISqlEngine
{
    /// <summary>
    /// Opens the engine: makes Picodata's system tables and built-in users when the directory has none (one transaction), reads the
    /// catalog and the settings. The database stays the caller's to dispose, after the engine.
    /// </summary>
    public static Task<SqlEngine> OpenAsync(Database database, SqlEngineOptions options, TimeProvider time, Random random, ILogger log, CancellationToken cancel) => throw new NotImplementedException();

    public AuthenticationRequirement GetAuthentication(string user) => throw new NotImplementedException();

    public void AuthenticationFinished(string user, bool succeeded) => throw new NotImplementedException();

    public ISqlSession OpenSession(SessionOptions options) => throw new NotImplementedException();

    public void CancelSession(int processId) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
