using Picodata.Core;

namespace Picodata.Sql;

/// <summary>A column that can be said by its bare name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Value">What it stands for; for columns merged by USING possibly a COALESCE.</param>
/// <param name="IsHidden">Left out of <c>*</c>.</param>
/// <param name="Origin">Where RowDescription says it comes from.</param>
internal readonly record struct ScopeColumn(string Name, BoundExpression Value, bool IsHidden, RangeColumn Origin);

/// <summary>
/// The names that expressions of one query level see: ranges for qualified names, columns for bare names and <c>*</c>. Not all
/// ranges' columns are bare: USING merges two into one.
/// </summary>
internal sealed class Scope(Scope? parent)
{
    /// <summary>The enclosing query's scope; null at the top.</summary>
    public Scope? Parent { get; } = parent;

    public List<BoundRange> Ranges { get; } = [];

    public List<ScopeColumn> Columns { get; } = [];

    /// <summary>CTEs that can be named at this level.</summary>
    public Dictionary<string, BoundCte>? Ctes { get; set; }

    /// <summary>Adds a FROM item under its alias; 42712 when the alias is taken.</summary>
    public void Add(BoundRange range, int position)
    {
        foreach (BoundRange other in Ranges)
        {
            if (other.Alias == range.Alias && range.Alias.Length > 0)
            {
                throw new DbException(SqlStates.DuplicateAlias, $"table name \"{range.Alias}\" specified more than once", position: position);
            }
        }

        Ranges.Add(range);
        AddColumns(range);
    }

    private void AddColumns(BoundRange range)
    {
        for (int i = 0; i < range.Columns.Count; i++)
        {
            RangeColumn column = range.Columns[i];
            Columns.Add(new ScopeColumn(column.Name, new BoundColumn(range, i, column.Type), column.IsHidden, column));
        }
    }

    /// <summary>The range with this alias at this level, or null.</summary>
    public BoundRange? FindRange(string alias)
    {
        foreach (BoundRange range in Ranges)
        {
            if (range.Alias == alias)
            {
                return range;
            }
        }

        return null;
    }

    /// <summary>The column of a bare name at this level; null when there is none, 42702 when there are several.</summary>
    public ScopeColumn? FindColumn(string name, int position)
    {
        ScopeColumn? found = null;
        foreach (ScopeColumn column in Columns)
        {
            if (column.Name != name)
            {
                continue;
            }

            if (found is not null)
            {
                throw new DbException(SqlStates.AmbiguousColumn, $"column reference \"{name}\" is ambiguous", position: position);
            }

            found = column;
        }

        return found;
    }

    /// <summary>The CTE of a name, searched outwards.</summary>
    public BoundCte? FindCte(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Parent)
        {
            if (scope.Ctes is not null && scope.Ctes.TryGetValue(name, out BoundCte? cte))
            {
                return cte;
            }
        }

        return null;
    }
}
