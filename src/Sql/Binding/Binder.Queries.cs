using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

// Queries around their SELECTs: WITH, set operations, VALUES, LIMIT.
public sealed partial class Binder
{
    /// <param name="resolveUnknown">False where the caller gives untyped output columns their type (set operations, INSERT).</param>
    private BoundQuery BindQuery(Query syntax, Scope? parent, bool resolveUnknown)
    {
        Enter(syntax.Position);
        var scope = new Scope(parent);
        IReadOnlyList<BoundCte> ctes = syntax.With is null ? [] : BindWith(syntax.With, scope);
        BoundQuery query = syntax.Body is SelectBody select
            ? BindSelect(select, syntax, scope, resolveUnknown, ctes)
            : BindOrdered(syntax, scope, resolveUnknown, ctes);
        Leave();
        return query;
    }

    /// <summary>VALUES, set operations and bracketed queries: ORDER BY sees output columns only.</summary>
    private BoundQuery BindOrdered(Query syntax, Scope scope, bool resolveUnknown, IReadOnlyList<BoundCte> ctes)
    {
        bool isBare = syntax.OrderBy.Count == 0 && syntax.Limit is null && syntax.Offset is null && ctes.Count == 0 && syntax.Locking.Count == 0;
        if (syntax.Body is NestedBody nested && isBare)
        {
            return BindQuery(nested.Query, scope, resolveUnknown);
        }

        BoundBody body = syntax.Body is NestedBody inner ? Wrap(BindQuery(inner.Query, scope, resolveUnknown)) : BindBody(syntax.Body, scope, resolveUnknown);
        if (syntax.OrderBy.Count > 0 && body is BoundValues)
        {
            body = Wrap(new BoundQuery { Body = body });
        }

        var order = new List<BoundTargetSort>();
        foreach (OrderItem item in syntax.OrderBy)
        {
            int target = FindOutput(body, item.Expr);
            bool descending = IsDescending(item);
            RequireOrdered(body.Targets[target].Column.Type, item.Expr.Position);
            order.Add(new BoundTargetSort(target, descending, NullsFirst(item, descending)));
        }

        return new BoundQuery
        {
            Body = body,
            Ctes = ctes,
            OrderBy = order,
            Limit = BindLimit(syntax.Limit, scope, "LIMIT"),
            Offset = BindLimit(syntax.Offset, scope, "OFFSET"),
            WithTies = syntax.WithTies,
        };
    }

    private static int FindOutput(BoundBody body, Expr key)
    {
        if (key is LiteralExpr { Value.Kind: DatumKind.Int } literal)
        {
            long place = literal.Value.AsInt;
            return place >= 1 && place <= body.Targets.Count
                ? (int)place - 1
                : throw Error(SqlStates.InvalidColumnReference, $"ORDER BY position {place} is not in select list", key.Position);
        }

        if (key is ColumnExpr { Parts: [var name] })
        {
            for (int i = 0; i < body.Targets.Count; i++)
            {
                if (body.Targets[i].Column.Name == name)
                {
                    return i;
                }
            }

            throw Error(SqlStates.UndefinedColumn, $"column \"{name}\" does not exist", key.Position);
        }

        throw Error(
            SqlStates.FeatureNotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause", key.Position,
            "Add the expression/function to every SELECT, or move the UNION into a FROM clause.");
    }

    /// <summary>SELECT * FROM (query).</summary>
    private static BoundSelect Wrap(BoundQuery query)
    {
        IReadOnlyList<ResultColumn> inner = query.ResultColumns;
        var range = new BoundRange("", inner.Select(c => new RangeColumn(c.Name, c.Type, c.TypeModifier, false, c.TableOid, c.ColumnNumber)).ToArray());
        return new BoundSelect
        {
            From = new BoundSubquerySource(range, query),
            Targets = inner.Select((c, i) => new BoundTarget(new BoundColumn(range, i, c.Type), c)).ToArray(),
        };
    }

    private BoundBody BindBody(QueryBody body, Scope scope, bool resolveUnknown) => body switch
    {
        ValuesBody values => BindValues(values, scope, resolveUnknown),
        Parsing.SetBody set => BindSetOperation(set, scope),
        _ => throw Error(SqlStates.SyntaxError, "unexpected query", body.Position),
    };

    private BoundQuery BindOperand(QueryBody body, Scope scope) => body switch
    {
        SelectBody select => BindSelect(select, new Query(null, body, [], null, null, []), scope, false, []),
        NestedBody nested => BindQuery(nested.Query, scope, false),
        _ => new BoundQuery { Body = BindBody(body, scope, false) },
    };

    private BoundValues BindValues(ValuesBody body, Scope scope, bool resolveUnknown)
    {
        int width = body.Rows[0].Count;
        var frame = new ExpressionFrame(scope, "VALUES");
        var rows = new BoundExpression[body.Rows.Count][];
        for (int r = 0; r < rows.Length; r++)
        {
            if (body.Rows[r].Count != width)
            {
                throw Error(SqlStates.SyntaxError, "VALUES lists must all be the same length", body.Rows[r].Count > 0 ? body.Rows[r][0].Position : body.Position);
            }

            rows[r] = body.Rows[r].Select(e => BindExpression(e, frame)).ToArray();
        }

        var targets = new BoundTarget[width];
        for (int c = 0; c < width; c++)
        {
            BoundExpression[] column = rows.Select(r => r[c]).ToArray();
            SqlType type = !resolveUnknown && column.All(e => e.Type == SqlType.Unknown) ? SqlType.Unknown : CommonType(column, "VALUES", body.Position);
            for (int r = 0; r < rows.Length && type != SqlType.Unknown; r++)
            {
                rows[r][c] = CoerceTo(rows[r][c], type, -1, CastContext.Implicit, body.Rows[r][c].Position);
            }

            targets[c] = new BoundTarget(rows[0][c], new ResultColumn($"column{c + 1}", type));
        }

        return new BoundValues { Rows = rows, Targets = targets };
    }

    private BoundSetOperation BindSetOperation(Parsing.SetBody body, Scope scope)
    {
        Enter(body.Position);
        BoundQuery left = BindOperand(body.Left, scope), right = BindOperand(body.Right, scope);
        Leave();
        return MakeSetOperation(body, left, right);
    }

    private BoundSetOperation MakeSetOperation(Parsing.SetBody body, BoundQuery left, BoundQuery right)
    {
        string name = body.Operator.ToString().ToUpperInvariant();
        IReadOnlyList<ResultColumn> l = left.ResultColumns, r = right.ResultColumns;
        if (l.Count != r.Count)
        {
            throw Error(SqlStates.SyntaxError, $"each {name} query must have the same number of columns", body.Right.Position);
        }

        var types = new SqlType[l.Count];
        var targets = new BoundTarget[types.Length];
        for (int i = 0; i < types.Length; i++)
        {
            types[i] = l[i].Type == r[i].Type && l[i].Type != SqlType.Unknown ? l[i].Type : CommonOfTypes(l[i].Type, r[i].Type, name, body.Right.Position);
            if (!body.IsAll)
            {
                RequireOrdered(types[i], body.Right.Position, "equality");
            }

            int modifier = l[i].TypeModifier == r[i].TypeModifier ? l[i].TypeModifier : -1;
            targets[i] = new BoundTarget(BoundConstant.NullOf(types[i]), new ResultColumn(l[i].Name, types[i], modifier));
        }

        return new BoundSetOperation
        {
            Operator = (SetOperator)(int)body.Operator,
            IsAll = body.IsAll,
            Left = CoerceOutputs(left, types, body.Left.Position),
            Right = CoerceOutputs(right, types, body.Right.Position),
            Targets = targets,
        };
    }

    private static SqlType CommonOfTypes(SqlType left, SqlType right, string construct, int position) =>
        AtPosition(() => CastTable.CommonType([left, right], construct), position);

    /// <summary>Casts a query's output columns; untyped literals among them get the type directly.</summary>
    private BoundQuery CoerceOutputs(BoundQuery query, IReadOnlyList<SqlType> types, int position, CastContext how = CastContext.Implicit)
    {
        IReadOnlyList<ResultColumn> columns = query.ResultColumns;
        bool same = true;
        for (int i = 0; i < types.Count; i++)
        {
            same &= columns[i].Type == types[i];
        }

        if (same)
        {
            return query;
        }

        switch (query.Body)
        {
            case BoundSelect { IsDistinct: false, DistinctOn.Count: 0 } select:
                return WithBody(query, WithTargets(select, [.. select.Targets.Select((t, i) => i < types.Count && !t.IsHidden ? Coerced(t, types[i], position, how) : t)]));
            case BoundSelect { IsDistinct: true } distinct when columns.Any(c => c.Type == SqlType.Unknown):
                return WithBody(query, WithTargets(distinct, [.. distinct.Targets.Select((t, i) => i < types.Count && !t.IsHidden ? Coerced(t, types[i], position, how) : t)]));
            case BoundValues values:
                return WithBody(query, new BoundValues
                {
                    Rows = values.Rows.Select(row => (IReadOnlyList<BoundExpression>)row.Select((e, i) => CoerceTo(e, types[i], -1, how, position)).ToArray()).ToArray(),
                    Targets = values.Targets.Select((t, i) => t with { Column = t.Column with { Type = types[i] } }).ToArray(),
                });
            default:
                BoundSelect wrapped = Wrap(query);
                return new BoundQuery { Body = WithTargets(wrapped, [.. wrapped.Targets.Select((t, i) => Coerced(t, types[i], position, how))]) };
        }
    }

    private BoundTarget Coerced(BoundTarget target, SqlType type, int position, CastContext how) =>
        target.Expression.Type == type
            ? target
            : new BoundTarget(CoerceTo(target.Expression, type, -1, how, position), new ResultColumn(target.Column.Name, type), target.IsHidden);

    private static BoundQuery WithBody(BoundQuery query, BoundBody body) => new()
    {
        Body = body,
        Ctes = query.Ctes,
        OrderBy = query.OrderBy,
        Limit = query.Limit,
        Offset = query.Offset,
        WithTies = query.WithTies,
        LockedTables = query.LockedTables,
        LockWait = query.LockWait,
    };

    private static BoundSelect WithTargets(BoundSelect select, IReadOnlyList<BoundTarget> targets) => new()
    {
        Targets = targets,
        From = select.From,
        Where = select.Where,
        GroupBy = select.GroupBy,
        GroupingSets = select.GroupingSets,
        IsGrouped = select.IsGrouped,
        Having = select.Having,
        IsDistinct = select.IsDistinct,
        DistinctOn = select.DistinctOn,
        HasWindows = select.HasWindows,
        HasSetReturning = select.HasSetReturning,
    };

    private BoundExpression? BindLimit(Expr? e, Scope scope, string word)
    {
        if (e is null)
        {
            return null;
        }

        BoundExpression bound = BindExpression(e, new ExpressionFrame(scope, word));
        if (ExpressionRewriter.Any(bound, n => n is BoundColumn column && scope.Ranges.Contains(column.Range)))
        {
            throw Error(SqlStates.InvalidColumnReference, $"argument of {word} must not contain variables", e.Position);
        }

        return CoerceTo(bound, SqlType.Int8, -1, CastContext.Assignment, e.Position);
    }

    private List<BoundCte> BindWith(WithClause with, Scope scope)
    {
        scope.Ctes = new Dictionary<string, BoundCte>(StringComparer.Ordinal);
        var list = new List<BoundCte>();
        foreach (CommonTable table in with.Tables)
        {
            if (scope.Ctes.ContainsKey(table.Name))
            {
                throw Error(SqlStates.DuplicateAlias, $"WITH query name \"{table.Name}\" specified more than once", table.Position);
            }

            BoundCte cte = with.IsRecursive && table.Statement is QueryStatement { Query: { With: null, Body: Parsing.SetBody { Operator: Parsing.SetOperator.Union } } } recursive
                ? BindRecursive(table, recursive.Query, scope)
                : BindCte(table, scope);
            scope.Ctes[table.Name] = cte;
            list.Add(cte);
        }

        return list;
    }

    private BoundCte BindCte(CommonTable table, Scope scope)
    {
        BoundStatement statement = BindStatement(table.Statement, scope);
        IReadOnlyList<ResultColumn> columns = statement.ResultColumns ?? [];
        return new BoundCte { Name = table.Name, Columns = CteColumns(table, columns), Query = statement, Materialized = table.IsMaterialized };
    }

    private static RangeColumn[] CteColumns(CommonTable table, IReadOnlyList<ResultColumn> columns)
    {
        if (table.Columns.Count > columns.Count)
        {
            throw Error(
                SqlStates.InvalidColumnReference,
                $"WITH query \"{table.Name}\" has {columns.Count} columns available but {table.Columns.Count} columns specified", table.Position);
        }

        return columns
            .Select((c, i) => new RangeColumn(i < table.Columns.Count ? table.Columns[i].Name : c.Name, c.Type, c.TypeModifier, false, c.TableOid, c.ColumnNumber))
            .ToArray();
    }

    private BoundCte BindRecursive(CommonTable table, Query syntax, Scope scope)
    {
        var set = (Parsing.SetBody)syntax.Body;
        if (syntax.OrderBy.Count > 0 || syntax.Limit is not null)
        {
            throw Error(SqlStates.FeatureNotSupported, "ORDER BY and LIMIT in a recursive query are not implemented", syntax.Position);
        }

        BoundQuery first = BindOperand(set.Left, scope);
        SqlType[] types = first.ResultColumns.Select(c => c.Type == SqlType.Unknown ? SqlType.Text : c.Type).ToArray();
        first = CoerceOutputs(first, types, set.Left.Position);
        var cte = new BoundCte { Name = table.Name, Columns = CteColumns(table, first.ResultColumns), Materialized = true };
        scope.Ctes![table.Name] = cte;
        BoundQuery step = BindOperand(set.Right, scope);
        if (cte.References == 0)
        {
            var plain = new BoundQuery { Body = MakeSetOperation(set, first, step) };
            return new BoundCte { Name = table.Name, Columns = CteColumns(table, plain.ResultColumns), Query = plain, Materialized = table.IsMaterialized };
        }

        IReadOnlyList<ResultColumn> outputs = step.ResultColumns;
        for (int i = 0; i < types.Length && i < outputs.Count; i++)
        {
            if (outputs[i].Type != SqlType.Unknown && outputs[i].Type != types[i] && CastTable.Find(outputs[i].Type, types[i], CastContext.Implicit) is null)
            {
                throw Error(
                    SqlStates.DatatypeMismatch,
                    $"recursive query \"{table.Name}\" column {i + 1} has type {TypeNames.Display(types[i])} in non-recursive term but type {TypeNames.Display(outputs[i].Type)} overall",
                    set.Right.Position, "Cast the output of the non-recursive term to the correct type.");
            }
        }

        cte.IsRecursive = true;
        cte.References = 0;
        cte.Query = new BoundQuery { Body = MakeSetOperation(set, first, step) };
        return cte;
    }
}
