// One connection from accept to close.
//
//   opening -> login -> session loop -> closed
//
// Invariants
// 1. One thread at a time works for a connection; Terminate, Interrupt and cancel requests may come from any.
// 2. After a FATAL nothing but that message goes out, and no ReadyForQuery.
// 3. However a connection ends, its session is disposed (rolled back), its cancel key forgotten, its slot given back.
// 4. A client that closes its socket while a statement runs ends the statement after PgWireOptions.LostClientGrace.
using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Types;

namespace Picodata.PgWire;

/// <summary>Serves one connection.</summary>
internal sealed class PgConnection(PgConnectionService service, ConnectionContext connection)
{
    private readonly CancellationTokenSource _openingCancel = new();
    private readonly Lock _gate = new();
    private FrameWriter? _writer;
    private MessageReader? _reader;
    private PipeReader? _input;
    private ISqlSession? _session;
    private FatalException? _termination;
    private ITimer? _idleTimer;
    private bool _lost;

    /// <summary>Settings that text forms of values depend on.</summary>
    public TypeContext Types => _session!.Types;

    /// <summary>Key that a cancel request must show.</summary>
    public byte[] CancelSecret { get; private set; } = [];

    /// <summary>Serves the connection to its end.</summary>
    public async Task RunAsync()
    {
        var opening = new ConnectionOpening(connection.Transport, service.Tls);
        _input = connection.Transport.Input;
        try
        {
            await ServeAsync(opening).ConfigureAwait(false);
        }
        catch (FatalException fatal)
        {
            await SayFarewellAsync(opening, fatal.Error).ConfigureAwait(false);
        }
        catch (DbException error)
        {
            await SayFarewellAsync(opening, error).ConfigureAwait(false);
        }
        catch (Exception ending) when (ending is ClientLostException or IOException or AuthenticationException or OperationCanceledException or ObjectDisposedException)
        {
            service.Logger.LogDebug("connection {Id} ended: {Reason}", connection.ConnectionId, ending.Message);
            if (_termination is not null)
            {
                await SayFarewellAsync(opening, _termination.Error).ConfigureAwait(false);
            }
        }
        catch (Exception failure)
        {
            service.Logger.LogError(failure, "connection {Id} failed", connection.ConnectionId);
            await SayFarewellAsync(opening, new DbException(SqlStates.InternalError, "internal error")).ConfigureAwait(false);
        }
        finally
        {
            await CloseAsync(opening).ConfigureAwait(false);
        }
    }

    /// <summary>Ends the connection with FATAL from any thread: at once when it waits for the client, else after its statement was cancelled.</summary>
    public void Terminate(DbException reason)
    {
        ISqlSession? session;
        lock (_gate)
        {
            _termination ??= new FatalException(reason);
            session = _session;
        }

        session?.Cancel();
        ThreadPool.UnsafeQueueUserWorkItem(static self => self._openingCancel.Cancel(), this, preferLocal: false);
        Interrupt();
    }

    /// <summary>Gives up without a word: the deadline of a shutdown has struck.</summary>
    public void Abort() => connection.Abort();

    /// <summary>Ends the running statement; nothing when idle.</summary>
    public void CancelStatement() => _session?.Cancel();

    /// <summary>Wakes the connection when it waits for bytes; it goes on on a thread of its own, not on the caller's.</summary>
    public void Interrupt() => ThreadPool.UnsafeQueueUserWorkItem(static self => Volatile.Read(ref self._input)?.CancelPendingRead(), this, preferLocal: false);

    /// <summary>Waits for bytes of the client. Ends the connection when there will be none or it was told to end.</summary>
    public async ValueTask FillAsync()
    {
        ThrowIfEnding();
        FillResult result;
        try
        {
            result = await _reader!.FillAsync().ConfigureAwait(false);
        }
        catch (Exception gone) when (IsLoss(gone))
        {
            ThrowIfEnding();
            throw new ClientLostException();
        }

        ThrowIfEnding();
        if (result == FillResult.Ended)
        {
            throw new ClientLostException();
        }
    }

    /// <summary>Throws when the connection was told to end or its client has gone.</summary>
    public void ThrowIfEnding()
    {
        if (_termination is not null)
        {
            throw _termination;
        }

        if (_lost)
        {
            throw new ClientLostException();
        }
    }

    /// <summary>What pipes and TLS throw when the other side has gone or the connection was aborted.</summary>
    public static bool IsLoss(Exception error) =>
        error is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException or AuthenticationException;

    /// <summary>Starts the clock of idle time limits before a wait between messages; <see cref="StopIdleClock"/> stops it.</summary>
    public bool StartIdleClock(ISqlSession session)
    {
        TimeSpan limit = session.IdleTimeLimit;
        if (limit <= TimeSpan.Zero)
        {
            return false;
        }

        DbException reason = session.Status == TransactionStatus.Idle
            ? new DbException(SqlStates.IdleSessionTimeout, "terminating connection due to idle-session timeout")
            : new DbException(SqlStates.IdleInTransactionSessionTimeout, "terminating connection due to idle-in-transaction timeout");
        _idleTimer = service.Time.CreateTimer(_ => Terminate(reason), null, limit, Timeout.InfiniteTimeSpan);
        return true;
    }

    public void StopIdleClock()
    {
        _idleTimer?.Dispose();
        _idleTimer = null;
    }

    private async Task ServeAsync(ConnectionOpening opening)
    {
        using var deadline = service.Time.CreateTimer(_ => Terminate(LoginTimedOut()), null, service.Options.LoginTimeLimit, Timeout.InfiniteTimeSpan);
        OpenedConnection? opened = await opening.RunAsync(_openingCancel.Token).ConfigureAwait(false);
        if (opened is null)
        {
            // the read may have ended because the connection was told to: then the client is to hear of it
            ThrowIfEnding();
            return;
        }

        if (opened.Startup is null)
        {
            await CancelAsync(opened).ConfigureAwait(false);
            return;
        }

        _writer = new FrameWriter(opened.Output);
        _reader = new MessageReader(opened.Input, service.Options.MaxMessageBytes);
        Volatile.Write(ref _input, opened.Input);

        ThrowIfEnding();
        if (service.Options.Router is { } router
            && await router.OpenAsync(service.Options.TrustedUser, connection.RemoteEndPoint?.ToString(), _openingCancel.Token).ConfigureAwait(false) is { } upstream)
        {
            await deadline.DisposeAsync().ConfigureAwait(false);
            await RelayAsync(opened, upstream).ConfigureAwait(false);
            return;
        }

        await LoginAsync(opened).ConfigureAwait(false);
        await deadline.DisposeAsync().ConfigureAwait(false);
        service.LoggedIn(this, _session!.ProcessId);
        using CancellationTokenRegistration closing = connection.ConnectionClosed.UnsafeRegister(static self => ((PgConnection)self!).ClientClosed(), this);
        await _writer.FlushAsync().ConfigureAwait(false);
        var loop = new SessionLoop(this, _session, _writer, _reader, service.Logger);
        await loop.RunAsync().ConfigureAwait(false);
    }

    /// <summary>The statement to cancel may run here or, where sessions are passed on, at the other side.</summary>
    private async Task CancelAsync(OpenedConnection opened)
    {
        if (service.Cancel(opened.CancelProcessId, opened.CancelSecret) || service.Options.Router is not { } router)
        {
            return;
        }

        if (await router.OpenAsync(service.Options.TrustedUser, connection.RemoteEndPoint?.ToString(), _openingCancel.Token).ConfigureAwait(false) is { } upstream)
        {
            await using (upstream)
            {
                await upstream.WriteAsync(opened.Packet, _openingCancel.Token).ConfigureAwait(false);
                await upstream.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, _openingCancel.Token).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The session runs elsewhere: this instance passes bytes on.</summary>
    private async Task RelayAsync(OpenedConnection opened, Stream upstream)
    {
        if (service.Options.RequireTls && opened.Tls is null)
        {
            await upstream.DisposeAsync().ConfigureAwait(false);
            throw FatalException.Of(SqlStates.InvalidAuthorizationSpecification, "connections without TLS are not allowed", hint: "connect with sslmode=require");
        }

        service.TakeSlot(this);
        var relay = new SessionRelay(opened.Input, opened.Output, upstream);
        if (!await relay.RunAsync(opened.Packet, _openingCancel.Token).ConfigureAwait(false))
        {
            throw FatalException.Of(SqlStates.AdminShutdown, "terminating connection because the instance that ran the session has gone", hint: "connect again: another instance takes over");
        }
    }

    private async Task LoginAsync(OpenedConnection opened)
    {
        StartupPacket startup = opened.Startup!;
        if (service.Options.RequireTls && opened.Tls is null)
        {
            throw FatalException.Of(SqlStates.InvalidAuthorizationSpecification, "connections without TLS are not allowed", hint: "connect with sslmode=require");
        }

        if (startup.MustNegotiate)
        {
            NegotiateVersion(startup);
        }

        if (service.Options.TrustedUser is null)
        {
            await AuthenticateAsync(opened).ConfigureAwait(false);
        }

        service.TakeSlot(this);
        OpenSession(startup);
        Greet(startup);
    }

    private async Task AuthenticateAsync(OpenedConnection opened)
    {
        StartupPacket startup = opened.Startup!;
        var login = new Login(service.Engine, _writer!, ReadPasswordAsync);
        try
        {
            await login.AuthenticateAsync(startup.User, opened.Tls is null ? null : service.Tls!.Binding).ConfigureAwait(false);
        }
        catch (FatalException refused)
        {
            service.Logger.LogWarning("log-in of user {User} from {Address} was refused: {Reason}", startup.User, connection.RemoteEndPoint, refused.Error.Message);
            throw;
        }
    }

    private void OpenSession(StartupPacket startup)
    {
        string? trusted = service.Options.TrustedUser;
        ISqlSession session = service.Engine.OpenSession(new SessionOptions(
            trusted ?? startup.User, startup.Database, trusted is not null, connection.RemoteEndPoint?.ToString()));
        lock (_gate)
        {
            _session = session;
        }

        session.SetTerminator(Terminate);
        foreach ((string name, string value) in startup.Settings)
        {
            session.SetStartupParameter(name, value);
        }

        ThrowIfEnding();
    }

    private void Greet(StartupPacket startup)
    {
        CancelSecret = RandomNumberGenerator.GetBytes(startup.Minor >= 2 ? 32 : 4);
        _writer!.Begin((byte)'R');
        _writer.Int32(0);
        _writer.End();
        foreach ((string name, string value) in _session!.ReportedParameters)
        {
            _writer.ParameterStatus(name, value);
        }

        _writer.Begin((byte)'K');
        _writer.Int32(_session.ProcessId);
        _writer.Bytes(CancelSecret);
        _writer.End();
        _writer.ReadyForQuery(_session.Status);
    }

    private void NegotiateVersion(StartupPacket startup)
    {
        _writer!.Begin((byte)'v');
        _writer.Int32((3 << 16) | startup.Minor);
        _writer.Int32(startup.UnknownOptions.Count);
        foreach (string option in startup.UnknownOptions)
        {
            _writer.CString(option);
        }

        _writer.End();
    }

    private async ValueTask<ReadOnlyMemory<byte>> ReadPasswordAsync()
    {
        byte type;
        ReadOnlyMemory<byte> body;
        while (!_reader!.TryRead(out type, out body))
        {
            await FillAsync().ConfigureAwait(false);
        }

        await PoolThread.Reach;
        return type switch
        {
            (byte)'p' => body,
            (byte)'X' => throw new ClientLostException(),
            _ => throw FatalException.Protocol($"expected password response, got message type {type}"),
        };
    }

    private void ClientClosed()
    {
        if (service.Options.LostClientGrace <= TimeSpan.Zero)
        {
            EndLost();
            return;
        }

        ITimer? timer = null;
        timer = service.Time.CreateTimer(_ =>
        {
            timer?.Dispose();
            EndLost();
        }, null, service.Options.LostClientGrace, Timeout.InfiniteTimeSpan);
    }

    private void EndLost()
    {
        ISqlSession? session;
        lock (_gate)
        {
            _lost = true;
            session = _session;
        }

        session?.Cancel();
        Interrupt();
    }

    private async Task SayFarewellAsync(ConnectionOpening opening, DbException reason)
    {
        try
        {
            _writer ??= new FrameWriter(opening.Output);
            _writer.Abandon();
            if (_session is not null)
            {
                // an answer that was cut off has not been waited for: it may rest on commits that are not durable
                _writer.Drop();
            }

            _writer.Error(reason, "FATAL");
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5), service.Time);
            await using CancellationTokenRegistration abort = limit.Token.UnsafeRegister(static self => ((PgConnection)self!).Abort(), this);
            await _writer.FlushAsync().ConfigureAwait(false);
        }
        catch (Exception failed) when (IsLoss(failed))
        {
            service.Logger.LogDebug("connection {Id}: the last message could not be sent: {Reason}", connection.ConnectionId, failed.Message);
        }
    }

    private async Task CloseAsync(ConnectionOpening opening)
    {
        ISqlSession? session;
        lock (_gate)
        {
            session = _session;
            _session = null;
        }

        Volatile.Write(ref _input, null);

        StopIdleClock();
        if (session is not null)
        {
            service.Forget(this, session.ProcessId);
            await PoolThread.Reach;
            await session.DisposeAsync().ConfigureAwait(false);
        }

        service.GiveBackSlot(this);
        _writer?.Dispose();
        _reader?.Dispose();
        if (opening.Encrypted is not null)
        {
            await CloseTlsAsync(opening.Encrypted).ConfigureAwait(false);
        }

        await connection.Transport.Output.CompleteAsync().ConfigureAwait(false);
        await connection.Transport.Input.CompleteAsync().ConfigureAwait(false);
    }

    /// <summary>Says good-bye in TLS, so that the client can tell the end from a cut.</summary>
    private async ValueTask CloseTlsAsync(SslStream stream)
    {
        try
        {
            await stream.ShutdownAsync().ConfigureAwait(false);
        }
        catch (Exception gone) when (IsLoss(gone))
        {
            service.Logger.LogDebug("connection {Id}: TLS was not closed: {Reason}", connection.ConnectionId, gone.Message);
        }

        await stream.DisposeAsync().ConfigureAwait(false);
    }

    private static DbException LoginTimedOut() => new(SqlStates.QueryCanceled, "canceling authentication due to timeout");
}
