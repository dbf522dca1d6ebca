using Picodata.Core;
using Picodata.Sql;
using Picodata.Sql.Plans;
using Picodata.Storage;
using Xunit;
using static Picodata.Unit.Sql.Execution.PlanBench;
using static Picodata.Unit.Sql.Execution.TestDatabase;

namespace Picodata.Unit.Sql.Execution;

/// <summary>INSERT, UPDATE and DELETE on a real database: constraints, conflicts, what is returned, and who waits for whom.</summary>
public sealed class WriteTests
{
    private static readonly ColumnDef[] Columns =
    [
        new("id", SqlType.Int8) { IsNullable = false }, new("a", SqlType.Int8), new("b", SqlType.Text), new("c", SqlType.Int8) { IsNullable = false },
    ];

    /// <summary>t (id primary key, a unique, b text, c not null, index on c).</summary>
    private static TableDef Table(TestDatabase database) => database.Create("t", Columns, (true, [0]), (true, [1]), (false, [3]));

    private static BoundExpression[] Row(long? id, long? a, string? b, long? c) => [Int(id), Int(a), Text(b), Int(c)];

    private static BoundSlot TextSlot(int slot) => new(slot, SqlType.Text);

    private static async Task<DbException> Refused(Task<(long, List<Datum[]>)> statement, string state)
    {
        DbException error = await Assert.ThrowsAsync<DbException>(() => statement);
        Assert.Equal(state, error.SqlState);
        return error;
    }

    [Fact]
    public async Task Rows_go_in_change_and_go()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        (long count, _) = await database.RunAsync(Insert(t, [Row(1, 10, "x", 5), Row(2, null, null, 6), Row(3, null, "z", 5)]));
        Assert.Equal(3, count);
        (count, List<Datum[]> rows) = await database.RunAsync(
            Update(t, Equal(Slot(3), Int(5)), [new(1, Call(Add, Slot(0), Int(100))), new(2, Text("y"))], returning: [Output(Slot(0)), Output(Slot(1)), Output(Slot(4 + 3))]));
        Assert.Equal((2, "(1,101,5) (3,103,5)"), (count, Show(rows)));
        Assert.Equal("(1,101,y,5) (2,NULL,NULL,6) (3,103,y,5)", await database.ContentAsync(t));
        (count, rows) = await database.RunAsync(Delete(t, Less(Slot(0), Int(3)), [Output(Slot(0)), Output(TextSlot(2))]));
        Assert.Equal((2, "(1,y) (2,NULL)"), (count, Show(rows)));
        Assert.Equal("(3,103,y,5)", await database.ContentAsync(t));
    }

    [Fact]
    public async Task Point_nodes_read_change_and_delete_one_row()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        await database.RunAsync(Insert(t, [Row(1, 10, "x", 5), Row(2, 20, "y", 6)]));
        BoundExpression key = new BoundParameter(0, SqlType.Int8);
        var get = new PointGetNode(t, "t", t.Indexes[0], [key], [2, 0], null);
        Assert.Equal("(y,2)", Show((await database.RunAsync(get, Datum.Int(2))).Rows));
        Assert.Equal("", Show((await database.RunAsync(get, Datum.Int(7))).Rows));
        Assert.Equal("", Show((await database.RunAsync(get, Datum.Null)).Rows));
        var byUnique = new PointGetNode(t, "t", t.Indexes[1], [key], [0, 1], Less(Slot(0), Int(2)));
        Assert.Equal("(1,10)", Show((await database.RunAsync(byUnique, Datum.Int(10))).Rows));
        Assert.Equal("", Show((await database.RunAsync(byUnique, Datum.Int(20))).Rows));
        var update = new PointUpdateNode(t, [key], Equal(TextSlot(2), Text("y")), [new(3, Call(Add, Slot(3), Int(1)))], [], [Output(Slot(3))]);
        Assert.Equal("(7)", Show((await database.RunAsync(update, Datum.Int(2))).Rows));
        Assert.Equal(0, (await database.RunAsync(update, Datum.Int(1))).Affected);
        Assert.Equal(0, (await database.RunAsync(update, Datum.Int(9))).Affected);
        var delete = new PointDeleteNode(t, [key], null, [Output(TextSlot(2))]);
        Assert.Equal("(x)", Show((await database.RunAsync(delete, Datum.Int(1))).Rows));
        Assert.Equal(0, (await database.RunAsync(delete, Datum.Int(1))).Affected);
        Assert.Equal("(2,20,y,7)", await database.ContentAsync(t));
    }

    [Fact]
    public async Task Index_ranges_leave_nulls_out_and_run_both_ways()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = database.Create("r", [new("id", SqlType.Int8) { IsNullable = false }, new("a", SqlType.Int8), new("b", SqlType.Int8)], (true, [0]), (false, [1, 2]));
        long?[][] rows = [[1, null, 1], [2, 1, 1], [3, 1, null], [4, 1, 2], [5, 2, 1], [6, 3, 3], [7, null, null]];
        await database.RunAsync(Insert(t, [.. rows.Select(row => row.Select(Int).ToArray<BoundExpression>())]));
        async Task<string> Ids(IndexRange range, bool descending = false, BoundExpression? filter = null) =>
            string.Join("", (await database.RunAsync(new IndexScanNode(t, "r", t.Indexes[1], range, descending, [0, 1, 2], filter))).Rows.Select(row => row[0].AsInt));
        Assert.Equal("7132456", await Ids(IndexRange.All));
        Assert.Equal("6542317", await Ids(IndexRange.All, true));
        Assert.Equal("3245", await Ids(new IndexRange([], Upper: new(Int(2), true))));
        Assert.Equal("324", await Ids(new IndexRange([], Upper: new(Int(2), false))));
        Assert.Equal("56", await Ids(new IndexRange([], Lower: new(Int(1), false))));
        Assert.Equal("65423", await Ids(new IndexRange([], Lower: new(Int(1), true)), true));
        Assert.Equal("5", await Ids(new IndexRange([], Lower: new(Int(1), false), Upper: new(Int(2), true))));
        Assert.Equal("324", await Ids(new IndexRange([Int(1)])));
        Assert.Equal("2", await Ids(new IndexRange([Int(1)], Upper: new(Int(2), false))));
        Assert.Equal("4", await Ids(new IndexRange([Int(1)], Lower: new(Int(1), false))));
        Assert.Equal("42", await Ids(new IndexRange([Int(1)], Lower: new(Int(1), true)), true));
        Assert.Equal("", await Ids(new IndexRange([Int(null)])));
        Assert.Equal("", await Ids(new IndexRange([], Lower: new(Int(null), true))));
        Assert.Equal("3246", await Ids(new IndexRange([], In: [Int(3), Int(1), Int(null), Int(1), Int(9)])));
        Assert.Equal("6423", await Ids(new IndexRange([], In: [Int(3), Int(1), Int(3)]), true));
        var array = new BoundConstant(Datum.Array(DatumArray.Of(SqlType.Int8, Datum.Int(2), Datum.Null, Datum.Int(1))), SqlType.ArrayOf(SqlType.Int8));
        Assert.Equal("3245", await Ids(new IndexRange([], InArray: array)));
        Assert.Equal("2", await Ids(new IndexRange([Int(1)], In: [Int(1)])));
        Assert.Equal("45", await Ids(IndexRange.All, false, new BoundAnd([Less(Int(3), Slot(0)), Less(Slot(1), Int(3))])));
        var join = new IndexLookupJoinNode(Rows(1, [[1], [9], [null], [3]]), t, "r", t.Indexes[1], [Slot(0)], [0], JoinKind.Left, null);
        Assert.Equal("(1,3) (1,2) (1,4) (9,NULL) (NULL,NULL) (3,6)", await database.ShowAsync(join));
        Assert.Equal("(1) (3)", await database.ShowAsync(join with { Kind = JoinKind.Semi }));
        Assert.Equal("(9) (NULL)", await database.ShowAsync(join with { Kind = JoinKind.Anti }));
        Assert.Equal("(1,3)", await database.ShowAsync(join with { Kind = JoinKind.Inner, Condition = Equal(Slot(1), Int(3)) }));
        var byKey = new IndexLookupJoinNode(Rows(1, [[1], [9], [3]]), t, "r", t.Indexes[0], [Slot(0)], [1], JoinKind.Left, null);
        Assert.Equal("(1,NULL) (9,NULL) (3,1)", await database.ShowAsync(byKey));
    }

    [Fact]
    public async Task Constraints_refuse_with_postgres_words()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        BoundCheck[] checks = [new BoundCheck("t_c_check", Less(Slot(3), Int(100)))];
        await database.RunAsync(Insert(t, [Row(1, 10, "x", 5)], checks: checks));
        DbException error = await Refused(database.RunAsync(Insert(t, [Row(1, 11, "x", 5)])), SqlStates.UniqueViolation);
        Assert.Equal("duplicate key value violates unique constraint \"t_pkey\"", error.Message);
        Assert.Equal("Key (id)=(1) already exists.", error.Detail);
        error = await Refused(database.RunAsync(Insert(t, [Row(2, 10, "x", 5)])), SqlStates.UniqueViolation);
        Assert.Equal(("t_a_key", "Key (a)=(10) already exists."), (error.ConstraintName, error.Detail));
        error = await Refused(database.RunAsync(Insert(t, [Row(2, 12, null, null)])), SqlStates.NotNullViolation);
        Assert.Equal("null value in column \"c\" of relation \"t\" violates not-null constraint", error.Message);
        Assert.Equal("Failing row contains (2, 12, null, null).", error.Detail);
        error = await Refused(database.RunAsync(Insert(t, [Row(2, 12, "q", 100)], checks: checks)), SqlStates.CheckViolation);
        Assert.Equal("new row for relation \"t\" violates check constraint \"t_c_check\"", error.Message);
        await Refused(database.RunAsync(Update(t, null, [new(3, Int(null))])), SqlStates.NotNullViolation);
        await Refused(database.RunAsync(Update(t, null, [new(3, Int(200))], checks)), SqlStates.CheckViolation);
        BoundExpression one = Int(1);
        await Refused(database.RunAsync(new PointUpdateNode(t, [one], null, [new(3, Int(null))], [], [])), SqlStates.NotNullViolation);
        await Refused(database.RunAsync(new PointUpdateNode(t, [one], null, [new(3, Int(200))], checks, [])), SqlStates.CheckViolation);
        await database.RunAsync(Insert(t, [Row(2, 12, "q", 5), Row(3, null, "r", 5), Row(4, null, "s", 5)]));
        error = await Refused(database.RunAsync(new PointUpdateNode(t, [one], null, [new(1, Int(12))], [], [])), SqlStates.UniqueViolation);
        Assert.Equal("Key (a)=(12) already exists.", error.Detail);
        error = await Refused(database.RunAsync(Update(t, Equal(Slot(0), one), [new(0, Int(2))])), SqlStates.UniqueViolation);
        Assert.Equal("Key (id)=(2) already exists.", error.Detail);
        Assert.Equal("(1,10,x,5) (2,12,q,5) (3,NULL,r,5) (4,NULL,s,5)", await database.ContentAsync(t));
    }

    [Fact]
    public async Task A_failed_statement_leaves_nothing_behind_in_its_transaction()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        await using TestSession session = database.Session();
        await session.RunAsync(Insert(t, [Row(1, null, "x", 1)]));
        await Refused(session.RunAsync(Insert(t, [Row(2, null, "x", 1), Row(1, null, "again", 1)])), SqlStates.UniqueViolation);
        session.Commit();
        Assert.Equal("(1,NULL,x,1)", await database.ContentAsync(t));
    }

    [Fact]
    public async Task Statements_do_not_meet_their_own_writes()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        await database.RunAsync(Insert(t, [Row(1, null, "x", 1), Row(2, null, "x", 2), Row(3, null, "x", 3)]));
        var byC = new IndexScanNode(t, "t", t.Indexes[2], new IndexRange([], Lower: new(Int(0), true)), false, [0, 3], null);
        var raise = new UpdateNode(t, byC, [0], [new(3, Call(Add, Slot(1), Int(10)))], [], []);
        Assert.Equal(3, (await database.RunAsync(raise)).Affected);
        Assert.Equal("(1,NULL,x,11) (2,NULL,x,12) (3,NULL,x,13)", await database.ContentAsync(t));
        var copy = new InsertNode(t, Scan(t), [Call(Add, Slot(0), Int(10)), Slot(1), TextSlot(2), Slot(3)], ConflictClause.Fail, [], []);
        Assert.Equal(3, (await database.RunAsync(copy)).Affected);
        var shift = new UpdateNode(t, new IndexScanNode(t, "t", t.Indexes[0], IndexRange.All, true, [0], null), [0], [new(0, Call(Add, Slot(0), Int(1)))], [], []);
        Assert.Equal(6, (await database.RunAsync(shift)).Affected);
        Assert.Equal("(2) (3) (4) (12) (13) (14)", await database.ShowAsync(new FullScanNode(t, "t", [0], null)));
    }

    [Fact]
    public async Task A_row_joined_twice_is_changed_once()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        await database.RunAsync(Insert(t, [Row(1, null, "x", 1), Row(2, null, "x", 2)]));
        var join = new HashJoinNode(Scan(t), Rows(2, [[1, 100], [1, 200], [3, 300]]), JoinKind.Inner, [Slot(0)], [Slot(0)], null);
        var update = new UpdateNode(t, join, [0], [new(1, Slot(5))], [], [Output(Slot(1)), Output(Slot(4 + 5))]);
        (long count, List<Datum[]> rows) = await database.RunAsync(update);
        Assert.Equal((1, "(100,100)"), (count, Show(rows)));
        Assert.Equal(1, (await database.RunAsync(new DeleteNode(t, join, [0], []))).Affected);
        Assert.Equal("(2,NULL,x,2)", await database.ContentAsync(t));
    }

    [Fact]
    public async Task On_conflict_does_what_it_says()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        await database.RunAsync(Insert(t, [Row(1, 10, "x", 1), Row(2, 20, "y", 2)]));
        var nothing = new ConflictClause(ConflictAction.Nothing, null, [], null);
        (long count, List<Datum[]> rows) = await database.RunAsync(Insert(t, [Row(1, 99, "n", 1), Row(3, 20, "n", 1), Row(4, 40, "n", 4), Row(4, 41, "n", 4)], nothing, returning: [Output(Slot(0))]));
        Assert.Equal((1, "(4)"), (count, Show(rows)));
        var onId = new ConflictClause(ConflictAction.Nothing, t.Indexes[0], [], null);
        DbException error = await Refused(database.RunAsync(Insert(t, [Row(5, 20, "n", 1)], onId)), SqlStates.UniqueViolation);
        Assert.Equal("t_a_key", error.ConstraintName);
        var upsert = new ConflictClause(
            ConflictAction.Update, t.Indexes[1], [new(3, Call(Add, Slot(3), Slot(4 + 3))), new(2, TextSlot(4 + 2))], Less(Slot(0), Int(3)));
        (count, rows) = await database.RunAsync(Insert(t, [Row(7, 10, "new", 100), Row(8, 40, "skipped", 1), Row(9, 90, "in", 9)], upsert, returning: [Output(Slot(0)), Output(Slot(3))]));
        Assert.Equal((2, "(1,101) (9,9)"), (count, Show(rows)));
        Assert.Equal("(1,10,new,101) (2,20,y,2) (4,40,n,4) (9,90,in,9)", await database.ContentAsync(t));
    }

    [Fact]
    public async Task On_conflict_update_must_not_meet_a_row_twice()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        foreach (TableIndex index in t.Indexes.Take(2))
        {
            var upsert = new ConflictClause(ConflictAction.Update, index, [new(3, Slot(4 + 3))], null);
            DbException error = await Refused(database.RunAsync(Insert(t, [Row(1, 10, "x", 1), Row(index.IsPrimary ? 1 : 2, 10, "y", 2)], upsert)), SqlStates.CardinalityViolation);
            Assert.Equal("ON CONFLICT DO UPDATE command cannot affect row a second time", error.Message);
        }

        Assert.Equal("", await database.ContentAsync(t));
    }

    [Fact]
    public async Task On_conflict_replace_takes_the_place_of_all_rows_in_the_way()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        var replace = new ConflictClause(ConflictAction.Replace, null, [], null);
        await database.RunAsync(Insert(t, [Row(1, 10, "x", 1), Row(2, 20, "y", 2), Row(3, 30, "z", 3)]));
        await database.RunAsync(Insert(t, [Row(1, 11, "new", 1)], replace));
        Assert.Equal("(1,11,new,1) (2,20,y,2) (3,30,z,3)", await database.ContentAsync(t));
        await database.RunAsync(Insert(t, [Row(1, 20, "both", 1)], replace));
        Assert.Equal("(1,20,both,1) (3,30,z,3)", await database.ContentAsync(t));
        await database.RunAsync(Insert(t, [Row(5, 30, "other", 5)], replace));
        Assert.Equal("(1,20,both,1) (5,30,other,5)", await database.ContentAsync(t));
    }

    [Fact]
    public async Task Update_waits_for_the_other_and_looks_at_its_condition_again()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        await database.RunAsync(Insert(t, [Row(1, null, "x", 1), Row(2, null, "x", 2)]));
        await using TestSession first = database.Session();
        await using TestSession second = database.Session();
        await using TestSession third = database.Session();
        await first.RunAsync(Update(t, Equal(Slot(0), Int(1)), [new(3, Int(50))]));
        Task<(long Affected, List<Datum[]>)> changes = second.RunAsync(Update(t, Less(Slot(3), Int(10)), [new(1, Int(7))]));
        Task<(long Affected, List<Datum[]>)> point = third.RunAsync(new PointUpdateNode(t, [Int(1)], Equal(Slot(3), Int(50)), [new(3, Call(Add, Slot(3), Int(1)))], [], []));
        Assert.False(changes.IsCompleted);
        Assert.False(point.IsCompleted);
        first.Commit();
        Assert.Equal(1, (await changes).Affected);
        second.Commit();
        Assert.Equal(1, (await point).Affected);
        third.Commit();
        Assert.Equal("(1,NULL,x,51) (2,7,x,2)", await database.ContentAsync(t));
        Assert.Equal((1, 1), (second.Restarts, third.Restarts));
    }

    [Fact]
    public async Task Rows_changed_since_the_view_are_seen_by_a_restart_without_waiting()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        await database.RunAsync(Insert(t, [Row(1, null, "x", 1), Row(2, null, "x", 1)]));
        await using TestSession session = database.Session();
        bool interfered = false;
        var interfere = Scalar("interfere", 1, SqlType.Bool, (_, _) =>
        {
            if (!interfered)
            {
                interfered = true;
                database.RunAsync(new PointUpdateNode(t, [Int(2)], null, [new(3, Int(99))], [], [])).GetAwaiter().GetResult();
            }

            return Datum.True;
        }, volatility: Picodata.Sql.Functions.Volatility.Volatile);
        (long count, _) = await session.RunAsync(Update(t, new BoundAnd([Call(interfere, Slot(0)), Less(Slot(3), Int(10))]), [new(1, Slot(0))]));
        session.Commit();
        Assert.Equal((1, 1), (count, session.Restarts));
        Assert.Equal("(1,1,x,1) (2,NULL,x,99)", await database.ContentAsync(t));
    }

    [Fact]
    public async Task Unique_inserts_wait_and_then_fail_or_go_in()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        foreach (bool commit in new[] { false, true })
        {
            await using TestSession first = database.Session();
            await first.RunAsync(Insert(t, [Row(1, 10, "first", 1)]));
            await using TestSession second = database.Session();
            Task<(long Affected, List<Datum[]>)> insert = second.RunAsync(Insert(t, [Row(2, 10, "second", 1)]));
            Assert.False(insert.IsCompleted);
            if (commit)
            {
                first.Commit();
                await Refused(insert, SqlStates.UniqueViolation);
            }
            else
            {
                first.Transaction.Rollback();
                Assert.Equal(1, (await insert).Affected);
            }
        }

        Assert.Equal("(1,10,first,1)", await database.ContentAsync(t));
    }

    [Fact]
    public async Task Deadlocks_end_one_and_repeatable_read_refuses_changed_rows()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        await database.RunAsync(Insert(t, [Row(1, null, "x", 1), Row(2, null, "x", 2)]));
        PointUpdateNode Bump(long id) => new(t, [Int(id)], null, [new(3, Call(Add, Slot(3), Int(1)))], [], []);
        await using (TestSession first = database.Session())
        await using (TestSession second = database.Session())
        {
            await first.RunAsync(Bump(1));
            await second.RunAsync(Bump(2));
            Task<(long Affected, List<Datum[]>)> waiting = first.RunAsync(Bump(2));
            await Refused(second.RunAsync(Bump(1)), SqlStates.DeadlockDetected);
            second.Transaction.Rollback();
            await waiting;
            first.Commit();
        }

        await using TestSession old = database.Session(IsolationLevel.RepeatableRead);
        Assert.Equal("(1,NULL,x,2) (2,NULL,x,3)", Show((await old.RunAsync(Scan(t))).Rows));
        await database.RunAsync(Bump(1));
        Assert.Equal("(1,NULL,x,2) (2,NULL,x,3)", Show((await old.RunAsync(Scan(t))).Rows));
        await Refused(old.RunAsync(Bump(1)), SqlStates.SerializationFailure);
        await Refused(old.RunAsync(Update(t, Equal(Slot(0), Int(1)), [new(3, Int(0))])), SqlStates.SerializationFailure);
        await old.RunAsync(Bump(2));
        old.Commit();
        Assert.Equal("(1,NULL,x,3) (2,NULL,x,4)", await database.ContentAsync(t));
    }

    [Fact]
    public async Task For_update_locks_waits_skips_or_refuses()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        await database.RunAsync(Insert(t, [Row(1, null, "x", 1), Row(2, null, "x", 2), Row(3, null, "x", 3)]));
        PlanNode Lock(RowLockWait wait) => new LockRowsNode(new FullScanNode(t, "t", [3, 0], Less(Slot(1), Int(3))), [new LockTarget(t, [1])], wait, 1);
        await using TestSession first = database.Session();
        Assert.Equal("(1) (2)", Show((await first.RunAsync(Lock(RowLockWait.Wait))).Rows));
        await first.RunAsync(new PointUpdateNode(t, [Int(2)], null, [new(3, Int(20))], [], []));
        await using TestSession second = database.Session();
        await Refused(second.RunAsync(Lock(RowLockWait.NoWait)), SqlStates.LockNotAvailable);
        Assert.Equal("", Show((await second.RunAsync(Lock(RowLockWait.SkipLocked))).Rows));
        var one = new LockRowsNode(new LimitNode(new FullScanNode(t, "t", [3, 0], null), Int(1), null), [new LockTarget(t, [1])], RowLockWait.SkipLocked, 1);
        Assert.Equal("(3)", Show((await second.RunAsync(one)).Rows));
        await second.RunAsync(new PointUpdateNode(t, [Int(3)], null, [new(3, Int(30))], [], []));
        Task<(long, List<Datum[]> Rows)> waiting = second.RunAsync(Lock(RowLockWait.Wait));
        Assert.False(waiting.IsCompleted);
        first.Commit();
        Assert.Equal("(1) (20)", Show((await waiting).Rows));
    }

    [Fact]
    public async Task With_can_write_and_give_its_rows_to_the_body()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        PlanNode insert = Insert(t, [Row(1, 10, "x", 1), Row(2, 20, "y", 2)], returning: [Output(Slot(0)), Output(Slot(3))]);
        var body = new AggregateNode(new CteScanNode(1, "w", insert.Columns), [], [SumOf(1)], false);
        Assert.Equal("(3)", await database.ShowAsync(new WithNode([new CommonTable(1, "w", insert)], body)));
        var move = new DeleteNode(t, Scan(t), [0], [Output(Slot(0))]);
        var again = new InsertNode(
            t, new CteScanNode(1, "w", move.Columns), [Call(Add, Slot(0), Int(10)), Int(null), Text("moved"), Int(0)], ConflictClause.Fail, [], []);
        Assert.Equal(2, (await database.RunAsync(new WithNode([new CommonTable(1, "w", move)], again))).Affected);
        Assert.Equal("(11,NULL,moved,0) (12,NULL,moved,0)", await database.ContentAsync(t));
    }

    [Fact]
    public async Task Bulk_inserts_add_row_after_row()
    {
        await using TestDatabase database = await OpenAsync();
        TableDef t = Table(database);
        var node = new InsertNode(
            t, new OneRowNode(), [new BoundParameter(0, SqlType.Int8), Int(null), new BoundParameter(1, SqlType.Text), Int(3)], ConflictClause.Fail, [], []);
        await using TestSession session = database.Session();
        session.Transaction.BeginStatement();
        var bulk = new Picodata.Sql.Execution.BulkInsert(Picodata.Sql.Execution.ExecutablePlan.Compile(node), session.Context);
        for (int i = 0; i < 1000; i++)
        {
            Assert.Null(bulk.Add([Datum.Int(i), Datum.Text("row " + i)]));
        }

        Assert.Throws<DbException>(() => { _ = bulk.Add([Datum.Int(5), Datum.Null]); });
        Assert.Equal(1000, bulk.Count);
        session.Transaction.EndStatement();
        session.Commit();
        Assert.Equal("(999,NULL,row 999,3)", await database.ShowAsync(Scan(t, Equal(Slot(0), Int(999)))));
    }
}
