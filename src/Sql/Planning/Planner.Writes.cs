using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

// INSERT, UPDATE, DELETE. Changes of one row by its primary key get nodes of their own.
public sealed partial class Planner
{
    private static Layout TableLayout(BoundRange range)
    {
        var layout = new Layout(range.Columns.Count);
        for (int i = 0; i < range.Columns.Count; i++)
        {
            layout.Add(new BoundColumn(range, i, range.Columns[i].Type));
        }

        return layout;
    }

    private InsertNode PlanInsert(BoundInsert insert)
    {
        CollectInsert(insert);
        Layout row = TableLayout(insert.Target.Range);
        TableDef table = insert.Target.Table;
        PlanNode source;
        BoundExpression[] values;
        var empty = new Layout(0);
        if (insert.Rows is { Count: 1 } single)
        {
            source = new OneRowNode { Estimate = new PlanEstimate(1, 0) };
            values = single[0].Select(e => Translate(e, empty)).ToArray();
        }
        else if (insert.Rows is not null)
        {
            PlanColumn[] columns = table.Columns.Select(c => new PlanColumn(c.Name, c.Type)).ToArray();
            source = new ValuesNode(columns, insert.Rows.Select(r => (IReadOnlyList<BoundExpression>)r.Select(e => Translate(e, empty)).ToArray()).ToArray())
            {
                Estimate = new PlanEstimate(insert.Rows.Count, insert.Rows.Count),
            };
            values = columns.Select((c, i) => (BoundExpression)new BoundSlot(i, c.Type) { Name = c.Name }).ToArray();
        }
        else
        {
            source = PlanQuery(insert.Source!, false);
            Layout from = TableLayout(insert.SourceRange!);
            values = insert.Values!.Select(e => Translate(e, from)).ToArray();
        }

        return new InsertNode(table, source, values, Conflict(insert, row), Checks(insert.Checks, row), TranslateOutputs(insert.Returning, row))
        {
            Estimate = source.Estimate,
        };
    }

    private void CollectInsert(BoundInsert insert)
    {
        foreach (BoundExpression e in insert.Rows?.SelectMany(r => r) ?? insert.Values ?? [])
        {
            CollectExpression(e);
        }

        if (insert.Source is not null)
        {
            CollectUsage(insert.Source, null);
        }

        CollectSubqueriesOnly(insert.Returning);
        foreach (BoundAssignment assignment in insert.Conflict?.Assignments ?? [])
        {
            CollectExpression(assignment.Value);
        }

        CollectOptional(insert.Conflict?.Where);
        CollectCtes(insert.Ctes);
    }

    private void CollectCtes(IReadOnlyList<BoundCte> list)
    {
        for (int i = list.Count - 1; i >= 0; i--)
        {
            CollectCte(list[i]);
        }
    }

    private void CollectSubqueriesOnly(IReadOnlyList<BoundTarget>? targets)
    {
        foreach (BoundTarget target in targets ?? [])
        {
            CollectExpression(target.Expression);
        }
    }

    private ConflictClause Conflict(BoundInsert insert, Layout row)
    {
        if (insert.Conflict is not { } conflict)
        {
            return ConflictClause.Fail;
        }

        Layout both = conflict.Excluded is null ? row : Layout.Join(row, TableLayout(conflict.Excluded));
        return new ConflictClause(
            conflict.Action, conflict.Arbiter, Assign(conflict.Assignments, both), conflict.Where is null ? null : Translate(conflict.Where, both));
    }

    private BoundAssignment[] Assign(IReadOnlyList<BoundAssignment> assignments, Layout layout)
    {
        var result = new BoundAssignment[assignments.Count];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = new BoundAssignment(assignments[i].Ordinal, Translate(assignments[i].Value, layout));
        }

        return result;
    }

    private BoundCheck[] Checks(IReadOnlyList<BoundCheck> checks, Layout row)
    {
        var result = new BoundCheck[checks.Count];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = new BoundCheck(checks[i].Name, Translate(checks[i].Condition, row));
        }

        return result;
    }

    /// <summary>The whole primary key when the conditions fix it and nothing needs more than the row itself.</summary>
    private (BoundExpression[] Key, BoundExpression? Filter)? PointKey(BoundTableSource target, BoundSource? from, BoundExpression? where)
    {
        if (from is not null || where is null || target.Table.PrimaryIndex is not { IsUsable: true } primary || target.IndexedBy is not null)
        {
            return null;
        }

        var conditions = new List<BoundExpression>();
        Conditions.Split(where, conditions);
        List<ColumnTerm> terms = ColumnTerms(target.Range, conditions);
        var key = new BoundExpression[primary.Parts.Count];
        for (int i = 0; i < key.Length; i++)
        {
            int term = FindEqual(terms, primary.Parts[i].Ordinal);
            if (term < 0)
            {
                return null;
            }

            key[i] = terms[term].Value;
            conditions.Remove(terms[term].Source);
        }

        return conditions.Exists(Conditions.HasSubquery) || conditions.Exists(Conditions.IsNever) ? null : (key, Conditions.Join(conditions));
    }

    private PlanNode PlanUpdate(BoundUpdate update)
    {
        BoundTableSource target = update.Target;
        Layout row = TableLayout(target.Range);
        bool isPlain = !update.Assignments.Any(a => Conditions.HasSubquery(a.Value)) && update.Returning?.Any(t => Conditions.HasSubquery(t.Expression)) != true;
        if (isPlain && PointKey(target, update.From, update.Where) is { } point)
        {
            var empty = new Layout(0);
            return new PointUpdateNode(
                target.Table, point.Key.Select(k => Translate(k, empty)).ToArray(), point.Filter is null ? null : Translate(point.Filter, row),
                Assign(update.Assignments, row), Checks(update.Checks, row), TranslateOutputs(update.Returning, row))
            {
                Estimate = new PlanEstimate(1, DescentCost),
            };
        }

        foreach (BoundAssignment assignment in update.Assignments)
        {
            CollectExpression(assignment.Value);
        }

        CollectCtes(update.Ctes);
        (Built source, int[] keys) = PlanWriteSource(target, update.From, update.Where, update.Returning);
        return new UpdateNode(
            target.Table, source.Node, keys, Assign(update.Assignments, source.Layout), Checks(update.Checks, row), TranslateOutputs(update.Returning, ReturningLayout(row, source.Layout)))
        {
            Estimate = source.Node.Estimate,
        };
    }

    /// <summary>RETURNING sees the target's row first, then the other ranges in the source's row.</summary>
    private static Layout ReturningLayout(Layout row, Layout source) => Layout.Join(row, source);

    private PlanNode PlanDelete(BoundDelete delete)
    {
        BoundTableSource target = delete.Target;
        Layout row = TableLayout(target.Range);
        bool isPlain = delete.Returning?.Any(t => Conditions.HasSubquery(t.Expression)) != true;
        if (isPlain && PointKey(target, delete.Using, delete.Where) is { } point)
        {
            var empty = new Layout(0);
            return new PointDeleteNode(
                target.Table, point.Key.Select(k => Translate(k, empty)).ToArray(), point.Filter is null ? null : Translate(point.Filter, row), TranslateOutputs(delete.Returning, row))
            {
                Estimate = new PlanEstimate(1, DescentCost),
            };
        }

        CollectCtes(delete.Ctes);
        (Built source, int[] keys) = PlanWriteSource(target, delete.Using, delete.Where, delete.Returning);
        return new DeleteNode(target.Table, source.Node, keys, TranslateOutputs(delete.Returning, ReturningLayout(row, source.Layout))) { Estimate = source.Node.Estimate };
    }

    /// <summary>The query that finds the rows to change: the target joined with FROM or USING; its row holds the primary key.</summary>
    private (Built Source, int[] KeySlots) PlanWriteSource(BoundTableSource target, BoundSource? others, BoundExpression? where, IReadOnlyList<BoundTarget>? returning)
    {
        BoundColumn[] keys = target.Table.PrimaryIndex!.Parts.Select(p => new BoundColumn(target.Range, p.Ordinal, target.Range.Columns[p.Ordinal].Type)).ToArray();
        foreach (BoundColumn key in keys)
        {
            CountColumn(key, 1);
        }

        CollectOptional(where);
        CollectSubqueriesOnly(returning);
        BoundSource from = others is null ? target : new BoundJoin(JoinKind.Cross, target, others, null);
        CollectJoins(from);
        CollectLeaves(from);
        FromPlan plan = PlanFrom(from, where is null ? [] : [where], null);
        return (plan.Built, keys.Select(k => plan.Built.Layout.Find(k)).ToArray());
    }
}
