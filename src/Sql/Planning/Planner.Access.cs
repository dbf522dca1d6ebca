using Picodata.Core;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

// How one table is read: by a unique key, by a part of an index, or all of it.
public sealed partial class Planner
{
    private const double RowCost = 1, DescentCost = 3, FilterCost = 0.1;

    /// <summary>What conditions say about one column: values that it must equal, lists, bounds.</summary>
    private readonly record struct ColumnTerm(int Ordinal, ComparisonOperator Operator, BoundExpression Value, IReadOnlyList<BoundExpression>? In, bool IsArray, BoundExpression Source);

    /// <summary>The best access to a table under conditions that read no other unit.</summary>
    private Access ChooseAccess(BoundTableSource table, IReadOnlyList<BoundExpression> conditions, OrderWish? wish)
    {
        List<ColumnTerm> terms = ColumnTerms(table.Range, conditions);
        if (table.IndexedBy is null && wish is null && FindPoint(table.Table, terms) is { } point)
        {
            return point;
        }

        double rows = Math.Max(1, estimateRows(table.Table.SpaceId));
        double passing = conditions.Aggregate(rows, (r, c) => r * Selectivity.Of(c, rows));
        bool isOrderable = wish is not null && IsPrimaryOrder(table, wish, terms, out _);
        var best = new Access
        {
            Scanned = rows,
            Cost = (rows * RowCost) + (rows * FilterCost * conditions.Count) + SortCost(wish, isOrderable, rows, passing),
            IsOrdered = isOrderable && !NeedsReverse(table, wish!, terms),
        };
        foreach (TableIndex index in table.Table.Indexes)
        {
            if (index.IsUsable && (table.IndexedBy is null || table.IndexedBy == index))
            {
                Access candidate = IndexAccess(table, index, terms, conditions, wish, rows, passing);
                if (candidate.Cost < best.Cost || table.IndexedBy == index)
                {
                    best = candidate;
                }
            }
        }

        return best;
    }

    private static double SortCost(OrderWish? wish, bool ordered, double scanned, double passing)
    {
        if (wish is null || ordered)
        {
            return 0;
        }

        double kept = Math.Min(passing, wish.Limit);
        return passing * Math.Log2(Math.Max(2, kept)) * 0.3;
    }

    /// <summary>All rows come in the order of the primary key, ascending as it is defined.</summary>
    private static bool IsPrimaryOrder(BoundTableSource table, OrderWish wish, List<ColumnTerm> terms, out bool reverse)
    {
        reverse = false;
        return table.Table.PrimaryIndex is { IsUsable: true } primary && MatchesOrder(table, primary, 0, wish, terms, out reverse);
    }

    private static bool NeedsReverse(BoundTableSource table, OrderWish wish, List<ColumnTerm> terms) =>
        IsPrimaryOrder(table, wish, terms, out bool reverse) && reverse;

    private static Access? FindPoint(TableDef table, List<ColumnTerm> terms)
    {
        foreach (TableIndex index in table.Indexes)
        {
            if (!index.IsUnique || !index.IsUsable || index.Parts.Count > terms.Count)
            {
                continue;
            }

            var key = new BoundExpression[index.Parts.Count];
            var answered = new BoundExpression[key.Length];
            int found = 0;
            for (; found < key.Length; found++)
            {
                int term = FindEqual(terms, index.Parts[found].Ordinal);
                if (term < 0)
                {
                    break;
                }

                key[found] = terms[term].Value;
                answered[found] = terms[term].Source;
            }

            if (found == key.Length)
            {
                return new Access { Index = index, Range = new IndexRange(key), IsPoint = true, Answered = answered, Scanned = 1, Cost = DescentCost, IsOrdered = true };
            }
        }

        return null;
    }

    private static int FindEqual(List<ColumnTerm> terms, int ordinal)
    {
        for (int i = 0; i < terms.Count; i++)
        {
            if (terms[i].Ordinal == ordinal && terms[i].Operator == ComparisonOperator.Equal && terms[i].In is null && !terms[i].IsArray)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Conditions of the form column op value, where the value is the same for all rows of the scan.</summary>
    private List<ColumnTerm> ColumnTerms(BoundRange range, IReadOnlyList<BoundExpression> conditions)
    {
        var terms = new List<ColumnTerm>(conditions.Count);
        foreach (BoundExpression condition in conditions)
        {
            switch (condition)
            {
                case BoundComparison { Operator: not ComparisonOperator.NotEqual } c:
                    if (OwnColumn(c.Left, range) is { } left && IsFixed(c.Right, range, left))
                    {
                        terms.Add(new ColumnTerm(left.Column, c.Operator, c.Right, null, false, condition));
                    }
                    else if (OwnColumn(c.Right, range) is { } right && IsFixed(c.Left, range, right))
                    {
                        terms.Add(new ColumnTerm(right.Column, Conditions.Flip(c.Operator), c.Left, null, false, condition));
                    }

                    break;
                case BoundInList { Negated: false } list when OwnColumn(list.Operand, range) is { } column && list.Items.All(i => IsFixed(i, range, column)):
                    terms.Add(new ColumnTerm(column.Column, ComparisonOperator.Equal, list.Operand, list.Items, false, condition));
                    break;
                case BoundQuantified { IsAll: false, Comparison: ComparisonOperator.Equal } any
                    when OwnColumn(any.Left, range) is { } column && any.Array.Type.Element!.Kind == column.Type.Kind && IsFixedAnyKind(any.Array, range):
                    terms.Add(new ColumnTerm(column.Column, ComparisonOperator.Equal, any.Array, null, true, condition));
                    break;
                case BoundColumn { Type: var type } flag when type == SqlType.Bool && ReferenceEquals(flag.Range, range):
                    terms.Add(new ColumnTerm(flag.Column, ComparisonOperator.Equal, BoundConstant.True, null, false, condition));
                    break;
            }
        }

        return terms;
    }

    private static BoundColumn? OwnColumn(BoundExpression e, BoundRange range) =>
        Conditions.Bare(e) is BoundColumn column && ReferenceEquals(column.Range, range) ? column : null;

    private static bool IsFixed(BoundExpression value, BoundRange range, BoundColumn column) =>
        value.Type.Kind == column.Type.Kind && IsFixedAnyKind(value, range);

    private static bool IsFixedAnyKind(BoundExpression value, BoundRange range) =>
        value is BoundConstant or BoundParameter
        || (!Conditions.IsVolatile(value) && !Conditions.HasSubquery(value) && !ExpressionRewriter.Any(value, n => n is BoundColumn c && ReferenceEquals(c.Range, range)));

    private Access IndexAccess(
        BoundTableSource table, TableIndex index, List<ColumnTerm> terms, IReadOnlyList<BoundExpression> conditions, OrderWish? wish, double rows, double passing)
    {
        var equal = new List<BoundExpression>();
        var answered = new List<BoundExpression>();
        double scanned = rows;
        int part = 0;
        for (; part < index.Parts.Count; part++)
        {
            int term = FindEqual(terms, index.Parts[part].Ordinal);
            if (term < 0)
            {
                break;
            }

            equal.Add(terms[term].Value);
            answered.Add(terms[term].Source);
            scanned *= part == 0 ? Selectivity.OfIndexEqual(rows) : Selectivity.OfFurtherPart;
        }

        bool isWhole = index.IsUnique && part == index.Parts.Count;
        IndexRange range = part < index.Parts.Count ? NextPart(index.Parts[part], terms, equal, answered, rows, ref scanned) : new IndexRange(equal);
        scanned = isWhole ? 1 : Math.Max(1, scanned);
        bool isMany = range.In is not null || range.InArray is not null;
        bool reverse = false;
        bool ordered = wish is not null && MatchesOrder(table, index, equal.Count, wish, terms, out reverse);

        passing = Math.Min(passing, scanned);
        double read = ordered && wish!.Limit < passing ? Math.Min(scanned, wish.Limit * scanned / Math.Max(1, passing)) : scanned;
        int others = conditions.Count - answered.Count;
        return new Access
        {
            Index = index,
            Range = range,
            IsDescending = ordered && reverse,
            IsPoint = isWhole && !isMany,
            Answered = answered,
            Scanned = scanned,
            IsOrdered = ordered,
            Cost = DescentCost + (read * RowCost * 1.05) + (read * FilterCost * others) + SortCost(wish, ordered, scanned, passing),
        };
    }

    /// <summary>A list or bounds on the first part without an equality.</summary>
    private static IndexRange NextPart(
        IndexPart part, List<ColumnTerm> terms, List<BoundExpression> equal, List<BoundExpression> answered, double rows, ref double scanned)
    {
        foreach (ColumnTerm term in terms)
        {
            if (term.Ordinal == part.Ordinal && (term.In is not null || term.IsArray))
            {
                answered.Add(term.Source);
                scanned *= Math.Min(1, (term.In?.Count ?? 10) * (equal.Count == 0 ? Selectivity.OfIndexEqual(rows) : Selectivity.OfFurtherPart));
                return new IndexRange(equal, term.In, term.IsArray ? term.Value : null);
            }
        }

        ScanBound? lower = null, upper = null;
        foreach (ColumnTerm term in terms)
        {
            if (term.Ordinal != part.Ordinal || term.Operator == ComparisonOperator.Equal)
            {
                continue;
            }

            bool isLower = term.Operator is ComparisonOperator.Greater or ComparisonOperator.GreaterOrEqual;
            bool inclusive = term.Operator is ComparisonOperator.GreaterOrEqual or ComparisonOperator.LessOrEqual;
            if (isLower && lower is null)
            {
                lower = new ScanBound(term.Value, inclusive);
            }
            else if (!isLower && upper is null)
            {
                upper = new ScanBound(term.Value, inclusive);
            }
            else
            {
                continue;
            }

            answered.Add(term.Source);
            scanned *= Selectivity.OfRange;
        }

        return new IndexRange(equal, null, null, lower, upper);
    }

    /// <summary>
    /// True when an index gives the wished order, forwards or in reverse. Parts that an equality fixes may be passed over. In an
    /// index NULL is lowest; a column that is never NULL fits both ways.
    /// </summary>
    private static bool MatchesOrder(BoundTableSource table, TableIndex index, int fixedParts, OrderWish wish, List<ColumnTerm> terms, out bool reverse)
    {
        reverse = false;
        bool isSet = false;
        int part = 0;
        foreach (BoundSortKey key in wish.Keys)
        {
            if (OwnColumn(key.Expression, table.Range) is not { } column)
            {
                return false;
            }

            if (FindEqual(terms, column.Column) >= 0)
            {
                continue;
            }

            while (part < index.Parts.Count && index.Parts[part].Ordinal != column.Column && (part < fixedParts || FindEqual(terms, index.Parts[part].Ordinal) >= 0))
            {
                part++;
            }

            if (part >= index.Parts.Count)
            {
                return isSet && index.IsUnique && index.Parts.All(p => !table.Table.Columns[p.Ordinal].IsNullable);
            }

            if (index.Parts[part].Ordinal != column.Column)
            {
                return false;
            }

            bool isReverse = index.Parts[part].Descending != key.Descending;
            bool nullsFit = !table.Table.Columns[column.Column].IsNullable || key.NullsFirst != key.Descending;
            if (!nullsFit || (isSet && isReverse != reverse))
            {
                return false;
            }

            reverse = isReverse;
            isSet = true;
            part++;
        }

        return true;
    }

    /// <summary>The scan node of a table unit, decoding what is still read.</summary>
    private Built BuildScan(Unit unit, Access access)
    {
        BoundTableSource table = unit.Table!;
        var rest = new List<BoundExpression>(unit.Local.Count);
        foreach (BoundExpression condition in unit.Local)
        {
            if (access.Answered.Contains(condition))
            {
                Uncount(condition, table.Range);
            }
            else
            {
                rest.Add(condition);
            }
        }

        var layout = new Layout();
        List<int> ordinals = UsedOrdinals(table.Range);
        foreach (int ordinal in ordinals)
        {
            layout.Add(new BoundColumn(table.Range, ordinal, table.Range.Columns[ordinal].Type));
        }

        BoundExpression? filter = Conditions.Join(rest) is { } condition2 ? Translate(condition2, layout) : null;
        PlanNode node = ScanNode(table, access, ordinals, filter);
        return new Built(node with { Estimate = new PlanEstimate(unit.Rows, access.Cost) }, layout);
    }

    private PlanNode ScanNode(BoundTableSource table, Access access, List<int> ordinals, BoundExpression? filter)
    {
        var empty = new Layout(0);
        if (access.Index is null)
        {
            return new FullScanNode(table.Table, table.Range.Alias, ordinals, filter);
        }

        BoundExpression[] equal = access.Range.Equal.Select(e => Translate(e, empty)).ToArray();
        if (access.IsPoint)
        {
            return new PointGetNode(table.Table, table.Range.Alias, access.Index, equal, ordinals, filter);
        }

        var range = new IndexRange(
            equal,
            access.Range.In?.Select(e => Translate(e, empty)).ToArray(),
            access.Range.InArray is null ? null : Translate(access.Range.InArray, empty),
            Bound(access.Range.Lower, empty),
            Bound(access.Range.Upper, empty));
        return new IndexScanNode(table.Table, table.Range.Alias, access.Index, range, access.IsDescending, ordinals, filter);
    }

    private ScanBound? Bound(ScanBound? bound, Layout empty) => bound is null ? null : bound with { Value = Translate(bound.Value, empty) };
}
