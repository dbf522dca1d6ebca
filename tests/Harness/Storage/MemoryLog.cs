using Picodata.Core;
using Picodata.Storage;

namespace Picodata.Harness;

/// <summary>
/// A log without a disk: it keeps what it was given, becomes durable when told, and can lose what is not durable yet.
/// </summary>
internal sealed class MemoryLog(Engine engine) : ICommitLog
{
    private readonly List<(long Lsn, CommitUndo Undo, List<(LoggedOperation Operation, uint Space, byte[] Bytes)> Rows)> pending = [];
    private long lsn;

    /// <summary>Transactions in commit order, those that were lost left out.</summary>
    public List<List<(LoggedOperation Operation, uint Space, byte[] Bytes)>> Commits { get; } = [];

    /// <summary>True: every commit is durable at once.</summary>
    public bool IsImmediate { get; set; } = true;

    /// <summary>Not null: writing is refused with this state.</summary>
    public string? Refusal { get; set; }

    /// <summary>True: Append fails after the commit was applied.</summary>
    public bool FailsAppend { get; set; }

    public void EnsureWritable()
    {
        if (Refusal is not null)
        {
            throw new DbException(Refusal, "the log refuses");
        }
    }

    public long Append(ReadOnlySpan<LoggedRow> rows, CommitUndo undo)
    {
        if (FailsAppend)
        {
            throw new DbException(SqlStates.DiskFull, "no space");
        }

        var copy = new List<(LoggedOperation, uint, byte[])>();
        foreach (ref readonly LoggedRow row in rows)
        {
            copy.Add((row.Operation, row.SpaceId, row.Bytes.ToArray()));
        }

        lsn += rows.Length;
        pending.Add((lsn, undo, copy));
        if (IsImmediate)
        {
            MakeDurable();
        }

        return lsn;
    }

    /// <summary>Everything so far is durable.</summary>
    public void MakeDurable()
    {
        lock (engine.Gate)
        {
            foreach ((_, CommitUndo undo, List<(LoggedOperation, uint, byte[])> rows) in pending)
            {
                Commits.Add(rows);
                engine.Release(undo);
            }

            pending.Clear();
        }
    }

    /// <summary>The newest commits that are not durable, all or some of them, are taken back.</summary>
    public void Lose(int count = int.MaxValue) => engine.Undo(() =>
    {
        var undone = new List<CommitUndo>();
        while (pending.Count > 0 && count-- > 0)
        {
            undone.Add(pending[^1].Undo);
            pending.RemoveAt(pending.Count - 1);
        }

        return undone;
    });
}
