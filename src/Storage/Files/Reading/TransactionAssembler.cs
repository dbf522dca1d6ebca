namespace Picodata.Storage.Files;

/// <summary>
/// Finds the transactions in a log's rows. Rows of one transaction carry one transaction number and end with the row that
/// is marked as last. Normally they stand together in a block and are given as they are; old versions spread them over
/// blocks or mix those of several replicas, then they are put together here: at most one is open per replica.
/// A replica-local row (replica id 0) inside a transaction belongs to whoever has its number.
/// </summary>
internal sealed class TransactionAssembler(Action<LogProblem> report)
{
    private readonly List<OpenTransaction> open = [];

    /// <summary>Takes rows from <paramref name="next"/> on until one completes a transaction; false at the end of the block.</summary>
    public bool TryTake(LogBlock block, ref int next, out LogTransaction transaction)
    {
        ReadOnlySpan<LogRow> rows = block.Rows;
        while (next < rows.Length)
        {
            int count = open.Count == 0 ? CountWhole(rows[next..]) : 0;
            if (count > 0)
            {
                transaction = new LogTransaction(block, next, count, block.Offset);
                next += count;
                return true;
            }

            if (TryAdd(block, rows[next++], next == 1, out transaction))
            {
                return true;
            }
        }

        transaction = default;
        return false;
    }

    /// <summary>Gives up what is open.</summary>
    public void DropOpen(string kind, string found, bool isError)
    {
        foreach (OpenTransaction dropped in open)
        {
            report(new LogProblem(kind, dropped.Offset, $"the last row of transaction {dropped.Id}", found, isError));
        }

        open.Clear();
    }

    /// <summary>How many rows the transaction that starts here has, if all of them follow; else 0.</summary>
    private static int CountWhole(ReadOnlySpan<LogRow> rows)
    {
        RowHeader first = rows[0].Header;
        if (!first.IsOfMany)
        {
            return 1;
        }

        int replica = first.ReplicaId;
        for (int count = 0; count < rows.Length; count++)
        {
            RowHeader header = rows[count].Header;
            replica = replica == 0 ? header.ReplicaId : replica;
            if (header.TransactionId != first.TransactionId || (header.ReplicaId != 0 && header.ReplicaId != replica))
            {
                return 0;
            }

            if (header.IsLast)
            {
                return count + 1;
            }
        }

        return 0;
    }

    private bool TryAdd(LogBlock block, in LogRow row, bool isFirstOfBlock, out LogTransaction transaction)
    {
        transaction = default;
        RowHeader header = row.Header;
        OpenTransaction? into = open.Find(candidate => candidate.Takes(header));
        OpenTransaction? other = into is null ? open.Find(candidate => candidate.ReplicaId == header.ReplicaId) : null;
        if (other is not null)
        {
            bool single = !header.IsOfMany;
            report(new LogProblem(
                single ? DamageKinds.TxNoCommit : DamageKinds.TxInterleaved,
                block.Offset, $"the last row of transaction {other.Id}", single ? $"row {header.Lsn} of its own" : $"transaction {header.TransactionId} inside it", true));
            open.Remove(other);
        }

        if (into is null)
        {
            into = new OpenTransaction(header.TransactionId, header.ReplicaId, block.Offset);
            open.Add(into);
        }
        else if (isFirstOfBlock && into.LastOffset != block.Offset)
        {
            report(new LogProblem(DamageKinds.TxSpansBlocks, block.Offset, "a transaction in one block", $"transaction {into.Id} goes on in another", false));
        }

        into.Add(block, row);
        if (!header.IsLast)
        {
            return false;
        }

        open.Remove(into);
        transaction = into.Close();
        return true;
    }

    private sealed class OpenTransaction(long id, int replicaId, long offset)
    {
        private readonly MsgPackWriter payload = new();
        private LogRow[] rows = new LogRow[4];
        private int count;

        public long Id => id;

        public int ReplicaId { get; private set; } = replicaId;

        /// <summary>Offset of the block with the first row.</summary>
        public long Offset => offset;

        public long LastOffset { get; private set; }

        /// <summary>True when a row belongs to this transaction.</summary>
        public bool Takes(RowHeader header) =>
            header.IsOfMany && header.TransactionId == id && (header.ReplicaId == ReplicaId || header.ReplicaId == 0 || ReplicaId == 0);

        public void Add(LogBlock block, in LogRow row)
        {
            ReplicaId = ReplicaId == 0 ? row.Header.ReplicaId : ReplicaId;
            LastOffset = block.Offset;
            if (count == rows.Length)
            {
                Array.Resize(ref rows, count * 2);
            }

            int shift = payload.Length - row.Whole.Start;
            rows[count] = row;
            ref LogRow copy = ref rows[count++];
            copy.Whole = Moved(row.Whole, shift);
            copy.Body.Key = Moved(row.Body.Key, shift);
            copy.Body.Tuple = Moved(row.Body.Tuple, shift);
            copy.Body.Operations = Moved(row.Body.Operations, shift);
            payload.WriteRaw(block.Bytes(row.Whole));
        }

        public LogTransaction Close()
        {
            var whole = new LogBlock();
            whole.SetPlace(offset, 0, false, 0);
            whole.SetPayload(payload.Buffer, 0, payload.Length);
            whole.SetRows(rows, 0, count);
            return new LogTransaction(whole, 0, count, offset);
        }

        private static PayloadSlice Moved(PayloadSlice slice, int shift) => slice.Exists ? slice with { Start = slice.Start + shift } : slice;
    }
}
