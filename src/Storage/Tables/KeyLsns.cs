// How far back a read of one key reaches: the commits that last touched keys with its hash.
//
//   written[h]  LSN of the newest commit that wrote, replaced or deleted a row whose primary key has hash h
//   existence[h]  LSN of the newest commit that made such a key come or go
//
// Invariants:
// K1 both are never below the truth for any key: keys that share a slot, and slots that are never cleared, only make a reader wait for a
//    commit that is newer than needed;
// K2 written under the gate before the commit can be seen, so whoever opened a view or holds the gate afterwards finds it;
// K3 after commits were taken back no slot names one of them (their numbers never become durable).
namespace Picodata.Storage;

/// <summary>
/// LSNs of the newest commits by hash of the primary key, so that a reader of one row waits for the durability of that row's commit and
/// not for that of its whole table. Written under the gate, read by any thread.
/// </summary>
internal sealed class KeyLsns
{
    /// <summary>Commits with more changes than this count for their tables as wholes.</summary>
    public const int MostChanges = 512;

    private const int Slots = 1 << 15;

    private readonly long[] written = new long[Slots];
    private readonly long[] existence = new long[Slots];

    /// <summary>A commit changed a key; <paramref name="cameOrWent"/>: there was no row before, or there is none now.</summary>
    public void Note(uint space, ulong hash, long lsn, bool cameOrWent)
    {
        int slot = SlotOf(space, hash);
        Volatile.Write(ref written[slot], lsn);
        if (cameOrWent)
        {
            Volatile.Write(ref existence[slot], lsn);
        }
    }

    /// <summary>The newest commit on which the row of a key, or that there is none, may rest.</summary>
    public long Written(uint space, ulong hash) => Volatile.Read(ref written[SlotOf(space, hash)]);

    /// <summary>The newest commit on which it may rest that there is a row with a key, or none.</summary>
    public long Existence(uint space, ulong hash) => Volatile.Read(ref existence[SlotOf(space, hash)]);

    /// <summary>Commits behind <paramref name="lsn"/> were taken back.</summary>
    public void TakeBack(long lsn)
    {
        for (int i = 0; i < Slots; i++)
        {
            Volatile.Write(ref written[i], Math.Min(written[i], lsn));
            Volatile.Write(ref existence[i], Math.Min(existence[i], lsn));
        }
    }

    private static int SlotOf(uint space, ulong hash) => (int)((((hash ^ (hash >> 29)) + space) * 0x9e3779b97f4a7c15) >> 49);
}
