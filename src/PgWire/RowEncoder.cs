using System.Buffers;
using System.Buffers.Text;
using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Types;

namespace Picodata.PgWire;

/// <summary>Writes DataRow messages of one result. Integers, booleans and text go straight into the frame.</summary>
internal sealed class RowEncoder
{
    private enum Way : byte { Codec, IntText, Int8Binary, Int4Binary, Int2Binary, Text, BoolText, BoolBinary }

    private readonly Way[] _ways;
    private readonly TypeCodec?[] _codecs;
    private readonly bool[] _binary;
    private readonly TypeContext _context;

    /// <param name="formats">None (text), one for all, or one a column.</param>
    public RowEncoder(IReadOnlyList<ResultColumn> columns, IReadOnlyList<short> formats, TypeContext context)
    {
        Columns = columns;
        Formats = formats;
        _context = context;
        _ways = new Way[columns.Count];
        _codecs = new TypeCodec?[columns.Count];
        _binary = new bool[columns.Count];
        for (int i = 0; i < columns.Count; i++)
        {
            SqlType type = columns[i].Type;
            _binary[i] = Messages.FormatOf(formats, i) == 1;
            _ways[i] = WayOf(type, _binary[i]);
            _codecs[i] = _ways[i] == Way.Codec ? TypeCodec.For(type) : null;
        }
    }

    public IReadOnlyList<ResultColumn> Columns { get; }

    public IReadOnlyList<short> Formats { get; }

    /// <summary>Writes one row; takes the frame back when a value cannot be written.</summary>
    public void Write(ReadOnlySpan<Datum> values, FrameWriter writer)
    {
        if (values.Length != _ways.Length)
        {
            throw new DbException(SqlStates.InternalError, $"a row has {values.Length} values, its description {_ways.Length}");
        }

        writer.Begin((byte)'D');
        writer.Int16((short)values.Length);
        try
        {
            for (int i = 0; i < values.Length; i++)
            {
                WriteValue(values[i], i, writer);
            }
        }
        catch
        {
            writer.Abandon();
            throw;
        }

        writer.End();
    }

    private void WriteValue(in Datum value, int column, FrameWriter writer)
    {
        if (value.IsNull)
        {
            writer.Int32(ReferenceEquals(Columns[column].Type, SqlType.Void) ? 0 : -1);
            return;
        }

        switch (_ways[column])
        {
            case Way.IntText:
                int start = writer.BeginValue();
                Utf8Formatter.TryFormat(value.AsInt, writer.GetSpan(20), out int written);
                writer.Advance(written);
                writer.EndValue(start);
                break;
            case Way.Text:
                start = writer.BeginValue();
                writer.Text(value.AsText);
                writer.EndValue(start);
                break;
            case Way.Int8Binary:
                writer.Int32(8);
                writer.Int64(value.AsInt);
                break;
            case Way.Int4Binary:
                writer.Int32(4);
                writer.Int32((int)value.AsInt);
                break;
            case Way.Int2Binary:
                writer.Int32(2);
                writer.Int16((short)value.AsInt);
                break;
            case Way.BoolText:
                writer.Int32(1);
                writer.Byte(value.AsBool ? (byte)'t' : (byte)'f');
                break;
            case Way.BoolBinary:
                writer.Int32(1);
                writer.Byte(value.AsBool ? (byte)1 : (byte)0);
                break;
            default:
                WriteByCodec(value, column, writer);
                break;
        }
    }

    private void WriteByCodec(in Datum value, int column, FrameWriter writer)
    {
        int start = writer.BeginValue();
        if (_binary[column])
        {
            _codecs[column]!.WriteBinary(value, writer, _context);
        }
        else
        {
            _codecs[column]!.WriteText(value, writer, _context);
        }

        writer.EndValue(start);
    }

    private static Way WayOf(SqlType type, bool binary)
    {
        if (ReferenceEquals(type, SqlType.Int8))
        {
            return binary ? Way.Int8Binary : Way.IntText;
        }

        if (ReferenceEquals(type, SqlType.Int4))
        {
            return binary ? Way.Int4Binary : Way.IntText;
        }

        if (ReferenceEquals(type, SqlType.Int2))
        {
            return binary ? Way.Int2Binary : Way.IntText;
        }

        if (ReferenceEquals(type, SqlType.Text) || ReferenceEquals(type, SqlType.Varchar) || ReferenceEquals(type, SqlType.NameType)
            || ReferenceEquals(type, SqlType.Unknown))
        {
            return Way.Text;
        }

        return ReferenceEquals(type, SqlType.Bool) ? (binary ? Way.BoolBinary : Way.BoolText) : Way.Codec;
    }
}
