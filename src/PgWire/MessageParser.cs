using System.Buffers.Binary;
using System.Text;
using Picodata.Core;

namespace Picodata.PgWire;

/// <summary>
/// Reads the fields of one message body. Every count and length is checked against the bytes that are left: 08P01 when a field
/// is cut off, 22021 when text is not UTF-8.
/// </summary>
internal ref struct MessageParser(ReadOnlySpan<byte> body)
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> _rest = body;

    /// <summary>Bytes up to the next zero byte, which is consumed.</summary>
    public ReadOnlySpan<byte> CStringBytes()
    {
        int end = _rest.IndexOf((byte)0);
        if (end < 0)
        {
            throw Malformed("invalid string in message");
        }

        ReadOnlySpan<byte> text = _rest[..end];
        _rest = _rest[(end + 1)..];
        return text;
    }

    public string CString() => Utf8(CStringBytes());

    public byte Byte() => Take(1)[0];

    public ushort UInt16() => BinaryPrimitives.ReadUInt16BigEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32BigEndian(Take(4));

    public ReadOnlySpan<byte> Take(int count)
    {
        if ((uint)count > (uint)_rest.Length)
        {
            throw Malformed("insufficient data left in message");
        }

        ReadOnlySpan<byte> taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    /// <summary>The rest of the body.</summary>
    public ReadOnlySpan<byte> Rest()
    {
        ReadOnlySpan<byte> rest = _rest;
        _rest = default;
        return rest;
    }

    /// <summary>Nothing may be left.</summary>
    public readonly void End()
    {
        if (!_rest.IsEmpty)
        {
            throw Malformed("invalid message format");
        }
    }

    /// <summary>Strict UTF-8: 22021 for anything else.</summary>
    public static string Utf8(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return "";
        }

        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException invalid)
        {
            throw new DbException(
                SqlStates.CharacterNotInRepertoire,
                $"invalid byte sequence for encoding \"UTF8\": {Hex(invalid.BytesUnknown)}",
                cause: invalid);
        }
    }

    private static string Hex(byte[]? bytes) =>
        bytes is null ? "?" : string.Join(' ', bytes.Select(b => $"0x{b:x2}"));

    private static DbException Malformed(string message) => new(SqlStates.ProtocolViolation, message);
}
