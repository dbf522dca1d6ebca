using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>DO blocks and procedures: their bodies are texts of their own.</summary>
public sealed partial class SqlParser
{
    private DoStatement ParseDo()
    {
        int position = Position;
        Expect(Keyword.Do);
        ParseLanguage();
        string body = StringValue();
        ParseLanguage();
        return new DoStatement(Run(body, static parser => parser.WholeBlock())) { Position = position, Text = body };
    }

    private void ParseLanguage()
    {
        if (AcceptWord("language"))
        {
            int position = Position;
            string language = OptionValue();
            if (language is not ("sql" or "plpgsql"))
            {
                throw ErrorAt(position, $"language \"{language}\" does not exist", SqlStates.UndefinedObject);
            }
        }
    }

    private List<BlockStatement> WholeBlock()
    {
        Expect(Keyword.Begin);
        var statements = new List<BlockStatement>();
        while (Word != Keyword.End)
        {
            statements.Add(ParseBlockStatement());
        }

        Expect(Keyword.End);
        Accept(TokenKind.Semicolon);
        return Whole(statements);
    }

    private BlockStatement ParseBlockStatement()
    {
        int position = Position;
        if (IsWord("if"))
        {
            return ParseBlockIf();
        }

        BlockStatement statement;
        if (AcceptWords("return", "query"))
        {
            statement = new BlockReturn(ParseQuery()) { Position = position };
        }
        else if (IsWord("let") && Peek(2).Kind == TokenKind.Equal)
        {
            _at++;
            string name = Name();
            Expect(TokenKind.Equal);
            statement = new BlockLet(name, ParenthesizedQuery()) { Position = position };
        }
        else if (AcceptWord("raise"))
        {
            string level = Kind == TokenKind.Word ? TakeWord() : "exception";
            string message = StringValue();
            while (Accept(TokenKind.Comma))
            {
                ParseExpr();
            }

            statement = new BlockRaise(level, message) { Position = position };
        }
        else
        {
            int start = _tokens[_at].Start;
            Statement inner = Word is Keyword.Insert or Keyword.Update or Keyword.Delete ? ParseDataStatement() : throw SyntaxError();
            inner.SourceStart = start;
            inner.SourceLength = PreviousEnd - start;
            statement = new BlockDml(inner) { Position = position };
        }

        Expect(TokenKind.Semicolon);
        return statement;
    }

    private BlockIf ParseBlockIf()
    {
        int position = Position;
        Enter();
        ExpectWord("if");
        Expr condition = ParseExpr();
        Expect(Keyword.Then);
        var body = new List<BlockStatement>();
        while (Word != Keyword.End)
        {
            body.Add(ParseBlockStatement());
        }

        Expect(Keyword.End);
        ExpectWord("if");
        Expect(TokenKind.Semicolon);
        Leave();
        return new BlockIf(condition, body) { Position = position };
    }

    private Statement ParseCreateProcedure(bool orReplace, int position)
    {
        _at++;
        bool ifNotExists = AcceptIfNotExists();
        ObjectName name = ParseObjectName();
        List<ProcedureParameter> parameters = ParseProcedureParameters();
        ParseLanguage();
        Statement body;
        string text;
        if (Accept(Keyword.As))
        {
            text = StringValue();
            body = ParseStatement(text.Trim());
            ParseLanguage();
        }
        else
        {
            Expect(Keyword.Begin);
            ExpectWord("atomic");
            int start = _tokens[_at].Start;
            body = ParseDataStatement();
            body.SourceStart = 0;
            text = Source(start);
            body.SourceLength = text.Length;
            body.ParameterCount = _highestParameter;
            Accept(TokenKind.Semicolon);
            Expect(Keyword.End);
        }

        return new CreateProcedureStatement(name, ifNotExists, orReplace, parameters, body, text.Trim()) { Position = position };
    }

    private List<ProcedureParameter> ParseProcedureParameters()
    {
        var parameters = new List<ProcedureParameter>();
        Expect(TokenKind.LeftParen);
        if (Accept(TokenKind.RightParen))
        {
            return parameters;
        }

        do
        {
            bool hasName = Kind is TokenKind.Word or TokenKind.QuotedWord && Peek(1).Kind is TokenKind.Word or TokenKind.QuotedWord
                && Peek(1).Keyword is not (Keyword.Precision or Keyword.Varying or Keyword.With or Keyword.Without or Keyword.Array) && !IsWord("double");
            string? name = hasName ? Name() : null;
            parameters.Add(new ProcedureParameter(name, ParseTypeName()));
        }
        while (Accept(TokenKind.Comma));
        Expect(TokenKind.RightParen);
        return parameters;
    }
}
