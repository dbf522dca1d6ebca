using System.Globalization;
using System.Numerics;
using Picodata.Core;

namespace Picodata.Sql.Parsing;

/// <summary>A literal that a <see cref="StatementNormalizer"/> took out of a statement: its value, and its type (unknown for strings).</summary>
public readonly record struct ExtractedLiteral(Datum Value, SqlType Type);

/// <summary>
/// Turns the text of a simple statement into one that is the same for all statements that differ in their literals only, so that one
/// plan serves them: <c>select a from t where id = 5</c> gives <c>select a from t where id = $1</c> and the literal 5.
///
/// Only statements whose meaning cannot depend on a literal being one are taken: SELECT, INSERT, UPDATE, DELETE with a few clauses, without
/// parameters, casts, ordinals, typed literals, LIKE. Blanks and comments are taken as one blank, so that texts need not be equal byte by byte.
/// The normalised text is a valid statement. Not thread-safe; keep one for each session.
/// </summary>
public sealed class StatementNormalizer
{
    private const int MostLiterals = 64;
    private const int LongestText = 4096;

    private readonly List<ExtractedLiteral> _literals = [];
    private char[] _text = new char[512];
    private int _length;

    /// <summary>The normalised text of the last successful call; valid until the next call.</summary>
    public ReadOnlySpan<char> Text => _text.AsSpan(0, _length);

    /// <summary>The text, followed by the literals' types: the key under which a plan may be kept. Valid until the next call.</summary>
    public ReadOnlySpan<char> Key
    {
        get
        {
            int at = _length;
            if (at + _literals.Count + 1 > _text.Length)
            {
                Array.Resize(ref _text, at + _literals.Count + 1);
            }

            _text[at++] = '\u0001';
            foreach (ExtractedLiteral literal in _literals)
            {
                _text[at++] = literal.Type == SqlType.Int8 ? 'i' : literal.Type == SqlType.Numeric ? 'n' : 's';
            }

            return _text.AsSpan(0, at);
        }
    }

    /// <summary>Literals of the last successful call in order: the n-th is <c>$n</c>. Valid until the next call.</summary>
    public IReadOnlyList<ExtractedLiteral> Literals => _literals;

    /// <summary>False when the text is not one simple statement; the caller parses it as it is.</summary>
    public bool TryNormalize(string sql)
    {
        _length = 0;
        _literals.Clear();
        return sql.Length <= LongestText && Scan(sql);
    }

    private bool Scan(string sql)
    {
        var lexer = new Lexer(sql);
        Token previous = default;
        try
        {
            Token token = lexer.Next();
            if (token.Keyword is not (Keyword.Select or Keyword.Insert or Keyword.Update or Keyword.Delete))
            {
                return false;
            }

            while (token.Kind != TokenKind.End)
            {
                Token next = lexer.Next();
                if (token.Kind == TokenKind.Semicolon)
                {
                    return next.Kind == TokenKind.End && _literals.Count > 0;
                }

                if (!Take(sql, in previous, in token, in next))
                {
                    return false;
                }

                previous = token;
                token = next;
            }
        }
        catch (DbException)
        {
            return false; // the parser meets the same error and reports it
        }

        return _literals.Count > 0;
    }

    private bool Take(string sql, in Token previous, in Token token, in Token next)
    {
        switch (token.Kind)
        {
            case TokenKind.Word:
                bool hasPrecision = token.Keyword is Keyword.Current_Timestamp or Keyword.Current_Date && next.Kind == TokenKind.LeftParen;
                return !hasPrecision && IsPlainWord(token.Keyword) && Append(sql.AsSpan(token.Start, token.Length), true);
            case TokenKind.Integer or TokenKind.Decimal:
                return TakeNumber(sql.AsSpan(token.Start, token.Length), token.Kind);
            case TokenKind.String:
                return previous.Kind != TokenKind.Word || IsBeforeValue(previous.Keyword)
                    ? next.Kind != TokenKind.String && TakeLiteral(new ExtractedLiteral(Datum.Text(StringLiterals.Value(sql, in token)), SqlType.Unknown))
                    : false;
            case TokenKind.Float or TokenKind.EscapeString or TokenKind.DollarString or TokenKind.BitString or TokenKind.Parameter
                or TokenKind.Question or TokenKind.Cast or TokenKind.Operator or TokenKind.LeftBracket or TokenKind.RightBracket
                or TokenKind.Colon or TokenKind.ColonEquals or TokenKind.Arrow:
                return false;
            default:
                return Append(sql.AsSpan(token.Start, token.Length), token.Kind == TokenKind.QuotedWord);
        }
    }

    private bool TakeNumber(ReadOnlySpan<char> text, TokenKind kind)
    {
        if (kind == TokenKind.Integer && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value))
        {
            return TakeLiteral(new ExtractedLiteral(Datum.Int(value), SqlType.Int8));
        }

        int point = text.IndexOf('.');
        if (point < 0 || text.Length > 40)
        {
            return false;
        }

        string digits = string.Concat(text[..point], text[(point + 1)..]);
        var number = new Numeric(BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture), text.Length - point - 1);
        return TakeLiteral(new ExtractedLiteral(Datum.Numeric(number), SqlType.Numeric));
    }

    private bool TakeLiteral(ExtractedLiteral literal)
    {
        if (_literals.Count == MostLiterals)
        {
            return false;
        }

        _literals.Add(literal);
        Span<char> name = stackalloc char[8];
        name[0] = '$';
        _literals.Count.TryFormat(name[1..], out int digits, provider: CultureInfo.InvariantCulture);
        return Append(name[..(digits + 1)], true);
    }

    private bool Append(ReadOnlySpan<char> piece, bool isWord)
    {
        if (_length + piece.Length + 1 > _text.Length)
        {
            Array.Resize(ref _text, Math.Max(_text.Length * 2, _length + piece.Length + 1));
        }

        bool needsBlank = _length > 0 && (isWord || IsOperatorChar(piece[0])) && _text[_length - 1] is not ('(' or '.');
        if (needsBlank)
        {
            _text[_length++] = ' ';
        }

        piece.CopyTo(_text.AsSpan(_length));
        _length += piece.Length;
        return true;
    }

    private static bool IsOperatorChar(char c) => c is '+' or '-' or '*' or '/' or '%' or '^' or '=' or '<' or '>' or '!';

    private static bool IsBeforeValue(Keyword word) => word is Keyword.And or Keyword.Or or Keyword.Between or Keyword.Where or Keyword.Limit or Keyword.Offset or Keyword.Not or Keyword.In;

    /// <summary>Words that do not change what a literal near them means.</summary>
    private static bool IsPlainWord(Keyword word) => word is Keyword.None or Keyword.Select or Keyword.From or Keyword.Where or Keyword.And or Keyword.Or
        or Keyword.Not or Keyword.Null or Keyword.True or Keyword.False or Keyword.Insert or Keyword.Into or Keyword.Values or Keyword.Update
        or Keyword.Set or Keyword.Delete or Keyword.Limit or Keyword.Offset or Keyword.In or Keyword.Is or Keyword.Between or Keyword.As
        or Keyword.Current_Timestamp or Keyword.Current_Date or Keyword.Join or Keyword.Inner or Keyword.Left or Keyword.On or Keyword.Default
        or Keyword.Returning or Keyword.Day or Keyword.Month or Keyword.Year or Keyword.Hour or Keyword.Minute or Keyword.Second or Keyword.At;
}
