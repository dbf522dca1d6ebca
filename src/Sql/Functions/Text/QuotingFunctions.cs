using System.Globalization;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>quote_* and format.</summary>
public static class QuotingFunctions
{
    /// <summary>Words that PostgreSQL quotes although they look like plain names.</summary>
    private static readonly HashSet<string> QuotedWords =
    [
        "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between", "bigint", "binary", "bit", "boolean",
        "both", "case", "cast", "char", "character", "check", "coalesce", "collate", "collation", "column", "concurrently", "constraint", "create",
        "cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp", "current_user", "dec",
        "decimal", "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "exists", "extract", "false", "fetch", "float", "for",
        "foreign", "freeze", "from", "full", "grant", "greatest", "group", "grouping", "having", "ilike", "in", "initially", "inner", "inout", "int",
        "integer", "intersect", "interval", "into", "is", "isnull", "join", "lateral", "leading", "least", "left", "like", "limit", "localtime",
        "localtimestamp", "national", "natural", "nchar", "none", "normalize", "not", "notnull", "null", "nullif", "numeric", "offset", "on", "only",
        "or", "order", "out", "outer", "overlaps", "overlay", "placing", "position", "precision", "primary", "real", "references", "returning",
        "right", "row", "select", "session_user", "setof", "similar", "smallint", "some", "substring", "symmetric", "table", "tablesample", "then",
        "time", "timestamp", "to", "trailing", "treat", "trim", "true", "union", "unique", "user", "using", "values", "varchar", "variadic",
        "verbose", "when", "where", "window", "with", "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces",
        "xmlparse", "xmlpi", "xmlroot", "xmlserialize", "xmltable",
    ];

    internal static void Add(FunctionBuilder builder)
    {
        SqlType text = SqlType.Text;
        builder.Unary("quote_ident", text, text, a => Datum.Text(Identifier(a.AsText)));
        builder.Unary("quote_literal", text, text, a => Datum.Text(Literal(a.AsText)));
        builder.Generic("quote_literal", [SqlType.AnyElement], text, (types, _) => Quoted(types[0]), volatility: Volatility.Stable);
        builder.Generic("quote_nullable", [SqlType.AnyElement], text, (types, _) =>
        {
            ScalarBody quoted = Quoted(types[0]);
            return (arguments, context) => arguments[0].IsNull ? Datum.Text("NULL") : quoted(arguments, context);
        }, isStrict: false, volatility: Volatility.Stable);
        builder.Generic("format", [text], text, (types, _) => Format(types), SqlType.Any, isStrict: false, Volatility.Stable);
    }

    private static ScalarBody Quoted(SqlType type)
    {
        Func<Datum, EvaluationContext, string> printer = TextFunctions.Printer(type);
        return (arguments, context) => Datum.Text(Literal(printer(arguments[0], context)));
    }

    /// <summary>The name as it must be written in SQL: quoted unless it is lower case, plain and no reserved word.</summary>
    public static string Identifier(string name)
    {
        bool isPlain = name.Length > 0 && (char.IsAsciiLetterLower(name[0]) || name[0] == '_')
            && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_') && !QuotedWords.Contains(name);
        return isPlain ? name : "\"" + name.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";
    }

    /// <summary>The text as a SQL string literal.</summary>
    public static string Literal(string text)
    {
        string doubled = text.Replace("'", "''", StringComparison.Ordinal);
        return doubled.Contains('\\') ? $"E'{doubled.Replace("\\", "\\\\", StringComparison.Ordinal)}'" : $"'{doubled}'";
    }

    private static ScalarBody Format(IReadOnlyList<SqlType> types)
    {
        Func<Datum, EvaluationContext, string>[] printers = [.. types.Select(TextFunctions.Printer)];
        return (arguments, context) =>
        {
            if (arguments[0].IsNull)
            {
                return Datum.Null;
            }

            var texts = new string?[arguments.Length];
            for (int i = 1; i < texts.Length; i++)
            {
                texts[i] = arguments[i].IsNull ? null : printers[i](arguments[i], context);
            }

            return Datum.Text(new FormatRun(arguments[0].AsText, texts).Run());
        };
    }

    /// <summary>One call of format: <c>%[position$][-][width]type</c> with types s, I, L and %%.</summary>
    private sealed class FormatRun(string format, string?[] texts)
    {
        private readonly StringBuilder result = new();
        private int at;
        private int next = 1;

        internal string Run()
        {
            while (at < format.Length)
            {
                char c = format[at++];
                if (c != '%')
                {
                    result.Append(c);
                }
                else if (at >= format.Length)
                {
                    throw Invalid("unterminated format() type specifier", "For a single \"%\" use \"%%\".");
                }
                else if (format[at] == '%')
                {
                    result.Append('%');
                    at++;
                }
                else
                {
                    Specifier();
                }
            }

            return result.ToString();
        }

        private void Specifier()
        {
            int? number = Number();
            int? position = null;
            int width = 0;
            bool isLeft = false;
            if (number is not null && at < format.Length && format[at] == '$')
            {
                at++;
                position = number;
                number = null;
            }

            if (number is null)
            {
                while (at < format.Length && format[at] == '-')
                {
                    isLeft = true;
                    at++;
                }

                width = at < format.Length && format[at] == '*' ? StarWidth() : Number() ?? 0;
            }
            else
            {
                width = number.Value;
            }

            if (at >= format.Length)
            {
                throw Invalid("unterminated format() type specifier", "For a single \"%\" use \"%%\".");
            }

            char type = format[at++];
            string text = Convert(type, Take(position));
            result.Append(isLeft || width < 0 ? text.PadRight(Math.Abs(width)) : text.PadLeft(width));
        }

        private int StarWidth()
        {
            at++;
            string? text = Take(null);
            return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int width) && Math.Abs(width) <= 1_000_000
                ? width
                : text is null ? 0 : throw Invalid("number is out of range", null);
        }

        private int? Number()
        {
            int start = at;
            while (at < format.Length && char.IsAsciiDigit(format[at]))
            {
                at++;
            }

            return start == at ? null
                : int.TryParse(format.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value <= 1_000_000 ? value
                : throw Invalid("number is out of range", null);
        }

        private string? Take(int? position)
        {
            if (position == 0)
            {
                throw Invalid("format specifies argument 0, but arguments are numbered from 1", null);
            }

            int index = position ?? next;
            next = index + 1;
            return index < texts.Length ? texts[index] : throw Invalid("too few arguments for format()", null);
        }

        private static string Convert(char type, string? text) => type switch
        {
            's' => text ?? "",
            'I' => text is null ? throw new DbException("22004", "null values cannot be formatted as an SQL identifier") : Identifier(text),
            'L' => text is null ? "NULL" : Literal(text),
            _ => throw Invalid($"unrecognized format() type specifier \"{type}\"", "For a single \"%\" use \"%%\"."),
        };

        private static DbException Invalid(string message, string? hint) => new(SqlStates.InvalidParameterValue, message, hint: hint);
    }
}
