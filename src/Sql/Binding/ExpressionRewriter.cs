namespace Picodata.Sql;

/// <summary>Walks and rebuilds bound expressions. Subqueries' insides are not entered: their owner does that.</summary>
public static class ExpressionRewriter
{
    /// <summary>
    /// Replaces parts of an expression. <paramref name="replace"/> is asked for every node from the root down: what it
    /// returns stands instead of the node and is not entered; null means the node is kept and its operands are looked at.
    /// </summary>
    public static BoundExpression Rewrite(BoundExpression expression, Func<BoundExpression, BoundExpression?> replace) =>
        replace(expression) ?? RewriteOperands(expression, replace);

    private static BoundExpression RewriteOperands(BoundExpression e, Func<BoundExpression, BoundExpression?> f) => e switch
    {
        BoundComparison x => Two(x.Left, x.Right, f, out var l, out var r) ? x with { Left = l, Right = r } : x,
        BoundAnd x => Changed(x.Operands, f, out var list) ? new BoundAnd(list) : x,
        BoundOr x => Changed(x.Operands, f, out var list) ? new BoundOr(list) : x,
        BoundNot x => One(x.Operand, f, out var o) ? new BoundNot(o) : x,
        BoundCall x => Changed(x.Arguments, f, out var list) ? x with { Arguments = list } : x,
        BoundCast x => One(x.Operand, f, out var o) ? x with { Operand = o } : x,
        BoundRelabel x => One(x.Operand, f, out var o) ? x with { Operand = o } : x,
        BoundIsNull x => One(x.Operand, f, out var o) ? x with { Operand = o } : x,
        BoundIsBool x => One(x.Operand, f, out var o) ? x with { Operand = o } : x,
        BoundDistinctFrom x => Two(x.Left, x.Right, f, out var l, out var r) ? x with { Left = l, Right = r } : x,
        BoundCase x => RewriteCase(x, f),
        BoundCoalesce x => Changed(x.Operands, f, out var list) ? x with { Operands = list } : x,
        BoundGreatest x => Changed(x.Operands, f, out var list) ? x with { Operands = list } : x,
        BoundNullIf x => Two(x.Value, x.Condition, f, out var l, out var r) ? new BoundNullIf(l, x.Local, r) : x,
        BoundInList x => RewriteIn(x, f),
        BoundQuantified x => RewriteQuantified(x, f),
        BoundArray x => Changed(x.Elements, f, out var list) ? x with { Elements = list } : x,
        BoundSubscript x => RewriteSubscript(x, f),
        BoundRow x => Changed(x.Fields, f, out var list) ? x with { Fields = list } : x,
        BoundField x => One(x.Record, f, out var o) ? x with { Record = o } : x,
        BoundSubquery x => RewriteSubquery(x, f),
        BoundAggregate x => RewriteAggregate(x, f),
        BoundWindowCall x => RewriteWindow(x, f),
        BoundSetReturning x => Changed(x.Arguments, f, out var list) ? x with { Arguments = list } : x,
        _ => e,
    };

    private static bool One(BoundExpression e, Func<BoundExpression, BoundExpression?> f, out BoundExpression result)
    {
        result = Rewrite(e, f);
        return !ReferenceEquals(result, e);
    }

    private static bool Two(
        BoundExpression a, BoundExpression b, Func<BoundExpression, BoundExpression?> f, out BoundExpression left, out BoundExpression right)
    {
        bool changed = One(a, f, out left);
        return One(b, f, out right) | changed;
    }

    private static bool Changed(IReadOnlyList<BoundExpression> list, Func<BoundExpression, BoundExpression?> f, out IReadOnlyList<BoundExpression> result)
    {
        BoundExpression[]? copy = null;
        for (int i = 0; i < list.Count; i++)
        {
            if (One(list[i], f, out BoundExpression item))
            {
                copy ??= [.. list];
                copy[i] = item;
            }
        }

        result = copy ?? list;
        return copy is not null;
    }

    private static BoundExpression? Optional(BoundExpression? e, Func<BoundExpression, BoundExpression?> f) => e is null ? null : Rewrite(e, f);

    private static BoundCase RewriteCase(BoundCase x, Func<BoundExpression, BoundExpression?> f) => x with
    {
        Operand = Optional(x.Operand, f),
        Whens = x.Whens.Select(w => new BoundWhen(Rewrite(w.Condition, f), Rewrite(w.Result, f))).ToArray(),
        Else = Optional(x.Else, f),
    };

    private static BoundExpression RewriteIn(BoundInList x, Func<BoundExpression, BoundExpression?> f)
    {
        bool changed = One(x.Operand, f, out BoundExpression operand);
        return Changed(x.Items, f, out IReadOnlyList<BoundExpression> items) | changed ? x with { Operand = operand, Items = items } : x;
    }

    private static BoundQuantified RewriteQuantified(BoundQuantified x, Func<BoundExpression, BoundExpression?> f) => x with
    {
        Left = Rewrite(x.Left, f),
        Array = Rewrite(x.Array, f),
        Condition = Rewrite(x.Condition, f),
    };

    private static BoundSubscript RewriteSubscript(BoundSubscript x, Func<BoundExpression, BoundExpression?> f) => x with
    {
        Array = Rewrite(x.Array, f),
        Indexes = x.Indexes.Select(i => new BoundIndex(i.IsSlice, Optional(i.Lower, f), Optional(i.Upper, f))).ToArray(),
    };

    private static BoundExpression RewriteSubquery(BoundSubquery x, Func<BoundExpression, BoundExpression?> f)
    {
        bool changed = Changed(x.Left, f, out IReadOnlyList<BoundExpression> left);
        BoundExpression? condition = x.Condition;
        if (condition is not null)
        {
            changed |= One(condition, f, out condition);
        }

        return changed ? x with { Left = left, Condition = condition } : x;
    }

    private static BoundAggregate RewriteAggregate(BoundAggregate x, Func<BoundExpression, BoundExpression?> f)
    {
        Changed(x.Arguments, f, out IReadOnlyList<BoundExpression> arguments);
        return x with { Arguments = arguments, OrderBy = Keys(x.OrderBy, f), Filter = Optional(x.Filter, f) };
    }

    private static BoundWindowCall RewriteWindow(BoundWindowCall x, Func<BoundExpression, BoundExpression?> f)
    {
        Changed(x.Arguments, f, out IReadOnlyList<BoundExpression> arguments);
        Changed(x.Window.PartitionBy, f, out IReadOnlyList<BoundExpression> partition);
        BoundWindow window = x.Window with
        {
            PartitionBy = partition,
            OrderBy = Keys(x.Window.OrderBy, f),
            Start = x.Window.Start with { Offset = Optional(x.Window.Start.Offset, f) },
            End = x.Window.End with { Offset = Optional(x.Window.End.Offset, f) },
        };
        return x with { Arguments = arguments, Filter = Optional(x.Filter, f), Window = window };
    }

    private static IReadOnlyList<BoundSortKey> Keys(IReadOnlyList<BoundSortKey> keys, Func<BoundExpression, BoundExpression?> f) =>
        keys.Count == 0 ? keys : keys.Select(k => k with { Expression = Rewrite(k.Expression, f) }).ToArray();

    /// <summary>
    /// Calls <paramref name="visit"/> for every node from the root down; false keeps it from entering a node's operands.
    /// </summary>
    public static void Visit(BoundExpression expression, Func<BoundExpression, bool> visit)
    {
        Rewrite(expression, node => visit(node) ? null : node);
    }

    /// <summary>True when some node satisfies the test.</summary>
    public static bool Any(BoundExpression expression, Func<BoundExpression, bool> test)
    {
        bool found = false;
        Visit(expression, node =>
        {
            found = found || test(node);
            return !found;
        });
        return found;
    }
}
