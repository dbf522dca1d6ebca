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

/// <summary>
/// Applies the operations of UPDATE and UPSERT to a tuple: an array of arrays <c>[op, field, argument...]</c>.
///
///   <c>=</c> set; right behind the last field it appends, on a missing map key it adds
///   <c>+ -</c> arithmetic; <c>&amp; | ^</c> on unsigned integers
///   <c>!</c> insert before the field; on a map: add a key that is not there
///   <c>#</c> delete that many fields; on a map: the key, with the count 1
///   <c>:</c> splice of a string: offset, cut length, replacement, in bytes
///
/// A field is a number (from the index base; negative from the end), a field name, or a JSON path whose indexes count
/// from 1. Operations apply in order, each to the result of those before.
/// </summary>
public static class UpdateOperations
{
    /// <summary>Most operations of one request.</summary>
    public const int MaxOperations = 4000;

    /// <param name="tuple">MessagePack array.</param>
    /// <param name="operations">MessagePack array of arrays.</param>
    /// <param name="indexBase">What is subtracted from field numbers and splice offsets that are not negative: 0 or 1.</param>
    /// <param name="isUpsert">True: an operation that fails is skipped, the others stay in effect; malformed ones still fail.</param>
    /// <param name="result">Receives the new tuple (appended) when the outcome is Done.</param>
    public static UpdateOutcome Apply(
        ReadOnlySpan<byte> tuple, ReadOnlySpan<byte> operations, uint indexBase, bool isUpsert, IFieldNames names, MsgPackWriter result, out string problem)
    {
        if (!UpdateArray.TryParse(tuple, out UpdateArray fields))
        {
            problem = "the tuple is no MessagePack array";
            return UpdateOutcome.Failed;
        }

        var reader = new MsgPackReader(operations);
        if (!reader.TryReadArrayHead(out int count) || count > MaxOperations)
        {
            problem = $"operations are no array of at most {MaxOperations}";
            return UpdateOutcome.Failed;
        }

        for (; count > 0; count--)
        {
            if (!UpdateOperation.TryParse(ref reader, indexBase, out UpdateOperation operation, out problem))
            {
                return UpdateOutcome.Failed;
            }

            string? failure = ApplyOne(fields, operation, names);
            if (failure is not null && !isUpsert)
            {
                problem = failure;
                return UpdateOutcome.Failed;
            }
        }

        problem = "";
        fields.Write(result);
        return UpdateOutcome.Done;
    }

    private static string? ApplyOne(UpdateArray fields, UpdateOperation operation, IFieldNames names)
    {
        if (operation.FieldName is null)
        {
            return fields.Apply(operation, operation.FieldNumber, operation.FieldNumber >= 0 && names.IsDouble((int)operation.FieldNumber));
        }

        int named = names.Find(operation.FieldName);
        if (named >= 0)
        {
            return fields.Apply(operation, named, names.IsDouble(named));
        }

        if (!UpdatePath.TryParse(operation.FieldName, out List<UpdatePath.Step> steps))
        {
            return $"'{operation.FieldText}' is neither a field nor a path";
        }

        int first = steps[0].Key is { } key ? names.Find(key) : steps[0].Index;
        if (first < 0 || (steps.Count > 1 && first >= fields.Count))
        {
            return $"field of '{operation.FieldText}' not found";
        }

        return steps.Count == 1
            ? fields.Apply(operation, first, names.IsDouble(first))
            : fields.ApplyInside(operation, first, steps, 1);
    }
}
