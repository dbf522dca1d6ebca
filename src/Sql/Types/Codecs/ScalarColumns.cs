using System.Globalization;
using System.Text;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Sql.Types;

internal sealed class IntColumn(SqlType type) : ColumnCodec(type)
{
    public override Datum Read(ref MsgPackReader reader)
    {
        if (reader.TryReadInt64(out long value))
        {
            return Datum.Int(value);
        }

        return reader.TryReadNil() ? Datum.Null : ReadOther(ref reader);
    }

    /// <summary>Numbers in other forms (unsigned above int8, a float or decimal in a field of type integer).</summary>
    private Datum ReadOther(ref MsgPackReader reader)
    {
        Datum number = StoredNumber.Read(ref reader) is { IsNull: false } found ? found : throw Wrong(reader);
        Numeric exact = number.Kind == DatumKind.Double ? Numeric.FromDouble(number.AsDouble, 17) : number.AsNumeric;
        if (exact.IsNaN || Numeric.Compare(exact, exact.Round(0)) != 0)
        {
            throw new DbException(SqlStates.NumericValueOutOfRange, "value doesn't fit into integer range");
        }

        return Datum.Int(exact.ToInt64());
    }

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        output.WriteInt64(value.AsInt);
    }
}

/// <summary>Numbers of any form: 64-bit integers as Int, larger ones and decimals as Numeric, floats as Double; NULL when it is no number.</summary>
internal static class StoredNumber
{
    internal static Datum Read(ref MsgPackReader reader)
    {
        if (reader.TryReadInt64(out long integer))
        {
            return Datum.Int(integer);
        }

        if (reader.TryReadUInt64(out ulong unsigned))
        {
            return Datum.Numeric(new Numeric((Int128)unsigned, 0));
        }

        if (reader.TryReadDouble(out double real))
        {
            return Datum.Double(real);
        }

        MsgPackReader start = reader;
        if (reader.TryReadExtension(out sbyte type, out ReadOnlySpan<byte> payload) && type == MsgPackExtensions.Decimal && MpDecimal.TryDecode(payload, out MpDecimal stored))
        {
            return Datum.Numeric(ToNumeric(stored));
        }

        reader = start;
        return Datum.Null;
    }

    internal static Numeric ToNumeric(in MpDecimal stored)
    {
        var digits = (Int128)stored.Digits;
        digits = stored.IsNegative ? -digits : digits;
        return stored.Scale >= 0
            ? new Numeric(digits, stored.Scale)
            : new Numeric((System.Numerics.BigInteger)digits * System.Numerics.BigInteger.Pow(10, -stored.Scale), 0);
    }
}

internal sealed class DoubleColumn(SqlType type) : ColumnCodec(type)
{
    public override Datum Read(ref MsgPackReader reader)
    {
        if (reader.TryReadDouble(out double value))
        {
            return Datum.Double(value);
        }

        if (reader.TryReadNil())
        {
            return Datum.Null;
        }

        Datum number = StoredNumber.Read(ref reader);
        return number.Kind switch
        {
            DatumKind.Int => Datum.Double(number.AsInt),
            DatumKind.Numeric => Datum.Double(number.AsNumeric.ToDouble()),
            _ => throw Wrong(reader),
        };
    }

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        output.WriteDouble(value.AsDouble);
    }
}

internal class NumericColumn() : ColumnCodec(SqlType.Numeric)
{
    public override Datum Read(ref MsgPackReader reader)
    {
        if (reader.TryReadNil())
        {
            return Datum.Null;
        }

        Datum number = StoredNumber.Read(ref reader);
        return number.Kind switch
        {
            DatumKind.Numeric => number,
            DatumKind.Int => Datum.Numeric(Numeric.FromInt64(number.AsInt)),
            DatumKind.Double when double.IsFinite(number.AsDouble) => Datum.Numeric(Numeric.Parse(FloatText.ToText(number.AsDouble, false, 1))),
            DatumKind.Double => throw new DbException(SqlStates.NumericValueOutOfRange, "a stored infinity or NaN cannot be shown as numeric"),
            _ => throw Wrong(reader),
        };
    }

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        WriteDecimal(value.AsNumeric, output);
    }

    private protected static void WriteDecimal(Numeric value, MsgPackWriter output)
    {
        Numeric stored = value.ToStored(out Int128 unscaled);
        new MpDecimal((UInt128)Int128.Abs(unscaled), stored.Scale, unscaled < 0).Write(output);
    }
}

/// <summary>A field of Tarantool's type number: integers stay integers, since a stock server compares and prints them so.</summary>
internal sealed class ForeignNumberColumn : NumericColumn
{
    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (!value.IsNull && value.AsNumeric is { Scale: 0 } whole && whole.TryGetSmall(out Int128 bits))
        {
            if (bits >= long.MinValue && bits < 0)
            {
                output.WriteInt64((long)bits);
                return;
            }

            if (bits >= 0 && bits <= ulong.MaxValue)
            {
                output.WriteUInt64((ulong)bits);
                return;
            }
        }

        base.Write(value, output);
    }
}

internal sealed class TextColumn(SqlType type) : ColumnCodec(type)
{
    public override Datum Read(ref MsgPackReader reader) =>
        reader.TryReadString(out ReadOnlySpan<byte> utf8) ? Datum.Text(Encoding.UTF8.GetString(utf8))
        : reader.TryReadNil() ? Datum.Null
        : throw Wrong(reader);

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        output.WriteString(value.AsText);
    }
}

internal sealed class BytesColumn() : ColumnCodec(SqlType.Bytea)
{
    public override Datum Read(ref MsgPackReader reader) =>
        reader.TryReadBinary(out ReadOnlySpan<byte> bytes) ? Datum.Bytes(bytes.ToArray())
        : reader.TryReadNil() ? Datum.Null
        : reader.TryReadString(out bytes) ? Datum.Bytes(bytes.ToArray())
        : throw Wrong(reader);

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        output.WriteBinary(value.AsBytes);
    }
}

internal sealed class BoolColumn() : ColumnCodec(SqlType.Bool)
{
    public override Datum Read(ref MsgPackReader reader) =>
        reader.TryReadBoolean(out bool value) ? Datum.Bool(value) : reader.TryReadNil() ? Datum.Null : throw Wrong(reader);

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        output.WriteBoolean(value.AsBool);
    }
}

internal sealed class UuidColumn() : ColumnCodec(SqlType.Uuid)
{
    public override Datum Read(ref MsgPackReader reader)
    {
        if (reader.TryReadNil())
        {
            return Datum.Null;
        }

        MsgPackReader start = reader;
        return reader.TryReadExtension(out sbyte type, out ReadOnlySpan<byte> payload) && type == MsgPackExtensions.Uuid && MpUuid.TryDecode(payload, out Guid value)
            ? Datum.Uuid(value)
            : throw Wrong(start);
    }

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        MpUuid.Write(output, value.AsUuid);
    }
}

/// <summary>date, timestamp and timestamptz as Tarantool's datetime.</summary>
internal sealed class MomentColumn(SqlType type) : ColumnCodec(type)
{
    private const long InfiniteSeconds = 1L << 62;
    private const long UnixSeconds = Calendar.UnixDays * 86400L;

    public override Datum Read(ref MsgPackReader reader)
    {
        if (reader.TryReadNil())
        {
            return Datum.Null;
        }

        MsgPackReader start = reader;
        if (!reader.TryReadExtension(out sbyte type, out ReadOnlySpan<byte> payload) || type != MsgPackExtensions.Datetime || !MpDatetime.TryDecode(payload, out MpDatetime stored))
        {
            throw Wrong(start);
        }

        if (Math.Abs(stored.Seconds) == InfiniteSeconds)
        {
            return Type == SqlType.Date
                ? Datum.Date(stored.Seconds > 0 ? Calendar.DateInfinity : Calendar.DateNegativeInfinity)
                : Datum.Timestamp(stored.Seconds > 0 ? Calendar.Infinity : Calendar.NegativeInfinity);
        }

        Int128 micros = ((Int128)stored.Seconds - UnixSeconds) * Calendar.MicrosPerSecond + stored.Nanoseconds / 1000;
        if (Type == SqlType.Date)
        {
            return Datum.Date((int)Int128.Clamp((micros - (micros < 0 ? Calendar.MicrosPerDay - 1 : 0)) / Calendar.MicrosPerDay, Calendar.MinDays, Calendar.MaxDays));
        }

        return micros >= Calendar.MinTimestamp && micros < Calendar.EndTimestamp
            ? Datum.Timestamp((long)micros)
            : throw new DbException(SqlStates.DatetimeFieldOverflow, "timestamp out of range");
    }

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        Encode(value).Write(output);
    }

    private static MpDatetime Encode(in Datum value)
    {
        if (value.Kind == DatumKind.Date)
        {
            return value.AsDate switch
            {
                Calendar.DateInfinity => new MpDatetime(InfiniteSeconds),
                Calendar.DateNegativeInfinity => new MpDatetime(-InfiniteSeconds),
                int days => new MpDatetime(days * 86400L + UnixSeconds),
            };
        }

        long micros = value.AsMicroseconds;
        if (!Calendar.IsFinite(micros))
        {
            return new MpDatetime(micros > 0 ? InfiniteSeconds : -InfiniteSeconds);
        }

        long seconds = Math.DivRem(micros, Calendar.MicrosPerSecond, out long rest);
        return rest < 0
            ? new MpDatetime(seconds - 1 + UnixSeconds, (int)(rest + Calendar.MicrosPerSecond) * 1000)
            : new MpDatetime(seconds + UnixSeconds, (int)rest * 1000);
    }
}

internal sealed class TimeColumn() : ColumnCodec(SqlType.Time)
{
    public override Datum Read(ref MsgPackReader reader) =>
        reader.TryReadInt64(out long micros) ? Datum.Time(micros) : reader.TryReadNil() ? Datum.Null : throw Wrong(reader);

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        output.WriteInt64(value.AsMicroseconds);
    }
}

internal sealed class IntervalColumn() : ColumnCodec(SqlType.Interval)
{
    public override Datum Read(ref MsgPackReader reader)
    {
        if (reader.TryReadNil())
        {
            return Datum.Null;
        }

        MsgPackReader start = reader;
        if (!reader.TryReadExtension(out sbyte type, out ReadOnlySpan<byte> payload) || type != MsgPackExtensions.Interval || !MpInterval.TryDecode(payload, out MpInterval stored))
        {
            throw Wrong(start);
        }

        try
        {
            checked
            {
                long seconds = (stored.Hours * 60 + stored.Minutes) * 60 + stored.Seconds;
                return Datum.Interval(new Interval(
                    (int)(stored.Years * 12 + stored.Months), (int)(stored.Weeks * 7 + stored.Days), seconds * Calendar.MicrosPerSecond + stored.Nanoseconds / 1000));
            }
        }
        catch (OverflowException overflow)
        {
            throw new DbException(SqlStates.DatetimeFieldOverflow, "interval out of range", cause: overflow);
        }
    }

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        Interval interval = value.AsInterval;
        long seconds = Math.DivRem(interval.Microseconds, Calendar.MicrosPerSecond, out long micros);
        new MpInterval(Months: interval.Months, Days: interval.Days, Seconds: seconds, Nanoseconds: micros * 1000).Write(output);
    }
}

internal sealed class ArrayColumn(SqlType type, ColumnCodec element) : ColumnCodec(type)
{
    private const int MaxDimensions = 6;

    public override Datum Read(ref MsgPackReader reader)
    {
        if (reader.TryReadNil())
        {
            return Datum.Null;
        }

        if (reader.PeekKind() != MsgPackKind.Array)
        {
            throw Wrong(reader);
        }

        var elements = new List<Datum>();
        var lengths = new List<int>();
        ReadDimension(ref reader, 0, elements, lengths);
        int lower = Type == SqlType.Int2Vector || Type == SqlType.OidVector ? 0 : 1;
        return Datum.Array(elements.Count == 0
            ? DatumArray.Of(element.Type)
            : new DatumArray(element.Type, [.. elements], [.. lengths], [.. lengths.Select(_ => lower)]));
    }

    private void ReadDimension(ref MsgPackReader reader, int depth, List<Datum> elements, List<int> lengths)
    {
        int count = reader.ReadArrayHead();
        if (depth == lengths.Count)
        {
            lengths.Add(count);
        }
        else if (depth > lengths.Count || lengths[depth] != count || depth >= MaxDimensions)
        {
            throw new DbException(SqlStates.DataCorrupted, "a stored array has sub-arrays of different lengths");
        }

        for (int i = 0; i < count; i++)
        {
            if (reader.PeekKind() == MsgPackKind.Array)
            {
                ReadDimension(ref reader, depth + 1, elements, lengths);
            }
            else
            {
                elements.Add(element.Read(ref reader));
            }
        }
    }

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        DatumArray array = value.AsArray;
        int next = 0;
        if (array.Lengths.Length == 0)
        {
            output.WriteArrayHead(0);
            return;
        }

        WriteDimension(array, 0, ref next, output);
    }

    private void WriteDimension(DatumArray array, int dimension, ref int next, MsgPackWriter output)
    {
        output.WriteArrayHead(array.Lengths[dimension]);
        for (int i = 0; i < array.Lengths[dimension]; i++)
        {
            if (dimension + 1 < array.Lengths.Length)
            {
                WriteDimension(array, dimension + 1, ref next, output);
            }
            else
            {
                element.Write(array.Elements[next++], output);
            }
        }
    }
}

/// <summary>A field that may hold anything (any, map, array, scalar of foreign spaces), shown and written as JSON.</summary>
internal sealed class ForeignJsonColumn() : ColumnCodec(SqlType.Json)
{
    public override Datum Read(ref MsgPackReader reader)
    {
        if (reader.TryReadNil())
        {
            return Datum.Null;
        }

        var text = new StringBuilder();
        Print(ref reader, text, 0);
        return Datum.Text(text.ToString());
    }

    private static void Print(ref MsgPackReader reader, StringBuilder text, int depth)
    {
        if (depth > JsonText.MaxDepth)
        {
            throw new DbException(SqlStates.StatementTooComplex, "stack depth limit exceeded");
        }

        switch (reader.PeekKind())
        {
            case MsgPackKind.Nil:
                reader.TryReadNil();
                text.Append("null");
                break;
            case MsgPackKind.Boolean:
                text.Append(reader.ReadBoolean() ? "true" : "false");
                break;
            case MsgPackKind.String:
                JsonText.AppendQuoted(text, reader.ReadString());
                break;
            case MsgPackKind.Binary:
                JsonText.AppendQuoted(text, Convert.ToBase64String(reader.ReadBinary()));
                break;
            case MsgPackKind.Array:
                PrintArray(ref reader, text, depth);
                break;
            case MsgPackKind.Map:
                PrintMap(ref reader, text, depth);
                break;
            default:
                PrintScalar(ref reader, text);
                break;
        }
    }

    private static void PrintArray(ref MsgPackReader reader, StringBuilder text, int depth)
    {
        text.Append('[');
        int count = reader.ReadArrayHead();
        for (int i = 0; i < count; i++)
        {
            text.Append(i > 0 ? ", " : "");
            Print(ref reader, text, depth + 1);
        }

        text.Append(']');
    }

    private static void PrintMap(ref MsgPackReader reader, StringBuilder text, int depth)
    {
        text.Append('{');
        int count = reader.ReadMapHead();
        for (int i = 0; i < count; i++)
        {
            text.Append(i > 0 ? ", " : "");
            var key = new StringBuilder();
            Print(ref reader, key, depth + 1);
            if (key[0] == '"')
            {
                text.Append(key);
            }
            else
            {
                JsonText.AppendQuoted(text, key.ToString());
            }

            text.Append(": ");
            Print(ref reader, text, depth + 1);
        }

        text.Append('}');
    }

    private static void PrintScalar(ref MsgPackReader reader, StringBuilder text)
    {
        Datum number = StoredNumber.Read(ref reader);
        if (!number.IsNull)
        {
            bool isPlain = number.Kind != DatumKind.Double || double.IsFinite(number.AsDouble);
            string digits = number.Kind switch
            {
                DatumKind.Int => number.AsInt.ToString(CultureInfo.InvariantCulture),
                DatumKind.Numeric => number.AsNumeric.ToString(),
                _ => FloatText.ToText(number.AsDouble, false, 1),
            };
            text.Append(isPlain ? digits : JsonText.Quote(digits));
            return;
        }

        ReadOnlySpan<byte> raw = reader.ReadRaw();
        var extension = new MsgPackReader(raw);
        extension.TryReadExtension(out sbyte type, out ReadOnlySpan<byte> payload);
        string shown = type switch
        {
            MsgPackExtensions.Uuid when MpUuid.TryDecode(payload, out Guid uuid) => uuid.ToString(),
            MsgPackExtensions.Datetime or MsgPackExtensions.Interval => Show(type, raw),
            _ => Convert.ToBase64String(payload),
        };
        JsonText.AppendQuoted(text, shown);
    }

    private static string Show(sbyte type, ReadOnlySpan<byte> raw)
    {
        SqlType shown = type == MsgPackExtensions.Datetime ? SqlType.TimestampTz : SqlType.Interval;
        var reader = new MsgPackReader(raw);
        return TypeCodec.For(shown).ToText(For(shown).Read(ref reader), TypeContext.Default);
    }

    public override void Write(in Datum value, MsgPackWriter output)
    {
        if (value.IsNull)
        {
            output.WriteNil();
            return;
        }

        Put(JsonText.Parse(value.AsText), output);
    }

    private static void Put(JsonNode node, MsgPackWriter output)
    {
        switch (node.Kind)
        {
            case JsonKind.Null:
                output.WriteNil();
                break;
            case JsonKind.Bool:
                output.WriteBoolean(node.Bool);
                break;
            case JsonKind.String:
                output.WriteString(node.Text);
                break;
            case JsonKind.Number:
                PutNumber(Numeric.Parse(node.Text), output);
                break;
            case JsonKind.Array:
                output.WriteArrayHead(node.Items.Count);
                node.Items.ForEach(item => Put(item, output));
                break;
            default:
                output.WriteMapHead(node.Members.Count);
                foreach ((string key, JsonNode member) in node.Members)
                {
                    output.WriteString(key);
                    Put(member, output);
                }

                break;
        }
    }

    private static void PutNumber(Numeric number, MsgPackWriter output)
    {
        if (number.Scale == 0 && number.TryGetSmall(out Int128 bits) && bits >= long.MinValue && bits <= long.MaxValue)
        {
            output.WriteInt64((long)bits);
            return;
        }

        output.WriteDouble(number.ToDouble());
    }
}
