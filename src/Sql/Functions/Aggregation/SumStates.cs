using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>Sum of integers; 128 bits hold any number of 64-bit values.</summary>
internal sealed class IntSumState(bool asNumeric) : AggregateState
{
    private Int128 sum;
    private bool any;

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        sum += arguments[0].AsInt;
        any = true;
    }

    public override Datum Finish() =>
        !any ? Datum.Null
        : asNumeric ? Datum.Numeric(new Numeric(sum, 0))
        : sum >= long.MinValue && sum <= long.MaxValue ? Datum.Int((long)sum)
        : throw NumberOperators.OutOfRange();

    public override void Combine(AggregateState other)
    {
        var theirs = (IntSumState)other;
        sum += theirs.sum;
        any |= theirs.any;
    }
}

internal sealed class IntAverageState : AggregateState
{
    private Int128 sum;
    private long count;

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        sum += arguments[0].AsInt;
        count++;
    }

    public override Datum Finish() => count == 0 ? Datum.Null : Datum.Numeric(new Numeric(sum, 0) / Numeric.FromInt64(count));

    public override void Combine(AggregateState other)
    {
        var theirs = (IntAverageState)other;
        sum += theirs.sum;
        count += theirs.count;
    }
}

internal sealed class NumericSumState : AggregateState
{
    private Numeric? sum;

    public override void Accumulate(ReadOnlySpan<Datum> arguments) =>
        sum = sum is null ? arguments[0].AsNumeric : sum + arguments[0].AsNumeric;

    public override Datum Finish() => sum is null ? Datum.Null : Datum.Numeric(sum);

    public override void Combine(AggregateState other)
    {
        Numeric? theirs = ((NumericSumState)other).sum;
        sum = sum is null ? theirs : theirs is null ? sum : sum + theirs;
    }
}

internal sealed class NumericAverageState : AggregateState
{
    private Numeric sum = Numeric.Zero;
    private long count;

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        sum += arguments[0].AsNumeric;
        count++;
    }

    public override Datum Finish() => count == 0 ? Datum.Null : Datum.Numeric(sum / Numeric.FromInt64(count));

    public override void Combine(AggregateState other)
    {
        var theirs = (NumericAverageState)other;
        sum += theirs.sum;
        count += theirs.count;
    }
}

internal sealed class DoubleSumState(bool isSingle) : AggregateState
{
    private double sum;
    private bool any;

    public override void Accumulate(ReadOnlySpan<Datum> arguments) => Add(arguments[0].AsDouble);

    private void Add(double value)
    {
        double next = sum + value;
        next = isSingle ? (float)next : next;
        if (double.IsInfinity(next) && !double.IsInfinity(sum) && !double.IsInfinity(value))
        {
            throw NumberOperators.Overflow();
        }

        sum = any ? next : value;
        any = true;
    }

    public override Datum Finish() => any ? Datum.Double(sum) : Datum.Null;

    public override void Combine(AggregateState other)
    {
        var theirs = (DoubleSumState)other;
        if (theirs.any)
        {
            Add(theirs.sum);
        }
    }
}

internal sealed class DoubleAverageState : AggregateState
{
    private double sum;
    private long count;

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        double value = arguments[0].AsDouble;
        double next = sum + value;
        if (double.IsInfinity(next) && !double.IsInfinity(sum) && !double.IsInfinity(value))
        {
            throw NumberOperators.Overflow();
        }

        sum = next;
        count++;
    }

    public override Datum Finish() => count == 0 ? Datum.Null : Datum.Double(sum / count);

    public override void Combine(AggregateState other)
    {
        var theirs = (DoubleAverageState)other;
        sum += theirs.sum;
        count += theirs.count;
    }
}

/// <summary>Picodata's total(): a sum that is 0 without rows.</summary>
internal sealed class TotalState : AggregateState
{
    private double sum;

    public override void Accumulate(ReadOnlySpan<Datum> arguments) => sum += arguments[0].AsDouble;

    public override Datum Finish() => Datum.Double(sum);

    public override void Combine(AggregateState other) => sum += ((TotalState)other).sum;
}

internal sealed class IntervalSumState(bool isAverage) : AggregateState
{
    private Interval sum = new(0, 0, 0);
    private long count;

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        sum = IntervalMath.Add(sum, arguments[0].AsInterval);
        count++;
    }

    public override Datum Finish() =>
        count == 0 ? Datum.Null : Datum.Interval(isAverage ? IntervalMath.Divide(sum, count) : sum);

    public override void Combine(AggregateState other)
    {
        var theirs = (IntervalSumState)other;
        sum = IntervalMath.Add(sum, theirs.sum);
        count += theirs.count;
    }
}
