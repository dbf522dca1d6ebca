using Picodata.Core;

namespace Picodata.Sql;

/// <summary>Guesses of how many rows pass a condition. There are no statistics yet: uniqueness and shapes must do.</summary>
internal static class Selectivity
{
    /// <summary>Share of the rows that have one value of a column that is not unique.</summary>
    public static double OfEqual(double rows) => 1 / Math.Max(1, Math.Min(200, Math.Sqrt(rows)));

    /// <summary>
    /// Share of the rows that one value of an index's first part has: who makes an index on a column expects it to tell rows apart.
    /// </summary>
    public static double OfIndexEqual(double rows) => Math.Pow(Math.Max(1, rows), -0.75);

    /// <summary>Share that each further part of an index leaves.</summary>
    public const double OfFurtherPart = 0.1;

    public const double OfRange = 0.33;

    /// <summary>Share of rows that pass, between 0 and 1.</summary>
    public static double Of(BoundExpression condition, double rows) => condition switch
    {
        BoundComparison { Operator: ComparisonOperator.Equal } => OfEqual(rows),
        BoundComparison { Operator: ComparisonOperator.NotEqual } => 0.95,
        BoundComparison => OfRange,
        BoundAnd and => and.Operands.Aggregate(1.0, (share, o) => share * Of(o, rows)),
        BoundOr or => Math.Min(1, or.Operands.Sum(o => Of(o, rows))),
        BoundNot not => 1 - Math.Min(0.95, Of(not.Operand, rows)),
        BoundIsNull { Negated: true } => 0.95,
        BoundIsNull => 0.05,
        BoundInList { Negated: false } list => Math.Min(1, list.Items.Count * OfEqual(rows)),
        BoundInList => 0.9,
        BoundQuantified { IsAll: false, Comparison: ComparisonOperator.Equal } => Math.Min(1, 10 * OfEqual(rows)),
        BoundConstant { Value: { Kind: DatumKind.Bool, AsBool: true } } => 1,
        BoundConstant => 0,
        BoundCall { Operator: "~~" or "~~*" or "~" or "~*" } => 0.1,
        _ => 0.5,
    };
}
