namespace Picodata.Sql.Parsing;

/// <summary>Users, roles, privileges, audit policies.</summary>
public sealed partial class SqlParser
{
    private CreateUserStatement ParseCreateUser(int position)
    {
        bool isRole = Word != Keyword.User;
        _at++;
        bool ifNotExists = AcceptIfNotExists();
        string name = ParseGrantee();
        UserOptions options = ParseUserOptions();

        // PostgreSQL's CREATE ROLE r LOGIN is CREATE USER
        return new CreateUserStatement(name, isRole && options.CanLogin != true, ifNotExists, options) { Position = position };
    }

    private UserOptions ParseUserOptions()
    {
        Accept(Keyword.With);
        UserOptions options = UserOptions.None;
        while (ParseUserOption(options) is { } next)
        {
            options = next;
        }

        return options;
    }

    private UserOptions? ParseUserOption(UserOptions options)
    {
        if (AcceptWord("encrypted"))
        {
            if (!IsWord("password"))
            {
                throw SyntaxError();
            }
        }

        if (AcceptWord("password"))
        {
            return Accept(Keyword.Null)
                ? options with { PasswordIsNull = true }
                : options with { Password = StringValue() };
        }

        if (Accept(Keyword.Using))
        {
            return options with { Method = ParseMethod() };
        }

        if (AcceptWord("login"))
        {
            return options with { CanLogin = true };
        }

        if (AcceptWord("nologin"))
        {
            return options with { CanLogin = false };
        }

        if (AcceptWord("superuser"))
        {
            return options with { IsSuperuser = true };
        }

        if (AcceptWord("nosuperuser"))
        {
            return options with { IsSuperuser = false };
        }

        return ParseIgnoredUserOption(options);
    }

    private PasswordMethod ParseMethod()
    {
        if (AcceptWord("md5"))
        {
            return PasswordMethod.Md5;
        }

        if (AcceptWord("ldap"))
        {
            return PasswordMethod.Ldap;
        }

        if (AcceptWord("chap"))
        {
            Expect(TokenKind.Minus);
            ExpectWord("sha1");
            return PasswordMethod.ChapSha1;
        }

        ExpectWord("scram");
        Expect(TokenKind.Minus);
        ExpectWord("sha256");
        return PasswordMethod.ScramSha256;
    }

    private UserOptions? ParseIgnoredUserOption(UserOptions options)
    {
        foreach (string word in (ReadOnlySpan<string>)["createdb", "nocreatedb", "createrole", "nocreaterole", "inherit", "noinherit", "replication", "noreplication", "bypassrls", "nobypassrls"])
        {
            if (AcceptWord(word))
            {
                return options with { Ignored = [.. options.Ignored, word] };
            }
        }

        if (AcceptWords("connection", "limit"))
        {
            SignedInteger();
            return options with { Ignored = [.. options.Ignored, "connection limit"] };
        }

        if (AcceptWords("valid", "until"))
        {
            StringValue();
            return options with { Ignored = [.. options.Ignored, "valid until"] };
        }

        if (Word == Keyword.In && (IsWord(in Peek(1), "role") || Peek(1).Keyword == Keyword.Group))
        {
            _at += 2;
            return options with { InRoles = ParseGranteeList() };
        }

        return null;
    }

    private AlterUserStatement ParseAlterUser(int position)
    {
        bool isRole = Word != Keyword.User;
        _at++;
        AcceptIfExists();
        string name = ParseGrantee();
        if (AcceptWord("rename"))
        {
            Expect(Keyword.To);
            return new AlterUserStatement(name, isRole, UserOptions.None) { Position = position, NewName = Name() };
        }

        if (Word is Keyword.Set or Keyword.Reset)
        {
            bool isSet = Word == Keyword.Set;
            _at++;
            string parameter = ParseSettingName();
            if (isSet)
            {
                if (!Accept(Keyword.To))
                {
                    Expect(TokenKind.Equal);
                }

                ParseSettingValues();
            }

            return new AlterUserStatement(name, isRole, UserOptions.None) { Position = position, SetParameter = parameter };
        }

        int start = _at;
        UserOptions options = ParseUserOptions();
        return _at > start
            ? new AlterUserStatement(name, isRole, options) { Position = position }
            : throw SyntaxError();
    }

    /// <summary>A user or role; PUBLIC, CURRENT_USER, SESSION_USER come as these words.</summary>
    private string ParseGrantee()
    {
        Accept(Keyword.Group);
        return Word is Keyword.Current_User or Keyword.Session_User or Keyword.Current_Role ? TakeWord() : Name();
    }

    private List<string> ParseGranteeList()
    {
        var names = new List<string>(1);
        do
        {
            names.Add(ParseGrantee());
        }
        while (Accept(TokenKind.Comma));
        return names;
    }

    private GrantStatement ParseGrant()
    {
        int position = Position;
        bool isRevoke = Word != Keyword.Grant;
        _at++;
        if (isRevoke)
        {
            AcceptWords("grant", "option", "for");
            AcceptWords("admin", "option", "for");
        }

        var words = new List<string>();
        do
        {
            words.Add(ParsePrivilegeWord());
            if (Kind == TokenKind.LeftParen)
            {
                ParenthesizedNames();
            }
        }
        while (Accept(TokenKind.Comma));
        Keyword direction = isRevoke ? Keyword.From : Keyword.To;
        GrantStatement grant;
        if (Word == direction)
        {
            grant = new GrantStatement(isRevoke, [], null, [], words, []);
        }
        else if (Accept(Keyword.On))
        {
            grant = ParseGrantObjects(new GrantStatement(isRevoke, words, null, [], [], []));
        }
        else
        {
            grant = new GrantStatement(isRevoke, words, ParseGrantKind() ?? throw SyntaxError(), [], [], []);
        }

        Expect(direction);
        grant = grant with { Grantees = ParseGranteeList(), Position = position };
        if (Word == Keyword.With && Peek(1).Kind == TokenKind.Word)
        {
            _at += 2;
            ExpectWord("option");
        }

        AcceptBehavior();
        return grant;
    }

    private string ParsePrivilegeWord()
    {
        if (Accept(Keyword.All))
        {
            AcceptWord("privileges");
            return "all";
        }

        return Label();
    }

    private ObjectKind? ParseGrantKind()
    {
        if (Accept(Keyword.Table))
        {
            return ObjectKind.Table;
        }

        if (Accept(Keyword.User))
        {
            return ObjectKind.User;
        }

        foreach ((string word, ObjectKind kind) in (ReadOnlySpan<(string, ObjectKind)>)[("role", ObjectKind.Role), ("procedure", ObjectKind.Procedure), ("sequence", ObjectKind.Sequence), ("schema", ObjectKind.Schema), ("database", ObjectKind.Database), ("function", ObjectKind.Function), ("type", ObjectKind.Type)])
        {
            if (IsWord(word) && Peek(1).Keyword is not Keyword.To and not Keyword.From || (IsWord(word) && Peek(1).Kind == TokenKind.Word))
            {
                _at++;
                return kind;
            }
        }

        return null;
    }

    private GrantStatement ParseGrantObjects(GrantStatement grant)
    {
        if (Word == Keyword.All)
        {
            _at++;
            ObjectKind all = AcceptWord("tables") ? ObjectKind.Table : AcceptWord("sequences") ? ObjectKind.Sequence : ObjectKind.Procedure;
            if (all == ObjectKind.Procedure)
            {
                Label();
            }

            Expect(Keyword.In);
            ExpectWord("schema");
            ObjectNameList();
            return grant with { Kind = all, IsAllInSchema = true };
        }

        ObjectKind kind = ParseGrantKind() ?? ObjectKind.Table;
        var objects = new List<ObjectName>();
        List<TypeName>? types = null;
        do
        {
            objects.Add(ParseObjectName());
            if (kind is ObjectKind.Procedure or ObjectKind.Function && Kind == TokenKind.LeftParen)
            {
                types = ParseTypeList();
            }
        }
        while (Accept(TokenKind.Comma));
        return grant with { Kind = kind, Objects = objects, ArgumentTypes = types };
    }

    private AuditPolicyStatement ParseAuditPolicy()
    {
        int position = Position;
        _at++;
        ExpectWord("policy");
        string policy = Name();
        bool isExcept = Accept(Keyword.Except);
        if (!isExcept)
        {
            Expect(Keyword.By);
        }

        return new AuditPolicyStatement(policy, isExcept, Name()) { Position = position };
    }
}
