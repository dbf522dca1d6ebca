using Picodata.Core;
using Picodata.PgWire;
using Picodata.Storage.Files;

namespace Picodata.Server;

/// <summary>
/// Sends sessions to the primary of the replicaset that holds the rows. Thread-safe.
///
/// The opening of a <c>session</c> stream is a MessagePack array [trusted user or nil, client's address or nil]; behind it PostgreSQL's protocol begins with a
/// start-up packet. A stream is served only by an instance that runs sessions itself: it is never passed on twice.
/// </summary>
/// <param name="primary">The place where sessions run now, by the newest catalog: null when none is known.</param>
/// <param name="runsHere">True while this instance runs them.</param>
/// <param name="changed">Completes at the next change of either.</param>
internal sealed class SessionRouter(IPeerNetwork network, Func<string?> primary, Func<bool> runsHere, Func<CancellationToken, Task> changed, TimeProvider time) : ISessionRouter
{
    public const string Service = "session";

    /// <summary>How long a new connection waits for somebody who runs sessions: a failover takes less.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public async ValueTask<Stream?> OpenAsync(string? trustedUser, string? remoteAddress, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        string reason = "no primary is known";
        while (true)
        {
            Task next = changed(either.Token);
            if (runsHere())
            {
                return null;
            }

            if (primary() is { } address)
            {
                try
                {
                    return await network.OpenAsync(address, Service, Opening(trustedUser, remoteAddress), either.Token).ConfigureAwait(false);
                }
                catch (PeerException failed)
                {
                    reason = failed.Message;
                }
                catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
                {
                    throw Nobody($"{address} does not answer");
                }
            }

            await PauseAsync(next, reason, cancel, either.Token).ConfigureAwait(false);
        }
    }

    /// <summary>Reads the opening of a stream that another instance passed on.</summary>
    public static (string? TrustedUser, string? RemoteAddress) Read(ReadOnlyMemory<byte> opening)
    {
        var reader = new MsgPackReader(opening.Span);
        reader.ReadArrayHead();
        string? user = reader.TryReadNil() ? null : reader.ReadString();
        string? address = reader.TryReadNil() ? null : reader.ReadString();
        return (user, address);
    }

    /// <summary>Until something changed, but at most a moment: the address may be right and only its instance not ready yet.</summary>
    private async Task PauseAsync(Task next, string reason, CancellationToken cancel, CancellationToken either)
    {
        try
        {
            await next.WaitAsync(TimeSpan.FromMilliseconds(50), time, either).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // look again
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw Nobody(reason);
        }
    }

    private static DbException Nobody(string reason) =>
        new(SqlStates.CannotConnectNow, $"no instance runs sessions at this moment: {reason}", hint: "`picodata status` tells which replicasets have no primary and why");

    private static byte[] Opening(string? trustedUser, string? remoteAddress)
    {
        var writer = new MsgPackWriter();
        writer.WriteArrayHead(2);
        Write(writer, trustedUser);
        Write(writer, remoteAddress);
        return writer.ToArray();
    }

    private static void Write(MsgPackWriter writer, string? text)
    {
        if (text is null)
        {
            writer.WriteNil();
        }
        else
        {
            writer.WriteString(text);
        }
    }
}
