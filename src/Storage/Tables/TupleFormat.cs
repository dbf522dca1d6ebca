using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>
/// What rows of a space must look like: the format of <c>_space</c> and the types that index parts need. Every row passes here before
/// it enters the engine, because from then on it is walked without bounds.
/// </summary>
internal sealed class TupleFormat
{
    private readonly string spaceName;
    private readonly Rule[] rules;
    private readonly uint exactCount;
    private readonly int leastCount;

    public TupleFormat(SpaceDef space)
    {
        spaceName = space.Name;
        exactCount = space.FieldCount;
        int fields = space.Format.Count;
        foreach (KeyPart part in space.Indexes.SelectMany(index => index.Parts))
        {
            fields = Math.Max(fields, part.Field + 1);
        }

        rules = new Rule[fields];
        for (int i = 0; i < fields; i++)
        {
            rules[i] = i < space.Format.Count
                ? new Rule(space.Format[i].Name, space.Format[i].Type, space.Format[i].IsNullable)
                : new Rule($"field {i + 1}", FieldType.Any, true);
        }

        foreach (IndexDef index in space.Indexes)
        {
            foreach (KeyPart part in index.Parts.Where(part => part.Path is null))
            {
                ref Rule rule = ref rules[part.Field];
                rule = rule with { KeyType = Narrower(rule.KeyType, part.Type), IsNullable = rule.IsNullable && (part.IsNullable || index.Id != 0) };
            }
        }

        for (int i = 0; i < fields; i++)
        {
            leastCount = rules[i].IsNullable ? leastCount : i + 1;
        }
    }

    /// <summary>True when rows that fit <paramref name="old"/> may not fit this one.</summary>
    public bool IsNarrowerThan(TupleFormat old)
    {
        if (exactCount != old.exactCount && exactCount != 0)
        {
            return true;
        }

        for (int i = 0; i < rules.Length; i++)
        {
            Rule before = i < old.rules.Length ? old.rules[i] : new Rule("", FieldType.Any, true);
            if ((!rules[i].IsNullable && before.IsNullable)
                || (rules[i].Type != before.Type && rules[i].Type != FieldType.Any)
                || (rules[i].KeyType != before.KeyType && rules[i].KeyType != FieldType.Any))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Throws 23502, 42804 or XX001 when a row is not well-formed or does not fit.</summary>
    public void Check(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        if (!reader.TryReadArrayHead(out int count))
        {
            throw new DbException(SqlStates.DataCorrupted, $"a row of \"{spaceName}\" is no MessagePack array");
        }

        if ((exactCount != 0 && count != exactCount) || count < leastCount)
        {
            throw WrongCount(count);
        }

        for (int i = 0; i < count; i++)
        {
            if (i < rules.Length)
            {
                int at = reader.Position;
                if (at < tuple.Length && !rules[i].Accepts(tuple[at..]))
                {
                    throw WrongField(i, tuple[at] == 0xc0);
                }
            }

            if (!reader.TrySkip())
            {
                throw new DbException(SqlStates.DataCorrupted, $"field {i + 1} of a row of \"{spaceName}\" is not MessagePack");
            }
        }

        if (!reader.AtEnd)
        {
            throw new DbException(SqlStates.DataCorrupted, $"there are bytes behind a row of \"{spaceName}\"");
        }
    }

    private DbException WrongCount(int count)
    {
        if (count < leastCount)
        {
            int missing = Array.FindIndex(rules, count, rule => !rule.IsNullable);
            return WrongField(missing, isNull: true);
        }

        return new DbException(SqlStates.DatatypeMismatch, $"a row of \"{spaceName}\" has {count} fields, must have {exactCount}");
    }

    private DbException WrongField(int field, bool isNull)
    {
        Rule rule = rules[field];
        return isNull
            ? new DbException(SqlStates.NotNullViolation, $"null value in column \"{rule.Name}\" of relation \"{spaceName}\" violates not-null constraint")
            {
                TableName = spaceName,
                ColumnName = rule.Name,
            }
            : new DbException(SqlStates.DatatypeMismatch, $"a value of column \"{rule.Name}\" of relation \"{spaceName}\" is not of type {(rule.KeyType == FieldType.Any ? rule.Type : rule.KeyType).ToString().ToLowerInvariant()}")
            {
                TableName = spaceName,
                ColumnName = rule.Name,
            };
    }

    /// <summary>Of two types that indexes demand of one field, the one to check; Any demands nothing.</summary>
    private static FieldType Narrower(FieldType a, FieldType b) => a switch
    {
        FieldType.Any or FieldType.Scalar => b == FieldType.Any ? a : b,
        FieldType.Number when b is not (FieldType.Any or FieldType.Scalar) => b,
        FieldType.Integer when b == FieldType.Unsigned => b,
        _ => a,
    };

    /// <param name="Name">Name for messages.</param>
    /// <param name="Type">Type of the format.</param>
    /// <param name="IsNullable">NULL (or no field at all) is allowed.</param>
    /// <param name="KeyType">Type that indexes demand.</param>
    private readonly record struct Rule(string Name, FieldType Type, bool IsNullable, FieldType KeyType = FieldType.Any)
    {
        public unsafe bool Accepts(ReadOnlySpan<byte> value)
        {
            if (value[0] == 0xc0)
            {
                return IsNullable;
            }

            return Fits(Type, value) && (KeyType == FieldType.Any || Fits(KeyType, value));
        }

        private static bool Fits(FieldType type, ReadOnlySpan<byte> value)
        {
            byte head = value[0];
            switch (type)
            {
                case FieldType.Any: return true;
                case FieldType.Unsigned: return head <= 0x7f || head is >= 0xcc and <= 0xcf || (head is >= 0xd0 and <= 0xd3 && value.Length > 1 && value[1] < 0x80);
                case FieldType.Integer: return RawTuple.IsInteger(head);
                case FieldType.String: return head is (>= 0xa0 and <= 0xbf) or (>= 0xd9 and <= 0xdb);
                case FieldType.Number: return RawTuple.IsInteger(head) || head is 0xca or 0xcb || Extension(value) == MsgPackExtensions.Decimal;
                case FieldType.Double: return head is 0xca or 0xcb;
                case FieldType.Boolean: return head is 0xc2 or 0xc3;
                case FieldType.Varbinary: return head is >= 0xc4 and <= 0xc6;
                case FieldType.Decimal: return Extension(value) == MsgPackExtensions.Decimal;
                case FieldType.Uuid: return Extension(value) == MsgPackExtensions.Uuid;
                case FieldType.Datetime: return Extension(value) == MsgPackExtensions.Datetime;
                case FieldType.Interval: return Extension(value) == MsgPackExtensions.Interval;
                case FieldType.Array: return head is (>= 0x90 and <= 0x9f) or 0xdc or 0xdd;
                case FieldType.Map: return head is (>= 0x80 and <= 0x8f) or 0xde or 0xdf;
                default: return head is not ((>= 0x80 and <= 0x9f) or (>= 0xdc and <= 0xdf));
            }
        }

        /// <summary>Type of a well-formed extension of a kind that we order, else -1.</summary>
        private static int Extension(ReadOnlySpan<byte> value)
        {
            var reader = new MsgPackReader(value);
            if (!reader.TryReadExtension(out sbyte type, out ReadOnlySpan<byte> payload))
            {
                return -1;
            }

            bool isValid = type switch
            {
                MsgPackExtensions.Decimal => MpDecimal.TryDecode(payload, out _),
                MsgPackExtensions.Uuid => payload.Length == 16,
                MsgPackExtensions.Datetime => MpDatetime.TryDecode(payload, out _),
                MsgPackExtensions.Interval => MpInterval.TryDecode(payload, out _),
                _ => true,
            };
            return isValid ? type : -1;
        }
    }
}
