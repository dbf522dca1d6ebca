using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>Variance, deviation, covariance, correlation and linear regression.</summary>
internal static class StatisticAggregates
{
    internal static void Add(FunctionBuilder builder)
    {
        foreach ((string name, bool isSample, bool isRoot) in new[]
        {
            ("variance", true, false), ("var_samp", true, false), ("var_pop", false, false), ("stddev", true, true), ("stddev_samp", true, true), ("stddev_pop", false, true),
        })
        {
            foreach (SqlType type in new[] { SqlType.Int8, SqlType.Int4, SqlType.Int2, SqlType.Numeric })
            {
                builder.Add(Aggregates.Define(name, [type], SqlType.Numeric, (_, _, _) => new NumericVarianceState(isSample, isRoot)));
            }

            foreach (SqlType type in new[] { SqlType.Float8, SqlType.Float4 })
            {
                builder.Add(Aggregates.Define(name, [type], SqlType.Float8, (_, _, _) => new DoubleVarianceState(isSample, isRoot)));
            }
        }

        AddPairs(builder);
    }

    private static void AddPairs(FunctionBuilder builder)
    {
        (string Name, Func<PairState, double?> Finish)[] aggregates =
        [
            ("covar_pop", s => s.Count == 0 ? null : s.Sxy / s.Count),
            ("covar_samp", s => s.Count < 2 ? null : s.Sxy / (s.Count - 1)),
            ("corr", s => s.Count == 0 || s.Sxx == 0 || s.Syy == 0 ? null : s.Sxy / Math.Sqrt(s.Sxx * s.Syy)),
            ("regr_avgx", s => s.Count == 0 ? null : s.Sx / s.Count),
            ("regr_avgy", s => s.Count == 0 ? null : s.Sy / s.Count),
            ("regr_sxx", s => s.Count == 0 ? null : s.Sxx),
            ("regr_syy", s => s.Count == 0 ? null : s.Syy),
            ("regr_sxy", s => s.Count == 0 ? null : s.Sxy),
            ("regr_slope", s => s.Count == 0 || s.Sxx == 0 ? null : s.Sxy / s.Sxx),
            ("regr_intercept", s => s.Count == 0 || s.Sxx == 0 ? null : (s.Sy - s.Sx * s.Sxy / s.Sxx) / s.Count),
            ("regr_r2", s => s.Count == 0 || s.Sxx == 0 ? null : s.Syy == 0 ? 1 : s.Sxy * s.Sxy / (s.Sxx * s.Syy)),
        ];
        SqlType real = SqlType.Float8;
        foreach ((string name, Func<PairState, double?> finish) in aggregates)
        {
            builder.Add(Aggregates.Define(name, [real, real], real, (_, _, _) => new PairState(finish)));
        }

        builder.Add(Aggregates.Define("regr_count", [real, real], SqlType.Int8, (_, _, _) => new CountState()));
    }
}

/// <summary>Exact sums of values and squares; the quotient at the end has PostgreSQL's scale.</summary>
internal sealed class NumericVarianceState(bool isSample, bool isRoot) : AggregateState
{
    private Numeric sum = Numeric.Zero;
    private Numeric squares = Numeric.Zero;
    private long count;

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        Numeric value = arguments[0].Kind == DatumKind.Int ? Numeric.FromInt64(arguments[0].AsInt) : arguments[0].AsNumeric;
        sum += value;
        squares += value * value;
        count++;
    }

    public override Datum Finish()
    {
        if (count < (isSample ? 2 : 1))
        {
            return Datum.Null;
        }

        Numeric n = Numeric.FromInt64(count);
        Numeric numerator = n * squares - sum * sum;
        if (numerator.IsNaN || numerator.Sign <= 0)
        {
            return Datum.Numeric(numerator.IsNaN ? Numeric.NaN : Numeric.Zero);
        }

        Numeric variance = numerator / (n * Numeric.FromInt64(isSample ? count - 1 : count));
        return Datum.Numeric(isRoot ? variance.Sqrt(variance.Scale) : variance);
    }

    public override void Combine(AggregateState other)
    {
        var theirs = (NumericVarianceState)other;
        sum += theirs.sum;
        squares += theirs.squares;
        count += theirs.count;
    }
}

/// <summary>Sums of squared differences after Youngs and Cramer: no cancellation of large squares.</summary>
internal sealed class DoubleVarianceState(bool isSample, bool isRoot) : AggregateState
{
    private double count, sum, squaredDifferences;

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        double value = arguments[0].AsDouble;
        count++;
        sum += value;
        if (count > 1)
        {
            double difference = value * count - sum;
            squaredDifferences += difference * difference / (count * (count - 1));
        }
        else if (!double.IsFinite(value))
        {
            squaredDifferences = double.NaN;
        }
    }

    public override Datum Finish()
    {
        if (count < (isSample ? 2 : 1))
        {
            return Datum.Null;
        }

        double variance = squaredDifferences / (isSample ? count - 1 : count);
        return Datum.Double(isRoot ? Math.Sqrt(variance) : variance);
    }

    public override void Combine(AggregateState other)
    {
        var theirs = (DoubleVarianceState)other;
        if (count == 0 || theirs.count == 0)
        {
            (count, sum, squaredDifferences) = count == 0 ? (theirs.count, theirs.sum, theirs.squaredDifferences) : (count, sum, squaredDifferences);
            return;
        }

        double distance = sum / count - theirs.sum / theirs.count;
        squaredDifferences += theirs.squaredDifferences + count * theirs.count * distance * distance / (count + theirs.count);
        count += theirs.count;
        sum += theirs.sum;
    }
}

/// <summary>Sums over pairs (y, x).</summary>
internal sealed class PairState(Func<PairState, double?> finish) : AggregateState
{
    internal double Count { get; private set; }

    internal double Sx { get; private set; }

    internal double Sy { get; private set; }

    internal double Sxx { get; private set; }

    internal double Syy { get; private set; }

    internal double Sxy { get; private set; }

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        double y = arguments[0].AsDouble, x = arguments[1].AsDouble;
        Count++;
        Sx += x;
        Sy += y;
        if (Count > 1)
        {
            double dx = x * Count - Sx, dy = y * Count - Sy, scale = 1 / (Count * (Count - 1));
            Sxx += dx * dx * scale;
            Syy += dy * dy * scale;
            Sxy += dx * dy * scale;
        }
    }

    public override Datum Finish() => finish(this) is { } value ? Datum.Double(value) : Datum.Null;

    public override void Combine(AggregateState other)
    {
        var theirs = (PairState)other;
        if (theirs.Count == 0)
        {
            return;
        }

        double total = Count + theirs.Count;
        double dx = Count == 0 ? 0 : Sx / Count - theirs.Sx / theirs.Count;
        double dy = Count == 0 ? 0 : Sy / Count - theirs.Sy / theirs.Count;
        Sxx += theirs.Sxx + Count * theirs.Count * dx * dx / total;
        Syy += theirs.Syy + Count * theirs.Count * dy * dy / total;
        Sxy += theirs.Sxy + Count * theirs.Count * dx * dy / total;
        Sx += theirs.Sx;
        Sy += theirs.Sy;
        Count = total;
    }
}
