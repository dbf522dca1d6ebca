namespace Picodata.Sql.Parsing;

/// <summary>Columns and constraints of CREATE TABLE and ALTER TABLE.</summary>
public sealed partial class SqlParser
{
    /// <summary>A column or a table constraint; true when it is more than a bare name (as CREATE TABLE AS has).</summary>
    private bool ParseTableElement(List<ColumnDefinition> columns, List<TableConstraint> constraints)
    {
        if (IsTableConstraint())
        {
            constraints.Add(ParseTableConstraint());
            return true;
        }

        if (Word == Keyword.Like)
        {
            throw ErrorAt(Position, "CREATE TABLE (LIKE ...) is not supported", Core.SqlStates.FeatureNotSupported);
        }

        if (IsColumnName() && Peek(1).Kind is TokenKind.Comma or TokenKind.RightParen)
        {
            int position = Position;
            columns.Add(new ColumnDefinition(Name(), null, []) { Position = position });
            return false;
        }

        columns.Add(ParseColumn());
        return true;
    }

    private bool IsTableConstraint() => Word switch
    {
        Keyword.Constraint or Keyword.Unique or Keyword.Check or Keyword.Foreign => true,
        Keyword.Primary => true,
        _ => IsWord("exclude") && Peek(1).Keyword == Keyword.Using,
    };

    private ColumnDefinition ParseColumn()
    {
        int position = Position;
        string name = Name();
        TypeName type = ParseTypeName();
        if (Accept(Keyword.Collate))
        {
            ParseAnyName();
        }

        var constraints = new List<ColumnConstraint>();
        while (ParseColumnConstraint() is { } constraint)
        {
            constraints.Add(constraint);
            SkipDeferrability();
            if (Accept(Keyword.Collate))
            {
                ParseAnyName();
            }
        }

        return new ColumnDefinition(name, type, constraints) { Position = position };
    }

    private void SkipDeferrability()
    {
        while (true)
        {
            if (Accept(Keyword.Deferrable))
            {
                continue;
            }

            if (Word == Keyword.Not && Peek(1).Keyword == Keyword.Deferrable)
            {
                _at += 2;
            }
            else if (Accept(Keyword.Initially))
            {
                if (!AcceptWord("deferred"))
                {
                    ExpectWord("immediate");
                }
            }
            else
            {
                return;
            }
        }
    }

    private ColumnConstraint? ParseColumnConstraint()
    {
        int position = Position;
        string? name = Accept(Keyword.Constraint) ? Name() : null;
        ColumnConstraint? constraint = Word switch
        {
            Keyword.Not => ParseNotNull(),
            Keyword.Null => ParseNull(),
            Keyword.Default => ParseDefault(),
            Keyword.Primary => ParseColumnKey(),
            Keyword.Unique => ParseColumnUnique(),
            Keyword.Check => ParseColumnCheck(),
            Keyword.References => new ReferencesConstraint(ParseForeignTarget()),
            _ => IsWord("generated") ? ParseGenerated() : null,
        };
        return constraint is not null ? constraint with { Name = name, Position = position }
            : name is null ? null
            : throw SyntaxError();
    }

    private NotNullConstraint ParseNotNull()
    {
        Expect(Keyword.Not);
        Expect(Keyword.Null);
        return new NotNullConstraint(true);
    }

    private NotNullConstraint ParseNull()
    {
        Expect(Keyword.Null);
        return new NotNullConstraint(false);
    }

    private DefaultConstraint ParseDefault()
    {
        Expect(Keyword.Default);
        int start = _tokens[_at].Start;

        // stops before NOT NULL, which is a constraint of its own
        Expr value = ParseExpr(IsLevel);
        return new DefaultConstraint(value, Source(start));
    }

    private PrimaryKeyConstraint ParseColumnKey()
    {
        Expect(Keyword.Primary);
        ExpectWord("key");
        bool isDescending = Accept(Keyword.Desc);
        if (!isDescending)
        {
            Accept(Keyword.Asc);
        }

        ParseIndexParameters();
        return new PrimaryKeyConstraint(isDescending);
    }

    private UniqueConstraint ParseColumnUnique()
    {
        Expect(Keyword.Unique);
        if (AcceptWord("nulls"))
        {
            Accept(Keyword.Not);
            Expect(Keyword.Distinct);
        }

        ParseIndexParameters();
        return new UniqueConstraint();
    }

    private CheckConstraint ParseColumnCheck()
    {
        Expect(Keyword.Check);
        (Expr condition, string text) = ParseCheckBody();
        return new CheckConstraint(condition, text);
    }

    private (Expr Condition, string Text) ParseCheckBody()
    {
        Expect(TokenKind.LeftParen);
        int start = _tokens[_at].Start;
        Expr condition = ParseExpr();
        string text = Source(start);
        Expect(TokenKind.RightParen);
        if (AcceptWords("no", "inherit") || !IsWord("not") || !IsWord(in Peek(1), "valid"))
        {
            return (condition, text);
        }

        _at += 2;
        return (condition, text);
    }

    private ColumnConstraint ParseGenerated()
    {
        _at++;
        bool isAlways = AcceptWord("always");
        if (!isAlways)
        {
            Expect(Keyword.By);
            Expect(Keyword.Default);
        }

        Expect(Keyword.As);
        if (AcceptWord("identity"))
        {
            SequenceOptions options = SequenceOptions.None;
            if (Accept(TokenKind.LeftParen))
            {
                options = ParseSequenceOptions();
                Expect(TokenKind.RightParen);
            }

            return new IdentityConstraint(isAlways, options);
        }

        Expect(TokenKind.LeftParen);
        int start = _tokens[_at].Start;
        Expr value = ParseExpr();
        string text = Source(start);
        Expect(TokenKind.RightParen);
        ExpectWord("stored");
        return new GeneratedConstraint(value, text);
    }

    private ForeignKeyTarget ParseForeignTarget()
    {
        int position = Position;
        Expect(Keyword.References);
        ObjectName table = ParseObjectName();
        List<Identifier> columns = Kind == TokenKind.LeftParen ? ParenthesizedNames() : [];
        string onDelete = "no action";
        string onUpdate = "no action";
        while (true)
        {
            if (AcceptWord("match"))
            {
                Label();
            }
            else if (Word == Keyword.On && Peek(1).Keyword == Keyword.Delete)
            {
                _at += 2;
                onDelete = ParseReferenceAction();
            }
            else if (Word == Keyword.On && Peek(1).Keyword == Keyword.Update)
            {
                _at += 2;
                onUpdate = ParseReferenceAction();
            }
            else
            {
                return new ForeignKeyTarget(table, columns, onDelete, onUpdate) { Position = position };
            }
        }
    }

    private string ParseReferenceAction()
    {
        if (AcceptWord("cascade"))
        {
            return "cascade";
        }

        if (AcceptWord("restrict"))
        {
            return "restrict";
        }

        if (AcceptWords("no", "action"))
        {
            return "no action";
        }

        Expect(Keyword.Set);
        if (Accept(Keyword.Null))
        {
            return "set null";
        }

        Expect(Keyword.Default);
        return "set default";
    }

    private void ParseIndexParameters()
    {
        if (AcceptWord("include"))
        {
            ParenthesizedNames();
        }

        if (Word == Keyword.With && Peek(1).Kind == TokenKind.LeftParen)
        {
            _at++;
            ParseStorageParameters();
        }

        if (Word == Keyword.Using && IsWord(in Peek(1), "index") && IsWord(in Peek(2), "tablespace"))
        {
            _at += 3;
            Name();
        }
    }

    private TableConstraint ParseTableConstraint()
    {
        int position = Position;
        string? name = Accept(Keyword.Constraint) ? Name() : null;
        TableConstraint constraint;
        switch (Word)
        {
            case Keyword.Primary:
                _at++;
                ExpectWord("key");
                constraint = ParseKeyConstraint(true);
                break;
            case Keyword.Unique:
                _at++;
                if (AcceptWord("nulls"))
                {
                    Accept(Keyword.Not);
                    Expect(Keyword.Distinct);
                }

                constraint = ParseKeyConstraint(false);
                break;
            case Keyword.Check:
                _at++;
                (Expr condition, string text) = ParseCheckBody();
                constraint = new TableCheck(condition, text);
                break;
            case Keyword.Foreign:
                _at++;
                ExpectWord("key");
                List<Identifier> columns = ParenthesizedNames();
                constraint = new TableForeignKey(columns, ParseForeignTarget());
                if (Word == Keyword.Not && IsWord(in Peek(1), "valid"))
                {
                    _at += 2;
                }

                break;
            default:
                throw IsWord("exclude") ? ErrorAt(position, "exclusion constraints are not supported", Core.SqlStates.FeatureNotSupported) : SyntaxError();
        }

        SkipDeferrability();
        return constraint with { Name = name, Position = position };
    }

    private TableConstraint ParseKeyConstraint(bool isPrimary)
    {
        if (Word == Keyword.Using && IsWord(in Peek(1), "index"))
        {
            _at += 2;
            return new TableUsingIndex(Name(), isPrimary);
        }

        List<IndexItem> items = ParseIndexItems();
        ParseIndexParameters();
        return isPrimary ? new TablePrimaryKey(items) : new TableUnique(items);
    }
}
