// What a session writes, as frames; and the COPY data that it reads.
//
// COPY FROM STDIN: after CopyInResponse only d (data), c (end), f (failed: 57014), S and H (ignored) may come. X or the end of
// the stream loses the client; anything else is a protocol violation that ends the connection.
using Picodata.Core;
using Picodata.Sql;

namespace Picodata.PgWire;

/// <summary>The door through which a session reaches its client. One per connection.</summary>
internal sealed class SessionOutput(PgConnection connection, FrameWriter writer, MessageReader reader) : ISessionOutput
{
    private static readonly ResultColumn[] NoColumns = [];

    private RowEncoder? _rows;
    private IReadOnlyList<ResultColumn> _columns = NoColumns;
    private IReadOnlyList<short> _formats = [];
    private bool _copyingIn;

    public int PendingBytes => writer.Pending;

    /// <summary>The rows that follow belong to this portal. The encoder is kept while columns and formats stay the same.</summary>
    public void BeginPortal(IReadOnlyList<ResultColumn>? columns, IReadOnlyList<short> formats)
    {
        _columns = columns ?? NoColumns;
        _formats = formats;
    }

    public void Notice(Notice notice) => writer.Notice(notice);

    public void ParameterStatus(string name, string value) => writer.ParameterStatus(name, value);

    public void RowDescription(IReadOnlyList<ResultColumn> columns)
    {
        _columns = columns;
        _formats = [];
        writer.RowDescription(columns, _formats);
    }

    public void Row(ReadOnlySpan<Datum> values)
    {
        RowEncoder? rows = _rows;
        if (rows is null || !ReferenceEquals(rows.Columns, _columns) || !SameFormats(rows.Formats, _formats))
        {
            _rows = rows = new RowEncoder(_columns, _formats, connection.Types);
        }

        rows.Write(values, writer);
    }

    public void CommandComplete(string tag) => writer.CommandComplete(tag);

    public void EmptyQuery() => writer.Empty((byte)'I');

    public void PortalSuspended() => writer.Empty((byte)'s');

    public void CopyOut(bool binary, int columnCount) => writer.CopyResponse('H', binary, columnCount);

    public void CopyData(ReadOnlySpan<byte> bytes)
    {
        writer.Begin((byte)'d');
        writer.Bytes(bytes);
        writer.End();
    }

    public void CopyDone() => writer.Empty((byte)'c');

    public void CopyIn(bool binary, int columnCount)
    {
        writer.CopyResponse('G', binary, columnCount);
        _copyingIn = true;
    }

    /// <summary>COPY FROM STDIN is over, however it ended.</summary>
    public void EndCopyIn() => _copyingIn = false;

    public async ValueTask<ReadOnlyMemory<byte>> ReadCopyDataAsync(CancellationToken cancel)
    {
        if (!_copyingIn)
        {
            return default;
        }

        await FlushAsync(cancel).ConfigureAwait(false);
        while (true)
        {
            if (reader.Remaining > 0)
            {
                if (reader.TryReadPiece(out ReadOnlyMemory<byte> piece))
                {
                    return piece;
                }
            }
            else if (reader.TryReadHead(out byte type, out ReadOnlyMemory<byte> body))
            {
                if (type == (byte)'d' || Accept(type, body))
                {
                    continue;
                }

                return default;
            }

            cancel.ThrowIfCancellationRequested();
            await using CancellationTokenRegistration wake = cancel.UnsafeRegister(static self => ((PgConnection)self!).Interrupt(), connection);
            await connection.FillAsync().ConfigureAwait(false);
        }
    }

    public ValueTask FlushAsync(CancellationToken cancel)
    {
        ValueTask<bool> flush = writer.FlushAsync();
        return flush.IsCompletedSuccessfully && flush.Result ? default : Await(flush);

        static async ValueTask Await(ValueTask<bool> pending)
        {
            bool isOpen;
            try
            {
                isOpen = await pending.ConfigureAwait(false);
            }
            catch (Exception gone) when (PgConnection.IsLoss(gone))
            {
                throw new ClientLostException();
            }

            if (!isOpen)
            {
                throw new ClientLostException();
            }
        }
    }

    /// <summary>A message other than CopyData; false when the data ended.</summary>
    private bool Accept(byte type, ReadOnlyMemory<byte> body)
    {
        switch (type)
        {
            case (byte)'c':
                _copyingIn = false;
                return false;
            case (byte)'f':
                _copyingIn = false;
                var parser = new MessageParser(body.Span);
                throw new DbException(SqlStates.QueryCanceled, $"COPY from stdin failed: {parser.CString()}");
            case (byte)'S':
            case (byte)'H':
                return true;
            case (byte)'X':
                throw new ClientLostException();
            default:
                throw FatalException.Protocol($"unexpected message type 0x{type:X2} during COPY from stdin");
        }
    }

    private static bool SameFormats(IReadOnlyList<short> left, IReadOnlyList<short> right)
    {
        if (ReferenceEquals(left, right))
        {
            return true;
        }

        if (left.Count != right.Count)
        {
            return false;
        }

        for (int i = 0; i < left.Count; i++)
        {
            if (left[i] != right[i])
            {
                return false;
            }
        }

        return true;
    }
}
