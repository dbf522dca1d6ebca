using System.Buffers;
using System.Text;
using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>
/// Text and binary forms of one SQL type, as PostgreSQL's input, output, receive and send functions. Stateless, one
/// instance per type; keep it per column instead of asking again per row. Values are never null here.
/// </summary>
public abstract class TypeCodec
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);
    private static readonly Dictionary<uint, TypeCodec> ByOid = MakeAll();

    private protected TypeCodec(SqlType type) => Type = type;

    public SqlType Type { get; }

    /// <summary>The codec of a type. Every type in <see cref="SqlType.All"/> has one.</summary>
    public static TypeCodec For(SqlType type) => ByOid[type.Oid];

    /// <summary>Reads the text form; 22P02, 22003, 22007, 22008 with PostgreSQL's texts.</summary>
    public abstract Datum ParseText(string text, TypeContext context);

    /// <summary>Reads UTF-8 text without making a string where the type allows; 22021 for bytes that are not UTF-8.</summary>
    public virtual Datum ParseText(ReadOnlySpan<byte> utf8, TypeContext context) => ParseText(DecodeText(utf8), context);

    /// <summary>Appends the text form as UTF-8 (no length, no terminator).</summary>
    public virtual void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context) => WriteUtf8(ToText(value, context), output);

    /// <summary>The text form as a string.</summary>
    public abstract string ToText(in Datum value, TypeContext context);

    /// <summary>Reads the binary form; 22P03 when it is malformed, 22003/22008 when out of range.</summary>
    public abstract Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context);

    /// <summary>Appends the binary form (no length).</summary>
    public abstract void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context);

    /// <summary>Checked UTF-8 to string; 22021 for bad bytes and for zero bytes.</summary>
    public static string DecodeText(ReadOnlySpan<byte> utf8)
    {
        try
        {
            if (utf8.Contains((byte)0))
            {
                throw new DbException(SqlStates.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": 0x00");
            }

            return StrictUtf8.GetString(utf8);
        }
        catch (DecoderFallbackException failure)
        {
            string bytes = string.Join(" ", (failure.BytesUnknown ?? []).Select(b => $"0x{b:x2}"));
            throw new DbException(SqlStates.CharacterNotInRepertoire, $"invalid byte sequence for encoding \"UTF8\": {bytes}", cause: failure);
        }
    }

    /// <summary>Appends a string as UTF-8.</summary>
    internal static void WriteUtf8(ReadOnlySpan<char> text, IBufferWriter<byte> output)
    {
        const int Piece = 16 * 1024;
        while (text.Length > Piece)
        {
            int length = char.IsHighSurrogate(text[Piece - 1]) ? Piece - 1 : Piece;
            output.Advance(Encoding.UTF8.GetBytes(text[..length], output.GetSpan(length * 3)));
            text = text[length..];
        }

        output.Advance(Encoding.UTF8.GetBytes(text, output.GetSpan(Math.Max(1, text.Length * 3))));
    }

    private protected DbException InvalidSyntax(string text) =>
        new(SqlStates.InvalidTextRepresentation, $"invalid input syntax for type {Type.DisplayName}: \"{text}\"");

    private protected void CheckLength(ReadOnlySpan<byte> bytes, int expected)
    {
        if (bytes.Length != expected)
        {
            throw BadBinary($"{expected} bytes expected, {bytes.Length} found");
        }
    }

    private protected DbException BadBinary(string what) =>
        new(SqlStates.InvalidBinaryRepresentation, $"incorrect binary data format for type {Type.DisplayName}: {what}");

    private static Dictionary<uint, TypeCodec> MakeAll()
    {
        var codecs = new Dictionary<uint, TypeCodec>();
        foreach (SqlType type in SqlType.All)
        {
            if (!type.IsArray)
            {
                codecs.Add(type.Oid, Make(type));
            }
        }

        foreach (SqlType type in SqlType.All)
        {
            if (type.IsArray)
            {
                TypeCodec element = codecs[type.Element!.Oid];
                codecs.Add(type.Oid, type == SqlType.Int2Vector || type == SqlType.OidVector ? new VectorCodec(type, element) : new ArrayCodec(type, element));
            }
        }

        return codecs;
    }

    private static TypeCodec Make(SqlType type) => type.Name switch
    {
        "bool" => new BoolCodec(),
        "bytea" => new ByteaCodec(),
        "int8" => new IntegerCodec(type, long.MinValue, long.MaxValue),
        "int4" => new IntegerCodec(type, int.MinValue, int.MaxValue),
        "int2" => new IntegerCodec(type, short.MinValue, short.MaxValue),
        "oid" or "xid" => new OidCodec(type),
        "regclass" or "regtype" or "regproc" or "regnamespace" => new RegCodec(type),
        "float4" or "float8" => new FloatCodec(type),
        "numeric" => new NumericCodec(),
        "date" => new DateCodec(),
        "time" => new TimeCodec(),
        "timestamp" => new TimestampCodec(type),
        "timestamptz" => new TimestampCodec(type),
        "interval" => new IntervalCodec(),
        "uuid" => new UuidCodec(),
        "json" => new JsonCodec(),
        "jsonb" => new JsonbCodec(),
        "record" => new RecordCodec(),
        "void" => new VoidCodec(),
        "name" => new NameCodec(),
        "char" => new InternalCharCodec(),
        "text" or "varchar" or "bpchar" or "unknown" or "aclitem" or "pg_node_tree" => new StringCodec(type),
        _ => new PseudoCodec(type),
    };
}
