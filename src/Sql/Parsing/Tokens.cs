namespace Picodata.Sql.Parsing;

/// <summary>Kinds of tokens.</summary>
internal enum TokenKind : byte
{
    End,
    /// <summary>Unquoted word; may be a keyword.</summary>
    Word,
    QuotedWord,
    Integer,
    /// <summary>A number with a point.</summary>
    Decimal,
    /// <summary>A number with an exponent.</summary>
    Float,
    String,
    EscapeString,
    DollarString,
    /// <summary>B'...' and X'...'.</summary>
    BitString,
    /// <summary>$n</summary>
    Parameter,
    /// <summary>?</summary>
    Question,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    Comma,
    Semicolon,
    Dot,
    Colon,
    Cast,
    ColonEquals,
    Arrow,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Caret,
    /// <summary>Any other operator symbol.</summary>
    Operator,
}

/// <summary>A token: where it stands in the text (End is behind its last character) and which keyword it is.</summary>
internal struct Token
{
    public TokenKind Kind;
    public Keyword Keyword;
    public int Start;
    public int End;

    public readonly int Length => End - Start;
}
