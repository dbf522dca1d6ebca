namespace Picodata.Storage;

/// <summary>
/// An image of all spaces at one commit. Opening costs a copy of the roots; while it is open, writers copy the nodes that they
/// change. Any thread may read; closing is thread-safe. Rows are valid until it is closed.
/// </summary>
internal sealed class ReadView : IDisposable
{
    /// <summary>The newest commit that is in the view.</summary>
    public long Lsn => throw new NotImplementedException();

    public DatabaseSchema Schema => throw new NotImplementedException();

    /// <summary>
    /// Spaces in the order that a snapshot file has them (by id). Includes temporary spaces and engines without rows; the rows of
    /// temporary spaces do not belong into files.
    /// </summary>
    public IReadOnlyList<SpaceDef> Spaces => throw new NotImplementedException();

    /// <summary>Rows of a space in order of its primary key; empty when it has none.</summary>
    public IndexCursor OpenCursor(uint spaceId) => throw new NotImplementedException();

    /// <summary>Rows of any index of a space.</summary>
    public IndexCursor OpenCursor(uint spaceId, uint indexId, in KeyRange range, bool descending) => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}
