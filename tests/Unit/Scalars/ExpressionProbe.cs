using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Types;

namespace Picodata.Unit.Scalars;

/// <summary>
/// Evaluates expressions of literals, casts, operators and function calls with the operator, cast and function tables alone:
/// enough SQL to hold scalar semantics against PostgreSQL without parser, binder and executor.
/// </summary>
internal sealed class ExpressionProbe
{
    private static readonly string[] Operators =
        ["!~~*", "!~~", "!~*", "~~*", "#>>", "->>", "||/", "<=", ">=", "<>", "!=", "||", "~~", "~*", "!~", "->", "#>", "@>", "<@", "&&", "<<", ">>", "^@", "?|", "?&", "|/",
         "=", "<", ">", "+", "-", "*", "/", "%", "^", "~", "&", "|", "#", "?", "@"];

    private readonly string text;
    private readonly EvaluationContext context;
    private int at;

    private ExpressionProbe(string text, EvaluationContext context)
    {
        this.text = text;
        this.context = context;
    }

    /// <summary>A typed value.</summary>
    internal readonly record struct Value(SqlType Type, Datum Datum);

    internal static EvaluationContext NewContext() => new(new TypeContext()) { Random = new Random(1) };

    /// <summary>Output text and type name, or <c>ERR sqlstate message</c>.</summary>
    internal static string Describe(string expression, EvaluationContext? context = null)
    {
        context ??= NewContext();
        try
        {
            Value value = Evaluate(expression, context);
            SqlType type = value.Type == SqlType.Unknown ? SqlType.Text : value.Type;
            string shown = value.Datum.IsNull ? "NULL" : TypeCodec.For(type).ToText(value.Datum, context.Types);
            return $"{shown.Replace("\n", "\\n", StringComparison.Ordinal)} :: {type.DisplayName}";
        }
        catch (DbException error)
        {
            return $"ERR {error.SqlState} {error.Message}";
        }
    }

    internal static Value Evaluate(string expression, EvaluationContext context)
    {
        var probe = new ExpressionProbe(expression, context);
        Value value = probe.Binary(0);
        probe.Blanks();
        return probe.at == expression.Length ? value : throw new FormatException($"unexpected text at {probe.at} of {expression}");
    }

    private static int Precedence(string name) => name switch
    {
        "=" or "<" or ">" or "<=" or ">=" or "<>" or "!=" => 1,
        "+" or "-" => 3,
        "*" or "/" or "%" => 4,
        "^" => 5,
        _ => 2,
    };

    private Value Binary(int minimum)
    {
        Value left = Unary();
        while (true)
        {
            Blanks();
            string? name = Array.Find(Operators, candidate => string.CompareOrdinal(text, at, candidate, 0, candidate.Length) == 0);
            if (name is null || Precedence(name) <= minimum)
            {
                return left;
            }

            at += name.Length;
            Value right = Binary(Precedence(name));
            left = Apply(OperatorTable.Resolve(name, left.Type, right.Type), [left, right]);
        }
    }

    private Value Unary()
    {
        Blanks();
        if (text[at] is '-' or '+' or '~' or '@')
        {
            string name = text[at++].ToString();
            Value operand = Unary();
            return Apply(OperatorTable.ResolvePrefix(name, operand.Type), [operand]);
        }

        Value value = Primary();
        while (at + 1 < text.Length && text[at] == ':' && text[at + 1] == ':')
        {
            at += 2;
            int start = at;
            while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] is '_' or '[' or ']' or '"'))
            {
                at++;
            }

            SqlType type = TypeNames.Find(text[start..at]) ?? throw new FormatException($"no type {text[start..at]}");
            value = Cast(value, type, CastContext.Explicit);
        }

        return value;
    }

    private Value Cast(Value value, SqlType type, CastContext how) =>
        new(type, CastTable.Get(value.Type, type, how).Convert(value.Datum, context));

    private Value Primary()
    {
        char c = text[at];
        if (c == '(')
        {
            at++;
            Value inner = Binary(0);
            Expect(')');
            return inner;
        }

        if (c == '\'')
        {
            return new Value(SqlType.Unknown, Datum.Text(Quoted()));
        }

        return char.IsAsciiDigit(c) || c == '.' ? Number() : Named();
    }

    private string Quoted()
    {
        var result = new System.Text.StringBuilder();
        for (at++; text[at] != '\'' || (at + 1 < text.Length && text[at + 1] == '\''); at++)
        {
            at += text[at] == '\'' ? 1 : 0;
            result.Append(text[at]);
        }

        at++;
        return result.ToString();
    }

    private Value Number()
    {
        int start = at;
        while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] is '.' || (text[at] is 'e' && at > start)
            || (text[at] is '-' or '+' && text[at - 1] == 'e')))
        {
            at++;
        }

        string digits = text[start..at];
        return digits.All(char.IsAsciiDigit) && long.TryParse(digits, out long value)
            ? new Value(SqlType.Int8, Datum.Int(value))
            : new Value(SqlType.Numeric, Datum.Numeric(Numeric.Parse(digits)));
    }

    private Value Named()
    {
        int start = at;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_'))
        {
            at++;
        }

        string name = text[start..at].ToLowerInvariant();
        switch (name)
        {
            case "null":
                return new Value(SqlType.Unknown, Datum.Null);
            case "true" or "false":
                return new Value(SqlType.Bool, Datum.Bool(name == "true"));
        }

        bool isArray = name == "array" && text[at] == '[';
        Expect(isArray ? '[' : '(');
        var arguments = new List<Value>();
        char close = isArray ? ']' : ')';
        Blanks();
        while (text[at] != close)
        {
            arguments.Add(Binary(0));
            Blanks();
            at += text[at] == ',' ? 1 : 0;
            Blanks();
        }

        at++;
        return isArray ? MakeArray(arguments) : Apply(FunctionTable.BuiltIn.Resolve(name, [.. arguments.Select(value => value.Type)]), arguments);
    }

    private Value MakeArray(List<Value> items)
    {
        SqlType element = CastTable.CommonType([.. items.Select(item => item.Type)], "ARRAY");
        return new Value(SqlType.ArrayOf(element), Datum.Array(DatumArray.Of(element, [.. items.Select(item => Cast(item, element, CastContext.Implicit).Datum)])));
    }

    private Value Apply(ResolvedFunction function, IReadOnlyList<Value> arguments)
    {
        Datum[] values = [.. arguments.Select((argument, i) => Cast(argument, function.ArgumentTypes[i], CastContext.Implicit).Datum)];
        if (function.Kind == FunctionKind.Set)
        {
            Datum[] rows = values.Any(value => value.IsNull) ? [] : [.. function.Set!(values, context).Select(row => row[0])];
            return new Value(SqlType.ArrayOf(function.ResultType), Datum.Array(DatumArray.Of(function.ResultType, rows)));
        }

        return new Value(function.ResultType, function.Invoke(values, context));
    }

    private void Expect(char c)
    {
        Blanks();
        if (at >= text.Length || text[at] != c)
        {
            throw new FormatException($"expected {c} at {at} of {text}");
        }

        at++;
    }

    private void Blanks()
    {
        while (at < text.Length && text[at] == ' ')
        {
            at++;
        }
    }
}
