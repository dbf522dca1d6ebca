using System.Net;

namespace Picodata.Server;

/// <summary>Turns a configured HOST:PORT into something to bind.</summary>
internal static class ListenAddress
{
    /// <summary>The host's literal, or its first address. <see cref="ConfigException"/> when it has none.</summary>
    public static IPEndPoint Of(string host, int port)
    {
        IPAddress? ip = IPAddress.TryParse(host, out IPAddress? literal) ? literal : Dns.GetHostAddresses(host).FirstOrDefault();
        return ip is null ? throw new ConfigException($"cannot listen on {host}:{port}: the host name has no address") : new IPEndPoint(ip, port);
    }
}
