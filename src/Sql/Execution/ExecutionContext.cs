using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Plans;
using Picodata.Storage;

namespace Picodata.Sql.Execution;

/// <summary>
/// One execution of a plan: transaction, parameters, limits and the state that shared, immutable plans must not hold.
/// May be used again for the next execution (<see cref="ExecutablePlan.Execute"/> starts it anew). One thread at a time.
/// </summary>
public sealed class ExecutionContext
{
    private const int RowsBetweenChecks = 256;

    private readonly List<RowSource> toDispose = [];
    private int untilCheck = RowsBetweenChecks;

    /// <param name="transaction">The transaction; its statement has begun.</param>
    /// <param name="evaluation">What functions may know; its token ends the execution with 57014.</param>
    /// <param name="memory">The statement's memory budget.</param>
    public ExecutionContext(Transaction transaction, EvaluationContext evaluation, StatementMemory memory)
    {
        Transaction = transaction;
        Evaluation = evaluation;
        Memory = memory;
    }

    public Transaction Transaction { get; set; }

    public EvaluationContext Evaluation { get; }

    public StatementMemory Memory { get; }

    /// <summary>Values of $1..$n, already of the types that the plan wants.</summary>
    public Datum[] Parameters { get; set; } = [];

    /// <summary>For scans of pg_catalog and information_schema.</summary>
    public VirtualScanContext? Virtual { get; set; }

    /// <summary>Set to count rows and time per node (EXPLAIN ANALYZE); null otherwise.</summary>
    public PlanStatistics? Statistics { get; set; }

    /// <summary>Cells that <see cref="BoundExecParameter"/> reads.</summary>
    internal Datum[] Cells { get; private set; } = [];

    /// <summary>Values of <see cref="BoundLocal"/>.</summary>
    internal Datum[] Locals { get; private set; } = [];

    /// <summary>State of subplans, common tables and cached sets, by number.</summary>
    internal object?[] States { get; private set; } = [];

    /// <summary>Buffer for keys of point reads and writes; valid until its next Begin.</summary>
    internal Types.TupleWriter Writer => field ??= new Types.TupleWriter();

    /// <summary>Buffer for tuples of point writes.</summary>
    internal Types.TupleWriter TupleWriter => field ??= new Types.TupleWriter();

    internal void Start(int cells, int locals, int states)
    {
        End();
        Memory.Reset();
        untilCheck = RowsBetweenChecks;
        Cells = cells == 0 ? [] : new Datum[cells];
        Locals = locals == 0 ? [] : new Datum[locals];
        States = states == 0 ? [] : new object?[states];
    }

    internal void DisposeAtEnd(RowSource source) => toDispose.Add(source);

    /// <summary>Gives back what subplans hold. Also done by the next execution.</summary>
    public void End()
    {
        if (toDispose.Count > 0)
        {
            toDispose.ForEach(source => source.Dispose());
            toDispose.Clear();
        }

        States = [];
    }

    /// <summary>To be called once per row by everything that loops; looks at the token every few hundred calls.</summary>
    internal void CheckCancelled()
    {
        if (--untilCheck <= 0)
        {
            untilCheck = RowsBetweenChecks;
            Evaluation.ThrowIfCancelled();
        }
    }
}

/// <summary>Memory that one statement holds for sorts, hash tables and kept rows; an estimate, checked against a limit.</summary>
public sealed class StatementMemory
{
    /// <param name="limit">Bytes; 0 or less means no limit.</param>
    public StatementMemory(long limit) => Limit = limit;

    /// <summary>Bytes; 0 or less means no limit.</summary>
    public long Limit { get; set; }

    /// <summary>Bytes now held.</summary>
    public long Used { get; private set; }

    /// <summary>Most bytes held at once since the statement began.</summary>
    public long Peak { get; private set; }

    internal void Reset()
    {
        Used = 0;
        Peak = 0;
    }

    /// <summary>Counts memory; 53200 when it would be over the limit.</summary>
    public void Charge(long bytes)
    {
        Used += bytes;
        if (Used > Peak)
        {
            Peak = Used;
            if (Limit > 0 && Used > Limit)
            {
                throw new DbException(SqlStates.OutOfMemory, $"statement needs more than its limit of {Limit} bytes of memory",
                    hint: "reduce the rows that are sorted, grouped, joined or kept, or raise the limit");
            }
        }
    }

    /// <summary>Counts memory that was given back.</summary>
    public void Release(long bytes) => Used -= bytes;

    /// <summary>Estimate of the bytes that a kept row takes.</summary>
    internal static long SizeOf(ReadOnlySpan<Datum> row)
    {
        long size = 32 + (row.Length * 24L);
        foreach (ref readonly Datum value in row)
        {
            size += value.Kind switch
            {
                DatumKind.Text => 24 + (2L * value.AsText.Length),
                DatumKind.Bytes => 24 + value.AsBytes.Length,
                DatumKind.Numeric => 64,
                DatumKind.Uuid or DatumKind.Interval => 32,
                DatumKind.Array => 64 + SizeOf(value.AsArray.Elements),
                DatumKind.Record => SizeOf(value.AsRecord),
                _ => 0,
            };
        }

        return size;
    }
}

/// <summary>What one operator holds of the statement's memory, so that it can give back exactly that.</summary>
internal sealed class MemoryAccount(StatementMemory memory)
{
    private long charged;

    public void Charge(long bytes)
    {
        charged += bytes;
        memory.Charge(bytes);
    }

    public void ReleaseAll()
    {
        memory.Release(charged);
        charged = 0;
    }
}

/// <summary>What a node did in one execution.</summary>
public sealed class NodeStatistics
{
    /// <summary>How many times it was started.</summary>
    public long Loops { get; internal set; }

    /// <summary>Rows that it gave, over all loops.</summary>
    public long Rows { get; internal set; }

    /// <summary>Time spent in it and below it, in ticks of the statistics' clock.</summary>
    public long Ticks { get; internal set; }

    /// <summary>Rows that its filter or join condition dropped.</summary>
    public long Removed { get; internal set; }
}

/// <summary>Statistics of all nodes of a plan, for EXPLAIN ANALYZE.</summary>
public sealed class PlanStatistics
{
    private readonly Dictionary<PlanNode, NodeStatistics> nodes = new(ReferenceEqualityComparer.Instance);

    /// <param name="time">Clock.</param>
    public PlanStatistics(TimeProvider time) => Time = time;

    internal TimeProvider Time { get; }

    /// <summary>What the node did; all zero when it never ran.</summary>
    public NodeStatistics Of(PlanNode node)
    {
        if (!nodes.TryGetValue(node, out NodeStatistics? statistics))
        {
            nodes.Add(node, statistics = new NodeStatistics());
        }

        return statistics;
    }

    /// <summary>Milliseconds spent in a node and below it.</summary>
    public double Milliseconds(NodeStatistics statistics) => Time.GetElapsedTime(0, statistics.Ticks).TotalMilliseconds;
}
