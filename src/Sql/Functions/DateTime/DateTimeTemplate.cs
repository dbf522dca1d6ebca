using System.Collections.Concurrent;
using System.Text;

namespace Picodata.Sql.Functions;

/// <summary>One piece of a date template: a pattern with its modifiers, or literal text (empty pattern).</summary>
/// <param name="Pattern">The pattern as written where its case matters (<c>Month</c>), else in upper case; empty for literals.</param>
/// <param name="Literal">Text that is printed as it is.</param>
/// <param name="NoPadding">FM was in front.</param>
/// <param name="Ordinal">TH or th behind, or empty.</param>
internal readonly record struct TemplatePart(string Pattern, string Literal, bool NoPadding = false, string Ordinal = "");

/// <summary>
/// PostgreSQL's date templates: patterns such as <c>YYYY-MM-DD HH24:MI:SS</c>, prefixes FM, FX and TM, suffixes TH and th, text in
/// double quotes and behind backslashes; everything else stands for itself.
/// </summary>
internal static class DateTimeTemplate
{
    /// <summary>Patterns whose letters' case chooses the case of the output; longer ones before their beginnings.</summary>
    private static readonly string[] CasedPatterns =
        ["MONTH", "Month", "month", "MON", "Mon", "mon", "DAY", "Day", "day", "DY", "Dy", "dy", "A.M.", "P.M.", "a.m.", "p.m.", "AM", "PM", "am", "pm",
         "B.C.", "A.D.", "b.c.", "a.d.", "BC", "AD", "bc", "ad", "RM", "rm", "TZH", "TZM", "TZ", "tz", "OF"];

    private static readonly string[] PlainPatterns =
        ["HH24", "HH12", "HH", "MI", "SSSSS", "SSSS", "SS", "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "Y,YYY", "YYYY", "YYY", "YY", "Y",
         "IYYY", "IYY", "IY", "IDDD", "IW", "ID", "I", "MM", "DDD", "DD", "D", "WW", "W", "CC", "J", "Q"];

    private static readonly ConcurrentDictionary<string, TemplatePart[]> Cache = new();

    internal static TemplatePart[] Get(string template)
    {
        if (Cache.TryGetValue(template, out TemplatePart[]? parts))
        {
            return parts;
        }

        if (Cache.Count > 256)
        {
            Cache.Clear();
        }

        return Cache[template] = Parse(template);
    }

    private static TemplatePart[] Parse(string template)
    {
        var parts = new List<TemplatePart>();
        int at = 0;
        bool noPadding = false;
        while (at < template.Length)
        {
            if (StartsWith(template, at, "FM") || StartsWith(template, at, "FX") || StartsWith(template, at, "TM"))
            {
                noPadding |= char.ToUpperInvariant(template[at]) == 'F' && char.ToUpperInvariant(template[at + 1]) == 'M';
                at += 2;
                continue;
            }

            string? pattern = PatternAt(template, at);
            if (pattern is null)
            {
                parts.Add(new TemplatePart("", Literal(template, ref at)));
                noPadding = false;
                continue;
            }

            at += pattern.Length;
            string ordinal = StartsWith(template, at, "TH") ? template.Substring(at, 2) : "";
            at += ordinal.Length;
            parts.Add(new TemplatePart(pattern, "", noPadding, ordinal));
            noPadding = false;
        }

        return [.. parts];
    }

    private static bool StartsWith(string text, int at, string word) => string.Compare(text, at, word, 0, word.Length, StringComparison.OrdinalIgnoreCase) == 0;

    private static string? PatternAt(string template, int at) =>
        Array.Find(CasedPatterns, pattern => string.CompareOrdinal(template, at, pattern, 0, pattern.Length) == 0)
        ?? Array.Find(PlainPatterns, pattern => StartsWith(template, at, pattern));

    private static string Literal(string template, ref int at)
    {
        if (template[at] == '"')
        {
            var quoted = new StringBuilder();
            for (at++; at < template.Length && template[at] != '"'; at++)
            {
                at += template[at] == '\\' && at + 1 < template.Length ? 1 : 0;
                quoted.Append(template[at]);
            }

            at++;
            return quoted.ToString();
        }

        if (template[at] == '\\' && at + 1 < template.Length && template[at + 1] == '"')
        {
            at++;
        }

        return template[at++].ToString();
    }
}
