using System.Numerics;

namespace Picodata.Core;

// Functions whose results are not exact. They are computed on integers scaled by 10^digits with guard digits, and rounded
// half away from zero at the scale that PostgreSQL chooses: at least 16 significant digits, at least the arguments' scales.
public sealed partial class Numeric
{
    private const double Log10E = 0.434294481903252;
    private const double Ln10 = 2.302585092994046;

    /// <summary>Decimal digits of a result from exp or power at most: more is 22003, as it would take minutes.</summary>
    private const int MaxComputedDigits = 5000;

    /// <summary>Square root; 2201F for negative values.</summary>
    public Numeric Sqrt()
    {
        (int weight, _) = Weight();
        int resultDigits = (weight + 1) * 4 / 2 - 1;
        return Sqrt(Math.Clamp(Math.Max(MinSignificantDigits - resultDigits, Scale), 0, MaxDisplayScale));
    }

    /// <summary>Square root rounded to a number of digits behind the point; 2201F for negative values.</summary>
    public Numeric Sqrt(int scale)
    {
        if (isNaN)
        {
            return this;
        }

        if (Sign < 0)
        {
            throw new DbException(SqlStates.InvalidArgumentForPower, "cannot take square root of a negative number");
        }

        // one digit more than wanted, then round
        return RoundTo(SquareRoot(ToFixed(2 * (scale + 1))), scale + 1, scale);
    }

    /// <summary>e to this power; 22003 when the result is too large.</summary>
    public Numeric Exp()
    {
        if (isNaN)
        {
            return this;
        }

        double digits = ApproximateDouble() * Log10E;
        int scale = ResultScale((int)Math.Clamp(digits, -2000, 2000), Scale);
        return ExpRounded(ToFixed(scale + ExtraDigits(digits)), scale + ExtraDigits(digits), scale, digits);
    }

    /// <summary>Natural logarithm; 2201E unless positive.</summary>
    public Numeric Ln()
    {
        ThrowUnlessPositive(this);
        if (isNaN)
        {
            return this;
        }

        int scale = ResultScale(LnWeight(), Scale);
        int work = scale + 12;
        return RoundTo(LnFixed(work), work, scale);
    }

    /// <summary>Logarithm of this to a base; 2201E unless both are positive, 22012 for base 1.</summary>
    public Numeric Log(Numeric logBase)
    {
        ThrowUnlessPositive(logBase);
        ThrowUnlessPositive(this);
        if (isNaN || logBase.isNaN)
        {
            return NaN;
        }

        int baseWeight = logBase.LnWeight();
        int scale = ResultScale(LnWeight() - baseWeight, Math.Max(Scale, logBase.Scale));
        int work = scale + 16 + Math.Abs(baseWeight) + Math.Abs(LnWeight());
        BigInteger lnBase = logBase.LnFixed(work);
        if (lnBase.IsZero)
        {
            throw new DbException(SqlStates.DivisionByZero, "division by zero");
        }

        return new Numeric(DivideRounded(LnFixed(work) * PowerOfTen(scale), lnBase), scale);
    }

    /// <summary>This to a power; 2201F for 0 to a negative power and for negative values to fractions.</summary>
    public Numeric Power(Numeric exponent)
    {
        if (isNaN || exponent.isNaN)
        {
            return PowerOfNaN(exponent);
        }

        if (IsZero && exponent.Sign < 0)
        {
            throw new DbException(SqlStates.InvalidArgumentForPower, "zero raised to a negative power is undefined");
        }

        Numeric whole = exponent.TrimScale();
        if (whole.Scale == 0 && whole.TryGetSmall(out Int128 bits) && bits >= int.MinValue && bits <= int.MaxValue)
        {
            return PowerOfInteger((int)bits, Math.Clamp(Math.Max(MinSignificantDigits, Scale), 0, MaxDisplayScale));
        }

        if (IsZero)
        {
            return Zero.Round(MinSignificantDigits);
        }

        if (Sign < 0)
        {
            if (whole.Scale > 0)
            {
                throw new DbException(SqlStates.InvalidArgumentForPower, "a negative number raised to a non-integer power yields a complex result");
            }

            Numeric magnitude = (-this).Power(exponent);
            return whole.Unscaled.IsEven ? magnitude : -magnitude;
        }

        return PowerByLogarithm(exponent);
    }

    private Numeric PowerOfNaN(Numeric exponent) =>
        (isNaN && exponent.IsZero) || (!isNaN && Compare(this, One) == 0) ? One : NaN;

    private Numeric PowerByLogarithm(Numeric exponent)
    {
        double lnEstimate = LnEstimate();
        double digits = lnEstimate * exponent.ApproximateDouble() * Log10E;
        int scale = ResultScale((int)Math.Clamp(digits, -2000, 2000), Math.Max(Scale, exponent.Scale));
        int extra = ExtraDigits(digits);
        int work = scale + extra + exponent.DigitCount();
        BigInteger product = LnFixed(work) * exponent.Unscaled / PowerOfTen(exponent.Scale);
        return ExpRounded(product / PowerOfTen(work - scale - extra), scale + extra, scale, digits);
    }

    private Numeric PowerOfInteger(int exponent, int scale)
    {
        switch (exponent)
        {
            case 0:
                return One.Round(scale);
            case 1:
                return Round(scale);
            case -1:
                return One.Divide(this, scale);
            case 2:
                return (this * this).Round(scale);
        }

        if (IsZero)
        {
            return Zero.Round(scale);
        }

        double magnitude = exponent * LnEstimate() * Log10E;
        if (magnitude > MaxIntegerDigits)
        {
            throw Overflow();
        }

        if (magnitude + 1 < -scale)
        {
            return Zero.Round(scale);
        }

        // significant digits that are kept while multiplying: those of the result and a guard for the error of every step
        int keep = Math.Max(1, scale + (int)magnitude) + 16 + (int)Math.Log10(Math.Abs((double)exponent));
        return PowerBySquaring(exponent, scale, keep);
    }

    private Numeric PowerBySquaring(int exponent, int scale, int keep)
    {
        (BigInteger factor, long factorScale) = Shortened(Unscaled, Scale, keep);
        (BigInteger result, long resultScale) = (BigInteger.One, 0L);
        for (uint bits = (uint)Math.Abs((long)exponent); bits != 0; bits >>= 1)
        {
            if ((bits & 1) != 0)
            {
                (result, resultScale) = Shortened(result * factor, resultScale + factorScale, keep);
            }

            if (bits > 1)
            {
                (factor, factorScale) = Shortened(factor * factor, factorScale * 2, keep);
            }
        }

        if (exponent < 0)
        {
            // 1 / (result * 10^-resultScale), to `scale` digits
            long shift = resultScale + scale;
            return shift < 0 ? Zero.Round(scale) : new Numeric(DivideRounded(PowerOfTen(checked((int)shift)), result), scale);
        }

        long drop = resultScale - scale;
        return drop > 0
            ? new Numeric(DivideRounded(result, PowerOfTen(checked((int)drop))), scale)
            : new Numeric(result * PowerOfTen(checked((int)-drop)), scale);
    }

    private static (BigInteger Value, long Scale) Shortened(BigInteger value, long scale, int keep)
    {
        int digits = (int)(BigInteger.Abs(value).GetBitLength() * 0.30102999566398120);
        return digits <= keep + 1 ? (value, scale) : (DivideRounded(value, PowerOfTen(digits - keep)), scale - (digits - keep));
    }

    private static int ResultScale(int weight, int leastScale) =>
        Math.Clamp(Math.Max(MinSignificantDigits - weight, leastScale), 0, MaxDisplayScale);

    private static int ExtraDigits(double resultDigits) => 14 + (int)Math.Clamp(resultDigits, 0, MaxComputedDigits);

    private static Numeric ExpRounded(BigInteger argument, int digits, int scale, double resultDigits)
    {
        if (resultDigits > MaxComputedDigits)
        {
            throw Overflow();
        }

        if (resultDigits < -(scale + 1))
        {
            return Zero.Round(scale);
        }

        return RoundTo(ExpFixed(argument, digits), digits, scale);
    }

    /// <summary>e^x on integers scaled by 10^digits: x is halved until it is small, Taylor's series, then squared back.</summary>
    private static BigInteger ExpFixed(BigInteger argument, int digits)
    {
        bool isNegative = argument.Sign < 0;
        int halvings = Math.Max(0, (int)((BigInteger.Abs(argument).GetBitLength() - (long)(digits * 3.3219280948873626)) + 8));
        int guard = halvings + 8;
        BigInteger one = PowerOfTen(digits + guard);
        BigInteger x = (BigInteger.Abs(argument) * PowerOfTen(guard)) >> halvings;
        BigInteger sum = one;
        BigInteger term = one;
        for (int n = 1; !term.IsZero; n++)
        {
            term = term * x / one / n;
            sum += term;
        }

        for (int i = 0; i < halvings; i++)
        {
            sum = sum * sum / one;
        }

        return isNegative ? one * one / sum / PowerOfTen(guard) : sum / PowerOfTen(guard);
    }

    /// <summary>ln of this positive value, scaled by 10^digits: square roots until close to 1, then 2 atanh((x-1)/(x+1)).</summary>
    private BigInteger LnFixed(int digits)
    {
        int guard = 20 + Math.Max(0, Scale - DigitCount());
        int work = digits + guard;
        BigInteger one = PowerOfTen(work);
        BigInteger x = ToFixed(work);
        int roots = 0;
        while (x > one * 11 / 10 || x < one * 9 / 10)
        {
            x = SquareRoot(x * one);
            roots++;
        }

        BigInteger ratio = (x - one) * one / (x + one);
        BigInteger square = ratio * ratio / one;
        BigInteger sum = ratio;
        BigInteger power = ratio;
        for (int n = 3; !power.IsZero; n += 2)
        {
            power = power * square / one;
            sum += power / n;
        }

        return DivideRounded(sum << (roots + 1), PowerOfTen(guard));
    }

    /// <summary>The value times 10^digits as an integer.</summary>
    private BigInteger ToFixed(int digits) =>
        digits >= Scale ? Unscaled * PowerOfTen(digits - Scale) : Unscaled / PowerOfTen(Scale - digits);

    /// <summary>Largest integer whose square is not above the value (Newton).</summary>
    private static BigInteger SquareRoot(BigInteger value)
    {
        if (value.IsZero)
        {
            return value;
        }

        BigInteger root = BigInteger.One << (int)((value.GetBitLength() + 1) / 2);
        while (true)
        {
            BigInteger next = (root + value / root) >> 1;
            if (next >= root)
            {
                return root;
            }

            root = next;
        }
    }

    /// <summary>Power of ten of the logarithm's first digit, estimated.</summary>
    private int LnWeight()
    {
        Numeric distance = this - One;
        if (distance.Abs() <= new Numeric((Int128)1, 1))
        {
            return distance.IsZero ? 0 : distance.DigitCount() - 1 - distance.Scale;
        }

        return (int)Math.Log10(Math.Abs(LnEstimate()));
    }

    /// <summary>ln|x| in double precision, for any size.</summary>
    private double LnEstimate()
    {
        int digits = DigitCount();
        int drop = Math.Max(0, digits - 17);
        double leading = (double)(BigInteger.Abs(Unscaled) / PowerOfTen(drop));
        return Math.Log(leading) + (drop - Scale) * Ln10;
    }

    private double ApproximateDouble() =>
        IsZero ? 0 : Sign * Math.Exp(Math.Min(700, LnEstimate()));

    private static void ThrowUnlessPositive(Numeric value)
    {
        if (!value.isNaN && value.Sign <= 0)
        {
            throw new DbException(
                SqlStates.InvalidArgumentForLogarithm,
                value.IsZero ? "cannot take logarithm of zero" : "cannot take logarithm of a negative number");
        }
    }

    public static bool operator <=(Numeric left, Numeric right) => Compare(left, right) <= 0;

    public static bool operator >=(Numeric left, Numeric right) => Compare(left, right) >= 0;

    public static bool operator <(Numeric left, Numeric right) => Compare(left, right) < 0;

    public static bool operator >(Numeric left, Numeric right) => Compare(left, right) > 0;
}
