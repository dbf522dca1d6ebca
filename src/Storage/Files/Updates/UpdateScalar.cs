using System.Globalization;
using System.Numerics;

namespace Picodata.Storage.Files;

/// <summary>
/// Operations that turn one value into another: set, arithmetic, bits, splice.
/// Sums: two integers give an integer of -2^63 .. 2^64-1; with a decimal the result is decimal (a float is taken by its text
/// of 15 digits), of at most 38 digits; with a float it is computed in double and stored as a 4-byte float when that is exact,
/// unless the field is declared double.
/// </summary>
internal static class UpdateScalar
{
    /// <summary>Returns why it cannot be done, or null; <paramref name="changed"/> is then the new value, else the old one.</summary>
    public static string? Apply(UpdateOperation operation, byte[] value, bool isDouble, out byte[] changed)
    {
        changed = value;
        var writer = new MsgPackWriter(32);
        string? failure = operation.Code switch
        {
            '=' => null,
            '+' or '-' => Add(operation, value, isDouble, writer),
            '&' or '|' or '^' => Bits(operation, value, writer),
            _ => Splice(operation, value, writer),
        };
        if (failure is null)
        {
            changed = operation.Code == '=' ? operation.Value : writer.ToArray();
        }

        return failure;
    }

    private static string? Add(UpdateOperation operation, byte[] value, bool isDouble, MsgPackWriter writer)
    {
        if (!Number.TryRead(value, out Number left) || !Number.TryRead(operation.Value, out Number right))
        {
            return $"argument type in operation '{operation.Code}' on field '{operation.FieldText}' is not a number";
        }

        int sign = operation.Code == '-' ? -1 : 1;
        if (left.IsDecimal || right.IsDecimal)
        {
            return AddDecimals(left.ToDecimal(), right.ToDecimal(), sign, writer);
        }

        if (left.IsFloat || right.IsFloat)
        {
            double sum = left.ToDouble() + (sign * right.ToDouble());
            if (!isDouble && (float)sum == sum)
            {
                writer.WriteFloat32((float)sum);
            }
            else
            {
                writer.WriteDouble(sum);
            }

            return null;
        }

        Int128 result = left.Integer + (sign * right.Integer);
        if (result < long.MinValue || result > ulong.MaxValue)
        {
            return $"integer overflow in operation '{operation.Code}' on field '{operation.FieldText}'";
        }

        if (result < 0)
        {
            writer.WriteInt64((long)result);
        }
        else
        {
            writer.WriteUInt64((ulong)result);
        }

        return null;
    }

    private static string? AddDecimals((BigInteger Digits, int Scale)? left, (BigInteger Digits, int Scale)? right, int sign, MsgPackWriter writer)
    {
        if (left is not { } a || right is not { } b)
        {
            return "a float that is no decimal number";
        }

        int scale = Math.Max(a.Scale, b.Scale);
        BigInteger sum = (a.Digits * BigInteger.Pow(10, scale - a.Scale)) + (sign * b.Digits * BigInteger.Pow(10, scale - b.Scale));
        BigInteger limit = (BigInteger)MpDecimal.DigitsLimit;
        int dropped = 0;
        BigInteger digits = BigInteger.Abs(sum);
        while (digits >= limit)
        {
            dropped++;
            BigInteger unit = BigInteger.Pow(10, dropped);
            digits = (BigInteger.Abs(sum) + (unit / 2)) / unit;
        }

        scale -= dropped;
        if (scale < 0 && dropped > 0)
        {
            return "decimal overflow";
        }

        var result = new MpDecimal((UInt128)digits, scale, sum.Sign < 0);
        if (!result.IsValid)
        {
            return "decimal overflow";
        }

        result.Write(writer);
        return null;
    }

    private static string? Bits(UpdateOperation operation, byte[] value, MsgPackWriter writer)
    {
        if (!Number.TryRead(value, out Number left) || !left.IsUnsigned || !Number.TryRead(operation.Value, out Number right) || !right.IsUnsigned)
        {
            return $"argument type in operation '{operation.Code}' on field '{operation.FieldText}' is not a positive integer";
        }

        ulong a = (ulong)left.Integer, b = (ulong)right.Integer;
        writer.WriteUInt64(operation.Code switch
        {
            '&' => a & b,
            '|' => a | b,
            _ => a ^ b,
        });
        return null;
    }

    private static string? Splice(UpdateOperation operation, byte[] value, MsgPackWriter writer)
    {
        var reader = new MsgPackReader(value);
        if (!reader.TryReadString(out ReadOnlySpan<byte> text))
        {
            return $"field '{operation.FieldText}' of a splice is no string";
        }

        long offset = operation.Offset < 0 ? text.Length + 1 + operation.Offset : Math.Min(operation.Offset, text.Length);
        if (offset < 0)
        {
            return $"splice of field '{operation.FieldText}' starts before the string";
        }

        long left = text.Length - offset;
        long cut = operation.Cut < 0 ? Math.Max(0, left + operation.Cut) : Math.Min(operation.Cut, left);
        writer.WriteStringHead(text.Length - (int)cut + operation.Value.Length);
        writer.WriteRaw(text[..(int)offset]);
        writer.WriteRaw(operation.Value);
        writer.WriteRaw(text[(int)(offset + cut)..]);
        return null;
    }

    /// <summary>A number of any of the four kinds.</summary>
    private readonly record struct Number(Int128 Integer, double Float, MpDecimal Decimal, bool IsFloat, bool IsDecimal)
    {
        public bool IsUnsigned => !IsFloat && !IsDecimal && Integer >= 0;

        public static bool TryRead(ReadOnlySpan<byte> value, out Number number)
        {
            var reader = new MsgPackReader(value);
            number = default;
            if (reader.TryReadInteger(out bool isNegative, out ulong bits))
            {
                number = new Number(isNegative ? (long)bits : bits, 0, default, false, false);
                return true;
            }

            if (reader.TryReadDouble(out double real))
            {
                number = new Number(0, real, default, true, false);
                return true;
            }

            bool isDecimal = reader.TryReadExtension(out sbyte type, out ReadOnlySpan<byte> payload)
                && type == MsgPackExtensions.Decimal && MpDecimal.TryDecode(payload, out MpDecimal exact)
                && (number = new Number(0, 0, exact, false, true)).IsDecimal;
            return isDecimal;
        }

        public double ToDouble() => IsFloat ? Float : (double)Integer;

        public (BigInteger Digits, int Scale)? ToDecimal()
        {
            if (IsDecimal)
            {
                return ((BigInteger)Decimal.Digits * (Decimal.IsNegative ? -1 : 1), Decimal.Scale);
            }

            return IsFloat ? FloatToDecimal() : ((BigInteger)Integer, 0);
        }

        /// <summary>Takes the float by its text of 15 significant digits; null when it is no number or out of range.</summary>
        private (BigInteger Digits, int Scale)? FloatToDecimal()
        {
            if (!double.IsFinite(Float) || Math.Abs(Float) >= 1e38)
            {
                return null;
            }

            string text = Float.ToString("E14", CultureInfo.InvariantCulture);
            int e = text.IndexOf('E', StringComparison.Ordinal);
            string mantissa = text[..e].Replace(".", "", StringComparison.Ordinal);
            int scale = 14 - int.Parse(text[(e + 1)..], CultureInfo.InvariantCulture);
            BigInteger digits = BigInteger.Parse(mantissa, CultureInfo.InvariantCulture);

            // digits that mean nothing are dropped, as in the shortest text; and those beyond what a decimal can hold
            while (digits != 0 && digits % 10 == 0 && scale > 0)
            {
                digits /= 10;
                scale--;
            }

            for (; scale > MpDecimal.MaxScale; scale--)
            {
                digits /= 10;
            }

            return (digits, digits == 0 ? 0 : scale);
        }
    }
}
