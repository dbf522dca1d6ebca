using System.Text;
using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>count, sum, avg, min, max and the aggregates that collect.</summary>
internal static class Aggregates
{
    internal static void Add(FunctionBuilder builder)
    {
        builder.Add(Define("count", [], SqlType.Int8, (_, _, _) => new CountState()));
        builder.Add(Define("count", [SqlType.Any], SqlType.Int8, (_, _, _) => new CountState()));
        AddSums(builder);
        AddAverages(builder);
        builder.Add(Define("min", [SqlType.AnyElement], SqlType.AnyElement, (types, _, _) => new ExtremeState(Ordered("min", types[0]), -1)));
        builder.Add(Define("max", [SqlType.AnyElement], SqlType.AnyElement, (types, _, _) => new ExtremeState(Ordered("max", types[0]), 1)));
        AddLogic(builder);
        AddCollectors(builder);
    }

    internal static FunctionDef Define(string name, SqlType[] parameters, SqlType result, AggregateFactory factory, bool isStrict = true) =>
        new() { Name = name, Kind = FunctionKind.Aggregate, Parameters = parameters, Result = result, Aggregate = factory, IsStrict = isStrict };

    private static SqlType Ordered(string name, SqlType type) => OperatorTable.IsOrdered(type)
        ? type
        : throw new DbException(SqlStates.UndefinedFunction, $"function {name}({type.DisplayName}) does not exist");

    private static void AddSums(FunctionBuilder builder)
    {
        builder.Add(Define("sum", [SqlType.Int8], SqlType.Numeric, (_, _, _) => new IntSumState(asNumeric: true)));
        builder.Add(Define("sum", [SqlType.Int4], SqlType.Int8, (_, _, _) => new IntSumState(asNumeric: false)));
        builder.Add(Define("sum", [SqlType.Int2], SqlType.Int8, (_, _, _) => new IntSumState(asNumeric: false)));
        builder.Add(Define("sum", [SqlType.Numeric], SqlType.Numeric, (_, _, _) => new NumericSumState()));
        builder.Add(Define("sum", [SqlType.Float8], SqlType.Float8, (_, _, _) => new DoubleSumState(false)));
        builder.Add(Define("sum", [SqlType.Float4], SqlType.Float4, (_, _, _) => new DoubleSumState(true)));
        builder.Add(Define("sum", [SqlType.Interval], SqlType.Interval, (_, _, _) => new IntervalSumState(isAverage: false)));
        builder.Add(Define("total", [SqlType.Float8], SqlType.Float8, (_, _, _) => new TotalState()));
    }

    private static void AddAverages(FunctionBuilder builder)
    {
        foreach (SqlType type in new[] { SqlType.Int8, SqlType.Int4, SqlType.Int2 })
        {
            builder.Add(Define("avg", [type], SqlType.Numeric, (_, _, _) => new IntAverageState()));
        }

        builder.Add(Define("avg", [SqlType.Numeric], SqlType.Numeric, (_, _, _) => new NumericAverageState()));
        builder.Add(Define("avg", [SqlType.Float8], SqlType.Float8, (_, _, _) => new DoubleAverageState()));
        builder.Add(Define("avg", [SqlType.Float4], SqlType.Float8, (_, _, _) => new DoubleAverageState()));
        builder.Add(Define("avg", [SqlType.Interval], SqlType.Interval, (_, _, _) => new IntervalSumState(isAverage: true)));
    }

    private static void AddLogic(FunctionBuilder builder)
    {
        foreach (string name in new[] { "bool_and", "every" })
        {
            builder.Add(Define(name, [SqlType.Bool], SqlType.Bool, (_, _, _) => new FoldState((a, b) => Datum.Bool(a.AsBool && b.AsBool))));
        }

        builder.Add(Define("bool_or", [SqlType.Bool], SqlType.Bool, (_, _, _) => new FoldState((a, b) => Datum.Bool(a.AsBool || b.AsBool))));
        foreach (SqlType type in new[] { SqlType.Int8, SqlType.Int4, SqlType.Int2 })
        {
            builder.Add(Define("bit_and", [type], type, (_, _, _) => new FoldState((a, b) => Datum.Int(a.AsInt & b.AsInt))));
            builder.Add(Define("bit_or", [type], type, (_, _, _) => new FoldState((a, b) => Datum.Int(a.AsInt | b.AsInt))));
            builder.Add(Define("bit_xor", [type], type, (_, _, _) => new FoldState((a, b) => Datum.Int(a.AsInt ^ b.AsInt))));
        }
    }

    private static void AddCollectors(FunctionBuilder builder)
    {
        SqlType text = SqlType.Text;
        builder.Add(Define("string_agg", [text, text], text, (_, _, _) => new TextState(null), isStrict: false));
        builder.Add(Define("string_agg", [SqlType.Bytea, SqlType.Bytea], SqlType.Bytea, (_, _, _) => new BytesState(), isStrict: false));
        builder.Add(Define("group_concat", [text], text, (_, _, _) => new TextState(","), isStrict: false));
        builder.Add(Define("group_concat", [text, text], text, (_, _, _) => new TextState(null), isStrict: false));
        builder.Add(Define("array_agg", [SqlType.AnyNonArray], SqlType.AnyArray, (types, _, _) => new ArrayState(types[0]), isStrict: false));
        builder.Add(Define("json_agg", [SqlType.AnyElement], SqlType.Json, (types, _, context) => new JsonArrayState(types[0], false, context), isStrict: false));
        builder.Add(Define("jsonb_agg", [SqlType.AnyElement], SqlType.Jsonb, (types, _, context) => new JsonArrayState(types[0], true, context), isStrict: false));
        builder.Add(Define("json_object_agg", [SqlType.Any, SqlType.Any], SqlType.Json, (types, _, context) => new JsonObjectState(types[0], types[1], false, context), isStrict: false));
        builder.Add(Define("jsonb_object_agg", [SqlType.Any, SqlType.Any], SqlType.Jsonb, (types, _, context) => new JsonObjectState(types[0], types[1], true, context), isStrict: false));
    }
}

internal sealed class CountState : AggregateState
{
    private long count;

    public override void Accumulate(ReadOnlySpan<Datum> arguments) => count++;

    public override Datum Finish() => Datum.Int(count);

    public override void Combine(AggregateState other) => count += ((CountState)other).count;
}

internal sealed class ExtremeState(SqlType type, int sign) : AggregateState
{
    private readonly bool isJsonb = type == SqlType.Jsonb;
    private Datum best;

    public override void Accumulate(ReadOnlySpan<Datum> arguments) => Take(arguments[0]);

    private void Take(in Datum value)
    {
        if (best.IsNull || (isJsonb ? JsonOperators.Compare(value.AsText, best.AsText) : DatumComparer.Compare(value, best)) * sign > 0)
        {
            best = value;
        }
    }

    public override Datum Finish() => best;

    public override void Combine(AggregateState other)
    {
        Datum theirs = ((ExtremeState)other).best;
        if (!theirs.IsNull)
        {
            Take(theirs);
        }
    }
}

/// <summary>NULL without rows; else the rows joined two by two.</summary>
internal sealed class FoldState(Func<Datum, Datum, Datum> fold) : AggregateState
{
    private Datum value;

    public override void Accumulate(ReadOnlySpan<Datum> arguments) => value = value.IsNull ? arguments[0] : fold(value, arguments[0]);

    public override Datum Finish() => value;

    public override void Combine(AggregateState other)
    {
        Datum theirs = ((FoldState)other).value;
        value = value.IsNull ? theirs : theirs.IsNull ? value : fold(value, theirs);
    }
}

/// <summary>Texts with separators; NULL texts are left out, a NULL separator is empty.</summary>
internal sealed class TextState(string? fixedSeparator) : AggregateState
{
    private StringBuilder? text;
    private string? firstSeparator;

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        if (arguments[0].IsNull)
        {
            return;
        }

        string separator = fixedSeparator ?? (arguments[1].IsNull ? "" : arguments[1].AsText);
        if (text is null)
        {
            text = new StringBuilder(arguments[0].AsText);
            firstSeparator = separator;
            return;
        }

        text.Append(separator).Append(arguments[0].AsText);
        if (text.Length > TextFunctions.MaxLength)
        {
            throw TextFunctions.TooLong();
        }
    }

    public override Datum Finish() => text is null ? Datum.Null : Datum.Text(text.ToString());

    public override void Combine(AggregateState other)
    {
        var theirs = (TextState)other;
        if (theirs.text is null)
        {
            return;
        }

        (text, firstSeparator) = text is null ? (theirs.text, theirs.firstSeparator) : (text.Append(theirs.firstSeparator).Append(theirs.text), firstSeparator);
    }

    public override long HeldBytes => (text?.Capacity ?? 0) * 2L;
}

internal sealed class BytesState : AggregateState
{
    private List<byte>? bytes;
    private byte[] firstSeparator = [];

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        if (arguments[0].IsNull)
        {
            return;
        }

        byte[] separator = arguments[1].IsNull ? [] : arguments[1].AsBytes;
        if (bytes is null)
        {
            bytes = [.. arguments[0].AsBytes];
            firstSeparator = separator;
            return;
        }

        bytes.AddRange(separator);
        bytes.AddRange(arguments[0].AsBytes);
    }

    public override Datum Finish() => bytes is null ? Datum.Null : Datum.Bytes([.. bytes]);

    public override void Combine(AggregateState other)
    {
        var theirs = (BytesState)other;
        if (theirs.bytes is null)
        {
            return;
        }

        if (bytes is null)
        {
            (bytes, firstSeparator) = (theirs.bytes, theirs.firstSeparator);
            return;
        }

        bytes.AddRange(theirs.firstSeparator);
        bytes.AddRange(theirs.bytes);
    }

    public override long HeldBytes => bytes?.Capacity ?? 0;
}

/// <summary>array_agg: NULLs are kept; NULL without rows.</summary>
internal sealed class ArrayState(SqlType element) : AggregateState
{
    private readonly List<Datum> items = [];
    private long bytes;

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        items.Add(arguments[0]);
        bytes += arguments[0].Kind == DatumKind.Text ? arguments[0].AsText.Length * 2L + 24 : 0;
    }

    public override Datum Finish() => items.Count == 0 ? Datum.Null : Datum.Array(DatumArray.Of(element, [.. items]));

    public override void Combine(AggregateState other)
    {
        var theirs = (ArrayState)other;
        items.AddRange(theirs.items);
        bytes += theirs.bytes;
    }

    public override long HeldBytes => items.Capacity * 24L + bytes;
}

internal sealed class JsonArrayState(SqlType type, bool isBinary, EvaluationContext context) : AggregateState
{
    private readonly StringBuilder text = new();

    public override void Accumulate(ReadOnlySpan<Datum> arguments) =>
        text.Append(text.Length == 0 ? "" : ", ").Append(JsonFunctions.Write(type, arguments[0], context));

    public override Datum Finish()
    {
        string array = "[" + text + "]";
        return text.Length == 0 ? Datum.Null : Datum.Text(isBinary ? JsonText.Parse(array).ToNormalText() : array);
    }

    public override void Combine(AggregateState other)
    {
        var theirs = (JsonArrayState)other;
        text.Append(text.Length > 0 && theirs.text.Length > 0 ? ", " : "").Append(theirs.text);
    }

    public override long HeldBytes => text.Capacity * 2L;
}

internal sealed class JsonObjectState(SqlType keyType, SqlType valueType, bool isBinary, EvaluationContext context) : AggregateState
{
    private readonly StringBuilder text = new();

    public override void Accumulate(ReadOnlySpan<Datum> arguments)
    {
        if (arguments[0].IsNull)
        {
            throw new DbException(SqlStates.InvalidParameterValue, "field name must not be null");
        }

        text.Append(text.Length == 0 ? "" : ", ").Append(JsonText.Quote(TextFunctions.Printer(keyType)(arguments[0], context)));
        text.Append(" : ").Append(JsonFunctions.Write(valueType, arguments[1], context));
    }

    public override Datum Finish()
    {
        string members = "{ " + text + " }";
        return text.Length == 0 ? Datum.Null : Datum.Text(isBinary ? JsonText.Parse(members).ToNormalText() : members);
    }

    public override void Combine(AggregateState other)
    {
        var theirs = (JsonObjectState)other;
        text.Append(text.Length > 0 && theirs.text.Length > 0 ? ", " : "").Append(theirs.text);
    }

    public override long HeldBytes => text.Capacity * 2L;
}
