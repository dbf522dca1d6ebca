using Picodata.Core;
using Picodata.Storage;
using Xunit;

namespace Picodata.Unit.Durability;

/// <summary>
/// A workload of transactions over several tables, with DDL, rotation, checkpoints and removal, and what is known of each of its
/// transactions. Every transaction also writes its number into a journal, so that a recovered state tells exactly which of them
/// it holds.
/// </summary>
internal sealed class CrashWorkload(int seed)
{
    private const uint Journal = 2000, FirstTable = 2001;
    private const int Tables = 3, Keys = 12;

    private readonly Random chance = new(seed);
    private readonly List<Committed> history = [];
    private long nextId = 1;
    private int settled;

    private enum Fate { Unknown, Acknowledged, TakenBack }

    /// <summary>For disks that lie: only the prefix is asked for.</summary>
    public bool MayLoseAcknowledged { get; init; }

    /// <summary>How many transactions of the commit order, from its start, a state must hold that was taken now. Any thread.</summary>
    public int Settled => Volatile.Read(ref settled);

    /// <summary>Transactions whose success was told.</summary>
    public int Acknowledged => history.Count(entry => entry.Fate == Fate.Acknowledged);

    /// <summary>Runs a number of steps; ends early, without an error, when the instance does not write any more.</summary>
    public async Task RunAsync(Database database, int steps, bool withCheckpoints = true)
    {
        var pending = new List<(Committed Entry, long Lsn)>();
        for (int step = 0; step < steps; step++)
        {
            try
            {
                Commit(database, pending, Draw());
                if (withCheckpoints && chance.Next(12) == 0)
                    await database.CheckpointAsync(CancellationToken.None).ConfigureAwait(false);
            }
            catch (DbException refused) when (refused.SqlState is SqlStates.IoError or SqlStates.DiskFull or SqlStates.StatementCompletionUnknown
                or SqlStates.SerializationFailure or SqlStates.UndefinedTable)
            {
                // told to be not done (also because what it saw was taken back under it), or a checkpoint that failed
            }
            if (pending.Count > chance.Next(4))
                await SettleAsync(database, pending).ConfigureAwait(false);
        }
        await SettleAsync(database, pending).ConfigureAwait(false);
    }

    /// <summary>
    /// The state holds every acknowledged transaction, none that was told to be taken back, and exactly a prefix of the commit order.
    /// What is missing is forgotten, so that the workload can go on from there.
    /// </summary>
    /// <param name="atLeast">For copies: how many transactions of the order it must hold at least, in place of all acknowledged ones.</param>
    public void Verify(Database database, string what, int? atLeast = null)
    {
        List<Committed> expected = [.. history.Where(entry => entry.Fate != Fate.TakenBack)];
        var found = new SortedDictionary<long, long>();
        if (database.Schema.Space(Journal) is not null)
            found = TestTables.Read(database, Journal);
        int count = 0;
        while (count < expected.Count && found.ContainsKey(expected[count].Id))
            count++;
        long[] wanted = [.. expected.Take(count).Select(entry => entry.Id)];
        Assert.True(wanted.SequenceEqual(found.Keys), $"{what}: journal holds [{string.Join(",", found.Keys)}], a prefix of the commit order would be [{string.Join(",", wanted)}]");
        Committed? lost = expected.Skip(count).FirstOrDefault(entry => entry.Fate == Fate.Acknowledged);
        Assert.True(lost is null || MayLoseAcknowledged || count >= atLeast, $"{what}: acknowledged transaction {lost?.Id} is lost; the state ends with {wanted.LastOrDefault()}");
        var model = new Dictionary<uint, SortedDictionary<long, long>>();
        foreach (Operation operation in expected.Take(count).SelectMany(entry => entry.Operations))
            operation.ApplyTo(model);
        for (uint table = FirstTable; table < FirstTable + Tables; table++)
        {
            Assert.True(model.ContainsKey(table) == (database.Schema.Space(table) is not null), $"{what}: existence of table {table}");
            if (model.TryGetValue(table, out SortedDictionary<long, long>? rows))
                Assert.True(rows.SequenceEqual(TestTables.Read(database, table)), $"{what}: rows of table {table}");
        }
        if (atLeast is not null)
            return;
        history.Clear();
        history.AddRange(expected.Take(count).Select(entry => entry with { Fate = Fate.Acknowledged }));
    }

    private async Task SettleAsync(Database database, List<(Committed Entry, long Lsn)> pending)
    {
        foreach ((Committed entry, long lsn) in pending)
        {
            try
            {
                await database.WaitDurableAsync(lsn, CancellationToken.None).ConfigureAwait(false);
                entry.Fate = Fate.Acknowledged;
                Volatile.Write(ref settled, history.IndexOf(entry) + 1);
            }
            catch (DbException refused)
            {
                entry.Fate = refused.SqlState == SqlStates.StatementCompletionUnknown ? Fate.Unknown : Fate.TakenBack;
            }
        }
        pending.Clear();
    }

    private void Commit(Database database, List<(Committed Entry, long Lsn)> pending, List<Operation> operations)
    {
        using Transaction transaction = database.BeginTransaction(IsolationLevel.ReadCommitted, readOnly: false);
        long id = nextId++;
        if (transaction.Schema.Space(Journal) is null)
            operations.Insert(0, new Operation(Kind.Create, Journal, 0, 0));
        foreach (Operation operation in operations)
            operation.ApplyTo(transaction);
        TestTables.Put(transaction, Journal, id, id * 10);
        long lsn = transaction.Commit();
        var entry = new Committed(id, operations);
        history.Add(entry);
        pending.Add((entry, lsn));
    }

    private List<Operation> Draw()
    {
        uint table = FirstTable + (uint)chance.Next(Tables);
        if (chance.Next(9) == 0)
            return [new Operation((Kind)chance.Next((int)Kind.Create, (int)Kind.Secondary + 1), table, 0, chance.Next(2))];
        var operations = new List<Operation>();
        int count = chance.Next(8) == 0 ? 40 : chance.Next(1, 5);
        for (int i = 0; i < count; i++)
            operations.Add(new Operation(chance.Next(4) == 0 ? Kind.Remove : Kind.Put, FirstTable + (uint)chance.Next(Tables), chance.Next(Keys), chance.Next(1000)));
        return operations;
    }

    private enum Kind { Put, Remove, Create, Drop, Truncate, Secondary }

    private sealed record Committed(long Id, List<Operation> Operations)
    {
        public Fate Fate { get; set; }
    }

    /// <summary>Does nothing where it cannot be done, in the database and in the model alike.</summary>
    private sealed record Operation(Kind Kind, uint Table, long Key, long Value)
    {
        public void ApplyTo(Transaction transaction)
        {
            SpaceDef? space = transaction.Schema.Space(Table);
            if (space is null != (Kind == Kind.Create))
                return;
            switch (Kind)
            {
                case Kind.Create:
                    TestTables.Create(transaction, Table, withSecondary: Value == 1);
                    break;
                case Kind.Drop:
                    TestTables.Drop(transaction, Table);
                    break;
                case Kind.Truncate:
                    TestTables.Truncate(transaction, Table);
                    break;
                case Kind.Secondary:
                    if (space!.Indexes.Count == 1)
                        TestTables.CreateSecondary(transaction, Table);
                    break;
                case Kind.Put:
                    TestTables.Put(transaction, Table, Key, Value);
                    break;
                default:
                    TestTables.Remove(transaction, Table, Key);
                    break;
            }
        }

        public void ApplyTo(Dictionary<uint, SortedDictionary<long, long>> model)
        {
            if (Kind == Kind.Create)
                model.TryAdd(Table, []);
            else if (!model.TryGetValue(Table, out SortedDictionary<long, long>? rows))
                return;
            else if (Kind == Kind.Drop)
                model.Remove(Table);
            else if (Kind == Kind.Truncate)
                rows.Clear();
            else if (Kind == Kind.Put)
                rows[Key] = Value;
            else if (Kind == Kind.Remove)
                rows.Remove(Key);
        }
    }
}
