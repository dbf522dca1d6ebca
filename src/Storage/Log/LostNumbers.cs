using Picodata.Core;

namespace Picodata.Storage.Log;

/// <summary>Ranges of numbers of commits that were taken back; immutable. Ranges that touch are one, so that a disk that stays full costs nothing.</summary>
internal sealed class LostNumbers
{
    public static readonly LostNumbers None = new([]);

    private readonly (long After, long Last, DbException Error)[] ranges;

    private LostNumbers((long, long, DbException)[] ranges) => this.ranges = ranges;

    /// <summary>What clients are told of a commit that could not be written.</summary>
    public static DbException Error(IOException cause) => cause is DiskFullException
        ? new DbException(SqlStates.DiskFull, $"the transaction was rolled back because the log could not be written: {cause.Message}", hint: "free space on the disk of the instance directory; writing goes on by itself", cause: cause)
        : new DbException(SqlStates.IoError, $"the transaction was rolled back because the log could not be written: {cause.Message}", hint: "look at the disk of the instance directory", cause: cause);

    /// <summary>Adds the numbers behind <paramref name="durable"/> up to <paramref name="last"/>.</summary>
    public LostNumbers With(long durable, long last, DbException error)
    {
        if (ranges.Length > 0 && ranges[^1].After == durable)
            return new LostNumbers([.. ranges[..^1], (durable, last, error)]);
        return new LostNumbers([.. ranges, (durable, last, error)]);
    }

    public bool Contains(long number)
    {
        foreach ((long after, long last, _) in ranges)
        {
            if (number > after && number <= last)
                return true;
        }
        return false;
    }

    public void ThrowIfLost(long number)
    {
        foreach ((long after, long last, DbException error) in ranges)
        {
            if (number > after && number <= last)
                throw new DbException(error.SqlState, error.Message, hint: error.Hint, cause: error);
        }
    }
}
