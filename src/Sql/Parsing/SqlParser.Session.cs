using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>Transactions, settings, prepared statements, cursors.</summary>
public sealed partial class SqlParser
{
    private TransactionStatement ParseTransaction()
    {
        int position = Position;
        Keyword word = Word;
        _at++;
        TransactionStatement result = word switch
        {
            Keyword.Begin => ParseBegin(TransactionVerb.Begin),
            Keyword.Start => ParseBegin(TransactionVerb.StartTransaction),
            Keyword.Savepoint => new TransactionStatement(TransactionVerb.Savepoint, Name(), TransactionModes.None),
            Keyword.Release => ParseRelease(),
            Keyword.Commit when AcceptWord("prepared") => new TransactionStatement(TransactionVerb.CommitPrepared, StringValue(), TransactionModes.None),
            Keyword.Rollback when AcceptWord("prepared") => new TransactionStatement(TransactionVerb.RollbackPrepared, StringValue(), TransactionModes.None),
            Keyword.Commit or Keyword.End => ParseEnd(TransactionVerb.Commit),
            _ => ParseRollback(),
        };
        return result with { Position = position };
    }

    private TransactionStatement ParseBegin(TransactionVerb verb)
    {
        if (verb == TransactionVerb.StartTransaction)
        {
            ExpectWord("transaction");
        }
        else
        {
            AcceptTransactionWord();
        }

        return new TransactionStatement(verb, null, ParseModes(false));
    }

    private void AcceptTransactionWord()
    {
        if (!AcceptWord("transaction"))
        {
            AcceptWord("work");
        }
    }

    private TransactionStatement ParseRelease()
    {
        Accept(Keyword.Savepoint);
        return new TransactionStatement(TransactionVerb.Release, Name(), TransactionModes.None);
    }

    private TransactionStatement ParseEnd(TransactionVerb verb)
    {
        AcceptTransactionWord();
        bool chain = false;
        if (Accept(Keyword.And))
        {
            chain = !AcceptWord("no");
            ExpectWord("chain");
        }

        return new TransactionStatement(verb, null, TransactionModes.None) { AndChain = chain };
    }

    private TransactionStatement ParseRollback()
    {
        AcceptTransactionWord();
        if (!Accept(Keyword.To))
        {
            return ParseEnd(TransactionVerb.Rollback);
        }

        Accept(Keyword.Savepoint);
        return new TransactionStatement(TransactionVerb.RollbackTo, Name(), TransactionModes.None);
    }

    private TransactionModes ParseModes(bool isRequired)
    {
        string? isolation = null;
        bool? isReadOnly = null;
        bool? isDeferrable = null;
        bool any = false;
        while (true)
        {
            bool afterComma = any && Accept(TokenKind.Comma);
            if (AcceptWords("isolation", "level"))
            {
                isolation = ParseIsolation();
            }
            else if (IsWord("read"))
            {
                _at++;
                isReadOnly = Accept(Keyword.Only);
                if (isReadOnly == false)
                {
                    ExpectWord("write");
                }
            }
            else if (Accept(Keyword.Deferrable))
            {
                isDeferrable = true;
            }
            else if (Word == Keyword.Not && Peek(1).Keyword == Keyword.Deferrable)
            {
                _at += 2;
                isDeferrable = false;
            }
            else if (afterComma || (isRequired && !any))
            {
                throw SyntaxError();
            }
            else
            {
                return any ? new TransactionModes(isolation, isReadOnly, isDeferrable) : TransactionModes.None;
            }

            any = true;
        }
    }

    private string ParseIsolation()
    {
        if (AcceptWord("serializable"))
        {
            return "serializable";
        }

        if (AcceptWords("repeatable", "read"))
        {
            return "repeatable read";
        }

        if (AcceptWords("read", "committed"))
        {
            return "read committed";
        }

        ExpectWords("read", "uncommitted");
        return "read uncommitted";
    }

    private Statement ParseSet()
    {
        int position = Position;
        Expect(Keyword.Set);
        if (IsWord("session") && IsWord(in Peek(1), "characteristics"))
        {
            _at += 2;
            Expect(Keyword.As);
            ExpectWord("transaction");
            return new SetTransactionStatement(ParseModes(true), true) { Position = position };
        }

        SetScope scope = SetScope.Session;
        if (IsWord("local") && IsSetName(1))
        {
            _at++;
            scope = SetScope.Local;
        }
        else if (IsWord("session") && IsSetName(1))
        {
            _at++;
        }

        if (IsWord("transaction") && Peek(1).Kind == TokenKind.Word && Peek(1).Keyword != Keyword.To)
        {
            _at++;
            return new SetTransactionStatement(ParseModes(true), false) { Position = position };
        }

        if (AcceptWord("constraints"))
        {
            return ParseSetConstraints(position);
        }

        return ParseSetSpecial(scope, position) ?? ParseSetParameter(scope, position);
    }

    private bool IsSetName(int ahead) => Peek(ahead).Kind is TokenKind.Word or TokenKind.QuotedWord && Peek(ahead).Keyword != Keyword.To;

    private SetConstraintsStatement ParseSetConstraints(int position)
    {
        if (!Accept(Keyword.All))
        {
            ObjectNameList();
        }

        bool isDeferred = AcceptWord("deferred");
        if (!isDeferred)
        {
            ExpectWord("immediate");
        }

        return new SetConstraintsStatement(isDeferred) { Position = position };
    }

    /// <summary>Forms of SET that have no equals sign.</summary>
    private SetStatement? ParseSetSpecial(SetScope scope, int position)
    {
        if (Word == Keyword.Time && IsWord(in Peek(1), "zone"))
        {
            _at += 2;
            return new SetStatement(scope, "timezone", ParseZoneValue()) { Position = position };
        }

        if (IsWord("names"))
        {
            _at++;
            IReadOnlyList<string> value = Kind is TokenKind.End or TokenKind.Semicolon || Accept(Keyword.Default) ? [] : [OptionValue()];
            return new SetStatement(scope, "client_encoding", value) { Position = position };
        }

        if (IsWord("schema") && Peek(1).Kind == TokenKind.String)
        {
            _at++;
            return new SetStatement(scope, "search_path", [StringValue()]) { Position = position };
        }

        if (IsWord("role") && Peek(1).Kind is TokenKind.Word or TokenKind.QuotedWord or TokenKind.String && Peek(1).Keyword != Keyword.To)
        {
            _at++;
            string role = OptionValue();
            return new SetStatement(scope, "role", role == "none" ? [] : [role]) { Position = position };
        }

        if (IsWord("authorization") || (IsWord("session") && Peek(1).Keyword == Keyword.Authorization))
        {
            _at += Word == Keyword.Authorization ? 1 : 2;
            return new SetStatement(scope, "session_authorization", Accept(Keyword.Default) ? [] : [OptionValue()]) { Position = position };
        }

        return null;
    }

    private IReadOnlyList<string> ParseZoneValue()
    {
        if (Accept(Keyword.Default) || AcceptWord("local"))
        {
            return [];
        }

        if (Word == Keyword.Interval)
        {
            _at++;
            string text = StringValue();
            ParseIntervalFields();
            return [text];
        }

        return [OptionValue()];
    }

    private SetStatement ParseSetParameter(SetScope scope, int position)
    {
        string name = ParseSettingName();
        if (!Accept(Keyword.To) && !Accept(TokenKind.Equal))
        {
            throw SyntaxError();
        }

        return new SetStatement(scope, name, ParseSettingValues()) { Position = position };
    }

    private IReadOnlyList<string> ParseSettingValues()
    {
        if (Accept(Keyword.Default))
        {
            return [];
        }

        var values = new List<string>(1);
        do
        {
            values.Add(OptionValue());
        }
        while (Accept(TokenKind.Comma));
        return values;
    }

    private string ParseSettingName()
    {
        string name = Label();
        while (Accept(TokenKind.Dot))
        {
            name += "." + Label();
        }

        return name;
    }

    private ShowStatement ParseShow()
    {
        int position = Position;
        _at++;
        if (Word == Keyword.Time && IsWord(in Peek(1), "zone"))
        {
            _at += 2;
            return new ShowStatement("timezone") { Position = position };
        }

        if (AcceptWords("transaction", "isolation", "level"))
        {
            return new ShowStatement("transaction_isolation") { Position = position };
        }

        if (AcceptWords("session", "authorization"))
        {
            return new ShowStatement("session_authorization") { Position = position };
        }

        return new ShowStatement(ParseSettingName()) { Position = position };
    }

    private ResetStatement ParseReset()
    {
        int position = Position;
        _at++;
        if (Word == Keyword.Time && IsWord(in Peek(1), "zone"))
        {
            _at += 2;
            return new ResetStatement("timezone") { Position = position };
        }

        if (AcceptWords("session", "authorization"))
        {
            return new ResetStatement("session_authorization") { Position = position };
        }

        return new ResetStatement(ParseSettingName()) { Position = position };
    }

    private DiscardStatement ParseDiscard()
    {
        int position = Position;
        _at++;
        DiscardTarget target = Accept(Keyword.All) ? DiscardTarget.All
            : AcceptWord("plans") ? DiscardTarget.Plans
            : AcceptWord("sequences") ? DiscardTarget.Sequences
            : AcceptWord("temp") || AcceptWord("temporary") ? DiscardTarget.Temp
            : throw SyntaxError();
        return new DiscardStatement(target) { Position = position };
    }

    private Statement ParsePrepare()
    {
        int position = Position;
        _at++;
        if (IsWord("transaction") && Peek(1).Kind == TokenKind.String)
        {
            _at++;
            return new TransactionStatement(TransactionVerb.PrepareTransaction, StringValue(), TransactionModes.None) { Position = position };
        }

        string name = Name();
        var types = new List<TypeName>();
        if (Accept(TokenKind.LeftParen))
        {
            do
            {
                types.Add(ParseTypeName());
            }
            while (Accept(TokenKind.Comma));
            Expect(TokenKind.RightParen);
        }

        Expect(Keyword.As);
        int start = _tokens[_at].Start;
        Statement target = ParseDataStatement();
        ParseTail(target);
        target.SourceStart = start;
        target.SourceLength = PreviousEnd - start;
        target.ParameterCount = Math.Max(_highestParameter, _questions);
        return new PrepareStatement(name, types, target) { Position = position };
    }

    private ExecuteStatement ParseExecute()
    {
        int position = Position;
        _at++;
        string name = Name();
        return new ExecuteStatement(name, Kind == TokenKind.LeftParen ? CallArguments() : []) { Position = position };
    }

    private DeallocateStatement ParseDeallocate()
    {
        int position = Position;
        _at++;
        if (Word == Keyword.Prepare && Peek(1).Kind is TokenKind.Word or TokenKind.QuotedWord)
        {
            _at++;
        }

        return new DeallocateStatement(Accept(Keyword.All) ? null : Name()) { Position = position };
    }

    private DeclareCursorStatement ParseDeclare()
    {
        int position = Position;
        _at++;
        string name = Name();
        bool isBinary = false;
        bool? isScroll = null;
        while (!AcceptWord("cursor"))
        {
            if (Accept(Keyword.Binary))
            {
                isBinary = true;
            }
            else if (AcceptWord("scroll"))
            {
                isScroll = true;
            }
            else if (AcceptWords("no", "scroll"))
            {
                isScroll = false;
            }
            else if (!AcceptWord("insensitive") && !AcceptWord("asensitive"))
            {
                throw SyntaxError();
            }
        }

        bool isHold = false;
        if (Word is Keyword.With or Keyword.Without && IsWord(in Peek(1), "hold"))
        {
            isHold = Word == Keyword.With;
            _at += 2;
        }

        Expect(Keyword.For);
        int start = _tokens[_at].Start;
        Statement query = ParseDataStatement();
        query.SourceStart = start;
        query.SourceLength = PreviousEnd - start;
        query.ParameterCount = Math.Max(_highestParameter, _questions);
        return new DeclareCursorStatement(name, isBinary, isScroll, isHold, query) { Position = position };
    }

    private FetchStatement ParseFetch()
    {
        int position = Position;
        bool isMove = Word == Keyword.Move;
        _at++;
        (FetchDirection direction, long count) = ParseDirection();
        if (!Accept(Keyword.From))
        {
            Accept(Keyword.In);
        }

        return new FetchStatement(Name(), direction, count, isMove) { Position = position };
    }

    private (FetchDirection Direction, long Count) ParseDirection()
    {
        if (Kind is TokenKind.Integer or TokenKind.Minus or TokenKind.Plus)
        {
            return (FetchDirection.Forward, SignedInteger());
        }

        if (Accept(Keyword.All))
        {
            return (FetchDirection.ForwardAll, 0);
        }

        // a word behind which a name (or FROM, IN) must still come is a direction; alone it is the cursor's name
        if (Peek(1).Kind is TokenKind.End or TokenKind.Semicolon)
        {
            return (FetchDirection.Next, 1);
        }

        if (AcceptWord("next"))
        {
            return (FetchDirection.Next, 1);
        }

        if (AcceptWord("prior"))
        {
            return (FetchDirection.Prior, 1);
        }

        if (AcceptWord("first"))
        {
            return (FetchDirection.First, 1);
        }

        if (AcceptWord("last"))
        {
            return (FetchDirection.Last, 1);
        }

        if (AcceptWord("absolute"))
        {
            return (FetchDirection.Absolute, SignedInteger());
        }

        if (AcceptWord("relative"))
        {
            return (FetchDirection.Relative, SignedInteger());
        }

        bool isBackward = IsWord("backward");
        if (!isBackward && !IsWord("forward"))
        {
            return (FetchDirection.Next, 1);
        }

        _at++;
        if (Accept(Keyword.All))
        {
            return (isBackward ? FetchDirection.BackwardAll : FetchDirection.ForwardAll, 0);
        }

        long count = Kind is TokenKind.Integer or TokenKind.Minus or TokenKind.Plus ? SignedInteger() : 1;
        return (isBackward ? FetchDirection.Backward : FetchDirection.Forward, count);
    }

    private CloseCursorStatement ParseClose()
    {
        int position = Position;
        _at++;
        return new CloseCursorStatement(Accept(Keyword.All) ? null : Name()) { Position = position };
    }
}
