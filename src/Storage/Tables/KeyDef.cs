using System.Runtime.CompilerServices;
using System.Text;
using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>What is looked for in a tree: a key, or the key of a row. Points into memory that the caller keeps in place.</summary>
internal unsafe struct Probe
{
    /// <summary>Hint of the first part.</summary>
    public ulong Hint;

    /// <summary>IsKey: the first value of the key; else the row's MessagePack array.</summary>
    public byte* Bytes;

    /// <summary>Parts that count; fewer than the tree's make it a prefix. 0 equals everything.</summary>
    public int Parts;

    public bool IsKey;
}

/// <summary>
/// The order of one tree: the index's own parts, then the primary key's parts that are not among them, unless the own
/// parts are unique for certain.
///
/// Hint: 8 bytes of the first part whose order never contradicts the key's: hint(a) &lt; hint(b) implies a &lt; b.
/// K1 NULL is 0, before DESC turns the hint over. K2 Hints of single integers are exact (equal hints: equal
/// values) except 0, 1 and the two largest values, which stand for NULL and the ends of the range.
/// Limit: collations of ICU compare by code points (without case for strengths primary and secondary).
/// </summary>
internal sealed unsafe class KeyDef
{
    private readonly Part[] parts;
    private readonly bool integerFirst;

    private KeyDef(Part[] parts, int own, bool isUnique)
    {
        this.parts = parts;
        Own = own;
        IsUnique = isUnique;
        integerFirst = parts[0].Kind == PartKind.Integer && parts[0].Path is null;
        LeadsRow = true;
        for (int i = 0; i < parts.Length; i++)
        {
            LeadsRow &= parts[i].Field == i && parts[i].Path is null;
            HasPaths |= parts[i].Path is not null;
        }
    }

    private enum PartKind : byte { Integer, String, Other }

    /// <summary>Parts that order the tree.</summary>
    public int Count => parts.Length;

    /// <summary>Parts of the index itself.</summary>
    public int Own { get; }

    /// <summary>True when the own parts without NULL may occur once only.</summary>
    public bool IsUnique { get; }

    /// <summary>True when the key is the beginning of the row, so that a key is a (short) row and the reverse.</summary>
    public bool LeadsRow { get; }

    public bool HasPaths { get; }

    /// <summary>True when rows of the index can be held in a tree: others are known, but not kept and not readable.</summary>
    public static bool IsSupported(IndexDef index) => index.Parts.Count > 0
        && index.Kind is IndexKind.Tree or IndexKind.Hash
        && index.Parts.All(part => part.Path is null || !part.Path.Contains('*'))
        && !DefinitionReader.IsFunctional(index);

    /// <param name="space">The space, for what its format says about NULL.</param>
    /// <param name="index">The index.</param>
    /// <param name="primary">The primary index; <paramref name="index"/> itself for the primary.</param>
    public static KeyDef Create(SpaceDef space, IndexDef index, IndexDef primary)
    {
        var parts = index.Parts.Select(part => new Part(part, index.Id != 0 && IsNullable(space, part))).ToList();
        bool canRepeat = !index.IsUnique || parts.Any(part => part.IsNullable);
        if (index.Id != 0 && canRepeat)
        {
            foreach (KeyPart part in primary.Parts)
            {
                if (!index.Parts.Any(own => own.Field == part.Field && own.Path == part.Path && own.Collation == part.Collation))
                {
                    parts.Add(new Part(part, false));
                }
            }
        }

        return new KeyDef([.. parts], index.Parts.Count, index.IsUnique || index.Id == 0);
    }

    /// <summary>True when trees of both definitions hold the same rows in the same order.</summary>
    public bool OrdersAs(KeyDef other) => IsUnique == other.IsUnique && Own == other.Own && parts.AsSpan().SequenceEqual(other.parts);

    public Probe ProbeRow(byte* tuple, int count) =>
        new() { Bytes = tuple, Parts = count, Hint = count == 0 ? 0 : HintOf(tuple) };

    /// <param name="firstValue">First value of a key that <see cref="CheckKey"/> passed.</param>
    /// <param name="count">Values in the key.</param>
    public Probe ProbeKey(byte* firstValue, int count) =>
        new() { Bytes = firstValue, Parts = count, IsKey = true, Hint = count == 0 ? 0 : HintOfValue(firstValue) };

    /// <summary>Hint of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong HintOf(byte* tuple) => HintOfValue(FieldOf(tuple, in parts[0]));

    /// <summary>Order of the probe against a row with that hint: negative when the probe is lower.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Compare(in Probe probe, ulong hint, nint row)
    {
        if (probe.Parts == 0)
        {
            return 0;
        }

        if (probe.Hint != hint)
        {
            return probe.Hint < hint ? -1 : 1;
        }

        return probe.Parts == 1 && IsExact(hint) ? 0 : CompareBehindHint(in probe, row);
    }

    /// <summary>Order of the probe against a row with the same hint.</summary>
    public int CompareBehindHint(in Probe probe, nint row) => probe.IsKey
        ? CompareKey(probe.Bytes, probe.Parts, RowArena.Data(row))
        : CompareRows(probe.Bytes, RowArena.Data(row), probe.Parts);

    /// <summary>Order of two rows by the first <paramref name="count"/> parts.</summary>
    public int CompareRows(byte* a, byte* b, int count)
    {
        for (int i = 0; i < count; i++)
        {
            ref readonly Part part = ref parts[i];
            int order = CompareValues(in part, FieldOf(a, in part), FieldOf(b, in part));
            if (order != 0)
            {
                return order;
            }
        }

        return 0;
    }

    /// <summary>True when one of the own parts is NULL: such keys never conflict.</summary>
    public bool HasNull(byte* tuple)
    {
        for (int i = 0; i < Own; i++)
        {
            if (parts[i].IsNullable && IsNull(FieldOf(tuple, in parts[i])))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Hash of the own parts of a row; equal keys have equal hashes.</summary>
    public ulong HashRow(byte* tuple)
    {
        ulong hash = (ulong)Own;
        for (int i = 0; i < Own; i++)
        {
            hash = HashValue(hash, in parts[i], FieldOf(tuple, in parts[i]));
        }

        return hash;
    }

    /// <summary>Hash of a full key, equal to that of its row.</summary>
    public ulong HashKey(byte* firstValue)
    {
        ulong hash = (ulong)Own;
        for (int i = 0; i < Own; i++)
        {
            hash = HashValue(hash, in parts[i], firstValue);
            firstValue = RawTuple.Skip(firstValue);
        }

        return hash;
    }

    /// <summary>Writes the own parts of a row as a key (an array).</summary>
    public void WriteKey(byte* tuple, MsgPackWriter writer)
    {
        writer.WriteArrayHead(Own);
        for (int i = 0; i < Own; i++)
        {
            byte* value = FieldOf(tuple, in parts[i]);
            if (value == null)
            {
                writer.WriteNil();
            }
            else
            {
                writer.WriteRaw(new ReadOnlySpan<byte>(value, (int)(RawTuple.Skip(value) - value)));
            }
        }
    }

    /// <summary>Writes the shortest row that has the same key, other fields being nil. Not for keys with paths.</summary>
    public void WriteSkeleton(byte* tuple, MsgPackWriter writer)
    {
        int last = parts.Take(Own).Max(part => part.Field);
        writer.WriteArrayHead(last + 1);
        for (int field = 0; field <= last; field++)
        {
            byte* value = parts.Take(Own).Any(part => part.Field == field) ? RawTuple.Field(tuple, field) : null;
            if (value == null)
            {
                writer.WriteNil();
            }
            else
            {
                writer.WriteRaw(new ReadOnlySpan<byte>(value, (int)(RawTuple.Skip(value) - value)));
            }
        }
    }

    /// <summary>
    /// Checks that a key is a MessagePack array of at most <see cref="Own"/> values of the parts' types; returns their number. An
    /// empty span is the empty key. Throws XX000: keys come from plans, not from users.
    /// </summary>
    public int CheckKey(ReadOnlySpan<byte> key)
    {
        if (key.IsEmpty)
        {
            return 0;
        }

        var reader = new MsgPackReader(key);
        if (!reader.TryReadArrayHead(out int count) || count > Own)
        {
            throw BadKey("an array of at most " + Own + " values");
        }

        for (int i = 0; i < count; i++)
        {
            byte head = reader.AtEnd ? (byte)0xc1 : key[reader.Position];
            if (!reader.TrySkip() || !Fits(parts[i].Kind, head))
            {
                throw BadKey($"a value of type {parts[i].Type} in part {i + 1}");
            }
        }

        return reader.AtEnd ? count : throw BadKey("nothing behind the array");
    }

    private static bool IsNullable(SpaceDef space, KeyPart part) =>
        part.IsNullable || part.Path is not null || (part.Field < space.Format.Count && space.Format[part.Field].IsNullable);

    private static bool Fits(PartKind kind, byte head) => head == 0xc0 || kind switch
    {
        PartKind.Integer => RawTuple.IsInteger(head),
        PartKind.String => head is (>= 0xa0 and <= 0xbf) or (>= 0xd9 and <= 0xdb),
        _ => true,
    };

    private static DbException BadKey(string expected) => new(SqlStates.InternalError, $"wrong index key: expected {expected}");

    private static bool IsNull(byte* value) => value == null || *value == 0xc0;

    /// <summary>True when values of the first part with this hint are equal (K2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsExact(ulong hint) => integerFirst && hint - 2 < ulong.MaxValue - 3;

    private int CompareKey(byte* value, int count, byte* tuple)
    {
        for (int i = 0; i < count; i++)
        {
            ref readonly Part part = ref parts[i];
            int order = CompareValues(in part, value, FieldOf(tuple, in part));
            if (order != 0)
            {
                return order;
            }

            if (i + 1 < count)
            {
                value = RawTuple.Skip(value);
            }
        }

        return 0;
    }

    private static int CompareValues(in Part part, byte* a, byte* b)
    {
        bool nullA = IsNull(a), nullB = IsNull(b);
        int order;
        if (nullA || nullB)
        {
            order = nullB.CompareTo(nullA);
        }
        else
        {
            order = part.Kind switch
            {
                PartKind.Integer => ScalarOrder.CompareIntegers(a, b),
                PartKind.String when ScalarOrder.Class(a) == 3 && ScalarOrder.Class(b) == 3 => ScalarOrder.CompareStrings(a, b, part.IgnoreCase),
                _ => ScalarOrder.Compare(a, b, part.IgnoreCase),
            };
        }

        return part.Descending ? -order : order;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* FieldOf(byte* tuple, in Part part)
    {
        byte* value = RawTuple.Field(tuple, part.Field);
        return part.Path is null || value == null ? value : part.Path.Find(value);
    }

    private ulong HintOfValue(byte* value)
    {
        ref readonly Part part = ref parts[0];
        ulong hint = IsNull(value) ? 0 : part.Kind == PartKind.Integer ? IntegerHint(value) : OtherHint(in part, value);
        return part.Descending ? ~hint : hint;
    }

    private static ulong IntegerHint(byte* value)
    {
        bool negative = RawTuple.ReadInteger(value, out ulong bits);
        if (!negative && (long)bits < 0)
        {
            return ulong.MaxValue - 1;
        }

        return Math.Clamp(bits ^ (1UL << 63), 1, ulong.MaxValue - 1);
    }

    private static ulong OtherHint(in Part part, byte* value)
    {
        int kind = ScalarOrder.Class(value);
        ulong hint = kind switch
        {
            1 => *value,
            2 => ScalarOrder.OrderedBits(ScalarOrder.ToDouble(value)),
            3 => part.IgnoreCase ? 1 : Prefix(RawTuple.ReadBytes(value)),
            4 => Prefix(RawTuple.ReadBytes(value)),
            5 => Prefix(RawTuple.ReadExtension(value, out _)),
            6 => DatetimeHint(ScalarOrder.Datetime(value)),
            7 => IntervalHint(ScalarOrder.IntervalLength(value)),
            _ => 1,
        };

        // a field whose declared type admits several kinds needs the kind in front
        return part.IsMixed ? ((ulong)kind << 60) | (hint >> 4) : hint;
    }

    private static ulong Prefix(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= 8)
        {
            return System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes);
        }

        ulong hint = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            hint |= (ulong)bytes[i] << (56 - (8 * i));
        }

        return hint;
    }

    private static ulong DatetimeHint(MpDatetime value)
    {
        const long Limit = 1L << 48;
        long seconds = Math.Clamp(value.Seconds, -Limit, Limit - 1);
        bool clamped = seconds != value.Seconds;
        ulong fraction = clamped ? (seconds < 0 ? 0UL : 0x3fff) : (ulong)value.Nanoseconds >> 16;
        return ((ulong)(seconds + Limit) << 14) | fraction;
    }

    private static ulong IntervalHint(Int128 length)
    {
        Int128 micros = length >> 10;
        long clamped = micros > long.MaxValue ? long.MaxValue : micros < long.MinValue ? long.MinValue : (long)micros;
        return (ulong)clamped ^ (1UL << 63);
    }

    private static ulong HashValue(ulong hash, in Part part, byte* value)
    {
        if (IsNull(value))
        {
            return Mix(hash, 0x9e3779b97f4a7c15);
        }

        int kind = ScalarOrder.Class(value);
        switch (kind)
        {
            case 2 when part.Kind == PartKind.Integer:
                bool negative = RawTuple.ReadInteger(value, out ulong bits);
                return Mix(hash ^ (negative ? 1UL : 2UL), bits);
            case 2:
                return Mix(hash, ScalarOrder.OrderedBits(ScalarOrder.ToDouble(value)));
            case 3 when part.IgnoreCase:
                return HashBytes(hash, Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(RawTuple.ReadBytes(value)).ToUpperInvariant()));
            case 3 or 4:
                return HashBytes(hash, RawTuple.ReadBytes(value));
            case 6:
                MpDatetime time = ScalarOrder.Datetime(value);
                return Mix(Mix(hash, (ulong)time.Seconds), (ulong)time.Nanoseconds);
            case 7:
                Int128 length = ScalarOrder.IntervalLength(value);
                return Mix(Mix(hash, (ulong)length), (ulong)(length >> 64));
            default:
                return HashBytes(hash, new ReadOnlySpan<byte>(value, (int)(RawTuple.Skip(value) - value)));
        }
    }

    private static ulong HashBytes(ulong hash, ReadOnlySpan<byte> bytes)
    {
        hash = Mix(hash, (ulong)bytes.Length + 1);
        while (bytes.Length >= 8)
        {
            hash = Mix(hash, Unsafe.ReadUnaligned<ulong>(in bytes[0]));
            bytes = bytes[8..];
        }

        return bytes.IsEmpty ? hash : Mix(hash, Prefix(bytes));
    }

    private static ulong Mix(ulong hash, ulong value)
    {
        ulong high = Math.BigMul(hash ^ 0xa0761d6478bd642f, value ^ 0xe7037ed1a0b428db, out ulong low);
        return high ^ low ^ 0x8ebc6af09c88c6e3;
    }

    private readonly struct Part : IEquatable<Part>
    {
        public Part(KeyPart part, bool isNullable)
        {
            Field = part.Field;
            Type = part.Type;
            IsNullable = isNullable;
            Descending = part.Descending;
            Collation = part.Collation;
            IgnoreCase = part.Type is FieldType.String or FieldType.Scalar or FieldType.Any && IsCaseInsensitive(part.Collation);
            IsMixed = part.Type is FieldType.Scalar or FieldType.Any;
            Path = part.Path is null ? null : JsonPath.Parse(part.Path);
            Kind = part.Type switch
            {
                FieldType.Integer or FieldType.Unsigned => PartKind.Integer,
                FieldType.String => PartKind.String,
                _ => PartKind.Other,
            };
        }

        public int Field { get; }

        public FieldType Type { get; }

        public PartKind Kind { get; }

        public bool IsNullable { get; }

        public bool Descending { get; }

        public uint Collation { get; }

        public bool IgnoreCase { get; }

        /// <summary>The declared type admits values of several kinds.</summary>
        public bool IsMixed { get; }

        public JsonPath? Path { get; }

        public bool Equals(Part other) => Field == other.Field && Type == other.Type && IsNullable == other.IsNullable
            && Descending == other.Descending && Collation == other.Collation && Path?.Text == other.Path?.Text;

        public override bool Equals(object? other) => other is Part part && Equals(part);

        public override int GetHashCode() => HashCode.Combine(Field, Type, Descending, Collation);

        /// <summary>unicode_ci, and of each language the strengths primary and secondary (ids n and n + 1 of three, from 4 on).</summary>
        private static bool IsCaseInsensitive(uint collation) => collation == 2 || (collation >= 4 && (collation - 4) % 3 < 2);
    }
}
