namespace Picodata.Storage.Files;

/// <summary>Result of applying update operations.</summary>
public enum UpdateOutcome
{
    Done,

    /// <summary>The operations cannot be applied; the reason is in the problem text.</summary>
    Failed,
}

/// <summary>What <see cref="UpdateOperations"/> must know of the space's format.</summary>
public interface IFieldNames
{
    /// <summary>Number from 0 of the field with this name (UTF-8), or -1.</summary>
    int Find(ReadOnlySpan<byte> name);

    /// <summary>True when the field is declared as <c>double</c>: sums stay 8-byte floats.</summary>
    bool IsDouble(int field);
}

/// <summary>Applies the operations of UPDATE and UPSERT to a tuple.</summary>
public static class UpdateOperations
{
    /// <summary>
    /// Applies operations in order, each to the result of those before.
    /// </summary>
    /// <param name="tuple">MessagePack array.</param>
    /// <param name="operations">MessagePack array of arrays <c>[op, field, argument...]</c>.</param>
    /// <param name="indexBase">What is subtracted from field numbers and splice offsets that are not negative: 0 or 1.</param>
    /// <param name="isUpsert">True: an operation that fails is skipped, the others stay in effect.</param>
    /// <param name="result">Receives the new tuple (appended) when the outcome is Done.</param>
    public static UpdateOutcome Apply(
        ReadOnlySpan<byte> tuple, ReadOnlySpan<byte> operations, uint indexBase, bool isUpsert, IFieldNames names, MsgPackWriter result, out string problem) =>
        throw new NotImplementedException();
}
