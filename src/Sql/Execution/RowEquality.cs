using Picodata.Core;

namespace Picodata.Sql.Execution;

/// <summary>Equality and hashes of rows in which NULL equals NULL: what GROUP BY, DISTINCT and set operations mean by same.</summary>
internal sealed class RowEquality : IEqualityComparer<Datum[]>
{
    public static readonly RowEquality Instance = new();

    /// <summary>NULL equals NULL; else by value.</summary>
    public static bool Same(in Datum left, in Datum right)
    {
        if (left.IsNull || right.IsNull)
        {
            return left.IsNull && right.IsNull;
        }

        return left.Kind == DatumKind.Record && right.Kind == DatumKind.Record
            ? Instance.Equals(left.AsRecord, right.AsRecord)
            : DatumComparer.Equal(left, right);
    }

    public bool Equals(Datum[]? x, Datum[]? y)
    {
        if (x!.Length != y!.Length)
        {
            return false;
        }

        for (int i = 0; i < x.Length; i++)
        {
            if (!Same(x[i], y[i]))
            {
                return false;
            }
        }

        return true;
    }

    public int GetHashCode(Datum[] row)
    {
        ulong hash = 0;
        foreach (ref readonly Datum value in row.AsSpan())
        {
            hash = (hash * 0x9E3779B97F4A7C15UL) + Hash(value);
        }

        return (int)(hash ^ (hash >> 32));
    }

    private static ulong Hash(in Datum value) =>
        value.Kind == DatumKind.Record ? (ulong)Instance.GetHashCode(value.AsRecord) : DatumComparer.Hash(value);

    /// <summary>True when a value is NULL.</summary>
    public static bool HasNull(ReadOnlySpan<Datum> row)
    {
        foreach (ref readonly Datum value in row)
        {
            if (value.IsNull)
            {
                return true;
            }
        }

        return false;
    }
}
