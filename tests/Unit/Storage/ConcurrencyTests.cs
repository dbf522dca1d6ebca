using Picodata.Core;
using Picodata.Storage;
using Picodata.Storage.Files;
using Xunit;
using static Picodata.Unit.Storage.TestEngine;

namespace Picodata.Unit.Storage;

/// <summary>Many threads at once: sums that must never change, seen by readers at every moment.</summary>
public sealed class ConcurrencyTests
{
    private const uint Accounts = 1025;
    private const int Count = 200, Initial = 1000;

    [Theory]
    [InlineData(IsolationLevel.ReadCommitted)]
    [InlineData(IsolationLevel.RepeatableRead)]
    public async Task Transfers_keep_the_sum_in_every_view(IsolationLevel isolation)
    {
        using var world = new TestEngine();
        world.Log.IsImmediate = false;
        world.CreateTable(Accounts, IndexRow(Accounts, 1, false, "1 integer ?"));
        for (int i = 0; i < Count; i++)
        {
            world.Insert(Accounts, i, Initial, new string('p', i % 50));
        }

        world.Log.MakeDurable();
        using var stop = new CancellationTokenSource();
        Task[] readers = [.. Enumerable.Range(0, 3).Select(i => Task.Run(() => ReadUntil(world, i, stop.Token)))];
        Task losing = Task.Run(() => LoseUntil(world, stop.Token));
        int[] committed = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => Transfer(world, isolation, i, 700))));
        await stop.CancelAsync();
        await Task.WhenAll(readers);
        await losing;
        Assert.All(committed, count => Assert.True(count > 0));
        world.Log.MakeDurable();
        Assert.Equal(Count * Initial, Sum(world.Engine.OpenReadView(), 0));
        Assert.Equal(Count, world.Rows(Accounts, 1).Count);
        Assert.Empty(world.Engine.Locks.Holders);
    }

    private static async Task<int> Transfer(TestEngine world, IsolationLevel isolation, int seed, int rounds)
    {
        var random = new Random(seed);
        int committed = 0;
        while (rounds-- > 0)
        {
            using var own = new Transaction(world.Engine, isolation, readOnly: false);
            try
            {
                int amount = random.Next(100);
                await Add(own, random.Next(Count), -amount);
                await Add(own, random.Next(Count), amount);
                own.Commit();
                committed++;
            }
            catch (DbException e) when (e.SqlState is SqlStates.DeadlockDetected or SqlStates.SerializationFailure)
            {
                own.Rollback();
            }
        }

        return committed;
    }

    private static async Task Add(Transaction own, int id, int amount)
    {
        while (true)
        {
            own.BeginStatement();
            WriteResult result = TryAdd(own, id, amount);
            switch (result.Outcome)
            {
                case WriteOutcome.Done:
                    own.EndStatement();
                    return;
                case WriteOutcome.MustWait:
                    own.RollbackStatement();
                    await result.Wait!.WaitAsync(TimeSpan.FromSeconds(30));
                    break;
                default:
                    throw new DbException(SqlStates.SerializationFailure, result.Outcome.ToString());
            }
        }
    }

    private static WriteResult TryAdd(Transaction own, int id, int amount)
    {
        byte[] key = Tuple(id);
        Assert.True(own.TryGet(Accounts, 0, key, out _));
        WriteResult locked = own.LockRow(Accounts, key);
        if (locked.Outcome != WriteOutcome.Done)
        {
            return locked;
        }

        Assert.True(own.TryGetLatest(Accounts, key, out ReadOnlySpan<byte> row));
        object?[] fields = Fields(row);
        return own.Update(Accounts, key, Tuple(id, (long)fields[1]! + amount, fields[2]));
    }

    private static void ReadUntil(TestEngine world, int index, CancellationToken stop)
    {
        do
        {
            using ReadView view = world.Engine.OpenReadView();
            long sum = Sum(view, (uint)(index & 1));
            Assert.Equal(Count * Initial, sum);
            Assert.Equal(sum, Sum(view, 0));
        }
        while (!stop.IsCancellationRequested);
    }

    /// <summary>Commits become durable in some order of events; now and then the newest are lost.</summary>
    private static void LoseUntil(TestEngine world, CancellationToken stop)
    {
        var random = new Random(11);
        while (!stop.IsCancellationRequested)
        {
            if (random.Next(20) == 0)
            {
                world.Log.Lose(random.Next(4));
            }
            else
            {
                world.Log.MakeDurable();
            }

            Thread.Yield();
        }
    }

    private static long Sum(ReadView view, uint index)
    {
        long sum = 0;
        int rows = 0;
        using IndexCursor cursor = view.OpenCursor(Accounts, index, KeyRange.All, descending: false);
        while (cursor.MoveNext())
        {
            var reader = new MsgPackReader(cursor.Current);
            reader.ReadArrayHead();
            reader.Skip();
            sum += reader.ReadInt64();
            rows++;
        }

        Assert.Equal(Count, rows);
        return sum;
    }
}
