using Picodata.Sql.Execution;
using Picodata.Sql.Parsing;
using Picodata.Sql.Plans;

namespace Picodata.Sql;

/// <summary>What EXPLAIN prints besides the plan.</summary>
/// <param name="BucketCount">Buckets of the tier.</param>
/// <param name="OpcodeMax">sql_vdbe_opcode_max in force.</param>
/// <param name="MotionRowMax">sql_motion_row_max in force.</param>
/// <param name="SourceText">Text of the explained statement, for RAW.</param>
public sealed record ExplainSettings(int BucketCount = 3000, long OpcodeMax = 45000, long MotionRowMax = 5000, string SourceText = "");

/// <summary>
/// EXPLAIN's output: one column of text lines. Picodata's facets show what the statement means; ANALYZE and PostgreSQL's
/// options show the physical plan.
/// </summary>
public static class ExplainText
{
    private static readonly string[] Facets = ["logical", "raw", "buckets", "forward", "context", "fmt"];

    /// <summary>True when the physical plan is asked for: ANALYZE or any option of PostgreSQL's, or the facet PHYSICAL.</summary>
    public static bool IsPhysical(ExplainStatement statement) => statement.Facets.Any(f => Array.IndexOf(Facets, f.Name) < 0);

    /// <summary>All lines, without EXPLAIN ANALYZE's times of planning and execution, which the session adds.</summary>
    /// <param name="statement">EXPLAIN with its options.</param>
    /// <param name="bound">The bound statement.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="statistics">What the nodes did, for ANALYZE; else null.</param>
    public static IReadOnlyList<string> Lines(ExplainStatement statement, BoundStatement bound, PlanNode plan, PlanStatistics? statistics, ExplainSettings settings)
    {
        if (IsPhysical(statement))
        {
            bool costs = !statement.Facets.Any(f => f.Name == "costs") || statement.Has("costs");
            return statement.Facets.Any(f => f is { Name: "format", Value: "json" })
                ? PhysicalJson.Lines(plan, costs, statistics)
                : PhysicalText.Lines(plan, costs, statistics);
        }

        bool isBare = !statement.Facets.Any(f => f.Name != "fmt");
        var lines = new List<string>();
        foreach (string facet in isBare ? ["logical", "buckets"] : statement.Facets.Select(f => f.Name).Where(f => f != "fmt"))
        {
            if (lines.Count > 0)
            {
                lines.Add("");
            }

            AddFacet(facet, isBare || statement.Facets.Count(f => f.Name != "fmt") > 1, bound, plan, settings, lines);
        }

        return lines;
    }

    private static void AddFacet(string facet, bool isFramed, BoundStatement bound, PlanNode plan, ExplainSettings settings, List<string> lines)
    {
        if (isFramed)
        {
            string title = facet switch { "logical" => "Logical plan", "raw" => "Raw plan", "buckets" => "Buckets", "forward" => "Forward", _ => "Context" };
            lines.AddRange(["┌" + new string('─', title.Length + 2) + "┐", $"│ {title} │", "└" + new string('─', title.Length + 2) + "┘"]);
        }

        switch (facet)
        {
            case "logical":
                lines.AddRange(LogicalText.Lines(bound));
                break;
            case "buckets":
                lines.Add(BucketText.Of(bound, settings.BucketCount));
                break;
            case "raw":
                string where = bound.Accesses.Any(a => a.Relation is TableDef { Distribution.Kind: DistributionKind.ShardedByColumns }) ? "WHOLE STORAGE" : "ROUTER";
                lines.Add($"1. Query ({where})");
                lines.AddRange(settings.SourceText.Split('\n').Select(l => "   " + l.TrimEnd()).Where(l => l.Length > 3));
                lines.Add("   plan:");
                lines.AddRange(PhysicalText.Lines(plan, false, null).Select(l => "   " + l));
                break;
            case "forward":
                lines.AddRange(["forward analysis (on > ro_to_rw > off):", "  forward = off"]);
                break;
            default:
                lines.AddRange([$"sql_vdbe_opcode_max = {settings.OpcodeMax}", $"sql_motion_row_max = {settings.MotionRowMax}"]);
                break;
        }
    }
}
