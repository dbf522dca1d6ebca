using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

// FROM: tables, views, subqueries, functions, CTEs, joins with merged columns.
public sealed partial class Binder
{
    private BoundSource? BindFrom(IReadOnlyList<TableSource> sources, Scope scope)
    {
        BoundSource? tree = null;
        foreach (TableSource source in sources)
        {
            BoundSource bound = BindSource(source, scope, scope);
            tree = tree is null ? bound : new BoundJoin(JoinKind.Cross, tree, bound, null);
        }

        return tree;
    }

    /// <param name="target">Where the source's names are put.</param>
    /// <param name="visible">What lateral items see.</param>
    private BoundSource BindSource(TableSource source, Scope target, Scope visible)
    {
        Enter(source.Position);
        BoundSource bound = source switch
        {
            NamedSource named => BindNamed(named, target),
            QuerySource query => BindQuerySource(query, target, visible),
            FunctionSource function => BindFunctionSource(function, target, visible),
            JoinSource join => BindJoin(join, target, visible),
            _ => throw Error(SqlStates.FeatureNotSupported, "ROWS FROM is not supported", source.Position),
        };
        Leave();
        return bound;
    }

    private BoundSource BindNamed(NamedSource source, Scope target)
    {
        string name = source.Name.Name;
        if (source.Name.Schema is null && target.FindCte(name) is { } cte)
        {
            cte.References++;
            BoundRange cteRange = MakeRange(source, name, cte.Columns);
            target.Add(cteRange, source.Position);
            return new BoundCteSource(cteRange, cte);
        }

        Relation relation = catalog.GetRelation(source.Name.Schema, name, source.Position);
        Touch(relation, true, false);
        if (relation is ViewDef view)
        {
            return BindView(view, source, target);
        }

        BoundRange range = MakeRange(source, name, RangeColumns(relation));
        target.Add(range, source.Position);
        return relation switch
        {
            TableDef table => new BoundTableSource(range, table) { IndexedBy = FindIndexedBy(table, source.IndexedBy, source.Position) },
            VirtualTableDef virtualTable => new BoundVirtualSource(range, virtualTable),
            SequenceDef sequence => new BoundSequenceSource(range, sequence),
            _ => throw Error(SqlStates.WrongObjectType, $"\"{name}\" cannot be read", source.Position),
        };
    }

    private static TableIndex? FindIndexedBy(TableDef table, string? name, int position) =>
        name is null
            ? null
            : table.Indexes.FirstOrDefault(i => i.Name == name)
                ?? throw Error(SqlStates.UndefinedObject, $"index \"{name}\" of table \"{table.Name}\" does not exist", position);

    private BoundSubquerySource BindView(ViewDef view, NamedSource source, Scope target)
    {
        if (openViews.Contains(view.Name))
        {
            throw Error(SqlStates.InvalidObjectDefinition, $"infinite recursion detected in rules for relation \"{view.Name}\"", source.Position);
        }

        openViews.Add(view.Name);
        BoundQuery query = BindQuery(SqlParser.ParseQuery(view.Text), null, true);
        openViews.RemoveAt(openViews.Count - 1);
        IReadOnlyList<ResultColumn> inner = query.ResultColumns;
        var columns = new RangeColumn[view.Columns.Count];
        for (int i = 0; i < columns.Length; i++)
        {
            if (i >= inner.Count)
            {
                throw Error(SqlStates.InvalidObjectDefinition, $"view \"{view.Name}\" does not fit its tables any more", source.Position);
            }

            columns[i] = new RangeColumn(view.Columns[i].Name, inner[i].Type, inner[i].TypeModifier, false, view.Oid, (short)(i + 1));
        }

        BoundRange range = MakeRange(source, view.Name, columns);
        target.Add(range, source.Position);
        return new BoundSubquerySource(range, query) { View = view };
    }

    /// <summary>A range under the source's alias, with its column aliases.</summary>
    private static BoundRange MakeRange(TableSource source, string name, IReadOnlyList<RangeColumn> columns, Func<int, BoundExpression?>? records = null)
    {
        string alias = source.Alias ?? name;
        if (source.ColumnAliases.Count == 0)
        {
            return new BoundRange(alias, columns) { RecordSource = records };
        }

        int visible = columns.Count(c => !c.IsHidden);
        if (source.ColumnAliases.Count > visible)
        {
            throw Error(
                SqlStates.InvalidColumnReference,
                $"table \"{alias}\" has {visible} columns available but {source.ColumnAliases.Count} columns specified",
                source.ColumnAliases[visible].Position);
        }

        RangeColumn[] renamed = [.. columns];
        int next = 0;
        for (int i = 0; i < renamed.Length && next < source.ColumnAliases.Count; i++)
        {
            if (!renamed[i].IsHidden)
            {
                renamed[i] = renamed[i] with { Name = source.ColumnAliases[next++].Name };
            }
        }

        return new BoundRange(alias, renamed) { RecordSource = records };
    }

    private BoundSubquerySource BindQuerySource(QuerySource source, Scope target, Scope visible)
    {
        BoundQuery query = BindQuery(source.Query, source.IsLateral ? visible : Hidden(visible), true);
        IReadOnlyList<ResultColumn> inner = query.ResultColumns;
        RangeColumn[] columns = inner.Select(c => new RangeColumn(c.Name, c.Type, c.TypeModifier, false, c.TableOid, c.ColumnNumber)).ToArray();
        BoundRange range = MakeRange(source, source.Alias ?? "", columns, i => RecordOf(query, i));
        target.Add(range, source.Position);
        return new BoundSubquerySource(range, query);
    }

    private static BoundExpression? RecordOf(BoundQuery query, int column) =>
        query.Body is BoundSelect select && column < select.Targets.Count ? select.Targets[column].Expression : null;

    /// <summary>The scope as a derived table without LATERAL sees it: enclosing queries and CTEs, but not its neighbours.</summary>
    private static Scope Hidden(Scope scope) => new(scope.Parent) { Ctes = scope.Ctes };

    private BoundFunctionSource BindFunctionSource(FunctionSource source, Scope target, Scope visible)
    {
        if (source.Definitions.Count > 0)
        {
            throw Error(SqlStates.FeatureNotSupported, "column definition lists are not supported", source.Position);
        }

        var frame = new ExpressionFrame(visible, "functions in FROM") { AllowSets = true };
        BoundExpression call = ResolveUnknown(BindExpression(source.Call, frame));
        string name = source.Call is FunctionCallExpr f ? f.Name.Name : NameOf(source.Call);
        var columns = new List<RangeColumn>();
        if (call is BoundSetReturning set)
        {
            // A single column of a function takes the alias of the table, as PostgreSQL has it.
            columns.AddRange(set.Function.Columns.Count == 1
                ? [new RangeColumn(set.Function.Definition.Columns is null ? source.Alias ?? name : set.Function.Columns[0].Name, set.Function.Columns[0].Type)]
                : set.Function.Columns.Select(c => new RangeColumn(c.Name, c.Type)));
        }
        else
        {
            columns.Add(new RangeColumn(source.Alias ?? name, call.Type));
        }

        if (source.WithOrdinality)
        {
            columns.Add(new RangeColumn("ordinality", SqlType.Int8));
        }

        BoundRange range = MakeRange(source, name, columns);
        target.Add(range, source.Position);
        return call is BoundSetReturning rows
            ? new BoundFunctionSource(range) { Function = rows.Function, Arguments = rows.Arguments, WithOrdinality = source.WithOrdinality }
            : new BoundFunctionSource(range) { Scalar = call, WithOrdinality = source.WithOrdinality };
    }

    private BoundJoin BindJoin(JoinSource join, Scope target, Scope visible)
    {
        // The two sides get scopes of their own: ON sees these two only; afterwards their names go to the target.
        var left = new Scope(target.Parent) { Ctes = target.Ctes };
        BoundSource leftSource = BindSource(join.Left, left, Beside(visible, left));
        var right = new Scope(target.Parent) { Ctes = target.Ctes };
        bool hidesLeft = join.Kind is Parsing.JoinKind.Right or Parsing.JoinKind.Full;
        BoundSource rightSource = BindSource(join.Right, right, hidesLeft ? visible : Beside(visible, left, right));
        var both = new Scope(Outer(visible, target)) { Ctes = target.Ctes };
        JoinKind kind = (JoinKind)(int)join.Kind;
        List<Identifier> shared = join.IsNatural ? CommonNames(left, right) : [.. join.Using];
        BoundExpression? condition;
        if (shared.Count > 0)
        {
            condition = MergeColumns(kind, left, right, both, shared, join);
        }
        else
        {
            both.Columns.AddRange(left.Columns);
            both.Columns.AddRange(right.Columns);
            both.Ranges.AddRange(left.Ranges);
            AddRanges(both, right, join.Position);
            condition = join.On is null
                ? null
                : CoerceBool(BindExpression(join.On, new ExpressionFrame(both, "JOIN conditions")), "JOIN/ON", join.On.Position);
        }

        AddRanges(target, both, join.Position);
        target.Columns.AddRange(both.Columns);
        return new BoundJoin(condition is null && kind == JoinKind.Inner ? JoinKind.Cross : kind, leftSource, rightSource, condition);
    }

    /// <summary>What a lateral item inside of a join sees: what the join sees, and the sides to its left.</summary>
    private static Scope Beside(Scope visible, params Scope[] sides)
    {
        var scope = new Scope(visible.Parent) { Ctes = visible.Ctes };
        foreach (Scope side in (Scope[])[visible, .. sides])
        {
            scope.Ranges.AddRange(side.Ranges);
            scope.Columns.AddRange(side.Columns);
        }

        return scope;
    }

    /// <summary>Enclosing scope of an ON condition: what is lateral around the join stays visible, behind the two sides.</summary>
    private static Scope? Outer(Scope visible, Scope target) => ReferenceEquals(visible, target) ? target.Parent : visible;

    private static void AddRanges(Scope target, Scope from, int position)
    {
        foreach (BoundRange range in from.Ranges)
        {
            if (range.Alias.Length > 0 && target.FindRange(range.Alias) is not null)
            {
                throw Error(SqlStates.DuplicateAlias, $"table name \"{range.Alias}\" specified more than once", position);
            }

            target.Ranges.Add(range);
        }
    }

    private static List<Identifier> CommonNames(Scope left, Scope right) =>
        left.Columns.Where(l => !l.IsHidden && right.Columns.Any(r => r.Name == l.Name && !r.IsHidden)).Select(l => new Identifier(l.Name, 0)).ToList();

    private BoundExpression MergeColumns(JoinKind kind, Scope left, Scope right, Scope both, List<Identifier> shared, JoinSource join)
    {
        var conditions = new List<BoundExpression>();
        foreach (Identifier name in shared)
        {
            ScopeColumn l = Using(left, name, "left"), r = Using(right, name, "right");
            conditions.Add(MakeOperator("=", l.Value, r.Value, name.Position));
            SqlType type = CommonType([l.Value, r.Value], "JOIN/USING", name.Position);
            BoundExpression leftValue = CoerceTo(l.Value, type, -1, CastContext.Implicit, name.Position);
            BoundExpression rightValue = CoerceTo(r.Value, type, -1, CastContext.Implicit, name.Position);
            both.Columns.Add(kind switch
            {
                JoinKind.Right => new ScopeColumn(name.Name, rightValue, false, r.Origin),
                JoinKind.Full => new ScopeColumn(name.Name, new BoundCoalesce([leftValue, rightValue], type), false, new RangeColumn(name.Name, type)),
                _ => new ScopeColumn(name.Name, leftValue, false, l.Origin),
            });
        }

        both.Columns.AddRange(left.Columns.Where(c => shared.TrueForAll(s => s.Name != c.Name)));
        both.Columns.AddRange(right.Columns.Where(c => shared.TrueForAll(s => s.Name != c.Name)));
        both.Ranges.AddRange(left.Ranges);
        AddRanges(both, right, join.Position);
        return conditions.Count == 1 ? conditions[0] : new BoundAnd(conditions);
    }

    private static ScopeColumn Using(Scope scope, Identifier name, string side) =>
        scope.FindColumn(name.Name, name.Position)
        ?? throw Error(SqlStates.UndefinedColumn, $"column \"{name.Name}\" specified in USING clause does not exist in {side} table", name.Position);
}
