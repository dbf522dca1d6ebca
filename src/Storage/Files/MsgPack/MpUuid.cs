namespace Picodata.Storage.Files;

/// <summary>Extension 2: 16 bytes in the order of the text.</summary>
public static class MpUuid
{
    /// <summary>Decodes an extension's payload; false unless it has 16 bytes.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> payload, out Guid value)
    {
        bool valid = payload.Length == 16;
        value = valid ? new Guid(payload, bigEndian: true) : default;
        return valid;
    }

    /// <summary>Writes the value as extension 2.</summary>
    public static void Write(MsgPackWriter writer, Guid value)
    {
        Span<byte> payload = stackalloc byte[16];
        value.TryWriteBytes(payload, bigEndian: true, out _);
        writer.WriteExtension(MsgPackExtensions.Uuid, payload);
    }
}
