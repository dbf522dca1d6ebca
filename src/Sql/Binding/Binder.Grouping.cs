using Picodata.Core;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

// GROUP BY: ordinals, aliases, expressions, grouping sets; and the rule that everything else must be aggregated.
public sealed partial class Binder
{
    /// <summary>GROUP BY as it is collected.</summary>
    private sealed class Grouping
    {
        public List<BoundExpression> Keys { get; } = [];

        public List<IReadOnlyList<int>> Sets { get; set; } = [];

        public int Add(BoundExpression key)
        {
            int place = Keys.FindIndex(k => k.Equals(key));
            if (place < 0)
            {
                place = Keys.Count;
                Keys.Add(key);
            }

            return place;
        }
    }

    private void BindGroupBy(IReadOnlyList<Expr> items, Scope scope, IReadOnlyList<SelectItem> select, List<BoundTarget> targets, Grouping grouping)
    {
        if (items.Count == 0)
        {
            return;
        }

        var frame = new ExpressionFrame(scope, "GROUP BY") { AllowSets = true };
        var sets = new List<IReadOnlyList<int>> { Array.Empty<int>() };
        bool hasSets = false;
        foreach (Expr item in items)
        {
            List<IReadOnlyList<int>> parts = BindGroupItem(item, frame, targets, grouping);
            hasSets |= item is GroupingSetExpr;
            sets = [.. from a in sets from b in parts select (IReadOnlyList<int>)[.. a.Union(b)]];
            if (sets.Count > 4096)
            {
                throw Error(SqlStates.StatementTooComplex, "too many grouping sets present (maximum 4096)", item.Position);
            }
        }

        if (hasSets)
        {
            grouping.Sets = sets;
        }
    }

    private List<IReadOnlyList<int>> BindGroupItem(Expr item, ExpressionFrame frame, List<BoundTarget> targets, Grouping grouping)
    {
        switch (item)
        {
            case RowExpr row:
                return [row.Items.Select(i => grouping.Add(BindGroupKey(i, frame, targets))).ToArray()];
            case GroupingSetExpr { Items.Count: 0 }:
                return [Array.Empty<int>()];
            case GroupingSetExpr set:
                List<List<IReadOnlyList<int>>> parts = set.Items.Select(i => BindGroupItem(i, frame, targets, grouping)).ToList();
                return ExpandSet(set, parts);
            default:
                return [new[] { grouping.Add(BindGroupKey(item, frame, targets)) }];
        }
    }

    private static List<IReadOnlyList<int>> ExpandSet(GroupingSetExpr set, List<List<IReadOnlyList<int>>> parts)
    {
        var result = new List<IReadOnlyList<int>>();
        switch (set.Kind.ToLowerInvariant())
        {
            case "rollup":
                for (int n = parts.Count; n >= 0; n--)
                {
                    result.Add(parts.Take(n).SelectMany(p => p[0]).Distinct().ToArray());
                }

                return result;
            case "cube":
                if (parts.Count > 12)
                {
                    throw Error(SqlStates.StatementTooComplex, "CUBE is limited to 12 elements", set.Position);
                }

                for (int mask = (1 << parts.Count) - 1; mask >= 0; mask--)
                {
                    result.Add(parts.Where((_, i) => (mask & (1 << (parts.Count - 1 - i))) != 0).SelectMany(p => p[0]).Distinct().ToArray());
                }

                return result;
            default:
                return parts.SelectMany(p => p).ToList();
        }
    }

    private BoundExpression BindGroupKey(Expr key, ExpressionFrame frame, List<BoundTarget> targets)
    {
        BoundExpression e;
        if (key is LiteralExpr { Value.Kind: DatumKind.Int } literal)
        {
            e = targets[Ordinal(literal, targets.Count, "GROUP BY")].Expression;
        }
        else if (key is ColumnExpr { Parts: [var name] } && frame.Scope.FindColumn(name, key.Position) is null
            && FindAlias(name, targets, targets.Count, key.Position, "GROUP BY") is { } place)
        {
            e = targets[place].Expression;
        }
        else
        {
            e = ResolveUnknown(BindExpression(key, frame));
        }

        if (ExpressionRewriter.Any(e, n => n is BoundAggregate))
        {
            throw Error(SqlStates.GroupingError, "aggregate functions are not allowed in GROUP BY", key.Position);
        }

        if (ExpressionRewriter.Any(e, n => n is BoundWindowCall))
        {
            throw Error(SqlStates.WindowingError, "window functions are not allowed in GROUP BY", key.Position);
        }

        RequireOrdered(e.Type, key.Position, "equality");
        return e;
    }

    /// <summary>
    /// Every column outside of aggregates must be a grouping expression or depend on one: columns of a table whose whole primary key
    /// is grouped by become further keys, which changes no group.
    /// </summary>
    private static void CheckGrouping(BoundSource? from, List<BoundTarget> targets, BoundExpression? having, Grouping grouping)
    {
        var leaves = new List<BoundLeaf>();
        CollectLeaves(from, leaves);
        foreach (BoundTarget target in targets)
        {
            CheckGrouped(target.Expression, leaves, grouping);
        }

        if (having is not null)
        {
            CheckGrouped(having, leaves, grouping);
        }
    }

    private static void CollectLeaves(BoundSource? source, List<BoundLeaf> leaves)
    {
        if (source is BoundLeaf leaf)
        {
            leaves.Add(leaf);
        }
        else if (source is BoundJoin join)
        {
            CollectLeaves(join.Left, leaves);
            CollectLeaves(join.Right, leaves);
        }
    }

    private static void CheckGrouped(BoundExpression e, List<BoundLeaf> leaves, Grouping grouping) =>
        ExpressionRewriter.Visit(e, node =>
        {
            if (node is BoundAggregate || grouping.Keys.Contains(node))
            {
                return false;
            }

            if (node is BoundColumn column)
            {
                CheckColumn(column, leaves, grouping, "column \"{0}\" must appear in the GROUP BY clause or be used in an aggregate function");
            }
            else if (node is BoundSubquery subquery)
            {
                QueryWalker.Visit(subquery.Query, inner =>
                {
                    if (inner is BoundColumn outer && !grouping.Keys.Contains(outer))
                    {
                        CheckColumn(outer, leaves, grouping, "subquery uses ungrouped column \"{0}\" from outer query");
                    }
                });
            }

            return true;
        });

    private static void CheckColumn(BoundColumn column, List<BoundLeaf> leaves, Grouping grouping, string message)
    {
        BoundLeaf? leaf = leaves.Find(l => ReferenceEquals(l.Range, column.Range));
        if (leaf is null)
        {
            return;
        }

        if (grouping.Sets.Count == 0 && leaf is BoundTableSource { Table.PrimaryIndex: { } primary }
            && primary.Parts.All(p => grouping.Keys.Exists(k => k is BoundColumn key && ReferenceEquals(key.Range, column.Range) && key.Column == p.Ordinal)))
        {
            grouping.Keys.Add(column);
            return;
        }

        string name = column.Range.Alias.Length == 0 ? column.Name : $"{column.Range.Alias}.{column.Name}";
        throw Error(SqlStates.GroupingError, string.Format(System.Globalization.CultureInfo.InvariantCulture, message, name), column.Position);
    }
}
