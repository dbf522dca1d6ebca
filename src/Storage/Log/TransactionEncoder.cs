using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// Gives the rows of one transaction their LSNs and writes them as chapter 7 of the format asks: a row that is alone without
/// TSN and flags; of several each with TSN, the last one flagged; and behind rows of both kinds a NOP, so that the end of the
/// transaction is in the component that travels (and is not taken for a row that is alone, as TSN 0 would be).
/// </summary>
internal static class TransactionEncoder
{
    /// <summary>Writes the rows behind <paramref name="before"/> and returns the position behind them.</summary>
    public static LogPosition Encode(MsgPackWriter writer, ReadOnlySpan<LoggedRow> rows, LogPosition before, int replicaId, double timestamp)
    {
        bool anyOwn = false, anyLocal = false;
        foreach (ref readonly LoggedRow row in rows)
        {
            anyOwn |= !row.IsLocal;
            anyLocal |= row.IsLocal;
        }
        bool needsNop = anyOwn && anyLocal;
        int total = rows.Length + (needsNop ? 1 : 0);
        long transaction = (anyOwn ? before.Own : before.Local) + 1;
        LogPosition at = before;
        for (int i = 0; i < rows.Length; i++)
        {
            at = rows[i].IsLocal ? at with { Local = at.Local + 1 } : at with { Own = at.Own + 1 };
            WriteRow(writer, rows[i], at, replicaId, timestamp, transaction, i + 1 == total);
        }
        if (needsNop)
        {
            at = at with { Own = at.Own + 1 };
            RowEncoder.WriteNop(writer, new RowHeader(RequestType.Nop, replicaId, 0, at.Own, timestamp, transaction, true));
        }
        return at;
    }

    private static void WriteRow(MsgPackWriter writer, in LoggedRow row, LogPosition at, int replicaId, double timestamp, long transaction, bool isLast)
    {
        RowHeader header = row.IsLocal
            ? new RowHeader((RequestType)row.Operation, 0, 1, at.Local, timestamp, transaction, isLast)
            : new RowHeader((RequestType)row.Operation, replicaId, 0, at.Own, timestamp, transaction, isLast);
        if (row.Operation == LoggedOperation.Delete)
            RowEncoder.WriteDelete(writer, header, row.SpaceId, row.Bytes);
        else
            RowEncoder.WriteTuple(writer, header, row.SpaceId, row.Bytes);
    }
}
