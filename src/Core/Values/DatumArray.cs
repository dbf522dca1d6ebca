namespace Picodata.Core;

/// <summary>An array value: elements in row-major order with lengths and lower bounds of its dimensions (none when empty).</summary>
/// <param name="ElementType">Type of every element.</param>
/// <param name="Elements">Elements, row-major.</param>
/// <param name="Lengths">Length of each dimension; empty for the empty array.</param>
/// <param name="LowerBounds">First subscript of each dimension, normally 1 (0 for int2vector and oidvector).</param>
public sealed record DatumArray(SqlType ElementType, Datum[] Elements, int[] Lengths, int[] LowerBounds)
{
    /// <summary>A one-dimensional array that counts from 1.</summary>
    public static DatumArray Of(SqlType elementType, params Datum[] elements) =>
        new(elementType, elements, elements.Length == 0 ? [] : [elements.Length], elements.Length == 0 ? [] : [1]);
}
