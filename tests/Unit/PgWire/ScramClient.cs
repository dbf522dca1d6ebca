using System.Security.Cryptography;
using System.Text;

namespace Picodata.Unit.PgWire;

/// <summary>The client's side of SCRAM-SHA-256, written from the RFC and not from the server's code.</summary>
internal sealed class ScramClient(string password, string header, byte[]? binding = null)
{
    private readonly string _nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));

    /// <summary>What the server must answer at last; known after <see cref="Final"/>.</summary>
    public string ServerFinal { get; private set; } = "";

    public static Frames Initial(string mechanism, string data)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(data);
        return new Frames().Message('p', new Frames().CString(mechanism).Int32(bytes.Length).Raw(bytes).ToArray());
    }

    public Frames First() => Initial(header[0] == 'p' ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", $"{header}n=*,r={_nonce}");

    public Frames Final(ServerMessage challenge)
    {
        string serverFirst = Encoding.UTF8.GetString(challenge.Body.AsSpan(4));
        string[] parts = serverFirst.Split(',');
        byte[] salt = Convert.FromBase64String(parts[1][2..]);
        byte[] salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password), salt, int.Parse(parts[2][2..]), HashAlgorithmName.SHA256, 32);
        string bound = Convert.ToBase64String([.. Encoding.ASCII.GetBytes(header), .. binding ?? []]);
        string withoutProof = $"c={bound},{parts[0]}";
        byte[] message = Encoding.UTF8.GetBytes($"n=*,r={_nonce},{serverFirst},{withoutProof}");
        byte[] clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        byte[] signature = HMACSHA256.HashData(SHA256.HashData(clientKey), message);
        byte[] proof = clientKey.Zip(signature, (left, right) => (byte)(left ^ right)).ToArray();
        ServerFinal = "v=" + Convert.ToBase64String(HMACSHA256.HashData(HMACSHA256.HashData(salted, "Server Key"u8), message));
        return new Frames().Message('p', Encoding.UTF8.GetBytes($"{withoutProof},p={Convert.ToBase64String(proof)}"));
    }
}
