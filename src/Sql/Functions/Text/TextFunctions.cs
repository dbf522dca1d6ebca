using System.Globalization;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>Functions on characters. Positions and lengths count characters (code points) from 1.</summary>
internal static class TextFunctions
{
    /// <summary>UTF-16 units of a text at most.</summary>
    internal const int MaxLength = 256 * 1024 * 1024;

    internal static DbException TooLong() => new(SqlStates.ProgramLimitExceeded, "requested length too large");

    internal static void Add(FunctionBuilder builder)
    {
        SqlType text = SqlType.Text;
        foreach (string name in new[] { "length", "char_length", "character_length" })
        {
            builder.Unary(name, text, SqlType.Int4, a => Datum.Int(CountCharacters(a.AsText)));
        }

        builder.Unary("octet_length", text, SqlType.Int4, a => Datum.Int(Encoding.UTF8.GetByteCount(a.AsText)));
        builder.Unary("bit_length", text, SqlType.Int4, a => Datum.Int(Encoding.UTF8.GetByteCount(a.AsText) * 8L));
        builder.Unary("lower", text, text, a => Datum.Text(a.AsText.ToLowerInvariant()));
        builder.Unary("upper", text, text, a => Datum.Text(a.AsText.ToUpperInvariant()));
        builder.Unary("initcap", text, text, a => Datum.Text(Capitalize(a.AsText)));
        builder.Unary("reverse", text, text, a => Datum.Text(string.Concat(a.AsText.EnumerateRunes().Reverse().Select(rune => rune.ToString()))));
        AddParts(builder, text);
        AddTrims(builder, text);
        AddBuilders(builder, text);
    }

    private static void AddParts(FunctionBuilder builder, SqlType text)
    {
        SqlType int8 = SqlType.Int8;
        foreach (string name in new[] { "substr", "substring" })
        {
            builder.Binary(name, text, int8, text, (a, b) => Datum.Text(Substring(a.AsText, b.AsInt, long.MaxValue)));
            builder.Scalar(name, [text, int8, int8], text, (a, _) => Datum.Text(Substring(a[0].AsText, a[1].AsInt, Length(a[2].AsInt))));
        }

        builder.Binary("left", text, int8, text, (a, b) => Datum.Text(Left(a.AsText, b.AsInt)));
        builder.Binary("right", text, int8, text, (a, b) => Datum.Text(Right(a.AsText, b.AsInt)));
        builder.Scalar("overlay", [text, text, int8], text, (a, _) => Datum.Text(Overlay(a[0].AsText, a[1].AsText, a[2].AsInt, CountCharacters(a[1].AsText))));
        builder.Scalar("overlay", [text, text, int8, int8], text, (a, _) => Datum.Text(Overlay(a[0].AsText, a[1].AsText, a[2].AsInt, a[3].AsInt)));
        builder.Scalar("split_part", [text, text, int8], text, (a, _) => Datum.Text(SplitPart(a[0].AsText, a[1].AsText, a[2].AsInt)));
    }

    private static long Length(long length) => length >= 0
        ? length
        : throw new DbException(SqlStates.SubstringError, "negative substring length not allowed");

    private static void AddTrims(FunctionBuilder builder, SqlType text)
    {
        foreach ((string name, bool left, bool right) in new[] { ("ltrim", true, false), ("rtrim", false, true), ("btrim", true, true) })
        {
            builder.Unary(name, text, text, a => Datum.Text(Trim(a.AsText, " ", left, right)));
            builder.Binary(name, text, text, text, (a, b) => Datum.Text(Trim(a.AsText, b.AsText, left, right)));
        }
    }

    private static void AddBuilders(FunctionBuilder builder, SqlType text)
    {
        SqlType int8 = SqlType.Int8;
        builder.Binary("lpad", text, int8, text, (a, b) => Datum.Text(Pad(a.AsText, b.AsInt, " ", true)));
        builder.Binary("rpad", text, int8, text, (a, b) => Datum.Text(Pad(a.AsText, b.AsInt, " ", false)));
        builder.Scalar("lpad", [text, int8, text], text, (a, _) => Datum.Text(Pad(a[0].AsText, a[1].AsInt, a[2].AsText, true)));
        builder.Scalar("rpad", [text, int8, text], text, (a, _) => Datum.Text(Pad(a[0].AsText, a[1].AsInt, a[2].AsText, false)));
        builder.Binary("repeat", text, int8, text, (a, b) => Datum.Text(Repeat(a.AsText, b.AsInt)));
        builder.Scalar("replace", [text, text, text], text, (a, _) => Datum.Text(Replace(a[0].AsText, a[1].AsText, a[2].AsText)));
        builder.Scalar("translate", [text, text, text], text, (a, _) => Datum.Text(Translate(a[0].AsText, a[1].AsText, a[2].AsText)));
        builder.Unary("chr", int8, text, a => Datum.Text(Chr(a.AsInt)));
        builder.Unary("ascii", text, SqlType.Int4, a => Datum.Int(a.AsText.Length == 0 ? 0 : char.ConvertToUtf32(a.AsText, 0)));
        builder.Unary("to_hex", int8, text, a => Datum.Text(a.AsInt.ToString("x", CultureInfo.InvariantCulture)));
        builder.Unary("to_hex", SqlType.Int4, text, a => Datum.Text(((int)a.AsInt).ToString("x", CultureInfo.InvariantCulture)));
        builder.Generic("concat", [], text, (types, _) => Concat(types, null), SqlType.Any, isStrict: false, Volatility.Stable);
        builder.Generic("concat_ws", [text], text, (types, _) => Concat(types, 0), SqlType.Any, isStrict: false, Volatility.Stable);
    }

    internal static int CountCharacters(string text)
    {
        int count = text.Length;
        for (int i = text.AsSpan().IndexOfAnyInRange('\udc00', '\udfff'); i >= 0 && i < text.Length; i++)
        {
            count -= char.IsLowSurrogate(text[i]) ? 1 : 0;
        }

        return count;
    }

    /// <summary>Index of the UTF-16 unit where a character (from 0) begins, or the length.</summary>
    internal static int UnitOf(string text, long character)
    {
        if (character <= 0)
        {
            return 0;
        }

        if (text.AsSpan().IndexOfAnyInRange('\ud800', '\udfff') < 0)
        {
            return (int)Math.Min(character, text.Length);
        }

        int unit = 0;
        for (; character > 0 && unit < text.Length; character--)
        {
            unit += char.IsHighSurrogate(text[unit]) && unit + 1 < text.Length ? 2 : 1;
        }

        return unit;
    }

    internal static string Substring(string text, long from, long count)
    {
        long end = count > long.MaxValue - Math.Abs(from) ? long.MaxValue : from + count;
        long start = Math.Max(from, 1);
        if (end <= start)
        {
            return "";
        }

        int first = UnitOf(text, start - 1);
        int last = end - 1 >= text.Length ? text.Length : UnitOf(text, end - 1);
        return first >= last ? "" : text[first..last];
    }

    private static string Left(string text, long count) =>
        count >= 0 ? text[..UnitOf(text, count)] : text[..UnitOf(text, Math.Max(0, CountCharacters(text) + count))];

    private static string Right(string text, long count)
    {
        int length = CountCharacters(text);
        return count >= 0 ? text[UnitOf(text, Math.Max(0, length - count))..] : text[UnitOf(text, -Math.Max(count, -length))..];
    }

    private static string Overlay(string text, string part, long from, long count)
    {
        if (from <= 0)
        {
            throw new DbException(SqlStates.SubstringError, "negative substring length not allowed");
        }

        return text[..UnitOf(text, from - 1)] + part + text[UnitOf(text, Math.Min(from - 1 + count, int.MaxValue))..];
    }

    private static string SplitPart(string text, string separator, long field)
    {
        if (field == 0)
        {
            throw new DbException(SqlStates.InvalidParameterValue, "field position must not be zero");
        }

        string[] parts = separator.Length == 0 ? [text] : text.Split(separator);
        long index = field > 0 ? field - 1 : parts.Length + field;
        return index >= 0 && index < parts.Length ? parts[index] : "";
    }

    internal static string Trim(string text, string set, bool left, bool right)
    {
        int start = 0, end = text.Length;
        if (set.AsSpan().IndexOfAnyInRange('\ud800', '\udfff') >= 0)
        {
            return TrimRunes(text, set, left, right);
        }

        while (left && start < end && set.Contains(text[start]))
        {
            start++;
        }

        while (right && end > start && set.Contains(text[end - 1]))
        {
            end--;
        }

        return text[start..end];
    }

    private static string TrimRunes(string text, string set, bool left, bool right)
    {
        HashSet<Rune> runes = [.. set.EnumerateRunes()];
        IEnumerable<Rune> rest = text.EnumerateRunes();
        rest = left ? rest.SkipWhile(runes.Contains) : rest;
        rest = right ? rest.Reverse().SkipWhile(runes.Contains).Reverse() : rest;
        return string.Concat(rest.Select(rune => rune.ToString()));
    }

    private static string Pad(string text, long length, string fill, bool isLeft)
    {
        if (length > MaxLength)
        {
            throw TooLong();
        }

        int have = CountCharacters(text);
        if (length <= have || fill.Length == 0)
        {
            return text[..UnitOf(text, Math.Max(0, length))];
        }

        int missing = (int)length - have;
        int fillLength = CountCharacters(fill);
        string padding = Repeat(fill, missing / fillLength) + fill[..UnitOf(fill, missing % fillLength)];
        return isLeft ? padding + text : text + padding;
    }

    internal static string Repeat(string text, long count)
    {
        if (count <= 0 || text.Length == 0)
        {
            return "";
        }

        return count <= MaxLength / text.Length
            ? text.Length == 1 ? new string(text[0], (int)count) : new StringBuilder(text.Length * (int)count).Insert(0, text, (int)count).ToString()
            : throw TooLong();
    }

    private static string Replace(string text, string from, string to)
    {
        if (from.Length == 0)
        {
            return text;
        }

        long count = to.Length > from.Length ? text.AsSpan().Count(from) : 0;
        return text.Length + count * (to.Length - from.Length) <= MaxLength ? text.Replace(from, to, StringComparison.Ordinal) : throw TooLong();
    }

    private static string Translate(string text, string from, string to)
    {
        var map = new Dictionary<Rune, Rune?>();
        Rune[] targets = [.. to.EnumerateRunes()];
        int position = 0;
        foreach (Rune source in from.EnumerateRunes())
        {
            map.TryAdd(source, position < targets.Length ? targets[position] : null);
            position++;
        }

        var result = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append(map.TryGetValue(rune, out Rune? target) ? target?.ToString() : rune.ToString());
        }

        return result.ToString();
    }

    private static string Chr(long code) => code switch
    {
        0 => throw new DbException(SqlStates.ProgramLimitExceeded, "null character not permitted"),
        _ when code is > 0 and <= int.MaxValue && Rune.IsValid((int)code) => new Rune((int)code).ToString(),
        _ => throw new DbException(SqlStates.ProgramLimitExceeded, code < 0 ? "character number must be positive" : "requested character too large for encoding: " + code.ToString(CultureInfo.InvariantCulture)),
    };

    private static string Capitalize(string text)
    {
        var result = new StringBuilder(text.Length);
        bool inWord = false;
        foreach (char c in text)
        {
            result.Append(inWord ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            inWord = char.IsLetterOrDigit(c);
        }

        return result.ToString();
    }

    /// <summary>Texts of all arguments that are not NULL, with the separator at position <paramref name="separator"/> between.</summary>
    private static ScalarBody Concat(IReadOnlyList<SqlType> types, int? separator)
    {
        Func<Datum, EvaluationContext, string>[] printers = [.. types.Select(Printer)];
        return (arguments, context) =>
        {
            string between = "";
            if (separator is { } index)
            {
                if (arguments[index].IsNull)
                {
                    return Datum.Null;
                }

                between = arguments[index].AsText;
            }

            var text = new StringBuilder();
            bool any = false;
            for (int i = separator is null ? 0 : 1; i < arguments.Length; i++)
            {
                if (!arguments[i].IsNull)
                {
                    text.Append(any ? between : "").Append(printers[i](arguments[i], context));
                    any = true;
                }
            }

            return text.Length <= MaxLength ? Datum.Text(text.ToString()) : throw TooLong();
        };
    }

    /// <summary>Prints values of a type by its output function (bool as t and f).</summary>
    internal static Func<Datum, EvaluationContext, string> Printer(SqlType type)
    {
        if (type.Kind == DatumKind.Text)
        {
            return (value, _) => value.AsText;
        }

        Types.TypeCodec codec = Types.TypeCodec.For(type);
        return (value, context) => codec.ToText(value, context.Types);
    }
}
