using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>
/// Cuts SQL text into tokens.
///
/// Words: a letter, underscore or any character above ASCII that is no white space, then also digits and <c>$</c>; folded to lower case.
/// Quoted words: <c>"..."</c> with <c>""</c>. Strings: <c>'...'</c> with <c>''</c>, <c>E'...'</c> with backslash escapes, <c>$tag$...$tag$</c>,
/// <c>B'..'</c>, <c>X'..'</c>. Comments: <c>--</c> to the end of the line, <c>/* */</c> nested. Parameters: <c>$1</c>, <c>?</c>.
/// Operators: the longest run of <c>+ - * / &lt; &gt; = ~ ! @ # % ^ &amp; | `</c> that holds no comment start; a run that ends in + or - gives
/// these back unless it holds one of <c>~ ! @ # % ^ &amp; | `</c>.
///
/// Invariants: 1. the scan ends for every input, in time linear in its length; 2. every error is 42601 with a position.
/// </summary>
internal ref struct Lexer
{
    private readonly string _sql;
    private int _at;

    public Lexer(string sql)
    {
        _sql = sql;
        _at = 0;
    }

    /// <summary>The next token; kind End at the end, again and again.</summary>
    public Token Next()
    {
        SkipBlanks();
        if (_at >= _sql.Length)
        {
            return new Token { Kind = TokenKind.End, Start = _sql.Length, End = _sql.Length };
        }

        int start = _at;
        char c = _sql[start];
        if (IsWordStart(c))
        {
            return WordOrPrefixedString(start, c);
        }

        if (char.IsAsciiDigit(c) || (c == '.' && start + 1 < _sql.Length && char.IsAsciiDigit(_sql[start + 1])))
        {
            return Number(start);
        }

        return c switch
        {
            '\'' => Make(TokenKind.String, start, EndOfString(start, start + 1, false)),
            '"' => Make(TokenKind.QuotedWord, start, EndOfQuotedWord(start)),
            '$' => Dollar(start),
            _ => Symbol(start, c),
        };
    }

    internal static bool IsWordStart(char c) => char.IsAsciiLetter(c) || c == '_' || (c >= 0x80 && !char.IsWhiteSpace(c));

    internal static bool IsWordPart(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' || (c >= 0x80 && !char.IsWhiteSpace(c));

    private Token Make(TokenKind kind, int start, int end)
    {
        _at = end;
        return new Token { Kind = kind, Start = start, End = end };
    }

    private readonly DbException Error(string message, int start) =>
        new(SqlStates.SyntaxError, message, position: TextPosition.InCharacters(_sql, start + 1));

    private void SkipBlanks()
    {
        while (_at < _sql.Length)
        {
            char c = _sql[_at];
            if (c == '-' && _at + 1 < _sql.Length && _sql[_at + 1] == '-')
            {
                int end = _sql.AsSpan(_at).IndexOfAny('\n', '\r');
                _at = end < 0 ? _sql.Length : _at + end;
            }
            else if (c == '/' && _at + 1 < _sql.Length && _sql[_at + 1] == '*')
            {
                SkipComment();
            }
            else if (c is ' ' or '\n' or '\t' or '\r' or '\f' or '\v' || (c >= 0x80 && char.IsWhiteSpace(c)) || c == '\uFEFF')
            {
                _at++;
            }
            else
            {
                return;
            }
        }
    }

    private void SkipComment()
    {
        int start = _at;
        int depth = 1;
        _at += 2;
        while (depth > 0)
        {
            int next = _sql.AsSpan(_at).IndexOfAny('*', '/');
            if (next < 0 || _at + next + 1 >= _sql.Length)
            {
                throw Error($"unterminated /* comment at or near \"{TextPosition.Excerpt(_sql, start, _sql.Length)}\"", start);
            }

            _at += next;
            if (_sql[_at] == '*' && _sql[_at + 1] == '/')
            {
                depth--;
                _at += 2;
            }
            else if (_sql[_at] == '/' && _sql[_at + 1] == '*')
            {
                depth++;
                _at += 2;
            }
            else
            {
                _at++;
            }
        }
    }

    private Token WordOrPrefixedString(int start, char c)
    {
        if (start + 1 < _sql.Length && _sql[start + 1] == '\'')
        {
            switch (c)
            {
                case 'e' or 'E':
                    return Make(TokenKind.EscapeString, start, EndOfString(start, start + 2, true));
                case 'b' or 'B' or 'x' or 'X':
                    return Make(TokenKind.BitString, start, EndOfString(start, start + 2, false));
                case 'n' or 'N':
                    return Make(TokenKind.String, start, EndOfString(start, start + 2, false));
            }
        }

        int end = start + 1;
        while (end < _sql.Length && IsWordPart(_sql[end]))
        {
            end++;
        }

        _at = end;
        return new Token { Kind = TokenKind.Word, Keyword = Keywords.Find(_sql.AsSpan(start, end - start)), Start = start, End = end };
    }

    private readonly int EndOfString(int start, int from, bool escapes)
    {
        int at = from;
        while (true)
        {
            int next = escapes ? _sql.AsSpan(at).IndexOfAny('\'', '\\') : _sql.AsSpan(at).IndexOf('\'');
            if (next < 0)
            {
                throw Error($"unterminated quoted string at or near \"{TextPosition.Excerpt(_sql, start, _sql.Length)}\"", start);
            }

            at += next;
            if (_sql[at] == '\\')
            {
                at = Math.Min(at + 2, _sql.Length);
            }
            else if (at + 1 < _sql.Length && _sql[at + 1] == '\'')
            {
                at += 2;
            }
            else
            {
                return at + 1;
            }
        }
    }

    private readonly int EndOfQuotedWord(int start)
    {
        int at = start + 1;
        while (true)
        {
            int next = _sql.AsSpan(at).IndexOf('"');
            if (next < 0)
            {
                throw Error($"unterminated quoted identifier at or near \"{TextPosition.Excerpt(_sql, start, _sql.Length)}\"", start);
            }

            at += next;
            if (at + 1 < _sql.Length && _sql[at + 1] == '"')
            {
                at += 2;
                continue;
            }

            if (at == start + 1)
            {
                throw Error("zero-length delimited identifier at or near \"\"\"\"", start);
            }

            return at + 1;
        }
    }

    private Token Number(int start)
    {
        int at = start;
        TokenKind kind = TokenKind.Integer;
        while (at < _sql.Length && char.IsAsciiDigit(_sql[at]))
        {
            at++;
        }

        if (at < _sql.Length && _sql[at] == '.' && !(at + 1 < _sql.Length && _sql[at + 1] == '.'))
        {
            kind = TokenKind.Decimal;
            at++;
            while (at < _sql.Length && char.IsAsciiDigit(_sql[at]))
            {
                at++;
            }
        }

        if (at < _sql.Length && _sql[at] is 'e' or 'E')
        {
            int digits = at + 1;
            if (digits < _sql.Length && _sql[digits] is '+' or '-')
            {
                digits++;
            }

            if (digits < _sql.Length && char.IsAsciiDigit(_sql[digits]))
            {
                kind = TokenKind.Float;
                at = digits;
                while (at < _sql.Length && char.IsAsciiDigit(_sql[at]))
                {
                    at++;
                }
            }
        }

        if (at < _sql.Length && IsWordStart(_sql[at]))
        {
            throw Error($"trailing junk after numeric literal at or near \"{_sql.AsSpan(start, at + 1 - start)}\"", start);
        }

        return Make(kind, start, at);
    }

    private Token Dollar(int start)
    {
        int at = start + 1;
        while (at < _sql.Length && char.IsAsciiDigit(_sql[at]))
        {
            at++;
        }

        if (at > start + 1)
        {
            return at < _sql.Length && IsWordStart(_sql[at])
                ? throw Error($"trailing junk after parameter at or near \"{_sql.AsSpan(start, at + 1 - start)}\"", start)
                : Make(TokenKind.Parameter, start, at);
        }

        while (at < _sql.Length && IsWordPart(_sql[at]) && _sql[at] != '$')
        {
            at++;
        }

        if (at >= _sql.Length || _sql[at] != '$')
        {
            throw Error("syntax error at or near \"$\"", start);
        }

        ReadOnlySpan<char> quote = _sql.AsSpan(start, at + 1 - start);
        int end = _sql.AsSpan(at + 1).IndexOf(quote, StringComparison.Ordinal);
        return end < 0
            ? throw Error($"unterminated dollar-quoted string at or near \"{TextPosition.Excerpt(_sql, start, _sql.Length)}\"", start)
            : Make(TokenKind.DollarString, start, at + 1 + end + quote.Length);
    }

    private Token Symbol(int start, char c)
    {
        switch (c)
        {
            case '(': return Make(TokenKind.LeftParen, start, start + 1);
            case ')': return Make(TokenKind.RightParen, start, start + 1);
            case '[': return Make(TokenKind.LeftBracket, start, start + 1);
            case ']': return Make(TokenKind.RightBracket, start, start + 1);
            case ',': return Make(TokenKind.Comma, start, start + 1);
            case ';': return Make(TokenKind.Semicolon, start, start + 1);
            case '.': return Make(TokenKind.Dot, start, start + 1);
            case '?': return Make(TokenKind.Question, start, start + 1);
            case ':':
                char after = start + 1 < _sql.Length ? _sql[start + 1] : '\0';
                return after == ':' ? Make(TokenKind.Cast, start, start + 2)
                    : after == '=' ? Make(TokenKind.ColonEquals, start, start + 2)
                    : Make(TokenKind.Colon, start, start + 1);
            default:
                return IsOperator(c)
                    ? OperatorRun(start)
                    : throw Error($"syntax error at or near \"{TextPosition.Excerpt(_sql, start, start + (char.IsHighSurrogate(c) ? 2 : 1))}\"", start);
        }
    }

    private static bool IsOperator(char c) => c is '+' or '-' or '*' or '/' or '<' or '>' or '=' or '~' or '!' or '@' or '#' or '%' or '^' or '&' or '|' or '`';

    private Token OperatorRun(int start)
    {
        int end = start;
        bool keepsSign = false;
        while (end < _sql.Length && IsOperator(_sql[end]))
        {
            char c = _sql[end];
            bool startsComment = end > start && end + 1 < _sql.Length && ((c == '-' && _sql[end + 1] == '-') || (c == '/' && _sql[end + 1] == '*'));
            if (startsComment)
            {
                break;
            }

            keepsSign |= c is '~' or '!' or '@' or '#' or '%' or '^' or '&' or '|' or '`';
            end++;
        }

        while (!keepsSign && end > start + 1 && _sql[end - 1] is '+' or '-' && end > start + 1)
        {
            end--;
        }

        return Make(Classify(_sql.AsSpan(start, end - start)), start, end);
    }

    private static TokenKind Classify(ReadOnlySpan<char> symbol)
    {
        if (symbol.Length == 1)
        {
            return symbol[0] switch
            {
                '+' => TokenKind.Plus,
                '-' => TokenKind.Minus,
                '*' => TokenKind.Star,
                '/' => TokenKind.Slash,
                '%' => TokenKind.Percent,
                '^' => TokenKind.Caret,
                '=' => TokenKind.Equal,
                '<' => TokenKind.Less,
                '>' => TokenKind.Greater,
                _ => TokenKind.Operator,
            };
        }

        return symbol switch
        {
            "<=" => TokenKind.LessEqual,
            ">=" => TokenKind.GreaterEqual,
            "<>" or "!=" => TokenKind.NotEqual,
            "=>" => TokenKind.Arrow,
            _ => TokenKind.Operator,
        };
    }
}
