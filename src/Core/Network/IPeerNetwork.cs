namespace Picodata.Core;

/// <summary>Why a call to a peer gave no answer.</summary>
public enum PeerFailure
{
    /// <summary>No connection, or it broke before the request was sent: the peer did nothing.</summary>
    Unreachable,

    /// <summary>The connection broke or time ran out after the request was sent: the peer may have acted.</summary>
    Unknown,

    /// <summary>The peer answered with an error.</summary>
    Refused,
}

/// <summary>A call to another instance failed. <see cref="Code"/> is Picodata's error code where the peer gave one, else 0.</summary>
public sealed class PeerException(PeerFailure failure, string message, int code = 0, Exception? cause = null) : Exception(message, cause)
{
    public PeerFailure Failure { get; } = failure;

    public int Code { get; } = code;
}

/// <summary>
/// How one instance reaches another: the real one is the iproto port (framing, greeting and authentication as
/// Tarantool's), the simulated one lives in the test harness and delays, loses and cuts under a seed.
///
/// N1 What a peer handles came from an instance of the same cluster: the connection has proved the cluster's cookie (or a
///    certificate), and its cluster UUID where one is known yet.
/// N2 Bytes of a stream arrive in order, once, or the stream ends with an exception or an end; nothing arrives behind that.
/// N3 A closed process is seen at once as the end of its streams; a silent one is not seen here: time limits are the caller's.
/// Addresses are <c>HOST:PORT</c> as announced (<c>_pico_peer_address</c>). Time limits are given by the token.
/// </summary>
public interface IPeerNetwork
{
    /// <summary>
    /// Calls a procedure (<c>.proc_...</c>) with one MessagePack array of arguments; the answer is one MessagePack value.
    /// Throws <see cref="PeerException"/>; a cancelled token is <see cref="OperationCanceledException"/> and means unknown.
    /// </summary>
    ValueTask<ReadOnlyMemory<byte>> CallAsync(string address, string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel);

    /// <summary>
    /// Opens a stream to a service of the peer (<c>replication</c>, <c>feed</c>, <c>heartbeat</c>, <c>session</c>, <c>raft</c>) with one
    /// MessagePack value that says what for. The peer's refusal arrives as <see cref="PeerException"/>. The caller disposes of the stream.
    /// </summary>
    ValueTask<Stream> OpenAsync(string address, string service, ReadOnlyMemory<byte> opening, CancellationToken cancel);
}

/// <summary>The other side of <see cref="IPeerNetwork"/>: what an instance does for its peers. Thread-safe.</summary>
public interface IPeerService
{
    /// <summary>
    /// Answers one call. A <see cref="PeerException"/> goes to the caller as <see cref="PeerFailure.Refused"/> with its code and text; an unknown
    /// procedure is refused.
    /// </summary>
    ValueTask<ReadOnlyMemory<byte>> CallAsync(string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel);

    /// <summary>
    /// Serves one stream until it ends; an exception before the first byte is the refusal. The stream is closed when the task ends.
    /// </summary>
    Task ServeAsync(string service, ReadOnlyMemory<byte> opening, Stream stream, CancellationToken cancel);
}
