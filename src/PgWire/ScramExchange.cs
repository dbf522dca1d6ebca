// SCRAM-SHA-256 (RFC 5802, RFC 7677), server side, with channel binding tls-server-end-point as SCRAM-SHA-256-PLUS.
//
//   client-first   gs2-header client-first-bare          gs2-header: "n,," | "y,," | "p=tls-server-end-point,,"
//                  client-first-bare: "n=" name ",r=" client-nonce [extensions]
//   server-first   "r=" client-nonce server-nonce ",s=" base64(salt) ",i=" iterations
//   client-final   "c=" base64(gs2-header [binding]) ",r=" nonce [extensions] ",p=" base64(proof)
//   server-final   "v=" base64(HMAC(ServerKey, auth-message))
//   auth-message   client-first-bare "," server-first "," client-final without ",p=..."
//
// Invariants
// 1. Only StoredKey and ServerKey are known here, never the password.
// 2. Nonce, binding and proof are all checked, the secret comparisons in constant time; which one failed is not told.
// 3. "y" (the client could bind but thinks that we cannot) is refused when binding was offered: somebody took the offer out.
using System.Security.Cryptography;
using System.Text;
using Picodata.Core;

namespace Picodata.PgWire;

/// <summary>What the server keeps of a password: <c>SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey</c>.</summary>
internal sealed record ScramVerifier(int Iterations, byte[] Salt, byte[] StoredKey, byte[] ServerKey)
{
    private const string Prefix = "SCRAM-SHA-256$";

    /// <summary>Null when the text is not in this form.</summary>
    public static ScramVerifier? TryParse(string text)
    {
        if (!text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        string[] parts = text[Prefix.Length..].Split('$');
        if (parts.Length != 2 || parts[0].Split(':') is not [string iterations, string salt] || parts[1].Split(':') is not [string stored, string server])
        {
            return null;
        }

        return int.TryParse(iterations, out int count) && count > 0
            && Decode(salt) is byte[] saltBytes && Decode(stored) is { Length: 32 } storedKey && Decode(server) is { Length: 32 } serverKey
            ? new ScramVerifier(count, saltBytes, storedKey, serverKey)
            : null;
    }

    private static byte[]? Decode(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out int count) ? bytes[..count] : null;
    }
}

/// <summary>One exchange. <see cref="First"/>, then <see cref="Final"/>.</summary>
/// <param name="verifier">What the user's password is checked against.</param>
/// <param name="binding">The certificate's hash when PLUS was offered, else null.</param>
internal sealed class ScramExchange(ScramVerifier verifier, byte[]? binding)
{
    public const string Mechanism = "SCRAM-SHA-256";
    public const string MechanismPlus = "SCRAM-SHA-256-PLUS";
    private const string BindingHeader = "p=tls-server-end-point,,";

    private string _header = "";
    private string _clientFirstBare = "";
    private string _serverFirst = "";
    private string _nonce = "";

    /// <summary>Takes client-first, gives server-first. 08P01 when it is malformed, 28000 for a downgrade.</summary>
    public string First(string mechanism, string clientFirst)
    {
        bool plus = mechanism == MechanismPlus;
        if (mechanism != Mechanism && !(plus && binding is not null))
        {
            throw FatalException.Protocol("client selected an invalid SASL authentication mechanism");
        }

        _header = ReadHeader(clientFirst, plus);
        _clientFirstBare = clientFirst[_header.Length..];
        string[] fields = _clientFirstBare.Split(',');
        if (fields.Length < 2 || !fields[0].StartsWith("n=", StringComparison.Ordinal) || !fields[1].StartsWith("r=", StringComparison.Ordinal))
        {
            throw Malformed("client-first message");
        }

        string clientNonce = fields[1][2..];
        if (clientNonce.Length == 0 || clientNonce.Any(c => c is < '!' or > '~'))
        {
            throw Malformed("non-printable characters in SCRAM nonce");
        }

        _nonce = clientNonce + Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));
        _serverFirst = $"r={_nonce},s={Convert.ToBase64String(verifier.Salt)},i={verifier.Iterations}";
        return _serverFirst;
    }

    /// <summary>Takes client-final; gives server-final, or null when the proof does not fit.</summary>
    public string? Final(string clientFinal)
    {
        int proofAt = clientFinal.LastIndexOf(",p=", StringComparison.Ordinal);
        if (proofAt < 0)
        {
            throw Malformed("client-final message");
        }

        string withoutProof = clientFinal[..proofAt];
        string[] fields = withoutProof.Split(',');
        if (fields.Length < 2 || !fields[0].StartsWith("c=", StringComparison.Ordinal) || !fields[1].StartsWith("r=", StringComparison.Ordinal))
        {
            throw Malformed("client-final message");
        }

        if (!CryptographicOperations.FixedTimeEquals(FromBase64(fields[0][2..]), ExpectedBinding()))
        {
            throw FatalException.Protocol("SCRAM channel binding check failed");
        }

        if (fields[1][2..] != _nonce)
        {
            throw FatalException.Protocol("invalid SCRAM response: nonce does not match");
        }

        byte[] message = Encoding.UTF8.GetBytes($"{_clientFirstBare},{_serverFirst},{withoutProof}");
        return ProofFits(FromBase64(clientFinal[(proofAt + 3)..]), message)
            ? "v=" + Convert.ToBase64String(HMACSHA256.HashData(verifier.ServerKey, message))
            : null;
    }

    private bool ProofFits(byte[] proof, byte[] message)
    {
        if (proof.Length != 32)
        {
            throw Malformed("proof");
        }

        byte[] clientKey = HMACSHA256.HashData(verifier.StoredKey, message);
        for (int i = 0; i < clientKey.Length; i++)
        {
            clientKey[i] ^= proof[i];
        }

        return CryptographicOperations.FixedTimeEquals(SHA256.HashData(clientKey), verifier.StoredKey);
    }

    private string ReadHeader(string clientFirst, bool plus)
    {
        if (plus)
        {
            return clientFirst.StartsWith(BindingHeader, StringComparison.Ordinal)
                ? BindingHeader
                : throw FatalException.Protocol("unsupported SCRAM channel-binding type");
        }

        if (clientFirst.StartsWith("y,,", StringComparison.Ordinal))
        {
            return binding is null
                ? "y,,"
                : throw FatalException.Of(SqlStates.InvalidAuthorizationSpecification, "SCRAM channel binding negotiation error", "the client believes that the server does not support channel binding, but it does");
        }

        if (clientFirst.StartsWith("n,a=", StringComparison.Ordinal) || clientFirst.StartsWith("y,a=", StringComparison.Ordinal))
        {
            throw FatalException.Of(SqlStates.FeatureNotSupported, "client uses authorization identity, but it is not supported");
        }

        return clientFirst.StartsWith("n,,", StringComparison.Ordinal) ? "n,," : throw Malformed("gs2 header");
    }

    private byte[] ExpectedBinding()
    {
        byte[] header = Encoding.ASCII.GetBytes(_header);
        return _header == BindingHeader ? [.. header, .. binding!] : header;
    }

    private static byte[] FromBase64(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out int count) ? bytes[..count] : throw Malformed("base64");
    }

    private static FatalException Malformed(string what) => FatalException.Protocol($"malformed SCRAM message ({what})");
}
