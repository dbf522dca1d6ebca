namespace Picodata.Core;

/// <summary>
/// An error that ends a statement and that a client sees: the user's fault, a conflict, or a limit.
/// Messages are lower case, without a full stop, in PostgreSQL's words where PostgreSQL has the error.
/// </summary>
public sealed class DbException : Exception
{
    /// <param name="sqlState">Five characters, one of <see cref="SqlStates"/>.</param>
    /// <param name="message">What is wrong, with the names that matter.</param>
    /// <param name="detail">A second sentence (PostgreSQL's DETAIL), or null.</param>
    /// <param name="hint">What to do about it, or null.</param>
    /// <param name="position">1-based position in characters of the statement text, 0 when unknown.</param>
    public DbException(string sqlState, string message, string? detail = null, string? hint = null, int position = 0, Exception? cause = null)
        : base(message, cause)
    {
        SqlState = sqlState;
        Detail = detail;
        Hint = hint;
        Position = position;
    }

    /// <summary>The five-character SQLSTATE.</summary>
    public string SqlState { get; }

    /// <summary>PostgreSQL's DETAIL field, or null.</summary>
    public string? Detail { get; }

    /// <summary>PostgreSQL's HINT field, or null.</summary>
    public string? Hint { get; }

    /// <summary>1-based position in characters of the statement text; 0 when unknown.</summary>
    public int Position { get; }

    /// <summary>Schema, table, column, type and constraint that the error is about (fields s t c d n of ErrorResponse).</summary>
    public string? SchemaName { get; init; }

    /// <inheritdoc cref="SchemaName"/>
    public string? TableName { get; init; }

    /// <inheritdoc cref="SchemaName"/>
    public string? ColumnName { get; init; }

    /// <inheritdoc cref="SchemaName"/>
    public string? DataTypeName { get; init; }

    /// <inheritdoc cref="SchemaName"/>
    public string? ConstraintName { get; init; }

    /// <summary>Where it happened, field W of ErrorResponse (such as <c>COPY t, line 2</c>), or null.</summary>
    public string? Where { get; init; }
}
