using System.Security.Cryptography.X509Certificates;
using Picodata.PgWire;

namespace Picodata.Server;

/// <summary>Reads the certificate files of the PostgreSQL door.</summary>
internal static class TlsFiles
{
    public static async Task<PgWireOptions> OptionsAsync(InstanceConfig config, CancellationToken cancel)
    {
        if (!config.TlsEnabled)
        {
            return new PgWireOptions();
        }

        string? password = config.TlsPasswordFile is { } file ? (await File.ReadAllTextAsync(file, cancel)).TrimEnd('\n', '\r') : null;
        try
        {
            X509Certificate2 certificate = password is null
                ? X509Certificate2.CreateFromPemFile(config.TlsCertificateFile, config.TlsKeyFile)
                : X509Certificate2.CreateFromEncryptedPemFile(config.TlsCertificateFile, password, config.TlsKeyFile);
            X509Certificate2Collection? roots = null;
            if (config.TlsClientCaFile is { } roster)
            {
                roots = [];
                roots.ImportFromPemFile(roster);
            }

            return new PgWireOptions { Certificate = certificate, RequireTls = true, ClientRoots = roots };
        }
        catch (Exception problem) when (problem is IOException or System.Security.Cryptography.CryptographicException)
        {
            throw new ConfigException($"cannot use the certificate '{config.TlsCertificateFile}' with the key '{config.TlsKeyFile}': {problem.Message}");
        }
    }
}
