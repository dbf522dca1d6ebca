using System.Globalization;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>
/// Text form of float4 and float8: the shortest digits that read back (or a fixed number), an exponent of at least two
/// digits when it is below -4 or not below 15 (float4: 6), no point without a fraction.
/// </summary>
internal static class FloatText
{
    internal const int MaxLength = 32;

    internal static int Write(double value, bool isSingle, int extraDigits, Span<byte> target)
    {
        if (!double.IsFinite(value))
        {
            ReadOnlySpan<byte> word = double.IsNaN(value) ? "NaN"u8 : value > 0 ? "Infinity"u8 : "-Infinity"u8;
            word.CopyTo(target);
            return word.Length;
        }

        Span<byte> raw = stackalloc byte[MaxLength];
        int rawLength;
        int precision = isSingle ? 6 : 15;
        if (extraDigits > 0)
        {
            _ = isSingle
                ? ((float)value).TryFormat(raw, out rawLength, "R", CultureInfo.InvariantCulture)
                : value.TryFormat(raw, out rawLength, "R", CultureInfo.InvariantCulture);
            return Layout(raw[..rawLength], precision, target);
        }

        int digits = Math.Max(1, precision + extraDigits);
        value.TryFormat(raw, out rawLength, digits > 9 ? $"E{digits - 1:00}" : $"E{digits - 1}", CultureInfo.InvariantCulture);
        return Layout(raw[..rawLength], digits, target);
    }

    /// <summary>Lays out the digits of .NET's text as PostgreSQL does.</summary>
    private static int Layout(ReadOnlySpan<byte> raw, int precision, Span<byte> target)
    {
        int at = 0;
        if (raw[0] == '-')
        {
            target[at++] = (byte)'-';
            raw = raw[1..];
        }

        Span<byte> digits = stackalloc byte[MaxLength];
        int count = 0, exponent = 0, pointAt = -1, i = 0;
        for (; i < raw.Length && raw[i] != 'E'; i++)
        {
            if (raw[i] == '.')
            {
                pointAt = count;
            }
            else
            {
                digits[count++] = raw[i];
            }
        }

        if (i < raw.Length)
        {
            exponent = int.Parse(raw[(i + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        }

        int leading = digits[..count].IndexOfAnyExcept((byte)'0');
        if (leading < 0)
        {
            target[at] = (byte)'0';
            return at + 1;
        }

        exponent += (pointAt < 0 ? count : pointAt) - leading - 1;
        ReadOnlySpan<byte> significant = digits[leading..count].TrimEnd((byte)'0');
        return exponent < -4 || exponent >= precision
            ? PutScientific(significant, exponent, target, at)
            : PutPlain(significant, exponent, target, at);
    }

    private static int PutPlain(ReadOnlySpan<byte> digits, int exponent, Span<byte> target, int at)
    {
        if (exponent < 0)
        {
            "0."u8.CopyTo(target[at..]);
            target.Slice(at + 2, -exponent - 1).Fill((byte)'0');
            digits.CopyTo(target[(at + 1 - exponent)..]);
            return at + 1 - exponent + digits.Length;
        }

        int whole = exponent + 1;
        if (digits.Length <= whole)
        {
            digits.CopyTo(target[at..]);
            target.Slice(at + digits.Length, whole - digits.Length).Fill((byte)'0');
            return at + whole;
        }

        digits[..whole].CopyTo(target[at..]);
        target[at + whole] = (byte)'.';
        digits[whole..].CopyTo(target[(at + whole + 1)..]);
        return at + digits.Length + 1;
    }

    private static int PutScientific(ReadOnlySpan<byte> digits, int exponent, Span<byte> target, int at)
    {
        target[at++] = digits[0];
        if (digits.Length > 1)
        {
            target[at++] = (byte)'.';
            digits[1..].CopyTo(target[at..]);
            at += digits.Length - 1;
        }

        target[at++] = (byte)'e';
        target[at++] = (byte)(exponent < 0 ? '-' : '+');
        int magnitude = Math.Abs(exponent);
        if (magnitude >= 100)
        {
            target[at++] = (byte)('0' + magnitude / 100);
        }

        DateTimeText.Two(target, at, magnitude % 100);
        return at + 2;
    }

    internal static string ToText(double value, bool isSingle, int extraDigits)
    {
        Span<byte> target = stackalloc byte[MaxLength];
        return Encoding.ASCII.GetString(target[..Write(value, isSingle, extraDigits, target)]);
    }

    /// <summary>22P02 for bad syntax, 22003 when the number is beyond the type's range.</summary>
    internal static double Parse(ReadOnlySpan<char> text, bool isSingle)
    {
        ReadOnlySpan<char> trimmed = text.Trim(" \t\n\r\v\f");
        string type = isSingle ? "real" : "double precision";
        if (!TryParseWord(trimmed, out double value))
        {
            const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
            if (trimmed.IsEmpty || !double.TryParse(trimmed, Style, CultureInfo.InvariantCulture, out value))
            {
                throw new DbException(SqlStates.InvalidTextRepresentation, $"invalid input syntax for type {type}: \"{text}\"");
            }

            int mantissa = trimmed.IndexOfAny("eE");
            bool isZero = trimmed[..(mantissa < 0 ? trimmed.Length : mantissa)].IndexOfAnyInRange('1', '9') < 0;
            double narrow = isSingle ? (float)value : value;
            if (double.IsInfinity(narrow) || (narrow == 0 && !isZero))
            {
                throw new DbException(SqlStates.NumericValueOutOfRange, $"\"{trimmed}\" is out of range for type {type}");
            }

            return narrow;
        }

        return value;
    }

    private static bool TryParseWord(ReadOnlySpan<char> text, out double value)
    {
        ReadOnlySpan<char> word = text.Length > 0 && text[0] is '+' or '-' ? text[1..] : text;
        bool isInfinity = word.Equals("infinity", StringComparison.OrdinalIgnoreCase) || word.Equals("inf", StringComparison.OrdinalIgnoreCase);
        value = isInfinity ? (text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity) : double.NaN;
        return isInfinity || text.Equals("nan", StringComparison.OrdinalIgnoreCase);
    }
}
