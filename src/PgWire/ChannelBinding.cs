using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Picodata.PgWire;

/// <summary>tls-server-end-point (RFC 5929): the certificate's hash by the hash function of its own signature.</summary>
internal static class ChannelBinding
{
    /// <summary>SHA-256 stands in for MD5, SHA-1 and for signatures whose hash function is not known.</summary>
    public static byte[] OfServer(X509Certificate2 certificate) => certificate.SignatureAlgorithm.Value switch
    {
        "1.2.840.113549.1.1.12" or "1.2.840.10045.4.3.3" => SHA384.HashData(certificate.RawData),
        "1.2.840.113549.1.1.13" or "1.2.840.10045.4.3.4" => SHA512.HashData(certificate.RawData),
        _ => SHA256.HashData(certificate.RawData),
    };
}
