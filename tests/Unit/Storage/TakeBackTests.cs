using Picodata.Core;
using Picodata.Harness;
using Picodata.Storage;
using Picodata.Storage.Files;
using Xunit;
using static Picodata.Unit.Storage.TestEngine;

namespace Picodata.Unit.Storage;

/// <summary>
/// Commits that the log could not write are taken back exactly, whatever they changed; and what recovery makes of the log is the
/// state that was committed.
/// </summary>
public sealed class TakeBackTests
{
    private const uint T = 1025;

    [Fact]
    public void Who_was_open_when_commits_were_taken_back_cannot_commit_or_show()
    {
        using var world = new TestEngine();
        world.CreateTable(T);
        world.Insert(T, 1, 1, "");
        world.Log.IsImmediate = false;
        using Transaction lost = world.Begin();
        Done(lost.Update(T, Tuple(1), Tuple(1, 2, "lost")));
        lost.Commit();
        using Transaction writer = world.Begin();
        Done(writer.LockRow(T, Tuple(1)));
        Assert.True(writer.TryGetLatest(T, Tuple(1), out ReadOnlySpan<byte> latest));
        Assert.Equal(2L, Fields(latest)[1]);
        Done(writer.Update(T, Tuple(1), Tuple(1, 3, "on top")));
        using Transaction reader = world.Begin(readOnly: true);
        Assert.Equal(["1,2,lost"], Rows(reader, T));
        using ReadView view = world.Engine.OpenReadView();
        world.Log.Lose();
        Assert.Equal(["1,1,"], world.Rows(T));
        Assert.Equal(["1,2,lost"], Rows(reader, T));
        Assert.Equal(SqlStates.SerializationFailure, Assert.Throws<DbException>(() => reader.ReadLsn).SqlState);
        Assert.Equal(SqlStates.SerializationFailure, Assert.Throws<DbException>(() => writer.Commit()).SqlState);
        world.Log.IsImmediate = true;
        using Transaction next = world.Begin();
        Done(next.Update(T, Tuple(1), Tuple(1, 4, "next")));
        next.Commit();
        Assert.Equal(["1,4,next"], world.Rows(T));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_unique_key_that_is_found_taken_while_a_commit_is_applied_leaves_nothing(bool replaces)
    {
        using var world = new TestEngine();
        using (Transaction setup = world.Begin())
        {
            Done(setup.Insert(SystemSpaces.Space, SpaceRow(T, "t", "id integer", "a integer", "s string")));
            Done(setup.Insert(SystemSpaces.Index, IndexRow(T, 0, true, "0 integer")));
            Done(setup.Insert(SystemSpaces.Index, IndexRow(T, 1, false, "2 string")));
            Done(setup.Insert(SystemSpaces.Index, IndexRow(T, 2, true, "1 integer")));
            Done(setup.Insert(SystemSpaces.Index, IndexRow(T, 3, true, "2 string", "1 integer")));
            setup.Commit();
        }
        world.Insert(T, 1, 1, "one");
        world.Insert(T, 2, 2, "two");
        world.Insert(T, 3, 3, "three");
        string before = State(world);
        // what checks and locks forbid, put past them: the second row takes the key of the first, behind good changes of the same transaction
        nint good = world.Engine.Arena.AllocateRow(Tuple(3, 30, "thirty"));
        nint bad = world.Engine.Arena.AllocateRow(Tuple(replaces ? 2 : 4, 1, "again"));
        Assert.Throws<InvalidOperationException>(() =>
        {
            lock (world.Engine.Gate)
                world.Engine.Commit([new JournalEntry(JournalKind.Put, T, good, 0, null), new JournalEntry(JournalKind.Put, T, bad, 0, null)]);
        });
        world.Engine.Arena.FreeRow(good);
        world.Engine.Arena.FreeRow(bad);
        Assert.Equal(before, State(world));
        world.Insert(T, 4, 4, "four");
        Assert.Equal(["1,1,one", "2,2,two", "3,3,three", "4,4,four"], world.Rows(T));
        Assert.Equal(world.Rows(T), world.Rows(T, 2));
        Assert.Equal(["4,4,four", "1,1,one", "3,3,three", "2,2,two"], world.Rows(T, 1));
        Assert.Equal(world.Rows(T, 1), world.Rows(T, 3));
    }

    [Fact]
    public void A_commit_that_the_log_refuses_leaves_nothing()
    {
        using var world = new TestEngine();
        world.CreateTable(T, IndexRow(T, 1, true, "1 integer ?"));
        world.Insert(T, 1, 1, "");
        string before = State(world);
        foreach (bool late in new[] { false, true })
        {
            world.Log.FailsAppend = late;
            world.Log.Refusal = late ? null : SqlStates.IoError;
            using Transaction own = world.Begin();
            Done(own.Update(T, Tuple(1), Tuple(2, 9, "x")));
            Done(own.Insert(SystemSpaces.Index, IndexRow(T, 2, false, "2 string ?")));
            Done(own.Insert(T, Tuple(3, 3, "")));
            Assert.Throws<DbException>(() => own.Commit());
            Assert.Equal(before, State(world));
        }

        world.Log.FailsAppend = false;
        world.Log.Refusal = null;
        world.Insert(T, 2, 2, "");
        Assert.Equal(2, world.Rows(T, 1).Count);
    }

    /// <summary>
    /// Random commits with DDL; the newest are lost now and then, some of them while others wait to be durable. After each loss the state is
    /// that of the last commit that stayed; at the end the log, replayed into a new engine, gives the same state.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Any_tail_of_commits_can_be_taken_back_and_the_rest_replayed(int seed)
    {
        var random = new Random(seed);
        using var world = new TestEngine();
        world.Log.IsImmediate = false;
        var states = new List<string> { State(world) };
        var open = new List<ReadView>();
        for (int step = 0; step < 300; step++)
        {
            if (TryCommit(world, random))
            {
                states.Add(State(world));
            }

            if (random.Next(12) == 0)
            {
                world.Log.MakeDurable();
                states.RemoveRange(0, states.Count - 1);
            }
            else if (random.Next(15) == 0)
            {
                int count = random.Next(states.Count);
                world.Log.Lose(count);
                states.RemoveRange(states.Count - count, count);
                Assert.Equal(states[^1], State(world));
            }

            if (random.Next(10) == 0)
            {
                open.Add(world.Engine.OpenReadView());
            }
            else if (open.Count > 0 && random.Next(10) == 0)
            {
                int at = random.Next(open.Count);
                open[at].Dispose();
                open.RemoveAt(at);
            }
        }

        open.ForEach(view => view.Dispose());
        world.Log.MakeDurable();
        Assert.Equal(State(world), State(Replay(world.Log)));
    }

    private static bool TryCommit(TestEngine world, Random random)
    {
        using Transaction own = world.Begin();
        for (int i = random.Next(1, 6); i > 0; i--)
        {
            Change(own, random, T + (uint)random.Next(3));
        }

        return own.Commit() > 0;
    }

    private static void Change(Transaction own, Random random, uint space)
    {
        SpaceDef? def = own.Schema.Space(space);
        int id = random.Next(40);
        int what = random.Next(20);
        if (def is null)
        {
            Done(own.Insert(SystemSpaces.Space, SpaceRow(space, $"t{space}", "id integer", "a integer?", "s string?")));
            Done(own.Insert(SystemSpaces.Index, IndexRow(space, 0, true, "0 integer")));
            return;
        }

        if (what == 0)
        {
            foreach (IndexDef index in def.Indexes.Reverse())
            {
                Done(own.Delete(SystemSpaces.Index, Tuple(space, index.Id)));
            }

            Done(own.Delete(SystemSpaces.Truncate, Tuple(space)).Outcome == WriteOutcome.MustWait ? new WriteResult(WriteOutcome.MustWait) : default);
            Done(own.Delete(SystemSpaces.Space, Tuple(space)));
        }
        else if (what == 1)
        {
            Done(own.Truncate(space));
        }
        else if (what == 2)
        {
            Done(def.Indexes.Count > 1
                ? own.Delete(SystemSpaces.Index, Tuple(space, 1))
                : own.Insert(SystemSpaces.Index, IndexRow(space, 1, false, "1 integer ?", "2 string ?")));
        }
        else if (own.LockRow(space, Tuple(id)).Outcome == WriteOutcome.Done && own.TryGetLatest(space, Tuple(id), out _))
        {
            int to = random.Next(4) == 0 ? random.Next(40, 80) : id;
            WriteResult result = what < 8 ? own.Delete(space, Tuple(id)) : own.Update(space, Tuple(id), Tuple(to, random.Next(9), "u"));
            Assert.True(result.Outcome is WriteOutcome.Done or WriteOutcome.Duplicate);
        }
        else
        {
            Done(own.Insert(space, Tuple(id, random.Next(9) == 0 ? null : random.Next(9), "i")));
        }
    }

    private static string State(TestEngine world) => State(world.Engine);

    private static string State(Engine engine)
    {
        using ReadView view = engine.OpenReadView();
        var lines = new List<string>();
        foreach (SpaceDef space in view.Spaces.Where(space => space.Id >= T || space.Id is SystemSpaces.Space or SystemSpaces.Index or SystemSpaces.Truncate))
        {
            foreach (IndexDef index in space.Indexes)
            {
                var rows = new List<string>();
                using IndexCursor cursor = view.OpenCursor(space.Id, index.Id, KeyRange.All, false);
                while (cursor.MoveNext())
                {
                    rows.Add(string.Join(",", Fields(cursor.Current)));
                }

                lines.Add($"{space.Id}.{index.Id} ({string.Join(" ", index.Parts.Select(part => part.Field))}) {engine.Statistics(space.Id).Rows}: {string.Join(" ", rows)}");
            }
        }

        return string.Join("\n", lines);
    }

    private static Engine Replay(MemoryLog log)
    {
        var engine = new Engine(1 << 20, 1 << 20);
        foreach (BootstrapRow row in BootstrapRows.Create(Guid.Parse("11111111-2222-4333-8444-555555555555"), Guid.Parse("21111111-2222-4333-8444-555555555555")))
        {
            engine.LoadSnapshotRow(row.SpaceId, row.Tuple.Span);
        }

        engine.FinishSnapshot();
        foreach (List<(LoggedOperation Operation, uint Space, byte[] Bytes)> rows in log.Commits)
        {
            RecoveredRow[] recovered = [.. rows.Select(row => row.Operation == LoggedOperation.Delete
                ? new RecoveredRow(RecoveredOperation.Delete, row.Space, Key: row.Bytes)
                : new RecoveredRow((RecoveredOperation)row.Operation, row.Space, Tuple: row.Bytes))];
            engine.ApplyRecovered(recovered);
        }

        engine.FinishRecovery(2);
        return engine;
    }
}
