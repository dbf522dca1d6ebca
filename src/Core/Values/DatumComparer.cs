using System.Numerics;
using System.Runtime.CompilerServices;

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
    private const ulong Mix = 0x9e3779b97f4a7c15;

    /// <summary>Compares by the kinds of the values; NULLs are equal to each other and lowest.</summary>
    public static readonly DatumComparer Instance = new();

    /// <summary>Order of two non-null values of the same kind (Int, Double and Numeric may be mixed).</summary>
    public static int Compare(in Datum left, in Datum right)
    {
        if (left.Kind != right.Kind)
        {
            return CompareMixed(left, right);
        }

        switch (left.Kind)
        {
            case DatumKind.Int or DatumKind.Bool or DatumKind.Date or DatumKind.Time or DatumKind.Timestamp:
                return left.AsInt.CompareTo(right.AsInt);
            case DatumKind.Text:
                return CompareText(left.AsText, right.AsText);
            case DatumKind.Double:
                return CompareDouble(left.AsDouble, right.AsDouble);
            case DatumKind.Numeric:
                return Numeric.Compare(left.AsNumeric, right.AsNumeric);
            case DatumKind.Bytes:
                return left.AsBytes.AsSpan().SequenceCompareTo(right.AsBytes);
            case DatumKind.Uuid:
                return CompareUuid(left.AsUuid, right.AsUuid);
            case DatumKind.Interval:
                return Length(left.AsInterval).CompareTo(Length(right.AsInterval));
            case DatumKind.Array:
                return CompareArrays(left.AsArray, right.AsArray);
            case DatumKind.Record:
                return CompareSequences(left.AsRecord, right.AsRecord);
            default:
                throw new InvalidOperationException($"a {left.Kind} value was compared");
        }
    }

    /// <summary>Equality of two non-null values of the same kind; cheaper than <see cref="Compare(in Datum, in Datum)"/> for texts and bytes.</summary>
    public static bool Equal(in Datum left, in Datum right) => left.Kind == right.Kind
        ? left.Kind switch
        {
            DatumKind.Text => string.Equals(left.AsText, right.AsText),
            DatumKind.Bytes => left.AsBytes.AsSpan().SequenceEqual(right.AsBytes),
            DatumKind.Uuid => left.AsUuid == right.AsUuid,
            _ => Compare(left, right) == 0,
        }
        : Compare(left, right) == 0;

    /// <summary>A well-mixed 64-bit hash, equal for equal values of the same type; differs between processes for texts. NULL hashes to a constant.</summary>
    public static ulong Hash(in Datum value) => value.Kind switch
    {
        DatumKind.Null => Mix,
        DatumKind.Int or DatumKind.Bool or DatumKind.Date or DatumKind.Time or DatumKind.Timestamp => Finish((ulong)value.AsInt),
        DatumKind.Text => Finish((ulong)(uint)value.AsText.GetHashCode() ^ ((ulong)value.AsText.Length << 32)),
        DatumKind.Double => HashDouble(value.AsDouble),
        DatumKind.Numeric => Finish((ulong)(uint)value.AsNumeric.GetHashCode()),
        DatumKind.Bytes => HashBytes(value.AsBytes),
        DatumKind.Uuid => Finish((ulong)(uint)value.AsUuid.GetHashCode()),
        DatumKind.Interval => HashLength(Length(value.AsInterval)),
        DatumKind.Array => HashArray(value.AsArray),
        DatumKind.Record => HashSequence(value.AsRecord),
        _ => throw new InvalidOperationException($"a {value.Kind} value was hashed"),
    };

    /// <summary>Order of the UTF-8 forms. Differs from ordinal UTF-16 order only where surrogates meet U+E000..U+FFFF.</summary>
    public static int CompareText(string left, string right)
    {
        int common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
        {
            return left.Length.CompareTo(right.Length);
        }

        char a = left[common];
        char b = right[common];
        if (a >= 0xd800 && b >= 0xd800)
        {
            a = (char)(char.IsSurrogate(a) ? a + 0x2000 : a - 0x800);
            b = (char)(char.IsSurrogate(b) ? b + 0x2000 : b - 0x800);
        }

        return a.CompareTo(b);
    }

    /// <summary>PostgreSQL's order: NaN is equal to itself and above all.</summary>
    public static int CompareDouble(double left, double right)
    {
        if (left < right)
        {
            return -1;
        }

        if (left > right)
        {
            return 1;
        }

        return left == right ? 0 : (double.IsNaN(left) ? 1 : 0) - (double.IsNaN(right) ? 1 : 0);
    }

    /// <summary>Estimated length in microseconds (C3).</summary>
    public static Int128 Length(Interval value) =>
        (Int128)(value.Months * 30L + value.Days) * 86_400_000_000L + value.Microseconds;

    int IComparer<Datum>.Compare(Datum x, Datum y) =>
        x.IsNull || y.IsNull ? (x.IsNull ? 0 : 1) - (y.IsNull ? 0 : 1) : Compare(x, y);

    bool IEqualityComparer<Datum>.Equals(Datum x, Datum y) => x.IsNull || y.IsNull ? x.IsNull && y.IsNull : Equal(x, y);

    int IEqualityComparer<Datum>.GetHashCode(Datum value) => (int)Hash(value);

    private static int CompareMixed(in Datum left, in Datum right)
    {
        if (left.Kind == DatumKind.Double || right.Kind == DatumKind.Double)
        {
            return CompareDouble(ToDouble(left), ToDouble(right));
        }

        return Numeric.Compare(ToNumeric(left), ToNumeric(right));
    }

    private static double ToDouble(in Datum value) => value.Kind switch
    {
        DatumKind.Int => value.AsInt,
        DatumKind.Double => value.AsDouble,
        _ => value.AsNumeric.ToDouble(),
    };

    private static Numeric ToNumeric(in Datum value) => value.Kind == DatumKind.Int ? Numeric.FromInt64(value.AsInt) : value.AsNumeric;

    private static int CompareUuid(Guid left, Guid right)
    {
        Span<byte> a = stackalloc byte[16];
        Span<byte> b = stackalloc byte[16];
        left.TryWriteBytes(a, bigEndian: true, out _);
        right.TryWriteBytes(b, bigEndian: true, out _);
        return a.SequenceCompareTo(b);
    }

    private static int CompareArrays(DatumArray left, DatumArray right)
    {
        int order = CompareSequences(left.Elements, right.Elements);
        if (order == 0)
        {
            order = left.Lengths.Length.CompareTo(right.Lengths.Length);
        }

        for (int i = 0; order == 0 && i < left.Lengths.Length; i++)
        {
            order = left.Lengths[i].CompareTo(right.Lengths[i]);
            order = order == 0 ? left.LowerBounds[i].CompareTo(right.LowerBounds[i]) : order;
        }

        return order;
    }

    /// <summary>Element by element; NULLs are equal to each other and highest, as in PostgreSQL's arrays and rows.</summary>
    private static int CompareSequences(Datum[] left, Datum[] right)
    {
        int common = Math.Min(left.Length, right.Length);
        for (int i = 0; i < common; i++)
        {
            int order = left[i].IsNull || right[i].IsNull
                ? (left[i].IsNull ? 1 : 0) - (right[i].IsNull ? 1 : 0)
                : Compare(left[i], right[i]);
            if (order != 0)
            {
                return order;
            }
        }

        return left.Length.CompareTo(right.Length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Finish(ulong bits)
    {
        bits = (bits ^ (bits >> 32)) * Mix;
        return bits ^ BitOperations.RotateRight(bits, 29);
    }

    private static ulong HashDouble(double value) =>
        Finish((ulong)BitConverter.DoubleToInt64Bits(value == 0 ? 0.0 : double.IsNaN(value) ? double.NaN : value));

    private static ulong HashLength(Int128 length) => Finish((ulong)length ^ (ulong)(length >> 64));

    private static ulong HashBytes(byte[] bytes)
    {
        var hash = new HashCode();
        hash.AddBytes(bytes);
        return Finish((ulong)(uint)hash.ToHashCode());
    }

    private static ulong HashArray(DatumArray array)
    {
        ulong hash = HashSequence(array.Elements);
        foreach (int length in array.Lengths)
        {
            hash = Finish(hash + (uint)length);
        }

        return hash;
    }

    private static ulong HashSequence(Datum[] values)
    {
        ulong hash = (ulong)values.Length;
        foreach (ref readonly Datum value in values.AsSpan())
        {
            hash = Finish(BitOperations.RotateLeft(hash, 7) + Hash(value));
        }

        return hash;
    }
}
