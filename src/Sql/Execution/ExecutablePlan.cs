using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql.Execution;

/// <summary>How the start of a statement ended.</summary>
/// <param name="Wait">
/// Not null: nothing was done yet. The session calls <c>Transaction.RollbackStatement</c>, awaits the task (it fails with
/// 40P01 on a deadlock), begins the statement again and executes the plan anew, on the newest rows.
/// </param>
/// <param name="AffectedRows">Rows inserted, updated or deleted; 0 for queries.</param>
/// <param name="Rows">Rows to give to the client; null when the statement has none. To be disposed of.</param>
public readonly record struct StatementOutcome(Task? Wait, long AffectedRows, RowSource? Rows)
{
    /// <summary>True when the statement has to be run again after <see cref="Wait"/>.</summary>
    public bool MustRunAgain => Wait is not null;
}

/// <summary>
/// A compiled plan: immutable, may be executed by many sessions at once, each with its own <see cref="ExecutionContext"/>.
///
/// 1. Writes and row locks happen inside <see cref="Execute"/>; when it gives rows, no lock can be missing any more. So rows can
///    be sent as they are pulled.
/// 2. A query's rows are computed while they are pulled, inside the transaction's statement.
/// </summary>
public sealed class ExecutablePlan
{
    private readonly PlanProgram program;

    private ExecutablePlan(PlanNode root, PlanProgram program)
    {
        Root = root;
        this.program = program;
    }

    public PlanNode Root { get; }

    /// <summary>Columns of the rows; empty for statements without rows.</summary>
    public IReadOnlyList<PlanColumn> Columns => Root.Columns;

    /// <summary>True when the statement writes.</summary>
    public bool IsWrite => program.CountsWrites;

    internal PlanProgram Program => program;

    /// <summary>Compiles expressions and operators; 54001 when the plan is nested too deeply.</summary>
    public static ExecutablePlan Compile(PlanNode root) => new(root, PlanCompiler.Compile(root));

    /// <summary>Starts the statement: runs writes and locks to their end, opens a query. <c>Transaction.BeginStatement</c> was called.</summary>
    public StatementOutcome Execute(ExecutionContext context)
    {
        context.Start(program.Cells, program.Locals, program.States);
        if (program.Query is { } query)
        {
            return new StatementOutcome(null, 0, query.Open(context));
        }

        WriteRun run = program.Write!(context);
        return Finish(context.Statistics is null ? run.Run() : Measured(run, context.Statistics), run);
    }

    private static StatementOutcome Finish(Task? wait, WriteRun run) => wait is not null
        ? new StatementOutcome(wait, 0, null)
        : new StatementOutcome(null, run.AffectedRows, run.Returned is null ? null : new ListSource(run.ReturnWidth, run.Returned));

    private Task? Measured(WriteRun run, PlanStatistics statistics)
    {
        NodeStatistics node = statistics.Of(Root);
        long start = statistics.Time.GetTimestamp();
        Task? wait = run.Run();
        node.Ticks += statistics.Time.GetTimestamp() - start;
        node.Loops++;
        node.Rows += run.Returned?.Count ?? 0;
        return wait;
    }
}

/// <summary>What compiling made of a plan: how to start writes, or a query; and the sizes of an execution's arrays.</summary>
internal sealed record PlanProgram(
    Func<ExecutionContext, WriteRun>? Write, CompiledNode? Query, int Cells, int Locals, int States, bool CountsWrites);

/// <summary>
/// COPY's way of inserting: the plan of <c>INSERT INTO t (...) VALUES ($1, $2, ...)</c> run for row after row with little work between.
/// Within one statement of the transaction.
/// </summary>
public sealed class BulkInsert
{
    private readonly InsertRun run;
    private readonly ExecutionContext context;

    /// <param name="plan">A compiled INSERT of one row whose values are parameters (and defaults).</param>
    /// <param name="context">The execution; its parameters are set by <see cref="Add"/>.</param>
    public BulkInsert(ExecutablePlan plan, ExecutionContext context)
    {
        PlanProgram program = plan.Program;
        context.Start(program.Cells, program.Locals, program.States);
        this.context = context;
        run = program.Write?.Invoke(context) as InsertRun ?? throw new InvalidOperationException("the plan is not an INSERT");
    }

    /// <summary>Rows added so far.</summary>
    public long Count => run.AffectedRows;

    /// <summary>
    /// Adds a row, given as values of the parameters. Null when done; else a task to await before the same row is given again
    /// (another transaction holds its key).
    /// </summary>
    public Task? Add(ReadOnlySpan<Datum> values)
    {
        context.CheckCancelled();
        if (context.Parameters.Length != values.Length)
        {
            context.Parameters = new Datum[values.Length];
        }

        values.CopyTo(context.Parameters);
        return run.Run();
    }
}
