using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage.Log;

/// <summary>
/// The rows that a replicaset shares, out of rows as they stand in a log. Leaving out the rows of replica-local spaces breaks no transaction: a transaction
/// of both kinds ends with a row of the shared kind (<see cref="TransactionEncoder"/>), and its number is the LSN of its first shared row.
/// </summary>
internal static class SharedRows
{
    /// <summary>Copies the rows of one component and leaves out those of component 0; another component is a <see cref="CorruptionException"/>.</summary>
    public static void Copy(ReadOnlySpan<byte> rows, int component, MsgPackWriter target)
    {
        var reader = new MsgPackReader(rows);
        while (!reader.AtEnd)
        {
            int start = reader.Position;
            if (!RowHeader.TryRead(ref reader, out RowHeader header, out string problem) || (header.Type != RequestType.Nop && !reader.TrySkip()))
                throw new InvalidOperationException($"a row of the own log cannot be read: {problem}");
            if (header.ReplicaId == component)
                target.WriteRaw(rows[start..reader.Position]);
            else if (header.ReplicaId != 0)
                throw new InvalidOperationException($"a row of component {header.ReplicaId} in a log of component {component}");
        }
    }
}
