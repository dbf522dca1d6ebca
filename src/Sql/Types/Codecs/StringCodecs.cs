using System.Buffers;
using System.Globalization;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>text and its kin: the characters themselves.</summary>
internal class StringCodec(SqlType type) : TypeCodec(type)
{
    public override Datum ParseText(string text, TypeContext context) => Datum.Text(text);

    public override Datum ParseText(ReadOnlySpan<byte> utf8, TypeContext context) => ParseText(DecodeText(utf8), context);

    public override string ToText(in Datum value, TypeContext context) => value.AsText;

    public override void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context) => WriteUtf8(value.AsText, output);

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context) => ParseText(DecodeText(bytes), context);

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context) => WriteUtf8(value.AsText, output);
}

/// <summary>name: at most 63 bytes, longer ones are cut.</summary>
internal sealed class NameCodec() : StringCodec(SqlType.NameType)
{
    private const int MaxBytes = 63;

    public override Datum ParseText(string text, TypeContext context) => Datum.Text(Cut(text));

    internal static string Cut(string text)
    {
        if (Encoding.UTF8.GetByteCount(text) <= MaxBytes)
        {
            return text;
        }

        int length = 0, bytes = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > MaxBytes)
            {
                break;
            }

            length += rune.Utf16SequenceLength;
        }

        return text[..length];
    }
}

/// <summary>"char": one byte, shown as a character; empty for zero.</summary>
internal sealed class InternalCharCodec() : StringCodec(SqlType.InternalChar)
{
    public override Datum ParseText(string text, TypeContext context) => Datum.Text(text.Length > 1 ? text[..1] : text);

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context)
    {
        CheckLength(bytes, 1);
        return Datum.Text(bytes[0] == 0 ? "" : ((char)bytes[0]).ToString());
    }

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        output.GetSpan(1)[0] = value.AsText.Length == 0 ? (byte)0 : (byte)value.AsText[0];
        output.Advance(1);
    }
}

/// <summary>json: kept as written, checked when read.</summary>
internal sealed class JsonCodec() : StringCodec(SqlType.Json)
{
    public override Datum ParseText(string text, TypeContext context)
    {
        JsonText.Parse(text);
        return Datum.Text(text);
    }
}

/// <summary>jsonb: kept in normal form; binary is a version byte 1 and the text.</summary>
internal sealed class JsonbCodec() : StringCodec(SqlType.Jsonb)
{
    public override Datum ParseText(string text, TypeContext context) => Datum.Text(JsonText.Parse(text).ToNormalText());

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context) =>
        bytes.Length > 0 && bytes[0] == 1 ? ParseText(DecodeText(bytes[1..]), context) : throw BadBinary("unsupported jsonb version number");

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        output.GetSpan(1)[0] = 1;
        output.Advance(1);
        WriteUtf8(value.AsText, output);
    }
}

internal sealed class BoolCodec() : TypeCodec(SqlType.Bool)
{
    private static readonly string[] TrueWords = ["true", "yes", "on", "1"];
    private static readonly string[] FalseWords = ["false", "no", "off", "0"];

    public override Datum ParseText(string text, TypeContext context)
    {
        string word = text.Trim().ToLowerInvariant();
        if (word.Length > 0 && word != "o")
        {
            if (Array.Exists(TrueWords, candidate => candidate.StartsWith(word, StringComparison.Ordinal)))
            {
                return Datum.True;
            }

            if (Array.Exists(FalseWords, candidate => candidate.StartsWith(word, StringComparison.Ordinal)))
            {
                return Datum.False;
            }
        }

        throw InvalidSyntax(text);
    }

    public override string ToText(in Datum value, TypeContext context) => value.AsBool ? "t" : "f";

    public override void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        output.GetSpan(1)[0] = value.AsBool ? (byte)'t' : (byte)'f';
        output.Advance(1);
    }

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context)
    {
        CheckLength(bytes, 1);
        return Datum.Bool(bytes[0] != 0);
    }

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        output.GetSpan(1)[0] = value.AsBool ? (byte)1 : (byte)0;
        output.Advance(1);
    }
}

internal sealed class ByteaCodec() : TypeCodec(SqlType.Bytea)
{
    public override Datum ParseText(string text, TypeContext context) =>
        Datum.Bytes(text.StartsWith("\\x", StringComparison.Ordinal) ? ParseHex(text.AsSpan(2)) : ParseEscaped(text));

    /// <summary>Hexadecimal digits, blanks between pairs allowed; 22023 for others.</summary>
    internal static byte[] ParseHex(ReadOnlySpan<char> text)
    {
        var bytes = new byte[text.Length / 2];
        int count = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] is ' ' or '\n' or '\t' or '\r')
            {
                continue;
            }

            int high = Digit(text[i]);
            if (++i >= text.Length)
            {
                throw new DbException(SqlStates.InvalidParameterValue, "invalid hexadecimal data: odd number of digits");
            }

            bytes[count++] = (byte)(high * 16 + Digit(text[i]));
        }

        return count == bytes.Length ? bytes : bytes[..count];
    }

    private static int Digit(char c) => char.IsAsciiHexDigit(c)
        ? Convert.ToInt32(c.ToString(), 16)
        : throw new DbException(SqlStates.InvalidParameterValue, $"invalid hexadecimal digit: \"{c}\"");

    /// <summary>The escape format: <c>\\</c>, <c>\ooo</c>, other characters as their UTF-8 bytes; 22P02 for other backslashes.</summary>
    internal static byte[] ParseEscaped(string text)
    {
        byte[] source = Encoding.UTF8.GetBytes(text);
        var bytes = new List<byte>(source.Length);
        for (int i = 0; i < source.Length; i++)
        {
            if (source[i] != '\\')
            {
                bytes.Add(source[i]);
            }
            else if (i + 1 < source.Length && source[i + 1] == '\\')
            {
                bytes.Add(source[i++]);
            }
            else if (i + 3 < source.Length && source[i + 1] is >= (byte)'0' and <= (byte)'3' && IsOctal(source[i + 2]) && IsOctal(source[i + 3]))
            {
                bytes.Add((byte)((source[i + 1] - '0') * 64 + (source[i + 2] - '0') * 8 + (source[i + 3] - '0')));
                i += 3;
            }
            else
            {
                throw new DbException(SqlStates.InvalidTextRepresentation, "invalid input syntax for type bytea");
            }
        }

        return [.. bytes];
    }

    private static bool IsOctal(byte c) => c is >= (byte)'0' and <= (byte)'7';

    public override string ToText(in Datum value, TypeContext context) => context.ByteaOutput == ByteaOutput.Hex
        ? "\\x" + Convert.ToHexStringLower(value.AsBytes)
        : Escape(value.AsBytes);

    internal static string Escape(byte[] bytes)
    {
        var text = new StringBuilder(bytes.Length);
        foreach (byte b in bytes)
        {
            _ = b == '\\' ? text.Append("\\\\")
                : b is < 0x20 or > 0x7e ? text.Append('\\').Append(Convert.ToString(b, 8).PadLeft(3, '0'))
                : text.Append((char)b);
        }

        return text.ToString();
    }

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context) => Datum.Bytes(bytes.ToArray());

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context) => output.Write(value.AsBytes);
}

internal sealed class UuidCodec() : TypeCodec(SqlType.Uuid)
{
    public override Datum ParseText(string text, TypeContext context)
    {
        // PostgreSQL also takes braces, and dashes after any group of four digits
        string compact = text.StartsWith('{') && text.EndsWith('}') ? text[1..^1] : text;
        if (Guid.TryParseExact(compact, "D", out Guid value))
        {
            return Datum.Uuid(value);
        }

        compact = compact.Replace("-", "", StringComparison.Ordinal);
        return Guid.TryParseExact(compact, "N", out value) ? Datum.Uuid(value) : throw InvalidSyntax(text);
    }

    public override string ToText(in Datum value, TypeContext context) => value.AsUuid.ToString("D", CultureInfo.InvariantCulture);

    public override void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        value.AsUuid.TryFormat(output.GetSpan(36), out int written, "D");
        output.Advance(written);
    }

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context)
    {
        CheckLength(bytes, 16);
        return Datum.Uuid(new Guid(bytes, bigEndian: true));
    }

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        value.AsUuid.TryWriteBytes(output.GetSpan(16), bigEndian: true, out _);
        output.Advance(16);
    }
}

/// <summary>void: an empty string, not NULL.</summary>
internal sealed class VoidCodec() : TypeCodec(SqlType.Void)
{
    public override Datum ParseText(string text, TypeContext context) => Datum.Text("");

    public override string ToText(in Datum value, TypeContext context) => "";

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context) => Datum.Text("");

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
    }
}

/// <summary>Types of signatures only: no expression has them, so no value is ever read or written.</summary>
internal sealed class PseudoCodec(SqlType type) : TypeCodec(type)
{
    public override Datum ParseText(string text, TypeContext context) => throw Refuse("accept");

    public override string ToText(in Datum value, TypeContext context) => throw Refuse("display");

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context) => throw Refuse("accept");

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context) => throw Refuse("display");

    private DbException Refuse(string verb) => new(SqlStates.FeatureNotSupported, $"cannot {verb} a value of type {Type.DisplayName}");
}
