using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>The casts with code of their own.</summary>
internal static class CastList
{
    private static readonly SqlType[] OidTypes = [SqlType.Oid_, SqlType.RegClass, SqlType.RegType, SqlType.RegProc, SqlType.RegNamespace];

    internal static Dictionary<(uint Source, uint Target), Cast> Make()
    {
        var casts = new Dictionary<(uint, uint), Cast>();
        AddIntegers(casts);
        AddFractions(casts);
        AddStrings(casts);
        AddOids(casts);
        AddDates(casts);
        AddOthers(casts);
        return casts;
    }

    private static void Add(
        Dictionary<(uint, uint), Cast> casts, SqlType source, SqlType target, CastContext context, Func<Datum, EvaluationContext, Datum>? apply, Volatility volatility = Volatility.Immutable) =>
        casts.Add((source.Oid, target.Oid), new Cast(source, target, context, apply) { Volatility = volatility });

    private static void Add(Dictionary<(uint, uint), Cast> casts, SqlType source, SqlType target, CastContext context, Func<Datum, Datum> apply) =>
        Add(casts, source, target, context, (value, _) => apply(value));

    private static void Relabel(Dictionary<(uint, uint), Cast> casts, SqlType source, SqlType target, CastContext context) =>
        casts.Add((source.Oid, target.Oid), new Cast(source, target, context, null));

    private static void AddIntegers(Dictionary<(uint, uint), Cast> casts)
    {
        Relabel(casts, SqlType.Int2, SqlType.Int4, CastContext.Implicit);
        Relabel(casts, SqlType.Int2, SqlType.Int8, CastContext.Implicit);
        Relabel(casts, SqlType.Int4, SqlType.Int8, CastContext.Implicit);
        Add(casts, SqlType.Int8, SqlType.Int4, CastContext.Assignment, value => Datum.Int(ToInt4(value.AsInt)));
        Add(casts, SqlType.Int8, SqlType.Int2, CastContext.Assignment, value => Datum.Int(ToInt2(value.AsInt)));
        Add(casts, SqlType.Int4, SqlType.Int2, CastContext.Assignment, value => Datum.Int(ToInt2(value.AsInt)));
        Add(casts, SqlType.Int4, SqlType.Bool, CastContext.Explicit, value => Datum.Bool(value.AsInt != 0));
        Add(casts, SqlType.Int8, SqlType.Bool, CastContext.Explicit, value => Datum.Bool(value.AsInt != 0));
        Add(casts, SqlType.Bool, SqlType.Int4, CastContext.Explicit, value => Datum.Int(value.AsBool ? 1 : 0));
        Add(casts, SqlType.Bool, SqlType.Int8, CastContext.Explicit, value => Datum.Int(value.AsBool ? 1 : 0));
        foreach (SqlType integer in new[] { SqlType.Int2, SqlType.Int4, SqlType.Int8 })
        {
            Add(casts, integer, SqlType.Numeric, CastContext.Implicit, value => Datum.Numeric(Numeric.FromInt64(value.AsInt)));
            Add(casts, integer, SqlType.Float8, CastContext.Implicit, value => Datum.Double(value.AsInt));
            Add(casts, integer, SqlType.Float4, CastContext.Implicit, value => Datum.Double((float)value.AsInt));
        }
    }

    internal static long ToInt4(long value) => value is >= int.MinValue and <= int.MaxValue
        ? value
        : throw new DbException(SqlStates.NumericValueOutOfRange, "integer out of range");

    internal static long ToInt2(long value) => value is >= short.MinValue and <= short.MaxValue
        ? value
        : throw new DbException(SqlStates.NumericValueOutOfRange, "smallint out of range");

    private static void AddFractions(Dictionary<(uint, uint), Cast> casts)
    {
        Add(casts, SqlType.Numeric, SqlType.Int8, CastContext.Assignment, value => Datum.Int(value.AsNumeric.ToInt64()));
        Add(casts, SqlType.Numeric, SqlType.Int4, CastContext.Assignment, value => Datum.Int(ToInt4(value.AsNumeric.ToInt64("integer"))));
        Add(casts, SqlType.Numeric, SqlType.Int2, CastContext.Assignment, value => Datum.Int(ToInt2(value.AsNumeric.ToInt64("smallint"))));
        Add(casts, SqlType.Numeric, SqlType.Float8, CastContext.Implicit, value => Datum.Double(value.AsNumeric.ToDouble()));
        Add(casts, SqlType.Numeric, SqlType.Float4, CastContext.Implicit, value => Datum.Double(ToSingle(value.AsNumeric.ToDouble())));
        Relabel(casts, SqlType.Float4, SqlType.Float8, CastContext.Implicit);
        Add(casts, SqlType.Float8, SqlType.Float4, CastContext.Assignment, value => Datum.Double(ToSingle(value.AsDouble)));
        Add(casts, SqlType.Float8, SqlType.Numeric, CastContext.Assignment, value => Datum.Numeric(Numeric.FromDouble(value.AsDouble)));
        Add(casts, SqlType.Float4, SqlType.Numeric, CastContext.Assignment, value => Datum.Numeric(Numeric.FromDouble(value.AsDouble, 6)));
        foreach (SqlType real in new[] { SqlType.Float4, SqlType.Float8 })
        {
            Add(casts, real, SqlType.Int8, CastContext.Assignment, value => Datum.Int(ToInteger(value.AsDouble, "bigint")));
            Add(casts, real, SqlType.Int4, CastContext.Assignment, value => Datum.Int(ToInt4(ToInteger(value.AsDouble, "integer"))));
            Add(casts, real, SqlType.Int2, CastContext.Assignment, value => Datum.Int(ToInt2(ToInteger(value.AsDouble, "smallint"))));
        }
    }

    private static long ToInteger(double value, string type)
    {
        double rounded = Math.Round(value, MidpointRounding.ToEven);
        return rounded >= -9223372036854775808.0 && rounded < 9223372036854775808.0
            ? (long)rounded
            : throw new DbException(SqlStates.NumericValueOutOfRange, $"{type} out of range");
    }

    internal static double ToSingle(double value)
    {
        float single = (float)value;
        if (float.IsInfinity(single) && !double.IsInfinity(value))
        {
            throw new DbException(SqlStates.NumericValueOutOfRange, "value out of range: overflow");
        }

        return single == 0 && value != 0 ? throw new DbException(SqlStates.NumericValueOutOfRange, "value out of range: underflow") : single;
    }

    private static void AddStrings(Dictionary<(uint, uint), Cast> casts)
    {
        SqlType[] strings = [SqlType.Text, SqlType.Varchar, SqlType.Bpchar];
        foreach (SqlType source in strings)
        {
            foreach (SqlType target in strings)
            {
                if (source != target)
                {
                    Relabel(casts, source, target, CastContext.Implicit);
                }
            }

            Relabel(casts, SqlType.NameType, source, source == SqlType.Text ? CastContext.Implicit : CastContext.Assignment);
            Add(casts, source, SqlType.NameType, CastContext.Implicit, value => Datum.Text(NameCodec.Cut(value.AsText)));
            Relabel(casts, SqlType.InternalChar, source, source == SqlType.Text ? CastContext.Implicit : CastContext.Assignment);
            Add(casts, source, SqlType.InternalChar, CastContext.Assignment, value => Datum.Text(value.AsText.Length > 1 ? value.AsText[..1] : value.AsText));
        }

        Add(casts, SqlType.Text, SqlType.RegClass, CastContext.Implicit, (value, context) => TypeCodec.For(SqlType.RegClass).ParseText(value.AsText, context.Types), Volatility.Stable);
        Add(casts, SqlType.Varchar, SqlType.RegClass, CastContext.Implicit, (value, context) => TypeCodec.For(SqlType.RegClass).ParseText(value.AsText, context.Types), Volatility.Stable);
        Add(casts, SqlType.InternalChar, SqlType.Int4, CastContext.Explicit, value => Datum.Int(value.AsText.Length == 0 ? 0 : value.AsText[0]));
        Relabel(casts, SqlType.PgNodeTree, SqlType.Text, CastContext.Implicit);
    }

    private static void AddOids(Dictionary<(uint, uint), Cast> casts)
    {
        foreach (SqlType oid in OidTypes)
        {
            Add(casts, SqlType.Int2, oid, CastContext.Implicit, value => Datum.Int((uint)value.AsInt));
            Add(casts, SqlType.Int4, oid, CastContext.Implicit, value => Datum.Int((uint)value.AsInt));
            Add(casts, SqlType.Int8, oid, CastContext.Implicit, value => Datum.Int(ToOid(value.AsInt)));
            Add(casts, oid, SqlType.Int4, CastContext.Assignment, value => Datum.Int((int)(uint)value.AsInt));
            Relabel(casts, oid, SqlType.Int8, CastContext.Assignment);
            if (oid != SqlType.Oid_)
            {
                Relabel(casts, SqlType.Oid_, oid, CastContext.Implicit);
                Relabel(casts, oid, SqlType.Oid_, CastContext.Implicit);
            }
        }

        Relabel(casts, SqlType.Int2Vector, SqlType.ArrayOf(SqlType.Int2), CastContext.Implicit);
        Relabel(casts, SqlType.OidVector, SqlType.ArrayOf(SqlType.Oid_), CastContext.Implicit);
    }

    private static long ToOid(long value) => value is >= 0 and <= uint.MaxValue
        ? value
        : throw new DbException(SqlStates.NumericValueOutOfRange, "OID out of range");

    private static void AddDates(Dictionary<(uint, uint), Cast> casts)
    {
        Add(casts, SqlType.Date, SqlType.Timestamp, CastContext.Implicit, value => Datum.Timestamp(Calendar.DateToTimestamp(value.AsDate)));
        Add(casts, SqlType.Date, SqlType.TimestampTz, CastContext.Implicit,
            (value, context) => Datum.Timestamp(context.Types.TimeZone.ToUtc(Calendar.DateToTimestamp(value.AsDate))), Volatility.Stable);
        Add(casts, SqlType.Timestamp, SqlType.Date, CastContext.Assignment, value => Datum.Date(Calendar.TimestampToDate(value.AsMicroseconds)));
        Add(casts, SqlType.TimestampTz, SqlType.Date, CastContext.Assignment,
            (value, context) => Datum.Date(Calendar.TimestampToDate(context.Types.TimeZone.ToLocal(value.AsMicroseconds))), Volatility.Stable);
        Add(casts, SqlType.Timestamp, SqlType.TimestampTz, CastContext.Implicit,
            (value, context) => Datum.Timestamp(context.Types.TimeZone.ToUtc(value.AsMicroseconds)), Volatility.Stable);
        Add(casts, SqlType.TimestampTz, SqlType.Timestamp, CastContext.Assignment,
            (value, context) => Datum.Timestamp(context.Types.TimeZone.ToLocal(value.AsMicroseconds)), Volatility.Stable);
        Add(casts, SqlType.Timestamp, SqlType.Time, CastContext.Assignment, value => TimeOf(value.AsMicroseconds));
        Add(casts, SqlType.TimestampTz, SqlType.Time, CastContext.Assignment,
            (value, context) => TimeOf(context.Types.TimeZone.ToLocal(value.AsMicroseconds)), Volatility.Stable);
        Add(casts, SqlType.Time, SqlType.Interval, CastContext.Implicit, value => Datum.Interval(new Interval(0, 0, value.AsMicroseconds)));
        Add(casts, SqlType.Interval, SqlType.Time, CastContext.Assignment, value =>
        {
            long micros = value.AsInterval.Microseconds % Calendar.MicrosPerDay;
            return Datum.Time(micros < 0 ? micros + Calendar.MicrosPerDay : micros);
        });
    }

    private static Datum TimeOf(long timestamp) =>
        Calendar.IsFinite(timestamp) ? Datum.Time(Calendar.Split(timestamp).Micros) : Datum.Null;

    private static void AddOthers(Dictionary<(uint, uint), Cast> casts)
    {
        Add(casts, SqlType.Json, SqlType.Jsonb, CastContext.Assignment, value => Datum.Text(JsonText.Parse(value.AsText).ToNormalText()));
        Relabel(casts, SqlType.Jsonb, SqlType.Json, CastContext.Assignment);
        foreach (SqlType target in new[] { SqlType.Text, SqlType.Varchar, SqlType.Bpchar })
        {
            // PostgreSQL's bool to text cast writes the words, unlike the output function
            Add(casts, SqlType.Bool, target, CastContext.Assignment, value => Datum.Text(value.AsBool ? "true" : "false"));
        }

        foreach ((SqlType target, string name) in new[]
        {
            (SqlType.Numeric, "numeric"), (SqlType.Int8, "bigint"), (SqlType.Int4, "integer"), (SqlType.Int2, "smallint"), (SqlType.Float8, "double precision"),
        })
        {
            TypeCodec codec = TypeCodec.For(target);
            Add(casts, SqlType.Jsonb, target, CastContext.Explicit, (value, context) => FromJson(value, JsonKind.Number, name, node =>
                target.Kind == DatumKind.Int ? Datum.Int(((IntegerCodec)codec).Parse(Numeric.Parse(node.Text).Round(0).ToString())) : codec.ParseText(node.Text, context.Types)));
        }

        Add(casts, SqlType.Jsonb, SqlType.Bool, CastContext.Explicit, value => FromJson(value, JsonKind.Bool, "boolean", node => Datum.Bool(node.Bool)));
    }

    private static Datum FromJson(in Datum value, JsonKind kind, string target, Func<JsonNode, Datum> convert)
    {
        JsonNode node = JsonText.Parse(value.AsText);
        if (node.Kind == kind)
        {
            return convert(node);
        }

        string found = node.Kind switch
        {
            JsonKind.Bool => "boolean",
            JsonKind.Number => "numeric",
            JsonKind kindOfNode => kindOfNode.ToString().ToLowerInvariant(),
        };
        throw new DbException(SqlStates.InvalidParameterValue, $"cannot cast jsonb {found} to type {target}");
    }
}
