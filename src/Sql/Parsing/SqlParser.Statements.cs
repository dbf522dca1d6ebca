using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>Which statement it is, and what may stand behind each: WAIT APPLIED and OPTION(...).</summary>
public sealed partial class SqlParser
{
    private Statement ParseTopStatement()
    {
        int start = _tokens[_at].Start;
        _highestParameter = 0;
        _questions = 0;
        Statement statement = ParseStatementBody();
        ParseTail(statement);
        statement.SourceStart = start;
        statement.SourceLength = PreviousEnd - start;
        statement.ParameterCount = Math.Max(_highestParameter, _questions);
        return statement;
    }

    private void ParseTail(Statement statement)
    {
        if (AcceptWords("wait", "applied"))
        {
            if (AcceptWord("locally"))
            {
                statement.WaitsLocally = true;
            }
            else
            {
                ExpectWord("globally");
            }
        }

        if (IsOptionClause())
        {
            _at++;
            statement.OptionClause = ParseOptions();
        }
    }

    private List<StatementOption> ParseOptions()
    {
        var options = new List<StatementOption>();
        Expect(TokenKind.LeftParen);
        do
        {
            int position = Position;
            string name = Label();
            Expect(TokenKind.Equal);
            int valuePosition = Position;
            Expr value = Word == Keyword.On ? new ColumnExpr([TakeWord()]) { Position = valuePosition } : ParseExpr();
            options.Add(new StatementOption(name, value) { Position = position });
        }
        while (Accept(TokenKind.Comma));
        Expect(TokenKind.RightParen);
        return options;
    }

    /// <summary>A statement that reads or writes rows: may be explained, prepared, declared, put into WITH.</summary>
    private Statement ParseDataStatement()
    {
        int position = Position;
        switch (Word)
        {
            case Keyword.With:
                WithClause with = ParseWith();
                return Word switch
                {
                    Keyword.Insert => ParseInsert(with),
                    Keyword.Update => ParseUpdate(with),
                    Keyword.Delete => ParseDelete(with),
                    _ => new QueryStatement(ContinueQuery(with, null, position)) { Position = position },
                };
            case Keyword.Insert:
                return ParseInsert(null);
            case Keyword.Update:
                return ParseUpdate(null);
            case Keyword.Delete:
                return ParseDelete(null);
            default:
                return new QueryStatement(ParseQuery()) { Position = position };
        }
    }

    private Statement ParseStatementBody() => Word switch
    {
        Keyword.Select or Keyword.Values or Keyword.With or Keyword.Table or Keyword.Insert or Keyword.Update or Keyword.Delete => ParseDataStatement(),
        Keyword.None when Kind == TokenKind.LeftParen => ParseDataStatement(),
        Keyword.Begin or Keyword.Start or Keyword.Commit or Keyword.End or Keyword.Rollback or Keyword.Abort or Keyword.Savepoint or Keyword.Release => ParseTransaction(),
        Keyword.Set => ParseSet(),
        Keyword.Show => ParseShow(),
        Keyword.Reset => ParseReset(),
        Keyword.Explain => ParseExplain(),
        Keyword.Copy => ParseCopy(),
        Keyword.Create => ParseCreate(),
        Keyword.Drop => ParseDrop(),
        Keyword.Alter => ParseAlter(),
        Keyword.Truncate => ParseTruncate(),
        Keyword.Prepare => ParsePrepare(),
        Keyword.Execute => ParseExecute(),
        Keyword.Deallocate => ParseDeallocate(),
        Keyword.Declare => ParseDeclare(),
        Keyword.Fetch or Keyword.Move => ParseFetch(),
        Keyword.Close => ParseClose(),
        Keyword.Call => ParseProcedureCall(),
        Keyword.Do => ParseDo(),
        Keyword.Backup => ParseBackup(),
        Keyword.Grant => ParseGrant(),
        Keyword.Analyze or Keyword.Analyse => ParseVacuum(),
        _ => ParseRareStatement(),
    };

    /// <summary>Statements that begin with a word that is no keyword by number.</summary>
    private Statement ParseRareStatement()
    {
        int position = Position;
        if (IsWord("vacuum"))
        {
            return ParseVacuum();
        }

        if (IsWord("revoke"))
        {
            return ParseGrant();
        }

        if (IsWord("discard"))
        {
            return ParseDiscard();
        }

        if (AcceptWord("checkpoint"))
        {
            return new CheckpointStatement { Position = position };
        }

        if (IsWord("lock"))
        {
            return ParseLockTable();
        }

        if (IsWord("listen") || IsWord("unlisten") || IsWord("notify"))
        {
            return ParseNotification();
        }

        if (IsWord("comment"))
        {
            return ParseComment();
        }

        if (IsWord("audit"))
        {
            return ParseAuditPolicy();
        }

        foreach (string verb in (ReadOnlySpan<string>)["reindex", "cluster", "merge", "reassign", "security", "import", "load", "refresh"])
        {
            if (IsWord(verb))
            {
                return Unsupported(verb.ToUpperInvariant());
            }
        }

        throw SyntaxError();
    }

    /// <summary>Reads over the rest of a statement that is known but not done here; brackets need not fit.</summary>
    private UnsupportedStatement Unsupported(string what)
    {
        int position = Position;
        while (Kind is not (TokenKind.End or TokenKind.Semicolon))
        {
            Advance();
        }

        return new UnsupportedStatement(what) { Position = position };
    }

    private BackupStatement ParseBackup()
    {
        int position = Position;
        _at++;
        return new BackupStatement { Position = position };
    }

    private ExplainStatement ParseExplain()
    {
        int position = Position;
        Expect(Keyword.Explain);
        var facets = new List<(string, string?)>();
        if (Kind == TokenKind.LeftParen && !LeadsToQuery())
        {
            ParseExplainFacets(facets);
        }
        else
        {
            if (Accept(Keyword.Analyze) || Accept(Keyword.Analyse))
            {
                facets.Add(("analyze", null));
            }

            if (Accept(Keyword.Verbose))
            {
                facets.Add(("verbose", null));
            }
        }

        Statement target = Word switch
        {
            Keyword.Do => ParseDo(),
            Keyword.Execute => ParseExecute(),
            Keyword.Declare => ParseDeclare(),
            Keyword.Create when IsWord(in Peek(1), "table") || IsWord(in Peek(1), "materialized") => ParseCreate(),
            _ => ParseDataStatement(),
        };
        return new ExplainStatement(target, facets) { Position = position };
    }

    private void ParseExplainFacets(List<(string, string?)> facets)
    {
        Expect(TokenKind.LeftParen);
        do
        {
            string name = Label();
            string? value = Kind is TokenKind.Comma or TokenKind.RightParen ? null : OptionValue();
            facets.Add((name == "analyse" ? "analyze" : name, value));
        }
        while (Accept(TokenKind.Comma));
        Expect(TokenKind.RightParen);
    }

    /// <summary>A word, string or number as text, folded when it is a word.</summary>
    private string OptionValue()
    {
        switch (Kind)
        {
            case TokenKind.Word or TokenKind.QuotedWord:
                return TakeWord();
            case TokenKind.String or TokenKind.EscapeString or TokenKind.DollarString:
                return StringValue();
            case TokenKind.Minus or TokenKind.Plus:
                string sign = Kind == TokenKind.Minus ? "-" : "";
                _at++;
                return Kind is TokenKind.Integer or TokenKind.Decimal or TokenKind.Float ? sign + OptionValue() : throw SyntaxError();
            case TokenKind.Integer or TokenKind.Decimal or TokenKind.Float:
                string number = _sql.Substring(_tokens[_at].Start, _tokens[_at].Length);
                _at++;
                return number;
            default:
                throw SyntaxError();
        }
    }

    private TruncateStatement ParseTruncate()
    {
        int position = Position;
        Expect(Keyword.Truncate);
        Accept(Keyword.Table);
        var tables = new List<ObjectName>();
        do
        {
            Accept(Keyword.Only);
            tables.Add(ParseObjectName());
            Accept(TokenKind.Star);
        }
        while (Accept(TokenKind.Comma));
        bool restarts = AcceptWords("restart", "identity");
        if (!restarts)
        {
            AcceptWords("continue", "identity");
        }

        return new TruncateStatement(tables, restarts, AcceptBehavior()) { Position = position };
    }

    /// <summary>CASCADE (true) or RESTRICT or nothing.</summary>
    private bool AcceptBehavior()
    {
        if (AcceptWord("cascade"))
        {
            return true;
        }

        AcceptWord("restrict");
        return false;
    }

    private VacuumStatement ParseVacuum()
    {
        int position = Position;
        bool isVacuum = AcceptWord("vacuum");
        bool isAnalyze = !isVacuum;
        bool isVerbose = false;
        if (!isVacuum)
        {
            _at++;
        }

        if (Kind == TokenKind.LeftParen)
        {
            var facets = new List<(string Name, string? Value)>();
            ParseExplainFacets(facets);
            isAnalyze |= facets.Exists(facet => facet.Name == "analyze");
            isVerbose = facets.Exists(facet => facet.Name == "verbose");
        }
        else
        {
            while (Word is Keyword.Full or Keyword.Freeze or Keyword.Verbose or Keyword.Analyze or Keyword.Analyse)
            {
                isAnalyze |= Word is Keyword.Analyze or Keyword.Analyse;
                isVerbose |= Word == Keyword.Verbose;
                _at++;
            }
        }

        var tables = new List<ObjectName>();
        if (IsColumnName())
        {
            do
            {
                tables.Add(ParseObjectName());
                if (Kind == TokenKind.LeftParen)
                {
                    ParenthesizedNames();
                }
            }
            while (Accept(TokenKind.Comma));
        }

        return new VacuumStatement(isVacuum, isAnalyze, isVerbose, tables) { Position = position };
    }

    private LockTableStatement ParseLockTable()
    {
        int position = Position;
        _at++;
        Accept(Keyword.Table);
        var tables = new List<ObjectName>();
        do
        {
            Accept(Keyword.Only);
            tables.Add(ParseObjectName());
            Accept(TokenKind.Star);
        }
        while (Accept(TokenKind.Comma));
        string mode = "access exclusive";
        if (Accept(Keyword.In))
        {
            mode = Label();
            while (!IsWord("mode"))
            {
                mode += " " + Label();
            }

            _at++;
            bool isKnown = mode is "access share" or "row share" or "row exclusive" or "share update exclusive" or "share" or "share row exclusive" or "exclusive" or "access exclusive";
            if (!isKnown)
            {
                throw SyntaxError(in _tokens[_at - 2]);
            }
        }

        return new LockTableStatement(tables, mode, AcceptWord("nowait")) { Position = position };
    }

    private Statement ParseNotification()
    {
        int position = Position;
        if (AcceptWord("listen"))
        {
            return new ListenStatement(Name()) { Position = position };
        }

        if (AcceptWord("unlisten"))
        {
            return new UnlistenStatement(Accept(TokenKind.Star) ? null : Name()) { Position = position };
        }

        ExpectWord("notify");
        string channel = Name();
        return new NotifyStatement(channel, Accept(TokenKind.Comma) ? StringValue() : "") { Position = position };
    }

    private CommentStatement ParseComment()
    {
        int position = Position;
        _at++;
        Expect(Keyword.On);
        string kind = Label();
        if (kind == "materialized")
        {
            ExpectWord("view");
            kind = "materialized view";
        }

        ObjectName name = ParseAnyName();
        if (Kind == TokenKind.LeftParen)
        {
            ParseTypeList();
        }

        if (Accept(Keyword.On))
        {
            name = new ObjectName([.. ParseAnyName().Parts, name.Name]) { Position = name.Position };
        }

        Expect(Keyword.Is);
        string? text = Accept(Keyword.Null) ? null : StringValue();
        return new CommentStatement(kind, name, text) { Position = position };
    }

    /// <summary>Types in brackets; the list may be empty. Names of arguments before types are read over.</summary>
    private List<TypeName> ParseTypeList()
    {
        var types = new List<TypeName>();
        Expect(TokenKind.LeftParen);
        if (Accept(TokenKind.RightParen))
        {
            return types;
        }

        do
        {
            bool hasName = Kind is TokenKind.Word or TokenKind.QuotedWord && Peek(1).Kind is TokenKind.Word or TokenKind.QuotedWord
                && Peek(1).Keyword is not (Keyword.Precision or Keyword.Varying or Keyword.With or Keyword.Without or Keyword.Array);
            if (hasName && !IsWord("double") && !IsWord("national"))
            {
                _at++;
            }

            types.Add(ParseTypeName());
        }
        while (Accept(TokenKind.Comma));
        Expect(TokenKind.RightParen);
        return types;
    }
}
