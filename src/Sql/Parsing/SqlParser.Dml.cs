namespace Picodata.Sql.Parsing;

/// <summary>INSERT, UPDATE, DELETE, CALL.</summary>
public sealed partial class SqlParser
{
    private InsertStatement ParseInsert(WithClause? with)
    {
        int position = Position;
        Expect(Keyword.Insert);
        Expect(Keyword.Into);
        ObjectName table = ParseObjectName();
        string? alias = Accept(Keyword.As) ? Name() : null;
        List<Identifier> columns = Kind == TokenKind.LeftParen && !LeadsToQuery() ? ParenthesizedNames() : [];
        bool? overriding = null;
        if (AcceptWord("overriding"))
        {
            overriding = AcceptWord("system");
            if (overriding == false)
            {
                Expect(Keyword.User);
            }

            ExpectWord("value");
        }

        Query? source = null;
        if (Accept(Keyword.Default))
        {
            Expect(Keyword.Values);
        }
        else
        {
            source = ParseQuery();
        }

        ConflictClause? conflict = Word == Keyword.On ? ParseConflict() : null;
        return new InsertStatement(table, alias, columns, source)
        {
            Position = position,
            With = with,
            OnConflict = conflict,
            Returning = ParseReturning(),
            OverridingSystem = overriding,
        };
    }

    private IReadOnlyList<SelectItem> ParseReturning() => Accept(Keyword.Returning) ? ParseSelectItems() : [];

    private ConflictClause ParseConflict()
    {
        int position = Position;
        Expect(Keyword.On);
        Expect(Keyword.Conflict);
        var target = new List<Expr>();
        string? constraint = null;
        Expr? targetWhere = null;
        if (Accept(TokenKind.LeftParen))
        {
            do
            {
                target.Add(ParseExpr());
            }
            while (Accept(TokenKind.Comma));
            Expect(TokenKind.RightParen);
            targetWhere = Accept(Keyword.Where) ? ParseExpr() : null;
        }
        else if (Accept(Keyword.On))
        {
            Expect(Keyword.Constraint);
            constraint = Name();
        }

        Expect(Keyword.Do);
        ConflictAction action;
        if (AcceptWord("nothing"))
        {
            action = ConflictAction.Nothing;
        }
        else if (AcceptWord("replace"))
        {
            action = ConflictAction.Replace;
        }
        else if (AcceptWord("fail"))
        {
            action = ConflictAction.Fail;
        }
        else
        {
            Expect(Keyword.Update);
            Expect(Keyword.Set);
            List<Assignment> set = ParseAssignments();
            Expr? where = Accept(Keyword.Where) ? ParseExpr() : null;
            return new ConflictClause(target, constraint, targetWhere, ConflictAction.Update, set, where) { Position = position };
        }

        return new ConflictClause(target, constraint, targetWhere, action, [], null) { Position = position };
    }

    private List<Assignment> ParseAssignments()
    {
        var set = new List<Assignment>(1);
        do
        {
            int position = Position;
            if (Kind == TokenKind.LeftParen)
            {
                List<Identifier> columns = ParenthesizedNames();
                Expect(TokenKind.Equal);
                set.Add(new Assignment(columns, ParseExpr(), true) { Position = position });
                continue;
            }

            Identifier column = NameWithPosition();
            if (Accept(TokenKind.Dot))
            {
                column = new Identifier(Label(), position);
            }

            Expect(TokenKind.Equal);
            set.Add(new Assignment([column], ParseExpr(), false) { Position = position });
        }
        while (Accept(TokenKind.Comma));
        return set;
    }

    private UpdateStatement ParseUpdate(WithClause? with)
    {
        int position = Position;
        Expect(Keyword.Update);
        Accept(Keyword.Only);
        ObjectName table = ParseObjectName();
        Accept(TokenKind.Star);
        string? alias = ParseDmlAlias();
        string? index = Word == Keyword.Indexed ? ParseIndexedBy() : null;
        Expect(Keyword.Set);
        List<Assignment> set = ParseAssignments();
        IReadOnlyList<TableSource> from = Accept(Keyword.From) ? ParseSources() : NoSources;
        (Expr? where, string? cursor) = ParseDmlWhere();
        return new UpdateStatement(table, alias, set, from, where)
        {
            Position = position,
            With = with,
            IndexedBy = index,
            Returning = ParseReturning(),
            CurrentOf = cursor,
        };
    }

    private DeleteStatement ParseDelete(WithClause? with)
    {
        int position = Position;
        Expect(Keyword.Delete);
        Expect(Keyword.From);
        Accept(Keyword.Only);
        ObjectName table = ParseObjectName();
        Accept(TokenKind.Star);
        string? alias = ParseDmlAlias();
        string? index = Word == Keyword.Indexed ? ParseIndexedBy() : null;
        IReadOnlyList<TableSource> sources = Accept(Keyword.Using) ? ParseSources() : NoSources;
        (Expr? where, string? cursor) = ParseDmlWhere();
        return new DeleteStatement(table, alias, sources, where)
        {
            Position = position,
            With = with,
            IndexedBy = index,
            Returning = ParseReturning(),
            CurrentOf = cursor,
        };
    }

    private string? ParseDmlAlias()
    {
        if (Accept(Keyword.As))
        {
            return Name();
        }

        return IsAlias() ? TakeWord() : null;
    }

    private (Expr? Where, string? Cursor) ParseDmlWhere()
    {
        if (!Accept(Keyword.Where))
        {
            return (null, null);
        }

        if (IsWord("current") && IsWord(in Peek(1), "of"))
        {
            _at += 2;
            return (null, Name());
        }

        return (ParseExpr(), null);
    }

    private CallStatement ParseProcedureCall()
    {
        int position = Position;
        Expect(Keyword.Call);
        ObjectName name = ParseObjectName();
        return new CallStatement(name, CallArguments()) { Position = position };
    }
}
