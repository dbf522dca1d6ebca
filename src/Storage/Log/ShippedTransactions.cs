using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// Walks over the transactions in rows that a primary shipped. Checked here: every row is of the log's component, LSNs grow by one from the
/// row before, each transaction is whole. Anything else is a <see cref="CorruptionException"/>.
/// </summary>
internal sealed class ShippedTransactions(ReadOnlyMemory<byte> payload, int component, long afterLsn)
{
    private RecoveredRow[] rows = new RecoveredRow[16];
    private int count;
    private int position;

    /// <summary>Rows of the current transaction; they point into the payload.</summary>
    public ReadOnlySpan<RecoveredRow> Rows => rows.AsSpan(0, count);

    /// <summary>The bytes of the current transaction.</summary>
    public ReadOnlyMemory<byte> Bytes { get; private set; }

    /// <summary>LSN of the last row so far.</summary>
    public long LastLsn { get; private set; } = afterLsn;

    public bool MoveNext()
    {
        var reader = new MsgPackReader(payload.Span, position);
        if (reader.AtEnd)
            return false;
        count = 0;
        long transaction = 0;
        while (true)
        {
            if (reader.AtEnd)
                throw Damaged("the last row of a transaction", "the end of what was shipped");
            RowHeader header = ReadRow(ref reader);
            transaction = count == 1 ? header.TransactionId : transaction;
            if (header.TransactionId != transaction)
                throw Damaged($"rows of transaction {transaction}", $"one of transaction {header.TransactionId}");
            if (header.IsLast)
                break;
        }
        Bytes = payload[position..reader.Position];
        position = reader.Position;
        return true;
    }

    private RowHeader ReadRow(ref MsgPackReader reader)
    {
        RowBody body = default;
        if (!RowHeader.TryRead(ref reader, out RowHeader header, out string problem)
            || (header.Type != RequestType.Nop && !RowBody.TryRead(header.Type, payload.Span, ref reader, out body)))
            throw Damaged("rows as MessagePack maps", problem);
        if (body.Problem is not null || header.Type is not (RequestType.Insert or RequestType.Replace or RequestType.Update or RequestType.Delete or RequestType.Upsert or RequestType.Nop))
            throw Damaged("a request that can be carried out", body.Problem ?? $"type {header.Type}");
        if (header.ReplicaId != component || header.Lsn != LastLsn + 1)
            throw Damaged($"LSN {LastLsn + 1} of component {component}", $"LSN {header.Lsn} of component {header.ReplicaId}");
        LastLsn = header.Lsn;
        if (count == rows.Length)
            Array.Resize(ref rows, count * 2);
        rows[count++] = new RecoveredRow(
            (RecoveredOperation)header.Type, body.SpaceId, Slice(body.Tuple), Slice(body.Key), Slice(body.Operations), body.IndexId, (int)body.IndexBase);
        return header;
    }

    private ReadOnlyMemory<byte> Slice(PayloadSlice slice) => slice.Exists ? payload.Slice(slice.Start, slice.Length) : default;

    private static CorruptionException Damaged(string expected, string found) =>
        new(DamageKinds.ApplyError, "(rows shipped by the primary)", -1, expected, found, "the replica is copied anew");
}
