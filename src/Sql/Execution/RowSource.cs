using Picodata.Core;

namespace Picodata.Sql.Execution;

/// <summary>
/// Rows of a running plan, pulled one by one. <see cref="Current"/> is valid until the next <see cref="MoveNext"/>; the values
/// themselves may be kept. Errors are <see cref="DbException"/>. Not thread-safe.
/// </summary>
public abstract class RowSource : IDisposable
{
    private protected RowSource(int width) => Width = width;

    /// <summary>Number of columns.</summary>
    public int Width { get; }

    /// <summary>Goes to the next row; false behind the last (and again false when asked again).</summary>
    public abstract bool MoveNext();

    /// <summary>The current row's values.</summary>
    public ReadOnlySpan<Datum> Current => new(Row, 0, Width);

    /// <summary>The current row; at least <see cref="Width"/> values. Never written to by readers.</summary>
    internal Datum[] Row { get; private protected set; } = [];

    /// <summary>True when every row is an array of its own that stays as it is, so that keeping it needs no copy.</summary>
    internal virtual bool RowsStay => false;

    /// <summary>Starts again from the first row, with the cells as they now are.</summary>
    internal abstract void Rescan();

    /// <summary>Gives back cursors.</summary>
    public virtual void Dispose()
    {
    }
}
