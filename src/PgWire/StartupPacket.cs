// The start-up packet, behind int32 length and int32 version: pairs of strings (name, value), then one zero byte.
// "options" is a command line: words split at white space, a backslash takes the next character as it is;
// "-c name=value", "-cname=value" and "--name=value" are settings ('-' in such a name reads as '_').
using System.Text;
using Picodata.Core;

namespace Picodata.PgWire;

/// <summary>What a client said first.</summary>
internal sealed class StartupPacket
{
    /// <summary>Newest minor version of protocol 3 that we speak.</summary>
    public const int NewestMinor = 2;

    private StartupPacket(int minor)
    {
        Minor = minor;
    }

    /// <summary>Minor version to be spoken.</summary>
    public int Minor { get; private set; }

    public string User { get; private set; } = "";

    public string Database { get; private set; } = "";

    /// <summary>Settings in the order in which they take effect: those of "options" first.</summary>
    public List<KeyValuePair<string, string>> Settings { get; } = [];

    /// <summary>Protocol options (<c>_pq_.</c>) that we do not know.</summary>
    public List<string> UnknownOptions { get; } = [];

    /// <summary>True when the client must be told the version that will be spoken.</summary>
    public bool MustNegotiate { get; private set; }

    /// <summary>08P01 for a malformed packet, 28000 without a user, 0A000 for replication connections.</summary>
    public static StartupPacket Parse(int minor, ReadOnlySpan<byte> body)
    {
        var packet = new StartupPacket(Math.Min(minor, NewestMinor)) { MustNegotiate = minor > NewestMinor };
        var parser = new MessageParser(body);
        var direct = new List<KeyValuePair<string, string>>();
        while (true)
        {
            string name = parser.CString();
            if (name.Length == 0)
            {
                break;
            }

            packet.Accept(name, parser.CString(), direct);
        }

        parser.End();
        packet.Settings.AddRange(direct);
        if (packet.User.Length == 0)
        {
            throw FatalException.Of(SqlStates.InvalidAuthorizationSpecification, "no PostgreSQL user name specified in startup packet");
        }

        packet.Database = packet.Database.Length == 0 ? packet.User : packet.Database;
        return packet;
    }

    private void Accept(string name, string value, List<KeyValuePair<string, string>> direct)
    {
        switch (name)
        {
            case "user":
                User = value;
                break;
            case "database":
                Database = value;
                break;
            case "options":
                ParseOptions(value);
                break;
            case "replication":
                RefuseReplication(value);
                break;
            default:
                if (name.StartsWith("_pq_.", StringComparison.Ordinal))
                {
                    UnknownOptions.Add(name);
                    MustNegotiate = true;
                }
                else
                {
                    direct.Add(new(name, value));
                }

                break;
        }
    }

    private static void RefuseReplication(string value)
    {
        if (value.ToLowerInvariant() is not ("false" or "off" or "0" or "no" or "f" or "n"))
        {
            throw FatalException.Of(SqlStates.FeatureNotSupported, "replication connections are not supported");
        }
    }

    private void ParseOptions(string text)
    {
        List<string> words = SplitWords(text);
        for (int i = 0; i < words.Count; i++)
        {
            string word = words[i];
            if (word == "-c" && i + 1 < words.Count)
            {
                AddOption(words[++i]);
            }
            else if (word.StartsWith("-c", StringComparison.Ordinal) && word.Length > 2)
            {
                AddOption(word[2..]);
            }
            else if (word.StartsWith("--", StringComparison.Ordinal) && word.Length > 2)
            {
                AddOption(word[2..]);
            }
            else
            {
                throw FatalException.Of(SqlStates.SyntaxError, $"invalid command-line argument for server process: {word}");
            }
        }
    }

    private void AddOption(string assignment)
    {
        int equals = assignment.IndexOf('=');
        if (equals <= 0)
        {
            throw FatalException.Of(SqlStates.SyntaxError, $"-c {assignment} requires a value");
        }

        Settings.Add(new(assignment[..equals].Replace('-', '_'), assignment[(equals + 1)..]));
    }

    private static List<string> SplitWords(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        bool inWord = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (char.IsWhiteSpace(c))
            {
                if (inWord)
                {
                    words.Add(word.ToString());
                    word.Clear();
                    inWord = false;
                }

                continue;
            }

            inWord = true;
            word.Append(c == '\\' && i + 1 < text.Length ? text[++i] : c);
        }

        if (inWord)
        {
            words.Add(word.ToString());
        }

        return words;
    }
}
