using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>Concatenation, LIKE, regular expressions.</summary>
internal static class TextOperators
{
    internal static void Add(FunctionBuilder builder)
    {
        SqlType text = SqlType.Text;
        builder.Binary("||", text, text, text, (a, b) => Datum.Text(Concat(a.AsText, b.AsText)));
        builder.Generic("||", [text, SqlType.AnyNonArray], text, (types, _) => Joined(types));
        builder.Generic("||", [SqlType.AnyNonArray, text], text, (types, _) => Joined(types));
        builder.Binary("||", SqlType.Bytea, SqlType.Bytea, SqlType.Bytea, (a, b) => Datum.Bytes([.. a.AsBytes, .. b.AsBytes]));
        builder.Binary("~~", text, text, SqlType.Bool, (a, b) => Datum.Bool(LikePattern.Get(b.AsText).Matches(a.AsText)));
        builder.Binary("!~~", text, text, SqlType.Bool, (a, b) => Datum.Bool(!LikePattern.Get(b.AsText).Matches(a.AsText)));
        builder.Binary("~~*", text, text, SqlType.Bool, (a, b) => Datum.Bool(LikePattern.Get(b.AsText, true).Matches(a.AsText)));
        builder.Binary("!~~*", text, text, SqlType.Bool, (a, b) => Datum.Bool(!LikePattern.Get(b.AsText, true).Matches(a.AsText)));
        builder.Binary("~", text, text, SqlType.Bool, (a, b) => Datum.Bool(RegexPattern.IsMatch(a.AsText, b.AsText)));
        builder.Binary("!~", text, text, SqlType.Bool, (a, b) => Datum.Bool(!RegexPattern.IsMatch(a.AsText, b.AsText)));
        builder.Binary("~*", text, text, SqlType.Bool, (a, b) => Datum.Bool(RegexPattern.IsMatch(a.AsText, b.AsText, "i")));
        builder.Binary("!~*", text, text, SqlType.Bool, (a, b) => Datum.Bool(!RegexPattern.IsMatch(a.AsText, b.AsText, "i")));
        builder.Binary("^@", text, text, SqlType.Bool, (a, b) => Datum.Bool(a.AsText.StartsWith(b.AsText, StringComparison.Ordinal)));
    }

    private static string Concat(string a, string b) =>
        (long)a.Length + b.Length <= TextFunctions.MaxLength ? a + b : throw TextFunctions.TooLong();

    /// <summary>Texts of two values of which one is no text.</summary>
    private static ScalarBody Joined(IReadOnlyList<SqlType> types)
    {
        Cast left = CastTable.Get(types[0], SqlType.Text, CastContext.Explicit);
        Cast right = CastTable.Get(types[1], SqlType.Text, CastContext.Explicit);
        return (arguments, context) => Datum.Text(Concat(left.Convert(arguments[0], context).AsText, right.Convert(arguments[1], context).AsText));
    }
}
