using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Sql;

namespace Picodata.PgWire;

/// <summary>
/// Serves PostgreSQL protocol connections of one engine. The server hands every accepted connection to
/// <see cref="RunAsync"/> (in Kestrel: <c>listen.Run(service.RunAsync)</c>). Thread-safe.
/// </summary>
public sealed class PgConnectionService
{
    private readonly ConcurrentDictionary<PgConnection, Task> _connections = new();
    private readonly ConcurrentDictionary<int, PgConnection> _sessions = new();
    private readonly ConcurrentDictionary<PgConnection, bool> _slots = new();
    private int _pending;
    private int _taken;
    private volatile bool _closing;

    /// <param name="engine">Makes sessions and knows the users; not owned.</param>
    /// <param name="options">Limits and TLS.</param>
    /// <param name="time">Clock of the time limits.</param>
    /// <param name="logger">Where refused log-ins and internal errors are noted; never statement text or secrets.</param>
    public PgConnectionService(ISqlEngine engine, PgWireOptions options, TimeProvider time, ILogger logger)
    {
        Engine = engine;
        Options = options;
        Time = time;
        Logger = logger;
        Tls = options.Certificate is null ? null : new TlsAcceptor(options);
    }

    /// <summary>Sessions that are logged in now.</summary>
    public int ConnectionCount => Volatile.Read(ref _taken);

    internal ISqlEngine Engine { get; }

    internal PgWireOptions Options { get; }

    internal TimeProvider Time { get; }

    internal ILogger Logger { get; }

    internal TlsAcceptor? Tls { get; }

    /// <summary>Serves one connection to its end. Never throws for what a client does.</summary>
    public async Task RunAsync(ConnectionContext connection)
    {
        var served = new PgConnection(this, connection);
        if (Interlocked.Increment(ref _pending) > Options.MaxPendingLogins)
        {
            served.Terminate(new DbException(SqlStates.TooManyConnections, "sorry, too many clients already"));
        }

        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _connections.TryAdd(served, done.Task);
        if (_closing)
        {
            served.Terminate(new DbException(SqlStates.CannotConnectNow, "the database system is shutting down"));
        }

        try
        {
            await served.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            _connections.TryRemove(served, out _);
            done.SetResult();
        }
    }

    /// <summary>
    /// Ends every connection with FATAL 57P01, running statements after they were cancelled; new ones get 57P03. Done when all
    /// are gone or <paramref name="deadline"/> strikes, which aborts the rest.
    /// </summary>
    public async Task ShutdownAsync(CancellationToken deadline)
    {
        _closing = true;
        foreach (PgConnection connection in _connections.Keys)
        {
            connection.Terminate(AdminShutdown());
        }

        try
        {
            await Task.WhenAll(_connections.Values).WaitAsync(deadline).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            foreach (PgConnection connection in _connections.Keys)
            {
                connection.Abort();
            }
        }
    }

    /// <summary>Ends the session with this process id by FATAL 57P01 (pg_terminate_backend); false when there is none.</summary>
    public bool Terminate(int processId)
    {
        if (!_sessions.TryGetValue(processId, out PgConnection? connection))
        {
            return false;
        }

        connection.Terminate(AdminShutdown());
        return true;
    }

    /// <summary>A cancel request: nothing happens, and false is told, when the key does not fit.</summary>
    internal bool Cancel(int processId, byte[] secret)
    {
        if (!_sessions.TryGetValue(processId, out PgConnection? connection) || !CryptographicOperations.FixedTimeEquals(connection.CancelSecret, secret))
        {
            return false;
        }

        connection.CancelStatement();
        return true;
    }

    /// <summary>
    /// Ends every session that runs here with FATAL 57P01 and <paramref name="reason"/>, running statements after they were cancelled; the service goes on with
    /// new connections. Done when all are gone.
    /// </summary>
    public async Task EndSessionsAsync(string reason)
    {
        PgConnection[] running = [.. _sessions.Values];
        Task[] ends = [.. running.Select(connection => _connections.GetValueOrDefault(connection, Task.CompletedTask))];
        foreach (PgConnection connection in running)
        {
            connection.Terminate(new DbException(SqlStates.AdminShutdown, reason));
        }

        await Task.WhenAll(ends).ConfigureAwait(false);
    }

    /// <summary>Serves one connection that comes by a stream instead of a socket of the server's own.</summary>
    public async Task RunAsync(Stream stream, string? remoteAddress, CancellationToken closed)
    {
        var transport = new StreamTransport(stream);
        await using var connection = new DefaultConnectionContext(Guid.CreateVersion7().ToString("N"), transport, transport)
        {
            ConnectionClosed = closed,
            RemoteEndPoint = IPEndPoint.TryParse(remoteAddress ?? "", out IPEndPoint? address) ? address : null,
        };
        await RunAsync(connection).ConfigureAwait(false);
    }

    /// <summary>The connection is proved and becomes a session: 53300 when all slots are taken.</summary>
    internal void TakeSlot(PgConnection connection)
    {
        if (Interlocked.Increment(ref _taken) > Options.MaxConnections)
        {
            Interlocked.Decrement(ref _taken);
            throw FatalException.Of(SqlStates.TooManyConnections, "sorry, too many clients already");
        }

        Interlocked.Decrement(ref _pending);
        _slots.TryAdd(connection, true);
    }

    internal void LoggedIn(PgConnection connection, int processId) => _sessions[processId] = connection;

    internal void Forget(PgConnection connection, int processId) => _sessions.TryRemove(new(processId, connection));

    /// <summary>The connection is over, whatever it had become.</summary>
    internal void GiveBackSlot(PgConnection connection)
    {
        if (_slots.TryRemove(connection, out _))
        {
            Interlocked.Decrement(ref _taken);
        }
        else
        {
            Interlocked.Decrement(ref _pending);
        }
    }

    private static DbException AdminShutdown() => new(SqlStates.AdminShutdown, "terminating connection due to administrator command");

    /// <summary>A stream as the pair of pipes that connections are served on.</summary>
    private sealed class StreamTransport(Stream stream) : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));

        public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
    }
}
