using System.Buffers;
using System.Buffers.Binary;

namespace Picodata.Sql;

/// <summary>Builds COPY data row by row; <see cref="Bytes"/> is what goes into one CopyData message.</summary>
public sealed class CopyWriter(CopyOptions options)
{
    private readonly ArrayBufferWriter<byte> output = new(1024);
    private int fieldsInRow;
    private int columns;

    /// <summary>What was written since <see cref="Clear"/>.</summary>
    public ReadOnlySpan<byte> Bytes => output.WrittenSpan;

    public void Clear() => output.ResetWrittenCount();

    /// <summary>What comes before the first row: the binary header, or the line with the names.</summary>
    public void Begin(IReadOnlyList<string> columnNames)
    {
        columns = columnNames.Count;
        if (options.Form == CopyForm.Binary)
        {
            output.Write(CopyBinaryReader.Signature);
            Int32(0);
            Int32(0);
        }
        else if (options.Header != CopyHeader.None)
        {
            BeginRow();
            foreach (string name in columnNames)
            {
                Field(System.Text.Encoding.UTF8.GetBytes(name));
            }

            EndRow();
        }
    }

    public void BeginRow()
    {
        fieldsInRow = 0;
        if (options.Form == CopyForm.Binary)
        {
            Span<byte> count = output.GetSpan(2);
            BinaryPrimitives.WriteInt16BigEndian(count, (short)columns);
            output.Advance(2);
        }
    }

    public void Null()
    {
        if (options.Form == CopyForm.Binary)
        {
            Int32(-1);
        }
        else
        {
            Delimit();
            output.Write(options.NullText);
        }
    }

    /// <param name="value">UTF-8 text, or the binary value for the binary form.</param>
    public void Field(ReadOnlySpan<byte> value)
    {
        switch (options.Form)
        {
            case CopyForm.Binary:
                Int32(value.Length);
                output.Write(value);
                break;
            case CopyForm.Csv:
                Delimit();
                CsvField(value);
                break;
            default:
                Delimit();
                TextField(value);
                break;
        }
    }

    public void EndRow()
    {
        if (options.Form != CopyForm.Binary)
        {
            output.Write("\n"u8);
        }
    }

    /// <summary>What comes behind the last row: the binary trailer.</summary>
    public void End()
    {
        if (options.Form == CopyForm.Binary)
        {
            output.Write<byte>([0xff, 0xff]);
        }
    }

    private void Delimit()
    {
        if (fieldsInRow++ > 0)
        {
            output.GetSpan(1)[0] = options.Delimiter;
            output.Advance(1);
        }
    }

    private void TextField(ReadOnlySpan<byte> value)
    {
        while (true)
        {
            int at = 0;
            while (at < value.Length && !NeedsEscape(value[at]))
            {
                at++;
            }

            output.Write(value[..at]);
            if (at == value.Length)
            {
                return;
            }

            Span<byte> escaped = output.GetSpan(2);
            escaped[0] = (byte)'\\';
            escaped[1] = value[at] switch { 8 => (byte)'b', 9 => (byte)'t', 10 => (byte)'n', 11 => (byte)'v', 12 => (byte)'f', 13 => (byte)'r', byte other => other };
            output.Advance(2);
            value = value[(at + 1)..];
        }
    }

    private bool NeedsEscape(byte value) => value is >= 8 and <= 13 or (byte)'\\' || value == options.Delimiter;

    private void CsvField(ReadOnlySpan<byte> value)
    {
        bool quoted = options.ForceQuoteAll
            || value.IndexOfAny(options.Delimiter, options.Quote) >= 0
            || value.IndexOfAny((byte)'\n', (byte)'\r') >= 0
            || value.SequenceEqual(options.NullText)
            || (columns == 1 && value.SequenceEqual("\\."u8));
        if (!quoted)
        {
            output.Write(value);
            return;
        }

        Byte(options.Quote);
        foreach (byte next in value)
        {
            if (next == options.Quote || next == options.Escape)
            {
                Byte(options.Escape);
            }

            Byte(next);
        }

        Byte(options.Quote);
    }

    private void Byte(byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    private void Int32(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(4), value);
        output.Advance(4);
    }
}
