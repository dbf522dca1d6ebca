using System.Numerics;
using Picodata.Storage;
using Picodata.Storage.Files;
using Xunit;

namespace Picodata.Unit.Storage;

/// <summary>Order, hints and hashes of keys against a slow reference that works on plain values.</summary>
public sealed unsafe class KeyDefTests
{
    [Theory]
    [InlineData("integer")]
    [InlineData("unsigned")]
    [InlineData("number")]
    [InlineData("double")]
    [InlineData("decimal")]
    [InlineData("string")]
    [InlineData("varbinary")]
    [InlineData("boolean")]
    [InlineData("uuid")]
    [InlineData("datetime")]
    [InlineData("interval")]
    [InlineData("scalar")]
    public void Order_hint_and_hash_agree_with_a_reference(string type)
    {
        using var arena = new RowArena();
        var random = new Random(type.Length * 31);
        var values = Enumerable.Range(0, 100).Select(_ => Draw(random, type)).ToList();
        nint[] rows = [.. values.Select(value => arena.AllocateRow(TestEngine.Tuple(0, value.Value, "x")))];
        foreach (bool descending in new[] { false, true })
        {
            KeyDef key = Key($"1 {type} ?{(descending ? " desc" : "")}");
            for (int i = 0; i < rows.Length; i++)
            {
                for (int j = 0; j < rows.Length; j++)
                {
                    int expected = Compare(values[i], values[j]) * (descending ? -1 : 1);
                    Check(key, rows[i], rows[j], Math.Sign(expected), $"{Show(values[i])} and {Show(values[j])}");
                }
            }
        }
    }

    [Fact]
    public void Parts_decide_one_after_another_and_missing_fields_are_null()
    {
        using var arena = new RowArena();
        KeyDef key = Key("2 string ?", "1 integer ? desc");
        object?[][] inOrder = [[5], [6, null], [7, 3, null], [8, 2, null], [9, 9, "a"], [10, 8, "a"], [11, null, "a"], [12, 100, "b"]];
        nint[] rows = [.. inOrder.Select(row => arena.AllocateRow(TestEngine.Tuple(row)))];

        // NULL of a descending part is last among its equals; a row without the field has NULL there
        nint[] sorted = [rows[2], rows[3], rows[0], rows[1], rows[4], rows[5], rows[6], rows[7]];
        for (int i = 0; i < sorted.Length; i++)
        {
            for (int j = 0; j < sorted.Length; j++)
            {
                int order = key.CompareRows(RowArena.Data(sorted[i]), RowArena.Data(sorted[j]), 2);
                bool equal = (i, j) is (2, 3) or (3, 2);
                Assert.Equal(equal ? 0 : Math.Sign(i.CompareTo(j)), Math.Sign(order));
            }
        }
    }

    [Fact]
    public void Collations_without_case_equate_case_and_their_hashes()
    {
        using var arena = new RowArena();
        KeyDef key = KeyDef.Create(
            DefinitionReader.ReadSpace(TestEngine.SpaceRow(600, "t")),
            new IndexDef(600, 0, "i", IndexKind.Tree, true, [new KeyPart(0, FieldType.String, Collation: 2)]) { Tuple = TestEngine.IndexRow(600, 0, true, "0 string") },
            new IndexDef(600, 0, "i", IndexKind.Tree, true, [new KeyPart(0, FieldType.String, Collation: 2)]) { Tuple = TestEngine.IndexRow(600, 0, true, "0 string") });
        nint a = arena.AllocateRow(TestEngine.Tuple("Straße ÄÖ")), b = arena.AllocateRow(TestEngine.Tuple("STRAßE äö")), c = arena.AllocateRow(TestEngine.Tuple("t"));
        Check(key, a, b, 0, "case");
        Check(key, a, c, -1, "letters");
    }

    [Fact]
    public void Paths_lead_into_maps_and_arrays()
    {
        using var arena = new RowArena();
        var part = new KeyPart(1, FieldType.Integer, IsNullable: true, Path: "a[2].b");
        var index = new IndexDef(600, 1, "i", IndexKind.Tree, false, [part]) { Tuple = TestEngine.IndexRow(600, 1, false, "1 integer") };
        IndexDef primary = DefinitionReader.ReadIndex(TestEngine.IndexRow(600, 0, true, "0 integer"));
        KeyDef key = KeyDef.Create(DefinitionReader.ReadSpace(TestEngine.SpaceRow(600, "t")), index, primary);
        nint Row(int id, object? inner) => arena.AllocateRow(TestEngine.Tuple(id, inner));
        nint low = Row(1, new Dictionary<string, object?> { ["z"] = 1, ["a"] = new object?[] { 0, new Dictionary<string, object?> { ["b"] = 5 } } });
        nint high = Row(2, new Dictionary<string, object?> { ["a"] = new object?[] { 0, new Dictionary<string, object?> { ["c"] = 0, ["b"] = 50 } } });
        nint missing = Row(0, new Dictionary<string, object?> { ["a"] = new object?[] { 0 } });
        nint scalar = Row(3, 77);
        Assert.True(key.CompareRows(RowArena.Data(low), RowArena.Data(high), 1) < 0);
        Assert.True(key.CompareRows(RowArena.Data(missing), RowArena.Data(low), 1) < 0);
        Assert.Equal(0, key.CompareRows(RowArena.Data(missing), RowArena.Data(scalar), 1));
        Assert.True(key.HasNull(RowArena.Data(scalar)));
        Assert.Throws<Picodata.Core.DbException>(() => JsonPath.Parse("a[0]"));
    }

    [Fact]
    public void Unique_keys_with_nullable_parts_end_in_the_primary_key()
    {
        Assert.Equal(1, Key("1 integer").Count);
        Assert.Equal(2, Key("1 integer ?").Count);
        Assert.True(Key("0 integer").LeadsRow);
        Assert.False(Key("1 integer").LeadsRow);
    }

    private static void Check(KeyDef key, nint a, nint b, int expected, string what)
    {
        byte* left = RowArena.Data(a), right = RowArena.Data(b);
        Assert.True(expected == Math.Sign(key.CompareRows(left, right, 1)), $"rows {what}: {expected} expected");
        ulong hintA = key.HintOf(left), hintB = key.HintOf(right);
        Assert.True(hintA == hintB || hintA < hintB == expected < 0, $"hints of {what}: {hintA:x} {hintB:x}, order {expected}");
        Probe row = key.ProbeRow(left, 1);
        Assert.True(expected == Math.Sign(key.Compare(in row, hintB, b)), $"probe {what}");
        byte* value = RawTuple.Field(left, key.LeadsRow ? 0 : 1);
        if (value != null)
        {
            Probe probe = key.ProbeKey(value, 1);
            Assert.True(expected == Math.Sign(key.Compare(in probe, hintB, b)), $"key {what}");
            Assert.Equal(key.HashRow(left), key.HashKey(value));
        }

        Assert.True(expected != 0 || key.HashRow(left) == key.HashRow(right), $"hashes of {what}");
    }

    private static KeyDef Key(params string[] parts)
    {
        IndexDef primary = DefinitionReader.ReadIndex(TestEngine.IndexRow(600, 0, true, "0 integer"));
        SpaceDef space = DefinitionReader.ReadSpace(TestEngine.SpaceRow(600, "t"));
        return KeyDef.Create(space, DefinitionReader.ReadIndex(TestEngine.IndexRow(600, 1, true, parts)), primary);
    }

    private static string Show((object? Value, int Class, object? Order) value) => $"{value.Value ?? "null"} ({value.Value?.GetType().Name})";

    private static int Compare((object? Value, int Class, object? Order) a, (object? Value, int Class, object? Order) b)
    {
        if (a.Class != b.Class || a.Class == 0)
        {
            return a.Class.CompareTo(b.Class);
        }

        return (a.Order, b.Order) switch
        {
            (Rational left, Rational right) => left.CompareTo(right),
            (byte[] left, byte[] right) => left.AsSpan().SequenceCompareTo(right),
            _ => ((IComparable)a.Order!).CompareTo(b.Order),
        };
    }

    private static (object? Value, int Class, object? Order) Draw(Random random, string type)
    {
        if (random.Next(12) == 0)
        {
            return (null, 0, null);
        }

        switch (type)
        {
            case "integer": return Integer(random, signed: true);
            case "unsigned": return Integer(random, signed: false);
            case "double": return Double(random);
            case "decimal": return Decimal(random);
            case "number": return random.Next(3) switch { 0 => Integer(random, true), 1 => Double(random), _ => Decimal(random) };
            case "boolean": bool flag = random.Next(2) == 0; return (flag, 1, flag);
            case "string":
                string text = new string('a', random.Next(3) * 4) + (char)('a' + random.Next(3)) + (random.Next(2) == 0 ? "é" : "");
                return (text, 3, System.Text.Encoding.UTF8.GetBytes(text));
            case "varbinary":
                var bytes = new byte[random.Next(12)];
                random.NextBytes(bytes.AsSpan(bytes.Length / 2));
                return (bytes, 4, bytes);
            case "uuid":
                var uuid = new byte[16];
                random.NextBytes(uuid.AsSpan(random.Next(12)));
                return (new Guid(uuid, bigEndian: true), 5, uuid);
            case "datetime":
                var time = new MpDatetime(random.Next(4) - 2L + (random.Next(5) == 0 ? 1L << 50 : 0), random.Next(3) * 400_000_000, (short)random.Next(100));
                return (time, 6, ((Int128)time.Seconds * 1_000_000_000) + time.Nanoseconds);
            case "interval":
                var span = new MpInterval(Months: random.Next(3), Days: random.Next(40), Hours: random.Next(30), Nanoseconds: random.Next(3));
                return (span, 7, ((Int128)((((span.Months * 30) + span.Days) * 24) + span.Hours) * 3_600_000_000_000) + span.Nanoseconds);
            default:
                string[] kinds = ["number", "boolean", "string", "varbinary", "uuid", "datetime", "interval"];
                return Draw(random, kinds[random.Next(kinds.Length)]);
        }
    }

    private static (object? Value, int Class, object? Order) Integer(Random random, bool signed)
    {
        ulong[] edges = [0, 1, 2, 127, 128, 255, 256, 65535, 65536, uint.MaxValue, 1UL << 53, (1UL << 53) + 1, long.MaxValue - 2UL, long.MaxValue - 1UL, long.MaxValue, 1UL << 63, ulong.MaxValue - 1, ulong.MaxValue];
        ulong magnitude = random.Next(3) == 0 ? (ulong)random.NextInt64() : edges[random.Next(edges.Length)];
        if (signed && random.Next(2) == 0 && magnitude <= 1UL << 63)
        {
            long negative = -(long)magnitude;
            return (negative, 2, new Rational(negative, 1));
        }

        return (magnitude, 2, new Rational(magnitude, 1));
    }

    private static (object? Value, int Class, object? Order) Double(Random random)
    {
        double[] edges = [0, -0.0, 0.5, 1, 1.5, 2, 9007199254740992, 9007199254740994, 1e300, -1e300, double.Epsilon, double.PositiveInfinity, double.NegativeInfinity, 0.1, 18446744073709551616.0];
        double value = random.Next(3) == 0 ? (random.NextDouble() - 0.5) * 100 : edges[random.Next(edges.Length)];
        if (random.Next(4) == 0)
        {
            float single = (float)value;
            return (single, 2, Rational.Of(single));
        }

        return (value, 2, Rational.Of(value));
    }

    private static (object? Value, int Class, object? Order) Decimal(Random random)
    {
        UInt128[] digits = [0, 1, 5, 10, 15, 100, 9007199254740993, 18446744073709551615, MpDecimal.DigitsLimit - 1, UInt128.Parse("12345678901234567890123456789")];
        var value = new MpDecimal(digits[random.Next(digits.Length)], random.Next(-20, 39), random.Next(2) == 0);
        BigInteger unscaled = value.IsNegative ? -(BigInteger)value.Digits : value.Digits;
        return (value, 2, value.Scale >= 0 ? new Rational(unscaled, BigInteger.Pow(10, value.Scale)) : new Rational(unscaled * BigInteger.Pow(10, -value.Scale), 1));
    }

    private sealed record Rational(BigInteger Numerator, BigInteger Denominator) : IComparable<Rational>
    {
        /// <summary>Infinities are beyond everything that a file can hold.</summary>
        public static Rational Of(double value)
        {
            if (double.IsInfinity(value))
            {
                return new Rational(BigInteger.Pow(10, 400) * Math.Sign(value), 1);
            }

            BigInteger denominator = BigInteger.One;
            while (value != Math.Floor(value))
            {
                value *= 2;
                denominator *= 2;
            }

            return new Rational(new BigInteger(value), denominator);
        }

        public int CompareTo(Rational? other) => (Numerator * other!.Denominator).CompareTo(other.Numerator * Denominator);
    }
}
