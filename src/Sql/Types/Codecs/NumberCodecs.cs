using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Types;

internal sealed class IntegerCodec(SqlType type, long min, long max) : TypeCodec(type)
{
    public override Datum ParseText(string text, TypeContext context) => Datum.Int(Parse(text));

    internal long Parse(string text)
    {
        ReadOnlySpan<char> trimmed = text.AsSpan().Trim(" \t\n\r\v\f");
        if (long.TryParse(trimmed, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) && value >= min && value <= max)
        {
            return value;
        }

        ReadOnlySpan<char> digits = trimmed.Length > 0 && trimmed[0] is '-' or '+' ? trimmed[1..] : trimmed;
        throw digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9')
            ? InvalidSyntax(text)
            : new DbException(SqlStates.NumericValueOutOfRange, $"value \"{text}\" is out of range for type {Type.DisplayName}");
    }

    public override Datum ParseText(ReadOnlySpan<byte> utf8, TypeContext context) =>
        Utf8Parser.TryParse(utf8, out long value, out int used) && used == utf8.Length && value >= min && value <= max
            ? Datum.Int(value)
            : base.ParseText(utf8, context);

    public override void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        Utf8Formatter.TryFormat(value.AsInt, output.GetSpan(20), out int written);
        output.Advance(written);
    }

    public override string ToText(in Datum value, TypeContext context) => value.AsInt.ToString(CultureInfo.InvariantCulture);

    /// <summary>Any of 2, 4 and 8 bytes is read: clients may bind a narrower type than was inferred.</summary>
    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context)
    {
        long value = bytes.Length switch
        {
            2 => BinaryPrimitives.ReadInt16BigEndian(bytes),
            4 => BinaryPrimitives.ReadInt32BigEndian(bytes),
            8 => BinaryPrimitives.ReadInt64BigEndian(bytes),
            _ => throw BadBinary($"{Type.Length} bytes expected, {bytes.Length} found"),
        };
        return value >= min && value <= max ? Datum.Int(value) : throw new DbException(SqlStates.NumericValueOutOfRange, $"{Type.DisplayName} out of range");
    }

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        Span<byte> target = output.GetSpan(8);
        switch (Type.Length)
        {
            case 2:
                BinaryPrimitives.WriteInt16BigEndian(target, (short)value.AsInt);
                break;
            case 4:
                BinaryPrimitives.WriteInt32BigEndian(target, (int)value.AsInt);
                break;
            default:
                BinaryPrimitives.WriteInt64BigEndian(target, value.AsInt);
                break;
        }

        output.Advance(Type.Length);
    }
}

/// <summary>oid and xid: unsigned 32-bit numbers.</summary>
internal class OidCodec(SqlType type) : TypeCodec(type)
{
    public override Datum ParseText(string text, TypeContext context)
    {
        string trimmed = text.Trim();
        if (long.TryParse(trimmed, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value))
        {
            return value is >= int.MinValue and <= uint.MaxValue
                ? Datum.Int((uint)value)
                : throw new DbException(SqlStates.NumericValueOutOfRange, $"value \"{text}\" is out of range for type {Type.DisplayName}");
        }

        throw InvalidSyntax(text);
    }

    public override string ToText(in Datum value, TypeContext context) => ((uint)value.AsInt).ToString(CultureInfo.InvariantCulture);

    public override void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        Utf8Formatter.TryFormat((uint)value.AsInt, output.GetSpan(10), out int written);
        output.Advance(written);
    }

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context) => bytes.Length == 8
        ? Datum.Int((uint)BinaryPrimitives.ReadInt64BigEndian(bytes))
        : bytes.Length == 4 ? Datum.Int(BinaryPrimitives.ReadUInt32BigEndian(bytes)) : throw BadBinary($"4 bytes expected, {bytes.Length} found");

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        BinaryPrimitives.WriteUInt32BigEndian(output.GetSpan(4), (uint)value.AsInt);
        output.Advance(4);
    }
}

internal sealed class FloatCodec(SqlType type) : TypeCodec(type)
{
    private readonly bool isSingle = type.Length == 4;

    public override Datum ParseText(string text, TypeContext context) => Datum.Double(FloatText.Parse(text, isSingle));

    public override string ToText(in Datum value, TypeContext context) => FloatText.ToText(value.AsDouble, isSingle, context.ExtraFloatDigits);

    public override void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context) =>
        output.Advance(FloatText.Write(value.AsDouble, isSingle, context.ExtraFloatDigits, output.GetSpan(FloatText.MaxLength)));

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context) => Datum.Double(bytes.Length switch
    {
        4 => BinaryPrimitives.ReadSingleBigEndian(bytes),
        8 when isSingle => (float)BinaryPrimitives.ReadDoubleBigEndian(bytes),
        8 => BinaryPrimitives.ReadDoubleBigEndian(bytes),
        _ => throw BadBinary($"{Type.Length} bytes expected, {bytes.Length} found"),
    });

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        Span<byte> target = output.GetSpan(8);
        if (isSingle)
        {
            BinaryPrimitives.WriteSingleBigEndian(target, (float)value.AsDouble);
        }
        else
        {
            BinaryPrimitives.WriteDoubleBigEndian(target, value.AsDouble);
        }

        output.Advance(Type.Length);
    }
}

/// <summary>Binary form: int16 ndigits, weight, sign, dscale, then digits to base 10000; value = sum of digit[i] * 10000^(weight-i).</summary>
internal sealed class NumericCodec() : TypeCodec(SqlType.Numeric)
{
    private const ushort Negative = 0x4000, NaNSign = 0xc000;

    public override Datum ParseText(string text, TypeContext context) => Datum.Numeric(Numeric.Parse(text));

    public override string ToText(in Datum value, TypeContext context) => value.AsNumeric.ToString();

    public override void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        if (value.AsNumeric.TryFormat(output.GetSpan(128), out int written))
        {
            output.Advance(written);
            return;
        }

        WriteUtf8(value.AsNumeric.ToString(), output);
    }

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context)
    {
        if (bytes.Length < 8)
        {
            throw BadBinary("insufficient data");
        }

        int count = BinaryPrimitives.ReadInt16BigEndian(bytes);
        int weight = BinaryPrimitives.ReadInt16BigEndian(bytes[2..]);
        ushort sign = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        int scale = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]);
        if (sign == NaNSign)
        {
            return Datum.Numeric(Numeric.NaN);
        }

        if (sign is 0xd000 or 0xf000)
        {
            throw new DbException(SqlStates.FeatureNotSupported, "infinite values of type numeric are not supported");
        }

        if (sign is not (0 or Negative) || (scale & ~0x3fff) != 0 || count < 0 || bytes.Length != 8 + 2 * count)
        {
            throw new DbException(SqlStates.InvalidBinaryRepresentation, "invalid sign, scale or length in external \"numeric\" value");
        }

        return Datum.Numeric(FromDigits(bytes[8..], weight, sign == Negative, scale));
    }

    private static Numeric FromDigits(ReadOnlySpan<byte> bytes, int weight, bool isNegative, int scale)
    {
        var digits = new StringBuilder(bytes.Length * 2 + 16).Append(isNegative ? "-0" : "0");
        for (int i = 0; i < bytes.Length; i += 2)
        {
            int digit = BinaryPrimitives.ReadInt16BigEndian(bytes[i..]);
            if (digit is < 0 or > 9999)
            {
                throw new DbException(SqlStates.InvalidBinaryRepresentation, "invalid digit in external \"numeric\" value");
            }

            digits.Append(digit.ToString("0000", CultureInfo.InvariantCulture));
        }

        int exponent = 4 * (weight - bytes.Length / 2 + 1);
        return Numeric.Parse(digits.Append('e').Append(exponent).ToString()).Truncate(scale);
    }

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        Numeric number = value.AsNumeric;
        if (number.IsNaN)
        {
            WriteHead(output, 0, 0, NaNSign, 0);
            return;
        }

        if (number.TryGetSmall(out Int128 unscaled) && number.Scale <= Numeric.MaxStoredDigits)
        {
            WriteSmall((UInt128)Int128.Abs(unscaled == Int128.MinValue ? Int128.MaxValue : unscaled), unscaled < 0, number.Scale, output);
            return;
        }

        WriteLarge(number, output);
    }

    private static void WriteHead(IBufferWriter<byte> output, int count, int weight, ushort sign, int scale)
    {
        Span<byte> head = output.GetSpan(8);
        BinaryPrimitives.WriteInt16BigEndian(head, (short)count);
        BinaryPrimitives.WriteInt16BigEndian(head[2..], (short)weight);
        BinaryPrimitives.WriteUInt16BigEndian(head[4..], sign);
        BinaryPrimitives.WriteUInt16BigEndian(head[6..], (ushort)scale);
        output.Advance(8);
    }

    private static void WriteSmall(UInt128 magnitude, bool isNegative, int scale, IBufferWriter<byte> output)
    {
        // groups of four digits, lowest first; the lowest group is padded to a multiple of four digits behind the point
        Span<short> groups = stackalloc short[12];
        int count = 0;
        int padding = (4 - scale % 4) % 4;
        int lowWeight = -((scale + 3) / 4);
        UInt128 rest = magnitude;
        if (padding > 0)
        {
            int unit = padding == 1 ? 1000 : padding == 2 ? 100 : 10;
            groups[count++] = (short)((int)(rest % (uint)unit) * (10000 / unit));
            rest /= (uint)unit;
        }

        while (rest > ulong.MaxValue)
        {
            groups[count++] = (short)(rest % 10000);
            rest /= 10000;
        }

        for (ulong narrow = (ulong)rest; narrow != 0; narrow /= 10000)
        {
            groups[count++] = (short)(narrow % 10000);
        }

        while (count > 0 && groups[count - 1] == 0)
        {
            count--;
        }

        int first = 0;
        while (first < count && groups[first] == 0)
        {
            first++;
        }

        int used = count - first;
        WriteHead(output, used, used == 0 ? 0 : lowWeight + count - 1, isNegative ? Negative : (ushort)0, scale);
        Span<byte> target = output.GetSpan(Math.Max(1, used * 2));
        for (int i = 0; i < used; i++)
        {
            BinaryPrimitives.WriteInt16BigEndian(target[(i * 2)..], groups[count - 1 - i]);
        }

        output.Advance(used * 2);
    }

    private static void WriteLarge(Numeric number, IBufferWriter<byte> output)
    {
        string text = number.ToString().TrimStart('-');
        int point = text.IndexOf('.', StringComparison.Ordinal);
        string whole = point < 0 ? text : text[..point];
        string fraction = point < 0 ? "" : text[(point + 1)..];
        whole = whole.PadLeft((whole.Length + 3) / 4 * 4, '0');
        string digits = whole + fraction.PadRight((fraction.Length + 3) / 4 * 4, '0');
        int weight = whole.Length / 4 - 1;
        int from = 0, to = digits.Length / 4;
        while (from < to && digits.AsSpan(from * 4, 4).IndexOfAnyExcept('0') < 0)
        {
            from++;
        }

        while (to > from && digits.AsSpan((to - 1) * 4, 4).IndexOfAnyExcept('0') < 0)
        {
            to--;
        }

        WriteHead(output, to - from, to == from ? 0 : weight - from, number.Sign < 0 ? Negative : (ushort)0, number.Scale);
        for (int i = from; i < to; i++)
        {
            BinaryPrimitives.WriteInt16BigEndian(output.GetSpan(2), short.Parse(digits.AsSpan(i * 4, 4), NumberStyles.None, CultureInfo.InvariantCulture));
            output.Advance(2);
        }
    }
}
