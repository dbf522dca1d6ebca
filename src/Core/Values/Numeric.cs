using System.Globalization;
using System.Numerics;

namespace Picodata.Core;

/// <summary>
/// An exact decimal: <c>Unscaled * 10^-Scale</c>, with NaN as the only special value. Tarantool's files hold at most 38
/// digits; larger intermediate results are allowed and refused with 22003 when they are stored. Immutable.
///
/// Invariants:
/// N1 <c>big</c> is null exactly when the unscaled value fits into 128 bits; arithmetic stays there while it can.
/// N2 Scale is 0..16383, and there are at most 131072 digits before the point; results beyond are 22003 (PostgreSQL's limits).
/// N3 Scales of results follow PostgreSQL's rules, so that results print the same digits.
/// N4 Equal values have equal hashes whatever their scales (1.0 and 1); NaN equals NaN and is above all numbers.
/// </summary>
public sealed partial class Numeric : IEquatable<Numeric>, IComparable<Numeric>
{
    /// <summary>Digits that fit into a stored value.</summary>
    public const int MaxStoredDigits = 38;

    /// <summary>Digits behind the point at most.</summary>
    public const int MaxScale = 16383;

    private const int MaxIntegerDigits = 131072;

    private readonly Int128 small;
    private readonly BigInteger? big;
    private readonly bool isNaN;

    public static readonly Numeric NaN = new(isNaN: true);

    public static readonly Numeric Zero = new((Int128)0, 0);

    public static readonly Numeric One = new((Int128)1, 0);

    /// <summary>Throws 22003 when the value is beyond the limits (N2).</summary>
    public Numeric(BigInteger unscaled, int scale)
    {
        Scale = scale;
        if (unscaled >= SmallMin && unscaled <= SmallMax)
        {
            small = (Int128)unscaled;
        }
        else
        {
            big = unscaled;
            if (unscaled.GetBitLength() > (MaxIntegerDigits + (long)scale) * 3.3219280948873626)
            {
                throw Overflow();
            }
        }
    }

    /// <summary>A value whose unscaled part fits into 128 bits.</summary>
    public Numeric(Int128 unscaled, int scale)
    {
        small = unscaled;
        Scale = scale;
    }

    private Numeric(bool isNaN) => this.isNaN = isNaN;

    public BigInteger Unscaled => big ?? (BigInteger)small;

    /// <summary>Digits behind the point that are shown; never negative.</summary>
    public int Scale { get; }

    public bool IsNaN => isNaN;

    /// <summary>-1, 0 or 1; NaN has 1.</summary>
    public int Sign => isNaN ? 1 : big is { } value ? value.Sign : Int128.Sign(small);

    public bool IsZero => !isNaN && big is null && small == 0;

    public static Numeric FromInt64(long value) => new((Int128)value, 0);

    /// <summary>The unscaled value, when it fits into 128 bits.</summary>
    public bool TryGetSmall(out Int128 unscaled)
    {
        unscaled = small;
        return big is null && !isNaN;
    }

    /// <summary>The value with 15 significant digits, as PostgreSQL casts float8 (6 for float4). Infinities are 0A000.</summary>
    public static Numeric FromDouble(double value, int significantDigits = 15)
    {
        if (double.IsNaN(value))
        {
            return NaN;
        }

        if (double.IsInfinity(value))
        {
            throw new DbException(SqlStates.FeatureNotSupported, "cannot convert infinity to numeric");
        }

        return Parse(value.ToString("G" + significantDigits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture));
    }

    /// <summary>The nearest double; 22003 when it is beyond double's range.</summary>
    public double ToDouble()
    {
        if (isNaN)
        {
            return double.NaN;
        }

        if (big is null && Scale <= 22 && small >= -(1L << 53) && small <= 1L << 53)
        {
            return (long)small / DoublePowers[Scale];
        }

        double result = double.Parse(ToString(), CultureInfo.InvariantCulture);
        return double.IsInfinity(result)
            ? throw new DbException(SqlStates.NumericValueOutOfRange, $"\"{ToString()}\" is out of range for type double precision")
            : result;
    }

    /// <summary>The nearest integer, halves away from zero; 22003 when it needs more than 64 bits, 0A000 for NaN.</summary>
    public long ToInt64(string typeName = "bigint")
    {
        if (isNaN)
        {
            throw new DbException(SqlStates.FeatureNotSupported, $"cannot convert NaN to {typeName}");
        }

        Numeric rounded = Scale == 0 ? this : Round(0);
        return rounded.big is null && rounded.small >= long.MinValue && rounded.small <= long.MaxValue
            ? (long)rounded.small
            : throw new DbException(SqlStates.NumericValueOutOfRange, $"{typeName} out of range");
    }

    /// <summary>
    /// The value as files can hold it: unscaled part below 10^38 and scale at most 38, zeros at the end dropped when that
    /// is needed. 22003 otherwise and for NaN.
    /// </summary>
    public Numeric ToStored(out Int128 unscaled)
    {
        Numeric fitting = this;
        if (!FitsStorage)
        {
            fitting = isNaN ? this : TrimZeros(Math.Max(0, Scale - MaxStoredDigits));
            if (!fitting.FitsStorage)
            {
                throw new DbException(
                    SqlStates.NumericValueOutOfRange,
                    isNaN ? "NaN cannot be stored in a column of type numeric" : "numeric field overflow",
                    isNaN ? null : $"a stored numeric has at most {MaxStoredDigits} digits");
            }
        }

        unscaled = fitting.small;
        return fitting;
    }

    private bool FitsStorage => !isNaN && big is null && Scale <= MaxStoredDigits && Int128.Abs(small) < Powers[MaxStoredDigits];

    /// <summary>Drops zeros behind the point until only <paramref name="minScale"/> digits are left there or a digit is not zero; one more pass drops all that can go.</summary>
    private Numeric TrimZeros(int minScale)
    {
        BigInteger value = Unscaled;
        int scale = Scale;
        while (scale > 0 && (scale > minScale || BigInteger.Abs(value) >= StorageLimit))
        {
            BigInteger quotient = BigInteger.DivRem(value, 10, out BigInteger digit);
            if (!digit.IsZero)
            {
                break;
            }

            value = quotient;
            scale--;
        }

        return new Numeric(value, scale);
    }

    /// <summary>The value without zeros at the end of its fraction (trim_scale).</summary>
    public Numeric TrimScale()
    {
        if (isNaN || Scale == 0)
        {
            return this;
        }

        BigInteger value = Unscaled;
        int scale = Scale;
        while (scale > 0)
        {
            BigInteger quotient = BigInteger.DivRem(value, 10, out BigInteger digit);
            if (!digit.IsZero)
            {
                break;
            }

            value = quotient;
            scale--;
        }

        return scale == Scale ? this : new Numeric(value, scale);
    }

    public int CompareTo(Numeric? other) => other is null ? 1 : Compare(this, other);

    public bool Equals(Numeric? other) => other is not null && Compare(this, other) == 0;

    public override bool Equals(object? obj) => obj is Numeric other && Equals(other);

    public override int GetHashCode()
    {
        if (isNaN)
        {
            return 0x4e614e;
        }

        if (big is not null)
        {
            Numeric trimmed = TrimScale();
            return trimmed.big is null ? trimmed.GetHashCode() : HashCode.Combine(trimmed.big, trimmed.Scale);
        }

        Int128 value = small;
        int scale = Scale;
        if (value >= long.MinValue && value <= long.MaxValue)
        {
            long narrow = (long)value;
            while (scale > 0 && narrow % 10 == 0)
            {
                narrow /= 10;
                scale = narrow == 0 ? 0 : scale - 1;
            }

            return HashCode.Combine((Int128)narrow, scale);
        }

        while (scale > 0 && value % 10 == 0)
        {
            value /= 10;
            scale--;
        }

        return HashCode.Combine(value, scale);
    }

    /// <summary>-1, 0 or 1; NaN is above all and equal to itself.</summary>
    public static int Compare(Numeric left, Numeric right)
    {
        if (left.isNaN || right.isNaN)
        {
            return (left.isNaN ? 1 : 0) - (right.isNaN ? 1 : 0);
        }

        if (left.big is null && right.big is null)
        {
            if (left.Scale == right.Scale)
            {
                return left.small.CompareTo(right.small);
            }

            int scale = Math.Max(left.Scale, right.Scale);
            if (TryRescale(left.small, scale - left.Scale, out Int128 a) && TryRescale(right.small, scale - right.Scale, out Int128 b))
            {
                return a.CompareTo(b);
            }
        }

        int common = Math.Max(left.Scale, right.Scale);
        return left.ScaledTo(common).CompareTo(right.ScaledTo(common));
    }

    private static DbException Overflow() => new(SqlStates.NumericValueOutOfRange, "value overflows numeric format");
}
