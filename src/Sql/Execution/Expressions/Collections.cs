using Picodata.Core;

namespace Picodata.Sql.Execution;

/// <summary>A set of non-null values of one kind, made for fast asking.</summary>
internal sealed class ValueSet
{
    private readonly HashSet<long>? bits;
    private readonly HashSet<string>? texts;
    private readonly HashSet<Datum>? others;

    public ValueSet(ReadOnlySpan<Datum> values)
    {
        DatumKind kind = DatumKind.Null;
        foreach (ref readonly Datum value in values)
        {
            if (value.IsNull)
            {
                HasNull = true;
                continue;
            }

            if (kind == DatumKind.Null)
            {
                kind = value.Kind;
                IsBits = kind is DatumKind.Int or DatumKind.Bool or DatumKind.Date or DatumKind.Time or DatumKind.Timestamp;
                bits = IsBits ? [] : null;
                texts = kind == DatumKind.Text ? new HashSet<string>(StringComparer.Ordinal) : null;
                others = bits is null && texts is null ? new HashSet<Datum>(DatumComparer.Instance) : null;
            }

            _ = bits?.Add(value.AsInt) ?? texts?.Add(value.AsText) ?? others!.Add(value);
        }
    }

    public bool HasNull { get; }

    private bool IsBits { get; }

    public bool IsEmpty => bits is null && texts is null && others is null;

    /// <summary><c>value = ANY (set)</c>, three-valued.</summary>
    public Truth Any(in Datum value)
    {
        if (IsEmpty && !HasNull)
        {
            return Truth.False;
        }

        if (value.IsNull)
        {
            return Truth.Unknown;
        }

        bool found = IsBits ? bits!.Contains(value.AsInt) : texts is not null ? texts.Contains(value.AsText) : others is not null && others.Contains(value);
        return found ? Truth.True : HasNull ? Truth.Unknown : Truth.False;
    }
}

/// <summary>x [NOT] IN (constants).</summary>
internal sealed class InSetEvaluator(Evaluator operand, ValueSet set, bool negated) : ConditionEvaluator
{
    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Truth found = set.Any(operand.Evaluate(row, context));
        return found == Truth.Unknown || !negated ? found : found == Truth.True ? Truth.False : Truth.True;
    }
}

/// <summary>x [NOT] IN (expressions), compared one by one.</summary>
internal sealed class InListEvaluator(Evaluator operand, Evaluator[] items, bool negated) : ConditionEvaluator
{
    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Datum value = operand.Evaluate(row, context);
        bool unknown = value.IsNull && items.Length > 0;
        foreach (Evaluator item in items)
        {
            Datum candidate = item.Evaluate(row, context);
            if (candidate.IsNull || value.IsNull)
            {
                unknown = true;
                continue;
            }

            Truth equal = value.Kind == DatumKind.Record
                ? RecordComparison.Compare(ComparisonOperator.Equal, value.AsRecord, candidate.AsRecord)
                : DatumComparer.Equal(value, candidate) ? Truth.True : Truth.False;
            if (equal == Truth.True)
            {
                return negated ? Truth.False : Truth.True;
            }

            unknown |= equal == Truth.Unknown;
        }

        return unknown ? Truth.Unknown : negated ? Truth.True : Truth.False;
    }
}

/// <summary>left op ANY|ALL (array), by a condition over locals.</summary>
internal sealed class QuantifiedEvaluator(Evaluator left, int leftLocal, Evaluator array, int elementLocal, Evaluator condition, bool isAll) : ConditionEvaluator
{
    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Datum elements = array.Evaluate(row, context);
        if (elements.IsNull)
        {
            return Truth.Unknown;
        }

        context.Locals[leftLocal] = left.Evaluate(row, context);
        Truth decisive = isAll ? Truth.False : Truth.True;
        bool unknown = false;
        foreach (Datum element in elements.AsArray.Elements)
        {
            context.Locals[elementLocal] = element;
            Truth truth = condition.Test(row, context);
            if (truth == decisive)
            {
                return decisive;
            }

            unknown |= truth == Truth.Unknown;
        }

        return unknown ? Truth.Unknown : isAll ? Truth.True : Truth.False;
    }
}

/// <summary>left = ANY (array): arrays of some size are hashed once and kept as long as the same array comes again.</summary>
internal sealed class ArrayMembershipEvaluator(Evaluator left, Evaluator array, int state) : ConditionEvaluator
{
    private const int HashFrom = 16;

    private sealed record Cached(DatumArray Array, ValueSet Set);

    public override Truth Test(Datum[] row, ExecutionContext context)
    {
        Datum elements = array.Evaluate(row, context);
        if (elements.IsNull)
        {
            return Truth.Unknown;
        }

        DatumArray values = elements.AsArray;
        Datum value = left.Evaluate(row, context);
        return values.Elements.Length < HashFrom ? Walk(value, values.Elements) : SetOf(values, context).Any(value);
    }

    private ValueSet SetOf(DatumArray values, ExecutionContext context)
    {
        if (context.States[state] is not Cached cached || !ReferenceEquals(cached.Array, values))
        {
            cached = new Cached(values, new ValueSet(values.Elements));
            context.States[state] = cached;
        }

        return cached.Set;
    }

    private static Truth Walk(in Datum value, Datum[] elements)
    {
        bool unknown = value.IsNull && elements.Length > 0;
        foreach (ref readonly Datum element in elements.AsSpan())
        {
            if (element.IsNull || value.IsNull)
            {
                unknown = true;
            }
            else if (DatumComparer.Equal(value, element))
            {
                return Truth.True;
            }
        }

        return unknown ? Truth.Unknown : Truth.False;
    }
}

/// <summary>ARRAY[...] of elements, or of arrays that become a further dimension.</summary>
internal sealed class ArrayEvaluator(Evaluator[] elements, bool isNested, SqlType type) : Evaluator
{
    private readonly SqlType elementType = type.Element!;

    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        var values = new Datum[elements.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = elements[i].Evaluate(row, context);
        }

        return Datum.Array(isNested ? Nest(values, elementType) : DatumArray.Of(elementType, values));
    }

    /// <summary>Puts arrays of equal shape side by side as one with a dimension more.</summary>
    public static DatumArray Nest(Datum[] arrays, SqlType elementType)
    {
        int[]? shape = null;
        var all = new List<Datum>();
        foreach (Datum array in arrays)
        {
            int[] lengths = array.IsNull ? [] : array.AsArray.Lengths;
            if (shape is not null && !lengths.AsSpan().SequenceEqual(shape))
            {
                throw new DbException(SqlStates.ArraySubscriptError, "multidimensional arrays must have array expressions with matching dimensions");
            }

            shape = lengths;
            all.AddRange(array.IsNull ? [] : array.AsArray.Elements);
        }

        return shape is null || shape.Length == 0
            ? DatumArray.Of(elementType)
            : new DatumArray(elementType, [.. all], [arrays.Length, .. shape], [.. Enumerable.Repeat(1, shape.Length + 1)]);
    }
}

/// <summary>a[i][j]: NULL outside of the bounds, or when there are not as many subscripts as dimensions.</summary>
internal sealed class SubscriptEvaluator(Evaluator array, Evaluator[] subscripts) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        Datum source = array.Evaluate(row, context);
        bool missing = source.IsNull;
        Span<long> indexes = stackalloc long[subscripts.Length];
        for (int i = 0; i < subscripts.Length; i++)
        {
            indexes[i] = subscripts[i].EvaluateInt(row, context, ref missing);
        }

        return missing ? Datum.Null : Element(source.AsArray, indexes);
    }

    private static Datum Element(DatumArray array, ReadOnlySpan<long> indexes)
    {
        if (array.Lengths.Length != indexes.Length)
        {
            return Datum.Null;
        }

        long position = 0;
        for (int i = 0; i < indexes.Length; i++)
        {
            long offset = indexes[i] - array.LowerBounds[i];
            if (offset < 0 || offset >= array.Lengths[i])
            {
                return Datum.Null;
            }

            position = (position * array.Lengths[i]) + offset;
        }

        return array.Elements[position];
    }
}

/// <summary>a[i:j]...: the part inside of the bounds, counted from 1; empty when nothing is. A plain subscript among slices means 1:n.</summary>
internal sealed class SliceEvaluator(Evaluator array, (Evaluator? Lower, Evaluator? Upper)[] bounds) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        Datum source = array.Evaluate(row, context);
        if (source.IsNull)
        {
            return Datum.Null;
        }

        DatumArray values = source.AsArray;
        int dimensions = values.Lengths.Length;
        if (dimensions == 0 || bounds.Length > dimensions)
        {
            return Datum.Array(DatumArray.Of(values.ElementType));
        }

        var first = new int[dimensions];
        var lengths = new int[dimensions];
        for (int i = 0; i < dimensions; i++)
        {
            bool isNull = false;
            long low = values.LowerBounds[i];
            long high = low + values.Lengths[i] - 1;
            if (i < bounds.Length)
            {
                low = Math.Max(low, bounds[i].Lower?.EvaluateInt(row, context, ref isNull) ?? low);
                high = Math.Min(high, bounds[i].Upper?.EvaluateInt(row, context, ref isNull) ?? high);
            }

            if (isNull)
            {
                return Datum.Null;
            }

            if (high < low)
            {
                return Datum.Array(DatumArray.Of(values.ElementType));
            }

            first[i] = (int)(low - values.LowerBounds[i]);
            lengths[i] = (int)(high - low + 1);
        }

        var elements = new List<Datum>();
        Copy(values, first, lengths, 0, 0, elements);
        return Datum.Array(new DatumArray(values.ElementType, [.. elements], lengths, [.. Enumerable.Repeat(1, dimensions)]));
    }

    private static void Copy(DatumArray source, int[] first, int[] lengths, int dimension, int position, List<Datum> output)
    {
        for (int i = 0; i < lengths[dimension]; i++)
        {
            int next = (position * source.Lengths[dimension]) + first[dimension] + i;
            if (dimension == lengths.Length - 1)
            {
                output.Add(source.Elements[next]);
            }
            else
            {
                Copy(source, first, lengths, dimension + 1, next, output);
            }
        }
    }
}

/// <summary>ROW(...).</summary>
internal sealed class RowEvaluator(Evaluator[] fields) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        var values = new Datum[fields.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = fields[i].Evaluate(row, context);
        }

        return Datum.Record(values);
    }
}

/// <summary>(record).field.</summary>
internal sealed class FieldEvaluator(Evaluator record, int field) : Evaluator
{
    public override Datum Evaluate(Datum[] row, ExecutionContext context)
    {
        Datum value = record.Evaluate(row, context);
        return value.IsNull || field >= value.AsRecord.Length ? Datum.Null : value.AsRecord[field];
    }
}
