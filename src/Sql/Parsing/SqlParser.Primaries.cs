using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>Primary expressions: constants, columns, calls, brackets, special forms, types.</summary>
public sealed partial class SqlParser
{
    private Expr ParsePrimary()
    {
        int position = Position;
        switch (Kind)
        {
            case TokenKind.Integer or TokenKind.Decimal or TokenKind.Float:
                return ParseNumber();
            case TokenKind.String or TokenKind.EscapeString or TokenKind.DollarString:
                return new LiteralExpr(Datum.Text(StringValue()), SqlType.Unknown) { Position = position };
            case TokenKind.BitString:
                throw ErrorAt(position, "bit strings are not supported", SqlStates.FeatureNotSupported);
            case TokenKind.Parameter or TokenKind.Question:
                return ParseParameter();
            case TokenKind.LeftParen:
                return FromParenthesized(ParseParenthesized(), position);
            case TokenKind.Star:
                _at++;
                return new StarExpr([]) { Position = position };
            case TokenKind.Word:
                return Word == Keyword.None ? ParseNamed() : ParseKeywordPrimary();
            case TokenKind.QuotedWord:
                return ParseNamed();
            default:
                throw SyntaxError();
        }
    }

    private static Expr FromParenthesized((Query? Query, List<Expr>? Items) content, int position) =>
        content.Query is { } query ? new SubqueryExpr(query) { Position = position }
        : content.Items!.Count == 1 ? content.Items[0]
        : new RowExpr(content.Items) { Position = position };

    private bool StartsQuery(in Token token) => token.Keyword is Keyword.Select or Keyword.Values or Keyword.With
        || (token.Keyword == Keyword.Table && token.Kind == TokenKind.Word);

    /// <summary>True when the brackets at the present token, however many, hold a query at their innermost start.</summary>
    private bool LeadsToQuery()
    {
        int at = _at;
        while (_tokens[at].Kind == TokenKind.LeftParen)
        {
            at++;
        }

        return StartsQuery(in _tokens[at]);
    }

    /// <summary>
    /// What stands in brackets: a query, or a list of expressions. Which of the two <c>((select 1) ...</c> is shows only behind the inner
    /// brackets; it is decided there, so that nothing is parsed twice.
    /// </summary>
    private (Query? Query, List<Expr>? Items) ParseParenthesized()
    {
        Enter();
        Expect(TokenKind.LeftParen);
        (Query? Query, List<Expr>? Items) result;
        if (StartsQuery(in _tokens[_at]))
        {
            result = (ParseQuery(), null);
        }
        else if (Kind == TokenKind.LeftParen && LeadsToQuery())
        {
            result = ParseNestedParenthesized();
        }
        else
        {
            result = (null, ExprList());
        }

        Expect(TokenKind.RightParen);
        Leave();
        return result;
    }

    private (Query? Query, List<Expr>? Items) ParseNestedParenthesized()
    {
        int position = Position;
        (Query? Query, List<Expr>? Items) inner = ParseParenthesized();
        if (inner.Query is { } query && (Kind == TokenKind.RightParen || ContinuesQuery()))
        {
            return (ContinueQuery(null, new NestedBody(query) { Position = position }, position), null);
        }

        Expr first = ParsePostfix(FromParenthesized(inner, position));
        Grow();
        first = ParseInfix(first, 0);
        var items = new List<Expr> { first };
        while (Accept(TokenKind.Comma))
        {
            items.Add(ParseExpr());
        }

        return (null, items);
    }

    private List<Expr> ExprList()
    {
        var items = new List<Expr>(1);
        do
        {
            items.Add(ParseExpr());
        }
        while (Accept(TokenKind.Comma));
        return items;
    }

    private Query ParenthesizedQuery()
    {
        if (Kind != TokenKind.LeftParen || !LeadsToQuery())
        {
            throw SyntaxError(in Peek(1));
        }

        (Query? query, _) = ParseParenthesized();
        return query ?? throw SyntaxError();
    }

    private Expr ParseKeywordPrimary()
    {
        int position = Position;
        Keyword word = Word;
        switch (word)
        {
            case Keyword.Null:
                _at++;
                return new LiteralExpr(Datum.Null, SqlType.Unknown) { Position = position };
            case Keyword.True or Keyword.False:
                _at++;
                return new LiteralExpr(Datum.Bool(word == Keyword.True), SqlType.Bool) { Position = position };
            case Keyword.Default:
                _at++;
                return new DefaultExpr { Position = position };
            case Keyword.Case:
                return ParseCase();
            case Keyword.Cast:
                return ParseCast();
            case Keyword.Array:
                return ParseArray();
            case Keyword.Current_Date or Keyword.Current_Time or Keyword.Current_Timestamp or Keyword.LocalTime or Keyword.LocalTimestamp:
                return ParseTimeValue(position);
            case Keyword.Current_User or Keyword.Session_User or Keyword.User or Keyword.Current_Role or Keyword.Current_Catalog:
                return Call(TakeWord(), position);
            case Keyword.Current_Schema when Peek(1).Kind != TokenKind.LeftParen:
                return Call(TakeWord(), position);
        }

        if (Keywords.IsReserved(word))
        {
            throw SyntaxError();
        }

        if (Peek(1).Kind == TokenKind.LeftParen)
        {
            Expr? special = ParseSpecialCall(word, position);
            if (special is not null)
            {
                return special;
            }
        }

        return Keywords.IsColumnName(word) && TryTypedLiteral() is { } literal ? literal : ParseNamed();
    }

    /// <summary>Calls with a grammar of their own; null when the word is none of them.</summary>
    private Expr? ParseSpecialCall(Keyword word, int position)
    {
        switch (word)
        {
            case Keyword.Exists:
                _at++;
                return new ExistsExpr(ParenthesizedQuery()) { Position = position };
            case Keyword.Row:
                _at++;
                return new RowExpr(CallArguments()) { Position = position };
            case Keyword.Extract:
                return ParseExtract(position);
            case Keyword.Position:
                return ParsePositionCall(position);
            case Keyword.Substring:
                return ParseSubstring(position);
            case Keyword.Overlay:
                return ParseOverlay(position);
            case Keyword.Trim:
                return ParseTrim(position);
            case Keyword.Coalesce or Keyword.NullIf or Keyword.Greatest or Keyword.Least:
                return Call(TakeWord(), position, [.. CallArguments()]);
            case Keyword.Grouping:
                return Call(TakeWord(), position, [.. CallArguments()]);
            default:
                return null;
        }
    }

    /// <summary>A list in brackets that may be empty.</summary>
    private List<Expr> CallArguments()
    {
        Expect(TokenKind.LeftParen);
        if (Accept(TokenKind.RightParen))
        {
            return [];
        }

        List<Expr> items = ExprList();
        Expect(TokenKind.RightParen);
        return items;
    }

    private Expr ParseCase()
    {
        int position = Position;
        Expect(Keyword.Case);
        Expr? operand = Word == Keyword.When ? null : ParseExpr();
        var whens = new List<CaseWhen>();
        while (Accept(Keyword.When))
        {
            Expr when = ParseExpr();
            Expect(Keyword.Then);
            whens.Add(new CaseWhen(when, ParseExpr()));
        }

        if (whens.Count == 0)
        {
            throw SyntaxError();
        }

        Expr? otherwise = Accept(Keyword.Else) ? ParseExpr() : null;
        Expect(Keyword.End);
        return new CaseExpr(operand, whens, otherwise) { Position = position };
    }

    private Expr ParseCast()
    {
        int position = Position;
        Expect(Keyword.Cast);
        Expect(TokenKind.LeftParen);
        Expr operand = ParseExpr();
        Expect(Keyword.As);
        TypeName type = ParseTypeName();
        Expect(TokenKind.RightParen);
        return new CastExpr(operand, type) { Position = position };
    }

    private Expr ParseArray()
    {
        int position = Position;
        Expect(Keyword.Array);
        return Kind == TokenKind.LeftParen
            ? new ArrayQueryExpr(ParenthesizedQuery()) { Position = position }
            : ParseArrayItems();
    }

    /// <summary><c>[a, b]</c> or <c>[[a], [b]]</c>.</summary>
    private ArrayExpr ParseArrayItems()
    {
        int position = Position;
        Enter();
        Expect(TokenKind.LeftBracket);
        var items = new List<Expr>();
        while (Kind != TokenKind.RightBracket)
        {
            items.Add(Kind == TokenKind.LeftBracket ? ParseArrayItems() : ParseExpr());
            if (!Accept(TokenKind.Comma))
            {
                break;
            }

            if (Kind == TokenKind.RightBracket)
            {
                throw SyntaxError();
            }
        }

        Expect(TokenKind.RightBracket);
        Leave();
        return new ArrayExpr(items) { Position = position };
    }

    private Expr ParseTimeValue(int position)
    {
        string name = TakeWord();
        if (name == "current_date" || Kind != TokenKind.LeftParen)
        {
            return Call(name, position);
        }

        Expect(TokenKind.LeftParen);
        Expr precision = Kind == TokenKind.Integer ? ParseNumber() : throw SyntaxError();
        Expect(TokenKind.RightParen);
        return Call(name, position, precision);
    }

    private Expr ParseExtract(int position)
    {
        _at++;
        Expect(TokenKind.LeftParen);
        int fieldPosition = Position;
        string field = Kind is TokenKind.String or TokenKind.EscapeString ? StringValue() : Label();
        Expect(Keyword.From);
        Expr source = ParseExpr();
        Expect(TokenKind.RightParen);
        return Call("extract", position, new LiteralExpr(Datum.Text(field), SqlType.Unknown) { Position = fieldPosition }, source);
    }

    private Expr ParsePositionCall(int position)
    {
        _at++;
        Expect(TokenKind.LeftParen);
        Expr part = ParseExpr(MatchLevel + 1);
        Expect(Keyword.In);
        Expr whole = ParseExpr(MatchLevel + 1);
        Expect(TokenKind.RightParen);
        return Call("position", position, whole, part);
    }

    private Expr ParseSubstring(int position)
    {
        _at++;
        Expect(TokenKind.LeftParen);
        Expr text = ParseExpr();
        Expr result;
        if (Accept(Keyword.From))
        {
            Expr from = ParseExpr();
            result = Accept(Keyword.For) ? Call("substring", position, text, from, ParseExpr()) : Call("substring", position, text, from);
        }
        else if (Accept(Keyword.For))
        {
            Expr length = ParseExpr();
            Expr from = Accept(Keyword.From) ? ParseExpr() : new LiteralExpr(Datum.Int(1), SqlType.Int8) { Position = position };
            result = Call("substring", position, text, from, length);
        }
        else if (Accept(Keyword.Similar))
        {
            Expr pattern = ParseExpr();
            Expect(Keyword.Escape);
            result = Call("substring_similar", position, text, pattern, ParseExpr());
        }
        else
        {
            var arguments = new List<Expr> { text };
            while (Accept(TokenKind.Comma))
            {
                arguments.Add(ParseExpr());
            }

            result = Call("substring", position, [.. arguments]);
        }

        Expect(TokenKind.RightParen);
        return result;
    }

    private Expr ParseOverlay(int position)
    {
        _at++;
        Expect(TokenKind.LeftParen);
        Expr text = ParseExpr();
        if (Accept(TokenKind.Comma))
        {
            List<Expr> rest = ExprList();
            Expect(TokenKind.RightParen);
            return Call("overlay", position, [text, .. rest]);
        }

        Expect(Keyword.Placing);
        Expr replacement = ParseExpr();
        Expect(Keyword.From);
        Expr from = ParseExpr();
        Expr result = Accept(Keyword.For)
            ? Call("overlay", position, text, replacement, from, ParseExpr())
            : Call("overlay", position, text, replacement, from);
        Expect(TokenKind.RightParen);
        return result;
    }

    private Expr ParseTrim(int position)
    {
        _at++;
        Expect(TokenKind.LeftParen);
        string name = Accept(Keyword.Leading) ? "ltrim" : Accept(Keyword.Trailing) ? "rtrim" : "btrim";
        if (name == "btrim")
        {
            Accept(Keyword.Both);
        }

        Expr result;
        if (Accept(Keyword.From))
        {
            result = Call(name, position, [.. ExprList()]);
        }
        else
        {
            Expr first = ParseExpr();
            if (Accept(Keyword.From))
            {
                result = Call(name, position, [.. ExprList(), first]);
            }
            else
            {
                result = Accept(TokenKind.Comma) ? Call(name, position, [first, .. ExprList()]) : Call(name, position, first);
            }
        }

        Expect(TokenKind.RightParen);
        return result;
    }

    /// <summary>A column, a call, a typed literal, <c>t.*</c>.</summary>
    private Expr ParseNamed()
    {
        int position = Position;
        bool mayBeColumn = IsColumnName();
        if (Kind is not (TokenKind.Word or TokenKind.QuotedWord))
        {
            throw SyntaxError();
        }

        string first = TakeWord();
        if (first == "double" && Accept(Keyword.Precision))
        {
            first = "float8";
        }

        if (Kind != TokenKind.Dot)
        {
            if (Kind == TokenKind.LeftParen)
            {
                return ParseCall(new ObjectName([first]) { Position = position });
            }

            return Kind is TokenKind.String or TokenKind.EscapeString ? TypedLiteral(new ObjectName([first]) { Position = position })
                : mayBeColumn ? new ColumnExpr([first]) { Position = position }
                : throw SyntaxError();
        }

        var parts = new List<string>(3) { first };
        while (Accept(TokenKind.Dot))
        {
            if (Accept(TokenKind.Star))
            {
                return new StarExpr(parts) { Position = position };
            }

            parts.Add(Label());
        }

        return Kind == TokenKind.LeftParen ? ParseCall(new ObjectName(parts) { Position = position })
            : Kind is TokenKind.String or TokenKind.EscapeString ? TypedLiteral(new ObjectName(parts) { Position = position })
            : new ColumnExpr(parts) { Position = position };
    }

    private CastExpr TypedLiteral(ObjectName type)
    {
        int position = Position;
        var text = new LiteralExpr(Datum.Text(StringValue()), SqlType.Unknown) { Position = position };
        return new CastExpr(text, new TypeName(type, []) { Position = type.Position }) { Position = type.Position };
    }

    /// <summary><c>interval '1' day</c>, <c>timestamp(3) with time zone '...'</c>; null (and nothing eaten) when it is something else.</summary>
    private CastExpr? TryTypedLiteral()
    {
        int start = _at;
        int position = Position;
        if (!LooksLikeTypedLiteral())
        {
            return null;
        }

        TypeName type = ParseTypeName();
        if (Kind is not (TokenKind.String or TokenKind.EscapeString))
        {
            _at = start;
            return null;
        }

        var text = new LiteralExpr(Datum.Text(StringValue()), SqlType.Unknown) { Position = Position };
        if (type.Name.Name == "interval" && type.IntervalFields is null)
        {
            type = type with { IntervalFields = ParseIntervalFields() };
        }

        return new CastExpr(text, type) { Position = position };
    }

    private bool LooksLikeTypedLiteral()
    {
        switch (Word)
        {
            case Keyword.Bigint or Keyword.Bit or Keyword.Boolean or Keyword.Char or Keyword.Character or Keyword.Dec or Keyword.Decimal
                or Keyword.Float or Keyword.Int or Keyword.Integer or Keyword.Interval or Keyword.NChar or Keyword.Numeric or Keyword.Real
                or Keyword.SmallInt or Keyword.Time or Keyword.Timestamp or Keyword.Varchar:
                TokenKind next = Peek(1).Kind;
                return next is TokenKind.String or TokenKind.EscapeString or TokenKind.LeftParen || Peek(1).Keyword is Keyword.With or Keyword.Without or Keyword.Varying;
            default:
                return false;
        }
    }
}
