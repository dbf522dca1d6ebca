using Picodata.Core;

namespace Picodata.Sql;

/// <summary>
/// The BUCKETS facet: which buckets a statement may touch. <c>any</c> when no sharded table is in it. With one instance every bucket is
/// here, so a fixed distribution key is shown as an upper bound, not worked out to a number.
/// </summary>
internal static class BucketText
{
    public static string Of(BoundStatement statement, int bucketCount)
    {
        List<TableDef> sharded = statement.Accesses.Select(a => a.Relation).OfType<TableDef>()
            .Where(t => t.Distribution.Kind == DistributionKind.ShardedByColumns).Distinct().ToList();
        if (sharded.Count == 0)
        {
            return "buckets = any";
        }

        var conditions = new List<BoundExpression>();
        Conditions.Split(WhereOf(statement), conditions);
        bool isFiltered = sharded.Count == 1 && sharded[0].Distribution.Columns.Count > 0
            && sharded[0].Distribution.Columns.All(ordinal => conditions.Exists(c => Fixes(c, sharded[0], ordinal)));
        return isFiltered ? $"buckets <= [1-{bucketCount}]" : $"buckets = [1-{bucketCount}]";
    }

    private static BoundExpression? WhereOf(BoundStatement statement) => statement switch
    {
        BoundQuery { Body: BoundSelect select } => select.Where,
        BoundUpdate update => update.Where,
        BoundDelete delete => delete.Where,
        _ => null,
    };

    private static bool Fixes(BoundExpression condition, TableDef table, int ordinal) =>
        condition is BoundComparison { Operator: ComparisonOperator.Equal, Left: BoundColumn column, Right: BoundConstant or BoundParameter }
        && column.Range.Columns[column.Column].TableOid == table.Oid && column.Column == ordinal;
}
