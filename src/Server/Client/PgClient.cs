using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Picodata.Server;

/// <summary>An error that the server reported.</summary>
internal sealed class PgServerException(string sqlState, string message, string? detail, string? hint)
    : Exception($"{message}{(detail is null ? "" : $"\nDETAIL: {detail}")}{(hint is null ? "" : $"\nHINT: {hint}")}")
{
    public string SqlState { get; } = sqlState;
}

/// <summary>What one statement of a query gave.</summary>
/// <param name="Columns">Names and type oids; null for a statement without rows.</param>
/// <param name="Rows">Text values, null for NULL.</param>
/// <param name="Tag">Command tag, such as <c>INSERT 0 1</c>.</param>
internal sealed record PgResult(IReadOnlyList<(string Name, uint TypeOid)>? Columns, IReadOnlyList<string?[]> Rows, string Tag);

/// <summary>
/// The client side of the PostgreSQL protocol as far as the admin console and the demo need it: simple queries over the admin
/// socket, where nobody asks for a password. Not thread-safe.
/// </summary>
internal sealed class PgClient : IDisposable
{
    private readonly NetworkStream stream;
    private readonly byte[] head = new byte[5];
    private byte[] body = new byte[8192];

    private PgClient(NetworkStream stream)
    {
        this.stream = stream;
    }

    /// <summary>Notices that came with the last query.</summary>
    public List<string> Notices { get; } = [];

    public static async Task<PgClient> ConnectAsync(string socketPath, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancel);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        var client = new PgClient(new NetworkStream(socket, ownsSocket: true));
        try
        {
            await client.StartAsync(cancel);
        }
        catch
        {
            client.Dispose();
            throw;
        }

        return client;
    }

    /// <summary>Runs a query string; throws <see cref="PgServerException"/> at its first error, <see cref="IOException"/> when the server is gone.</summary>
    public async Task<IReadOnlyList<PgResult>> QueryAsync(string sql, CancellationToken cancel)
    {
        Notices.Clear();
        byte[] text = Encoding.UTF8.GetBytes(sql);
        byte[] message = new byte[text.Length + 6];
        message[0] = (byte)'Q';
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), text.Length + 5);
        text.CopyTo(message, 5);
        await stream.WriteAsync(message, cancel);
        return await ReadResultsAsync(cancel);
    }

    /// <summary>The first value of the first row of a query.</summary>
    public async Task<string?> ScalarAsync(string sql, CancellationToken cancel) =>
        (await QueryAsync(sql, cancel))[^1].Rows[0][0];

    public void Dispose() => stream.Dispose();

    private async Task StartAsync(CancellationToken cancel)
    {
        byte[] parameters = Encoding.UTF8.GetBytes("user\0admin\0database\0admin\0application_name\0picodata admin\0\0");
        byte[] startup = new byte[8 + parameters.Length];
        BinaryPrimitives.WriteInt32BigEndian(startup, startup.Length);
        BinaryPrimitives.WriteInt32BigEndian(startup.AsSpan(4), 196608);
        parameters.CopyTo(startup, 8);
        await stream.WriteAsync(startup, cancel);
        await ReadResultsAsync(cancel);
    }

    private async Task<IReadOnlyList<PgResult>> ReadResultsAsync(CancellationToken cancel)
    {
        var results = new List<PgResult>();
        IReadOnlyList<(string, uint)>? columns = null;
        var rows = new List<string?[]>();
        PgServerException? error = null;
        while (true)
        {
            (char type, ReadOnlyMemory<byte> message) = await ReadMessageAsync(cancel);
            switch (type)
            {
                case 'R' when BinaryPrimitives.ReadInt32BigEndian(message.Span) != 0:
                    throw new IOException("the socket asks for a password: it is not an admin socket");
                case 'T':
                    columns = ReadColumns(message.Span);
                    break;
                case 'D':
                    rows.Add(ReadRow(message.Span));
                    break;
                case 'C':
                    results.Add(new PgResult(columns, rows, ReadText(message.Span, 0).Text));
                    columns = null;
                    rows = [];
                    break;
                case 'N':
                    Notices.Add(ReadError(message.Span).Message);
                    break;
                case 'E':
                    error = ReadError(message.Span);
                    break;
                case 'Z' when error is not null:
                    throw error;
                case 'Z':
                    return results;
            }
        }
    }

    private async Task<(char Type, ReadOnlyMemory<byte> Body)> ReadMessageAsync(CancellationToken cancel)
    {
        try
        {
            await stream.ReadExactlyAsync(head, cancel);
            int length = BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1)) - 4;
            if (length > body.Length)
            {
                body = new byte[length];
            }

            await stream.ReadExactlyAsync(body.AsMemory(0, length), cancel);
            return ((char)head[0], body.AsMemory(0, length));
        }
        catch (EndOfStreamException problem)
        {
            throw new IOException("the instance closed the connection", problem);
        }
    }

    private static List<(string, uint)> ReadColumns(ReadOnlySpan<byte> message)
    {
        int count = BinaryPrimitives.ReadUInt16BigEndian(message);
        var columns = new List<(string, uint)>(count);
        int at = 2;
        for (int i = 0; i < count; i++)
        {
            (string name, at) = ReadText(message, at);
            columns.Add((name, BinaryPrimitives.ReadUInt32BigEndian(message[(at + 6)..])));
            at += 18;
        }

        return columns;
    }

    private static string?[] ReadRow(ReadOnlySpan<byte> message)
    {
        var row = new string?[BinaryPrimitives.ReadUInt16BigEndian(message)];
        int at = 2;
        for (int i = 0; i < row.Length; i++)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(message[at..]);
            at += 4;
            if (length >= 0)
            {
                row[i] = Encoding.UTF8.GetString(message.Slice(at, length));
                at += length;
            }
        }

        return row;
    }

    private static PgServerException ReadError(ReadOnlySpan<byte> message)
    {
        string state = "XX000", text = "";
        string? detail = null, hint = null;
        for (int at = 0; message[at] != 0;)
        {
            char field = (char)message[at];
            (string value, at) = ReadText(message, at + 1);
            switch (field)
            {
                case 'C': state = value; break;
                case 'M': text = value; break;
                case 'D': detail = value; break;
                case 'H': hint = value; break;
            }
        }

        return new PgServerException(state, text, detail, hint);
    }

    private static (string Text, int Next) ReadText(ReadOnlySpan<byte> message, int at)
    {
        int length = message[at..].IndexOf((byte)0);
        return (Encoding.UTF8.GetString(message.Slice(at, length)), at + length + 1);
    }
}
