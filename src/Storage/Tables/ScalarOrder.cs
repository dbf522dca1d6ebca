using System.Numerics;
using System.Text;
using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>
/// The order of MessagePack values, total over all kinds: nil, booleans, numbers, strings, varbinary, uuid, datetime, interval,
/// others by bytes. Numbers compare by value across integer, float and decimal; NaN is the greatest number.
/// </summary>
internal static unsafe class ScalarOrder
{
    private const ulong SignBit = 1UL << 63;

    /// <summary>Rank of the kind of the value.</summary>
    public static int Class(byte* p)
    {
        byte head = *p;
        if (head <= 0x7f || head >= 0xe0 || (head >= 0xca && head <= 0xd3))
        {
            return 2;
        }

        return head switch
        {
            0xc0 => 0,
            0xc2 or 0xc3 => 1,
            (>= 0xa0 and <= 0xbf) or (>= 0xd9 and <= 0xdb) => 3,
            >= 0xc4 and <= 0xc6 => 4,
            (>= 0xc7 and <= 0xc9) or (>= 0xd4 and <= 0xd8) => RawTuple.ExtensionType(p) switch
            {
                MsgPackExtensions.Decimal => 2,
                MsgPackExtensions.Uuid => 5,
                MsgPackExtensions.Datetime => 6,
                MsgPackExtensions.Interval => 7,
                _ => 10,
            },
            (>= 0x90 and <= 0x9f) or 0xdc or 0xdd => 8,
            _ => 9,
        };
    }

    public static int Compare(byte* a, byte* b, bool ignoreCase)
    {
        int classA = Class(a), classB = Class(b);
        if (classA != classB)
        {
            return classA < classB ? -1 : 1;
        }

        switch (classA)
        {
            case 0: return 0;
            case 1: return (*a).CompareTo(*b);
            case 2: return CompareNumbers(a, b);
            case 3: return CompareStrings(a, b, ignoreCase);
            case 4: return RawTuple.ReadBytes(a).SequenceCompareTo(RawTuple.ReadBytes(b));
            case 5: return RawTuple.ReadExtension(a, out _).SequenceCompareTo(RawTuple.ReadExtension(b, out _));
            case 6: return CompareDatetimes(a, b);
            case 7: return IntervalLength(a).CompareTo(IntervalLength(b));
            default: return RawBytes(a).SequenceCompareTo(RawBytes(b));
        }
    }

    public static int CompareIntegers(byte* a, byte* b)
    {
        bool negativeA = RawTuple.ReadInteger(a, out ulong bitsA);
        bool negativeB = RawTuple.ReadInteger(b, out ulong bitsB);
        if (negativeA != negativeB)
        {
            return negativeA ? -1 : 1;
        }

        return bitsA.CompareTo(bitsB);
    }

    public static int CompareStrings(byte* a, byte* b, bool ignoreCase)
    {
        ReadOnlySpan<byte> bytesA = RawTuple.ReadBytes(a), bytesB = RawTuple.ReadBytes(b);
        return ignoreCase
            ? string.Compare(Encoding.UTF8.GetString(bytesA), Encoding.UTF8.GetString(bytesB), StringComparison.OrdinalIgnoreCase)
            : bytesA.SequenceCompareTo(bytesB);
    }

    public static int CompareNumbers(byte* a, byte* b)
    {
        bool integerA = RawTuple.IsInteger(*a), integerB = RawTuple.IsInteger(*b);
        if (integerA && integerB)
        {
            return CompareIntegers(a, b);
        }

        bool floatA = *a is 0xca or 0xcb, floatB = *b is 0xca or 0xcb;
        if (floatA && floatB)
        {
            return CompareDoubles(RawTuple.ReadFloat(a), RawTuple.ReadFloat(b));
        }

        if (floatA && !double.IsFinite(RawTuple.ReadFloat(a)))
        {
            return double.IsNegativeInfinity(RawTuple.ReadFloat(a)) ? -1 : 1;
        }

        if (floatB && !double.IsFinite(RawTuple.ReadFloat(b)))
        {
            return double.IsNegativeInfinity(RawTuple.ReadFloat(b)) ? 1 : -1;
        }

        return CompareExactly(Fraction(a), Fraction(b));
    }

    /// <summary>NaN equals itself and is the greatest; the zeros are equal.</summary>
    public static int CompareDoubles(double a, double b)
    {
        if (double.IsNaN(a) || double.IsNaN(b))
        {
            return double.IsNaN(a).CompareTo(double.IsNaN(b));
        }

        return a.CompareTo(b);
    }

    /// <summary>The nearest double, rounded correctly, so that it never reverses the order of two numbers.</summary>
    public static double ToDouble(byte* p)
    {
        if (RawTuple.IsInteger(*p))
        {
            return RawTuple.ReadInteger(p, out ulong bits) ? (long)bits : bits;
        }

        if (*p is 0xca or 0xcb)
        {
            return RawTuple.ReadFloat(p);
        }

        MpDecimal value = RawTuple.ReadDecimal(p);
        if (value.Digits < 1UL << 53 && value.Scale is >= 0 and <= 22)
        {
            double quotient = (ulong)value.Digits / Math.Pow(10, value.Scale);
            return value.IsNegative ? -quotient : quotient;
        }

        return double.Parse($"{value.Digits}e{-value.Scale}", System.Globalization.CultureInfo.InvariantCulture) * (value.IsNegative ? -1 : 1);
    }

    /// <summary>Bits that order as the doubles do; never 0, which is NULL's.</summary>
    public static ulong OrderedBits(double value)
    {
        if (double.IsNaN(value))
        {
            return ulong.MaxValue - 1;
        }

        ulong bits = BitConverter.DoubleToUInt64Bits(value == 0 ? 0.0 : value);
        return (bits & SignBit) != 0 ? ~bits : bits | SignBit;
    }

    public static MpDatetime Datetime(byte* p)
    {
        ReadOnlySpan<byte> payload = RawTuple.ReadExtension(p, out _);
        return MpDatetime.TryDecode(payload, out MpDatetime value) ? value : default;
    }

    /// <summary>Nanoseconds, months counted as 30 days and days as 24 hours, as PostgreSQL orders intervals.</summary>
    public static Int128 IntervalLength(byte* p)
    {
        ReadOnlySpan<byte> payload = RawTuple.ReadExtension(p, out _);
        if (!MpInterval.TryDecode(payload, out MpInterval value))
        {
            return 0;
        }

        Int128 days = ((((Int128)value.Years * 12) + value.Months) * 30) + ((Int128)value.Weeks * 7) + value.Days;
        Int128 seconds = (((((days * 24) + value.Hours) * 60) + value.Minutes) * 60) + value.Seconds;
        return (seconds * 1_000_000_000) + value.Nanoseconds;
    }

    private static int CompareDatetimes(byte* a, byte* b)
    {
        MpDatetime left = Datetime(a), right = Datetime(b);
        int order = left.Seconds.CompareTo(right.Seconds);
        return order != 0 ? order : left.Nanoseconds.CompareTo(right.Nanoseconds);
    }

    private static ReadOnlySpan<byte> RawBytes(byte* p) => new(p, (int)(RawTuple.Skip(p) - p));

    private static (BigInteger Numerator, BigInteger Denominator) Fraction(byte* p)
    {
        if (RawTuple.IsInteger(*p))
        {
            return (RawTuple.ReadInteger(p, out ulong bits) ? (long)bits : bits, BigInteger.One);
        }

        if (*p is 0xca or 0xcb)
        {
            return FractionOf(RawTuple.ReadFloat(p));
        }

        MpDecimal value = RawTuple.ReadDecimal(p);
        BigInteger digits = value.IsNegative ? -(BigInteger)value.Digits : (BigInteger)value.Digits;
        return value.Scale >= 0
            ? (digits, BigInteger.Pow(10, value.Scale))
            : (digits * BigInteger.Pow(10, -value.Scale), BigInteger.One);
    }

    private static (BigInteger Numerator, BigInteger Denominator) FractionOf(double value)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(value);
        int exponent = (int)(bits >> 52) & 0x7ff;
        ulong mantissa = bits & ((1UL << 52) - 1);
        mantissa = exponent == 0 ? mantissa : mantissa | (1UL << 52);
        int shift = (exponent == 0 ? 1 : exponent) - 1075;
        BigInteger signed = (bits & SignBit) != 0 ? -(BigInteger)mantissa : mantissa;
        return shift >= 0 ? (signed << shift, BigInteger.One) : (signed, BigInteger.One << -shift);
    }

    private static int CompareExactly((BigInteger Numerator, BigInteger Denominator) a, (BigInteger Numerator, BigInteger Denominator) b) =>
        (a.Numerator * b.Denominator).CompareTo(b.Numerator * a.Denominator);
}
