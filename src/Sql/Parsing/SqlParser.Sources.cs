namespace Picodata.Sql.Parsing;

/// <summary>What may stand in FROM.</summary>
public sealed partial class SqlParser
{
    private List<TableSource> ParseSources()
    {
        var sources = new List<TableSource>(1);
        do
        {
            sources.Add(ParseSource());
        }
        while (Accept(TokenKind.Comma));
        return sources;
    }

    private TableSource ParseSource()
    {
        Enter();
        int outer = _height;
        _height = 0;
        TableSource source = ParseJoins(ParseSourcePrimary());
        Grow();
        _height = Math.Max(outer, _height);
        Leave();
        return source;
    }

    private TableSource ParseJoins(TableSource left)
    {
        while (true)
        {
            int position = Position;
            bool isNatural = Accept(Keyword.Natural);
            if (ParseJoinKind() is not { } kind)
            {
                return isNatural ? throw SyntaxError() : left;
            }

            Grow();
            if (isNatural || kind == JoinKind.Cross)
            {
                left = new JoinSource(kind, left, ParseSourcePrimary(), null, [], isNatural) { Position = position };
                continue;
            }

            TableSource right = ParseJoinOperand();
            if (Accept(Keyword.Using))
            {
                List<Identifier> columns = ParenthesizedNames();
                string? alias = Accept(Keyword.As) ? Name() : null;
                left = new JoinSource(kind, left, right, null, columns, false) { Position = position, Alias = alias };
            }
            else
            {
                Expect(Keyword.On);
                left = new JoinSource(kind, left, right, ParseExpr(), [], false) { Position = position };
            }
        }
    }

    /// <summary>
    /// The right side of a join with a condition: <c>a JOIN b JOIN c ON .. ON ..</c> nests to the right when another join comes before ON.
    /// </summary>
    private TableSource ParseJoinOperand()
    {
        Enter();
        TableSource right = ParseSourcePrimary();
        while (Word is not (Keyword.On or Keyword.Using) && IsJoin())
        {
            right = ParseOneJoin(right);
        }

        Leave();
        return right;
    }

    private TableSource ParseOneJoin(TableSource left)
    {
        int position = Position;
        bool isNatural = Accept(Keyword.Natural);
        JoinKind kind = ParseJoinKind() ?? throw SyntaxError();
        Grow();
        if (isNatural || kind == JoinKind.Cross)
        {
            return new JoinSource(kind, left, ParseSourcePrimary(), null, [], isNatural) { Position = position };
        }

        TableSource right = ParseJoinOperand();
        if (Accept(Keyword.Using))
        {
            return new JoinSource(kind, left, right, null, ParenthesizedNames(), false) { Position = position };
        }

        Expect(Keyword.On);
        return new JoinSource(kind, left, right, ParseExpr(), [], false) { Position = position };
    }

    private bool IsJoin() => Word is Keyword.Join or Keyword.Inner or Keyword.Left or Keyword.Right or Keyword.Full or Keyword.Cross or Keyword.Natural;

    private JoinKind? ParseJoinKind()
    {
        JoinKind kind;
        switch (Word)
        {
            case Keyword.Join:
                _at++;
                return JoinKind.Inner;
            case Keyword.Inner:
                kind = JoinKind.Inner;
                break;
            case Keyword.Cross:
                kind = JoinKind.Cross;
                break;
            case Keyword.Left:
                kind = JoinKind.Left;
                break;
            case Keyword.Right:
                kind = JoinKind.Right;
                break;
            case Keyword.Full:
                kind = JoinKind.Full;
                break;
            default:
                return null;
        }

        _at++;
        if (kind is JoinKind.Left or JoinKind.Right or JoinKind.Full)
        {
            Accept(Keyword.Outer);
        }

        Expect(Keyword.Join);
        return kind;
    }

    private TableSource ParseSourcePrimary()
    {
        int position = Position;
        bool isLateral = Accept(Keyword.Lateral);
        if (Kind == TokenKind.LeftParen)
        {
            (Query? query, TableSource? source) = ParseParenthesizedSource();
            if (query is not null)
            {
                return WithAlias(new QuerySource(query, isLateral) { Position = position });
            }

            return IsAlias() ? WithAlias(source!) : source!;
        }

        if (AcceptWords("rows", "from"))
        {
            return ParseRowsFrom(position);
        }

        Accept(Keyword.Only);
        bool isSpecialValue = Word is Keyword.Current_Date or Keyword.Current_Time or Keyword.Current_Timestamp or Keyword.Current_User or Keyword.Current_Role
            or Keyword.Current_Catalog or Keyword.Session_User or Keyword.User or Keyword.LocalTime or Keyword.LocalTimestamp;
        if (isSpecialValue || IsFunctionSource())
        {
            return ParseFunctionSource(position);
        }

        ObjectName name = ParseObjectName();
        Accept(TokenKind.Star);
        TableSource named = WithAlias(new NamedSource(name) { Position = position });
        return Word == Keyword.Indexed ? (NamedSource)named with { IndexedBy = ParseIndexedBy() } : named;
    }

    private string ParseIndexedBy()
    {
        Expect(Keyword.Indexed);
        Expect(Keyword.By);
        return ParseObjectName().Name;
    }

    /// <summary>True at a (qualified) name with an opening bracket behind it.</summary>
    private bool IsFunctionSource()
    {
        int at = _at;
        while (_tokens[at].Kind is TokenKind.Word or TokenKind.QuotedWord)
        {
            TokenKind next = _tokens[at + 1].Kind;
            if (next == TokenKind.LeftParen)
            {
                return true;
            }

            if (next != TokenKind.Dot)
            {
                return false;
            }

            at += 2;
        }

        return false;
    }

    private TableSource ParseFunctionSource(int position)
    {
        Expr call = ParsePrimary();
        bool withOrdinality = ParseOrdinality();
        var source = new FunctionSource(call, withOrdinality) { Position = position };
        bool hasDefinitions = Word == Keyword.As ? Peek(1).Kind == TokenKind.LeftParen || IsDefinitionList(2) : IsDefinitionList(1);
        if (!hasDefinitions)
        {
            return WithAlias(source);
        }

        Accept(Keyword.As);
        string? alias = Kind == TokenKind.LeftParen ? null : Name();
        Expect(TokenKind.LeftParen);
        var definitions = new List<(Identifier, TypeName)>();
        do
        {
            definitions.Add((NameWithPosition(), ParseTypeName()));
        }
        while (Accept(TokenKind.Comma));
        Expect(TokenKind.RightParen);
        return source with { Alias = alias, Definitions = definitions };
    }

    /// <summary>True when an alias stands before this token and <c>(name type</c> behind.</summary>
    private bool IsDefinitionList(int ahead) =>
        (ahead == 2 || IsAlias())
        && Peek(ahead).Kind == TokenKind.LeftParen
        && Peek(ahead + 1).Kind is TokenKind.Word or TokenKind.QuotedWord
        && Peek(ahead + 2).Kind is TokenKind.Word or TokenKind.QuotedWord;

    private bool ParseOrdinality()
    {
        if (Word != Keyword.With || !IsWord(in Peek(1), "ordinality"))
        {
            return false;
        }

        _at += 2;
        return true;
    }

    private TableSource ParseRowsFrom(int position)
    {
        Expect(TokenKind.LeftParen);
        var calls = new List<Expr>();
        do
        {
            calls.Add(ParsePrimary());
        }
        while (Accept(TokenKind.Comma));
        Expect(TokenKind.RightParen);
        bool withOrdinality = ParseOrdinality();
        return WithAlias(new RowsFromSource(calls, withOrdinality) { Position = position });
    }

    /// <summary>
    /// Brackets in FROM: a query or a join. Which of the two <c>((select 1) ...</c> is, shows behind the inner brackets.
    /// </summary>
    private (Query? Query, TableSource? Source) ParseParenthesizedSource()
    {
        Enter();
        Expect(TokenKind.LeftParen);
        int position = Position;
        (Query? Query, TableSource? Source) result;
        if (StartsQuery(in _tokens[_at]))
        {
            result = (ParseQuery(), null);
        }
        else if (Kind == TokenKind.LeftParen)
        {
            (Query? inner, TableSource? source) = ParseParenthesizedSource();
            if (inner is not null && (Kind == TokenKind.RightParen || ContinuesQuery()))
            {
                result = (ContinueQuery(null, new NestedBody(inner) { Position = position }, position), null);
            }
            else
            {
                source ??= new QuerySource(inner!, false) { Position = position };
                result = (null, ParseJoins(IsAlias() ? WithAlias(source) : source));
            }
        }
        else
        {
            result = (null, ParseJoins(ParseSourcePrimary()));
        }

        Expect(TokenKind.RightParen);
        Leave();
        return result;
    }

    private bool IsAlias() => Word == Keyword.As || (IsColumnName() && !IsOptionClause() && !IsIndexedBy() && Word != Keyword.Values && Word != Keyword.Set);

    private bool IsIndexedBy() => Word == Keyword.Indexed && Peek(1).Keyword == Keyword.By;

    private TableSource WithAlias(TableSource source)
    {
        if (!IsAlias())
        {
            return source;
        }

        Accept(Keyword.As);
        string alias = Name();
        if (Kind != TokenKind.LeftParen)
        {
            return source with { Alias = alias };
        }

        return source with { Alias = alias, ColumnAliases = ParenthesizedNames() };
    }
}
