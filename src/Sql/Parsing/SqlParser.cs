using System.Buffers;
using System.Runtime.CompilerServices;
using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>
/// Text to syntax trees. Errors are <c>DbException</c>: 42601 with a position, 54001 when nesting is too deep, 54000 when the
/// text is too long. Positions in errors thrown here are in characters already.
///
/// Hand-written recursive descent with precedence climbing over an array of tokens. Invariants: 1. every loop eats a token; no input is read
/// twice except for a bounded number of tokens, so time is linear; 2. no tree is higher than <see cref="MaxDepth"/>, so that whoever walks it
/// recursively does not run out of stack; 3. a parser lives for one call and is used by one thread.
/// </summary>
public sealed partial class SqlParser
{
    /// <summary>Greatest height of a syntax tree, and of nesting in the text.</summary>
    public const int MaxDepth = 800;

    /// <summary>Longest text in UTF-16 units.</summary>
    public const int MaxLength = 256 << 20;

    private readonly string _sql;
    private readonly Token[] _tokens;
    private int _at;
    private int _depth;
    private int _height;
    private int _highestParameter;
    private int _questions;

    private SqlParser(string sql, Token[] tokens)
    {
        _sql = sql;
        _tokens = tokens;
    }

    /// <summary>
    /// Parses all statements of a string. A string without any statement gives one <see cref="EmptyStatement"/>; empty statements
    /// between others are left out. A syntax error anywhere means that there is no result.
    /// </summary>
    public static IReadOnlyList<Statement> ParseScript(string sql) => Run(sql, static parser => parser.Script());

    /// <summary>Parses exactly one statement (42601 when there are more).</summary>
    public static Statement ParseStatement(string sql)
    {
        IReadOnlyList<Statement> statements = ParseScript(sql);
        return statements.Count == 1
            ? statements[0]
            : throw new DbException(SqlStates.SyntaxError, "cannot insert multiple commands into a prepared statement");
    }

    /// <summary>Parses a query, as views keep them.</summary>
    public static Query ParseQuery(string sql) => Run(sql, static parser => parser.Whole(parser.ParseQuery()));

    /// <summary>Parses an expression, as defaults and checks are kept.</summary>
    public static Expr ParseExpression(string sql) => Run(sql, static parser => parser.Whole(parser.ParseExpr()));

    /// <summary>Parses a type name, as it stands in a cast.</summary>
    public static TypeName ParseTypeName(string text) => Run(text, static parser => parser.Whole(parser.ParseTypeName()));

    private static T Run<T>(string sql, Func<SqlParser, T> parse)
    {
        if (sql.Length > MaxLength)
        {
            throw new DbException(SqlStates.ProgramLimitExceeded, $"statement text is longer than {MaxLength} characters");
        }

        Token[] tokens = Tokenize(sql);
        try
        {
            return parse(new SqlParser(sql, tokens));
        }
        finally
        {
            ArrayPool<Token>.Shared.Return(tokens);
        }
    }

    private static Token[] Tokenize(string sql)
    {
        Token[] tokens = ArrayPool<Token>.Shared.Rent(Math.Max(32, sql.Length / 4));
        int count = 0;
        var lexer = new Lexer(sql);
        try
        {
            while (true)
            {
                if (count == tokens.Length)
                {
                    Token[] larger = ArrayPool<Token>.Shared.Rent(count * 2);
                    tokens.AsSpan(0, count).CopyTo(larger);
                    ArrayPool<Token>.Shared.Return(tokens);
                    tokens = larger;
                }

                tokens[count] = lexer.Next();
                if (tokens[count].Kind == TokenKind.End)
                {
                    return tokens;
                }

                count++;
            }
        }
        catch (DbException)
        {
            ArrayPool<Token>.Shared.Return(tokens);
            throw;
        }
    }

    private IReadOnlyList<Statement> Script()
    {
        var statements = new List<Statement>(1);
        while (true)
        {
            while (Accept(TokenKind.Semicolon))
            {
            }

            if (Kind == TokenKind.End)
            {
                break;
            }

            statements.Add(ParseTopStatement());
            if (Kind != TokenKind.End)
            {
                Expect(TokenKind.Semicolon);
            }
        }

        if (statements.Count == 0)
        {
            statements.Add(new EmptyStatement());
        }

        return statements;
    }

    private T Whole<T>(T result) => Kind == TokenKind.End ? result : throw SyntaxError();

    // ---- tokens

    private TokenKind Kind
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _tokens[_at].Kind;
    }

    private Keyword Word
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _tokens[_at].Keyword;
    }

    /// <summary>1-based position of the present token.</summary>
    private int Position => _tokens[_at].Start + 1;

    /// <summary>End of the token before the present one.</summary>
    private int PreviousEnd => _at == 0 ? 0 : _tokens[_at - 1].End;

    /// <summary>The token some places ahead; never beyond the end.</summary>
    private ref readonly Token Peek(int ahead)
    {
        int at = _at;
        while (ahead-- > 0 && _tokens[at].Kind != TokenKind.End)
        {
            at++;
        }

        return ref _tokens[at];
    }

    private void Advance()
    {
        if (Kind != TokenKind.End)
        {
            _at++;
        }
    }

    private bool Accept(TokenKind kind)
    {
        if (Kind != kind)
        {
            return false;
        }

        Advance();
        return true;
    }

    private bool Accept(Keyword keyword)
    {
        if (Word != keyword)
        {
            return false;
        }

        _at++;
        return true;
    }

    private void Expect(TokenKind kind)
    {
        if (!Accept(kind))
        {
            throw SyntaxError();
        }
    }

    private void Expect(Keyword keyword)
    {
        if (!Accept(keyword))
        {
            throw SyntaxError();
        }
    }

    /// <summary>True when the present token is this unquoted word (lower case), keyword or not.</summary>
    private bool IsWord(string lower) => IsWord(in _tokens[_at], lower);

    private bool IsWord(in Token token, string lower) => token.Kind == TokenKind.Word && Keywords.EqualsLower(_sql.AsSpan(token.Start, token.Length), lower);

    private bool AcceptWord(string lower)
    {
        if (!IsWord(lower))
        {
            return false;
        }

        _at++;
        return true;
    }

    /// <summary>Eats all the words, or none.</summary>
    private bool AcceptWords(params ReadOnlySpan<string> words)
    {
        for (int i = 0; i < words.Length; i++)
        {
            if (!IsWord(in Peek(i), words[i]))
            {
                return false;
            }
        }

        _at += words.Length;
        return true;
    }

    private void ExpectWord(string lower)
    {
        if (!AcceptWord(lower))
        {
            throw SyntaxError();
        }
    }

    private void ExpectWords(params ReadOnlySpan<string> words)
    {
        foreach (string word in words)
        {
            ExpectWord(word);
        }
    }

    private bool AcceptIfExists()
    {
        if (!IsWord("if") || Peek(1).Keyword != Keyword.Exists)
        {
            return false;
        }

        _at += 2;
        return true;
    }

    private bool AcceptIfNotExists()
    {
        if (!IsWord("if") || Peek(1).Keyword != Keyword.Not || Peek(2).Keyword != Keyword.Exists)
        {
            return false;
        }

        _at += 3;
        return true;
    }

    // ---- names

    private bool IsColumnName()
    {
        Keyword word = Word;
        return Kind == TokenKind.QuotedWord || (Kind == TokenKind.Word && !Keywords.IsReserved(word) && !Keywords.IsTypeFunction(word));
    }

    /// <summary>A name of a column, table, alias: no reserved word, no type-or-function word.</summary>
    private string Name()
    {
        if (!IsColumnName())
        {
            throw SyntaxError();
        }

        return TakeWord();
    }

    /// <summary>Any word at all, reserved or not.</summary>
    private string Label()
    {
        if (Kind is not (TokenKind.Word or TokenKind.QuotedWord))
        {
            throw SyntaxError();
        }

        return TakeWord();
    }

    private string TakeWord()
    {
        string word = StringLiterals.Word(_sql, in _tokens[_at]);
        _at++;
        return word;
    }

    private Identifier NameWithPosition()
    {
        int position = Position;
        return new Identifier(Name(), position);
    }

    private List<Identifier> NameList()
    {
        var names = new List<Identifier>();
        do
        {
            names.Add(NameWithPosition());
        }
        while (Accept(TokenKind.Comma));
        return names;
    }

    /// <summary><c>(a, b, ...)</c></summary>
    private List<Identifier> ParenthesizedNames()
    {
        Expect(TokenKind.LeftParen);
        List<Identifier> names = NameList();
        Expect(TokenKind.RightParen);
        return names;
    }

    /// <summary>A name with up to two qualifiers.</summary>
    private ObjectName ParseObjectName()
    {
        int position = Position;
        string first = Name();
        if (Kind != TokenKind.Dot)
        {
            return new ObjectName([first]) { Position = position };
        }

        var parts = new List<string>(2) { first };
        while (Accept(TokenKind.Dot))
        {
            parts.Add(Label());
        }

        return parts.Count <= 3
            ? new ObjectName(parts) { Position = position }
            : throw new DbException(SqlStates.SyntaxError, $"improper qualified name (too many dotted names): {string.Join('.', parts)}", position: TextPosition.InCharacters(_sql, position));
    }

    private List<ObjectName> ObjectNameList()
    {
        var names = new List<ObjectName>(1);
        do
        {
            names.Add(ParseObjectName());
        }
        while (Accept(TokenKind.Comma));
        return names;
    }

    private string StringValue()
    {
        if (Kind is not (TokenKind.String or TokenKind.EscapeString or TokenKind.DollarString))
        {
            throw SyntaxError();
        }

        string value = StringLiterals.Value(_sql, in _tokens[_at]);
        _at++;

        // 'a' <newline> 'b' is one string
        while (Kind == TokenKind.String && _tokens[_at - 1].Kind is TokenKind.String or TokenKind.EscapeString && _sql.AsSpan(PreviousEnd, _tokens[_at].Start - PreviousEnd).Contains('\n'))
        {
            value += StringLiterals.Value(_sql, in _tokens[_at]);
            _at++;
        }

        return value;
    }

    /// <summary>A whole number with an optional sign.</summary>
    private long SignedInteger()
    {
        bool isNegative = Accept(TokenKind.Minus);
        if (!isNegative)
        {
            Accept(TokenKind.Plus);
        }

        if (Kind != TokenKind.Integer || !Int128.TryParse(_sql.AsSpan(_tokens[_at].Start, _tokens[_at].Length), out Int128 value))
        {
            throw SyntaxError();
        }

        value = isNegative ? -value : value;
        if (value < long.MinValue || value > long.MaxValue)
        {
            throw new DbException(SqlStates.NumericValueOutOfRange, $"value \"{value}\" is out of range for type bigint", position: TextPosition.InCharacters(_sql, Position));
        }

        _at++;
        return (long)value;
    }

    private string Source(int start) => _sql[start..PreviousEnd];

    // ---- limits and errors

    /// <summary>One level deeper; every call has its <see cref="Leave"/>, except when an error ends the parse.</summary>
    private void Enter()
    {
        if (++_depth > MaxDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw TooDeep();
        }
    }

    private void Leave() => _depth--;

    /// <summary>The tree under construction has grown by one level.</summary>
    private void Grow()
    {
        if (++_height > MaxDepth)
        {
            throw TooDeep();
        }
    }

    private DbException TooDeep() =>
        new(SqlStates.StatementTooComplex, "stack depth limit exceeded", hint: $"the statement nests deeper than {MaxDepth} levels", position: TextPosition.InCharacters(_sql, Position));

    private DbException SyntaxError() => SyntaxError(in _tokens[_at]);

    private DbException SyntaxError(in Token token) => new(
        SqlStates.SyntaxError,
        token.Kind == TokenKind.End ? "syntax error at end of input" : $"syntax error at or near \"{TextPosition.Excerpt(_sql, token.Start, token.End)}\"",
        position: TextPosition.InCharacters(_sql, token.Start + 1));

    private DbException ErrorAt(int position, string message, string sqlState = SqlStates.SyntaxError) =>
        new(sqlState, message, position: TextPosition.InCharacters(_sql, position));
}
