using Picodata.Core;

namespace Picodata.PgWire;

/// <summary>An error after which a connection cannot go on: it is sent as FATAL and the connection is closed.</summary>
internal sealed class FatalException(DbException error) : Exception(error.Message, error)
{
    /// <summary>What the client is told.</summary>
    public DbException Error { get; } = error;

    /// <summary>08P01: the stream of messages makes no sense and cannot be synchronised again.</summary>
    public static FatalException Protocol(string message) => new(new DbException(SqlStates.ProtocolViolation, message));

    /// <summary>Any other state.</summary>
    public static FatalException Of(string sqlState, string message, string? detail = null, string? hint = null) =>
        new(new DbException(sqlState, message, detail, hint));
}

/// <summary>The client has gone; there is nobody to tell.</summary>
internal sealed class ClientLostException() : Exception("the client closed the connection");
