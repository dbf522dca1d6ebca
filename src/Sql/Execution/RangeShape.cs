using Picodata.Core;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql.Execution;

/// <summary>A bound as an evaluator.</summary>
internal sealed record BoundShape(Evaluator Value, bool Inclusive);

/// <summary>
/// Compiled <see cref="Plans.IndexRange"/>: makes the storage's key ranges when the values are known.
///
/// Ranges are in the order of the index, in which a descending part runs from high to low and NULL is the lowest value.
/// SQL's comparisons are never true for NULL, so a range that is open towards the NULLs ends before them.
/// </summary>
internal sealed class RangeShape(KeyShape equal, Evaluator[]? items, Evaluator? array, BoundShape? lower, BoundShape? upper, RangeShape.Next? next)
{
    /// <summary>The part behind the equal ones.</summary>
    internal sealed record Next(ColumnCodec Codec, bool Descending, bool IsNullable);

    /// <summary>Key ranges in the order in which a scan must read them; none when a value is NULL.</summary>
    public IEnumerator<KeyRange> Ranges(bool descending, ExecutionContext context)
    {
        var prefix = new Datum[equal.Count];
        if (!equal.TryEvaluate([], prefix, context))
        {
            return NoRanges();
        }

        return items is not null || array is not null ? Points(prefix, descending, context) : One(prefix, context);
    }

    private static IEnumerator<KeyRange> NoRanges()
    {
        yield break;
    }

    private IEnumerator<KeyRange> Points(Datum[] prefix, bool descending, ExecutionContext context)
    {
        List<Datum> values = Distinct(context);
        bool backwards = next!.Descending != descending;
        for (int i = 0; i < values.Count; i++)
        {
            yield return KeyRange.Prefix(Key(prefix, values[backwards ? values.Count - 1 - i : i]));
        }
    }

    private List<Datum> Distinct(ExecutionContext context)
    {
        var values = new List<Datum>();
        foreach (Evaluator item in items ?? [])
        {
            values.Add(item.Evaluate([], context));
        }

        Datum elements = array is null ? Datum.Null : array.Evaluate([], context);
        if (!elements.IsNull)
        {
            values.AddRange(elements.AsArray.Elements);
        }

        values.RemoveAll(value => value.IsNull);
        values.Sort(DatumComparer.Instance);
        int kept = 0;
        for (int i = 0; i < values.Count; i++)
        {
            if (kept == 0 || !DatumComparer.Equal(values[kept - 1], values[i]))
            {
                values[kept++] = values[i];
            }
        }

        values.RemoveRange(kept, values.Count - kept);
        return values;
    }

    private IEnumerator<KeyRange> One(Datum[] prefix, ExecutionContext context)
    {
        Datum low = lower is null ? Datum.Null : lower.Value.Evaluate([], context);
        Datum high = upper is null ? Datum.Null : upper.Value.Evaluate([], context);
        if ((lower is not null && low.IsNull) || (upper is not null && high.IsNull))
        {
            yield break;
        }

        ReadOnlyMemory<byte> whole = prefix.Length == 0 ? default : Key(prefix, null);
        if (lower is null && upper is null)
        {
            yield return KeyRange.Prefix(whole);
            yield break;
        }

        (ReadOnlyMemory<byte> Key, bool Inclusive) bottom = lower is not null ? (Key(prefix, low), lower.Inclusive)
            : next!.IsNullable ? (Key(prefix, Datum.Null), false) : (whole, true);
        (ReadOnlyMemory<byte> Key, bool Inclusive) top = upper is not null ? (Key(prefix, high), upper.Inclusive) : (whole, true);
        yield return next!.Descending
            ? new KeyRange(top.Key, top.Inclusive, bottom.Key, bottom.Inclusive)
            : new KeyRange(bottom.Key, bottom.Inclusive, top.Key, top.Inclusive);
    }

    private byte[] Key(Datum[] prefix, Datum? last)
    {
        var writer = new TupleWriter();
        writer.Begin(prefix.Length + (last is null ? 0 : 1));
        for (int i = 0; i < prefix.Length; i++)
        {
            equal.Codecs[i].Write(prefix[i], writer.Output);
        }

        if (last is { } value)
        {
            next!.Codec.Write(value, writer.Output);
        }

        return writer.Written.ToArray();
    }
}
