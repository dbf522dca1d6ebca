namespace Picodata.Sql;

/// <summary>Visits all expressions of a query, those of nested queries included.</summary>
public static class QueryWalker
{
    /// <summary>Calls <paramref name="visit"/> for every expression node of the query at any depth.</summary>
    public static void Visit(BoundQuery query, Action<BoundExpression> visit)
    {
        foreach (BoundCte cte in query.Ctes)
        {
            if (cte.Query is BoundQuery inner)
            {
                Visit(inner, visit);
            }
        }

        VisitBody(query.Body, visit);
        VisitOptional(query.Limit, visit);
        VisitOptional(query.Offset, visit);
    }

    private static void VisitBody(BoundBody body, Action<BoundExpression> visit)
    {
        switch (body)
        {
            case BoundSelect select:
                VisitSelect(select, visit);
                break;
            case BoundValues values:
                foreach (IReadOnlyList<BoundExpression> row in values.Rows)
                {
                    VisitAll(row, visit);
                }

                break;
            case BoundSetOperation operation:
                Visit(operation.Left, visit);
                Visit(operation.Right, visit);
                break;
        }
    }

    private static void VisitSelect(BoundSelect select, Action<BoundExpression> visit)
    {
        if (select.From is not null)
        {
            VisitSource(select.From, visit);
        }

        VisitOptional(select.Where, visit);
        VisitAll(select.GroupBy, visit);
        VisitOptional(select.Having, visit);
        foreach (BoundTarget target in select.Targets)
        {
            VisitExpression(target.Expression, visit);
        }
    }

    /// <summary>Calls <paramref name="visit"/> for every expression node of a FROM tree.</summary>
    public static void VisitSource(BoundSource source, Action<BoundExpression> visit)
    {
        switch (source)
        {
            case BoundJoin join:
                VisitSource(join.Left, visit);
                VisitSource(join.Right, visit);
                VisitOptional(join.Condition, visit);
                break;
            case BoundSubquerySource subquery:
                Visit(subquery.Query, visit);
                break;
            case BoundFunctionSource function:
                VisitAll(function.Arguments, visit);
                VisitOptional(function.Scalar, visit);
                break;
        }
    }

    private static void VisitAll(IReadOnlyList<BoundExpression> expressions, Action<BoundExpression> visit)
    {
        foreach (BoundExpression expression in expressions)
        {
            VisitExpression(expression, visit);
        }
    }

    private static void VisitOptional(BoundExpression? expression, Action<BoundExpression> visit)
    {
        if (expression is not null)
        {
            VisitExpression(expression, visit);
        }
    }

    /// <summary>Calls <paramref name="visit"/> for every node of an expression and of the queries inside of it.</summary>
    public static void VisitExpression(BoundExpression expression, Action<BoundExpression> visit) =>
        ExpressionRewriter.Visit(expression, node =>
        {
            visit(node);
            if (node is BoundSubquery subquery)
            {
                Visit(subquery.Query, visit);
            }

            return true;
        });
}
