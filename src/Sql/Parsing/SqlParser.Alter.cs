using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>ALTER and DROP.</summary>
public sealed partial class SqlParser
{
    private Statement ParseAlter()
    {
        int position = Position;
        Expect(Keyword.Alter);
        if (Accept(Keyword.Table))
        {
            return ParseAlterTable(ObjectKind.Table, position);
        }

        if (AcceptWord("index"))
        {
            return ParseAlterTable(ObjectKind.Index, position);
        }

        if (AcceptWord("view"))
        {
            return ParseAlterTable(ObjectKind.View, position);
        }

        if (AcceptWord("sequence"))
        {
            return ParseAlterSequence(position);
        }

        if (AcceptWord("system"))
        {
            return ParseAlterSystem(position);
        }

        if (Word == Keyword.User || IsWord("role") || Word == Keyword.Group)
        {
            return ParseAlterUser(position);
        }

        if (AcceptWord("procedure"))
        {
            ObjectName name = ParseObjectName();
            List<TypeName>? types = Kind == TokenKind.LeftParen ? ParseTypeList() : null;
            ExpectWord("rename");
            Expect(Keyword.To);
            return new RenameProcedureStatement(name, types, Name()) { Position = position };
        }

        foreach (string kind in (ReadOnlySpan<string>)["database", "schema", "function", "type", "domain", "extension", "default", "plugin", "publication", "subscription", "materialized", "policy", "trigger", "collation", "tablespace", "language", "aggregate", "operator", "foreign", "server", "statistics", "event", "large"])
        {
            if (IsWord(kind))
            {
                return Unsupported("ALTER " + kind.ToUpperInvariant());
            }
        }

        throw SyntaxError();
    }

    private Statement ParseAlterTable(ObjectKind kind, int position)
    {
        bool ifExists = AcceptIfExists();
        Accept(Keyword.Only);
        ObjectName name = ParseObjectName();
        Accept(TokenKind.Star);
        var actions = new List<AlterAction>();
        do
        {
            int actionPosition = Position;
            actions.Add(ParseAlterAction() with { Position = actionPosition });
        }
        while (Accept(TokenKind.Comma));
        return new AlterTableStatement(kind, name, ifExists, actions) { Position = position };
    }

    private AlterAction ParseAlterAction()
    {
        if (AcceptWord("add"))
        {
            return ParseAddAction();
        }

        if (Accept(Keyword.Drop))
        {
            return ParseDropAction();
        }

        if (Accept(Keyword.Alter))
        {
            Accept(Keyword.Column);
            string column = Name();
            return ParseAlterColumn(column);
        }

        if (AcceptWord("rename"))
        {
            return ParseRenameAction();
        }

        if (AcceptWord("owner"))
        {
            Expect(Keyword.To);
            return new OwnerAction(Label());
        }

        if (Word == Keyword.Set && IsWord(in Peek(1), "schema"))
        {
            _at += 2;
            return new SetSchemaAction(Name());
        }

        return ParseIgnoredAction();
    }

    private AlterAction ParseAddAction()
    {
        if (IsTableConstraint())
        {
            return new AddConstraintAction(ParseTableConstraint());
        }

        Accept(Keyword.Column);
        bool ifNotExists = AcceptIfNotExists();
        return new AddColumnAction(ParseColumn(), ifNotExists);
    }

    private AlterAction ParseDropAction()
    {
        if (Accept(Keyword.Constraint))
        {
            bool exists = AcceptIfExists();
            string name = Name();
            return new DropConstraintAction(name, exists, AcceptBehavior());
        }

        Accept(Keyword.Column);
        bool ifExists = AcceptIfExists();
        string column = Name();
        return new DropColumnAction(column, ifExists, AcceptBehavior());
    }

    private AlterAction ParseAlterColumn(string column)
    {
        if (Word == Keyword.Set && IsWord(in Peek(1), "data"))
        {
            _at += 2;
            return ParseAlterType(column);
        }

        if (IsWord("type"))
        {
            return ParseAlterType(column);
        }

        if (Accept(Keyword.Set))
        {
            return ParseSetColumn(column);
        }

        if (Accept(Keyword.Drop))
        {
            if (Accept(Keyword.Default))
            {
                return new AlterDefaultAction(column, null, null);
            }

            if (AcceptWord("identity"))
            {
                return new AlterIdentityAction(column, true, AcceptIfExists(), false, null);
            }

            if (AcceptWord("expression"))
            {
                AcceptIfExists();
                return new IgnoredAction("drop expression");
            }

            Expect(Keyword.Not);
            Expect(Keyword.Null);
            return new AlterNotNullAction(column, false);
        }

        if (AcceptWord("add") && IsWord("generated") && ParseGenerated() is IdentityConstraint identity)
        {
            return new AlterIdentityAction(column, false, false, identity.IsAlways, identity.Options);
        }

        throw SyntaxError();
    }

    private AlterAction ParseSetColumn(string column)
    {
        if (Accept(Keyword.Default))
        {
            int start = _tokens[_at].Start;
            Expr value = ParseExpr();
            return new AlterDefaultAction(column, value, Source(start));
        }

        if (Accept(Keyword.Not))
        {
            Expect(Keyword.Null);
            return new AlterNotNullAction(column, true);
        }

        if (AcceptWord("statistics") || AcceptWord("storage") || AcceptWord("compression"))
        {
            OptionValue();
            return new IgnoredAction("set column storage");
        }

        ParseStorageParameters();
        return new IgnoredAction("set column options");
    }

    private AlterTypeAction ParseAlterType(string column)
    {
        ExpectWord("type");
        TypeName type = ParseTypeName();
        if (Accept(Keyword.Collate))
        {
            ParseAnyName();
        }

        return new AlterTypeAction(column, type, Accept(Keyword.Using) ? ParseExpr() : null);
    }

    private AlterAction ParseRenameAction()
    {
        if (Accept(Keyword.To))
        {
            return new RenameAction(Name());
        }

        if (Accept(Keyword.Constraint))
        {
            string constraint = Name();
            Expect(Keyword.To);
            return new RenameConstraintAction(constraint, Name());
        }

        Accept(Keyword.Column);
        string column = Name();
        Expect(Keyword.To);
        return new RenameColumnAction(column, Name());
    }

    /// <summary>Known actions that have no effect here, up to the next comma or the end.</summary>
    private IgnoredAction ParseIgnoredAction()
    {
        bool isKnown = Word is Keyword.Set or Keyword.Reset || IsWord("cluster") || IsWord("replica") || IsWord("enable") || IsWord("disable") || IsWord("validate");
        if (!isKnown)
        {
            throw SyntaxError();
        }

        int start = _tokens[_at].Start;
        int brackets = 0;
        while (Kind is not (TokenKind.End or TokenKind.Semicolon) && (brackets > 0 || Kind != TokenKind.Comma))
        {
            brackets += Kind == TokenKind.LeftParen ? 1 : Kind == TokenKind.RightParen ? -1 : 0;
            _at++;
        }

        return new IgnoredAction(Source(start));
    }

    private Statement ParseAlterSequence(int position)
    {
        bool ifExists = AcceptIfExists();
        ObjectName name = ParseObjectName();
        if (IsWord("rename") || IsWord("owner") || (Word == Keyword.Set && IsWord(in Peek(1), "schema")))
        {
            return new AlterTableStatement(ObjectKind.Sequence, name, ifExists, [ParseAlterAction()]) { Position = position };
        }

        int start = _at;
        SequenceOptions options = ParseSequenceOptions();
        return _at > start
            ? new AlterSequenceStatement(name, ifExists, options) { Position = position }
            : throw SyntaxError();
    }

    private AlterSystemStatement ParseAlterSystem(int position)
    {
        bool isReset = Accept(Keyword.Reset);
        if (!isReset)
        {
            Expect(Keyword.Set);
        }

        string name = Kind is TokenKind.String ? StringValue() : ParseSettingName();
        Expr? value = null;
        if (!isReset)
        {
            if (!Accept(TokenKind.Equal))
            {
                Expect(Keyword.To);
            }

            value = Accept(Keyword.Default) ? null : ParseExpr();
        }

        bool allTiers = false;
        string? tier = null;
        if (Accept(Keyword.For))
        {
            allTiers = Accept(Keyword.All);
            if (allTiers)
            {
                ExpectWord("tiers");
            }
            else
            {
                ExpectWord("tier");
                tier = Kind == TokenKind.String ? StringValue() : Name();
            }
        }

        return new AlterSystemStatement(name, value, isReset, allTiers, tier) { Position = position };
    }

    private Statement ParseDrop()
    {
        int position = Position;
        Expect(Keyword.Drop);
        ObjectKind? kind = ParseDropKind();
        if (kind is null)
        {
            foreach (string word in (ReadOnlySpan<string>)["trigger", "rule", "cast", "operator", "aggregate", "collation", "server", "publication", "subscription", "policy", "language", "statistics", "event", "foreign", "text", "access", "owned", "routine", "conversion", "transform"])
            {
                if (IsWord(word))
                {
                    return Unsupported("DROP " + word.ToUpperInvariant());
                }
            }

            throw SyntaxError();
        }

        Accept(Keyword.Concurrently);
        bool ifExists = AcceptIfExists();
        var names = new List<ObjectName>();
        List<TypeName>? types = null;
        do
        {
            names.Add(ParseObjectName());
            if (kind is ObjectKind.Procedure or ObjectKind.Function && Kind == TokenKind.LeftParen)
            {
                types = ParseTypeList();
            }
        }
        while (Accept(TokenKind.Comma));
        if (kind is ObjectKind.Plugin)
        {
            return Unsupported("DROP PLUGIN");
        }

        bool isCascade = AcceptBehavior();
        if (kind == ObjectKind.Database && Accept(Keyword.With))
        {
            ParseExplainFacets([]);
        }

        return new DropStatement(kind.Value, names, ifExists, isCascade) { Position = position, ArgumentTypes = types };
    }

    private ObjectKind? ParseDropKind()
    {
        ObjectKind? kind = Word switch
        {
            Keyword.Table => ObjectKind.Table,
            Keyword.User => ObjectKind.User,
            Keyword.Group => ObjectKind.Role,
            _ => null,
        };
        if (kind is not null)
        {
            _at++;
            return kind;
        }

        if (AcceptWords("materialized", "view"))
        {
            return ObjectKind.MaterializedView;
        }

        foreach ((string word, ObjectKind other) in DropKinds)
        {
            if (AcceptWord(word))
            {
                return other;
            }
        }

        return null;
    }

    private static readonly (string Word, ObjectKind Kind)[] DropKinds =
    [
        ("index", ObjectKind.Index), ("view", ObjectKind.View), ("sequence", ObjectKind.Sequence), ("schema", ObjectKind.Schema),
        ("procedure", ObjectKind.Procedure), ("function", ObjectKind.Function), ("role", ObjectKind.Role), ("database", ObjectKind.Database),
        ("type", ObjectKind.Type), ("domain", ObjectKind.Domain), ("extension", ObjectKind.Extension), ("tablespace", ObjectKind.Tablespace),
        ("plugin", ObjectKind.Plugin),
    ];
}
