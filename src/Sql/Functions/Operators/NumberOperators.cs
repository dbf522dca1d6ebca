using System.Numerics;
using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>Arithmetic. Integers are checked, floats report overflow and underflow, numerics keep PostgreSQL's scales.</summary>
internal static class NumberOperators
{
    private static readonly (SqlType Left, SqlType Right, SqlType Result)[] IntegerPairs =
    [
        (SqlType.Int8, SqlType.Int8, SqlType.Int8), (SqlType.Int4, SqlType.Int4, SqlType.Int4), (SqlType.Int2, SqlType.Int2, SqlType.Int2),
        (SqlType.Int4, SqlType.Int8, SqlType.Int8), (SqlType.Int8, SqlType.Int4, SqlType.Int8), (SqlType.Int2, SqlType.Int8, SqlType.Int8),
        (SqlType.Int8, SqlType.Int2, SqlType.Int8), (SqlType.Int2, SqlType.Int4, SqlType.Int4), (SqlType.Int4, SqlType.Int2, SqlType.Int4),
    ];

    internal static void AddBinary(FunctionBuilder builder)
    {
        foreach ((SqlType left, SqlType right, SqlType result) in IntegerPairs)
        {
            AddIntegers(builder, left, right, result);
        }

        AddReals(builder, SqlType.Float8, SqlType.Float8, SqlType.Float8);
        AddReals(builder, SqlType.Float4, SqlType.Float4, SqlType.Float4);
        AddReals(builder, SqlType.Float4, SqlType.Float8, SqlType.Float8);
        AddReals(builder, SqlType.Float8, SqlType.Float4, SqlType.Float8);
        builder.Binary("^", SqlType.Float8, SqlType.Float8, SqlType.Float8, (a, b) => Datum.Double(MathFunctions.Power(a.AsDouble, b.AsDouble)));
        AddNumerics(builder);
    }

    internal static void AddPrefix(FunctionBuilder builder)
    {
        foreach (SqlType type in new[] { SqlType.Int8, SqlType.Int4, SqlType.Int2 })
        {
            builder.Unary("-", type, type, a => Datum.Int(Narrow(Checked(-(Int128)a.AsInt), type)));
            builder.Unary("+", type, type, a => a);
            builder.Unary("@", type, type, a => Datum.Int(Narrow(Checked(Int128.Abs(a.AsInt)), type)));
            builder.Unary("~", type, type, a => Datum.Int(~a.AsInt));
        }

        foreach (SqlType type in new[] { SqlType.Float8, SqlType.Float4 })
        {
            builder.Unary("-", type, type, a => Datum.Double(-a.AsDouble));
            builder.Unary("+", type, type, a => a);
            builder.Unary("@", type, type, a => Datum.Double(Math.Abs(a.AsDouble)));
        }

        builder.Unary("-", SqlType.Numeric, SqlType.Numeric, a => Datum.Numeric(-a.AsNumeric));
        builder.Unary("+", SqlType.Numeric, SqlType.Numeric, a => a);
        builder.Unary("@", SqlType.Numeric, SqlType.Numeric, a => Datum.Numeric(a.AsNumeric.Abs()));
        builder.Unary("|/", SqlType.Float8, SqlType.Float8, a => Datum.Double(MathFunctions.SquareRoot(a.AsDouble)));
        builder.Unary("||/", SqlType.Float8, SqlType.Float8, a => Datum.Double(Math.Cbrt(a.AsDouble)));
        builder.Unary("-", SqlType.Interval, SqlType.Interval, a => Datum.Interval(IntervalMath.Negate(a.AsInterval)));
    }

    private static void AddIntegers(FunctionBuilder builder, SqlType left, SqlType right, SqlType result)
    {
        if (result == SqlType.Int8)
        {
            builder.Binary("+", left, right, result, (a, b) => Datum.Int(Add(a.AsInt, b.AsInt)), Intrinsic.IntAdd);
            builder.Binary("-", left, right, result, (a, b) => Datum.Int(Subtract(a.AsInt, b.AsInt)), Intrinsic.IntSubtract);
            builder.Binary("*", left, right, result, (a, b) => Datum.Int(Multiply(a.AsInt, b.AsInt)), Intrinsic.IntMultiply);
        }
        else
        {
            builder.Binary("+", left, right, result, (a, b) => Datum.Int(Narrow(a.AsInt + b.AsInt, result)));
            builder.Binary("-", left, right, result, (a, b) => Datum.Int(Narrow(a.AsInt - b.AsInt, result)));
            builder.Binary("*", left, right, result, (a, b) => Datum.Int(Narrow(a.AsInt * b.AsInt, result)));
        }

        builder.Binary("/", left, right, result, (a, b) => Datum.Int(Narrow(Divide(a.AsInt, b.AsInt), result)));
        builder.Binary("%", left, right, result, (a, b) => Datum.Int(Modulo(a.AsInt, b.AsInt)));
        if (left != right)
        {
            return;
        }

        builder.Binary("&", left, right, result, (a, b) => Datum.Int(a.AsInt & b.AsInt));
        builder.Binary("|", left, right, result, (a, b) => Datum.Int(a.AsInt | b.AsInt));
        builder.Binary("#", left, right, result, (a, b) => Datum.Int(a.AsInt ^ b.AsInt));
        if (left == SqlType.Int8)
        {
            builder.Binary("<<", left, right, result, (a, b) => Datum.Int(a.AsInt << (int)(b.AsInt & 63)));
            builder.Binary(">>", left, right, result, (a, b) => Datum.Int(a.AsInt >> (int)(b.AsInt & 63)));
        }
        else
        {
            builder.Binary("<<", left, right, result, (a, b) => Datum.Int(Wrap(a.AsInt << (int)(b.AsInt & 31), result)));
            builder.Binary(">>", left, right, result, (a, b) => Datum.Int(a.AsInt >> (int)(b.AsInt & 31)));
        }
    }

    private static long Wrap(long value, SqlType type) => type == SqlType.Int4 ? (int)value : (short)value;

    /// <summary>Sum; 22003 on overflow.</summary>
    internal static long Add(long a, long b)
    {
        long sum = unchecked(a + b);
        return ((a ^ sum) & (b ^ sum)) < 0 ? throw OutOfRange() : sum;
    }

    internal static long Subtract(long a, long b)
    {
        long difference = unchecked(a - b);
        return ((a ^ b) & (a ^ difference)) < 0 ? throw OutOfRange() : difference;
    }

    internal static long Multiply(long a, long b)
    {
        long high = Math.BigMul(a, b, out long low);
        return high == low >> 63 ? low : throw OutOfRange();
    }

    internal static long Divide(long a, long b) => b switch
    {
        0 => throw DivisionByZero(),
        -1 => a == long.MinValue ? throw OutOfRange() : -a,
        _ => a / b,
    };

    internal static long Modulo(long a, long b) => b switch
    {
        0 => throw DivisionByZero(),
        -1 => 0,
        _ => a % b,
    };

    internal static DbException OutOfRange() => new(SqlStates.NumericValueOutOfRange, "bigint out of range");

    internal static DbException DivisionByZero() => new(SqlStates.DivisionByZero, "division by zero");

    private static long Checked(Int128 value) => value >= long.MinValue && value <= long.MaxValue ? (long)value : throw OutOfRange();

    internal static long Narrow(long value, SqlType type) =>
        type == SqlType.Int8 ? value : type == SqlType.Int4 ? CastList.ToInt4(value) : CastList.ToInt2(value);

    private static void AddReals(FunctionBuilder builder, SqlType left, SqlType right, SqlType result)
    {
        bool isSingle = result == SqlType.Float4;
        builder.Binary("+", left, right, result, (a, b) => Real(a.AsDouble + b.AsDouble, a, b, isSingle), isSingle ? Intrinsic.None : Intrinsic.DoubleAdd);
        builder.Binary("-", left, right, result, (a, b) => Real(a.AsDouble - b.AsDouble, a, b, isSingle), isSingle ? Intrinsic.None : Intrinsic.DoubleSubtract);
        builder.Binary("*", left, right, result, (a, b) =>
        {
            double product = a.AsDouble * b.AsDouble;
            return product == 0 && a.AsDouble != 0 && b.AsDouble != 0 ? throw Underflow() : Real(product, a, b, isSingle);
        }, isSingle ? Intrinsic.None : Intrinsic.DoubleMultiply);
        builder.Binary("/", left, right, result, (a, b) =>
        {
            if (b.AsDouble == 0 && !double.IsNaN(a.AsDouble))
            {
                throw DivisionByZero();
            }

            double quotient = a.AsDouble / b.AsDouble;
            return quotient == 0 && a.AsDouble != 0 && !double.IsInfinity(b.AsDouble) ? throw Underflow() : Real(quotient, a, b, isSingle);
        });
    }

    /// <summary>The result when it is finite or an operand was not; 22003 otherwise.</summary>
    private static Datum Real(double value, in Datum left, in Datum right, bool isSingle)
    {
        double result = isSingle ? (float)value : value;
        return double.IsInfinity(result) && !double.IsInfinity(left.AsDouble) && !double.IsInfinity(right.AsDouble)
            ? throw Overflow()
            : Datum.Double(result);
    }

    internal static DbException Overflow() => new(SqlStates.NumericValueOutOfRange, "value out of range: overflow");

    internal static DbException Underflow() => new(SqlStates.NumericValueOutOfRange, "value out of range: underflow");

    private static void AddNumerics(FunctionBuilder builder)
    {
        SqlType type = SqlType.Numeric;
        builder.Binary("+", type, type, type, (a, b) => Datum.Numeric(a.AsNumeric + b.AsNumeric));
        builder.Binary("-", type, type, type, (a, b) => Datum.Numeric(a.AsNumeric - b.AsNumeric));
        builder.Binary("*", type, type, type, (a, b) => Datum.Numeric(a.AsNumeric * b.AsNumeric));
        builder.Binary("/", type, type, type, (a, b) => Datum.Numeric(a.AsNumeric / b.AsNumeric));
        builder.Binary("%", type, type, type, (a, b) => Datum.Numeric(a.AsNumeric % b.AsNumeric));
        builder.Binary("^", type, type, type, (a, b) => Datum.Numeric(a.AsNumeric.Power(b.AsNumeric)));
    }
}
