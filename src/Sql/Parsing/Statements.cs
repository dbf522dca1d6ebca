namespace Picodata.Sql.Parsing;

/// <summary>A statement.</summary>
public abstract record Statement : SyntaxNode
{
    /// <summary>0-based start of the statement's text in the parsed string.</summary>
    public int SourceStart { get; internal set; }

    /// <summary>Length of the statement's text, without the semicolon.</summary>
    public int SourceLength { get; internal set; }

    /// <summary>Highest parameter number used; 0 when none.</summary>
    public int ParameterCount { get; internal set; }

    /// <summary>Picodata's <c>OPTION(name = value, ...)</c>, names in lower case.</summary>
    public IReadOnlyList<StatementOption> OptionClause { get; internal set; } = [];

    /// <summary><c>WAIT APPLIED LOCALLY</c>: true; GLOBALLY or nothing: false.</summary>
    public bool WaitsLocally { get; internal set; }
}

/// <summary>An option's name and value (a literal, a parameter, or a <see cref="ColumnExpr"/> for a bare word).</summary>
public sealed record StatementOption(string Name, Expr? Value) : SyntaxNode;

/// <summary>SELECT, VALUES, TABLE, WITH ... SELECT.</summary>
public sealed record QueryStatement(Query Query) : Statement;

public enum ConflictAction { Nothing, Update, Replace, Fail }

/// <summary>ON CONFLICT. Target is empty when none was given; Constraint is that of ON CONSTRAINT.</summary>
public sealed record ConflictClause(IReadOnlyList<Expr> Target, string? Constraint, Expr? TargetWhere, ConflictAction Action, IReadOnlyList<Assignment> Set, Expr? Where) : SyntaxNode;

/// <summary><c>SET a = e</c> (one column) or <c>SET (a, b) = (e, f) | ROW(..) | (SELECT ..)</c> (Value is RowExpr or SubqueryExpr then).</summary>
public sealed record Assignment(IReadOnlyList<Identifier> Columns, Expr Value, bool IsMultiple) : SyntaxNode;

/// <summary>INSERT. Source null: DEFAULT VALUES. Columns empty: all, in order.</summary>
public sealed record InsertStatement(ObjectName Table, string? Alias, IReadOnlyList<Identifier> Columns, Query? Source) : Statement
{
    public WithClause? With { get; init; }

    public ConflictClause? OnConflict { get; init; }

    public IReadOnlyList<SelectItem> Returning { get; init; } = [];

    /// <summary>OVERRIDING SYSTEM VALUE (true) or USER VALUE (false); null when absent.</summary>
    public bool? OverridingSystem { get; init; }
}

public sealed record UpdateStatement(ObjectName Table, string? Alias, IReadOnlyList<Assignment> Set, IReadOnlyList<TableSource> From, Expr? Where) : Statement
{
    public WithClause? With { get; init; }

    public string? IndexedBy { get; init; }

    public IReadOnlyList<SelectItem> Returning { get; init; } = [];

    /// <summary>WHERE CURRENT OF cursor, else null.</summary>
    public string? CurrentOf { get; init; }
}

public sealed record DeleteStatement(ObjectName Table, string? Alias, IReadOnlyList<TableSource> Using, Expr? Where) : Statement
{
    public WithClause? With { get; init; }

    public string? IndexedBy { get; init; }

    public IReadOnlyList<SelectItem> Returning { get; init; } = [];

    /// <summary>WHERE CURRENT OF cursor, else null.</summary>
    public string? CurrentOf { get; init; }
}

/// <summary>
/// EXPLAIN. Options: PostgreSQL's in lower case (<c>analyze</c>, <c>verbose</c>, <c>costs</c>, <c>buffers</c>, <c>timing</c>, <c>format</c>, ...)
/// and Picodata's facets (<c>logical</c>, <c>raw</c>, <c>buckets</c>, <c>forward</c>, <c>context</c>, <c>fmt</c>); value null means "on".
/// </summary>
public sealed record ExplainStatement(Statement Target, IReadOnlyList<(string Name, string? Value)> Facets) : Statement
{
    public bool Has(string facet)
    {
        foreach ((string name, string? value) in Facets)
        {
            if (name == facet)
            {
                return value is null or "true" or "on" or "1";
            }
        }

        return false;
    }
}

/// <summary>COPY. Exactly one of Table and Query.</summary>
public sealed record CopyStatement(ObjectName? Table, IReadOnlyList<Identifier> Columns, Statement? Query, bool IsFrom) : Statement
{
    /// <summary>Where from or to: null is STDIN/STDOUT; else a file name (refused by the session).</summary>
    public string? FileName { get; init; }

    /// <summary>True for PROGRAM.</summary>
    public bool IsProgram { get; init; }

    /// <summary>Options, names in lower case: format, delimiter, null, header, quote, escape, force_quote, force_not_null, force_null, encoding, freeze.</summary>
    public IReadOnlyList<CopyOption> CopyOptions { get; init; } = [];

    public Expr? Where { get; init; }
}

/// <summary>Value null: the bare name. Columns: for force_*; a single <c>*</c> for all.</summary>
public sealed record CopyOption(string Name, string? Value, IReadOnlyList<string> Columns) : SyntaxNode;
