using System.Buffers;

namespace Picodata.Storage.Files;

/// <summary>
/// Consecutive blocks of a file that were read in one piece and are decoded together: many small ones or one large.
/// What the scanner met behind them comes with them, so that everything is told in the order of the file.
/// Reused by its reader.
/// </summary>
internal sealed class BlockUnit : IDisposable
{
    private readonly List<LogBlock> blocks = [];
    private readonly List<LogProblem> remarks = [];
    private LogRow[] rows = [];
    private int rowCount;

    /// <summary>Bytes as they are in the file, from <see cref="Start"/> on.</summary>
    public byte[] Stored { get; private set; } = [];

    public int StoredLength { get; private set; }

    /// <summary>Offset of the first block in the file.</summary>
    public long Start { get; private set; }

    public int Count { get; private set; }

    /// <summary>How many of the blocks are compressed.</summary>
    public int Compressed { get; private set; }

    /// <summary>Damage that the scanner met behind the last block, or null.</summary>
    public LogProblem? Problem { get; set; }

    /// <summary>The end, when the scanner met it behind the last block.</summary>
    public LogEnd? End { get; set; }

    public IReadOnlyList<LogProblem> Remarks => remarks;

    /// <summary>Unpacked payloads of the compressed blocks, one behind the other.</summary>
    public MsgPackWriter Unpacked { get; } = new(16);

    public LogBlock this[int index] => blocks[index];

    public void Reset(long start)
    {
        Start = start;
        StoredLength = 0;
        Count = 0;
        Compressed = 0;
        rowCount = 0;
        Problem = null;
        End = null;
        remarks.Clear();
        Unpacked.Clear();
    }

    /// <summary>Room for so many stored bytes; what was there is kept.</summary>
    public Span<byte> Resize(int length)
    {
        if (Stored.Length < length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(length);
            Stored.AsSpan(0, StoredLength).CopyTo(larger);
            Return(Stored);
            Stored = larger;
        }

        StoredLength = length;
        return Stored.AsSpan(0, length);
    }

    public void AddBlock(long offset, long storedSize, bool isCompressed, uint crc)
    {
        if (Count == blocks.Count)
        {
            blocks.Add(new LogBlock());
        }

        Compressed += isCompressed ? 1 : 0;
        blocks[Count++].SetPlace(offset, storedSize, isCompressed, crc);
    }

    public void AddRemark(string kind, long offset, string expected, string found) => remarks.Add(new LogProblem(kind, offset, expected, found, false));

    public int RowCount => rowCount;

    public LogRow[] RowArray => rows;

    public ref LogRow AddRow()
    {
        if (rowCount == rows.Length)
        {
            LogRow[] larger = ArrayPool<LogRow>.Shared.Rent(Math.Max(256, rows.Length * 2));
            rows.AsSpan(0, rowCount).CopyTo(larger);
            ReturnRows();
            rows = larger;
        }

        rows[rowCount] = default;
        return ref rows[rowCount++];
    }

    public void DropLastRow() => rowCount--;

    /// <inheritdoc/>
    public void Dispose()
    {
        Return(Stored);
        ReturnRows();
        Stored = [];
        rows = [];
    }

    private void ReturnRows()
    {
        if (rows.Length > 0)
        {
            // rows refer to texts of problems; nothing of them may be kept alive or seen by others
            ArrayPool<LogRow>.Shared.Return(rows, clearArray: true);
        }
    }

    private static void Return(byte[] bytes)
    {
        if (bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }
}
