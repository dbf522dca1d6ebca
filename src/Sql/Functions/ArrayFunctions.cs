using System.Text;
using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>Functions on arrays.</summary>
internal static class ArrayFunctions
{
    internal static void Add(FunctionBuilder builder)
    {
        AddShape(builder);
        AddChange(builder);
        AddSearch(builder);
        AddText(builder);
    }

    private static void AddShape(FunctionBuilder builder)
    {
        SqlType array = SqlType.AnyArray, int8 = SqlType.Int8, int4 = SqlType.Int4;
        builder.Binary("array_length", array, int8, int4, (a, b) => Dimension(a.AsArray, b.AsInt, (value, i) => value.Lengths[i]));
        builder.Binary("array_lower", array, int8, int4, (a, b) => Dimension(a.AsArray, b.AsInt, (value, i) => value.LowerBounds[i]));
        builder.Binary("array_upper", array, int8, int4, (a, b) => Dimension(a.AsArray, b.AsInt, (value, i) => value.LowerBounds[i] + value.Lengths[i] - 1));
        builder.Unary("array_ndims", array, int4, a => a.AsArray.Lengths.Length == 0 ? Datum.Null : Datum.Int(a.AsArray.Lengths.Length));
        builder.Unary("cardinality", array, int4, a => Datum.Int(a.AsArray.Elements.Length));
        builder.Unary("array_dims", array, SqlType.Text, a => a.AsArray.Lengths.Length == 0
            ? Datum.Null
            : Datum.Text(string.Concat(a.AsArray.Lengths.Select((length, i) => $"[{a.AsArray.LowerBounds[i]}:{a.AsArray.LowerBounds[i] + length - 1}]"))));
    }

    private static Datum Dimension(DatumArray array, long dimension, Func<DatumArray, int, int> property) =>
        dimension >= 1 && dimension <= array.Lengths.Length ? Datum.Int(property(array, (int)dimension - 1)) : Datum.Null;

    private static void AddChange(FunctionBuilder builder)
    {
        SqlType compatible = SqlType.AnyCompatibleArray, element = SqlType.AnyCompatible;
        builder.Generic("array_append", [compatible, element], compatible, (_, result) => (a, _) => Append(a[0], a[1], result), isStrict: false);
        builder.Generic("array_prepend", [element, compatible], compatible, (_, result) => (a, _) => Prepend(a[0], a[1], result), isStrict: false);
        builder.Generic("array_cat", [compatible, compatible], compatible, (_, _) => (a, _) => Concatenate(a[0], a[1]), isStrict: false);
        builder.Generic("array_remove", [compatible, element], compatible, (_, _) => (a, _) => a[0].IsNull ? Datum.Null : Remove(a[0].AsArray, a[1]), isStrict: false);
        builder.Generic("array_replace", [compatible, element, element], compatible, (_, _) => (a, _) => a[0].IsNull ? Datum.Null : Replace(a[0].AsArray, a[1], a[2]), isStrict: false);
        builder.Generic("array_fill", [SqlType.AnyElement, SqlType.ArrayOf(SqlType.Int8)], SqlType.AnyArray, (types, _) => (a, _) => Fill(types[0], a[0], a[1]), isStrict: false);
        builder.Generic("trim_array", [SqlType.AnyArray, SqlType.Int8], SqlType.AnyArray, (_, _) => (a, _) => Trim(a[0].AsArray, a[1].AsInt));
    }

    internal static Datum Append(in Datum array, in Datum value, SqlType type)
    {
        DatumArray source = array.IsNull ? DatumArray.Of(type.Element!) : array.AsArray;
        ThrowUnlessFlat(source);
        return source.Elements.Length == 0
            ? Datum.Array(DatumArray.Of(source.ElementType, value))
            : Datum.Array(source with { Elements = [.. source.Elements, value], Lengths = [source.Elements.Length + 1] });
    }

    internal static Datum Prepend(in Datum value, in Datum array, SqlType type)
    {
        DatumArray source = array.IsNull ? DatumArray.Of(type.Element!) : array.AsArray;
        ThrowUnlessFlat(source);
        return source.Elements.Length == 0
            ? Datum.Array(DatumArray.Of(source.ElementType, value))
            : Datum.Array(source with { Elements = [value, .. source.Elements], Lengths = [source.Elements.Length + 1] });
    }

    private static void ThrowUnlessFlat(DatumArray array)
    {
        if (array.Lengths.Length > 1)
        {
            throw new DbException("22000", "argument must be empty or one-dimensional array");
        }
    }

    internal static Datum Concatenate(in Datum left, in Datum right)
    {
        if (left.IsNull || right.IsNull)
        {
            return left.IsNull ? right : left;
        }

        DatumArray a = left.AsArray, b = right.AsArray;
        if (a.Elements.Length == 0 || b.Elements.Length == 0)
        {
            return a.Elements.Length == 0 ? right : left;
        }

        // the outer dimension grows; an array of one dimension less counts as one more outer element
        int[] inner = a.Lengths.Length >= b.Lengths.Length ? a.Lengths[1..] : b.Lengths[1..];
        int[] innerOfA = a.Lengths.Length > inner.Length ? a.Lengths[1..] : a.Lengths;
        int[] innerOfB = b.Lengths.Length > inner.Length ? b.Lengths[1..] : b.Lengths;
        if (!innerOfA.SequenceEqual(inner) || !innerOfB.SequenceEqual(inner))
        {
            throw new DbException(SqlStates.ArraySubscriptError, "cannot concatenate incompatible arrays", "Arrays with differing element dimensions are not compatible for concatenation.");
        }

        int outerOfA = a.Lengths.Length > inner.Length ? a.Lengths[0] : 1;
        int outerOfB = b.Lengths.Length > inner.Length ? b.Lengths[0] : 1;
        int[] bounds = a.Lengths.Length > inner.Length ? a.LowerBounds : b.LowerBounds;
        return Datum.Array(new DatumArray(a.ElementType, [.. a.Elements, .. b.Elements], [outerOfA + outerOfB, .. inner], bounds));
    }

    private static Datum Remove(DatumArray array, Datum value)
    {
        if (array.Lengths.Length > 1)
        {
            throw new DbException(SqlStates.FeatureNotSupported, "removing elements from multidimensional arrays is not supported");
        }

        return Datum.Array(DatumArray.Of(array.ElementType, Array.FindAll(array.Elements, element => !Same(element, value))));
    }

    private static Datum Replace(DatumArray array, Datum from, Datum to) =>
        Datum.Array(array with { Elements = Array.ConvertAll(array.Elements, element => Same(element, from) ? to : element) });

    private static bool Same(in Datum a, in Datum b) => a.IsNull || b.IsNull ? a.IsNull && b.IsNull : DatumComparer.Equal(a, b);

    private static Datum Fill(SqlType type, in Datum value, in Datum lengths)
    {
        if (lengths.IsNull || Array.Exists(lengths.AsArray.Elements, length => length.IsNull))
        {
            throw new DbException("22004", "dimension array or low bound array cannot be null");
        }

        int[] sizes = [.. lengths.AsArray.Elements.Select(length => (int)Math.Clamp(length.AsInt, -1, int.MaxValue))];
        long count = sizes.Aggregate(1L, (product, size) => size < 0 || product > 16_000_000 ? throw new DbException(SqlStates.ProgramLimitExceeded, "array size exceeds the maximum allowed") : product * size);
        if (count > 16_000_000)
        {
            throw new DbException(SqlStates.ProgramLimitExceeded, "array size exceeds the maximum allowed (16000000)");
        }

        if (count == 0 || sizes.Length == 0)
        {
            return Datum.Array(DatumArray.Of(type));
        }

        var elements = new Datum[count];
        Array.Fill(elements, value);
        return Datum.Array(new DatumArray(type, elements, sizes, [.. sizes.Select(_ => 1)]));
    }

    private static Datum Trim(DatumArray array, long count)
    {
        int length = array.Lengths.Length == 0 ? 0 : array.Lengths[0];
        if (count < 0 || count > length)
        {
            throw new DbException(SqlStates.ArraySubscriptError, $"number of elements to trim must be between 0 and {length}");
        }

        int left = length - (int)count;
        int inner = length == 0 ? 0 : array.Elements.Length / length;
        return left == 0
            ? Datum.Array(DatumArray.Of(array.ElementType))
            : Datum.Array(array with { Elements = array.Elements[..(left * inner)], Lengths = [left, .. array.Lengths[1..]] });
    }

    private static void AddSearch(FunctionBuilder builder)
    {
        SqlType compatible = SqlType.AnyCompatibleArray, element = SqlType.AnyCompatible;
        builder.Generic("array_position", [compatible, element], SqlType.Int4, (_, _) => (a, _) => Position(a[0], a[1], 1), isStrict: false);
        builder.Generic("array_position", [compatible, element, SqlType.Int8], SqlType.Int4, (_, _) => (a, _) => Position(a[0], a[1], a[2].AsInt), isStrict: false);
        builder.Generic("array_positions", [compatible, element], SqlType.ArrayOf(SqlType.Int4), (_, _) => (a, _) => Positions(a[0], a[1]), isStrict: false);
    }

    private static Datum Position(in Datum array, in Datum value, long from)
    {
        if (array.IsNull)
        {
            return Datum.Null;
        }

        DatumArray source = array.AsArray;
        int lower = source.LowerBounds.Length == 0 ? 1 : source.LowerBounds[0];
        for (long i = Math.Max(0, from - lower); i < source.Elements.Length; i++)
        {
            if (Same(source.Elements[i], value))
            {
                return Datum.Int(i + lower);
            }
        }

        return Datum.Null;
    }

    private static Datum Positions(in Datum array, in Datum value)
    {
        if (array.IsNull)
        {
            return Datum.Null;
        }

        var found = new List<Datum>();
        DatumArray source = array.AsArray;
        int lower = source.LowerBounds.Length == 0 ? 1 : source.LowerBounds[0];
        for (int i = 0; i < source.Elements.Length; i++)
        {
            if (Same(source.Elements[i], value))
            {
                found.Add(Datum.Int(i + lower));
            }
        }

        return Datum.Array(DatumArray.Of(SqlType.Int4, [.. found]));
    }

    private static void AddText(FunctionBuilder builder)
    {
        SqlType text = SqlType.Text, texts = SqlType.ArrayOf(SqlType.Text);
        builder.Generic("array_to_string", [SqlType.AnyArray, text], text, (types, _) => Join(types[0].Element!), volatility: Volatility.Stable);
        builder.Generic("array_to_string", [SqlType.AnyArray, text, text], text, (types, _) =>
        {
            ScalarBody join = Join(types[0].Element!);
            return (a, context) => a[0].IsNull || a[1].IsNull ? Datum.Null : join(a, context);
        }, isStrict: false, volatility: Volatility.Stable);
        builder.Scalar("string_to_array", [text, text], texts, (a, _) => Split(a[0], a[1], null), isStrict: false);
        builder.Scalar("string_to_array", [text, text, text], texts, (a, _) => Split(a[0], a[1], a[2].IsNull ? null : a[2].AsText), isStrict: false);
    }

    private static ScalarBody Join(SqlType element)
    {
        Func<Datum, EvaluationContext, string> printer = TextFunctions.Printer(element);
        return (arguments, context) =>
        {
            string? forNull = arguments.Length > 2 && !arguments[2].IsNull ? arguments[2].AsText : null;
            var text = new StringBuilder();
            bool any = false;
            foreach (Datum item in arguments[0].AsArray.Elements)
            {
                if (item.IsNull && forNull is null)
                {
                    continue;
                }

                text.Append(any ? arguments[1].AsText : "").Append(item.IsNull ? forNull : printer(item, context));
                any = true;
            }

            return Datum.Text(text.ToString());
        };
    }

    private static Datum Split(in Datum text, in Datum separator, string? forNull)
    {
        if (text.IsNull)
        {
            return Datum.Null;
        }

        IEnumerable<string> parts = text.AsText.Length == 0 ? []
            : separator.IsNull ? text.AsText.EnumerateRunes().Select(rune => rune.ToString())
            : separator.AsText.Length == 0 ? [text.AsText]
            : text.AsText.Split(separator.AsText);
        return Datum.Array(DatumArray.Of(SqlType.Text, [.. parts.Select(part => part == forNull ? Datum.Null : Datum.Text(part))]));
    }
}
