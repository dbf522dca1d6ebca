using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Picodata.Storage.Files.Inspection;

/// <summary>
/// MessagePack for people and for programs. Programs get JSON in which what JSON cannot say is an object with one key that starts
/// with a dollar: <c>{"$bin": hex}</c>, <c>{"$str": hex}</c> (no UTF-8), <c>{"$float32": x}</c>, <c>{"$double": "nan"}</c>,
/// <c>{"$decimal": "1.20"}</c>, <c>{"$uuid": text}</c>, <c>{"$datetime": {...}}</c>, <c>{"$interval": {...}}</c>, <c>{"$ext": [type, hex]}</c>,
/// <c>{"$map": [[key, value]...]}</c> (keys that are no strings). Integers have no point, floats have one.
/// </summary>
public static class MsgPackText
{
    private static readonly UTF8Encoding Strict = new(false, true);

    /// <summary>Appends the value at the reader; false when it is no MessagePack.</summary>
    public static bool TryAppend(StringBuilder text, ref MsgPackReader reader, bool json)
    {
        // a value that can be skipped can be read: depth and lengths are checked once, here
        MsgPackReader check = reader;
        if (!check.TrySkip())
        {
            return false;
        }

        new Appender(text, json).Append(ref reader);
        return true;
    }

    /// <summary>One value as text; "invalid" when it is no MessagePack.</summary>
    public static string Format(ReadOnlySpan<byte> value, bool json)
    {
        var text = new StringBuilder();
        var reader = new MsgPackReader(value);
        return TryAppend(text, ref reader, json) ? text.ToString() : json ? "{\"$invalid\": \"" + Convert.ToHexStringLower(value) + "\"}" : "invalid";
    }

    private readonly ref struct Appender(StringBuilder text, bool json)
    {
        public void Append(ref MsgPackReader reader)
        {
            switch (reader.PeekKind())
            {
                case MsgPackKind.Nil:
                    reader.TryReadNil();
                    text.Append("null");
                    break;
                case MsgPackKind.Boolean:
                    text.Append(reader.ReadBoolean() ? "true" : "false");
                    break;
                case MsgPackKind.Integer:
                    reader.TryReadInteger(out bool isNegative, out ulong bits);
                    text.Append(isNegative ? ((long)bits).ToString(CultureInfo.InvariantCulture) : bits.ToString(CultureInfo.InvariantCulture));
                    break;
                case MsgPackKind.Float32 or MsgPackKind.Float64:
                    AppendFloat(ref reader);
                    break;
                case MsgPackKind.String:
                    AppendString(reader.ReadStringBytes());
                    break;
                case MsgPackKind.Binary:
                    ReadOnlySpan<byte> bytes = reader.ReadBinary();
                    text.Append(json ? "{\"$bin\": \"" : "0x").Append(Convert.ToHexStringLower(bytes)).Append(json ? "\"}" : "");
                    break;
                case MsgPackKind.Array:
                    AppendArray(ref reader);
                    break;
                case MsgPackKind.Map:
                    AppendMap(ref reader);
                    break;
                default:
                    AppendExtension(ref reader);
                    break;
            }
        }

        private void AppendFloat(ref MsgPackReader reader)
        {
            bool isSingle = reader.PeekKind() == MsgPackKind.Float32;
            double value = reader.ReadDouble();
            string digits = isSingle ? ((float)value).ToString("R", CultureInfo.InvariantCulture) : value.ToString("R", CultureInfo.InvariantCulture);
            if (!double.IsFinite(value))
            {
                digits = double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
                text.Append(json ? $"{{\"{(isSingle ? "$float32" : "$double")}\": \"{digits}\"}}" : digits);
                return;
            }

            digits += digits.AsSpan().IndexOfAny('.', 'E') < 0 ? ".0" : "";
            text.Append(json && isSingle ? $"{{\"$float32\": {digits}}}" : digits);
        }

        private void AppendString(ReadOnlySpan<byte> utf8)
        {
            try
            {
                text.Append('"').Append(JsonEncodedText.Encode(Strict.GetString(utf8), System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping)).Append('"');
            }
            catch (DecoderFallbackException)
            {
                text.Length--;
                text.Append(json ? "{\"$str\": \"" : "str'").Append(Convert.ToHexStringLower(utf8)).Append(json ? "\"}" : "'");
            }
        }

        private void AppendArray(ref MsgPackReader reader)
        {
            int count = reader.ReadArrayHead();
            text.Append('[');
            for (int index = 0; index < count; index++)
            {
                text.Append(index > 0 ? ", " : "");
                Append(ref reader);
            }

            text.Append(']');
        }

        private void AppendMap(ref MsgPackReader reader)
        {
            MsgPackReader keys = reader;
            int count = keys.ReadMapHead();
            bool plain = !json;
            if (json)
            {
                plain = true;
                for (int index = 0; index < count && plain; index++)
                {
                    plain = keys.PeekKind() == MsgPackKind.String && IsUtf8(keys.ReadStringBytes());
                    keys.Skip();
                }
            }

            reader.ReadMapHead();
            text.Append(plain ? "{" : "{\"$map\": [");
            for (int index = 0; index < count; index++)
            {
                text.Append(index > 0 ? ", " : "").Append(plain ? "" : "[");
                Append(ref reader);
                text.Append(plain ? ": " : ", ");
                Append(ref reader);
                text.Append(plain ? "" : "]");
            }

            text.Append(plain ? "}" : "]}");
        }

        private void AppendExtension(ref MsgPackReader reader)
        {
            reader.TryReadExtension(out sbyte type, out ReadOnlySpan<byte> payload);
            if (type == MsgPackExtensions.Decimal && MpDecimal.TryDecode(payload, out MpDecimal number))
            {
                text.Append(json ? $"{{\"$decimal\": \"{number}\"}}" : number.ToString());
            }
            else if (type == MsgPackExtensions.Uuid && MpUuid.TryDecode(payload, out Guid uuid))
            {
                text.Append(json ? $"{{\"$uuid\": \"{uuid}\"}}" : uuid.ToString());
            }
            else if (type == MsgPackExtensions.Datetime && MpDatetime.TryDecode(payload, out MpDatetime moment))
            {
                AppendDatetime(moment);
            }
            else if (type == MsgPackExtensions.Interval && MpInterval.TryDecode(payload, out MpInterval span))
            {
                AppendInterval(span);
            }
            else
            {
                string hex = Convert.ToHexStringLower(payload);
                text.Append(json ? $"{{\"$ext\": [{type}, \"{hex}\"]}}" : $"ext{type}'{hex}'");
            }
        }

        private void AppendDatetime(MpDatetime moment)
        {
            if (json)
            {
                text.Append(CultureInfo.InvariantCulture, $"{{\"$datetime\": {{\"epoch\": {moment.Seconds}, \"nsec\": {moment.Nanoseconds}, \"tzoffset\": {moment.OffsetMinutes}, \"tzindex\": {moment.ZoneIndex}}}}}");
                return;
            }

            const long Earliest = -62_135_596_800, Latest = 253_402_300_799;
            string seconds = moment.Seconds is >= Earliest and <= Latest
                ? DateTimeOffset.FromUnixTimeSeconds(moment.Seconds).ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture)
                : $"epoch {moment.Seconds}s";
            string fraction = moment.Nanoseconds == 0 ? "" : $".{moment.Nanoseconds:D9}".TrimEnd('0');
            string zone = moment.OffsetMinutes == 0 ? "" : $" (shown at UTC{moment.OffsetMinutes:+0;-0} min)";
            text.Append(CultureInfo.InvariantCulture, $"{seconds}{fraction}Z{zone}");
        }

        private void AppendInterval(MpInterval span)
        {
            (string Name, long Value)[] parts =
            [
                ("year", span.Years), ("month", span.Months), ("week", span.Weeks), ("day", span.Days), ("hour", span.Hours),
                ("min", span.Minutes), ("sec", span.Seconds), ("nsec", span.Nanoseconds), ("adjust", (long)span.Adjust),
            ];
            var present = parts.Where(part => part.Value != 0);
            text.Append(json
                ? $"{{\"$interval\": {{{string.Join(", ", present.Select(part => $"\"{part.Name}\": {part.Value}"))}}}}}"
                : $"interval({string.Join(" ", present.Select(part => $"{part.Value} {part.Name}"))})");
        }

        private static bool IsUtf8(ReadOnlySpan<byte> bytes) => System.Text.Unicode.Utf8.IsValid(bytes);
    }
}
