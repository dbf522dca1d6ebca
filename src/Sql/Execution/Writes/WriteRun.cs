using Picodata.Core;
using Picodata.Sql.Types;
using Picodata.Storage;

namespace Picodata.Sql.Execution;

/// <summary>
/// One execution of a writing node. Runs to its end or to the first lock that somebody else holds; then the statement is
/// taken back and run again from the beginning, so nothing that was done before needs remembering.
/// </summary>
internal abstract class WriteRun(ExecutionContext context, Evaluator[] returning, int returnWidth)
{
    private readonly Evaluator[] returning = returning;

    protected ExecutionContext Context { get; } = context;

    protected Transaction Transaction { get; } = context.Transaction;

    /// <summary>Rows written.</summary>
    public long AffectedRows { get; protected set; }

    /// <summary>Rows of RETURNING (or of a query that locks rows); null when the statement gives none.</summary>
    public List<Datum[]>? Returned { get; private protected set; } = returnWidth > 0 ? [] : null;

    /// <summary>Columns of <see cref="Returned"/>.</summary>
    public int ReturnWidth { get; } = returnWidth;

    /// <summary>Runs the writes. Null when done; else what to wait for before the statement is run again.</summary>
    public abstract Task? Run();

    /// <summary>Keeps a row of RETURNING, computed over a row.</summary>
    protected void Return(Datum[] over)
    {
        if (Returned is null)
        {
            return;
        }

        var row = new Datum[returning.Length];
        for (int i = 0; i < row.Length; i++)
        {
            row[i] = returning[i].Evaluate(over, Context);
        }

        Context.Memory.Charge(StatementMemory.SizeOf(row));
        Returned.Add(row);
    }

    /// <summary>The outcomes that end a statement or make it wait; null when the write was done.</summary>
    protected Task? Unless(in WriteResult result, WriteTarget target, Datum[]? row)
    {
        switch (result.Outcome)
        {
            case WriteOutcome.Done:
                return null;
            case WriteOutcome.MustWait:
                return result.Wait ?? Task.CompletedTask;
            case WriteOutcome.Gone:
                return Again();
            case WriteOutcome.Duplicate:
                throw target.UniqueViolation(result.Index, row!, Context);
            default:
                throw WriteTarget.SerializationFailure();
        }
    }

    /// <summary>The rows that the statement saw are not the newest ones: run again without waiting.</summary>
    protected static Task Again() => Task.CompletedTask;

    /// <summary>
    /// Locks a row that the statement found in its view. <paramref name="latest"/> is its newest version, which is the one of the view;
    /// when it is another, the statement must run again.
    /// </summary>
    protected Task? LockFound(WriteTarget target, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> latest)
    {
        Task? wait = Unless(Transaction.LockRow(target.SpaceId, key, isShown: true, out latest), target, null);
        if (wait is not null)
        {
            return wait;
        }

        return Transaction.TryGet(target.SpaceId, 0, key, out ReadOnlySpan<byte> seen) && latest.SequenceEqual(seen) ? null : Again();
    }
}

/// <summary>Keys of rows found by a statement, each once when asked to.</summary>
internal sealed class FoundKeys(bool unique)
{
    private sealed class ByteEquality : IEqualityComparer<byte[]>
    {
        public static readonly ByteEquality Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] bytes)
        {
            HashCode hash = default;
            hash.AddBytes(bytes);
            return hash.ToHashCode();
        }
    }

    private readonly HashSet<byte[]>? seen = unique ? new HashSet<byte[]>(ByteEquality.Instance) : null;

    /// <summary>Notes a key; false when it was noted before.</summary>
    public bool Add(byte[] key) => seen is null || seen.Add(key);

    public bool Contains(byte[] key) => seen is not null && seen.Contains(key);

    /// <summary>Writes the key of a found row; false when a value is NULL (the row of an outer join that is not there).</summary>
    public static bool Write(Datum[] row, int[] slots, ColumnCodec[] codecs, TupleWriter writer)
    {
        writer.Begin(slots.Length);
        for (int i = 0; i < slots.Length; i++)
        {
            if (row[slots[i]].IsNull)
            {
                return false;
            }

            codecs[i].Write(row[slots[i]], writer.Output);
        }

        return true;
    }
}
