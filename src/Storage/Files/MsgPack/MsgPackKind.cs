namespace Picodata.Storage.Files;

/// <summary>What the next value of a MessagePack stream is, told by its first byte.</summary>
public enum MsgPackKind : byte
{
    /// <summary>Byte c1, or nothing left to read.</summary>
    Invalid,
    Nil,
    Boolean,

    /// <summary>A non-negative integer, or a signed form whose value may be of either sign.</summary>
    Integer,
    Float32,
    Float64,
    String,
    Binary,
    Array,
    Map,
    Extension,
}

/// <summary>Extension types of Tarantool.</summary>
public static class MsgPackExtensions
{
    public const sbyte Decimal = 1, Uuid = 2, Error = 3, Datetime = 4, Compressed = 5, Interval = 6;
}
