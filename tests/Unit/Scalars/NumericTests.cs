using System.Numerics;
using CsCheck;
using Picodata.Core;
using Xunit;

namespace Picodata.Unit.Scalars;

/// <summary>Numeric against arithmetic of whole numbers, and against identities.</summary>
public sealed class NumericTests
{
    /// <summary>Values of all sizes: below 64 bits, below 128, above; scales 0 to 30.</summary>
    private static readonly Gen<Numeric> Any = Gen.Select(
        Gen.Frequency(
            (3, Gen.Long[-1000, 1000].Select(value => (BigInteger)value)),
            (3, Gen.Long.Select(value => (BigInteger)value)),
            (2, Gen.Select(Gen.Long, Gen.Long).Select(pair => (BigInteger)pair.Item1 * pair.Item2)),
            (1, Gen.Select(Gen.Long, Gen.Long, Gen.Long).Select(three => (BigInteger)three.Item1 * three.Item2 * three.Item3))),
        Gen.Int[0, 30],
        (unscaled, scale) => new Numeric(unscaled, scale));

    private static BigInteger At(Numeric value, int scale) => value.Unscaled * BigInteger.Pow(10, scale - value.Scale);

    [Fact]
    public void Sums_differences_and_products_are_exact() => Gen.Select(Any, Any).Sample((a, b) =>
    {
        int scale = Math.Max(a.Scale, b.Scale);
        Assert.Equal((At(a, scale) + At(b, scale), scale), ((a + b).Unscaled, (a + b).Scale));
        Assert.Equal((At(a, scale) - At(b, scale), scale), ((a - b).Unscaled, (a - b).Scale));
        Assert.Equal((a.Unscaled * b.Unscaled, a.Scale + b.Scale), ((a * b).Unscaled, (a * b).Scale));
    });

    [Fact]
    public void Quotients_are_the_nearest_value_of_their_scale() => Gen.Select(Any, Any).Where((_, b) => !b.IsZero).Sample((a, b) =>
    {
        Numeric quotient = a / b;

        // |quotient * b - a| is at most half a unit of the last digit times |b|
        Numeric error = (quotient * b - a).Abs();
        var half = new Numeric(new BigInteger(5), quotient.Scale + 1);
        Assert.True(error <= half * b.Abs(), $"{a} / {b} = {quotient}");
    });

    [Fact]
    public void Remainder_completes_the_truncated_quotient() => Gen.Select(Any, Any).Where((_, b) => !b.IsZero).Sample((a, b) =>
    {
        Numeric rest = a % b;
        Assert.Equal(a, a.DivideTruncated(b) * b + rest);
        Assert.True(rest.Abs() < b.Abs());
        Assert.True(rest.IsZero || rest.Sign == a.Sign);
    });

    [Fact]
    public void Order_is_that_of_whole_numbers_and_equal_values_hash_alike() => Gen.Select(Any, Any).Sample((a, b) =>
    {
        int scale = Math.Max(a.Scale, b.Scale);
        Assert.Equal(At(a, scale).CompareTo(At(b, scale)), Numeric.Compare(a, b));
        Numeric longer = a.Round(Math.Max(a.Scale, 35));
        Assert.Equal(a, longer);
        Assert.Equal(a.GetHashCode(), longer.GetHashCode());
        Assert.Equal(DatumComparer.Hash(Datum.Numeric(a)), DatumComparer.Hash(Datum.Numeric(longer)));
    });

    [Fact]
    public void Text_reads_back() => Any.Sample(value =>
    {
        Numeric back = Numeric.Parse(value.ToString());
        Assert.Equal((value.Unscaled, value.Scale), (back.Unscaled, back.Scale));
        Span<byte> utf8 = stackalloc byte[256];
        Assert.True(value.TryFormat(utf8, out int written));
        Assert.Equal(value.ToString(), System.Text.Encoding.ASCII.GetString(utf8[..written]));
    });

    [Fact]
    public void Rounding_takes_the_nearest_and_halves_go_away_from_zero() => Gen.Select(Any, Gen.Int[-10, 35]).Sample((value, digits) =>
    {
        Numeric rounded = value.Round(digits);
        Numeric distance = (rounded - value).Abs();
        Numeric unit = digits >= 0 ? new Numeric(BigInteger.One, digits) : new Numeric(BigInteger.Pow(10, -digits), 0);
        Assert.Equal(Math.Max(digits, 0), rounded.Scale);
        Assert.True(distance + distance <= unit);
        Assert.True(distance + distance < unit || rounded.Abs() >= value.Abs());
        Assert.True(value.Truncate(digits).Abs() <= value.Abs());
    });

    [Fact]
    public void Roots_and_logarithms_fit_their_inverses() => Gen.Select(Gen.Long[1, long.MaxValue], Gen.Int[0, 18]).Sample((unscaled, scale) =>
    {
        var value = new Numeric((Int128)unscaled, scale);
        Numeric root = value.Sqrt();
        var unit = new Numeric(BigInteger.One, root.Scale);
        Assert.True((root - unit) * (root - unit) <= value && value <= (root + unit) * (root + unit), $"sqrt({value}) = {root}");
        double expected = Math.Log(value.ToDouble());
        Assert.True(Math.Abs(value.Ln().ToDouble() - expected) <= Math.Abs(expected) * 1e-13 + 1e-13, $"ln({value}) = {value.Ln()}");
        Numeric ln = value.Ln();
        Assert.True(Math.Abs((ln.Exp() / value).ToDouble() - 1) < 1e-14, $"exp(ln({value})) = {ln.Exp()}");
    }, iter: 300);

    [Fact]
    public void Stored_values_have_at_most_38_digits() => Any.Sample(value =>
    {
        Numeric trimmed = value.TrimScale();
        bool fits = BigInteger.Abs(trimmed.Unscaled) < BigInteger.Pow(10, 38);
        if (fits)
        {
            Assert.Equal(value, value.ToStored(out Int128 unscaled));
            Assert.True(Int128.Abs(unscaled) < (Int128)BigInteger.Pow(10, 38));
        }
        else
        {
            Assert.Equal(SqlStates.NumericValueOutOfRange, Assert.Throws<DbException>(() => value.ToStored(out _)).SqlState);
        }
    });

    [Theory]
    [InlineData("1e131072")]
    [InlineData("1e999999999")]
    public void Numbers_beyond_the_limits_are_refused(string text) =>
        Assert.Equal(SqlStates.NumericValueOutOfRange, Assert.Throws<DbException>(() => Numeric.Parse(text) * Numeric.FromInt64(10)).SqlState);

    [Fact]
    public void Not_a_number_is_above_all_and_equal_to_itself()
    {
        Assert.Equal(0, Numeric.Compare(Numeric.NaN, Numeric.NaN));
        Assert.Equal(1, Numeric.Compare(Numeric.NaN, Numeric.Parse("1e100")));
        Assert.True((Numeric.NaN + Numeric.One).IsNaN && (Numeric.One / Numeric.NaN).IsNaN && Numeric.NaN.Sqrt().IsNaN);
    }
}
