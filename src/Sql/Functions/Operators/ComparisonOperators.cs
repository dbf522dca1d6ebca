using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>= &lt;&gt; &lt; &lt;= &gt; &gt;= for every ordered type.</summary>
internal static class ComparisonOperators
{
    private static readonly (string Name, Intrinsic Int, Intrinsic Double, Intrinsic Text)[] Kinds =
    [
        ("=", Intrinsic.IntEqual, Intrinsic.DoubleEqual, Intrinsic.TextEqual),
        ("<>", Intrinsic.IntNotEqual, Intrinsic.DoubleNotEqual, Intrinsic.TextNotEqual),
        ("<", Intrinsic.IntLess, Intrinsic.DoubleLess, Intrinsic.TextLess),
        ("<=", Intrinsic.IntLessOrEqual, Intrinsic.DoubleLessOrEqual, Intrinsic.TextLessOrEqual),
        (">", Intrinsic.IntGreater, Intrinsic.DoubleGreater, Intrinsic.TextGreater),
        (">=", Intrinsic.IntGreaterOrEqual, Intrinsic.DoubleGreaterOrEqual, Intrinsic.TextGreaterOrEqual),
    ];

    internal static void Add(FunctionBuilder builder)
    {
        SqlType[] integers = [SqlType.Int2, SqlType.Int4, SqlType.Int8];
        Pairs(builder, integers, integers);
        SqlType[] reals = [SqlType.Float4, SqlType.Float8];
        Pairs(builder, reals, reals);
        foreach (SqlType type in new[]
        {
            SqlType.Bool, SqlType.Oid_, SqlType.Xid, SqlType.Text, SqlType.Bpchar, SqlType.InternalChar, SqlType.Date, SqlType.Time, SqlType.Timestamp,
            SqlType.TimestampTz, SqlType.Interval, SqlType.Numeric, SqlType.Bytea, SqlType.Uuid, SqlType.Record,
        })
        {
            AddAll(builder, type, type);
        }

        AddAll(builder, SqlType.NameType, SqlType.NameType);
        AddAll(builder, SqlType.NameType, SqlType.Text);
        AddAll(builder, SqlType.Text, SqlType.NameType);
        AddDates(builder);
        AddJson(builder);
        AddArrays(builder, SqlType.AnyArray);
        AddArrays(builder, SqlType.OidVector);
    }

    private static void Pairs(FunctionBuilder builder, SqlType[] lefts, SqlType[] rights)
    {
        foreach (SqlType left in lefts)
        {
            foreach (SqlType right in rights)
            {
                AddAll(builder, left, right);
            }
        }
    }

    private static void AddAll(FunctionBuilder builder, SqlType left, SqlType right)
    {
        for (int i = 0; i < Kinds.Length; i++)
        {
            (string name, Intrinsic ofInts, Intrinsic ofDoubles, Intrinsic ofTexts) = Kinds[i];
            (Func<Datum, Datum, Datum> body, Intrinsic intrinsic) = left.Kind switch
            {
                DatumKind.Int or DatumKind.Bool or DatumKind.Date or DatumKind.Time or DatumKind.Timestamp => (OfInts(i), ofInts),
                DatumKind.Double => (OfOrder(i), ofDoubles),
                DatumKind.Text => (OfOrder(i), ofTexts),
                _ => (OfOrder(i), Intrinsic.None),
            };
            builder.Binary(name, left, right, SqlType.Bool, body, intrinsic);
        }
    }

    private static Func<Datum, Datum, Datum> OfInts(int kind) => kind switch
    {
        0 => (a, b) => Datum.Bool(a.AsInt == b.AsInt),
        1 => (a, b) => Datum.Bool(a.AsInt != b.AsInt),
        2 => (a, b) => Datum.Bool(a.AsInt < b.AsInt),
        3 => (a, b) => Datum.Bool(a.AsInt <= b.AsInt),
        4 => (a, b) => Datum.Bool(a.AsInt > b.AsInt),
        _ => (a, b) => Datum.Bool(a.AsInt >= b.AsInt),
    };

    private static Func<Datum, Datum, Datum> OfOrder(int kind) => kind switch
    {
        0 => (a, b) => Datum.Bool(DatumComparer.Equal(a, b)),
        1 => (a, b) => Datum.Bool(!DatumComparer.Equal(a, b)),
        2 => (a, b) => Datum.Bool(DatumComparer.Compare(a, b) < 0),
        3 => (a, b) => Datum.Bool(DatumComparer.Compare(a, b) <= 0),
        4 => (a, b) => Datum.Bool(DatumComparer.Compare(a, b) > 0),
        _ => (a, b) => Datum.Bool(DatumComparer.Compare(a, b) >= 0),
    };

    private static Datum OfSign(int kind, int order) => Datum.Bool(kind switch
    {
        0 => order == 0,
        1 => order != 0,
        2 => order < 0,
        3 => order <= 0,
        4 => order > 0,
        _ => order >= 0,
    });

    /// <summary>Dates and timestamps of different types, brought to microseconds first.</summary>
    private static void AddDates(FunctionBuilder builder)
    {
        SqlType[] types = [SqlType.Date, SqlType.Timestamp, SqlType.TimestampTz];
        foreach (SqlType left in types)
        {
            foreach (SqlType right in types)
            {
                if (left == right)
                {
                    continue;
                }

                bool zoned = left == SqlType.TimestampTz || right == SqlType.TimestampTz;
                for (int i = 0; i < Kinds.Length; i++)
                {
                    int kind = i;
                    builder.Scalar(Kinds[i].Name, [left, right], SqlType.Bool, (arguments, context) =>
                        OfSign(kind, Moment(arguments[0], left, zoned, context).CompareTo(Moment(arguments[1], right, zoned, context))),
                        zoned ? Volatility.Stable : Volatility.Immutable);
                }
            }
        }
    }

    private static Int128 Moment(in Datum value, SqlType type, bool zoned, EvaluationContext context)
    {
        // beyond the end of timestamps a date is still ordered by its own microseconds
        if (type == SqlType.Date && Calendar.IsFiniteDate(value.AsDate) && (Int128)value.AsDate * Calendar.MicrosPerDay >= Calendar.EndTimestamp)
        {
            return (Int128)value.AsDate * Calendar.MicrosPerDay;
        }

        long micros = type == SqlType.Date ? Calendar.DateToTimestamp(value.AsDate) : value.AsMicroseconds;
        bool finite = Calendar.IsFinite(micros);
        return !finite ? (micros > 0 ? Int128.MaxValue : Int128.MinValue)
            : zoned && type != SqlType.TimestampTz ? context.Types.TimeZone.ToUtc(micros)
            : micros;
    }

    /// <summary>jsonb: equality by value; order by kind, then number of members, then texts (as PostgreSQL's B-tree order in kind only).</summary>
    private static void AddJson(FunctionBuilder builder)
    {
        for (int i = 0; i < Kinds.Length; i++)
        {
            int kind = i;
            builder.Binary(Kinds[i].Name, SqlType.Jsonb, SqlType.Jsonb, SqlType.Bool, (a, b) => OfSign(kind, JsonOperators.Compare(a.AsText, b.AsText)));
        }
    }

    private static void AddArrays(FunctionBuilder builder, SqlType type)
    {
        for (int i = 0; i < Kinds.Length; i++)
        {
            builder.Binary(Kinds[i].Name, type, type, SqlType.Bool, OfOrder(i));
        }
    }
}
