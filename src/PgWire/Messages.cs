using Picodata.Core;
using Picodata.Sql;

namespace Picodata.PgWire;

/// <summary>Writes the messages whose bodies have more than one field.</summary>
internal static class Messages
{
    /// <summary>ErrorResponse; <paramref name="severity"/> is ERROR or FATAL.</summary>
    public static void Error(this FrameWriter writer, DbException error, string severity)
    {
        writer.Begin((byte)'E');
        Head(writer, severity, error.SqlState, error.Message);
        Field(writer, 'D', error.Detail);
        Field(writer, 'H', error.Hint);
        Field(writer, 'P', error.Position > 0 ? error.Position.ToString() : null);
        Field(writer, 'W', error.Where);
        Field(writer, 's', error.SchemaName);
        Field(writer, 't', error.TableName);
        Field(writer, 'c', error.ColumnName);
        Field(writer, 'd', error.DataTypeName);
        Field(writer, 'n', error.ConstraintName);
        writer.Byte(0);
        writer.End();
    }

    /// <summary>NoticeResponse.</summary>
    public static void Notice(this FrameWriter writer, Notice notice)
    {
        writer.Begin((byte)'N');
        Head(writer, notice.Severity.ToString().ToUpperInvariant(), notice.SqlState, notice.Message);
        Field(writer, 'D', notice.Detail);
        Field(writer, 'H', notice.Hint);
        writer.Byte(0);
        writer.End();
    }

    public static void ParameterStatus(this FrameWriter writer, string name, string value)
    {
        writer.Begin((byte)'S');
        writer.CString(name);
        writer.CString(value);
        writer.End();
    }

    public static void ReadyForQuery(this FrameWriter writer, TransactionStatus status)
    {
        writer.Begin((byte)'Z');
        writer.Byte((byte)status);
        writer.End();
    }

    public static void CommandComplete(this FrameWriter writer, string tag)
    {
        writer.Begin((byte)'C');
        writer.CString(tag);
        writer.End();
    }

    /// <summary>ParameterDescription.</summary>
    public static void ParameterDescription(this FrameWriter writer, IReadOnlyList<SqlType> types)
    {
        writer.Begin((byte)'t');
        writer.Int16((short)types.Count);
        for (int i = 0; i < types.Count; i++)
        {
            writer.Int32((int)Reported(types[i]).Oid);
        }

        writer.End();
    }

    /// <summary>RowDescription, or NoData when there are no columns to come.</summary>
    /// <param name="formats">None (text), one for all, or one a column.</param>
    public static void RowDescription(this FrameWriter writer, IReadOnlyList<ResultColumn>? columns, IReadOnlyList<short> formats)
    {
        if (columns is null)
        {
            writer.Empty((byte)'n');
            return;
        }

        writer.Begin((byte)'T');
        writer.Int16((short)columns.Count);
        for (int i = 0; i < columns.Count; i++)
        {
            ResultColumn column = columns[i];
            SqlType type = Reported(column.Type);
            writer.CString(column.Name);
            writer.Int32((int)column.TableOid);
            writer.Int16(column.ColumnNumber);
            writer.Int32((int)type.Oid);
            writer.Int16(type.Length);
            writer.Int32(column.TypeModifier);
            writer.Int16(FormatOf(formats, i));
        }

        writer.End();
    }

    /// <summary>CopyInResponse (G) or CopyOutResponse (H).</summary>
    public static void CopyResponse(this FrameWriter writer, char type, bool binary, int columnCount)
    {
        writer.Begin((byte)type);
        writer.Byte(binary ? (byte)1 : (byte)0);
        writer.Int16((short)columnCount);
        for (int i = 0; i < columnCount; i++)
        {
            writer.Int16(binary ? (short)1 : (short)0);
        }

        writer.End();
    }

    /// <summary>Format of column <paramref name="index"/> by a format list of Bind.</summary>
    public static short FormatOf(IReadOnlyList<short> formats, int index) => formats.Count switch
    {
        0 => 0,
        1 => formats[0],
        _ => formats[index],
    };

    /// <summary>The type as clients hear of it: an unresolved literal is text.</summary>
    private static SqlType Reported(SqlType type) => ReferenceEquals(type, SqlType.Unknown) ? SqlType.Text : type;

    private static void Head(FrameWriter writer, string severity, string sqlState, string message)
    {
        Field(writer, 'S', severity);
        Field(writer, 'V', severity);
        Field(writer, 'C', sqlState);
        Field(writer, 'M', message);
    }

    private static void Field(FrameWriter writer, char code, string? value)
    {
        if (value is not null)
        {
            writer.Byte((byte)code);
            writer.CString(value);
        }
    }
}
