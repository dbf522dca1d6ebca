using Picodata.Core;
using ExecutionContext = Picodata.Sql.Execution.ExecutionContext;
using Picodata.Sql.Execution;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

/// <summary>A parsed statement that is planned when it is first needed and again when the catalog changes.</summary>
internal sealed class PlannedStatement(Statement statement, SqlType?[] declared, string? cacheKey)
{
    public Statement Statement { get; } = statement;

    /// <summary>Types of parameters that are fixed; null where they are to be inferred.</summary>
    public SqlType?[] Declared { get; set; } = declared;

    /// <summary>Key in the shared plan cache; null when the plan is not to be shared.</summary>
    public string? CacheKey { get; } = cacheKey;

    public CachedPlan? Plan { get; set; }
}

/// <summary>A prepared statement, by Parse or by PREPARE.</summary>
internal sealed class PreparedStatement(string name, string text, PlannedStatement planned) : IPreparedStatement
{
    public string Name { get; } = name;

    /// <summary>Its SQL text.</summary>
    public string Text { get; } = text;

    public PlannedStatement Planned { get; } = planned;

    public IReadOnlyList<SqlType> ParameterTypes { get; set; } = [];

    public IReadOnlyList<ResultColumn>? Columns { get; set; }

    public bool IsFromSql { get; init; }

    public long PreparedAt { get; init; }
}

internal enum PortalState { New, Running, Done }

/// <summary>A bound statement that gives its rows in steps; also a cursor of DECLARE.</summary>
internal sealed class Portal(string name, PreparedStatement statement, Datum[] parameters, IReadOnlyList<short> formats) : IPortal
{
    public string Name { get; } = name;

    public PreparedStatement Statement { get; } = statement;

    public Datum[] Parameters { get; } = parameters;

    public IReadOnlyList<ResultColumn>? Columns { get; set; } = statement.Columns;

    public IReadOnlyList<short> ResultFormats { get; } = formats;

    public PortalState State { get; set; }

    /// <summary>Rows still to come from the running statement; null when there are none.</summary>
    public RowSource? Source { get; set; }

    public ExecutionContext? Context { get; set; }

    /// <summary>Rows that were taken into memory.</summary>
    public List<Datum[]>? Kept { get; set; }

    /// <summary>Next row of <see cref="Kept"/>. For cursors: number of the row that the cursor stands on, 0 before the first.</summary>
    public int At { get; set; }

    /// <summary>Completion tag without the number of rows; ends with a blank when the number is to be added.</summary>
    public string Tag { get; set; } = "";

    public long Affected { get; set; }

    // ---- cursors

    public bool IsCursor { get; init; }

    public bool IsHold { get; init; }

    public bool IsBinary { get; init; }

    public bool? IsScroll { get; init; }

    public long CreatedAt { get; init; }
}
