using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>Queries: WITH, SELECT, VALUES, set operations, FROM, ORDER BY and LIMIT.</summary>
public sealed partial class SqlParser
{
    private static readonly OrderItem[] NoOrder = [];
    private static readonly LockingClause[] NoLocking = [];
    private static readonly TableSource[] NoSources = [];

    private Query ParseQuery()
    {
        Enter();
        int position = Position;
        WithClause? with = Word == Keyword.With ? ParseWith() : null;
        Query query = ContinueQuery(with, null, position);
        Leave();
        return query;
    }

    /// <summary>True at a word that continues a query behind its first bracketed part.</summary>
    private bool ContinuesQuery() => Word is Keyword.Union or Keyword.Intersect or Keyword.Except or Keyword.Order or Keyword.Limit or Keyword.Offset or Keyword.Fetch
        || (Word == Keyword.For && Peek(1).Keyword is Keyword.Update or Keyword.None);

    /// <summary>The rest of a query, whose first part may be parsed already.</summary>
    private Query ContinueQuery(WithClause? with, QueryBody? first, int position)
    {
        QueryBody body = ParseSetChain(first, 0);
        IReadOnlyList<OrderItem> order = Word == Keyword.Order ? ParseOrderBy() : NoOrder;
        Expr? limit = null;
        Expr? offset = null;
        bool hasLimit = false;
        bool withTies = false;
        List<LockingClause>? locking = null;
        while (true)
        {
            switch (Word)
            {
                case Keyword.Limit when !hasLimit:
                    hasLimit = true;
                    limit = ParseLimit();
                    continue;
                case Keyword.Offset when offset is null:
                    offset = ParseOffset();
                    continue;
                case Keyword.Fetch when !hasLimit:
                    hasLimit = true;
                    limit = ParseFetchFirst(out withTies);
                    continue;
                case Keyword.For when IsLocking():
                    (locking ??= []).Add(ParseLocking());
                    continue;
            }

            break;
        }

        bool isPlain = with is null && order.Count == 0 && limit is null && offset is null && locking is null;
        return isPlain && body is NestedBody nested
            ? nested.Query
            : new Query(with, body, order, limit, offset, locking ?? (IReadOnlyList<LockingClause>)NoLocking) { Position = position, WithTies = withTies };
    }

    private WithClause ParseWith()
    {
        int position = Position;
        Enter();
        Expect(Keyword.With);
        bool isRecursive = AcceptWord("recursive");
        var tables = new List<CommonTable>();
        do
        {
            int tablePosition = Position;
            string name = Name();
            List<Identifier> columns = Kind == TokenKind.LeftParen ? ParenthesizedNames() : [];
            Expect(Keyword.As);
            bool? isMaterialized = null;
            if (Word == Keyword.Not)
            {
                _at++;
                ExpectWord("materialized");
                isMaterialized = false;
            }
            else if (AcceptWord("materialized"))
            {
                isMaterialized = true;
            }

            Expect(TokenKind.LeftParen);
            Statement statement = ParseDataStatement();
            Expect(TokenKind.RightParen);
            tables.Add(new CommonTable(name, columns, statement, isMaterialized) { Position = tablePosition });
        }
        while (Accept(TokenKind.Comma));
        Leave();
        return new WithClause(isRecursive, tables) { Position = position };
    }

    /// <summary>A chain of UNION and EXCEPT (level 0), or of INTERSECT, which binds tighter (level 1).</summary>
    private QueryBody ParseSetChain(QueryBody? first, int level)
    {
        QueryBody left = level == 0 ? ParseSetChain(first, 1) : first ?? ParseQueryPrimary();
        while (level == 0 ? Word is Keyword.Union or Keyword.Except : Word == Keyword.Intersect)
        {
            Grow();
            int position = Position;
            SetOperator symbol = Word switch
            {
                Keyword.Union => SetOperator.Union,
                Keyword.Except => SetOperator.Except,
                _ => SetOperator.Intersect,
            };
            _at++;
            bool isAll = Accept(Keyword.All);
            if (!isAll)
            {
                Accept(Keyword.Distinct);
            }

            QueryBody right = level == 0 ? ParseSetChain(null, 1) : ParseQueryPrimary();
            left = new SetBody(symbol, isAll, left, right) { Position = position };
        }

        return left;
    }

    private QueryBody ParseQueryPrimary()
    {
        int position = Position;
        switch (Word)
        {
            case Keyword.Select:
                return ParseSelect();
            case Keyword.Values:
                return ParseValues();
            case Keyword.Table when Kind == TokenKind.Word:
                _at++;
                var source = new NamedSource(ParseObjectName()) { Position = position };
                return new SelectBody([new SelectItem(new StarExpr([]) { Position = position }, null) { Position = position }], [source], null) { Position = position };
            default:
                if (Kind == TokenKind.LeftParen && LeadsToQuery())
                {
                    return new NestedBody(ParenthesizedQuery()) { Position = position };
                }

                throw SyntaxError();
        }
    }

    private SelectBody ParseSelect()
    {
        int position = Position;
        Expect(Keyword.Select);
        bool isDistinct = Accept(Keyword.Distinct);
        List<Expr>? distinctOn = null;
        if (isDistinct && Word == Keyword.On)
        {
            _at++;
            Expect(TokenKind.LeftParen);
            distinctOn = ExprList();
            Expect(TokenKind.RightParen);
        }
        else if (!isDistinct)
        {
            Accept(Keyword.All);
        }

        IReadOnlyList<SelectItem> items = EndsSelectList() ? [] : ParseSelectItems();
        ObjectName? into = Accept(Keyword.Into) ? ParseIntoTable() : null;
        IReadOnlyList<TableSource> from = Accept(Keyword.From) ? ParseSources() : NoSources;
        Expr? where = Accept(Keyword.Where) ? ParseExpr() : null;
        var body = new SelectBody(items, from, where) { Position = position };
        if (isDistinct || into is not null)
        {
            body = body with { IsDistinct = isDistinct, DistinctOn = distinctOn ?? [], Into = into };
        }

        return Word is Keyword.Group or Keyword.Having or Keyword.Window ? ParseGrouping(body) : body;
    }

    private bool EndsSelectList() => Kind is TokenKind.End or TokenKind.Semicolon or TokenKind.RightParen || Word is Keyword.From or Keyword.Where;

    private ObjectName ParseIntoTable()
    {
        if (!AcceptWord("temporary") && !AcceptWord("temp"))
        {
            AcceptWord("unlogged");
        }

        Accept(Keyword.Table);
        return ParseObjectName();
    }

    private SelectBody ParseGrouping(SelectBody body)
    {
        List<Expr> groups = [];
        if (Accept(Keyword.Group))
        {
            Expect(Keyword.By);
            if (!Accept(Keyword.Distinct))
            {
                Accept(Keyword.All);
            }

            do
            {
                groups.Add(ParseGroupItem());
            }
            while (Accept(TokenKind.Comma));
        }

        Expr? having = Accept(Keyword.Having) ? ParseExpr() : null;
        var windows = new List<NamedWindow>();
        if (Accept(Keyword.Window))
        {
            do
            {
                int position = Position;
                string name = Name();
                Expect(Keyword.As);
                windows.Add(new NamedWindow(name, ParseWindow()) { Position = position });
            }
            while (Accept(TokenKind.Comma));
        }

        return body with { GroupBy = groups, Having = having, Windows = windows };
    }

    private Expr ParseGroupItem()
    {
        int position = Position;
        if (Kind == TokenKind.LeftParen && Peek(1).Kind == TokenKind.RightParen)
        {
            _at += 2;
            return new GroupingSetExpr("empty", []) { Position = position };
        }

        string? kind = (IsWord("rollup") || IsWord("cube")) && Peek(1).Kind == TokenKind.LeftParen ? TakeWord()
            : Word == Keyword.Grouping && IsWord(in Peek(1), "sets") ? "sets"
            : null;
        if (kind is null)
        {
            return ParseExpr();
        }

        if (kind == "sets")
        {
            _at += 2;
        }

        Enter();
        Expect(TokenKind.LeftParen);
        var items = new List<Expr>();
        do
        {
            items.Add(ParseGroupItem());
        }
        while (Accept(TokenKind.Comma));
        Expect(TokenKind.RightParen);
        Leave();
        return new GroupingSetExpr(kind, items) { Position = position };
    }

    private List<SelectItem> ParseSelectItems()
    {
        var items = new List<SelectItem>(4);
        do
        {
            int position = Position;
            Expr expr = ParseExpr();
            string? alias = null;
            if (Accept(Keyword.As))
            {
                alias = Label();
            }
            else if (IsBareLabel())
            {
                alias = TakeWord();
            }

            items.Add(new SelectItem(expr, alias) { Position = position });
        }
        while (Accept(TokenKind.Comma));
        return items;
    }

    private bool IsBareLabel() => Kind == TokenKind.QuotedWord
        || (Kind == TokenKind.Word && !Keywords.NeedsAsBefore(Word) && !Keywords.IsReserved(Word) && !IsOptionClause());

    private bool IsOptionClause() => Word == Keyword.Option && Peek(1).Kind == TokenKind.LeftParen;

    private ValuesBody ParseValues()
    {
        int position = Position;
        Expect(Keyword.Values);
        var rows = new List<IReadOnlyList<Expr>>(1);
        do
        {
            Expect(TokenKind.LeftParen);
            rows.Add(ExprList());
            Expect(TokenKind.RightParen);
        }
        while (Accept(TokenKind.Comma));
        return new ValuesBody(rows) { Position = position };
    }

    private Expr? ParseLimit()
    {
        Expect(Keyword.Limit);
        if (Accept(Keyword.All))
        {
            return null;
        }

        Expr limit = ParseExpr();
        if (Kind == TokenKind.Comma)
        {
            throw new DbException(SqlStates.SyntaxError, "LIMIT #,# syntax is not supported", hint: "Use separate LIMIT and OFFSET clauses.", position: TextPosition.InCharacters(_sql, Position));
        }

        return limit is LiteralExpr { Value.IsNull: true } ? null : limit;
    }

    private Expr ParseOffset()
    {
        Expect(Keyword.Offset);
        Expr offset = ParseExpr();
        if (!AcceptWord("rows"))
        {
            AcceptWord("row");
        }

        return offset;
    }

    private Expr ParseFetchFirst(out bool withTies)
    {
        int position = Position;
        Expect(Keyword.Fetch);
        if (!AcceptWord("first"))
        {
            ExpectWord("next");
        }

        Expr count = IsWord("row") || IsWord("rows") ? new LiteralExpr(Datum.Int(1), SqlType.Int8) { Position = position } : ParseExpr(OtherLevel);
        if (!AcceptWord("rows"))
        {
            ExpectWord("row");
        }

        withTies = Accept(Keyword.With);
        if (withTies)
        {
            ExpectWord("ties");
        }
        else
        {
            Expect(Keyword.Only);
        }

        return count;
    }

    private bool IsLocking()
    {
        ref readonly Token next = ref Peek(1);
        return next.Keyword == Keyword.Update || IsWord(in next, "share") || IsWord(in next, "no") || IsWord(in next, "key") || IsWord(in next, "read");
    }

    private LockingClause ParseLocking()
    {
        int position = Position;
        Expect(Keyword.For);
        LockStrength strength;
        if (Accept(Keyword.Update))
        {
            strength = LockStrength.Update;
        }
        else if (AcceptWord("share"))
        {
            strength = LockStrength.Share;
        }
        else if (AcceptWords("key", "share"))
        {
            strength = LockStrength.KeyShare;
        }
        else if (AcceptWords("read", "only"))
        {
            throw ErrorAt(position, "FOR READ ONLY is not supported", SqlStates.FeatureNotSupported);
        }
        else
        {
            ExpectWords("no", "key", "update");
            strength = LockStrength.NoKeyUpdate;
        }

        List<Identifier> tables = AcceptWord("of") ? NameList() : [];
        LockWait wait = AcceptWord("nowait") ? LockWait.NoWait : AcceptWords("skip", "locked") ? LockWait.SkipLocked : LockWait.Wait;
        return new LockingClause(strength, tables, wait) { Position = position };
    }
}
