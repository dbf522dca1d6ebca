using System.Numerics;

namespace Picodata.Core;

// Exact arithmetic. Scales of results: + - the larger one, * the sum, / at least 16 significant digits, % the larger one.
public sealed partial class Numeric
{
    /// <summary>Least number of significant digits of a result that cannot be exact.</summary>
    internal const int MinSignificantDigits = 16;

    /// <summary>Largest scale chosen for a result that cannot be exact.</summary>
    internal const int MaxDisplayScale = 1000;

    private static readonly BigInteger SmallMin = (BigInteger)Int128.MinValue;
    private static readonly BigInteger SmallMax = (BigInteger)Int128.MaxValue;
    private static readonly Int128[] Powers = MakePowers();
    private static readonly Int128[] RescaleLimits = Array.ConvertAll(Powers, power => Int128.MaxValue / power);
    private static readonly double[] DoublePowers =
        [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22];

    private static readonly BigInteger StorageLimit = BigInteger.Pow(10, MaxStoredDigits);

    private static Int128[] MakePowers()
    {
        var powers = new Int128[39];
        powers[0] = 1;
        for (int i = 1; i < powers.Length; i++)
        {
            powers[i] = powers[i - 1] * 10;
        }

        return powers;
    }

    /// <summary>10^exponent.</summary>
    internal static BigInteger PowerOfTen(int exponent) =>
        exponent < Powers.Length ? (BigInteger)Powers[exponent] : BigInteger.Pow(10, exponent);

    private static bool TryRescale(Int128 value, int digits, out Int128 result)
    {
        if (digits == 0)
        {
            result = value;
            return true;
        }

        if (digits < Powers.Length && value <= RescaleLimits[digits] && value >= -RescaleLimits[digits])
        {
            result = value * Powers[digits];
            return true;
        }

        result = 0;
        return value == 0;
    }

    private BigInteger ScaledTo(int scale) => scale == Scale ? Unscaled : Unscaled * PowerOfTen(scale - Scale);

    public static Numeric operator +(Numeric left, Numeric right)
    {
        if (left.isNaN || right.isNaN)
        {
            return NaN;
        }

        int scale = Math.Max(left.Scale, right.Scale);
        if (left.big is null && right.big is null
            && TryRescale(left.small, scale - left.Scale, out Int128 a) && TryRescale(right.small, scale - right.Scale, out Int128 b))
        {
            Int128 sum = unchecked(a + b);
            if (((a ^ sum) & (b ^ sum)) >= 0)
            {
                return new Numeric(sum, scale);
            }
        }

        return new Numeric(left.ScaledTo(scale) + right.ScaledTo(scale), scale);
    }

    public static Numeric operator -(Numeric left, Numeric right) => left + -right;

    public static Numeric operator -(Numeric value) =>
        value.isNaN ? NaN
        : value.big is null && value.small != Int128.MinValue ? new Numeric(-value.small, value.Scale)
        : new Numeric(-value.Unscaled, value.Scale);

    public static Numeric operator *(Numeric left, Numeric right)
    {
        if (left.isNaN || right.isNaN)
        {
            return NaN;
        }

        int scale = left.Scale + right.Scale;
        if (left.big is null && right.big is null && BitLength(left.small) + BitLength(right.small) <= 126)
        {
            var product = new Numeric(left.small * right.small, scale);
            return scale <= MaxScale ? product : product.Round(MaxScale);
        }

        BigInteger exact = left.Unscaled * right.Unscaled;
        return scale <= MaxScale ? new Numeric(exact, scale) : RoundTo(exact, scale, MaxScale);
    }

    private static int BitLength(Int128 value) => 128 - (int)Int128.LeadingZeroCount(value < 0 ? ~value : value);

    /// <summary>Quotient, rounded half away from zero to a scale that gives at least 16 significant digits; 22012 for zero.</summary>
    public static Numeric operator /(Numeric left, Numeric right) =>
        left.isNaN || right.isNaN ? NaN : left.Divide(right, QuotientScale(left, right));

    /// <summary>Remainder of the truncated division, sign of the dividend; 22012 for zero.</summary>
    public static Numeric operator %(Numeric left, Numeric right)
    {
        if (left.isNaN || right.isNaN)
        {
            return NaN;
        }

        ThrowIfZero(right);
        int scale = Math.Max(left.Scale, right.Scale);
        if (left.big is null && right.big is null
            && TryRescale(left.small, scale - left.Scale, out Int128 a) && TryRescale(right.small, scale - right.Scale, out Int128 b))
        {
            return new Numeric(b == -1 ? 0 : a % b, scale);
        }

        return new Numeric(BigInteger.Remainder(left.ScaledTo(scale), right.ScaledTo(scale)), scale);
    }

    /// <summary>The quotient rounded half away from zero to exactly <paramref name="scale"/> digits.</summary>
    public Numeric Divide(Numeric divisor, int scale)
    {
        ThrowIfZero(divisor);
        int shift = scale + divisor.Scale - Scale;
        if (big is null && divisor.big is null && shift >= 0 && TryRescale(small, shift, out Int128 dividend) && dividend != Int128.MinValue)
        {
            (Int128 quotient, Int128 rest) = Int128.DivRem(dividend, divisor.small);
            Int128 absRest = Int128.Abs(rest);
            Int128 absDivisor = divisor.small == Int128.MinValue ? Int128.MaxValue : Int128.Abs(divisor.small);
            if (absRest >= absDivisor - absRest)
            {
                quotient += (dividend < 0) == (divisor.small < 0) ? 1 : -1;
            }

            return new Numeric(quotient, scale);
        }

        BigInteger numerator = shift >= 0 ? Unscaled * PowerOfTen(shift) : Unscaled;
        BigInteger denominator = shift >= 0 ? divisor.Unscaled : divisor.Unscaled * PowerOfTen(-shift);
        return new Numeric(DivideRounded(numerator, denominator), scale);
    }

    /// <summary>Integer quotient, truncated (PostgreSQL's div).</summary>
    public Numeric DivideTruncated(Numeric divisor)
    {
        if (isNaN || divisor.isNaN)
        {
            return NaN;
        }

        ThrowIfZero(divisor);
        int scale = Math.Max(Scale, divisor.Scale);
        return new Numeric(BigInteger.Divide(ScaledTo(scale), divisor.ScaledTo(scale)), 0);
    }

    internal static BigInteger DivideRounded(BigInteger numerator, BigInteger denominator)
    {
        BigInteger quotient = BigInteger.DivRem(numerator, denominator, out BigInteger rest);
        return BigInteger.Abs(rest) * 2 >= BigInteger.Abs(denominator) ? quotient + numerator.Sign * denominator.Sign : quotient;
    }

    private static void ThrowIfZero(Numeric divisor)
    {
        if (divisor.IsZero)
        {
            throw new DbException(SqlStates.DivisionByZero, "division by zero");
        }
    }

    private static int QuotientScale(Numeric left, Numeric right)
    {
        (int leftWeight, int leftFirst) = left.Weight();
        (int rightWeight, int rightFirst) = right.Weight();
        int weight = leftWeight - rightWeight - (leftFirst <= rightFirst ? 1 : 0);
        int scale = Math.Max(MinSignificantDigits - weight * 4, Math.Max(left.Scale, right.Scale));
        return Math.Clamp(scale, 0, MaxDisplayScale);
    }

    /// <summary>Number of decimal digits of the unscaled value; 1 for zero.</summary>
    internal int DigitCount()
    {
        if (big is null)
        {
            Int128 magnitude = small < 0 ? -(small + 1) : small;
            int digits = Math.Max(1, (int)(BitLength(magnitude) * 0.30102999566398120));
            while (digits < Powers.Length && Int128.Abs(small == Int128.MinValue ? Int128.MaxValue : small) >= Powers[digits])
            {
                digits++;
            }

            return digits;
        }

        BigInteger value = BigInteger.Abs(big.Value);
        int estimate = Math.Max(1, (int)((value.GetBitLength() - 1) * 0.30102999566398120));
        while (value >= PowerOfTen(estimate))
        {
            estimate++;
        }

        return estimate;
    }

    /// <summary>Position (power of 10000) and value of the first base-10000 digit; (0, 0) for zero.</summary>
    internal (int Weight, int FirstDigit) Weight()
    {
        if (IsZero)
        {
            return (0, 0);
        }

        int digits = DigitCount();
        int exponent = digits - 1 - Scale;
        int weight = exponent >= 0 ? exponent / 4 : -((3 - exponent) / 4);
        int wanted = exponent - weight * 4 + 1;
        BigInteger magnitude = BigInteger.Abs(Unscaled);
        BigInteger first = digits >= wanted ? magnitude / PowerOfTen(digits - wanted) : magnitude * PowerOfTen(wanted - digits);
        return (weight, (int)first);
    }

    /// <summary>Rounds half away from zero; a negative number of digits rounds before the point.</summary>
    public Numeric Round(int digits)
    {
        if (isNaN)
        {
            return this;
        }

        digits = Math.Clamp(digits, -2000, 2000);
        if (digits >= Scale)
        {
            return Rescale(digits);
        }

        int drop = Scale - digits;
        if (big is null && drop < Powers.Length && digits >= 0)
        {
            (Int128 quotient, Int128 rest) = Int128.DivRem(small, Powers[drop]);
            Int128 half = Powers[drop] / 2;
            return new Numeric(Int128.Abs(rest) >= half ? quotient + Int128.Sign(small) : quotient, digits);
        }

        return digits >= 0 ? RoundTo(Unscaled, Scale, digits) : RoundBeforePoint(digits, DivideRounded);
    }

    /// <summary>Cuts digits off; a negative number cuts before the point.</summary>
    public Numeric Truncate(int digits)
    {
        if (isNaN)
        {
            return this;
        }

        digits = Math.Clamp(digits, -2000, 2000);
        if (digits >= Scale)
        {
            return Rescale(digits);
        }

        return digits >= 0
            ? new Numeric(BigInteger.Divide(Unscaled, PowerOfTen(Scale - digits)), digits)
            : RoundBeforePoint(digits, BigInteger.Divide);
    }

    private Numeric RoundBeforePoint(int digits, Func<BigInteger, BigInteger, BigInteger> divide) =>
        new(divide(Unscaled, PowerOfTen(Scale - digits)) * PowerOfTen(-digits), 0);

    /// <summary>The same value with more digits behind the point.</summary>
    private Numeric Rescale(int scale) =>
        scale == Scale ? this
        : big is null && TryRescale(small, scale - Scale, out Int128 value) ? new Numeric(value, scale)
        : new Numeric(ScaledTo(scale), scale);

    private static Numeric RoundTo(BigInteger unscaled, int scale, int digits) =>
        new(DivideRounded(unscaled, PowerOfTen(scale - digits)), digits);

    public Numeric Ceiling() => Floor(roundUp: true);

    public Numeric Floor() => Floor(roundUp: false);

    private Numeric Floor(bool roundUp)
    {
        if (isNaN || Scale == 0)
        {
            return this;
        }

        BigInteger quotient = BigInteger.DivRem(Unscaled, PowerOfTen(Scale), out BigInteger rest);
        int step = roundUp && rest.Sign > 0 ? 1 : !roundUp && rest.Sign < 0 ? -1 : 0;
        return new Numeric(quotient + step, 0);
    }

    public Numeric Abs() => Sign < 0 ? -this : this;
}
