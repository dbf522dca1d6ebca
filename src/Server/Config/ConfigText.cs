using System.Globalization;

namespace Picodata.Server;

/// <summary>The texts that parameters are written in: sizes, addresses, failure domains (Picodata's grammar and messages).</summary>
internal static class ConfigText
{
    private static readonly string[] LogLevels = ["fatal", "system", "error", "crit", "warn", "info", "verbose", "debug"];

    /// <summary>Bytes of <c>64M</c>: an integer with an optional suffix B, K, M, G or T (1K = 1024).</summary>
    public static long Size(string path, string text)
    {
        string digits = text;
        long unit = 1;
        if (text.Length > 0 && "BKMGT".IndexOf(text[^1]) is >= 0 and int power)
        {
            digits = text[..^1];
            unit = 1L << (10 * power);
        }

        if (!ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong count))
        {
            throw new ConfigException($"invalid value '{text}' for `{path}`: expected a size such as 64M (a whole number with B, K, M, G or T)");
        }

        if (count > (ulong)(long.MaxValue / unit))
        {
            throw new ConfigException($"invalid value '{text}' for `{path}`: Value is too large");
        }

        return (long)count * unit;
    }

    /// <summary>Host and port of <c>HOST:PORT</c>.</summary>
    public static (string Host, int Port) Address(string path, string text)
    {
        string[] parts = text.Split(':');
        if (parts.Length != 2 || parts[0].Length == 0 || !ushort.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            throw new ConfigException($"invalid value '{text}' for `{path}`: valid format: HOST:PORT");
        }

        return (parts[0], port);
    }

    /// <summary>
    /// Labels of <c>region=us,zone=us-west-1</c>: split at commas, each at its first equals sign, keys and values in upper
    /// case; the last of repeated keys wins.
    /// </summary>
    public static SortedDictionary<string, string> FailureDomain(string text)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (text.Length == 0)
        {
            return labels;
        }

        foreach (string item in text.Split(','))
        {
            int equals = item.IndexOf('=');
            if (equals < 0)
            {
                throw new ConfigException($"invalid KEY=value: no `=` found in `{item}`");
            }

            labels[item[..equals].ToUpperInvariant()] = item[(equals + 1)..].ToUpperInvariant();
        }

        return labels;
    }

    /// <summary>Refuses text that does not fit the kind of its parameter.</summary>
    public static void Check(ConfigParameter parameter, string path, string text)
    {
        switch (parameter.Kind)
        {
            case ConfigKind.Size:
                Size(path, text);
                break;
            case ConfigKind.Address:
                Address(path, text);
                break;
            case ConfigKind.AddressList:
                foreach (string address in text.Split(','))
                {
                    Address(path, address[(address.IndexOf('@') + 1)..]);
                }

                break;
            case ConfigKind.Byte:
                Expect(byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _), path, text, "a number between 0 and 255");
                break;
            case ConfigKind.Unsigned:
                Expect(ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _), path, text, "a whole number");
                break;
            case ConfigKind.Number:
                Expect(double.TryParse(text, CultureInfo.InvariantCulture, out _), path, text, "a number");
                break;
            case ConfigKind.Bool:
                Expect(text is "true" or "false", path, text, "true or false");
                break;
            case ConfigKind.FailureDomain:
                FailureDomain(text);
                break;
            case ConfigKind.LogLevel:
                Expect(LogLevels.Contains(text), path, text, "one of " + string.Join(", ", LogLevels));
                break;
            case ConfigKind.LogFormat:
                Expect(text is "plain" or "json", path, text, "plain or json");
                break;
            case ConfigKind.ReplicationMode:
                Expect(text is "async" or "sync", path, text, "async or sync");
                break;
            case ConfigKind.WalMode:
                Expect(text is "write" or "fsync", path, text, "write or fsync");
                break;
        }
    }

    private static void Expect(bool fits, string path, string text, string expected)
    {
        if (!fits)
        {
            throw new ConfigException($"invalid value '{text}' for `{path}`: expected {expected}");
        }
    }
}
