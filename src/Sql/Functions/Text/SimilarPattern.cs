using System.Text;
using System.Text.RegularExpressions;
using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>
/// SQL's SIMILAR TO patterns as regular expressions: <c>%</c> and <c>_</c> as in LIKE, <c>| * + ? {} () []</c> as in POSIX, and
/// for substring two marks (escape and quote) around the part that is wanted.
/// </summary>
internal static class SimilarPattern
{
    /// <summary>The pattern as a regular expression over the whole text. A null escape means backslash.</summary>
    internal static string ToRegex(string pattern, string? escape)
    {
        string mark = escape ?? "\\";
        if (mark.Length > 1)
        {
            throw new DbException(SqlStates.InvalidEscapeSequence, "invalid escape string", hint: "Escape string must be empty or one character.");
        }

        var result = new StringBuilder("^(?:");
        bool inBracket = false;
        int marks = 0;
        for (int i = 0; i < pattern.Length; i++)
        {
            char c = pattern[i];
            if (mark.Length == 1 && c == mark[0])
            {
                if (++i >= pattern.Length)
                {
                    throw new DbException(SqlStates.InvalidEscapeSequence, "invalid escape string");
                }

                result.Append(pattern[i] == '"' && !inBracket ? Separator(++marks) : Quoted(pattern[i]));
            }
            else if (inBracket)
            {
                inBracket = c != ']';
                result.Append(c == '\\' ? "\\\\" : c.ToString());
            }
            else
            {
                inBracket = c == '[';
                result.Append(c switch
                {
                    '%' => ".*",
                    '_' => ".",
                    '(' => "(?:",
                    '\\' or '.' or '^' or '$' => "\\" + c,
                    _ => c.ToString(),
                });
            }
        }

        return result.Append(")$").ToString();
    }

    private static string Quoted(char c) => char.IsLetterOrDigit(c) ? c.ToString() : "\\" + c;

    /// <summary>Around the wanted part: what stands before takes as little as it can, the part as well.</summary>
    private static string Separator(int number) => number switch
    {
        1 => "){1,1}?(",
        2 => "){1,1}(?:",
        _ => throw new DbException("2200C", "SQL regular expression may not contain more than two escape-double-quote separators"),
    };

    /// <summary>substring(text similar pattern escape e): the marked part (or all) of a text that matches; null when it does not.</summary>
    internal static string? Substring(string text, string pattern, string escape)
    {
        string regex = ToRegex(pattern, escape);
        return RegexPattern.Guarded(() =>
        {
            Match match = RegexPattern.Get(regex).Match(text);
            return !match.Success ? null : match.Groups.Count > 1 ? match.Groups[1].Value : match.Value;
        });
    }
}
