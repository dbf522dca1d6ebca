using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>
/// A LIKE pattern: <c>%</c> any characters, <c>_</c> one character, an escape character (default backslash) before either
/// makes it literal. Matching keeps one point to come back to (the last <c>%</c>), so its time is at most length of text
/// times length of pattern, whatever the pattern.
/// </summary>
internal sealed class LikePattern
{
    private enum Step : byte { Literal, One, Many, Broken }

    [ThreadStatic]
    private static LikePattern? lastUsed;

    private readonly string pattern;
    private readonly bool ignoreCase;
    private readonly (Step Kind, Rune Rune)[] steps;
    private readonly string? prefix;

    private LikePattern(string pattern, bool ignoreCase)
    {
        this.pattern = pattern;
        this.ignoreCase = ignoreCase;
        steps = [.. Parse(pattern, ignoreCase)];
        prefix = LiteralPrefix();
    }

    /// <summary>The pattern in compiled form; the last one of a thread is kept, since patterns rarely change from row to row.</summary>
    internal static LikePattern Get(string pattern, bool ignoreCase = false)
    {
        LikePattern? kept = lastUsed;
        if (kept is null || kept.ignoreCase != ignoreCase || kept.pattern != pattern)
        {
            lastUsed = kept = new LikePattern(pattern, ignoreCase);
        }

        return kept;
    }

    /// <summary>Rewrites a pattern with another escape character to one with backslash (PostgreSQL's like_escape).</summary>
    internal static string WithEscape(string pattern, string escape)
    {
        if (escape.EnumerateRunes().Count() > 1)
        {
            throw new DbException(SqlStates.InvalidEscapeSequence, "invalid escape string", hint: "Escape string must be empty or one character.");
        }

        if (escape == "\\")
        {
            return pattern;
        }

        var result = new StringBuilder();
        for (int i = 0; i < pattern.Length; i++)
        {
            if (escape.Length > 0 && string.CompareOrdinal(pattern, i, escape, 0, escape.Length) == 0)
            {
                i += escape.Length;
                if (i >= pattern.Length)
                {
                    throw EndsWithEscape();
                }

                result.Append('\\').Append(pattern[i]);
            }
            else
            {
                result.Append(pattern[i] == '\\' ? "\\\\" : pattern[i].ToString());
            }
        }

        return result.ToString();
    }

    private static DbException EndsWithEscape() => new(SqlStates.InvalidEscapeSequence, "LIKE pattern must not end with escape character");

    private static IEnumerable<(Step, Rune)> Parse(string pattern, bool ignoreCase)
    {
        bool escaped = false;
        foreach (Rune rune in pattern.EnumerateRunes())
        {
            if (!escaped && rune.Value == '\\')
            {
                escaped = true;
                continue;
            }

            Step kind = escaped ? Step.Literal : rune.Value switch { '%' => Step.Many, '_' => Step.One, _ => Step.Literal };
            escaped = false;
            yield return (kind, ignoreCase ? Rune.ToLowerInvariant(rune) : rune);
        }

        if (escaped)
        {
            // an error only when a match comes this far, as in PostgreSQL
            yield return (Step.Broken, default);
        }
    }

    /// <summary>The text when the pattern is a literal with at most one <c>%</c> at its end.</summary>
    private string? LiteralPrefix()
    {
        if (ignoreCase || steps.Length == 0 || steps[^1].Kind != Step.Many)
        {
            return null;
        }

        var text = new StringBuilder();
        foreach ((Step kind, Rune rune) in steps.AsSpan(0, steps.Length - 1))
        {
            if (kind != Step.Literal)
            {
                return null;
            }

            text.Append(rune);
        }

        return text.ToString();
    }

    internal bool Matches(string text)
    {
        if (prefix is not null)
        {
            return text.StartsWith(prefix, StringComparison.Ordinal);
        }

        int at = 0, step = 0, manyStep = -1, manyAt = 0;
        while (at < text.Length)
        {
            if (step < steps.Length && steps[step].Kind == Step.Many)
            {
                manyStep = step++;
                manyAt = at;
                continue;
            }

            if (step < steps.Length && steps[step].Kind == Step.Broken)
            {
                throw EndsWithEscape();
            }

            Rune.DecodeFromUtf16(text.AsSpan(at), out Rune rune, out int used);
            if (step < steps.Length && (steps[step].Kind == Step.One || steps[step].Rune == (ignoreCase ? Rune.ToLowerInvariant(rune) : rune)))
            {
                at += used;
                step++;
            }
            else if (manyStep >= 0)
            {
                // let the last % take one character more
                Rune.DecodeFromUtf16(text.AsSpan(manyAt), out _, out int skipped);
                manyAt += skipped;
                at = manyAt;
                step = manyStep + 1;
            }
            else
            {
                return false;
            }
        }

        while (step < steps.Length && steps[step].Kind == Step.Many)
        {
            step++;
        }

        return step == steps.Length;
    }
}
