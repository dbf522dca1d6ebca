namespace Picodata.Storage.Files;

/// <summary>
/// Follows the LSNs of a file. In a log those of each replica grow, normally by one; in a snapshot rows are numbered from 0
/// (old versions: from 1).
/// </summary>
internal sealed class LsnCheck(LogHeader header)
{
    private readonly RunningVClock clock = new(header.VClock);
    private long snapshotRow;
    private bool toldSnapshotStep;

    public VClock Reached => clock.ToVClock();

    public void Check(LogBlock block, Action<LogProblem> report)
    {
        foreach (ref readonly LogRow row in block.Rows)
        {
            if (header.Kind == LogFileKind.Snap)
            {
                CheckSnapshotRow(row.Header.Lsn, block.Offset, report);
                continue;
            }

            int replica = row.Header.ReplicaId;
            long lsn = row.Header.Lsn;
            long last = clock[replica];
            if (lsn <= last)
            {
                report(new LogProblem(DamageKinds.LsnNotMonotonic, block.Offset, $"an LSN of replica {replica} above {last}", $"{lsn}", true));
                continue;
            }

            if (lsn != last + 1)
            {
                report(new LogProblem(DamageKinds.LsnStep, block.Offset, $"LSN {last + 1} of replica {replica}", $"{lsn}", false));
            }

            clock[replica] = lsn;
        }
    }

    private void CheckSnapshotRow(long lsn, long offset, Action<LogProblem> report)
    {
        if (lsn != snapshotRow && !toldSnapshotStep)
        {
            toldSnapshotStep = true;
            report(new LogProblem(DamageKinds.SnapLsnStep, offset, $"row number {snapshotRow}", $"{lsn}", false));
        }

        snapshotRow++;
    }
}
