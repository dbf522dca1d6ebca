using System.Buffers;

namespace Picodata.Replication;

/// <summary>
/// The newest batches of the log in memory, for replicas that keep up. Bounded by bytes; the newest batch is always kept. Every batch begins where the one
/// before it ends. Thread-safe. A batch that was taken is held until it is returned.
/// </summary>
internal sealed class BatchRing(long maxBytes)
{
    private readonly Lock sync = new();
    private readonly List<Batch> batches = [];
    private int oldest;
    private long bytes;

    /// <summary>Bytes held at the moment.</summary>
    public long Bytes
    {
        get
        {
            lock (sync)
                return bytes;
        }
    }

    public void Add(long afterLsn, long lastLsn, ReadOnlySpan<byte> rows)
    {
        byte[] copy = ArrayPool<byte>.Shared.Rent(rows.Length);
        rows.CopyTo(copy);
        lock (sync)
        {
            batches.Add(new Batch(afterLsn, lastLsn, copy, rows.Length));
            bytes += rows.Length;
            while (bytes > maxBytes && batches.Count - oldest > 1)
                Drop();
            if (oldest > 64 && oldest > batches.Count / 2)
            {
                batches.RemoveRange(0, oldest);
                oldest = 0;
            }
        }
    }

    /// <summary>The batch that begins behind an LSN, held for the caller; null when it is not there any more, or not yet.</summary>
    public Batch? Take(long afterLsn)
    {
        lock (sync)
        {
            int low = oldest, high = batches.Count - 1;
            while (low <= high)
            {
                int middle = (low + high) / 2;
                Batch batch = batches[middle];
                if (batch.AfterLsn == afterLsn)
                {
                    batch.Hold();
                    return batch;
                }
                (low, high) = batch.AfterLsn < afterLsn ? (middle + 1, high) : (low, middle - 1);
            }
            return null;
        }
    }

    public void Clear()
    {
        lock (sync)
        {
            while (oldest < batches.Count)
                Drop();
            batches.Clear();
            oldest = 0;
        }
    }

    private void Drop()
    {
        Batch dropped = batches[oldest];
        batches[oldest++] = null!;
        bytes -= dropped.Length;
        dropped.Return();
    }

    /// <summary>Rows of one batch.</summary>
    internal sealed class Batch(long afterLsn, long lastLsn, byte[] buffer, int length)
    {
        private int holders = 1;

        public long AfterLsn => afterLsn;

        public long LastLsn => lastLsn;

        public int Length => length;

        public ReadOnlyMemory<byte> Rows => buffer.AsMemory(0, length);

        public void Hold() => Interlocked.Increment(ref holders);

        public void Return()
        {
            if (Interlocked.Decrement(ref holders) == 0)
                ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
