using System.Globalization;
using System.Text;

namespace Picodata.Storage.Files;

/// <summary>How two vector clocks relate.</summary>
public enum VClockOrder { Equal, Before, After, Incomparable }

/// <summary>
/// A vector clock: for each replica id (0 to 31; 0 counts replica-local rows) the LSN of its last row. A component of 0 is
/// the same as none. Text form <c>{1: 10, 2: 3}</c>, ids ascending. Immutable.
/// </summary>
public sealed class VClock : IEquatable<VClock>
{
    /// <summary>Number of components; ids are below.</summary>
    public const int Size = 32;

    public static readonly VClock Empty = new(new long[Size]);

    private readonly long[] lsns;

    private VClock(long[] lsns) => this.lsns = lsns;

    /// <summary>The LSN of a replica, 0 when it has none. Ids outside of 0..31 are an ArgumentOutOfRangeException.</summary>
    public long this[int id]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)id, (uint)Size, nameof(id));
            return lsns[id];
        }
    }

    /// <summary>Sum of all components: the number in a file's name.</summary>
    public long Signature => lsns.Sum();

    public static VClock Of(int id, long lsn) => Empty.With(id, lsn);

    /// <summary>A copy in which one component is set.</summary>
    public VClock With(int id, long lsn)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)id, (uint)Size, nameof(id));
        ArgumentOutOfRangeException.ThrowIfNegative(lsn);
        long[] copy = (long[])lsns.Clone();
        copy[id] = lsn;
        return new VClock(copy);
    }

    /// <summary>Component by component the larger of the two.</summary>
    public VClock Max(VClock other)
    {
        long[] copy = new long[Size];
        for (int id = 0; id < Size; id++)
        {
            copy[id] = Math.Max(lsns[id], other.lsns[id]);
        }

        return new VClock(copy);
    }

    public VClockOrder CompareTo(VClock other)
    {
        bool less = false, greater = false;
        for (int id = 0; id < Size; id++)
        {
            less |= lsns[id] < other.lsns[id];
            greater |= lsns[id] > other.lsns[id];
        }

        return (less, greater) switch
        {
            (false, false) => VClockOrder.Equal,
            (true, false) => VClockOrder.Before,
            (false, true) => VClockOrder.After,
            _ => VClockOrder.Incomparable,
        };
    }

    /// <summary>
    /// Reads the text form; blanks around every token and a comma at the end are taken. False for an id above 31 or given
    /// twice, an LSN above 2^63-1, a sum above that, and any other text.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, out VClock clock)
    {
        clock = Empty;
        text = text.Trim();
        if (text.Length < 2 || text[0] != '{' || text[^1] != '}')
        {
            return false;
        }

        text = text[1..^1].Trim();
        if (text.Length > 0 && text[^1] == ',')
        {
            text = text[..^1].TrimEnd();
            if (text.IsEmpty)
            {
                return false;
            }
        }

        return text.IsEmpty || TryParseComponents(text, out clock);
    }

    /// <inheritdoc/>
    public bool Equals(VClock? other) => other is not null && lsns.AsSpan().SequenceEqual(other.lsns);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as VClock);

    /// <inheritdoc/>
    public override int GetHashCode() => Signature.GetHashCode();

    /// <summary>The text form.</summary>
    public override string ToString()
    {
        var text = new StringBuilder("{");
        for (int id = 0; id < Size; id++)
        {
            if (lsns[id] != 0)
            {
                text.Append(text.Length > 1 ? ", " : "").Append(CultureInfo.InvariantCulture, $"{id}: {lsns[id]}");
            }
        }

        return text.Append('}').ToString();
    }

    private static bool TryParseComponents(ReadOnlySpan<char> text, out VClock clock)
    {
        clock = Empty;
        long[] lsns = new long[Size];
        uint seen = 0;
        Int128 sum = 0;
        foreach (Range range in text.Split(','))
        {
            ReadOnlySpan<char> pair = text[range];
            int colon = pair.IndexOf(':');
            if (colon < 0
                || !TryParseNumber(pair[..colon], out long id) || id >= Size || (seen & (1u << (int)id)) != 0
                || !TryParseNumber(pair[(colon + 1)..], out long lsn))
            {
                return false;
            }

            seen |= 1u << (int)id;
            lsns[id] = lsn;
            sum += lsn;
        }

        clock = new VClock(lsns);
        return sum <= long.MaxValue;
    }

    private static bool TryParseNumber(ReadOnlySpan<char> text, out long value) =>
        long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out value);
}

/// <summary>A vector clock that moves: what recovery has reached. Used by one thread at a time.</summary>
public sealed class RunningVClock(VClock start)
{
    private readonly long[] lsns = Enumerable.Range(0, VClock.Size).Select(id => start[id]).ToArray();

    public long this[int id]
    {
        get => lsns[id];
        set => lsns[id] = value;
    }

    public VClock ToVClock()
    {
        VClock clock = VClock.Empty;
        for (int id = 0; id < VClock.Size; id++)
        {
            clock = lsns[id] == 0 ? clock : clock.With(id, lsns[id]);
        }

        return clock;
    }
}
