using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

/// <summary>
/// Turns a bound statement into a physical plan: chooses indexes, join order and algorithms by cost. One object plans one
/// statement; use it once, by one thread.
///
/// How it works: the FROM tree is flattened into units (tables, or things that are planned by themselves) and conditions
/// (conjuncts) over them; left-deep join orders are searched by dynamic programming, or greedily when there are many units;
/// above follow semi-joins, grouping, windows, projection, sorting, limit. Columns are looked up in a <see cref="Layout"/>, which says
/// at which slot of a node's row an expression's value stands; a column found in no layout belongs to an enclosing
/// query and becomes a cell.
/// </summary>
public sealed partial class Planner
{
    private readonly Func<uint, long> estimateRows;
    private readonly Dictionary<BoundRange, int[]> usage = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<BoundRange, BoundExpression[]> substitutions = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<BoundCte, PlannedCte> ctes = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<BoundQuery> planned = new(ReferenceEqualityComparer.Instance);
    private OuterCells? outer;
    private (BoundSubquery Subquery, Layout Layout, SubPlanExpression Plan)? lastSubPlan;
    private int nextCell;
    private int nextCte;

    /// <param name="estimateRows">Rows of a space, roughly (<see cref="Storage.Transaction.EstimateRows"/>); only asked where it can matter.</param>
    public Planner(Func<uint, long> estimateRows) => this.estimateRows = estimateRows;

    /// <summary>The plan of a statement. Columns are those of <see cref="BoundStatement.ResultColumns"/>.</summary>
    public PlanNode Plan(BoundStatement statement) => statement switch
    {
        BoundQuery query => PlanTopQuery(query),
        BoundInsert insert => WithCtes(insert.Ctes, () => PlanInsert(insert)),
        BoundUpdate update => WithCtes(update.Ctes, () => PlanUpdate(update)),
        BoundDelete delete => WithCtes(delete.Ctes, () => PlanDelete(delete)),
        _ => throw new DbException(SqlStates.FeatureNotSupported, "statement cannot be planned"),
    };

    private PlanNode PlanTopQuery(BoundQuery query)
    {
        CollectUsage(query, null);
        return PlanQuery(query, true);
    }

    /// <summary>A WITH item that was planned: scans of it name its id.</summary>
    private sealed record PlannedCte(int Id, IReadOnlyList<PlanColumn> Columns, double Rows);

    private PlanNode WithCtes(IReadOnlyList<BoundCte> list, Func<PlanNode> body)
    {
        if (list.Count == 0)
        {
            return body();
        }

        var tables = new List<CommonTable>();
        foreach (BoundCte cte in list)
        {
            if (PlanCte(cte) is { } table)
            {
                tables.Add(table);
            }
        }

        PlanNode node = body();
        return tables.Count == 0 ? node : new WithNode(tables, node) { Estimate = node.Estimate };
    }

    private CommonTable? PlanCte(BoundCte cte)
    {
        if (cte.Query is not BoundQuery query)
        {
            throw new DbException(SqlStates.FeatureNotSupported, "INSERT, UPDATE and DELETE inside of WITH are not supported");
        }

        if (IsInlined(cte) || cte.References == 0)
        {
            return null;
        }

        int id = nextCte++;
        PlanNode plan = cte.IsRecursive ? PlanRecursive(cte, query) : PlanQuery(query, false);
        ctes[cte] = new PlannedCte(id, plan.Columns, Math.Max(1, plan.Estimate.Rows));
        return new CommonTable(id, cte.Name, plan);
    }

    /// <summary>A WITH item that is read once is planned in its place, unless the user wants it materialised.</summary>
    private static bool IsInlined(BoundCte cte) => cte.References == 1 && !cte.IsRecursive && cte.Materialized != true;

    private RecursiveUnionNode PlanRecursive(BoundCte cte, BoundQuery query)
    {
        var union = (BoundSetOperation)query.Body;
        PlanNode initial = PlanQuery(union.Left, false);
        int id = nextCte++;
        ctes[cte] = new PlannedCte(id, initial.Columns, Math.Max(10, initial.Estimate.Rows));
        PlanNode step = PlanQuery(union.Right, false);
        double rows = initial.Estimate.Rows + (10 * step.Estimate.Rows);
        return new RecursiveUnionNode(id, initial, step, !union.IsAll)
        {
            Estimate = new PlanEstimate(rows, initial.Estimate.Cost + (10 * step.Estimate.Cost)),
        };
    }
}
