using Picodata.Storage;
using Xunit;
using static Picodata.Unit.Storage.TestEngine;

namespace Picodata.Unit.Storage;

/// <summary>What a transaction has to wait for before anybody is told what it read: never less than it rests on, and no more where one row is read.</summary>
public sealed class ReadDurabilityTests : IDisposable
{
    private const uint T = 1025;
    private readonly TestEngine world = new();
    private readonly long quiet;

    public ReadDurabilityTests()
    {
        world.CreateTable(T);
        for (int i = 0; i < 5; i++)
        {
            world.Insert(T, i, i, "");
        }

        quiet = world.Engine.AppliedLsn;
        world.Log.IsImmediate = false;
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void A_row_waits_for_its_own_commit_and_a_scan_for_all()
    {
        long changed = Change(1, 10);
        long deleted = Delete(2);
        long last = Change(3, 30);
        Assert.True(Lsn(reader => Read(reader, 0)) <= quiet);
        Assert.Equal(changed, Lsn(reader => Read(reader, 1)));
        Assert.Equal(deleted, Lsn(reader => Read(reader, 2)));
        Assert.True(Lsn(reader => Read(reader, 99)) <= quiet, "that a row was never there rests on nothing new");
        Assert.Equal(last, Lsn(reader => Rows(reader, T)));
    }

    [Fact]
    public void A_change_waits_for_the_row_to_be_there_and_not_for_its_values()
    {
        long changed = Change(1, 10);
        world.Insert(T, 7, 7, "new");
        long inserted = world.Engine.AppliedLsn;
        long deleted = Delete(2);

        using Transaction writer = world.Begin();
        Done(writer.LockRow(T, Tuple(1), isShown: false, out ReadOnlySpan<byte> latest));
        Assert.Equal(10L, Fields(latest)[1]);
        Done(writer.Update(T, Tuple(1), Tuple(1, 11, "on top")));
        Assert.True(writer.ReadLsn <= quiet);
        Assert.Equal(changed, writer.RestsOnLsn);
        writer.EndStatement();
        writer.BeginStatement();
        Read(writer, 1);
        Assert.Equal(changed, writer.ReadLsn);

        Done(writer.LockRow(T, Tuple(7), isShown: false, out _));
        Assert.Equal(inserted, writer.ReadLsn);
        Assert.Equal(WriteOutcome.Gone, writer.LockRow(T, Tuple(2), isShown: false, out _).Outcome);
        Assert.Equal(deleted, writer.ReadLsn);
    }

    [Fact]
    public void A_row_that_is_locked_to_be_shown_waits_for_its_version()
    {
        long changed = Change(1, 10);
        using Transaction writer = world.Begin();
        Done(writer.LockRow(T, Tuple(1), isShown: true, out _));
        Assert.Equal(changed, writer.ReadLsn);
        using Transaction second = world.Begin();
        second.LockRow(T, Tuple(0));
        Assert.True(second.TryGetLatest(T, Tuple(0), out _));
        Assert.True(second.ReadLsn <= quiet);
    }

    [Fact]
    public void Large_commits_and_schema_changes_count_for_the_whole_table()
    {
        using (Transaction large = world.Begin())
        {
            for (int i = 0; i <= KeyLsns.MostChanges; i++)
            {
                Done(large.Insert(T, Tuple(1000 + i, i, "")));
            }

            large.Commit();
        }

        long filled = world.Engine.AppliedLsn;
        Assert.Equal(filled, Lsn(reader => Read(reader, 0)));
        using (Transaction truncating = world.Begin())
        {
            Done(truncating.Truncate(T));
            truncating.Commit();
        }

        Assert.Equal(world.Engine.AppliedLsn, Lsn(reader => Assert.False(reader.TryGet(T, 0, Tuple(0), out _))));
    }

    [Fact]
    public void Nothing_rests_on_commits_that_were_taken_back()
    {
        Change(1, 10);
        world.Insert(T, 8, 8, "lost");
        world.Log.Lose();
        Assert.True(Lsn(reader => Read(reader, 1)) <= quiet);
        Assert.True(Lsn(reader => Assert.False(reader.TryGet(T, 0, Tuple(8), out _))) <= quiet);
        using Transaction writer = world.Begin();
        Done(writer.LockRow(T, Tuple(1), isShown: false, out _));
        Assert.True(writer.RestsOnLsn <= quiet);
    }

    private static void Read(Transaction reader, int id) => reader.TryGet(T, 0, Tuple(id), out _);

    private long Lsn(Action<Transaction> read)
    {
        using Transaction reader = world.Begin(readOnly: true);
        read(reader);
        return reader.ReadLsn;
    }

    private long Change(int id, int value)
    {
        using Transaction writer = world.Begin();
        Done(writer.Update(T, Tuple(id), Tuple(id, value, "changed")));
        return writer.Commit();
    }

    private long Delete(int id)
    {
        using Transaction writer = world.Begin();
        Done(writer.Delete(T, Tuple(id)));
        return writer.Commit();
    }
}
