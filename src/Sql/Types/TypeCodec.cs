using System.Buffers;
using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>
/// Text and binary forms of one SQL type, as PostgreSQL's input, output, receive and send functions. Stateless, one
/// instance per type; keep it per column instead of asking again per row. Values are never null here.
/// </summary>
public abstract class TypeCodec
{
    private protected TypeCodec(SqlType type) => Type = type;

    public SqlType Type { get; }

    /// <summary>The codec of a type. Every type in <see cref="SqlType.All"/> has one.</summary>
    public static TypeCodec For(SqlType type) => throw new NotImplementedException();

    /// <summary>Reads the text form; 22P02, 22003, 22007, 22008 with PostgreSQL's texts.</summary>
    public abstract Datum ParseText(string text, TypeContext context);

    /// <summary>Reads UTF-8 text without making a string where the type allows; 22021 for bytes that are not UTF-8.</summary>
    public abstract Datum ParseText(ReadOnlySpan<byte> utf8, TypeContext context);

    /// <summary>Appends the text form as UTF-8 (no length, no terminator).</summary>
    public abstract void WriteText(in Datum value, IBufferWriter<byte> output, TypeContext context);

    /// <summary>The text form as a string.</summary>
    public abstract string ToText(in Datum value, TypeContext context);

    /// <summary>Reads the binary form; 22P03 when it is malformed, 22003/22008 when out of range.</summary>
    public abstract Datum ParseBinary(ReadOnlySpan<byte> bytes, TypeContext context);

    /// <summary>Appends the binary form (no length).</summary>
    public abstract void WriteBinary(in Datum value, IBufferWriter<byte> output, TypeContext context);
}
