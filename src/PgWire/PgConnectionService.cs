using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Picodata.Sql;

namespace Picodata.PgWire;

/// <summary>
/// Serves PostgreSQL protocol connections of one engine. The server hands every accepted connection to
/// <see cref="RunAsync"/> (in Kestrel: <c>listen.Run(service.RunAsync)</c>).
/// </summary>
public sealed class PgConnectionService
{
    /// <param name="engine">Makes sessions and knows the users; not owned.</param>
    /// <param name="options">Limits and TLS.</param>
    /// <param name="time">Clock of the time limits.</param>
    /// <param name="logger">Where refused log-ins and internal errors are noted; never statement text or secrets.</param>
    public PgConnectionService(ISqlEngine engine, PgWireOptions options, TimeProvider time, ILogger logger)
    {
    }

    /// <summary>Sessions that are logged in now.</summary>
    public int ConnectionCount => 0;

    /// <summary>Serves one connection to its end. Never throws for what a client does.</summary>
    public Task RunAsync(ConnectionContext connection) => throw new NotImplementedException();

    /// <summary>
    /// Ends every connection with FATAL 57P01, running statements after they were cancelled; new ones get 57P03. Done when all
    /// are gone or <paramref name="deadline"/> strikes, which aborts the rest.
    /// </summary>
    public Task ShutdownAsync(CancellationToken deadline) => throw new NotImplementedException();

    /// <summary>Ends the session with this process id by FATAL 57P01 (pg_terminate_backend); false when there is none.</summary>
    public bool Terminate(int processId) => false;
}
