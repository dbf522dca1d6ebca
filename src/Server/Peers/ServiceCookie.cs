using System.Text;
using Microsoft.Extensions.Logging;

namespace Picodata.Server;

/// <summary>
/// The password of <c>pico_service</c>, which all instances of a cluster share: the file <c>.picodata-cookie</c> in the working directory. Without
/// one the password is empty, as in Picodata.
/// </summary>
internal static class ServiceCookie
{
    public const string FileName = ".picodata-cookie";

    /// <summary>Reads and checks the file; throws <see cref="ConfigException"/> that names it.</summary>
    public static string Read(string instanceDirectory, ILogger log)
    {
        string path = Path.Combine(instanceDirectory, FileName);
        if (!File.Exists(path))
        {
            return "";
        }

        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) != 0)
        {
            log.LogWarning("service password file {Path} can be read by others than its owner; chmod 600 it", path);
        }

        try
        {
            return Check(new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path)));
        }
        catch (DecoderFallbackException)
        {
            throw new ConfigException($"{path}: service password must be encoded as utf-8");
        }
        catch (ConfigException wrong)
        {
            throw new ConfigException($"{path}: {wrong.Message}");
        }
    }

    /// <summary>The password that a file's text holds; one newline at its end does not count.</summary>
    internal static string Check(string text)
    {
        if (text.StartsWith('\n'))
        {
            throw new ConfigException("service password cannot start with a newline character");
        }

        string password = text.EndsWith('\n') ? text[..^1] : text;
        return password switch
        {
            "" => throw new ConfigException("service password cannot be empty"),
            _ when password.Contains('\n') => throw new ConfigException("service password cannot be split into multiple lines"),
            _ when !Ascii.IsValid(password) => throw new ConfigException("service password characters must be within ascii range"),
            _ when !password.All(char.IsAsciiLetterOrDigit) => throw new ConfigException("service password characters must be alphanumeric"),
            _ => password,
        };
    }
}
