using System.Globalization;
using System.Numerics;
using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>Functions on numbers.</summary>
internal static class MathFunctions
{
    internal static void Add(FunctionBuilder builder)
    {
        AddIntegers(builder);
        AddNumerics(builder);
        AddRounding(builder);
        AddReals(builder);
        AddTrigonometry(builder);
        AddRandom(builder);
        builder.Scalar("width_bucket", [SqlType.Float8, SqlType.Float8, SqlType.Float8, SqlType.Int8], SqlType.Int4, (a, _) =>
            Datum.Int(Bucket(a[0].AsDouble, a[1].AsDouble, a[2].AsDouble, a[3].AsInt)));
        builder.Scalar("width_bucket", [SqlType.Numeric, SqlType.Numeric, SqlType.Numeric, SqlType.Int8], SqlType.Int4, (a, _) =>
            Datum.Int(Bucket(a[0].AsNumeric, a[1].AsNumeric, a[2].AsNumeric, a[3].AsInt)));
    }

    private static void AddIntegers(FunctionBuilder builder)
    {
        foreach (SqlType type in new[] { SqlType.Int8, SqlType.Int4, SqlType.Int2 })
        {
            builder.Unary("abs", type, type, a => Datum.Int(NumberOperators.Narrow(a.AsInt == long.MinValue ? throw NumberOperators.OutOfRange() : Math.Abs(a.AsInt), type)));
            builder.Binary("mod", type, type, type, (a, b) => Datum.Int(NumberOperators.Modulo(a.AsInt, b.AsInt)));
        }

        foreach (SqlType type in new[] { SqlType.Int8, SqlType.Int4 })
        {
            builder.Binary("gcd", type, type, type, (a, b) => Datum.Int(NumberOperators.Narrow(ToLong(BigInteger.GreatestCommonDivisor(a.AsInt, b.AsInt)), type)));
            builder.Binary("lcm", type, type, type, (a, b) => Datum.Int(NumberOperators.Narrow(ToLong(LeastCommonMultiple(a.AsInt, b.AsInt)), type)));
        }

        builder.Unary("factorial", SqlType.Int8, SqlType.Numeric, a => Datum.Numeric(Factorial(a.AsInt)));
        builder.Unary("bit_count", SqlType.Bytea, SqlType.Int8, a => Datum.Int(a.AsBytes.Sum(b => (long)BitOperations.PopCount(b))));
    }

    private static long ToLong(BigInteger value) => value <= long.MaxValue ? (long)value : throw NumberOperators.OutOfRange();

    private static BigInteger LeastCommonMultiple(BigInteger a, BigInteger b) =>
        a.IsZero || b.IsZero ? 0 : BigInteger.Abs(a * b) / BigInteger.GreatestCommonDivisor(a, b);

    private static Numeric Factorial(long n)
    {
        if (n < 0)
        {
            throw new DbException(SqlStates.NumericValueOutOfRange, "factorial of a negative number is undefined");
        }

        // 2000! has 5736 digits; more would take long and can be stored nowhere
        if (n > 2000)
        {
            throw new DbException(SqlStates.NumericValueOutOfRange, "value overflows numeric format");
        }

        BigInteger product = BigInteger.One;
        for (int i = 2; i <= n; i++)
        {
            product *= i;
        }

        return new Numeric(product, 0);
    }

    private static void AddNumerics(FunctionBuilder builder)
    {
        SqlType type = SqlType.Numeric;
        builder.Unary("abs", type, type, a => Datum.Numeric(a.AsNumeric.Abs()));
        builder.Binary("mod", type, type, type, (a, b) => Datum.Numeric(a.AsNumeric % b.AsNumeric));
        builder.Binary("div", type, type, type, (a, b) => Datum.Numeric(a.AsNumeric.DivideTruncated(b.AsNumeric)));
        builder.Unary("sign", type, type, a => Datum.Numeric(a.AsNumeric.IsNaN ? Numeric.NaN : Numeric.FromInt64(a.AsNumeric.Sign)));
        builder.Unary("sqrt", type, type, a => Datum.Numeric(a.AsNumeric.Sqrt()));
        builder.Unary("exp", type, type, a => Datum.Numeric(a.AsNumeric.Exp()));
        builder.Unary("ln", type, type, a => Datum.Numeric(a.AsNumeric.Ln()));
        builder.Unary("log", type, type, a => Datum.Numeric(a.AsNumeric.Log(Ten)));
        builder.Unary("log10", type, type, a => Datum.Numeric(a.AsNumeric.Log(Ten)));
        builder.Binary("log", type, type, type, (a, b) => Datum.Numeric(b.AsNumeric.Log(a.AsNumeric)));
        foreach (string name in new[] { "power", "pow" })
        {
            builder.Binary(name, type, type, type, (a, b) => Datum.Numeric(a.AsNumeric.Power(b.AsNumeric)));
            builder.Binary(name, SqlType.Float8, SqlType.Float8, SqlType.Float8, (a, b) => Datum.Double(Power(a.AsDouble, b.AsDouble)));
        }

        builder.Unary("scale", type, SqlType.Int4, a => a.AsNumeric.IsNaN ? Datum.Null : Datum.Int(a.AsNumeric.Scale));
        builder.Unary("min_scale", type, SqlType.Int4, a => a.AsNumeric.IsNaN ? Datum.Null : Datum.Int(a.AsNumeric.TrimScale().Scale));
        builder.Unary("trim_scale", type, type, a => Datum.Numeric(a.AsNumeric.TrimScale()));
        builder.Binary("gcd", type, type, type, (a, b) => Datum.Numeric(GreatestCommonDivisor(a.AsNumeric, b.AsNumeric)));
    }

    private static readonly Numeric Ten = Numeric.FromInt64(10);

    private static Numeric GreatestCommonDivisor(Numeric a, Numeric b)
    {
        int scale = Math.Max(a.Scale, b.Scale);
        return a.IsNaN || b.IsNaN ? Numeric.NaN : new Numeric(BigInteger.GreatestCommonDivisor(a.Round(scale).Unscaled, b.Round(scale).Unscaled), scale);
    }

    private static void AddRounding(FunctionBuilder builder)
    {
        SqlType type = SqlType.Numeric;
        foreach (string name in new[] { "ceil", "ceiling" })
        {
            builder.Unary(name, type, type, a => Datum.Numeric(a.AsNumeric.Ceiling()));
            builder.Unary(name, SqlType.Float8, SqlType.Float8, a => Datum.Double(Math.Ceiling(a.AsDouble)));
        }

        builder.Unary("floor", type, type, a => Datum.Numeric(a.AsNumeric.Floor()));
        builder.Unary("floor", SqlType.Float8, SqlType.Float8, a => Datum.Double(Math.Floor(a.AsDouble)));
        builder.Unary("round", type, type, a => Datum.Numeric(a.AsNumeric.Round(0)));
        builder.Binary("round", type, SqlType.Int8, type, (a, b) => Datum.Numeric(a.AsNumeric.Round(Digits(b))));
        builder.Unary("round", SqlType.Float8, SqlType.Float8, a => Datum.Double(Math.Round(a.AsDouble, MidpointRounding.ToEven)));
        builder.Unary("trunc", type, type, a => Datum.Numeric(a.AsNumeric.Truncate(0)));
        builder.Binary("trunc", type, SqlType.Int8, type, (a, b) => Datum.Numeric(a.AsNumeric.Truncate(Digits(b))));
        builder.Unary("trunc", SqlType.Float8, SqlType.Float8, a => Datum.Double(Math.Truncate(a.AsDouble)));
    }

    private static int Digits(in Datum digits) => (int)Math.Clamp(digits.AsInt, -2000, 2000);

    private static void AddReals(FunctionBuilder builder)
    {
        SqlType real = SqlType.Float8;
        builder.Unary("abs", real, real, a => Datum.Double(Math.Abs(a.AsDouble)));
        builder.Unary("abs", SqlType.Float4, SqlType.Float4, a => Datum.Double(Math.Abs(a.AsDouble)));
        builder.Unary("sign", real, real, a => Datum.Double(double.IsNaN(a.AsDouble) ? double.NaN : Math.Sign(a.AsDouble)));
        builder.Unary("sqrt", real, real, a => Datum.Double(SquareRoot(a.AsDouble)));
        builder.Unary("cbrt", real, real, a => Datum.Double(Math.Cbrt(a.AsDouble)));
        builder.Unary("exp", real, real, a => Datum.Double(Exp(a.AsDouble)));
        builder.Unary("ln", real, real, a => Datum.Double(Math.Log(Positive(a.AsDouble))));
        builder.Unary("log", real, real, a => Datum.Double(Math.Log10(Positive(a.AsDouble))));
        builder.Unary("log10", real, real, a => Datum.Double(Math.Log10(Positive(a.AsDouble))));
        builder.Scalar("pi", [], real, (_, _) => Datum.Double(Math.PI));
    }

    private static double Positive(double value) => value == 0
        ? throw new DbException(SqlStates.InvalidArgumentForLogarithm, "cannot take logarithm of zero")
        : value < 0 ? throw new DbException(SqlStates.InvalidArgumentForLogarithm, "cannot take logarithm of a negative number")
        : value;

    internal static double SquareRoot(double value) => value < 0
        ? throw new DbException(SqlStates.InvalidArgumentForPower, "cannot take square root of a negative number")
        : Math.Sqrt(value);

    private static double Exp(double value)
    {
        double result = Math.Exp(value);
        return double.IsInfinity(result) && !double.IsInfinity(value) ? throw NumberOperators.Overflow()
            : result == 0 && !double.IsInfinity(value) ? throw NumberOperators.Underflow()
            : result;
    }

    internal static double Power(double value, double exponent)
    {
        if (value == 0 && exponent < 0)
        {
            throw new DbException(SqlStates.InvalidArgumentForPower, "zero raised to a negative power is undefined");
        }

        if (value < 0 && Math.Floor(exponent) != exponent && !double.IsInfinity(exponent))
        {
            throw new DbException(SqlStates.InvalidArgumentForPower, "a negative number raised to a non-integer power yields a complex result");
        }

        double result = Math.Pow(value, exponent);
        bool finiteOperands = double.IsFinite(value) && double.IsFinite(exponent);
        return double.IsInfinity(result) && finiteOperands ? throw NumberOperators.Overflow()
            : result == 0 && value != 0 && finiteOperands ? throw NumberOperators.Underflow()
            : result;
    }

    private static void AddTrigonometry(FunctionBuilder builder)
    {
        (string Name, Func<double, double> Compute)[] functions =
        [
            ("sin", Math.Sin), ("cos", Math.Cos), ("tan", Math.Tan), ("cot", x => 1 / Math.Tan(x)), ("asin", x => Math.Asin(Unit(x))),
            ("acos", x => Math.Acos(Unit(x))), ("atan", Math.Atan), ("sinh", Math.Sinh), ("cosh", Math.Cosh), ("tanh", Math.Tanh),
            ("asinh", Math.Asinh), ("acosh", x => x < 1 ? throw InputOutOfRange() : Math.Acosh(x)), ("atanh", x => Math.Atanh(Unit(x))),
            ("degrees", x => x * (180 / Math.PI)), ("radians", x => x * (Math.PI / 180)),
            ("sind", x => Math.Sin(x * Math.PI / 180)), ("cosd", x => Math.Cos(x * Math.PI / 180)), ("tand", x => Math.Tan(x * Math.PI / 180)),
        ];
        foreach ((string name, Func<double, double> compute) in functions)
        {
            builder.Unary(name, SqlType.Float8, SqlType.Float8, a => Datum.Double(compute(a.AsDouble)));
        }

        builder.Binary("atan2", SqlType.Float8, SqlType.Float8, SqlType.Float8, (a, b) => Datum.Double(Math.Atan2(a.AsDouble, b.AsDouble)));
    }

    private static double Unit(double value) => value is < -1 or > 1 ? throw InputOutOfRange() : value;

    private static DbException InputOutOfRange() => new(SqlStates.NumericValueOutOfRange, "input is out of range");

    private static void AddRandom(FunctionBuilder builder)
    {
        builder.Scalar("random", [], SqlType.Float8, (_, context) => Datum.Double(context.Random.NextDouble()), Volatility.Volatile);
        builder.Scalar("setseed", [SqlType.Float8], SqlType.Void, (a, context) =>
        {
            if (a[0].AsDouble is not (>= -1 and <= 1))
            {
                throw new DbException(SqlStates.InvalidParameterValue, $"setseed parameter {a[0].AsDouble.ToString(CultureInfo.InvariantCulture)} is out of allowed range [-1,1]");
            }

            context.Random = new Random((int)(a[0].AsDouble * int.MaxValue));
            return Datum.Text("");
        }, Volatility.Volatile);
    }

    private static long Bucket(double value, double low, double high, long count)
    {
        CheckBuckets(count, low == high, double.IsNaN(value) || double.IsNaN(low) || double.IsNaN(high));
        bool reversed = low > high;
        double position = reversed ? (low - value) / (low - high) : (value - low) / (high - low);
        return position < 0 ? 0 : position >= 1 ? count + 1 : (long)(position * count) + 1;
    }

    private static long Bucket(Numeric value, Numeric low, Numeric high, long count)
    {
        CheckBuckets(count, low == high || low.Equals(high), value.IsNaN || low.IsNaN || high.IsNaN);
        bool reversed = low > high;
        Numeric distance = reversed ? low - value : value - low;
        Numeric width = reversed ? low - high : high - low;
        return distance.Sign < 0 ? 0
            : distance >= width ? count + 1
            : (distance * Numeric.FromInt64(count)).DivideTruncated(width).ToInt64() + 1;
    }

    private static void CheckBuckets(long count, bool isEmpty, bool hasNaN)
    {
        if (count <= 0 || count >= int.MaxValue)
        {
            throw new DbException("2201G", "count must be greater than zero");
        }

        if (hasNaN || isEmpty)
        {
            throw new DbException("2201G", hasNaN ? "operand, lower bound, and upper bound cannot be NaN" : "lower bound cannot equal upper bound");
        }
    }
}
