// The session after login.
//
//   state        meaning                                       leaves on
//   Ready        messages are carried out                      an error in an extended message -> Skipping
//   Skipping     everything but S and X is thrown away         S -> Ready
//   (COPY IN     within a Query or Execute: SessionOutput)
//
//   Q  RowDescription, DataRow..., CommandComplete per statement, or ErrorResponse; then ReadyForQuery
//   P B D E C    their answers; an error skips to Sync
//   H            flushes          S  ends the implicit transaction, ReadyForQuery
//   d c f        left over from a COPY that failed: ignored      F  refused, ReadyForQuery      X  close
//
// Invariants
// 1. Exactly one ReadyForQuery for each Query, FunctionCall and Sync; none for others; it tells the session's status.
// 2. At most one ErrorResponse from an error to the next Sync.
// 3. Output is flushed at ReadyForQuery, at Flush, and before waiting for input.
// 4. Whoever completed a wait for durability serves others too: the next message, if it is not a Sync, is handled on a thread of its
//    own (PoolThread).
// 5. A malformed but framed message is an error as any other (the session is told by Fail); a broken frame is fatal.
using System.Buffers.Binary;
using Microsoft.Extensions.Logging;
using Picodata.Core;
using Picodata.Sql;

namespace Picodata.PgWire;

/// <summary>Carries out the messages of a logged-in client, one after the other.</summary>
internal sealed class SessionLoop(PgConnection connection, ISqlSession session, FrameWriter writer, MessageReader reader, ILogger logger)
{
    /// <summary>Bytes of a message that may be handled on a thread that serves many connections.</summary>
    private const int BriefMessage = 16 * 1024;

    private static readonly short[] TextFormat = [];

    private readonly SessionOutput _output = new(connection, writer, reader);
    private readonly NameCache _names = new();
    private bool _skipping;
    private bool _sessionKnows;

    /// <summary>Until Terminate or the end of the stream. Fatal conditions are thrown.</summary>
    public async Task RunAsync()
    {
        while (true)
        {
            if (!reader.SkipRemaining() || !reader.TryRead(out byte type, out ReadOnlyMemory<byte> body))
            {
                await WaitAsync().ConfigureAwait(false);
                continue;
            }

            if (type == (byte)'X')
            {
                return;
            }

            if (_skipping && type != (byte)'S')
            {
                continue;
            }

            _sessionKnows = false;
            bool wasWaiting = false;
            try
            {
                if (body.Length > BriefMessage)
                {
                    await PoolThread.Reach;
                }

                ValueTask handling = HandleAsync(type, body);
                wasWaiting = !handling.IsCompleted;
                await handling.ConfigureAwait(false);
            }
            catch (Exception error) when (error is not (FatalException or ClientLostException))
            {
                Report(error, type);
            }

            if (type is (byte)'Q' or (byte)'S' or (byte)'F')
            {
                await ReadyAsync().ConfigureAwait(false);
            }

            if (wasWaiting && (type is (byte)'Q' or (byte)'E' or (byte)'S') && reader.NextType is not (0 or (byte)'S'))
            {
                await PoolThread.Anew;
            }
        }
    }

    private async ValueTask WaitAsync()
    {
        if (writer.Pending > 0)
        {
            await _output.FlushAsync(default).ConfigureAwait(false);
        }

        bool clock = connection.StartIdleClock(session);
        await connection.FillAsync().ConfigureAwait(false);
        if (clock)
        {
            connection.StopIdleClock();
        }
    }

    private ValueTask ReadyAsync()
    {
        _skipping = false;
        writer.ReadyForQuery(session.Status);
        return _output.FlushAsync(default);
    }

    private ValueTask HandleAsync(byte type, ReadOnlyMemory<byte> body)
    {
        switch (type)
        {
            case (byte)'Q':
                return QueryAsync(body);
            case (byte)'P':
                return ParseAsync(body);
            case (byte)'B':
                return BindAsync(body);
            case (byte)'D':
                Describe(body.Span);
                return default;
            case (byte)'E':
                return ExecuteAsync(body);
            case (byte)'C':
                Close(body.Span);
                return default;
            case (byte)'S':
                return SyncAsync(body);
            case (byte)'H':
                new MessageParser(body.Span).End();
                return _output.FlushAsync(default);
            case (byte)'d' or (byte)'c' or (byte)'f':
                return default;
            case (byte)'F':
                throw new DbException(SqlStates.FeatureNotSupported, "function call messages are not supported", hint: "use SELECT");
            default:
                throw FatalException.Protocol($"unexpected message type {type}");
        }
    }

    private ValueTask QueryAsync(ReadOnlyMemory<byte> body)
    {
        string sql = Single(body.Span);
        _sessionKnows = true;
        return session.SimpleQueryAsync(sql, _output, default);
    }

    private ValueTask SyncAsync(ReadOnlyMemory<byte> body)
    {
        new MessageParser(body.Span).End();
        _sessionKnows = true;
        return session.SyncAsync(_output, default);
    }

    private ValueTask ParseAsync(ReadOnlyMemory<byte> body)
    {
        var message = new MessageParser(body.Span);
        string name = _names.Get(message.CStringBytes());
        string sql = message.CString();
        int count = message.UInt16();
        uint[] oids = count == 0 ? [] : new uint[count];
        ReadOnlySpan<byte> given = message.Take(count * 4);
        for (int i = 0; i < count; i++)
        {
            uint oid = BinaryPrimitives.ReadUInt32BigEndian(given[(4 * i)..]);
            oids[i] = oid == SqlType.Unknown.Oid ? 0 : oid;
        }

        message.End();
        ValueTask<IPreparedStatement> parsing = session.ParseAsync(name, sql, oids, default);
        if (!parsing.IsCompleted)
        {
            return Await(parsing);
        }

        _ = parsing.Result;
        writer.Empty((byte)'1');
        return default;

        async ValueTask Await(ValueTask<IPreparedStatement> pending)
        {
            await pending.ConfigureAwait(false);
            writer.Empty((byte)'1');
        }
    }

    private ValueTask BindAsync(ReadOnlyMemory<byte> body)
    {
        var message = new MessageParser(body.Span);
        string portalName = _names.Get(message.CStringBytes());
        string statementName = _names.Get(message.CStringBytes());
        IPreparedStatement statement = session.GetStatement(statementName);
        (Datum[] parameters, short[] formats) = BindMessage.Read(ref message, statement, session.Types);
        if (formats.Length > 1 && formats.Length != (statement.Columns?.Count ?? 0))
        {
            throw new DbException(SqlStates.ProtocolViolation, $"bind message has {formats.Length} result formats but query has {statement.Columns?.Count ?? 0} columns");
        }

        ValueTask<IPortal> binding = session.BindAsync(portalName, statementName, parameters, formats, default);
        if (!binding.IsCompleted)
        {
            return Await(binding);
        }

        _ = binding.Result;
        writer.Empty((byte)'2');
        return default;

        async ValueTask Await(ValueTask<IPortal> pending)
        {
            await pending.ConfigureAwait(false);
            writer.Empty((byte)'2');
        }
    }

    private void Describe(ReadOnlySpan<byte> body)
    {
        (byte kind, string name) = KindAndName(body);
        if (kind == (byte)'S')
        {
            IPreparedStatement statement = session.GetStatement(name);
            IReadOnlyList<ResultColumn>? columns = statement.Columns;
            writer.ParameterDescription(statement.ParameterTypes);
            writer.RowDescription(columns, TextFormat);
        }
        else
        {
            IPortal portal = session.GetPortal(name);
            writer.RowDescription(portal.Columns, portal.ResultFormats);
        }
    }

    private ValueTask ExecuteAsync(ReadOnlyMemory<byte> body)
    {
        var message = new MessageParser(body.Span);
        IPortal portal = session.GetPortal(_names.Get(message.CStringBytes()));
        int maxRows = message.Int32();
        message.End();
        _output.BeginPortal(portal.Columns, portal.ResultFormats);
        return session.ExecuteAsync(portal, maxRows, _output, default);
    }

    private void Close(ReadOnlySpan<byte> body)
    {
        (byte kind, string name) = KindAndName(body);
        if (kind == (byte)'S')
        {
            session.CloseStatement(name);
        }
        else
        {
            session.ClosePortal(name);
        }

        writer.Empty((byte)'3');
    }

    private (byte Kind, string Name) KindAndName(ReadOnlySpan<byte> body)
    {
        var message = new MessageParser(body);
        byte kind = message.Byte();
        string name = _names.Get(message.CStringBytes());
        message.End();
        return kind is (byte)'S' or (byte)'P'
            ? (kind, name)
            : throw new DbException(SqlStates.ProtocolViolation, $"invalid message subtype {kind}");
    }

    private static string Single(ReadOnlySpan<byte> body)
    {
        var message = new MessageParser(body);
        string text = message.CString();
        message.End();
        return text;
    }

    /// <summary>Tells the client, and the session when the error did not come from it.</summary>
    private void Report(Exception error, byte type)
    {
        connection.ThrowIfEnding();
        writer.Abandon();
        _output.EndCopyIn();
        DbException told = Told(error);
        if (!_sessionKnows)
        {
            session.Fail();
        }

        writer.Error(told, "ERROR");
        _skipping = type is not ((byte)'Q' or (byte)'F' or (byte)'S');
    }

    private DbException Told(Exception error)
    {
        switch (error)
        {
            case DbException known:
                return known;
            case OperationCanceledException:
                return new DbException(SqlStates.QueryCanceled, "canceling statement due to user request");
            case InsufficientExecutionStackException:
                return new DbException(SqlStates.StatementTooComplex, "stack depth limit exceeded");
            case OutOfMemoryException:
                return new DbException(SqlStates.OutOfMemory, "out of memory");
            default:
                logger.LogError(error, "internal error in session {ProcessId}", session.ProcessId);
                return new DbException(SqlStates.InternalError, "internal error", hint: "the server's log tells more");
        }
    }
}
