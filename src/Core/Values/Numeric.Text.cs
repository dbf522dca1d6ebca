using System.Globalization;
using System.Numerics;

namespace Picodata.Core;

// Text form: optional sign, digits with an optional point, optional exponent; NaN in any case; blanks around.
public sealed partial class Numeric
{
    /// <summary>Reads PostgreSQL's text form; 22P02 when it is none, 22003 when it is beyond the limits.</summary>
    public static Numeric Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out Numeric? value) ? value! : throw InvalidSyntax(text);

    /// <summary>As <see cref="Parse"/> but false for bad syntax; numbers beyond the limits still throw 22003.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Numeric? value)
    {
        ReadOnlySpan<char> rest = text.Trim(" \t\n\r\v\f");
        value = null;
        if (rest.Equals("nan", StringComparison.OrdinalIgnoreCase))
        {
            value = NaN;
            return true;
        }

        bool isNegative = rest.Length > 0 && rest[0] == '-';
        if (rest.Length > 0 && rest[0] is '-' or '+')
        {
            rest = rest[1..];
        }

        if (IsInfinity(rest))
        {
            throw new DbException(SqlStates.FeatureNotSupported, "infinite values of type numeric are not supported");
        }

        int mantissa = rest.IndexOfAnyExcept("0123456789.");
        int exponent = 0;
        if (mantissa >= 0)
        {
            if (rest[mantissa] is not ('e' or 'E') || !TryParseExponent(rest[(mantissa + 1)..], out exponent))
            {
                return false;
            }

            rest = rest[..mantissa];
        }

        return TryParseMantissa(rest, isNegative, exponent, out value);
    }

    private static bool IsInfinity(ReadOnlySpan<char> text) =>
        text.Equals("infinity", StringComparison.OrdinalIgnoreCase) || text.Equals("inf", StringComparison.OrdinalIgnoreCase);

    private static bool TryParseExponent(ReadOnlySpan<char> text, out int exponent)
    {
        exponent = 0;
        ReadOnlySpan<char> digits = text.Length > 0 && text[0] is '-' or '+' ? text[1..] : text;
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9'))
        {
            return false;
        }

        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent) || exponent > 200_000)
        {
            exponent = text[0] == '-' ? -200_000 : throw Overflow();
        }

        return true;
    }

    private static bool TryParseMantissa(ReadOnlySpan<char> digits, bool isNegative, int exponent, out Numeric? value)
    {
        value = null;
        int point = digits.IndexOf('.');
        int fraction = point < 0 ? 0 : digits.Length - point - 1;
        int count = digits.Length - (point < 0 ? 0 : 1);
        if (count == 0 || (point >= 0 && digits[(point + 1)..].Contains('.')))
        {
            return false;
        }

        if (count > MaxIntegerDigits + MaxScale)
        {
            throw Overflow();
        }

        int scale = fraction - exponent;
        if (count <= 18)
        {
            long bits = 0;
            foreach (char c in digits)
            {
                bits = c == '.' ? bits : bits * 10 + (c - '0');
            }

            value = FromParts(isNegative ? -bits : bits, scale);
            return true;
        }

        string all = point < 0 ? digits.ToString() : string.Concat(digits[..point], digits[(point + 1)..]);
        BigInteger unscaled = BigInteger.Parse(all, NumberStyles.None, CultureInfo.InvariantCulture);
        value = FromParts(isNegative ? -unscaled : unscaled, scale);
        return true;
    }

    /// <summary>A value whose scale may still be negative or above the limit.</summary>
    private static Numeric FromParts(BigInteger unscaled, int scale)
    {
        if (scale < 0)
        {
            return unscaled.IsZero ? Zero
                : -scale > MaxIntegerDigits ? throw Overflow()
                : new Numeric(unscaled * PowerOfTen(-scale), 0);
        }

        return scale <= MaxScale ? new Numeric(unscaled, scale) : RoundTo(unscaled, scale, MaxScale);
    }

    private static DbException InvalidSyntax(ReadOnlySpan<char> text) =>
        new(SqlStates.InvalidTextRepresentation, $"invalid input syntax for type numeric: \"{text}\"");

    /// <summary>PostgreSQL's text form: all digits of the scale, never an exponent.</summary>
    public override string ToString()
    {
        if (isNaN)
        {
            return "NaN";
        }

        if (big is null && Scale == 0)
        {
            return small.ToString(CultureInfo.InvariantCulture);
        }

        string digits = big is { } large ? BigInteger.Abs(large).ToString(CultureInfo.InvariantCulture) : UInt128Text(small);
        if (Scale > 0)
        {
            digits = digits.PadLeft(Scale + 1, '0');
            digits = string.Concat(digits.AsSpan(0, digits.Length - Scale), ".", digits.AsSpan(digits.Length - Scale));
        }

        return Sign < 0 ? "-" + digits : digits;
    }

    /// <summary>Writes the text form as UTF-8; false when the target is too small (128 bytes are enough for stored values).</summary>
    public bool TryFormat(Span<byte> target, out int written)
    {
        written = 0;
        if (isNaN || big is not null || Scale > MaxStoredDigits)
        {
            string text = ToString();
            return System.Text.Encoding.ASCII.TryGetBytes(text, target, out written);
        }

        Span<byte> digits = stackalloc byte[40];
        UInt128 magnitude = (UInt128)(small < 0 ? -small : small);
        int count;
        if (magnitude <= ulong.MaxValue)
        {
            ((ulong)magnitude).TryFormat(digits, out count, default, CultureInfo.InvariantCulture);
        }
        else
        {
            magnitude.TryFormat(digits, out count, default, CultureInfo.InvariantCulture);
        }

        int before = Math.Max(count - Scale, 0);
        int total = (small < 0 ? 1 : 0) + Math.Max(before, 1) + (Scale > 0 ? 1 + Scale : 0);
        if (target.Length < total)
        {
            return false;
        }

        Put(target, digits[..count], before);
        written = total;
        return true;
    }

    private void Put(Span<byte> target, ReadOnlySpan<byte> digits, int before)
    {
        int at = 0;
        if (small < 0)
        {
            target[at++] = (byte)'-';
        }

        if (before == 0)
        {
            target[at++] = (byte)'0';
        }

        digits[..before].CopyTo(target[at..]);
        at += before;
        if (Scale == 0)
        {
            return;
        }

        target[at++] = (byte)'.';
        int zeros = Scale - (digits.Length - before);
        target.Slice(at, zeros).Fill((byte)'0');
        digits[before..].CopyTo(target[(at + zeros)..]);
    }

    private static string UInt128Text(Int128 value) =>
        ((UInt128)(value < 0 ? -value : value)).ToString(CultureInfo.InvariantCulture);
}
