using System.Runtime.CompilerServices;

namespace Picodata.Core;

/// <summary>How a <see cref="Datum"/> holds its value. The SQL type of an expression is a <see cref="SqlType"/>.</summary>
public enum DatumKind : byte
{
    Null,
    /// <summary>bits: 0 or 1.</summary>
    Bool,
    /// <summary>bits: the number. All integer-like types: int2, int4, int8, oid, regclass and the like.</summary>
    Int,
    /// <summary>bits: IEEE double. float4 and float8.</summary>
    Double,
    /// <summary>object: <see cref="Numeric"/>.</summary>
    Numeric,
    /// <summary>object: string. text, varchar, bpchar, name, "char", json, jsonb, unknown.</summary>
    Text,
    /// <summary>object: byte[]. bytea (Tarantool's varbinary).</summary>
    Bytes,
    /// <summary>object: boxed Guid; text order is byte order.</summary>
    Uuid,
    /// <summary>bits: days since 2000-01-01; int.MaxValue / int.MinValue are infinity / -infinity.</summary>
    Date,
    /// <summary>bits: microseconds since midnight.</summary>
    Time,
    /// <summary>bits: microseconds since 2000-01-01 (UTC for timestamptz, local for timestamp); long.MaxValue / MinValue infinite.</summary>
    Timestamp,
    /// <summary>object: <see cref="Interval"/>.</summary>
    Interval,
    /// <summary>object: <see cref="DatumArray"/>.</summary>
    Array,
    /// <summary>object: Datum[], the fields of a row value.</summary>
    Record,
}

/// <summary>One SQL value at run time: 24 bytes, no allocation for fixed-size kinds. default(Datum) is NULL.</summary>
public readonly struct Datum
{
    private readonly object? _object;
    private readonly long _bits;

    private Datum(DatumKind kind, long bits, object? value)
    {
        Kind = kind;
        _bits = bits;
        _object = value;
    }

    public DatumKind Kind { get; }

    public bool IsNull => Kind == DatumKind.Null;

    public static Datum Null => default;

    public static readonly Datum True = new(DatumKind.Bool, 1, null);

    public static readonly Datum False = new(DatumKind.Bool, 0, null);

    public static Datum Bool(bool value) => value ? True : False;

    public static Datum Int(long value) => new(DatumKind.Int, value, null);

    public static Datum Double(double value) => new(DatumKind.Double, BitConverter.DoubleToInt64Bits(value), null);

    public static Datum Numeric(Numeric value) => new(DatumKind.Numeric, 0, value);

    public static Datum Text(string value) => new(DatumKind.Text, 0, value);

    public static Datum Bytes(byte[] value) => new(DatumKind.Bytes, 0, value);

    public static Datum Uuid(Guid value) => new(DatumKind.Uuid, 0, value);

    /// <param name="days">Days since 2000-01-01.</param>
    public static Datum Date(int days) => new(DatumKind.Date, days, null);

    /// <param name="microseconds">Microseconds since midnight.</param>
    public static Datum Time(long microseconds) => new(DatumKind.Time, microseconds, null);

    /// <param name="microseconds">Microseconds since 2000-01-01.</param>
    public static Datum Timestamp(long microseconds) => new(DatumKind.Timestamp, microseconds, null);

    public static Datum Interval(Interval value) => new(DatumKind.Interval, 0, value);

    public static Datum Array(DatumArray value) => new(DatumKind.Array, 0, value);

    public static Datum Record(Datum[] fields) => new(DatumKind.Record, 0, fields);

    public bool AsBool => _bits != 0;

    public long AsInt => _bits;

    public double AsDouble => BitConverter.Int64BitsToDouble(_bits);

    public Numeric AsNumeric => Unsafe.As<Numeric>(Checked(DatumKind.Numeric));

    public string AsText => Unsafe.As<string>(Checked(DatumKind.Text));

    public byte[] AsBytes => Unsafe.As<byte[]>(Checked(DatumKind.Bytes));

    public Guid AsUuid => (Guid)Checked(DatumKind.Uuid);

    /// <summary>Days since 2000-01-01.</summary>
    public int AsDate => (int)_bits;

    /// <summary>Microseconds since midnight (Time) or since 2000-01-01 (Timestamp).</summary>
    public long AsMicroseconds => _bits;

    public Interval AsInterval => Unsafe.As<Interval>(Checked(DatumKind.Interval));

    public DatumArray AsArray => Unsafe.As<DatumArray>(Checked(DatumKind.Array));

    public Datum[] AsRecord => Unsafe.As<Datum[]>(Checked(DatumKind.Record));

    private object Checked(DatumKind kind) =>
        Kind == kind ? _object! : throw new InvalidCastException($"a {Kind} value was read as {kind}");

    /// <summary>For people (debugger, test messages); not PostgreSQL's text form, which the type's text codec gives.</summary>
    public override string ToString() => Kind switch
    {
        DatumKind.Null => "NULL",
        DatumKind.Bool => AsBool ? "true" : "false",
        DatumKind.Int => AsInt.ToString(),
        DatumKind.Double => AsDouble.ToString("R"),
        DatumKind.Date or DatumKind.Time or DatumKind.Timestamp => $"{Kind}({_bits})",
        DatumKind.Record => "(" + string.Join(",", AsRecord) + ")",
        _ => _object!.ToString()!,
    };
}
