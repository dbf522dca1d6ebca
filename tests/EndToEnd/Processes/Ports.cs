using System.Net;
using System.Net.Sockets;

namespace Picodata.EndToEnd;

/// <summary>
/// Ports for servers that are killed and started again: below the range that the kernel takes ports of outgoing connections from, or
/// somebody's connection may sit on a port while its server is away.
/// </summary>
internal static class Ports
{
    private const int First = 12_000, Count = 20_000;

    private static int next = Environment.ProcessId * 7919 % Count;

    /// <summary>A port that nobody listens on, another one with each call.</summary>
    public static int Next()
    {
        while (true)
        {
            int port = First + (Interlocked.Increment(ref next) % Count);
            try
            {
                using var listener = new TcpListener(IPAddress.Any, port);
                listener.ExclusiveAddressUse = true;
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // somebody has it
            }
        }
    }
}
