using Picodata.Core;

namespace Picodata.Sql;

/// <summary>The fields of one COPY row, unescaped, in one reused buffer.</summary>
public sealed class CopyRow
{
    private byte[] bytes = new byte[256];
    private int[] ends = new int[16];
    private bool[] nulls = new bool[16];
    private int length;

    /// <summary>Number of fields.</summary>
    public int Count { get; private set; }

    /// <summary>The field's bytes (UTF-8 text, or a binary value); empty for NULL. Valid until the next row is read.</summary>
    public ReadOnlySpan<byte> this[int field]
    {
        get
        {
            int start = field == 0 ? 0 : ends[field - 1];
            return bytes.AsSpan(start, ends[field] - start);
        }
    }

    public bool IsNull(int field) => nulls[field];

    internal void Clear()
    {
        Count = 0;
        length = 0;
    }

    internal void Append(byte value)
    {
        Reserve(1);
        bytes[length++] = value;
    }

    internal void Append(ReadOnlySpan<byte> part)
    {
        Reserve(part.Length);
        part.CopyTo(bytes.AsSpan(length));
        length += part.Length;
    }

    /// <summary>The field that is being read.</summary>
    internal ReadOnlySpan<byte> Pending => bytes.AsSpan(Count == 0 ? 0 : ends[Count - 1], length - (Count == 0 ? 0 : ends[Count - 1]));

    internal void EndField(bool isNull)
    {
        if (Count == ends.Length)
        {
            Array.Resize(ref ends, Count * 2);
            Array.Resize(ref nulls, Count * 2);
        }

        if (isNull)
        {
            length = Count == 0 ? 0 : ends[Count - 1];
        }

        ends[Count] = length;
        nulls[Count++] = isNull;
    }

    private void Reserve(int more)
    {
        if (bytes.Length - length < more)
        {
            Array.Resize(ref bytes, (int)Math.Min(Array.MaxLength, Math.Max((long)bytes.Length * 2, (long)length + more)));
        }
    }
}

/// <summary>
/// Cuts COPY data, which may arrive in pieces cut anywhere, into rows. Use: <see cref="Append"/> pieces; after each, call
/// <see cref="TryReadRow"/> until it says no; after <see cref="Complete"/> once more. Errors are 22P04.
/// </summary>
public abstract class CopyReader
{
    /// <summary>Longest row in bytes; more is 54000.</summary>
    public const int RowBytesMax = 512 << 20;

    private byte[] buffer = new byte[64 * 1024];

    /// <summary>First byte not consumed yet.</summary>
    private protected int Start { get; set; }

    /// <summary>End of the bytes received.</summary>
    private protected int End { get; private set; }

    private protected bool IsComplete { get; private set; }

    /// <summary>The end of the data was seen (marker, trailer or end of input); what follows is ignored.</summary>
    public bool IsFinished { get; private protected set; }

    /// <summary>Number of the line (row) that was read last, from 1.</summary>
    public long LineNumber { get; private protected set; }

    private protected byte[] Buffer => buffer;

    public static CopyReader For(CopyOptions options) => options.Form switch
    {
        CopyForm.Binary => new CopyBinaryReader(),
        CopyForm.Csv => new CopyCsvReader(options),
        _ => new CopyTextReader(options),
    };

    public void Append(ReadOnlySpan<byte> piece)
    {
        if (buffer.Length - End < piece.Length)
        {
            MakeRoom(piece.Length);
        }

        piece.CopyTo(buffer.AsSpan(End));
        End += piece.Length;
    }

    /// <summary>No more data comes.</summary>
    public void Complete() => IsComplete = true;

    /// <summary>Reads the next row; false when more data is needed or the data is at its end.</summary>
    public abstract bool TryReadRow(CopyRow row);

    /// <summary>Called when bytes before <see cref="Start"/> are dropped: positions move down by <paramref name="by"/>.</summary>
    private protected virtual void Moved(int by)
    {
    }

    private void MakeRoom(int more)
    {
        int kept = End - Start;
        if ((long)kept + more > RowBytesMax)
        {
            throw new DbException(SqlStates.ProgramLimitExceeded, $"a row of COPY data is longer than {RowBytesMax} bytes");
        }

        byte[] target = buffer.Length >= kept + more && Start > 0 ? buffer : new byte[Math.Max(buffer.Length * 2, kept + more)];
        buffer.AsSpan(Start, kept).CopyTo(target);
        buffer = target;
        Moved(Start);
        Start = 0;
        End = kept;
    }
}
