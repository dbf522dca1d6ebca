using Picodata.Core;
using Picodata.Sql.Functions;

namespace Picodata.Sql;

/// <summary>Takes conditions apart.</summary>
internal static class Conditions
{
    /// <summary>Splits at AND into terms; TRUE falls away; NOT is pushed inwards where that is exact.</summary>
    public static void Split(BoundExpression? condition, List<BoundExpression> terms)
    {
        switch (condition)
        {
            case null:
                return;
            case BoundAnd and:
                foreach (BoundExpression operand in and.Operands)
                {
                    Split(operand, terms);
                }

                return;
            case BoundConstant { Value: { Kind: DatumKind.Bool, AsBool: true } }:
                return;
            case BoundNot { Operand: BoundOr or }:
                foreach (BoundExpression operand in or.Operands)
                {
                    Split(new BoundNot(operand), terms);
                }

                return;
            case BoundNot { Operand: BoundNot twice }:
                Split(twice.Operand, terms);
                return;
            case BoundOr alternatives when AsInList(alternatives) is BoundInList list:
                terms.Add(list);
                return;
            default:
                terms.Add(condition);
                return;
        }
    }

    /// <summary>a = 1 OR a = 2 OR a IN (3, 4) as one list, or null.</summary>
    private static BoundInList? AsInList(BoundOr or)
    {
        BoundExpression? column = null;
        var items = new List<BoundExpression>();
        foreach (BoundExpression operand in or.Operands)
        {
            BoundExpression? left = null;
            IReadOnlyList<BoundExpression> values = [];
            if (operand is BoundComparison { Operator: ComparisonOperator.Equal, Left: BoundColumn own, Right: BoundConstant or BoundParameter } equal)
            {
                (left, values) = (own, new[] { equal.Right });
            }
            else if (operand is BoundInList { Negated: false, Operand: BoundColumn listed } list)
            {
                (left, values) = (listed, list.Items);
            }

            if (left is null || (column is not null && !column.Equals(left)) || values.Any(v => v.Type.Kind != left.Type.Kind))
            {
                return null;
            }

            column = left;
            items.AddRange(values);
        }

        return column is null ? null : new BoundInList(column, items, false);
    }

    /// <summary>All terms as one condition; null when there is none.</summary>
    public static BoundExpression? Join(IReadOnlyList<BoundExpression> terms) => terms.Count switch
    {
        0 => null,
        1 => terms[0],
        _ => new BoundAnd(terms.ToArray()),
    };

    /// <summary>True for a condition that no row passes.</summary>
    public static bool IsNever(BoundExpression e) => e is BoundConstant { Value: var value } && (value.IsNull || !value.AsBool);

    /// <summary>Removes type names around a column.</summary>
    public static BoundExpression Bare(BoundExpression e)
    {
        while (e is BoundRelabel relabel)
        {
            e = relabel.Operand;
        }

        return e;
    }

    public static ComparisonOperator Flip(ComparisonOperator op) => op switch
    {
        ComparisonOperator.Less => ComparisonOperator.Greater,
        ComparisonOperator.LessOrEqual => ComparisonOperator.GreaterOrEqual,
        ComparisonOperator.Greater => ComparisonOperator.Less,
        ComparisonOperator.GreaterOrEqual => ComparisonOperator.LessOrEqual,
        _ => op,
    };

    /// <summary>True when the function may give another value in each row or have effects.</summary>
    public static bool IsVolatile(BoundExpression e) =>
        ExpressionRewriter.Any(e, n => n is BoundCall { Function.Volatility: Volatility.Volatile } or BoundSetReturning);

    public static bool HasSubquery(BoundExpression e) => ExpressionRewriter.Any(e, n => n is BoundSubquery);

    /// <summary>True when the condition cannot be true for a row whose columns of these ranges are all NULL.</summary>
    public static bool RejectsNulls(BoundExpression e, Func<BoundRange, bool> ranges) => e switch
    {
        BoundComparison c => IsNullIfNull(c.Left, ranges) || IsNullIfNull(c.Right, ranges),
        BoundAnd and => and.Operands.Any(o => RejectsNulls(o, ranges)),
        BoundOr or => or.Operands.All(o => RejectsNulls(o, ranges)),
        BoundIsNull { Negated: true } test => IsNullIfNull(test.Operand, ranges),
        BoundIsBool { Negated: false, Value: not null } test => RejectsNulls(test.Operand, ranges) || IsNullIfNull(test.Operand, ranges),
        BoundInList { Negated: false } list => IsNullIfNull(list.Operand, ranges),
        BoundQuantified { IsAll: false, Comparison: not null } q => IsNullIfNull(q.Left, ranges),
        BoundNot not => IsNullIfNull(not.Operand, ranges),
        BoundColumn or BoundCall => IsNullIfNull(e, ranges),
        _ => false,
    };

    private static bool IsNullIfNull(BoundExpression e, Func<BoundRange, bool> ranges) => e switch
    {
        BoundColumn c => ranges(c.Range),
        BoundCast c => IsNullIfNull(c.Operand, ranges),
        BoundRelabel c => IsNullIfNull(c.Operand, ranges),
        BoundCall { Function.IsStrict: true } c => c.Arguments.Any(a => IsNullIfNull(a, ranges)),
        BoundComparison c => IsNullIfNull(c.Left, ranges) || IsNullIfNull(c.Right, ranges),
        BoundNot n => IsNullIfNull(n.Operand, ranges),
        BoundInList list => IsNullIfNull(list.Operand, ranges),
        _ => false,
    };
}
