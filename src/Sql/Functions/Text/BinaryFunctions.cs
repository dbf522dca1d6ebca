using System.Security.Cryptography;
using System.Text;
using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>Functions on bytes, hashes, uuids, encode and decode.</summary>
internal static class BinaryFunctions
{
    internal static void Add(FunctionBuilder builder)
    {
        SqlType text = SqlType.Text, bytes = SqlType.Bytea;
        builder.Unary("length", bytes, SqlType.Int4, a => Datum.Int(a.AsBytes.Length));
        builder.Unary("octet_length", bytes, SqlType.Int4, a => Datum.Int(a.AsBytes.Length));
        builder.Unary("md5", text, text, a => Datum.Text(Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(a.AsText)))));
        builder.Unary("md5", bytes, text, a => Datum.Text(Convert.ToHexStringLower(MD5.HashData(a.AsBytes))));
        builder.Unary("sha256", bytes, bytes, a => Datum.Bytes(SHA256.HashData(a.AsBytes)));
        builder.Unary("sha384", bytes, bytes, a => Datum.Bytes(SHA384.HashData(a.AsBytes)));
        builder.Unary("sha512", bytes, bytes, a => Datum.Bytes(SHA512.HashData(a.AsBytes)));
        builder.Binary("encode", bytes, text, text, (a, b) => Datum.Text(Encode(a.AsBytes, b.AsText)));
        builder.Binary("decode", text, text, bytes, (a, b) => Datum.Bytes(Decode(a.AsText, b.AsText)));
        builder.Binary("substr", bytes, SqlType.Int8, bytes, (a, b) => Datum.Bytes(Slice(a.AsBytes, b.AsInt, int.MaxValue)));
        builder.Scalar("substr", [bytes, SqlType.Int8, SqlType.Int8], bytes, (a, _) => Datum.Bytes(Slice(a[0].AsBytes, a[1].AsInt, a[2].AsInt)));
        builder.Binary("substring", bytes, SqlType.Int8, bytes, (a, b) => Datum.Bytes(Slice(a.AsBytes, b.AsInt, int.MaxValue)));
        builder.Scalar("substring", [bytes, SqlType.Int8, SqlType.Int8], bytes, (a, _) => Datum.Bytes(Slice(a[0].AsBytes, a[1].AsInt, a[2].AsInt)));
        builder.Binary("get_byte", bytes, SqlType.Int8, SqlType.Int4, (a, b) => b.AsInt >= 0 && b.AsInt < a.AsBytes.Length
            ? Datum.Int(a.AsBytes[b.AsInt])
            : throw new DbException(SqlStates.ArraySubscriptError, $"index {b.AsInt} out of valid range, 0..{a.AsBytes.Length - 1}"));
        builder.Binary("convert_from", bytes, text, text, (a, b) => Utf8(b) ? Datum.Text(TypeCodec.DecodeText(a.AsBytes)) : throw UnknownEncoding(b));
        builder.Binary("convert_to", text, text, bytes, (a, b) => Utf8(b) ? Datum.Bytes(Encoding.UTF8.GetBytes(a.AsText)) : throw UnknownEncoding(b));
        builder.Scalar("gen_random_uuid", [], SqlType.Uuid, (_, context) => Datum.Uuid(RandomUuid(context.Random)), Volatility.Volatile);
    }

    private static bool Utf8(in Datum name) => name.AsText.Replace("-", "", StringComparison.Ordinal).Equals("utf8", StringComparison.OrdinalIgnoreCase);

    private static DbException UnknownEncoding(in Datum name) =>
        new(SqlStates.FeatureNotSupported, $"encoding \"{name.AsText}\" is not supported, only UTF8 is");

    private static byte[] Slice(byte[] bytes, long from, long count)
    {
        if (count < 0)
        {
            throw new DbException(SqlStates.SubstringError, "negative substring length not allowed");
        }

        long end = Math.Min(Math.Clamp(from, -bytes.Length, bytes.Length + 1L) + Math.Min(count, bytes.Length * 2L + 2), bytes.Length + 1L);
        long start = Math.Max(from, 1);
        return end <= start ? [] : bytes[(int)(start - 1)..(int)(end - 1)];
    }

    private static string Encode(byte[] bytes, string format) => format.ToLowerInvariant() switch
    {
        "hex" => Convert.ToHexStringLower(bytes),
        "base64" => string.Join('\n', Convert.ToBase64String(bytes).Chunk(76).Select(line => new string(line))),
        "escape" => EscapeHigh(bytes),
        _ => throw new DbException(SqlStates.InvalidParameterValue, $"unrecognized encoding: \"{format}\""),
    };

    /// <summary>encode(..., 'escape') escapes zero and high bytes only.</summary>
    private static string EscapeHigh(byte[] bytes)
    {
        var text = new StringBuilder(bytes.Length);
        foreach (byte b in bytes)
        {
            _ = b == '\\' ? text.Append("\\\\")
                : b is 0 or > 0x7f ? text.Append('\\').Append(Convert.ToString(b, 8).PadLeft(3, '0'))
                : text.Append((char)b);
        }

        return text.ToString();
    }

    private static byte[] Decode(string text, string format)
    {
        switch (format.ToLowerInvariant())
        {
            case "hex":
                return ByteaCodec.ParseHex(text);
            case "base64":
                try
                {
                    return Convert.FromBase64String(text);
                }
                catch (FormatException wrong)
                {
                    throw new DbException(SqlStates.InvalidParameterValue, "invalid base64 end sequence", hint: "Input data is missing padding, is truncated, or is otherwise corrupted.", cause: wrong);
                }

            case "escape":
                return ByteaCodec.ParseEscaped(text);
            default:
                throw new DbException(SqlStates.InvalidParameterValue, $"unrecognized encoding: \"{format}\"");
        }
    }

    /// <summary>A version 4 uuid from the context's source of chance.</summary>
    internal static Guid RandomUuid(Random random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
