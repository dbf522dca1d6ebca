using System.Security.Cryptography;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql;

/// <summary>What a password must be like (<c>auth_password_*</c> parameters).</summary>
internal sealed record PasswordPolicy(int LengthMin, bool NeedsUppercase, bool NeedsLowercase, bool NeedsDigit, bool NeedsSpecial)
{
    public static readonly PasswordPolicy Default = new(8, true, true, true, false);
}

/// <summary>
/// What is stored of passwords and how they are judged. md5: <c>md5</c> + hex of md5(password + user). scram-sha256:
/// <c>SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey</c> (RFC 5802, 7677; PostgreSQL's text form). The password itself
/// is never kept.
/// </summary>
internal static class Passwords
{
    public const int ScramIterations = 4096;

    private const string SpecialCharacters = "&|?!$@";

    public static string Md5(string user, string password) =>
        "md5" + Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(password + user)));

    /// <param name="salt">16 random bytes.</param>
    public static string Scram(string password, ReadOnlySpan<byte> salt)
    {
        byte[] salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(Normalized(password)), salt, ScramIterations, HashAlgorithmName.SHA256, 32);
        byte[] storedKey = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8));
        byte[] serverKey = HMACSHA256.HashData(salted, "Server Key"u8);
        return $"SCRAM-SHA-256${ScramIterations}:{Convert.ToBase64String(salt)}${Convert.ToBase64String(storedKey)}:{Convert.ToBase64String(serverKey)}";
    }

    /// <summary>
    /// What an unknown user is checked against: the same for the same name at every attempt (so that nobody learns who exists),
    /// and no password fits.
    /// </summary>
    /// <param name="secret">Random bytes of this process.</param>
    public static string ScramOfNobody(string user, ReadOnlySpan<byte> secret)
    {
        byte[] salt = HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes("salt" + user))[..16];
        string storedKey = Convert.ToBase64String(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes("stored" + user)));
        string serverKey = Convert.ToBase64String(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes("server" + user)));
        return $"SCRAM-SHA-256${ScramIterations}:{Convert.ToBase64String(salt)}${storedKey}:{serverKey}";
    }

    /// <inheritdoc cref="ScramOfNobody"/>
    public static string Md5OfNobody(string user, ReadOnlySpan<byte> secret) =>
        "md5" + Convert.ToHexStringLower(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes("md5" + user))[..16]);

    /// <summary>Refuses a password that breaks the policy, naming all that is wrong with it at once.</summary>
    public static void Check(string password, PasswordPolicy policy)
    {
        var problems = new List<string>();
        int length = password.EnumerateRunes().Count();
        if (length < policy.LengthMin)
        {
            problems.Add($"too short (expected at least {policy.LengthMin} characters, got {length})");
        }

        Need(policy.NeedsUppercase, char.IsUpper, "missing uppercase letter");
        Need(policy.NeedsLowercase, char.IsLower, "missing lowercase letter");
        Need(policy.NeedsDigit, char.IsDigit, "missing digit");
        Need(policy.NeedsSpecial, SpecialCharacters.Contains, $"missing special character ({string.Join(' ', SpecialCharacters.ToCharArray())})");
        if (problems.Count > 0)
        {
            throw new DbException(SqlStates.InvalidParameterValue, "invalid password: " + string.Join("; ", problems));
        }

        void Need(bool needed, Func<char, bool> fits, string problem)
        {
            if (needed && !password.Any(fits))
            {
                problems.Add(problem);
            }
        }
    }

    /// <summary>SASLprep as far as it matters to clients: compatibility composition; text that it refuses stays as it is.</summary>
    private static string Normalized(string password)
    {
        try
        {
            return password.Normalize(NormalizationForm.FormKC);
        }
        catch (ArgumentException)
        {
            return password;
        }
    }
}
