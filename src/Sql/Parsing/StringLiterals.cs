using System.Globalization;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>Values of quoted tokens.</summary>
internal static class StringLiterals
{
    /// <summary>The word of a word token: folded, or unquoted.</summary>
    public static string Word(string sql, in Token token)
    {
        if (token.Keyword != Keyword.None)
        {
            return Keywords.Text(token.Keyword);
        }

        ReadOnlySpan<char> raw = sql.AsSpan(token.Start, token.Length);
        if (token.Kind == TokenKind.QuotedWord)
        {
            ReadOnlySpan<char> inner = raw[1..^1];
            return inner.Contains('"') ? inner.ToString().Replace("\"\"", "\"") : inner.ToString();
        }

        return IsFolded(raw) ? raw.ToString() : raw.ToString().ToLowerInvariant();
    }

    /// <summary>The value of a string token of any kind.</summary>
    public static string Value(string sql, in Token token)
    {
        ReadOnlySpan<char> raw = sql.AsSpan(token.Start, token.Length);
        switch (token.Kind)
        {
            case TokenKind.EscapeString:
                return Unescape(sql, raw[2..^1], token.Start + 2);
            case TokenKind.DollarString:
                int quote = raw[1..].IndexOf('$') + 2;
                return raw[quote..^quote].ToString();
            default:
                ReadOnlySpan<char> inner = raw[(raw.IndexOf('\'') + 1)..^1];
                return inner.Contains('\'') ? inner.ToString().Replace("''", "'") : inner.ToString();
        }
    }

    private static bool IsFolded(ReadOnlySpan<char> word)
    {
        foreach (char c in word)
        {
            if (c is (>= 'A' and <= 'Z') or >= (char)0x80)
            {
                return false;
            }
        }

        return true;
    }

    private static string Unescape(string sql, ReadOnlySpan<char> inner, int start)
    {
        var text = new StringBuilder(inner.Length);
        int at = 0;
        while (at < inner.Length)
        {
            char c = inner[at];
            if (c == '\'')
            {
                text.Append('\'');
                at += 2;
            }
            else if (c == '\\' && at + 1 < inner.Length)
            {
                at = Escape(sql, inner, at + 1, start, text);
            }
            else
            {
                text.Append(c);
                at++;
            }
        }

        return text.ToString();
    }

    private static int Escape(string sql, ReadOnlySpan<char> inner, int at, int start, StringBuilder text)
    {
        char c = inner[at];
        switch (c)
        {
            case 'b': text.Append('\b'); return at + 1;
            case 'f': text.Append('\f'); return at + 1;
            case 'n': text.Append('\n'); return at + 1;
            case 'r': text.Append('\r'); return at + 1;
            case 't': text.Append('\t'); return at + 1;
            case 'u': return CodePoint(sql, inner, at, 4, start, text);
            case 'U': return CodePoint(sql, inner, at, 8, start, text);
            case 'x' or (>= '0' and <= '7'): return Bytes(sql, inner, at, start, text);
            default: text.Append(c); return at + 1;
        }
    }

    private static int CodePoint(string sql, ReadOnlySpan<char> inner, int at, int digits, int start, StringBuilder text)
    {
        bool isGood = at + 1 + digits <= inner.Length;
        if (!isGood || !uint.TryParse(inner.Slice(at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code))
        {
            throw new DbException(SqlStates.InvalidEscapeSequence, "invalid Unicode escape", hint: "Unicode escapes must be \\uXXXX or \\UXXXXXXXX.", position: TextPosition.InCharacters(sql, start + at));
        }

        if (code == 0 || code > 0x10FFFF)
        {
            throw new DbException(SqlStates.SyntaxError, "invalid Unicode escape value", position: TextPosition.InCharacters(sql, start + at));
        }

        if (code is >= 0xD800 and <= 0xDFFF || digits == 4)
        {
            text.Append((char)code);
        }
        else
        {
            text.Append(char.ConvertFromUtf32((int)code));
        }

        return at + 1 + digits;
    }

    /// <summary>A run of \nnn and \xNN: the bytes are UTF-8 together.</summary>
    private static int Bytes(string sql, ReadOnlySpan<char> inner, int at, int start, StringBuilder text)
    {
        var bytes = new List<byte>();
        int first = at;
        while (true)
        {
            int from = inner[at] == 'x' ? at + 1 : at;
            int radix = inner[at] == 'x' ? 16 : 8;
            int longest = inner[at] == 'x' ? 2 : 3;
            int end = from;
            int value = 0;
            while (end < inner.Length && end - from < longest && DigitOf(inner[end]) < radix)
            {
                value = (value * radix) + DigitOf(inner[end]);
                end++;
            }

            if (end == from)
            {
                text.Append('x');
                return at + 1;
            }

            bytes.Add((byte)value);
            at = end;
            bool more = at + 1 < inner.Length && inner[at] == '\\' && (inner[at + 1] is >= '0' and <= '7' || (inner[at + 1] == 'x' && at + 2 < inner.Length && DigitOf(inner[at + 2]) < 16));
            if (!more)
            {
                break;
            }

            at++;
        }

        AppendUtf8(sql, bytes, start + first, text);
        return at;
    }

    private static void AppendUtf8(string sql, List<byte> bytes, int position, StringBuilder text)
    {
        try
        {
            string decoded = new UTF8Encoding(false, true).GetString(bytes.ToArray());
            if (!decoded.Contains('\0'))
            {
                text.Append(decoded);
                return;
            }
        }
        catch (DecoderFallbackException)
        {
            // reported below, together with zero bytes
        }

        throw new DbException(SqlStates.CharacterNotInRepertoire, $"invalid byte sequence for encoding \"UTF8\": 0x{bytes[0]:x2}", position: TextPosition.InCharacters(sql, position));
    }

    private static int DigitOf(char c) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'f' => c - 'a' + 10,
        >= 'A' and <= 'F' => c - 'A' + 10,
        _ => 99,
    };
}
