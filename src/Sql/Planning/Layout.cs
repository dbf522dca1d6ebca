using Picodata.Sql.Plans;

namespace Picodata.Sql;

/// <summary>Where values stand in a node's rows: expression (mostly a column) to slot.</summary>
internal sealed class Layout
{
    private readonly List<(BoundExpression Expression, int Slot)> entries;
    private Dictionary<BoundExpression, int>? large;

    public Layout(int capacity = 4) => entries = new(capacity);

    /// <summary>Number of slots in the row.</summary>
    public int Width { get; set; }

    /// <summary>Gives an expression the next slot.</summary>
    public int Add(BoundExpression expression)
    {
        entries.Add((expression, Width));
        large?.TryAdd(expression, Width);
        return Width++;
    }

    /// <summary>Gives an expression a slot that is there already.</summary>
    public void Map(BoundExpression expression, int slot)
    {
        entries.Add((expression, slot));
        large?.TryAdd(expression, slot);
    }

    /// <summary>The slot of an expression, -1 when it has none.</summary>
    public int Find(BoundExpression expression)
    {
        if (entries.Count <= 8)
        {
            foreach ((BoundExpression known, int slot) in entries)
            {
                if (known.Equals(expression))
                {
                    return slot;
                }
            }

            return -1;
        }

        if (large is null)
        {
            large = new Dictionary<BoundExpression, int>(entries.Count);
            foreach ((BoundExpression known, int slot) in entries)
            {
                large.TryAdd(known, slot);
            }
        }

        return large.GetValueOrDefault(expression, -1);
    }

    /// <summary>All expressions that have a slot.</summary>
    public IEnumerable<BoundExpression> Expressions => entries.Select(e => e.Expression);

    /// <summary>The layout of a join's row: left slots, then right slots.</summary>
    public static Layout Join(Layout left, Layout right)
    {
        var joined = new Layout(left.entries.Count + right.entries.Count) { Width = left.Width + right.Width };
        joined.entries.AddRange(left.entries);
        foreach ((BoundExpression expression, int slot) in right.entries)
        {
            joined.entries.Add((expression, slot + left.Width));
        }

        return joined;
    }
}

/// <summary>A node and where its values stand.</summary>
internal readonly record struct Built(PlanNode Node, Layout Layout);

/// <summary>
/// Columns of enclosing queries that a part of the plan reads: each gets a cell. The node that runs the part sets the cells
/// before. Nested parts ask outwards.
/// </summary>
internal sealed class OuterCells(OuterCells? parent)
{
    public OuterCells? Parent { get; } = parent;

    public List<(BoundExpression Column, int Cell)> Cells { get; } = [];
}
