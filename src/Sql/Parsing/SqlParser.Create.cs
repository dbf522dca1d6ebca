namespace Picodata.Sql.Parsing;

/// <summary>CREATE of everything but users.</summary>
public sealed partial class SqlParser
{
    private Statement ParseCreate()
    {
        int position = Position;
        Expect(Keyword.Create);
        bool orReplace = Accept(Keyword.Or);
        if (orReplace)
        {
            ExpectWord("replace");
        }

        if (IsWord("procedure"))
        {
            return ParseCreateProcedure(orReplace, position);
        }

        bool isTemporary = AcceptTemporary();
        bool isUnlogged = AcceptWord("unlogged");
        if (Accept(Keyword.Table))
        {
            return ParseCreateTable(position, isTemporary, isUnlogged);
        }

        if (AcceptWord("sequence"))
        {
            return ParseCreateSequence(position, isTemporary);
        }

        if (IsWord("view") || IsWord("recursive") || IsWord("materialized"))
        {
            return ParseCreateView(position, orReplace, isTemporary);
        }

        if (Word == Keyword.Unique || IsWord("index"))
        {
            return ParseCreateIndex(position);
        }

        if (AcceptWord("schema"))
        {
            bool ifNotExists = AcceptIfNotExists();
            string name = Accept(Keyword.Authorization) ? Name() : Name();
            if (Accept(Keyword.Authorization))
            {
                Name();
            }

            return new CreateSchemaStatement(name, ifNotExists) { Position = position };
        }

        if (Word == Keyword.User || IsWord("role") || Word == Keyword.Group)
        {
            return ParseCreateUser(position);
        }

        if (AcceptWord("database"))
        {
            var database = new CreateDatabaseStatement(Name()) { Position = position };
            Unsupported("");
            return database;
        }

        return ParseCreateOther();
    }

    private bool AcceptTemporary()
    {
        if (IsWord("global") || IsWord("local"))
        {
            _at++;
        }

        return AcceptWord("temporary") || AcceptWord("temp");
    }

    private UnsupportedStatement ParseCreateOther()
    {
        foreach (string kind in (ReadOnlySpan<string>)["extension", "type", "domain", "function", "trigger", "rule", "cast", "operator", "aggregate", "collation", "tablespace", "server", "publication", "subscription", "policy", "plugin", "language", "statistics", "event", "foreign", "text", "access", "conversion", "constraint"])
        {
            if (IsWord(kind))
            {
                return Unsupported("CREATE " + kind.ToUpperInvariant());
            }
        }

        throw SyntaxError();
    }

    private Statement ParseCreateTable(int position, bool isTemporary, bool isUnlogged)
    {
        bool ifNotExists = AcceptIfNotExists();
        ObjectName name = ParseObjectName();
        var columns = new List<ColumnDefinition>();
        var constraints = new List<TableConstraint>();
        if (IsWord("partition"))
        {
            return Unsupported("CREATE TABLE ... PARTITION OF");
        }

        bool hasTypes = false;
        if (Accept(TokenKind.LeftParen))
        {
            if (Kind != TokenKind.RightParen)
            {
                do
                {
                    hasTypes |= ParseTableElement(columns, constraints);
                }
                while (Accept(TokenKind.Comma));
            }

            Expect(TokenKind.RightParen);
            hasTypes |= columns.Count == 0;
        }

        var statement = new CreateTableStatement(name, ifNotExists, columns, constraints) { Position = position, IsTemporary = isTemporary, IsUnlogged = isUnlogged };
        statement = ParseTableTail(statement);
        if (Word == Keyword.As && !(hasTypes && columns.Count > 0))
        {
            _at++;
            statement = statement with { AsQuery = ParseQuery() };
            if (Word == Keyword.With && !IsWord(in Peek(1), "data"))
            {
                _at++;
                ExpectWords("no", "data");
                return statement with { WithNoData = true };
            }

            if (Accept(Keyword.With))
            {
                ExpectWord("data");
            }

            return statement;
        }

        return hasTypes ? statement : throw SyntaxError();
    }

    private CreateTableStatement ParseTableTail(CreateTableStatement statement)
    {
        while (true)
        {
            int position = Position;
            if (Accept(Keyword.Using))
            {
                statement = statement with { Engine = Label() };
            }
            else if (Word == Keyword.With && Peek(1).Kind == TokenKind.LeftParen)
            {
                _at++;
                statement = statement with { Storage = ParseStorageParameters() };
            }
            else if (Word == Keyword.Without && IsWord(in Peek(1), "oids"))
            {
                _at += 2;
            }
            else if (AcceptWord("tablespace"))
            {
                Name();
            }
            else if (Word == Keyword.On && Peek(1).Keyword == Keyword.Commit)
            {
                _at += 2;
                statement = statement with { OnCommit = ParseOnCommit() };
            }
            else if (AcceptWord("distributed"))
            {
                statement = statement with { Distribution = ParseDistribution(position) };
            }
            else if (IsWord("partition") || IsWord("inherits"))
            {
                throw ErrorAt(position, $"{Label().ToUpperInvariant()} is not supported", Core.SqlStates.FeatureNotSupported);
            }
            else
            {
                return statement;
            }
        }
    }

    private string ParseOnCommit()
    {
        if (Accept(Keyword.Drop))
        {
            return "drop";
        }

        if (Accept(Keyword.Delete))
        {
            ExpectWord("rows");
            return "delete rows";
        }

        ExpectWords("preserve", "rows");
        return "preserve rows";
    }

    private Distribution ParseDistribution(int position)
    {
        bool isGlobal = AcceptWord("globally");
        List<Identifier> columns = [];
        if (!isGlobal)
        {
            Expect(Keyword.By);
            columns = ParenthesizedNames();
        }

        string? tier = null;
        if (Word == Keyword.In && IsWord(in Peek(1), "tier"))
        {
            _at += 2;
            tier = Name();
        }

        return new Distribution(isGlobal, columns, tier) { Position = position };
    }

    private List<(string Name, string? Value)> ParseStorageParameters()
    {
        var parameters = new List<(string, string?)>();
        Expect(TokenKind.LeftParen);
        do
        {
            string name = ParseSettingName();
            parameters.Add((name, Accept(TokenKind.Equal) ? OptionValue() : null));
        }
        while (Accept(TokenKind.Comma));
        Expect(TokenKind.RightParen);
        return parameters;
    }

    private Statement ParseCreateIndex(int position)
    {
        bool isUnique = Accept(Keyword.Unique);
        ExpectWord("index");
        bool isConcurrent = Accept(Keyword.Concurrently);
        bool ifNotExists = AcceptIfNotExists();
        string? name = Word == Keyword.On ? null : ParseObjectName().Name;
        Expect(Keyword.On);
        Accept(Keyword.Only);
        ObjectName table = ParseObjectName();
        string? method = Accept(Keyword.Using) ? Label() : null;
        List<IndexItem> items = ParseIndexItems();
        List<Identifier> include = AcceptWord("include") ? ParenthesizedNames() : [];
        if (AcceptWord("nulls"))
        {
            Accept(Keyword.Not);
            Expect(Keyword.Distinct);
        }

        List<(string, string?)> storage = Accept(Keyword.With) ? ParseStorageParameters() : [];
        if (AcceptWord("tablespace"))
        {
            Name();
        }

        Expr? where = Accept(Keyword.Where) ? ParseExpr() : null;
        return new CreateIndexStatement(name, isUnique, ifNotExists, table, method, items)
        {
            Position = position,
            Include = include,
            Storage = storage,
            Where = where,
            IsConcurrent = isConcurrent,
        };
    }

    private List<IndexItem> ParseIndexItems()
    {
        var items = new List<IndexItem>();
        Expect(TokenKind.LeftParen);
        do
        {
            int position = Position;
            Expr expr = Kind == TokenKind.LeftParen ? FromParenthesized(ParseParenthesized(), position) : ParseNamed();
            if (Accept(Keyword.Collate))
            {
                ParseAnyName();
            }

            if (IsColumnName() && Word != Keyword.Nulls)
            {
                ParseAnyName(); // operator class: only the default order is there
            }

            bool isDescending = Accept(Keyword.Desc);
            if (!isDescending)
            {
                Accept(Keyword.Asc);
            }

            NullsOrder nulls = ParseNullsOrder();
            items.Add(expr is ColumnExpr { Parts.Count: 1 } column
                ? new IndexItem(column.Parts[0], null, isDescending, nulls) { Position = position }
                : new IndexItem(null, expr, isDescending, nulls) { Position = position });
        }
        while (Accept(TokenKind.Comma));
        Expect(TokenKind.RightParen);
        return items;
    }

    private Statement ParseCreateView(int position, bool orReplace, bool isTemporary)
    {
        bool isMaterialized = AcceptWord("materialized");
        AcceptWord("recursive");
        ExpectWord("view");
        bool ifNotExists = AcceptIfNotExists();
        ObjectName name = ParseObjectName();
        List<Identifier> columns = Kind == TokenKind.LeftParen ? ParenthesizedNames() : [];
        if (Accept(Keyword.With))
        {
            ParseStorageParameters();
        }

        Expect(Keyword.As);
        int start = _tokens[_at].Start;
        Query query = ParseQuery();
        string text = Source(start);
        if (Accept(Keyword.With))
        {
            AcceptWord("no");
            if (!AcceptWord("data"))
            {
                throw ErrorAt(Position, "WITH CHECK OPTION is not supported", Core.SqlStates.FeatureNotSupported);
            }
        }

        return new CreateViewStatement(name, orReplace, columns, query, text)
        {
            Position = position,
            IsTemporary = isTemporary,
            IsMaterialized = isMaterialized,
            IfNotExists = ifNotExists,
        };
    }

    private Statement ParseCreateSequence(int position, bool isTemporary)
    {
        bool ifNotExists = AcceptIfNotExists();
        ObjectName name = ParseObjectName();
        return new CreateSequenceStatement(name, ifNotExists, ParseSequenceOptions()) { Position = position, IsTemporary = isTemporary };
    }

    private SequenceOptions ParseSequenceOptions()
    {
        SequenceOptions options = SequenceOptions.None;
        while (ParseSequenceOption(options) is { } next)
        {
            options = next;
        }

        return options;
    }

    private SequenceOptions? ParseSequenceOption(SequenceOptions options)
    {
        if (Accept(Keyword.As))
        {
            return options with { Type = ParseTypeName() };
        }

        if (Accept(Keyword.Start))
        {
            Accept(Keyword.With);
            return options with { Start = SignedInteger() };
        }

        if (AcceptWord("increment"))
        {
            Accept(Keyword.By);
            return options with { Increment = SignedInteger() };
        }

        if (AcceptWord("minvalue"))
        {
            return options with { Minimum = SignedInteger() };
        }

        if (AcceptWord("maxvalue"))
        {
            return options with { Maximum = SignedInteger() };
        }

        if (AcceptWord("cache"))
        {
            return options with { Cache = SignedInteger() };
        }

        if (AcceptWord("cycle"))
        {
            return options with { IsCycle = true };
        }

        return ParseRareSequenceOption(options);
    }

    private SequenceOptions? ParseRareSequenceOption(SequenceOptions options)
    {
        if (AcceptWords("no", "minvalue"))
        {
            return options with { NoMinimum = true };
        }

        if (AcceptWords("no", "maxvalue"))
        {
            return options with { NoMaximum = true };
        }

        if (AcceptWords("no", "cycle"))
        {
            return options with { IsCycle = false };
        }

        if (AcceptWords("sequence", "name"))
        {
            return options with { Name = ParseObjectName().Name };
        }

        if (AcceptWords("owned", "by"))
        {
            return options with { OwnedBy = AcceptWord("none") ? [] : ParseAnyName().Parts };
        }

        if (AcceptWord("restart"))
        {
            bool hasValue = Accept(Keyword.With) || Kind is TokenKind.Integer or TokenKind.Minus;
            return options with { IsRestart = true, Restart = hasValue ? SignedInteger() : null };
        }

        return null;
    }
}
