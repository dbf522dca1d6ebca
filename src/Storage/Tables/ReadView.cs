using Picodata.Core;

namespace Picodata.Storage;

/// <summary>
/// An image of all spaces at one commit. Opening costs a copy of the roots; while it is open, writers copy the nodes that they
/// change. Any thread may read; closing is thread-safe. Rows are valid until it is closed.
/// </summary>
internal sealed class ReadView : IDisposable
{
    private readonly Engine engine;
    private nint[] roots = [];
    private int slots;

    /// <summary>A closed view, to be opened by the engine (and again after it was closed).</summary>
    internal ReadView(Engine engine) => this.engine = engine;

    /// <summary>The newest commit that is in the view.</summary>
    public long Lsn { get; private set; }

    public DatabaseSchema Schema => Catalog.Schema;

    /// <summary>
    /// Spaces in the order that a snapshot file has them (by id). Includes temporary spaces and engines without rows; the rows of
    /// temporary spaces do not belong into files.
    /// </summary>
    public IReadOnlyList<SpaceDef> Spaces => [.. Catalog.Spaces.Select(space => space.Def).OrderBy(space => space.Id)];

    internal Catalog Catalog { get; private set; } = null!;

    internal long Epoch { get; set; }

    /// <summary>Counter of taken-back commits when the view was opened.</summary>
    internal long Generation { get; private set; }

    internal ReadView? Older { get; set; }

    internal ReadView? Newer { get; set; }

    internal List<nint> Garbage { get; } = [];

    internal bool IsOpen { get; private set; }

    /// <summary>Rows of a space in order of its primary key; empty when it has none.</summary>
    public IndexCursor OpenCursor(uint spaceId) =>
        Catalog.Find(spaceId)?.Primary is null ? new MergedCursor() : OpenCursor(spaceId, 0, KeyRange.All, descending: false);

    /// <summary>Rows of any index of a space.</summary>
    public IndexCursor OpenCursor(uint spaceId, uint indexId, in KeyRange range, bool descending)
    {
        if (Catalog.Find(spaceId)?.Index(indexId)?.Tree is not { } tree)
        {
            throw new DbException(SqlStates.UndefinedObject, $"there is no index {indexId} of space {spaceId}");
        }

        return new MergedCursor(tree.Key, RootOf(tree), in range, descending);
    }

    public void Dispose() => engine.CloseView(this);

    /// <summary>Root of a tree as the view has it; that of a tree that no commit has made yet is its own.</summary>
    internal nint RootOf(RowTree tree) => tree.Slot < 0 ? tree.Root : tree.Slot < slots ? roots[tree.Slot] : 0;

    internal void Fill(Catalog catalog, long lsn, long generation, nint[] source, int count)
    {
        if (roots.Length < count)
        {
            roots = new nint[count + 16];
        }

        source.AsSpan(0, count).CopyTo(roots);
        slots = count;
        Catalog = catalog;
        Lsn = lsn;
        Generation = generation;
        IsOpen = true;
    }

    internal void MarkClosed() => IsOpen = false;
}
