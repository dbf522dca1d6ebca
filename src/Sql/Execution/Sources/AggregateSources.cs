using System.Runtime.InteropServices;
using Picodata.Core;
using Picodata.Sql.Functions;

namespace Picodata.Sql.Execution;

/// <summary>A compiled aggregate call.</summary>
internal sealed record AggregateShape(ResolvedFunction Function, Evaluator[] Arguments, bool Distinct, Evaluator? Filter, SortKeyShape[] OrderBy)
{
    public bool IsPlain => !Distinct && OrderBy.Length == 0;

    /// <summary>For sorted aggregates.</summary>
    public SortOrder Order { get; } = new(OrderBy);
}

/// <summary>One aggregate over one group: DISTINCT, FILTER, ORDER BY and strictness around the function's state.</summary>
internal sealed class AggregateRun
{
    private readonly AggregateShape shape;
    private readonly AggregateState state;
    private readonly MemoryAccount account;
    private readonly HashSet<Datum[]>? seen;
    private readonly List<SortEntry>? sorted;
    private long held;
    private int untilLook = 1;

    public AggregateRun(AggregateShape shape, MemoryAccount account, ExecutionContext context)
    {
        this.shape = shape;
        this.account = account;
        state = shape.Function.NewState(context.Evaluation);
        seen = shape.Distinct ? new HashSet<Datum[]>(RowEquality.Instance) : null;
        sorted = shape.OrderBy.Length > 0 ? [] : null;
    }

    /// <summary>Takes in a row of the input.</summary>
    public void Add(Datum[] row, ExecutionContext context)
    {
        if (shape.Filter is not null && !shape.Filter.Holds(row, context))
        {
            return;
        }

        Evaluator[] arguments = shape.Arguments;
        if (shape.IsPlain && arguments.Length <= 1)
        {
            Datum value = arguments.Length == 0 ? Datum.Null : arguments[0].Evaluate(row, context);
            if (arguments.Length == 0 || !value.IsNull || !shape.Function.IsStrict)
            {
                state.Accumulate(arguments.Length == 0 ? default : new ReadOnlySpan<Datum>(in value));
                Look();
            }

            return;
        }

        var values = new Datum[arguments.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = arguments[i].Evaluate(row, context);
        }

        AddValues(values, row, context);
    }

    private void AddValues(Datum[] values, Datum[] row, ExecutionContext context)
    {
        if (shape.Function.IsStrict && RowEquality.HasNull(values))
        {
            return;
        }

        if (seen is not null)
        {
            if (!seen.Add(values))
            {
                return;
            }

            account.Charge(StatementMemory.SizeOf(values) + 32);
        }

        if (sorted is not null)
        {
            account.Charge(StatementMemory.SizeOf(values) + 64);
            sorted.Add(new SortEntry(values, shape.Order.KeysOf(row, context), sorted.Count));
            return;
        }

        state.Accumulate(values);
        Look();
    }

    /// <summary>Counts what the state holds, now and then: more seldom as it grows, because it cannot double unseen.</summary>
    private void Look()
    {
        if (--untilLook > 0)
        {
            return;
        }

        long now = state.HeldBytes;
        account.Charge(now - held);
        held = now;
        untilLook = 16;
    }

    public Datum Finish(ExecutionContext context)
    {
        if (sorted is { Count: > 0 })
        {
            SortEntry[] entries = [.. sorted];
            sorted.Clear();
            CancellableSort.Sort(entries, shape.Order, context);
            foreach (SortEntry entry in entries)
            {
                context.CheckCancelled();
                state.Accumulate(entry.Row);
                Look();
            }
        }

        return state.Finish();
    }

    public static AggregateRun[] StartAll(AggregateShape[] shapes, MemoryAccount account, ExecutionContext context) =>
        Array.ConvertAll(shapes, shape => new AggregateRun(shape, account, context));
}

/// <summary>What aggregations are made of.</summary>
/// <param name="Sets">Places of keys for each grouping set; null for the one set of all keys.</param>
internal sealed record AggregationShape(Evaluator[] Keys, AggregateShape[] Aggregates, bool BitsKey, int[][]? Sets);

/// <summary>Groups by a hash table, given in the order of their first rows; without keys one group always.</summary>
internal sealed class HashAggregateSource : RowSource
{
    private const int GroupOverhead = 96;
    private const int StateOverhead = 112;

    private sealed record Group(Datum[] Keys, AggregateRun[] Runs);

    private readonly AggregationShape shape;
    private readonly RowSource input;
    private readonly ExecutionContext context;
    private readonly List<Group> groups = [];
    private readonly Dictionary<long, int> byBits = [];
    private readonly Dictionary<Datum[], int> byKey = new(RowEquality.Instance);
    private readonly Datum[] probe;
    private readonly MemoryAccount account;
    private int nullGroup = -1;
    private bool read;
    private int next;

    public HashAggregateSource(AggregationShape shape, RowSource input, ExecutionContext context)
        : base(shape.Keys.Length + shape.Aggregates.Length)
    {
        this.shape = shape;
        this.input = input;
        this.context = context;
        probe = new Datum[shape.Keys.Length];
        account = new MemoryAccount(context.Memory);
    }

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        if (!read)
        {
            Read();
            read = true;
        }

        if (next >= groups.Count)
        {
            return false;
        }

        Group group = groups[next++];
        var row = new Datum[Width];
        group.Keys.AsSpan(0, shape.Keys.Length).CopyTo(row);
        for (int i = 0; i < group.Runs.Length; i++)
        {
            row[shape.Keys.Length + i] = group.Runs[i].Finish(context);
        }

        Row = row;
        return true;
    }

    private void Read()
    {
        if (shape.Sets is not null)
        {
            ReadSets(shape.Sets);
            return;
        }

        if (shape.Keys.Length == 0)
        {
            AddGroup([]);
        }

        while (input.MoveNext())
        {
            context.CheckCancelled();
            Datum[] row = input.Row;
            AggregateRun[] runs = groups[shape.Keys.Length == 0 ? 0 : FindGroup(row)].Runs;
            foreach (AggregateRun run in runs)
            {
                run.Add(row, context);
            }
        }
    }

    private int FindGroup(Datum[] row)
    {
        for (int i = 0; i < probe.Length; i++)
        {
            probe[i] = shape.Keys[i].Evaluate(row, context);
        }

        if (!shape.BitsKey)
        {
            return FindByKey(probe);
        }

        if (probe[0].IsNull)
        {
            return nullGroup >= 0 ? nullGroup : nullGroup = AddGroup([Datum.Null]);
        }

        ref int group = ref CollectionsMarshal.GetValueRefOrAddDefault(byBits, probe[0].AsInt, out bool exists);
        if (!exists)
        {
            group = groups.Count;
            AddGroup((Datum[])probe.Clone());
        }

        return group;
    }

    private int FindByKey(Datum[] key)
    {
        if (!byKey.TryGetValue(key, out int group))
        {
            var copy = (Datum[])key.Clone();
            group = AddGroup(copy);
            byKey.Add(copy, group);
        }

        return group;
    }

    private int AddGroup(Datum[] keys)
    {
        account.Charge(GroupOverhead + StatementMemory.SizeOf(keys) + (StateOverhead * shape.Aggregates.Length));
        groups.Add(new Group(keys, AggregateRun.StartAll(shape.Aggregates, account, context)));
        return groups.Count - 1;
    }

    /// <summary>GROUPING SETS: keys that are not in a set are NULL; a last value keeps groups of different sets apart.</summary>
    private void ReadSets(int[][] sets)
    {
        for (int set = 0; set < sets.Length; set++)
        {
            if (sets[set].Length == 0)
            {
                var total = new Datum[shape.Keys.Length + 1];
                total[^1] = Datum.Int(set);
                FindByKey(total);
            }
        }

        var key = new Datum[shape.Keys.Length + 1];
        while (input.MoveNext())
        {
            context.CheckCancelled();
            Datum[] row = input.Row;
            for (int set = 0; set < sets.Length; set++)
            {
                Array.Clear(key);
                key[^1] = Datum.Int(set);
                foreach (int place in sets[set])
                {
                    key[place] = shape.Keys[place].Evaluate(row, context);
                }

                foreach (AggregateRun run in groups[FindByKey(key)].Runs)
                {
                    run.Add(row, context);
                }
            }
        }
    }

    internal override void Rescan()
    {
        Forget();
        input.Rescan();
    }

    private void Forget()
    {
        groups.Clear();
        byBits.Clear();
        byKey.Clear();
        nullGroup = -1;
        read = false;
        next = 0;
        account.ReleaseAll();
    }

    public override void Dispose()
    {
        Forget();
        input.Dispose();
    }
}

/// <summary>Groups of an input that is sorted by the keys: one at a time.</summary>
internal sealed class SortedAggregateSource(AggregationShape shape, RowSource input, ExecutionContext context)
    : RowSource(shape.Keys.Length + shape.Aggregates.Length)
{
    private readonly Datum[] probe = new Datum[shape.Keys.Length];
    private readonly MemoryAccount account = new(context.Memory);
    private Datum[]? keys;
    private AggregateRun[] runs = [];
    private bool done;

    internal override bool RowsStay => true;

    public override bool MoveNext()
    {
        while (!done)
        {
            context.CheckCancelled();
            if (!input.MoveNext())
            {
                done = true;
                return keys is not null && Give(keys);
            }

            Datum[] row = input.Row;
            for (int i = 0; i < probe.Length; i++)
            {
                probe[i] = shape.Keys[i].Evaluate(row, context);
            }

            Datum[]? before = keys;
            bool changed = before is null || !RowEquality.Instance.Equals(before, probe);
            bool give = changed && before is not null && Give(before);
            if (changed)
            {
                keys = (Datum[])probe.Clone();
                account.ReleaseAll();
                runs = AggregateRun.StartAll(shape.Aggregates, account, context);
            }

            foreach (AggregateRun run in runs)
            {
                run.Add(row, context);
            }

            if (give)
            {
                return true;
            }
        }

        return false;
    }

    private bool Give(Datum[] of)
    {
        var row = new Datum[Width];
        of.CopyTo(row, 0);
        for (int i = 0; i < runs.Length; i++)
        {
            row[of.Length + i] = runs[i].Finish(context);
        }

        Row = row;
        return true;
    }

    internal override void Rescan()
    {
        keys = null;
        account.ReleaseAll();
        done = false;
        input.Rescan();
    }

    public override void Dispose() => input.Dispose();
}
