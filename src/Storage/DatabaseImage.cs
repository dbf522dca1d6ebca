using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>
/// The shared rows of a database at one commit, in the order of a snapshot. While it is open, nobody waits for it; rows that are replaced meanwhile are
/// kept. Used by one thread.
/// </summary>
public sealed class DatabaseImage : IDisposable
{
    private readonly ReadView view;
    private readonly IEnumerator<SpaceDef> spaces;
    private IndexCursor? cursor;

    internal DatabaseImage(ReadView view, VClock clock, int component, long lsn)
    {
        this.view = view;
        Clock = clock.With(0, 0);
        Component = component;
        Lsn = lsn;
        spaces = view.Spaces.Where(space => space is { IsLocal: false, IsTemporary: false, IsView: false, Primary: not null }).ToList().GetEnumerator();
    }

    /// <summary>Vector clock, without the component of replica-local rows.</summary>
    public VClock Clock { get; }

    /// <summary>The log's component.</summary>
    public int Component { get; }

    /// <summary>The log's LSN.</summary>
    public long Lsn { get; }

    /// <summary>Number of the newest commit in it (<see cref="Database.WaitSyncedAsync"/>).</summary>
    public long Number => view.Lsn;

    /// <summary>Space of the current row.</summary>
    public uint SpaceId { get; private set; }

    /// <summary>The current row.</summary>
    public ReadOnlySpan<byte> Tuple => cursor!.Current;

    public bool MoveNext()
    {
        while (cursor is null || !cursor.MoveNext())
        {
            cursor?.Dispose();
            cursor = null;
            if (!spaces.MoveNext())
                return false;
            SpaceId = spaces.Current.Id;
            cursor = view.OpenCursor(SpaceId);
        }
        return true;
    }

    public void Dispose()
    {
        cursor?.Dispose();
        spaces.Dispose();
        view.Dispose();
    }
}
