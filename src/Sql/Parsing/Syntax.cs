namespace Picodata.Sql.Parsing;

/// <summary>
/// A node of the syntax tree. Trees are immutable and may be shared between threads.
/// </summary>
public abstract record SyntaxNode
{
    /// <summary>
    /// 1-based position in UTF-16 units of the token that errors about this node point to, 0 when unknown. The session turns it into
    /// characters when it reports an error.
    /// </summary>
    public int Position { get; init; }
}

/// <summary>A name with its qualifiers: <c>[database.][schema.]name</c>, folded to lower case unless it was quoted.</summary>
public sealed record ObjectName(IReadOnlyList<string> Parts) : SyntaxNode
{
    /// <summary>The last part.</summary>
    public string Name => Parts[^1];

    /// <summary>The part before the last, or null.</summary>
    public string? Schema => Parts.Count > 1 ? Parts[^2] : null;

    public override string ToString() => string.Join('.', Parts);
}

/// <summary>
/// A type as written. <c>int[][]</c> has ArrayDimensions 2. For <c>interval day to second</c> IntervalFields is <c>day to second</c>.
/// Multi-word names are given by one word: <c>double precision</c> is <c>float8</c>, <c>timestamp with time zone</c> is <c>timestamptz</c>,
/// <c>character varying</c> is <c>varchar</c>, <c>character</c> is <c>bpchar</c>, <c>char</c> is <c>bpchar</c> too, <c>"char"</c> (quoted) is <c>char</c>.
/// All other names are as written, folded.
/// </summary>
public sealed record TypeName(ObjectName Name, IReadOnlyList<int> Modifiers, int ArrayDimensions = 0, string? IntervalFields = null) : SyntaxNode;

/// <summary>A name that keeps where it stood: a column in a list, an alias.</summary>
public readonly record struct Identifier(string Name, int Position)
{
    public override string ToString() => Name;
}
