using Picodata.Core;
using Picodata.Storage;
using Xunit;
using static Picodata.Unit.Storage.TestEngine;

namespace Picodata.Unit.Storage;

/// <summary>What transactions see, what they lock, and what is left of them.</summary>
public sealed class TransactionTests : IDisposable
{
    private const uint T = 1025;
    private readonly TestEngine world = new();

    public TransactionTests()
    {
        world.CreateTable(T, IndexRow(T, 1, true, "1 integer ?"), IndexRow(T, 2, false, "2 string ?"));
        world.Insert(T, 1, 10, "a");
        world.Insert(T, 2, 20, "b");
        world.Insert(T, 3, null, "b");
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void A_statement_sees_what_was_committed_when_it_began_to_read()
    {
        using Transaction reader = world.Begin();
        Assert.True(reader.TryGet(T, 0, Tuple(1), out _));
        world.Insert(T, 4, 40, "d");
        Assert.False(reader.TryGet(T, 0, Tuple(4), out _));
        Assert.Equal(["1,10,a", "2,20,b", "3,null,b"], Rows(reader, T));
        reader.EndStatement();
        reader.BeginStatement();
        Assert.True(reader.TryGet(T, 0, Tuple(4), out _));
    }

    [Fact]
    public void Repeatable_read_keeps_its_view_and_the_first_committer_wins()
    {
        using Transaction reader = world.Begin(IsolationLevel.RepeatableRead);
        Assert.Equal(3, Rows(reader, T).Count);
        Change(1, 11, "x");
        world.Insert(T, 4, 40, "d");
        reader.BeginStatement();
        Assert.Equal(["1,10,a", "2,20,b", "3,null,b"], Rows(reader, T));
        Assert.Equal(WriteOutcome.Conflict, reader.LockRow(T, Tuple(1)).Outcome);
        Assert.Equal(WriteOutcome.Conflict, reader.Update(T, Tuple(1), Tuple(1, 12, "y")).Outcome);
        Assert.Equal(WriteOutcome.Conflict, reader.Delete(T, Tuple(4)).Outcome);
        Assert.Equal(WriteOutcome.Duplicate, reader.Insert(T, Tuple(4, 1, "")).Outcome);
        Done(reader.Update(T, Tuple(2), Tuple(2, 21, "y")));
        reader.Commit();
        Assert.Equal(["1,11,x", "2,21,y", "3,null,b", "4,40,d"], world.Rows(T));
    }

    [Fact]
    public void Own_writes_are_seen_by_the_next_statement_not_by_their_own()
    {
        using Transaction own = world.Begin();
        using IndexCursor scan = own.OpenCursor(T, 0, KeyRange.All, false);
        int seen = 0;
        while (scan.MoveNext())
        {
            // as UPDATE t SET id = id + 100 does: moved rows are not met again
            long id = (long)Fields(scan.Current)[0]!;
            Done(own.Update(T, Tuple(id), Tuple(id + 100, null, "moved")));
            Assert.True(++seen <= 3);
        }

        Assert.Equal(3, seen);
        Assert.True(own.TryGet(T, 0, Tuple(1), out _));
        Assert.False(own.TryGet(T, 0, Tuple(101), out _));
        own.EndStatement();
        own.BeginStatement();
        Assert.Equal(["101,null,moved", "102,null,moved", "103,null,moved"], Rows(own, T));
        Assert.Equal(["103,null,moved", "102,null,moved", "101,null,moved"], Rows(own, T, 2, descending: true));
        Assert.Equal(["1,10,a", "2,20,b", "3,null,b"], world.Rows(T));
        own.Commit();
        Assert.Equal(["101,null,moved", "102,null,moved", "103,null,moved"], world.Rows(T, 1));
    }

    [Fact]
    public void Secondary_scans_merge_own_rows_and_leave_out_what_was_changed_or_deleted()
    {
        using Transaction own = world.Begin();
        Done(own.Update(T, Tuple(2), Tuple(2, 5, "z")));
        Done(own.Delete(T, Tuple(3)));
        Done(own.Insert(T, Tuple(9, 15, "b")));
        own.BeginStatement();
        Assert.Equal(["2,5,z", "1,10,a", "9,15,b"], Rows(own, T, 1));
        Assert.Equal(["1,10,a", "9,15,b", "2,5,z"], Rows(own, T, 2));
        Assert.False(own.TryGet(T, 1, Tuple(20), out _));
        Assert.True(own.TryGet(T, 1, Tuple(5), out ReadOnlySpan<byte> tuple));
        Assert.Equal(2L, Fields(tuple)[0]);
        own.Rollback();
        Assert.Equal(["1,10,a", "2,20,b", "3,null,b"], world.Rows(T));
    }

    [Fact]
    public void Savepoints_and_statements_are_taken_back_exactly()
    {
        using Transaction own = world.Begin();
        Done(own.Insert(T, Tuple(4, 40, "d")));
        own.EndStatement();
        int savepoint = own.Savepoint();
        own.BeginStatement();
        Done(own.Update(T, Tuple(4), Tuple(5, 41, "e")));
        Done(own.Delete(T, Tuple(1)));
        Done(own.Insert(T, Tuple(6, 10, "f")));
        own.EndStatement();
        own.BeginStatement();
        Done(own.Update(T, Tuple(2), Tuple(2, 99, "q")));
        own.RollbackStatement();
        own.BeginStatement();
        Assert.Equal(["2,20,b", "3,null,b", "5,41,e", "6,10,f"], Rows(own, T));
        own.EndStatement();
        own.RollbackTo(savepoint);
        own.BeginStatement();
        Assert.Equal(["1,10,a", "2,20,b", "3,null,b", "4,40,d"], Rows(own, T));
        Assert.Equal(["3,null,b", "1,10,a", "2,20,b", "4,40,d"], Rows(own, T, 1));
        Assert.Equal(WriteOutcome.Duplicate, own.Insert(T, Tuple(7, 40, "")).Outcome);
        own.Commit();
        Assert.Equal(["1,10,a", "2,20,b", "3,null,b", "4,40,d"], world.Rows(T));
    }

    [Fact]
    public void Unique_indexes_hold_and_nulls_do_not_conflict()
    {
        using Transaction own = world.Begin();
        Assert.Equal(WriteOutcome.Duplicate, own.Insert(T, Tuple(1, 77, "")).Outcome);
        WriteResult taken = own.Insert(T, Tuple(8, 20, ""));
        Assert.Equal((WriteOutcome.Duplicate, 1u), (taken.Outcome, taken.Index!.Id));
        Done(own.Insert(T, Tuple(8, null, "")));
        Assert.Equal(WriteOutcome.Duplicate, own.Update(T, Tuple(8), Tuple(2, null, "")).Outcome);
        Assert.Equal(WriteOutcome.Duplicate, own.Update(T, Tuple(8), Tuple(8, 10, "")).Outcome);

        // a key that was given up in the same transaction is free
        Done(own.Update(T, Tuple(1), Tuple(1, 1000, "a")));
        Done(own.Insert(T, Tuple(9, 10, "")));
        Done(own.Delete(T, Tuple(2)));
        Done(own.Insert(T, Tuple(2, 20, "again")));
        own.Commit();
        Assert.Equal(["1,1000,a", "2,20,again", "3,null,b", "8,null,", "9,10,"], world.Rows(T));
        Assert.Equal(["3,null,b", "8,null,", "9,10,", "2,20,again", "1,1000,a"], world.Rows(T, 1));
    }

    [Fact]
    public async Task A_second_writer_waits_and_gets_the_newest_version()
    {
        using Transaction first = world.Begin();
        using Transaction second = world.Begin();
        Done(first.Update(T, Tuple(1), Tuple(1, 11, "first")));
        WriteResult wait = second.LockRow(T, Tuple(1));
        Assert.Equal(WriteOutcome.MustWait, wait.Outcome);
        second.RollbackStatement();
        Assert.False(wait.Wait!.IsCompleted);
        first.Commit();
        await wait.Wait.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        second.BeginStatement();
        Done(second.LockRow(T, Tuple(1)));
        Assert.True(second.TryGetLatest(T, Tuple(1), out ReadOnlySpan<byte> latest));
        Assert.Equal(11L, Fields(latest)[1]);
        Done(second.Update(T, Tuple(1), Tuple(1, 12, "second")));
        second.Commit();
        Assert.Equal("1,12,second", world.Rows(T)[0]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_inserter_waits_for_another_of_the_same_unique_key(bool firstCommits)
    {
        using Transaction first = world.Begin();
        using Transaction second = world.Begin();
        Done(first.Insert(T, Tuple(50, 500, "")));
        WriteResult wait = second.Insert(T, Tuple(51, 500, ""));
        Assert.Equal(WriteOutcome.MustWait, wait.Outcome);
        second.RollbackStatement();
        if (firstCommits)
        {
            first.Commit();
        }
        else
        {
            first.Rollback();
        }

        await wait.Wait!.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        second.BeginStatement();
        Assert.Equal(firstCommits ? WriteOutcome.Duplicate : WriteOutcome.Done, second.Insert(T, Tuple(51, 500, "")).Outcome);
    }

    [Fact]
    public void Who_wants_a_key_that_is_being_given_up_waits_for_the_outcome()
    {
        using Transaction first = world.Begin();
        using Transaction second = world.Begin();
        Done(first.Update(T, Tuple(1), Tuple(1, 11, "")));
        Assert.Equal(WriteOutcome.MustWait, second.Insert(T, Tuple(60, 10, "")).Outcome);
        second.RollbackStatement();
        first.Rollback();
        second.BeginStatement();
        Assert.Equal(WriteOutcome.Duplicate, second.Insert(T, Tuple(60, 10, "")).Outcome);
    }

    [Fact]
    public async Task Who_closes_a_circle_of_waiters_gets_a_deadlock()
    {
        using Transaction a = world.Begin();
        using Transaction b = world.Begin();
        using Transaction c = world.Begin();
        Done(a.LockRow(T, Tuple(1)));
        Done(b.LockRow(T, Tuple(2)));
        Done(c.LockRow(T, Tuple(3)));
        WriteResult first = a.LockRow(T, Tuple(2));
        WriteResult second = b.LockRow(T, Tuple(3));
        WriteResult third = c.LockRow(T, Tuple(1));
        Assert.Equal(WriteOutcome.MustWait, third.Outcome);
        DbException deadlock = await Assert.ThrowsAsync<DbException>(() => third.Wait!);
        Assert.Equal(SqlStates.DeadlockDetected, deadlock.SqlState);
        Assert.False(first.Wait!.IsCompleted || second.Wait!.IsCompleted);
        c.Rollback();
        await second.Wait!.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        b.Rollback();
        await first.Wait.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Table_locks_conflict_as_postgres_has_them_and_take_part_in_deadlocks()
    {
        using Transaction reader = world.Begin(readOnly: true);
        using Transaction writer = world.Begin();
        using Transaction ddl = world.Begin();
        Done(reader.LockTable(T, TableLockMode.Shared));
        Done(writer.Insert(T, Tuple(70, null, "")));
        Assert.Equal(WriteOutcome.MustWait, ddl.LockTable(T, TableLockMode.ShareWrite).Outcome);
        WriteResult exclusive = ddl.LockTable(T, TableLockMode.Exclusive);
        Assert.Equal(WriteOutcome.MustWait, exclusive.Outcome);

        // who comes later stands behind the waiting DDL
        using Transaction late = world.Begin();
        Assert.Equal(WriteOutcome.MustWait, late.LockTable(T, TableLockMode.Shared).Outcome);
        late.Rollback();
        writer.Commit();
        Assert.False(exclusive.Wait!.IsCompleted);
        reader.Rollback();
        await exclusive.Wait.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Done(ddl.LockTable(T, TableLockMode.Exclusive));
        using Transaction other = world.Begin();
        Done(other.LockRow(SystemSpaces.Schema, Tuple("x")));
        Assert.Equal(WriteOutcome.MustWait, other.LockTable(T, TableLockMode.Shared).Outcome);
        WriteResult circle = ddl.LockRow(SystemSpaces.Schema, Tuple("x"));
        await Assert.ThrowsAsync<DbException>(() => circle.Wait!);
    }

    [Fact]
    public void A_wait_that_was_given_up_is_forgotten()
    {
        using Transaction first = world.Begin();
        Transaction second = world.Begin();
        Done(first.LockRow(T, Tuple(1)));
        WriteResult wait = second.LockRow(T, Tuple(1));
        second.Rollback();
        Assert.True(wait.Wait!.IsCanceled);
        first.Rollback();
        using Transaction third = world.Begin();
        Done(third.LockRow(T, Tuple(1)));
    }

    [Fact]
    public void Read_only_transactions_cannot_write()
    {
        using Transaction reader = world.Begin(readOnly: true);
        Assert.Equal(SqlStates.ReadOnlySqlTransaction, Assert.Throws<DbException>(() => reader.Insert(T, Tuple(1, 1, ""))).SqlState);
        Assert.Equal(SqlStates.ReadOnlySqlTransaction, Assert.Throws<DbException>(() => reader.Truncate(T)).SqlState);
    }

    [Fact]
    public void Rows_must_fit_the_format()
    {
        using Transaction own = world.Begin();
        DbException missing = Assert.Throws<DbException>(() => own.Insert(T, Tuple(null, 1, "")));
        Assert.Equal((SqlStates.NotNullViolation, "id"), (missing.SqlState, missing.ColumnName));
        Assert.Equal(SqlStates.DatatypeMismatch, Assert.Throws<DbException>(() => own.Insert(T, Tuple(5, "text", ""))).SqlState);
        Assert.Equal(SqlStates.DataCorrupted, Assert.Throws<DbException>(() => own.Insert(T, [0x93, 0x01])).SqlState);
        Done(own.Insert(T, Tuple(5)));
        own.Commit();
        Assert.Contains("5", world.Rows(T, 1));
    }

    [Fact]
    public void Over_the_memory_limit_writes_are_refused_and_deletes_are_not()
    {
        using var small = new TestEngine(memoryLimit: 4 << 20);
        small.CreateTable(T);
        DbException? full = null;
        int count = 0;
        string filler = new('x', 10_000);
        while (full is null)
        {
            try
            {
                small.Insert(T, count, null, filler);
                count++;
            }
            catch (DbException e)
            {
                full = e;
            }
        }

        Assert.Equal(SqlStates.OutOfMemory, full.SqlState);
        Assert.InRange(count, 200, 420);
        Assert.InRange(small.Engine.UsedMemory, 3 << 20, 4 << 20);
        using (Transaction own = small.Begin())
        {
            for (int i = 0; i < 50; i++)
            {
                Done(own.Delete(T, Tuple(i)));
            }

            own.Commit();
        }

        small.Insert(T, 1000, null, filler);
        Assert.Equal(count - 49, small.Rows(T).Count);
    }

    [Fact]
    public void Read_lsn_names_the_newest_commit_of_what_was_read()
    {
        world.CreateTable(1026);
        world.Log.IsImmediate = false;
        using Transaction before = world.Begin();
        Rows(before, T);
        long quiet = before.ReadLsn;
        world.Insert(1026, 1, 1, "");
        using Transaction reader = world.Begin();
        Rows(reader, T);
        Assert.Equal(quiet, reader.ReadLsn);
        Rows(reader, 1026);
        Assert.Equal(world.Engine.AppliedLsn, reader.ReadLsn);
    }

    [Fact]
    public void Commits_are_logged_as_they_were_made()
    {
        world.Log.Commits.Clear();
        using (Transaction own = world.Begin())
        {
            Done(own.Insert(T, Tuple(9, 90, "i")));
            Done(own.Update(T, Tuple(1), Tuple(1, 10, "u")));
            Done(own.Update(T, Tuple(2), Tuple(12, 20, "moved")));
            Done(own.Delete(T, Tuple(3)));
            own.Commit();
        }

        var expected = new List<(LoggedOperation, uint, string)>
        {
            (LoggedOperation.Insert, T, Convert.ToHexString(Tuple(9, 90, "i"))),
            (LoggedOperation.Replace, T, Convert.ToHexString(Tuple(1, 10, "u"))),
            (LoggedOperation.Delete, T, Convert.ToHexString(Tuple(2))),
            (LoggedOperation.Insert, T, Convert.ToHexString(Tuple(12, 20, "moved"))),
            (LoggedOperation.Delete, T, Convert.ToHexString(Tuple(3))),
        };
        Assert.Equal(expected, Assert.Single(world.Log.Commits).Select(row => (row.Operation, row.Space, Convert.ToHexString(row.Bytes))));
    }

    [Fact]
    public void All_memory_comes_back()
    {
        long before = world.Engine.UsedMemory;
        for (int round = 0; round < 3; round++)
        {
            using Transaction own = world.Begin();
            for (int i = 100; i < 1000; i++)
            {
                Done(own.Insert(T, Tuple(i, i, "text")));
            }

            own.BeginStatement();
            for (int i = 100; i < 1000; i += 2)
            {
                Done(own.Update(T, Tuple(i), Tuple(i, i + 100_000, "other")));
            }

            own.BeginStatement();
            for (int i = 100; i < 1000; i++)
            {
                Done(own.Delete(T, Tuple(i)));
            }

            if (round == 0)
            {
                own.Rollback();
            }
            else
            {
                own.Commit();
            }
        }

        world.Rows(T);
        world.Insert(T, 5000, null, "");
        using (Transaction last = world.Begin())
        {
            Done(last.Delete(T, Tuple(5000)));
            last.Commit();
        }

        for (int i = 0; i < 50; i++)
        {
            // closing a view lets go a slice of what durable commits replaced
            world.Engine.OpenReadView().Dispose();
        }

        Assert.InRange(world.Engine.UsedMemory, before, before + 4096);
    }

    private void Change(int id, int a, string s)
    {
        using Transaction own = world.Begin();
        Done(own.Update(T, Tuple(id), Tuple(id, a, s)));
        own.Commit();
    }
}
