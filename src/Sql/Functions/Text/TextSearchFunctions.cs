using System.Text;
using System.Text.RegularExpressions;
using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>Positions, LIKE and SIMILAR forms, regular expressions.</summary>
internal static class TextSearchFunctions
{
    internal static void Add(FunctionBuilder builder)
    {
        SqlType text = SqlType.Text;
        builder.Binary("strpos", text, text, SqlType.Int4, (a, b) => Datum.Int(Position(a.AsText, b.AsText)));

        // position(part in text) is position(text, part), as the parser writes it
        builder.Binary("position", text, text, SqlType.Int4, (a, b) => Datum.Int(Position(a.AsText, b.AsText)));
        builder.Binary("starts_with", text, text, SqlType.Bool, (a, b) => Datum.Bool(a.AsText.StartsWith(b.AsText, StringComparison.Ordinal)));
        AddPatterns(builder, text);
        AddReplace(builder, text);
        AddMatches(builder, text);
    }

    internal static int Position(string text, string part)
    {
        int unit = text.IndexOf(part, StringComparison.Ordinal);
        return unit < 0 ? 0 : TextFunctions.CountCharacters(text[..unit]) + 1;
    }

    private static void AddPatterns(FunctionBuilder builder, SqlType text)
    {
        builder.Binary("like", text, text, SqlType.Bool, (a, b) => Datum.Bool(LikePattern.Get(b.AsText).Matches(a.AsText)));
        builder.Scalar("like", [text, text, text], SqlType.Bool, (a, _) => Datum.Bool(LikePattern.Get(LikePattern.WithEscape(a[1].AsText, a[2].AsText)).Matches(a[0].AsText)));
        builder.Binary("notlike", text, text, SqlType.Bool, (a, b) => Datum.Bool(!LikePattern.Get(b.AsText).Matches(a.AsText)));
        builder.Binary("like_escape", text, text, text, (a, b) => Datum.Text(LikePattern.WithEscape(a.AsText, b.AsText)));
        builder.Unary("similar_to_escape", text, text, a => Datum.Text(SimilarPattern.ToRegex(a.AsText, null)));
        builder.Binary("similar_to_escape", text, text, text, (a, b) => Datum.Text(SimilarPattern.ToRegex(a.AsText, b.AsText)));

        // substring(text from 'posix'); substring(text similar p escape e)
        builder.Binary("substring", text, text, text, (a, b) => PosixSubstring(a.AsText, b.AsText));
        foreach (string name in new[] { "substring", "substring_similar" })
        {
            builder.Scalar(name, [text, text, text], text, (a, _) =>
                SimilarPattern.Substring(a[0].AsText, a[1].AsText, a[2].AsText) is { } part ? Datum.Text(part) : Datum.Null);
        }
    }

    private static Datum PosixSubstring(string text, string pattern) => RegexPattern.Guarded(() =>
    {
        Match match = RegexPattern.Get(pattern).Match(text);
        if (!match.Success)
        {
            return Datum.Null;
        }

        Group group = match.Groups.Count > 1 ? match.Groups[1] : match;
        return group.Success ? Datum.Text(group.Value) : Datum.Null;
    });

    private static void AddReplace(FunctionBuilder builder, SqlType text)
    {
        SqlType int8 = SqlType.Int8;
        builder.Scalar("regexp_replace", [text, text, text], text, (a, _) => Replace(a[0].AsText, a[1].AsText, a[2].AsText, 1, 1, ""));
        builder.Scalar("regexp_replace", [text, text, text, text], text, (a, _) =>
            Replace(a[0].AsText, a[1].AsText, a[2].AsText, 1, a[3].AsText.Contains('g') ? 0 : 1, a[3].AsText));
        builder.Scalar("regexp_replace", [text, text, text, int8], text, (a, _) => Replace(a[0].AsText, a[1].AsText, a[2].AsText, a[3].AsInt, 1, ""));
        builder.Scalar("regexp_replace", [text, text, text, int8, int8], text, (a, _) => Replace(a[0].AsText, a[1].AsText, a[2].AsText, a[3].AsInt, a[4].AsInt, ""));
        builder.Scalar("regexp_replace", [text, text, text, int8, int8, text], text, (a, _) =>
            Replace(a[0].AsText, a[1].AsText, a[2].AsText, a[3].AsInt, a[4].AsInt, a[5].AsText));
    }

    /// <param name="which">Number of the match to replace from 1; 0 replaces all.</param>
    private static Datum Replace(string text, string pattern, string replacement, long start, long which, string flags)
    {
        if (start < 1 || which < 0)
        {
            throw new DbException(SqlStates.InvalidParameterValue, $"invalid value for parameter \"{(start < 1 ? "start" : "n")}\": {(start < 1 ? start : which)}");
        }

        return RegexPattern.Guarded(() =>
        {
            var result = new StringBuilder();
            int copied = 0;
            long number = 0;
            for (Match match = RegexPattern.Get(pattern, flags).Match(text, TextFunctions.UnitOf(text, start - 1)); match.Success; match = match.NextMatch())
            {
                number++;
                if (which != 0 && number != which)
                {
                    continue;
                }

                result.Append(text, copied, match.Index - copied);
                AppendReplacement(result, replacement, match);
                copied = match.Index + match.Length;
                if (which != 0)
                {
                    break;
                }
            }

            return Datum.Text(result.Append(text, copied, text.Length - copied).ToString());
        });
    }

    /// <summary><c>\1</c>..<c>\9</c> are groups, <c>\&amp;</c> the whole match, <c>\\</c> a backslash.</summary>
    private static void AppendReplacement(StringBuilder result, string replacement, Match match)
    {
        for (int i = 0; i < replacement.Length; i++)
        {
            if (replacement[i] != '\\' || i + 1 == replacement.Length)
            {
                result.Append(replacement[i]);
                continue;
            }

            char next = replacement[++i];
            _ = next switch
            {
                >= '1' and <= '9' => result.Append(match.Groups[next - '0'].Value),
                '&' => result.Append(match.Value),
                '\\' => result.Append('\\'),
                _ => result.Append('\\').Append(next),
            };
        }
    }

    private static void AddMatches(FunctionBuilder builder, SqlType text)
    {
        SqlType texts = SqlType.ArrayOf(text);
        builder.Binary("regexp_match", text, text, texts, (a, b) => FirstMatch(a.AsText, b.AsText, ""));
        builder.Scalar("regexp_match", [text, text, text], texts, (a, _) => FirstMatch(a[0].AsText, a[1].AsText, a[2].AsText));
        builder.Binary("regexp_like", text, text, SqlType.Bool, (a, b) => Datum.Bool(RegexPattern.IsMatch(a.AsText, b.AsText)));
        builder.Scalar("regexp_like", [text, text, text], SqlType.Bool, (a, _) => Datum.Bool(RegexPattern.IsMatch(a[0].AsText, a[1].AsText, a[2].AsText)));
        builder.Binary("regexp_count", text, text, SqlType.Int4, (a, b) => Datum.Int(RegexPattern.Guarded(() => RegexPattern.Get(b.AsText).Count(a.AsText))));
        builder.Binary("regexp_substr", text, text, text, (a, b) => RegexPattern.Guarded(() =>
            RegexPattern.Get(b.AsText).Match(a.AsText) is { Success: true } match ? Datum.Text(match.Value) : Datum.Null));
        builder.Binary("regexp_split_to_array", text, text, texts, (a, b) => Texts(Split(a.AsText, b.AsText, "")));
        builder.Scalar("regexp_split_to_array", [text, text, text], texts, (a, _) => Texts(Split(a[0].AsText, a[1].AsText, a[2].AsText)));
        AddSets(builder, text, texts);
    }

    private static void AddSets(FunctionBuilder builder, SqlType text, SqlType texts)
    {
        builder.Add(new FunctionDef
        {
            Name = "regexp_matches", Kind = FunctionKind.Set, Parameters = [text, text], Result = texts,
            Set = (a, _) => Matches(a[0].AsText, a[1].AsText, ""),
        });
        builder.Add(new FunctionDef
        {
            Name = "regexp_matches", Kind = FunctionKind.Set, Parameters = [text, text, text], Result = texts,
            Set = (a, _) => Matches(a[0].AsText, a[1].AsText, a[2].AsText),
        });
        builder.Add(new FunctionDef
        {
            Name = "regexp_split_to_table", Kind = FunctionKind.Set, Parameters = [text, text], Result = text,
            Set = (a, _) => Split(a[0].AsText, a[1].AsText, "").Select(part => new[] { Datum.Text(part) }),
        });
    }

    private static Datum Texts(IEnumerable<string> parts) => Datum.Array(DatumArray.Of(SqlType.Text, [.. parts.Select(Datum.Text)]));

    private static Datum FirstMatch(string text, string pattern, string flags)
    {
        if (flags.Contains('g'))
        {
            throw new DbException(SqlStates.InvalidParameterValue, "regexp_match() does not support the \"global\" option", hint: "Use the regexp_matches function instead.");
        }

        return RegexPattern.Guarded(() => RegexPattern.Get(pattern, flags).Match(text) is { Success: true } match ? Groups(match) : Datum.Null);
    }

    private static Datum Groups(Match match)
    {
        IEnumerable<Group> groups = match.Groups.Count > 1 ? match.Groups.Values.Skip(1) : [match];
        return Datum.Array(DatumArray.Of(SqlType.Text, [.. groups.Select(group => group.Success ? Datum.Text(group.Value) : Datum.Null)]));
    }

    private static IEnumerable<Datum[]> Matches(string text, string pattern, string flags)
    {
        List<Datum[]> rows = RegexPattern.Guarded(() =>
        {
            IEnumerable<Match> matches = RegexPattern.Get(pattern, flags).Matches(text);
            return (flags.Contains('g') ? matches : matches.Take(1)).Select(match => new[] { Groups(match) }).ToList();
        });
        return rows;
    }

    /// <summary>Parts between matches; empty matches split between characters.</summary>
    private static List<string> Split(string text, string pattern, string flags) => RegexPattern.Guarded(() =>
    {
        var parts = new List<string>();
        int from = 0;
        foreach (Match match in RegexPattern.Get(pattern, flags).Matches(text))
        {
            if (match.Length == 0 && (match.Index == 0 || match.Index >= text.Length || match.Index == from))
            {
                continue;
            }

            parts.Add(text[from..match.Index]);
            from = match.Index + match.Length;
        }

        parts.Add(text[from..]);
        return parts;
    });
}
