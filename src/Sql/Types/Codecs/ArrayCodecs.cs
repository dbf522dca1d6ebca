using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>
/// Arrays. Text: <c>{1,NULL,"a b"}</c>, nested braces per dimension, <c>[0:1]=</c> in front when a lower bound is not 1.
/// Binary: int32 ndim, has-null flag, element oid, per dimension length and lower bound, then length-prefixed elements (-1: NULL).
/// </summary>
internal class ArrayCodec(SqlType type, TypeCodec element) : TypeCodec(type)
{
    private const int MaxDimensions = 6;
    private const int MaxElements = 1 << 27;

    private protected TypeCodec Element { get; } = element;

    public override Datum ParseText(string text, TypeContext context) =>
        Datum.Array(new ArrayTextReader(text, Element, context).Read());

    public override string ToText(in Datum value, TypeContext context)
    {
        var text = new StringBuilder();
        DatumArray array = value.AsArray;
        if (array.LowerBounds.AsSpan().ContainsAnyExcept(1))
        {
            for (int i = 0; i < array.Lengths.Length; i++)
            {
                text.Append(CultureInfo.InvariantCulture, $"[{array.LowerBounds[i]}:{array.LowerBounds[i] + array.Lengths[i] - 1}]");
            }

            text.Append('=');
        }

        int next = 0;
        AppendDimension(text, array, 0, ref next, context);
        return text.ToString();
    }

    private void AppendDimension(StringBuilder text, DatumArray array, int dimension, ref int next, TypeContext context)
    {
        text.Append('{');
        int length = array.Lengths.Length == 0 ? 0 : array.Lengths[dimension];
        for (int i = 0; i < length; i++)
        {
            text.Append(i > 0 ? "," : "");
            if (dimension + 1 < array.Lengths.Length)
            {
                AppendDimension(text, array, dimension + 1, ref next, context);
            }
            else
            {
                AppendElement(text, array.Elements[next++], context);
            }
        }

        text.Append('}');
    }

    private void AppendElement(StringBuilder text, in Datum value, TypeContext context)
    {
        if (value.IsNull)
        {
            text.Append("NULL");
            return;
        }

        string element = Element.ToText(value, context);
        if (element.Length > 0 && element.AsSpan().IndexOfAny(" \t\n\r\v\f{}\",\\") < 0 && !element.Equals("null", StringComparison.OrdinalIgnoreCase))
        {
            text.Append(element);
            return;
        }

        text.Append('"');
        foreach (char c in element)
        {
            text.Append(c is '"' or '\\' ? "\\" : "").Append(c);
        }

        text.Append('"');
    }

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context)
    {
        int at = 0;
        int dimensions = ReadInt(bytes, ref at);
        int flags = ReadInt(bytes, ref at);
        uint elementOid = (uint)ReadInt(bytes, ref at);
        if (dimensions is < 0 or > MaxDimensions || flags is not (0 or 1))
        {
            throw BadBinary("invalid array dimensions or flags");
        }

        TypeCodec codec = ElementCodec(elementOid);
        var lengths = new int[dimensions];
        var bounds = new int[dimensions];
        long count = dimensions == 0 ? 0 : 1;
        for (int i = 0; i < dimensions; i++)
        {
            lengths[i] = ReadInt(bytes, ref at);
            bounds[i] = ReadInt(bytes, ref at);
            count = lengths[i] < 0 ? -1 : count * lengths[i];
            if (count is < 0 or > MaxElements || (long)bounds[i] + lengths[i] > int.MaxValue)
            {
                throw new DbException(SqlStates.ProgramLimitExceeded, $"array size exceeds the maximum allowed ({MaxElements})");
            }
        }

        if (count * 4 > bytes.Length - at)
        {
            throw BadBinary("insufficient data");
        }

        Datum[] elements = ReadElements(bytes, at, (int)count, codec, context);
        return Datum.Array(count == 0 ? DatumArray.Of(Element.Type) : new DatumArray(Element.Type, elements, lengths, bounds));
    }

    private TypeCodec ElementCodec(uint oid)
    {
        if (oid == Element.Type.Oid)
        {
            return Element;
        }

        // narrower integers and texts of another name are the same values
        SqlType? other = SqlType.ByOid(oid);
        return other is not null && other.Kind == Element.Type.Kind && other.Category == Element.Type.Category
            ? For(other)
            : throw new DbException(SqlStates.DatatypeMismatch, $"binary data has array element type {oid} ({other?.DisplayName ?? "unknown"}) instead of expected {Element.Type.Oid} ({Element.Type.DisplayName})");
    }

    private Datum[] ReadElements(ReadOnlySpan<byte> bytes, int at, int count, TypeCodec codec, TypeContext context)
    {
        var elements = new Datum[count];
        for (int i = 0; i < count; i++)
        {
            int length = ReadInt(bytes, ref at);
            if (length < -1 || length > bytes.Length - at)
            {
                throw BadBinary("insufficient data");
            }

            if (length >= 0)
            {
                elements[i] = codec.ParseBinary(bytes.Slice(at, length), context);
                at += length;
            }
        }

        return at == bytes.Length ? elements : throw BadBinary("improper size of data");
    }

    private int ReadInt(ReadOnlySpan<byte> bytes, ref int at)
    {
        if (bytes.Length - at < 4)
        {
            throw BadBinary("insufficient data");
        }

        at += 4;
        return BinaryPrimitives.ReadInt32BigEndian(bytes[(at - 4)..]);
    }

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        DatumArray array = value.AsArray;
        WriteInt(output, array.Lengths.Length);
        WriteInt(output, Array.Exists(array.Elements, element => element.IsNull) ? 1 : 0);
        WriteInt(output, (int)Element.Type.Oid);
        for (int i = 0; i < array.Lengths.Length; i++)
        {
            WriteInt(output, array.Lengths[i]);
            WriteInt(output, array.LowerBounds[i]);
        }

        ArrayBufferWriter<byte>? scratch = null;
        foreach (Datum item in array.Elements)
        {
            if (item.IsNull)
            {
                WriteInt(output, -1);
                continue;
            }

            scratch ??= new ArrayBufferWriter<byte>();
            scratch.ResetWrittenCount();
            Element.WriteBinary(item, scratch, context);
            WriteInt(output, scratch.WrittenCount);
            output.Write(scratch.WrittenSpan);
        }
    }

    internal static void WriteInt(IBufferWriter<byte> output, int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(4), value);
        output.Advance(4);
    }
}

/// <summary>int2vector and oidvector: numbers with blanks between; binary as an array that counts from 0.</summary>
internal sealed class VectorCodec(SqlType type, TypeCodec element) : ArrayCodec(type, element)
{
    public override Datum ParseText(string text, TypeContext context)
    {
        Datum[] elements = [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(item => Element.ParseText(item, context))];
        return Datum.Array(new DatumArray(Element.Type, elements, [elements.Length], [0]));
    }

    public override string ToText(in Datum value, TypeContext context) =>
        string.Join(" ", value.AsArray.Elements.Select(item => Element.ToText(item, context)));
}

/// <summary>Reads the text form of an array.</summary>
internal sealed class ArrayTextReader(string text, TypeCodec element, TypeContext context)
{
    private readonly List<Datum> elements = [];
    private readonly List<int> lengths = [];
    private readonly List<int> bounds = [];
    private int at;
    private int depthOfElements = -1;

    internal DatumArray Read()
    {
        SkipBlanks();
        while (at < text.Length && text[at] == '[')
        {
            ReadBounds();
        }

        if (bounds.Count > 0)
        {
            Expect('=', "Missing \"=\" after array dimensions.");
        }

        int declared = bounds.Count;
        List<int> declaredLengths = [.. lengths];
        lengths.Clear();
        SkipBlanks();
        if (at >= text.Length || text[at] != '{')
        {
            throw Malformed(declared > 0 ? "Array contents must start with \"{\"." : "Array value must start with \"{\" or dimension information.");
        }

        ReadDimension(0);
        SkipBlanks();
        if (at < text.Length)
        {
            throw Malformed("Junk after closing right brace.");
        }

        if (elements.Count == 0)
        {
            return DatumArray.Of(element.Type);
        }

        if (declared > 0 && !declaredLengths.SequenceEqual(lengths))
        {
            throw Malformed("Specified array dimensions do not match array contents.");
        }

        return new DatumArray(element.Type, [.. elements], [.. lengths], declared > 0 ? [.. bounds] : [.. lengths.Select(_ => 1)]);
    }

    private void ReadBounds()
    {
        int end = text.IndexOf(']', at);
        string[] parts = end < 0 ? [] : text[(at + 1)..end].Split(':');
        int lower = 1, upper = 0;
        bool valid = parts.Length switch
        {
            1 => int.TryParse(parts[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out upper),
            2 => int.TryParse(parts[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out lower)
                && int.TryParse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out upper),
            _ => false,
        };
        if (!valid || bounds.Count == 6)
        {
            throw Malformed("\"[\" must introduce explicitly-specified array dimensions.");
        }

        if (upper < lower)
        {
            throw new DbException(SqlStates.ArraySubscriptError, "upper bound cannot be less than lower bound");
        }

        bounds.Add(lower);
        lengths.Add(upper - lower + 1);
        at = end + 1;
    }

    private void ReadDimension(int depth)
    {
        if (depth >= 6)
        {
            throw new DbException(SqlStates.ProgramLimitExceeded, "number of array dimensions exceeds the maximum allowed (6)");
        }

        at++;
        int count = 0;
        SkipBlanks();
        if (at < text.Length && text[at] == '}' && elements.Count == 0 && lengths.Count <= depth)
        {
            at++;
            return;
        }

        while (true)
        {
            SkipBlanks();
            if (at < text.Length && text[at] == '{')
            {
                ReadDimension(depth + 1);
            }
            else
            {
                ReadElement(depth);
            }

            count++;
            SkipBlanks();
            if (at < text.Length && text[at] == ',')
            {
                at++;
                continue;
            }

            Expect('}', "Unexpected end of input.");
            break;
        }

        Close(depth, count);
    }

    private void Close(int depth, int count)
    {
        while (lengths.Count <= depth)
        {
            lengths.Add(-1);
        }

        if (lengths[depth] >= 0 && lengths[depth] != count)
        {
            throw Malformed("Multidimensional arrays must have sub-arrays with matching dimensions.");
        }

        lengths[depth] = count;
    }

    private void ReadElement(int depth)
    {
        if (depthOfElements >= 0 && depthOfElements != depth)
        {
            throw Malformed("Multidimensional arrays must have sub-arrays with matching dimensions.");
        }

        depthOfElements = depth;
        var value = new StringBuilder();
        bool quoted = false;
        int kept = 0;
        for (; at < text.Length && text[at] is not (',' or '}'); at++)
        {
            switch (text[at])
            {
                case '{':
                    throw Malformed("Unexpected \"{\" character.");
                case '"' when !quoted && value.ToString().AsSpan().Trim().IsEmpty:
                    value.Clear();
                    ReadQuoted(value);
                    quoted = true;
                    kept = value.Length;
                    break;
                case '"':
                    throw Malformed("Unexpected array element.");
                case '\\' when at + 1 < text.Length:
                    value.Append(text[++at]);
                    kept = value.Length;
                    break;
                case var c when quoted && !char.IsWhiteSpace(c):
                    throw Malformed("Unexpected array element.");
                case var c:
                    value.Append(c);
                    kept = char.IsWhiteSpace(c) ? kept : value.Length;
                    break;
            }
        }

        value.Length = kept;
        string item = value.ToString();
        if (item.Length == 0 && !quoted)
        {
            throw Malformed(at >= text.Length ? "Unexpected end of input." : $"Unexpected \"{text[at]}\" character.");
        }

        elements.Add(!quoted && item.Equals("null", StringComparison.OrdinalIgnoreCase) ? Datum.Null : element.ParseText(item, context));
    }

    private void ReadQuoted(StringBuilder value)
    {
        for (at++; at < text.Length && text[at] != '"'; at++)
        {
            if (text[at] == '\\' && at + 1 < text.Length)
            {
                at++;
            }

            value.Append(text[at]);
        }

        if (at >= text.Length)
        {
            throw Malformed("Unexpected end of input.");
        }
    }

    private void Expect(char c, string detail)
    {
        SkipBlanks();
        if (at >= text.Length || text[at] != c)
        {
            throw Malformed(at < text.Length && c == '}' ? "Unexpected array element." : detail);
        }

        at++;
    }

    private void SkipBlanks()
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }
    }

    private DbException Malformed(string detail) =>
        new(SqlStates.InvalidTextRepresentation, $"malformed array literal: \"{text}\"", detail);
}

/// <summary>
/// Anonymous rows: <c>(1,"a b",,"")</c>. Fields carry no types of their own; in binary each is sent with the widest type of
/// its kind (int8, float8, text, timestamptz).
/// </summary>
internal sealed class RecordCodec() : TypeCodec(SqlType.Record)
{
    public override Datum ParseText(string text, TypeContext context) =>
        throw new DbException(SqlStates.FeatureNotSupported, "input of anonymous composite types is not implemented");

    public override Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context) =>
        throw new DbException(SqlStates.FeatureNotSupported, "input of anonymous composite types is not implemented");

    public override string ToText(in Datum value, TypeContext context)
    {
        var text = new StringBuilder("(");
        foreach (Datum field in value.AsRecord)
        {
            text.Append(text.Length > 1 ? "," : "");
            if (!field.IsNull)
            {
                AppendField(text, For(TypeOf(field)).ToText(field, context));
            }
        }

        return text.Append(')').ToString();
    }

    private static void AppendField(StringBuilder text, string field)
    {
        if (field.Length > 0 && field.AsSpan().IndexOfAny(" \t\n\r\v\f()\",\\") < 0)
        {
            text.Append(field);
            return;
        }

        text.Append('"').Append(field.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
    }

    public override void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context)
    {
        ArrayCodec.WriteInt(output, value.AsRecord.Length);
        foreach (Datum field in value.AsRecord)
        {
            SqlType type = TypeOf(field);
            ArrayCodec.WriteInt(output, (int)type.Oid);
            if (field.IsNull)
            {
                ArrayCodec.WriteInt(output, -1);
                continue;
            }

            var bytes = new ArrayBufferWriter<byte>();
            For(type).WriteBinary(field, bytes, context);
            ArrayCodec.WriteInt(output, bytes.WrittenCount);
            output.Write(bytes.WrittenSpan);
        }
    }

    internal static SqlType TypeOf(in Datum value) => value.Kind switch
    {
        DatumKind.Bool => SqlType.Bool,
        DatumKind.Int => SqlType.Int8,
        DatumKind.Double => SqlType.Float8,
        DatumKind.Numeric => SqlType.Numeric,
        DatumKind.Bytes => SqlType.Bytea,
        DatumKind.Uuid => SqlType.Uuid,
        DatumKind.Date => SqlType.Date,
        DatumKind.Time => SqlType.Time,
        DatumKind.Timestamp => SqlType.TimestampTz,
        DatumKind.Interval => SqlType.Interval,
        DatumKind.Array => SqlType.ArrayOf(value.AsArray.ElementType),
        DatumKind.Record => SqlType.Record,
        _ => SqlType.Text,
    };
}
