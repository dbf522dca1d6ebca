namespace Picodata.Core;

/// <summary>
/// Order, equality and hashes of values of one type.
///
/// Invariants:
/// C1 The order is total: NaN is equal to itself and above all numbers, -0 equals 0; infinite dates lie at the ends.
/// C2 Text is ordered by the bytes of its UTF-8 form (PostgreSQL's collation "C"), whatever the locale.
/// C3 Intervals are ordered by their estimated length: a month is 30 days, a day 24 hours.
/// C4 Equal values have equal hashes, also across scales of a numeric (1.0 and 1).
/// NULL is not ordered here: the static methods demand non-null values, callers place NULLs.
/// </summary>
public sealed class DatumComparer : IComparer<Datum>, IEqualityComparer<Datum>
{
    /// <summary>Compares by the kinds of the values; NULLs are equal to each other and lowest.</summary>
    public static readonly DatumComparer Instance = new();

    /// <summary>Order of two non-null values of the same kind (Int, Double and Numeric may be mixed).</summary>
    public static int Compare(in Datum left, in Datum right) => throw new NotImplementedException();

    /// <summary>Equality of two non-null values of the same kind; cheaper than <see cref="Compare(in Datum, in Datum)"/> for texts and bytes.</summary>
    public static bool Equal(in Datum left, in Datum right) => throw new NotImplementedException();

    /// <summary>A well-mixed 64-bit hash, equal for equal values of the same type; differs between processes for texts. NULL hashes to a constant.</summary>
    public static ulong Hash(in Datum value) => throw new NotImplementedException();

    int IComparer<Datum>.Compare(Datum x, Datum y) => x.IsNull || y.IsNull ? (x.IsNull ? 0 : 1) - (y.IsNull ? 0 : 1) : Compare(x, y);

    bool IEqualityComparer<Datum>.Equals(Datum x, Datum y) => x.IsNull || y.IsNull ? x.IsNull && y.IsNull : Equal(x, y);

    int IEqualityComparer<Datum>.GetHashCode(Datum value) => (int)Hash(value);
}
