using Picodata.Core;
using Picodata.Storage;
using Xunit;
using static Picodata.Unit.Storage.TestEngine;

namespace Picodata.Unit.Storage;

/// <summary>DDL as rows of system spaces: at once for its transaction, at commit for others, and back when it is taken back.</summary>
public sealed class SchemaChangeTests : IDisposable
{
    private const uint T = 1025;
    private readonly TestEngine world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public void A_table_can_be_made_filled_and_indexed_in_one_transaction()
    {
        using Transaction own = world.Begin();
        Done(own.Insert(SystemSpaces.Space, SpaceRow(T, "t", "id integer", "a integer?", "s string?")));
        Done(own.Insert(SystemSpaces.Index, IndexRow(T, 0, true, "0 integer")));
        Done(own.Insert(T, Tuple(2, 5, "b")));
        Done(own.Insert(T, Tuple(1, 6, "a")));
        Done(own.Insert(SystemSpaces.Index, IndexRow(T, 1, true, "1 integer ?")));
        Done(own.Insert(T, Tuple(3, 4, "c")));
        own.BeginStatement();
        Assert.Equal(["3,4,c", "2,5,b", "1,6,a"], Rows(own, T, 1));
        Assert.Equal(WriteOutcome.Duplicate, own.Insert(T, Tuple(9, 5, "")).Outcome);
        Assert.NotNull(own.Schema.Space("t")!.Primary);
        Assert.Null(world.Engine.Schema.Space("t"));
        own.Commit();
        Assert.Equal(["3,4,c", "2,5,b", "1,6,a"], world.Rows(T, 1));
        Assert.Equal(["1,6,a", "2,5,b", "3,4,c"], world.Rows(T));
        Assert.Equal(3, world.Engine.Statistics(T).Rows);
    }

    [Fact]
    public void An_index_is_built_over_old_and_own_rows()
    {
        world.CreateTable(T);
        for (int i = 0; i < 500; i++)
        {
            world.Insert(T, i, 1000 - i, "x");
        }

        using Transaction own = world.Begin();
        Done(own.Delete(T, Tuple(0)));
        Done(own.Update(T, Tuple(1), Tuple(1, -5, "own")));
        Done(own.Insert(SystemSpaces.Index, IndexRow(T, 1, false, "1 integer ?")));
        Done(own.Insert(T, Tuple(5000, -6, "own")));
        own.BeginStatement();
        List<string> rows = Rows(own, T, 1);
        Assert.Equal((500, "5000,-6,own", "1,-5,own", "2,998,x"), (rows.Count, rows[0], rows[1], rows[^1]));
        using (Transaction other = world.Begin())
        {
            Assert.Equal(WriteOutcome.MustWait, other.Insert(T, Tuple(6000, 1, "")).Outcome);
            Assert.Equal(500, Rows(other, T).Count);
        }

        own.Commit();
        Assert.Equal(rows, world.Rows(T, 1));
    }

    [Fact]
    public void A_unique_index_over_equal_keys_is_refused_and_leaves_nothing()
    {
        world.CreateTable(T);
        world.Insert(T, 1, 5, "");
        world.Insert(T, 2, 5, "");
        using Transaction own = world.Begin();
        Assert.Equal(SqlStates.UniqueViolation, Assert.Throws<DbException>(() => own.Insert(SystemSpaces.Index, IndexRow(T, 1, true, "1 integer ?"))).SqlState);
        Assert.Single(own.Schema.Space(T)!.Indexes);
        Done(own.Insert(SystemSpaces.Index, IndexRow(T, 1, false, "1 integer ?")));
        own.Commit();
        Assert.Equal(2, world.Rows(T, 1).Count);
    }

    [Fact]
    public void The_primary_key_can_be_replaced()
    {
        world.CreateTable(T, IndexRow(T, 1, false, "2 string ?"));
        for (int i = 0; i < 300; i++)
        {
            world.Insert(T, i, 300 - i, i % 2 == 0 ? "even" : "odd");
        }

        using ReadView old = world.Engine.OpenReadView();
        using (Transaction own = world.Begin())
        {
            Done(own.Update(SystemSpaces.Index, Tuple(T, 0), IndexRow(T, 0, true, "1 integer")));
            Done(own.Insert(T, Tuple(1, 1000, "odd")));
            own.Commit();
        }

        List<string> rows = world.Rows(T);
        Assert.Equal((301, "299,1,odd", "1,1000,odd"), (rows.Count, rows[0], rows[^1]));
        Assert.Equal("298,2,even", world.Rows(T, 1)[0]);
        using Transaction writer = world.Begin();
        Assert.Equal(WriteOutcome.Duplicate, writer.Insert(T, Tuple(7777, 5, "")).Outcome);
        Assert.Equal(SqlStates.NotNullViolation, Assert.Throws<DbException>(() => writer.Insert(T, Tuple(7777, null, ""))).SqlState);
        int count = 0;
        using IndexCursor before = old.OpenCursor(T);
        while (before.MoveNext())
        {
            Assert.Equal((long)count++, Fields(before.Current)[0]);
        }

        Assert.Equal(300, count);
    }

    [Fact]
    public void Truncate_and_drop_take_rows_away_and_come_back_with_a_rollback()
    {
        world.CreateTable(T, IndexRow(T, 1, false, "1 integer ?"));
        world.Insert(T, 1, 1, "");
        long used = world.Engine.UsedMemory;
        using (Transaction own = world.Begin())
        {
            Done(own.Insert(T, Tuple(5, 5, "before")));
            Done(own.LockTable(T, TableLockMode.Exclusive));
            int savepoint = own.Savepoint();
            Done(own.Truncate(T));
            Done(own.Insert(T, Tuple(2, 2, "after")));
            own.BeginStatement();
            Assert.Equal(["2,2,after"], Rows(own, T, 1));
            Drop(own);
            Assert.Null(own.Schema.Space(T));
            Assert.Equal(SqlStates.UndefinedTable, Assert.Throws<DbException>(() => own.Insert(T, Tuple(1, 1, ""))).SqlState);
            own.RollbackTo(savepoint);
            own.BeginStatement();
            Assert.Equal(["1,1,", "5,5,before"], Rows(own, T, 1));
            own.Rollback();
        }

        Assert.Equal(["1,1,"], world.Rows(T));
        Assert.InRange(world.Engine.UsedMemory, used - 2048, used + 2048);
        using (Transaction own = world.Begin())
        {
            Done(own.Truncate(T));
            Done(own.Insert(T, Tuple(3, 3, "new")));
            own.Commit();
        }

        Assert.Equal(["3,3,new"], world.Rows(T, 1));
        Assert.Equal((SystemSpaces.Truncate, "[1025,1]"), (world.Log.Commits[^1][0].Space, $"[{string.Join(",", Fields(world.Log.Commits[^1][0].Bytes))}]"));
        using (Transaction own = world.Begin())
        {
            Drop(own);
            own.Commit();
        }

        Assert.Null(world.Engine.Schema.Space(T));
        world.CreateTable(T);
        Assert.Empty(world.Rows(T));
    }

    [Fact]
    public void A_narrower_format_must_fit_the_rows()
    {
        world.CreateTable(T);
        world.Insert(T, 1, null, "");
        using Transaction own = world.Begin();
        Assert.Equal(
            SqlStates.NotNullViolation,
            Assert.Throws<DbException>(() => own.Update(SystemSpaces.Space, Tuple(T), SpaceRow(T, "t", "id integer", "a integer", "s string?"))).SqlState);
        Done(own.Update(T, Tuple(1), Tuple(1, 7, "")));
        Done(own.Update(SystemSpaces.Space, Tuple(T), SpaceRow(T, "renamed", "id integer", "a integer", "s string?")));
        own.Commit();
        Assert.Equal(T, world.Engine.Schema.Space("renamed")!.Id);
        Assert.Equal(["1,7,"], world.Rows(T));
    }

    [Fact]
    public void Two_tables_cannot_have_one_name()
    {
        world.CreateTable(T);
        using Transaction own = world.Begin();
        Assert.Equal(WriteOutcome.Duplicate, own.Insert(SystemSpaces.Space, SpaceRow(1030, $"t{T}", "id integer")).Outcome);
    }

    [Fact]
    public void Temporary_tables_are_not_logged()
    {
        using Transaction own = world.Begin();
        byte[] row = SpaceRow(T, "temp", "id integer");
        int flags = row.AsSpan().IndexOf((byte)0x80);
        byte[] temporary = [.. row[..flags], 0x81, 0xa9, .. "temporary"u8, 0xc3, .. row[(flags + 1)..]];
        Done(own.Insert(SystemSpaces.Space, temporary));
        Done(own.Insert(SystemSpaces.Index, IndexRow(T, 0, true, "0 integer")));
        own.Commit();
        int commits = world.Log.Commits.Count;
        world.Insert(T, 1);
        Assert.Equal(commits, world.Log.Commits.Count);
        Assert.Equal(["1"], world.Rows(T));
    }

    [Fact]
    public void Sequences_never_repeat_and_log_ahead()
    {
        CreateSequence(7, "s", step: 1, min: 1, max: 100, cycle: false);
        world.Log.Commits.Clear();
        long[] values = [.. Enumerable.Range(0, 40).Select(_ => Next(7))];
        Assert.Equal(Enumerable.Range(1, 40).Select(i => (long)i), values);
        Assert.Equal(["7,32", "7,64"], world.Log.Commits.Select(rows => string.Join(",", Fields(Assert.Single(rows).Bytes))));
        world.Engine.FlushSequences();
        Assert.Equal("7,40", string.Join(",", Fields(world.Log.Commits[^1][0].Bytes)));
        lock (world.Engine.Gate)
        {
            world.Engine.Sequences.Set(7, 99, isCalled: true);
        }

        Assert.Equal(100, Next(7));
        Assert.Equal(SqlStates.SequenceGeneratorLimitExceeded, Assert.Throws<DbException>(() => Next(7)).SqlState);
    }

    [Theory]
    [InlineData(3, 1, 10, false, new long[] { 1, 4, 7, 10 })]
    [InlineData(-4, 1, 10, true, new long[] { 10, 6, 2, 10, 6, 2 })]
    public void Sequences_step_and_cycle(long step, long min, long max, bool cycle, long[] expected)
    {
        CreateSequence(7, "s", step, min, max, cycle);
        Assert.Equal(expected, expected.Select(_ => Next(7)));
    }

    [Fact]
    public void A_sequence_of_an_own_transaction_belongs_to_it()
    {
        using Transaction own = world.Begin();
        Done(own.Insert(SystemSpaces.Sequence, Tuple(8, 1, "own", 1, 1, 1000, 5, 0, false)));
        Assert.Equal([5, 6], new[] { own.NextSequenceValue(8), own.NextSequenceValue(8) });
        own.Commit();
        Assert.Equal(7, Next(8));
    }

    [Fact]
    public void Values_are_not_repeated_when_their_log_rows_are_lost()
    {
        CreateSequence(7, "s", 1, 1, 1000, cycle: false);
        world.Log.IsImmediate = false;
        long before = Next(7);
        world.Log.Lose();
        world.Log.IsImmediate = true;
        Assert.Equal(before + 1, Next(7));
        Assert.True((long)Fields(world.Log.Commits[^1][0].Bytes)[1]! >= before + 1);
    }

    private long Next(uint id)
    {
        using Transaction own = world.Begin();
        return own.NextSequenceValue(id);
    }

    private void CreateSequence(uint id, string name, long step, long min, long max, bool cycle)
    {
        using Transaction own = world.Begin();
        Done(own.Insert(SystemSpaces.Sequence, Tuple(id, 1, name, step, min, max, step > 0 ? min : max, 0, cycle)));
        own.Commit();
    }

    private static void Drop(Transaction own)
    {
        foreach (IndexDef index in own.Schema.Space(T)!.Indexes.Reverse())
        {
            Done(own.Delete(SystemSpaces.Index, Tuple(T, index.Id)));
        }

        Done(own.Delete(SystemSpaces.Space, Tuple(T)));
    }
}
