using System.Buffers;
using CsCheck;
using Picodata.Core;
using Picodata.Sql.Types;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Scalars;

/// <summary>Text, binary and stored forms of every type read back to the same value.</summary>
public sealed class CodecTests
{
    private static readonly TypeContext Context = new();

    private static readonly Gen<Numeric> Numerics = Gen.Select(Gen.Long, Gen.Long, Gen.Int[0, 20], (a, b, scale) => new Numeric((Int128)a * (b % 1_000_000), scale));

    private static readonly Gen<string> Texts = Gen.String[Gen.Char.AlphaNumeric, 0, 40].Select(Gen.OneOf("", "é", "日本", "😀", "'", "\"", "\\", "{", ",", " ", "NULL"), (a, b) => a + b);

    private static readonly (SqlType Type, Gen<Datum> Values)[] Types =
    [
        (SqlType.Bool, Gen.Bool.Select(Datum.Bool)),
        (SqlType.Int2, Gen.Short.Select(value => Datum.Int(value))),
        (SqlType.Int4, Gen.Int.Select(value => Datum.Int(value))),
        (SqlType.Int8, Gen.Long.Select(Datum.Int)),
        (SqlType.Oid_, Gen.UInt.Select(value => Datum.Int(value))),
        (SqlType.Float4, Gen.Single.Select(value => Datum.Double(value))),
        (SqlType.Float8, Gen.Double.Select(Datum.Double)),
        (SqlType.Numeric, Numerics.Select(Datum.Numeric)),
        (SqlType.Text, Texts.Select(Datum.Text)),
        (SqlType.Varchar, Texts.Select(Datum.Text)),
        (SqlType.Bytea, Gen.Byte.Array[0, 60].Select(Datum.Bytes)),
        (SqlType.Uuid, Gen.Guid.Select(Datum.Uuid)),
        (SqlType.Date, Gen.Int[Calendar.MinDays, Calendar.MaxDays].Select(Datum.Date)),
        (SqlType.Time, Gen.Long[0, Calendar.MicrosPerDay].Select(Datum.Time)),
        (SqlType.Timestamp, Gen.Long[Calendar.MinTimestamp, Calendar.EndTimestamp - 1].Select(Datum.Timestamp)),
        (SqlType.TimestampTz, Gen.Long[Calendar.MinTimestamp, Calendar.EndTimestamp - 1].Select(Datum.Timestamp)),
        (SqlType.Timestamp, Gen.OneOf(Calendar.Infinity, Calendar.NegativeInfinity).Select(Datum.Timestamp)),
        (SqlType.Date, Gen.OneOf(Calendar.DateInfinity, Calendar.DateNegativeInfinity).Select(Datum.Date)),
        (SqlType.Interval, Gen.Select(Gen.Int, Gen.Int, Gen.Long[-1L << 60, 1L << 60], (m, d, us) => Datum.Interval(new Interval(m, d, us)))),
        (SqlType.ArrayOf(SqlType.Int8), Gen.Long.Array[0, 5].Select(items => Datum.Array(DatumArray.Of(SqlType.Int8, Array.ConvertAll(items, Datum.Int))))),
        (SqlType.ArrayOf(SqlType.Text), Texts.Array[0, 5].Select(items => Datum.Array(DatumArray.Of(SqlType.Text, [.. Array.ConvertAll(items, Datum.Text), Datum.Null])))),
    ];

    private static void ForEachType(Action<SqlType, Datum> check, params SqlType[] without)
    {
        foreach ((SqlType type, Gen<Datum> values) in Types)
        {
            if (!without.Contains(type))
            {
                values.Sample(value => check(type, value), iter: 300);
            }
        }
    }

    private static bool Same(in Datum a, in Datum b) => a.Kind == b.Kind && (a.Kind == DatumKind.Interval ? a.AsInterval == b.AsInterval : DatumComparer.Equal(a, b));

    [Fact]
    public void Text_reads_back() => ForEachType((type, value) =>
    {
        TypeCodec codec = TypeCodec.For(type);
        string text = codec.ToText(value, Context);
        Assert.True(Same(value, codec.ParseText(text, Context)), $"{type}: {text}");
        var output = new ArrayBufferWriter<byte>();
        codec.WriteText(value, output, Context);
        Assert.Equal(text, System.Text.Encoding.UTF8.GetString(output.WrittenSpan));
        Assert.True(Same(value, codec.ParseText(output.WrittenSpan, Context)));
    });

    [Fact]
    public void Zoned_text_reads_back_in_every_zone()
    {
        foreach (string zone in new[] { "America/New_York", "Europe/Moscow", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "+5:30", "EST" })
        {
            var context = new TypeContext { TimeZone = SessionTimeZone.Find(zone) };
            TypeCodec codec = TypeCodec.For(SqlType.TimestampTz);
            Gen.Long[Calendar.MinTimestamp / 4, Calendar.EndTimestamp / 4].Sample(micros =>
            {
                string text = codec.ToText(Datum.Timestamp(micros), context);
                Assert.Equal(micros, codec.ParseText(text, context).AsMicroseconds);
            }, iter: 200);
        }
    }

    [Fact]
    public void Binary_reads_back() => ForEachType((type, value) =>
    {
        TypeCodec codec = TypeCodec.For(type);
        var output = new ArrayBufferWriter<byte>();
        codec.WriteBinary(value, output, Context);
        Assert.True(Same(value, codec.ParseBinary(output.WrittenSpan, Context)), $"{type}: {value}");
    });

    [Fact]
    public void Stored_form_reads_back() => ForEachType((type, value) =>
    {
        ColumnCodec codec = ColumnCodec.For(type);
        var writer = new TupleWriter();
        writer.WriteRow([codec, codec, codec], [value, Datum.Null, value]);
        var reader = new TupleReader(writer.Written);
        Assert.True(Same(value, reader.Read(2, codec)), $"{type}: {value}");
        Assert.True(reader.Read(1, codec).IsNull);
        Assert.True(Same(value, reader.Read(0, codec)));
        Assert.True(reader.Read(3, codec).IsNull);
        var row = new Datum[5];
        TupleReader.ReadRow(writer.Written, [null, codec, codec, codec, codec], row);
        Assert.True(row[0].IsNull && row[1].IsNull && Same(value, row[2]) && row[3].IsNull && row[4].IsNull);
    });

    [Fact]
    public void Malformed_binary_is_an_error_that_clients_see() => Gen.Select(Gen.Byte.Array[0, 40], Gen.Int[0, 1000]).Sample((bytes, pick) =>
    {
        SqlType type = SqlType.All.ElementAt(pick % SqlType.All.Count);
        try
        {
            TypeCodec.For(type).ParseBinary(bytes, Context);
        }
        catch (DbException)
        {
            return;
        }
    }, iter: 20_000);

    [Fact]
    public void Malformed_text_is_an_error_that_clients_see() => Gen.Select(
        Gen.String[Gen.Int[0, 38].Select(i => "0123456789-+:./ eTZPYMDabcxnf{}[],\"\\'=()"[i % 38]), 0, 14], Gen.Int[0, 1000]).Sample((text, pick) =>
    {
        SqlType type = SqlType.All.ElementAt(pick % SqlType.All.Count);
        try
        {
            TypeCodec.For(type).ParseText(text, Context);
        }
        catch (DbException)
        {
            return;
        }
    }, iter: 50_000);

    [Theory]
    [InlineData("1", "00010000000000000001")]
    [InlineData("1.50", "000200000000000200011388")]
    [InlineData("0.0001", "0001ffff000000040001")]
    [InlineData("10000", "00010001000000000001")]
    [InlineData("-1", "00010000400000000001")]
    [InlineData("0", "0000000000000000")]
    [InlineData("0.000", "0000000000000003")]
    [InlineData("NaN", "00000000c0000000")]
    [InlineData("123456789.123456789", "000600020000000900010929" + "1a8504d2162e2328")]
    public void Numeric_binary_is_PostgreSQLs(string text, string hex)
    {
        var output = new ArrayBufferWriter<byte>();
        TypeCodec.For(SqlType.Numeric).WriteBinary(Datum.Numeric(Numeric.Parse(text)), output, Context);
        Assert.Equal(hex, Convert.ToHexStringLower(output.WrittenSpan));
        Assert.Equal(text, TypeCodec.For(SqlType.Numeric).ParseBinary(output.WrittenSpan, Context).AsNumeric.ToString());
    }

    [Fact]
    public void Foreign_fields_are_shown_as_json_and_written_back()
    {
        ColumnCodec codec = ColumnCodec.ForForeign(Picodata.Storage.FieldType.Map);
        var writer = new MsgPackWriter();
        codec.Write(Datum.Text("""{"a": [1, -2, 2.5, "x", null, true], "b": {}}"""), writer);
        var reader = new MsgPackReader(writer.WrittenSpan);
        Assert.Equal("""{"a": [1, -2, 2.5, "x", null, true], "b": {}}""", codec.Read(ref reader).AsText);
    }

    [Fact]
    public void Texts_are_ordered_by_their_bytes() => Gen.Select(Gen.String, Gen.String).Sample((a, b) =>
    {
        byte[] left = System.Text.Encoding.UTF8.GetBytes(Clean(a)), right = System.Text.Encoding.UTF8.GetBytes(Clean(b));
        Assert.Equal(Math.Sign(left.AsSpan().SequenceCompareTo(right)), Math.Sign(DatumComparer.CompareText(Clean(a), Clean(b))));

        static string Clean(string text) => string.Concat(text.EnumerateRunes().Select(rune => rune.ToString()));
    });
}
