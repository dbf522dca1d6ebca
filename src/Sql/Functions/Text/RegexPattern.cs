using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;
using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>
/// PostgreSQL's regular expressions (POSIX with extensions) on .NET's engine. Patterns run in the non-backtracking mode, whose
/// time is linear in the text; those that need more (back references, look-around, word ends) run with a time limit.
/// Among alternatives the first that matches wins, where POSIX takes the longest.
/// </summary>
internal static class RegexPattern
{
    private const int CacheSize = 256;
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(2);
    private static readonly ConcurrentDictionary<(string Pattern, string Flags), Regex> Cache = new();

    /// <summary>The compiled pattern. Flags as PostgreSQL's: i, c, n, m, s, x, q, g (ignored here).</summary>
    internal static Regex Get(string pattern, string flags = "")
    {
        if (Cache.TryGetValue((pattern, flags), out Regex? regex))
        {
            return regex;
        }

        if (Cache.Count >= CacheSize)
        {
            Cache.Clear();
        }

        return Cache[(pattern, flags)] = Compile(pattern, flags);
    }

    internal static bool IsMatch(string text, string pattern, string flags = "") => Guarded(() => Get(pattern, flags).IsMatch(text));

    /// <summary>Runs a match and turns the time limit into 57014.</summary>
    internal static T Guarded<T>(Func<T> match)
    {
        try
        {
            return match();
        }
        catch (RegexMatchTimeoutException timeout)
        {
            throw new DbException(SqlStates.QueryCanceled, $"regular expression took longer than {TimeLimit.TotalSeconds} s", cause: timeout);
        }
    }

    private static Regex Compile(string pattern, string flags)
    {
        RegexOptions options = RegexOptions.CultureInvariant | RegexOptions.Singleline;
        bool isLiteral = false, newlineSensitive = false;
        foreach (char flag in flags)
        {
            switch (flag)
            {
                case 'i':
                    options |= RegexOptions.IgnoreCase;
                    break;
                case 'c':
                    options &= ~RegexOptions.IgnoreCase;
                    break;
                case 'n' or 'm':
                    newlineSensitive = true;
                    options = (options & ~RegexOptions.Singleline) | RegexOptions.Multiline;
                    break;
                case 'x':
                    options |= RegexOptions.IgnorePatternWhitespace;
                    break;
                case 'q':
                    isLiteral = true;
                    break;
                case 'g' or 's' or 'e' or 'b' or 't' or 'w' or 'p':
                    break;
                default:
                    throw new DbException(SqlStates.InvalidParameterValue, $"invalid regular expression option: \"{flag}\"");
            }
        }

        if (pattern.StartsWith("***=", StringComparison.Ordinal))
        {
            (pattern, isLiteral) = (pattern[4..], true);
        }
        else if (pattern.StartsWith("***:", StringComparison.Ordinal))
        {
            pattern = pattern[4..];
        }

        string translated = isLiteral ? Regex.Escape(pattern) : new Translation(pattern, newlineSensitive).Run();
        return Build(pattern, translated, options);
    }

    private static Regex Build(string pattern, string translated, RegexOptions options)
    {
        try
        {
            return new Regex(translated, options | RegexOptions.NonBacktracking);
        }
        catch (NotSupportedException)
        {
            // look-around or back references: the engine with a time limit
            return new Regex(translated, options, TimeLimit);
        }
        catch (ArgumentException wrong)
        {
            string reason = wrong is RegexParseException parse ? Describe(parse.Error) : "invalid pattern";
            throw new DbException(SqlStates.InvalidRegularExpression, $"invalid regular expression: {reason}", $"The pattern is \"{pattern}\".", cause: wrong);
        }
    }

    private static string Describe(RegexParseError error) => error switch
    {
        RegexParseError.InsufficientClosingParentheses or RegexParseError.InsufficientOpeningParentheses => "parentheses () not balanced",
        RegexParseError.UnterminatedBracket => "brackets [] not balanced",
        RegexParseError.ReversedCharacterRange => "invalid character range",
        RegexParseError.QuantifierAfterNothing or RegexParseError.NestedQuantifiersNotParenthesized => "quantifier operand invalid",
        RegexParseError.UnescapedEndingBackslash or RegexParseError.UnrecognizedEscape => "invalid escape \\ sequence",
        RegexParseError.ReversedQuantifierRange or RegexParseError.QuantifierOrCaptureGroupOutOfRange => "invalid repetition count(s)",
        RegexParseError.UndefinedNumberedReference or RegexParseError.UndefinedNamedReference => "invalid backreference number",
        _ => error.ToString(),
    };

    /// <summary>Rewrites what .NET spells otherwise: bracket classes, anchors, word boundaries.</summary>
    private sealed class Translation(string pattern, bool newlineSensitive)
    {
        private readonly StringBuilder result = new();
        private int at;

        internal string Run()
        {
            while (at < pattern.Length)
            {
                char c = pattern[at];
                switch (c)
                {
                    case '\\':
                        Escape();
                        break;
                    case '[':
                        Bracket();
                        break;
                    case '$':
                        // .NET's $ also matches before a last newline
                        result.Append(newlineSensitive ? "(?=\\n|\\z)" : "\\z");
                        at++;
                        break;
                    default:
                        result.Append(c);
                        at++;
                        break;
                }
            }

            return result.ToString();
        }

        private void Escape()
        {
            if (at + 1 >= pattern.Length)
            {
                throw new DbException(SqlStates.InvalidRegularExpression, "invalid regular expression: invalid escape \\ sequence");
            }

            char next = pattern[at + 1];
            at += 2;
            result.Append(next switch
            {
                'm' => "\\b(?=\\w)",
                'M' => "\\b(?<=\\w)",
                'y' => "\\b",
                'Y' => "\\B",
                'Z' => "\\z",
                'A' => "\\A",
                _ => "\\" + next,
            });
        }

        private void Bracket()
        {
            if (string.CompareOrdinal(pattern, at, "[[:<:]]", 0, 7) == 0 || string.CompareOrdinal(pattern, at, "[[:>:]]", 0, 7) == 0)
            {
                result.Append(pattern[at + 3] == '<' ? "\\b(?=\\w)" : "\\b(?<=\\w)");
                at += 7;
                return;
            }

            result.Append('[');
            at++;
            if (at < pattern.Length && pattern[at] == '^')
            {
                result.Append('^');
                at++;
            }

            bool first = true;
            while (at < pattern.Length && (pattern[at] != ']' || first))
            {
                first = false;
                Member();
            }

            if (at >= pattern.Length)
            {
                throw new DbException(SqlStates.InvalidRegularExpression, "invalid regular expression: brackets [] not balanced");
            }

            result.Append(']');
            at++;
        }

        private void Member()
        {
            if (pattern[at] == '[' && at + 1 < pattern.Length && pattern[at + 1] is ':' or '.' or '=')
            {
                char kind = pattern[at + 1];
                int end = pattern.IndexOf($"{kind}]", at + 2, StringComparison.Ordinal);
                if (end > 0)
                {
                    string name = pattern[(at + 2)..end];
                    result.Append(kind == ':' ? Class(name) : Regex.Escape(name));
                    at = end + 2;
                    return;
                }
            }

            char c = pattern[at++];
            if (c == '\\' && at < pattern.Length)
            {
                result.Append('\\').Append(pattern[at++]);
                return;
            }

            result.Append(c is '[' or ']' ? "\\" : "").Append(c);
        }

        private static string Class(string name) => name switch
        {
            "alpha" => "\\p{L}",
            "digit" => "\\d",
            "alnum" => "\\p{L}\\d",
            "space" => "\\s",
            "upper" => "\\p{Lu}",
            "lower" => "\\p{Ll}",
            "punct" => "!-/:-@\\[-`{-~",
            "xdigit" => "0-9a-fA-F",
            "word" => "\\w",
            "blank" => " \\t",
            "cntrl" => "\\x00-\\x1f\\x7f",
            "print" => "\\x20-\\x7e\\u00a0-\\uffff",
            "graph" => "\\x21-\\x7e\\u00a1-\\uffff",
            _ => throw new DbException(SqlStates.InvalidRegularExpression, "invalid regular expression: invalid character class"),
        };
    }
}
