namespace Picodata.Sql.Parsing;

/// <summary>
/// Text to syntax trees. Errors are <c>DbException</c>: 42601 with a position, 54001 when nesting is too deep, 54000 when the
/// text is too long. Positions in errors thrown here are in characters already.
/// </summary>
public sealed partial class SqlParser
{
    /// <summary>
    /// Parses all statements of a string. A string without any statement gives one <see cref="EmptyStatement"/>; empty statements
    /// between others are left out. A syntax error anywhere means that there is no result.
    /// </summary>
    public static IReadOnlyList<Statement> ParseScript(string sql) => throw new NotImplementedException();

    /// <summary>Parses exactly one statement (42601 when there are more).</summary>
    public static Statement ParseStatement(string sql) => throw new NotImplementedException();

    /// <summary>Parses a query, as views keep them.</summary>
    public static Query ParseQuery(string sql) => throw new NotImplementedException();

    /// <summary>Parses an expression, as defaults and checks are kept.</summary>
    public static Expr ParseExpression(string sql) => throw new NotImplementedException();

    /// <summary>Parses a type name, as it stands in a cast.</summary>
    public static TypeName ParseTypeName(string text) => throw new NotImplementedException();
}
