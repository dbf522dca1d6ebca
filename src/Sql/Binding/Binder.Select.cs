using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

// One SELECT with the ORDER BY, LIMIT and locks around it.
public sealed partial class Binder
{
    private BoundQuery BindSelect(SelectBody body, Query syntax, Scope parent, bool resolveUnknown, IReadOnlyList<BoundCte> ctes)
    {
        var scope = new Scope(parent);
        BoundSource? from = BindFrom(body.From, scope);
        BoundExpression? where = body.Where is null
            ? null
            : CoerceBool(BindExpression(body.Where, new ExpressionFrame(scope, "WHERE")), "WHERE", body.Where.Position);
        var frame = new ExpressionFrame(scope, "SELECT") { AllowAggregates = true, AllowWindows = true, AllowSets = true, Windows = Windows(body) };
        List<BoundTarget> targets = BindTargets(body.Items, frame, resolveUnknown);
        int visible = targets.Count;
        var grouping = new Grouping();
        BindGroupBy(body.GroupBy, scope, body.Items, targets, grouping);
        BoundExpression? having = BindHaving(body, scope, frame);
        List<int> distinctOn = body.DistinctOn.Select(e => FindTarget(e, targets, visible, frame, "DISTINCT ON")).ToList();
        List<BoundTargetSort> order = BindOrderBy(syntax.OrderBy, targets, visible, frame);
        CheckDistinct(body, targets, visible, distinctOn, order);
        bool isGrouped = frame.HasAggregates || body.GroupBy.Count > 0 || having is not null;
        if (isGrouped)
        {
            CheckGrouping(from, targets, having, grouping);
        }

        var select = new BoundSelect
        {
            Targets = targets,
            From = from,
            Where = where,
            GroupBy = grouping.Keys,
            GroupingSets = grouping.Sets,
            IsGrouped = isGrouped,
            Having = having,
            IsDistinct = body.IsDistinct && distinctOn.Count == 0,
            DistinctOn = distinctOn,
            HasWindows = frame.HasWindows,
            HasSetReturning = frame.HasSets,
        };
        return new BoundQuery
        {
            Body = select,
            Ctes = ctes,
            OrderBy = order,
            Limit = BindLimit(syntax.Limit, scope, "LIMIT"),
            Offset = BindLimit(syntax.Offset, scope, "OFFSET"),
            WithTies = syntax.WithTies,
            LockedTables = BindLocks(syntax.Locking, from, isGrouped || body.IsDistinct),
            LockWait = syntax.Locking.Count == 0 ? RowLockWait.Wait : (RowLockWait)(int)syntax.Locking.Max(l => l.Wait),
        };
    }

    private static Dictionary<string, WindowSpec>? Windows(SelectBody body)
    {
        if (body.Windows.Count == 0)
        {
            return null;
        }

        var windows = new Dictionary<string, WindowSpec>(StringComparer.Ordinal);
        foreach (NamedWindow window in body.Windows)
        {
            if (!windows.TryAdd(window.Name, window.Spec))
            {
                throw Error(SqlStates.WindowingError, $"window \"{window.Name}\" is already defined", window.Position);
            }
        }

        return windows;
    }

    private BoundExpression? BindHaving(SelectBody body, Scope scope, ExpressionFrame frame)
    {
        if (body.Having is null)
        {
            return null;
        }

        var inner = new ExpressionFrame(scope, "HAVING") { AllowAggregates = true };
        BoundExpression having = CoerceBool(BindExpression(body.Having, inner), "HAVING", body.Having.Position);
        frame.HasAggregates |= inner.HasAggregates;
        return having;
    }

    private List<BoundTarget> BindTargets(IReadOnlyList<SelectItem> items, ExpressionFrame frame, bool resolveUnknown)
    {
        var targets = new List<BoundTarget>(items.Count);
        foreach (SelectItem item in items)
        {
            switch (item.Expr)
            {
                case StarExpr star:
                    ExpandStar(star, frame.Scope, targets);
                    break;
                case FieldStarExpr fields:
                    ExpandFields(fields, frame, targets);
                    break;
                default:
                    BoundExpression e = BindExpression(item.Expr, frame);
                    targets.Add(MakeTarget(resolveUnknown ? ResolveUnknown(e) : e, item.Alias ?? NameOf(item.Expr)));
                    break;
            }
        }

        return targets;
    }

    private static BoundTarget MakeTarget(BoundExpression e, string name)
    {
        if (e is BoundColumn column)
        {
            RangeColumn origin = column.Range.Columns[column.Column];
            return new BoundTarget(e, new ResultColumn(name, e.Type, origin.TypeModifier, origin.TableOid, origin.ColumnNumber));
        }

        return new BoundTarget(e, new ResultColumn(name, e.Type, e is BoundCast { TypeModifier: >= 0 } cast ? cast.TypeModifier : -1));
    }

    private static void ExpandStar(StarExpr star, Scope scope, List<BoundTarget> targets)
    {
        if (star.Qualifier.Count == 0)
        {
            if (scope.Ranges.Count == 0)
            {
                throw Error(SqlStates.SyntaxError, "SELECT * with no tables specified is not valid", star.Position);
            }

            foreach (ScopeColumn column in scope.Columns)
            {
                if (!column.IsHidden)
                {
                    RangeColumn origin = column.Origin;
                    targets.Add(new BoundTarget(
                        Positioned(column.Value, star.Position),
                        new ResultColumn(column.Name, column.Value.Type, origin.TypeModifier, origin.TableOid, origin.ColumnNumber)));
                }
            }

            return;
        }

        string alias = star.Qualifier[^1];
        BoundRange range = FindRange(scope, alias) ?? throw Error(SqlStates.UndefinedTable, $"missing FROM-clause entry for table \"{alias}\"", star.Position);
        for (int i = 0; i < range.Columns.Count; i++)
        {
            if (!range.Columns[i].IsHidden)
            {
                targets.Add(MakeTarget(new BoundColumn(range, i, range.Columns[i].Type) { Position = star.Position }, range.Columns[i].Name));
            }
        }
    }

    private void ExpandFields(FieldStarExpr star, ExpressionFrame frame, List<BoundTarget> targets)
    {
        BoundExpression record = BindExpression(star.Operand, frame);
        IReadOnlyList<(string Name, SqlType Type)> fields = FieldsOf(record)
            ?? throw Error(SqlStates.WrongObjectType, "type of the expression before .* is not composite", star.Position);
        for (int i = 0; i < fields.Count; i++)
        {
            BoundExpression field = record is BoundRow row ? row.Fields[i] : new BoundField(record, i, fields[i].Type);
            targets.Add(MakeTarget(field, fields[i].Name));
        }
    }

    /// <summary>The name that PostgreSQL gives to a column without an alias.</summary>
    private static string NameOf(Expr e) => Named(e) ?? "?column?";

    private static string? Named(Expr e) => e switch
    {
        ColumnExpr column => column.Parts[^1],
        FunctionCallExpr call => call.Name.Name,
        CastExpr cast => OwnName(cast.Operand) ?? TypeNames.Resolve(cast.Type).Type.Name.TrimStart('_'),
        CaseExpr choice => OwnName(choice.Else) ?? "case",
        ExistsExpr => "exists",
        ArrayExpr or ArrayQueryExpr => "array",
        RowExpr => "row",
        FieldExpr field => field.Name,
        SubscriptExpr subscript => Named(subscript.Operand),
        CollateExpr collate => Named(collate.Operand),
        SubqueryExpr { Query.Body: SelectBody { Items: [var item, ..] } } => item.Alias ?? Named(item.Expr),
        LiteralExpr literal when literal.Type == SqlType.Bool => "bool",
        _ => null,
    };

    /// <summary>The name that an expression hands on through casts and ELSE: that of a column or a function, not of a type.</summary>
    private static string? OwnName(Expr? e) => e switch
    {
        null or LiteralExpr => null,
        CastExpr cast => OwnName(cast.Operand),
        CaseExpr choice => OwnName(choice.Else),
        _ => Named(e),
    };

    private List<BoundTargetSort> BindOrderBy(IReadOnlyList<OrderItem> items, List<BoundTarget> targets, int visible, ExpressionFrame frame)
    {
        var order = new List<BoundTargetSort>(items.Count);
        foreach (OrderItem item in items)
        {
            int target = FindTarget(item.Expr, targets, visible, frame, "ORDER BY");
            RequireOrdered(targets[target].Expression.Type, item.Expr.Position);
            bool descending = IsDescending(item);
            if (!order.Exists(o => o.Target == target))
            {
                order.Add(new BoundTargetSort(target, descending, NullsFirst(item, descending)));
            }
        }

        return order;
    }

    /// <summary>The target that a key names by ordinal, alias or expression; a new hidden one when there is none.</summary>
    private int FindTarget(Expr key, List<BoundTarget> targets, int visible, ExpressionFrame frame, string clause)
    {
        if (key is LiteralExpr { Value.Kind: DatumKind.Int } literal)
        {
            return Ordinal(literal, visible, clause);
        }

        if (key is LiteralExpr other && other.Type != SqlType.Unknown)
        {
            throw Error(SqlStates.SyntaxError, $"non-integer constant in {clause}", key.Position);
        }

        if (key is ColumnExpr { Parts: [var name] } && FindAlias(name, targets, visible, key.Position, clause) is { } place)
        {
            return place;
        }

        BoundExpression e = ResolveUnknown(BindExpression(key, frame));
        for (int i = 0; i < targets.Count; i++)
        {
            if (targets[i].Expression.Equals(e))
            {
                return i;
            }
        }

        targets.Add(new BoundTarget(e, new ResultColumn("?column?", e.Type), true));
        return targets.Count - 1;
    }

    private static int Ordinal(LiteralExpr literal, int visible, string clause)
    {
        long place = literal.Value.AsInt;
        return place >= 1 && place <= visible
            ? (int)place - 1
            : throw Error(SqlStates.InvalidColumnReference, $"{clause} position {place} is not in select list", literal.Position);
    }

    private static int? FindAlias(string name, List<BoundTarget> targets, int visible, int position, string clause)
    {
        int? found = null;
        for (int i = 0; i < visible; i++)
        {
            if (targets[i].Column.Name != name)
            {
                continue;
            }

            if (found is { } first && !targets[first].Expression.Equals(targets[i].Expression))
            {
                throw Error(SqlStates.AmbiguousColumn, $"{clause} \"{name}\" is ambiguous", position);
            }

            found ??= i;
        }

        return found;
    }

    private static void CheckDistinct(SelectBody body, List<BoundTarget> targets, int visible, List<int> distinctOn, List<BoundTargetSort> order)
    {
        if (!body.IsDistinct)
        {
            return;
        }

        if (distinctOn.Count > 0)
        {
            for (int i = 0; i < Math.Min(order.Count, distinctOn.Count); i++)
            {
                if (!distinctOn.Contains(order[i].Target))
                {
                    throw Error(SqlStates.InvalidColumnReference, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions", body.DistinctOn[0].Position);
                }
            }

            return;
        }

        if (targets.Count > visible)
        {
            throw Error(SqlStates.InvalidColumnReference, "for SELECT DISTINCT, ORDER BY expressions must appear in select list", body.Position);
        }

        foreach (BoundTarget target in targets)
        {
            RequireOrdered(target.Expression.Type == SqlType.Unknown ? SqlType.Text : target.Expression.Type, body.Position, "equality");
        }
    }

    private static IReadOnlyList<BoundTableSource> BindLocks(IReadOnlyList<LockingClause> clauses, BoundSource? from, bool isGrouped)
    {
        if (clauses.Count == 0)
        {
            return [];
        }

        if (isGrouped)
        {
            throw Error(SqlStates.FeatureNotSupported, "FOR UPDATE is not allowed with DISTINCT, GROUP BY or aggregate functions", clauses[0].Position);
        }

        var tables = new List<BoundTableSource>();
        CollectTables(from, tables);
        var locked = new List<BoundTableSource>();
        foreach (LockingClause clause in clauses)
        {
            foreach (Identifier name in clause.Tables)
            {
                BoundTableSource? table = tables.Find(t => t.Range.Alias == name.Name);
                locked.Add(table ?? throw Error(SqlStates.UndefinedTable, $"relation \"{name}\" in FOR UPDATE clause not found in FROM clause", name.Position));
            }

            if (clause.Tables.Count == 0)
            {
                locked.AddRange(tables);
            }
        }

        return locked.Distinct().ToArray();
    }

    private static void CollectTables(BoundSource? source, List<BoundTableSource> tables)
    {
        if (source is BoundTableSource table)
        {
            tables.Add(table);
        }
        else if (source is BoundJoin join)
        {
            CollectTables(join.Left, tables);
            CollectTables(join.Right, tables);
        }
    }
}
