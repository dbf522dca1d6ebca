using System.Globalization;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>Reads and writes JSON text (RFC 8259). Nesting is limited; bad text is 22P02 with the token in the detail.</summary>
public static class JsonText
{
    /// <summary>Containers in containers at most.</summary>
    public const int MaxDepth = 512;

    /// <summary>Parses a whole text.</summary>
    public static JsonNode Parse(string text)
    {
        var reader = new Reader(text);
        return reader.ReadDocument();
    }

    /// <summary>The text as a JSON string literal.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 2);
        AppendQuoted(quoted, text);
        return quoted.ToString();
    }

    /// <summary>Appends a JSON string literal; only what must be escaped is.</summary>
    public static void AppendQuoted(StringBuilder target, string text)
    {
        target.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"':
                    target.Append("\\\"");
                    break;
                case '\\':
                    target.Append("\\\\");
                    break;
                case '\b':
                    target.Append("\\b");
                    break;
                case '\f':
                    target.Append("\\f");
                    break;
                case '\n':
                    target.Append("\\n");
                    break;
                case '\r':
                    target.Append("\\r");
                    break;
                case '\t':
                    target.Append("\\t");
                    break;
                case < ' ':
                    target.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                    break;
                default:
                    target.Append(c);
                    break;
            }
        }

        target.Append('"');
    }

    private sealed class Reader(string text)
    {
        private int at;
        private int depth;

        internal JsonNode ReadDocument()
        {
            JsonNode node = ReadValue();
            SkipBlanks();
            return at == text.Length ? node : throw Invalid();
        }

        private JsonNode ReadValue()
        {
            SkipBlanks();
            if (at >= text.Length)
            {
                throw Invalid();
            }

            int start = at;
            return text[at] switch
            {
                '{' => ReadObject(start),
                '[' => ReadArray(start),
                '"' => new JsonNode { Kind = JsonKind.String, Text = ReadString(), Source = start..at },
                '-' or (>= '0' and <= '9') => ReadNumber(start),
                't' => ReadWord("true", JsonKind.Bool, true),
                'f' => ReadWord("false", JsonKind.Bool, false),
                'n' => ReadWord("null", JsonKind.Null, false),
                _ => throw Invalid(),
            };
        }

        private JsonNode ReadObject(int start)
        {
            Enter();
            var members = new List<(string, JsonNode)>();
            if (!TryTake('}'))
            {
                do
                {
                    SkipBlanks();
                    if (at >= text.Length || text[at] != '"')
                    {
                        throw Invalid();
                    }

                    string key = ReadString();
                    Take(':');
                    members.Add((key, ReadValue()));
                }
                while (TryTake(','));
                Take('}');
            }

            depth--;
            return new JsonNode { Kind = JsonKind.Object, Members = members, Source = start..at };
        }

        private JsonNode ReadArray(int start)
        {
            Enter();
            var items = new List<JsonNode>();
            if (!TryTake(']'))
            {
                do
                {
                    items.Add(ReadValue());
                }
                while (TryTake(','));
                Take(']');
            }

            depth--;
            return new JsonNode { Kind = JsonKind.Array, Items = items, Source = start..at };
        }

        private void Enter()
        {
            at++;
            if (++depth > MaxDepth)
            {
                throw new DbException(SqlStates.StatementTooComplex, "stack depth limit exceeded", $"JSON is nested deeper than {MaxDepth} levels");
            }
        }

        private JsonNode ReadWord(string word, JsonKind kind, bool value)
        {
            int start = at;
            int end = at + word.Length;
            if (end > text.Length || string.CompareOrdinal(text, at, word, 0, word.Length) != 0 || (end < text.Length && char.IsAsciiLetterOrDigit(text[end])))
            {
                throw Invalid();
            }

            at = end;
            return new JsonNode { Kind = kind, Bool = value, Source = start..at };
        }

        private JsonNode ReadNumber(int start)
        {
            at += text[at] == '-' ? 1 : 0;
            int whole = at;
            SkipDigits();
            bool valid = at > whole && (text[whole] != '0' || at == whole + 1);
            if (valid && at < text.Length && text[at] == '.')
            {
                int fraction = ++at;
                SkipDigits();
                valid = at > fraction;
            }

            if (valid && at < text.Length && text[at] is 'e' or 'E')
            {
                at++;
                at += at < text.Length && text[at] is '+' or '-' ? 1 : 0;
                int exponent = at;
                SkipDigits();
                valid = at > exponent;
            }

            if (!valid || (at < text.Length && char.IsAsciiLetterOrDigit(text[at])))
            {
                at = start;
                throw Invalid();
            }

            return new JsonNode { Kind = JsonKind.Number, Text = text[start..at], Source = start..at };
        }

        private string ReadString()
        {
            int start = ++at;
            while (at < text.Length && text[at] is not ('"' or '\\') && text[at] >= ' ')
            {
                at++;
            }

            if (at < text.Length && text[at] == '"')
            {
                return text[start..at++];
            }

            var value = new StringBuilder().Append(text, start, at - start);
            while (at < text.Length && text[at] != '"')
            {
                if (text[at] < ' ')
                {
                    throw Invalid();
                }

                value.Append(text[at] == '\\' ? ReadEscape() : text[at++]);
            }

            if (at >= text.Length)
            {
                throw Invalid();
            }

            at++;
            return value.ToString();
        }

        private char ReadEscape()
        {
            at++;
            char c = at < text.Length ? text[at++] : throw Invalid();
            switch (c)
            {
                case '"' or '\\' or '/':
                    return c;
                case 'b':
                    return '\b';
                case 'f':
                    return '\f';
                case 'n':
                    return '\n';
                case 'r':
                    return '\r';
                case 't':
                    return '\t';
                case 'u' when at + 4 <= text.Length && ushort.TryParse(text.AsSpan(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort code):
                    at += 4;
                    return code != 0 ? (char)code : throw new DbException(SqlStates.UntranslatableCharacter, "unsupported Unicode escape sequence", "\\u0000 cannot be converted to text.");
                default:
                    throw new DbException(SqlStates.InvalidTextRepresentation, "invalid input syntax for type json", $"Escape sequence \"\\{c}\" is invalid.");
            }
        }

        private void SkipDigits()
        {
            while (at < text.Length && char.IsAsciiDigit(text[at]))
            {
                at++;
            }
        }

        private void SkipBlanks()
        {
            while (at < text.Length && text[at] is ' ' or '\t' or '\n' or '\r')
            {
                at++;
            }
        }

        private bool TryTake(char c)
        {
            SkipBlanks();
            if (at >= text.Length || text[at] != c)
            {
                return false;
            }

            at++;
            return true;
        }

        private void Take(char c)
        {
            if (!TryTake(c))
            {
                throw Invalid();
            }
        }

        private DbException Invalid()
        {
            int end = at;
            while (end < text.Length && (char.IsLetterOrDigit(text[end]) || (end == at && !char.IsSurrogate(text[end]))))
            {
                end++;
            }

            string detail = at >= text.Length ? "The input string ended unexpectedly." : $"Token \"{text[at..end]}\" is invalid.";
            return new DbException(SqlStates.InvalidTextRepresentation, "invalid input syntax for type json", detail);
        }
    }
}
