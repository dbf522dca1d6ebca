using System.Globalization;
using System.Numerics;
using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>Expressions: operators by precedence, from OR (lowest) to <c>::</c>.</summary>
public sealed partial class SqlParser
{
    private const int OrLevel = 1, AndLevel = 2, NotLevel = 3, IsLevel = 4, CompareLevel = 5, MatchLevel = 6, OtherLevel = 7,
        AddLevel = 8, MultiplyLevel = 9, PowerLevel = 10, AtLevel = 11, CollateLevel = 12, SignLevel = 13;

    private Expr ParseExpr() => ParseExpr(0);

    private Expr ParseExpr(int minimum)
    {
        Enter();
        int outer = _height;
        _height = 0;
        Expr left = ParsePrefix();
        Grow();
        left = ParseInfix(left, minimum);
        _height = Math.Max(outer, _height);
        Leave();
        return left;
    }

    private Expr ParseInfix(Expr left, int minimum)
    {
        while (true)
        {
            int level = InfixLevel();
            if (level == 0 || level < minimum)
            {
                return left;
            }

            Grow();
            left = level switch
            {
                OrLevel => Chain(left, Keyword.Or),
                AndLevel => Chain(left, Keyword.And),
                IsLevel => ParseIs(left),
                CompareLevel => ParseComparison(left),
                MatchLevel => ParseMatch(left),
                AtLevel => ParseAtTimeZone(left),
                CollateLevel => ParseCollate(left),
                _ => ParseOperator(left, level),
            };
        }
    }

    /// <summary>Precedence of the infix operator at the present token, 0 when there is none.</summary>
    private int InfixLevel()
    {
        switch (Kind)
        {
            case TokenKind.Equal or TokenKind.NotEqual or TokenKind.Less or TokenKind.LessEqual or TokenKind.Greater or TokenKind.GreaterEqual:
                return CompareLevel;
            case TokenKind.Plus or TokenKind.Minus:
                return AddLevel;
            case TokenKind.Star or TokenKind.Slash or TokenKind.Percent:
                return MultiplyLevel;
            case TokenKind.Caret:
                return PowerLevel;
            case TokenKind.Operator:
                return OtherLevel;
            case TokenKind.Word:
                return WordLevel();
            default:
                return 0;
        }
    }

    private int WordLevel() => Word switch
    {
        Keyword.Or => OrLevel,
        Keyword.And => AndLevel,
        Keyword.Is or Keyword.IsNull or Keyword.NotNull => IsLevel,
        Keyword.In or Keyword.Between or Keyword.Like or Keyword.ILike or Keyword.Overlaps => MatchLevel,
        Keyword.Similar => IsWord(in Peek(1), "to") ? MatchLevel : 0,
        Keyword.Not => Peek(1).Keyword is Keyword.In or Keyword.Between or Keyword.Like or Keyword.ILike or Keyword.Similar ? MatchLevel : 0,
        Keyword.Operator => Peek(1).Kind == TokenKind.LeftParen ? OtherLevel : 0,
        Keyword.At => IsWord(in Peek(1), "time") ? AtLevel : 0,
        Keyword.Collate => CollateLevel,
        _ => 0,
    };

    private Expr Chain(Expr first, Keyword word)
    {
        int position = Position;
        int level = word == Keyword.Or ? OrLevel : AndLevel;
        var terms = new List<Expr>(2) { first };
        while (Accept(word))
        {
            terms.Add(ParseExpr(level + 1));
        }

        return word == Keyword.Or ? new OrExpr(terms) { Position = position } : new AndExpr(terms) { Position = position };
    }

    private Expr ParseComparison(Expr left)
    {
        int position = Position;
        string symbol = OperatorSymbol();
        if (IsQuantifier())
        {
            return ParseQuantified(left, symbol, position);
        }

        var result = new BinaryExpr(symbol, left, ParseExpr(CompareLevel + 1)) { Position = position };
        return InfixLevel() == CompareLevel ? throw SyntaxError() : result;
    }

    private Expr ParseOperator(Expr left, int level)
    {
        int position = Position;
        string symbol = OperatorSymbol();
        if (IsQuantifier())
        {
            return ParseQuantified(left, symbol, position);
        }

        Expr right = ParseExpr(level + 1);
        return symbol switch
        {
            "~~" => new LikeExpr(LikeKind.Like, left, right, null, false) { Position = position },
            "!~~" => new LikeExpr(LikeKind.Like, left, right, null, true) { Position = position },
            "~~*" => new LikeExpr(LikeKind.ILike, left, right, null, false) { Position = position },
            "!~~*" => new LikeExpr(LikeKind.ILike, left, right, null, true) { Position = position },
            _ => new BinaryExpr(symbol, left, right) { Position = position },
        };
    }

    /// <summary>Eats an operator token or OPERATOR(schema.symbol).</summary>
    private string OperatorSymbol()
    {
        if (Word == Keyword.Operator)
        {
            _at++;
            Expect(TokenKind.LeftParen);
            while (Kind is TokenKind.Word or TokenKind.QuotedWord)
            {
                _at++;
                Expect(TokenKind.Dot);
            }

            string inner = OperatorSymbol();
            Expect(TokenKind.RightParen);
            return inner;
        }

        TokenKind kind = Kind;
        string? symbol = kind switch
        {
            TokenKind.Equal => "=",
            TokenKind.NotEqual => "<>",
            TokenKind.Less => "<",
            TokenKind.LessEqual => "<=",
            TokenKind.Greater => ">",
            TokenKind.GreaterEqual => ">=",
            TokenKind.Plus => "+",
            TokenKind.Minus => "-",
            TokenKind.Star => "*",
            TokenKind.Slash => "/",
            TokenKind.Percent => "%",
            TokenKind.Caret => "^",
            TokenKind.Operator => _sql.Substring(_tokens[_at].Start, _tokens[_at].Length),
            _ => throw SyntaxError(),
        };
        _at++;
        return symbol;
    }

    private bool IsQuantifier() => Word is Keyword.Any or Keyword.Some or Keyword.All && Peek(1).Kind == TokenKind.LeftParen;

    private Expr ParseQuantified(Expr left, string symbol, int position)
    {
        bool isAll = Word == Keyword.All;
        _at++;
        (Query? query, List<Expr>? items) = ParseParenthesized();
        if (query is not null)
        {
            return new QuantifiedExpr(left, symbol, isAll, null, query) { Position = position };
        }

        return items!.Count == 1
            ? new QuantifiedExpr(left, symbol, isAll, items[0], null) { Position = position }
            : throw SyntaxError(in _tokens[_at - 1]);
    }

    private Expr ParseIs(Expr left)
    {
        int position = Position;
        if (Accept(Keyword.IsNull))
        {
            return new IsExpr(left, IsTest.Null, false) { Position = position };
        }

        if (Accept(Keyword.NotNull))
        {
            return new IsExpr(left, IsTest.Null, true) { Position = position };
        }

        Expect(Keyword.Is);
        bool isNegated = Accept(Keyword.Not);
        if (Accept(Keyword.Distinct))
        {
            Expect(Keyword.From);
            return new IsDistinctExpr(left, ParseExpr(IsLevel + 1), isNegated) { Position = position };
        }

        IsTest test = Accept(Keyword.Null) ? IsTest.Null
            : Accept(Keyword.True) ? IsTest.True
            : Accept(Keyword.False) ? IsTest.False
            : AcceptWord("unknown") ? IsTest.Unknown
            : throw SyntaxError();
        return new IsExpr(left, test, isNegated) { Position = position };
    }

    private Expr ParseMatch(Expr left)
    {
        int position = Position;
        bool isNegated = Accept(Keyword.Not);
        Expr result = Word switch
        {
            Keyword.In => ParseIn(left, isNegated, position),
            Keyword.Between => ParseBetween(left, isNegated, position),
            Keyword.Overlaps => ParseOverlaps(left, position),
            _ => ParseLike(left, isNegated, position),
        };
        return InfixLevel() == MatchLevel ? throw SyntaxError() : result;
    }

    private Expr ParseIn(Expr left, bool isNegated, int position)
    {
        Expect(Keyword.In);
        (Query? query, List<Expr>? items) = ParseParenthesized();
        return query is not null
            ? new InQueryExpr(left, query, isNegated) { Position = position }
            : new InListExpr(left, items!, isNegated) { Position = position };
    }

    private Expr ParseBetween(Expr left, bool isNegated, int position)
    {
        Expect(Keyword.Between);
        bool isSymmetric = Accept(Keyword.Symmetric);
        if (!isSymmetric)
        {
            Accept(Keyword.Asymmetric);
        }

        Expr low = ParseExpr(MatchLevel + 1);
        Expect(Keyword.And);
        Expr high = ParseExpr(MatchLevel + 1);
        return new BetweenExpr(left, low, high, isNegated, isSymmetric) { Position = position };
    }

    private Expr ParseOverlaps(Expr left, int position)
    {
        Expect(Keyword.Overlaps);
        Expr right = ParseExpr(MatchLevel + 1);
        return left is RowExpr { Items.Count: 2 } first && right is RowExpr { Items.Count: 2 } second
            ? Call("overlaps", position, [.. first.Items, .. second.Items])
            : throw ErrorAt(position, "wrong number of parameters on side of OVERLAPS expression");
    }

    private Expr ParseLike(Expr left, bool isNegated, int position)
    {
        LikeKind kind = Accept(Keyword.Like) ? LikeKind.Like : Accept(Keyword.ILike) ? LikeKind.ILike : LikeKind.SimilarTo;
        if (kind == LikeKind.SimilarTo)
        {
            Expect(Keyword.Similar);
            Expect(Keyword.To);
        }
        else if (IsQuantifier())
        {
            return ParseQuantified(left, (isNegated ? "!" : "") + (kind == LikeKind.Like ? "~~" : "~~*"), position);
        }

        Expr pattern = ParseExpr(MatchLevel + 1);
        Expr? escape = Accept(Keyword.Escape) ? ParseExpr(MatchLevel + 1) : null;
        return new LikeExpr(kind, left, pattern, escape, isNegated) { Position = position };
    }

    private Expr ParseAtTimeZone(Expr left)
    {
        int position = Position;
        _at += 2;
        ExpectWord("zone");
        return Call("timezone", position, ParseExpr(AtLevel + 1), left);
    }

    private Expr ParseCollate(Expr left)
    {
        int position = Position;
        Expect(Keyword.Collate);
        return new CollateExpr(left, ParseAnyName()) { Position = position };
    }

    /// <summary>A dotted name whose parts may be any words (collations, types: <c>pg_catalog.default</c>).</summary>
    private ObjectName ParseAnyName()
    {
        int position = Position;
        var parts = new List<string>(2) { Label() };
        while (Accept(TokenKind.Dot))
        {
            parts.Add(Label());
        }

        return new ObjectName(parts) { Position = position };
    }

    private Expr ParsePrefix()
    {
        int position = Position;
        switch (Kind)
        {
            case TokenKind.Minus:
                _at++;
                return Negate(ParseExpr(SignLevel), position);
            case TokenKind.Plus:
                _at++;
                return new UnaryExpr("+", ParseExpr(SignLevel)) { Position = position };
            case TokenKind.Operator:
                string symbol = OperatorSymbol();
                return new UnaryExpr(symbol, ParseExpr(OtherLevel + 1)) { Position = position };
            case TokenKind.Word when Word == Keyword.Not:
                _at++;
                return new NotExpr(ParseExpr(NotLevel)) { Position = position };
            default:
                return ParsePostfix(ParsePrimary());
        }
    }

    /// <summary>A minus before a number is part of the number, so that the least int8 can be written.</summary>
    private static Expr Negate(Expr operand, int position)
    {
        if (operand is LiteralExpr literal)
        {
            switch (literal.Value.Kind)
            {
                case DatumKind.Int:
                    return new LiteralExpr(Datum.Int(-literal.Value.AsInt), SqlType.Int8) { Position = position };
                case DatumKind.Double:
                    return new LiteralExpr(Datum.Double(-literal.Value.AsDouble), SqlType.Float8) { Position = position };
                case DatumKind.Numeric:
                    Numeric value = literal.Value.AsNumeric;
                    return value.Scale == 0 && -value.Unscaled == long.MinValue
                        ? new LiteralExpr(Datum.Int(long.MinValue), SqlType.Int8) { Position = position }
                        : new LiteralExpr(Datum.Numeric(new Numeric(-value.Unscaled, value.Scale)), SqlType.Numeric) { Position = position };
            }
        }

        return new UnaryExpr("-", operand) { Position = position };
    }

    private Expr ParsePostfix(Expr operand)
    {
        while (true)
        {
            int position = Position;
            switch (Kind)
            {
                case TokenKind.Cast:
                    Grow();
                    _at++;
                    operand = new CastExpr(operand, ParseTypeName()) { Position = position };
                    break;
                case TokenKind.LeftBracket:
                    Grow();
                    operand = ParseSubscript(operand);
                    break;
                case TokenKind.Dot:
                    Grow();
                    _at++;
                    operand = Accept(TokenKind.Star)
                        ? new FieldStarExpr(operand) { Position = position }
                        : new FieldExpr(operand, Label()) { Position = position };
                    break;
                default:
                    return operand;
            }
        }
    }

    private Expr ParseSubscript(Expr operand)
    {
        int position = Position;
        Expect(TokenKind.LeftBracket);
        Expr? index = Kind == TokenKind.Colon ? null : ParseExpr();
        if (Accept(TokenKind.Colon))
        {
            Expr? upper = Kind == TokenKind.RightBracket ? null : ParseExpr();
            Expect(TokenKind.RightBracket);
            return new SubscriptExpr(operand, index, upper, true) { Position = position };
        }

        Expect(TokenKind.RightBracket);
        return new SubscriptExpr(operand, index, null, false) { Position = position };
    }

    private LiteralExpr ParseNumber()
    {
        ReadOnlySpan<char> text = _sql.AsSpan(_tokens[_at].Start, _tokens[_at].Length);
        int position = Position;
        TokenKind kind = Kind;
        if (kind == TokenKind.Integer && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value))
        {
            _at++;
            return new LiteralExpr(Datum.Int(value), SqlType.Int8) { Position = position };
        }

        if (kind == TokenKind.Float)
        {
            double number = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
            _at++;
            return double.IsFinite(number)
                ? new LiteralExpr(Datum.Double(number), SqlType.Float8) { Position = position }
                : throw ErrorAt(position, $"\"{text}\" is out of range for type double precision", SqlStates.NumericValueOutOfRange);
        }

        const int mostDigits = 1000;
        if (text.Length > mostDigits)
        {
            throw ErrorAt(position, "value overflows numeric format", SqlStates.NumericValueOutOfRange);
        }

        int point = text.IndexOf('.');
        int scale = point < 0 ? 0 : text.Length - point - 1;
        string digits = point < 0 ? text.ToString() : string.Concat(text[..point], text[(point + 1)..]);
        _at++;
        return new LiteralExpr(Datum.Numeric(new Numeric(BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture), scale)), SqlType.Numeric) { Position = position };
    }

    private ParameterExpr ParseParameter()
    {
        int position = Position;
        int number;
        if (Kind == TokenKind.Question)
        {
            number = ++_questions;
            if (_questions > MaxParameters)
            {
                throw ErrorAt(position, $"more than {MaxParameters} parameters", SqlStates.ProgramLimitExceeded);
            }
        }
        else
        {
            ReadOnlySpan<char> digits = _sql.AsSpan(_tokens[_at].Start + 1, _tokens[_at].Length - 1);
            if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number) || number is < 1 or > MaxParameters)
            {
                throw ErrorAt(position, $"there is no parameter ${digits}", SqlStates.UndefinedParameter);
            }

            _highestParameter = Math.Max(_highestParameter, number);
        }

        if (_questions > 0 && _highestParameter > 0)
        {
            throw ErrorAt(position, "invalid parameters usage. Got $n and ? parameters in one query!");
        }

        _at++;
        return new ParameterExpr(number) { Position = position };
    }

    private const int MaxParameters = 65535;

    private static FunctionCallExpr Call(string name, int position, params Expr[] arguments) =>
        new(new ObjectName([name]) { Position = position }, arguments) { Position = position };
}
