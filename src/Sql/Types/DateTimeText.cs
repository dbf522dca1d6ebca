using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>Writes dates and times in PostgreSQL's ISO style. 64 bytes are enough for every value.</summary>
internal static class DateTimeText
{
    internal const int MaxLength = 64;

    internal static int WriteDate(int days, Span<byte> target)
    {
        if (!Calendar.IsFiniteDate(days))
        {
            return Copy(days > 0 ? "infinity"u8 : "-infinity"u8, target);
        }

        (int year, int month, int day) = Calendar.FromDays(days);
        int at = WriteYmd(target, year, month, day);
        return year > 0 ? at : at + Copy(" BC"u8, target[at..]);
    }

    internal static int WriteTime(long micros, Span<byte> target)
    {
        int seconds = (int)(micros / Calendar.MicrosPerSecond);
        int fraction = (int)(micros % Calendar.MicrosPerSecond);
        Two(target, 0, seconds / 3600);
        target[2] = (byte)':';
        Two(target, 3, seconds / 60 % 60);
        target[5] = (byte)':';
        Two(target, 6, seconds % 60);
        return fraction == 0 ? 8 : WriteFraction(fraction, target, 8);
    }

    internal static int WriteTimestamp(long timestamp, Span<byte> target) => WriteTimestamp(timestamp, null, target);

    /// <param name="utc">Moment in UTC.</param>
    internal static int WriteTimestampTz(long utc, SessionTimeZone zone, Span<byte> target)
    {
        if (!Calendar.IsFinite(utc))
        {
            return WriteTimestamp(utc, null, target);
        }

        int offset = zone.OffsetAt(utc);
        return WriteTimestamp(utc + offset * Calendar.MicrosPerSecond, offset, target);
    }

    private static int WriteTimestamp(long local, int? offset, Span<byte> target)
    {
        if (!Calendar.IsFinite(local))
        {
            return Copy(local > 0 ? "infinity"u8 : "-infinity"u8, target);
        }

        (int days, long micros) = Calendar.Split(local);
        (int year, int month, int day) = Calendar.FromDays(days);
        int at = WriteYmd(target, year, month, day);
        target[at++] = (byte)' ';
        at += WriteTime(micros, target[at..]);
        if (offset is { } seconds)
        {
            at = WriteOffset(seconds, target, at);
        }

        return year > 0 ? at : at + Copy(" BC"u8, target[at..]);
    }

    private static int WriteOffset(int seconds, Span<byte> target, int at)
    {
        target[at++] = (byte)(seconds < 0 ? '-' : '+');
        seconds = Math.Abs(seconds);
        Two(target, at, seconds / 3600);
        at += 2;
        if (seconds % 3600 != 0)
        {
            target[at++] = (byte)':';
            Two(target, at, seconds / 60 % 60);
            at += 2;
        }

        if (seconds % 60 != 0)
        {
            target[at++] = (byte)':';
            Two(target, at, seconds % 60);
            at += 2;
        }

        return at;
    }

    private static int WriteYmd(Span<byte> target, int year, int month, int day)
    {
        int shown = year > 0 ? year : 1 - year;
        int at = 4;
        if (shown <= 9999)
        {
            Two(target, 0, shown / 100);
            Two(target, 2, shown % 100);
        }
        else
        {
            System.Buffers.Text.Utf8Formatter.TryFormat(shown, target, out at);
        }

        target[at] = (byte)'-';
        Two(target, at + 1, month);
        target[at + 3] = (byte)'-';
        Two(target, at + 4, day);
        return at + 6;
    }

    /// <summary>Writes a point and up to six digits without zeros at the end; returns the new position.</summary>
    internal static int WriteFraction(int micros, Span<byte> target, int at)
    {
        target[at++] = (byte)'.';
        for (int unit = 100_000; unit > 0 && micros > 0; unit /= 10)
        {
            target[at++] = (byte)('0' + micros / unit);
            micros %= unit;
        }

        return at;
    }

    internal static void Two(Span<byte> target, int at, int value)
    {
        target[at] = (byte)('0' + value / 10);
        target[at + 1] = (byte)('0' + value % 10);
    }

    private static int Copy(ReadOnlySpan<byte> text, Span<byte> target)
    {
        text.CopyTo(target);
        return text.Length;
    }
}
