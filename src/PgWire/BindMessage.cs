using System.Buffers.Binary;
using System.Buffers.Text;
using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Types;

namespace Picodata.PgWire;

/// <summary>Reads the parts of a Bind message behind the two names.</summary>
internal static class BindMessage
{
    private static readonly short[] AllText = [];
    private static readonly short[] OneText = [0];
    private static readonly short[] OneBinary = [1];

    /// <summary>
    /// Parameter values and result formats: 08P01 for wrong counts, 22023 for unknown formats, the type's own states for bad values.
    /// </summary>
    public static (Datum[] Parameters, short[] ResultFormats) Read(ref MessageParser message, IPreparedStatement statement, TypeContext context)
    {
        short[] formats = ReadFormats(ref message);
        int count = message.UInt16();
        if (formats.Length > 1 && formats.Length != count)
        {
            throw new DbException(SqlStates.ProtocolViolation, $"bind message has {formats.Length} parameter formats but {count} parameters");
        }

        IReadOnlyList<SqlType> types = statement.ParameterTypes;
        if (count != types.Count)
        {
            throw new DbException(SqlStates.ProtocolViolation, $"bind message supplies {count} parameters, but prepared statement \"{statement.Name}\" requires {types.Count}");
        }

        Datum[] parameters = count == 0 ? [] : new Datum[count];
        for (int i = 0; i < count; i++)
        {
            int length = message.Int32();
            if (length < -1)
            {
                throw new DbException(SqlStates.ProtocolViolation, "invalid parameter length in bind message");
            }

            if (length >= 0)
            {
                parameters[i] = ReadValue(message.Take(length), types[i], Messages.FormatOf(formats, i), context);
            }
        }

        short[] resultFormats = ReadFormats(ref message);
        message.End();
        return (parameters, resultFormats);
    }

    private static Datum ReadValue(ReadOnlySpan<byte> bytes, SqlType type, short format, TypeContext context)
    {
        if (type.Kind == DatumKind.Text && bytes.Contains((byte)0))
        {
            throw new DbException(SqlStates.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": 0x00");
        }

        if (format == 1)
        {
            return ReadBinary(bytes, type, context);
        }

        if (ReferenceEquals(type, SqlType.Int8) && Utf8Parser.TryParse(bytes, out long number, out int consumed) && consumed == bytes.Length)
        {
            return Datum.Int(number);
        }

        return ReferenceEquals(type, SqlType.Text) || ReferenceEquals(type, SqlType.Varchar) || ReferenceEquals(type, SqlType.Unknown)
            ? Datum.Text(MessageParser.Utf8(bytes))
            : TypeCodec.For(type).ParseText(bytes, context);
    }

    private static Datum ReadBinary(ReadOnlySpan<byte> bytes, SqlType type, TypeContext context)
    {
        if (bytes.Length == 8 && ReferenceEquals(type, SqlType.Int8))
        {
            return Datum.Int(BinaryPrimitives.ReadInt64BigEndian(bytes));
        }

        if (bytes.Length == 4 && ReferenceEquals(type, SqlType.Int4))
        {
            return Datum.Int(BinaryPrimitives.ReadInt32BigEndian(bytes));
        }

        return ReferenceEquals(type, SqlType.Text) || ReferenceEquals(type, SqlType.Varchar)
            ? Datum.Text(MessageParser.Utf8(bytes))
            : TypeCodec.For(type).ParseBinary(bytes, context);
    }

    private static short[] ReadFormats(ref MessageParser message)
    {
        int count = message.UInt16();
        if (count == 0)
        {
            return AllText;
        }

        if (count == 1)
        {
            return Checked(message.UInt16()) == 0 ? OneText : OneBinary;
        }

        ReadOnlySpan<byte> codes = message.Take(count * 2);
        var formats = new short[count];
        for (int i = 0; i < count; i++)
        {
            formats[i] = Checked((codes[2 * i] << 8) | codes[(2 * i) + 1]);
        }

        return formats;
    }

    private static short Checked(int code) => code is 0 or 1
        ? (short)code
        : throw new DbException(SqlStates.InvalidParameterValue, $"unsupported format code: {(short)code}");
}
