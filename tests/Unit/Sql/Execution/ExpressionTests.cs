using Xunit;
using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Execution;
using Picodata.Sql.Functions;
using Picodata.Sql.Plans;
using static Picodata.Unit.Sql.Execution.PlanBench;

namespace Picodata.Unit.Sql.Execution;

public sealed class ExpressionTests
{
    private static readonly bool?[] Truths = [true, false, null];

    private static bool? And(bool? a, bool? b) => a == false || b == false ? false : a is null || b is null ? null : true;

    [Fact]
    public void Logic_is_three_valued()
    {
        foreach (bool? a in Truths)
        {
            Assert.Equal(!a, Truth(new BoundNot(Bool(a))));
            foreach (bool? b in Truths)
            {
                Assert.Equal(And(a, b), Truth(new BoundAnd([Bool(a), Bool(b)])));
                Assert.Equal(!And(!a, !b), Truth(new BoundOr([Bool(a), Bool(b)])));
            }
        }
    }

    [Fact]
    public void Is_tests_are_never_null()
    {
        foreach (bool? a in Truths)
        {
            foreach (bool? wanted in Truths)
            {
                Assert.Equal(a == wanted, Truth(new BoundIsBool(Bool(a), wanted, false)));
                Assert.Equal(a != wanted, Truth(new BoundIsBool(Bool(a), wanted, true)));
            }

            Assert.Equal(a is null, Truth(new BoundIsNull(Bool(a), false)));
        }

        Assert.True(Truth(new BoundIsNull(new BoundRow([Int(null), Int(null)]), false)));
        Assert.False(Truth(new BoundIsNull(new BoundRow([Int(null), Int(1)]), false)));
        Assert.False(Truth(new BoundIsNull(new BoundRow([Int(null), Int(1)]), true)));
    }

    [Theory]
    [InlineData(1L, 2L)]
    [InlineData(2L, 2L)]
    [InlineData(3L, 2L)]
    [InlineData(null, 2L)]
    [InlineData(1L, null)]
    public void Comparisons_agree_for_all_kinds(long? a, long? b)
    {
        (Func<long?, BoundExpression> Make, string Kind)[] kinds =
        [
            (v => Int(v), "int"),
            (v => Text(v?.ToString()), "text"),
            (v => new BoundConstant(v is { } x ? Datum.Double(x) : Datum.Null, SqlType.Float8), "double"),
            (v => new BoundConstant(v is { } x ? Datum.Numeric(new Numeric(x, 0)) : Datum.Null, SqlType.Numeric), "numeric"),
            (v => new BoundConstant(v is { } x ? Datum.Timestamp(x) : Datum.Null, SqlType.Timestamp), "timestamp"),
        ];
        foreach ((Func<long?, BoundExpression> make, string kind) in kinds)
        {
            bool?[] expected = a is null || b is null ? [null, null, null, null, null, null] : [a == b, a != b, a < b, a <= b, a > b, a >= b];
            for (int i = 0; i < 6; i++)
            {
                Assert.True(expected[i] == Truth(new BoundComparison((ComparisonOperator)i, make(a), make(b))), kind + " " + (ComparisonOperator)i);
            }

            Assert.Equal(a != b, Truth(new BoundDistinctFrom(make(a), make(b), false)));
            Assert.Equal(a == b, Truth(new BoundDistinctFrom(make(a), make(b), true)));
        }
    }

    [Fact]
    public void NaN_equals_itself_and_is_above_all()
    {
        var nan = new BoundConstant(Datum.Double(double.NaN), SqlType.Float8);
        var infinite = new BoundConstant(Datum.Double(double.PositiveInfinity), SqlType.Float8);
        Assert.True(Truth(Equal(nan, nan)));
        Assert.True(Truth(Less(infinite, nan)));
        Assert.False(Truth(Less(nan, infinite)));
    }

    [Fact]
    public void In_lists_count_nulls_short_and_long()
    {
        foreach (int length in new[] { 3, 40 })
        {
            BoundExpression[] items = [.. Enumerable.Range(1, length).Select(i => Int(i))];
            BoundExpression[] withNull = [.. items, Int(null)];
            Assert.True(Truth(new BoundInList(Int(2), items, false)));
            Assert.False(Truth(new BoundInList(Int(2), items, true)));
            Assert.False(Truth(new BoundInList(Int(99), items, false)));
            Assert.True(Truth(new BoundInList(Int(99), items, true)));
            Assert.True(Truth(new BoundInList(Int(2), withNull, false)));
            Assert.Null(Truth(new BoundInList(Int(99), withNull, false)));
            Assert.Null(Truth(new BoundInList(Int(99), withNull, true)));
            Assert.Null(Truth(new BoundInList(Int(null), items, false)));
            BoundExpression[] texts = [.. Enumerable.Range(1, length).Select(i => Text("t" + i))];
            Assert.True(Truth(new BoundInList(Text("t2"), texts, false)));
            Assert.False(Truth(new BoundInList(Text("x"), texts, false)));
        }
    }

    [Fact]
    public void Any_and_all_over_arrays()
    {
        foreach (int length in new[] { 3, 40 })
        {
            var array = new BoundConstant(Datum.Array(DatumArray.Of(SqlType.Int8, [.. Enumerable.Range(1, length).Select(i => Datum.Int(i))])), SqlType.ArrayOf(SqlType.Int8));
            Assert.True(Truth(Quantified(Int(3), array, ComparisonOperator.Equal, false)));
            Assert.False(Truth(Quantified(Int(99), array, ComparisonOperator.Equal, false)));
            Assert.Null(Truth(Quantified(Int(null), array, ComparisonOperator.Equal, false)));
            Assert.True(Truth(Quantified(Int(0), array, ComparisonOperator.Less, true)));
            Assert.False(Truth(Quantified(Int(1), array, ComparisonOperator.Less, true)));
            Assert.True(Truth(Quantified(Int(1), array, ComparisonOperator.Less, false)));
            Assert.True(Truth(Quantified(Int(99), array, ComparisonOperator.NotEqual, true)));
        }

        var empty = new BoundConstant(Datum.Array(DatumArray.Of(SqlType.Int8)), SqlType.ArrayOf(SqlType.Int8));
        Assert.True(Truth(Quantified(Int(null), empty, ComparisonOperator.Equal, true)));
        Assert.False(Truth(Quantified(Int(null), empty, ComparisonOperator.Equal, false)));
        Assert.Null(Truth(Quantified(Int(1), BoundConstant.NullOf(SqlType.ArrayOf(SqlType.Int8)), ComparisonOperator.Equal, false)));
    }

    private static BoundQuantified Quantified(BoundExpression left, BoundExpression array, ComparisonOperator comparison, bool all)
    {
        var leftLocal = new BoundLocal(SqlType.Int8);
        var element = new BoundLocal(SqlType.Int8);
        return new BoundQuantified(left, leftLocal, array, element, new BoundComparison(comparison, leftLocal, element), all, comparison);
    }

    [Fact]
    public void What_is_not_needed_is_not_evaluated()
    {
        BoundExpression trap = Call(Fail, Int(1));
        Assert.Equal(1, Evaluate(new BoundCase(null, null, [new(Bool(true), Int(1)), new(trap, Int(2))], null, SqlType.Int8)).AsInt);
        Assert.Equal(3, Evaluate(new BoundCase(null, null, [new(Bool(null), Call(Fail, Int(1)))], Int(3), SqlType.Int8)).AsInt);
        Assert.Equal(5, Evaluate(new BoundCoalesce([Int(null), Int(5), trap], SqlType.Int8)).AsInt);
        Assert.False(Truth(new BoundAnd([Bool(false), trap])));
        Assert.True(Truth(new BoundOr([Bool(true), trap])));
        Assert.Throws<DbException>(() => Truth(new BoundAnd([Bool(true), trap])));
    }

    [Fact]
    public void Simple_case_computes_its_operand_once()
    {
        int calls = 0;
        ResolvedFunction count = Scalar("count_calls", 1, SqlType.Int8, (a, _) => Datum.Int(a[0].AsInt + calls++), volatility: Volatility.Volatile);
        var local = new BoundLocal(SqlType.Int8);
        var choice = new BoundCase(
            Call(count, Int(7)), local, [new(Equal(local, Int(1)), Int(10)), new(Equal(local, Int(7)), Int(70))], Int(0), SqlType.Int8);
        Assert.Equal(70, Evaluate(choice).AsInt);
        Assert.Equal(1, calls);
        var value = new BoundLocal(SqlType.Int8);
        Assert.True(Evaluate(new BoundNullIf(Int(4), value, Equal(value, Int(4)))).IsNull);
        Assert.Equal(5, Evaluate(new BoundNullIf(Int(5), value, Equal(value, Int(4)))).AsInt);
    }

    [Fact]
    public void Strict_functions_are_not_called_with_null()
    {
        ResolvedFunction trap = Scalar("trap", 2, SqlType.Int8, (_, _) => throw new InvalidOperationException());
        Assert.True(Evaluate(Call(trap, Int(1), Int(null))).IsNull);
        Assert.True(Evaluate(Call(Add, Int(null), Int(1))).IsNull);
        Assert.Equal(3, Evaluate(Call(Add, Int(1), new BoundParameter(0, SqlType.Int8)), Datum.Int(2)).AsInt);
    }

    [Theory]
    [InlineData(Intrinsic.IntAdd)]
    [InlineData(Intrinsic.IntSubtract)]
    [InlineData(Intrinsic.IntMultiply)]
    public void Integer_overflow_is_an_error(Intrinsic intrinsic)
    {
        ResolvedFunction function = Scalar("op", 2, SqlType.Int8, (_, _) => throw new InvalidOperationException(), intrinsic: intrinsic);
        long[] values = [long.MinValue, long.MinValue + 1, -2, -1, 0, 1, 2, 3037000500, long.MaxValue - 1, long.MaxValue];
        foreach (long a in values)
        {
            foreach (long b in values)
            {
                Int128 exact = intrinsic switch { Intrinsic.IntAdd => (Int128)a + b, Intrinsic.IntSubtract => (Int128)a - b, _ => (Int128)a * b };
                if (exact == (long)exact)
                {
                    Assert.Equal((long)exact, Evaluate(Call(function, Int(a), Int(b))).AsInt);
                }
                else
                {
                    Assert.Equal(SqlStates.NumericValueOutOfRange, Assert.Throws<DbException>(() => Evaluate(Call(function, Int(a), Int(b)))).SqlState);
                }
            }
        }
    }

    [Fact]
    public void Rows_compare_field_by_field()
    {
        static BoundRow Row(params long?[] fields) => new([.. fields.Select(Int)]);
        Assert.True(Truth(Equal(Row(1, 2), Row(1, 2))));
        Assert.False(Truth(Equal(Row(1, null), Row(2, null))));
        Assert.Null(Truth(Equal(Row(1, null), Row(1, 2))));
        Assert.True(Truth(Less(Row(1, null), Row(2, null))));
        Assert.Null(Truth(Less(Row(1, null), Row(1, 2))));
        Assert.True(Truth(new BoundComparison(ComparisonOperator.NotEqual, Row(1, null), Row(2, 2))));
        Assert.Equal(2, Evaluate(new BoundField(Row(1, 2), 1, SqlType.Int8)).AsInt);
        Assert.Equal(3, Evaluate(new BoundGreatest([Int(1), Int(null), Int(3), Int(2)], false, SqlType.Int8)).AsInt);
        Assert.Equal(1, Evaluate(new BoundGreatest([Int(1), Int(null), Int(3), Int(2)], true, SqlType.Int8)).AsInt);
    }

    [Fact]
    public void Arrays_are_built_read_and_sliced()
    {
        SqlType type = SqlType.ArrayOf(SqlType.Int8);
        var inner = new BoundArray([Int(1), Int(2), Int(3)], false, type);
        var nested = new BoundArray([inner, new BoundArray([Int(4), Int(5), Int(6)], false, type)], true, type);
        static BoundIndex At(long index) => new(false, null, Int(index));
        Assert.Equal(6, Evaluate(new BoundSubscript(nested, [At(2), At(3)], SqlType.Int8)).AsInt);
        Assert.True(Evaluate(new BoundSubscript(nested, [At(3), At(1)], SqlType.Int8)).IsNull);
        Assert.True(Evaluate(new BoundSubscript(nested, [At(1)], SqlType.Int8)).IsNull);
        DatumArray slice = Evaluate(new BoundSubscript(nested, [new(true, null, null), new(true, Int(2), null)], type)).AsArray;
        Assert.Equal([2L, 3, 5, 6], slice.Elements.Select(element => element.AsInt));
        Assert.Equal([2, 2], slice.Lengths);
        Assert.Empty(Evaluate(new BoundSubscript(inner, [new(true, Int(3), Int(2))], type)).AsArray.Elements);
        var ragged = new BoundArray([inner, new BoundArray([Int(4)], false, type)], true, type);
        Assert.Equal(SqlStates.ArraySubscriptError, Assert.Throws<DbException>(() => Evaluate(ragged)).SqlState);
    }

    [Fact]
    public void Expressions_nested_too_deeply_are_refused_not_fatal()
    {
        BoundExpression deep = Slot(0);
        for (int i = 0; i < 200_000; i++)
        {
            deep = Call(Add, deep, Slot(0));
        }

        DbException error = Assert.Throws<DbException>(() => Run(new ProjectNode(Rows(1, [[1]]), [Output(deep)])));
        Assert.Equal(SqlStates.StatementTooComplex, error.SqlState);
    }

    [Fact]
    public void Failing_constants_fail_only_when_reached()
    {
        ResolvedFunction broken = Scalar("broken", 1, SqlType.Int8, (_, _) => throw new DbException(SqlStates.DivisionByZero, "division by zero"));
        var choice = new BoundCase(null, null, [new(Bool(false), Call(broken, Int(1)))], Int(9), SqlType.Int8);
        Assert.Equal(9, Evaluate(choice).AsInt);
    }
}
