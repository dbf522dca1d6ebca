namespace Picodata.Sql.Parsing;

/// <summary>COPY in its present form (options in brackets) and in the two older ones.</summary>
public sealed partial class SqlParser
{
    private CopyStatement ParseCopy()
    {
        int position = Position;
        Expect(Keyword.Copy);
        bool isBinary = Accept(Keyword.Binary);
        ObjectName? table = null;
        Statement? query = null;
        List<Identifier> columns = [];
        if (Kind == TokenKind.LeftParen)
        {
            Expect(TokenKind.LeftParen);
            int start = _tokens[_at].Start;
            query = ParseDataStatement();
            query.SourceStart = start;
            query.SourceLength = PreviousEnd - start;
            Expect(TokenKind.RightParen);
        }
        else
        {
            table = ParseObjectName();
            columns = Kind == TokenKind.LeftParen ? ParenthesizedNames() : [];
        }

        bool isFrom = query is null && Accept(Keyword.From);
        if (!isFrom)
        {
            Expect(Keyword.To);
        }

        bool isProgram = AcceptWord("program");
        string? file = isProgram || Kind == TokenKind.String ? StringValue() : null;
        if (file is null && !AcceptWord("stdin"))
        {
            ExpectWord("stdout");
        }

        var options = new List<CopyOption>();
        if (isBinary)
        {
            options.Add(new CopyOption("format", "binary", []) { Position = position });
        }

        ParseCopyOptions(options);
        Expr? where = isFrom && Accept(Keyword.Where) ? ParseExpr() : null;
        return new CopyStatement(table, columns, query, isFrom)
        {
            Position = position,
            FileName = file,
            IsProgram = isProgram,
            CopyOptions = options,
            Where = where,
        };
    }

    private void ParseCopyOptions(List<CopyOption> options)
    {
        if (IsWord("delimiters") || (Accept(Keyword.Using) && IsWord("delimiters")))
        {
            int position = Position;
            _at++;
            options.Add(new CopyOption("delimiter", StringValue(), []) { Position = position });
        }

        Accept(Keyword.With);
        if (Kind != TokenKind.LeftParen)
        {
            while (ParseOldCopyOption() is { } option)
            {
                options.Add(option);
            }

            return;
        }

        Expect(TokenKind.LeftParen);
        do
        {
            options.Add(ParseCopyOption());
        }
        while (Accept(TokenKind.Comma));
        Expect(TokenKind.RightParen);
    }

    private CopyOption ParseCopyOption()
    {
        int position = Position;
        string name = Label();
        if (Kind is TokenKind.Comma or TokenKind.RightParen)
        {
            return new CopyOption(name, null, []) { Position = position };
        }

        if (Accept(TokenKind.Star))
        {
            return new CopyOption(name, null, ["*"]) { Position = position };
        }

        if (Kind == TokenKind.LeftParen)
        {
            List<Identifier> columns = ParenthesizedNames();
            return new CopyOption(name, null, columns.ConvertAll(column => column.Name)) { Position = position };
        }

        return new CopyOption(name, OptionValue(), []) { Position = position };
    }

    /// <summary>One option of the older forms; null when there is none.</summary>
    private CopyOption? ParseOldCopyOption()
    {
        int position = Position;
        if (Accept(Keyword.Binary))
        {
            return new CopyOption("format", "binary", []) { Position = position };
        }

        if (AcceptWord("csv"))
        {
            return new CopyOption("format", "csv", []) { Position = position };
        }

        if (AcceptWord("header"))
        {
            return new CopyOption("header", null, []) { Position = position };
        }

        if (Accept(Keyword.Freeze))
        {
            return new CopyOption("freeze", null, []) { Position = position };
        }

        foreach (string name in (ReadOnlySpan<string>)["delimiter", "null", "quote", "escape", "encoding"])
        {
            if (AcceptWord(name))
            {
                Accept(Keyword.As);
                return new CopyOption(name, StringValue(), []) { Position = position };
            }
        }

        return IsWord("force") ? ParseForceOption(position) : null;
    }

    private CopyOption ParseForceOption(int position)
    {
        _at++;
        string name = AcceptWord("quote") ? "force_quote"
            : AcceptWords("not", "null") ? "force_not_null"
            : AcceptWord("null") ? "force_null"
            : throw SyntaxError();
        IReadOnlyList<string> columns = Accept(TokenKind.Star) ? ["*"] : NameList().ConvertAll(column => column.Name);
        return new CopyOption(name, null, columns) { Position = position };
    }
}
