namespace Picodata.Storage;

/// <summary>Holders and waiters of the lock on one whole table. Used under the gate by <see cref="LockTable"/> only.</summary>
internal sealed class TableLock
{
    private readonly int[] holders = new int[4];

    /// <summary>In order of arrival.</summary>
    public List<LockWait> Waiters { get; } = [];

    /// <summary>Modes that conflict with a mode, as a mask. ShareWrite conflicts with itself too: index builds go one by one.</summary>
    public static int ConflictsOf(TableLockMode mode) => mode switch
    {
        TableLockMode.Shared => Bit(TableLockMode.Exclusive),
        TableLockMode.Write => Bit(TableLockMode.ShareWrite) | Bit(TableLockMode.Exclusive),
        TableLockMode.ShareWrite => Bit(TableLockMode.Write) | Bit(TableLockMode.ShareWrite) | Bit(TableLockMode.Exclusive),
        _ => 0b1111,
    };

    public static int Bit(TableLockMode mode) => 1 << (int)mode;

    /// <summary>True when no one but the holder of <paramref name="own"/> has a conflicting mode.</summary>
    public bool CanGrant(TableLockMode mode, int own)
    {
        int conflicts = ConflictsOf(mode);
        for (int i = 0; i < 4; i++)
        {
            if ((conflicts >> i & 1) != 0 && holders[i] - (own >> i & 1) > 0)
            {
                return false;
            }
        }

        return true;
    }

    public void Add(TableLockMode mode) => holders[(int)mode]++;

    public void Remove(int modes)
    {
        for (int i = 0; i < 4; i++)
        {
            holders[i] -= modes >> i & 1;
        }
    }
}

/// <summary>A transaction that waits for one lock.</summary>
internal sealed class LockWait(Transaction transaction, LockKey row, TableLock? table, SpaceState? space, TableLockMode mode)
{
    public Transaction Transaction { get; } = transaction;

    /// <summary>The row or unique key, when <see cref="Table"/> is null.</summary>
    public LockKey Row { get; } = row;

    public TableLock? Table { get; } = table;

    public SpaceState? Space { get; } = space;

    public TableLockMode Mode { get; } = mode;

    /// <summary>Completes when the lock has been given to the transaction.</summary>
    public TaskCompletionSource Source { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>
/// A row (index 0) or a unique key, by a hash of its values: two keys with one hash share their lock, which only makes somebody wait.
/// </summary>
internal readonly record struct LockKey(uint Space, uint Index, ulong Hash)
{
    public override int GetHashCode() => (int)(Hash ^ (Hash >> 32)) ^ (int)((Space * 31) + Index);
}
