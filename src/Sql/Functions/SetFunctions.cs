using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>Set-returning functions on numbers, times, arrays and texts. Every one checks for cancellation while it yields.</summary>
internal static class SetFunctions
{
    internal static void Add(FunctionBuilder builder)
    {
        foreach (SqlType type in new[] { SqlType.Int8, SqlType.Int4 })
        {
            Series(builder, type, [type, type], (a, context) => Integers(a[0].AsInt, a[1].AsInt, 1, context));
            Series(builder, type, [type, type, type], (a, context) => Integers(a[0].AsInt, a[1].AsInt, a[2].AsInt, context));
        }

        SqlType numeric = SqlType.Numeric;
        Series(builder, numeric, [numeric, numeric], (a, context) => Numerics(a[0].AsNumeric, a[1].AsNumeric, Numeric.One, context));
        Series(builder, numeric, [numeric, numeric, numeric], (a, context) => Numerics(a[0].AsNumeric, a[1].AsNumeric, a[2].AsNumeric, context));
        foreach (SqlType type in new[] { SqlType.Timestamp, SqlType.TimestampTz })
        {
            bool zoned = type == SqlType.TimestampTz;
            Series(builder, type, [type, type, SqlType.Interval], (a, context) => Moments(a[0].AsMicroseconds, a[1].AsMicroseconds, a[2].AsInterval, zoned, context));
        }

        AddArrays(builder);
        builder.Add(new FunctionDef
        {
            Name = "string_to_table", Kind = FunctionKind.Set, Parameters = [SqlType.Text, SqlType.Text], Result = SqlType.Text,
            Set = (a, _) => a[0].AsText.Length == 0 ? [] : a[0].AsText.Split(a[1].AsText.Length == 0 ? "\0" : a[1].AsText).Select(part => new[] { Datum.Text(part) }),
        });
    }

    private static void Series(FunctionBuilder builder, SqlType result, SqlType[] parameters, SetBody rows) =>
        builder.Add(new FunctionDef { Name = "generate_series", Kind = FunctionKind.Set, Parameters = parameters, Result = result, Set = rows });

    private static DbException ZeroStep() => new(SqlStates.InvalidParameterValue, "step size cannot equal zero");

    private static IEnumerable<Datum[]> Integers(long from, long to, long step, EvaluationContext context) =>
        step == 0 ? throw ZeroStep() : IntegersFrom(from, to, step, context);

    private static IEnumerable<Datum[]> IntegersFrom(long from, long to, long step, EvaluationContext context)
    {
        var row = new Datum[1];
        for (long value = from; step > 0 ? value <= to : value >= to;)
        {
            if ((value & 1023) == 0)
            {
                context.ThrowIfCancelled();
            }

            row[0] = Datum.Int(value);
            yield return row;
            long next = unchecked(value + step);
            if (step > 0 ? next < value : next > value)
            {
                yield break;
            }

            value = next;
        }
    }

    private static IEnumerable<Datum[]> Numerics(Numeric from, Numeric to, Numeric step, EvaluationContext context)
    {
        if (from.IsNaN || to.IsNaN || step.IsNaN)
        {
            throw new DbException(SqlStates.InvalidParameterValue, $"{(from.IsNaN ? "start" : to.IsNaN ? "stop" : "step")} value cannot be NaN");
        }

        return step.IsZero ? throw ZeroStep() : NumericsFrom(from, to, step, context);
    }

    private static IEnumerable<Datum[]> NumericsFrom(Numeric from, Numeric to, Numeric step, EvaluationContext context)
    {
        var row = new Datum[1];
        for (Numeric value = from; step.Sign > 0 ? value <= to : value >= to; value += step)
        {
            context.ThrowIfCancelled();
            row[0] = Datum.Numeric(value);
            yield return row;
        }
    }

    private static IEnumerable<Datum[]> Moments(long from, long to, Interval step, bool zoned, EvaluationContext context)
    {
        Int128 length = DatumComparer.Length(step);
        return length == 0 ? throw ZeroStep() : MomentsFrom(from, to, step, length > 0, zoned, context);
    }

    private static IEnumerable<Datum[]> MomentsFrom(long from, long to, Interval step, bool rising, bool zoned, EvaluationContext context)
    {
        var row = new Datum[1];
        for (long value = from; rising ? value <= to : value >= to;)
        {
            context.ThrowIfCancelled();
            row[0] = Datum.Timestamp(value);
            yield return row;
            value = zoned ? IntervalMath.AddToMoment(value, step, context.Types.TimeZone) : IntervalMath.AddToLocal(value, step);
        }
    }

    private static void AddArrays(FunctionBuilder builder)
    {
        builder.Add(new FunctionDef
        {
            Name = "unnest", Kind = FunctionKind.Set, Parameters = [SqlType.AnyArray], Result = SqlType.AnyElement,
            Set = (a, context) => Unnest(a[0].AsArray, context),
        });
        builder.Add(new FunctionDef
        {
            Name = "generate_subscripts", Kind = FunctionKind.Set, Parameters = [SqlType.AnyArray, SqlType.Int8], Result = SqlType.Int4,
            Set = (a, context) => Subscripts(a[0].AsArray, a[1].AsInt, context),
        });
        builder.Add(new FunctionDef
        {
            Name = "_pg_expandarray", Kind = FunctionKind.Set, Parameters = [SqlType.AnyArray], Result = SqlType.Record,
            Columns = [("x", SqlType.Int8), ("n", SqlType.Int4)],
            Set = (a, _) => a[0].AsArray.Elements.Select((element, i) => new[] { element, Datum.Int(i + 1) }),
        });
    }

    private static IEnumerable<Datum[]> Unnest(DatumArray array, EvaluationContext context)
    {
        var row = new Datum[1];
        for (int i = 0; i < array.Elements.Length; i++)
        {
            if ((i & 1023) == 0)
            {
                context.ThrowIfCancelled();
            }

            row[0] = array.Elements[i];
            yield return row;
        }
    }

    private static IEnumerable<Datum[]> Subscripts(DatumArray array, long dimension, EvaluationContext context)
    {
        if (dimension < 1 || dimension > array.Lengths.Length)
        {
            return [];
        }

        int lower = array.LowerBounds[dimension - 1];
        return IntegersFrom(lower, lower + array.Lengths[dimension - 1] - 1, 1, context);
    }
}
