using Picodata.Core;

namespace Picodata.Sql.Execution;

/// <summary>One of the six comparisons as a type, so that the compiler of the runtime writes it out for each use.</summary>
internal interface IComparisonRule
{
    static abstract bool Holds(int order);

    static abstract bool Holds(long left, long right);
}

internal readonly struct EqualRule : IComparisonRule
{
    public static bool Holds(int order) => order == 0;

    public static bool Holds(long left, long right) => left == right;
}

internal readonly struct NotEqualRule : IComparisonRule
{
    public static bool Holds(int order) => order != 0;

    public static bool Holds(long left, long right) => left != right;
}

internal readonly struct LessRule : IComparisonRule
{
    public static bool Holds(int order) => order < 0;

    public static bool Holds(long left, long right) => left < right;
}

internal readonly struct LessOrEqualRule : IComparisonRule
{
    public static bool Holds(int order) => order <= 0;

    public static bool Holds(long left, long right) => left <= right;
}

internal readonly struct GreaterRule : IComparisonRule
{
    public static bool Holds(int order) => order > 0;

    public static bool Holds(long left, long right) => left > right;
}

internal readonly struct GreaterOrEqualRule : IComparisonRule
{
    public static bool Holds(int order) => order >= 0;

    public static bool Holds(long left, long right) => left >= right;
}

/// <summary>Comparison of values held in bits: int, bool, date, time, timestamp.</summary>
internal sealed class BitsComparison<TRule>(Evaluator left, Evaluator right) : ConditionEvaluator
    where TRule : struct, IComparisonRule
{
    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        bool isNull = false;
        long first = left.EvaluateInt(row, context, ref isNull);
        long second = right.EvaluateInt(row, context, ref isNull);
        return isNull ? Truth.Unknown : TRule.Holds(first, second) ? Truth.True : Truth.False;
    }
}

/// <summary>Comparison of doubles: NaN equals NaN and is above all.</summary>
internal sealed class DoubleComparison<TRule>(Evaluator left, Evaluator right) : ConditionEvaluator
    where TRule : struct, IComparisonRule
{
    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Datum first = left.Evaluate(row, context);
        Datum second = right.Evaluate(row, context);
        return first.IsNull || second.IsNull ? Truth.Unknown
            : TRule.Holds(Order(first.AsDouble, second.AsDouble)) ? Truth.True : Truth.False;
    }

    private static int Order(double first, double second)
    {
        if (first < second)
        {
            return -1;
        }

        if (first > second)
        {
            return 1;
        }

        return first == second ? 0 : double.IsNaN(first) ? (double.IsNaN(second) ? 0 : 1) : -1;
    }
}

/// <summary>Equality of texts, negated or not.</summary>
internal sealed class TextEquality(Evaluator left, Evaluator right, bool negated) : ConditionEvaluator
{
    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Datum first = left.Evaluate(row, context);
        Datum second = right.Evaluate(row, context);
        return first.IsNull || second.IsNull ? Truth.Unknown
            : string.Equals(first.AsText, second.AsText) != negated ? Truth.True : Truth.False;
    }
}

/// <summary>Comparison by the order of the values' kind.</summary>
internal sealed class OrderComparison<TRule>(Evaluator left, Evaluator right) : ConditionEvaluator
    where TRule : struct, IComparisonRule
{
    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Datum first = left.Evaluate(row, context);
        Datum second = right.Evaluate(row, context);
        return first.IsNull || second.IsNull ? Truth.Unknown
            : TRule.Holds(DatumComparer.Compare(first, second)) ? Truth.True : Truth.False;
    }
}

/// <summary>
/// Comparison of row values, field by field: = is false as soon as one pair differs, unknown when only NULLs are in the way; an order is decided
/// by the first pair that is not equal, and unknown when that has a NULL.
/// </summary>
internal sealed class RecordComparison(ComparisonOperator comparison, Evaluator left, Evaluator right) : ConditionEvaluator
{
    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Datum first = left.Evaluate(row, context);
        Datum second = right.Evaluate(row, context);
        return first.IsNull || second.IsNull ? Truth.Unknown : Compare(comparison, first.AsRecord, second.AsRecord);
    }

    public static Truth Compare(ComparisonOperator comparison, Datum[] left, Datum[] right)
    {
        if (left.Length != right.Length)
        {
            throw new DbException(SqlStates.SyntaxError, "unequal number of entries in row expressions");
        }

        return comparison switch
        {
            ComparisonOperator.Equal => Equality(left, right),
            ComparisonOperator.NotEqual => Not(Equality(left, right)),
            _ => Order(comparison, left, right),
        };
    }

    private static Truth Not(Truth truth) => truth switch { Truth.True => Truth.False, Truth.False => Truth.True, _ => Truth.Unknown };

    private static Truth Equality(Datum[] left, Datum[] right)
    {
        bool unknown = false;
        for (int i = 0; i < left.Length; i++)
        {
            Truth equal = Pair(left[i], right[i]);
            if (equal == Truth.False)
            {
                return Truth.False;
            }

            unknown |= equal == Truth.Unknown;
        }

        return unknown ? Truth.Unknown : Truth.True;
    }

    private static Truth Pair(in Datum left, in Datum right) =>
        left.IsNull || right.IsNull ? Truth.Unknown
        : left.Kind == DatumKind.Record ? Equality(left.AsRecord, right.AsRecord)
        : DatumComparer.Equal(left, right) ? Truth.True : Truth.False;

    private static Truth Order(ComparisonOperator comparison, Datum[] left, Datum[] right)
    {
        int order = 0;
        for (int i = 0; i < left.Length && order == 0; i++)
        {
            if (left[i].IsNull || right[i].IsNull)
            {
                return Truth.Unknown;
            }

            order = DatumComparer.Compare(left[i], right[i]);
        }

        bool holds = comparison switch
        {
            ComparisonOperator.Less => order < 0,
            ComparisonOperator.LessOrEqual => order <= 0,
            ComparisonOperator.Greater => order > 0,
            _ => order >= 0,
        };
        return holds ? Truth.True : Truth.False;
    }
}

/// <summary>IS [NOT] DISTINCT FROM.</summary>
internal sealed class DistinctFromEvaluator(Evaluator left, Evaluator right, bool negated) : ConditionEvaluator
{
    public override Truth Test(Datum[] row, ExecutionContext context) =>
        RowEquality.Same(left.Evaluate(row, context), right.Evaluate(row, context)) == negated ? Truth.True : Truth.False;
}

/// <summary>Makes comparisons for the kinds of values.</summary>
internal static class ComparisonFactory
{
    public static Evaluator Make(ComparisonOperator comparison, Evaluator left, Evaluator right, DatumKind kind) => comparison switch
    {
        ComparisonOperator.Equal => kind == DatumKind.Text ? new TextEquality(left, right, false) : Make<EqualRule>(comparison, left, right, kind),
        ComparisonOperator.NotEqual => kind == DatumKind.Text ? new TextEquality(left, right, true) : Make<NotEqualRule>(comparison, left, right, kind),
        ComparisonOperator.Less => Make<LessRule>(comparison, left, right, kind),
        ComparisonOperator.LessOrEqual => Make<LessOrEqualRule>(comparison, left, right, kind),
        ComparisonOperator.Greater => Make<GreaterRule>(comparison, left, right, kind),
        _ => Make<GreaterOrEqualRule>(comparison, left, right, kind),
    };

    private static Evaluator Make<TRule>(ComparisonOperator comparison, Evaluator left, Evaluator right, DatumKind kind)
        where TRule : struct, IComparisonRule => kind switch
        {
            DatumKind.Int or DatumKind.Bool or DatumKind.Date or DatumKind.Time or DatumKind.Timestamp => new BitsComparison<TRule>(left, right),
            DatumKind.Double => new DoubleComparison<TRule>(left, right),
            DatumKind.Record => new RecordComparison(comparison, left, right),
            _ => new OrderComparison<TRule>(left, right),
        };
}
