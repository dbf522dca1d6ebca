using System.Text;

namespace Picodata.Storage.Files;

/// <summary>One operation, parsed.</summary>
internal sealed record UpdateOperation(char Code)
{
    /// <summary>Number from 0, or negative from the end; used when <see cref="FieldName"/> is null.</summary>
    public long FieldNumber { get; private init; }

    /// <summary>A field name or a path (UTF-8), or null.</summary>
    public byte[]? FieldName { get; private init; }

    /// <summary>The argument of <c>= + - &amp; | ^ !</c>: one MessagePack value. For a splice: the string's bytes.</summary>
    public byte[] Value { get; private init; } = [];

    /// <summary><c>#</c>: how many.</summary>
    public long Count { get; private init; }

    /// <summary>Splice: from 0, or negative from behind the end.</summary>
    public long Offset { get; private init; }

    /// <summary>Splice: bytes to cut; negative leaves that many at the end.</summary>
    public long Cut { get; private init; }

    public string FieldText => FieldName is null ? FieldNumber.ToString(System.Globalization.CultureInfo.InvariantCulture) : Encoding.UTF8.GetString(FieldName);

    public static bool TryParse(ref MsgPackReader reader, uint indexBase, out UpdateOperation operation, out string problem)
    {
        operation = null!;
        problem = "an operation is no array [op, field, argument...]";
        if (!reader.TryReadArrayHead(out int count) || count < 3 || !reader.TryReadString(out ReadOnlySpan<byte> code) || code.Length != 1)
        {
            return false;
        }

        operation = new UpdateOperation((char)code[0]);
        problem = $"field number of '{operation.Code}' is invalid";
        if (reader.TryReadString(out ReadOnlySpan<byte> name))
        {
            operation = operation with { FieldName = name.ToArray() };
        }
        else if (reader.TryReadInt64(out long number) && (number < 0 || number >= indexBase) && Math.Abs(number) <= int.MaxValue)
        {
            operation = operation with { FieldNumber = number < 0 ? number : number - indexBase };
        }
        else
        {
            return false;
        }

        problem = $"arguments of '{operation.Code}' are invalid";
        return operation.TryParseArguments(ref reader, count, indexBase, out operation);
    }

    private bool TryParseArguments(ref MsgPackReader reader, int count, uint indexBase, out UpdateOperation operation)
    {
        operation = this;
        switch (Code)
        {
            case '=' or '!' or '+' or '-' or '&' or '|' or '^' when count == 3:
                bool read = reader.TryReadRaw(out ReadOnlySpan<byte> value);
                operation = this with { Value = value.ToArray() };
                return read;
            case '#' when count == 3:
                bool isCount = reader.TryReadUInt32(out uint fields);
                operation = this with { Count = fields };
                return isCount && fields > 0;
            case ':' when count == 5:
                if (!reader.TryReadInt64(out long offset) || !reader.TryReadInt64(out long cut)
                    || !reader.TryReadString(out ReadOnlySpan<byte> text) || (offset >= 0 && offset < indexBase))
                {
                    return false;
                }

                operation = this with { Offset = offset < 0 ? offset : offset - indexBase, Cut = cut, Value = text.ToArray() };
                return true;
            default:
                return false;
        }
    }
}
