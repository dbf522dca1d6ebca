using System.Globalization;
using System.Numerics;
using CsCheck;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Files;

public class MsgPackTests
{
    [Theory]
    [InlineData(0L, "00")]
    [InlineData(127L, "7f")]
    [InlineData(128L, "cc80")]
    [InlineData(255L, "ccff")]
    [InlineData(256L, "cd0100")]
    [InlineData(65536L, "ce00010000")]
    [InlineData(4294967296L, "cf0000000100000000")]
    [InlineData(-1L, "ff")]
    [InlineData(-32L, "e0")]
    [InlineData(-33L, "d0df")]
    [InlineData(-128L, "d080")]
    [InlineData(-129L, "d1ff7f")]
    [InlineData(-32769L, "d2ffff7fff")]
    [InlineData(-2147483649L, "d3ffffffff7fffffff")]
    public void Integers_take_their_shortest_form(long value, string hex)
    {
        var writer = new MsgPackWriter();
        writer.WriteInt64(value);
        Assert.Equal(hex, Convert.ToHexStringLower(writer.WrittenSpan));
    }

    [Theory]
    [InlineData("cc04", 4L)]
    [InlineData("cd0004", 4L)]
    [InlineData("ce00000004", 4L)]
    [InlineData("cf0000000000000004", 4L)]
    [InlineData("d004", 4L)]
    [InlineData("d10004", 4L)]
    [InlineData("d300000000000000ff", 255L)]
    public void Long_forms_of_integers_are_read(string hex, long value)
    {
        var reader = new MsgPackReader(Convert.FromHexString(hex));
        Assert.True(reader.TryReadInt64(out long signed));
        reader = new MsgPackReader(Convert.FromHexString(hex));
        Assert.True(reader.TryReadUInt64(out ulong unsigned));
        Assert.Equal((value, (ulong)value), (signed, unsigned));
    }

    [Theory]
    [InlineData("0", "d501000c")]
    [InlineData("1", "d501001c")]
    [InlineData("-1", "d501001d")]
    [InlineData("0.1", "d501011c")]
    [InlineData("-0.01", "d501021d")]
    [InlineData("0.000", "d501030c")]
    [InlineData("12.340", "d6010312340c")]
    [InlineData("123.456", "c70501030123456c")]
    [InlineData("100", "c7030100100c")]
    [InlineData("1e2", "d501fe1c")]
    [InlineData("1e30", "d501e21c")]
    [InlineData("1e-38", "d501261c")]
    [InlineData("1e37", "c70301d0db1c")]
    [InlineData("99999999999999999999999999999999999999", "c7150100099999999999999999999999999999999999999c")]
    public void Decimals_have_the_bytes_of_the_format(string text, string hex)
    {
        MpDecimal value = Decimal(text);
        var writer = new MsgPackWriter();
        value.Write(writer);
        Assert.Equal(hex, Convert.ToHexStringLower(writer.WrittenSpan));
        var reader = new MsgPackReader(writer.WrittenSpan);
        Assert.True(reader.TryReadExtension(out sbyte type, out ReadOnlySpan<byte> payload));
        Assert.Equal(MsgPackExtensions.Decimal, type);
        Assert.True(MpDecimal.TryDecode(payload, out MpDecimal back));
        Assert.Equal(value, back);
    }

    [Theory]
    [InlineData("001b", true)]
    [InlineData("001a", true)]
    [InlineData("001e", true)]
    [InlineData("001f", true)]
    [InlineData("0015", false)]
    [InlineData("00a1", false)]
    [InlineData("27" + "1c", false)]
    [InlineData("00", false)]
    [InlineData("", false)]
    [InlineData("00999999999999999999999999999999999999999c", false)]
    public void Decimals_of_other_writers_are_taken_or_refused(string hex, bool isValid) =>
        Assert.Equal(isValid, MpDecimal.TryDecode(Convert.FromHexString(hex), out _));

    [Fact]
    public void Moments_spans_and_uuids_have_the_bytes_of_the_format()
    {
        Assert.Equal("d7040100000000000000", Hex(writer => new MpDatetime(1).Write(writer)));
        Assert.Equal("d804010000000000000005000000b4000000", Hex(writer => new MpDatetime(1, 5, 180).Write(writer)));
        Assert.Equal("c7050602000103fd", Hex(writer => new MpInterval(Years: 1, Days: -3).Write(writer)));
        Assert.Equal("d802c0ffee001234432187650123456789ab", Hex(writer => MpUuid.Write(writer, Guid.Parse("c0ffee00-1234-4321-8765-0123456789ab"))));
    }

    [Fact]
    public void Extension_values_come_back()
    {
        Gen.Select(Gen.ULong, Gen.ULong[0, 5_000_000_000], Gen.Int[MpDecimal.MinScale, MpDecimal.MaxScale], Gen.Bool).Sample((low, high, scale, negative) =>
        {
            UInt128 digits = (((UInt128)high * 10_000_000_000) + low) % MpDecimal.DigitsLimit;
            var value = new MpDecimal(digits, scale, negative && digits != 0);
            return MpDecimal.TryDecode(Payload(value.Write), out MpDecimal back) && back == value;
        });
        Gen.Select(Gen.Long, Gen.Int[0, 999_999_999], Gen.Short, Gen.Short).Sample((seconds, nanoseconds, offset, zone) =>
        {
            var value = new MpDatetime(seconds, nanoseconds, offset, zone);
            return MpDatetime.TryDecode(Payload(value.Write), out MpDatetime back) && back == value;
        });
        Gen.Select(Gen.Long.Array[8], Gen.Int[0, 2]).Sample((parts, adjust) =>
        {
            var value = new MpInterval(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6], parts[7], (MpIntervalAdjust)adjust);
            return MpInterval.TryDecode(Payload(value.Write), out MpInterval back) && back == value;
        });
    }

    [Fact]
    public void Integers_strings_and_floats_come_back()
    {
        Gen.Select(Gen.Long, Gen.ULong, Gen.Double, Gen.Float, Gen.String, Gen.Byte.Array[0, 70_000]).Sample((signed, unsigned, real, single, text, bytes) =>
        {
            var writer = new MsgPackWriter();
            writer.WriteArrayHead(6);
            writer.WriteInt64(signed);
            writer.WriteUInt64(unsigned);
            writer.WriteDouble(real);
            writer.WriteFloat32(single);
            writer.WriteString(text);
            writer.WriteBinary(bytes);
            var reader = new MsgPackReader(writer.WrittenSpan);
            Assert.Equal(6, reader.ReadArrayHead());
            Assert.Equal(signed, reader.ReadInt64());
            Assert.Equal(unsigned, reader.ReadUInt64());
            Assert.Equal(real, reader.ReadDouble());
            Assert.Equal(single, (float)reader.ReadDouble());
            Assert.Equal(System.Text.Encoding.UTF8.GetBytes(text), reader.ReadStringBytes());
            Assert.Equal(bytes, reader.ReadBinary());
            Assert.True(reader.AtEnd);
            reader = new MsgPackReader(writer.WrittenSpan);
            Assert.True(reader.TrySkip() && reader.AtEnd);
        }, iter: 300);
    }

    [Fact]
    public void Every_beginning_of_a_value_is_refused()
    {
        byte[] whole = Random(new Random(7), 4);
        for (int length = 0; length < whole.Length; length++)
        {
            var reader = new MsgPackReader(whole.AsSpan(0, length));
            Assert.False(reader.TrySkip());
            Assert.Equal(0, reader.Position);
        }
    }

    [Fact]
    public void Random_bytes_never_lead_outside()
    {
        var random = new Random(11);
        byte[] bytes = new byte[64];
        for (int round = 0; round < 200_000; round++)
        {
            random.NextBytes(bytes);
            ReadOnlySpan<byte> some = bytes.AsSpan(0, random.Next(bytes.Length));
            var reader = new MsgPackReader(some);
            while (!reader.AtEnd)
            {
                int before = reader.Position;
                if (!ReadAny(ref reader, random.Next(12)))
                {
                    Assert.Equal(before, reader.Position);
                    break;
                }

                Assert.InRange(reader.Position, before + 1, some.Length);
            }
        }
    }

    [Fact]
    public void Nesting_is_limited_and_large_counts_cost_nothing()
    {
        byte[] deep = [.. Enumerable.Repeat((byte)0x91, 1_000_000), 0xc0];
        var reader = new MsgPackReader(deep);
        Assert.False(reader.TrySkip());
        reader = new MsgPackReader(deep.AsSpan(deep.Length - MsgPackReader.MaxDepth - 1));
        Assert.True(reader.TrySkip());
        reader = new MsgPackReader([0xdd, 0xff, 0xff, 0xff, 0xff, 0x00]);
        Assert.False(reader.TryReadArrayHead(out _));
        Assert.False(reader.TrySkip());
        reader = new MsgPackReader([0xdf, 0x7f, 0xff, 0xff, 0xff, 0x00, 0x00]);
        Assert.False(reader.TrySkip());
    }

    /// <summary>A random value that is valid MessagePack.</summary>
    internal static byte[] Random(Random random, int depth)
    {
        var writer = new MsgPackWriter();
        WriteRandom(writer, random, depth);
        return writer.ToArray();
    }

    internal static void WriteRandom(MsgPackWriter writer, Random random, int depth)
    {
        switch (random.Next(depth > 0 ? 12 : 9))
        {
            case 0:
                writer.WriteNil();
                break;
            case 1:
                writer.WriteBoolean(random.Next(2) == 0);
                break;
            case 2:
                writer.WriteInt64(random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64));
                break;
            case 3:
                writer.WriteUInt64((ulong)random.NextInt64() * 2);
                break;
            case 4:
                writer.WriteDouble(random.NextDouble());
                break;
            case 5:
                writer.WriteString(new string('x', random.Next(random.Next(4) == 0 ? 400 : 40)));
                break;
            case 6:
                byte[] bytes = new byte[random.Next(80)];
                random.NextBytes(bytes);
                writer.WriteBinary(bytes);
                break;
            case 7:
                new MpDecimal((UInt128)(ulong)random.NextInt64(), random.Next(10), random.Next(2) == 0).Write(writer);
                break;
            case 8:
                MpUuid.Write(writer, Guid.NewGuid());
                break;
            case 9 or 10:
                int items = random.Next(20);
                writer.WriteArrayHead(items);
                for (; items > 0; items--)
                {
                    WriteRandom(writer, random, depth - 1);
                }

                break;
            default:
                int pairs = random.Next(5);
                writer.WriteMapHead(pairs);
                for (; pairs > 0; pairs--)
                {
                    writer.WriteString($"key{pairs}");
                    WriteRandom(writer, random, depth - 1);
                }

                break;
        }
    }

    private static bool ReadAny(ref MsgPackReader reader, int way) => way switch
    {
        0 => reader.TryReadNil(),
        1 => reader.TryReadBoolean(out _),
        2 => reader.TryReadInt64(out _),
        3 => reader.TryReadUInt64(out _),
        4 => reader.TryReadDouble(out _),
        5 => reader.TryReadString(out _),
        6 => reader.TryReadBinary(out _),
        7 => reader.TryReadArrayHead(out _),
        8 => reader.TryReadMapHead(out _),
        9 => reader.TryReadExtension(out _, out _),
        10 => reader.TryReadInt32(out _),
        _ => reader.TrySkip(),
    };

    private static string Hex(Action<MsgPackWriter> write)
    {
        var writer = new MsgPackWriter();
        write(writer);
        return Convert.ToHexStringLower(writer.WrittenSpan);
    }

    private static byte[] Payload(Action<MsgPackWriter> write)
    {
        var writer = new MsgPackWriter();
        write(writer);
        var reader = new MsgPackReader(writer.WrittenSpan);
        Assert.True(reader.TryReadExtension(out _, out ReadOnlySpan<byte> payload) && reader.AtEnd);
        return payload.ToArray();
    }

    private static MpDecimal Decimal(string text)
    {
        string[] parts = text.TrimStart('-').Split('e');
        int point = parts[0].IndexOf('.');
        int scale = point < 0 ? 0 : parts[0].Length - point - 1;
        scale -= parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        return new MpDecimal((UInt128)BigInteger.Parse(parts[0].Replace(".", ""), CultureInfo.InvariantCulture), scale, text[0] == '-');
    }
}
