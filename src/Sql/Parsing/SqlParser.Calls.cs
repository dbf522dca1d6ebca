using System.Globalization;
using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>Function calls with their tails, windows, and type names.</summary>
public sealed partial class SqlParser
{
    private Expr ParseCall(ObjectName name)
    {
        Enter();
        Expect(TokenKind.LeftParen);
        var call = new FunctionCallExpr(name, []) { Position = name.Position };
        if (Accept(TokenKind.Star))
        {
            call = call with { IsStar = true };
        }
        else if (Kind != TokenKind.RightParen)
        {
            call = ParseArguments(call);
        }

        Expect(TokenKind.RightParen);
        Leave();
        return Kind == TokenKind.Word && Word is Keyword.Within or Keyword.Filter or Keyword.Over ? ParseCallTail(call) : call;
    }

    private FunctionCallExpr ParseArguments(FunctionCallExpr call)
    {
        bool isDistinct = Accept(Keyword.Distinct);
        if (!isDistinct)
        {
            Accept(Keyword.All);
        }

        var arguments = new List<Expr>(2);
        List<string?>? names = null;
        bool isVariadic = false;
        do
        {
            isVariadic = Accept(Keyword.Variadic);
            string? name = null;
            if (Kind is TokenKind.Word or TokenKind.QuotedWord && Peek(1).Kind is TokenKind.Arrow or TokenKind.ColonEquals)
            {
                name = Label();
                _at++;
                names ??= [.. Enumerable.Repeat<string?>(null, arguments.Count)];
            }

            names?.Add(name);
            arguments.Add(ParseExpr());
        }
        while (Accept(TokenKind.Comma));
        IReadOnlyList<OrderItem> order = Word == Keyword.Order ? ParseOrderBy() : [];
        return call with { Arguments = arguments, IsDistinct = isDistinct, IsVariadic = isVariadic, ArgumentNames = names, OrderBy = order };
    }

    private FunctionCallExpr ParseCallTail(FunctionCallExpr call)
    {
        if (Word == Keyword.Within && Peek(1).Keyword == Keyword.Group)
        {
            _at += 2;
            Expect(TokenKind.LeftParen);
            call = call with { OrderBy = ParseOrderBy(), IsWithinGroup = true };
            Expect(TokenKind.RightParen);
        }

        if (Word == Keyword.Filter && Peek(1).Kind == TokenKind.LeftParen)
        {
            _at += 2;
            Expect(Keyword.Where);
            call = call with { Filter = ParseExpr() };
            Expect(TokenKind.RightParen);
        }

        if (Word == Keyword.Over)
        {
            int position = Position;
            _at++;
            call = call with
            {
                Over = Kind == TokenKind.LeftParen ? ParseWindow() : new WindowSpec(Name(), null, [], [], null) { Position = position },
            };
        }

        return call;
    }

    /// <summary><c>( [base] [PARTITION BY ..] [ORDER BY ..] [frame] )</c></summary>
    private WindowSpec ParseWindow()
    {
        int position = Position;
        Expect(TokenKind.LeftParen);
        string? baseName = IsColumnName() && !IsWord("partition") && !IsFrameUnit() ? Name() : null;
        List<Expr> partition = [];
        if (AcceptWord("partition"))
        {
            Expect(Keyword.By);
            partition = ExprList();
        }

        IReadOnlyList<OrderItem> order = Word == Keyword.Order ? ParseOrderBy() : [];
        WindowFrame? frame = IsFrameUnit() ? ParseFrame() : null;
        Expect(TokenKind.RightParen);
        return new WindowSpec(null, baseName, partition, order, frame) { Position = position };
    }

    private bool IsFrameUnit() => (IsWord("rows") || IsWord("range") || IsWord("groups")) && Peek(1).Kind != TokenKind.RightParen;

    private WindowFrame ParseFrame()
    {
        int position = Position;
        FrameUnit unit = AcceptWord("rows") ? FrameUnit.Rows : AcceptWord("range") ? FrameUnit.Range : FrameUnit.Groups;
        if (unit == FrameUnit.Groups)
        {
            ExpectWord("groups");
        }

        FrameBound start;
        var end = new FrameBound(FrameBoundKind.CurrentRow, null);
        if (Accept(Keyword.Between))
        {
            start = ParseFrameBound();
            Expect(Keyword.And);
            end = ParseFrameBound();
        }
        else
        {
            start = ParseFrameBound();
        }

        if (start.Kind == FrameBoundKind.UnboundedFollowing)
        {
            throw ErrorAt(position, "frame start cannot be UNBOUNDED FOLLOWING", SqlStates.WindowingError);
        }

        if (end.Kind == FrameBoundKind.UnboundedPreceding)
        {
            throw ErrorAt(position, "frame end cannot be UNBOUNDED PRECEDING", SqlStates.WindowingError);
        }

        if (start.Kind > end.Kind)
        {
            throw ErrorAt(position, "frame cannot end before it starts", SqlStates.WindowingError);
        }

        return new WindowFrame(unit, start, end, ParseExclusion()) { Position = position };
    }

    private FrameBound ParseFrameBound()
    {
        if (AcceptWords("current", "row"))
        {
            return new FrameBound(FrameBoundKind.CurrentRow, null);
        }

        bool isUnbounded = AcceptWord("unbounded");
        Expr? offset = isUnbounded ? null : ParseExpr(MatchLevel + 1);
        if (AcceptWord("preceding"))
        {
            return new FrameBound(isUnbounded ? FrameBoundKind.UnboundedPreceding : FrameBoundKind.Preceding, offset);
        }

        ExpectWord("following");
        return new FrameBound(isUnbounded ? FrameBoundKind.UnboundedFollowing : FrameBoundKind.Following, offset);
    }

    private FrameExclusion ParseExclusion()
    {
        if (!AcceptWord("exclude"))
        {
            return FrameExclusion.NoOthers;
        }

        if (AcceptWords("current", "row"))
        {
            return FrameExclusion.CurrentRow;
        }

        if (Accept(Keyword.Group))
        {
            return FrameExclusion.Group;
        }

        if (AcceptWord("ties"))
        {
            return FrameExclusion.Ties;
        }

        ExpectWords("no", "others");
        return FrameExclusion.NoOthers;
    }

    private List<OrderItem> ParseOrderBy()
    {
        Expect(Keyword.Order);
        Expect(Keyword.By);
        var items = new List<OrderItem>(1);
        do
        {
            int position = Position;
            Expr expr = ParseExpr();
            string? symbol = Accept(Keyword.Using) ? OperatorSymbol() : null;
            bool isDescending = symbol is ">" or ">=" || Accept(Keyword.Desc);
            if (!isDescending && symbol is null)
            {
                Accept(Keyword.Asc);
            }

            items.Add(new OrderItem(expr, isDescending, ParseNullsOrder(), symbol) { Position = position });
        }
        while (Accept(TokenKind.Comma));
        return items;
    }

    private NullsOrder ParseNullsOrder()
    {
        if (Word != Keyword.Nulls)
        {
            return NullsOrder.Default;
        }

        _at++;
        if (AcceptWord("first"))
        {
            return NullsOrder.First;
        }

        ExpectWord("last");
        return NullsOrder.Last;
    }

    // ---- types

    private TypeName ParseTypeName()
    {
        int position = Position;
        if (Word == Keyword.SetOf)
        {
            _at++;
        }

        (ObjectName name, string? fields) = ParseBaseType(position);
        List<int> modifiers = [];
        if (Kind == TokenKind.LeftParen && fields is null)
        {
            modifiers = ParseModifiers();
            name = ZoneSuffix(name);
        }

        if (name.Name == "interval" && fields is null)
        {
            fields = ParseIntervalFields();
        }

        return new TypeName(name, modifiers, ParseDimensions(), fields) { Position = position };
    }

    private List<int> ParseModifiers()
    {
        var modifiers = new List<int>();
        Expect(TokenKind.LeftParen);
        do
        {
            int position = Position;
            long value = SignedInteger();
            modifiers.Add(value is >= int.MinValue and <= int.MaxValue ? (int)value : throw ErrorAt(position, $"type modifier {value} is out of range", SqlStates.InvalidParameterValue));
        }
        while (Accept(TokenKind.Comma));
        Expect(TokenKind.RightParen);
        return modifiers;
    }

    private int ParseDimensions()
    {
        int dimensions = 0;
        while (Kind == TokenKind.LeftBracket)
        {
            _at++;
            if (Kind != TokenKind.RightBracket)
            {
                SignedInteger();
            }

            Expect(TokenKind.RightBracket);
            dimensions++;
        }

        if (dimensions == 0 && Word == Keyword.Array)
        {
            _at++;
            dimensions = 1;
            if (Accept(TokenKind.LeftBracket))
            {
                SignedInteger();
                Expect(TokenKind.RightBracket);
            }
        }

        return dimensions <= 6 ? dimensions : throw ErrorAt(Position, $"number of array dimensions ({dimensions}) exceeds the maximum allowed (6)", SqlStates.ProgramLimitExceeded);
    }

    private (ObjectName Name, string? Fields) ParseBaseType(int position)
    {
        bool isQuoted = Kind == TokenKind.QuotedWord;
        Keyword word = Word;
        bool isReserved = Keywords.IsReserved(word) && word != Keyword.Any;
        if (Kind is not (TokenKind.Word or TokenKind.QuotedWord) || isReserved)
        {
            throw SyntaxError();
        }

        string first = TakeWord();
        if (Kind == TokenKind.Dot)
        {
            var parts = new List<string>(2) { first };
            while (Accept(TokenKind.Dot))
            {
                parts.Add(Label());
            }

            return (new ObjectName(parts) { Position = position }, null);
        }

        string name = isQuoted ? first : word switch
        {
            Keyword.Character or Keyword.Char or Keyword.NChar => Accept(Keyword.Varying) ? "varchar" : "bpchar",
            Keyword.National => NationalType(),
            Keyword.Timestamp or Keyword.Time => ZoneSuffix(new ObjectName([first])).Name,
            Keyword.Float => FloatType(),
            Keyword.Dec => "decimal",
            _ => first == "double" && AcceptWord("precision") ? "float8" : first,
        };
        return (new ObjectName([name]) { Position = position }, null);
    }

    private string NationalType()
    {
        if (!Accept(Keyword.Char))
        {
            Expect(Keyword.Character);
        }

        return Accept(Keyword.Varying) ? "varchar" : "bpchar";
    }

    /// <summary><c>float(p)</c>: p up to 24 is single precision.</summary>
    private string FloatType()
    {
        if (Kind != TokenKind.LeftParen)
        {
            return "float8";
        }

        int position = Position;
        int bits = ParseModifiers()[0];
        return bits is >= 1 and <= 53
            ? bits <= 24 ? "float4" : "float8"
            : throw ErrorAt(position, $"precision for type float must be between 1 and 53 bits", SqlStates.InvalidParameterValue);
    }

    /// <summary>WITH TIME ZONE behind timestamp and time, before or behind their precision.</summary>
    private ObjectName ZoneSuffix(ObjectName name)
    {
        if (name.Name is not ("timestamp" or "time"))
        {
            return name;
        }

        if (Word == Keyword.With && IsWord(in Peek(1), "time"))
        {
            _at += 2;
            ExpectWord("zone");
            return new ObjectName([name.Name + "tz"]) { Position = name.Position };
        }

        if (Word == Keyword.Without && IsWord(in Peek(1), "time"))
        {
            _at += 2;
            ExpectWord("zone");
        }

        return name;
    }

    private string? ParseIntervalFields()
    {
        if (Word is not (Keyword.Year or Keyword.Month or Keyword.Day or Keyword.Hour or Keyword.Minute or Keyword.Second))
        {
            return null;
        }

        string fields = TakeWord();
        if (Word == Keyword.To && Peek(1).Keyword is Keyword.Month or Keyword.Hour or Keyword.Minute or Keyword.Second)
        {
            _at++;
            fields = string.Create(CultureInfo.InvariantCulture, $"{fields} to {TakeWord()}");
        }

        if (Kind == TokenKind.LeftParen && fields.EndsWith("second", StringComparison.Ordinal))
        {
            ParseModifiers();
        }

        return fields;
    }
}
