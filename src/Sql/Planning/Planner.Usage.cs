namespace Picodata.Sql;

// Which columns of every range are read, and how often: scans decode only those. A condition that an index answers is
// taken off the count again.
public sealed partial class Planner
{
    private void CountColumn(BoundColumn column, int by)
    {
        if (!usage.TryGetValue(column.Range, out int[]? counts))
        {
            usage[column.Range] = counts = new int[column.Range.Columns.Count];
        }

        counts[column.Column] += by;
    }

    private bool IsUsed(BoundRange range, int column) => usage.TryGetValue(range, out int[]? counts) && counts[column] > 0;

    private void CollectExpression(BoundExpression e) =>
        ExpressionRewriter.Visit(e, node =>
        {
            if (node is BoundColumn column)
            {
                CountColumn(column, 1);
            }
            else if (node is BoundSubquery subquery)
            {
                CollectUsage(subquery.Query, IsBareExists(subquery) ? _ => false : null);
            }

            return true;
        });

    /// <summary>EXISTS looks at no column of its rows.</summary>
    private static bool IsBareExists(BoundSubquery subquery) => subquery.Kind == SubqueryKind.Exists && subquery.Query.Body is BoundSelect { IsGrouped: false };

    private void CollectOptional(BoundExpression? e)
    {
        if (e is not null)
        {
            CollectExpression(e);
        }
    }

    /// <param name="needed">Output columns that somebody reads; null for all.</param>
    private void CollectUsage(BoundQuery query, Func<int, bool>? needed)
    {
        CollectOptional(query.Limit);
        CollectOptional(query.Offset);
        foreach (BoundTableSource table in query.LockedTables)
        {
            foreach (IndexPart part in table.Table.PrimaryIndex!.Parts)
            {
                CountColumn(new BoundColumn(table.Range, part.Ordinal, table.Range.Columns[part.Ordinal].Type), 1);
            }
        }

        switch (query.Body)
        {
            case BoundSelect select:
                CollectSelect(query, select, needed);
                break;
            case BoundValues values:
                foreach (BoundExpression e in values.Rows.SelectMany(row => row))
                {
                    CollectExpression(e);
                }

                break;
            case BoundSetOperation operation:
                CollectUsage(operation.Left, null);
                CollectUsage(operation.Right, null);
                break;
        }

        for (int i = query.Ctes.Count - 1; i >= 0; i--)
        {
            CollectCte(query.Ctes[i]);
        }
    }

    private void CollectCte(BoundCte cte)
    {
        if (cte.Query is BoundQuery inner && !IsInlined(cte))
        {
            CollectUsage(inner, null);
        }
    }

    private void CollectSelect(BoundQuery query, BoundSelect select, Func<int, bool>? needed)
    {
        for (int i = 0; i < select.Targets.Count; i++)
        {
            if (IsNeeded(query, select, needed, i))
            {
                CollectExpression(select.Targets[i].Expression);
            }
        }

        foreach (BoundExpression key in select.GroupBy)
        {
            CollectExpression(key);
        }

        CollectOptional(select.Where);
        CollectOptional(select.Having);
        if (select.From is not null)
        {
            CollectJoins(select.From);
            CollectLeaves(select.From);
        }
    }

    private void CollectJoins(BoundSource source)
    {
        if (source is BoundJoin join)
        {
            CollectOptional(join.Condition);
            CollectJoins(join.Left);
            CollectJoins(join.Right);
        }
    }

    /// <summary>From right to left: a lateral item reads columns of those before it.</summary>
    private void CollectLeaves(BoundSource source)
    {
        switch (source)
        {
            case BoundJoin join:
                CollectLeaves(join.Right);
                CollectLeaves(join.Left);
                break;
            case BoundSubquerySource subquery:
                CollectUsage(subquery.Query, i => IsUsed(subquery.Range, i));
                break;
            case BoundCteSource { Cte: { Query: BoundQuery inner } cte } reference when IsInlined(cte):
                CollectUsage(inner, i => IsUsed(reference.Range, i));
                break;
            case BoundFunctionSource function:
                foreach (BoundExpression argument in function.Arguments)
                {
                    CollectExpression(argument);
                }

                CollectOptional(function.Scalar);
                break;
        }
    }

    /// <summary>Takes an answered condition off the count of one range's columns.</summary>
    private void Uncount(BoundExpression condition, BoundRange range) =>
        ExpressionRewriter.Visit(condition, node =>
        {
            if (node is BoundColumn column && ReferenceEquals(column.Range, range))
            {
                CountColumn(column, -1);
            }

            return true;
        });

    /// <summary>Ordinals of the columns of a range that are read.</summary>
    private List<int> UsedOrdinals(BoundRange range)
    {
        var ordinals = new List<int>();
        if (usage.TryGetValue(range, out int[]? counts))
        {
            for (int i = 0; i < counts.Length; i++)
            {
                if (counts[i] > 0)
                {
                    ordinals.Add(i);
                }
            }
        }

        return ordinals;
    }
}
