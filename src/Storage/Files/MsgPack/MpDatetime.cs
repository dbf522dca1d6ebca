using System.Buffers.Binary;

namespace Picodata.Storage.Files;

/// <summary>
/// Extension 4: a moment. Little-endian int64 seconds since 1970 UTC; then, only when one of them is not zero, int32
/// nanoseconds, int16 offset from UTC in minutes, int16 index of the time zone.
/// </summary>
/// <param name="Seconds">Seconds since 1970-01-01 00:00 UTC.</param>
/// <param name="Nanoseconds">0..999,999,999.</param>
/// <param name="OffsetMinutes">Offset from UTC for show.</param>
/// <param name="ZoneIndex">Tarantool's number of the time zone, 0 for none.</param>
public readonly record struct MpDatetime(long Seconds, int Nanoseconds = 0, short OffsetMinutes = 0, short ZoneIndex = 0)
{
    /// <summary>Decodes an extension's payload; false when its size or its nanoseconds are wrong.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> payload, out MpDatetime value)
    {
        value = default;
        if (payload.Length is not (8 or 16))
        {
            return false;
        }

        long seconds = BinaryPrimitives.ReadInt64LittleEndian(payload);
        value = payload.Length == 8
            ? new MpDatetime(seconds)
            : new MpDatetime(
                seconds,
                BinaryPrimitives.ReadInt32LittleEndian(payload[8..]),
                BinaryPrimitives.ReadInt16LittleEndian(payload[12..]),
                BinaryPrimitives.ReadInt16LittleEndian(payload[14..]));
        return value.Nanoseconds is >= 0 and <= 999_999_999;
    }

    /// <summary>Writes the value as extension 4.</summary>
    public void Write(MsgPackWriter writer)
    {
        Span<byte> payload = stackalloc byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(payload, Seconds);
        BinaryPrimitives.WriteInt32LittleEndian(payload[8..], Nanoseconds);
        BinaryPrimitives.WriteInt16LittleEndian(payload[12..], OffsetMinutes);
        BinaryPrimitives.WriteInt16LittleEndian(payload[14..], ZoneIndex);
        bool isShort = Nanoseconds == 0 && OffsetMinutes == 0 && ZoneIndex == 0;
        writer.WriteExtension(MsgPackExtensions.Datetime, isShort ? payload[..8] : payload);
    }
}
