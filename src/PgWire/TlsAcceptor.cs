using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Picodata.PgWire;

/// <summary>Does the server's side of TLS handshakes: TLS 1.2 and 1.3, no renegotiation.</summary>
internal sealed class TlsAcceptor
{
    /// <summary>PostgreSQL's ALPN name.</summary>
    public static readonly SslApplicationProtocol Protocol = new("postgresql");

    private readonly SslServerAuthenticationOptions _options;

    public TlsAcceptor(PgWireOptions options)
    {
        X509Certificate2 certificate = options.Certificate!;
        Binding = ChannelBinding.OfServer(certificate);
        _options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, options.IntermediateCertificates, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [Protocol],
            AllowRenegotiation = false,
            ClientCertificateRequired = options.ClientRoots is not null,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        };
        if (options.ClientRoots is not null)
        {
            _options.RemoteCertificateValidationCallback = (_, client, chain, _) => LeadsTo(options.ClientRoots, client, chain);
        }
    }

    /// <summary>tls-server-end-point data of the certificate.</summary>
    public byte[] Binding { get; }

    public async Task<SslStream> AcceptAsync(IDuplexPipe transport, CancellationToken cancel)
    {
        var inner = new DuplexPipeStream(transport) { IsHandshaking = true };
        var stream = new SslStream(inner, leaveInnerStreamOpen: true);
        try
        {
            await stream.AuthenticateAsServerAsync(_options, cancel).ConfigureAwait(false);
            inner.IsHandshaking = false;
            return stream;
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static bool LeadsTo(X509Certificate2Collection roots, X509Certificate? client, X509Chain? sent)
    {
        if (client is null)
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        if (sent is not null)
        {
            foreach (X509ChainElement element in sent.ChainElements)
            {
                chain.ChainPolicy.ExtraStore.Add(element.Certificate);
            }
        }

        using var certificate = new X509Certificate2(client);
        return chain.Build(certificate);
    }
}
