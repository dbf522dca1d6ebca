namespace Picodata.Sql;

/// <summary>A member of a join order: a table, or something that is planned by itself.</summary>
internal sealed class Unit
{
    /// <summary>The table; null for anything else.</summary>
    public BoundTableSource? Table { get; init; }

    /// <summary>Plans anything that is not a table; called once, when the unit's conditions are known.</summary>
    public Func<Unit, Built>? Plan { get; init; }

    /// <summary>Ranges that it gives.</summary>
    public required List<BoundRange> Ranges { get; init; }

    /// <summary>Conditions over this unit alone.</summary>
    public List<BoundExpression> Local { get; } = [];

    /// <summary>Units whose columns it reads (lateral).</summary>
    public long Requires { get; set; }

    /// <summary>The plan of a unit that is not a table.</summary>
    public Built Built { get; set; }

    /// <summary>Columns of other units that the plan reads, by cell.</summary>
    public List<(BoundExpression Column, int Cell)> Cells { get; set; } = [];

    /// <summary>Rows before any condition (tables), or of the whole plan.</summary>
    public double BaseRows { get; set; } = 1;

    /// <summary>Rows that pass the local conditions.</summary>
    public double Rows { get; set; } = 1;

    /// <summary>Best way to read a table without regard to joins.</summary>
    public Access? Access { get; set; }

    public double Cost { get; set; }
}

/// <summary>One term of an AND, with the units whose columns it reads.</summary>
internal sealed record Conjunct(BoundExpression Expression, long Mask);

/// <summary>An order that somebody would like rows to have.</summary>
/// <param name="Keys">Sort keys over the query's columns.</param>
/// <param name="Limit">Rows that are wanted at most; infinite when all.</param>
internal sealed record OrderWish(IReadOnlyList<BoundSortKey> Keys, double Limit);

/// <summary>A way to read a table: an index or all rows, and which conditions it answers.</summary>
internal sealed class Access
{
    /// <summary>Null: all rows in the order of the primary key.</summary>
    public TableIndex? Index { get; init; }

    public Plans.IndexRange Range { get; init; } = Plans.IndexRange.All;

    public bool IsDescending { get; init; }

    /// <summary>At most one row by a whole unique key.</summary>
    public bool IsPoint { get; init; }

    /// <summary>Conditions that the range answers completely.</summary>
    public IReadOnlyList<BoundExpression> Answered { get; init; } = [];

    /// <summary>Rows that the index gives, before the other conditions.</summary>
    public double Scanned { get; init; }

    public double Cost { get; init; }

    /// <summary>Rows come in the wished order.</summary>
    public bool IsOrdered { get; init; }
}
