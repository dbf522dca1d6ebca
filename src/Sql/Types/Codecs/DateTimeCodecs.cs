using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Types;

using Special = ParsedDateTime.SpecialValue;

internal abstract class DateTimeCodec(SqlType type) : TypeCodec(type)
{
    private protected ParsedDateTime Parse(string text, TypeContext context) =>
        DateTimeParser.TryParse(text, context.DateOrder, out ParsedDateTime parsed)
            ? parsed
            : throw new DbException(SqlStates.InvalidDatetimeFormat, $"invalid input syntax for type {Type.DisplayName}: \"{text}\"");

    private protected DbException FieldOutOfRange(string text) =>
        new(SqlStates.DatetimeFieldOverflow, $"date/time field value out of range: \"{text}\"");

    private protected int Days(in ParsedDateTime parsed, string text) => parsed.TryGetDays(out int days)
        ? days
        : parsed.Month is >= 1 and <= 12 && parsed.Day >= 1 && parsed.Day <= Calendar.DaysInMonth(parsed.Year, parsed.Month)
            ? throw new DbException(SqlStates.DatetimeFieldOverflow, $"{(Type == SqlType.Date ? "date" : "timestamp")} out of range: \"{text}\"")
            : throw FieldOutOfRange(text);

    /// <summary>Local day of the transaction's start, for 'today' and its kin.</summary>
    private protected static int Today(Special special, TypeContext context) =>
        Calendar.Split(context.TimeZone.ToLocal(context.TransactionTimestamp)).Days
        + (special == Special.Tomorrow ? 1 : special == Special.Yesterday ? -1 : 0);
}

internal sealed class DateCodec() : DateTimeCodec(SqlType.Date)
{
    public override Datum ParseText(string text, TypeContext context)
    {
        ParsedDateTime parsed = Parse(text, context);
        return parsed.Special switch
        {
            Special.None when !parsed.HasDate => throw new DbException(SqlStates.InvalidDatetimeFormat, $"invalid input syntax for type date: \"{text}\""),
            Special.None => Datum.Date(Days(parsed, text)),
            Special.Infinity => Datum.Date(Calendar.DateInfinity),
            Special.NegativeInfinity => Datum.Date(Calendar.DateNegativeInfinity),
            Special.Epoch => Datum.Date(-Calendar.UnixDays),
            _ => Datum.Date(Today(parsed.Special, context)),
        };
    }

    public override string ToText(in Datum value, TypeContext context)
    {
        Span<byte> target = stackalloc byte[DateTimeText.MaxLength];
        return Encoding.ASCII.GetString(target[..DateTimeText.WriteDate(value.AsDate, target)]);
    }

    public override void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context) =>
        output.Advance(DateTimeText.WriteDate(value.AsDate, output.GetSpan(DateTimeText.MaxLength)));

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context)
    {
        CheckLength(bytes, 4);
        int days = BinaryPrimitives.ReadInt32BigEndian(bytes);
        return !Calendar.IsFiniteDate(days) || days is >= Calendar.MinDays and <= Calendar.MaxDays
            ? Datum.Date(days)
            : throw new DbException(SqlStates.DatetimeFieldOverflow, "date out of range");
    }

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(4), value.AsDate);
        output.Advance(4);
    }
}

internal sealed class TimeCodec() : DateTimeCodec(SqlType.Time)
{
    public override Datum ParseText(string text, TypeContext context)
    {
        string trimmed = text.Trim();
        if (trimmed.Length is 4 or 6 && !trimmed.AsSpan().ContainsAnyExceptInRange('0', '9'))
        {
            // compact digits are a clock time here, not a date
            string clock = $"{trimmed[..2]}:{trimmed[2..4]}" + (trimmed.Length == 6 ? $":{trimmed[4..]}" : "");
            return DateTimeParser.TryParseClock(clock, out long micros) ? Datum.Time(micros) : throw FieldOutOfRange(text);
        }

        ParsedDateTime parsed = Parse(text, context);
        if (parsed.Special == Special.Now)
        {
            return Datum.Time(Calendar.Split(context.TimeZone.ToLocal(context.TransactionTimestamp)).Micros);
        }

        return parsed.HasTime && parsed.Special == Special.None
            ? Datum.Time(parsed.Micros)
            : throw new DbException(SqlStates.InvalidDatetimeFormat, $"invalid input syntax for type time: \"{text}\"");
    }

    public override string ToText(in Datum value, TypeContext context)
    {
        Span<byte> target = stackalloc byte[DateTimeText.MaxLength];
        return Encoding.ASCII.GetString(target[..DateTimeText.WriteTime(value.AsMicroseconds, target)]);
    }

    public override void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context) =>
        output.Advance(DateTimeText.WriteTime(value.AsMicroseconds, output.GetSpan(DateTimeText.MaxLength)));

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context)
    {
        CheckLength(bytes, 8);
        long micros = BinaryPrimitives.ReadInt64BigEndian(bytes);
        return micros is >= 0 and <= Calendar.MicrosPerDay
            ? Datum.Time(micros)
            : throw new DbException(SqlStates.DatetimeFieldOverflow, "time out of range");
    }

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        BinaryPrimitives.WriteInt64BigEndian(output.GetSpan(8), value.AsMicroseconds);
        output.Advance(8);
    }
}

/// <summary>timestamp (zones in the text are ignored) and timestamptz (texts without a zone are in the session's).</summary>
internal sealed class TimestampCodec(SqlType type) : DateTimeCodec(type)
{
    private readonly bool hasZone = type == SqlType.TimestampTz;

    public override Datum ParseText(string text, TypeContext context)
    {
        ParsedDateTime parsed = Parse(text, context);
        return Datum.Timestamp(parsed.Special switch
        {
            Special.None when !parsed.HasDate => throw new DbException(SqlStates.InvalidDatetimeFormat, $"invalid input syntax for type {Type.DisplayName}: \"{text}\""),
            Special.None => FromParts(parsed, text, context),
            Special.Infinity => Calendar.Infinity,
            Special.NegativeInfinity => Calendar.NegativeInfinity,
            Special.Epoch => -Calendar.UnixDays * Calendar.MicrosPerDay,
            Special.Now => hasZone ? context.TransactionTimestamp : context.TimeZone.ToLocal(context.TransactionTimestamp),
            _ => Zoned(Today(parsed.Special, context) * Calendar.MicrosPerDay + parsed.Micros, parsed, context),
        });
    }

    private long FromParts(in ParsedDateTime parsed, string text, TypeContext context)
    {
        int days = Days(parsed, text);
        Int128 local = (Int128)days * Calendar.MicrosPerDay + parsed.Micros;
        if (local < Calendar.MinTimestamp || local >= Calendar.EndTimestamp)
        {
            throw new DbException(SqlStates.DatetimeFieldOverflow, $"timestamp out of range: \"{text}\"");
        }

        return Zoned((long)local, parsed, context);
    }

    private long Zoned(long local, in ParsedDateTime parsed, TypeContext context)
    {
        if (!hasZone)
        {
            return local;
        }

        return parsed.Offset is { } offset
            ? Calendar.CheckTimestamp(local - offset * Calendar.MicrosPerSecond)
            : (parsed.Zone ?? context.TimeZone).ToUtc(local);
    }

    public override string ToText(in Datum value, TypeContext context)
    {
        Span<byte> target = stackalloc byte[DateTimeText.MaxLength];
        return Encoding.ASCII.GetString(target[..Write(value, target, context)]);
    }

    public override void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context) =>
        output.Advance(Write(value, output.GetSpan(DateTimeText.MaxLength), context));

    private int Write(in Datum value, Span<byte> target, TypeContext context) => hasZone
        ? DateTimeText.WriteTimestampTz(value.AsMicroseconds, context.TimeZone, target)
        : DateTimeText.WriteTimestamp(value.AsMicroseconds, target);

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context)
    {
        CheckLength(bytes, 8);
        return Datum.Timestamp(Calendar.CheckTimestamp(BinaryPrimitives.ReadInt64BigEndian(bytes)));
    }

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        BinaryPrimitives.WriteInt64BigEndian(output.GetSpan(8), value.AsMicroseconds);
        output.Advance(8);
    }
}

internal sealed class IntervalCodec() : TypeCodec(SqlType.Interval)
{
    public override Datum ParseText(string text, TypeContext context) => Datum.Interval(IntervalText.Parse(text));

    public override string ToText(in Datum value, TypeContext context) => IntervalText.Format(value.AsInterval);

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context)
    {
        CheckLength(bytes, 16);
        return Datum.Interval(new Interval(
            BinaryPrimitives.ReadInt32BigEndian(bytes[12..]), BinaryPrimitives.ReadInt32BigEndian(bytes[8..]), BinaryPrimitives.ReadInt64BigEndian(bytes)));
    }

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        Span<byte> target = output.GetSpan(16);
        Interval interval = value.AsInterval;
        BinaryPrimitives.WriteInt64BigEndian(target, interval.Microseconds);
        BinaryPrimitives.WriteInt32BigEndian(target[8..], interval.Days);
        BinaryPrimitives.WriteInt32BigEndian(target[12..], interval.Months);
        output.Advance(16);
    }
}
