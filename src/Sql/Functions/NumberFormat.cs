using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Functions;

/// <summary>
/// PostgreSQL's number templates: 9 a digit, 0 a digit with leading zeros, <c>.</c> or D the point, <c>,</c> or G groups, S MI PL SG
/// and PR signs, L currency (blank here), RN roman, TH ordinal, V shift, EEEE exponent, FM without padding.
/// </summary>
internal sealed class NumberFormat
{
    private enum Part : byte { Literal, Nine, Zero, Point, Group, Sign, Minus, Plus, PlusMinus, Currency }

    private static readonly ConcurrentDictionary<string, NumberFormat> Cache = new();

    private readonly List<(Part Kind, string Text)> parts = [];
    private int before, after, shift, forcedFraction;
    private bool fill, brackets, roman, exponent, afterPoint, leadingSign, hasSign, zeroSeen;
    private int firstZero = -1;
    private string ordinal = "";

    private NumberFormat(string template) => Parse(template);

    internal static NumberFormat Get(string template)
    {
        if (Cache.TryGetValue(template, out NumberFormat? format))
        {
            return format;
        }

        if (Cache.Count > 256)
        {
            Cache.Clear();
        }

        return Cache[template] = new NumberFormat(template);
    }

    private void Parse(string template)
    {
        for (int i = 0; i < template.Length;)
        {
            i += Word(template, i) is > 0 and var length ? length : Single(template, i);
        }

        if (before + after > 1000)
        {
            throw new DbException(SqlStates.SyntaxError, "number format is too long");
        }
    }

    /// <summary>Patterns of two letters and more; 0 when there is none.</summary>
    private int Word(string template, int i)
    {
        string two = i + 1 < template.Length ? template.Substring(i, 2).ToUpperInvariant() : "";
        switch (two)
        {
            case "FM":
                fill = true;
                return 2;
            case "MI":
                parts.Add((Part.Minus, ""));
                hasSign = true;
                return 2;
            case "PL":
                parts.Add((Part.Plus, ""));
                return 2;
            case "SG":
                parts.Add((Part.PlusMinus, ""));
                hasSign = true;
                return 2;
            case "PR":
                brackets = true;
                return 2;
            case "RN":
                roman = true;
                return 2;
            case "TH":
                ordinal = template.Substring(i, 2);
                return 2;
            case "EE" when string.Compare(template, i, "EEEE", 0, 4, StringComparison.OrdinalIgnoreCase) == 0:
                exponent = true;
                return 4;
            default:
                return 0;
        }
    }

    private int Single(string template, int i)
    {
        char c = template[i];
        switch (char.ToUpperInvariant(c))
        {
            case '9' or '0':
                AddDigit(c);
                break;
            case '.' or 'D':
                parts.Add((Part.Point, ""));
                afterPoint = true;
                break;
            case ',' or 'G':
                parts.Add((Part.Group, ""));
                break;
            case 'S':
                leadingSign |= before + after == 0;
                parts.Add((Part.Sign, ""));
                hasSign = true;
                break;
            case 'L':
                parts.Add((Part.Currency, ""));
                break;
            case 'V':
                afterPoint = true;
                shift = 0;
                parts.Add((Part.Literal, ""));
                shift = -1;
                break;
            case '"':
                int end = template.IndexOf('"', i + 1);
                end = end < 0 ? template.Length : end;
                parts.Add((Part.Literal, template[(i + 1)..end]));
                return end - i + 1;
            default:
                parts.Add((Part.Literal, c.ToString()));
                break;
        }

        return 1;
    }

    private void AddDigit(char c)
    {
        parts.Add((c == '0' ? Part.Zero : Part.Nine, ""));
        if (afterPoint && shift == 0)
        {
            after++;
            forcedFraction = c == '0' ? after : forcedFraction;
            return;
        }

        if (c == '0' && !zeroSeen)
        {
            zeroSeen = true;
            firstZero = before;
        }

        before++;
        shift -= shift < 0 ? 1 : 0;
    }

    internal string Format(Numeric value)
    {
        if (roman)
        {
            return Roman(value);
        }

        if (exponent)
        {
            return Scientific(value);
        }

        if (shift < 0)
        {
            value *= new Numeric(System.Numerics.BigInteger.Pow(10, -shift - 1), 0);
        }

        Numeric rounded = value.IsNaN ? value : value.Round(after);
        bool isNegative = rounded.Sign < 0;
        string digits = value.IsNaN ? "" : rounded.Abs().ToString();
        int point = digits.IndexOf('.', StringComparison.Ordinal);
        string whole = point < 0 ? digits : digits[..point];
        string fraction = point < 0 ? "" : digits[(point + 1)..];
        whole = whole == "0" && after > 0 && !(firstZero >= 0) && !(fill && rounded.IsZero) ? "" : whole;
        bool overflow = whole.Length > before || value.IsNaN;
        return Layout(overflow ? null : whole, fraction, isNegative, rounded);
    }

    /// <param name="whole">Digits before the point; null when they do not fit (printed as #).</param>
    private string Layout(string? whole, string fraction, bool isNegative, Numeric value)
    {
        var text = new StringBuilder();
        bool signPending = !hasSign && !brackets;
        bool leadPending = leadingSign;
        int position = 0, fractionAt = 0;
        int digitsFrom = whole is null ? 0 : Math.Min(before - whole.Length, firstZero >= 0 ? firstZero : before);
        if (whole is { Length: 0 } && firstZero < 0)
        {
            digitsFrom = before;
        }

        int lastNeeded = fill ? Math.Max(LastFraction(fraction), forcedFraction) : fraction.Length;
        bool started = false, seenPoint = false;
        foreach ((Part kind, string literal) in parts)
        {
            switch (kind)
            {
                case Part.Nine or Part.Zero when !seenPoint:
                    bool shown = position >= digitsFrom;
                    if (shown && !started)
                    {
                        started = true;
                        PutLeadingSign(text, isNegative, signPending, leadPending);
                    }

                    text.Append(whole is null ? "#" : shown ? WholeDigit(whole, position) : fill ? "" : " ");
                    position++;
                    break;
                case Part.Nine or Part.Zero:
                    text.Append(whole is null ? "#" : fractionAt < Math.Min(fraction.Length, lastNeeded) ? fraction[fractionAt].ToString() : "");
                    fractionAt++;
                    break;
                case Part.Point:
                    if (!started)
                    {
                        started = true;
                        PutLeadingSign(text, isNegative, signPending, leadPending);
                    }

                    seenPoint = true;
                    text.Append('.');
                    break;
                default:
                    text.Append(Other(kind, literal, isNegative, started, seenPoint));
                    break;
            }
        }

        if (ordinal.Length > 0 && !isNegative && after == 0 && whole is not null)
        {
            text.Append(DateTimeFormat.Ordinal(value.ToInt64(), ordinal));
        }

        return Finish(text, isNegative);
    }

    private string WholeDigit(string whole, int position)
    {
        int index = position - (before - whole.Length);
        return index >= 0 ? whole[index].ToString() : "0";
    }

    private int LastFraction(string fraction) => fraction.TrimEnd('0').Length;

    private static void PutLeadingSign(StringBuilder text, bool isNegative, bool plain, bool anchored)
    {
        if (plain)
        {
            text.Append(isNegative ? '-' : ' ');
        }
        else if (anchored)
        {
            text.Append(isNegative ? '-' : '+');
        }
    }

    private string Other(Part kind, string literal, bool isNegative, bool started, bool seenPoint) => kind switch
    {
        Part.Group => started || seenPoint ? "," : fill ? "" : " ",
        Part.Sign => leadingSign ? "" : isNegative ? "-" : "+",
        Part.Minus => isNegative ? "-" : fill ? "" : " ",
        Part.Plus => isNegative ? fill ? "" : " " : "+",
        Part.PlusMinus => isNegative ? "-" : "+",
        Part.Currency => fill ? "" : " ",
        _ => literal,
    };

    private string Finish(StringBuilder text, bool isNegative)
    {
        string result = text.ToString();
        if (brackets)
        {
            string trimmed = result.TrimStart(' ');
            string padding = new(' ', result.Length - trimmed.Length);
            result = isNegative ? $"{padding}<{trimmed}>" : fill ? trimmed : $"{padding} {trimmed} ";
        }

        return fill ? result.TrimStart(' ') : result;
    }

    private string Roman(Numeric value)
    {
        Numeric whole = value.Round(0);
        if (whole.IsNaN || whole < Numeric.One || whole > Numeric.FromInt64(3999))
        {
            return fill ? new string('#', 15) : new string('#', 15);
        }

        (int Value, string Letters)[] steps =
            [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")];
        var text = new StringBuilder();
        long rest = whole.ToInt64();
        foreach ((int step, string letters) in steps)
        {
            for (; rest >= step; rest -= step)
            {
                text.Append(letters);
            }
        }

        return fill ? text.ToString() : text.ToString().PadLeft(15);
    }

    private string Scientific(Numeric value)
    {
        if (value.IsNaN)
        {
            return new string('#', 2 + after + 6);
        }

        string digits = value.Abs().ToString().Replace(".", "", StringComparison.Ordinal).TrimStart('0');
        int power = value.IsZero ? 0 : digits.Length - value.Scale - 1;
        Numeric mantissa = power >= 0
            ? value.Divide(new Numeric(System.Numerics.BigInteger.Pow(10, power), 0), Math.Max(after, digits.Length) + 1)
            : value * new Numeric(System.Numerics.BigInteger.Pow(10, -power), 0);
        Numeric rounded = mantissa.Round(after);
        if (rounded.Abs() >= Numeric.FromInt64(10))
        {
            power++;
            rounded = rounded.Divide(Numeric.FromInt64(10), after);
        }

        string text = rounded.Abs().ToString() + FormattableString.Invariant($"e{(power < 0 ? "-" : "+")}{Math.Abs(power):00}");
        return (value.Sign < 0 ? "-" : fill ? "" : " ") + text;
    }

    /// <summary>to_number: takes the digits and signs out of a text that was printed by this template.</summary>
    internal Numeric ReadNumber(string text)
    {
        var digits = new StringBuilder();
        bool isNegative = false, hasPoint = false;
        int wanted = before + after;
        int taken = 0;
        foreach (char c in text)
        {
            if (char.IsAsciiDigit(c) && taken < wanted)
            {
                digits.Append(c);
                taken++;
            }
            else if (c == '.' && !hasPoint && afterPoint)
            {
                digits.Append('.');
                hasPoint = true;
            }
            else if (c == '.' && !afterPoint)
            {
                break;
            }

            isNegative |= c is '-' or '<';
        }

        if (taken == 0)
        {
            throw new DbException(SqlStates.InvalidTextRepresentation, $"invalid input syntax for type numeric: \"{text}\"");
        }

        Numeric value = Numeric.Parse(digits.ToString().TrimEnd('.'));
        return isNegative ? -value : value;
    }
}
