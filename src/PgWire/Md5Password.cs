using System.Security.Cryptography;
using System.Text;

namespace Picodata.PgWire;

/// <summary>PostgreSQL's md5 method: <c>md5</c> + hex(md5(hex(md5(password + user)) + salt)).</summary>
internal static class Md5Password
{
    /// <param name="stored"><c>md5</c> + 32 hex digits of md5(password + user).</param>
    /// <param name="salt">The four bytes that were sent.</param>
    /// <param name="answer">What the client answered.</param>
    public static bool Fits(string stored, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> answer)
    {
        bool known = stored.Length == 35 && stored.StartsWith("md5", StringComparison.Ordinal);
        byte[] inner = Encoding.ASCII.GetBytes(known ? stored[3..].ToLowerInvariant() : new string('-', 32));
        string expected = "md5" + Convert.ToHexStringLower(MD5.HashData([.. inner, .. salt]));
        return CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(expected), answer) && known;
    }
}
