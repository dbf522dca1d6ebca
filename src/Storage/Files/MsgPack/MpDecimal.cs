namespace Picodata.Storage.Files;

/// <summary>
/// Extension 1: <c>digits * 10^-scale</c>. Payload: the scale as MessagePack integer, then packed decimal digits, two a
/// byte, high nibble first, whose last nibble is the sign. At most 38 digits; scale -37..38, negative for zeros at the end.
/// </summary>
/// <param name="Digits">The digits, without sign; below 10^38.</param>
/// <param name="Scale">Digits behind the point; -37..38.</param>
/// <param name="IsNegative">True for values below zero.</param>
public readonly record struct MpDecimal(UInt128 Digits, int Scale, bool IsNegative)
{
    public const int MaxDigits = 38, MinScale = -37, MaxScale = 38;

    /// <summary>10^38: the digits must be below.</summary>
    public static readonly UInt128 DigitsLimit = UInt128.Parse("100000000000000000000000000000000000000", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>True when the value can be written.</summary>
    public bool IsValid => Digits < DigitsLimit && Scale is >= MinScale and <= MaxScale;

    /// <summary>Decodes an extension's payload; false when it is no decimal.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> payload, out MpDecimal value)
    {
        value = default;
        var reader = new MsgPackReader(payload);
        if (!reader.TryReadInt32(out int scale) || reader.AtEnd || scale is < MinScale or > MaxScale)
        {
            return false;
        }

        ReadOnlySpan<byte> packed = reader.Rest;
        UInt128 digits = 0;
        int count = 0;
        for (int nibble = 0; nibble < packed.Length * 2 - 1; nibble++)
        {
            int digit = (nibble & 1) == 0 ? packed[nibble / 2] >> 4 : packed[nibble / 2] & 0x0f;
            count += count > 0 || digit > 0 ? 1 : 0;
            if (digit > 9 || count > MaxDigits)
            {
                return false;
            }

            digits = digits * 10 + (uint)digit;
        }

        int sign = packed[^1] & 0x0f;
        if (sign < 0x0a)
        {
            return false;
        }

        value = new MpDecimal(digits, scale, sign is 0x0b or 0x0d && digits != 0);
        return true;
    }

    /// <summary>Writes the value as extension 1. Throws ArgumentException when it is not <see cref="IsValid"/>.</summary>
    public void Write(MsgPackWriter writer)
    {
        if (!IsValid)
        {
            throw new ArgumentException($"a decimal of the files has at most {MaxDigits} digits and a scale of {MinScale} to {MaxScale}");
        }

        // 3 bytes for the scale at most (d0 xx or less), 20 for 38 digits and the sign
        Span<byte> payload = stackalloc byte[23];
        int end = payload.Length;
        payload[--end] = (byte)(IsNegative ? 0x0d : 0x0c);
        UInt128 rest = Digits;
        payload[end] |= (byte)((uint)(rest % 10) << 4);
        for (rest /= 10; rest != 0; rest /= 100)
        {
            uint pair = (uint)(rest % 100);
            payload[--end] = (byte)(((pair / 10) << 4) | (pair % 10));
        }

        // scales -37..-33 need the form d0, the others one byte
        payload[--end] = (byte)Scale;
        if (Scale < -32)
        {
            payload[--end] = 0xd0;
        }

        writer.WriteExtension(MsgPackExtensions.Decimal, payload[end..]);
    }

    /// <summary>The value in digits, with the point where the scale says; trailing zeros are kept.</summary>
    public override string ToString()
    {
        string digits = Digits.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (Scale < 0)
        {
            digits = Digits == 0 ? digits : digits + new string('0', -Scale);
        }
        else if (Scale > 0)
        {
            digits = digits.PadLeft(Scale + 1, '0').Insert(Math.Max(digits.Length, Scale + 1) - Scale, ".");
        }

        return IsNegative ? "-" + digits : digits;
    }
}
