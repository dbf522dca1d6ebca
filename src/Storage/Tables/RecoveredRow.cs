namespace Picodata.Storage;

/// <summary>A row of a log that recovery applies; the values are the request types of the files.</summary>
internal enum RecoveredOperation : byte { Insert = 2, Replace = 3, Update = 4, Delete = 5, Upsert = 9, Nop = 12 }

/// <summary>One logical row of a recovered transaction; chapter 5 of the format says what is required.</summary>
/// <param name="Operation">Request type.</param>
/// <param name="SpaceId">Space; 0 for Nop.</param>
/// <param name="Tuple">Insert, Replace, Upsert: the tuple.</param>
/// <param name="Key">Update, Delete: the key, of the index <paramref name="IndexId"/>.</param>
/// <param name="Operations">Update, Upsert: array of operations (whatever key it had in the body).</param>
/// <param name="IndexId">Index of <paramref name="Key"/>, nearly always 0.</param>
/// <param name="IndexBase">Number that fields are counted from in <paramref name="Operations"/>.</param>
internal readonly record struct RecoveredRow(
    RecoveredOperation Operation,
    uint SpaceId,
    ReadOnlyMemory<byte> Tuple = default,
    ReadOnlyMemory<byte> Key = default,
    ReadOnlyMemory<byte> Operations = default,
    uint IndexId = 0,
    int IndexBase = 0);

/// <summary>
/// A recovered row cannot be applied (existing key, unknown space, bad tuple, two rows with one unique key). The message has the
/// form of what was expected and found; recovery adds file and offset, and skips the row when forced.
/// </summary>
internal sealed class RowApplyException(string expected, string found) : Exception($"expected {expected}, found {found}")
{
    public string Expected { get; } = expected;

    public string Found { get; } = found;
}
