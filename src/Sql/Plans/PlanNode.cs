using Picodata.Core;

namespace Picodata.Sql.Plans;

/// <summary>One column of a node's rows.</summary>
public sealed record PlanColumn(string Name, SqlType Type);

/// <summary>What the planner expects of a node.</summary>
/// <param name="Rows">Rows that it gives, for one run.</param>
/// <param name="Cost">Total cost of one run, in the planner's units.</param>
public readonly record struct PlanEstimate(double Rows, double Cost);

/// <summary>
/// A node of a physical plan. Immutable, free of the state of an execution; shared by all executions. Every expression of
/// a node is evaluated over one row, which the node's comment names.
/// </summary>
public abstract record PlanNode
{
    /// <summary>The columns of the rows that this node gives; empty for statements without rows.</summary>
    public abstract IReadOnlyList<PlanColumn> Columns { get; }

    /// <summary>Inputs in order (outer or left first).</summary>
    public virtual IReadOnlyList<PlanNode> Children => [];

    /// <summary>First line of EXPLAIN, such as <c>Index Scan using t_pkey on t</c>.</summary>
    public abstract string Title { get; }

    /// <summary>Further lines, such as <c>Filter: (a &gt; 1)</c>.</summary>
    public virtual IEnumerable<string> Details => [];

    /// <summary>The planner's expectation; zero when none was made.</summary>
    public PlanEstimate Estimate { get; init; }

    internal static IEnumerable<string> Lines(params (string Label, object? Value)[] lines) =>
        from line in lines where line.Value is not null and not "" select $"{line.Label}: {(line.Value is BoundExpression expression ? PlanText.Of(expression) : line.Value)}";

    internal static IReadOnlyList<PlanColumn> Concat(PlanNode left, PlanNode right) => [.. left.Columns, .. right.Columns];

    internal static string List(IEnumerable<object> items) => string.Join(", ", items.Select(item => item is BoundExpression expression ? PlanText.Of(expression) : item.ToString()));
}

/// <summary>An expression with the name of the column that it makes.</summary>
public sealed record PlanOutput(string Name, BoundExpression Expression)
{
    /// <summary>The column that it makes.</summary>
    public PlanColumn Column => new(Name, Expression.Type);

    /// <inheritdoc/>
    public override string ToString() => PlanText.Of(Expression);
}
