using System.Collections.Concurrent;
using Picodata.Core;

namespace Picodata.Server;

/// <summary>
/// Reaches other instances over their iproto ports: one kept line an address for calls, a line of its own for each stream. Thread-safe.
/// </summary>
/// <param name="password">The cluster's cookie.</param>
internal sealed class PeerNetwork(string password, Func<PeerIdentity> identity) : IPeerNetwork, IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Dialled> lines = new(StringComparer.Ordinal);

    public async ValueTask<ReadOnlyMemory<byte>> CallAsync(string address, string procedure, ReadOnlyMemory<byte> arguments, CancellationToken cancel)
    {
        PeerLine line = await LineAsync(address, cancel).ConfigureAwait(false);
        return await line.CallAsync(procedure, arguments, cancel).ConfigureAwait(false);
    }

    public async ValueTask<Stream> OpenAsync(string address, string service, ReadOnlyMemory<byte> opening, CancellationToken cancel)
    {
        PeerLine line = await PeerLine.ConnectAsync(address, password, identity(), cancel).ConfigureAwait(false);
        try
        {
            return await line.OpenAsync(service, opening, cancel).ConfigureAwait(false);
        }
        catch (Exception failed)
        {
            await line.DisposeAsync().ConfigureAwait(false);
            throw failed is IOException ? new PeerException(PeerFailure.Unreachable, $"{address}: {failed.Message}", cause: failed) : failed;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Dialled dialled in lines.Values)
        {
            await dialled.DisposeAsync().ConfigureAwait(false);
        }
    }

    private ValueTask<PeerLine> LineAsync(string address, CancellationToken cancel) =>
        lines.GetOrAdd(address, static (key, network) => new Dialled(network, key), this).GetAsync(cancel);

    /// <summary>The line to one address, dialled anew when it has broken.</summary>
    private sealed class Dialled(PeerNetwork network, string address) : IAsyncDisposable
    {
        private readonly SemaphoreSlim dialling = new(1, 1);
        private volatile PeerLine? line;

        public async ValueTask<PeerLine> GetAsync(CancellationToken cancel)
        {
            if (line is { IsUsable: true } usable)
            {
                return usable;
            }

            await dialling.WaitAsync(cancel).ConfigureAwait(false);
            try
            {
                if (line is { IsUsable: true } dialled)
                {
                    return dialled;
                }

                if (line is { } old)
                {
                    line = null;
                    await old.DisposeAsync().ConfigureAwait(false);
                }

                PeerLine fresh = await PeerLine.ConnectAsync(address, network.Password, network.Identity, cancel).ConfigureAwait(false);
                fresh.Listen();
                line = fresh;
                return fresh;
            }
            finally
            {
                dialling.Release();
            }
        }

        public async ValueTask DisposeAsync()
        {
            if (line is { } last)
            {
                await last.DisposeAsync().ConfigureAwait(false);
            }

            dialling.Dispose();
        }
    }

    private string Password => password;

    private PeerIdentity Identity => identity();
}
