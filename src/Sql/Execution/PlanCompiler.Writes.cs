using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql.Execution;

/// <summary>Statements: writing nodes at the root, queries otherwise.</summary>
internal sealed partial class PlanCompiler
{
    /// <summary>Compiles the root. One of the two results is not null: how to start the writes, or the query.</summary>
    private Func<ExecutionContext, WriteRun>? Write(PlanNode root, out CompiledNode? query)
    {
        query = null;
        switch (root)
        {
            case InsertNode insert:
                return Insert(insert);
            case UpdateNode update:
                return Update(update);
            case DeleteNode delete:
                return Delete(delete);
            case PointUpdateNode update:
                return PointUpdate(update);
            case PointDeleteNode delete:
                return PointDelete(delete);
            case LockRowsNode rows:
                return LockRows(rows);
            case WithNode with when with.Body is WriteNode or LockRowsNode || with.Tables.Any(table => table.Plan is WriteNode):
                return WithWrites(with);
            default:
                query = Node(root);
                return null;
        }
    }

    private Evaluator[] Returning(WriteNode node) => Expressions(node.Returning.Select(output => output.Expression));

    private WriteTarget Target(WriteNode node) => new(node.Table, [.. node.Checks.Select(check => new CheckShape(check.Name, Expression(check.Condition)))]);

    private AssignmentShape[] Assignments(IEnumerable<BoundAssignment> assignments) =>
        [.. assignments.OrderBy(assignment => assignment.Ordinal).Select(assignment => new AssignmentShape(assignment.Ordinal, Expression(assignment.Value)))];

    private Func<ExecutionContext, WriteRun> Insert(InsertNode insert)
    {
        var shape = new InsertShape(
            Target(insert), insert.Source is OneRowNode ? null : Node(insert.Source), Expressions(insert.Values), insert.Conflict.Action, insert.Conflict.Index,
            Assignments(insert.Conflict.Assignments), Optional(insert.Conflict.Where), Returning(insert));
        return context => new InsertRun(shape, context);
    }

    /// <summary>A scan of the table gives each row once; with joins above it a row may come up again.</summary>
    private static bool MayRepeat(PlanNode source) => source switch
    {
        TableScanNode => false,
        FilterNode or ProjectNode or SortNode or TopNNode or LimitNode or MaterialiseNode => MayRepeat(source.Children[0]),
        _ => true,
    };

    private Func<ExecutionContext, WriteRun> Update(UpdateNode update)
    {
        WriteTarget target = Target(update);
        var shape = new ChangeShape(
            target, Node(update.Source), [.. update.KeySlots], MayRepeat(update.Source), Assignments(update.Assignments), Returning(update),
            target.HasChecks || update.Returning.Count > 0 ? RowDecoder.InPlace(update.Table, Enumerable.Range(0, target.Width)) : null);
        return context => new ChangeRun(shape, false, context);
    }

    private Func<ExecutionContext, WriteRun> Delete(DeleteNode delete)
    {
        WriteTarget target = Target(delete);
        var shape = new ChangeShape(
            target, Node(delete.Source), [.. delete.KeySlots], MayRepeat(delete.Source), [], Returning(delete),
            delete.Returning.Count > 0 ? RowDecoder.InPlace(delete.Table, Enumerable.Range(0, target.Width)) : null);
        return context => new ChangeRun(shape, true, context);
    }

    private Func<ExecutionContext, WriteRun> PointUpdate(PointUpdateNode update) =>
        Point(update, update.Key, update.Filter, update.Assignments);

    private Func<ExecutionContext, WriteRun> PointDelete(PointDeleteNode delete) => Point(delete, delete.Key, delete.Filter, null);

    private Func<ExecutionContext, WriteRun> Point(
        WriteNode node, IReadOnlyList<BoundExpression> keyValues, BoundExpression? condition, IReadOnlyList<BoundAssignment>? changes)
    {
        HashSet<int>? before = slotTrace;
        HashSet<int> slots = slotTrace = [];
        WriteTarget target = Target(node);
        Evaluator? filter = Optional(condition);
        AssignmentShape[]? assignments = changes is null ? null : Assignments(changes);
        Evaluator[] returning = Returning(node);
        slotTrace = before;
        KeyShape key = Key(node.Table, node.Table.PrimaryIndex!, keyValues);
        var shape = new PointShape(target, key, filter, assignments, RowDecoder.InPlace(node.Table, slots), returning);
        return context => new PointRun(shape, context);
    }

    /// <summary>SKIP LOCKED counts rows that it could lock, so a limit right below it becomes its own.</summary>
    private Func<ExecutionContext, WriteRun> LockRows(LockRowsNode rows)
    {
        (PlanNode input, BoundExpression? count, BoundExpression? offset) = (rows.Wait, rows.Input) switch
        {
            (RowLockWait.SkipLocked, LimitNode { TieKeys: null } limit) => (limit.Input, limit.Count, limit.Offset),
            (RowLockWait.SkipLocked, TopNNode top) => (new SortNode(top.Input, top.Keys), top.Count, top.Offset),
            _ => (rows.Input, null, null),
        };
        LockShape[] targets = [.. rows.Targets.Select(target => new LockShape(new WriteTarget(target.Table, []), [.. target.KeySlots]))];
        var shape = new LockRowsShape(Node(input), targets, rows.Wait, rows.OutputCount, Optional(count), Optional(offset));
        return context => new LockRowsRun(shape, context);
    }

    private Func<ExecutionContext, WriteRun> WithWrites(WithNode with)
    {
        var steps = new List<WithWritesRun.Step>();
        foreach (CommonTable table in with.Tables)
        {
            if (table.Plan is WriteNode write)
            {
                Func<ExecutionContext, WriteRun> run = Write(write, out _)!;
                var shape = new CommonTableShape(NextState(), new CompiledNode(write, _ => new EmptySource(write.Columns.Count), [], true, false));
                commonTables[table.Id] = shape;
                steps.Add(new WithWritesRun.Step(shape, run));
            }
            else
            {
                steps.Add(new WithWritesRun.Step(DefineTable(table), null));
            }
        }

        Func<ExecutionContext, WriteRun>? body = Write(with.Body, out CompiledNode? query);
        int width = with.Body is WriteNode { Returning.Count: 0 } ? 0 : with.Columns.Count;
        return context => new WithWritesRun([.. steps], body, query, width, context);
    }
}

/// <summary>WITH around writes: tables that write run first, in order; then the body.</summary>
internal sealed class WithWritesRun(
    WithWritesRun.Step[] steps, Func<ExecutionContext, WriteRun>? body, CompiledNode? query, int width, ExecutionContext context) : WriteRun(context, [], width)
{
    /// <param name="Table">The common table.</param>
    /// <param name="Write">How to run it when it writes.</param>
    internal sealed record Step(CommonTableShape Table, Func<ExecutionContext, WriteRun>? Write);

    public override Task? Run()
    {
        foreach (Step step in steps)
        {
            if (step.Write is null)
            {
                Context.States[step.Table.State] = new CommonTableRows(step.Table.Plan!.Open(Context), Context);
                continue;
            }

            WriteRun run = step.Write(Context);
            if (run.Run() is { } wait)
            {
                return wait;
            }

            var rows = new CommonTableRows(null, Context);
            rows.Replace(run.Returned ?? []);
            Context.States[step.Table.State] = rows;
        }

        return body is null ? Query() : Body(body(Context));
    }

    private Task? Query()
    {
        var kept = new KeptRows(Context);
        using RowSource source = query!.Open(Context);
        kept.ReadAll(source);
        Returned = kept.Rows;
        return null;
    }

    private Task? Body(WriteRun run)
    {
        Task? wait = run.Run();
        AffectedRows = run.AffectedRows;
        Returned = run.Returned;
        return wait;
    }
}
