using Picodata.Core;

namespace Picodata.Sql;

/// <summary>
/// What text and CSV have in common: lines that end with \n, \r\n or \r (one kind in a stream, decided by the first), and
/// the line <c>\.</c> that ends the data.
/// </summary>
internal abstract class CopyLineReader(CopyOptions options) : CopyReader
{
    private enum LineEnd { Unknown, NewLine, CarriageReturnNewLine, CarriageReturn }

    private LineEnd lineEnd;
    private int scanned;
    private bool headerIsRead = options.Header == CopyHeader.None;

    protected CopyOptions Options { get; } = options;

    /// <summary>Fields of the header line, null when there is none or it was not read yet.</summary>
    public CopyRow? HeaderRow { get; private set; }

    public override bool TryReadRow(CopyRow row)
    {
        while (!IsFinished && TryFindLine(out int length, out int total))
        {
            ReadOnlySpan<byte> line = Buffer.AsSpan(Start, length);
            if (line.SequenceEqual("\\."u8))
            {
                IsFinished = true;
                return false;
            }

            LineNumber++;
            row.Clear();
            SplitLine(line, row);
            Start += total;
            scanned = Start;
            if (headerIsRead)
            {
                return true;
            }

            headerIsRead = true;
            HeaderRow = new CopyRow();
            for (int i = 0; i < row.Count; i++)
            {
                HeaderRow.Append(row[i]);
                HeaderRow.EndField(row.IsNull(i));
            }
        }

        IsFinished |= IsComplete && Start == End;
        return false;
    }

    /// <summary>Finds the next byte from <paramref name="at"/> that may end the line, with the format's quoting; -1 when none is there.</summary>
    protected abstract int NextLineEnd(ReadOnlySpan<byte> bytes, int at);

    /// <summary>A new line begins: forget the state of <see cref="NextLineEnd"/>.</summary>
    protected abstract void BeginLine();

    protected abstract void SplitLine(ReadOnlySpan<byte> line, CopyRow row);

    /// <summary>The error for a line end of the other kind.</summary>
    protected abstract DbException WrongLineEnd(bool isNewLine);

    /// <summary>The data is at its end inside of a line; throws when the line cannot end there.</summary>
    protected virtual void EndInsideLine()
    {
    }

    private protected override void Moved(int by) => scanned -= by;

    private bool TryFindLine(out int length, out int total)
    {
        length = total = 0;
        while (true)
        {
            ReadOnlySpan<byte> bytes = Buffer.AsSpan(0, End);
            int at = NextLineEnd(bytes, scanned);
            if (at < 0)
            {
                scanned = End;
                return TryEndWithoutLineEnd(ref length, ref total);
            }

            scanned = at;
            if (bytes[at] == '\r' && at + 1 == End && !IsComplete)
            {
                return false;
            }

            LineEnd found = bytes[at] == '\n' ? LineEnd.NewLine
                : at + 1 < End && bytes[at + 1] == '\n' ? LineEnd.CarriageReturnNewLine
                : LineEnd.CarriageReturn;
            if (lineEnd == LineEnd.Unknown)
            {
                lineEnd = found;
            }

            if (found != lineEnd)
            {
                throw WrongLineEnd(found == LineEnd.NewLine);
            }

            BeginLine();
            length = at - Start;
            total = length + (found == LineEnd.CarriageReturnNewLine ? 2 : 1);
            return true;
        }
    }

    private bool TryEndWithoutLineEnd(ref int length, ref int total)
    {
        if (!IsComplete || Start == End)
        {
            return false;
        }

        EndInsideLine();
        BeginLine();
        length = total = End - Start;
        return true;
    }
}

/// <summary>COPY's text form.</summary>
internal sealed class CopyTextReader(CopyOptions options) : CopyLineReader(options)
{
    private bool isEscaped;

    protected override int NextLineEnd(ReadOnlySpan<byte> bytes, int at)
    {
        while (at < bytes.Length)
        {
            if (isEscaped)
            {
                isEscaped = false;
                at++;
                continue;
            }

            int found = bytes[at..].IndexOfAny((byte)'\n', (byte)'\r', (byte)'\\');
            if (found < 0)
            {
                return -1;
            }

            at += found;
            if (bytes[at] != '\\')
            {
                return at;
            }

            isEscaped = true;
            at++;
        }

        return -1;
    }

    protected override void BeginLine() => isEscaped = false;

    protected override DbException WrongLineEnd(bool isNewLine) => isNewLine
        ? new DbException(SqlStates.BadCopyFileFormat, "literal newline found in data", hint: "Use \"\\n\" to represent newline.")
        : new DbException(SqlStates.BadCopyFileFormat, "literal carriage return found in data", hint: "Use \"\\r\" to represent carriage return.");

    protected override void SplitLine(ReadOnlySpan<byte> line, CopyRow row)
    {
        int start = 0;
        while (true)
        {
            int end = FieldEnd(line, start);
            ReadOnlySpan<byte> raw = line[start..end];
            bool isNull = raw.SequenceEqual(Options.NullText);
            if (!isNull)
            {
                Unescape(raw, row);
            }

            row.EndField(isNull);
            if (end == line.Length)
            {
                return;
            }

            start = end + 1;
        }
    }

    private int FieldEnd(ReadOnlySpan<byte> line, int at)
    {
        while (at < line.Length)
        {
            int found = line[at..].IndexOfAny(Options.Delimiter, (byte)'\\');
            if (found < 0)
            {
                return line.Length;
            }

            at += found;
            if (line[at] == Options.Delimiter)
            {
                return at;
            }

            at += 2;
        }

        return line.Length;
    }

    private static void Unescape(ReadOnlySpan<byte> raw, CopyRow row)
    {
        while (raw.IndexOf((byte)'\\') is >= 0 and int at)
        {
            row.Append(raw[..at]);
            raw = raw[(at + 1)..];
            if (raw.IsEmpty)
            {
                row.Append((byte)'\\');
                return;
            }

            raw = raw[UnescapeOne(raw, row)..];
        }

        row.Append(raw);
    }

    /// <summary>Writes what stands behind a backslash; gives the number of bytes used.</summary>
    private static int UnescapeOne(ReadOnlySpan<byte> raw, CopyRow row)
    {
        switch (raw[0])
        {
            case (byte)'b': row.Append(8); return 1;
            case (byte)'f': row.Append(12); return 1;
            case (byte)'n': row.Append(10); return 1;
            case (byte)'r': row.Append(13); return 1;
            case (byte)'t': row.Append(9); return 1;
            case (byte)'v': row.Append(11); return 1;
            case >= (byte)'0' and <= (byte)'7':
                return Digits(raw, 0, 3, 8, row);
            case (byte)'x' when raw.Length > 1 && char.IsAsciiHexDigit((char)raw[1]):
                return Digits(raw, 1, 2, 16, row);
            default:
                row.Append(raw[0]);
                return 1;
        }
    }

    private static int Digits(ReadOnlySpan<byte> raw, int at, int max, int radix, CopyRow row)
    {
        int value = 0;
        for (int count = 0; count < max && at < raw.Length && Digit(raw[at]) < radix; count++)
        {
            value = (value * radix) + Digit(raw[at++]);
        }

        row.Append((byte)value);
        return at;
    }

    private static int Digit(byte value) => char.IsAsciiHexDigit((char)value) ? Convert.ToInt32(((char)value).ToString(), 16) : 99;
}

/// <summary>COPY's CSV form.</summary>
internal sealed class CopyCsvReader(CopyOptions options) : CopyLineReader(options)
{
    private bool inQuotes;
    private bool afterEscape;

    protected override int NextLineEnd(ReadOnlySpan<byte> bytes, int at)
    {
        bool separateEscape = Options.Escape != Options.Quote;
        for (; at < bytes.Length; at++)
        {
            byte value = bytes[at];
            if (afterEscape)
            {
                afterEscape = false;
            }
            else if (inQuotes && separateEscape && value == Options.Escape)
            {
                afterEscape = true;
            }
            else if (value == Options.Quote)
            {
                inQuotes = !inQuotes;
            }
            else if (!inQuotes && (value is (byte)'\n' or (byte)'\r'))
            {
                return at;
            }
        }

        return -1;
    }

    protected override void BeginLine() => inQuotes = afterEscape = false;

    protected override void EndInsideLine()
    {
        if (inQuotes)
        {
            throw new DbException(SqlStates.BadCopyFileFormat, "unterminated CSV quoted field");
        }
    }

    protected override DbException WrongLineEnd(bool isNewLine) => isNewLine
        ? new DbException(SqlStates.BadCopyFileFormat, "unquoted newline found in data", hint: "Use quoted CSV field to represent newline.")
        : new DbException(SqlStates.BadCopyFileFormat, "unquoted carriage return found in data", hint: "Use quoted CSV field to represent carriage return.");

    protected override void SplitLine(ReadOnlySpan<byte> line, CopyRow row)
    {
        int at = 0;
        while (true)
        {
            int start = at;
            bool wasQuoted = ReadField(line, ref at, row);
            bool isNull = wasQuoted
                ? IsForced(Options.ForceNull, row.Count) && row.Pending.SequenceEqual(Options.NullText)
                : line[start..at].SequenceEqual(Options.NullText) && !IsForced(Options.ForceNotNull, row.Count);
            row.EndField(isNull);
            if (at == line.Length)
            {
                return;
            }

            at++;
        }
    }

    private static bool IsForced(IReadOnlyList<bool> fields, int field) => field < fields.Count && fields[field];

    /// <summary>Reads up to the next delimiter outside of quotes; true when any part was quoted.</summary>
    private bool ReadField(ReadOnlySpan<byte> line, ref int at, CopyRow row)
    {
        bool quoted = false;
        bool wasQuoted = false;
        for (; at < line.Length; at++)
        {
            byte value = line[at];
            if (!quoted && value == Options.Delimiter)
            {
                break;
            }

            if (quoted && value == Options.Escape && at + 1 < line.Length && (line[at + 1] == Options.Quote || line[at + 1] == Options.Escape))
            {
                row.Append(line[++at]);
            }
            else if (value == Options.Quote)
            {
                quoted = !quoted;
                wasQuoted = true;
            }
            else
            {
                row.Append(value);
            }
        }

        return wasQuoted;
    }
}
