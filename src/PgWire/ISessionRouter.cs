namespace Picodata.PgWire;

/// <summary>
/// Says where sessions run: in this process, or at another instance that is reached by a stream which speaks the same protocol
/// (start-up packet first). Thread-safe.
/// </summary>
public interface ISessionRouter
{
    /// <summary>
    /// The stream of a new connection, or null when the session runs here. Waits for a while when nobody can run sessions at the moment, then throws
    /// <see cref="Core.DbException"/> 57P03.
    /// </summary>
    /// <param name="trustedUser">The user that the other side is to take for proved (admin socket); null: it asks for a proof.</param>
    /// <param name="remoteAddress">The client's address, for the other side's logs.</param>
    ValueTask<Stream?> OpenAsync(string? trustedUser, string? remoteAddress, CancellationToken cancel);
}
