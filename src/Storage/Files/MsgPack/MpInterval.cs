namespace Picodata.Storage.Files;

/// <summary>How month arithmetic rounds: field 8 of an interval.</summary>
public enum MpIntervalAdjust : byte { Excess, Limit, Snap }

/// <summary>
/// Extension 6: a span of time in parts. Payload: the number of fields that follow; each is one byte field id and a
/// MessagePack integer, in the order of the ids; zero fields are left out: 0 year, 1 month, 2 week, 3 day, 4 hour,
/// 5 minute, 6 second, 7 nanosecond, 8 adjustment.
/// </summary>
public readonly record struct MpInterval(
    long Years = 0, long Months = 0, long Weeks = 0, long Days = 0, long Hours = 0, long Minutes = 0, long Seconds = 0, long Nanoseconds = 0,
    MpIntervalAdjust Adjust = MpIntervalAdjust.Excess)
{
    /// <summary>Decodes an extension's payload; false when it is no interval.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> payload, out MpInterval value)
    {
        value = default;
        if (payload.IsEmpty)
        {
            return false;
        }

        Span<long> fields = stackalloc long[9];
        fields.Clear();
        var reader = new MsgPackReader(payload, 1);
        for (int count = payload[0]; count > 0; count--)
        {
            if (!reader.TryReadUInt32(out uint id) || id > 8 || !reader.TryReadInt64(out fields[(int)id]))
            {
                return false;
            }
        }

        value = new MpInterval(
            fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6], fields[7], (MpIntervalAdjust)fields[8]);
        return reader.AtEnd && fields[8] is >= 0 and <= 2;
    }

    /// <summary>Writes the value as extension 6.</summary>
    public void Write(MsgPackWriter writer)
    {
        ReadOnlySpan<long> fields = [Years, Months, Weeks, Days, Hours, Minutes, Seconds, Nanoseconds, (long)Adjust];
        var payload = new MsgPackWriter(96);
        payload.WriteByte(0);
        for (int id = 0; id < fields.Length; id++)
        {
            if (fields[id] != 0)
            {
                payload.WriteByte((byte)id);
                payload.WriteInt64(fields[id]);
                payload.Written(0, 1)[0]++;
            }
        }

        writer.WriteExtension(MsgPackExtensions.Interval, payload.WrittenSpan);
    }
}
